//! A cluster with pods more: every id moves to its canonical place.
//!
//! Must never know: intents, terms.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::cluster::{
    Address, Bind, Chosen, Cluster, Listener, NAME_LABEL, NamedPort, Namespace, Pod, Process,
};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::Protocol;
use crate::model::labels::Open;

/// A pod to add.
#[derive(Debug, Clone)]
pub(super) struct NewPod {
    pub(super) namespace: String,
    pub(super) namespace_labels: BTreeMap<String, String>,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) address: IpAddr,
    pub(super) node: EntityId,
    pub(super) open: Vec<(u16, Protocol)>,
    pub(super) named_ports: Vec<(String, Protocol, u16)>,
}

/// The one container of a pod that was added.
const CONTAINER: &str = "main";

impl NewPod {
    fn pod_name(&self) -> FullName {
        FullName::new(EntityKind::Pod, &[&self.namespace, &self.name])
    }

    fn container_name(&self) -> FullName {
        let parts = [self.namespace.as_str(), &self.name, CONTAINER];
        FullName::new(EntityKind::Container, &parts)
    }
}

/// A name that no pod of the namespace has.
pub(super) fn free_name(cluster: &Cluster, namespace: &str, stem: &str) -> String {
    let taken = |name: &String| {
        let name = FullName::new(EntityKind::Pod, &[namespace, name]);
        cluster.names.binary_search(&name).is_ok()
    };
    let mut names = (1..).map(|n| {
        if n == 1 {
            stem.to_owned()
        } else {
            format!("{stem}-{n}")
        }
    });
    names.find(|n| !taken(n)).unwrap_or_default()
}

/// The cluster with these pods; each with the ids of its container.
pub(super) fn extend(cluster: &Cluster, new: &[NewPod]) -> (Cluster, Vec<EntityId>) {
    let mut names = cluster.names.clone();
    names.extend(new.iter().flat_map(|p| [p.pod_name(), p.container_name()]));
    // The outside comes last by its kind.
    names.sort();
    let id = |name: &FullName| EntityId(names.binary_search(name).unwrap_or_default() as u32);
    let moved = |old: EntityId| id(cluster.name_of(old));
    let mut all = cluster.clone();
    for node in &mut all.nodes {
        node.id = moved(node.id);
        node.daemons.iter_mut().for_each(|d| d.id = moved(d.id));
    }
    for pod in &mut all.pods {
        pod.id = moved(pod.id);
        pod.node = moved(pod.node);
        pod.containers.iter_mut().for_each(|c| c.id = moved(c.id));
    }
    for pod in &mut all.host_pods {
        pod.node = moved(pod.node);
        pod.daemons.iter_mut().for_each(|d| *d = moved(*d));
    }
    for service in &mut all.services {
        service.id = moved(service.id);
        for endpoint in service.ports.iter_mut().flat_map(|p| &mut p.endpoints) {
            endpoint.entity = endpoint.entity.map(moved);
            endpoint.node = endpoint.node.map(moved);
        }
    }
    all.externals.iter_mut().for_each(|x| x.id = moved(x.id));
    all.outside = all.outside.map(moved);
    let origin = cluster.origin;
    let mut containers = Vec::new();
    for pod in new {
        let container = id(&pod.container_name());
        containers.push(container);
        let open = pod.open.iter().map(|(port, protocol)| Listener {
            bind: Bind::Any,
            port: *port,
            protocol: *protocol,
            origin,
        });
        let named = pod.named_ports.iter();
        all.pods.push(Pod {
            host_ports: Vec::new(),
            pending: false,
            id: id(&pod.pod_name()),
            node: moved(pod.node),
            addresses: vec![Address {
                ip: pod.address,
                origin,
            }],
            labels: pod.labels.clone(),
            open: Open::Closed,
            containers: vec![Process {
                id: container,
                open: open.collect(),
                origin,
            }],
            named_ports: named
                .map(|(name, protocol, port)| NamedPort {
                    name: name.clone(),
                    port: *port,
                    protocol: *protocol,
                    origin,
                })
                .collect(),
            workload: None,
            chosen: Chosen::default(),
            origin,
        });
        if !all.namespaces.iter().any(|n| n.name == pod.namespace) {
            let mut labels = pod.namespace_labels.clone();
            labels.insert(NAME_LABEL.to_owned(), pod.namespace.clone());
            all.namespaces.push(Namespace {
                name: pod.namespace.clone(),
                labels,
                given: true,
                origin,
            });
        }
    }
    all.pods.sort_by_key(|p| p.id);
    all.namespaces.sort_by(|a, b| a.name.cmp(&b.name));
    all.names = names;
    (all, containers)
}

/// The pods as objects that can be applied.
pub(super) fn yaml(cluster: &Cluster, new: &[NewPod]) -> String {
    use std::fmt::Write as _;
    let map = |out: &mut String, labels: &BTreeMap<String, String>| {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(k, v)| format!("{k:?}: {v:?}"))
            .collect();
        let _ = writeln!(out, "  labels: {{{}}}", pairs.join(", "));
    };
    let mut out = String::new();
    for pod in new {
        if !cluster.namespaces.iter().any(|n| n.name == pod.namespace) {
            let _ = writeln!(out, "---\napiVersion: v1\nkind: Namespace\nmetadata:");
            let _ = writeln!(out, "  name: {:?}", pod.namespace);
            map(&mut out, &pod.namespace_labels);
        }
        let _ = writeln!(out, "---\napiVersion: v1\nkind: Pod\nmetadata:");
        let _ = writeln!(
            out,
            "  name: {:?}\n  namespace: {:?}",
            pod.name, pod.namespace
        );
        map(&mut out, &pod.labels);
        let _ = writeln!(
            out,
            "spec:\n  nodeName: {:?}",
            cluster.name_of(pod.node).short()
        );
        let _ = writeln!(
            out,
            "  containers:\n  - name: {CONTAINER}\n    image: any\n    ports:"
        );
        for (port, protocol) in &pod.open {
            let mut names = pod.named_ports.iter();
            let name = names.find(|(_, p, n)| (n, p) == (port, protocol));
            let name = name.map_or(String::new(), |(n, ..)| format!(", name: {n:?}"));
            let _ = writeln!(
                out,
                "    - {{containerPort: {port}, protocol: {protocol}{name}}}"
            );
        }
        let _ = writeln!(out, "status:\n  podIP: {:?}", pod.address.to_string());
    }
    out
}
