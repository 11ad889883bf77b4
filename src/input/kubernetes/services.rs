//! Services with the endpoints that are behind them.
//!
//! Source: kubernetes.io, *Service*, *EndpointSlices*; the endpoint controllers' selection, `FindPort`.
//! Knows: selectors, readiness, slices. Must never know: YAML, what a node does with a Service (`lower`).

mod choice;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use choice::Choice;

use super::endpoints::SliceObject;
use super::service::{FamilyPolicy, PortObject, ServiceObject};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::model::cluster::{Address, NamedPort};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::{Family, Protocol};
use crate::model::service::{
    Readiness, Selected, Service, ServiceEndpoint, ServiceKind, ServicePort, TargetPort,
};

/// The codes of Services and what belongs to them, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("K201", "fields of a Service that do not go together"),
    ("K202", "an address or family that a Service cannot have"),
    ("K203", "a port of a Service that the API server refuses"),
    ("K204", "an endpoint that the API server refuses"),
    ("K206", "no cluster address is left to choose"),
    ("K207", "two Services want one port of the nodes"),
    ("K208", "an Ingress that the API server refuses"),
    ("K209", "an object of the Gateway API that is refused"),
];

/// What a Service needs to know of a pod that is not completed and has an address.
#[derive(Debug, Clone)]
pub struct Candidate<'p> {
    /// Its namespace.
    pub namespace: &'p str,
    /// Its labels.
    pub labels: &'p BTreeMap<String, String>,
    /// The pod, or its node where it is in the node's network.
    pub entity: EntityId,
    /// Its node.
    pub node: EntityId,
    /// Its addresses; those of the node where it is in the node's network.
    pub addresses: Vec<IpAddr>,
    /// Names of ports, in the order in which they are searched.
    pub named_ports: &'p [NamedPort],
    /// Whether its condition `Ready` is true; of a template it is.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Where it is written.
    pub origin: Span,
}

/// What Services are assembled from, beside themselves.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Full names, ascending; an id is an index.
    pub names: &'a [FullName],
    /// Pods, by namespace and name.
    pub pods: &'a [Candidate<'a>],
    /// Addresses of nodes.
    pub nodes: &'a [(EntityId, Vec<IpAddr>)],
}

/// The Services, by id. Where a manifest gives no cluster address or port of nodes, some distinct one is chosen.
pub fn assemble(
    objects: &[ServiceObject],
    slices: &[SliceObject],
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> Vec<Service> {
    let holders = holders(around);
    let mut by_service: HashMap<(&str, &str), Vec<&SliceObject>> = HashMap::new();
    for slice in slices {
        if let Some(service) = &slice.service {
            let key = (slice.meta.namespace.as_str(), service.as_str());
            by_service.entry(key).or_default().push(slice);
        }
    }
    let mut by_namespace: HashMap<&str, Vec<&Candidate<'_>>> = HashMap::new();
    for pod in around.pods {
        by_namespace.entry(pod.namespace).or_default().push(pod);
    }
    let held = around.pods.iter().flat_map(|p| &p.addresses);
    let held = held.chain(around.nodes.iter().flat_map(|(_, a)| a));
    let mut choice = Choice::new(objects, held.copied(), primary_and_other(around));
    let mut all: Vec<Service> = Vec::new();
    for object in objects {
        let (namespace, name) = (object.meta.namespace.as_str(), object.meta.name.as_str());
        let full = FullName::new(EntityKind::Service, &[namespace, name]);
        let Ok(id) = around.names.binary_search(&full) else {
            continue;
        };
        let own = by_service.get(&(namespace, name));
        let own = in_force(own.map_or(&[], Vec::as_slice));
        let pods = by_namespace
            .get(namespace)
            .map_or(&[] as &[_], Vec::as_slice);
        let mut service = bare(object, EntityId(id as u32), &mut choice, problems);
        let families = service_families(object, &service, around);
        selected(&mut service, &families, pods);
        if own.is_empty() {
            chosen_by_selector(&mut service, &families, pods);
        } else {
            service.endpoints_given = true;
            given(&mut service, &families, &own, &holders, around);
        }
        all.push(service);
    }
    all.sort_by_key(|s| s.id);
    all
}

/// Endpoints are looked at only where there are no slices: nodes look at slices, and both are there in a dump.
fn in_force<'s>(slices: &[&'s SliceObject]) -> Vec<&'s SliceObject> {
    let modern = slices.iter().any(|s| !s.legacy);
    let mut own: Vec<&SliceObject> = slices.to_vec();
    own.retain(|s| s.legacy != modern);
    own
}

