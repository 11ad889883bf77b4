//! Routing as stages: what is sent from here, what came in.
//!
//! Source: `route.c` (`ip_route_input_slow`, `ip_route_output_key`). Must never know: how a route is found, what a hook asks,
//! the way back.

use std::sync::Arc;

use crate::model::inet::{Family, IpNet};
use crate::model::linux::{Hook, Route};
use crate::network::fib::{Action, DiscardReason, Fib, FibRule};

use super::context::{Context, whole};
use super::lookup::{Flow, Found};
use super::next::Next;
use super::stage::{Builder, Device, Env, Hop, Key, Ns, Way};

impl<'s> Builder<'s> {
    /// What the processes of a namespace send.
    pub(super) fn sends(&mut self, ns: Ns) -> Fib {
        let facts = &self.facts[ns];
        if let Some(strange) = facts.ns.unmodelled.first() {
            let next = Next::dies(DiscardReason::Unmodelled(strange.what.clone()));
            let text = Arc::from(strange.what.as_str());
            return vec![next.rule(Context::default(), Some(text), strange.origin)];
        }
        let mut fib = Fib::new();
        for family in self.families.clone() {
            let env = Env::new(family, None);
            // Where a rule exempts from connection tracking, what is sent is seen once the chains have said so.
            let facts = &self.facts[ns];
            let asked = facts.exempts || !facts.hook(family, Hook::Output).is_empty();
            self.outgoing(ns, &env, asked, &mut fib);
        }
        fib
    }

    /// Routing what is sent from here, before (`asked`) or after the chains of OUTPUT.
    pub(super) fn outgoing(&mut self, ns: Ns, env: &Env, asked: bool, fib: &mut Fib) {
        let flow = Flow {
            family: env.family,
            incoming: None,
            mark: env.routed,
            back: false,
        };
        let known = Context::to(whole(env.family));
        for (context, found) in self.tables[ns].find(&flow, &known) {
            let next = if let Some(reason) = found.refuses() {
                Next::dies(reason)
            } else if asked {
                self.asking(ns, env, found)
            } else {
                self.going(ns, env, found)
            };
            fib.push(self.said(ns, context, found, next, asked));
        }
    }

    /// To the chains of OUTPUT, which see the device.
    fn asking(&mut self, ns: Ns, env: &Env, found: Found<'s>) -> Next {
        let devices = match found.local() {
            Some(_) => self.facts[ns].loopback().into_iter().collect(),
            None => self
                .hops(ns, found)
                .iter()
                .map(|h| h.device)
                .collect::<Vec<_>>(),
        };
        let mut all = Vec::new();
        for device in devices {
            let mut env = env.clone();
            env.outgoing = Some(self.facts[ns].leaving(device));
            all.push(self.at(ns, Hook::Output, 0, env));
        }
        self.either(ns, found, all)
    }

    /// On from here: inside, or to the chains of POSTROUTING.
    fn going(&mut self, ns: Ns, env: &Env, found: Found<'s>) -> Next {
        let mut env = env.clone();
        (env.routed, env.changed) = (0, false);
        if found.local().is_some() {
            let lo = self.facts[ns].loopback();
            if let Some(down) = lo.map(|d| self.facts[ns].interface(d)).filter(|i| !i.up) {
                let why = "what is sent to an own address goes over lo, which is down".to_owned();
                let next = Next::dies_as(DiscardReason::NoRoute, why);
                return next.saying("lo is down", down.origin);
            }
            env.way = Way::Loop;
            env.outgoing = lo.map(|d| self.facts[ns].leaving(d));
            return self.at(ns, Hook::Postrouting, 0, env);
        }
        let mut all = Vec::new();
        for hop in self.hops(ns, found) {
            let env = self.toward(ns, &env, hop);
            all.push(self.at(ns, Hook::Postrouting, 0, env));
        }
        self.either(ns, found, all)
    }

    /// With the device it leaves by, and the next hop where it could not be found again.
    fn toward(&self, ns: Ns, env: &Env, hop: Hop) -> Env {
        let mut env = env.clone();
        env.outgoing = Some(self.facts[ns].leaving(hop.device));
        env.hop = Some(hop).filter(|_| {
            let facts = &self.facts[ns];
            let asked = [Hook::Forward, Hook::Postrouting];
            let asked = asked.iter().any(|h| !facts.hook(env.family, *h).is_empty());
            !asked || self.exact(ns, env.family)
        });
        env
    }

