//! A part where every policy is stood for by two: each pod has a twin that nothing but its own node reaches, and that
//! reaches nothing else; where policies of the whole cluster may deny the node too, nothing at all.
//!
//! On a network without explicit changes a gate is asked at most once on a message's way, and all that can come of it is
//! that the message passes or dies there. So whatever policies say of a pair of pods, the pair fares as one of: both as
//! without policies; the sender's twin; the receiver's twin. What holds of all of them holds under the policies at hand
//! (docs/modular.md).
//!
//! Must never know: classes, formulas, the solver.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::source::Span;
use crate::model::cluster::{Address, Cluster, Node, Pod, Process};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::{Family, IpNet};
use crate::model::policy::{
    ClusterPolicy, NetworkPolicy, Operator, Peer, Policies, PolicyAction, Requirement, Selector,
    Settings, Tier, TierRule,
};
use crate::model::service::{Service, ServiceEndpoint};

/// The label of twins; no pod has it, since a `~` is none of a key's characters.
const LABEL: &str = "~isolated";

/// Whether the policies of a cluster can be stood for.
pub(super) fn apply(cluster: &Cluster, settings: Settings, special: &BTreeSet<EntityId>) -> bool {
    // Hosts outside, and the node that takes what nobody serves, are special and have no twins.
    let first = cluster.nodes.first().filter(|_| cluster.outside.is_some());
    let outside: BTreeSet<EntityId> = (cluster.externals.iter().map(|x| x.id))
        .chain(first.map(|n| n.id))
        .collect();
    !cluster.policies.is_empty()
        && (cluster.host_pods.is_empty() || !settings.host_network_as_pod)
        && special.iter().all(|id| outside.contains(id))
        && cluster.fibs.is_empty()
        && cluster.tables.is_empty()
        && cluster.links_added.is_empty()
        && cluster.links_removed.is_empty()
        && cluster.pods.iter().all(|p| !p.labels.contains_key(LABEL))
}

/// Whether some pod listens where it is dialled: a pod to itself is never forbidden.
pub(super) fn own_pod_premise(cluster: &Cluster) -> bool {
    cluster.pods.iter().any(|pod| listens(pod, |_| true))
}

/// Whether what a pod may send to another node can be led on from there to a pod, from the same source: then the policies
/// of the sender are asked about one address, and what they allow is judged by another, which no twin stands for.
pub(super) fn is_led_on(cluster: &Cluster) -> bool {
    let hosted = cluster.pods.iter().any(|p| !p.host_ports.is_empty());
    let mut services = cluster.services.iter().filter(|s| s.external_local);
    hosted || services.any(|s| s.ports.iter().any(|p| p.node_port.is_some()))
}

/// Whether a pod listens at an address of one of these families.
fn listens(pod: &Pod, family: impl Fn(Family) -> bool) -> bool {
    let mut open = pod.containers.iter().flat_map(|c| &c.open);
    open.any(|l| {
        let mut own = pod.addresses.iter().map(|a| a.ip);
        own.any(|ip| l.bind.covers(ip) && family(Family::of(ip)))
    })
}

/// Whether some process of a node can reach a pod of its own node, which no policy forbids: it sends from an address of the
/// node.
pub(super) fn own_node_premise(cluster: &Cluster) -> bool {
    let nodes = cluster.nodes.iter().filter(|n| !n.daemons.is_empty());
    let sends = |n: &Node| n.addresses.iter().map(|a| Family::of(a.ip)).collect();
    let from: BTreeMap<EntityId, Vec<Family>> = nodes.map(|n| (n.id, sends(n))).collect();
    cluster.pods.iter().any(|pod| {
        let families = from.get(&pod.node);
        families.is_some_and(|all| listens(pod, |family| all.contains(&family)))
    })
}