/// Who has an address: the pods' first, since a pod of the host network is its node anyway.
fn holders(around: &Surroundings<'_>) -> HashMap<IpAddr, (EntityId, EntityId)> {
    let mut all = HashMap::new();
    for (node, addresses) in around.nodes {
        all.extend(addresses.iter().map(|&a| (a, (*node, *node))));
    }
    for pod in around.pods {
        all.extend(pod.addresses.iter().map(|&a| (a, (pod.entity, pod.node))));
    }
    all
}

/// The Service without its endpoints.
fn bare(
    object: &ServiceObject,
    id: EntityId,
    choice: &mut Choice,
    problems: &mut Problems,
) -> Service {
    let kind = object.kind;
    let has_address = !matches!(kind, ServiceKind::Headless | ServiceKind::ExternalName);
    let mut addresses = object.cluster_ips.clone();
    let mut chosen = false;
    if has_address && addresses.is_empty() {
        chosen = true;
        for family in choice.families(object) {
            match choice.address(family) {
                Some(ip) => addresses.push(Address {
                    ip,
                    origin: object.meta.span,
                }),
                None => problems.push(Diagnostic::error(
                    "K206",
                    object.meta.span,
                    "no cluster address is left to choose for this Service",
                )),
            }
        }
    }
    let wants_node_ports = kind == ServiceKind::NodePort
        || kind == ServiceKind::LoadBalancer && object.allocates_node_ports;
    let ports = object.ports.iter().map(|port| {
        let mut port = service_port(port);
        if let Some(number) = port.node_port {
            choice.claim(number, port.protocol, port.origin, problems);
        } else if wants_node_ports {
            port.node_port = choice.node_port(port.protocol, port.origin);
            chosen |= port.node_port.is_some();
        }
        port
    });
    let ports = ports.collect();
    let mut external_addresses = object.external_ips.clone();
    for address in &object.balancer {
        if !external_addresses.iter().any(|a| a.ip == address.ip) {
            external_addresses.push(*address);
        }
    }
    Service {
        id,
        kind,
        addresses,
        chosen,
        external_addresses,
        balancer: object.balancer.iter().map(|a| a.ip).collect(),
        balancer_sources: object.balancer_sources.clone(),
        ports,
        selector: object
            .selector
            .clone()
            .filter(|_| kind != ServiceKind::ExternalName),
        selected: Vec::new(),
        listed: Vec::new(),
        internal_local: object.internal_local,
        external_local: object.external_local,
        publish_not_ready: object.publish_not_ready,
        endpoints_given: false,
        origin: object.meta.span,
    }
}

fn service_port(port: &PortObject) -> ServicePort {
    ServicePort {
        name: port.name.clone(),
        port: port.port,
        protocol: port.protocol,
        target: port.target.clone(),
        node_port: port.node_port,
        endpoints: Vec::new(),
        origin: port.origin,
    }
}

/// The families that a Service has endpoints of. A headless one without a word has those of the pods' first addresses,
/// which is every family there is.
fn service_families(
    object: &ServiceObject,
    service: &Service,
    around: &Surroundings<'_>,
) -> BTreeSet<Family> {
    if !object.families.is_empty() {
        return object.families.iter().copied().collect();
    }
    if !service.addresses.is_empty() {
        return service.addresses.iter().map(|a| Family::of(a.ip)).collect();
    }
    let mut all = primary_and_other(around);
    if object.family_policy == FamilyPolicy::Single {
        all.truncate(1);
    }
    all.into_iter().collect()
}

/// The families of the cluster, its first one first: that of the first node or pod with an address.
fn primary_and_other(around: &Surroundings<'_>) -> Vec<Family> {
    let pods = around.pods.iter().flat_map(|p| &p.addresses);
    let nodes = around.nodes.iter().flat_map(|(_, addresses)| addresses);
    let mut all = Vec::new();
    for ip in pods.chain(nodes) {
        let family = Family::of(*ip);
        if !all.contains(&family) {
            all.push(family);
        }
    }
    if all.is_empty() {
        all.push(Family::V4);
    }
    all
}

/// Equality only, and every key of the selector; an empty selector is none.
fn selects(service: &Service, pod: &Candidate<'_>) -> bool {
    let has = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
    service.selector.as_ref().is_some_and(|s| s.iter().all(has))
}

