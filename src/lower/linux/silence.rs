//! Settings by which a namespace answers for what is not its own, or keeps silent about what is (ARP).
//!
//! Source: `arp.c` (`arp_ignore`, `arp_filter`, `arp_fwd_pvlan`). Must never know: who is on a link.

use std::net::IpAddr;

use crate::model::inet::Family;
use crate::model::linux::RouteType;
use crate::network::fib::DiscardReason;

use super::facts::Facts;
use super::lookup::{Flow, Found};
use super::next::Next;
use super::stage::{Arrival, Builder};

/// Answering for what is behind other devices; for what is on the same link.
pub(super) const LENDS: [&str; 2] = ["proxy_arp", "proxy_arp_pvlan"];

impl Builder<'_> {
    /// `arp_ignore`: false where it keeps silent about one of its addresses.
    pub(super) fn tells(&self, arrival: &Arrival, address: IpAddr) -> bool {
        let facts = &self.facts[arrival.ns];
        let addresses = &facts.interface(arrival.device).addresses;
        let here = || addresses.iter().any(|a| a.net.addr() == address);
        match facts
            .either(arrival.device, "arp_ignore")
            .map_or(0, |v| v.0)
        {
            1 | 2 => here(),
            8 => false,
            _ => true,
        }
    }

    /// `arp_filter`: false where it keeps silent since what it sends to the asker leaves by another device.
    pub(super) fn filters(
        &self,
        arrival: &Arrival,
        asker: Option<IpAddr>,
        address: IpAddr,
    ) -> bool {
        let facts = &self.facts[arrival.ns];
        let Some(asker) = asker.filter(|_| facts.on(arrival.device, "arp_filter")) else {
            return true;
        };
        let name = Some(&facts.interface(arrival.device).name);
        let flow = Flow {
            family: Family::V4,
            incoming: None,
            mark: 0,
            back: false,
        };
        match self.tables[arrival.ns].one(&flow, Some(address), asker) {
            Found::Route(r) if r.kind == RouteType::Unicast => {
                r.hops.iter().all(|h| h.device.as_ref() == name)
            }
            found => found.local().is_none(),
        }
    }
}

impl Facts<'_> {
    /// A device that takes no IPv6 (`disable_ipv6`) asks and answers nobody; only a neighbour's permanent entry leads there.
    pub(super) fn deaf(&self, family: Family, device: usize) -> Option<Next> {
        let off = self.of_device("ipv6", device, "disable_ipv6");
        let (_, at) = off.filter(|(value, _)| *value != 0 && family == Family::V6)?;
        let name = &self.interface(device).name;
        let why = format!(
            "net.ipv6.conf.{name}.disable_ipv6 is set, and somebody sends IPv6 there all the same"
        );
        let next = Next::dies(DiscardReason::Unmodelled(why.clone()));
        Some(next.saying(&why, at))
    }
}
