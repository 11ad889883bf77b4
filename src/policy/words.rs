//! Whether two clusters say the same, wherever it is written.
//!
//! What the input does not give, labels, addresses, an order, may be anything; two clusters that ask the same of the same
//! hang on it alike, and nothing else is known of them. Must never know: answers, printing.

use std::collections::BTreeMap;

use crate::base::source::Span;
use crate::model::cluster::Cluster;
use crate::model::entity::FullName;
use crate::model::policy::{NetworkRule, Peer, Policies, PortRule, Selector, TierRule};

/// Whether policies, selectors of Services, and the labels of whoever is on both sides are the same.
pub fn alike(old: &Cluster, new: &Cluster) -> bool {
    let at = old.origin;
    policies(old, at) == policies(new, at)
        && agree(&pods(old), &pods(new))
        && agree(&hosted(old), &hosted(new))
        && agree(&namespaces(old), &namespaces(new))
        && agree(&nodes(old), &nodes(new))
        && agree(&services(old), &services(new))
}

/// Whether they say the same of what both speak of.
fn agree<K: Ord, V: PartialEq>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> bool {
    let mut both = old.iter().filter_map(|(key, a)| Some((a, new.get(key)?)));
    both.all(|(a, b)| a == b)
}

fn pods(cluster: &Cluster) -> BTreeMap<&FullName, impl PartialEq> {
    let all = cluster.pods.iter();
    all.map(|p| (cluster.name_of(p.id), (&p.labels, p.chosen)))
        .collect()
}

fn hosted(cluster: &Cluster) -> BTreeMap<(&str, &str), impl PartialEq> {
    let all = cluster.host_pods.iter();
    all.map(|p| ((p.namespace.as_str(), p.name.as_str()), &p.labels))
        .collect()
}

fn namespaces(cluster: &Cluster) -> BTreeMap<&str, impl PartialEq> {
    let all = cluster.namespaces.iter();
    all.map(|n| (n.name.as_str(), (&n.labels, n.given)))
        .collect()
}

fn nodes(cluster: &Cluster) -> BTreeMap<&FullName, impl PartialEq> {
    let all = cluster.nodes.iter();
    all.map(|n| {
        (
            cluster.name_of(n.id),
            (&n.labels, n.open, n.addresses_chosen),
        )
    })
    .collect()
}

fn services(cluster: &Cluster) -> BTreeMap<&FullName, impl PartialEq> {
    let all = cluster.services.iter();
    all.map(|s| (cluster.name_of(s.id), &s.selector)).collect()
}

/// The policies as if all of them were written at one place.
fn policies(cluster: &Cluster, at: Span) -> Policies {
    let mut all = cluster.policies.clone();
    for policy in &mut all.network {
        policy.origin = at;
        policy.subject.origin = at;
        let rules = policy
            .ingress
            .iter_mut()
            .chain(&mut policy.egress)
            .flatten();
        for NetworkRule {
            peers,
            ports,
            origin,
        } in rules
        {
            *origin = at;
            peers.iter_mut().flatten().for_each(|p| peer(p, at));
            ports.iter_mut().flatten().for_each(|p| port(p, at));
        }
    }
    for policy in &mut all.cluster {
        policy.origin = at;
        peer(&mut policy.subject, at);
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress);
        for TierRule {
            peers,
            ports,
            origin,
            ..
        } in rules
        {
            *origin = at;
            for one in peers {
                peer(one, at);
            }
            ports.iter_mut().flatten().for_each(|p| port(p, at));
        }
    }
    all
}

fn port(rule: &mut PortRule, at: Span) {
    rule.origin = at;
}

fn peer(peer: &mut Peer, at: Span) {
    let selector = |s: &mut Selector| s.origin = at;
    match peer {
        Peer::Pods {
            namespaces,
            pods,
            origin,
        } => {
            namespaces.iter_mut().for_each(selector);
            selector(pods);
            *origin = at;
        }
        Peer::Nodes { nodes, origin } => {
            selector(nodes);
            *origin = at;
        }
        Peer::Block(block) => block.origin = at,
        Peer::FailsClosed { origin, .. } => *origin = at,
    }
}
