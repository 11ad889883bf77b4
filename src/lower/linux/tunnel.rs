//! Tunnels: which neighbour is behind which outer address, and where the outer message gets to.
//!
//! Source: `vxlan_core.c`, `ip_tunnel.c`. The outer message is followed, as a concrete one, through the stages of the
//! underlay. Must never know: inner headers.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::cluster::Match;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet, Protocol};
use crate::model::linux::{ForwardingEntry, LinkKind};
use crate::network::fib::{Action, DiscardReason, Fib, FibRule, State};

use super::context::{Context, whole};
use super::stage::{Arrival, Builder, Device, Key, Next, Ns, Segment};
use super::walk::unmodelled;

/// Where an outer message gets to.
pub(super) type End = Result<(Ns, Device), Next>;

/// An outer header. Without a protocol it is one of those that carry packets themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outer {
    protocol: Option<Protocol>,
    source: IpAddr,
    source_port: u16,
    destination: IpAddr,
    destination_port: u16,
}

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
                let ends = self.encapsulated(ns, device, gateway);
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
        let fixed = facts
            .ns
            .neighbours
            .iter()
            .find(|n| !n.proxy && n.device == own.name && n.address == neighbour);
        let Some(fixed) = fixed else {
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
            Some(mac),
            &mut waiting,
            &mut segment,
        );
        let beyond = self.flood(waiting.into_iter().collect(), Some(mac));
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
            ..
        } = own.kind
        else {
            return Vec::new();
        };
        let entries = self.entries(ns, device, mac);
        let mut remotes: Vec<IpAddr> = entries.iter().filter_map(|e| e.destination).collect();
        if remotes.is_empty() {
            remotes.extend(remote);
        }
        remotes.retain(|a| !a.is_multicast());
        let mut all = Vec::new();
        for remote in remotes {
            let Some(source) = local.or_else(|| self.source(ns, remote)) else {
                all.push(Err(Next::dies(DiscardReason::NoRoute)));
                continue;
            };
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
    fn encapsulated(&mut self, ns: Ns, device: Device, gateway: Option<IpAddr>) -> Vec<End> {
        let own = self.facts[ns].interface(device);
        let LinkKind::Tunnel {
            kind,
            local,
            remote,
        } = own.kind.clone()
        else {
            return Vec::new();
        };
        let Some(remote) = remote.filter(|a| !a.is_unspecified()).or(gateway) else {
            let why = format!("tunnel {} has no far end", own.name);
            return vec![Err(Next::dies_as(DiscardReason::Neighbour, why))];
        };
        let local = local.filter(|a| !a.is_unspecified());
        let Some(source) = local.or_else(|| self.source(ns, remote)) else {
            return vec![Err(Next::dies(DiscardReason::NoRoute))];
        };
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
            let fits = |exact: bool| {
                there.ns.interfaces.iter().position(|i| {
                    let LinkKind::Tunnel {
                        kind: of,
                        local,
                        remote,
                    } = &i.kind
                    else {
                        return false;
                    };
                    let is = |a: &Option<IpAddr>, b: IpAddr| match a.filter(|a| !a.is_unspecified())
                    {
                        Some(a) => a == b,
                        None => !exact,
                    };
                    *of == kind
                        && i.up
                        && is(remote, header.source)
                        && is(local, header.destination)
                })
            };
            let at = fits(true).or_else(|| fits(false));
            at.map(|at| (other, at)).ok_or_else(|| {
                let why = format!("{} has no tunnel of kind {kind} for it", there.ns.name);
                Next::dies_as(DiscardReason::Neighbour, why)
            })
        });
        ends.collect()
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

    /// Follows an outer message from a namespace to the sockets that it meets, or to where it dies.
    fn follow(&mut self, ns: Ns, outer: Outer) -> Vec<Result<(Ns, Outer), Next>> {
        let first = self.stage(Key::Send(ns));
        let mut waiting = vec![(first, outer, 0_u32)];
        let mut ends = Vec::new();
        while let Some((at, header, hops)) = waiting.pop() {
            if let Key::Socket(other) = self.drafts[(at.0 - self.first) as usize].key {
                ends.push(Ok((other, header)));
                continue;
            }
            if hops > 256 || ends.len() > 64 {
                ends.push(Err(lost("it loops", None)));
                continue;
            }
            let Some(fib) = self.fib(at) else {
                ends.push(Err(unmodelled("a tunnel through itself")));
                continue;
            };
            let Some(rule) = fib.iter().find(|r| holds(r, &header)).cloned() else {
                ends.push(Err(lost("no rule is for it", None)));
                continue;
            };
            match &rule.action {
                Action::Forward(next) => waiting.push((*next, header, hops + 1)),
                Action::Choose(all) => {
                    waiting.extend(all.iter().rev().map(|n: &EntityId| (*n, header, hops + 1)));
                }
                Action::Translate(ways) => {
                    for way in ways {
                        let mut header = header;
                        header.source = way.source.unwrap_or(header.source);
                        header.source_port = way.source_port.unwrap_or(header.source_port);
                        header.destination = way.destination.unwrap_or(header.destination);
                        let port = way.destination_port;
                        header.destination_port = port.unwrap_or(header.destination_port);
                        waiting.push((at, header, hops + 1));
                    }
                }
                Action::Discard(reason) => {
                    // A firewall's rules about other protocols are not read.
                    let unknown = header.protocol.is_none()
                        && matches!(reason, DiscardReason::Drop | DiscardReason::Reject);
                    ends.push(Err(if unknown {
                        unmodelled("whether a firewall lets the tunnel through")
                    } else {
                        died(reason.clone(), &rule)
                    }));
                }
                Action::Deliver(_) => ends.push(Err(lost("a process takes it", None))),
            }
        }
        ends
    }
}

impl Next {
    /// Why it is not known what happens, if it is not.
    pub(super) fn unmodelled(&self) -> Option<&str> {
        match &self.action {
            Action::Discard(DiscardReason::Unmodelled(why)) => Some(why),
            _ => None,
        }
    }
}

fn lost(why: &str, rule: Option<&FibRule>) -> Next {
    let mut next = Next::dies_as(
        DiscardReason::Neighbour,
        format!("the outer message: {why}"),
    );
    next.said = rule.and_then(|r| Some((r.text.clone()?, r.origin)));
    next
}

fn died(reason: DiscardReason, rule: &FibRule) -> Next {
    let mut next = lost("it dies on its way", Some(rule));
    if let Some(why) = &rule.why {
        next.why = Some(format!("the outer message: {why}").into());
    }
    next.action = Action::Discard(reason);
    next
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

fn holds(rule: &FibRule, header: &Outer) -> bool {
    let Match {
        from,
        from_ports,
        to,
        to_ports,
        protocol,
    } = &rule.matches;
    let ports = from_ports.is_some() || to_ports.is_some();
    rule.state.is_none_or(|s| s == State::New)
        && protocol.is_none_or(|p| Some(p) == header.protocol)
        && from.is_none_or(|net| net.contains(&header.source))
        && to.is_none_or(|net| net.contains(&header.destination))
        && !(ports && header.protocol.is_none())
        && from_ports
            .as_ref()
            .is_none_or(|p| p.contains(header.source_port))
        && to_ports
            .as_ref()
            .is_none_or(|p| p.contains(header.destination_port))
}
