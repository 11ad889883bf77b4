//! Classes of pods and nodes that nothing can tell apart but their names and addresses.
//!
//! A *special* entity (`special`) is alone in its class. Of all others the profile says everything that a rule, a route
//! table, a gate or a built-in constraint can see; ports count by who else of the pod has them, unless something names them.
//!
//! Must never know: which of a class are looked at (`choose`), the solver.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;

use crate::model::cluster::{Address, Bind, Cluster, Node, Pod, Process};
use crate::model::entity::EntityId;
use crate::model::inet::{Family, Protocol};
use crate::model::policy::{Peer, PortsOf, Selector};

use super::cuts::Cuts;
use super::holders::Holders;
use super::routes::{Routes, Whose};
use super::special::special;

/// The classes of a cluster's pods and nodes.
#[derive(Debug)]
pub(super) struct Classes {
    /// By the place of the pod in the cluster.
    pub(super) pods: Vec<u32>,
    /// How many classes of pods there are.
    pub(super) pod_count: u32,
    /// By the place of the node.
    pub(super) nodes: Vec<u32>,
    /// How many classes of nodes there are.
    pub(super) node_count: u32,
    /// Alone in their class: pods, nodes, Services, externals.
    pub(super) special: BTreeSet<EntityId>,
}

/// A port: itself where something names it, else its place among the pod's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PortKey {
    Named(u16),
    Local(usize),
}

#[derive(PartialEq, Eq, Hash)]
enum BindKey {
    Any,
    AnyV4,
    AnyV6,
    Own(usize),
    Other(IpAddr),
}

/// A pod in the network of its node: its namespace, labels, how many processes.
type Hosted<'c> = (&'c str, Vec<(&'c str, &'c str)>, usize);
/// Its family, its place among the cuts, what route tables say of it.
pub(super) type AddressKey = (Family, u32, u32);
type ListenerKey = (BindKey, PortKey, Protocol);

#[derive(PartialEq, Eq, Hash)]
struct NodeKey<'c> {
    special: Option<EntityId>,
    addresses: Vec<AddressKey>,
    daemons: Vec<Vec<ListenerKey>>,
    labels: Vec<(&'c str, &'c str)>,
    hosted: Vec<Hosted<'c>>,
    /// What is usual in its route table.
    routes: u32,
}

#[derive(PartialEq, Eq, Hash)]
struct PodKey<'c> {
    special: Option<EntityId>,
    node: u32,
    pending: bool,
    addresses: Vec<AddressKey>,
    containers: Vec<Vec<ListenerKey>>,
    host_ports: Vec<(PortKey, u16, Protocol, Option<IpAddr>)>,
    policy: Option<PolicyKey<'c>>,
}

/// What policies can see of a pod.
#[derive(PartialEq, Eq, Hash)]
struct PolicyKey<'c> {
    namespace: &'c str,
    labels: Vec<(&'c str, &'c str)>,
    named_ports: Vec<(&'c str, u16, Protocol)>,
}

impl Classes {
    /// Looks at every pod and node once, with the eyes of policies or without.
    pub(super) fn of(
        cluster: &Cluster,
        holders: &Holders,
        cuts: &Cuts,
        routes: &Routes,
        policies: bool,
    ) -> Self {
        let special = special(cluster, holders, routes);
        let eyes = if policies {
            Eyes::of(cluster)
        } else {
            Eyes::default()
        };
        let mut numbers = Numbers::default();
        let mut hosted: HashMap<EntityId, Vec<_>> = HashMap::new();
        if eyes.policies {
            for pod in &cluster.host_pods {
                let row = (
                    pod.namespace.as_str(),
                    eyes.pods(&pod.labels),
                    pod.daemons.len(),
                );
                hosted.entry(pod.node).or_default().push(row);
            }
        }
        let nodes: Vec<u32> = cluster
            .nodes
            .iter()
            .enumerate()
            .map(|(place, node)| {
                let of_address = |a: &Address| address(a.ip, cuts, routes, Whose::Node(node.id));
                let mut key = node_key(node, &special, &eyes, &mut hosted);
                key.addresses = node.addresses.iter().map(of_address).collect();
                key.routes = routes.usual(place);
                numbers.of(key)
            })
            .collect();
        let node_count = numbers.count();
        let mut numbers = Numbers::default();
        let pods: Vec<u32> = cluster
            .pods
            .iter()
            .map(|pod| {
                let at = cluster.nodes.binary_search_by_key(&pod.node, |n| n.id);
                let node = at.map_or(u32::MAX, |at| nodes[at]);
                let of_address = |a: &Address| address(a.ip, cuts, routes, Whose::Pod(pod.node));
                let mut key = pod_key(cluster, pod, node, cuts, &special, &eyes);
                key.addresses = pod.addresses.iter().map(of_address).collect();
                numbers.of(key)
            })
            .collect();
        Self {
            pods,
            pod_count: numbers.count(),
            nodes,
            node_count,
            special,
        }
    }
}

