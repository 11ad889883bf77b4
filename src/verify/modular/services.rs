//! Which Services are looked at, and with which endpoints: of each kind of Service, port and endpoint, and of each way in
//! which a client can stand to the endpoint, the plainest.
//!
//! Must never know: formulas, the solver.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet, Protocol};
use crate::model::service::{Readiness, Service, ServiceEndpoint, ServicePort};

use super::choose::{Chosen, Map};
use super::closure::{self, mismatch};
use super::cuts::Cuts;

use super::profile::{AddressKey, Numbers, PortKey, address, port_of};
use super::routes::{Routes, Whose};

/// How many kinds there may be.
const MOST_KINDS: usize = 400;
/// How far is looked for a client without an endpoint on its node.
const LOOKED_AT: usize = 20_000;

#[derive(PartialEq, Eq, Hash)]
struct Kind<'c> {
    special: Option<EntityId>,
    /// What formulas of users see of the Service.
    seen: u32,
    addresses: Vec<AddressKey>,
    external: Vec<(AddressKey, bool)>,
    sources: Option<&'c Vec<IpNet>>,
    local: (bool, bool),
    protocol: Protocol,
    port: PortKey,
    /// Whether another port of the Service, before this one, takes what is sent to it.
    shadowed: bool,
    node_port: Option<PortKey>,
    /// Of each family: whether something is ready, whether something is left that terminates.
    has: [(bool, bool); 2],
    endpoint: Option<EndpointKey>,
}

#[derive(PartialEq, Eq, Hash)]
struct EndpointKey {
    who: Who,
    address: (Family, u32),
    port: Target,
    readiness: Readiness,
    /// Whether its node is known.
    placed: bool,
}

#[derive(PartialEq, Eq, Hash)]
enum Who {
    Pod(u32, usize),
    Node(u32, usize),
    /// Somebody, at an address that is not its own.
    Elsewhere(EntityId),
    Nobody,
}

#[derive(PartialEq, Eq, Hash)]
enum Target {
    Open(PortKey),
    Closed(Option<u16>),
    Exact(u16),
}

/// What all endpoints of a port have in common: found once for each port, since it looks at all of them.
struct OfPort {
    shadowed: bool,
    has: [(bool, bool); 2],
}

/// Whether something of a family is ready, whether something of it terminates.
fn has(port: &ServicePort, family: Family) -> (bool, bool) {
    let is = |readiness| {
        let mut all = port.endpoints.iter();
        all.any(|e| Family::of(e.address) == family && e.readiness == readiness)
    };
    (is(Readiness::Ready), is(Readiness::Terminating))
}

/// An endpoint of a Service that is of some kind.
#[derive(Clone, Copy)]
struct Example {
    service: usize,
    /// The place of the pod, where it is one.
    pod: Option<usize>,
    node: Option<usize>,
    other: Option<EntityId>,
}

/// Adds Services and endpoints; false where there are too many kinds.
pub(super) fn plainest(map: &Map<'_>, cuts: &Cuts, routes: &Routes, chosen: &mut Chosen) -> bool {
    let mut numbers = Numbers::default();
    let mut kinds: Vec<Vec<Example>> = Vec::new();
    let mut at_node: HashMap<usize, Vec<(u32, Example)>> = HashMap::new();
    let mut own: BTreeMap<usize, Vec<(u32, Example)>> = BTreeMap::new();
    let mut least_va: Vec<(Option<IpAddr>, Example)> = Vec::new();
    let (mut less, mut more) = (false, false);
    for (at, service) in map.cluster.services.iter().enumerate() {
        if mismatch(service) {
            wrong(map, at, service, chosen, &mut less, &mut more);
        }
        let mut before = HashSet::new();
        for port in &service.ports {
            let of_port = OfPort {
                shadowed: !before.insert((port.port, port.protocol)),
                has: [Family::V4, Family::V6].map(|family| has(port, family)),
            };
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
                if known.len() < 2 && known.iter().all(|e| e.node != example.node) {
                    known.push(example);
                }
                if let Some(node) = example.node {
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
        chosen.nodes.extend(example.node);
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
                let elsewhere = |p: &&usize| Some(map.node_of[**p]) != only.node;
                clients.extend(all.iter().find(elsewhere));
            }
        }
    }
    drop(at_node);
    let local = without_local(map, chosen, &mut clients);
    chosen.pods.extend(clients);
    chosen.nodes.extend(nodes);
    local
}

