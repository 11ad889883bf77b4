//! What nodes do with messages to Services and to ports of nodes.
//!
//! Source: kubernetes.io, *Virtual IPs and Service Proxies*; kube-proxy; the CNI plugin *portmap*. The rule of the client's
//! node decides, before routing, and the answer is translated back there (design.md section 1).
//! Must never know: how the node routes, SMT, how messages are walked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::balance::{everywhere, families, on_node, under};
use crate::base::source::Span;
use crate::model::cluster::{Address, Cluster, Node, Pod};
use crate::model::entity::EntityId;
use crate::model::inet::{Family, PortSet, Protocol};
use crate::model::service::{Readiness, Service, ServiceEndpoint, ServicePort};
use crate::network::fib::{Action, DiscardReason, Fib, FibRule, Match, Rewrite, RuleKind};

/// `[* * va vp → Translate(endpoint)]` for the cluster addresses of each Service.
pub(super) fn cluster_addresses(cluster: &Cluster, node: &Node) -> Fib {
    let mut fib = Fib::new();
    for service in &cluster.services {
        for address in &service.addresses {
            for port in &service.ports {
                fib.push(cluster_address(service, node, address.ip, port));
            }
        }
    }
    fib
}

/// One rewrite for each endpoint of the address's family that is the node's to choose. A pod that meets itself is given
/// the node's address as its source, else its answer would never come back this way.
fn cluster_address(service: &Service, node: &Node, va: IpAddr, port: &ServicePort) -> FibRule {
    let family = Family::of(va);
    let endpoints = under(service.internal_local, port, family, node.id);
    let hairpin_source = own_address(node, family);
    let rewrites = endpoints.iter().map(|e| Rewrite {
        hairpin_source,
        ..to_endpoint(e)
    });
    let action = choose(rewrites.collect(), port, family);
    Dialled::of(va, port.port, port).rule(None, action, RuleKind::Service)
}

/// What is dialled from outside and from inside alike: ports of nodes, external addresses, addresses of load balancers,
/// ports of a node that lead to one of its pods. All of it goes before the node's own addresses: a translation comes
/// before the question of who listens.
pub(super) fn outward(cluster: &Cluster, node: &Node) -> Fib {
    let mut fib = Fib::new();
    let local: Vec<IpAddr> = clients(cluster, node).collect();
    for service in &cluster.services {
        for port in &service.ports {
            for family in families(service) {
                let of_family = |ip: &IpAddr| Family::of(*ip) == family;
                let mut rules = External {
                    service,
                    port,
                    node,
                    family,
                    local: &local,
                    fib: &mut fib,
                };
                let own = node.addresses.iter().map(|a| a.ip);
                for (ip, number) in own.filter(of_family).zip(std::iter::repeat(port.node_port)) {
                    if let Some(number) = number {
                        let dialled = Dialled::of(ip, number, port);
                        rules.push(&dialled, None, RuleKind::NodePort);
                    }
                }
                let external = service.external_addresses.iter().map(|a| a.ip);
                for ip in external.filter(of_family) {
                    let dialled = Dialled::of(ip, port.port, port);
                    let guarded = service.balancer.contains(&ip);
                    let sources = service.balancer_sources.as_deref().filter(|_| guarded);
                    rules.push(&dialled, sources, RuleKind::ExternalService);
                }
            }
        }
    }
    for pod in cluster.pods.iter().filter(|p| p.node == node.id) {
        host_ports(node, pod, &local, &mut fib);
    }
    fib
}

/// What nodes translate beside cluster addresses: ports of nodes, ports of pods on their nodes, addresses outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entrances {
    /// Addresses of nodes, and addresses outside, that stand for a Service or a pod on some port.
    pub dialled: BTreeSet<IpAddr>,
    /// Where those lead.
    pub targets: BTreeSet<IpAddr>,
}

/// The same as all those rules say, without making them. Where a Service keeps to a node, perhaps more.
pub(super) fn entrances(cluster: &Cluster) -> Entrances {
    let mut all = Entrances::default();
    let nodes = || cluster.nodes.iter().flat_map(|n| &n.addresses);
    for service in &cluster.services {
        let external = || service.external_addresses.iter();
        for port in &service.ports {
            for family in families(service) {
                let of_family = |a: &&Address| Family::of(a.ip) == family;
                let own = nodes().filter(|_| port.node_port.is_some());
                let own: Vec<IpAddr> = own.filter(of_family).map(|a| a.ip).collect();
                let external = external().filter(|_| !cluster.nodes.is_empty());
                let external: Vec<IpAddr> = external.filter(of_family).map(|a| a.ip).collect();
                let is_open = |ip: &IpAddr| {
                    let guards = service.balancer_sources.iter();
                    let mut guards = guards.filter(|_| service.balancer.contains(ip));
                    guards.all(|nets| nets.iter().any(|n| Family::of(n.addr()) == family))
                };
                if !own.is_empty() || external.iter().any(is_open) {
                    all.targets
                        .extend(chosen_from_outside(service, port, family));
                }
                all.dialled.extend(own.into_iter().chain(external));
            }
        }
    }
    for pod in cluster.pods.iter().filter(|p| !p.host_ports.is_empty()) {
        let node = cluster.nodes.iter().find(|n| n.id == pod.node);
        for port in &pod.host_ports {
            let own = node.into_iter().flat_map(|n| &n.addresses).map(|a| a.ip);
            for to in own.filter(|ip| is_bound(port.host_ip, *ip)) {
                let mut targets = pod.addresses.iter().map(|a| a.ip);
                let target = targets.find(|ip| Family::of(*ip) == Family::of(to));
                all.dialled.extend(target.map(|_| to));
                all.targets.extend(target);
            }
        }
    }
    all
}