/// Keys in the order in which they came.
pub(super) struct Numbers<K> {
    known: HashMap<K, u32>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
        }
    }
}

impl<K: Hash + Eq> Numbers<K> {
    pub(super) fn of(&mut self, key: K) -> u32 {
        let next = self.known.len() as u32;
        *self.known.entry(key).or_insert(next)
    }

    pub(super) fn count(&self) -> u32 {
        self.known.len() as u32
    }
}

/// What policies look at.
#[derive(Default)]
struct Eyes<'c> {
    policies: bool,
    pod_labels: BTreeSet<&'c str>,
    node_labels: BTreeSet<&'c str>,
    named_ports: bool,
}

impl<'c> Eyes<'c> {
    fn of(cluster: &'c Cluster) -> Self {
        let mut eyes = Self {
            policies: !cluster.policies.is_empty(),
            pod_labels: BTreeSet::new(),
            node_labels: BTreeSet::new(),
            named_ports: false,
        };
        for policy in &cluster.policies.network {
            eyes.select(&policy.subject);
            for rule in policy.ingress.iter().chain(&policy.egress).flatten() {
                rule.peers.iter().flatten().for_each(|p| eyes.peer(p));
                let mut ports = rule.ports.iter().flatten();
                eyes.named_ports |= ports.any(|p| matches!(p.ports, PortsOf::Named(_)));
            }
        }
        for policy in &cluster.policies.cluster {
            eyes.peer(&policy.subject);
            for rule in policy.ingress.iter().chain(&policy.egress) {
                rule.peers.iter().for_each(|p| eyes.peer(p));
                let mut ports = rule.ports.iter().flatten();
                eyes.named_ports |= ports.any(|p| matches!(p.ports, PortsOf::Named(_)));
            }
        }
        eyes
    }

    fn select(&mut self, selector: &'c Selector) {
        let keys = selector.requirements.iter().map(|r| r.key.as_str());
        self.pod_labels.extend(keys);
    }

    fn peer(&mut self, peer: &'c Peer) {
        match peer {
            // Labels of namespaces are told by the namespace, which is part of the key.
            Peer::Pods { pods, .. } => self.select(pods),
            Peer::Nodes { nodes, .. } => {
                let keys = nodes.requirements.iter().map(|r| r.key.as_str());
                self.node_labels.extend(keys);
            }
            Peer::Block(_) | Peer::FailsClosed { .. } => {}
        }
    }

    fn pods(&self, labels: &'c BTreeMap<String, String>) -> Vec<(&'c str, &'c str)> {
        kept(&self.pod_labels, labels)
    }
}