/// Whom the selector means, ready or not.
fn selected(service: &mut Service, families: &BTreeSet<Family>, pods: &[&Candidate<'_>]) {
    let mut all = Vec::new();
    for pod in pods.iter().filter(|pod| selects(service, pod)) {
        let addresses = pod.addresses.iter().copied();
        let of_family = addresses.filter(|ip| families.contains(&Family::of(*ip)));
        all.extend(first_of_each(of_family).map(|address| Selected {
            entity: pod.entity,
            address,
            origin: pod.origin,
        }));
    }
    service.selected = all;
}

/// The first address of each family: the one that the controller takes.
fn first_of_each(addresses: impl Iterator<Item = IpAddr>) -> impl Iterator<Item = IpAddr> {
    let mut seen = BTreeSet::new();
    addresses.filter(move |ip| seen.insert(Family::of(*ip)))
}

/// What the endpoint controller would make of the pods.
fn chosen_by_selector(service: &mut Service, families: &BTreeSet<Family>, pods: &[&Candidate<'_>]) {
    let publish = service.publish_not_ready;
    let chosen: Vec<&&Candidate<'_>> = pods.iter().filter(|pod| selects(service, pod)).collect();
    for port in &mut service.ports {
        for pod in &chosen {
            let readiness = if publish || pod.ready && !pod.terminating {
                Readiness::Ready
            } else if pod.ready {
                Readiness::Terminating
            } else {
                Readiness::NotReady
            };
            let Some(number) = resolve(&port.target, port.protocol, pod.named_ports) else {
                continue;
            };
            let addresses = pod.addresses.iter().copied();
            let of_family = addresses.filter(|ip| families.contains(&Family::of(*ip)));
            port.endpoints
                .extend(first_of_each(of_family).map(|address| ServiceEndpoint {
                    entity: Some(pod.entity),
                    node: Some(pod.node),
                    address,
                    port: number,
                    readiness,
                    origin: pod.origin,
                }));
        }
        distinct(&mut port.endpoints);
    }
}

/// `FindPort`: a number is itself; a name wants the name and the protocol, and the first one wins.
fn resolve(target: &TargetPort, protocol: Protocol, named: &[NamedPort]) -> Option<u16> {
    match target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => named
            .iter()
            .find(|p| p.name == *name && p.protocol == protocol)
            .map(|p| p.port),
    }
}

/// The endpoints that slices list, by the name and protocol of the port.
fn given(
    service: &mut Service,
    families: &BTreeSet<Family>,
    slices: &[&SliceObject],
    holders: &HashMap<IpAddr, (EntityId, EntityId)>,
    around: &Surroundings<'_>,
) {
    let node_named = |name: &str| {
        let name = FullName::new(EntityKind::Node, &[name]);
        let found = around.names.binary_search(&name).ok();
        found.map(|i| EntityId(i as u32))
    };
    let mut listed: BTreeMap<IpAddr, Span> = BTreeMap::new();
    for slice in slices {
        for endpoint in &slice.endpoints {
            let address = endpoint.address;
            // A slice of a family that the Service does not have is used by nobody.
            if !families.contains(&Family::of(address.ip)) {
                continue;
            }
            listed.entry(address.ip).or_insert(address.origin);
            let holder = holders.get(&address.ip);
            let node = endpoint.node.as_deref().and_then(node_named);
            for port in &mut service.ports {
                let own = port.name.as_deref().unwrap_or("");
                let matching = slice
                    .ports
                    .iter()
                    .filter(|p| p.name == own && p.protocol == port.protocol);
                port.endpoints.extend(matching.map(|p| ServiceEndpoint {
                    entity: holder.map(|h| h.0),
                    node: node.or(holder.map(|h| h.1)),
                    address: address.ip,
                    port: p.port,
                    readiness: endpoint.readiness,
                    origin: address.origin,
                }));
            }
        }
    }
    for port in &mut service.ports {
        distinct(&mut port.endpoints);
    }
    service.listed = listed
        .into_iter()
        .map(|(ip, origin)| Address { ip, origin })
        .collect();
}

/// One endpoint for each address and port, the readiest.
fn distinct(endpoints: &mut Vec<ServiceEndpoint>) {
    endpoints.sort_by_key(|e| (e.address, e.port, e.readiness));
    endpoints.dedup_by_key(|e| (e.address, e.port));
}
