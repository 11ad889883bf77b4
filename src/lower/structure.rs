//! Fills the structure that formulas speak about.
//!
//! Knows: which fact of a cluster is which row. Must never know: formulas, SMT.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::balance;
use crate::logic::structure::{Clients, EndpointRow, EntityRow, OfferedRow, OpenRow, Structure};
use crate::model::cluster::{
    Address, Bind, Cluster, HostPod, Listener, NamedPort, Pod, Process, Workload,
};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::{Family, Protocol};
use crate::model::linux::{Route, RouteType};
use crate::model::service::{Service, ServiceEndpoint, ServicePort};
use crate::network::graph::Network;

/// The structure of a cluster with this network.
pub fn structure(cluster: &Cluster, network: &Network) -> Structure {
    let mut all = Structure {
        entities: entities(cluster),
        addr: Vec::new(),
        pending: Vec::new(),
        host: Vec::new(),
        open: Vec::new(),
        serves: Vec::new(),
        link: network.links.iter().copied().collect(),
        service_port: Vec::new(),
        endpoint: Vec::new(),
        offered: Vec::new(),
        selected: Vec::new(),
        listed: Vec::new(),
        held: network.held.clone(),
        known_ports: Vec::new(),
        policies: network.gates.clone(),
    };
    for pod in &cluster.pods {
        all.pending.extend(pod.pending.then_some(pod.id));
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
        for port in &service.ports {
            all.service_port
                .push((service.id, port.port, port.protocol));
            all.endpoint
                .extend(endpoint_rows(cluster, &network.held, service, port));
        }
        all.offered.extend(offered(cluster, service));
        // Only where both are given can one disagree with the other.
        if service.endpoints_given && service.selector.is_some() {
            let selected = service.selected.iter();
            all.selected
                .extend(selected.map(|s| (service.id, s.entity, s.address)));
            all.listed
                .extend(service.listed.iter().map(|a| (service.id, a.ip)));
        }
    }
    for pod in &cluster.pods {
        host_ports(&mut all, cluster, pod);
    }
    anycast(&mut all, cluster);
    all.addr.sort_unstable();
    all.host.sort_unstable();
    all
}

/// Adds the stages of a network to the universe; links are those between what they are stages of.
pub fn add_stages(all: &mut Structure, network: &Network, stages: Vec<FullName>) {
    let none = Arc::new(BTreeMap::new());
    let rows = stages.into_iter().map(|name| EntityRow {
        name,
        parent: None,
        namespace_labels: Arc::clone(&none),
        namespace: None,
        labels: BTreeMap::new(),
        workload: None,
        named_ports: Vec::new(),
    });
    all.entities.extend(rows);
    let of = |id: EntityId| network.switch(id).map_or(id, |s| s.of);
    let links = network.links.iter().map(|(x, y)| (of(*x), of(*y)));
    let links: BTreeSet<_> = links.filter(|(x, y)| x != y).collect();
    all.link = links.into_iter().collect();
}

/// What processes of one network namespace serve together, for each of them.
fn serves(processes: &[Process], addresses: &[Address]) -> Vec<(EntityId, IpAddr, u16, Protocol)> {
    let at = |address: &Address| {
        let open = processes.iter().flat_map(|p| &p.open);
        let open = open.filter(|l| l.bind.covers(address.ip));
        let one = |l: &Listener| (address.ip, l.port, l.protocol);
        open.map(one).collect::<Vec<_>>()
    };
    let rows: BTreeSet<(IpAddr, u16, Protocol)> = addresses.iter().flat_map(at).collect();
    let each = |process: &Process| {
        let id = process.id;
        rows.iter().map(move |(a, p, proto)| (id, *a, *p, *proto))
    };
    processes.iter().flat_map(each).collect()
}

/// The endpoints that somebody has and that take connections: for clients by the Service's policy for messages from
/// inside, or, where another of its policies leaves them to somebody, for nobody who dials a cluster address.
fn endpoint_rows<'s>(
    cluster: &'s Cluster,
    held: &'s [IpAddr],
    service: &'s Service,
    port: &'s ServicePort,
) -> impl Iterator<Item = EndpointRow> + 's {
    let families: Vec<Family> = service.addresses.iter().map(|a| Family::of(a.ip)).collect();
    let fitting = move |e: &&ServiceEndpoint| {
        families.is_empty() || families.contains(&Family::of(e.address))
    };
    port.endpoints.iter().filter(fitting).filter_map(move |e| {
        let family = Family::of(e.address);
        let everywhere = balance::everywhere(port, family).contains(&e);
        let here = e
            .node
            .filter(|&n| balance::on_node(port, family, n).contains(&e));
        let clients = match (service.internal_local, here) {
            (false, _) if everywhere => Clients::Everywhere,
            (true, Some(node)) => Clients::On(node),
            _ if everywhere || service.external_local && here.is_some() => Clients::Nowhere,
            _ => return None,
        };
        Some(EndpointRow {
            service: service.id,
            port: port.port,
            protocol: port.protocol,
            pod: e.entity.or_else(|| outsider(cluster, held, e.address))?,
            address: e.address,
            target_port: e.port,
            clients,
        })
    })
}

