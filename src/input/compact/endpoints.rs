//! The pods that a cluster file names as endpoints of a service.
//!
//! Must never know: selectors, readiness.

use std::collections::HashMap;

use super::names::{Resolver, Want};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::input::yaml::Node as Yaml;
use crate::model::cluster::Pod;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::Family;
use crate::model::service::{Readiness, Service, ServiceEndpoint, TargetPort};

/// The pods behind a service, by port; of the families that the service has. `pods` are sorted by id.
pub(super) fn endpoints(
    service: &mut Service,
    endpoints: Vec<Yaml<'_>>,
    pods: &[Pod],
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) {
    let mut seen: HashMap<EntityId, Span> = HashMap::new();
    for endpoint in endpoints {
        let want = Want::One(EntityKind::Pod);
        let Some(pod) = resolver.reference(endpoint, want, problems) else {
            continue;
        };
        if let Some(&there) = seen.get(&pod) {
            let message = "the endpoint is there twice";
            problems.push(
                Diagnostic::error("C015", endpoint.span(), message)
                    .related(there, "first written here"),
            );
            continue;
        }
        seen.insert(pod, endpoint.span());
    }
    let families: Vec<Family> = service.addresses.iter().map(|a| Family::of(a.ip)).collect();
    // Thousands of Services have a few pods each: they are looked up and not looked for.
    let mut ids: Vec<EntityId> = seen.keys().copied().collect();
    ids.sort_unstable();
    let find = |id: EntityId| pods.binary_search_by_key(&id, |pod| pod.id).ok();
    let chosen: Vec<&Pod> = ids
        .into_iter()
        .filter_map(find)
        .map(|at| &pods[at])
        .collect();
    for port in &mut service.ports {
        let TargetPort::Number(target) = port.target else {
            continue;
        };
        for pod in &chosen {
            let fitting = pod
                .addresses
                .iter()
                .filter(|a| families.is_empty() || families.contains(&Family::of(a.ip)));
            port.endpoints
                .extend(fitting.map(|address| ServiceEndpoint {
                    entity: Some(pod.id),
                    node: Some(pod.node),
                    address: address.ip,
                    port: target,
                    readiness: Readiness::Ready,
                    origin: seen.get(&pod.id).copied().unwrap_or(service.origin),
                }));
        }
    }
}
