//! IPv6 neighbour discovery: whether the chains of a namespace may stop its messages.
//!
//! Source: `ndisc.c` (it passes the hooks as `ICMPv6`, unlike ARP), `nf_conntrack_proto_icmpv6.c` (it is not tracked). Coarse: one
//! answer for all neighbours; what is not sure is taken to stop. Must never know: stages, who asks whom.

use crate::base::source::Span;
use crate::model::inet::{Family, IpNet};
use crate::model::linux::{
    Chain, CtState, Discovery, Effect, FirewallRule, Fits, Hook, SetField, Tested,
};

use super::facts::Facts;
use super::items::Item;

/// What may stop a message of neighbour discovery.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// In words.
    pub(super) what: String,
    /// The rule or the policy.
    pub(super) origin: Span,
}

/// What may stop the messages of neighbour discovery in a namespace.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// Those that it sends and takes.
    pub(super) own: Option<Stop>,
    /// Those that its bridges hand on, where they pass the chains.
    pub(super) bridged: Option<Stop>,
}

/// Of a namespace.
pub(super) fn stops(facts: &Facts<'_>) -> Stops {
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let either = |ways: &[&[Hook]]| {
        let kinds: [fn(&Discovery) -> Fits; 2] = [|d| d.solicitation, |d| d.advertisement];
        let mut all = ways.iter().flat_map(|way| kinds.map(|kind| (*way, kind)));
        all.find_map(|(way, kind)| stop(facts, way, kind))
    };
    Stops {
        own: either(&[&[Prerouting, Input], &[Output, Postrouting]]),
        bridged: either(&[&[Prerouting, Forward, Postrouting]]),
    }
}

/// What may stop one kind of message on its way through some hooks.
fn stop(facts: &Facts<'_>, hooks: &[Hook], kind: fn(&Discovery) -> Fits) -> Option<Stop> {
    let mut walk = Walk {
        facts,
        kind,
        marked: false,
        left: 100_000,
    };
    for item in hooks.iter().flat_map(|h| facts.hook(Family::V6, *h)) {
        // Chains that translate are asked of what is tracked alone.
        let Item::Chain(at) = item else {
            continue;
        };
        let chain = &facts.ns.chains[*at];
        match walk.chain(chain, 0) {
            End::Stops(stop) => return Some(stop),
            End::On if chain.base.as_ref().is_some_and(|b| !b.accepts) => {
                return Some(told(chain, "policy DROP", chain.origin));
            }
            End::On | End::Accepted => {}
        }
    }
    None
}

/// How a walk through a chain ends.
enum End {
    /// It may be stopped.
    Stops(Stop),
    /// Surely accepted.
    Accepted,
    /// Perhaps on, after the chain.
    On,
}

/// What a rule leads to that fits.
enum Then {
    /// It may be stopped.
    Stops(Stop),
    /// Accepted.
    Accepted,
    /// Past the rest of the chain.
    Past,
    /// Perhaps so, perhaps on with the next rule.
    Leaks,
    /// On with the next rule.
    Next,
}

struct Walk<'f, 's> {
    facts: &'f Facts<'s>,
    kind: fn(&Discovery) -> Fits,
    /// It may have been given a mark.
    marked: bool,
    /// Rules that may still be looked at.
    left: u32,
}

impl Walk<'_, '_> {
    fn chain(&mut self, chain: &Chain, depth: usize) -> End {
        // Whether it may be past this chain already.
        let mut past = false;
        for rule in &chain.rules {
            if depth > 64 || self.left == 0 {
                return End::Stops(told(chain, "chains that do not end", chain.origin));
            }
            self.left -= 1;
            let fits = self.fits(rule);
            if fits == Fits::Never {
                continue;
            }
            match self.effects(chain, rule, &rule.effects, depth) {
                Then::Stops(stop) => return End::Stops(stop),
                Then::Accepted if fits == Fits::Always => {
                    return if past { End::On } else { End::Accepted };
                }
                Then::Past if fits == Fits::Always => return End::On,
                Then::Past | Then::Leaks => past = true,
                Then::Accepted | Then::Next => {}
            }
        }
        End::On
    }