/// The host outside that has an address which nobody inside holds.
fn outsider(cluster: &Cluster, held: &[IpAddr], address: IpAddr) -> Option<EntityId> {
    if held.binary_search(&address).is_ok() {
        return None;
    }
    let prefixes = cluster.externals.iter();
    let prefixes = prefixes.flat_map(|x| x.prefixes.iter().map(move |p| (p, x.id)));
    let holding = prefixes.filter(|(p, _)| p.contains(&address));
    holding
        .max_by_key(|(p, id)| (p.prefix_len(), std::cmp::Reverse(*id)))
        .map(|(_, id)| id)
}

/// The addresses and ports that stand for a Service: its own, those outside, ports of nodes.
pub fn offered(cluster: &Cluster, service: &Service) -> Vec<OfferedRow> {
    let mut all = Vec::new();
    let nodes: Vec<IpAddr> = cluster
        .nodes
        .iter()
        .flat_map(|n| n.addresses.iter().map(|a| a.ip))
        .collect();
    for port in &service.ports {
        let mut row = |address, dialled| {
            all.push(OfferedRow {
                entity: service.id,
                port: port.port,
                address,
                dialled,
                protocol: port.protocol,
            });
        };
        for address in &service.addresses {
            row(address.ip, port.port);
        }
        for family in balance::families(service) {
            let of_family = |ip: &IpAddr| Family::of(*ip) == family;
            let external = service.external_addresses.iter().map(|a| a.ip);
            for ip in external.filter(of_family) {
                row(ip, port.port);
            }
            if let Some(number) = port.node_port {
                for ip in nodes.iter().copied().filter(of_family) {
                    row(ip, number);
                }
            }
        }
    }
    all
}

/// The addresses and ports of its node that stand for a pod, which is its own endpoint then.
fn host_ports(all: &mut Structure, cluster: &Cluster, pod: &Pod) {
    let Some(node) = cluster.nodes.iter().find(|n| n.id == pod.node) else {
        return;
    };
    for port in &pod.host_ports {
        let bound = |ip: &IpAddr| {
            port.host_ip
                .is_none_or(|own| own.is_unspecified() || own == *ip)
        };
        let dialled = node.addresses.iter().map(|a| a.ip).filter(bound);
        all.offered.extend(dialled.map(|address| OfferedRow {
            entity: pod.id,
            port: port.port,
            address,
            dialled: port.host_port,
            protocol: port.protocol,
        }));
        all.endpoint
            .extend(pod.addresses.iter().map(|a| EndpointRow {
                service: pod.id,
                port: port.port,
                protocol: port.protocol,
                pod: pod.id,
                address: a.ip,
                target_port: port.port,
                clients: Clients::Nowhere,
            }));
    }
}

/// The anycast addresses of prefixes (IPv6, where a namespace forwards) stand for the namespace itself: nobody is dialled
/// there, and several have the same one. TCP is never received at them.
fn anycast(all: &mut Structure, cluster: &Cluster) {
    let namespaces = cluster.snapshot.iter().flat_map(|s| &s.namespaces);
    for (of, namespace) in namespaces.filter_map(|n| Some((n.entity?, n))) {
        let is_anycast = |r: &&Route| r.kind == RouteType::Anycast && r.table == "local";
        // Most have none, and who listens is looked for among all.
        if !namespace.routes.iter().any(|r| is_anycast(&r)) {
            continue;
        }
        let mine = |id: EntityId| id == of || all.entities[id.index()].parent == Some(of);
        let open = |r: &&OpenRow| mine(r.process) || all.host.contains(&(of, r.process));
        let open: BTreeSet<(u16, Protocol)> = (all.open.iter().filter(open))
            .filter(|r| r.low == r.high && matches!(r.bind, Bind::Any | Bind::AnyV6))
            .filter_map(|r| Some((r.low, r.protocol.filter(|p| *p != Protocol::Tcp)?)))
            .collect();
        let routes = namespace.routes.iter();
        let routes = routes.filter(is_anycast);
        for address in routes.map(|r| r.destination.addr()) {
            for &(port, protocol) in &open {
                all.offered.push(OfferedRow {
                    entity: of,
                    port,
                    address,
                    dialled: port,
                    protocol,
                });
                all.endpoint.push(EndpointRow {
                    service: of,
                    port,
                    protocol,
                    pod: of,
                    address,
                    target_port: port,
                    clients: Clients::Nowhere,
                });
            }
        }
    }
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
