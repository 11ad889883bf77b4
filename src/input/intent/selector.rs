//! Label selectors as the API server reads them.
//!
//! Must never know: what is selected.

use std::collections::BTreeSet;

use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields, show};
use crate::input::kubernetes::meta;
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::policy::{Operator, Requirement, Selector};

/// A label key: not empty, no blanks.
pub(super) fn key(node: Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = decode::string(node, problems)?;
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = format!("{} is no label key", show(text));
        problems.push(Diagnostic::error("J005", node.span(), message));
        return None;
    }
    Some(text.to_owned())
}

/// `matchLabels` and `matchExpressions`, all of which must hold.
pub(super) fn selector(node: Node<'_>, problems: &mut Problems) -> Option<Selector> {
    let mut fields = Fields::of(node, "a selector", problems)?;
    let mut requirements = Vec::new();
    let labels = fields.get("matchLabels");
    for (key, value) in labels
        .and_then(|n| meta::labels(n, problems))
        .unwrap_or_default()
    {
        let operator = Operator::In([value].into());
        requirements.push(Requirement { key, operator });
    }
    for item in fields.list("matchExpressions", problems) {
        requirements.extend(requirement(item, problems));
    }
    let origin = fields.span();
    fields.finish(problems);
    Some(Selector {
        requirements,
        origin,
    })
}

fn requirement(node: Node<'_>, problems: &mut Problems) -> Option<Requirement> {
    let mut fields = Fields::of(node, "a requirement", problems)?;
    let key_node = fields.required("key", problems);
    let key = key_node.and_then(|n| key(n, problems));
    let words = [("In", 0), ("NotIn", 1), ("Exists", 2), ("DoesNotExist", 3)];
    let operator = fields.required("operator", problems);
    let operator = operator.and_then(|n| decode::choice(n, &words, problems));
    let values_node = fields.get("values");
    let values: Option<BTreeSet<String>> = match values_node {
        None => Some(BTreeSet::new()),
        Some(node) => decode::list(node, problems).and_then(|seq| {
            let all: Vec<Option<&str>> = seq.iter().map(|v| decode::string(v, problems)).collect();
            all.into_iter().map(|v| v.map(str::to_owned)).collect()
        }),
    };
    let span = fields.span();
    fields.finish(problems);
    let (key, operator, values) = (key?, operator?, values?);
    if (operator < 2) == values.is_empty() {
        let (message, help) = if operator < 2 {
            (
                "`In` and `NotIn` want at least one value",
                "write `values: [...]`",
            )
        } else {
            (
                "`Exists` and `DoesNotExist` take no values",
                "leave `values` out, or write `In`",
            )
        };
        problems.push(Diagnostic::error("J005", span, message).help(help));
        return None;
    }
    let operator = match operator {
        0 => Operator::In(values),
        1 => Operator::NotIn(values),
        2 => Operator::Exists,
        _ => Operator::DoesNotExist,
    };
    Some(Requirement { key, operator })
}
