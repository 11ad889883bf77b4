//! The header of a message.
//!
//! Knows: its fields. Must never know: entities, the solver.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::model::inet::{Family, Protocol};

/// `sa sp ta tp` of the seed, and the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// The protocol.
    pub protocol: Protocol,
    /// Source address, `sa`.
    pub source: IpAddr,
    /// Source port, `sp`.
    pub source_port: u16,
    /// Destination (target) address, `ta`.
    pub destination: IpAddr,
    /// Destination (target) port, `tp`.
    pub destination_port: u16,
}

impl Header {
    /// The header of the answer: source and destination change places.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            protocol: self.protocol,
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
        }
    }

    /// The family of both addresses.
    pub fn family(self) -> Family {
        Family::of(self.destination)
    }
}

/// `TCP 10.1.1.1:49152 → 10.1.2.1:8080`.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = SocketAddr::new(self.source, self.source_port);
        let destination = SocketAddr::new(self.destination, self.destination_port);
        write!(f, "{} {source} → {destination}", self.protocol)
    }
}
