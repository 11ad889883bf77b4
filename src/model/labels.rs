//! Labels that are there, or may be, without anybody knowing their values.
//!
//! Source: kubernetes.io, *Well-Known Labels*. Must never know: who asks, what follows for verdicts.
//!
//! A value that nobody knows stands in a map of labels as one that no label can have, so that no selector names it. What
//! a selector says then is one of several possibilities; [`Selector::known`] says whether it is more than that.

use std::collections::BTreeMap;

use super::policy::{Operator, Requirement, Selector};

/// Labels by which controllers tell the pods of one workload apart: the name of a pod, and its number.
pub const OF_SINGLE_PODS: [&str; 3] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
];

/// No value of a label begins so.
const MARK: char = '<';

/// Stands for a value that nobody knows; equal for equal words.
pub fn some_value(of: &str) -> String {
    format!("{MARK}chosen for {of}>")
}

/// Whether a value stands for one that nobody knows.
pub fn is_some_value(value: &str) -> bool {
    value.starts_with(MARK)
}

/// Which labels may be there beside those that are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Open {
    /// None.
    #[default]
    Closed,
    /// Those that the system gives: a manifest is without them, and what runs has them.
    System,
    /// Any.
    All,
}

impl Open {
    fn may_have(self, key: &str) -> bool {
        match self {
            Self::Closed => false,
            Self::System => key.split_once('/').is_some_and(|(domain, _)| {
                let of = |name: &str| {
                    let rest = domain.strip_suffix(name);
                    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                };
                of("kubernetes.io") || of("k8s.io")
            }),
            Self::All => true,
        }
    }
}

impl Requirement {
    /// Whether it holds of these labels; none where nobody knows.
    pub fn known(&self, labels: &BTreeMap<String, String>, open: Open) -> Option<bool> {
        match labels.get(&self.key) {
            Some(value) if is_some_value(value) => match self.operator {
                Operator::Exists => Some(true),
                Operator::DoesNotExist => Some(false),
                Operator::In(_) | Operator::NotIn(_) => None,
            },
            None if open.may_have(&self.key) => None,
            _ => Some(self.holds(labels)),
        }
    }
}

impl Selector {
    /// Whether it selects what has these labels; none where nobody knows.
    pub fn known(&self, labels: &BTreeMap<String, String>, open: Open) -> Option<bool> {
        let mut sure = true;
        for requirement in &self.requirements {
            match requirement.known(labels, open) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => sure = false,
            }
        }
        sure.then_some(true)
    }
}
