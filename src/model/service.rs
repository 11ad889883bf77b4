//! Services as they were read, with the endpoints that are behind them.
//!
//! Source: kubernetes.io, *Service*, *EndpointSlices*, *Virtual IPs and Service Proxies*.
//! Must never know: YAML keys, FIB rules.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::entity::{Address, EntityId};
use super::inet::{IpNet, Protocol};
use crate::base::source::Span;

/// What a Service's port leads to at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// This port.
    Number(u16),
    /// The port that the endpoint gives this name.
    Name(String),
}

/// How a Service is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServiceKind {
    /// An address in the cluster.
    #[default]
    ClusterIp,
    /// No address: names lead to the endpoints themselves.
    Headless,
    /// A port of every node beside it.
    NodePort,
    /// An address outside beside that.
    LoadBalancer,
    /// A name and nothing else.
    ExternalName,
}

/// Whether an endpoint takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Readiness {
    /// Ready.
    Ready,
    /// Serving while it terminates: used only where nothing is ready.
    Terminating,
    /// Never used.
    NotReady,
}

/// One endpoint of one port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEndpoint {
    /// The pod behind it, or the node where it is a pod of the host network; none where nobody in the cluster has
    /// the address.
    pub entity: Option<EntityId>,
    /// The node it is on, where that is known.
    pub node: Option<EntityId>,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Whether it takes connections.
    pub readiness: Readiness,
    /// Where it comes from: the pod, or the entry of an EndpointSlice.
    pub origin: Span,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name.
    pub name: Option<String>,
    /// The port that clients dial.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// The port of the endpoints.
    pub target: TargetPort,
    /// The port of every node, where there is one.
    pub node_port: Option<u16>,
    /// Who is behind it, of all families, ready or not.
    pub endpoints: Vec<ServiceEndpoint>,
    /// Where it is written.
    pub origin: Span,
}

/// A pod that a selector means, at the address that its controllers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// The pod, or its node where it is in the node's network.
    pub entity: EntityId,
    /// The address.
    pub address: IpAddr,
    /// Where the pod is written.
    pub origin: Span,
}

/// A Service: addresses without a process.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent fields of the object"
)]
pub struct Service {
    /// Its id.
    pub id: EntityId,
    /// How it is offered.
    pub kind: ServiceKind,
    /// Its cluster addresses; possibly none.
    pub addresses: Vec<Address>,
    /// Whether its addresses, or ports of nodes, are not written and were chosen.
    pub chosen: bool,
    /// `externalIPs` and the addresses of its load balancer: dialled from outside, and from inside alike.
    pub external_addresses: Vec<Address>,
    /// Those of the external addresses that are the load balancer's.
    pub balancer: Vec<IpAddr>,
    /// Who may use the load balancer's addresses; none is everybody.
    pub balancer_sources: Option<Vec<IpNet>>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Its selector, where it has one that is not empty.
    pub selector: Option<BTreeMap<String, String>>,
    /// The pods that the selector means and that have an address, ready or not.
    pub selected: Vec<Selected>,
    /// The addresses that its EndpointSlices list, ready or not; ascending.
    pub listed: Vec<Address>,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// `publishNotReadyAddresses`.
    pub publish_not_ready: bool,
    /// Whether EndpointSlices (or Endpoints) of it were given, and its endpoints are theirs.
    pub endpoints_given: bool,
    /// Where it is written.
    pub origin: Span,
}
