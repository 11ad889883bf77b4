//! The fields of a header as terms: how an address becomes bits, what lies in a prefix or a range.
//!
//! Must never know: rules, paths, formulas.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::model::inet::{Family, IpNet, PortSet, Protocol};
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::header::{SymAddress, SymHeader};

impl Encoder<'_> {
    /// A header of fresh variables, named `PREFIX.sa` and so on as in the seed, and what is true of every header:
    /// three protocols, and numbers that stand for something.
    pub(super) fn fresh_header(&mut self, prefix: &str) -> (SymHeader, TermId) {
        let (address, port) = (
            Sort::BitVec(self.domain.address_width()),
            Sort::BitVec(self.domain.port_width()),
        );
        let mut field =
            |name: &str, sort: Sort| self.pool.variable(&format!("{prefix}.{name}"), sort);
        let header = SymHeader {
            protocol: field("proto", Sort::BitVec(2)),
            v6: field("v6", Sort::Bool),
            source: field("sa", address),
            source_port: field("sp", port),
            destination: field("ta", address),
            destination_port: field("tp", port),
        };
        let valid = [
            self.valid_protocol(header.protocol),
            self.valid_address(header.source()),
            self.valid_address(header.destination()),
            self.valid_port(header.source_port),
            self.valid_port(header.destination_port),
        ];
        let valid = self.pool.and(&valid);
        (header, valid)
    }

    pub(super) fn valid_protocol(&mut self, protocol: TermId) -> TermId {
        let last = self.pool.bits(2, 2);
        self.pool.ule(protocol, last)
    }

    /// The number stands for an address of the family that the address is said to be of.
    pub(super) fn valid_address(&mut self, address: SymAddress) -> TermId {
        let [v4, v6] = [Family::V4, Family::V6].map(|family| {
            let numbers = self.domain.family(family);
            self.between(address.bits, &numbers)
        });
        self.pool.ite(address.v6, v6, v4)
    }

    /// The number stands for a port.
    pub(super) fn valid_port(&mut self, port: TermId) -> TermId {
        self.in_range(port, 0, u16::MAX)
    }

    /// `first ≤ term ≤ last`; false where the interval is empty.
    fn between(&mut self, term: TermId, numbers: &RangeInclusive<u128>) -> TermId {
        let Some(width) = self.pool.width(term).filter(|_| !numbers.is_empty()) else {
            return self.pool.truth(false);
        };
        let (first, last) = (
            self.pool.bits(*numbers.start(), width),
            self.pool.bits(*numbers.end(), width),
        );
        if first == last {
            return self.pool.eq(term, first);
        }
        let (above, below) = (self.pool.ule(first, term), self.pool.ule(term, last));
        self.pool.and(&[above, below])
    }

    /// A constant address.
    pub(super) fn address(&mut self, ip: IpAddr) -> SymAddress {
        let number = self.domain.address(ip);
        let width = self.domain.address_width();
        SymAddress {
            v6: self.pool.truth(ip.is_ipv6()),
            bits: self.pool.bits(number, width),
        }
    }

    pub(super) fn port(&mut self, port: u16) -> TermId {
        let number = self.domain.port(port);
        let width = self.domain.port_width();
        self.pool.bits(number, width)
    }

    pub(super) fn protocol(&mut self, protocol: Protocol) -> TermId {
        self.pool.bits(protocol as u128, 2)
    }

    pub(super) fn same_address(&mut self, a: SymAddress, b: SymAddress) -> TermId {
        let bits = self.pool.eq(a.bits, b.bits);
        if self.domain.tells_family() {
            return bits;
        }
        let family = self.pool.iff(a.v6, b.v6);
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

    /// `address ∈ net`: the family, and the bits in front; of classes, an interval of numbers.
    pub(super) fn within(&mut self, address: SymAddress, net: IpNet) -> TermId {
        if self.domain.tells_family() {
            let numbers = self.domain.net(net);
            return self.between(address.bits, &numbers);
        }
        let family = if matches!(net, IpNet::V4(_)) {
            self.pool.not(address.v6)
        } else {
            address.v6
        };
        let (length, size) = (u32::from(net.prefix_len()), u32::from(net.max_prefix_len()));
        if length == 0 {
            return family;
        }
        let low = size - length;
        let bits = self.pool.extract(address.bits, size - 1, low);
        let wanted = self
            .pool
            .bits(self.domain.address(net.network()) >> low, length);
        let equal = self.pool.eq(bits, wanted);
        self.pool.and(&[family, equal])
    }

    /// `address ∈ net` for one of these, which are ascending. Of classes, intervals that touch become one.
    pub(super) fn within_any(&mut self, address: SymAddress, nets: &[IpNet]) -> TermId {
        let mut any = Vec::new();
        if self.domain.tells_family() {
            let mut merged: Vec<RangeInclusive<u128>> = Vec::new();
            for numbers in nets.iter().map(|net| self.domain.net(*net)) {
                match merged.last_mut() {
                    _ if numbers.is_empty() => {}
                    Some(last) if *numbers.start() == *last.end() + 1 => {
                        *last = *last.start()..=*numbers.end();
                    }
                    _ => merged.push(numbers),
                }
            }
            any.extend(merged.iter().map(|n| self.between(address.bits, n)));
        } else {
            any.extend(nets.iter().map(|net| self.within(address, *net)));
        }
        self.pool.or(&any)
    }

    /// `low ≤ port ≤ high`.
    pub(super) fn in_range(&mut self, port: TermId, low: u16, high: u16) -> TermId {
        let numbers = self.domain.range(low, high);
        self.between(port, &numbers)
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
