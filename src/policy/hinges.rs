//! What verdicts about a cluster may hang on: choices that its policies make matter.
//!
//! Knows: which settings could change a gate of this cluster. Must never know: verdicts.
//!
//! Nothing is left out that matters; what is named may turn out to change nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::addresses::without;
use super::directory::Directory;
use super::labels::{Unsaid, Whose};
use super::orders::{self, Subjects};
use crate::base::source::Span;
use crate::model::cluster::{Cluster, HostPod};
use crate::model::entity::EntityId;
use crate::model::inet::{IpNet, private};
use crate::model::policy::{
    IpBlock, NetworkRule, Peer, PolicyAction, PortRule, PortsOf, Selector, Settings,
};
use crate::network::gate::AddressSet;

/// A choice that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Choice {
    /// `ipblock-matches-pods`.
    IpBlockMatchesPods,
    /// `host-network-policy`.
    HostNetworkPolicy,
    /// `egress-to-own-node`.
    EgressToOwnNode,
    /// `hairpin`.
    Hairpin,
    /// `equal-priority`.
    EqualPriority,
    /// The same where more than two policies are in it: their order and its reverse are not all orders.
    EqualPriorities,
    /// Whether a policy of v1alpha1 is asked before or after ClusterNetworkPolicies of its tier.
    TwoKinds,
    /// What the domain names of policies stand for: [`Settings::domain_names_are_all`]. Not for users to choose.
    DomainNames,
    /// Which addresses pods have that the input does not give.
    ChosenAddresses,
    /// Which addresses nodes have that the input does not give.
    NodeAddresses,
    /// Which labels there are that the input does not give.
    Labels(Whose),
}

/// A choice that matters for a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hinge {
    /// Which.
    pub choice: Choice,
    /// The settings with this choice made the other way; none where it is no setting.
    pub flipped: Option<Settings>,
    /// The first place where it matters.
    pub origin: Span,
}

/// What verdicts about this cluster may hang on.
pub fn hangs_on(cluster: &Cluster, settings: &Settings) -> Vec<Hinge> {
    let settings = *settings;
    let mut hinges = Vec::new();
    let mut add = |choice, flipped, origin: Option<Span>| {
        hinges.extend(origin.map(|origin| Hinge {
            choice,
            flipped,
            origin,
        }));
    };
    let mut other = settings;
    other.ipblock_matches_pods ^= true;
    add(
        Choice::IpBlockMatchesPods,
        Some(other),
        block_on_pod(cluster),
    );
    other = settings;
    other.host_network_as_pod ^= true;
    add(Choice::HostNetworkPolicy, Some(other), host_pods(cluster));
    other = settings;
    other.egress_to_own_node ^= true;
    add(
        Choice::EgressToOwnNode,
        Some(other),
        egress_isolation(cluster),
    );
    other = settings;
    other.hairpin_under_policy ^= true;
    add(Choice::Hairpin, Some(other), hairpin(cluster));
    other = settings;
    other.equal_priority_reversed ^= true;
    let equal = orders::equal_priorities(cluster, Subjects::AtHand);
    let several = equal.get(1).map(|(a, _)| a.origin);
    let equal = equal.first().map(|(a, _)| a.origin);
    add(Choice::EqualPriority, Some(other), equal);
    add(Choice::EqualPriorities, None, several);
    let kinds = orders::two_kinds(cluster, Subjects::AtHand);
    add(Choice::TwoKinds, None, kinds.first().map(|(a, _)| a.origin));
    other = settings;
    other.domain_names_are_all ^= true;
    add(Choice::DomainNames, Some(other), domain_names(cluster));
    add(Choice::ChosenAddresses, None, chosen(cluster, settings));
    add(Choice::NodeAddresses, None, chosen_of_nodes(cluster));
    for (whose, origin) in Unsaid::of(cluster).selectors(false) {
        add(Choice::Labels(whose), None, Some(origin));
    }
    hinges
}

/// All rules of NetworkPolicies that are in force.
fn network_rules(cluster: &Cluster) -> impl Iterator<Item = &NetworkRule> {
    let policies = cluster.policies.network.iter();
    policies.flat_map(|p| p.ingress.iter().chain(&p.egress).flatten())
}

