//! `v1` Endpoints and `discovery.k8s.io` EndpointSlice.
//!
//! Must never know: selectors.

use crate::input::problems::Problems;
use crate::input::yaml::Node;

/// An EndpointSlice as written.
#[derive(Debug)]
pub struct SliceObject {}

/// Reads an EndpointSlice.
pub(super) fn read_slice(_: Node<'_>, _: &mut Problems) -> Option<SliceObject> {
    None
}

/// Reads Endpoints, one slice a subset.
pub(super) fn read_endpoints(_: Node<'_>, _: &mut Problems) -> Vec<SliceObject> {
    Vec::new()
}
