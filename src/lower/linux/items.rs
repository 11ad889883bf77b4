//! Which chains are asked at a hook, in which order, and where the one place of translation is among them.
//!
//! Must never know: what rules test, how a message travels.

use std::collections::BTreeMap;

use crate::model::inet::Family;
use crate::model::linux::{ChainFamily, Effect, FirewallRule, Hook, NetNs};

/// A chain of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// A base chain, by its index.
    Chain(usize),
    /// A base chain that translates; the first of a hook also undoes for answers. None: it only undoes.
    Nat(Option<usize>),
}

/// Priority of the one place of a hook where the kernel translates.
fn translating(hook: Hook) -> i32 {
    match hook {
        Hook::Prerouting | Hook::Output => -100,
        _ => 100,
    }
}

/// What is asked at each hook of a namespace that translates (sources, destinations).
pub(super) fn hooks(
    ns: &NetNs,
    (sources, destinations): (bool, bool),
) -> BTreeMap<(Family, Hook), Vec<Item>> {
    let mut all = BTreeMap::new();
    for family in [Family::V4, Family::V6] {
        for hook in [
            Hook::Prerouting,
            Hook::Input,
            Hook::Forward,
            Hook::Output,
            Hook::Postrouting,
        ] {
            let mut items: Vec<(i32, i32, usize, Item)> = Vec::new();
            for (i, chain) in ns.chains.iter().enumerate() {
                let seen = match chain.family {
                    ChainFamily::V4 => family == Family::V4,
                    ChainFamily::V6 => family == Family::V6,
                    ChainFamily::Both => true,
                    ChainFamily::Link => false,
                };
                let Some(base) = chain.base.as_ref().filter(|b| seen && b.hook == hook) else {
                    continue;
                };
                // Nothing to ask, nothing to decide.
                if base.accepts && chain.rules.iter().all(idle) {
                    continue;
                }
                items.push(if base.kind == "nat" {
                    (translating(hook), base.priority, i, Item::Nat(Some(i)))
                } else {
                    (base.priority, 0, i, Item::Chain(i))
                });
            }
            let undoes = match hook {
                Hook::Prerouting | Hook::Output => sources,
                Hook::Postrouting | Hook::Input => destinations,
                _ => false,
            };
            if undoes && !items.iter().any(|i| matches!(i.3, Item::Nat(_))) {
                items.push((translating(hook), 0, 0, Item::Nat(None)));
            }
            items.sort_by_key(|&(p, q, i, _)| (p, q, i));
            let items: Vec<Item> = items.into_iter().map(|i| i.3).collect();
            all.insert((family, hook), items);
        }
    }
    all
}

/// Whether a rule does nothing.
fn idle(rule: &FirewallRule) -> bool {
    rule.effects
        .iter()
        .all(|e| matches!(e, Effect::Nothing | Effect::Return))
}
