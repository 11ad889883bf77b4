//! `v1` Namespace.
//!
//! Must never know: what is in it.

use super::meta::Meta;
use crate::base::source::Span;
use crate::input::decode::Fields;
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::cluster::{NAME_LABEL, Namespace};

const TOP: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "status",
    "$schema",
];

/// Reads one; the control plane labels each with its name.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<Namespace> {
    let before = problems.errors();
    let mut top = Fields::of(node, "a Namespace", problems)?;
    let origin: Span = top.span();
    let meta = Meta::read(&mut top, problems);
    top.finish_lenient(TOP, problems);
    if problems.errors() > before {
        return None;
    }
    let Meta {
        name, mut labels, ..
    } = meta?;
    labels.insert(NAME_LABEL.to_owned(), name.clone());
    Some(Namespace {
        name,
        labels,
        given: true,
        origin,
    })
}
