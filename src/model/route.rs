//! Where Ingresses and routes of the Gateway API send what they take in: names of Services, as they are written.
//!
//! Must never know: hosts and paths; what the controller does with them.

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
