//! What objects with pods have in common: the pod template, and whether there is a status.
//!
//! Must never know: how many pods a template stands for.

use crate::input::decode::Fields;
use crate::input::yaml::Node;

/// The status, where there is one that says anything: tools that print manifests print `status: {}`.
pub(super) fn status<'t>(top: &mut Fields<'t>) -> Option<Node<'t>> {
    let status = top.get("status")?;
    let empty = status
        .as_map()
        .is_some_and(|map| map.iter().all(|e| e.value.is_null()));
    (!empty).then_some(status)
}
