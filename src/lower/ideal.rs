//! The seed's mapping from Kubernetes to a network graph, and its ideal FIBs, in one place.
//!
//! Source: the second seed, *Kubernetes Networking as a Network Graph*; the rules marked "ours" are those it leaves open
//! (design.md section 1). Formulas quoted below are the seed's; `addr`, `host`, `open` are read off the cluster.
//! Must never know: explicit changes of a cluster file (`edit`), SMT, how messages are walked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::services;
use crate::base::source::Span;
use crate::model::cluster::{Address, Bind, Cluster, Node, Pod, Process};
use crate::model::entity::EntityId;
use crate::model::inet::{Family, PortSet, Protocol};
use crate::network::fib::{Action, DiscardReason, Fib, FibRule, Match, RuleKind};
use crate::network::graph::{Endpoint, Network, Sources, Switch};

/// The ideal network of a cluster.
pub fn network(cluster: &Cluster) -> Network {
    Network {
        switches: switches(cluster),
        links: links(cluster),
        ..endpoints(cluster)
    }
}

/// Its processes and what they may send from, without switches and links.
pub fn endpoints(cluster: &Cluster) -> Network {
    Network {
        processes: processes(cluster),
        held: held(cluster),
        ..Network::default()
    }
}

/// A network of these switches alone, as they are in the ideal one.
pub fn switches_of(cluster: &Cluster, which: &BTreeSet<EntityId>) -> Network {
    let is_wanted = |id: EntityId| which.contains(&id);
    let pods = cluster.pods.iter().filter(|p| is_wanted(p.id));
    let mut switches: Vec<Switch> = pods.map(|p| Switch::whole(p.id, pod_fib(p))).collect();
    let nodes = cluster.nodes.iter().filter(|n| is_wanted(n.id));
    switches.extend(nodes.map(|n| Switch::whole(n.id, node_fib(cluster, n))));
    let outside = cluster.outside.filter(|id| is_wanted(*id));
    switches.extend(outside.map(|id| Switch::whole(id, outside_fib(cluster))));
    switches.sort_by_key(|s| s.id);
    Network {
        switches,
        ..Network::default()
    }
}

/// *Node* of the seed:
/// `K8s-Pod(P) ∧ K8s-Container(C, P): Process(C)` and `K8s-Daemon(D): Process(D)`. An External is a process behind the
/// outside (ours).
fn processes(cluster: &Cluster) -> Vec<Endpoint> {
    let mut all = Vec::new();
    for pod in &cluster.pods {
        for container in &pod.containers {
            // A pod without an address cannot send anywhere but to itself.
            let sources = Sources::Own(sendable(&pod.addresses));
            all.push(Endpoint {
                id: container.id,
                switch: pod.id,
                socket: pod.id,
                sources,
            });
        }
    }
    for node in &cluster.nodes {
        for daemon in &node.daemons {
            // A node whose address is not known has one all the same (formats.md, Cluster file).
            let sources = if node.addresses.is_empty() {
                Sources::Free
            } else {
                Sources::Own(sendable(&node.addresses))
            };
            all.push(Endpoint {
                id: daemon.id,
                switch: node.id,
                socket: node.id,
                sources,
            });
        }
    }
    if let Some(outside) = cluster.outside {
        for external in &cluster.externals {
            let sources = Sources::Within(external.prefixes.clone());
            all.push(Endpoint {
                id: external.id,
                switch: outside,
                socket: outside,
                sources,
            });
        }
    }
    all.sort_by_key(|p| p.id);
    all
}

/// *Node* of the seed: `K8s-Pod(P): Switch(P)` and, by the errata, `K8s-Node(N): Switch(N)`.
fn switches(cluster: &Cluster) -> Vec<Switch> {
    let mut all = Vec::new();
    let pods = cluster.pods.iter();
    all.extend(pods.map(|pod| Switch::whole(pod.id, pod_fib(pod))));
    let nodes = cluster.nodes.iter();
    all.extend(nodes.map(|node| Switch::whole(node.id, node_fib(cluster, node))));
    let outside = cluster.outside;
    all.extend(outside.map(|id| Switch::whole(id, outside_fib(cluster))));
    all.sort_by_key(|s| s.id);
    all
}

