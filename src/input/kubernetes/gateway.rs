//! Gateway API: Gateway, routes, ReferenceGrant.
//!
//! Must never know: whether backends exist (`findings`).

use crate::input::problems::Problems;
use crate::input::yaml::Node;

/// A Gateway as written.
#[derive(Debug)]
pub struct GatewayObject {}

/// A route as written.
#[derive(Debug)]
pub struct RouteObject {}

/// A `ReferenceGrant` as written.
#[derive(Debug)]
pub struct GrantObject {}

/// Reads a Gateway.
pub(super) fn read_gateway(_: Node<'_>, _: &mut Problems) -> Option<GatewayObject> {
    None
}

/// Reads a route of this kind.
pub(super) fn read_route(_: &str, _: Node<'_>, _: &mut Problems) -> Option<RouteObject> {
    None
}

/// Reads a `ReferenceGrant`.
pub(super) fn read_grant(_: Node<'_>, _: &mut Problems) -> Option<GrantObject> {
    None
}
