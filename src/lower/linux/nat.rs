//! Translation: where the kernel does it, to what, and where it is undone for answers.
//!
//! Source: `nf_nat_core.c`, `nf_nat_masquerade.c`, `nf_nat_redirect.c`. Must never know: which rule says so.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::base::source::Span;
use crate::model::cluster::Match;
use crate::model::inet::{Family, IpNet, PortSet, Protocol};
use crate::model::linux::{Effect, Hook};
use crate::network::fib::{Action, DiscardReason, Fib, Rewrite, State};

use super::context::{Context, whole};
use super::items::Item;
use super::next::{Next, unmodelled};
use super::stage::{Builder, Change, Cursor, Device, Env, Key, Ns, Pace, Way};

impl Builder<'_> {
    /// The place of a hook where the kernel translates: what opens a connection is asked for, answers are not.
    pub(super) fn nats(&mut self, ns: Ns, hook: Hook, item: usize, env: &Env) -> Fib {
        let origin = self.facts[ns].ns.origin;
        let beyond = self.beyond(ns, hook, env.family, item);
        let on = self.at(ns, hook, beyond, env.clone());
        let mut fib = Fib::new();
        if self.undoes_bridged(ns, hook, env) {
            let undo = Next::to(self.stage(Key::Undo(ns, beyond, env.clone())));
            for address in self.sources(ns, env.family) {
                let answer =
                    Context::to(IpNet::from(address)).meet(&Context::state(State::Established));
                let answer = answer.unwrap_or_default();
                fib.push(undo.clone().rule(answer, None, origin));
            }
        }
        fib.push(
            on.clone()
                .rule(Context::state(State::Established), None, origin),
        );
        for protocol in [Protocol::Tcp, Protocol::Sctp] {
            // No connection is known, and none is opened: nothing is translated.
            let unseen = Context::state(State::Unseen).meet(&Context::protocol(protocol));
            fib.push(on.clone().rule(unseen.unwrap_or_default(), None, origin));
        }
        let items = self.facts[ns].hook(env.family, hook);
        if let Some(Item::Nat(Some(chain))) = items.get(item).copied() {
            let cursor = Cursor {
                ns,
                hook,
                item,
                stack: vec![(chain, 0)],
                pace: Pace::Alone,
                context: Context::default(),
                env: env.clone(),
            };
            self.walk(cursor, &mut fib);
        } else {
            fib.push(on.rule(Context::default(), None, origin));
        }
        fib
    }

    /// Whether answers are translated back at a stage: of sources (true) or of destinations (false).
    pub(super) fn undoing(&self, key: &Key) -> Option<bool> {
        let (sources, destinations) = self.facts[key.ns()].translates();
        match key {
            Key::Undo(..) => Some(true),
            Key::Nat(ns, hook, item, env) => {
                let items = self.facts[*ns].hook(env.family, *hook);
                let first = *item == 0 || !matches!(items.get(item - 1), Some(Item::Nat(_)));
                match hook {
                    _ if !first || self.undoes_bridged(*ns, *hook, env) => None,
                    Hook::Prerouting | Hook::Output => sources.then_some(true),
                    _ => destinations.then_some(false),
                }
            }
            _ => None,
        }
    }

    /// Among frames of a bridge it matters whether a destination was changed: a stage of its own undoes.
    fn undoes_bridged(&self, ns: Ns, hook: Hook, env: &Env) -> bool {
        hook == Hook::Prerouting
            && matches!(env.way, Way::Bridged(..))
            && self.facts[ns].translates().0
    }

    /// An answer to an address that sources are translated to: translated back, its destination is another.
    pub(super) fn undo(&mut self, ns: Ns, beyond: usize, env: &Env) -> Fib {
        let origin = self.facts[ns].ns.origin;
        let on = self.at(ns, Hook::Prerouting, beyond, env.clone());
        let mut changed = env.clone();
        changed.changed = true;
        let elsewhere = self.at(ns, Hook::Prerouting, beyond, changed);
        let mut fib = Fib::new();
        for address in self.sources(ns, env.family) {
            fib.push(
                on.clone()
                    .rule(Context::to(IpNet::from(address)), None, origin),
            );
        }
        fib.push(elsewhere.rule(Context::default(), None, origin));
        fib
    }

    /// Addresses that sources may be translated to.
    fn sources(&self, ns: Ns, family: Family) -> Vec<IpAddr> {
        let facts = &self.facts[ns];
        let rules = facts.ns.chains.iter().flat_map(|c| &c.rules);
        let given = rules.flat_map(|r| &r.effects).flat_map(|e| match e {
            Effect::Snat(all) => all.iter().filter_map(|(a, _)| *a).collect(),
            _ => Vec::new(),
        });
        let mut all: Vec<IpAddr> = facts.own().chain(given).collect();
        all.retain(|a| Family::of(*a) == family && !family.loopback_net().contains(a));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// A rule translates.
    pub(super) fn translated(
        &mut self,
        cursor: &Cursor,
        effect: &Effect,
        text: &Arc<str>,
        origin: Span,
    ) -> Next {
        let env = &cursor.env;
        let fits = |a: Option<IpAddr>| a.is_none_or(|a| Family::of(a) == env.family);
        let (source, targets) = match effect {
            Effect::Dnat(all) => (false, all.clone()),
            Effect::Snat(all) => (true, all.clone()),
            Effect::Redirect(port) => {
                let to = if cursor.hook == Hook::Output {
                    Some(match env.family {
                        Family::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
                        Family::V6 => env.family.loopback(),
                    })
                } else {
                    self.first_own(cursor.ns, env)
                };
                let Some(to) = to else {
                    return Next::dies(DiscardReason::Drop);
                };
                (false, vec![(Some(to), *port)])
            }
            _ => return self.masquerade(cursor, text, origin),
        };
        if targets.is_empty() || !targets.iter().all(|(a, _)| fits(*a)) {
            return unmodelled("a translation to an address of another family");
        }
        let mut all = Vec::new();
        for (address, port) in targets {
            let change = Change {
                source,
                address,
                port,
                text: Arc::clone(text),
                origin,
            };
            all.push(self.change(cursor, change));
        }
        self.choice(cursor.ns, all)
    }

    fn first_own(&self, ns: Ns, env: &Env) -> Option<IpAddr> {
        let own = self.facts[ns].interface(env.incoming?);
        let mut all = own.addresses.iter().map(|a| a.net.addr());
        all.find(|a| Family::of(*a) == env.family)
    }

    fn change(&mut self, cursor: &Cursor, change: Change) -> Next {
        let beyond = self.beyond(cursor.ns, cursor.hook, cursor.env.family, cursor.item);
        let env = cursor.env.clone();
        let (ns, hook, origin) = (cursor.ns, cursor.hook, change.origin);
        let same = Context::of(there(&change));
        let key = Key::Translate(ns, hook, beyond, env.clone(), change);
        let next = Next::to(self.stage(key));
        if !self.facts[ns].asks_translated {
            return next;
        }
        // The connection of what has the new header from the beginning does not count as translated.
        let on = self.at(ns, hook, beyond, env);
        let fib = vec![
            on.rule(same, None, origin),
            next.rule(Context::default(), None, origin),
        ];
        Next::to(self.list(ns, fib))
    }

    /// The source becomes an address of the device it leaves by.
    fn masquerade(&mut self, cursor: &Cursor, text: &Arc<str>, origin: Span) -> Next {
        let env = &cursor.env;
        let Some(device) = env.outgoing else {
            return unmodelled("MASQUERADE before it is known where to");
        };
        let ns = cursor.ns;
        let mut ways: Vec<(Option<IpNet>, Option<IpAddr>)> = Vec::new();
        if let Some(gateway) = env.hop.and_then(|h| h.gateway) {
            ways.push((None, self.selects(ns, device, gateway)));
        } else {
            let own = self.facts[ns].interface(device).addresses.iter();
            let own = own.filter(|a| !a.unusable && !a.secondary);
            let nets = own.map(|a| a.net.trunc());
            let mut nets: Vec<IpNet> = nets
                .filter(|n| Family::of(n.addr()) == env.family)
                .collect();
            if nets.len() < 2 {
                nets.clear();
            }
            for net in nets {
                ways.push((Some(net), self.selects(ns, device, net.addr())));
            }
            let any = whole(env.family).addr();
            ways.push((None, self.selects(ns, device, any)));
        }
        let mut fib = Fib::new();
        for (net, address) in ways {
            let next = match address {
                Some(address) => self.change(
                    cursor,
                    Change {
                        source: true,
                        address: Some(address),
                        port: None,
                        text: Arc::clone(text),
                        origin,
                    },
                ),
                None => Next::dies(DiscardReason::Drop),
            };
            let Some(net) = net else {
                if fib.is_empty() {
                    return next;
                }
                fib.push(next.rule(Context::default(), None, origin));
                continue;
            };
            fib.push(next.rule(Context::to(net), None, origin));
        }
        Next::to(self.list(ns, fib))
    }

    fn selects(&self, ns: Ns, device: Device, near: IpAddr) -> Option<IpAddr> {
        match near {
            IpAddr::V4(_) => self.facts[ns].select(device, Some(near), 0),
            IpAddr::V6(_) => self.facts[ns].select_v6(device, near),
        }
    }

    /// Being translated. What has the new header already is as good as translated.
    pub(super) fn translates(
        &mut self,
        ns: Ns,
        hook: Hook,
        item: usize,
        env: &Env,
        change: &Change,
    ) -> Fib {
        let mut after = env.clone();
        let asks = self.facts[ns].asks_translated;
        if change.source {
            after.translated.0 |= asks;
        } else {
            after.translated.1 |= asks;
            after.changed |= change.address.is_some() && hook == Hook::Prerouting;
            if hook == Hook::Output {
                after.routed = after.mark;
            }
        }
        let on = self.at(ns, hook, item, after);
        let part = |source: bool| (change.source == source).then_some(change);
        let rewrite = Rewrite {
            source: part(true).and_then(|c| c.address),
            source_port: part(true).and_then(|c| c.port),
            destination: part(false).and_then(|c| c.address),
            destination_port: part(false).and_then(|c| c.port),
            hairpin_source: None,
            target: None,
        };
        let translate = Next::of(Action::Translate(vec![rewrite]));
        let family = Context::to(whole(env.family));
        let why = "an answer to a datagram whose connection was not seen here would be translated";
        let text = Some(Arc::clone(&change.text));
        vec![
            on.rule(Context::of(there(change)), None, change.origin),
            translate.rule(family, text.clone(), change.origin),
            unmodelled(why).rule(Context::default(), text, change.origin),
        ]
    }
}

/// Messages that have the new address and port.
fn there(change: &Change) -> Match {
    let mut there = Match::default();
    let port = change.port.map(PortSet::one);
    let address = change.address.map(IpNet::from);
    if change.source {
        (there.from, there.from_ports) = (address, port);
    } else {
        (there.to, there.to_ports) = (address, port);
    }
    there
}
