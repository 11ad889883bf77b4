//! `policy.networking.k8s.io`: ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy.
//!
//! Source: network-policy-api, `apis/v1alpha2` (v1beta1 has the same schema) and `apis/v1alpha1` with their validation.
//! Must never know: which pods are meant.

mod ports;

use std::ops::RangeInclusive;

use super::meta::Meta;
use super::policy::{bound, cidr, exactly_one};
use super::selector;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Node, Seq};
use crate::model::policy::{ClusterPolicy, IpBlock, Peer, PolicyAction, Selector, Tier, TierRule};

const PRIORITIES: RangeInclusive<i128> = 0..=1000;
/// The longest name of a rule.
const LONGEST_NAME: usize = 100;

/// What the kinds have not in common.
#[derive(Clone, Copy)]
struct Dialect {
    kind: &'static str,
    actions: &'static [(&'static str, PolicyAction)],
    /// How many rules, peers and ports there may be.
    most: usize,
    /// v1alpha1, where ports are `ports`.
    old: bool,
}

const CLUSTER: Dialect = Dialect {
    kind: "ClusterNetworkPolicy",
    actions: &[
        ("Accept", PolicyAction::Accept),
        ("Deny", PolicyAction::Deny),
        ("Pass", PolicyAction::Pass),
    ],
    most: 25,
    old: false,
};

const ADMIN: Dialect = Dialect {
    kind: "AdminNetworkPolicy",
    actions: &[
        ("Allow", PolicyAction::Accept),
        ("Deny", PolicyAction::Deny),
        ("Pass", PolicyAction::Pass),
    ],
    most: 100,
    old: true,
};

const BASELINE: Dialect = Dialect {
    kind: "BaselineAdminNetworkPolicy",
    actions: &[
        ("Allow", PolicyAction::Accept),
        ("Deny", PolicyAction::Deny),
    ],
    most: 100,
    old: true,
};

/// Reads one of this kind.
pub(super) fn read(kind: &str, node: Node<'_>, problems: &mut Problems) -> Option<ClusterPolicy> {
    let before = problems.errors();
    let dialect = match kind {
        "AdminNetworkPolicy" => ADMIN,
        "BaselineAdminNetworkPolicy" => BASELINE,
        _ => CLUSTER,
    };
    let mut object = Fields::of(node, "a policy of the cluster", problems)?;
    for known in ["apiVersion", "kind", "status"] {
        object.entry(known);
    }
    let meta = Meta::read(&mut object, problems);
    let spec = object.required("spec", problems);
    let origin = object.span();
    object.finish(problems);
    let mut spec = Fields::of(spec?, "`spec` of a policy of the cluster", problems)?;
    let tier = tier(dialect, &mut spec, problems);
    let priority = if dialect.kind == BASELINE.kind {
        Some(0)
    } else {
        let node = spec.required("priority", problems);
        node.and_then(|node| decode::integer(node, PRIORITIES, problems))
    };
    let subject = spec.required("subject", problems);
    let subject = subject.and_then(|node| subject_of(node, dialect, problems));
    let ingress = rules(dialect, &mut spec, "ingress", "from", problems);
    let egress = rules(dialect, &mut spec, "egress", "to", problems);
    spec.finish(problems);
    if let Some(meta) = &meta
        && dialect.kind == BASELINE.kind
        && meta.name != "default"
    {
        let message = "a BaselineAdminNetworkPolicy is called `default`: there is one of it";
        problems.push(Diagnostic::error("P010", meta.span, message));
    }
    if problems.errors() > before {
        return None;
    }
    Some(ClusterPolicy {
        kind: dialect.kind,
        name: meta?.name,
        tier: tier?,
        priority: u32::try_from(priority?).ok()?,
        subject: subject?,
        ingress,
        egress,
        origin,
    })
}

