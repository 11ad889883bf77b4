//! Source address selection: which of its addresses a namespace sends from, by destination.
//!
//! Source: `fib_semantics.c` (`fib_result_prefsrc`), RFC 6724 as in `addrconf.c`. Must never know: stages.

use std::net::IpAddr;

use crate::model::inet::{Family, IpNet};
use crate::model::linux::{Interface, RouteType};
use crate::network::graph::Sources;

use super::context::{Context, whole};
use super::facts::Facts;
use super::lookup::{Flow, Found};
use super::stage::{Builder, Ns};

impl Builder<'_> {
    /// What the processes of a namespace send from.
    pub(super) fn selected(&self, ns: Ns) -> Sources {
        let mut all: Vec<(IpNet, Vec<IpAddr>)> = Vec::new();
        for &family in &self.families {
            let own = self.usable(ns, family);
            let flow = Flow {
                family,
                incoming: None,
                mark: 0,
                back: false,
            };
            let known = Context::to(whole(family));
            for (context, found) in self.tables[ns].find(&flow, &known) {
                let matches = &context.matches;
                // Before a source is selected, none is in any prefix; nor are ports and protocols known.
                if matches.from.is_some()
                    || matches.from_ports.is_some()
                    || matches.to_ports.is_some()
                    || matches.protocol.is_some()
                {
                    continue;
                }
                let net = matches.to.unwrap_or(whole(family));
                // Of a prefix that is local, each address is asked from itself.
                if found.local().is_some_and(|r| r.source.is_none()) && net.prefix_len() > 0 {
                    let mut inside: Vec<IpAddr> = self.owners.keys().copied().collect();
                    inside.retain(|a| net.contains(a) && !a.is_loopback());
                    inside.sort_unstable();
                    all.extend(inside.into_iter().map(|a| (IpNet::from(a), vec![a])));
                }
                let chosen = self.chosen(ns, found, net);
                // Without a route, any of its addresses: the message is sent, and dies.
                let chosen = if chosen.is_empty() {
                    own.clone()
                } else {
                    chosen
                };
                if !family.loopback_net().contains(&net) {
                    all.push((net, chosen));
                }
            }
        }
        // What a shorter entry says just as well is left out.
        let mut kept: Vec<(IpNet, Vec<IpAddr>)> = Vec::new();
        for (i, (net, chosen)) in all.iter().enumerate() {
            let hidden = kept.iter().any(|(k, _)| k.contains(net));
            let next = all[i + 1..].iter().find(|(k, _)| k.contains(net));
            let nested = all[i + 1..]
                .iter()
                .any(|(k, _)| net.contains(k) && net != k);
            if !hidden && (nested || next.is_none_or(|(_, c)| c != chosen)) {
                kept.push((*net, chosen.clone()));
            }
        }
        Sources::Selected(kept)
    }

    /// The source for one destination.
    pub(super) fn source(&self, ns: Ns, destination: IpAddr) -> Option<IpAddr> {
        let flow = Flow {
            family: Family::of(destination),
            incoming: None,
            mark: 0,
            back: false,
        };
        let found = self.tables[ns].one(&flow, None, destination);
        let chosen = self.chosen(ns, found, IpNet::from(destination));
        chosen.first().copied()
    }

    fn usable(&self, ns: Ns, family: Family) -> Vec<IpAddr> {
        let loopback = family.loopback_net();
        let mut all: Vec<IpAddr> = self.facts[ns].own().collect();
        all.retain(|a| Family::of(*a) == family && !loopback.contains(a) && !link_local(*a));
        all
    }

    fn chosen(&self, ns: Ns, found: Found<'_>, net: IpNet) -> Vec<IpAddr> {
        let Found::Route(route) = found else {
            return Vec::new();
        };
        let facts = &self.facts[ns];
        let family = Family::of(net.addr());
        if let Some(source) = route.source.filter(|s| Family::of(*s) == family) {
            return vec![source];
        }
        if found.local().is_some()
            && route.destination.prefix_len() == route.destination.max_prefix_len()
        {
            return vec![route.destination.addr()];
        }
        if route.kind != RouteType::Unicast && found.local().is_none() {
            return Vec::new();
        }
        let scope = match route.scope.as_str() {
            "host" => 254,
            "link" => 253,
            _ => 0,
        };
        let mut all = Vec::new();
        for hop in route.hops.iter().filter(|h| !h.dead) {
            let Some(device) = hop.device.as_deref().and_then(|d| facts.device(d)) else {
                continue;
            };
            let one = match family {
                Family::V4 => facts.select(device, hop.gateway.filter(IpAddr::is_ipv4), scope),
                Family::V6 => facts.select_v6(device, net.addr()),
            };
            if let Some(one) = one.filter(|a| !family.loopback_net().contains(a))
                && !all.contains(&one)
            {
                all.push(one);
            }
        }
        all
    }
}

fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(a) => a.is_unicast_link_local(),
    }
}

fn private(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(a) if a.is_unique_local())
}

impl Facts<'_> {
    /// The source that Linux selects for an IPv6 destination: of its scope, of the device, of its kind, nearest.
    pub(super) fn select_v6(&self, device: usize, destination: IpAddr) -> Option<IpAddr> {
        let mut best: Option<((bool, bool, bool, u32), IpAddr)> = None;
        for (at, interface) in self.ns.interfaces.iter().enumerate() {
            for own in interface
                .addresses
                .iter()
                .filter(|a| !a.unusable && interface.up)
            {
                let address = own.net.addr();
                let IpAddr::V6(bits) = address else { continue };
                // Of links, only the device's own.
                if bits.is_loopback() || link_local(address) && at != device {
                    continue;
                }
                let common = match destination {
                    IpAddr::V6(d) => (u128::from(d) ^ u128::from(bits)).leading_zeros(),
                    IpAddr::V4(_) => 0,
                };
                let common = common.min(u32::from(own.net.prefix_len()));
                let rank = (
                    link_local(address) == link_local(destination),
                    at == device,
                    private(address) == private(destination),
                    common,
                );
                if best.is_none_or(|(known, _)| rank > known) {
                    best = Some((rank, address));
                }
            }
        }
        best.map(|(_, address)| address)
    }
}

impl Facts<'_> {
    /// The source that Linux selects for a device and a neighbour (`inet_select_addr`): a primary address whose scope is
    /// wide enough, one in the neighbour's prefix before the others, one of another device where this one has none.
    pub(super) fn select(&self, device: usize, near: Option<IpAddr>, scope: u8) -> Option<IpAddr> {
        let usable = |i: &'_ Interface| -> Vec<IpNet> {
            let all = i.addresses.iter();
            let all = all.filter(|a| a.net.addr().is_ipv4() && !a.secondary && !a.unusable);
            all.filter(|a| width(&a.scope) <= scope)
                .map(|a| a.net)
                .collect()
        };
        let own = usable(self.interface(device));
        let fitting = own.iter().find(|n| near.is_some_and(|a| n.contains(&a)));
        if let Some(net) = fitting.or_else(|| own.first()) {
            return Some(net.addr());
        }
        // Of other devices, addresses of scope `link` are of no use.
        let mut others = self.ns.interfaces.iter().filter(|i| i.up);
        others.find_map(|i| {
            let all = i.addresses.iter();
            let mut all = all.filter(|a| a.net.addr().is_ipv4() && !a.secondary && !a.unusable);
            all.find(|a| width(&a.scope) <= scope && width(&a.scope) != 253)
                .map(|a| a.net.addr())
        })
    }
}

/// A scope as the kernel counts: narrower is more.
fn width(scope: &str) -> u8 {
    match scope {
        "host" => 254,
        "link" => 253,
        "site" => 200,
        _ => 0,
    }
}
