//! Out of a namespace: the neighbour that is the next hop, on a link or through a tunnel.
//!
//! Must never know: routes, hooks.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::inet::{Family, IpNet, show_net};
use crate::model::linux::{LinkKind, NextHop, RouteType};
use crate::network::fib::{DiscardReason, Fib};

use super::context::{Context, whole};
use super::lookup::{Flow, Found};
use super::next::Next;
use super::silence::LENDS;
use super::stage::{Arrival, Builder, Crossing, Device, Env, Hop, Key, Ns, Segment, Way};

/// Of more addresses than these that may be behind an open interface, all that leaves by it is unknown.
const MOST_BEYOND: usize = 4_000;

impl Builder<'_> {
    /// To a next hop.
    pub(super) fn egress(&mut self, ns: Ns, hop: Hop, family: Family) -> Next {
        if let Some(next) = self.swallows(ns, hop.device) {
            return next;
        }
        let kind = &self.facts[ns].interface(hop.device).kind;
        let tunnel = matches!(kind, LinkKind::Vxlan { .. } | LinkKind::Tunnel { .. });
        if tunnel || self.overlay {
            return Next::to(self.stage(Key::Tunnel(ns, hop.device, hop.gateway, family)));
        }
        match hop.gateway {
            Some(gateway) => self.gateway(ns, hop.device, gateway, family),
            None => Next::to(self.stage(Key::Link(ns, hop.device, family))),
        }
    }

    /// To whoever answers for an address.
    pub(super) fn gateway(
        &mut self,
        ns: Ns,
        device: Device,
        gateway: IpAddr,
        family: Family,
    ) -> Next {
        let (all, segment) = self.answering(ns, device, gateway);
        if all.is_empty() {
            return self.silent(ns, device, gateway, &segment);
        }
        let mut each = Vec::new();
        for arrival in &all {
            let unsure = self.undiscovered(ns, device, gateway, arrival);
            each.push(unsure.unwrap_or_else(|| self.enter(arrival, family)));
        }
        if segment.hearsay {
            let why = format!(
                "{gateway} is known only to those it has asked for itself: no answer of it gets here"
            );
            each.push(Next::dies_as(DiscardReason::Neighbour, why));
        }
        let mut next = self.choice(ns, each);
        if all.len() > 1 && next.why.is_none() {
            let names = all.iter().map(|a| self.facts[a.ns].ns.name.as_str());
            let names: Vec<_> = names.collect();
            next.why = Some(format!("{} answer for the address", names.join(" and ")).into());
        }
        next
    }

    /// Where chains may keep two from finding each other: unlike ARP, what IPv6 asks and answers passes them.
    fn undiscovered(
        &self,
        ns: Ns,
        device: Device,
        address: IpAddr,
        arrival: &Arrival,
    ) -> Option<Next> {
        if address.is_ipv4() || self.facts[ns].fixed(device, address).is_some() {
            return None;
        }
        let ends = [ns, arrival.ns].into_iter();
        let mut ends = ends.filter_map(|n| self.stops[n].own.as_ref());
        let passes =
            |c: &&Crossing| c.out.is_some() && self.facts[c.ns].hands(Family::V6, c.bridge);
        let crossed = arrival.crossings.iter().filter(passes);
        let mut crossed = crossed.filter_map(|c| self.stops[c.ns].bridged.as_ref());
        let stop = ends.next().or_else(|| crossed.next())?;
        let next = Next::dies(DiscardReason::Unmodelled(stop.what.clone()));
        Some(next.saying(&stop.what, stop.origin))
    }

    /// Nobody answers.
    fn silent(&mut self, ns: Ns, device: Device, address: IpAddr, segment: &Segment) -> Next {
        if let Some(strange) = &segment.strange {
            return Next::dies(DiscardReason::Unmodelled(strange.clone()));
        }
        if let Some(open) = &segment.open {
            return self.open_end(ns, device, open, Family::of(address));
        }
        let name = &self.facts[ns].interface(device).name;
        let why = format!("nobody on the link of {name} answers for {address}");
        Next::dies_as(DiscardReason::Neighbour, why)
    }

    /// Behind an interface of which nobody says where it ends: who is in the snapshot elsewhere may be there, or may not.
    fn open_end(&mut self, ns: Ns, device: Device, open: &str, family: Family) -> Next {
        let origin = self.facts[ns].interface(device).origin;
        let home = |at: Ns| self.facts[at].ns.node.unwrap_or(at);
        let far = |holders: &[Ns]| holders.iter().any(|at| home(*at) != home(ns));
        let loopback = family.loopback_net();
        let elsewhere = self.owners.iter().filter(|(a, holders)| {
            let own = self.facts[ns].owns(**a) || loopback.contains(*a);
            Family::of(**a) == family && !own && far(holders)
        });
        let mut elsewhere: Vec<IpAddr> = elsewhere.map(|(a, _)| *a).collect();
        elsewhere.sort_unstable();
        let why = format!(
            "what {open} ends at is not in the snapshot: `wires` of `snapshot.yaml` can say it"
        );
        let unknown = Next::dies(DiscardReason::Unmodelled(why));
        let mut fib: Fib = Vec::new();
        if elsewhere.len() > MOST_BEYOND {
            return unknown;
        }
        for address in elsewhere {
            let context = Context::to(IpNet::from(address));
            fib.push(unknown.clone().rule(context, None, origin));
        }
        let why = format!("what is behind {open} is not in the snapshot");
        let leaves = Next::dies_as(DiscardReason::LeavesCluster, why);
        if fib.is_empty() {
            return leaves;
        }
        fib.push(leaves.rule(Context::to(whole(family)), None, origin));
        Next::to(self.list(ns, fib))
    }

    /// Neighbours on the link of a device, by destination.
    pub(super) fn linked(&mut self, ns: Ns, device: Device, family: Family) -> Fib {
        let segment = self.segment(ns, device);
        let facts = &self.facts[ns];
        let origin = facts.interface(device).origin;
        let name = facts.interface(device).name.clone();
        // Of use are those that some route looks for on this link.
        let direct = |h: &crate::model::linux::NextHop| {
            h.gateway.is_none() && h.device.as_deref() == Some(name.as_str())
        };
        let routes = self.tables[ns].all(family);
        let routes = routes.filter(|r| r.kind == RouteType::Unicast && r.hops.iter().any(direct));
        let direct: Vec<IpNet> = routes.map(|r| r.destination).collect();
        let onlink = |a: &IpAddr| direct.iter().any(|net| net.contains(a));
        let mut wanted = self.candidates(&segment, family);
        let fixed = facts.ns.neighbours.iter();
        let fixed = fixed.filter(|n| !n.proxy && n.device == name);
        wanted.extend(fixed.map(|n| n.address));
        wanted.retain(|a| Family::of(*a) == family && onlink(a));
        let mut fib = Fib::new();
        for address in wanted {
            let next = self.gateway(ns, device, address, family);
            let context = Context::to(IpNet::from(address));
            fib.push(next.rule(context, Some(said(&name, address)), origin));
        }
        self.lent(ns, device, family, &segment, &mut fib);
        let mut next = self.silent(ns, device, family.loopback(), &segment);
        if next.why.is_some() && segment.open.is_none() {
            let why = format!("nobody on the link of {name} answers for the destination");
            next.why = Some(why.into());
        }
        let all = Context::to(whole(family));
        fib.push(next.rule(all, Some(format!("dev {name}").into()), origin));
        fib
    }

    /// Those who answer for what they have a route to (`proxy_arp`).
    fn lent(&mut self, ns: Ns, device: Device, family: Family, segment: &Segment, fib: &mut Fib) {
        if family == Family::V6 {
            return;
        }
        let lends = |a: &&Arrival| {
            let facts = &self.facts[a.ns];
            LENDS.iter().any(|key| facts.on(a.device, key)) && facts.forwards(family, a.device).0
        };
        let lending: Vec<Arrival> = segment.arrivals.iter().filter(lends).cloned().collect();
        let own = self.facts[ns].interface(device);
        let (name, origin) = (own.name.clone(), own.origin);
        if lending.len() > 1 {
            let why = format!("several namespaces on the link of {name} lend their addresses");
            let next = Next::dies(DiscardReason::Unmodelled(why));
            fib.push(next.rule(Context::to(whole(family)), None, origin));
            return;
        }
        for arrival in lending {
            let asker = self.facts[ns].select(device, None, 253);
            let flow = Flow {
                family,
                incoming: Some(&self.facts[arrival.ns].interface(arrival.device).name),
                mark: 0,
                back: false,
            };
            let mut known = Context::to(whole(family));
            known.matches.from = asker.map(IpNet::from);
            let found = self.tables[arrival.ns].find(&flow, &known);
            for (mut context, found) in found {
                context.matches.from = None;
                let far = match found {
                    Found::Route(r) if r.kind == RouteType::Unicast => {
                        let on = LENDS.map(|key| self.facts[arrival.ns].on(arrival.device, key));
                        let far = |h: &NextHop| h.device.as_deref() != flow.incoming;
                        r.hops.iter().any(|h| if far(h) { on[0] } else { on[1] })
                    }
                    _ => false,
                };
                let net = context.matches.to.unwrap_or(whole(family));
                let trusted =
                    asker.is_none_or(|a| self.credible(arrival.ns, arrival.device, a, net.addr()));
                let next = if far && trusted {
                    self.enter(&arrival, family)
                } else {
                    self.silent(ns, device, net.addr(), segment)
                };
                let text = format!("{} dev {name}", show_net(net));
                fib.push(next.rule(context, Some(text.into()), origin));
            }
        }
    }

    /// A frame whose destination was changed on its way into a bridge stays on the bridge.
    pub(super) fn redirected(&mut self, ns: Ns, env: &Env, hop: Hop) -> Next {
        let Some(gateway) = hop.gateway else {
            return self.redirect_each(ns, env, hop);
        };
        self.redirect_to(ns, env, hop, gateway)
    }

    /// By destination: a stage of its own.
    fn redirect_each(&mut self, ns: Ns, env: &Env, hop: Hop) -> Next {
        Next::to(self.stage(Key::Redirected(ns, hop.device, env.clone())))
    }

    /// By destination, on the link of the bridge.
    pub(super) fn redirects(&mut self, ns: Ns, device: Device, env: &Env) -> Fib {
        let segment = self.segment(ns, device);
        let own = self.facts[ns].interface(device);
        let (name, origin) = (own.name.clone(), own.origin);
        let hop = Hop {
            device,
            gateway: None,
        };
        let mut fib = Fib::new();
        let own_net = |a: &IpAddr| self.facts[ns].owns(*a);
        let mut wanted = self.candidates(&segment, env.family);
        wanted.retain(|a| !own_net(a));
        for address in wanted {
            let next = self.redirect_to(ns, env, hop, address);
            let context = Context::to(IpNet::from(address));
            fib.push(next.rule(context, Some(said(&name, address)), origin));
        }
        let next = self.silent(ns, device, env.family.loopback(), &segment);
        let all = Context::to(whole(env.family));
        fib.push(next.rule(all, Some(format!("dev {name}").into()), origin));
        fib
    }

    fn redirect_to(&mut self, ns: Ns, env: &Env, hop: Hop, address: IpAddr) -> Next {
        let (all, segment) = self.answering(ns, hop.device, address);
        if all.is_empty() || segment.hearsay {
            return self.silent(ns, hop.device, address, &segment);
        }
        let Way::Bridged(crossing, _) = env.way.clone() else {
            return Next::dies(DiscardReason::NoRoute);
        };
        let mut each = Vec::new();
        for arrival in all {
            let unsure = self.undiscovered(ns, hop.device, address, &arrival);
            each.push(unsure.unwrap_or_else(|| self.back(ns, env, hop.device, &crossing, arrival)));
        }
        self.choice(ns, each)
    }

    /// Out by a port of the bridge, unless that is the one it came in by and may not go back.
    fn back(
        &mut self,
        ns: Ns,
        env: &Env,
        bridge: Device,
        crossing: &super::stage::Crossing,
        arrival: Arrival,
    ) -> Next {
        let Some(out) = self.port_toward(ns, bridge, &arrival) else {
            return Next::dies(DiscardReason::Neighbour);
        };
        let facts = &self.facts[ns];
        let port = facts.interface(out);
        if let Some(from) = env.port {
            let place = port.port.origin.unwrap_or(port.origin);
            if from == out && !port.port.hairpin {
                let why = "a frame may not leave by the port it came in by".to_owned();
                let next = Next::dies_as(DiscardReason::Neighbour, why);
                return next.saying(&format!("bridge port {}: hairpin off", port.name), place);
            }
            if from != out && facts.interface(from).port.isolated && port.port.isolated {
                let why = format!(
                    "bridge ports {} and the one it came by are isolated",
                    port.name
                );
                let next = Next::dies_as(DiscardReason::Neighbour, why);
                return next.saying(&format!("bridge port {}: isolated", port.name), place);
            }
        }
        let mut env = env.clone();
        let mut crossing = crossing.clone();
        crossing.out = Some(if facts.asks_ports { out } else { bridge });
        env.way = Way::Bridged(crossing, arrival);
        self.bridged(ns, env, bridge)
    }

    /// The port of a bridge behind which a frame arrives.
    fn port_toward(&mut self, ns: Ns, bridge: Device, arrival: &Arrival) -> Option<Device> {
        let name = self.facts[ns].interface(bridge).name.clone();
        let ports: Vec<Device> = (0..self.facts[ns].ns.interfaces.len())
            .filter(|d| self.facts[ns].interface(*d).master.as_deref() == Some(name.as_str()))
            .collect();
        ports.into_iter().find(|port| {
            let behind = self.segment(ns, *port);
            let mut all = behind.arrivals.iter();
            all.any(|a| a.ns == arrival.ns && a.device == arrival.device)
        })
    }
}

/// `10.1.1.11 dev cni0`.
fn said(device: &str, address: IpAddr) -> Arc<str> {
    format!("{address} dev {device}").into()
}
