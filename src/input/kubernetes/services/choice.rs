//! What Services do not say and is chosen for them.
//!
//! Must never know: pods and selectors.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::kubernetes::service::{FamilyPolicy, ServiceObject};
use crate::input::problems::Problems;
use crate::model::inet::{Family, Protocol};

/// What is not written and is chosen: addresses of the ranges that clusters are usually set up with, ports of nodes.
pub(super) struct Choice {
    taken: BTreeSet<IpAddr>,
    next_v4: u32,
    next_v6: u128,
    node_ports: HashMap<(u16, Protocol), Span>,
    cluster: Vec<Family>,
}

/// The usual ranges: `10.96.0.0/12`, `fd00:10:96::/112`.
const FIRST_V4: u32 = u32::from_be_bytes([10, 96, 0, 1]);
const LAST_V4: u32 = u32::from_be_bytes([10, 111, 255, 254]);
const FIRST_V6: u128 = 0xfd00_0010_0096_0000_0000_0000_0000_0001;
const LAST_V6: u128 = FIRST_V6 + 0xfffd;
/// The default range of ports of nodes.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30000..=32767;

impl Choice {
    pub(super) fn new(
        objects: &[ServiceObject],
        held: impl Iterator<Item = IpAddr>,
        cluster: Vec<Family>,
    ) -> Self {
        let services = objects.iter().flat_map(|s| {
            let all = s
                .cluster_ips
                .iter()
                .chain(&s.external_ips)
                .chain(&s.balancer);
            all.map(|a| a.ip)
        });
        let ports = objects.iter().flat_map(|s| &s.ports);
        Self {
            taken: held.chain(services).collect(),
            next_v4: FIRST_V4,
            next_v6: FIRST_V6,
            // What is written anywhere is never chosen; clashes among what is written are told by `claim`.
            node_ports: ports
                .filter_map(|p| Some(((p.node_port?, p.protocol), p.origin)))
                .collect(),
            cluster,
        }
    }

    pub(super) fn families(&self, object: &ServiceObject) -> Vec<Family> {
        if !object.families.is_empty() {
            return object.families.clone();
        }
        let mut all = self.cluster.clone();
        if object.family_policy == FamilyPolicy::Single {
            all.truncate(1);
        }
        all
    }

    pub(super) fn address(&mut self, family: Family) -> Option<IpAddr> {
        loop {
            let ip = match family {
                Family::V4 => IpAddr::V4(Ipv4Addr::from(self.next_v4)),
                Family::V6 => IpAddr::V6(Ipv6Addr::from(self.next_v6)),
            };
            match family {
                Family::V4 if self.next_v4 > LAST_V4 => return None,
                Family::V6 if self.next_v6 > LAST_V6 => return None,
                Family::V4 => self.next_v4 += 1,
                Family::V6 => self.next_v6 += 1,
            }
            if self.taken.insert(ip) {
                return Some(ip);
            }
        }
    }

    /// A port that is written. The first one who wants it is where `node_ports` points to, or last in the table.
    pub(super) fn claim(
        &mut self,
        number: u16,
        protocol: Protocol,
        origin: Span,
        problems: &mut Problems,
    ) {
        if let Some(&there) = self.node_ports.get(&(number, protocol))
            && there != origin
        {
            let message = format!("another Service has the `nodePort` {number}/{protocol}");
            let diagnostic = Diagnostic::error("K207", origin, message);
            problems.push(diagnostic.related(there, "it is written here too"));
        }
    }

    pub(super) fn node_port(&mut self, protocol: Protocol, origin: Span) -> Option<u16> {
        let free = NODE_PORTS
            .into_iter()
            .find(|p| !self.node_ports.contains_key(&(*p, protocol)))?;
        self.node_ports.insert((free, protocol), origin);
        Some(free)
    }
}
