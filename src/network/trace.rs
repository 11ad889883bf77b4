//! A trace: the life of one message, one outcome per choice.
//!
//! Knows: events, steps, dispositions. Must never know: who computed it, how it is printed.

use crate::base::source::Span;
use crate::model::entity::EntityId;

use super::header::Header;

/// How a message ended (`formats.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Received, and answered where the protocol wants it.
    Delivered,
    /// Received, but the answer did not come back (TCP, SCTP).
    NoReply,
    /// No rule matched.
    NoRule,
    /// A rule of the user discarded it.
    DiscardRule,
    /// The action wanted a link that is not there.
    NoLink,
    /// The same (switch, header, connection state) came again at the beginning of a hop.
    Loop,
    /// An own address on which nobody listens at that port.
    ClosedPort,
    /// A Service port without an endpoint.
    NoEndpoint,
    /// An address that cannot be reached from where the message is.
    NoRoute,
    /// A policy forbids the connection.
    Policy,
    /// A route of type blackhole, or a firewall that drops without a word.
    Blackhole,
    /// A route of type unreachable or prohibit.
    Unreachable,
    /// A firewall refuses it.
    Reject,
    /// The way back to its source leads elsewhere.
    RpFilter,
    /// Nobody answers for the next hop on its link.
    Neighbour,
    /// It goes where nothing is known.
    LeavesCluster,
    /// What happens to it is not modelled.
    Unmodelled,
}

impl Disposition {
    /// As `formats.md` spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::NoReply => "no-reply",
            Self::NoRule => "no-rule",
            Self::DiscardRule => "discard-rule",
            Self::NoLink => "no-link",
            Self::Loop => "loop",
            Self::ClosedPort => "closed-port",
            Self::NoEndpoint => "no-endpoint",
            Self::NoRoute => "no-route",
            Self::Policy => "policy",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Reject => "reject",
            Self::RpFilter => "rp-filter",
            Self::Neighbour => "neighbour",
            Self::LeavesCluster => "leaves-cluster",
            Self::Unmodelled => "unmodelled",
        }
    }
}

/// What happened at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The process put the message on its way.
    Send,
    /// The switch looked it up and forwards it to another switch.
    Lookup {
        /// The index of the rule in the switch's FIB.
        rule: usize,
        /// The next switch.
        next: EntityId,
    },
    /// The switch rewrote it and looks up again.
    Translate {
        /// The index of the rule; none where an answer is translated back.
        rule: Option<usize>,
        /// Which of the rule's rewrites.
        choice: usize,
    },
    /// The switch hands it to a process.
    Deliver {
        /// The index of the rule; none where an answer meets the socket that asked.
        rule: Option<usize>,
        /// The process.
        to: EntityId,
    },
    /// It died here.
    Discard {
        /// The index of the rule that decided; none where no rule matched or a process had no link.
        rule: Option<usize>,
        /// Why.
        why: Disposition,
        /// The entity that it could not be handed to, where a link is missing.
        toward: Option<EntityId>,
    },
    /// The process took it.
    Receive,
}

/// A gate that was asked, and the rule of a policy that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatePassed {
    /// The index of the gate among the network's.
    pub gate: usize,
    /// Its tier.
    pub tier: usize,
    /// The rule in the tier.
    pub rule: usize,
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub event: Event,
    /// Where: a switch, or a process for `Send` and `Receive`.
    pub at: EntityId,
    /// The pod, node or External that `at` is a stage of; `at` itself where it is none.
    pub of: EntityId,
    /// The message came here within the hop of the step before: from one stage of a namespace to a later one.
    pub continues: bool,
    /// The header as it is after the step.
    pub header: Header,
    /// The place of the rule that decided.
    pub origin: Option<Span>,
    /// The gates where a rule decided, in the order in which they were asked; of a denial the last one denies.
    pub gates: Vec<GatePassed>,
}

/// One direction of travel: from a Send to a Receive or a Discard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Who received it.
    pub receiver: Option<EntityId>,
    /// How this direction ended; `Delivered` iff there is a receiver.
    pub end: Disposition,
}

/// The life of a message under one set of choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended, answer included.
    pub disposition: Disposition,
    /// The header as sent.
    pub sent: Header,
    /// The message's way.
    pub request: Journey,
    /// The header as received; none where nobody received it.
    pub received: Option<Header>,
    /// The answer's way; none where there was nobody to answer.
    pub reply: Option<Journey>,
    /// Whether the answer came back to the sender's socket; none where there was none, or where it cannot be judged.
    pub replied: Option<bool>,
    /// The choices taken, in order, the answer's after the message's: (switch, rule, which of its ways).
    pub choices: Vec<(EntityId, usize, usize)>,
}

/// All outcomes of one message, the failing ones first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// One per choice; never empty.
    pub outcomes: Vec<Outcome>,
}

impl Outcome {
    /// Whether it is not delivered for all that is known, because it meets something that is not modelled.
    pub fn is_unmodelled(&self) -> bool {
        let met = |journey: &Journey| journey.end == Disposition::Unmodelled;
        met(&self.request)
            || self.disposition == Disposition::NoReply && self.reply.as_ref().is_some_and(met)
    }
}

impl Trace {
    /// Whether the model cannot say if the message is delivered: no outcome fails for certain, and one is not modelled.
    pub fn hangs_on_the_unmodelled(&self) -> bool {
        let fails = |o: &Outcome| o.disposition != Disposition::Delivered && !o.is_unmodelled();
        !self.outcomes.iter().any(fails) && self.outcomes.iter().any(Outcome::is_unmodelled)
    }
}
