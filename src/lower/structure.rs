//! Fills the structure that formulas speak about.
//!
//! Knows: which fact of a cluster is which row. Must never know: formulas, SMT.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use crate::logic::structure::{EndpointRow, EntityRow, OpenRow, Structure};
use crate::model::cluster::{Address, Bind, Cluster, HostPod, NamedPort, Process, Workload};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, Protocol};
use crate::network::graph::Network;

/// The structure of a cluster with this network.
pub fn structure(cluster: &Cluster, network: &Network) -> Structure {
    let mut all = Structure {
        entities: entities(cluster),
        addr: Vec::new(),
        host: Vec::new(),
        open: Vec::new(),
        serves: Vec::new(),
        link: network.links.iter().copied().collect(),
        service_port: Vec::new(),
        endpoint: Vec::new(),
        held: network.held.clone(),
        policies: network.gates.clone(),
    };
    for pod in &cluster.pods {
        all.addr
            .extend(pod.addresses.iter().map(|a| (pod.id, IpNet::from(a.ip))));
        all.host.push((pod.node, pod.id));
        all.open.extend(pod.containers.iter().flat_map(open_rows));
        all.serves.extend(serves(&pod.containers, &pod.addresses));
    }
    for node in &cluster.nodes {
        all.addr
            .extend(node.addresses.iter().map(|a| (node.id, IpNet::from(a.ip))));
        all.host
            .extend(node.daemons.iter().map(|d| (node.id, d.id)));
        all.open.extend(node.daemons.iter().flat_map(open_rows));
        all.serves.extend(serves(&node.daemons, &node.addresses));
    }
    for external in &cluster.externals {
        all.addr
            .extend(external.prefixes.iter().map(|p| (external.id, *p)));
        // What listens outside is not known; an External takes everything that is sent to it.
        all.open.push(OpenRow {
            process: external.id,
            bind: Bind::Any,
            low: 0,
            high: u16::MAX,
            protocol: None,
        });
    }
    for service in &cluster.services {
        all.addr.extend(
            service
                .addresses
                .iter()
                .map(|a| (service.id, IpNet::from(a.ip))),
        );
        let families: Vec<Family> = service.addresses.iter().map(|a| Family::of(a.ip)).collect();
        for port in &service.ports {
            all.service_port
                .push((service.id, port.port, port.protocol));
            let fitting = port
                .endpoints
                .iter()
                .filter(|e| families.is_empty() || families.contains(&Family::of(e.address)));
            for endpoint in fitting {
                all.endpoint.extend(endpoint.entity.map(|pod| EndpointRow {
                    service: service.id,
                    port: port.port,
                    protocol: port.protocol,
                    pod,
                    address: endpoint.address,
                    target_port: endpoint.port,
                }));
            }
        }
    }
    all.addr.sort_unstable();
    all.host.sort_unstable();
    all
}

/// What processes of one network namespace serve together, for each of them.
fn serves(processes: &[Process], addresses: &[Address]) -> Vec<(EntityId, u16, Protocol)> {
    let dialled = |bind: Bind| addresses.iter().any(|a| bind.covers(a.ip));
    let ports: BTreeSet<(u16, Protocol)> = processes
        .iter()
        .flat_map(|p| &p.open)
        .filter(|l| dialled(l.bind))
        .map(|l| (l.port, l.protocol))
        .collect();
    let each = |process: &Process| {
        let id = process.id;
        ports.iter().map(move |(p, proto)| (id, *p, *proto))
    };
    processes.iter().flat_map(each).collect()
}

fn open_rows(process: &Process) -> impl Iterator<Item = OpenRow> + '_ {
    process.open.iter().map(|listener| OpenRow {
        process: process.id,
        bind: listener.bind,
        low: listener.port,
        high: listener.port,
        protocol: Some(listener.protocol),
    })
}

/// Names of ports, each once a protocol: the first is the one that is meant.
fn once(ports: &[NamedPort]) -> Vec<(String, u16, Protocol)> {
    let mut all: Vec<(String, u16, Protocol)> = Vec::new();
    for port in ports {
        if !all
            .iter()
            .any(|(n, _, p)| *n == port.name && *p == port.protocol)
        {
            all.push((port.name.clone(), port.port, port.protocol));
        }
    }
    all
}

fn entities(cluster: &Cluster) -> Vec<EntityRow> {
    let mut parent: BTreeMap<EntityId, EntityId> = BTreeMap::new();
    let mut labels: BTreeMap<EntityId, &BTreeMap<String, String>> = BTreeMap::new();
    for pod in &cluster.pods {
        parent.insert(pod.id, pod.node);
        labels.insert(pod.id, &pod.labels);
        for container in &pod.containers {
            parent.insert(container.id, pod.id);
            labels.insert(container.id, &pod.labels);
        }
    }
    for node in &cluster.nodes {
        parent.extend(node.daemons.iter().map(|d| (d.id, node.id)));
    }
    let mut owners: BTreeMap<EntityId, &Workload> = BTreeMap::new();
    let mut named: BTreeMap<EntityId, Vec<(String, u16, Protocol)>> = BTreeMap::new();
    for pod in &cluster.pods {
        for id in pod.containers.iter().map(|c| c.id).chain([pod.id]) {
            owners.extend(pod.workload.as_ref().map(|w| (id, w)));
            named.insert(id, once(&pod.named_ports));
        }
    }
    // A process of a pod in the host network is a daemon; to selectors it is its pod all the same.
    let mut hosted: BTreeMap<EntityId, &HostPod> = BTreeMap::new();
    for pod in &cluster.host_pods {
        for &id in &pod.daemons {
            hosted.insert(id, pod);
            labels.insert(id, &pod.labels);
            owners.extend(pod.workload.as_ref().map(|w| (id, w)));
            named.insert(id, once(&pod.named_ports));
        }
    }
    for service in &cluster.services {
        let ports = service.ports.iter();
        let ports = ports.filter_map(|p| Some((p.name.clone()?, p.port, p.protocol)));
        named.insert(service.id, ports.collect());
    }
    let namespaces: BTreeMap<&str, Arc<BTreeMap<String, String>>> = cluster
        .namespaces
        .iter()
        .map(|n| (n.name.as_str(), Arc::new(n.labels.clone())))
        .collect();
    let none = Arc::new(BTreeMap::new());
    cluster
        .ids()
        .map(|id| {
            let name = cluster.name_of(id).clone();
            let namespaced = matches!(
                name.kind,
                EntityKind::Container | EntityKind::Pod | EntityKind::Service
            );
            let namespace = name.parts.first().filter(|_| namespaced).cloned();
            let namespace = namespace.or_else(|| hosted.get(&id).map(|p| p.namespace.clone()));
            let namespace_labels = namespace
                .as_ref()
                .and_then(|n| namespaces.get(n.as_str()))
                .unwrap_or(&none);
            let labels = labels.get(&id).map(|&l| l.clone()).unwrap_or_default();
            EntityRow {
                name,
                parent: parent.get(&id).copied(),
                namespace_labels: Arc::clone(namespace_labels),
                namespace,
                labels,
                workload: owners.get(&id).map(|w| (w.kind.clone(), w.name.clone())),
                named_ports: named.remove(&id).unwrap_or_default(),
            }
        })
        .collect()
}
