//! A cluster as it was read.
//!
//! Knows: entities, placement, addresses, listeners, services, and the explicit changes to links and FIBs that a
//! cluster file states. Must never know: how it was spelled, which ideal rules exist.
//!
//! INVARIANTS, kept by the front ends (`input`):
//! * ids are canonical: sorted by [`FullName`], which is unique;
//! * every id that is stored names an entity of this cluster, of the kind that the field says;
//! * every pod is on a node.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::entity::{EntityId, EntityKind, FullName};
use super::inet::{IpNet, PortSet, Protocol};
use super::labels::Open;
use super::linux::Snapshot;
use super::policy::Policies;
use super::route::Entrance;
use super::service::Service;
use super::table::Tables;
use crate::base::source::Span;

pub use super::entity::Address;
pub use super::listener::{Bind, Listener};
pub use super::reading::{Reading, Unmodelled, Unread};

/// A container or a daemon.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its id.
    pub id: EntityId,
    /// What it listens on.
    pub open: Vec<Listener>,
    /// Where it is written.
    pub origin: Span,
}

/// A node with its daemons.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: EntityId,
    /// Its addresses; possibly none.
    pub addresses: Vec<Address>,
    /// Its processes.
    pub daemons: Vec<Process>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Which others it may have.
    pub open: Open,
    /// Whether its addresses are not given and were chosen.
    pub addresses_chosen: bool,
    /// Where it is written.
    pub origin: Span,
}

/// A name that a container gives to one of its ports; policies and Services may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPort {
    /// The name.
    pub name: String,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Where it is written.
    pub origin: Span,
}

/// A port of the pod's node that leads to a port of the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPort {
    /// The port of the pod.
    pub port: u16,
    /// The port of the node.
    pub host_port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// The address of the node that it is bound to; none is all of them.
    pub host_ip: Option<IpAddr>,
    /// Where it is written.
    pub origin: Span,
}

/// The workload whose template a pod comes from, or that owns it: `deployment`, `web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// The kind in lower case: `deployment`, `statefulset`, `cronjob`.
    pub kind: String,
    /// Its name; the namespace is the pod's.
    pub name: String,
}

/// What the input does not say of a pod and was chosen for it. Whatever is proven must hold for every other choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chosen {
    /// Its addresses: some that are distinct from all others.
    pub addresses: bool,
    /// Its node.
    pub node: bool,
}

/// A pod with its containers. A pod in the host network is none: see [`HostPod`].
#[derive(Debug, Clone)]
pub struct Pod {
    /// Its id.
    pub id: EntityId,
    /// The node that hosts it.
    pub node: EntityId,
    /// Its addresses; possibly none.
    pub addresses: Vec<Address>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Which others it may have: those of a snapshot's pod without a Pod object are not known.
    pub open: Open,
    /// Its processes.
    pub containers: Vec<Process>,
    /// Names of ports, in the order in which they are searched: containers, then sidecars.
    pub named_ports: Vec<NamedPort>,
    /// Ports of its node that lead to it.
    pub host_ports: Vec<HostPort>,
    /// The workload it belongs to, if any.
    pub workload: Option<Workload>,
    /// Whether it waits to be started and has no address yet.
    pub pending: bool,
    /// What was chosen for it.
    pub chosen: Chosen,
    /// Where it is written.
    pub origin: Span,
}

/// A pod in the network of its node: its containers are daemons of that node, and this is who they are to policies.
#[derive(Debug, Clone)]
pub struct HostPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node.
    pub node: EntityId,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its containers, as daemons of the node.
    pub daemons: Vec<EntityId>,
    /// Names of ports, in the order in which they are searched.
    pub named_ports: Vec<NamedPort>,
    /// The workload it belongs to, if any.
    pub workload: Option<Workload>,
    /// Where it is written.
    pub origin: Span,
}

/// A namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels, `kubernetes.io/metadata.name` among them.
    pub labels: BTreeMap<String, String>,
    /// Whether there is a Namespace object; else other labels than the name are not known.
    pub given: bool,
    /// Where it is written; the first object in it where it is not given.
    pub origin: Span,
}

impl Namespace {
    /// A namespace of which only the name is known: it has the label that the control plane gives to each.
    pub fn named(name: &str, origin: Span) -> Self {
        Self {
            name: name.to_owned(),
            labels: [(NAME_LABEL.to_owned(), name.to_owned())].into(),
            given: false,
            origin,
        }
    }
}

