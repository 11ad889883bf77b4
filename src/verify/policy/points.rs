//! Everybody who sends or receives in a cluster, and whether its network is ideal.
//!
//! Must never know: terms, the solver.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::encode::question::net::representatives;
use crate::encode::question::point::{PodFacts, Point, PointKind};
use crate::logic::structure::free_in;
use crate::lower::{self, Entrances};
use crate::model::cluster::{Address, Cluster, Process};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, IpNet, Protocol, non_unicast};
use crate::model::intent::{IntentPeer, PodsOf, Who};
use crate::model::policy::{Peer, Settings};
use crate::network::fib::{Action, RuleKind};
use crate::network::graph::Network;

/// What was compared to know that messages go as policies alone say.
#[derive(Debug, Clone, Default)]
pub(super) struct Ideal {
    /// How many entries.
    pub(super) compared: usize,
    /// Whether some port of a node or address outside stands for a Service or a pod.
    pub(super) entered: bool,
    /// Where those lead, from a source that may be another one.
    pub(super) targets: BTreeSet<IpAddr>,
    /// The addresses outside among them.
    pub(super) dialled: BTreeSet<IpAddr>,
}

impl Ideal {
    /// Whether a receiver may be reached, or missed, by ports of nodes and addresses outside: a process of a node, which
    /// shares its address with them, and whom they lead to.
    pub(super) fn leads_past(&self, receiver: &Point<'_>, must_reach: bool) -> bool {
        match receiver.kind {
            PointKind::Pod => self.targets.contains(&receiver.address),
            PointKind::Daemon => true,
            // What is dialled in vain is not reached, and is kept out all the same.
            PointKind::External => must_reach || self.dialled.contains(&receiver.address),
        }
    }
}

/// Whether messages go as policies alone say: what was compared, or what stands in the way.
///
/// * no links and no rules of the cluster file's own;
/// * pods, nodes and Services have addresses of their own, of hosts; no node is without, nor a pod that is started;
/// * one listener a port of a pod or node;
/// * a pod in the network of its node is its node to policies;
/// * no translation gives a message another source, but where a pod meets itself; those of ports of nodes and of addresses
///   outside, which may, are told ([`Ideal::leads_past`]).
pub(super) fn ideal(
    cluster: &Cluster,
    network: Option<&Network>,
    settings: Settings,
) -> Result<Ideal, String> {
    let mut all = Ideal::default();
    let mut compared = 0;
    if !cluster.links_added.is_empty() || !cluster.links_removed.is_empty() {
        return Err("the cluster file changes links".to_owned());
    }
    if !cluster.fibs.is_empty() || !cluster.tables.is_empty() {
        return Err("the cluster file changes FIBs".to_owned());
    }
    if settings.host_network_as_pod && !cluster.host_pods.is_empty() {
        return Err("pods in the network of their node count as pods to policies".to_owned());
    }
    let pods = cluster.pods.iter().map(|p| (p.id, &p.addresses));
    let nodes = cluster.nodes.iter().map(|n| (n.id, &n.addresses));
    let services = cluster.services.iter().map(|s| (s.id, &s.addresses));
    let mut seen: BTreeMap<IpAddr, _> = BTreeMap::new();
    let never: Vec<IpNet> = non_unicast()
        .into_iter()
        .chain([Family::V4, Family::V6].map(Family::loopback_net))
        .collect();
    for (id, addresses) in pods.chain(nodes).chain(services) {
        for address in addresses {
            compared += 1;
            if seen.insert(address.ip, id).is_some() {
                return Err(format!("{} is the address of several", address.ip));
            }
            if never.iter().any(|net| net.contains(&address.ip)) {
                return Err(format!("{} is no address of a host", address.ip));
            }
        }
    }
    for node in &cluster.nodes {
        if node.addresses.is_empty() {
            return Err(format!("{} has no address", cluster.name_of(node.id)));
        }
    }
    for pod in &cluster.pods {
        if pod.addresses.is_empty() && !pod.pending && !pod.containers.is_empty() {
            return Err(format!("{} has no address", cluster.name_of(pod.id)));
        }
    }
    let namespaces = cluster.pods.iter().map(|p| (&p.containers, &p.addresses));
    let nodes = cluster.nodes.iter().map(|n| (&n.daemons, &n.addresses));
    for (processes, addresses) in namespaces.chain(nodes) {
        for address in addresses {
            let mut open: BTreeSet<(u16, Protocol)> = BTreeSet::new();
            for process in processes {
                for (port, protocol) in served(process, address.ip) {
                    compared += 1;
                    if !open.insert((port, protocol)) {
                        return Err(format!(
                            "two processes listen on port {port} of {}",
                            address.ip
                        ));
                    }
                }
            }
        }
    }
    let entrances = match network {
        Some(network) => entered(network, &mut compared)?,
        None => lower::entrances(cluster),
    };
    let theirs = |ip: &IpAddr| seen.get(ip).map(|id| cluster.kind_of(*id));
    let mut dialled = entrances.dialled.iter();
    if dialled.any(|ip| theirs(ip).is_some_and(|kind| kind != EntityKind::Node)) {
        return Err("an external address of a Service is somebody's".to_owned());
    }
    all.entered = !entrances.dialled.is_empty();
    all.targets = entrances.targets;
    all.dialled = entrances.dialled;
    all.compared = compared;
    if all.targets.iter().any(|ip| !seen.contains_key(ip)) {
        return Err("ports of nodes, or addresses of load balancers, lead outside".to_owned());
    }
    Ok(all)
}

