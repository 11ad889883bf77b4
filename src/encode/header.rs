//! Headers and addresses as terms: plain values, and how wide an address is.
//!
//! Must never know: rules, paths, formulas, how terms are made of them (`field`).

use std::net::IpAddr;

use crate::logic::structure::Structure;
use crate::model::cluster::Bind;
use crate::model::inet::IpNet;
use crate::network::fib::Action;
use crate::network::graph::{Network, Sources};
use crate::smt::term::TermId;

/// An address: its family, and its bits. An IPv4 address has zeros in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymAddress {
    /// Bool: is it IPv6?
    pub v6: TermId,
    /// The bits.
    pub bits: TermId,
}

/// A header. Both addresses are of one family, at every hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymHeader {
    /// Two bits: 0 TCP, 1 UDP, 2 SCTP.
    pub protocol: TermId,
    /// Bool: is it IPv6?
    pub v6: TermId,
    /// Source address.
    pub source: TermId,
    /// Source port, 16 bits.
    pub source_port: TermId,
    /// Destination address.
    pub destination: TermId,
    /// Destination port, 16 bits.
    pub destination_port: TermId,
}

impl SymHeader {
    /// The answer's.
    pub fn reversed(self) -> Self {
        Self {
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
            ..self
        }
    }

    /// The source with its family.
    pub fn source(self) -> SymAddress {
        SymAddress {
            v6: self.v6,
            bits: self.source,
        }
    }

    /// The destination with its family.
    pub fn destination(self) -> SymAddress {
        SymAddress {
            v6: self.v6,
            bits: self.destination,
        }
    }
}

/// 32 where every IPv6 constant lies in `::/96`, else 128.
///
/// Why 32 is exact there: every predicate on addresses is equality, or membership in a constant prefix. IPv6 addresses
/// outside `::/96` are in the same constant prefixes (those that contain `::/96`, the others are in no table and may be
/// left out: multicast is excluded from `Send` either way), so an unused address inside stands for any of them; of the
/// 2³² there are always unused ones.
pub fn address_width(structure: &Structure, network: &Network, literals: &[IpNet]) -> u32 {
    let narrow = |net: &IpNet| match net {
        IpNet::V4(_) => true,
        IpNet::V6(net) => net.prefix_len() == 0 || u128::from(net.network()) >> 32 == 0,
    };
    let host = |ip: &IpAddr| narrow(&IpNet::from(*ip));
    let tables = structure.addr.iter().all(|(_, net)| narrow(net))
        && structure.endpoint.iter().all(|row| host(&row.address))
        && structure
            .open
            .iter()
            .all(|row| !matches!(row.bind, Bind::Address(ip) if !host(&ip)))
        && network.held.iter().all(host)
        && literals.iter().all(narrow);
    let sources = network.processes.iter().all(|p| match &p.sources {
        Sources::Own(all) => all.iter().all(host),
        Sources::Within(all) => all.iter().all(narrow),
        Sources::Free => true,
    });
    let rules = network.switches.iter().flat_map(|s| &s.fib).all(|rule| {
        let rewrites = match &rule.action {
            Action::Translate(ways) => ways.iter().all(|w| {
                [w.source, w.destination, w.hairpin_source]
                    .iter()
                    .flatten()
                    .all(host)
            }),
            _ => true,
        };
        rewrites
            && [rule.matches.from, rule.matches.to]
                .iter()
                .flatten()
                .all(narrow)
    });
    if tables && sources && rules { 32 } else { 128 }
}
