//! Tunnels: which neighbour is behind which outer address, and where the outer message gets to.
//!
//! Source: `vxlan_core.c`, `ip_tunnel.c`. The outer message is followed, as a concrete one, through the stages of the
//! underlay. Must never know: inner headers.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::inet::{Family, IpNet, Protocol};
use crate::model::linux::{ForwardingEntry, LinkKind, NextHop, RouteType};
use crate::network::fib::{DiscardReason, Fib, FibRule};

use super::context::{Context, whole};
use super::frame::Frame;
use super::lookup::{Flow, Found};
use super::next::{Next, unmodelled};
use super::outer::Outer;
use super::stage::{Arrival, Builder, Device, Ns, Segment};

/// Where an outer message gets to.
pub(super) type End = Result<(Ns, Device), Next>;

/// The link-layer address that stands for all others.
const DEFAULT: &str = "00:00:00:00:00:00";

impl Builder<'_> {
    /// Into a tunnel, or over a link that a tunnel is part of.
    pub(super) fn tunnels(
        &mut self,
        ns: Ns,
        device: Device,
        gateway: Option<IpAddr>,
        family: Family,
    ) -> Fib {
        let own = self.facts[ns].interface(device);
        let origin = own.origin;
        match &own.kind {
            LinkKind::Vxlan { external: true, .. } => {
                let why = format!("device {}: something else says where to", own.name);
                vec![unmodelled(&why).rule(Context::default(), None, origin)]
            }
            LinkKind::Vxlan { .. } => match gateway {
                Some(gateway) => {
                    let (next, entry) = self.vxlan(ns, device, gateway, family);
                    vec![told(next, Context::default(), entry, origin)]
                }
                None => self.vxlan_link(ns, device, family),
            },
            LinkKind::Tunnel { .. } => {
                let ends = self.encapsulated(ns, device, gateway, family);
                let next = self.out_of(ns, ends, family);
                vec![next.rule(Context::default(), None, origin)]
            }
            _ => match gateway {
                Some(gateway) => {
                    let next = self.gateway(ns, device, gateway, family);
                    vec![next.rule(Context::default(), None, origin)]
                }
                None => self.linked(ns, device, family),
            },
        }
    }

    /// Every neighbour on a VXLAN device's link, by destination.
    fn vxlan_link(&mut self, ns: Ns, device: Device, family: Family) -> Fib {
        let own = self.facts[ns].interface(device);
        let (name, origin) = (own.name.clone(), own.origin);
        let segment = self.segment(ns, device);
        let mut wanted = self.candidates(&segment, family);
        let fixed = self.facts[ns].ns.neighbours.iter();
        wanted.extend(fixed.filter(|n| n.device == name).map(|n| n.address));
        let mut fib = Fib::new();
        for address in wanted.into_iter().filter(|a| Family::of(*a) == family) {
            let (next, entry) = self.vxlan(ns, device, address, family);
            fib.push(told(next, Context::to(IpNet::from(address)), entry, origin));
        }
        let why = format!("nobody on the link of {name} answers for the destination");
        let next = Next::dies_as(DiscardReason::Neighbour, why);
        let text = Some(format!("dev {name}").into());
        fib.push(next.rule(Context::to(whole(family)), text, origin));
        fib
    }

    /// To a neighbour on a VXLAN device's link.
    fn vxlan(
        &mut self,
        ns: Ns,
        device: Device,
        neighbour: IpAddr,
        family: Family,
    ) -> (Next, Option<ForwardingEntry>) {
        let facts = &self.facts[ns];
        let own = facts.interface(device);
        let Some(fixed) = facts.fixed(device, neighbour) else {
            return (self.gateway(ns, device, neighbour, family), None);
        };
        let Some(mac) = fixed.mac.clone() else {
            let why = format!("neighbour {neighbour} on {} has failed", own.name);
            return (Next::dies_as(DiscardReason::Neighbour, why), None);
        };
        let entry = self.entries(ns, device, Some(&mac)).into_iter().next();
        let ends = self.vxlan_ends(ns, device, Some(&mac));
        if ends.is_empty() {
            let why = format!("no forwarding entry of {} is for {mac}", own.name);
            return (Next::dies_as(DiscardReason::Neighbour, why), None);
        }
        let mut all = Vec::new();
        let mut lost = Vec::new();
        for end in ends {
            match end {
                Ok((other, at)) => {
                    let found = self.inner(other, at, &mac);
                    if found.arrivals.is_empty() {
                        let there = &self.facts[other];
                        let why = format!(
                            "{} takes it out of the tunnel, but {mac} is not the address of its {}",
                            there.ns.name,
                            there.interface(at).name
                        );
                        lost.push(Next::dies_as(DiscardReason::Neighbour, why));
                    }
                    for arrival in &found.arrivals {
                        all.push(self.enter(arrival, family));
                    }
                }
                Err(next) => lost.push(next),
            }
        }
        // Copies that get lost are of no account where one arrives.
        let all = if all.is_empty() { lost } else { all };
        (self.choice(ns, all), entry)
    }

    /// Where an inner frame gets to, out of a tunnel's device.
    fn inner(&mut self, ns: Ns, device: Device, mac: &str) -> Segment {
        let mut segment = Segment::default();
        let mut waiting = std::collections::VecDeque::new();
        self.arrive(
            ns,
            device,
            Vec::new(),
            Frame::To(mac),
            &mut waiting,
            &mut segment,
        );
        let beyond = self.flood(waiting.into_iter().collect(), Frame::To(mac));
        segment.arrivals.extend(beyond.arrivals);
        segment.arrivals.retain(|a| self.takes(a, mac));
        segment
    }

    /// The forwarding entries of a VXLAN device for a link-layer address, or for all.
    fn entries(&self, ns: Ns, device: Device, mac: Option<&str>) -> Vec<ForwardingEntry> {
        let facts = &self.facts[ns];
        let name = &facts.interface(device).name;
        let of = |mac: &str| -> Vec<ForwardingEntry> {
            let all = facts.ns.forwarding.iter();
            let all = all.filter(|e| {
                e.device == *name && e.master.is_none() && e.mac == mac && e.destination.is_some()
            });
            all.cloned().collect()
        };
        let own = mac.map(of).unwrap_or_default();
        if own.is_empty() { of(DEFAULT) } else { own }
    }

    /// The devices at the far ends of a VXLAN device, for frames to a link-layer address or to all.
    pub(super) fn vxlan_ends(&mut self, ns: Ns, device: Device, mac: Option<&str>) -> Vec<End> {
        let own = self.facts[ns].interface(device);
        let LinkKind::Vxlan {
            id,
            port,
            local,
            remote,
            below,
            ..
        } = &own.kind
        else {
            return Vec::new();
        };
        let (id, port, local, remote) = (*id, *port, *local, *remote);
        let entries = self.entries(ns, device, mac);
        let mut remotes: Vec<IpAddr> = entries.iter().filter_map(|e| e.destination).collect();
        if remotes.is_empty() {
            remotes.extend(remote);
        }
        let mut all = Vec::new();
        for remote in remotes {
            if remote.is_multicast() {
                all.push(Err(unmodelled("who is in a multicast group")));
                continue;
            }
            let Some(source) = local.or_else(|| self.source(ns, remote)) else {
                all.push(Err(Next::dies(DiscardReason::NoRoute)));
                continue;
            };
            if let Some(next) = self.astray(ns, below.as_deref(), source, remote) {
                all.push(Err(next));
                continue;
            }
            let outer = Outer {
                protocol: Some(Protocol::Udp),
                source,
                source_port: 49152,
                destination: remote,
                destination_port: port,
            };
            for end in self.follow(ns, outer) {
                all.push(end.and_then(|(other, header)| {
                    let there = &self.facts[other];
                    let mut devices = there.ns.interfaces.iter();
                    let at = devices.position(|i| {
                        i.up && matches!(i.kind, LinkKind::Vxlan { id: vni, port: at, .. }
                            if vni == id && at == header.destination_port)
                    });
                    at.map(|at| (other, at)).ok_or_else(|| {
                        let why = format!(
                            "{} has no VXLAN device with identifier {id} at port {port}",
                            there.ns.name
                        );
                        Next::dies_as(DiscardReason::Neighbour, why)
                    })
                }));
            }
        }
        all
    }

    /// The far ends of a tunnel without link-layer addresses.
    fn encapsulated(
        &mut self,
        ns: Ns,
        device: Device,
        gateway: Option<IpAddr>,
        family: Family,
    ) -> Vec<End> {
        let own = self.facts[ns].interface(device);
        let LinkKind::Tunnel {
            kind,
            local,
            remote,
            carries,
            sends,
            below,
            ..
        } = own.kind.clone()
        else {
            return Vec::new();
        };
        if !carries.contains(&family) {
            let what = match family {
                Family::V4 => "IPv4",
                Family::V6 => "IPv6",
            };
            let why = format!("tunnel {} of kind {kind} carries no {what}", own.name);
            return vec![Err(Next::dies_as(DiscardReason::Neighbour, why))];
        }
        let Some(remote) = remote.filter(|a| !a.is_unspecified()).or(gateway) else {
            let why = format!("tunnel {} has no far end", own.name);
            return vec![Err(Next::dies_as(DiscardReason::Neighbour, why))];
        };
        let local = local.filter(|a| !a.is_unspecified());
        let Some(source) = local.or_else(|| self.source(ns, remote)) else {
            return vec![Err(Next::dies(DiscardReason::NoRoute))];
        };
        if let Some(next) = self.astray(ns, below.as_deref(), source, remote) {
            return vec![Err(next)];
        }
        let outer = Outer {
            protocol: None,
            source,
            source_port: 0,
            destination: remote,
            destination_port: 0,
        };
        let ends = self.follow(ns, outer).into_iter();
        let ends = ends.map(|end| {
            let (other, header) = end?;
            let there = &self.facts[other];
            let fits = |exact: bool, alike: bool| {
                there.ns.interfaces.iter().position(|i| {
                    let LinkKind::Tunnel {
                        kind: of,
                        local,
                        remote,
                        carries,
                        takes,
                        ..
                    } = &i.kind
                    else {
                        return false;
                    };
                    let is = |a: &Option<IpAddr>, b: IpAddr| match a.filter(|a| !a.is_unspecified())
                    {
                        Some(a) => a == b,
                        None => !exact,
                    };
                    let same = *of == kind && *takes == sends && carries.contains(&family);
                    (same || !alike && *of != kind)
                        && i.up
                        && is(remote, header.source)
                        && is(local, header.destination)
                })
            };
            let at = fits(true, true).or_else(|| fits(false, true));
            at.map(|at| (other, at)).ok_or_else(|| {
                let there_is = fits(false, false).map(|at| &there.interface(at).name);
                if let Some(name) = there_is {
                    return unmodelled(&format!(
                        "whether {} takes it out of {name}, a tunnel of another kind",
                        there.ns.name
                    ));
                }
                let why = format!(
                    "{} has no tunnel of kind {kind} with the same ends, key and checksums for it",
                    there.ns.name
                );
                Next::dies_as(DiscardReason::Neighbour, why)
            })
        });
        ends.collect()
    }

    /// Outer messages of a device that is bound to another one by which their route does not lead.
    fn astray(&self, ns: Ns, below: Option<&str>, source: IpAddr, remote: IpAddr) -> Option<Next> {
        let below = below?;
        let flow = Flow {
            family: Family::of(remote),
            incoming: None,
            mark: 0,
            back: false,
        };
        let Found::Route(route) = self.tables[ns].one(&flow, Some(source), remote) else {
            return None;
        };
        let there = |h: &NextHop| h.device.as_deref() == Some(below);
        let astray = route.kind == RouteType::Unicast && !route.hops.iter().all(there);
        astray.then(|| {
            let why = format!("the outer message: its route does not lead over {below}");
            unmodelled(&why).saying(&route.text, route.origin)
        })
    }

    fn out_of(&mut self, ns: Ns, ends: Vec<End>, family: Family) -> Next {
        let mut all = Vec::new();
        for end in ends {
            all.push(match end {
                Ok((other, device)) => {
                    let arrival = Arrival {
                        ns: other,
                        device,
                        crossings: Vec::new(),
                    };
                    self.enter(&arrival, family)
                }
                Err(next) => next,
            });
        }
        self.choice(ns, all)
    }
}

/// The rule of a forwarding entry, where one says where to.
fn told(
    next: Next,
    context: Context,
    entry: Option<ForwardingEntry>,
    origin: crate::base::source::Span,
) -> FibRule {
    let Some(entry) = entry else {
        return next.rule(context, None, origin);
    };
    let destination = entry.destination.map(|d| format!(" dst {d}"));
    let text: Arc<str> = format!(
        "bridge fdb {} dev {}{}",
        entry.mac,
        entry.device,
        destination.unwrap_or_default()
    )
    .into();
    let mut next = next;
    if let Some((dead, _)) = next.said.take() {
        let why = next.why.take().unwrap_or_default();
        next.why = Some(format!("{why} ({dead})").into());
    }
    next.rule(context, Some(text), entry.origin)
}
