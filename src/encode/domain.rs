//! What a bit-vector for an address or a port stands for.
//!
//! *Plain*: the address and the port themselves, 128 and 16 bits. *Classes*: the number of a representative, a few bits.
//!
//! # Why classes are exact
//!
//! Everything that is asked of an address is equality with another, or membership in a constant prefix; of a port,
//! equality, or membership in a constant range (and order, see below). So whatever permutes addresses within the sets
//! that the constant prefixes cut out, keeps every truth. A query has `spare` address symbols (two a message, and the
//! variables in front); all other addresses in it are constants. Hence any counterexample can be moved, class by class, to
//! one in which each symbol is a constant or one of `spare` representatives of its class, and it is enough to look there.
//! Prefixes are nested or disjoint, so a class is a prefix without the prefixes inside it. Where two port variables are
//! compared by order, ports that lie apart are kept apart (order within one gap is kept by its representatives).
//!
//! Representatives are sorted, IPv4 first: a prefix or a range is an interval of numbers.
//!
//! The plain domain is the slow, obvious twin; tests decide the same queries with both.
//!
//! Must never know: rules, paths, formulas, terms.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::logic::literals::Literals;
use crate::logic::structure::Structure;
use crate::model::cluster::Bind;
use crate::model::inet::{Family, IpNet, non_unicast, successor};
use crate::network::fib::Action;
use crate::network::graph::{Network, Sources};

/// Addresses and ports as numbers.
#[derive(Debug, Clone)]
pub struct Domain {
    addresses: Option<Vec<IpAddr>>,
    ports: Option<Vec<u16>>,
}

/// Documentation prefixes: the plainest addresses that nobody holds.
pub fn documentation() -> Vec<IpNet> {
    let nets = [
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
    ];
    nets.iter().filter_map(|net| net.parse().ok()).collect()
}

/// The first port of the dynamic range.
pub const DYNAMIC: u16 = 49152;

impl Domain {
    /// Addresses and ports themselves.
    pub fn plain() -> Self {
        Self {
            addresses: None,
            ports: None,
        }
    }

    /// Representatives of what this cluster and these formulas tell apart.
    pub fn classes(structure: &Structure, network: &Network, literals: &Literals) -> Self {
        let nets = nets(structure, network, literals);
        let ranges = ranges(structure, network, literals);
        Self {
            addresses: Some(representative_addresses(&nets, literals.addresses)),
            ports: Some(representative_ports(
                &ranges,
                literals.ports,
                literals.orders_ports,
            )),
        }
    }

    /// The representatives of addresses, ascending; none where every address stands for itself.
    pub fn addresses(&self) -> Option<&[IpAddr]> {
        self.addresses.as_deref()
    }

    /// Bits of an address; of classes, one more number than there are representatives stays free for "none of them".
    pub fn address_width(&self) -> u32 {
        self.addresses.as_ref().map_or(128, |all| width(all.len()))
    }

    /// Bits of a port.
    pub fn port_width(&self) -> u32 {
        self.ports.as_ref().map_or(16, |all| width(all.len()))
    }

    /// The numbers that stand for an address of one family.
    pub fn family(&self, family: Family) -> RangeInclusive<u128> {
        match &self.addresses {
            None if family == Family::V4 => 0..=u128::from(u32::MAX),
            None => 0..=u128::MAX,
            Some(all) => {
                let first_v6 = all.partition_point(IpAddr::is_ipv4);
                interval(if family == Family::V4 {
                    0..first_v6
                } else {
                    first_v6..all.len()
                })
            }
        }
    }

    /// Whether a number alone tells the family.
    pub fn tells_family(&self) -> bool {
        self.addresses.is_some()
    }

    /// The number of an address; of one that no class was asked for, a number that stands for none.
    pub fn address(&self, ip: IpAddr) -> u128 {
        match (&self.addresses, ip) {
            (Some(all), _) => {
                let found = all.binary_search(&ip);
                // INVARIANT: every constant has a class of its own; two that had none would be taken for equal.
                debug_assert!(found.is_ok(), "{ip} has no class");
                found.unwrap_or(all.len()) as u128
            }
            (None, IpAddr::V4(ip)) => u128::from(u32::from(ip)),
            (None, IpAddr::V6(ip)) => u128::from(ip),
        }
    }

    /// The numbers of a prefix; empty where it has no representative.
    pub fn net(&self, net: IpNet) -> RangeInclusive<u128> {
        match &self.addresses {
            Some(all) => {
                let first = all.partition_point(|ip| *ip < net.network());
                let end = all.partition_point(|ip| *ip <= net.broadcast());
                interval(first..end)
            }
            None => self.address(net.network())..=self.address(net.broadcast()),
        }
    }

