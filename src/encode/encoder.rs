//! The encoder: what it has collected, and how names and entities become terms.
//!
//! Must never know: rules, paths, formulas; they are the other files of this folder.

use std::collections::BTreeMap;

use crate::logic::structure::{EntityRow, Structure};
use crate::model::entity::{EntityId, EntityKind};
use crate::network::graph::Network;
use crate::smt::term::{Sort, TermId, TermPool};

use super::decisions::Cache;
use super::domain::Domain;
use super::event::Event;
use super::gate_cache;
use super::header::SymHeader;

/// Collects terms and facts about one cluster.
#[derive(Debug)]
pub struct Encoder<'c> {
    /// The terms.
    pub pool: TermPool,
    pub(super) structure: &'c Structure,
    pub(super) network: &'c Network,
    /// What the bits of addresses and ports stand for.
    pub domain: Domain,
    pub(super) entity_width: u32,
    facts: Vec<TermId>,
    pub(super) decisions: Cache,
    pub(super) gates: gate_cache::Cache,
    /// By slot, namespace, and the answer's header there.
    pub(super) established: BTreeMap<(usize, EntityId, SymHeader), TermId>,
    pub(super) events: Vec<Event>,
}

impl<'c> Encoder<'c> {
    /// An encoder without events.
    pub fn new(structure: &'c Structure, network: &'c Network, domain: Domain) -> Self {
        // No term speaks of a stage; ids are canonical, stages come last.
        let kinds = structure.entities.iter().map(EntityRow::kind);
        let count = kinds.filter(|k| *k != EntityKind::Stage).count().max(2);
        Self {
            pool: TermPool::new(),
            structure,
            network,
            domain,
            entity_width: usize::BITS - (count - 1).leading_zeros(),
            facts: Vec::new(),
            decisions: BTreeMap::new(),
            gates: gate_cache::Cache::default(),
            established: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// The facts that were collected since the last call; all of them are asserted before any check.
    pub fn take_facts(&mut self) -> Vec<TermId> {
        std::mem::take(&mut self.facts)
    }

    /// What the numbers of entities, addresses and ports mean, as lines for people who read the SMT-LIB.
    pub fn legend(&self) -> Vec<String> {
        let rows = self.structure.entities.iter();
        let names = rows
            .filter(|row| row.kind() != EntityKind::Stage)
            .enumerate();
        let names: Vec<String> = names.map(|(i, row)| format!("{i}={}", row.name)).collect();
        let mut lines = vec![format!("entities by number: {}", names.join(" "))];
        lines.extend(self.domain.legend());
        lines
    }

    pub(super) fn fact(&mut self, fact: TermId) {
        if self.pool.as_truth(fact) != Some(true) {
            self.facts.push(fact);
        }
    }

    /// A named Boolean with its definition as a fact, so that terms stay shallow and SMT-LIB reads like the model.
    pub(super) fn define(&mut self, name: &str, definition: TermId) -> TermId {
        if self.pool.as_truth(definition).is_some() {
            return definition;
        }
        let named = self.pool.variable(name, Sort::Bool);
        let fact = self.pool.iff(named, definition);
        self.fact(fact);
        named
    }

    /// An entity as a constant.
    pub(super) fn entity(&mut self, id: EntityId) -> TermId {
        self.pool.bits(u128::from(id.0), self.entity_width)
    }

    /// `term` is one of these entities.
    pub(super) fn is_one_of(&mut self, term: TermId, ids: &[EntityId]) -> TermId {
        let terms: Vec<TermId> = ids
            .iter()
            .map(|id| {
                let id = self.entity(*id);
                self.pool.eq(term, id)
            })
            .collect();
        self.pool.or(&terms)
    }

    /// A quantified entity: any of the universe, which is all but the outside switch and stages (ids are canonical, they come
    /// last).
    pub(super) fn in_universe(&mut self, term: TermId) -> TermId {
        let count = self
            .structure
            .entities
            .iter()
            .filter(|row| row.kind().is_entity())
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