/// Where only endpoints of the client's node count: a client on whose node there is none.
fn without_local(map: &Map<'_>, chosen: &mut Chosen, clients: &mut Vec<usize>) -> bool {
    let mut steps = 0;
    let services: Vec<usize> = chosen.services.iter().copied().collect();
    for at in services {
        let service = &map.cluster.services[at];
        if !service.internal_local && !service.external_local {
            continue;
        }
        let on: BTreeSet<EntityId> = service
            .ports
            .iter()
            .flat_map(|p| p.endpoints.iter().filter_map(|e| e.node))
            .collect();
        for all in &map.by_class {
            for pod in all {
                steps += 1;
                if steps > LOOKED_AT {
                    return false;
                }
                if !on.contains(&map.cluster.pods[*pod].node) {
                    clients.push(*pod);
                    break;
                }
            }
        }
        let free = map.cluster.nodes.iter().position(|n| !on.contains(&n.id));
        chosen.nodes.extend(free);
    }
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
    let node = match (pod, endpoint) {
        (Some(pod), _) => Some(map.node_of[pod]),
        (None, Some(e)) => e.node.or(e.entity).and_then(|id| map.node_at(id)),
        (None, None) => None,
    };
    Example {
        service,
        pod,
        node,
        other: entity.filter(|_| pod.is_none()),
    }
}

fn kind<'c>(
    (map, cuts, routes): (&Map<'c>, &Cuts, &Routes),
    at: usize,
    port: &'c ServicePort,
    of_port: &OfPort,
    endpoint: Option<&ServiceEndpoint>,
) -> Kind<'c> {
    let service = &map.cluster.services[at];
    let special = map.classes.special.contains(&service.id);
    let key = |ip: IpAddr| address(ip, cuts, routes, Whose::Service);
    let named = |number: u16| {
        let named = number == 0 || cuts.tells_port(number);
        // Ports of nodes meet what listens there, and each other.
        if named {
            PortKey::Named(number)
        } else {
            PortKey::Local(0)
        }
    };
    Kind {
        special: special.then_some(service.id),
        seen: map.classes.services.get(at).copied().unwrap_or_default(),
        addresses: service.addresses.iter().map(|a| key(a.ip)).collect(),
        external: service
            .external_addresses
            .iter()
            .map(|a| (key(a.ip), service.balancer.contains(&a.ip)))
            .collect(),
        sources: service.balancer_sources.as_ref(),
        local: (service.internal_local, service.external_local),
        protocol: port.protocol,
        port: named(port.port),
        shadowed: of_port.shadowed,
        node_port: port.node_port.map(|number| {
            let shared = map.holders.sharing_node_port(number, port.protocol) > 1;
            if shared || map.used_on_nodes(number) {
                PortKey::Named(number)
            } else {
                named(number)
            }
        }),
        has: of_port.has,
        endpoint: endpoint.map(|e| endpoint_key(map, cuts, e)),
    }
}

fn endpoint_key(map: &Map<'_>, cuts: &Cuts, e: &ServiceEndpoint) -> EndpointKey {
    let pod = e.entity.and_then(|id| map.pod_at(id));
    let node = e.entity.and_then(|id| map.node_at(id));
    let (who, port) = match (pod, node, e.entity) {
        (Some(at), _, _) => {
            let pod = &map.cluster.pods[at];
            let target = match port_of(pod, cuts, e.port) {
                Some(key) => Target::Open(key),
                None => Target::Closed(cuts.tells_port(e.port).then_some(e.port)),
            };
            match pod.addresses.iter().position(|a| a.ip == e.address) {
                Some(index) => (Who::Pod(map.classes.pods[at], index), target),
                None => (Who::Elsewhere(pod.id), target),
            }
        }
        (None, Some(at), _) => {
            let node = &map.cluster.nodes[at];
            match node.addresses.iter().position(|a| a.ip == e.address) {
                Some(index) => (
                    Who::Node(map.classes.nodes[at], index),
                    Target::Exact(e.port),
                ),
                None => (Who::Elsewhere(node.id), Target::Exact(e.port)),
            }
        }
        (None, None, Some(id)) => (Who::Elsewhere(id), Target::Exact(e.port)),
        (None, None, None) => (Who::Nobody, Target::Exact(e.port)),
    };
    EndpointKey {
        who,
        address: (Family::of(e.address), cuts.class(e.address)),
        port,
        readiness: e.readiness,
        placed: e.node.is_some(),
    }
}