/// The cluster with a twin for each of its pods, under policies of their own; none where there are no addresses for them.
pub(super) fn with_twins(cluster: &Cluster) -> Option<Cluster> {
    let count = cluster.names.len();
    let mut names: Vec<(FullName, u32)> = cluster.names.iter().cloned().zip(0..).collect();
    let mut next = count as u32;
    let mut free = Free::new(cluster);
    let mut twin_of: BTreeMap<EntityId, Pod> = BTreeMap::new();
    for pod in &cluster.pods {
        let mut fresh = |id: EntityId| {
            let mut name = cluster.name_of(id).clone();
            if let Some(part) = name.parts.get_mut(1) {
                part.push('~');
            }
            names.push((name, next));
            next += 1;
            EntityId(next - 1)
        };
        let mut twin = pod.clone();
        twin.id = fresh(pod.id);
        for container in &mut twin.containers {
            container.id = fresh(container.id);
        }
        twin.labels.insert(LABEL.to_owned(), String::new());
        for address in &mut twin.addresses {
            address.ip = free.next(address.ip)?;
        }
        for port in &mut twin.host_ports {
            port.host_port = free.next_port()?;
        }
        // A listener at one address of its own is at the same one of the twin's.
        for listener in twin.containers.iter_mut().flat_map(|c| &mut c.open) {
            if let crate::model::cluster::Bind::Address(ip) = listener.bind
                && let Some(at) = pod.addresses.iter().position(|a| a.ip == ip)
            {
                listener.bind = crate::model::cluster::Bind::Address(twin.addresses[at].ip);
            }
        }
        twin_of.insert(pod.id, twin);
    }
    names.sort();
    let mut own = vec![EntityId(0); names.len()];
    for (new, (_, old)) in (0..).zip(&names) {
        own[*old as usize] = EntityId(new);
    }
    let own = |id: EntityId| own[id.index()];
    let mut pods: Vec<Pod> = cluster
        .pods
        .iter()
        .chain(twin_of.values())
        .cloned()
        .collect();
    for pod in &mut pods {
        pod.id = own(pod.id);
        pod.node = own(pod.node);
        processes(&mut pod.containers, own);
    }
    pods.sort_by_key(|p| p.id);
    let mut nodes = cluster.nodes.clone();
    for node in &mut nodes {
        node.id = own(node.id);
        processes(&mut node.daemons, own);
    }
    let mut externals = cluster.externals.clone();
    for external in &mut externals {
        external.id = own(external.id);
    }
    let mut services = cluster.services.clone();
    for service in &mut services {
        twin_endpoints(service, cluster, &twin_of);
        renumber(service, own);
    }
    let policies = if cluster.policies.cluster.is_empty() {
        isolating(cluster)
    } else {
        denying(cluster.origin)
    };
    Some(Cluster {
        names: names.into_iter().map(|(name, _)| name).collect(),
        pods,
        nodes,
        services,
        externals,
        host_pods: Vec::new(),
        policies,
        outside: cluster.outside.map(own),
        ..cluster.clone()
    })
}

/// NetworkPolicies that leave twins alone with their node and themselves.
fn isolating(cluster: &Cluster) -> Policies {
    let namespaces: BTreeSet<&String> = cluster
        .names
        .iter()
        .filter(|n| n.kind == EntityKind::Pod)
        .filter_map(|n| n.parts.first())
        .collect();
    let policies = namespaces.into_iter().map(|namespace| NetworkPolicy {
        namespace: namespace.clone(),
        name: "isolated".to_owned(),
        subject: twins(cluster.origin),
        ingress: Some(Vec::new()),
        egress: Some(Vec::new()),
        origin: cluster.origin,
    });
    Policies {
        network: policies.collect(),
        cluster: Vec::new(),
    }
}

/// A policy of a whole cluster that leaves twins alone: it may forbid what NetworkPolicies cannot, a pod's own node.
fn denying(origin: Span) -> Policies {
    let everybody = || TierRule {
        name: None,
        action: PolicyAction::Deny,
        // Whom it means nobody knows, so that everybody is denied.
        peers: vec![Peer::FailsClosed {
            names: Vec::new(),
            origin,
        }],
        ports: None,
        origin,
    };
    let all = Selector {
        requirements: Vec::new(),
        origin,
    };
    let policy = ClusterPolicy {
        kind: "ClusterNetworkPolicy",
        name: "isolated".to_owned(),
        tier: Tier::Admin,
        priority: 0,
        subject: Peer::Pods {
            namespaces: Some(all),
            pods: twins(origin),
            origin,
        },
        ingress: vec![everybody()],
        egress: vec![everybody()],
        origin,
    };
    Policies {
        network: Vec::new(),
        cluster: vec![policy],
    }
}

/// All twins.
fn twins(origin: Span) -> Selector {
    Selector {
        requirements: vec![Requirement {
            key: LABEL.to_owned(),
            operator: Operator::Exists,
        }],
        origin,
    }
}

fn processes(all: &mut [Process], own: impl Fn(EntityId) -> EntityId) {
    for process in all {
        process.id = own(process.id);
    }
}

