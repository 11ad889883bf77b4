//! What is not modelled, and which verdicts hang on it.
//!
//! A rule may say that what happens to a message is not known. A counterexample must not meet such a rule. And a constraint
//! is proven only if no message meets one of which its premises could be true: what is said there of a message's way
//! (whether it is received, say) is as unknown as its way.
//!
//! Must never know: how hops are unrolled.

use std::time::Instant;

use crate::base::source::Span;
use crate::encode::event::Direction;
use crate::logic::formula::{Constraint, Formula, VarId};
use crate::network::fib::{Action, DiscardReason};
use crate::smt::solver::SatResult;
use crate::smt::term::TermId;
use crate::verify::looks::{Looks, known_premise};

use super::checker::Checker;

/// A place that is not modelled, and the condition that a message meets it.
#[derive(Debug)]
pub(super) struct Strange {
    why: String,
    place: Span,
    pub(super) condition: TermId,
}

impl Checker<'_> {
    /// The places that are not modelled and that the messages of these slots may meet, as far as a clause looks.
    pub(super) fn strange(&mut self, slots: usize, looks: Looks) -> Vec<Strange> {
        let mut all = Vec::new();
        let ways = [
            (Direction::Request, looks.message),
            (Direction::Answer, looks.answer),
        ];
        for slot in 0..slots {
            for (direction, _) in ways.iter().filter(|(_, looked)| *looked) {
                for (switch, rule, condition) in self.encoder.unmodelled(slot, *direction) {
                    let place = self.lowered.network.switch(switch);
                    let Some((place, rule)) = place.and_then(|s| Some((s, s.fib.get(rule)?)))
                    else {
                        continue;
                    };
                    let Action::Discard(DiscardReason::Unmodelled(why)) = &rule.action else {
                        continue;
                    };
                    let name = &self.lowered.structure.entities[place.of.index()].name;
                    all.push(Strange {
                        why: format!("at {name}, what happens is not modelled: {why}"),
                        place: rule.origin,
                        condition,
                    });
                }
            }
        }
        all.retain(|s| self.encoder.pool.as_truth(s.condition) != Some(false));
        all
    }

    /// Whether a message of which the premises could be true meets a place that is not modelled: why and where, or that
    /// it could not be decided.
    pub(super) fn hangs_on(
        &mut self,
        constraint: &Constraint,
        variables: &[VarId],
        body: &Formula,
        strange: &[Strange],
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Option<(String, Option<Span>)> {
        let weaker = Formula::Implies(
            Box::new(known_premise(body)),
            Box::new(Formula::Constant(false)),
        );
        let goal = match self.encoder.clause(constraint, variables, &weaker) {
            Ok(obligation) => obligation.premise,
            Err(why) => return Some((why.to_string(), None)),
        };
        self.assert_facts();
        let met: Vec<TermId> = strange.iter().map(|s| s.condition).collect();
        let met = self.encoder.pool.or(&met);
        match self.ask(&[goal, met], deadline, queries) {
            SatResult::Unsat => None,
            SatResult::Unknown(why) => Some((why, None)),
            SatResult::Sat => {
                // The first place, in the order of hops, that can be met: so that the same input names the same one.
                for place in strange {
                    let possible = self.ask(&[goal, place.condition], deadline, queries);
                    if !matches!(possible, SatResult::Unsat) {
                        return Some((place.why.clone(), Some(place.place)));
                    }
                }
                None
            }
        }
    }
}
