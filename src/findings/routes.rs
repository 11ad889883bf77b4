//! Findings about Ingresses and routes of the Gateway API.
//!
//! Must never know: hosts and paths.

use std::collections::BTreeMap;

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityKind, FullName};
use crate::model::route::{Backend, BackendPort, Entrance};
use crate::model::service::{Service, ServiceKind};
use crate::report::run::Finding;

/// What is found here, with titles.
pub const CODES: &[(&str, &str)] = &[
    ("F017", "a backend whose Service or port does not exist"),
    ("F018", "a backend in another namespace that lets nobody in"),
    ("F019", "a controller's own path, which is not modelled"),
];

/// All of them.
pub(super) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let services: BTreeMap<&FullName, &Service> = cluster
        .services
        .iter()
        .map(|s| (cluster.name_of(s.id), s))
        .collect();
    let mut all = Vec::new();
    for entrance in &cluster.entrances {
        for backend in &entrance.backends {
            let name = FullName::new(EntityKind::Service, &[&backend.namespace, &backend.name]);
            let trouble = missing(backend, &name, services.get(&name).copied());
            all.extend(trouble.map(|why| Finding {
                id: "F017",
                severity: "warning",
                message: format!("{} sends to {why}", word(entrance)),
                source: Some(backend.origin),
            }));
            if !backend.granted {
                let message = format!(
                    "{} sends to {name}, and no ReferenceGrant in that namespace lets it",
                    word(entrance)
                );
                all.push(Finding {
                    id: "F018",
                    severity: "warning",
                    message,
                    source: Some(backend.origin),
                });
            }
        }
    }
    if let Some(first) = cluster.entrances.first() {
        let message = match cluster.entrances.len() {
            1 => format!(
                "{}: the path through its controller is not modelled",
                word(first)
            ),
            n => format!(
                "{} and {} more: the path through their controllers is not modelled",
                word(first),
                n - 1
            ),
        };
        all.push(Finding {
            id: "F019",
            severity: "note",
            message,
            source: Some(first.origin),
        });
    }
    all
}

fn word(entrance: &Entrance) -> String {
    format!("{} {}/{}", entrance.kind, entrance.namespace, entrance.name)
}

/// What is wrong with a backend, if anything.
fn missing(backend: &Backend, name: &FullName, service: Option<&Service>) -> Option<String> {
    let Some(service) = service else {
        return Some(format!("{name}, which does not exist"));
    };
    // What is behind a name of the outside has no ports here.
    if service.kind == ServiceKind::ExternalName {
        return None;
    }
    let (there, shown) = match backend.port.as_ref()? {
        BackendPort::Number(number) => (
            service.ports.iter().any(|p| p.port == *number),
            number.to_string(),
        ),
        BackendPort::Name(word) => (
            service.ports.iter().any(|p| p.name.as_ref() == Some(word)),
            format!("`{word}`"),
        ),
    };
    let known = || {
        let all = service.ports.iter().map(|p| match &p.name {
            Some(name) => format!("{} (`{name}`)", p.port),
            None => p.port.to_string(),
        });
        all.collect::<Vec<_>>().join(", ")
    };
    (!there).then(|| format!("port {shown} of {name}, which has {} only", known()))
}
