//! Where Ingresses and routes of the Gateway API send what they take in: names of Services, as they are written.
//!
//! Must never know: paths; what the controller does with messages.

use super::policy::Selector;
use crate::base::source::Span;

/// What brings messages in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The kind: `Ingress`, `HTTPRoute`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub origin: Span,
    /// Where it sends to.
    pub backends: Vec<Backend>,
    /// Of a Gateway: where it listens.
    pub listeners: Vec<GatewayListener>,
    /// Of a route: the Gateways that it wants to be attached to.
    pub parents: Vec<Parent>,
    /// Of a route: the hosts that it is for; none is all.
    pub hostnames: Vec<String>,
}

/// A listener of a Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayListener {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// Its protocol: `HTTP`, `TCP`.
    pub protocol: String,
    /// The hosts that it is for; none is all.
    pub hostname: Option<String>,
    /// Which namespaces may attach routes.
    pub from: Admitted,
    /// Which kinds of routes may be attached; none is those of its protocol.
    pub kinds: Option<Vec<String>>,
}

/// Namespaces whose routes may be attached to a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// That of the Gateway: the default.
    Same,
    /// All.
    All,
    /// None at all.
    Nobody,
    /// Those with these labels.
    Selected(Selector),
}

/// A Gateway that a route wants to be attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The one listener that is meant.
    pub section: Option<String>,
    /// The port of the listeners that are meant.
    pub port: Option<u16>,
    /// Where it is written.
    pub origin: Span,
}

/// The port of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendPort {
    /// A port of the Service.
    Number(u16),
    /// The port of the Service that has this name.
    Name(String),
}

/// A Service that is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The port.
    pub port: Option<BackendPort>,
    /// Whether the namespace of the Service lets the route do that.
    pub granted: bool,
    /// Where it is written.
    pub origin: Span,
}
