//! What a process listens on.
//!
//! Must never know: which process.

use std::net::IpAddr;

use super::inet::Protocol;
use crate::base::source::Span;

/// Where a listener is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bind {
    /// Every address (`*`, `[::]`).
    Any,
    /// Every IPv4 address (`0.0.0.0`).
    AnyV4,
    /// Every IPv6 address and no other (`ss` prints `[::]`; a socket of both families is `*`).
    AnyV6,
    /// One address only.
    Address(IpAddr),
}

impl Bind {
    /// Whether a message to this address meets the listener.
    pub fn covers(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::AnyV4 => address.is_ipv4(),
            Self::AnyV6 => address.is_ipv6(),
            Self::Address(own) => own == address,
        }
    }
}

/// `open(X, a, p, proto)` as it was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The addresses.
    pub bind: Bind,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Where it is written.
    pub origin: Span,
}
