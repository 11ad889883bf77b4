//! The life of a message in a namespace: which hooks it passes, and what comes after each.
//!
//! Source: `ip_input.c`, `ip_forward.c`, `ip_output.c`, `br_netfilter_hooks.c`. Must never know: what chains say, how a
//! route is found.

use crate::model::inet::Family;
use crate::model::linux::{Hook, LinkKind, Strange};
use crate::network::fib::DiscardReason;

use super::items::Item;
use super::next::Next;
use super::stage::{Arrival, Builder, Crossing, Cursor, Device, Env, Key, Ns, Way};

impl Builder<'_> {
    /// In by a device, or first through the bridges on the way whose frames pass the chains.
    pub(super) fn enter(&mut self, arrival: &Arrival, family: Family) -> Next {
        if let Some(deaf) = self.facts[arrival.ns].deaf(family, arrival.device) {
            return deaf;
        }
        for crossing in &arrival.crossings {
            let facts = &self.facts[crossing.ns];
            let ports = [Some(crossing.port), crossing.out];
            let mut ports = ports.into_iter().flatten();
            let strange = ports.find_map(|p| facts.strange_at(p));
            if let Some(strange) = strange.or_else(|| facts.strange_on(family, crossing.bridge)) {
                return stopped(strange);
            }
        }
        let mut rest = arrival.clone();
        // A bridge whose frames pass no chain is a wire.
        rest.crossings
            .retain(|c| self.facts[c.ns].calls(family, c.bridge));
        if rest.crossings.is_empty() {
            let Arrival { ns, device, .. } = rest;
            let env = Env::new(family, Some(self.alike[ns][device]));
            return self.at(ns, Hook::Prerouting, 0, env);
        }
        let mut crossing = rest.crossings.remove(0);
        let ns = crossing.ns;
        let facts = &self.facts[ns];
        let mut env = Env::new(family, Some(self.alike[ns][crossing.bridge]));
        let (sources, destinations) = facts.translates();
        let port = facts.interface(crossing.port).port;
        // Only what may be sent back by the port it came from, or not, tells ports apart, and rules that name them.
        if facts.asks_ports || (sources || destinations) && (!port.hairpin || port.isolated) {
            env.port = Some(crossing.port);
        } else {
            crossing.port = crossing.bridge;
        }
        if !facts.asks_ports && crossing.out.is_some() {
            crossing.out = Some(crossing.bridge);
        }
        env.way = Way::Bridged(crossing, rest);
        self.at(ns, Hook::Prerouting, 0, env)
    }

    /// From an item of a hook on.
    pub(super) fn at(&mut self, ns: Ns, hook: Hook, item: usize, env: Env) -> Next {
        if let Some(strange) = self.facts[ns].ns.unmodelled.first() {
            return stopped(strange);
        }
        let mut item = item;
        loop {
            let items = self.facts[ns].hook(env.family, hook);
            let Some(found) = items.get(item).copied() else {
                return self.after(ns, hook, env);
            };
            // What stays inside was translated where it was sent.
            let inside = env.way == Way::Loop && matches!(hook, Hook::Prerouting | Hook::Input);
            let key = match found {
                Item::Nat(_) if inside || env.untracked => {
                    item += 1;
                    continue;
                }
                Item::Nat(_) => Key::Nat(ns, hook, item, env),
                Item::Chain(chain) => Key::Walk(Box::new(Cursor {
                    ns,
                    hook,
                    item,
                    stack: vec![(chain, 0)],
                    pace: self.pace(ns, chain, &env),
                    context: super::context::Context::default(),
                    env,
                })),
            };
            return Next::to(self.stage(key));
        }
    }

    /// The first item of a hook that does not translate, after those that do.
    pub(super) fn beyond(&self, ns: Ns, hook: Hook, family: Family, item: usize) -> usize {
        let items = self.facts[ns].hook(family, hook);
        let rest = items.iter().skip(item);
        item + rest.take_while(|i| matches!(i, Item::Nat(_))).count()
    }

    /// All chains of a hook have let it pass.
    fn after(&mut self, ns: Ns, hook: Hook, mut env: Env) -> Next {
        match (hook, env.way.clone()) {
            (Hook::Prerouting, Way::Loop) => self.at(ns, Hook::Input, 0, env),
            (Hook::Prerouting, Way::Bridged(crossing, _)) => {
                if env.changed || crossing.out.is_none() {
                    env.way = if env.changed {
                        // Where the frame was to go is of no account any more.
                        let (bridge, out) = (crossing.bridge, None);
                        let rest = Arrival {
                            ns,
                            device: bridge,
                            crossings: Vec::new(),
                        };
                        let port = bridge;
                        let crossing = Crossing {
                            ns,
                            bridge,
                            port,
                            out,
                        };
                        Way::Bridged(crossing, rest)
                    } else {
                        Way::Routed
                    };
                    return self.arrived(ns, env);
                }
                self.bridged(ns, env, crossing.bridge)
            }
            (Hook::Prerouting, Way::Routed) => self.arrived(ns, env),
            (Hook::Forward, _) => self.at(ns, Hook::Postrouting, 0, env),
            (Hook::Output, _) => {
                let next = Next::to(self.stage(Key::Sent(ns, env.clone())));
                self.unless_parted(ns, &env, next)
            }
            (Hook::Postrouting, Way::Loop) => {
                env.incoming = self.facts[ns].loopback().map(|d| self.alike[ns][d]);
                env.outgoing = None;
                self.at(ns, Hook::Prerouting, 0, env)
            }
            (Hook::Postrouting, Way::Bridged(_, rest)) => self.enter(&rest, env.family),
            (Hook::Postrouting, Way::Routed) => match env.hop {
                Some(hop) => self.egress(ns, hop, env.family),
                None => Next::to(self.stage(Key::Leaving(ns, env.family))),
            },
            (Hook::Input | Hook::Other, _) => Next::to(self.stage(Key::Socket(ns))),
        }
    }

    /// A frame goes on through a bridge: the chains of FORWARD, then those of POSTROUTING.
    pub(super) fn bridged(&mut self, ns: Ns, mut env: Env, bridge: Device) -> Next {
        let facts = &self.facts[ns];
        env.incoming = Some(facts.named(bridge));
        env.outgoing = Some(facts.leaving(bridge));
        env.changed = false;
        if !facts.asks_ports {
            env.port = None;
        }
        self.at(ns, Hook::Forward, 0, env)
    }

    /// Taken from the wire: first whether it may have come this way.
    fn arrived(&mut self, ns: Ns, mut env: Env) -> Next {
        if env.way == Way::Routed {
            env.port = env.port.filter(|_| self.facts[ns].asks_ports);
            env.changed = false;
        }
        let device = env.incoming.unwrap_or_default();
        let checked = env.family == Family::V4 && self.facts[ns].reverse_path(device).0 > 0;
        let next = Next::to(self.stage(if checked {
            Key::Check(ns, env.clone())
        } else {
            Key::Arrived(ns, env.clone())
        }));
        self.unless_parted(ns, &env, next)
    }

    /// For each device the first that nothing tells apart from it when a message comes in by it.
    pub(super) fn arriving(&self, ns: Ns) -> Vec<Device> {
        let facts = &self.facts[ns];
        let translates = facts.translates() != (false, false);
        let signature = |device: Device| {
            let own = facts.interface(device);
            let (strict, _) = facts.reverse_path(device);
            let bridge = matches!(own.kind, LinkKind::Bridge { .. }) && translates;
            let named: Vec<bool> = self.tables[ns].devices().map(|n| n == own.name).collect();
            let switch = |key: &'static str| facts.either(device, key).map(|v| v.0);
            (
                facts.named(device),
                strict,
                (strict == 1 || bridge || own.kind == LinkKind::Loopback).then_some(device),
                facts.forwards(Family::V4, device).0,
                named,
                (
                    switch("route_localnet"),
                    switch("accept_local"),
                    switch("src_valid_mark"),
                ),
            )
        };
        let all: Vec<_> = (0..facts.ns.interfaces.len()).map(signature).collect();
        let first = |s| all.iter().position(|t| t == s).unwrap_or_default();
        all.iter().map(first).collect()
    }
}

/// What becomes of it is not modelled.
fn stopped(strange: &Strange) -> Next {
    let next = Next::dies(DiscardReason::Unmodelled(strange.what.clone()));
    next.saying(&strange.what, strange.origin)
}
