//! Services and EndpointSlices that `kube-proxy` leaves out, or cannot serve: what they lead to is not modelled.
//!
//! Source: kubernetes.io, *Service* ("Services without selectors"), *Well-Known Labels*.
//! Must never know: pods, rules.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::Objects;
use super::service::ServiceObject;
use crate::model::reading::Unmodelled;
use crate::model::service::ServiceKind;

/// Labels by which `kube-proxy` leaves a Service out, and what such Services are called here.
const LEFT_OUT: [(&str, &str); 2] = [
    (
        "service.kubernetes.io/service-proxy-name",
        "Service:service-proxy-name",
    ),
    ("service.kubernetes.io/headless", "Service:headless-label"),
];
/// An endpoint at the address of a Service: a message is translated once, and what it is translated to is nobody.
const AT_A_SERVICE: &str = "EndpointSlice:address-of-a-service";

/// All of them.
pub fn strange(objects: &Objects) -> Vec<Unmodelled> {
    let dialled =
        |s: &&ServiceObject| !matches!(s.kind, ServiceKind::Headless | ServiceKind::ExternalName);
    let mut all = Vec::new();
    for service in objects.services.iter().filter(dialled) {
        let labels = LEFT_OUT.iter();
        let left_out = labels.filter(|(key, _)| service.meta.labels.contains_key(*key));
        all.extend(left_out.map(|(_, kind)| Unmodelled {
            kind: (*kind).to_owned(),
            api_version: "v1".to_owned(),
            origin: service.meta.span,
        }));
    }
    let services = objects.services.iter().filter(dialled);
    let served: HashMap<(&str, &str), &ServiceObject> = services
        .map(|s| ((s.meta.namespace.as_str(), s.meta.name.as_str()), s))
        .collect();
    let held = served.values().flat_map(|s| {
        let outside = s.external_ips.iter().chain(&s.balancer);
        s.cluster_ips.iter().chain(outside).map(|a| a.ip)
    });
    let held: HashSet<IpAddr> = held.collect();
    for slice in &objects.slices {
        let service = slice.service.as_deref();
        let of_served =
            service.is_some_and(|s| served.contains_key(&(slice.meta.namespace.as_str(), s)));
        let endpoints = slice.endpoints.iter().filter(|_| of_served);
        let at_a_service = endpoints.filter(|e| held.contains(&e.address.ip));
        all.extend(at_a_service.map(|endpoint| Unmodelled {
            kind: AT_A_SERVICE.to_owned(),
            api_version: "discovery.k8s.io/v1".to_owned(),
            origin: endpoint.address.origin,
        }));
    }
    all
}
