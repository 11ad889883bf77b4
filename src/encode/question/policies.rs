//! Policies as terms: both directions, three tiers.
//!
//! Source: kubernetes.io, *Network Policies*; network-policy-api, *ClusterNetworkPolicy*. Written from those texts and not
//! from the gates, which replay asks.
//!
//! Must never know: intents, pods one by one.

use super::selection::Trait;
use super::{End, Question};
use crate::model::policy::{
    ClusterPolicy, NetworkPolicy, Peer, PolicyAction, PortRule, PortsOf, Settings, Tier, TierRule,
};
use crate::smt::term::TermId;

/// The policies in question.
#[derive(Debug)]
pub struct Rules<'c> {
    /// NetworkPolicies; those of other namespaces than the ends' may be left out.
    pub network: Vec<&'c NetworkPolicy>,
    /// The others, in the order in which they are asked.
    pub cluster: Vec<&'c ClusterPolicy>,
    /// What is chosen where Kubernetes leaves a choice.
    pub settings: Settings,
}

impl Rules<'_> {
    /// Both ends agree.
    pub fn allow(&self, q: &mut Question<'_>) -> TermId {
        let (egress, ingress) = (self.egress(q), self.ingress(q));
        q.pool.and(&[egress, ingress])
    }

    /// The sender's end agrees.
    pub fn egress(&self, q: &mut Question<'_>) -> TermId {
        self.end(q, End::Sender, End::Receiver)
    }

    /// The receiver's end agrees.
    pub fn ingress(&self, q: &mut Question<'_>) -> TermId {
        self.end(q, End::Receiver, End::Sender)
    }

    fn end(&self, q: &mut Question<'_>, subject: End, peer: End) -> TermId {
        let open = q.pool.truth(true);
        let baseline = self.tier(q, subject, peer, Tier::Baseline, open);
        let network = self.network(q, subject, peer, baseline);
        self.tier(q, subject, peer, Tier::Admin, network)
    }

    /// Whom a NetworkPolicy isolates is asked for nothing but what one allows.
    fn network(&self, q: &mut Question<'_>, subject: End, peer: End, otherwise: TermId) -> TermId {
        let (mut isolated, mut allowed) = (Vec::new(), Vec::new());
        for policy in &self.network {
            let rules = match subject {
                End::Sender => &policy.egress,
                End::Receiver => &policy.ingress,
            };
            let Some(rules) = rules else { continue };
            let own = Some(policy.namespace.as_str());
            let about = q.has(subject, Trait::pods(own, None, &policy.subject));
            isolated.push(about);
            for rule in rules {
                let blocks = self.settings.ipblock_matches_pods;
                let peers = match &rule.peers {
                    None => q.pool.truth(true),
                    Some(all) => peers(q, peer, &policy.namespace, all, blocks),
                };
                let ports = ports(q, rule.ports.as_deref());
                allowed.push(q.pool.and(&[about, peers, ports]));
            }
        }
        // A pod's own node reaches it whatever is said; the other way is a choice.
        if subject == End::Receiver || self.settings.egress_to_own_node {
            let daemon = q.has(peer, Trait::Daemon);
            let there = q.on_one_node();
            allowed.push(q.pool.and(&[daemon, there]));
        }
        let isolated = q.pool.or(&isolated);
        let allowed = q.pool.or(&allowed);
        q.pool.ite(isolated, allowed, otherwise)
    }

    /// The first rule that matches decides; `Pass`, and no match, leave it to what comes after the tier.
    fn tier(
        &self,
        q: &mut Question<'_>,
        subject: End,
        peer: End,
        tier: Tier,
        after: TermId,
    ) -> TermId {
        let mut verdict = after;
        for policy in self.cluster.iter().rev().filter(|p| p.tier == tier) {
            let Peer::Pods {
                namespaces, pods, ..
            } = &policy.subject
            else {
                continue;
            };
            let rules = match subject {
                End::Sender => &policy.egress,
                End::Receiver => &policy.ingress,
            };
            let about = q.has(subject, selected("", namespaces.as_ref(), pods));
            for rule in rules.iter().rev() {
                let (matches, action) = self.tier_rule(q, peer, rule);
                let matches = q.pool.and(&[about, matches]);
                let says = match action {
                    PolicyAction::Accept => q.pool.truth(true),
                    PolicyAction::Deny => q.pool.truth(false),
                    PolicyAction::Pass => after,
                };
                verdict = q.pool.ite(matches, says, verdict);
            }
        }
        verdict
    }

    /// A peer that nobody knows fails closed: it accepts nothing (or everything, to see what hangs on it), and denies
    /// everything.
    fn tier_rule(
        &self,
        q: &mut Question<'_>,
        peer: End,
        rule: &TierRule,
    ) -> (TermId, PolicyAction) {
        let unknown = rule
            .peers
            .iter()
            .any(|p| matches!(p, Peer::FailsClosed { .. }));
        let ports = ports(q, rule.ports.as_deref());
        match rule.action {
            PolicyAction::Accept if unknown && self.settings.domain_names_are_all => {
                (ports, PolicyAction::Accept)
            }
            PolicyAction::Deny | PolicyAction::Pass if unknown => (ports, PolicyAction::Deny),
            action => {
                let peers = peers(q, peer, "", &rule.peers, true);
                (q.pool.and(&[peers, ports]), action)
            }
        }
    }
}

fn selected(
    own: &str,
    namespaces: Option<&crate::model::policy::Selector>,
    pods: &crate::model::policy::Selector,
) -> Trait {
    Trait::pods(namespaces.is_none().then_some(own), namespaces, pods)
}

fn peers(q: &mut Question<'_>, end: End, own: &str, all: &[Peer], blocks: bool) -> TermId {
    let mut ways = Vec::new();
    for peer in all {
        ways.push(match peer {
            Peer::Pods {
                namespaces, pods, ..
            } => q.has(end, selected(own, namespaces.as_ref(), pods)),
            Peer::Block(block) => q.has(end, Trait::block(block, blocks)),
            Peer::Nodes { nodes, .. } => q.has(end, Trait::Node(nodes.requirements.clone())),
            Peer::FailsClosed { .. } => continue,
        });
    }
    q.pool.or(&ways)
}

/// Ports of the receiver; no list is all of them.
pub fn ports(q: &mut Question<'_>, rules: Option<&[PortRule]>) -> TermId {
    let Some(rules) = rules else {
        return q.pool.truth(true);
    };
    let mut ways = Vec::new();
    for rule in rules {
        let protocol = match rule.protocol {
            None => q.pool.truth(true),
            Some(protocol) => q.is_protocol(protocol),
        };
        let port = match &rule.ports {
            PortsOf::Any => q.pool.truth(true),
            PortsOf::Range(low, high) => q.in_range(*low, *high),
            PortsOf::Named(name) => q.is_named(name, rule.protocol),
        };
        ways.push(q.pool.and(&[protocol, port]));
    }
    q.pool.or(&ways)
}
