//! Findings about Services and ports of nodes, with the line to blame.
//!
//! Must never know: rules of switches, formulas.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::cluster::{Cluster, Pod, Process};
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::model::service::{Readiness, Service, ServiceEndpoint, ServicePort, TargetPort};
use crate::report::run::Finding;

/// What is found here, with titles.
pub const CODES: &[(&str, &str)] = &[
    ("F010", "a Service whose selector matches no pod"),
    (
        "F011",
        "a port of a Service on which an endpoint does not listen",
    ),
    (
        "F012",
        "a port name that an endpoint of the Service does not have",
    ),
    (
        "F013",
        "EndpointSlices that disagree with the Service's selector",
    ),
    ("F014", "two that want one port of a node"),
    (
        "F015",
        "an endpoint's address that nobody in the cluster has",
    ),
];

/// All of them.
pub(super) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let processes = processes(cluster);
    let mut all = Vec::new();
    for service in &cluster.services {
        let name = cluster.name_of(service.id);
        if service.selector.is_some() && service.selected.is_empty() {
            let message = format!("the selector of {name} matches no pod with an address");
            all.push(warning("F010", message, service.origin));
        }
        for port in &service.ports {
            all.extend(closed(cluster, service, port, &processes));
            all.extend(unnamed(cluster, service, port));
            all.extend(nobody(cluster, service, port));
        }
        all.extend(outdated(cluster, service));
    }
    all.extend(clashes(cluster));
    all
}

fn warning(id: &'static str, message: String, at: crate::base::source::Span) -> Finding {
    Finding {
        id,
        severity: "warning",
        message,
        source: Some(at),
    }
}

/// The processes of each pod and node.
fn processes(cluster: &Cluster) -> BTreeMap<EntityId, &[Process]> {
    let pods = cluster.pods.iter().map(|p| (p.id, p.containers.as_slice()));
    let nodes = cluster.nodes.iter().map(|n| (n.id, n.daemons.as_slice()));
    pods.chain(nodes).collect()
}

fn listens(processes: &[Process], address: IpAddr, port: u16, protocol: Protocol) -> bool {
    let mut all = processes.iter().flat_map(|p| &p.open);
    all.any(|l| l.port == port && l.protocol == protocol && l.bind.covers(address))
}

/// `A`, or `A and 2 more`.
fn first_of(cluster: &Cluster, entities: &BTreeSet<EntityId>) -> String {
    let Some(first) = entities.first() else {
        return String::new();
    };
    let name = cluster.name_of(*first);
    match entities.len() {
        1 => name.to_string(),
        n => format!("{name} and {} more", n - 1),
    }
}

fn closed(
    cluster: &Cluster,
    service: &Service,
    port: &ServicePort,
    processes: &BTreeMap<EntityId, &[Process]>,
) -> Option<Finding> {
    let deaf = |e: &&ServiceEndpoint| {
        let processes = e.entity.and_then(|id| processes.get(&id));
        e.readiness != Readiness::NotReady
            && processes.is_some_and(|p| !listens(p, e.address, e.port, port.protocol))
    };
    let all: Vec<&ServiceEndpoint> = port.endpoints.iter().filter(deaf).collect();
    let entities: BTreeSet<EntityId> = all.iter().filter_map(|e| e.entity).collect();
    let number = all.first()?.port;
    let message = format!(
        "{} sends port {}/{} to port {number}, on which no container of {} listens",
        cluster.name_of(service.id),
        port.port,
        port.protocol,
        first_of(cluster, &entities),
    );
    Some(warning("F011", message, port.origin))
}