    fn effects(
        &mut self,
        chain: &Chain,
        rule: &FirewallRule,
        effects: &[Effect],
        depth: usize,
    ) -> Then {
        for effect in effects {
            match effect {
                Effect::Accept => return Then::Accepted,
                Effect::Return => return Then::Past,
                Effect::Drop | Effect::Reject(_) | Effect::Unknown(_) => {
                    return Then::Stops(told(chain, &rule.text, rule.origin));
                }
                Effect::Jump(name) | Effect::Goto(name) => {
                    let Some(target) = self.facts.chain(chain, name) else {
                        return Then::Stops(told(chain, &rule.text, rule.origin));
                    };
                    let target = &self.facts.ns.chains[target];
                    match self.chain(target, depth + 1) {
                        End::Stops(stop) => return Then::Stops(stop),
                        End::Accepted => return Then::Accepted,
                        End::On if matches!(effect, Effect::Goto(_)) => return Then::Past,
                        End::On => {}
                    }
                }
                Effect::SetMark { .. } | Effect::RestoreMark(_) => self.marked = true,
                // Its elements are of other protocols.
                Effect::Map { fields, .. } if others(fields) => {}
                Effect::Map { set, .. } => {
                    let elements = self.facts.ns.sets.get(set);
                    let ways = elements.into_iter().flatten();
                    let ways: Vec<&[Effect]> = ways.map(|e| e.effects.as_slice()).collect();
                    if let Some(then) = self.any(chain, rule, &ways, depth) {
                        return then;
                    }
                }
                Effect::OneOf(ways) => {
                    let ways: Vec<&[Effect]> = ways.iter().map(Vec::as_slice).collect();
                    if let Some(then) = self.any(chain, rule, &ways, depth) {
                        return then;
                    }
                }
                Effect::Nothing
                | Effect::NoTrack
                | Effect::SetConnMark { .. }
                | Effect::SaveMark(_)
                | Effect::Dnat(_)
                | Effect::Snat(_)
                | Effect::Masquerade
                | Effect::Redirect(_) => {}
            }
        }
        Then::Next
    }

    /// One of these, or none: the worst of them, if any ends the walk through the chain.
    fn any(
        &mut self,
        chain: &Chain,
        rule: &FirewallRule,
        ways: &[&[Effect]],
        depth: usize,
    ) -> Option<Then> {
        let mut past = false;
        for way in ways {
            match self.effects(chain, rule, way, depth) {
                Then::Stops(stop) => return Some(Then::Stops(stop)),
                Then::Past | Then::Leaks => past = true,
                Then::Accepted | Then::Next => {}
            }
        }
        // That it may also go on with the next rule is looked at there.
        past.then_some(Then::Leaks)
    }

    /// Whether a message of neighbour discovery meets the tests of a rule.
    fn fits(&self, rule: &FirewallRule) -> Fits {
        let each = rule.tests.iter().map(|t| {
            let fits = self.test(&t.what, t.negated);
            match (t.negated, fits) {
                // What is said of protocols was judged as it was read.
                _ if matches!(
                    t.what,
                    Tested::Protocol(_) | Tested::SourcePort(_) | Tested::DestinationPort(_)
                ) =>
                {
                    Fits::Always
                }
                (true, Fits::Always) => Fits::Never,
                (true, Fits::Never) => Fits::Always,
                _ => fits,
            }
        });
        each.fold((self.kind)(&rule.discovery), Fits::min)
    }

    fn test(&self, what: &Tested, negated: bool) -> Fits {
        let sure = |fits: bool| if fits { Fits::Always } else { Fits::Never };
        match what {
            // It is not tracked.
            Tested::State(states) => {
                let translated = |s: &CtState| matches!(s, CtState::Snat | CtState::Dnat);
                if negated && states.iter().any(translated) {
                    Fits::Perhaps
                } else {
                    sure(states.contains(&CtState::Untracked))
                }
            }
            Tested::ConnMark { .. } if !negated => Fits::Never,
            Tested::Mark { value, .. } if !self.marked => sure(*value == 0),
            Tested::InDevice(names) | Tested::OutDevice(names)
                if names.iter().all(|n| n == "lo") =>
            {
                Fits::Never
            }
            Tested::Source(nets) | Tested::Destination(nets) => {
                let of = |n: &&IpNet| n.addr().is_ipv6();
                if nets.iter().filter(of).any(|n| n.prefix_len() == 0) {
                    Fits::Always
                } else if nets.iter().any(|n| of(&n) && !n.addr().is_loopback()) {
                    Fits::Perhaps
                } else {
                    Fits::Never
                }
            }
            Tested::InSet { set, fields } => {
                let empty = self.facts.ns.sets.get(set).is_some_and(Vec::is_empty);
                if empty || others(fields) {
                    Fits::Never
                } else {
                    Fits::Perhaps
                }
            }
            Tested::Sometimes { never: true, .. } => Fits::Never,
            Tested::Sometimes { always: true, .. } | Tested::Always => Fits::Always,
            _ => Fits::Perhaps,
        }
    }
}

/// Whether what is compared are protocols with ports: elements of other protocols.
fn others(fields: &[SetField]) -> bool {
    let ports = |f: &SetField| matches!(f, SetField::SourcePort | SetField::DestinationPort);
    fields.contains(&SetField::Protocol) && fields.iter().any(ports)
}

fn told(chain: &Chain, text: &str, origin: Span) -> Stop {
    let tool = if chain.iptables { "ip6tables" } else { "nft" };
    let (table, name) = (&chain.table, &chain.name);
    let what = format!("{tool} {table} {name}: {text}: it may stop IPv6 neighbour discovery");
    Stop { what, origin }
}
