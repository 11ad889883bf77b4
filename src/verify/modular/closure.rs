//! What a message between the chosen entities can meet is chosen too.
//!
//! *Closed*: a pod comes with its node; an address with all who hold it; a Service with an endpoint wherever it has one
//! (ready or not, of each family, on each node where its policy asks). A message whose addresses all belong to the part,
//! or to nobody in the whole cluster, fares in the part as it does in the whole (docs/modular.md).
//!
//! Must never know: classes, formulas, the solver.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::model::service::{Readiness, Service, ServiceEndpoint, ServicePort};

use super::choose::{Chosen, Map};
use super::cuts::Cuts;
use super::kinds::keeps_to_a_node;

/// With more nodes than these, a counterexample from outside is not told with all nodes that may take it in.
const MOST_ENTRANCES: usize = 80;

/// With more endpoints than these, those that nobody in the cluster is are told by one of each class.
const MOST_STRANGERS: usize = 80;

/// Closes what was chosen.
pub(super) fn close(map: &Map<'_>, cuts: &Cuts, chosen: &mut Chosen) {
    loop {
        let before = chosen.clone();
        let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
        for &pod in &before.pods {
            chosen.nodes.insert(map.node_of[pod]);
            addresses.extend(map.cluster.pods[pod].addresses.iter().map(|a| a.ip));
        }
        for &node in &before.nodes {
            addresses.extend(map.cluster.nodes[node].addresses.iter().map(|a| a.ip));
        }
        for &at in &before.services {
            let service = &map.cluster.services[at];
            let own = service.addresses.iter().chain(&service.external_addresses);
            addresses.extend(own.map(|a| a.ip));
            endpoints(map, cuts, at, chosen);
            let kept = kept(map, cuts, chosen, at);
            addresses.extend(kept.iter().flatten().map(|e| e.address));
            // The node that it is said to be on need not be its pod's.
            let said = kept.iter().flatten().filter_map(|e| e.node);
            chosen.nodes.extend(said.filter_map(|id| map.node_at(id)));
            if map.cluster.outside.is_some() && !service.external_addresses.is_empty() {
                let nodes = map.cluster.nodes.len();
                let few = nodes <= MOST_ENTRANCES;
                if chosen.whole.contains(&at) && few || chosen.every_entrance {
                    chosen.nodes.extend(0..nodes);
                }
                entrances(map, service, chosen);
            }
        }
        for ip in addresses {
            for holder in map.holders.of_address(ip) {
                add(map, holder, chosen);
            }
        }
        if *chosen == before {
            return;
        }
    }
}

/// Adds an entity of the whole cluster.
pub(super) fn add(map: &Map<'_>, id: EntityId, chosen: &mut Chosen) {
    chosen.pods.extend(map.pod_at(id));
    chosen.nodes.extend(map.node_at(id));
    chosen.services.extend(map.service_at(id));
}

/// Endpoints that a Service must keep, so that where it had one it still has one.
fn endpoints(map: &Map<'_>, cuts: &Cuts, at: usize, chosen: &mut Chosen) {
    let service = &map.cluster.services[at];
    let mut wanted: Vec<EntityId> = Vec::new();
    for port in &service.ports {
        if chosen.whole.contains(&at) {
            wanted.extend(port.endpoints.iter().filter_map(|e| e.entity));
            continue;
        }
        let kept = kept_of(map, cuts, chosen, at, port);
        for family in [Family::V4, Family::V6] {
            let all = port
                .endpoints
                .iter()
                .filter(|e| Family::of(e.address) == family);
            let all: Vec<&ServiceEndpoint> = all.collect();
            wanted.extend(missing(&all, &kept, |_| true));
            if service.internal_local || service.external_local {
                for &node in &chosen.nodes {
                    let id = map.cluster.nodes[node].id;
                    wanted.extend(missing(&all, &kept, |e| e.node == Some(id)));
                }
            }
        }
    }
    for id in wanted {
        add(map, id, chosen);
    }
    // A mismatch is judged on all that the Service lists and means (KP012).
    if mismatch(service) {
        for selected in &service.selected {
            add(map, selected.entity, chosen);
        }
    }
}

