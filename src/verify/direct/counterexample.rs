//! From a satisfiable goal to a counterexample: made canonical, read off, replayed.
//!
//! Must never know: how a goal is made.

use std::time::Instant;

use crate::decode::Reader;
use crate::encode::relation::Sym;
use crate::encode::symbols::Obligation;
use crate::logic::formula::{Constraint, Formula, VarId};
use crate::model::entity::EntityId;
use crate::network::header::Header;
use crate::verify::canonical::Narrowing;
use crate::verify::replay::replay;
use crate::verify::verdict::{Counterexample, Witness};

use super::checker::Checker;
use super::result::InternalError;

impl Checker<'_> {
    /// Makes the counterexample canonical, reads it off, replays it.
    pub(super) fn broken(
        &mut self,
        constraint: &Constraint,
        body: &Formula,
        obligation: &Obligation,
        slots: usize,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<Result<Counterexample, String>, InternalError> {
        let mut narrowing = Narrowing {
            encoder: &mut self.encoder,
            solver: &mut *self.solver,
            limits: Self::limits(deadline),
            least_hops: self.options.hops.map_or(0, |hops| hops.least),
            queries: 0,
        };
        let narrowed = narrowing.run(obligation, slots);
        *queries += narrowing.queries;
        if let Err(why) = narrowed {
            return Ok(Err(format!(
                "violated, but the counterexample could not be narrowed: {why}"
            )));
        }
        let Some((assignment, messages)) = self.read(obligation, slots) else {
            return Ok(Err("violated, but the solver gave no values".to_owned()));
        };
        let (network, structure) = (&self.lowered.network, &self.lowered.structure);
        replay(network, structure, constraint, body, &assignment, &messages)
            .map(Ok)
            .map_err(|why| InternalError {
                id: constraint.id.clone(),
                why,
            })
    }

    #[expect(
        clippy::type_complexity,
        reason = "values of the variables, and the messages"
    )]
    fn read(
        &mut self,
        obligation: &Obligation,
        slots: usize,
    ) -> Option<(Vec<(VarId, Witness)>, Vec<(EntityId, Header)>)> {
        let mut reader = Reader {
            encoder: &self.encoder,
            solver: &mut *self.solver,
        };
        let mut assignment = Vec::new();
        for (id, symbol) in &obligation.symbols {
            let witness = match symbol {
                Sym::Entity(term) => Witness::Entity(reader.entity(*term)?),
                Sym::Address(address) => Witness::Address(reader.address(*address)?),
                Sym::Port(term) => Witness::Port(reader.port(*term)?),
                Sym::Protocol(term) => Witness::Protocol(reader.protocol(*term)?),
                Sym::Event(slot) => Witness::Event(*slot),
            };
            assignment.push((*id, witness));
        }
        let mut messages = Vec::new();
        for slot in 0..slots {
            let event = reader.encoder.event(slot);
            let sender = reader.entity(event.sender)?;
            messages.push((sender, reader.header(event.sent)?));
        }
        Some((assignment, messages))
    }
}
