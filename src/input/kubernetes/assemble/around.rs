//! What there is around pods and nodes: policies in order, namespaces, and hosts outside.
//!
//! Must never know: processes, addresses of pods.

use std::collections::BTreeMap;

use super::super::{Objects, Outsider};
use super::names::Ids;
use super::{Made, OUTSIDE};
use crate::base::source::Span;
use crate::model::cluster::Namespace;
use crate::model::inet::IpNet;
use crate::model::policy::Policies;

pub(super) fn policies(objects: &mut Objects) -> Policies {
    let mut network = std::mem::take(&mut objects.network_policies);
    network.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let mut cluster = std::mem::take(&mut objects.cluster_policies);
    cluster.sort_by(|a, b| (a.tier, a.priority, &a.name).cmp(&(b.tier, b.priority, &b.name)));
    Policies { network, cluster }
}

/// Every namespace that an object is in, and those that are given.
pub(super) fn namespaces(
    objects: &mut Objects,
    made: &Made,
    ids: &Ids,
    policies: &Policies,
) -> Vec<Namespace> {
    let mut all: BTreeMap<String, Namespace> = BTreeMap::new();
    for namespace in std::mem::take(&mut objects.namespaces) {
        all.insert(namespace.name.clone(), namespace);
    }
    let mut add = |name: &str, origin: Span| {
        if !all.contains_key(name) {
            all.insert(name.to_owned(), Namespace::named(name, origin));
        }
    };
    for (pod, _) in &made.pods {
        if let Some(name) = ids.names[pod.id.index()].parts.first() {
            add(name, pod.origin);
        }
    }
    for (pod, _) in &made.host_pods {
        add(&pod.namespace, pod.origin);
    }
    for service in &objects.services {
        add(&service.meta.namespace, service.meta.span);
    }
    for policy in &policies.network {
        add(&policy.namespace, policy.origin);
    }
    all.into_values().collect()
}

/// All addresses of both families: an External has those that nobody holds.
pub(super) fn anybody(origin: Span) -> Vec<Outsider> {
    let zero = [
        std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    ];
    let everything = zero.iter().filter_map(|ip| IpNet::new(*ip, 0).ok());
    vec![Outsider {
        name: OUTSIDE.to_owned(),
        prefixes: everything.collect(),
        origin,
    }]
}
