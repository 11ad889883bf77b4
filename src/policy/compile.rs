//! The gates of a cluster.
//!
//! Knows: isolation, tiers, priorities, what no policy stops. Must never know: how peers and ports became addresses
//! (`rules`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::directory::{Directory, Member, set};
use super::rules::{Peers, Piece, Ports, egress, ingress};
use crate::model::cluster::Cluster;
use crate::model::policy::{
    ClusterPolicy, NetworkPolicy, NetworkRule, Peer, PolicyAction, Settings, Tier, TierRule,
};
use crate::network::gate::{Cause, Decision, Direction, Gate, GateRule};

/// How many policies the cause of an isolation names.
const NAMED: usize = 3;

/// What is known of one member in one direction.
#[derive(Debug, Default)]
struct Draft {
    admin: Vec<GateRule>,
    network: Vec<GateRule>,
    baseline: Vec<GateRule>,
    /// The NetworkPolicies that isolate it, in order.
    isolating: Vec<usize>,
}

/// A rule before it meets a pod.
struct Compiled<'p> {
    peers: Peers,
    ports: Ports<'p>,
    /// Filled where the pieces are the same for every pod.
    pieces: Option<Vec<Piece>>,
    decision: Decision,
    cause: Arc<Cause>,
}

impl Compiled<'_> {
    fn add(&self, directory: &Directory<'_>, member: usize, to: &mut Vec<GateRule>) {
        let mut push = |piece: &Piece| {
            to.push(GateRule {
                peers: piece.peers.clone(),
                ports: piece.ports.clone(),
                decision: self.decision,
                cause: Arc::clone(&self.cause),
            });
        };
        match &self.pieces {
            Some(pieces) => pieces.iter().for_each(push),
            None => ingress(&directory.members[member], &self.peers, &self.ports)
                .iter()
                .for_each(&mut push),
        }
    }
}

/// The gates of a cluster: one for each pod and direction that some policy is about, by pod, egress first.
///
/// Each has three tiers. Under `host-network-policy=pod` a pod in the network of its node has gates too, one for each of
/// its containers, which are daemons: [`Gate::subject`] is the daemon and [`Gate::addresses`] are the node's.
pub fn gates(cluster: &Cluster, settings: &Settings) -> Vec<Gate> {
    let settings = *settings;
    let directory = Directory::of(cluster, settings);
    let mut drafts: BTreeMap<(usize, Direction), Draft> = BTreeMap::new();
    network_tier(&directory, cluster, settings, &mut drafts);
    for policy in in_order(cluster, settings) {
        cluster_policy(&directory, settings, policy, &mut drafts);
    }
    let mut isolations = HashMap::new();
    let mut gates = Vec::new();
    for ((at, direction), draft) in drafts {
        let member = &directory.members[at];
        let tiers = finish(
            &directory,
            cluster,
            settings,
            member,
            direction,
            draft,
            &mut isolations,
        );
        for &subject in &member.subjects {
            gates.push(Gate {
                at: member.node,
                subject,
                addresses: member.addresses.clone(),
                direction,
                tiers: tiers.clone(),
            });
        }
    }
    gates.sort_by_key(|gate| (gate.subject, gate.direction));
    gates
}

fn network_tier(
    directory: &Directory<'_>,
    cluster: &Cluster,
    settings: Settings,
    drafts: &mut BTreeMap<(usize, Direction), Draft>,
) {
    for (index, policy) in cluster.policies.network.iter().enumerate() {
        let subjects = directory.select(&policy.namespace, None, &policy.subject);
        if subjects.members.is_empty() {
            continue;
        }
        for (direction, rules) in [
            (Direction::Egress, &policy.egress),
            (Direction::Ingress, &policy.ingress),
        ] {
            let Some(rules) = rules else {
                continue;
            };
            let rules: Vec<Compiled<'_>> = rules
                .iter()
                .enumerate()
                .map(|(at, rule)| network_rule(directory, settings, policy, direction, at, rule))
                .collect();
            for &member in &subjects.members {
                let draft = drafts.entry((member, direction)).or_default();
                draft.isolating.push(index);
                for rule in &rules {
                    rule.add(directory, member, &mut draft.network);
                }
            }
        }
    }
}

