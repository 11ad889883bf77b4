//! Links: who is there, and who answers for an address.
//!
//! Source: `arp.c` (`arp_process`), `ndisc.c`. Must never know: how a frame gets there, routing beyond who is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

use crate::model::inet::{Family, IpNet};
use crate::model::linux::RouteType;

use super::context::Context;
use super::frame::Frame;
use super::lookup::{Flow, Found};
use super::silence::LENDS;
use super::stage::{Arrival, Builder, Device, Ns, Segment};

impl Builder<'_> {
    /// Whom a device reaches by a broadcast.
    pub(super) fn segment(&mut self, ns: Ns, device: Device) -> Rc<Segment> {
        if let Some(known) = self.segments.get(&(ns, device)) {
            return Rc::clone(known);
        }
        let mut found = self.flood(vec![(ns, device, Vec::new())], Frame::All);
        if found.strange.is_none() {
            found.strange.clone_from(&self.ridden[ns]);
        }
        for (at, arrival) in found.arrivals.iter().enumerate() {
            found.of.entry(arrival.ns).or_default().push(at);
            let facts = &self.facts[arrival.ns];
            let wide = !facts.wide_local.is_empty();
            if wide
                || LENDS.iter().any(|key| facts.on(arrival.device, key))
                || facts.ns.neighbours.iter().any(|n| n.proxy)
            {
                found.lending.push(at);
            }
        }
        self.shared(ns, device, &mut found);
        let found = Rc::new(found);
        self.segments.insert((ns, device), Rc::clone(&found));
        found
    }

    /// Notes link-layer addresses that several on a link have.
    fn shared(&self, ns: Ns, device: Device, found: &mut Segment) {
        let mut all: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (at, arrival) in found.arrivals.iter().enumerate() {
            for mac in self.macs(arrival.ns, arrival.device) {
                all.entry(mac).or_default().insert(at);
            }
        }
        let own = self.macs(ns, device).into_iter();
        found.own = own
            .filter(|m| all.contains_key(m))
            .map(str::to_owned)
            .collect();
        all.retain(|_, holders| holders.len() > 1);
        let all = all.into_iter();
        let all = all.map(|(mac, at)| (mac.to_owned(), at.into_iter().collect()));
        found.shared = all.collect();
    }

    /// Who gets what is sent to one that answered: a bridge that has the address itself; else whoever of those that have it
    /// spoke last.
    fn receiving(
        &mut self,
        ns: Ns,
        device: Device,
        to: &Arrival,
        segment: &Segment,
    ) -> Vec<Arrival> {
        let Some(mac) = self.facts[to.ns].interface(to.device).mac.as_deref() else {
            return vec![to.clone()];
        };
        // A bridge between the two does not tell them apart: no answer comes back.
        let between = self.facts[ns].is_bridge(device) || !to.crossings.is_empty();
        let one = segment.own.contains(mac) && between;
        let told = self.told || self.deaf && segment.tunnelled;
        if one || told && !self.both_ways((ns, device), (to.ns, to.device)) {
            return Vec::new();
        }
        let is_bridge = |a: &Arrival| self.facts[a.ns].is_bridge(a.device);
        let holders = segment.shared.get(mac).map_or(&[][..], Vec::as_slice);
        let holders = holders.iter().map(|at| segment.arrivals[*at].clone());
        let mut all: Vec<Arrival> = holders.collect();
        if all.iter().any(is_bridge) {
            all.retain(is_bridge);
        }
        if all.is_empty() {
            all.push(to.clone());
        }
        all
    }

    /// Whether frames to one that answered get there, and its answers back, where bridges were told more than they learn.
    fn both_ways(&mut self, one: (Ns, Device), other: (Ns, Device)) -> bool {
        self.carries(one, other) && self.carries(other, one)
    }

    /// Whether frames to one that spoke get there.
    fn carries(&mut self, from: (Ns, Device), to: (Ns, Device)) -> bool {
        let Some(mac) = self.facts[to.0].interface(to.1).mac.as_deref() else {
            return true;
        };
        let found = self.flood(vec![(from.0, from.1, Vec::new())], Frame::Heard(mac));
        found.learns || found.arrivals.iter().any(|a| (a.ns, a.device) == to)
    }

    /// Who answers for an address on the link of a device.
    pub(super) fn answering(
        &mut self,
        ns: Ns,
        device: Device,
        address: IpAddr,
    ) -> (Vec<Arrival>, Rc<Segment>) {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        if let Some(fixed) = facts.fixed(device, address) {
            let Some(mac) = fixed.mac.clone() else {
                return (Vec::new(), Rc::default());
            };
            let mut found = self.flood(vec![(ns, device, Vec::new())], Frame::To(&mac));
            found.arrivals.retain(|a| self.takes(a, &mac));
            return (found.arrivals.clone(), Rc::new(found));
        }
        // What answers a port of a bridge is taken by the bridge: the port itself never hears it.
        if own.master.is_some() {
            return (Vec::new(), Rc::default());
        }
        // A device without ARP takes itself for the neighbour: nobody else takes such a frame.
        if own.noarp {
            return (Vec::new(), Rc::default());
        }
        let segment = self.segment(ns, device);
        let asker = match address {
            IpAddr::V4(_) => self.facts[ns].select(device, Some(address), 253),
            IpAddr::V6(_) => None,
        };
        let owners = self.owners.get(&address).map_or(&[][..], Vec::as_slice);
        let mut asked: Vec<usize> = (owners.iter())
            .flat_map(|o| segment.of.get(o).into_iter().flatten().copied())
            .chain(segment.lending.iter().copied())
            .collect();
        asked.sort_unstable();
        asked.dedup();
        let all = asked.into_iter().map(|at| &segment.arrivals[at]);
        let all = all.filter(|a| self.answers(a, asker, address));
        let all: Vec<Arrival> = all.cloned().collect();
        let mut found: Vec<Arrival> = Vec::new();
        for to in &all {
            for one in self.receiving(ns, device, to, &segment) {
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        if found.is_empty() {
            found = self.hearsay(ns, device, address, &segment);
            if !found.is_empty() {
                let told = Segment {
                    hearsay: true,
                    strange: Some("who asked for whose link-layer address first".to_owned()),
                    ..Segment::default()
                };
                return (found, Rc::new(told));
            }
        }
        (found, segment)
    }

    /// Those that have an address and do not answer, or whose answer gets lost, but who ask themselves: who is asked learns
    /// who asks. It depends on who spoke first.
    fn hearsay(
        &mut self,
        ns: Ns,
        device: Device,
        address: IpAddr,
        segment: &Segment,
    ) -> Vec<Arrival> {
        if address.is_ipv6() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for one in self.spoken(ns, device, address, segment) {
            if self.facts[one.ns].interface(one.device).noarp || !self.asks(&one, ns) {
                continue;
            }
            let back = self.segment(one.ns, one.device);
            let mut asked = back.of.get(&ns).into_iter().flatten();
            if asked.any(|at| back.arrivals[*at].device == device) {
                found.push(one);
            }
        }
        found
    }

    /// Those that have an address, as far as frames get to them once they spoke.
    fn spoken(
        &mut self,
        ns: Ns,
        device: Device,
        address: IpAddr,
        segment: &Segment,
    ) -> Vec<Arrival> {
        let owners = self.owners.get(&address).cloned().unwrap_or_default();
        if !self.told {
            let of = owners.iter().filter_map(|o| segment.of.get(o)).flatten();
            return of.map(|at| segment.arrivals[*at].clone()).collect();
        }
        let mut all = Vec::new();
        for owner in owners {
            let facts = &self.facts[owner];
            for mac in facts.ns.interfaces.iter().filter_map(|i| i.mac.clone()) {
                let found = self.flood(vec![(ns, device, Vec::new())], Frame::Heard(&mac));
                let found = found.arrivals.into_iter();
                for one in found.filter(|a| a.ns == owner && self.takes(a, &mac)) {
                    if !all.contains(&one) {
                        all.push(one);
                    }
                }
            }
        }
        all
    }

    /// Whether a namespace looks by a device for an address of another.
    fn asks(&self, one: &Arrival, other: Ns) -> bool {
        let name = Some(&self.facts[one.ns].interface(one.device).name);
        let facts = &self.facts[other];
        let family = Family::V4;
        let by = self.tables[one.ns].all(family).flat_map(|r| &r.hops);
        let mut by = by.filter(|h| h.device.as_ref() == name);
        let (incoming, mark, back) = (None, 0, false);
        let flow = Flow {
            family,
            incoming,
            mark,
            back,
        };
        by.any(|h| h.gateway.is_some_and(|g| facts.owns(g)))
            || facts.own().filter(IpAddr::is_ipv4).any(|own| {
                match self.tables[one.ns].one(&flow, None, own) {
                    Found::Route(r) if r.kind == RouteType::Unicast => {
                        (r.hops.iter()).any(|h| h.device.as_ref() == name && h.gateway.is_none())
                    }
                    _ => false,
                }
            })
    }

    /// Whether a namespace answers for an address on a device.
    pub(super) fn answers(
        &self,
        arrival: &Arrival,
        asker: Option<IpAddr>,
        address: IpAddr,
    ) -> bool {
        let facts = &self.facts[arrival.ns];
        let own = facts.interface(arrival.device);
        let family = Family::of(address);
        let mut proxies = facts.ns.neighbours.iter();
        let proxy = proxies.any(|n| n.proxy && n.device == own.name && n.address == address);
        if family == Family::V6 {
            let has = own.addresses.iter();
            let has = has.filter(|a| !a.unusable).any(|a| a.net.addr() == address);
            let name = &own.name;
            let lends = ["all", name].iter().any(|n| {
                facts
                    .sysctl(&format!("net.ipv6.conf.{n}.proxy_ndp"))
                    .is_some_and(|v| v.0 != 0)
            });
            return has || proxy && lends && facts.forwards(family, arrival.device).0;
        }
        if own.noarp {
            return false;
        }
        let wide = &facts.wide_local;
        let owns = facts.owns(address) || wide.iter().any(|(net, _)| net.contains(&address));
        let [lends, beside] = LENDS.map(|key| facts.on(arrival.device, key));
        if !owns && !proxy && !lends && !beside {
            return false;
        }
        // The request is looked up as a message from who asks would be.
        if let Some(asker) = asker
            && !self.credible(arrival.ns, arrival.device, asker, address)
        {
            return false;
        }
        let flow = Flow {
            family,
            incoming: Some(&own.name),
            mark: 0,
            back: false,
        };
        let found = self.tables[arrival.ns].one(&flow, asker, address);
        if found.local().is_some() {
            return self.tells(arrival, address) && self.filters(arrival, asker, address);
        }
        let Found::Route(route) = found else {
            return false;
        };
        let leads = |to: bool| {
            let mut hops = route.hops.iter();
            route.kind == RouteType::Unicast
                && hops.any(|h| (h.device.as_deref() == Some(own.name.as_str())) == to)
        };
        let answers = leads(false) && (proxy || lends) || leads(true) && beside;
        answers && facts.forwards(family, arrival.device).0
    }

    /// Whether a source may have come in by a device (`fib_validate_source`).
    pub(super) fn credible(
        &self,
        ns: Ns,
        device: Device,
        source: IpAddr,
        destination: IpAddr,
    ) -> bool {
        let facts = &self.facts[ns];
        let (strict, _) = facts.reverse_path(device);
        if strict == 0 {
            let accepts = facts.either(device, "accept_local");
            return accepts.is_some_and(|v| v.0 != 0) || !facts.owns(source);
        }
        let name = &facts.interface(device).name;
        let flow = Flow {
            family: Family::of(source),
            incoming: None,
            mark: 0,
            back: true,
        };
        let mut known = Context::from(IpNet::from(source));
        known.matches.to = Some(IpNet::from(destination));
        let found = self.tables[ns].find(&flow, &known);
        match found.first().map(|(_, f)| *f) {
            Some(Found::Route(r)) if r.kind == RouteType::Unicast => {
                strict > 1 || r.hops.iter().any(|h| h.device.as_ref() == Some(name))
            }
            _ => false,
        }
    }

    /// What is reached on the link of a device by name of address: all that somebody there may answer for.
    pub(super) fn candidates(&self, segment: &Segment, family: Family) -> BTreeSet<IpAddr> {
        let mut all = BTreeSet::new();
        if self.told {
            // Also those whom a broadcast does not find.
            all.extend(self.owners.keys().copied());
        }
        for arrival in &segment.arrivals {
            let facts = &self.facts[arrival.ns];
            all.extend(facts.own());
            let name = &facts.interface(arrival.device).name;
            let proxies = facts.ns.neighbours.iter();
            let proxies = proxies.filter(|n| n.proxy && n.device == *name);
            all.extend(proxies.map(|n| n.address));
        }
        let loopback = family.loopback_net();
        all.retain(|a| Family::of(*a) == family && !loopback.contains(a));
        all
    }
}
