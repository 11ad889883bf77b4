//! Chains of a namespace by what they are called.
//!
//! Must never know: what is in them.

use std::collections::BTreeMap;

use crate::model::linux::{Chain, ChainFamily, NetNs};

/// Chains by family, table, whether iptables made them, and name.
pub(super) type Chains<'s> = BTreeMap<(ChainFamily, &'s str, bool, &'s str), usize>;

/// A chain of the same table as another.
pub(super) fn beside_of(chains: &Chains<'_>, beside: &Chain, name: &str) -> Option<usize> {
    let key = (beside.family, beside.table.as_str(), beside.iptables, name);
    chains.get(&key).copied()
}

/// The chains of a namespace.
pub(super) fn chains(ns: &NetNs) -> Chains<'_> {
    let key = |c: &'_ Chain| (c.family, c.iptables);
    let mut all = BTreeMap::new();
    for (i, chain) in ns.chains.iter().enumerate() {
        let (family, iptables) = key(chain);
        all.entry((family, chain.table.as_str(), iptables, chain.name.as_str()))
            .or_insert(i);
    }
    all
}