fn network_rule<'p>(
    directory: &Directory<'_>,
    settings: Settings,
    policy: &NetworkPolicy,
    direction: Direction,
    at: usize,
    rule: &'p NetworkRule,
) -> Compiled<'p> {
    let peers = Peers::of(
        directory,
        &policy.namespace,
        rule.peers.as_deref(),
        settings.ipblock_matches_pods,
    );
    let ports = Ports::of(rule.ports.as_deref());
    let cause = Cause {
        text: format!("{}, {direction} rule {}", title(policy), at + 1),
        origin: rule.origin,
    };
    Compiled {
        pieces: pieces(directory, direction, &peers, &ports),
        peers,
        ports,
        decision: Decision::Allow,
        cause: Arc::new(cause),
    }
}

/// `NetworkPolicy shop/db`.
fn title(policy: &NetworkPolicy) -> String {
    format!("NetworkPolicy {}/{}", policy.namespace, policy.name)
}

fn pieces(
    directory: &Directory<'_>,
    direction: Direction,
    peers: &Peers,
    ports: &Ports<'_>,
) -> Option<Vec<Piece>> {
    // Without names a rule for what comes in says the same at every pod, as one for what goes out does.
    let same = direction == Direction::Egress || ports.plain();
    same.then(|| egress(directory, peers, ports))
}

/// The policies of the other tiers in the order in which they are asked.
fn in_order(cluster: &Cluster, settings: Settings) -> Vec<&ClusterPolicy> {
    let mut all: Vec<&ClusterPolicy> = cluster.policies.cluster.iter().collect();
    all.sort_by(|a, b| {
        let names = a.name.cmp(&b.name);
        let names = if settings.equal_priority_reversed {
            names.reverse()
        } else {
            names
        };
        (a.tier, a.priority).cmp(&(b.tier, b.priority)).then(names)
    });
    all
}

fn cluster_policy(
    directory: &Directory<'_>,
    settings: Settings,
    policy: &ClusterPolicy,
    drafts: &mut BTreeMap<(usize, Direction), Draft>,
) {
    let Peer::Pods {
        namespaces, pods, ..
    } = &policy.subject
    else {
        return;
    };
    let subjects = directory.select("", namespaces.as_ref(), pods);
    for (direction, rules) in [
        (Direction::Egress, &policy.egress),
        (Direction::Ingress, &policy.ingress),
    ] {
        let rules: Vec<Compiled<'_>> = rules
            .iter()
            .enumerate()
            .map(|(at, rule)| tier_rule(directory, settings, policy, direction, at, rule))
            .collect();
        if rules.is_empty() {
            continue;
        }
        for &member in &subjects.members {
            let draft = drafts.entry((member, direction)).or_default();
            let to = match policy.tier {
                Tier::Admin => &mut draft.admin,
                Tier::Baseline => &mut draft.baseline,
            };
            for rule in &rules {
                rule.add(directory, member, to);
            }
        }
    }
}

