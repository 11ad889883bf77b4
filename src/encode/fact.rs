//! What objects say of entities: labels of namespaces, workloads, names of ports.
//!
//! Must never know: quantifiers, FIBs, how a message travels.

use std::collections::BTreeMap;

use crate::logic::formula::{Fact, Term};
use crate::logic::structure::EntityRow;
use crate::model::entity::EntityId;
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::error::EncodeError;
use super::quantifier::Env;
use super::relation::Sym;

impl Encoder<'_> {
    pub(super) fn fact_of(
        &mut self,
        term: &Term,
        fact: &Fact,
        env: &Env,
    ) -> Result<TermId, EncodeError> {
        let holds = |row: &EntityRow| match fact {
            Fact::Namespaced => row.namespace.is_some(),
            Fact::NamespaceLabel(key, None) => row.namespace_labels.contains_key(key),
            Fact::NamespaceLabel(key, Some(value)) => row.namespace_labels.get(key) == Some(value),
            Fact::Workload(kind, name) => {
                let owner = row.workload.as_ref();
                owner.is_some_and(|(k, n)| k == kind && n == name)
            }
        };
        let rows = self.structure.entities.iter().enumerate();
        let ids: Vec<EntityId> = rows
            .filter(|(_, row)| holds(row))
            .map(|(i, _)| EntityId(i as u32))
            .collect();
        self.entity_in(term, env, &ids)
    }

    /// Both have the label, and no value is that of both.
    pub(super) fn other_label(
        &mut self,
        terms: [&Term; 2],
        key: &str,
        env: &Env,
    ) -> Result<TermId, EncodeError> {
        let mut groups: BTreeMap<&String, Vec<EntityId>> = BTreeMap::new();
        let structure = self.structure;
        for (i, row) in structure.entities.iter().enumerate() {
            if let Some(value) = row.labels.get(key) {
                groups.entry(value).or_default().push(EntityId(i as u32));
            }
        }
        let all: Vec<EntityId> = groups.values().flatten().copied().collect();
        let mut parts = Vec::new();
        for term in terms {
            parts.push(self.entity_in(term, env, &all)?);
        }
        for members in groups.values() {
            let one = self.entity_in(terms[0], env, members)?;
            let other = self.entity_in(terms[1], env, members)?;
            let both = self.pool.and(&[one, other]);
            parts.push(self.pool.not(both));
        }
        Ok(self.pool.and(&parts))
    }

    pub(super) fn named_port(
        &mut self,
        entity: &Term,
        name: &str,
        [port, protocol]: [&Term; 2],
        env: &Env,
    ) -> Result<TermId, EncodeError> {
        let (Sym::Port(port), Sym::Protocol(protocol)) =
            (self.term(port, env)?, self.term(protocol, env)?)
        else {
            return Ok(self.pool.truth(false));
        };
        let mut called: BTreeMap<_, Vec<EntityId>> = BTreeMap::new();
        let structure = self.structure;
        for (i, row) in structure.entities.iter().enumerate() {
            for (own, port, protocol) in &row.named_ports {
                if own == name {
                    let ids = called.entry((*port, *protocol)).or_default();
                    ids.push(EntityId(i as u32));
                }
            }
        }
        let mut ways = Vec::new();
        for ((number, proto), ids) in called {
            let who = self.entity_in(entity, env, &ids)?;
            let number = self.port(number);
            let proto = self.protocol(proto);
            let same_port = self.pool.eq(port, number);
            let same_protocol = self.pool.eq(protocol, proto);
            ways.push(self.pool.and(&[who, same_port, same_protocol]));
        }
        Ok(self.pool.or(&ways))
    }
}