fn tier(dialect: Dialect, spec: &mut Fields<'_>, problems: &mut Problems) -> Option<Tier> {
    if dialect.old {
        let baseline = dialect.kind == BASELINE.kind;
        return Some(if baseline {
            Tier::Baseline
        } else {
            Tier::Admin
        });
    }
    let node = spec.required("tier", problems)?;
    let tiers = [("Admin", Tier::Admin), ("Baseline", Tier::Baseline)];
    decode::choice(node, &tiers, problems)
}

fn subject_of(node: Node<'_>, dialect: Dialect, problems: &mut Problems) -> Option<Peer> {
    let mut fields = Fields::of(node, "a `subject`", problems)?;
    let keys = ["namespaces", "pods"];
    let one = exactly_one(node, "a subject", &mut fields, &keys, problems);
    fields.finish(problems);
    let (key, entry) = one?;
    pods_or_namespaces(key, entry.value, dialect, problems)
}

/// Pods of namespaces: all of them, or those with labels.
fn pods_or_namespaces(
    key: &str,
    node: Node<'_>,
    dialect: Dialect,
    problems: &mut Problems,
) -> Option<Peer> {
    let origin = node.span();
    if key == "namespaces" {
        return Some(Peer::Pods {
            namespaces: Some(namespaces(node, dialect, problems)?),
            pods: selector::everything(origin),
            origin,
        });
    }
    let mut fields = Fields::of(node, "`pods`", problems)?;
    let chosen = if dialect.old {
        fields.required("namespaceSelector", problems)
    } else {
        fields.get("namespaceSelector")
    };
    let namespaces = match chosen {
        Some(node) => namespaces(node, dialect, problems),
        None => Some(selector::everything(origin)),
    };
    let pods = fields.required("podSelector", problems);
    let pods = pods.and_then(|node| selector::read(node, problems));
    fields.finish(problems);
    Some(Peer::Pods {
        namespaces: Some(namespaces?),
        pods: pods?,
        origin,
    })
}

/// A selector of namespaces; early versions of v1alpha1 had more than that.
fn namespaces(node: Node<'_>, dialect: Dialect, problems: &mut Problems) -> Option<Selector> {
    let map = node.as_map().filter(|_| dialect.old);
    let early = |key: &&str| map.is_some_and(|map| map.get(key).is_some());
    let words = ["sameLabels", "notSameLabels", "namespaceSelector"];
    let Some(word) = words.into_iter().find(early) else {
        return selector::read(node, problems);
    };
    let entry = map.and_then(|map| map.get(word));
    let message = format!("`{word}` was removed from v1alpha1 in v0.1.7, and is not read");
    let help = if word == "namespaceSelector" {
        "the label selector stands directly under `namespaces` now"
    } else {
        "no version since can say `the same label as the subject`: write one policy for each value of the label"
    };
    let span = entry.map_or(node.span(), |entry| entry.key_span);
    problems.push(Diagnostic::error("P009", span, message).help(help));
    None
}

fn rules(
    dialect: Dialect,
    spec: &mut Fields<'_>,
    direction: &'static str,
    peers: &'static str,
    problems: &mut Problems,
) -> Vec<TierRule> {
    let items: Vec<Node<'_>> = spec.list(direction, problems).collect();
    bound(&items, dialect.most, "rules in one direction", problems);
    let rules = items.into_iter();
    rules
        .filter_map(|node| rule(node, dialect, peers, problems))
        .collect()
}