fn kept<'c>(
    keys: &BTreeSet<&str>,
    labels: &'c BTreeMap<String, String>,
) -> Vec<(&'c str, &'c str)> {
    let mine = labels.iter().filter(|(key, _)| keys.contains(key.as_str()));
    mine.map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

fn node_key<'c>(
    node: &'c Node,
    special: &BTreeSet<EntityId>,
    eyes: &Eyes<'c>,
    hosted: &mut HashMap<EntityId, Vec<Hosted<'c>>>,
) -> NodeKey<'c> {
    // Ports of nodes meet ports of Services and of pods there: they count as they are.
    let same = |port| PortKey::Named(port);
    NodeKey {
        special: special.contains(&node.id).then_some(node.id),
        addresses: Vec::new(),
        daemons: listeners(&node.daemons, &node.addresses, &mut { same }),
        labels: kept(&eyes.node_labels, &node.labels),
        hosted: hosted.remove(&node.id).unwrap_or_default(),
        routes: 0,
    }
}

fn pod_key<'c>(
    cluster: &'c Cluster,
    pod: &'c Pod,
    node: u32,
    cuts: &Cuts,
    special: &BTreeSet<EntityId>,
    eyes: &Eyes<'c>,
) -> PodKey<'c> {
    let mut ports = LocalPorts::new(cuts);
    PodKey {
        special: special.contains(&pod.id).then_some(pod.id),
        node,
        pending: pod.pending,
        addresses: Vec::new(),
        containers: listeners(&pod.containers, &pod.addresses, &mut |p| ports.of(p)),
        host_ports: pod
            .host_ports
            .iter()
            .map(|h| (ports.of(h.port), h.host_port, h.protocol, h.host_ip))
            .collect(),
        policy: eyes.policies.then(|| PolicyKey {
            namespace: cluster
                .name_of(pod.id)
                .parts
                .first()
                .map_or("", String::as_str),
            labels: eyes.pods(&pod.labels),
            named_ports: if eyes.named_ports {
                let all = pod.named_ports.iter();
                all.map(|p| (p.name.as_str(), p.port, p.protocol)).collect()
            } else {
                Vec::new()
            },
        }),
    }
}

/// Ports of one pod by their first use.
struct LocalPorts<'k> {
    cuts: &'k Cuts,
    seen: Vec<u16>,
}

impl<'k> LocalPorts<'k> {
    fn new(cuts: &'k Cuts) -> Self {
        Self {
            cuts,
            seen: Vec::new(),
        }
    }

    fn of(&mut self, port: u16) -> PortKey {
        if port == 0 || self.cuts.tells_port(port) {
            return PortKey::Named(port);
        }
        let at = self.seen.iter().position(|p| *p == port);
        PortKey::Local(at.unwrap_or_else(|| {
            self.seen.push(port);
            self.seen.len() - 1
        }))
    }
}

/// What a port is to a pod: as in its profile, for ports that it listens on.
pub(super) fn port_of(pod: &Pod, cuts: &Cuts, wanted: u16) -> Option<PortKey> {
    let mut ports = LocalPorts::new(cuts);
    for listener in pod.containers.iter().flat_map(|c| &c.open) {
        let key = ports.of(listener.port);
        if listener.port == wanted {
            return Some(key);
        }
    }
    None
}

/// What tells an address from others, whoever has it.
pub(super) fn address(ip: IpAddr, cuts: &Cuts, routes: &Routes, whose: Whose) -> AddressKey {
    (Family::of(ip), cuts.class(ip), routes.of_address(ip, whose))
}

fn listeners(
    processes: &[Process],
    own: &[Address],
    port: &mut impl FnMut(u16) -> PortKey,
) -> Vec<Vec<ListenerKey>> {
    let mut all = Vec::with_capacity(processes.len());
    for process in processes {
        let mut keys = Vec::with_capacity(process.open.len());
        for listener in &process.open {
            let bind = match listener.bind {
                Bind::Any => BindKey::Any,
                Bind::AnyV4 => BindKey::AnyV4,
                Bind::AnyV6 => BindKey::AnyV6,
                Bind::Address(ip) => match own.iter().position(|a| a.ip == ip) {
                    Some(at) => BindKey::Own(at),
                    None => BindKey::Other(ip),
                },
            };
            keys.push((bind, port(listener.port), listener.protocol));
        }
        all.push(keys);
    }
    all
}