/// The endpoints that some node chooses from for what comes from outside, or for its own clients.
fn chosen_from_outside(service: &Service, port: &ServicePort, family: Family) -> BTreeSet<IpAddr> {
    let everywhere = everywhere(port, family).into_iter().map(|e| e.address);
    let mut all: BTreeSet<IpAddr> = everywhere.collect();
    if service.external_local {
        let own = port.endpoints.iter();
        let own = own.filter(|e| Family::of(e.address) == family && e.node.is_some());
        let of = |readiness| own.clone().filter(move |e| e.readiness == readiness);
        let serving: BTreeSet<_> = of(Readiness::Ready).map(|e| e.node).collect();
        all.extend(of(Readiness::Ready).map(|e| e.address));
        let last = of(Readiness::Terminating).filter(|e| !serving.contains(&e.node));
        all.extend(last.map(|e| e.address));
    }
    all
}

/// Whether a port of a node is one at this address of it.
fn is_bound(host: Option<IpAddr>, own: IpAddr) -> bool {
    host.is_none_or(|host| host.is_unspecified() || host == own)
}

/// The rules of the outside that hand what is sent to an external address of a Service to a node that serves it. Which
/// of several takes it is the load balancer's choice, or the routers'. Where none serves it, the first one drops it.
pub(super) fn from_outside(cluster: &Cluster, service: &Service) -> Fib {
    let mut fib = Fib::new();
    if service.external_addresses.is_empty() {
        return fib;
    }
    for port in &service.ports {
        for family in families(service) {
            let serving = serving(cluster, service, port, family);
            let action = match serving.as_slice() {
                [] => continue,
                [one] => Action::Forward(*one),
                _ => Action::Choose(serving),
            };
            let external = service.external_addresses.iter().map(|a| a.ip);
            // An external address may be one that a node has: then that node takes it.
            let of_nobody = |ip: &IpAddr| {
                let mut all = cluster.nodes.iter().flat_map(|n| &n.addresses);
                Family::of(*ip) == family && !all.any(|a| a.ip == *ip)
            };
            for ip in external.filter(of_nobody) {
                let dialled = Dialled::of(ip, port.port, port);
                fib.push(dialled.rule(None, action.clone(), RuleKind::Outside));
            }
        }
    }
    fib
}

/// The nodes that have an endpoint to send to; the first of all where none has. None in a cluster without nodes.
fn serving(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    family: Family,
) -> Vec<EntityId> {
    let nodes = cluster.nodes.iter().map(|n| n.id);
    let mut all: Vec<EntityId> = if service.external_local {
        let here = port
            .endpoints
            .iter()
            .filter(|e| Family::of(e.address) == family);
        let candidates: BTreeSet<EntityId> = here.filter_map(|e| e.node).collect();
        let serves =
            |id: &EntityId| candidates.contains(id) && !on_node(port, family, *id).is_empty();
        nodes.filter(serves).collect()
    } else if everywhere(port, family).is_empty() {
        Vec::new()
    } else {
        nodes.collect()
    };
    if all.is_empty() {
        all.extend(cluster.nodes.first().map(|n| n.id));
    }
    all
}

/// The clients of a node: its pods, and itself.
fn clients<'c>(cluster: &'c Cluster, node: &'c Node) -> impl Iterator<Item = IpAddr> + 'c {
    let pods = cluster.pods.iter().filter(|p| p.node == node.id);
    let pods = pods.flat_map(|p| &p.addresses).map(|a| a.ip);
    pods.chain(node.addresses.iter().map(|a| a.ip))
}

/// An address and port, with what the rules about it are called after.
struct Dialled {
    to: IpAddr,
    port: u16,
    protocol: Protocol,
    origin: Span,
}

impl Dialled {
    fn of(to: IpAddr, number: u16, port: &ServicePort) -> Self {
        Self {
            to,
            port: number,
            protocol: port.protocol,
            origin: port.origin,
        }
    }

