//! `networking.k8s.io/v1` Ingress.
//!
//! Must never know: whether its backends exist (`findings`).

use crate::input::problems::Problems;
use crate::input::yaml::Node;

/// An Ingress as written.
#[derive(Debug)]
pub struct IngressObject {}

/// Reads one.
pub(super) fn read(_: Node<'_>, _: &mut Problems) -> Option<IngressObject> {
    None
}
