//! Label selectors: `matchLabels` and `matchExpressions`.
//!
//! Source: `k8s.io/apimachinery`, `meta/v1` `LabelSelector` and its validation; *Labels and Selectors*.
//! Must never know: what is selected.

use std::collections::BTreeSet;

use super::meta;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::policy::{Operator, Requirement, Selector};

/// The longest name of a label and the longest value.
const LONGEST: usize = 63;
/// The longest prefix of a label's key.
const LONGEST_PREFIX: usize = 253;

/// A selector that selects everything: what `{}` is, and what a selector is that is not optional and not there.
pub fn everything(origin: Span) -> Selector {
    Selector {
        requirements: Vec::new(),
        origin,
    }
}

/// Reads a selector.
pub fn read(node: Node<'_>, problems: &mut Problems) -> Option<Selector> {
    let mut fields = Fields::of(node, "a label selector", problems)?;
    let mut requirements = Vec::new();
    if let Some(node) = fields.get("matchLabels") {
        let labels = meta::labels(node, problems)?;
        check_labels(node, problems);
        requirements.extend(labels.into_iter().map(|(key, value)| Requirement {
            key,
            operator: Operator::In([value].into()),
        }));
    }
    for item in fields.list("matchExpressions", problems) {
        requirements.extend(expression(item, problems));
    }
    fields.finish(problems);
    Some(Selector {
        requirements,
        origin: node.span(),
    })
}

/// Tells keys and values of labels that the API server refuses.
pub fn check_labels(node: Node<'_>, problems: &mut Problems) {
    let Some(map) = node.as_map() else {
        return;
    };
    for entry in map.iter() {
        check(key_trouble(entry.key), entry.key_span, problems);
        if let Some(text) = entry.value.as_str() {
            check(value_trouble(text), entry.value.span(), problems);
        }
    }
}

fn check(trouble: Option<String>, span: Span, problems: &mut Problems) {
    if let Some(trouble) = trouble {
        problems.push(Diagnostic::error("P005", span, trouble));
    }
}

#[derive(Clone, Copy)]
enum Word {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

const WORDS: [(&str, Word); 4] = [
    ("In", Word::In),
    ("NotIn", Word::NotIn),
    ("Exists", Word::Exists),
    ("DoesNotExist", Word::DoesNotExist),
];

pub(super) fn expression(node: Node<'_>, problems: &mut Problems) -> Option<Requirement> {
    let mut fields = Fields::of(node, "a label expression", problems)?;
    let key = fields.required("key", problems).and_then(|node| {
        let key = decode::string(node, problems)?;
        check(key_trouble(key), node.span(), problems);
        Some(key.to_owned())
    });
    let word = fields
        .required("operator", problems)
        .and_then(|node| decode::choice(node, &WORDS, problems));
    let given = fields.entry("values");
    let mut values = BTreeSet::new();
    for item in fields.list("values", problems) {
        if let Some(text) = decode::string(item, problems) {
            check(value_trouble(text), item.span(), problems);
            values.insert(text.to_owned());
        }
    }
    let span = given.map_or(fields.span(), |entry| entry.key_span);
    fields.finish(problems);
    let operator = match word? {
        Word::In => Operator::In(some(values, "In", span, problems)?),
        Word::NotIn => Operator::NotIn(some(values, "NotIn", span, problems)?),
        Word::Exists => none(&values, Operator::Exists, "Exists", span, problems)?,
        Word::DoesNotExist => none(
            &values,
            Operator::DoesNotExist,
            "DoesNotExist",
            span,
            problems,
        )?,
    };
    Some(Requirement {
        key: key?,
        operator,
    })
}

fn some(
    values: BTreeSet<String>,
    word: &str,
    span: Span,
    problems: &mut Problems,
) -> Option<BTreeSet<String>> {
    if values.is_empty() {
        let message = format!("`operator: {word}` wants at least one of `values`");
        problems.push(Diagnostic::error("P006", span, message));
        return None;
    }
    Some(values)
}

fn none(
    values: &BTreeSet<String>,
    operator: Operator,
    word: &str,
    span: Span,
    problems: &mut Problems,
) -> Option<Operator> {
    if values.is_empty() {
        return Some(operator);
    }
    let message = format!("`operator: {word}` takes no `values`");
    problems.push(Diagnostic::error("P006", span, message).help("leave them out, or use `In`"));
    None
}

/// What is wrong with the key of a label: a name, or a DNS name, a slash and a name.
pub fn key_trouble(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Some(format!("{} has more than one slash", show(key)));
    }
    if let Some(prefix) = prefix {
        if prefix.len() > LONGEST_PREFIX {
            return Some(format!(
                "the part of a label's key before the slash is at most {LONGEST_PREFIX} characters long"
            ));
        }
        let part = |part: &str| {
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !part.is_empty()
                && part.bytes().all(inner)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        if !prefix.split('.').all(part) {
            return Some(format!(
                "{} is no DNS name, as the part of a label's key before the slash must be",
                show(prefix)
            ));
        }
    }
    if name.is_empty() {
        return Some("the key of a label must not be empty".to_owned());
    }
    word_trouble(name, "the key of a label")
}

/// What is wrong with the value of a label.
pub fn value_trouble(value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    word_trouble(value, "the value of a label")
}

fn word_trouble(word: &str, what: &str) -> Option<String> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if word.chars().count() > LONGEST {
        Some(format!("{what} is at most {LONGEST} characters long"))
    } else if let Some(c) = word.chars().find(|&c| !inner(c)) {
        let c = c.escape_default();
        Some(format!(
            "{what} must not hold `{c}`: letters, digits, `-`, `_` and `.` only"
        ))
    } else if !edge(word.chars().next()) || !edge(word.chars().next_back()) {
        Some(format!(
            "{what} begins and ends with a letter or a digit, {} does not",
            show(word)
        ))
    } else {
        None
    }
}
