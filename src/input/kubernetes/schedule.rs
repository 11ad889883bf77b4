//! Which nodes a pod may run on: `nodeSelector`, required node affinity, taints and tolerations.
//!
//! Source: kubernetes.io, *Assigning Pods to Nodes*, *Taints and Tolerations*, *DaemonSet*.
//! Knows: what each field refuses. Must never know: which node is taken of those that remain.

use std::collections::BTreeMap;

use super::meta;
use super::selector;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::labels::Open;
use crate::model::policy::{Operator, Requirement};

/// What a pod asks of its node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// `nodeSelector`.
    selector: Vec<Requirement>,
    /// `nodeSelectorTerms`: one of them must hold; none where nothing is required.
    terms: Option<Vec<Vec<Asked>>>,
    tolerations: Vec<Toleration>,
}

/// One expression of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Label(Requirement),
    /// `metadata.name`.
    Name(Operator),
    /// `Gt` (true) or `Lt`.
    Number(String, bool, i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Toleration {
    /// None is every key.
    key: Option<String>,
    value: Match,
    /// None is every effect.
    effect: Option<Effect>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    Any,
    Equal(String),
    /// `Gt` and `Lt`, which are not read.
    Unknown,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    NoSchedule,
    NoExecute,
    /// It is better not there; it may be.
    Prefer,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    key: String,
    value: String,
    effect: Effect,
}

/// What is known of a node that pods may run on.
#[derive(Debug, Clone, Copy)]
pub struct Place<'n> {
    /// Its name.
    pub name: &'n str,
    /// Its labels.
    pub labels: &'n BTreeMap<String, String>,
    /// Which others it may have.
    pub open: Open,
    /// Its taints.
    pub taints: &'n [Taint],
}

/// What stands on a node that takes no more pods.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// What pods of a `DaemonSet` tolerate by themselves.
const BY_THEMSELVES: [(&str, Effect); 6] = [
    ("node.kubernetes.io/not-ready", Effect::NoExecute),
    ("node.kubernetes.io/unreachable", Effect::NoExecute),
    ("node.kubernetes.io/disk-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", Effect::NoSchedule),
    (UNSCHEDULABLE, Effect::NoSchedule),
];
/// The same where they are in the network of the node.
const IN_ITS_NETWORK: (&str, Effect) =
    ("node.kubernetes.io/network-unavailable", Effect::NoSchedule);

const EFFECTS: [(&str, Effect); 3] = [
    ("NoSchedule", Effect::NoSchedule),
    ("NoExecute", Effect::NoExecute),
    ("PreferNoSchedule", Effect::Prefer),
];

impl Wants {
    /// What pods of a `DaemonSet` ask: they tolerate more.
    #[must_use]
    pub fn of_daemons(&self, host_network: bool) -> Self {
        let mut all = self.clone();
        let network = host_network.then_some(IN_ITS_NETWORK);
        let more = BY_THEMSELVES.into_iter().chain(network);
        all.tolerations.extend(more.map(|(key, effect)| Toleration {
            key: Some(key.to_owned()),
            value: Match::Any,
            effect: Some(effect),
        }));
        all
    }

    /// Whether such a pod may run there; none where nobody knows.
    pub fn may_run(&self, place: &Place<'_>) -> Option<bool> {
        let selected = self.selector.iter();
        let selected = selected.map(|r| r.known(place.labels, place.open));
        let required = self.terms.iter().map(|terms| {
            let each = terms.iter().map(|term| {
                let asked = term.iter().map(|asked| asked.holds(place));
                // A term that asks nothing is met by no node.
                all_of(asked.chain(term.is_empty().then_some(Some(false))))
            });
            any_of(each)
        });
        let tainted = place.taints.iter().filter(|t| t.effect != Effect::Prefer);
        let tolerated =
            tainted.map(|taint| any_of(self.tolerations.iter().map(|t| t.tolerates(taint))));
        all_of(selected.chain(required).chain(tolerated))
    }
}

fn all_of(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sure = true;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => sure = false,
        }
    }
    sure.then_some(true)
}

fn any_of(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all_of(parts.map(|part| part.map(|holds| !holds))).map(|none| !none)
}

impl Asked {
    fn holds(&self, place: &Place<'_>) -> Option<bool> {
        match self {
            Self::Label(requirement) => requirement.known(place.labels, place.open),
            Self::Name(Operator::In(names)) => Some(names.contains(place.name)),
            Self::Name(Operator::NotIn(names)) => Some(!names.contains(place.name)),
            Self::Name(_) => None,
            Self::Number(key, greater, than) => {
                let there = Requirement {
                    key: key.clone(),
                    operator: Operator::Exists,
                };
                if !there.known(place.labels, place.open)? {
                    return Some(false);
                }
                let value = place.labels.get(key)?.parse::<i64>();
                Some(value.is_ok_and(|v| if *greater { v > *than } else { v < *than }))
            }
        }
    }
}

impl Toleration {
    fn tolerates(&self, taint: &Taint) -> Option<bool> {
        let fits = self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.effect.is_none_or(|effect| effect == taint.effect);
        match &self.value {
            _ if !fits => Some(false),
            Match::Any => Some(true),
            Match::Equal(value) => Some(*value == taint.value),
            Match::Unknown => None,
        }
    }
}

