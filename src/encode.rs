//! From a network, a structure and a constraint to terms: the strategy `direct`, one symbolic query for all messages.
//!
//! Sees formula, structure and network, whichever front end filled them. Must never know: the simulator (it replays what
//! is found here), reports, a particular solver.
//!
//! # What is asserted, and why it is sound
//!
//! An [`Encoder`] collects *facts*: definitions of the names it introduces, each of which has exactly one solution for
//! any values of the *event variables* (sender and header) and *choices*, plus `honest(e)`, which says that the message
//! may be sent at all. So the facts are satisfiable exactly by the honest messages, each with what happens to it. A
//! constraint's clause `∀ x. A ⟹ B` gives the goal `A ∧ ¬B` over constants for `x`: the clause holds iff facts and goal
//! are unsatisfiable together, and it is vacuous iff facts and `A` are.
//!
//! * A message at hop *i* is at one switch: `at.i.S`. Hops are unrolled ([`path`]) to a bound K for which "still
//!   travelling after K hops, nothing repeated" is unsatisfiable; that is checked by the solver, never assumed.
//! * First match wins ([`fib`]): a rule fires iff it matches and no earlier rule with another outcome does.
//! * Static predicates ([`relation`]) are uninterpreted functions with their closed-world definition instantiated at
//!   every argument that occurs: a universal axiom would leave the decidable fragment, its instances do not.
//! * Addresses are bit-vectors with a family bit. Where all IPv6 constants of a cluster lie in `::/96` (a cluster without
//!   IPv6 has `::1` only), addresses beyond are all alike, and 32 bits hold a representative of them: see
//!   [`header::address_width`].

pub mod fib;
pub mod formula;
pub mod header;
pub mod path;
pub mod plain;
pub mod relation;
pub mod symbols;

use std::collections::BTreeMap;

use crate::logic::structure::Structure;
use crate::model::entity::{EntityId, EntityKind};
use crate::network::graph::Network;
use crate::smt::term::{Sort, TermId, TermPool};

/// Why something could not be put into terms; the verdict is then `unknown`, with this reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An inner quantifier ranges over the addresses or ports of an External, which are too many to list.
    #[error("`{0}` ranges over all addresses or ports of an external; quantify it by ∀ in front")]
    WideRange(String),
    /// An inner quantifier without a guard; the checker lets none through.
    #[error("`{0}` is not bound by a predicate")]
    Unguarded(String),
    /// A named entity that was not looked up.
    #[error("`{0}` was not looked up in the cluster")]
    Unbound(String),
}

/// Collects terms and facts about one cluster.
#[derive(Debug)]
pub struct Encoder<'c> {
    /// The terms.
    pub pool: TermPool,
    structure: &'c Structure,
    network: &'c Network,
    address_width: u32,
    entity_width: u32,
    facts: Vec<TermId>,
    decisions: fib::Cache,
    events: Vec<path::Event>,
}

impl<'c> Encoder<'c> {
    /// An encoder without events. `literals` are the addresses and prefixes that the constraints name.
    pub fn new(structure: &'c Structure, network: &'c Network, literals: &[ipnet::IpNet]) -> Self {
        let count = structure.entities.len().max(2);
        Self {
            pool: TermPool::new(),
            structure,
            network,
            address_width: header::address_width(structure, network, literals),
            entity_width: usize::BITS - (count - 1).leading_zeros(),
            facts: Vec::new(),
            decisions: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// The facts that were collected since the last call; all of them are asserted before any check.
    pub fn take_facts(&mut self) -> Vec<TermId> {
        std::mem::take(&mut self.facts)
    }

    fn fact(&mut self, fact: TermId) {
        if self.pool.as_truth(fact) != Some(true) {
            self.facts.push(fact);
        }
    }

    /// A named Boolean with its definition as a fact, so that terms stay shallow and SMT-LIB reads like the model.
    fn define(&mut self, name: &str, definition: TermId) -> TermId {
        if self.pool.as_truth(definition).is_some() {
            return definition;
        }
        let named = self.pool.variable(name, Sort::Bool);
        let fact = self.pool.iff(named, definition);
        self.fact(fact);
        named
    }

    /// An entity as a constant.
    fn entity(&mut self, id: EntityId) -> TermId {
        self.pool.bits(u128::from(id.0), self.entity_width)
    }

    /// `term` is one of these entities.
    fn is_one_of(&mut self, term: TermId, ids: &[EntityId]) -> TermId {
        let terms: Vec<TermId> = ids
            .iter()
            .map(|id| {
                let id = self.entity(*id);
                self.pool.eq(term, id)
            })
            .collect();
        self.pool.or(&terms)
    }

    /// A quantified entity: any of the universe, which is all but the outside switch (ids are canonical, it comes last).
    fn in_universe(&mut self, term: TermId) -> TermId {
        let count = self
            .structure
            .entities
            .iter()
            .filter(|row| row.kind() != EntityKind::Outside)
            .count();
        match count.checked_sub(1) {
            None => self.pool.truth(false),
            Some(last) => {
                let last = self.pool.bits(last as u128, self.entity_width);
                self.pool.ule(term, last)
            }
        }
    }
}