fn rule(
    node: Node<'_>,
    dialect: Dialect,
    key: &'static str,
    problems: &mut Problems,
) -> Option<TierRule> {
    let mut fields = Fields::of(node, "a rule of a policy of the cluster", problems)?;
    let name = fields
        .get("name")
        .and_then(|node| rule_name(node, problems));
    let action = fields.required("action", problems);
    let action = action.and_then(|node| decode::choice(node, dialect.actions, problems));
    let given = fields.required(key, problems);
    let list = given.and_then(|node| decode::list(node, problems));
    if let Some(node) = given
        && list.is_some_and(Seq::is_empty)
    {
        let message = format!("`{key}` wants at least one peer");
        let help = "`namespaces: {}` is every pod of the cluster";
        problems.push(Diagnostic::error("P001", node.span(), message).help(help));
    }
    let list: Vec<Node<'_>> = list.into_iter().flat_map(Seq::iter).collect();
    bound(&list, dialect.most, "peers", problems);
    let mut rule = TierRule {
        name,
        action: action.unwrap_or(PolicyAction::Deny),
        peers: Vec::new(),
        ports: None,
        origin: node.span(),
    };
    for item in list {
        peer(item, dialect, key == "to", &mut rule, problems);
    }
    let protocols = if dialect.old {
        None
    } else {
        fields.entry("protocols")
    };
    if let Some(given) = protocols {
        rule.ports = ports::protocols(given, dialect.most, &rule.peers, problems);
    } else if let Some(given) = fields.entry("ports") {
        // The first v1alpha2 had the ports of v1alpha1, and plugins still install its definition.
        rule.ports = ports::ports(given, dialect.old, dialect.most, &rule.peers, problems);
    }
    fields.finish(problems);
    action.map(|_| rule)
}

fn rule_name(node: Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = decode::string(node, problems)?;
    if text.chars().count() > LONGEST_NAME {
        let message = format!("the name of a rule is at most {LONGEST_NAME} characters long");
        problems.push(Diagnostic::error("I025", node.span(), message));
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads a peer into a rule: several where it lists networks.
fn peer(
    node: Node<'_>,
    dialect: Dialect,
    outgoing: bool,
    rule: &mut TierRule,
    problems: &mut Problems,
) {
    let Some(mut fields) = Fields::of(node, "a peer of a policy of the cluster", problems) else {
        return;
    };
    let all = ["namespaces", "pods", "nodes", "networks", "domainNames"];
    // What comes in has no other peers than pods.
    let keys = if outgoing { &all[..] } else { &all[..2] };
    let one = exactly_one(node, "a peer", &mut fields, keys, problems);
    fields.finish(problems);
    let Some((key, entry)) = one else {
        return;
    };
    match key {
        "nodes" => {
            let nodes = selector::read(entry.value, problems);
            let origin = node.span();
            let nodes = nodes.map(|nodes| Peer::Nodes { nodes, origin });
            rule.peers.extend(nodes);
        }
        "networks" => networks(entry, rule, problems),
        "domainNames" => {
            if rule.action != PolicyAction::Accept {
                let message = "`domainNames` can only be accepted";
                problems.push(Diagnostic::error("P011", entry.key_span, message));
            }
            let names = words(entry, problems);
            let names = names.into_iter();
            let names = names.filter_map(|name| decode::string(name, problems));
            rule.peers.push(Peer::FailsClosed {
                names: names.map(str::to_owned).collect(),
                origin: node.span(),
            });
        }
        _ => {
            let pods = pods_or_namespaces(key, entry.value, dialect, problems);
            rule.peers.extend(pods);
        }
    }
}

/// The items of a list of at most 25 that must not be empty.
fn words<'t>(entry: Entry<'t>, problems: &mut Problems) -> Vec<Node<'t>> {
    let Some(list) = decode::list(entry.value, problems) else {
        return Vec::new();
    };
    let list: Vec<Node<'t>> = list.iter().collect();
    if list.is_empty() {
        let message = format!("`{}` wants at least one item", entry.key);
        problems.push(Diagnostic::error("P001", entry.value.span(), message));
    }
    let what = format!("`{}`", entry.key);
    bound(&list, CLUSTER.most, &what, problems);
    list
}

fn networks(entry: Entry<'_>, rule: &mut TierRule, problems: &mut Problems) {
    for item in words(entry, problems) {
        let block = cidr(item, problems).map(|cidr| IpBlock {
            cidr,
            except: Vec::new(),
            origin: item.span(),
        });
        rule.peers.extend(block.map(Peer::Block));
    }
}
