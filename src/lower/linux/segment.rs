//! Links: whom a frame reaches from a device, through pairs, bridges and tunnels, and who answers for an address there.
//!
//! Source: `br_forward.c`, `arp.c` (`arp_process`), `ndisc.c`. Must never know: headers, routing beyond who is asked.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;

use crate::model::inet::{Family, IpNet};
use crate::model::linux::{LinkKind, RouteType};

use super::context::Context;
use super::lookup::{Flow, Found};
use super::stage::{Arrival, Builder, Crossing, Device, Ns, Segment};

/// A frame that leaves by a device, with the bridges it has crossed.
type Sent = (Ns, Device, Vec<Crossing>);

impl Builder<'_> {
    /// Whom a device reaches by a broadcast.
    pub(super) fn segment(&mut self, ns: Ns, device: Device) -> Rc<Segment> {
        if let Some(known) = self.segments.get(&(ns, device)) {
            return Rc::clone(known);
        }
        let mut found = self.flood(vec![(ns, device, Vec::new())], None);
        for (at, arrival) in found.arrivals.iter().enumerate() {
            found.of.entry(arrival.ns).or_default().push(at);
            let facts = &self.facts[arrival.ns];
            let lends = facts.either(arrival.device, "proxy_arp");
            if lends.is_some_and(|v| v.0 != 0) || facts.ns.neighbours.iter().any(|n| n.proxy) {
                found.lending.push(at);
            }
        }
        let found = Rc::new(found);
        self.segments.insert((ns, device), Rc::clone(&found));
        found
    }

    /// Whom frames reach: all by a broadcast, or those that a link-layer address leads to.
    pub(super) fn flood(&mut self, first: Vec<Sent>, mac: Option<&str>) -> Segment {
        let mut segment = Segment::default();
        let mut waiting: VecDeque<Sent> = VecDeque::new();
        for sent in first {
            self.leave(sent, mac, &mut waiting, &mut segment);
        }
        let mut seen: BTreeSet<(Ns, Device)> = BTreeSet::new();
        while let Some(sent) = waiting.pop_front() {
            if seen.insert((sent.0, sent.1)) {
                self.transmit(sent, mac, &mut waiting, &mut segment);
            }
        }
        segment
    }

    /// From a device of its own: a bridge sends by its ports.
    fn leave(
        &self,
        (ns, device, crossed): Sent,
        mac: Option<&str>,
        waiting: &mut VecDeque<Sent>,
        segment: &mut Segment,
    ) {
        let facts = &self.facts[ns];
        if !matches!(facts.interface(device).kind, LinkKind::Bridge { .. }) {
            waiting.push_back((ns, device, crossed));
            return;
        }
        for port in self.ports(ns, device, None, mac, segment) {
            waiting.push_back((ns, port, crossed.clone()));
        }
    }

    /// The ports that a bridge hands a frame to.
    fn ports(
        &self,
        ns: Ns,
        bridge: Device,
        from: Option<Device>,
        mac: Option<&str>,
        segment: &mut Segment,
    ) -> Vec<Device> {
        let facts = &self.facts[ns];
        let own = facts.interface(bridge);
        if let LinkKind::Bridge {
            vlan_filtering: true,
            ..
        } = own.kind
        {
            segment.strange = Some(format!("bridge {} filters VLANs", own.name));
        }
        // An entry made by hand says by which port alone an address is reached.
        let fixed = facts.ns.forwarding.iter().find(|e| {
            e.permanent
                && mac == Some(e.mac.as_str())
                && e.master.as_deref() == Some(own.name.as_str())
                && facts
                    .device(&e.device)
                    .is_some_and(|d| d != bridge && facts.interface(d).mac.as_deref() != mac)
        });
        let all = facts.ns.interfaces.iter().enumerate();
        let all = all.filter(|(at, port)| {
            let isolated = |d: Device| facts.interface(d).port.isolated;
            let back = from == Some(*at) && !port.port.hairpin;
            let apart = from.is_some_and(|f| f != *at && isolated(f) && isolated(*at));
            port.master.as_deref() == Some(own.name.as_str())
                && port.up
                && port.port.forwarding
                && !back
                && !apart
                && fixed.is_none_or(|e| e.device == port.name)
        });
        all.map(|(at, _)| at).collect()
    }

    /// Out of a device that is no bridge, and in at the other end.
    fn transmit(
        &mut self,
        (ns, device, crossed): Sent,
        mac: Option<&str>,
        waiting: &mut VecDeque<Sent>,
        segment: &mut Segment,
    ) {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        if !own.up {
            return;
        }
        match &own.kind {
            LinkKind::Veth {
                peer: Some((other, index)),
            } => {
                if let Some(at) = self.facts.get(*other).and_then(|f| f.indexed(*index)) {
                    self.arrive(*other, at, crossed, mac, waiting, segment);
                }
            }
            LinkKind::Veth { peer: None } | LinkKind::Physical => {
                segment.open.get_or_insert_with(|| own.name.clone());
            }
            LinkKind::Vxlan { .. } => {
                let name = own.name.clone();
                for end in self.vxlan_ends(ns, device, mac) {
                    match end {
                        Ok((other, at)) => {
                            self.arrive(other, at, crossed.clone(), mac, waiting, segment);
                        }
                        Err(next) => {
                            if let Some(why) = next.unmodelled() {
                                segment.strange = Some(format!("{name}: {why}"));
                            }
                        }
                    }
                }
            }
            LinkKind::Other(kind) => {
                segment.strange = Some(format!("device {} is a {kind}", own.name));
            }
            LinkKind::Bridge { .. }
            | LinkKind::Loopback
            | LinkKind::Dummy
            | LinkKind::Tunnel { .. } => {}
        }
    }

    /// In by a device: a port of a bridge hands it on.
    pub(super) fn arrive(
        &self,
        ns: Ns,
        device: Device,
        crossed: Vec<Crossing>,
        mac: Option<&str>,
        waiting: &mut VecDeque<Sent>,
        segment: &mut Segment,
    ) {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        if !own.up {
            return;
        }
        let bridge = own.master.as_deref().and_then(|m| facts.device(m));
        let Some(bridge) = bridge else {
            segment.arrivals.push(Arrival {
                ns,
                device,
                crossings: crossed,
            });
            return;
        };
        let LinkKind::Bridge { .. } = facts.interface(bridge).kind else {
            segment.strange = Some(format!(
                "device {} has a master that is no bridge",
                own.name
            ));
            return;
        };
        if !own.port.forwarding || !facts.interface(bridge).up {
            return;
        }
        let crossing = |out: Option<Device>| {
            let mut all = crossed.clone();
            all.push(Crossing {
                ns,
                bridge,
                port: device,
                out,
            });
            all
        };
        segment.arrivals.push(Arrival {
            ns,
            device: bridge,
            crossings: crossing(None),
        });
        for port in self.ports(ns, bridge, Some(device), mac, segment) {
            waiting.push_back((ns, port, crossing(Some(port))));
        }
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
        let fixed = facts
            .ns
            .neighbours
            .iter()
            .find(|n| !n.proxy && n.device == own.name && n.address == address);
        if let Some(fixed) = fixed {
            let Some(mac) = fixed.mac.clone() else {
                return (Vec::new(), Rc::default());
            };
            let mut found = self.flood(vec![(ns, device, Vec::new())], Some(&mac));
            found.arrivals.retain(|a| self.takes(a, &mac));
            return (found.arrivals.clone(), Rc::new(found));
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
        (all.cloned().collect(), Rc::clone(&segment))
    }

    /// Whether a device takes frames to a link-layer address: its own, and of a bridge those of its ports.
    pub(super) fn takes(&self, arrival: &Arrival, mac: &str) -> bool {
        let facts = &self.facts[arrival.ns];
        let own = facts.interface(arrival.device);
        let mut ports = facts.ns.interfaces.iter();
        own.mac.as_deref() == Some(mac)
            || ports.any(|p| {
                p.master.as_deref() == Some(own.name.as_str()) && p.mac.as_deref() == Some(mac)
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
        let owns = facts.owns(address);
        let lends = facts
            .either(arrival.device, "proxy_arp")
            .is_some_and(|v| v.0 != 0);
        if !owns && !proxy && !lends {
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
            return self.ignores(arrival, address);
        }
        let Found::Route(route) = found else {
            return false;
        };
        let elsewhere = route.kind == RouteType::Unicast
            && (route.hops.iter()).any(|h| h.device.as_deref() != Some(own.name.as_str()));
        elsewhere && (proxy || lends) && facts.forwards(family, arrival.device).0
    }

    /// `arp_ignore`: false where it keeps silent about one of its addresses.
    fn ignores(&self, arrival: &Arrival, address: IpAddr) -> bool {
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
