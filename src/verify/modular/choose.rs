//! Which pods, nodes and Services are looked at: of each class, and of each way in which two of them can stand to each
//! other, the plainest ones.
//!
//! Must never know: formulas, the solver, how the part is cut out (`part`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::cluster::{Cluster, Pod};
use crate::model::entity::EntityId;

use super::holders::Holders;
use super::profile::Classes;

/// More classes than these, and too much would have to be looked at.
const MOST_CLASSES: u32 = 400;
/// Of nodes of one class: the two at the ends of a way, and one that is neither.
const NODES: usize = 3;

/// What was chosen, by place in the cluster's lists.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) pods: BTreeSet<usize>,
    pub(super) nodes: BTreeSet<usize>,
    pub(super) services: BTreeSet<usize>,
    /// Endpoints of a Service that are left out are so few that it does not matter (`part`); these Services keep all.
    pub(super) whole: BTreeSet<usize>,
    /// Whether every node that may take in what is sent to Services from outside is wanted, however many.
    pub(super) every_entrance: bool,
}

/// A cluster with what is looked up often.
#[derive(Debug)]
pub(super) struct Map<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) holders: &'c Holders,
    pub(super) classes: &'c Classes,
    /// By the place of the pod.
    pub(super) node_of: Arc<[usize]>,
    /// By the place of the node, ascending.
    pub(super) pods_on: Vec<Vec<usize>>,
    /// By class, ascending.
    pub(super) by_class: Vec<Vec<usize>>,
    /// Ports that processes of nodes listen on, and ports of nodes that lead to pods.
    node_ports: HashSet<u16>,
}

impl<'c> Map<'c> {
    pub(super) fn new(cluster: &'c Cluster, holders: &'c Holders, classes: &'c Classes) -> Self {
        let node_of = nodes_of(cluster);
        let mut pods_on = vec![Vec::new(); cluster.nodes.len()];
        let mut by_class = vec![Vec::new(); classes.pod_count as usize];
        for (at, node) in node_of.iter().enumerate() {
            if let Some(on) = pods_on.get_mut(*node) {
                on.push(at);
            }
            by_class[classes.pods[at] as usize].push(at);
        }
        let daemons = cluster.nodes.iter().flat_map(|n| &n.daemons);
        let listeners = daemons.flat_map(|d| &d.open).map(|l| l.port);
        let hosted = cluster.pods.iter().flat_map(|p| &p.host_ports);
        let node_ports = listeners.chain(hosted.map(|h| h.host_port)).collect();
        Self {
            cluster,
            holders,
            classes,
            node_of,
            pods_on,
            by_class,
            node_ports,
        }
    }

    /// A map for looking up who is where, and nothing of classes: with the nodes of pods as found once.
    pub(super) fn of_places(
        cluster: &'c Cluster,
        holders: &'c Holders,
        classes: &'c Classes,
        node_of: Arc<[usize]>,
    ) -> Self {
        Self {
            cluster,
            holders,
            classes,
            node_of,
            pods_on: Vec::new(),
            by_class: Vec::new(),
            node_ports: HashSet::new(),
        }
    }

    /// Whether a port means something at some node already.
    pub(super) fn used_on_nodes(&self, port: u16) -> bool {
        self.node_ports.contains(&port)
    }

    pub(super) fn pod_at(&self, id: EntityId) -> Option<usize> {
        self.cluster.pods.binary_search_by_key(&id, |p| p.id).ok()
    }

    pub(super) fn node_at(&self, id: EntityId) -> Option<usize> {
        self.cluster.nodes.binary_search_by_key(&id, |n| n.id).ok()
    }

    pub(super) fn service_at(&self, id: EntityId) -> Option<usize> {
        self.cluster
            .services
            .binary_search_by_key(&id, |s| s.id)
            .ok()
    }

    pub(super) fn class_of(&self, pod: usize) -> usize {
        self.classes.pods[pod] as usize
    }
}

/// The place of each pod's node, by the place of the pod.
pub(super) fn nodes_of(cluster: &Cluster) -> Arc<[usize]> {
    let node = |pod: &Pod| cluster.nodes.binary_search_by_key(&pod.node, |n| n.id);
    let pods = cluster.pods.iter();
    // INVARIANT of `Cluster`: every pod is on a node.
    pods.map(|pod| node(pod).unwrap_or(usize::MAX)).collect()
}

/// Plainest first among addresses: IPv4 before IPv6, then by number.
pub(super) fn least_address(pod: &Pod) -> Option<IpAddr> {
    pod.addresses.iter().map(|a| a.ip).min()
}

/// Those of pods and nodes; none where there are too many classes.
pub(super) fn plainest(map: &Map<'_>) -> Option<Chosen> {
    if map.classes.pod_count > MOST_CLASSES || map.classes.node_count > MOST_CLASSES {
        return None;
    }
    let mut chosen = Chosen::default();
    nodes(map, &mut chosen);
    let of_address = by_address(map);
    for (all, ordered) in map.by_class.iter().zip(&of_address) {
        chosen.pods.extend(all.first());
        chosen.pods.extend(ordered.first());
    }
    apart(map, &of_address, &mut chosen);
    together(map, &mut chosen);
    from_nodes(map, &of_address, &mut chosen);
    for id in &map.classes.special {
        chosen.pods.extend(map.pod_at(*id));
        chosen.nodes.extend(map.node_at(*id));
        chosen.services.extend(map.service_at(*id));
    }
    Some(chosen)
}

