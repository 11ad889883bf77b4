//! Policies between which Kubernetes defines no order.
//!
//! Knows: tiers, priorities, who may be a subject of two. Must never know: which order is taken, verdicts.

use std::collections::BTreeSet;

use super::directory::Directory;
use crate::model::cluster::Cluster;
use crate::model::policy::{ClusterPolicy, Peer, Settings, TierRule};

/// The kinds of v1alpha1; nobody says whether they are asked before or after the ClusterNetworkPolicies of their tier,
/// nor that priorities of the two kinds can be compared.
const OLD: [&str; 2] = ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"];

/// Who may be a subject of two policies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subjects {
    /// Pods of the cluster.
    AtHand,
    /// Pods that could be added, too.
    Any,
}

/// Two policies.
type Pair<'c> = (&'c ClusterPolicy, &'c ClusterPolicy);

/// Pairs of policies of equal tier and priority whose order may matter.
pub(super) fn equal_priorities(cluster: &Cluster, who: Subjects) -> Vec<Pair<'_>> {
    conflicting(cluster, who, |a, b| {
        (a.tier, a.priority) == (b.tier, b.priority) && is_old(a) == is_old(b)
    })
}

/// Pairs of a policy of v1alpha1 and a ClusterNetworkPolicy of its tier whose order may matter.
pub(super) fn two_kinds(cluster: &Cluster, who: Subjects) -> Vec<Pair<'_>> {
    conflicting(cluster, who, |a, b| {
        a.tier == b.tier && is_old(a) != is_old(b)
    })
}

fn is_old(policy: &ClusterPolicy) -> bool {
    OLD.contains(&policy.kind)
}

/// Pairs of policies between which no order is defined, that may share a subject and do not all do the same.
fn conflicting(
    cluster: &Cluster,
    who: Subjects,
    unordered: impl Fn(&ClusterPolicy, &ClusterPolicy) -> bool,
) -> Vec<Pair<'_>> {
    let policies = &cluster.policies.cluster;
    let mut pairs = Vec::new();
    for (at, a) in policies.iter().enumerate() {
        for b in &policies[at + 1..] {
            let decide = differ(&a.ingress, &b.ingress) || differ(&a.egress, &b.egress);
            if unordered(a, b) && decide {
                pairs.push((a, b));
            }
        }
    }
    if who == Subjects::AtHand && !pairs.is_empty() {
        let directory = Directory::of(cluster, Settings::default());
        pairs.retain(|(a, b)| {
            let shared = subjects(&directory, a);
            let mut others = subjects(&directory, b).into_iter();
            others.any(|member| shared.contains(&member))
        });
    }
    pairs
}

/// Whether two lists of rules, each with some, do more than one thing together.
fn differ(a: &[TierRule], b: &[TierRule]) -> bool {
    let actions = a.iter().chain(b).map(|rule| rule.action);
    let actions: BTreeSet<_> = actions.collect();
    !a.is_empty() && !b.is_empty() && actions.len() > 1
}

fn subjects(directory: &Directory<'_>, policy: &ClusterPolicy) -> BTreeSet<usize> {
    match &policy.subject {
        Peer::Pods {
            namespaces, pods, ..
        } => {
            let selected = directory.select("", namespaces.as_ref(), pods);
            selected.members.iter().copied().collect()
        }
        _ => BTreeSet::new(),
    }
}
