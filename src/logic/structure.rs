//! The finite structure that a formula is about: who exists, and the tables of the static predicates.
//!
//! Knows: rows. Must never know: how they were filled, SMT, FIBs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::cluster::Bind;
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::{Family, IpNet, Protocol, successor};
use crate::network::gate::Gates;

/// One entity as formulas see it.
#[derive(Debug, Clone)]
pub struct EntityRow {
    /// Its full name.
    pub name: FullName,
    /// The pod of a container, the node of a pod or daemon.
    pub parent: Option<EntityId>,
    /// Its namespace; a container has its pod's.
    pub namespace: Option<String>,
    /// Its labels; a container has its pod's.
    pub labels: BTreeMap<String, String>,
    /// The labels of its namespace; nothing where it is in none.
    pub namespace_labels: Arc<BTreeMap<String, String>>,
    /// The kind and the name of the workload it belongs to; a container has its pod's.
    pub workload: Option<(String, String)>,
    /// What it calls its ports, each name once a protocol; a container has its pod's, a Service those it offers.
    pub named_ports: Vec<(String, u16, Protocol)>,
}

impl EntityRow {
    /// Its kind.
    pub fn kind(&self) -> EntityKind {
        self.name.kind
    }
}

/// A row of `open(X, a, p, proto)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRow {
    /// The process.
    pub process: EntityId,
    /// On which addresses.
    pub bind: Bind,
    /// From this port …
    pub low: u16,
    /// … to this one.
    pub high: u16,
    /// The protocol; none is all of them.
    pub protocol: Option<Protocol>,
}

/// Whose clients are sent to an endpoint, when they dial a cluster address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Those of every node.
    Everywhere,
    /// Those of one node.
    On(EntityId),
    /// Nobody's: the endpoint serves other ways to the Service only.
    Nowhere,
}

/// A row of `endpoint(S, p, P, a, tp)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// The Service.
    pub service: EntityId,
    /// The port of the Service.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// The pod, or the node where it is a pod in the node's network.
    pub pod: EntityId,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub target_port: u16,
    /// Whose clients are sent to it.
    pub clients: Clients,
}

/// A row of `offered(E, ep, a, p, proto)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedRow {
    /// The Service or the pod.
    pub entity: EntityId,
    /// Its port.
    pub port: u16,
    /// The address that is dialled.
    pub address: IpAddr,
    /// The port that is dialled.
    pub dialled: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// Universe and tables. The universe holds every entity but the outside switch.
#[derive(Debug, Clone, Default)]
pub struct Structure {
    /// By [`EntityId`]; the ids are 0..len. The outside, if any, is among them and is a Switch and nothing else.
    pub entities: Vec<EntityRow>,
    /// `addr(E, a)`: a host prefix for pods, nodes, services; an External has what is in its prefix and not held.
    pub addr: Vec<(EntityId, IpNet)>,
    /// `Pending(P)`, ascending.
    pub pending: Vec<EntityId>,
    /// `host(N, X)`.
    pub host: Vec<(EntityId, EntityId)>,
    /// `open(X, a, p, proto)`.
    pub open: Vec<OpenRow>,
    /// `serves(X, a, p, proto)`: none of hosts outside.
    pub serves: Vec<(EntityId, IpAddr, u16, Protocol)>,
    /// `link(X, Y)`.
    pub link: Vec<(EntityId, EntityId)>,
    /// `port(S, p, proto)`.
    pub service_port: Vec<(EntityId, u16, Protocol)>,
    /// `endpoint(S, p, P, a, tp)`.
    pub endpoint: Vec<EndpointRow>,
    /// `offered(E, ep, a, p, proto)`.
    pub offered: Vec<OfferedRow>,
    /// `selected(S, P, a)`.
    pub selected: Vec<(EntityId, EntityId, IpAddr)>,
    /// `listed(S, a)`.
    pub listed: Vec<(EntityId, IpAddr)>,
    /// What policies say of connections, whether or not the network enforces it.
    pub policies: Gates,
    /// Addresses of pods, nodes and services, ascending: those that no External has.
    pub held: Vec<IpAddr>,
    /// Ports that are named in the cluster that this is a part of; what is whole names its ports itself.
    pub known_ports: Vec<u16>,
}

impl Structure {
    /// The id of a name.
    pub fn find(&self, name: &FullName) -> Option<EntityId> {
        self.entities
            .binary_search_by(|row| row.name.cmp(name))
            .ok()
            .map(|i| EntityId(i as u32))
    }
    /// Whether formulas may speak of it.
    pub fn is_entity(&self, id: EntityId) -> bool {
        let row = self.entities.get(id.index());
        row.is_some_and(|row| row.kind().is_entity())
    }
    /// Whether an entity is dialled at an address of a family: its own, or its pod's or node's.
    pub fn has_family(&self, id: EntityId, family: Family) -> bool {
        let row = &self.entities[id.index()];
        let process = matches!(row.kind(), EntityKind::Container | EntityKind::Daemon);
        let at = row.parent.filter(|_| process).unwrap_or(id);
        let outside = row.kind() == EntityKind::External;
        self.addr.iter().any(|(of, net)| {
            *of == at
                && Family::of(net.addr()) == family
                && (!outside || self.free_in(net).is_some())
        })
    }
    /// The first address of a prefix that nobody holds: what an External has of it; none where all of it is held.
    pub fn free_in(&self, net: &IpNet) -> Option<IpAddr> {
        free_in(&self.held, net)
    }
}

/// The first address of a prefix that is none of these, which ascend.
pub fn free_in(held: &[IpAddr], net: &IpNet) -> Option<IpAddr> {
    let mut next = net.addr();
    while held.binary_search(&next).is_ok() {
        next = successor(next).filter(|ip| net.contains(ip))?;
    }
    Some(next)
}
