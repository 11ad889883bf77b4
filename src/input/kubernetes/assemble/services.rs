//! What Services are told of pods and nodes.
//!
//! Must never know: selectors.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::Objects;
use super::super::services::{self, Candidate, Surroundings};
use super::Made;
use super::names::Ids;
use crate::input::problems::Problems;
use crate::model::cluster::Address;
use crate::model::entity::EntityId;
use crate::model::service::Service;

impl Made {
    /// The Services, once everything else has its id.
    pub(super) fn services(
        &self,
        objects: &Objects,
        ids: &Ids,
        problems: &mut Problems,
    ) -> Vec<Service> {
        let ips = |all: &[Address]| all.iter().map(|a| a.ip).collect::<Vec<IpAddr>>();
        let nodes: Vec<(EntityId, Vec<IpAddr>)> = self
            .nodes
            .iter()
            .map(|n| (n.id, ips(&n.addresses)))
            .collect();
        let by_node: BTreeMap<EntityId, &Vec<IpAddr>> =
            nodes.iter().map(|(id, ips)| (*id, ips)).collect();
        let own = self.pods.iter().map(|(pod, facts)| Candidate {
            namespace: namespace(ids, pod.id),
            labels: &pod.labels,
            entity: pod.id,
            node: pod.node,
            addresses: ips(&pod.addresses),
            named_ports: &pod.named_ports,
            ready: facts.ready,
            terminating: facts.terminating,
            origin: pod.origin,
        });
        let hosted = self.host_pods.iter().map(|(pod, facts)| Candidate {
            namespace: &pod.namespace,
            labels: &pod.labels,
            entity: pod.node,
            node: pod.node,
            addresses: by_node
                .get(&pod.node)
                .map_or_else(Vec::new, |ips| (*ips).clone()),
            named_ports: &pod.named_ports,
            ready: facts.ready,
            terminating: facts.terminating,
            origin: pod.origin,
        });
        let pods: Vec<Candidate<'_>> = own.chain(hosted).collect();
        let around = Surroundings {
            names: &ids.names,
            pods: &pods,
            nodes: &nodes,
        };
        services::assemble(&objects.services, &objects.slices, &around, problems)
    }
}

fn namespace(ids: &Ids, pod: EntityId) -> &str {
    ids.names[pod.index()]
        .parts
        .first()
        .map_or("", String::as_str)
}