    /// Whether what follows a route must be remembered with it.
    fn exact(&self, ns: Ns, family: Family) -> bool {
        let facts = &self.facts[ns];
        let several = |i: &crate::model::linux::Interface| {
            let all = i.addresses.iter();
            let family = |a: &IpNet| Family::of(a.addr()) == family;
            all.filter(|a| !a.secondary && !a.unusable && family(&a.net))
                .count()
                > 1
        };
        !self.tables[ns].plain(family)
            || facts.translates().0 && facts.ns.interfaces.iter().any(several)
    }

    /// Routing what came in.
    pub(super) fn routes(&mut self, ns: Ns, env: &Env) -> Fib {
        let device = env.incoming.unwrap_or_default();
        let mut fib = Fib::new();
        self.martians(ns, env, device, &mut fib);
        let flow = Flow {
            family: env.family,
            incoming: Some(&self.facts[ns].interface(device).name),
            mark: env.mark,
            back: false,
        };
        let known = Context::to(whole(env.family));
        for (context, found) in self.tables[ns].find(&flow, &known) {
            let next = if let Some(reason) = found.refuses() {
                Next::dies(reason)
            } else if found.local().is_some() {
                let mut env = self.inside(ns, env);
                env.outgoing = None;
                self.at(ns, Hook::Input, 0, env)
            } else {
                let mut all = Vec::new();
                for hop in self.hops(ns, found) {
                    all.push(self.forward(ns, env, device, hop));
                }
                self.either(ns, found, all)
            };
            fib.push(self.said(ns, context, found, next, false));
        }
        fib
    }

    /// Routed: bridges and their ports are of no account any more.
    fn inside(&self, ns: Ns, env: &Env) -> Env {
        let mut env = env.clone();
        env.way = Way::Routed;
        env.changed = false;
        env.incoming = env.incoming.map(|d| self.facts[ns].named(d));
        env.port = env.port.filter(|_| self.facts[ns].asks_ports);
        env
    }

    fn forward(&mut self, ns: Ns, env: &Env, device: Device, hop: Hop) -> Next {
        if let Way::Bridged(crossing, _) = &env.way
            && crossing.bridge == hop.device
        {
            // Its destination was changed, and the new one is on the same bridge: it stays a frame.
            return match self.stays(ns, env.family, device) {
                Some(unsure) => unsure,
                None => self.redirected(ns, env, hop),
            };
        }
        let (forwards, at) = self.facts[ns].forwards(env.family, device);
        if !forwards {
            let next = Next::dies_as(
                DiscardReason::NoRoute,
                "it is not for this namespace, which does not forward".to_owned(),
            );
            let text = match env.family {
                Family::V4 => "net.ipv4.ip_forward = 0",
                Family::V6 => "net.ipv6.conf.all.forwarding = 0",
            };
            return next.saying(text, at.unwrap_or(self.facts[ns].ns.origin));
        }
        let env = self.inside(ns, env);
        let env = self.toward(ns, &env, hop);
        self.at(ns, Hook::Forward, 0, env)
    }

    /// Whether a frame whose destination was changed goes on though its namespace does not forward hangs on the kernel:
    /// of IPv4, older ones ask for the way as a sender would, newer ones drop it (`br_nf_pre_routing_finish`; 6.18 was tried).
    fn stays(&self, ns: Ns, family: Family, bridge: Device) -> Option<Next> {
        let (forwards, at) = self.facts[ns].forwards(family, bridge);
        if forwards || family == Family::V6 {
            return None;
        }
        let why = "it does not forward, and whether a frame whose destination was translated goes on within its bridge hangs on the kernel";
        let at = at.unwrap_or(self.facts[ns].ns.origin);
        let next = Next::dies(DiscardReason::Unmodelled(why.to_owned()));
        Some(next.saying("net.ipv4.ip_forward = 0", at))
    }