/// *Link* of the seed. Its links go both ways.
pub fn links(cluster: &Cluster) -> BTreeSet<(EntityId, EntityId)> {
    let mut all = BTreeSet::new();
    let mut link = |x: EntityId, y: EntityId| {
        all.insert((x, y));
        all.insert((y, x));
    };
    for pod in &cluster.pods {
        // K8s-Pod(P) ∧ K8s-Container(C, P): link(C, P)
        pod.containers
            .iter()
            .for_each(|container| link(container.id, pod.id));
        // K8s-Node(N) ∧ K8s-Pod(P): host(N, P) ⟹ link(P, N)
        link(pod.id, pod.node);
    }
    for node in &cluster.nodes {
        // K8s-Node(N) ∧ K8s-Daemon(D): host(N, D) ⟹ link(D, N)
        node.daemons
            .iter()
            .for_each(|daemon| link(daemon.id, node.id));
        // K8s-Node(N₁) ∧ K8s-Node(N₂): N₁ ≠ N₂ ⟹ link(N₁, N₂)
        cluster
            .nodes
            .iter()
            .filter(|other| other.id != node.id)
            .for_each(|other| link(node.id, other.id));
    }
    if let Some(outside) = cluster.outside {
        // Ours: the outside hangs on the nodes, the externals on the outside.
        cluster.nodes.iter().for_each(|node| link(outside, node.id));
        cluster
            .externals
            .iter()
            .for_each(|external| link(external.id, outside));
    }
    all
}

/// *In the forwarding information base of Pod Switch*.
fn pod_fib(pod: &Pod) -> Fib {
    let mut fib = own_rules(&pod.containers, &pod.addresses, pod.origin);
    // 3. Local Forwarding Rule. host(N, P): [* * * * → Forward(N)] in FIB[P]
    fib.push(FibRule {
        state: None,
        text: None,
        why: None,
        matches: Match::default(),
        action: Action::Forward(pod.node),
        kind: RuleKind::PodToNode,
        origin: pod.origin,
    });
    fib
}

/// *In the forwarding information base of the node Switch*.
fn node_fib(cluster: &Cluster, node: &Node) -> Fib {
    // Ours: ports of nodes, external addresses; translated whoever has the address.
    let mut fib = services::outward(cluster, node);
    // Ours: localhost and own addresses, as in a pod.
    fib.extend(own_rules(&node.daemons, &node.addresses, node.origin));
    // Ours: [* * va vp → Translate(endpoint)] for each Service
    fib.extend(services::cluster_addresses(cluster, node));
    let mut forward = |address: &Address, next: EntityId, kind: RuleKind| {
        fib.push(FibRule {
            state: None,
            text: None,
            why: None,
            matches: Match {
                to: Some(IpNet::from(address.ip)),
                ..Match::default()
            },
            action: Action::Forward(next),
            kind,
            origin: address.origin,
        });
    };
    // 1. Node to Pod Forwarding Rule. host(N, P) ∧ addr(P, a): [* * a * → Forward(P)] in FIB[N]
    for pod in cluster.pods.iter().filter(|pod| pod.node == node.id) {
        pod.addresses
            .iter()
            .for_each(|a| forward(a, pod.id, RuleKind::NodeToPod));
    }
    // 2. Node to Node Forwarding Rule. N₁ ≠ N₂ ∧ host(N₂, P) ∧ addr(P, a): [* * a * → Forward(N₂)] in FIB[N₁]
    for pod in cluster.pods.iter().filter(|pod| pod.node != node.id) {
        pod.addresses
            .iter()
            .for_each(|a| forward(a, pod.node, RuleKind::NodeToNodeOfPod));
    }
    // Ours: [* * a * → Forward(N')] for N' ≠ N, addr(N', a)
    for other in cluster.nodes.iter().filter(|other| other.id != node.id) {
        other
            .addresses
            .iter()
            .for_each(|a| forward(a, other.id, RuleKind::NodeToNode));
    }
    // Ours: [* * * * → Forward(outside)] where there is an outside
    if let Some(outside) = cluster.outside {
        fib.push(FibRule {
            state: None,
            text: None,
            why: None,
            matches: Match::default(),
            action: Action::Forward(outside),
            kind: RuleKind::NodeToOutside,
            origin: node.origin,
        });
    }
    fib
}

/// What a namespace does with messages to itself.
///
/// 1. *Delivery on localhost*. `open(C, p): [* * 127.0.0.1 p → Deliver(C)] in FIB[P]`
/// 2. *Delivery on Pod Address*. `addr(P, a) ∧ open(C, p): [* * a p → Deliver(C)] in FIB[P]`
///
/// Each followed by `[* * … * → Discard(closed-port)]` (ours): without it a closed port of a pod's own address loops
/// between pod and node, and a closed localhost port leaks to the node. Nodes are treated alike (ours).
fn own_rules(processes: &[Process], addresses: &[Address], origin: Span) -> Fib {
    let mut fib = Fib::new();
    for family in [Family::V4, Family::V6] {
        deliver_open(
            &mut fib,
            processes,
            family.loopback(),
            RuleKind::DeliverLocalhost,
        );
        deliver_elsewhere(&mut fib, processes, family);
        fib.push(closed(
            family.loopback_net(),
            RuleKind::ClosedLocalhost,
            origin,
        ));
    }
    for address in addresses {
        deliver_open(&mut fib, processes, address.ip, RuleKind::DeliverOwnAddress);
        fib.push(closed(
            IpNet::from(address.ip),
            RuleKind::ClosedOwnAddress,
            address.origin,
        ));
    }
    fib
}