/// The plainest endpoint of the readiness that counts, where none of it is kept.
fn missing(
    all: &[&ServiceEndpoint],
    kept: &[&ServiceEndpoint],
    here: impl Fn(&ServiceEndpoint) -> bool,
) -> Option<EntityId> {
    let of = |readiness: Readiness| {
        let all = all.iter().copied();
        all.filter(|e| e.readiness == readiness && here(e))
            .collect::<Vec<_>>()
    };
    let mut counted = of(Readiness::Ready);
    if counted.is_empty() {
        counted = of(Readiness::Terminating);
    }
    let is_kept = |e: &&ServiceEndpoint| kept.iter().any(|k| std::ptr::eq(*k, *e));
    if counted.is_empty() || counted.iter().any(is_kept) {
        return None;
    }
    let least = counted
        .iter()
        .filter(|e| e.entity.is_some())
        .min_by_key(|e| e.address);
    least.and_then(|e| e.entity)
}

/// A node that takes in what is sent to external addresses: for each port and family the first that can serve it. What is
/// chosen for ports of nodes (`services`) holds the other ways in which one can stand to the endpoint.
fn entrances(map: &Map<'_>, service: &Service, chosen: &mut Chosen) {
    for port in &service.ports {
        for family in [Family::V4, Family::V6] {
            let ready = |readiness| {
                let of_family = port
                    .endpoints
                    .iter()
                    .filter(|e| Family::of(e.address) == family);
                of_family
                    .filter(|e| e.readiness == readiness)
                    .filter_map(|e| e.node)
                    .min()
            };
            let serving = [Readiness::Ready, Readiness::Terminating].map(ready);
            for node in serving.into_iter().flatten() {
                chosen.nodes.extend(map.node_at(node));
            }
            chosen
                .nodes
                .extend((!map.cluster.nodes.is_empty()).then_some(0));
        }
    }
}

/// By port of the Service: the endpoints that the part keeps.
pub(super) fn kept<'c>(
    map: &Map<'c>,
    cuts: &Cuts,
    chosen: &Chosen,
    at: usize,
) -> Vec<Vec<&'c ServiceEndpoint>> {
    let service = &map.cluster.services[at];
    let ports = service.ports.iter();
    ports
        .map(|port| kept_of(map, cuts, chosen, at, port))
        .collect()
}

fn kept_of<'c>(
    map: &Map<'c>,
    cuts: &Cuts,
    chosen: &Chosen,
    at: usize,
    port: &'c ServicePort,
) -> Vec<&'c ServiceEndpoint> {
    let local = keeps_to_a_node(&map.cluster.services[at]);
    // Of endpoints that nobody in the cluster is, one for each class of addresses, and each node that counts its own; all of
    // a few, where the Service is told with all its endpoints.
    let all_of_few = chosen.whole.contains(&at) && port.endpoints.len() <= MOST_STRANGERS;
    let mut strangers = HashSet::new();
    let mut all = Vec::new();
    for endpoint in &port.endpoints {
        let keep = if let Some(id) = endpoint.entity {
            map.pod_at(id).is_some_and(|p| chosen.pods.contains(&p))
                || map.node_at(id).is_some_and(|n| chosen.nodes.contains(&n))
        } else {
            let held = map.holders.of_address(endpoint.address).next().is_some();
            let class = (
                Family::of(endpoint.address),
                cuts.class(endpoint.address),
                endpoint.readiness,
                endpoint.port,
                endpoint.node.filter(|_| local),
            );
            let node = endpoint.node.and_then(|id| map.node_at(id));
            let here = !local || node.is_none_or(|at| chosen.nodes.contains(&at));
            held || here && (all_of_few || strangers.insert(class))
        };
        if keep {
            all.push(endpoint);
        }
    }
    all
}

/// Whether its EndpointSlices list others than its selector means.
pub(super) fn mismatch(service: &Service) -> bool {
    if !service.endpoints_given || service.selector.is_none() {
        return false;
    }
    let selected: BTreeSet<IpAddr> = service.selected.iter().map(|s| s.address).collect();
    let listed: BTreeSet<IpAddr> = service.listed.iter().map(|a| a.ip).collect();
    selected != listed
}
