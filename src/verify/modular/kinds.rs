//! Kinds of Services, their ports and their endpoints: what of them a message can see.
//!
//! Must never know: which of a kind are looked at (`services`), formulas, the solver.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet, Protocol};
use crate::model::service::{Readiness, Service, ServiceEndpoint, ServicePort};

use super::choose::Map;
use super::cuts::Cuts;
use super::profile::{AddressKey, PortKey, address, port_of};
use super::routes::{Routes, Whose};

#[derive(PartialEq, Eq, Hash)]
pub(super) struct Kind<'c> {
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
    /// Where its node is the one that its Service keeps to: whether that node sends to it. Others are only sent to where
    /// none is ready there.
    counts: Option<bool>,
    placed: Placed,
}

/// The node that an endpoint is said to be on.
#[derive(PartialEq, Eq, Hash)]
enum Placed {
    Nowhere,
    Home,
    /// Not the one that whoever is behind it is on.
    Elsewhere(EntityId),
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
pub(super) struct OfPort {
    shadowed: bool,
    has: [(bool, bool); 2],
    /// Where the Service keeps to a node: the nodes that have something ready.
    ready_on: Option<HashSet<(EntityId, Family)>>,
}

impl OfPort {
    pub(super) fn of(service: &Service, port: &ServicePort, shadowed: bool) -> Self {
        let ready = || {
            let all = port.endpoints.iter();
            let ready = all.filter(|e| e.readiness == Readiness::Ready);
            ready
                .filter_map(|e| Some((e.node?, Family::of(e.address))))
                .collect()
        };
        Self {
            shadowed,
            has: [Family::V4, Family::V6].map(|family| has(port, family)),
            ready_on: keeps_to_a_node(service).then(ready),
        }
    }

    fn counts(&self, e: &ServiceEndpoint) -> Option<bool> {
        let ready_on = self.ready_on.as_ref()?;
        let node = e.node?;
        Some(match e.readiness {
            Readiness::Ready => true,
            Readiness::Terminating => !ready_on.contains(&(node, Family::of(e.address))),
            Readiness::NotReady => false,
        })
    }
}

/// Whether only endpoints of a node count for some of its clients.
pub(super) fn keeps_to_a_node(service: &Service) -> bool {
    service.internal_local || service.external_local
}

/// Whether something of a family is ready, whether something of it terminates.
fn has(port: &ServicePort, family: Family) -> (bool, bool) {
    let is = |readiness| {
        let mut all = port.endpoints.iter();
        all.any(|e| Family::of(e.address) == family && e.readiness == readiness)
    };
    (is(Readiness::Ready), is(Readiness::Terminating))
}

/// Of an endpoint, or of a port without one.
pub(super) fn kind<'c>(
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
        endpoint: endpoint.map(|e| endpoint_key(map, cuts, of_port, e)),
    }
}

fn endpoint_key(map: &Map<'_>, cuts: &Cuts, of_port: &OfPort, e: &ServiceEndpoint) -> EndpointKey {
    let pod = e.entity.and_then(|id| map.pod_at(id));
    let node = e.entity.and_then(|id| map.node_at(id));
    let placed = placed(map, e);
    // Whoever is said to be elsewhere stands to each client in two ways at once.
    let at_home = !matches!(placed, Placed::Elsewhere(_));
    let (who, port) = match (pod, node, e.entity) {
        (Some(at), _, _) => {
            let pod = &map.cluster.pods[at];
            let target = match port_of(pod, cuts, e.port) {
                Some(key) => Target::Open(key),
                None => Target::Closed(cuts.tells_port(e.port).then_some(e.port)),
            };
            match pod.addresses.iter().position(|a| a.ip == e.address) {
                Some(index) if at_home => (Who::Pod(map.classes.pods[at], index), target),
                _ => (Who::Elsewhere(pod.id), target),
            }
        }
        (None, Some(at), _) => {
            let node = &map.cluster.nodes[at];
            match node.addresses.iter().position(|a| a.ip == e.address) {
                Some(index) if at_home => (
                    Who::Node(map.classes.nodes[at], index),
                    Target::Exact(e.port),
                ),
                _ => (Who::Elsewhere(node.id), Target::Exact(e.port)),
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
        counts: of_port.counts(e),
        placed,
    }
}

fn placed(map: &Map<'_>, e: &ServiceEndpoint) -> Placed {
    match e.node {
        None => Placed::Nowhere,
        Some(node) if home(map, e).is_none_or(|at| map.cluster.nodes[at].id == node) => {
            Placed::Home
        }
        Some(node) => Placed::Elsewhere(node),
    }
}

/// The node that whoever is behind it is on, or is.
pub(super) fn home(map: &Map<'_>, e: &ServiceEndpoint) -> Option<usize> {
    let id = e.entity?;
    let pod = map.pod_at(id).map(|at| map.node_of[at]);
    pod.or_else(|| map.node_at(id))
}
