//! Policies as they were read: NetworkPolicy, ClusterNetworkPolicy and its predecessors.
//!
//! Source: `networking.k8s.io/v1` and `policy.networking.k8s.io` (v1alpha1, v1alpha2, v1beta1).
//! Knows: what a policy says, defaults filled in. Must never know: YAML keys, which pods it means (`policy`).

use std::collections::{BTreeMap, BTreeSet};

use super::inet::{IpNet, Protocol};
use crate::base::source::Span;

/// A label selector. Without requirements it selects everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// All of them must hold; a `matchLabels` entry is an `In` of one value.
    pub requirements: Vec<Requirement>,
    /// Where it is written.
    pub origin: Span,
}

/// One requirement on a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The key.
    pub key: String,
    /// What is required.
    pub operator: Operator,
}

/// What is required of a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// It is there and has one of these values.
    In(BTreeSet<String>),
    /// It is not there, or has none of these values.
    NotIn(BTreeSet<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Selector {
    /// Whether it selects what has these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|r| r.holds(labels))
    }
}

impl Requirement {
    /// Whether it holds of these labels.
    pub fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|v| values.contains(v)),
            Operator::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// Addresses: a prefix without some smaller ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpBlock {
    /// The prefix.
    pub cidr: IpNet,
    /// What is left out of it; each lies strictly inside.
    pub except: Vec<IpNet>,
    /// Where it is written.
    pub origin: Span,
}

impl IpBlock {
    /// Whether it holds some of these addresses of its family, and not all.
    pub fn splits(&self, possible: &[IpNet]) -> bool {
        let apart = |a: &IpNet, b: &IpNet| !a.contains(b) && !b.contains(a);
        let same_family = |net: &&IpNet| net.addr().is_ipv4() == self.cidr.addr().is_ipv4();
        let (mut inside, mut outside) = (false, false);
        for net in possible.iter().filter(same_family) {
            let excepted = self.except.iter().any(|except| except.contains(net));
            if excepted || apart(&self.cidr, net) {
                outside = true;
            } else if self.cidr.contains(net) && self.except.iter().all(|e| apart(e, net)) {
                inside = true;
            } else {
                return true;
            }
        }
        inside && outside
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Pods of the selected namespaces that the other selector selects.
    Pods {
        /// Namespaces; none is the policy's own one.
        namespaces: Option<Selector>,
        /// Pods.
        pods: Selector,
        /// Where it is written.
        origin: Span,
    },
    /// Addresses.
    Block(IpBlock),
    /// Addresses of the selected nodes (ClusterNetworkPolicy, egress).
    Nodes {
        /// Which nodes, by their labels.
        nodes: Selector,
        /// Where it is written.
        origin: Span,
    },
    /// A peer that says nothing we know, or nothing we model (domain names): it fails closed. An Accept of it
    /// matches nothing (or everything, where that is asked for: [`Settings::domain_names_are_all`]), a Deny or Pass
    /// denies everything.
    FailsClosed {
        /// The domain names.
        names: Vec<String>,
        /// Where it is written.
        origin: Span,
    },
}

impl Peer {
    /// Where it is written.
    pub fn origin(&self) -> Span {
        match self {
            Self::Pods { origin, .. }
            | Self::Nodes { origin, .. }
            | Self::FailsClosed { origin, .. } => *origin,
            Self::Block(block) => block.origin,
        }
    }
}

/// Which ports of the destination. For a Service, its port after translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRule {
    /// The protocol; none is all of them.
    pub protocol: Option<Protocol>,
    /// The ports.
    pub ports: PortsOf,
    /// Where it is written.
    pub origin: Span,
}

/// Ports by number or by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PortsOf {
    /// All.
    Any,
    /// From, to, both included.
    Range(u16, u16),
    /// What the destination pod calls so, for the protocol of the rule (all protocols where it has none).
    Named(String),
}

/// One rule of a NetworkPolicy: it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRule {
    /// Who; none is everybody, inside and outside.
    pub peers: Option<Vec<Peer>>,
    /// Ports; none is all ports of all protocols.
    pub ports: Option<Vec<PortRule>>,
    /// Where it is written.
    pub origin: Span,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The pods of its namespace that it is about.
    pub subject: Selector,
    /// What may come in; none where the policy is not about that direction.
    pub ingress: Option<Vec<NetworkRule>>,
    /// What may go out; none where the policy is not about that direction.
    pub egress: Option<Vec<NetworkRule>>,
    /// Where it is written.
    pub origin: Span,
}

/// Before or after the NetworkPolicies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Before.
    Admin,
    /// After, for pods that no NetworkPolicy isolates.
    Baseline,
}

/// What a rule of a tier decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyAction {
    /// It may pass (v1alpha1: Allow).
    Accept,
    /// It may not.
    Deny,
    /// The rest of the tier has no say.
    Pass,
}

/// One rule of a ClusterNetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierRule {
    /// Its name.
    pub name: Option<String>,
    /// What it decides.
    pub action: PolicyAction,
    /// Who; never empty.
    pub peers: Vec<Peer>,
    /// Ports; none is all ports of all protocols.
    pub ports: Option<Vec<PortRule>>,
    /// Where it is written.
    pub origin: Span,
}

/// A ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// Its kind, as written.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// Lower ones decide first.
    pub priority: u32,
    /// The pods it is about: a [`Peer::Pods`] that names its namespaces.
    pub subject: Peer,
    /// What comes in; the first rule that matches decides.
    pub ingress: Vec<TierRule>,
    /// What goes out; the first rule that matches decides.
    pub egress: Vec<TierRule>,
    /// Where it is written.
    pub origin: Span,
}

/// All policies of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// NetworkPolicies, by namespace and name.
    pub network: Vec<NetworkPolicy>,
    /// The others, by tier, priority and name.
    pub cluster: Vec<ClusterPolicy>,
}

impl Policies {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.network.is_empty() && self.cluster.is_empty()
    }
}

/// Where Kubernetes leaves a choice (`formats.md`, Assumptions). The default values are the documented ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, as the command line has them"
)]
pub struct Settings {
    /// `ipblock-matches-pods`: whether an ipBlock matches addresses of pods.
    pub ipblock_matches_pods: bool,
    /// `host-network-policy=pod`: whether a hostNetwork pod is a pod to policies, and not its node.
    pub host_network_as_pod: bool,
    /// `egress-to-own-node=allow`: whether a pod under egress isolation may reach its own node.
    pub egress_to_own_node: bool,
    /// `hairpin=policy`: whether policies are asked when a pod reaches itself through a Service.
    pub hairpin_under_policy: bool,
    /// Whether policies of equal tier and priority are asked in the reverse order of their names.
    pub equal_priority_reversed: bool,
    /// Whether the domain names of a policy stand for every address, or for none. Nobody chooses this: what they stand for
    /// is not known, and what is true at both ends is true between them.
    pub domain_names_are_all: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ipblock_matches_pods: true,
            host_network_as_pod: false,
            egress_to_own_node: true,
            hairpin_under_policy: false,
            equal_priority_reversed: false,
            domain_names_are_all: false,
        }
    }
}