fn network_blocks(cluster: &Cluster) -> impl Iterator<Item = &IpBlock> {
    blocks(network_rules(cluster).flat_map(|rule| rule.peers.iter().flatten()))
}

fn cluster_peers(cluster: &Cluster) -> impl Iterator<Item = &Peer> {
    let policies = cluster.policies.cluster.iter();
    policies.flat_map(|p| p.ingress.iter().chain(&p.egress).flat_map(|r| &r.peers))
}

fn blocks<'c>(peers: impl Iterator<Item = &'c Peer>) -> impl Iterator<Item = &'c IpBlock> {
    peers.filter_map(|peer| match peer {
        Peer::Block(block) => Some(block),
        _ => None,
    })
}

fn block_on_pod(cluster: &Cluster) -> Option<Span> {
    let pods = cluster.pods.iter();
    let mut held: Vec<IpAddr> = pods
        .flat_map(|p| p.addresses.iter().map(|a| a.ip))
        .collect();
    held.sort_unstable();
    let covers = |block: &&IpBlock| {
        let holes = AddressSet::of(block.except.iter().copied());
        without(block.cidr, &holes).iter().any(|net| {
            let next = held.partition_point(|&address| address < net.network());
            held.get(next).is_some_and(|address| net.contains(address))
        })
    };
    network_blocks(cluster)
        .find(|b| covers(b))
        .map(|b| b.origin)
}

/// Where a policy means a pod in the network of its node.
fn host_pods(cluster: &Cluster) -> Option<Span> {
    if cluster.host_pods.is_empty() || cluster.policies.is_empty() {
        return None;
    }
    let as_pods = Settings {
        host_network_as_pod: true,
        ..Settings::default()
    };
    let directory = Directory::of(cluster, as_pods);
    let pods = cluster.pods.len();
    let means = |own: &str, namespaces: Option<&Selector>, selector: &Selector| {
        let selection = directory.select(own, namespaces, selector);
        selection.members.last().is_some_and(|&last| last >= pods)
    };
    let peer_means = |own: &str, peer: &Peer| match peer {
        Peer::Pods {
            namespaces, pods, ..
        } => means(own, namespaces.as_ref(), pods),
        _ => false,
    };
    let named = |ports: &Option<Vec<PortRule>>| {
        let mut all = ports.iter().flatten();
        all.any(|p| matches!(p.ports, PortsOf::Named(_)))
    };
    for policy in &cluster.policies.network {
        if means(&policy.namespace, None, &policy.subject) {
            return Some(policy.origin);
        }
        for rule in policy.ingress.iter().chain(&policy.egress).flatten() {
            let hit = match &rule.peers {
                Some(peers) => peers.iter().any(|p| peer_means(&policy.namespace, p)),
                // Names of ports belong to pods, and a hostNetwork pod is one or is none.
                None => named(&rule.ports),
            };
            if hit {
                return Some(rule.origin);
            }
        }
    }
    let mut policies = cluster.policies.cluster.iter();
    let hit = policies.find(|policy| {
        let rules = policy.ingress.iter().chain(&policy.egress);
        let mut peers = rules.flat_map(|rule| &rule.peers);
        peer_means("", &policy.subject) || peers.any(|p| peer_means("", p))
    });
    hit.map(|policy| policy.origin)
}

/// Processes that policies cannot tell from others of their node: under `host-network-policy=pod` a pod in the network of
/// its node is known by the addresses of that node, and whatever else runs there has the same ones.
pub fn unclear(cluster: &Cluster, settings: &Settings) -> BTreeSet<EntityId> {
    let mut unclear = BTreeSet::new();
    if !settings.host_network_as_pod || host_pods(cluster).is_none() {
        return unclear;
    }
    for node in &cluster.nodes {
        let mut here = cluster.host_pods.iter().filter(|p| p.node == node.id);
        let Some(first) = here.next() else {
            continue;
        };
        let is_as_first = |p: &HostPod| {
            (&p.namespace, &p.labels, &p.named_ports)
                == (&first.namespace, &first.labels, &first.named_ports)
        };
        let alike = here.all(is_as_first);
        let hosted = |id| cluster.host_pods.iter().any(|p| p.daemons.contains(&id));
        let daemons = node.daemons.iter().map(|d| d.id);
        unclear.extend(daemons.filter(|id| !alike || !hosted(*id)));
    }
    unclear
}

