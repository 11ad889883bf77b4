//! What is plain about a value: whether the cluster names it. Used to choose among counterexamples, never to prove.
//!
//! Must never know: formulas, paths.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::inet::{Family, IpNet};
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::header::SymAddress;

impl Encoder<'_> {
    /// Held by a pod, node or service, or loopback as the seed writes it.
    pub fn is_known_address(&mut self, address: SymAddress) -> TermId {
        let structure = self.structure;
        let mut known: Vec<IpAddr> = structure.held.clone();
        known.extend([Family::V4.loopback(), Family::V6.loopback()]);
        let known: Vec<TermId> = known
            .into_iter()
            .map(|ip| self.is_address(address, ip))
            .collect();
        self.pool.or(&known)
    }

    /// In one of these prefixes.
    pub fn is_in_one_of(&mut self, address: SymAddress, nets: &[IpNet]) -> TermId {
        let inside: Vec<TermId> = nets.iter().map(|net| self.within(address, *net)).collect();
        self.pool.or(&inside)
    }

    /// A port on which somebody listens, or that a Service offers.
    pub fn is_known_port(&mut self, port: TermId) -> TermId {
        let structure = self.structure;
        let open = structure
            .open
            .iter()
            .filter(|row| row.low == row.high)
            .map(|row| row.low);
        let known: BTreeSet<u16> = open
            .chain(structure.service_port.iter().map(|row| row.1))
            .chain(structure.known_ports.iter().copied())
            .collect();
        let known: Vec<TermId> = known.into_iter().map(|p| self.is_port(port, p)).collect();
        self.pool.or(&known)
    }

    /// This port.
    pub fn is_port(&mut self, port: TermId, value: u16) -> TermId {
        let value = self.port(value);
        self.pool.eq(port, value)
    }

    /// This port or a higher one.
    pub fn is_port_from(&mut self, port: TermId, least: u16) -> TermId {
        self.in_range(port, least, u16::MAX)
    }
}