/// Listeners that are bound to a loopback address beside the seed's one, such as 127.0.0.5 (ours).
fn deliver_elsewhere(fib: &mut Fib, processes: &[Process], family: Family) {
    let bound = processes
        .iter()
        .flat_map(|p| &p.open)
        .filter_map(|l| match l.bind {
            Bind::Address(ip) if family.loopback_net().contains(&ip) && ip != family.loopback() => {
                Some(ip)
            }
            _ => None,
        });
    for address in bound.collect::<BTreeSet<IpAddr>>() {
        deliver_open(fib, processes, address, RuleKind::DeliverLocalhost);
    }
}

/// `[* * a p → Deliver(X)]` for every process X that listens on port p of a.
fn deliver_open(fib: &mut Fib, processes: &[Process], address: IpAddr, kind: RuleKind) {
    for process in processes {
        let mut done: BTreeSet<(u16, Protocol)> = BTreeSet::new();
        for listener in process.open.iter().filter(|l| l.bind.covers(address)) {
            if done.insert((listener.port, listener.protocol)) {
                fib.push(FibRule {
                    state: None,
                    text: None,
                    why: None,
                    matches: Match {
                        to: Some(IpNet::from(address)),
                        to_ports: Some(PortSet::one(listener.port)),
                        protocol: Some(listener.protocol),
                        ..Match::default()
                    },
                    action: Action::Deliver(process.id),
                    kind,
                    origin: listener.origin,
                });
            }
        }
    }
}

/// `[* * a * → Discard(closed-port)]`.
fn closed(to: IpNet, kind: RuleKind, origin: Span) -> FibRule {
    FibRule {
        state: None,
        text: None,
        why: None,
        matches: Match {
            to: Some(to),
            ..Match::default()
        },
        action: Action::Discard(DiscardReason::ClosedPort),
        kind,
        origin,
    }
}

/// Ours: the outside knows the way to every pod and node, and holds the externals; the longest prefix comes first.
fn outside_fib(cluster: &Cluster) -> Fib {
    let mut fib = Fib::new();
    // What is dialled from outside arrives at a node that serves it. Of these addresses nothing but the ports of the
    // Service is known.
    for service in &cluster.services {
        fib.extend(services::from_outside(cluster, service));
    }
    let mut rule = |to: IpNet, action: Action, origin: Span| {
        let matches = Match {
            to: Some(to),
            ..Match::default()
        };
        fib.push(FibRule {
            state: None,
            text: None,
            why: None,
            matches,
            action,
            kind: RuleKind::Outside,
            origin,
        });
    };
    for node in &cluster.nodes {
        node.addresses
            .iter()
            .for_each(|a| rule(IpNet::from(a.ip), Action::Forward(node.id), a.origin));
    }
    for pod in &cluster.pods {
        pod.addresses
            .iter()
            .for_each(|a| rule(IpNet::from(a.ip), Action::Forward(pod.node), a.origin));
    }
    // A service address is one of the cluster: outside nobody knows it, whatever prefix an external has.
    for service in &cluster.services {
        let discard = || Action::Discard(DiscardReason::NoRoute);
        service
            .addresses
            .iter()
            .chain(&service.external_addresses)
            .for_each(|a| rule(IpNet::from(a.ip), discard(), a.origin));
    }
    let mut prefixes: Vec<_> = cluster
        .externals
        .iter()
        .flat_map(|x| x.prefixes.iter().map(move |p| (*p, x.id, x.origin)))
        .collect();
    prefixes.sort_by_key(|(prefix, id, _)| (std::cmp::Reverse(prefix.prefix_len()), *prefix, *id));
    for (prefix, external, origin) in prefixes {
        rule(prefix, Action::Deliver(external), origin);
    }
    fib
}

/// What a process can send from: nobody sends from loopback to anywhere else.
fn sendable(addresses: &[Address]) -> Vec<IpAddr> {
    addresses
        .iter()
        .map(|a| a.ip)
        .filter(|ip| !Family::of(*ip).loopback_net().contains(ip))
        .collect()
}

/// Every address that a pod, node or service holds.
pub(super) fn held(cluster: &Cluster) -> Vec<IpAddr> {
    let pods = cluster.pods.iter().flat_map(|p| &p.addresses);
    let nodes = cluster.nodes.iter().flat_map(|n| &n.addresses);
    let services = cluster.services.iter();
    let services = services.flat_map(|s| s.addresses.iter().chain(&s.external_addresses));
    let all: BTreeSet<IpAddr> = pods.chain(nodes).chain(services).map(|a| a.ip).collect();
    all.into_iter().collect()
}
