//! Addresses, prefixes, ports and protocols.
//!
//! Knows: their arithmetic and spelling. Must never know: pods, switches, bit widths of the solver.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use ipnet::IpNet;

/// The loopback address of IPv4, as the seed writes it.
pub const LOOPBACK_V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The loopback address of IPv6.
pub const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// IPv4 or IPv6. Two addresses can exchange messages only within one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
    /// `0.0.0.0/0` or `::/0`.
    pub fn all(self) -> IpNet {
        match self {
            Self::V4 => IpNet::new_assert(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            Self::V6 => IpNet::new_assert(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        }
    }
    /// `127.0.0.1` or `::1`.
    pub fn loopback(self) -> IpAddr {
        match self {
            Self::V4 => LOOPBACK_V4,
            Self::V6 => LOOPBACK_V6,
        }
    }
    /// `127.0.0.0/8` or `::1/128`: what belongs to each network namespace separately.
    pub fn loopback_net(self) -> IpNet {
        match self {
            Self::V4 => IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            Self::V6 => IpNet::from(LOOPBACK_V6),
        }
    }
}

/// The next address of the family; none after the last.
pub fn successor(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

/// The transport protocols that Kubernetes knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default everywhere.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them, plainest first.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As Kubernetes spells it, in capitals.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.to_string() == text)
    }

    /// Whether a message counts as received only when its answer comes back (TCP and SCTP shake hands; UDP does not).
    pub fn wants_answer(self) -> bool {
        self != Self::Udp
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

/// A set of ports as ascending, disjoint, non-adjacent inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PortSet(Vec<(u16, u16)>);

impl PortSet {
    /// One port.
    pub fn one(port: u16) -> Self {
        Self(vec![(port, port)])
    }

    /// The union of inclusive ranges, given in any order.
    pub fn of(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(lo, hi)| lo <= hi).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::new();
        for (lo, hi) in ranges {
            match merged.last_mut() {
                Some(last) if u32::from(lo) <= u32::from(last.1) + 1 => last.1 = last.1.max(hi),
                _ => merged.push((lo, hi)),
            }
        }
        Self(merged)
    }

    /// The ranges, ascending and disjoint.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Whether the port is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|&(lo, hi)| lo <= port && port <= hi)
    }

    /// Whether the two sets share a port.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0
            .iter()
            .any(|a| other.0.iter().any(|b| a.0 <= b.1 && b.0 <= a.1))
    }

    /// The port, where the set has just one.
    pub fn single(&self) -> Option<u16> {
        match self.0.as_slice() {
            [(lo, hi)] if lo == hi => Some(*lo),
            _ => None,
        }
    }
}

/// As in `formats.md`: `80,443,1000-2000`.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (lo, hi)) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            if lo == hi {
                write!(f, "{lo}")?;
            } else {
                write!(f, "{lo}-{hi}")?;
            }
        }
        Ok(())
    }
}

/// A prefix as people write it: a host without its length.
pub fn show_net(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

/// Addresses that no honest message is sent to: unspecified, multicast, limited broadcast.
///
/// The network model is about unicast; `0.0.0.0/8`, `224.0.0.0/4`, `255.255.255.255`, `::` and `ff00::/8` name no host.
pub fn non_unicast() -> [IpNet; 5] {
    let v4 = |a, b, c, d, len| IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), len);
    [
        v4(0, 0, 0, 0, 8),
        v4(224, 0, 0, 0, 4),
        v4(255, 255, 255, 255, 32),
        IpNet::new_assert(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128),
        IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
    ]
}

/// Where pods and nodes get their addresses: RFC 1918, RFC 6598, RFC 4193.
pub fn private() -> Vec<IpNet> {
    let nets = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
    ];
    nets.iter().filter_map(|net| net.parse().ok()).collect()
}
