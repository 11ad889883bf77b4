//! What a check comes to.
//!
//! Must never know: solver types, printing.

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::source::Span;
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::network::graph::Network;
use crate::network::header::Header;
use crate::network::trace::Trace;

/// The verdicts of design.md section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No message violates the constraint, and its premises are not empty.
    Proven,
    /// A counterexample was found and replayed.
    Violated,
    /// Time ran out, or something is not covered; never folded into `Proven`.
    Unknown,
    /// No instance at all satisfies the premises.
    Vacuous,
    /// Violated, and excused by an unexpired waiver with a reason.
    Waived,
}

impl Verdict {
    /// The word of `formats.md`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Violated => "violated",
            Self::Unknown => "unknown",
            Self::Vacuous => "vacuous",
            Self::Waived => "waived",
        }
    }
}

/// The value of a variable in a counterexample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// An entity.
    Entity(EntityId),
    /// An address.
    Address(IpAddr),
    /// A port.
    Port(u16),
    /// A protocol.
    Protocol(Protocol),
    /// An event: an index into the counterexample's messages.
    Event(usize),
}

/// A message of a counterexample, with its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The sender.
    pub sender: EntityId,
    /// The header as sent.
    pub header: Header,
    /// All outcomes, the one that breaks the constraint first.
    pub trace: Trace,
}

/// What the broken clause asked of a message, where it can be said in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That this process receives it.
    Received(EntityId),
    /// That this process does not.
    NotReceived(EntityId),
}

/// A cluster that is the one at hand with pods more.
#[derive(Debug, Clone)]
pub struct Beyond {
    /// The cluster.
    pub cluster: Cluster,
    /// The pods as objects that can be applied.
    pub yaml: String,
}

impl PartialEq for Beyond {
    /// The pods tell all that is different.
    fn eq(&self, other: &Self) -> bool {
        self.yaml == other.yaml
    }
}

impl Eq for Beyond {}

/// The network that messages were walked in, where it is a part of the whole: its switches have the ids that they have
/// there, and places of rules are places in its FIBs.
#[derive(Debug, Clone)]
pub struct Walked(Arc<Network>);

impl Walked {
    /// Shares a network.
    pub fn of(network: Network) -> Self {
        Self(Arc::new(network))
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.0
    }
}

impl PartialEq for Walked {
    /// What happened says it all, wherever it was looked up.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Walked {}

/// What breaks a constraint: plain data that the simulator has agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// Values of the variables in front, in the order of the quantifiers.
    pub assignment: Vec<(String, Witness)>,
    /// One per event variable; none for constraints about addresses alone.
    pub messages: Vec<Message>,
    /// What was wanted; none where the clause says something else.
    pub wanted: Option<Wanted>,
    /// What the clause says that it breaks, in words; none where nobody has said so.
    pub says: Option<&'static str>,
    /// Where pods had to be added to break it: the cluster with them. All ids above are that cluster's.
    pub beyond: Option<Box<Beyond>>,
    /// The network that was walked in, where it is not that of the whole cluster: of a part, or with pods added.
    pub network: Option<Walked>,
    /// Always true: what does not replay is an internal error, never a verdict.
    pub replayed: bool,
}

impl Counterexample {
    /// The network that its traces speak of, where that of the whole cluster is this one.
    pub fn network_in<'n>(&'n self, whole: &'n Network) -> &'n Network {
        self.network.as_ref().map_or(whole, Walked::network)
    }
}

/// An assumption that gives another verdict when it is flipped alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependence {
    /// `ipblock-matches-pods`.
    pub assumption: &'static str,
    /// The other value.
    pub value: &'static str,
    /// The verdict then.
    pub verdict: Verdict,
}

/// The outcome of one constraint on one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// `KP003`.
    pub id: String,
    /// `pod-to-pod`.
    pub constraint: String,
    /// One sentence.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// By which strategy.
    pub strategy: &'static str,
    /// How many queries the solver decided.
    pub queries: usize,
    /// How many table entries were compared natively.
    pub compared: usize,
    /// For which universe it is proven, or why it is not known.
    pub detail: String,
    /// Where something is written that is not modelled, where the verdict is unknown because of it.
    pub unmodelled: Option<Span>,
    /// Where it is violated.
    pub counterexample: Option<Counterexample>,
    /// What the verdict hangs on; filled where there are policies.
    pub depends_on: Vec<Dependence>,
}
