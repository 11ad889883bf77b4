//! The forwarding information base of a switch: an ordered list of rules, first match wins, no match is discarded.
//!
//! Knows: `[from proto sa sp ta tp → action]` of design.md section 1. Must never know: how rules are made (`lower`), how
//! they are executed (`sim`) or encoded (`encode`).

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::source::Span;
use crate::model::entity::EntityId;

use super::trace::Disposition;

pub use crate::model::cluster::Match;

/// Why a rule discards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiscardReason {
    /// An own address on which nobody listens at that port.
    ClosedPort,
    /// A Service port without an endpoint: refused.
    NoEndpoint,
    /// A Service port without an endpoint on this node, where its policy wants one: dropped without a word.
    NoLocalEndpoint,
    /// An address that cannot be reached from here.
    NoRoute,
    /// A rule of the user, in the user's words.
    Rule(String),
    /// A route of type blackhole.
    Blackhole,
    /// A route of type unreachable or prohibit.
    Unreachable,
    /// A firewall's rule refuses it.
    Reject,
    /// A firewall's rule, or a chain's policy, drops it.
    Drop,
    /// The way back to its source leads elsewhere (`rp_filter`).
    RpFilter,
    /// Nobody answers for the next hop on its link.
    Neighbour,
    /// It goes where nothing is known.
    LeavesCluster,
    /// What happens to it is not known, and why: a verdict that depends on it is `unknown`.
    Unmodelled(String),
}

impl DiscardReason {
    /// How a message that is discarded for it ended.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::ClosedPort => Disposition::ClosedPort,
            Self::NoEndpoint | Self::NoLocalEndpoint => Disposition::NoEndpoint,
            Self::NoRoute => Disposition::NoRoute,
            Self::Rule(_) => Disposition::DiscardRule,
            Self::Blackhole | Self::Drop => Disposition::Blackhole,
            Self::Unreachable => Disposition::Unreachable,
            Self::Reject => Disposition::Reject,
            Self::RpFilter => Disposition::RpFilter,
            Self::Neighbour => Disposition::Neighbour,
            Self::LeavesCluster => Disposition::LeavesCluster,
            Self::Unmodelled(_) => Disposition::Unmodelled,
        }
    }
}

/// What the connection tracking of the switch's namespace knows of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It opens a connection.
    New,
    /// It answers one whose opening message passed here.
    Established,
    /// It answers one whose opening message did not pass here.
    Unseen,
}

/// One way to rewrite a header; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// New source address.
    pub source: Option<IpAddr>,
    /// New source port.
    pub source_port: Option<u16>,
    /// New destination address.
    pub destination: Option<IpAddr>,
    /// New destination port.
    pub destination_port: Option<u16>,
    /// New source address where the source is the new destination itself (a hairpin: a pod meets itself behind a
    /// Service). Without it the answer would never pass the switch that must translate it back.
    pub hairpin_source: Option<IpAddr>,
    /// The endpoint that is meant, for the trace.
    pub target: Option<EntityId>,
}

/// What a rule does with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Hand it to a process, over a link.
    Deliver(EntityId),
    /// Hand it to a switch, over a link.
    Forward(EntityId),
    /// Drop it.
    Discard(DiscardReason),
    /// Rewrite it in one of these ways, remember that for the answer, look up again at the same switch.
    /// Never empty; which way is taken is a choice, and a constraint holds only if it holds for all of them.
    /// All addresses are of one family, and only messages of that family match.
    Translate(Vec<Rewrite>),
    /// Hand it to one of these switches, over a link: which one is a choice (equal paths, who wins a race), of messages
    /// and of answers. Never empty.
    Choose(Vec<EntityId>),
}

/// Which of the seed's or our rules an ideal rule is an instance of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// Seed: `[* * 127.0.0.1 p → Deliver(C)]`, and the same for daemons.
    DeliverLocalhost,
    /// Ours: `[* * 127.0.0.0/8 * → Discard(closed-port)]`.
    ClosedLocalhost,
    /// Seed: `[* * a p → Deliver(C)]`, and the same for daemons.
    DeliverOwnAddress,
    /// Ours: `[* * a * → Discard(closed-port)]`.
    ClosedOwnAddress,
    /// Seed: `[* * * * → Forward(N)]` in a pod.
    PodToNode,
    /// Ours: `[* * va vp → Translate(endpoint)]`.
    Service,
    /// Ours: `[* * a np → Translate(endpoint)]` for a port of the node that is a Service's.
    NodePort,
    /// Ours: `[* * xa vp → Translate(endpoint)]` for an external address or one of a load balancer.
    ExternalService,
    /// Ours: `[* * a hp → Translate(P)]` for a port of the node that is a pod's.
    HostPort,
    /// Seed: `[* * a * → Forward(P)]` in the pod's node.
    NodeToPod,
    /// Seed: `[* * a * → Forward(N')]` for a pod of another node.
    NodeToNodeOfPod,
    /// Ours: `[* * a * → Forward(N')]` for an address of another node.
    NodeToNode,
    /// Ours: `[* * * * → Forward(outside)]`.
    NodeToOutside,
    /// Ours: the rules of the outside.
    Outside,
    /// A rule that a cluster file states.
    Explicit,
    /// What a Linux namespace does.
    Linux,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FibRule {
    /// Which messages.
    pub matches: Match,
    /// Messages in which state; none is any.
    pub state: Option<State>,
    /// What happens to them.
    pub action: Action,
    /// What kind of rule it is.
    pub kind: RuleKind,
    /// The rule in the words of where it is written (`10.1.2.0/24 via 10.1.100.2 dev eth0`); none where it is an ideal
    /// rule or says nothing of interest (one stage of a namespace handing on to the next).
    pub text: Option<Arc<str>>,
    /// What a person should know who asks why it is this rule, as a clause: `it hides 10.1.2.0/24 via 10.1.100.2 dev
    /// eth0, whose metric is worse`; none where the rule speaks for itself. Shown where the message dies or goes astray.
    pub why: Option<Arc<str>>,
    /// Where it is written, or the object that an ideal rule comes from.
    pub origin: Span,
}

/// The rules of one switch, in order.
pub type Fib = Vec<FibRule>;