fn tier_rule<'p>(
    directory: &Directory<'_>,
    settings: Settings,
    policy: &ClusterPolicy,
    direction: Direction,
    at: usize,
    rule: &'p TierRule,
) -> Compiled<'p> {
    let named = rule.name.as_ref().map(|name| format!(" ({name})"));
    let unknown = |peer: &Peer| match peer {
        Peer::FailsClosed { names, .. } => Some(names.join(", ")),
        _ => None,
    };
    let domains: Vec<String> = rule.peers.iter().filter_map(unknown).collect();
    let not_known = !domains.is_empty();
    let domains = not_known.then(|| format!(", to {}", domains.join(", ")));
    let cause = Arc::new(Cause {
        text: format!(
            "{} {}, {direction} rule {}{}{}",
            policy.kind,
            policy.name,
            at + 1,
            named.unwrap_or_default(),
            domains.unwrap_or_default()
        ),
        origin: rule.origin,
    });
    let (peers, decision) = match rule.action {
        PolicyAction::Accept if not_known && settings.domain_names_are_all => {
            (None, Decision::Allow)
        }
        PolicyAction::Accept => (Some(rule.peers.as_slice()), Decision::Allow),
        // Whom an unknown peer means nobody knows: to let less through, everybody.
        _ if not_known => (None, Decision::Deny),
        PolicyAction::Deny => (Some(rule.peers.as_slice()), Decision::Deny),
        PolicyAction::Pass => (Some(rule.peers.as_slice()), Decision::Pass),
    };
    // Networks of these kinds match pods by definition.
    let peers = Peers::of(directory, "", peers, true);
    let ports = Ports::of(rule.ports.as_deref());
    Compiled {
        pieces: pieces(directory, direction, &peers, &ports),
        peers,
        ports,
        decision,
        cause,
    }
}

type Isolations = HashMap<(Direction, Vec<usize>), Arc<Cause>>;

/// The tiers of a gate.
fn finish(
    directory: &Directory<'_>,
    cluster: &Cluster,
    settings: Settings,
    member: &Member<'_>,
    direction: Direction,
    draft: Draft,
    isolations: &mut Isolations,
) -> Vec<Vec<GateRule>> {
    let Some(&first) = draft.isolating.first() else {
        return vec![draft.admin, Vec::new(), draft.baseline];
    };
    let first = &cluster.policies.network[first];
    let mut network = Vec::with_capacity(draft.network.len() + 3);
    let allow = |peers, text: &str| GateRule {
        peers: Some(peers),
        ports: None,
        decision: Decision::Allow,
        cause: Arc::new(Cause {
            text: text.to_owned(),
            origin: first.origin,
        }),
    };
    let node = directory.node(member.node);
    if !node.is_empty() {
        match direction {
            Direction::Ingress => network.push(allow(node, "no policy stops a pod's own node")),
            Direction::Egress if settings.egress_to_own_node => {
                network.push(allow(
                    node,
                    "a pod may reach its own node (egress-to-own-node=allow)",
                ));
            }
            Direction::Egress => {}
        }
    }
    if !settings.hairpin_under_policy && !member.addresses.is_empty() {
        let own = Arc::new(set(member.addresses.iter().copied()));
        network.push(allow(
            own,
            "a pod may reach itself through a Service (hairpin=allow)",
        ));
    }
    network.extend(draft.network);
    let key = (direction, draft.isolating);
    let cause = isolations
        .entry(key)
        .or_insert_with_key(|(_, policies)| Arc::new(isolation(cluster, policies)));
    network.push(GateRule {
        peers: None,
        ports: None,
        decision: Decision::Deny,
        cause: Arc::clone(cause),
    });
    vec![draft.admin, network, Vec::new()]
}

/// Why an isolated pod is not reached, or does not reach.
fn isolation(cluster: &Cluster, policies: &[usize]) -> Cause {
    let named = policies.iter().take(NAMED);
    let named = named.map(|&at| &cluster.policies.network[at]);
    let mut words: Vec<String> = named
        .clone()
        .map(|p| format!("{}/{}", p.namespace, p.name))
        .collect();
    if policies.len() > NAMED {
        words.push(format!("{} more", policies.len() - NAMED));
    }
    let list = match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    };
    let origin = policies
        .first()
        .map(|&at| cluster.policies.network[at].origin);
    Cause {
        text: match policies {
            [_] => format!("NetworkPolicy {list}, which isolates the pod and has no rule for it"),
            _ => format!("NetworkPolicy {list}, which isolate the pod and have no rule for it"),
        },
        origin: origin.unwrap_or(cluster.origin),
    }
}
