//! Which Services are looked at, and with which endpoints: of each kind of Service, port and endpoint, and of each way in
//! which a client can stand to the endpoint, the plainest.
//!
//! Must never know: formulas, the solver.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::service::{Service, ServiceEndpoint};

use super::bare::Bare;
use super::choose::{Chosen, Map};
use super::closure::{self, mismatch};
use super::cuts::Cuts;
use super::kinds::{OfPort, home, keeps_to_a_node, kind};
use super::profile::Numbers;
use super::routes::Routes;

/// How many kinds there may be.
const MOST_KINDS: usize = 400;

/// An endpoint of a Service that is of some kind.
#[derive(Clone, Copy)]
struct Example {
    service: usize,
    /// The place of the pod, where it is one.
    pod: Option<usize>,
    /// The node that whoever is behind it is on.
    home: Option<usize>,
    /// The node that it is said to be on.
    listed: Option<usize>,
    other: Option<EntityId>,
}

impl Example {
    fn node(&self) -> Option<usize> {
        self.home.or(self.listed)
    }

    /// Its nodes, and whether each is the one that it is said to be on, or whoever is behind it is on, or both.
    fn places(&self) -> impl Iterator<Item = (usize, At)> + use<> {
        let (home, listed) = (self.home, self.listed);
        let apart = home.is_some() && listed.is_some() && home != listed;
        let first = self
            .node()
            .map(|at| (at, if apart { At::Home } else { At::Both }));
        let second = listed.filter(|_| apart).map(|at| (at, At::Listed));
        first.into_iter().chain(second)
    }
}

/// How an endpoint is at a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Both,
    Home,
    Listed,
}

/// A kind of endpoint, and how it is at the node.
type Stands = (u32, At);