/// What the rules of a network say of ports of nodes and addresses outside, and that no others change the source.
fn entered(network: &Network, compared: &mut usize) -> Result<Entrances, String> {
    let mut all = Entrances::default();
    for rule in network.switches.iter().flat_map(|s| &s.fib) {
        *compared += 1;
        let ways = match &rule.action {
            Action::Translate(ways) => ways.as_slice(),
            _ => &[],
        };
        let kinds = [
            RuleKind::NodePort,
            RuleKind::ExternalService,
            RuleKind::HostPort,
        ];
        if kinds.contains(&rule.kind) {
            all.dialled.extend(rule.matches.to.map(|net| net.addr()));
            all.targets
                .extend(ways.iter().filter_map(|w| w.destination));
        } else if ways
            .iter()
            .any(|w| w.source.is_some() || w.source_port.is_some())
        {
            return Err("a translation changes the source".to_owned());
        }
    }
    Ok(all)
}

/// Each port once: a listener on every address and one on this address are one process's.
fn served(process: &Process, address: IpAddr) -> BTreeSet<(u16, Protocol)> {
    let open = process.open.iter().filter(|l| l.bind.covers(address));
    open.map(|l| (l.port, l.protocol)).collect()
}

/// Every prefix that policies, peers or load balancers speak of.
pub(super) fn cuts<'p>(
    cluster: &Cluster,
    peers: impl Iterator<Item = &'p IntentPeer>,
) -> Vec<IpNet> {
    let mut all = BTreeSet::new();
    let mut take = |peer: &Peer| {
        if let Peer::Block(block) = peer {
            all.insert(block.cidr);
            all.extend(&block.except);
        }
    };
    for policy in &cluster.policies.network {
        let rules = policy.ingress.iter().chain(&policy.egress).flatten();
        rules
            .flat_map(|r| r.peers.iter().flatten())
            .for_each(&mut take);
    }
    for policy in &cluster.policies.cluster {
        let rules = policy.ingress.iter().chain(&policy.egress);
        rules.flat_map(|r| &r.peers).for_each(&mut take);
    }
    for peer in peers {
        if let Who::Block(block) = &peer.who {
            all.insert(block.cidr);
            all.extend(&block.except);
        }
    }
    let services = cluster.services.iter();
    all.extend(services.flat_map(|s| s.balancer_sources.iter().flatten()));
    all.into_iter().collect()
}