/// Reads what `spec` of a pod asks.
pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Wants {
    let selector = fields.get("nodeSelector");
    let selector = selector.and_then(|node| meta::labels(node, problems));
    let selector = selector
        .into_iter()
        .flatten()
        .map(|(key, value)| Requirement {
            key,
            operator: Operator::In([value].into()),
        });
    let selector = selector.collect();
    let affinity = fields.get("affinity");
    let terms = affinity.and_then(|node| required(node, problems));
    let tolerations = fields.list("tolerations", problems);
    let tolerations = tolerations.filter_map(|item| toleration(item, problems));
    Wants {
        selector,
        terms,
        tolerations: tolerations.collect(),
    }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

fn required(affinity: Node<'_>, problems: &mut Problems) -> Option<Vec<Vec<Asked>>> {
    let mut fields = Fields::of(affinity, "`affinity`", problems)?;
    let node = fields.get("nodeAffinity");
    fields.finish_lenient(&["podAffinity", "podAntiAffinity"], problems);
    let mut fields = Fields::of(node?, "`nodeAffinity`", problems)?;
    let required = fields.get(REQUIRED);
    fields.finish_lenient(
        &["preferredDuringSchedulingIgnoredDuringExecution"],
        problems,
    );
    let mut fields = Fields::of(required?, "a node selector", problems)?;
    let mut terms = Vec::new();
    for item in fields.list("nodeSelectorTerms", problems) {
        let Some(mut fields) = Fields::of(item, "a term of a node selector", problems) else {
            continue;
        };
        let labels = fields.list("matchExpressions", problems);
        let mut asked: Vec<Asked> = labels
            .filter_map(|item| expression(item, problems))
            .collect();
        for item in fields.list("matchFields", problems) {
            asked.extend(expression(item, problems).map(|field| match field {
                // The one field that may be asked for.
                Asked::Label(r) if r.key == "metadata.name" => Asked::Name(r.operator),
                other => other,
            }));
        }
        fields.finish_lenient(&[], problems);
        terms.push(asked);
    }
    fields.finish_lenient(&[], problems);
    Some(terms)
}

fn expression(node: Node<'_>, problems: &mut Problems) -> Option<Asked> {
    let operator = node.as_map().and_then(|map| map.get("operator"));
    let greater = match operator.and_then(|entry| entry.value.as_str()) {
        Some("Gt") => true,
        Some("Lt") => false,
        _ => return selector::expression(node, problems).map(Asked::Label),
    };
    let mut fields = Fields::of(node, "an expression of a node selector", problems)?;
    let key = fields.required("key", problems);
    let key = key.and_then(|n| decode::string(n, problems));
    fields.get("operator");
    let mut values = fields.list("values", problems);
    let given = values.next();
    let value = given.and_then(|n| decode::string(n, problems)?.parse().ok());
    if value.is_none() {
        let node = given.unwrap_or(node);
        decode::wrong_type(node, "a whole number in quotes", problems);
    }
    fields.finish_lenient(&[], problems);
    Some(Asked::Number(key?.to_owned(), greater, value?))
}

fn toleration(node: Node<'_>, problems: &mut Problems) -> Option<Toleration> {
    let mut fields = Fields::of(node, "a toleration", problems)?;
    let mut text = |key, problems: &mut Problems| {
        let given = fields.get(key).filter(|n| n.as_str() != Some(""));
        given.and_then(|n| decode::string(n, problems))
    };
    let key = text("key", problems);
    let operator = text("operator", problems);
    let value = text("value", problems);
    let effect = fields.get("effect").filter(|n| n.as_str() != Some(""));
    let effect = effect.and_then(|n| decode::choice(n, &EFFECTS, problems));
    fields.finish_lenient(&["tolerationSeconds"], problems);
    let value = match operator {
        None | Some("Equal") => Match::Equal(value.unwrap_or_default().to_owned()),
        Some("Exists") => Match::Any,
        Some(_) => Match::Unknown,
    };
    Some(Toleration {
        key: key.map(str::to_owned),
        value,
        effect,
    })
}

/// Reads the taints of `spec` of a node. One that takes no more pods has one for that.
pub(super) fn taints(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Taint> {
    let mut all = Vec::new();
    for item in fields.list("taints", problems) {
        let Some(mut fields) = Fields::of(item, "a taint", problems) else {
            continue;
        };
        let key = fields.required("key", problems);
        let key = key.and_then(|n| decode::string(n, problems));
        let value = fields.get("value");
        let value = value.and_then(|n| decode::string(n, problems));
        let effect = fields.required("effect", problems);
        let effect = effect.and_then(|n| decode::choice(n, &EFFECTS, problems));
        fields.finish_lenient(&["timeAdded"], problems);
        all.extend(key.zip(effect).map(|(key, effect)| Taint {
            key: key.to_owned(),
            value: value.unwrap_or_default().to_owned(),
            effect,
        }));
    }
    let cordoned = fields.get("unschedulable");
    if cordoned.and_then(|n| decode::boolean(n, problems)) == Some(true)
        && all.iter().all(|taint| taint.key != UNSCHEDULABLE)
    {
        all.push(Taint {
            key: UNSCHEDULABLE.to_owned(),
            value: String::new(),
            effect: Effect::NoSchedule,
        });
    }
    all
}
