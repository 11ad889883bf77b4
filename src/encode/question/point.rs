//! A place that messages come from, or go to: one process's view of one address.
//!
//! Must never know: terms.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::cluster::NamedPort;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;

/// Who a pod is to selectors.
#[derive(Debug, Clone, Copy)]
pub struct PodFacts<'c> {
    /// Its namespace.
    pub namespace: &'c str,
    /// The labels of that.
    pub namespace_labels: &'c BTreeMap<String, String>,
    /// Its labels.
    pub labels: &'c BTreeMap<String, String>,
    /// Names of its ports.
    pub named_ports: &'c [NamedPort],
}

/// What a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PointKind {
    /// A pod, whichever of its containers.
    Pod,
    /// A process of a node.
    Daemon,
    /// A host outside.
    External,
}

/// A sender or receiver.
#[derive(Debug, Clone)]
pub struct Point<'c> {
    /// The process; of a pod the first one as a sender.
    pub process: EntityId,
    /// What it is.
    pub kind: PointKind,
    /// The pod; none of others.
    pub pod: Option<PodFacts<'c>>,
    /// The pod in the network of its node that a daemon belongs to: policies do not know it, intents do.
    pub hosted: Option<PodFacts<'c>>,
    /// The kind and name of its workload.
    pub workload: Option<(&'c str, &'c str)>,
    /// The labels of the node that it is, for policies that select nodes.
    pub node_labels: Option<&'c BTreeMap<String, String>>,
    /// The pod, node or outside it is attached to: two of one switch are not kept apart.
    pub switch: EntityId,
    /// The node that it is on.
    pub node: Option<EntityId>,
    /// Its address.
    pub address: IpAddr,
    /// Ports that are open at the address, with who listens.
    pub listens: Vec<(u16, Protocol, EntityId)>,
}

impl Point<'_> {
    /// What the pod calls so.
    pub fn port_called(&self, name: &str, protocol: Protocol) -> Option<u16> {
        let mut ports = self.pod?.named_ports.iter();
        let found = ports.find(|p| p.name == name && p.protocol == protocol);
        found.map(|p| p.port)
    }
}
