//! The fields of a header as terms: how an address becomes bits, what lies in a prefix or a range.
//!
//! Must never know: rules, paths, formulas.

use std::net::IpAddr;

use crate::model::inet::{Family, IpNet, PortSet, Protocol};
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::header::{SymAddress, SymHeader};

impl Encoder<'_> {
    /// A header of fresh variables, named `PREFIX.sa` and so on as in the seed, with what is true of every header:
    /// three protocols, and zeros in front of an IPv4 address.
    pub(super) fn fresh_header(&mut self, prefix: &str) -> SymHeader {
        let width = self.address_width;
        let header = SymHeader {
            protocol: self
                .pool
                .variable(&format!("{prefix}.proto"), Sort::BitVec(2)),
            v6: self.pool.variable(&format!("{prefix}.v6"), Sort::Bool),
            source: self
                .pool
                .variable(&format!("{prefix}.sa"), Sort::BitVec(width)),
            source_port: self
                .pool
                .variable(&format!("{prefix}.sp"), Sort::BitVec(16)),
            destination: self
                .pool
                .variable(&format!("{prefix}.ta"), Sort::BitVec(width)),
            destination_port: self
                .pool
                .variable(&format!("{prefix}.tp"), Sort::BitVec(16)),
        };
        let protocol = self.valid_protocol(header.protocol);
        self.fact(protocol);
        for address in [header.source(), header.destination()] {
            let valid = self.valid_address(address);
            self.fact(valid);
        }
        header
    }

    pub(super) fn valid_protocol(&mut self, protocol: TermId) -> TermId {
        let last = self.pool.bits(2, 2);
        self.pool.ule(protocol, last)
    }

    /// An IPv4 address has zeros in front.
    pub(super) fn valid_address(&mut self, address: SymAddress) -> TermId {
        if self.address_width == 32 {
            return self.pool.truth(true);
        }
        let high = self.pool.extract(address.bits, self.address_width - 1, 32);
        let zero = self.pool.bits(0, self.address_width - 32);
        let zeros = self.pool.eq(high, zero);
        self.pool.or(&[address.v6, zeros])
    }

    /// A constant address.
    pub(super) fn address(&mut self, ip: IpAddr) -> SymAddress {
        let bits = match ip {
            IpAddr::V4(v4) => u128::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6),
        };
        SymAddress {
            v6: self.pool.truth(ip.is_ipv6()),
            bits: self.pool.bits(bits, self.address_width),
        }
    }

    pub(super) fn port(&mut self, port: u16) -> TermId {
        self.pool.bits(u128::from(port), 16)
    }

    pub(super) fn protocol(&mut self, protocol: Protocol) -> TermId {
        self.pool.bits(protocol as u128, 2)
    }

    pub(super) fn same_address(&mut self, a: SymAddress, b: SymAddress) -> TermId {
        let family = self.pool.iff(a.v6, b.v6);
        let bits = self.pool.eq(a.bits, b.bits);
        self.pool.and(&[family, bits])
    }

    pub(super) fn is_address(&mut self, a: SymAddress, ip: IpAddr) -> TermId {
        let constant = self.address(ip);
        self.same_address(a, constant)
    }

    pub(super) fn same_header(&mut self, a: SymHeader, b: SymHeader) -> TermId {
        let parts = [
            self.pool.eq(a.protocol, b.protocol),
            self.pool.iff(a.v6, b.v6),
            self.pool.eq(a.source, b.source),
            self.pool.eq(a.source_port, b.source_port),
            self.pool.eq(a.destination, b.destination),
            self.pool.eq(a.destination_port, b.destination_port),
        ];
        self.pool.and(&parts)
    }

    /// `address ∈ net`: the family, and equality of the bits in front.
    pub(super) fn within(&mut self, address: SymAddress, net: IpNet) -> TermId {
        let width = self.address_width;
        let (family, value, length, size) = match net {
            IpNet::V4(net) => (
                self.pool.not(address.v6),
                u128::from(u32::from(net.network())),
                u32::from(net.prefix_len()),
                32,
            ),
            IpNet::V6(net) => (
                address.v6,
                u128::from(net.network()),
                u32::from(net.prefix_len()),
                128,
            ),
        };
        if length == 0 {
            return family;
        }
        // The bits that are compared: from the prefix's end up to where the stored bits begin.
        let low = size - length;
        let high = size.min(width);
        if high <= low {
            // A short IPv6 prefix over 32 stored bits: all of `::/96` is in it, or none.
            return if value == 0 {
                family
            } else {
                self.pool.truth(false)
            };
        }
        if size > width && value >> width != 0 {
            return self.pool.truth(false);
        }
        let bits = self.pool.extract(address.bits, high - 1, low);
        let wanted = self.pool.bits(value >> low, high - low);
        let equal = self.pool.eq(bits, wanted);
        self.pool.and(&[family, equal])
    }

    /// `low ≤ port ≤ high`.
    pub(super) fn in_range(&mut self, port: TermId, low: u16, high: u16) -> TermId {
        let (low, high) = (self.port(low), self.port(high));
        let (above, below) = (self.pool.ule(low, port), self.pool.ule(port, high));
        self.pool.and(&[above, below])
    }

    pub(super) fn in_ports(&mut self, port: TermId, set: &PortSet) -> TermId {
        let ranges: Vec<TermId> = set
            .ranges()
            .iter()
            .map(|&(low, high)| self.in_range(port, low, high))
            .collect();
        self.pool.or(&ranges)
    }

    /// `a ∈ 127.0.0.0/8 ∪ {::1}`.
    pub(super) fn in_loopback(&mut self, address: SymAddress) -> TermId {
        let nets =
            [Family::V4, Family::V6].map(|family| self.within(address, family.loopback_net()));
        self.pool.or(&nets)
    }
}
