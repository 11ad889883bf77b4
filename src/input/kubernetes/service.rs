//! `v1` Service.
//!
//! Must never know: which pods are behind it (`assemble`).

use crate::input::problems::Problems;
use crate::input::yaml::Node;

/// A Service as written.
#[derive(Debug)]
pub struct ServiceObject {}

/// Reads one.
pub(super) fn read(_: Node<'_>, _: &mut Problems) -> Option<ServiceObject> {
    None
}