/// Adds Services and endpoints; false where there are too many kinds.
pub(super) fn plainest(map: &Map<'_>, cuts: &Cuts, routes: &Routes, chosen: &mut Chosen) -> bool {
    let mut numbers = Numbers::default();
    let mut kinds: Vec<Vec<Example>> = Vec::new();
    let mut at_node: HashMap<usize, Vec<(Stands, Example)>> = HashMap::new();
    let mut own: BTreeMap<usize, Vec<(u32, Example)>> = BTreeMap::new();
    let mut least_va: Vec<(Option<IpAddr>, Example)> = Vec::new();
    let (mut less, mut more) = (false, false);
    let (mut bare, mut ports) = (Bare::new(map), Numbers::default());
    for (at, service) in map.cluster.services.iter().enumerate() {
        if mismatch(service) {
            wrong(map, at, service, chosen, &mut less, &mut more);
        }
        let mut before = HashSet::new();
        for port in &service.ports {
            let shadowed = !before.insert((port.port, port.protocol));
            let of_port = OfPort::of(service, port, shadowed);
            if keeps_to_a_node(service) {
                let without = kind((map, cuts, routes), at, port, &of_port, None);
                if !bare.look(at, port, ports.of(without)) {
                    return false;
                }
            }
            let none = [None];
            let all: Vec<Option<&ServiceEndpoint>> = if port.endpoints.is_empty() {
                none.to_vec()
            } else {
                port.endpoints.iter().map(Some).collect()
            };
            for endpoint in all {
                let kind = numbers.of(kind((map, cuts, routes), at, port, &of_port, endpoint));
                let example = example(map, at, endpoint);
                let index = kind as usize;
                if index == kinds.len() {
                    if kinds.len() >= MOST_KINDS {
                        return false;
                    }
                    kinds.push(Vec::new());
                    least_va.push((service.addresses.iter().map(|a| a.ip).min(), example));
                }
                let va = service.addresses.iter().map(|a| a.ip).min();
                if va < least_va[index].0 {
                    least_va[index] = (va, example);
                }
                // The first one, and the first on another node.
                let known = &mut kinds[index];
                if known.len() < 2 && known.iter().all(|e| e.node() != example.node()) {
                    known.push(example);
                }
                for (node, as_what) in example.places() {
                    let kind = (kind, as_what);
                    let there = at_node.entry(node).or_default();
                    // One that is the client itself and one that is not.
                    if there.iter().filter(|(k, _)| *k == kind).count() < 2
                        && !there
                            .iter()
                            .any(|(k, e)| *k == kind && e.pod == example.pod)
                    {
                        there.push((kind, example));
                    }
                }
                if let Some(pod) = example.pod {
                    let mine = own.entry(pod).or_default();
                    if !mine.iter().any(|(k, _)| *k == kind) {
                        mine.push((kind, example));
                    }
                }
            }
        }
    }
    let mut take = |example: &Example| {
        chosen.services.insert(example.service);
        chosen.pods.extend(example.pod);
        chosen.nodes.extend(example.places().map(|(at, _)| at));
        if let Some(id) = example.other {
            closure::add(map, id, chosen);
        }
    };
    kinds.iter().flatten().for_each(&mut take);
    for (_, example) in &least_va {
        take(example);
    }
    let mut clients = Vec::new();
    // A client that is the endpoint itself.
    let mut seen = HashSet::new();
    for (pod, all) in &own {
        for (kind, example) in all {
            if seen.insert((map.class_of(*pod), *kind)) {
                take(example);
                clients.push(*pod);
            }
        }
    }
    // A client on the endpoint's node.
    let mut seen = HashSet::new();
    for pod in 0..map.cluster.pods.len() {
        let node = map.node_of[pod];
        for (kind, example) in at_node.get(&node).into_iter().flatten() {
            let other = example.pod != Some(pod);
            if other && seen.insert((map.class_of(pod), *kind)) {
                take(example);
                clients.push(pod);
            }
        }
    }
    let mut seen = HashSet::new();
    let mut nodes = BTreeSet::new();
    for node in 0..map.cluster.nodes.len() {
        for (kind, example) in at_node.get(&node).into_iter().flatten() {
            if seen.insert((map.classes.nodes[node], *kind)) {
                take(example);
                nodes.insert(node);
            }
        }
    }
    // A client on another node: the least of its class, unless all of the kind are where it is.
    for known in &kinds {
        if let [only] = known.as_slice() {
            for all in &map.by_class {
                let elsewhere = |p: &&usize| Some(map.node_of[**p]) != only.node();
                clients.extend(all.iter().find(elsewhere));
            }
        }
    }
    drop(at_node);
    chosen.pods.extend(clients);
    chosen.nodes.extend(nodes);
    bare.take(chosen);
    true
}

/// The first Services that list less, and more, than their selector means.
fn wrong(
    map: &Map<'_>,
    at: usize,
    service: &Service,
    chosen: &mut Chosen,
    less: &mut bool,
    more: &mut bool,
) {
    let selected: BTreeSet<IpAddr> = service.selected.iter().map(|s| s.address).collect();
    let listed: BTreeSet<IpAddr> = service.listed.iter().map(|a| a.ip).collect();
    if !*less && !selected.is_subset(&listed) || !*more && !listed.is_subset(&selected) {
        *less |= !selected.is_subset(&listed);
        *more |= !listed.is_subset(&selected);
        chosen.services.insert(at);
        for selected in &service.selected {
            closure::add(map, selected.entity, chosen);
        }
    }
}

fn example(map: &Map<'_>, service: usize, endpoint: Option<&ServiceEndpoint>) -> Example {
    let entity = endpoint.and_then(|e| e.entity);
    let pod = entity.and_then(|id| map.pod_at(id));
    let listed = endpoint.and_then(|e| e.node);
    Example {
        service,
        pod,
        home: endpoint.and_then(|e| home(map, e)),
        listed: listed.and_then(|id| map.node_at(id)),
        other: entity.filter(|_| pod.is_none()),
    }
}
