//! Intents as they were read: who must, must never, and who alone may reach whom.
//!
//! Source: `formats.md`, Intent. Knows: what an intent says, defaults filled in. Must never know: YAML keys, which pods
//! it means, the constraint language.

use super::policy::{IpBlock, PortRule, Selector};
use crate::base::source::Span;

/// An intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// `metadata.name`; its results are called so.
    pub name: String,
    /// What is wished.
    pub wish: Wish,
    /// Where the name is written.
    pub origin: Span,
}

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// All of `from` reach all of `to`.
    MustReach(Relation),
    /// None of `from` reaches any of `to`.
    MustNotReach(Relation),
    /// All of `from` reach all of `to`, and nobody else reaches any of `to`.
    OnlyThese(Relation),
    /// Pods with different values of a label do not reach each other.
    Isolate(Isolation),
}

impl Wish {
    /// As the field is called.
    pub fn word(&self) -> &'static str {
        match self {
            Self::MustReach(_) => "mustReach",
            Self::MustNotReach(_) => "mustNotReach",
            Self::OnlyThese(_) => "onlyThese",
            Self::Isolate(_) => "isolate",
        }
    }

    /// Both sides and the ports; an isolation has none.
    pub fn relation(&self) -> Option<&Relation> {
        match self {
            Self::MustReach(r) | Self::MustNotReach(r) | Self::OnlyThese(r) => Some(r),
            Self::Isolate(_) => None,
        }
    }
}

/// Two sides and the ports between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Senders.
    pub from: Vec<IntentPeer>,
    /// Receivers.
    pub to: Vec<IntentPeer>,
    /// Ports of the receiver; none is all that are open, for what must reach, and all, for what must not.
    pub ports: Option<Vec<PortRule>>,
}

/// Groups by a label of pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// The key.
    pub key: String,
    /// Whether the pods without the label are a group too. Else nothing is asked of them.
    pub unlabelled_are_a_group: bool,
    /// Where it is written.
    pub origin: Span,
}

/// One item of a list of peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentPeer {
    /// Who.
    pub who: Who,
    /// Where it is written.
    pub origin: Span,
}

/// Pods by namespace and labels; all that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodsOf {
    /// The one namespace.
    pub namespace: Option<String>,
    /// Namespaces by their labels.
    pub namespaces: Option<Selector>,
    /// Pods by their labels.
    pub pods: Option<Selector>,
}

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Pods at hand.
    Pods(PodsOf),
    /// Any pod that could ever be added.
    AnyPod(PodsOf),
    /// One pod.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Pods of a workload.
    Workload {
        /// The kind in lower case.
        kind: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A Service: whoever answers for its address.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The processes of a node.
    Node(String),
    /// Hosts outside with addresses of a block.
    Block(IpBlock),
    /// One host, or range of hosts, outside.
    External(String),
}
