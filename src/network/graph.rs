//! The network graph of one cluster.
//!
//! Knows: switches, processes, links, who owns which address for sending. Must never know: Kubernetes beyond an
//! [`EntityId`]; formulas; the solver.
//!
//! INVARIANT: `switches` and `processes` are sorted by id; every id in a rule or link is one of them.

use std::collections::BTreeSet;

use crate::model::entity::EntityId;
use crate::model::inet::IpNet;

use super::fib::Fib;
use super::gate::Gates;

/// A switch with its FIB.
#[derive(Debug, Clone)]
pub struct Switch {
    /// The pod, node or outside.
    pub id: EntityId,
    /// Its rules.
    pub fib: Fib,
    /// The pod, node or External that it is a stage of; itself where a switch is a whole one.
    pub of: EntityId,
    /// Among the stages of one namespace: a message that is handed on, unchanged, to a stage of higher rank stays within
    /// the same hop. 0 for whole switches.
    pub rank: u32,
    /// Switches whose translations are undone here for answers. A whole switch undoes its own.
    pub undoes: Vec<EntityId>,
    /// Whether a message that is here is seen by the connection tracking of `of` (see [`super::fib::State`]).
    pub tracks: bool,
}

impl Switch {
    /// A switch that is a whole one.
    pub fn whole(id: EntityId, fib: Fib) -> Self {
        Self {
            id,
            fib,
            of: id,
            rank: 0,
            undoes: vec![id],
            tracks: true,
        }
    }
}

/// Which source addresses a process may honestly use (design.md, `Send`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// The addresses of the sender's namespace that are not loopback; of the destination's family.
    Own(Vec<std::net::IpAddr>),
    /// Addresses in these prefixes that no pod, node or service holds (an External).
    Within(Vec<IpNet>),
    /// Any address that nobody holds (a node without addresses); whether an answer comes back cannot be judged.
    Free,
    /// By source address selection: the first prefix that holds the destination says which addresses may be used. Where
    /// none does, the process cannot send there.
    Selected(Vec<(IpNet, Vec<std::net::IpAddr>)>),
}

/// A process, where it is attached, and what it may send from.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The container, daemon or external.
    pub id: EntityId,
    /// The switch that its messages go to: of its namespace.
    pub switch: EntityId,
    /// The switch where messages to it arrive and its sockets wait for answers; the same where the switch is a whole one.
    pub socket: EntityId,
    /// Its source addresses. Messages to loopback are sent from loopback, whatever these are.
    pub sources: Sources,
}

/// Switches, processes, directed links.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Switches, by id.
    pub switches: Vec<Switch>,
    /// Processes, by id.
    pub processes: Vec<Endpoint>,
    /// Directed links.
    pub links: BTreeSet<(EntityId, EntityId)>,
    /// What policies make of connections, where the plugin enforces them.
    pub gates: Gates,
    /// Every address that a pod, node or service holds, ascending, without duplicates.
    pub held: Vec<std::net::IpAddr>,
    /// Addresses that nobody here dials or sends from: others, who are not here, are asked about in their stead.
    pub elsewhere: Vec<crate::model::inet::IpNet>,
}

impl Network {
    /// The switch with this id.
    pub fn switch(&self, id: EntityId) -> Option<&Switch> {
        self.switches
            .binary_search_by_key(&id, |s| s.id)
            .ok()
            .map(|i| &self.switches[i])
    }
    /// The process with this id.
    pub fn process(&self, id: EntityId) -> Option<&Endpoint> {
        self.processes
            .binary_search_by_key(&id, |p| p.id)
            .ok()
            .map(|i| &self.processes[i])
    }
    /// Whether `from` may hand a message to `to`.
    pub fn link(&self, from: EntityId, to: EntityId) -> bool {
        self.links.contains(&(from, to))
    }
}