    /// What no host may send to another.
    fn martians(&mut self, ns: Ns, env: &Env, device: Device, fib: &mut Fib) {
        let facts = &self.facts[ns];
        let origin = facts.ns.origin;
        let loopback = env.family.loopback_net();
        let local = facts.either(device, "route_localnet");
        let allowed = env.family == Family::V4 && local.is_some_and(|v| v.0 != 0);
        let dies = |why: &str| Next::dies_as(DiscardReason::RpFilter, why.to_owned());
        if !allowed {
            let at = local.map_or(origin, |v| v.1);
            let text: Option<Arc<str>> = Some("martian source".into());
            let next = dies("loopback addresses are not taken from outside");
            fib.push(next.rule(Context::from(loopback), text, at));
            let text: Option<Arc<str>> = Some("martian destination".into());
            let next = dies("loopback addresses are not taken from outside");
            fib.push(next.rule(Context::to(loopback), text, at));
        }
        let accepts = facts.either(device, "accept_local");
        let accepts = accepts.is_some_and(|v| v.0 != 0);
        if env.family == Family::V4 && facts.reverse_path(device).0 == 0 {
            for own in facts.own().filter(|a| a.is_ipv4() && !loopback.contains(a)) {
                if !accepts {
                    let text: Option<Arc<str>> = Some("martian source".into());
                    let next = dies("its source is an address of this namespace itself");
                    fib.push(next.rule(Context::from(IpNet::from(own)), text, origin));
                }
            }
            // Where whole prefixes are local, they are no sources either.
            for &(net, at) in &facts.wide_local {
                if !accepts {
                    let text: Option<Arc<str>> = Some("martian source".into());
                    let next = dies("its source is local to this namespace");
                    fib.push(next.rule(Context::from(net), text, at));
                }
            }
        }
    }

    /// The next hop, after the chains: the destination alone says which.
    pub(super) fn leaves(&mut self, ns: Ns, family: Family) -> Fib {
        let flow = Flow {
            family,
            incoming: None,
            mark: 0,
            back: false,
        };
        let known = Context::to(whole(family));
        let mut fib = Fib::new();
        for (context, found) in self.tables[ns].find(&flow, &known) {
            let next = if let Some(reason) = found.refuses() {
                Next::dies(reason)
            } else {
                let mut all = Vec::new();
                for hop in self.hops(ns, found) {
                    all.push(self.egress(ns, hop, family));
                }
                self.either(ns, found, all)
            };
            fib.push(self.said(ns, context, found, next, false));
        }
        fib
    }

    /// The next hops of what is found.
    fn hops(&self, ns: Ns, found: Found<'s>) -> Vec<Hop> {
        let Found::Route(route) = found else {
            return Vec::new();
        };
        let alive = route.hops.iter().filter(|h| !h.dead);
        alive
            .filter_map(|h| {
                Some(Hop {
                    device: self.facts[ns].device(h.device.as_deref()?)?,
                    gateway: h.gateway,
                })
            })
            .collect()
    }

    fn either(&mut self, ns: Ns, found: Found<'s>, all: Vec<Next>) -> Next {
        if all.is_empty() {
            let route = found.shown().map_or("", |s| s.0);
            let why = format!("route {route}: its device is not in the dump");
            return Next::dies(DiscardReason::Unmodelled(why));
        }
        self.choice(ns, all)
    }

    /// The rule of a route. It is shown where this is its last word: where it leaves the namespace, or dies.
    fn said(&self, ns: Ns, context: Context, found: Found<'s>, next: Next, quiet: bool) -> FibRule {
        let (text, origin) = match found.shown() {
            Some((text, origin)) => (Some(Arc::from(text)), origin),
            None => (None, self.facts[ns].ns.origin),
        };
        let stays = match next.action {
            Action::Forward(to) => self.ns_of(to) == Some(ns) && !self.links(to),
            _ => false,
        };
        let text = text.filter(|_| !quiet && !stays);
        let mut next = next;
        if next.why.is_none()
            && let Found::Route(route) = found
        {
            next.why = self.hidden(ns, route).map(Into::into);
        }
        next.rule(context, text, origin)
    }

    /// The route with a worse metric that this one hides, in words.
    fn hidden(&self, ns: Ns, route: &Route) -> Option<String> {
        let other = self.tables[ns].hidden(route)?;
        Some(format!("it hides {}, whose metric is worse", other.text))
    }

    /// Whether a stage is one of neighbours on a link.
    fn links(&self, stage: crate::model::entity::EntityId) -> bool {
        let at = stage.0.checked_sub(self.first).map(|i| i as usize);
        let key = at.and_then(|i| self.drafts.get(i)).map(|d| &d.key);
        matches!(key, Some(Key::Link(..) | Key::Tunnel(..)))
    }

    /// The namespace of a stage.
    pub(super) fn ns_of(&self, stage: crate::model::entity::EntityId) -> Option<Ns> {
        let at = stage.0.checked_sub(self.first)? as usize;
        Some(self.drafts.get(at)?.key.ns())
    }
}