    /// The number of a port; of one that no class was asked for, a number that stands for none.
    pub fn port(&self, port: u16) -> u128 {
        match &self.ports {
            None => u128::from(port),
            Some(all) => {
                let found = all.binary_search(&port);
                debug_assert!(found.is_ok(), "port {port} has no class");
                found.unwrap_or(all.len()) as u128
            }
        }
    }

    /// The numbers of a range of ports; empty where it has no representative.
    pub fn range(&self, low: u16, high: u16) -> RangeInclusive<u128> {
        match &self.ports {
            None => u128::from(low)..=u128::from(high),
            Some(all) => {
                interval(all.partition_point(|p| *p < low)..all.partition_point(|p| *p <= high))
            }
        }
    }

    /// The address of a number.
    pub fn address_of(&self, number: u128, v6: bool) -> Option<IpAddr> {
        match &self.addresses {
            Some(all) => all.get(usize::try_from(number).ok()?).copied(),
            None if v6 => Some(IpAddr::V6(Ipv6Addr::from(number))),
            None => Some(IpAddr::V4(Ipv4Addr::from(u32::try_from(number).ok()?))),
        }
    }

    /// The port of a number.
    pub fn port_of(&self, number: u128) -> Option<u16> {
        match &self.ports {
            None => u16::try_from(number).ok(),
            Some(all) => all.get(usize::try_from(number).ok()?).copied(),
        }
    }

    /// What the numbers mean, as lines for people; empty where they mean themselves.
    pub fn legend(&self) -> Vec<String> {
        let show = |word: &str, all: Vec<String>| format!("{word}: {}", all.join(" "));
        let numbered = |(i, x): (usize, String)| format!("{i}={x}");
        let mut lines = Vec::new();
        if let Some(all) = &self.addresses {
            let all = all
                .iter()
                .map(ToString::to_string)
                .enumerate()
                .map(numbered);
            lines.push(show("addresses by number", all.collect()));
        }
        if let Some(all) = &self.ports {
            let all = all
                .iter()
                .map(ToString::to_string)
                .enumerate()
                .map(numbered);
            lines.push(show("ports by number", all.collect()));
        }
        lines
    }
}

/// Bits for 0..=count.
fn width(count: usize) -> u32 {
    (usize::BITS - count.leading_zeros()).max(1)
}

/// An interval of indices as numbers; an empty one has its end before its start.
#[expect(clippy::reversed_empty_ranges, reason = "an empty interval")]
fn interval(indices: std::ops::Range<usize>) -> RangeInclusive<u128> {
    if indices.is_empty() {
        1..=0
    } else {
        indices.start as u128..=indices.end as u128 - 1
    }
}

/// Every prefix that a predicate, a rule or a formula tells apart, and the whole of each family.
fn nets(structure: &Structure, network: &Network, literals: &Literals) -> BTreeSet<IpNet> {
    let host = |ip: &IpAddr| IpNet::from(*ip);
    let mut all: BTreeSet<IpNet> = literals.nets.iter().map(IpNet::trunc).collect();
    for family in [Family::V4, Family::V6] {
        all.extend(IpNet::new(family.loopback(), 0).map(|net| net.trunc()));
        all.extend([family.loopback_net(), host(&family.loopback())]);
    }
    all.extend(non_unicast());
    all.extend(documentation());
    all.extend(structure.addr.iter().map(|(_, net)| net.trunc()));
    all.extend(structure.endpoint.iter().map(|row| host(&row.address)));
    all.extend(structure.offered.iter().map(|row| host(&row.address)));
    all.extend(structure.selected.iter().map(|row| host(&row.2)));
    all.extend(structure.listed.iter().map(|row| host(&row.1)));
    all.extend(structure.open.iter().filter_map(|row| match row.bind {
        Bind::Address(ip) => Some(host(&ip)),
        Bind::Any | Bind::AnyV4 | Bind::AnyV6 => None,
    }));
    all.extend(network.held.iter().map(host));
    all.extend(network.elsewhere.iter().map(IpNet::trunc));
    for gate in network.gates.all.iter().chain(&structure.policies.all) {
        all.extend(gate.addresses.iter().map(host));
        let rules = gate.tiers.iter().flatten();
        let peers = rules.filter_map(|rule| rule.peers.as_ref());
        all.extend(peers.flat_map(|set| set.nets()).map(IpNet::trunc));
    }
    for process in &network.processes {
        match &process.sources {
            Sources::Own(own) => all.extend(own.iter().map(host)),
            Sources::Within(prefixes) => all.extend(prefixes.iter().map(IpNet::trunc)),
            Sources::Free => {}
            Sources::Selected(table) => {
                all.extend(table.iter().map(|(net, _)| net.trunc()));
                all.extend(table.iter().flat_map(|(_, own)| own).map(host));
            }
        }
    }
    for rule in network.switches.iter().flat_map(|s| &s.fib) {
        all.extend(
            [rule.matches.from, rule.matches.to]
                .iter()
                .flatten()
                .map(IpNet::trunc),
        );
        if let Action::Translate(ways) = &rule.action {
            let fields = ways
                .iter()
                .flat_map(|w| [w.source, w.destination, w.hairpin_source]);
            all.extend(fields.flatten().map(|ip| host(&ip)));
        }
    }
    all
}