/// A name that only some of the pods give to a port, or none, or to a port of another protocol.
fn unnamed(cluster: &Cluster, service: &Service, port: &ServicePort) -> Option<Finding> {
    let TargetPort::Name(name) = &port.target else {
        return None;
    };
    if service.endpoints_given {
        return None;
    }
    let has: BTreeSet<IpAddr> = port.endpoints.iter().map(|e| e.address).collect();
    let lacking = service
        .selected
        .iter()
        .filter(|s| !has.contains(&s.address));
    let lacking: BTreeSet<EntityId> = lacking.map(|s| s.entity).collect();
    if lacking.is_empty() {
        return None;
    }
    let message = format!(
        "{} names the {} target port `{name}`, which is missing in {}",
        cluster.name_of(service.id),
        port.protocol,
        first_of(cluster, &lacking),
    );
    Some(warning("F012", message, port.origin))
}

/// Endpoints that nobody has: outside, or gone.
fn nobody(cluster: &Cluster, service: &Service, port: &ServicePort) -> Option<Finding> {
    let strange: Vec<&ServiceEndpoint> = port
        .endpoints
        .iter()
        .filter(|e| e.entity.is_none())
        .collect();
    let first = strange.first()?;
    let message = format!(
        "nobody in the cluster has {}, an endpoint of {}",
        first.address,
        cluster.name_of(service.id)
    );
    Some(Finding {
        severity: "note",
        ..warning("F015", message, first.origin)
    })
}

/// What the selector means and what is listed.
fn outdated(cluster: &Cluster, service: &Service) -> Option<Finding> {
    if !service.endpoints_given || service.selector.is_none() {
        return None;
    }
    let name = cluster.name_of(service.id);
    let meant: BTreeSet<IpAddr> = service.selected.iter().map(|s| s.address).collect();
    let listed: BTreeSet<IpAddr> = service.listed.iter().map(|a| a.ip).collect();
    if let Some(extra) = service.listed.iter().find(|a| !meant.contains(&a.ip)) {
        let message = format!(
            "{} is listed for {name}, whose selector means no pod with it",
            extra.ip
        );
        return Some(warning("F013", message, extra.origin));
    }
    let missing = service
        .selected
        .iter()
        .find(|s| !listed.contains(&s.address))?;
    let message = format!(
        "the selector of {name} means {} at {}, which no EndpointSlice lists",
        cluster.name_of(missing.entity),
        missing.address
    );
    Some(warning("F013", message, service.origin))
}

/// Ports of a node that two want: pods with a `hostPort`, processes of the node. The scheduler keeps them apart, where it
/// still has the choice.
fn clashes(cluster: &Cluster) -> Vec<Finding> {
    let mut all = Vec::new();
    // Few pods have such a port: nodes times pods would be too many.
    let mut wanting: BTreeMap<EntityId, Vec<&Pod>> = BTreeMap::new();
    for pod in &cluster.pods {
        if !pod.host_ports.is_empty() && !pod.chosen.node {
            wanting.entry(pod.node).or_default().push(pod);
        }
    }
    for node in &cluster.nodes {
        let mut seen: Vec<(EntityId, crate::model::cluster::HostPort)> = Vec::new();
        for pod in wanting.remove(&node.id).unwrap_or_default() {
            for port in &pod.host_ports {
                let same = |other: &&(EntityId, crate::model::cluster::HostPort)| {
                    let any = |ip: Option<IpAddr>| ip.is_none_or(|ip| ip.is_unspecified());
                    let (a, b) = (other.1.host_ip, port.host_ip);
                    other.1.host_port == port.host_port
                        && other.1.protocol == port.protocol
                        && (any(a) || any(b) || a == b)
                };
                let daemon = node.daemons.iter().find(|d| {
                    let mut open = d.open.iter();
                    open.any(|l| l.port == port.host_port && l.protocol == port.protocol)
                });
                let other = seen.iter().find(same).map(|other| other.0);
                if let Some(other) = other.or(daemon.map(|d| d.id)) {
                    let message = format!(
                        "{} and {} both want port {}/{} of {}",
                        cluster.name_of(other),
                        cluster.name_of(pod.id),
                        port.host_port,
                        port.protocol,
                        cluster.name_of(node.id)
                    );
                    all.push(warning("F014", message, port.origin));
                }
                seen.push((pod.id, *port));
            }
        }
    }
    all
}
