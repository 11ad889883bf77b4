//! Which endpoints of a Service's port a node sends its clients to.
//!
//! Source: kube-proxy, `CategorizeEndpoints`; hints of topology are left aside, so that every endpoint that may be chosen
//! is one that is looked at. Must never know: rules, formulas.

use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::model::service::{Readiness, Service, ServiceEndpoint, ServicePort};

/// The endpoints for clients of any node: the ready ones; where there are none, those that still serve.
pub(super) fn everywhere(port: &ServicePort, family: Family) -> Vec<&ServiceEndpoint> {
    fallback(port, |e| Family::of(e.address) == family)
}

/// The endpoints on a node, by the same rule.
pub(super) fn on_node(port: &ServicePort, family: Family, node: EntityId) -> Vec<&ServiceEndpoint> {
    fallback(port, |e| {
        Family::of(e.address) == family && e.node == Some(node)
    })
}

/// The endpoints that a policy leaves to a node.
pub(super) fn under(
    local: bool,
    port: &ServicePort,
    family: Family,
    node: EntityId,
) -> Vec<&ServiceEndpoint> {
    if local {
        on_node(port, family, node)
    } else {
        everywhere(port, family)
    }
}

fn fallback(
    port: &ServicePort,
    wanted: impl Fn(&ServiceEndpoint) -> bool,
) -> Vec<&ServiceEndpoint> {
    let of = |readiness| {
        let all = port.endpoints.iter();
        all.filter(|e| e.readiness == readiness && wanted(e))
            .collect::<Vec<_>>()
    };
    let ready = of(Readiness::Ready);
    if ready.is_empty() {
        of(Readiness::Terminating)
    } else {
        ready
    }
}

/// The families that a Service is dialled in.
pub(super) fn families(service: &Service) -> impl Iterator<Item = Family> + '_ {
    let all = [Family::V4, Family::V6];
    all.into_iter()
        .filter(|f| service.addresses.iter().any(|a| Family::of(a.ip) == *f))
}