    fn rule(&self, from: Option<IpNet>, action: Action, kind: RuleKind) -> FibRule {
        FibRule {
            state: None,
            text: None,
            why: None,
            matches: Match {
                from,
                to: Some(IpNet::from(self.to)),
                to_ports: Some(PortSet::one(self.port)),
                protocol: Some(self.protocol),
                ..Match::default()
            },
            action,
            kind,
            origin: self.origin,
        }
    }
}

/// The rules of one port of a Service at one node, for one family.
struct External<'c, 'f> {
    service: &'c Service,
    port: &'c ServicePort,
    node: &'c Node,
    family: Family,
    local: &'c [IpAddr],
    fib: &'f mut Fib,
}

impl External<'_, '_> {
    /// `externalTrafficPolicy: Cluster`: any endpoint, and the node's address as the source. `Local`: an endpoint of this
    /// node, and the source stays; clients of this node are not held to that, since a message from them does not come
    /// from outside.
    fn push(&mut self, dialled: &Dialled, sources: Option<&[IpNet]>, kind: RuleKind) {
        let own = own_address(self.node, self.family);
        let local = self.service.external_local;
        let endpoints = under(local, self.port, self.family, self.node.id);
        if local {
            let all = everywhere(self.port, self.family);
            if all != endpoints {
                for client in self.local {
                    if Family::of(*client) == self.family
                        && sources.is_none_or(|nets| nets.iter().any(|n| n.contains(client)))
                    {
                        let rewrites = all.iter().map(|e| Rewrite {
                            hairpin_source: own,
                            ..to_endpoint(e)
                        });
                        let action = choose(rewrites.collect(), self.port, self.family);
                        let rule = dialled.rule(Some(IpNet::from(*client)), action, kind);
                        self.fib.push(rule);
                    }
                }
            }
        }
        let rewrites = endpoints.iter().map(|e| Rewrite {
            source: own.filter(|_| !local),
            hairpin_source: own.filter(|_| local),
            ..to_endpoint(e)
        });
        let action = choose(rewrites.collect(), self.port, self.family);
        let Some(sources) = sources else {
            self.fib.push(dialled.rule(None, action, kind));
            return;
        };
        for net in sources
            .iter()
            .filter(|n| Family::of(n.addr()) == self.family)
        {
            let rule = dialled.rule(Some(*net), action.clone(), kind);
            self.fib.push(rule);
        }
        let others = Action::Discard(DiscardReason::Rule("loadBalancerSourceRanges".to_owned()));
        self.fib.push(dialled.rule(None, others, kind));
    }
}

/// `hostPort`: the pod's node alone answers, at its addresses. Other pods of the node are given its address as their
/// source, else the pod would answer them straight.
fn host_ports(node: &Node, pod: &Pod, local: &[IpAddr], fib: &mut Fib) {
    for port in &pod.host_ports {
        let own = node.addresses.iter().map(|a| a.ip);
        for to in own.filter(|ip| is_bound(port.host_ip, *ip)) {
            let family = Family::of(to);
            let mut targets = pod.addresses.iter().map(|a| a.ip);
            let Some(target) = targets.find(|ip| Family::of(*ip) == family) else {
                continue;
            };
            let dialled = Dialled {
                to,
                port: port.host_port,
                protocol: port.protocol,
                origin: port.origin,
            };
            let rewrite = |source| Rewrite {
                source,
                source_port: None,
                destination: Some(target),
                destination_port: Some(port.port),
                hairpin_source: None,
                target: Some(pod.id),
            };
            for client in local.iter().filter(|ip| Family::of(**ip) == family) {
                let own = own_address(node, family).filter(|own| own != client);
                if own.is_some() {
                    let action = Action::Translate(vec![rewrite(own)]);
                    fib.push(dialled.rule(Some(IpNet::from(*client)), action, RuleKind::HostPort));
                }
            }
            let action = Action::Translate(vec![rewrite(None)]);
            fib.push(dialled.rule(None, action, RuleKind::HostPort));
        }
    }
}

fn to_endpoint(endpoint: &ServiceEndpoint) -> Rewrite {
    Rewrite {
        source: None,
        source_port: None,
        destination: Some(endpoint.address),
        destination_port: Some(endpoint.port),
        hairpin_source: None,
        target: endpoint.entity,
    }
}

/// The address that a node gives to what it sends on in its own name: its first one of the family.
fn own_address(node: &Node, family: Family) -> Option<IpAddr> {
    let mut own = node.addresses.iter().map(|a| a.ip);
    own.find(|&a| Family::of(a) == family)
}

/// One of the endpoints. None at all is refused at once; none for this node alone is dropped without a word.
fn choose(rewrites: Vec<Rewrite>, port: &ServicePort, family: Family) -> Action {
    if !rewrites.is_empty() {
        Action::Translate(rewrites)
    } else if everywhere(port, family).is_empty() {
        Action::Discard(DiscardReason::NoEndpoint)
    } else {
        Action::Discard(DiscardReason::NoLocalEndpoint)
    }
}