/// All points, in canonical order.
pub(super) fn points<'c>(cluster: &'c Cluster, held: &[IpAddr], cuts: &[IpNet]) -> Vec<Point<'c>> {
    let none: &'c BTreeMap<String, String> = empty();
    let namespaces: BTreeMap<&str, &'c BTreeMap<String, String>> = cluster
        .namespaces
        .iter()
        .map(|n| (n.name.as_str(), &n.labels))
        .collect();
    let labels_of = |name: &str| namespaces.get(name).copied().unwrap_or(none);
    let mut all = Vec::new();
    for pod in &cluster.pods {
        let Some(process) = pod.containers.iter().map(|c| c.id).min() else {
            continue;
        };
        let namespace = cluster.name_of(pod.id).parts.first();
        let namespace = namespace.map_or("default", String::as_str);
        let facts = PodFacts {
            namespace,
            namespace_labels: labels_of(namespace),
            labels: &pod.labels,
            named_ports: &pod.named_ports,
        };
        for address in in_order(&pod.addresses) {
            let listens = pod.containers.iter().flat_map(|c| {
                let ports = served(c, address);
                ports.into_iter().map(|(p, t)| (p, t, c.id))
            });
            all.push(Point {
                process,
                kind: PointKind::Pod,
                pod: Some(facts),
                hosted: None,
                workload: pod
                    .workload
                    .as_ref()
                    .map(|w| (w.kind.as_str(), w.name.as_str())),
                node_labels: None,
                switch: pod.id,
                node: Some(pod.node),
                address,
                listens: listens.collect(),
            });
        }
    }
    for node in &cluster.nodes {
        for daemon in &node.daemons {
            let mut hosted = cluster.host_pods.iter();
            let hosted = hosted.find(|p| p.daemons.contains(&daemon.id));
            for address in in_order(&node.addresses) {
                let ports = served(daemon, address).into_iter();
                all.push(Point {
                    process: daemon.id,
                    kind: PointKind::Daemon,
                    pod: None,
                    hosted: hosted.map(|p| PodFacts {
                        namespace: &p.namespace,
                        namespace_labels: labels_of(&p.namespace),
                        labels: &p.labels,
                        named_ports: &p.named_ports,
                    }),
                    workload: hosted
                        .and_then(|p| p.workload.as_ref())
                        .map(|w| (w.kind.as_str(), w.name.as_str())),
                    node_labels: Some(&node.labels),
                    switch: node.id,
                    node: Some(node.id),
                    address,
                    listens: ports.map(|(p, t)| (p, t, daemon.id)).collect(),
                });
            }
        }
    }
    for external in &cluster.externals {
        for address in representatives(cuts, &external.prefixes, held) {
            if !external.prefixes.iter().any(|net| net.contains(&address)) {
                continue;
            }
            all.push(Point {
                process: external.id,
                kind: PointKind::External,
                pod: None,
                hosted: None,
                workload: None,
                node_labels: None,
                switch: external.id,
                node: None,
                address,
                listens: Vec::new(),
            });
        }
    }
    all.sort_by_key(|p| (p.process, p.address));
    all
}

/// The families of addresses of each pod, node and host outside.
pub(super) fn families(cluster: &Cluster, held: &[IpAddr]) -> BTreeMap<EntityId, BTreeSet<Family>> {
    let of = |addresses: &[Address]| addresses.iter().map(|a| Family::of(a.ip)).collect();
    let pods = cluster.pods.iter().map(|p| (p.id, of(&p.addresses)));
    let nodes = cluster.nodes.iter().map(|n| (n.id, of(&n.addresses)));
    let externals = cluster.externals.iter().map(|x| {
        let free = x.prefixes.iter().filter(|net| free_in(held, net).is_some());
        (x.id, free.map(|net| Family::of(net.addr())).collect())
    });
    pods.chain(nodes).chain(externals).collect()
}

fn empty() -> &'static BTreeMap<String, String> {
    static EMPTY: BTreeMap<String, String> = BTreeMap::new();
    &EMPTY
}

fn in_order(addresses: &[Address]) -> BTreeSet<IpAddr> {
    addresses.iter().map(|a| a.ip).collect()
}

/// Whether a point is one of the peers. Pods that could be added are told apart by `added`.
pub(super) fn is_one_of(peers: &[IntentPeer], cluster: &Cluster, point: &Point<'_>) -> bool {
    peers.iter().any(|peer| is(&peer.who, cluster, point))
}

fn is(who: &Who, cluster: &Cluster, point: &Point<'_>) -> bool {
    let pod = point.pod.or(point.hosted);
    match who {
        Who::Pods(pods) | Who::AnyPod(pods) => pod.is_some_and(|pod| selects(pods, &pod)),
        Who::Pod { namespace, name } => {
            let own = &cluster.name_of(point.switch).parts;
            point.kind == PointKind::Pod && own.iter().eq([namespace, name])
        }
        Who::Workload {
            kind,
            namespace,
            name,
        } => {
            pod.is_some_and(|p| p.namespace == namespace)
                && point.workload == Some((kind.as_str(), name.as_str()))
        }
        Who::Service { .. } => false,
        Who::Node(name) => {
            let own = &cluster.name_of(point.switch).parts;
            point.kind == PointKind::Daemon && own.iter().eq([name])
        }
        Who::External(name) => {
            let own = &cluster.name_of(point.process).parts;
            point.kind == PointKind::External && own.iter().eq([name])
        }
        Who::Block(block) => {
            point.kind == PointKind::External
                && block.cidr.contains(&point.address)
                && !block.except.iter().any(|net| net.contains(&point.address))
        }
    }
}

fn selects(pods: &PodsOf, pod: &PodFacts<'_>) -> bool {
    pods.namespace.as_ref().is_none_or(|n| n == pod.namespace)
        && pods
            .namespaces
            .as_ref()
            .is_none_or(|s| s.matches(pod.namespace_labels))
        && pods.pods.as_ref().is_none_or(|s| s.matches(pod.labels))
}
