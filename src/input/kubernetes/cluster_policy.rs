//! `policy.networking.k8s.io`: ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy.
//!
//! Must never know: which pods are meant.

use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::policy::ClusterPolicy;

/// Reads one of this kind.
pub(super) fn read(_: &str, _: Node<'_>, _: &mut Problems) -> Option<ClusterPolicy> {
    None
}
