//! `v1` Endpoints and `discovery.k8s.io` EndpointSlice.
//!
//! Must never know: selectors.

use std::collections::HashSet;

use super::meta::Meta;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::cluster::Address;
use crate::model::inet::{Family, IpNet, Protocol, non_unicast};
use crate::model::service::Readiness;

/// The label that says whose endpoints a slice holds.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// One endpoint of a slice.
#[derive(Debug, Clone)]
pub struct SliceEndpoint {
    /// Its address: the first one, since consumers look at no other.
    pub address: Address,
    /// Whether it takes connections.
    pub readiness: Readiness,
    /// `nodeName`.
    pub node: Option<String>,
}

/// One port of a slice.
#[derive(Debug, Clone)]
pub struct SlicePort {
    /// Its name; empty where it has none.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

/// An EndpointSlice as written, or one subset of Endpoints.
#[derive(Debug)]
pub struct SliceObject {
    /// Its metadata.
    pub meta: Meta,
    /// The Service in its namespace that it belongs to, if any.
    pub service: Option<String>,
    /// Whether it is a subset of Endpoints: not used where there are slices.
    pub legacy: bool,
    /// Its endpoints.
    pub endpoints: Vec<SliceEndpoint>,
    /// Its ports.
    pub ports: Vec<SlicePort>,
}

/// Reads an EndpointSlice.
pub(super) fn read_slice(node: Node<'_>, problems: &mut Problems) -> Option<SliceObject> {
    let before = problems.errors();
    let mut object = Fields::of(node, "an EndpointSlice", problems)?;
    object.entry("apiVersion");
    object.entry("kind");
    let meta = Meta::read(&mut object, problems);
    let kinds = [
        ("IPv4", Some(Family::V4)),
        ("IPv6", Some(Family::V6)),
        ("FQDN", None),
    ];
    let family = object.required("addressType", problems);
    let family = family.and_then(|n| decode::choice(n, &kinds, problems));
    let nodes: Vec<Node<'_>> = object.list("endpoints", problems).collect();
    let mut endpoints = Vec::new();
    for node in nodes {
        let endpoint = endpoint(node, family.flatten(), problems);
        endpoints.extend(endpoint);
    }
    let ports = ports(&mut object, "a port of an EndpointSlice", problems);
    object.finish(problems);
    let meta = meta.filter(|_| problems.errors() == before)?;
    let service = meta.labels.get(SERVICE_LABEL).cloned();
    Some(SliceObject {
        meta,
        service,
        legacy: false,
        endpoints,
        ports,
    })
}

/// Names are no addresses: a slice of them holds no endpoint that a node knows (`family` is none).
fn endpoint(
    node: Node<'_>,
    family: Option<Family>,
    problems: &mut Problems,
) -> Option<SliceEndpoint> {
    let mut fields = Fields::of(node, "an endpoint", problems)?;
    let addresses: Vec<Node<'_>> = fields.list("addresses", problems).collect();
    if addresses.is_empty() {
        let message = "an endpoint wants at least one address";
        problems.push(Diagnostic::error("K204", fields.span(), message));
    }
    let mut read = Vec::new();
    for &node in addresses.iter().filter(|_| family.is_some()) {
        read.extend(endpoint_address(node, family, problems));
    }
    let readiness = fields.get("conditions").map(|n| conditions(n, problems));
    let name = fields.get("nodeName");
    let node = name.and_then(|n| decode::string(n, problems));
    for key in [
        "hostname",
        "targetRef",
        "zone",
        "hints",
        "deprecatedTopology",
        "topology",
    ] {
        fields.entry(key);
    }
    fields.finish(problems);
    Some(SliceEndpoint {
        address: read.into_iter().next()?,
        readiness: readiness.unwrap_or(Readiness::Ready),
        node: node.map(str::to_owned),
    })
}

/// No `ready` means ready; no `serving` means what `ready` says; no `terminating` means no.
fn conditions(node: Node<'_>, problems: &mut Problems) -> Readiness {
    let Some(mut fields) = Fields::of(node, "`conditions`", problems) else {
        return Readiness::NotReady;
    };
    let mut flag = |key| fields.get(key).and_then(|n| decode::boolean(n, problems));
    let ready = flag("ready").unwrap_or(true);
    let serving = flag("serving").unwrap_or(ready);
    let terminating = flag("terminating").unwrap_or(false);
    fields.finish(problems);
    if ready {
        Readiness::Ready
    } else if serving && terminating {
        Readiness::Terminating
    } else {
        Readiness::NotReady
    }
}

/// As the API server has it: no loopback, no link-local, nothing that names no host.
fn endpoint_address(
    node: Node<'_>,
    family: Option<Family>,
    problems: &mut Problems,
) -> Option<Address> {
    let address = decode::address(node, problems)?;
    let ip = address.ip;
    let loopback = Family::of(ip).loopback_net();
    let link_local = ["169.254.0.0/16", "fe80::/10"].map(str::parse::<IpNet>);
    let mut special = non_unicast().into_iter().chain([loopback]);
    let special = special.any(|net| net.contains(&ip))
        || link_local.iter().flatten().any(|net| net.contains(&ip));
    let message = if special {
        format!("an endpoint cannot have the address `{ip}`")
    } else if family.is_some_and(|f| f != Family::of(ip)) {
        format!("`{ip}` is not of the slice's `addressType`")
    } else {
        return Some(address);
    };
    problems.push(Diagnostic::error("K204", address.origin, message));
    None
}

/// Ports of a slice or subset. One without a number says nothing that a node can use.
fn ports(object: &mut Fields<'_>, what: &'static str, problems: &mut Problems) -> Vec<SlicePort> {
    let nodes: Vec<Node<'_>> = object.list("ports", problems).collect();
    let mut names = HashSet::new();
    let mut all = Vec::new();
    for node in nodes {
        let Some(mut fields) = Fields::of(node, what, problems) else {
            continue;
        };
        let name = fields.get("name");
        let name = name.and_then(|n| decode::string(n, problems)).unwrap_or("");
        let port = fields.get("port");
        let port = port.and_then(|n| decode::port(n, problems));
        let protocol = match fields.get("protocol").filter(|n| n.as_str() != Some("")) {
            None => Some(Protocol::Tcp),
            Some(n) => decode::protocol(n, problems),
        };
        fields.entry("appProtocol");
        if !names.insert(name) {
            let message = format!("two ports have the name {}", decode::show(name));
            problems.push(Diagnostic::error("K204", fields.span(), message));
        }
        fields.finish(problems);
        if let (Some(port), Some(protocol)) = (port, protocol) {
            all.push(SlicePort {
                name: name.to_owned(),
                protocol,
                port,
            });
        }
    }
    all
}

/// Reads Endpoints, one slice a subset. One without subsets is a slice without endpoints.
pub(super) fn read_endpoints(node: Node<'_>, problems: &mut Problems) -> Vec<SliceObject> {
    let before = problems.errors();
    let Some(mut object) = Fields::of(node, "Endpoints", problems) else {
        return Vec::new();
    };
    object.entry("apiVersion");
    object.entry("kind");
    let meta = Meta::read(&mut object, problems);
    let nodes: Vec<Node<'_>> = object.list("subsets", problems).collect();
    object.finish(problems);
    let mut subsets = Vec::new();
    for node in nodes {
        let Some(mut fields) = Fields::of(node, "a subset", problems) else {
            continue;
        };
        let mut endpoints = addresses(&mut fields, "addresses", Readiness::Ready, problems);
        let asleep = addresses(
            &mut fields,
            "notReadyAddresses",
            Readiness::NotReady,
            problems,
        );
        endpoints.extend(asleep);
        let ports = ports(&mut fields, "a port of Endpoints", problems);
        fields.finish(problems);
        subsets.push((endpoints, ports));
    }
    let Some(meta) = meta.filter(|_| problems.errors() == before) else {
        return Vec::new();
    };
    if subsets.is_empty() {
        subsets.push((Vec::new(), Vec::new()));
    }
    let slice = |(endpoints, ports)| SliceObject {
        service: Some(meta.name.clone()),
        meta: meta.clone(),
        legacy: true,
        endpoints,
        ports,
    };
    subsets.into_iter().map(slice).collect()
}

fn addresses(
    subset: &mut Fields<'_>,
    key: &'static str,
    readiness: Readiness,
    problems: &mut Problems,
) -> Vec<SliceEndpoint> {
    let nodes: Vec<Node<'_>> = subset.list(key, problems).collect();
    let mut all = Vec::new();
    for node in nodes {
        let Some(mut fields) = Fields::of(node, "an address of Endpoints", problems) else {
            continue;
        };
        let ip = fields.required("ip", problems);
        let address = ip.and_then(|n| endpoint_address(n, None, problems));
        let name = fields.get("nodeName");
        let node = name.and_then(|n| decode::string(n, problems));
        fields.entry("hostname");
        fields.entry("targetRef");
        fields.finish(problems);
        all.extend(address.map(|address| SliceEndpoint {
            address,
            readiness,
            node: node.map(str::to_owned),
        }));
    }
    all
}
