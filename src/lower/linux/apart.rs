//! Which chains tell the first packet of a connection from the later ones.
//!
//! Knows: tests and effects of their rules, and of chains they lead to. Must never know: stages, how a message travels.

use crate::model::linux::{Chain, CtState, Effect, FirewallRule, NetNs, Tested};

/// What the rules of a chain look at, and of those it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Apart {
    /// The state of the connection, where that of the first packet and that of later ones are not one; marks that it got.
    pub(super) tells: bool,
    /// Flags of TCP, where later packets of one direction have others than the first.
    pub(super) flags: bool,
    /// The mark of a packet.
    pub(super) marks: bool,
}

impl Apart {
    fn with(self, other: Self) -> Self {
        Self {
            tells: self.tells || other.tells,
            flags: self.flags || other.flags,
            marks: self.marks || other.marks,
        }
    }
}

/// Of each chain of a namespace; `saves` tells that some rule saves marks of connections.
pub(super) fn apart(
    ns: &NetNs,
    saves: bool,
    find: impl Fn(&Chain, &str) -> Option<usize>,
) -> Vec<Apart> {
    let own = |rule: &FirewallRule| {
        let mut all = Apart::default();
        for test in &rule.tests {
            match &test.what {
                Tested::State(states) => {
                    let has = |state: CtState| states.contains(&state);
                    all.tells |= has(CtState::New) != has(CtState::Established);
                }
                Tested::Flags { .. } => all.flags = true,
                Tested::ConnMark { .. } => all.tells |= saves,
                Tested::Mark { .. } => all.marks = true,
                Tested::WayBack(way) => all.marks |= way.marked,
                _ => {}
            }
        }
        all
    };
    let mut all = vec![Apart::default(); ns.chains.len()];
    let mut leads: Vec<Vec<usize>> = vec![Vec::new(); ns.chains.len()];
    for (at, chain) in ns.chains.iter().enumerate() {
        let rules = chain.rules.iter();
        for rule in rules.filter(|r| r.effects.iter().any(|e| *e != Effect::Nothing)) {
            all[at] = all[at].with(own(rule));
            for effect in reached(ns, &rule.effects) {
                match effect {
                    Effect::SetMark { .. } => all[at].marks = true,
                    Effect::RestoreMark(_) => {
                        all[at].marks = true;
                        all[at].tells |= saves;
                    }
                    Effect::Jump(name) | Effect::Goto(name) => {
                        leads[at].extend(find(chain, name));
                    }
                    _ => {}
                }
            }
        }
        leads[at].sort_unstable();
        leads[at].dedup();
    }
    // What a chain leads to is often written after it.
    let mut changed = true;
    while changed {
        changed = false;
        for at in (0..all.len()).rev() {
            let new = leads[at].iter().fold(all[at], |a, to| a.with(all[*to]));
            changed |= new != all[at];
            all[at] = new;
        }
    }
    all
}

/// The effects of a rule: also those of its choices, and of the elements of its maps.
fn reached<'s>(ns: &'s NetNs, effects: &'s [Effect]) -> Vec<&'s Effect> {
    let mut all: Vec<&Effect> = Vec::new();
    let mut waiting: Vec<&Effect> = effects.iter().collect();
    while let Some(effect) = waiting.pop() {
        match effect {
            Effect::OneOf(ways) => waiting.extend(ways.iter().flatten()),
            Effect::Map { set, .. } => {
                let elements = ns.sets.get(set).into_iter().flatten();
                waiting.extend(elements.flat_map(|e| &e.effects));
            }
            _ => all.push(effect),
        }
    }
    all
}