/// The label that the control plane gives to every namespace.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A host, or a range of hosts, outside.
#[derive(Debug, Clone)]
pub struct External {
    /// Its id.
    pub id: EntityId,
    /// Its addresses.
    pub prefixes: Vec<IpNet>,
    /// What it listens on, where that is known; else it takes everything.
    pub open: Option<Vec<Listener>>,
    /// Where it is written.
    pub origin: Span,
}

/// A link from one entity to another, one direction.
#[derive(Debug, Clone, Copy)]
pub struct LinkEdit {
    /// Who hands over.
    pub from: EntityId,
    /// Who takes.
    pub to: EntityId,
    /// Where it is written.
    pub origin: Span,
}

/// Which messages a rule is about; what is none matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Match {
    /// Source addresses.
    pub from: Option<IpNet>,
    /// Source ports.
    pub from_ports: Option<PortSet>,
    /// Destination addresses.
    pub to: Option<IpNet>,
    /// Destination ports.
    pub to_ports: Option<PortSet>,
    /// The protocol.
    pub protocol: Option<Protocol>,
}

/// What an explicit rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExplicitAction {
    /// Hand it to a process.
    Deliver(EntityId),
    /// Hand it to a switch.
    Forward(EntityId),
    /// Drop it, for a reason in the user's words.
    Discard(String),
    /// Rewrite header fields, remember it for the answer, look up again.
    Translate {
        /// New source address.
        from: Option<IpAddr>,
        /// New source port.
        from_port: Option<u16>,
        /// New destination address.
        to: Option<IpAddr>,
        /// New destination port.
        to_port: Option<u16>,
    },
}

/// A rule that a cluster file states.
#[derive(Debug, Clone)]
pub struct ExplicitRule {
    /// Which messages.
    pub matches: Match,
    /// What happens to them.
    pub action: ExplicitAction,
    /// Where it is written.
    pub origin: Span,
}

/// Removes the ideal rules with exactly this match. Without a protocol: whatever theirs.
#[derive(Debug, Clone)]
pub struct RuleRemoval {
    /// The match.
    pub matches: Match,
    /// Where it is written.
    pub origin: Span,
}

/// What a cluster file says of one switch's FIB.
#[derive(Debug, Clone)]
pub struct FibEdit {
    /// The switch.
    pub at: EntityId,
    /// `ideal: keep` (true) or `none` (false).
    pub keep_ideal: bool,
    /// Ideal rules to leave out.
    pub remove: Vec<RuleRemoval>,
    /// Rules before the ideal ones.
    pub before: Vec<ExplicitRule>,
    /// Rules after the ideal ones.
    pub after: Vec<ExplicitRule>,
    /// Where it is written.
    pub origin: Span,
}

/// Everything that was read of one cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// `metadata.name`, else the PATH as given.
    pub name: String,
    /// The PATH as given.
    pub path: String,
    /// Every entity's full name, by id; the outside comes last where there is one.
    pub names: Vec<FullName>,
    /// Nodes, by id.
    pub nodes: Vec<Node>,
    /// Pods, by id.
    pub pods: Vec<Pod>,
    /// Pods in the network of their node, by namespace and name.
    pub host_pods: Vec<HostPod>,
    /// Namespaces, by name: every one that an object is in.
    pub namespaces: Vec<Namespace>,
    /// Services, by id.
    pub services: Vec<Service>,
    /// Ingresses, Gateways and routes.
    pub entrances: Vec<Entrance>,
    /// NetworkPolicies, ClusterNetworkPolicies and their predecessors.
    pub policies: Policies,
    /// Externals, by id.
    pub externals: Vec<External>,
    /// The outside switch; exists where there is an external.
    pub outside: Option<EntityId>,
    /// Ideal links to leave out.
    pub links_removed: Vec<LinkEdit>,
    /// Links beyond the ideal ones.
    pub links_added: Vec<LinkEdit>,
    /// Changes to FIBs, in the order they are written.
    pub fibs: Vec<FibEdit>,
    /// Route tables of nodes.
    pub tables: Tables,
    /// The network as it was installed, where that was dumped; else it is the ideal one.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What is known of the input as a whole.
    pub reading: Reading,
    /// Where the cluster is written.
    pub origin: Span,
}

impl Cluster {
    /// The full name of an entity.
    pub fn name_of(&self, id: EntityId) -> &FullName {
        &self.names[id.index()]
    }

    /// The kind of an entity.
    pub fn kind_of(&self, id: EntityId) -> EntityKind {
        self.names[id.index()].kind
    }

    /// All ids, in canonical order.
    pub fn ids(&self) -> impl Iterator<Item = EntityId> + use<> {
        (0..self.names.len() as u32).map(EntityId)
    }
}