/// The pods of each class in the order of their addresses; those without one last.
fn by_address(map: &Map<'_>) -> Vec<Vec<usize>> {
    let key = |at: &usize| {
        let least = least_address(&map.cluster.pods[*at]);
        (least.is_none(), least, *at)
    };
    let mut all = map.by_class.clone();
    for class in &mut all {
        class.sort_by_cached_key(key);
    }
    all
}

fn nodes(map: &Map<'_>, chosen: &mut Chosen) {
    let mut classes = vec![Vec::new(); map.classes.node_count as usize];
    for (at, class) in map.classes.nodes.iter().enumerate() {
        classes[*class as usize].push(at);
    }
    for class in &mut classes {
        chosen.nodes.extend(class.iter().take(NODES));
        let least = |at: &usize| {
            let all = map.cluster.nodes[*at].addresses.iter();
            all.map(|a| a.ip).min()
        };
        class.sort_by_cached_key(|at| (least(at), *at));
        chosen.nodes.extend(class.iter().take(NODES));
    }
}

/// For each two classes: the least pod of the first that has one of the second on another node; and its plainest partners.
fn apart(map: &Map<'_>, of_address: &[Vec<usize>], chosen: &mut Chosen) {
    let elsewhere = |all: &[usize], node: usize| {
        let mut all = all.iter().copied();
        all.find(|b| map.node_of[*b] != node)
    };
    for from in &map.by_class {
        for (to, ordered) in map.by_class.iter().zip(of_address) {
            // Only where all of the second class are on one node is it not the very first.
            let partner = |a: usize| elsewhere(to, map.node_of[a]);
            let found = from.first().and_then(|a| Some((*a, partner(*a)?)));
            let found = found.or_else(|| {
                let node = map.node_of[*to.first()?];
                let a = elsewhere(from, node)?;
                Some((a, partner(a)?))
            });
            if let Some((a, b)) = found {
                chosen.pods.extend([a, b]);
                chosen.pods.extend(elsewhere(ordered, map.node_of[a]));
            }
        }
    }
}

/// The same on one node.
fn together(map: &Map<'_>, chosen: &mut Chosen) {
    let classes = map.by_class.len();
    let mut seen: HashSet<(usize, usize)> = HashSet::new();
    let mut of_node: HashMap<usize, Vec<(usize, Vec<usize>)>> = HashMap::new();
    for a in 0..map.cluster.pods.len() {
        if seen.len() == classes * classes {
            break;
        }
        let node = map.node_of[a];
        let Some(on) = map.pods_on.get(node) else {
            continue;
        };
        let groups = of_node.entry(node).or_insert_with(|| grouped(map, on));
        let from = map.class_of(a);
        for (to, members) in groups {
            if seen.contains(&(from, *to)) {
                continue;
            }
            let others = || members.iter().copied().filter(|b| *b != a);
            let Some(b) = others().next() else { continue };
            seen.insert((from, *to));
            chosen.pods.extend([a, b]);
            let least = |b: &usize| {
                let least = least_address(&map.cluster.pods[*b]);
                (least.is_none(), least, *b)
            };
            chosen.pods.extend(others().min_by_key(least));
        }
    }
}

fn grouped(map: &Map<'_>, on: &[usize]) -> Vec<(usize, Vec<usize>)> {
    let mut all: HashMap<usize, Vec<usize>> = HashMap::new();
    for &pod in on {
        all.entry(map.class_of(pod)).or_default().push(pod);
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_unstable();
    all
}

/// From processes of nodes: to pods of the own node, and to pods of others.
fn from_nodes(map: &Map<'_>, of_address: &[Vec<usize>], chosen: &mut Chosen) {
    let mut own: HashSet<(u32, usize)> = HashSet::new();
    let mut first: HashMap<u32, usize> = HashMap::new();
    for (node, on) in map.pods_on.iter().enumerate() {
        if map.cluster.nodes[node].daemons.is_empty() {
            continue;
        }
        let class = map.classes.nodes[node];
        first.entry(class).or_insert(node);
        for (to, members) in grouped(map, on) {
            if own.insert((class, to)) {
                chosen.nodes.insert(node);
                chosen.pods.extend(members.first());
                let least = |b: &&usize| {
                    let least = least_address(&map.cluster.pods[**b]);
                    (least.is_none(), least, **b)
                };
                chosen.pods.extend(members.iter().min_by_key(least));
            }
        }
    }
    let mut all: Vec<(u32, usize)> = first.into_iter().collect();
    all.sort_unstable();
    for (class, node) in all {
        for (to, ordered) in map.by_class.iter().zip(of_address) {
            let elsewhere = |all: &[usize], node: usize| {
                let mut all = all.iter().copied();
                all.find(|b| map.node_of[*b] != node)
            };
            let mut from = Some(node);
            if elsewhere(to, node).is_none() {
                let mut others = map.classes.nodes.iter().enumerate().skip(node + 1);
                from = others.find(|(_, c)| **c == class).map(|(at, _)| at);
            }
            let Some(from) = from else { continue };
            if let Some(b) = elsewhere(to, from) {
                chosen.nodes.insert(from);
                chosen.pods.insert(b);
                chosen.pods.extend(elsewhere(ordered, from));
            }
        }
    }
}
