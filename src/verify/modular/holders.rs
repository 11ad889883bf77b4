//! Who holds which address, as one sorted table.
//!
//! Knows: addresses of pods, nodes and Services, and the ports that are dialled at a node and lead elsewhere. Must never
//! know: rules, formulas, the solver.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;

/// The table.
#[derive(Debug)]
pub(super) struct Holders {
    /// Ascending, without duplicates.
    rows: Vec<(IpAddr, EntityId)>,
    /// Ports of nodes that are a Service's.
    node_ports: HashMap<(u16, Protocol), Vec<EntityId>>,
    /// Ports of a node that lead to one of its pods.
    host_ports: HashMap<(EntityId, u16, Protocol), Vec<EntityId>>,
}

impl Holders {
    /// The table of a cluster.
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut rows = Vec::new();
        let mut host_ports: HashMap<_, Vec<EntityId>> = HashMap::new();
        let mut node_ports: HashMap<_, Vec<EntityId>> = HashMap::new();
        for pod in &cluster.pods {
            rows.extend(pod.addresses.iter().map(|a| (a.ip, pod.id)));
            for port in &pod.host_ports {
                let key = (pod.node, port.host_port, port.protocol);
                host_ports.entry(key).or_default().push(pod.id);
            }
        }
        for node in &cluster.nodes {
            rows.extend(node.addresses.iter().map(|a| (a.ip, node.id)));
        }
        for service in &cluster.services {
            let all = service.addresses.iter().chain(&service.external_addresses);
            rows.extend(all.map(|a| (a.ip, service.id)));
            for port in &service.ports {
                if let Some(number) = port.node_port {
                    let at = node_ports.entry((number, port.protocol)).or_default();
                    at.push(service.id);
                }
            }
        }
        rows.sort_unstable();
        rows.dedup();
        Self {
            rows,
            node_ports,
            host_ports,
        }
    }

    /// How many rows were compared.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Who holds an address.
    pub(super) fn of_address(&self, ip: IpAddr) -> impl Iterator<Item = EntityId> + '_ {
        let first = self.rows.partition_point(|row| row.0 < ip);
        let same = self.rows[first..].iter().take_while(move |row| row.0 == ip);
        same.map(|row| row.1)
    }

    /// The addresses that somebody holds, from this one on, ascending.
    pub(super) fn addresses_from(&self, ip: IpAddr) -> impl Iterator<Item = IpAddr> + '_ {
        let first = self.rows.partition_point(|row| row.0 < ip);
        let groups = self.rows[first..].chunk_by(|a, b| a.0 == b.0);
        groups.map(|group| group[0].0)
    }

    /// Every address with all who hold it.
    pub(super) fn by_address(&self) -> impl Iterator<Item = (IpAddr, &[(IpAddr, EntityId)])> {
        let groups = self.rows.chunk_by(|a, b| a.0 == b.0);
        groups.map(|group| (group[0].0, group))
    }

    /// Groups of entities that hold one address together.
    pub(super) fn shared(&self) -> impl Iterator<Item = &[(IpAddr, EntityId)]> {
        let groups = self.rows.chunk_by(|a, b| a.0 == b.0);
        groups.filter(|group| group.len() > 1)
    }

    /// Who may be meant by a port of an address, beside those who hold the address: Services by a port of every node,
    /// pods by a port of theirs.
    pub(super) fn meant(&self, ip: IpAddr, port: u16, protocol: Protocol) -> Vec<EntityId> {
        let mut all = Vec::new();
        for holder in self.of_address(ip) {
            all.extend(
                self.host_ports
                    .get(&(holder, port, protocol))
                    .into_iter()
                    .flatten(),
            );
            all.extend(self.node_ports.get(&(port, protocol)).into_iter().flatten());
        }
        all
    }

    /// Those who share a port of a node with others.
    pub(super) fn sharing_ports(&self) -> impl Iterator<Item = EntityId> + '_ {
        let groups = self.host_ports.values().chain(self.node_ports.values());
        groups.filter(|group| group.len() > 1).flatten().copied()
    }

    /// How many Services have this port of every node.
    pub(super) fn sharing_node_port(&self, port: u16, protocol: Protocol) -> usize {
        self.node_ports.get(&(port, protocol)).map_or(0, Vec::len)
    }
}