fn egress_isolation(cluster: &Cluster) -> Option<Span> {
    let directory = Directory::of(cluster, Settings::default());
    let mut policies = cluster.policies.network.iter();
    let found = policies.find(|policy| {
        let subjects = directory.select(&policy.namespace, None, &policy.subject);
        policy.egress.is_some() && !subjects.members.is_empty()
    });
    found.map(|policy| policy.origin)
}

/// Where a pod that policies are about is behind a Service.
fn hairpin(cluster: &Cluster) -> Option<Span> {
    let ports = cluster.services.iter().flat_map(|s| &s.ports);
    let endpoints: BTreeSet<EntityId> = ports
        .flat_map(|port| &port.endpoints)
        .filter_map(|endpoint| endpoint.entity)
        .collect();
    if endpoints.is_empty() {
        return None;
    }
    let directory = Directory::of(cluster, Settings::default());
    let behind = |own: &str, namespaces: Option<&Selector>, pods: &Selector| {
        let subjects = directory.select(own, namespaces, pods);
        let mut members = subjects.members.iter();
        members.any(|&at| {
            let own = &directory.members[at].subjects;
            own.iter().any(|id| endpoints.contains(id))
        })
    };
    let mut policies = cluster.policies.network.iter();
    let found = policies.find(|policy| behind(&policy.namespace, None, &policy.subject));
    let mut tiers = cluster.policies.cluster.iter();
    let mut in_tiers = || {
        tiers.find(|policy| match &policy.subject {
            Peer::Pods {
                namespaces, pods, ..
            } => behind("", namespaces.as_ref(), pods),
            _ => false,
        })
    };
    let found = found.map(|policy| policy.origin);
    found.or_else(|| in_tiers().map(|policy| policy.origin))
}

/// An order between policies that is not defined and that no switch decides, where pods count that could be added: these
/// may be subjects of all of them.
pub fn orders_for_added(cluster: &Cluster) -> Option<(Choice, Span)> {
    let several = orders::equal_priorities(cluster, Subjects::Any);
    let several = several
        .get(1)
        .map(|(a, _)| (Choice::EqualPriorities, a.origin));
    several.or_else(|| {
        let kinds = orders::two_kinds(cluster, Subjects::Any);
        let first = kinds.first();
        first.map(|(a, _)| (Choice::TwoKinds, a.origin))
    })
}

/// A rule that accepts what goes to domain names, whomever it is about: a pod that could be added is one too.
fn domain_names(cluster: &Cluster) -> Option<Span> {
    let policies = cluster.policies.cluster.iter();
    let rules = policies.flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let accepting = rules.filter(|rule| rule.action == PolicyAction::Accept);
    let mut peers = accepting.flat_map(|rule| &rule.peers);
    let unknown = peers.find(|peer| matches!(peer, Peer::FailsClosed { .. }));
    unknown.map(Peer::origin)
}

/// A block that some of the addresses which a pod may get lie in, and others do not.
fn chosen(cluster: &Cluster, settings: Settings) -> Option<Span> {
    if !cluster.pods.iter().any(|pod| pod.chosen.addresses) {
        return None;
    }
    let network = network_blocks(cluster).filter(|_| settings.ipblock_matches_pods);
    let mut all = network.chain(blocks(cluster_peers(cluster)));
    let possible = possible(cluster);
    all.find(|block| block.splits(&possible))
        .map(|block| block.origin)
}

/// Which addresses pods may get.
pub fn possible(cluster: &Cluster) -> Vec<IpNet> {
    let given = &cluster.reading.pod_cidrs;
    if given.is_empty() {
        private()
    } else {
        given.clone()
    }
}

/// The same for addresses of nodes.
fn chosen_of_nodes(cluster: &Cluster) -> Option<Span> {
    if !cluster.nodes.iter().any(|node| node.addresses_chosen) {
        return None;
    }
    let mut all = network_blocks(cluster).chain(blocks(cluster_peers(cluster)));
    let possible = private();
    all.find(|block| block.splits(&possible))
        .map(|block| block.origin)
}

#[cfg(test)]
mod tests;
