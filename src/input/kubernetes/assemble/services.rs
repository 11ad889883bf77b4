//! What Services are told of the pods and nodes of the cluster.
//!
//! Must never know: selectors, readiness (`services`).

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::Objects;
use super::super::services::{Candidate, Surroundings, assemble};
use super::Made;
use crate::input::problems::Problems;
use crate::model::cluster::Address;
use crate::model::entity::{EntityId, FullName};
use crate::model::service::Service;

/// The Services with the endpoints that are behind them.
pub(super) fn services(
    objects: &Objects,
    made: &Made,
    names: &[FullName],
    problems: &mut Problems,
) -> Vec<Service> {
    let ips = |all: &[Address]| -> Vec<IpAddr> { all.iter().map(|a| a.ip).collect() };
    let nodes: Vec<(EntityId, Vec<IpAddr>)> = made
        .nodes
        .iter()
        .map(|n| (n.id, ips(&n.addresses)))
        .collect();
    let at: HashMap<EntityId, &Vec<IpAddr>> = nodes.iter().map(|(id, a)| (*id, a)).collect();
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for (pod, facts) in &made.pods {
        let namespace = names[pod.id.index()].parts.first();
        candidates.push(Candidate {
            namespace: namespace.map_or("", String::as_str),
            labels: &pod.labels,
            entity: pod.id,
            node: pod.node,
            addresses: ips(&pod.addresses),
            named_ports: &pod.named_ports,
            ready: facts.ready,
            terminating: facts.terminating,
            origin: pod.origin,
        });
    }
    for (pod, facts) in &made.host_pods {
        candidates.push(Candidate {
            namespace: &pod.namespace,
            labels: &pod.labels,
            entity: pod.node,
            node: pod.node,
            addresses: at.get(&pod.node).map(|a| (*a).clone()).unwrap_or_default(),
            named_ports: &pod.named_ports,
            ready: facts.ready,
            terminating: facts.terminating,
            origin: pod.origin,
        });
    }
    candidates.retain(|c| !c.addresses.is_empty());
    let around = Surroundings {
        names,
        pods: &candidates,
        nodes: &nodes,
    };
    assemble(&objects.services, &objects.slices, &around, problems)
}
