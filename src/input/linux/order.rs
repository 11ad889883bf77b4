//! Chains that are asked at the same place of the kernel, with the same priority: which of them is asked first is in no
//! dump (the one that was made last).
//!
//! Knows: what two chains do that the other one could notice. Must never know: how a message passes a chain.

use std::collections::BTreeSet;

use super::scope::{Sets, meet, scope};
use crate::model::linux::{
    Base, Chain, ChainFamily, Effect, FirewallRule, Hook, Reach, Strange, Test, Tested,
};

/// Marks of messages and of connections.
const MARKS: u8 = 1;
/// Whether a connection is tracked.
const TRACKING: u8 = 2;

/// What the rules of a base chain, and of those that it jumps to, do.
#[derive(Debug, Default)]
struct Deeds {
    /// Anything beside letting pass and counting.
    decides: bool,
    /// What it changes that others may ask for.
    writes: u8,
    /// What it asks for.
    reads: u8,
    /// Translates.
    translates: bool,
    /// Otherwise than to the address that whoever is asked first would choose too, or drops.
    chooses: bool,
}

/// Notes the pairs of chains whose order decides.
pub(super) fn unordered(chains: &[Chain], sets: &Sets, unmodelled: &mut Vec<Strange>) {
    let bases: Vec<(&Chain, &Base, Deeds)> = chains
        .iter()
        .filter(|c| c.family != ChainFamily::Link)
        .filter_map(|c| Some((c, c.base.as_ref()?, deeds(c, chains, sets))))
        .filter(|(_, base, deeds)| base.hook != Hook::Other && deeds.decides)
        .collect();
    for (at, (one, base, own)) in bases.iter().enumerate() {
        for (other, beside, others) in &bases[at + 1..] {
            let apart = matches!(
                (one.family, other.family),
                (ChainFamily::V4, ChainFamily::V6) | (ChainFamily::V6, ChainFamily::V4)
            );
            // What chains ask that come after both.
            let after = bases.iter().filter(|(_, b, _)| b.hook == base.hook);
            let after = after.filter(|(_, b, _)| b.priority > base.priority.max(beside.priority));
            let after = after.fold(0, |all, (.., deeds)| all | deeds.reads);
            let unsaid = !apart
                && base.hook == beside.hook
                && decides((base, own), (beside, others), after)
                && !disjoint((one, base), (other, beside), chains, sets);
            if unsaid {
                unmodelled.push(Strange {
                    what: format!(
                        "chains {} of table {} and {} of table {} have the same priority: which one is asked first is not in the dump",
                        one.name, one.table, other.name, other.table
                    ),
                    reach: Reach::Messages,
                    origin: other.origin,
                });
            }
        }
    }
}

/// Whether it matters which one of two chains of a hook is asked first, and nothing says so.
fn decides((one, own): (&Base, &Deeds), (other, others): (&Base, &Deeds), after: u8) -> bool {
    let translating = |base: &Base| base.kind == "nat";
    match (translating(one), translating(other)) {
        // The first one that translates is the last one that is asked: of two that only masquerade it may be either.
        (true, true) => {
            one.priority == other.priority
                && (own.translates || others.translates)
                && (own.chooses || others.chooses || (own.writes | others.writes) & after != 0)
        }
        // All chains that translate are asked at one place of the kernel, whatever their own priority.
        (true, false) => other.priority == place(one.hook) && own.translates,
        (false, true) => one.priority == place(one.hook) && others.translates,
        // What one drops is dropped, whoever is asked first.
        (false, false) => {
            let both = own.writes & (others.reads | others.writes) | others.writes & own.reads;
            one.priority == other.priority && both != 0
        }
    }
}

/// Whether two chains that translate do nothing with the same message: each is asked before the other did anything to it.
fn disjoint(
    (one, base): (&Chain, &Base),
    (other, beside): (&Chain, &Base),
    chains: &[Chain],
    sets: &Sets,
) -> bool {
    base.kind == "nat"
        && beside.kind == "nat"
        && !meet(&scope(one, chains, sets), &scope(other, chains, sets))
}

/// The priority at which the kernel translates.
fn place(hook: Hook) -> i32 {
    match hook {
        Hook::Prerouting | Hook::Output => -100,
        _ => 100,
    }
}

fn deeds(base: &Chain, chains: &[Chain], sets: &Sets) -> Deeds {
    let drops = base.base.as_ref().is_some_and(|b| !b.accepts);
    let mut all = Deeds {
        decides: drops,
        chooses: drops,
        ..Deeds::default()
    };
    let mut seen: BTreeSet<&str> = BTreeSet::from([base.name.as_str()]);
    let mut waiting = vec![base];
    while let Some(chain) = waiting.pop() {
        for rule in &chain.rules {
            for test in &rule.tests {
                all.asks(test);
            }
            for effect in effects(rule, sets) {
                all.does(effect);
                let (Effect::Jump(name) | Effect::Goto(name)) = effect else {
                    continue;
                };
                let beside = chains.iter().find(|c| {
                    c.name == *name
                        && c.table == base.table
                        && c.family == base.family
                        && c.iptables == base.iptables
                });
                waiting.extend(beside.filter(|c| seen.insert(&c.name)));
            }
        }
    }
    all
}

/// All that a rule may do, what verdict maps say and choices lead to among it.
fn effects<'c>(rule: &'c FirewallRule, sets: &'c Sets) -> Vec<&'c Effect> {
    let mut all = Vec::new();
    let mut waiting: Vec<&Effect> = rule.effects.iter().collect();
    while let Some(effect) = waiting.pop() {
        match effect {
            Effect::OneOf(ways) => waiting.extend(ways.iter().flatten()),
            Effect::Map { set, .. } => {
                let elements = sets.get(set).into_iter().flatten();
                all.extend(elements.flat_map(|e| &e.effects));
            }
            _ => all.push(effect),
        }
    }
    all
}

impl Deeds {
    fn asks(&mut self, test: &Test) {
        self.reads |= match &test.what {
            Tested::Mark { .. } | Tested::ConnMark { .. } => MARKS,
            Tested::WayBack(way) if way.marked => MARKS,
            Tested::State(_) => TRACKING,
            _ => 0,
        };
    }

    fn does(&mut self, effect: &Effect) {
        self.decides |= !matches!(
            effect,
            Effect::Nothing | Effect::Accept | Effect::Return | Effect::Jump(_) | Effect::Goto(_)
        );
        match effect {
            Effect::SetMark { .. } | Effect::SetConnMark { .. } => self.writes |= MARKS,
            Effect::SaveMark(_) | Effect::RestoreMark(_) => {
                self.writes |= MARKS;
                self.reads |= MARKS;
            }
            Effect::NoTrack => self.writes |= TRACKING,
            Effect::Masquerade => self.translates = true,
            Effect::Dnat(_) | Effect::Snat(_) | Effect::Redirect(_) => {
                self.translates = true;
                self.chooses = true;
            }
            Effect::Drop | Effect::Reject(_) | Effect::Unknown(_) => self.chooses = true,
            _ => {}
        }
    }
}
