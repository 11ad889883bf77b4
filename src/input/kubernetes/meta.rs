//! `metadata` of a Kubernetes object.
//!
//! Must never know: what kind of object it belongs to.

use std::collections::BTreeMap;

use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};

/// What is read of `metadata`; other fields are ignored, as the API server fills many.
#[derive(Debug, Clone)]
pub struct Meta {
    /// `name`; where only `generateName` is given, that.
    pub name: String,
    /// `namespace`; `default` where it is not given.
    pub namespace: String,
    /// `labels`.
    pub labels: BTreeMap<String, String>,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    /// The controller among `ownerReferences`: kind and name.
    pub owner: Option<(String, String)>,
    /// Where the name is written; else where the object begins.
    pub span: Span,
}

impl Meta {
    /// Reads `metadata` of an object; none where it has no usable name, which then was told.
    pub fn read(object: &mut Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let node = object.required("metadata", problems)?;
        let mut fields = Fields::of(node, "`metadata`", problems)?;
        let given = fields.get("name");
        let Some(name) = given.or_else(|| fields.get("generateName")) else {
            let message = "an object wants a name: `metadata.name`";
            problems.push(Diagnostic::error("I019", fields.span(), message));
            return None;
        };
        let span = name.span();
        let name = decode::name(name, problems)?;
        let namespace = match fields.get("namespace") {
            Some(node) if node.as_str() == Some("") => Some("default"),
            Some(node) => decode::name(node, problems),
            None => Some("default"),
        };
        let labels = fields.get("labels").and_then(|node| labels(node, problems));
        let deleting = fields.get("deletionTimestamp").is_some();
        let owner = fields.get("ownerReferences").and_then(controller);
        Some(Self {
            name: name.to_owned(),
            namespace: namespace?.to_owned(),
            labels: labels.unwrap_or_default(),
            deleting,
            owner,
            span,
        })
    }
}

/// Whether an object has a name of its own, and not only `generateName`.
pub fn has_name(object: Node<'_>) -> bool {
    let name = || {
        object
            .as_map()?
            .get("metadata")?
            .value
            .as_map()?
            .get("name")
    };
    name().is_some_and(|entry| !entry.value.is_null())
}

/// A map of strings. The API server refuses `version: 1.0`, and so must we: a selector would not match it.
pub fn labels(node: Node<'_>, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let Some(map) = node.as_map() else {
        decode::wrong_type(node, "an object of strings", problems);
        return None;
    };
    let mut all = BTreeMap::new();
    for entry in map.iter() {
        match entry.value.value() {
            Value::Str(text) => drop(all.insert(entry.key.to_owned(), text.to_owned())),
            // The API server takes null for the empty string.
            Value::Null if !entry.value.is_hole() => {
                drop(all.insert(entry.key.to_owned(), String::new()));
            }
            _ => {
                let what = format!("a string for the label {}", show(entry.key));
                decode::wrong_type(entry.value, &what, problems);
            }
        }
    }
    Some(all)
}

fn controller(node: Node<'_>) -> Option<(String, String)> {
    let Value::Seq(items) = node.value() else {
        return None;
    };
    items.iter().find_map(|item| {
        let map = item.as_map()?;
        let is_controller = map
            .get("controller")
            .is_some_and(|e| matches!(e.value.value(), Value::Bool(true)));
        let text = |key: &str| map.get(key)?.value.as_str().map(str::to_owned);
        is_controller.then(|| Some((text("kind")?, text("name")?)))?
    })
}