/// Of each class (a prefix without the prefixes inside it) the first `spare` addresses, its own name last: hosts are
/// plainer than the name of their net.
fn representative_addresses(nets: &BTreeSet<IpNet>, spare: usize) -> Vec<IpAddr> {
    let mut all = BTreeSet::new();
    for net in nets {
        // In the order of `nets`, what lies inside a prefix follows it.
        let inner: Vec<IpNet> = nets
            .iter()
            .filter(|other| *other != net && net.contains(*other))
            .copied()
            .collect();
        let mut found = Vec::new();
        let mut next = Some(net.network());
        while let Some(ip) = next.filter(|ip| net.contains(ip) && found.len() <= spare) {
            next = if let Some(last) = inner
                .iter()
                .filter(|i| i.contains(&ip))
                .map(IpNet::broadcast)
                .max()
            {
                successor(last)
            } else {
                found.push(ip);
                successor(ip)
            };
        }
        // One more than needed was taken, so that the net's name can be left out where there is enough beside it.
        if found.len() > spare {
            if found.first() == Some(&net.network()) {
                found.remove(0);
            } else {
                found.pop();
            }
        }
        all.extend(found);
    }
    all.into_iter().collect()
}

/// Every range of ports that a predicate, a rule or a formula tells apart.
fn ranges(structure: &Structure, network: &Network, literals: &Literals) -> BTreeSet<(u16, u16)> {
    let one = |port: u16| (port, port);
    let mut all: BTreeSet<(u16, u16)> = literals.ranges.iter().copied().collect();
    all.extend([one(0), (1, u16::MAX), one(DYNAMIC), (DYNAMIC, u16::MAX)]);
    all.extend(structure.open.iter().map(|row| (row.low, row.high)));
    all.extend(structure.service_port.iter().map(|row| one(row.1)));
    all.extend(structure.known_ports.iter().map(|port| one(*port)));
    if literals.names_ports {
        let named = structure.entities.iter().flat_map(|row| &row.named_ports);
        all.extend(named.map(|(_, port, _)| one(*port)));
    }
    all.extend(
        structure
            .endpoint
            .iter()
            .flat_map(|row| [one(row.port), one(row.target_port)]),
    );
    all.extend(
        structure
            .offered
            .iter()
            .flat_map(|row| [one(row.port), one(row.dialled)]),
    );
    let gates = network.gates.all.iter().chain(&structure.policies.all);
    for rule in gates.flat_map(|gate| gate.tiers.iter().flatten()) {
        let ports = rule.ports.iter().flat_map(|all| all.iter());
        all.extend(ports.flat_map(|(_, set)| set.ranges().iter().copied()));
    }
    for rule in network.switches.iter().flat_map(|s| &s.fib) {
        let sets = [&rule.matches.from_ports, &rule.matches.to_ports];
        all.extend(
            sets.into_iter()
                .flatten()
                .flat_map(|set| set.ranges().iter().copied()),
        );
        if let Action::Translate(ways) = &rule.action {
            all.extend(
                ways.iter()
                    .flat_map(|w| [w.source_port, w.destination_port])
                    .flatten()
                    .map(one),
            );
        }
    }
    all
}

/// Of each class (ports in the same ranges) the first `spare`; with order, of each gap between the ends of ranges.
fn representative_ports(ranges: &BTreeSet<(u16, u16)>, spare: usize, ordered: bool) -> Vec<u16> {
    let starts: BTreeSet<u32> = ranges
        .iter()
        .flat_map(|(low, high)| [u32::from(*low), u32::from(*high) + 1])
        .chain([0])
        .collect();
    let mut all = BTreeSet::new();
    let mut seen: std::collections::BTreeMap<Vec<&(u16, u16)>, usize> =
        std::collections::BTreeMap::new();
    let ends = starts
        .iter()
        .skip(1)
        .copied()
        .chain([u32::from(u16::MAX) + 1]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let Ok(first) = u16::try_from(start) else {
            continue;
        };
        let members: Vec<&(u16, u16)> = ranges
            .iter()
            .filter(|(low, high)| (*low..=*high).contains(&first))
            .collect();
        let taken = seen.entry(members).or_default();
        let wanted = if ordered {
            spare
        } else {
            spare.saturating_sub(*taken)
        };
        let found = (start..end)
            .take(wanted)
            .filter_map(|p| u16::try_from(p).ok());
        for port in found {
            *taken += 1;
            all.insert(port);
        }
    }
    all.into_iter().collect()
}
