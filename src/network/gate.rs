//! Gates: what policies make of connections at a switch.
//!
//! A gate belongs to one pod and one direction, and stands at the node that hosts the pod. It is asked when the node is
//! about to forward or deliver a message that opens a connection; never for an answer. As a filter between the two ends
//! of a node's translation, it sees the destination as the message leaves the node, and the source as it came there.
//! Egress: the message comes from an address of the pod. Ingress: it is about to be handed to the pod. What comes from
//! the pod and goes to the pod itself is not asked, unless the pod meets itself through a Service and policies are said
//! to hold there (`hairpin=policy`). Tiers are asked in order; in each the first rule that matches decides: `Allow` and
//! `Deny` for good, `Pass` (and no match) leaves it to the next tier. After the last tier the message passes.
//!
//! Knows: addresses, ports. Must never know: selectors, labels (`policy` made them addresses).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::source::Span;
use crate::model::entity::EntityId;
use crate::model::inet::{IpNet, PortSet, Protocol};

/// Which way, seen from the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the pod.
    Egress,
    /// To the pod.
    Ingress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        })
    }
}

/// What a rule of a gate decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The message passes this gate.
    Allow,
    /// It dies here.
    Deny,
    /// The next tier is asked.
    Pass,
}

impl Decision {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pass => "pass",
        }
    }
}

/// Addresses as prefixes: ascending, disjoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct AddressSet(Vec<IpNet>);

impl AddressSet {
    /// The union of prefixes.
    pub fn of(nets: impl IntoIterator<Item = IpNet>) -> Self {
        Self(IpNet::aggregate(&nets.into_iter().collect()))
    }

    /// The prefixes.
    pub fn nets(&self) -> &[IpNet] {
        &self.0
    }

    /// Whether an address is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        let after = self.0.partition_point(|net| net.network() <= address);
        self.0[..after]
            .last()
            .is_some_and(|net| net.contains(&address))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Ports by protocol; a protocol that is not listed is not meant.
pub type ProtocolPorts = Vec<(Protocol, PortSet)>;

/// A policy's word on the trace: which policy and rule, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `NetworkPolicy shop/db, ingress rule 1`.
    pub text: String,
    /// Where it is written.
    pub origin: Span,
}

/// One rule of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRule {
    /// The other end; none is everybody.
    pub peers: Option<Arc<AddressSet>>,
    /// Destination ports; none is every port of every protocol.
    pub ports: Option<Arc<ProtocolPorts>>,
    /// What it decides.
    pub decision: Decision,
    /// Why.
    pub cause: Arc<Cause>,
}

impl GateRule {
    /// Whether it matches.
    pub fn matches(&self, peer: IpAddr, protocol: Protocol, port: u16) -> bool {
        self.peers.as_ref().is_none_or(|set| set.contains(peer))
            && self.ports.as_ref().is_none_or(|all| {
                all.iter()
                    .any(|(p, ports)| *p == protocol && ports.contains(port))
            })
    }
}

/// The gate of one pod in one direction. A pod that no policy is about has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The switch that asks it: the node that hosts the pod.
    pub at: EntityId,
    /// The pod.
    pub subject: EntityId,
    /// The pod's addresses.
    pub addresses: Vec<IpAddr>,
    /// Which way.
    pub direction: Direction,
    /// Admin policies, NetworkPolicies, baseline.
    pub tiers: Vec<Vec<GateRule>>,
}

impl Gate {
    /// The tier and the rule that decide a connection with `peer` to a destination port; none where no rule does, and
    /// it passes.
    pub fn decide(&self, peer: IpAddr, protocol: Protocol, port: u16) -> Option<(usize, usize)> {
        self.tiers.iter().enumerate().find_map(|(tier, rules)| {
            let first = rules
                .iter()
                .position(|rule| rule.matches(peer, protocol, port))?;
            (rules[first].decision != Decision::Pass).then_some((tier, first))
        })
    }

    /// A rule by its tier and its place there.
    pub fn rule(&self, tier: usize, rule: usize) -> Option<&GateRule> {
        self.tiers.get(tier)?.get(rule)
    }

    /// Whether a connection passes.
    pub fn passes(&self, peer: IpAddr, protocol: Protocol, port: u16) -> bool {
        self.decide(peer, protocol, port)
            .and_then(|(tier, rule)| self.rule(tier, rule))
            .is_none_or(|rule| rule.decision == Decision::Allow)
    }

    /// Whether the pod has this address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }
}

/// The gates of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gates {
    /// One per pod and direction that a policy is about.
    pub all: Vec<Gate>,
    /// Whether a pod that meets itself through a Service is asked too (`hairpin=policy`).
    pub hairpin: bool,
}

impl Gates {
    /// Whether policies let a connection be opened: dialled at `dialled`, and led from there, by translation, to a port
    /// of `to`. By addresses alone, wherever the gates stand.
    pub fn allow(
        &self,
        source: IpAddr,
        dialled: IpAddr,
        to: IpAddr,
        protocol: Protocol,
        port: u16,
    ) -> bool {
        self.all.iter().all(|gate| {
            let (ours, peer) = match gate.direction {
                Direction::Egress => (source, to),
                Direction::Ingress => (to, source),
            };
            let to_itself = gate.holds(source) && gate.holds(to);
            !gate.holds(ours)
                || to_itself && !(self.hairpin && dialled != to)
                || gate.passes(peer, protocol, port)
        })
    }
}
