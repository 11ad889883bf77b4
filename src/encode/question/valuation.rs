//! A pod that could be added under a valuation: its labels and ports, and how two of them go together.
//!
//! Must never know: what is asked.

use std::collections::BTreeMap;

use super::selection::{Added, Of};
use crate::model::cluster::NAME_LABEL;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::smt::term::{TermId, TermPool};

impl Added<'_> {
    /// The one node of the cluster.
    pub(super) fn only_node(&self) -> Option<EntityId> {
        match self.cluster.nodes.as_slice() {
            [node] => Some(node.id),
            _ => None,
        }
    }

    /// Whether a namespace is spoken of by this name.
    pub(super) fn names(&self, namespace: &str) -> bool {
        let names = self.values.get(&(Of::Namespace, NAME_LABEL.to_owned()));
        names.is_some_and(|all| all.contains_key(namespace))
    }

    /// Where both are in one namespace that is named, it has the same labels for both.
    pub(super) fn agrees(&self, other: &Self, pool: &mut TermPool) -> TermId {
        let name = (Of::Namespace, NAME_LABEL.to_owned());
        let (Some(own), Some(others)) = (self.values.get(&name), other.values.get(&name)) else {
            return pool.truth(true);
        };
        let mut same = Vec::new();
        for (key, has) in self.has.iter().filter(|(key, _)| key.0 == Of::Namespace) {
            let Some(too) = other.has.get(key) else {
                continue;
            };
            same.push(pool.iff(*has, *too));
            let values = self.values.get(key).into_iter().flatten();
            for (value, atom) in values {
                let too = other.values.get(key).and_then(|all| all.get(value));
                let too = too.copied().unwrap_or_else(|| pool.truth(false));
                same.push(pool.iff(*atom, too));
            }
            let others = other.values.get(key).into_iter().flatten();
            for (_, atom) in others.filter(|(v, _)| {
                let own = self.values.get(key);
                own.is_none_or(|all| !all.contains_key(*v))
            }) {
                same.push(pool.not(*atom));
            }
        }
        let same = pool.and(&same);
        let mut parts = Vec::new();
        for (name, atom) in own {
            if let Some(too) = others.get(name) {
                let both = pool.and(&[*atom, *too]);
                parts.push(pool.implies(both, same));
            }
        }
        pool.and(&parts)
    }

    /// Its labels, or its namespace's, under a valuation: a label with no value that is spoken of has a new one.
    pub(super) fn labels(
        &self,
        of: Of,
        truth: &mut dyn FnMut(TermId) -> bool,
    ) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        for ((whose, key), has) in &self.has {
            if *whose != of || !truth(*has) {
                continue;
            }
            let known = self.values.get(&(of, key.clone()));
            let mut known = known.into_iter().flatten();
            let value = known
                .find(|(_, atom)| truth(**atom))
                .map(|(v, _)| v.clone());
            let value = value.unwrap_or_else(|| self.new_value(of, key));
            labels.insert(key.clone(), value);
        }
        labels
    }

    fn new_value(&self, of: Of, key: &str) -> String {
        let known = self.values.get(&(of, key.to_owned()));
        let taken = |word: &String| {
            known.is_some_and(|k| k.contains_key(word))
                || key == NAME_LABEL && self.cluster.namespaces.iter().any(|n| n.name == *word)
        };
        let stem = if key == NAME_LABEL { "new" } else { "other" };
        let words = (1..).map(|n| {
            if n == 1 {
                stem.to_owned()
            } else {
                format!("{stem}-{n}")
            }
        });
        words.into_iter().find(|w| !taken(w)).unwrap_or_default()
    }

    /// Names of its ports under a valuation.
    pub(super) fn named_ports(
        &self,
        truth: &mut dyn FnMut(TermId) -> bool,
    ) -> Vec<(String, Protocol, TermId)> {
        let there = |(_, (has, _)): &(&(String, Protocol), &(TermId, TermId))| truth(*has);
        let named = self.ports.iter().filter(there);
        named
            .map(|((n, p), (_, number))| (n.clone(), *p, *number))
            .collect()
    }
}
