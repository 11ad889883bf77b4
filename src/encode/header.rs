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

/// 32 where every IPv6 constant lies in `::/96`, or is `::/0`, and they leave room there; else 128.
///
/// Why 32 is exact there: every predicate on addresses is equality, or membership in a constant prefix. The IPv6 addresses
/// outside `::/96` are in no other constant prefix than `::/0` (multicast is excluded from `Send` either way), so an
/// address inside that is in no other prefix either stands for any of them. There is one as long as the constants do not
/// fill `::/96`: a prefix such as `::/64` does.
pub fn address_width(structure: &Structure, network: &Network, literals: &[IpNet]) -> u32 {
    let mut narrow = Narrow { room: 1 << 32 };
    let fits = structure.addr.iter().all(|(_, net)| narrow.takes(net))
        && structure.endpoint.iter().all(|row| narrow.takes_host(row.address))
        && structure.open.iter().all(|row| match row.bind {
            Bind::Address(ip) => narrow.takes_host(ip),
            Bind::Any | Bind::AnyV4 => true,
        })
        && network.held.iter().all(|ip| narrow.takes_host(*ip))
        && literals.iter().all(|net| narrow.takes(net))
        && network.processes.iter().all(|p| match &p.sources {
            Sources::Own(all) => all.iter().all(|ip| narrow.takes_host(*ip)),
            Sources::Within(all) => all.iter().all(|net| narrow.takes(net)),
            Sources::Free => true,
        })
        && network.switches.iter().flat_map(|s| &s.fib).all(|rule| {
            let matched = [rule.matches.from, rule.matches.to];
            let ways = match &rule.action {
                Action::Translate(ways) => ways.as_slice(),
                _ => &[],
            };
            let written = ways
                .iter()
                .flat_map(|w| [w.source, w.destination, w.hairpin_source]);
            matched.iter().flatten().all(|net| narrow.takes(net))
                && written.flatten().all(|ip| narrow.takes_host(ip))
        });
    if fits { 32 } else { 128 }
}

/// Whether constants lie in `::/96`, and how many addresses they leave there. What is met twice is counted twice, which
/// errs on the safe side.
struct Narrow {
    room: u64,
}

impl Narrow {
    fn takes(&mut self, net: &IpNet) -> bool {
        match net {
            IpNet::V4(_) => true,
            IpNet::V6(net) if net.prefix_len() == 0 => true,
            IpNet::V6(net) if net.prefix_len() <= 96 => false,
            IpNet::V6(net) => {
                let size = 1 << (128 - net.prefix_len());
                self.room = self.room.saturating_sub(size);
                self.room > 0 && u128::from(net.network()) >> 32 == 0
            }
        }
    }

    fn takes_host(&mut self, ip: IpAddr) -> bool {
        self.takes(&IpNet::from(ip))
    }
}