/// Where a pod is behind a Service, its twin is too.
fn twin_endpoints(service: &mut Service, cluster: &Cluster, twin_of: &BTreeMap<EntityId, Pod>) {
    for port in &mut service.ports {
        let twins = port.endpoints.iter().filter_map(|e| {
            let twin = twin_of.get(&e.entity?)?;
            let at = cluster
                .pods
                .binary_search_by_key(&e.entity?, |p| p.id)
                .ok()?;
            let index = cluster.pods[at]
                .addresses
                .iter()
                .position(|a| a.ip == e.address)?;
            Some(ServiceEndpoint {
                entity: Some(twin.id),
                address: twin.addresses[index].ip,
                ..e.clone()
            })
        });
        let twins: Vec<ServiceEndpoint> = twins.collect();
        port.endpoints.extend(twins);
    }
    let selected = service.selected.clone();
    for one in selected {
        let Some(twin) = twin_of.get(&one.entity) else {
            continue;
        };
        let Ok(at) = cluster.pods.binary_search_by_key(&one.entity, |p| p.id) else {
            continue;
        };
        let own = &cluster.pods[at].addresses;
        let Some(index) = own.iter().position(|a| a.ip == one.address) else {
            continue;
        };
        let address = twin.addresses[index].ip;
        if service.listed.iter().any(|a| a.ip == one.address) {
            service.listed.push(Address {
                ip: address,
                origin: one.origin,
            });
        }
        service.selected.push(crate::model::service::Selected {
            entity: twin.id,
            address,
            origin: one.origin,
        });
    }
    service.listed.sort_by_key(|a| a.ip);
}

fn renumber(service: &mut Service, own: impl Fn(EntityId) -> EntityId) {
    service.id = own(service.id);
    for endpoint in service.ports.iter_mut().flat_map(|p| &mut p.endpoints) {
        endpoint.entity = endpoint.entity.map(&own);
        endpoint.node = endpoint.node.map(&own);
    }
    for selected in &mut service.selected {
        selected.entity = own(selected.entity);
    }
}

/// So many bits at least tell the addresses of a prefix apart of which one may be taken.
const WIDE: u8 = 16;

const MOST_TRIED: usize = 1 << 12;

/// Addresses for benchmarks, which nobody holds; ports that nobody uses.
struct Free {
    held: BTreeSet<IpAddr>,
    /// Those of hosts outside, and those that load balancers are open to.
    nets: Vec<IpNet>,
    ports: BTreeSet<u16>,
    v4: u32,
    v6: u128,
}

impl Free {
    fn new(cluster: &Cluster) -> Self {
        let pods = cluster.pods.iter().flat_map(|p| &p.addresses);
        let nodes = cluster.nodes.iter().flat_map(|n| &n.addresses);
        let services = cluster.services.iter();
        let services = services.flat_map(|s| s.addresses.iter().chain(&s.external_addresses));
        let ports = cluster.services.iter().flat_map(|s| &s.ports);
        let endpoints = ports.flat_map(|p| &p.endpoints).map(|e| e.address);
        let held = pods.chain(nodes).chain(services).map(|a| a.ip);
        let services = || cluster.services.iter();
        let sources = services().flat_map(|s| s.balancer_sources.iter().flatten());
        let outside = cluster.externals.iter().flat_map(|e| &e.prefixes);
        let containers = cluster.pods.iter().flat_map(|p| &p.containers);
        let daemons = cluster.nodes.iter().flat_map(|n| &n.daemons);
        let open = containers.chain(daemons).flat_map(|p| &p.open);
        let hosted = cluster.pods.iter().flat_map(|p| &p.host_ports);
        let offered = services().flat_map(|s| &s.ports);
        let offered = offered.flat_map(|p| {
            let endpoints = p.endpoints.iter().map(|e| e.port);
            [Some(p.port), p.node_port]
                .into_iter()
                .flatten()
                .chain(endpoints)
        });
        let used = open.map(|l| l.port).chain(hosted.map(|p| p.host_port));
        Self {
            held: held.chain(endpoints).collect(),
            nets: outside.chain(sources).copied().collect(),
            ports: used.chain(offered).collect(),
            v4: u32::from(Ipv4Addr::new(198, 18, 0, 0)),
            v6: u128::from(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0)),
        }
    }

    fn next_port(&mut self) -> Option<u16> {
        let free = (20_000..u16::MAX).find(|port| !self.ports.contains(port))?;
        self.ports.insert(free);
        Some(free)
    }

    /// One of the family of this address, in the same prefixes. Of each of these most is left.
    fn next(&mut self, like: IpAddr) -> Option<IpAddr> {
        for _ in 0..MOST_TRIED {
            let ip = if like.is_ipv4() {
                self.v4 += 1;
                IpAddr::V4(Ipv4Addr::from(self.v4))
            } else {
                self.v6 += 1;
                IpAddr::V6(Ipv6Addr::from(self.v6))
            };
            let alike = self.nets.iter().all(|net| {
                let wide = net.max_prefix_len() - net.prefix_len() >= WIDE;
                net.contains(&ip) == net.contains(&like) && (wide || !net.contains(&ip))
            });
            if alike && self.held.insert(ip) {
                return Some(ip);
            }
        }
        None
    }
}
