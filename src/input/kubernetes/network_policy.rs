//! `networking.k8s.io/v1` NetworkPolicy, with the defaults that the API server fills in.
//!
//! Must never know: which pods are meant.

use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::policy::NetworkPolicy;

/// Reads one.
pub(super) fn read(_: Node<'_>, _: &mut Problems) -> Option<NetworkPolicy> {
    None
}
