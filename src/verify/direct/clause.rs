//! A constraint, clause by clause: is there a counterexample, does it hang on something that is not known, is it vacuous?
//!
//! Must never know: how hops are unrolled, how a counterexample is read.

use std::time::Instant;

use crate::base::source::Span;
use crate::logic::formula::{Constraint, Formula, Sort, VarId};
use crate::smt::solver::SatResult;
use crate::smt::term::TermId;
use crate::verify::looks::Looks;
use crate::verify::verdict::{CheckResult, Counterexample, Verdict};

use super::STRATEGY;
use super::checker::Checker;
use super::result::InternalError;

/// One clause, decided.
enum Decided {
    Holds,
    Vacuous,
    /// How; none where that is not wanted.
    Broken(Option<Counterexample>),
    /// Why, and where that is written.
    Unknown(String, Option<Span>),
}

impl Checker<'_> {
    pub(super) fn constraint(
        &mut self,
        constraint: &Constraint,
    ) -> Result<CheckResult, InternalError> {
        let deadline = self.options.timeout.map(|t| Instant::now() + t);
        let mut queries = 0;
        let mut verdict = Verdict::Vacuous;
        let mut detail = String::new();
        let mut counterexample = None;
        let mut place = None;
        for (index, (variables, body)) in constraint.clauses().into_iter().enumerate() {
            match self.clause(constraint, index, &variables, body, deadline, &mut queries)? {
                Decided::Holds if verdict == Verdict::Vacuous => verdict = Verdict::Proven,
                Decided::Vacuous | Decided::Holds => {}
                Decided::Broken(found) => {
                    verdict = Verdict::Violated;
                    counterexample = found;
                    detail = String::new();
                    place = None;
                    break;
                }
                Decided::Unknown(why, at) => {
                    verdict = Verdict::Unknown;
                    detail = why;
                    place = at;
                }
            }
        }
        if verdict == Verdict::Proven || verdict == Verdict::Vacuous {
            detail = self.universe(constraint, verdict);
        }
        Ok(CheckResult {
            id: constraint.id.clone(),
            constraint: constraint.name.clone(),
            title: constraint.title.clone(),
            verdict,
            strategy: STRATEGY,
            queries,
            compared: 0,
            detail,
            counterexample,
            unmodelled: place,
            depends_on: Vec::new(),
        })
    }

    /// For which universe a verdict holds.
    fn universe(&self, constraint: &Constraint, verdict: Verdict) -> String {
        if verdict == Verdict::Vacuous {
            return "nothing in this cluster satisfies the premises".to_owned();
        }
        let about_messages = constraint.variables.iter().any(|v| v.sort == Sort::Event);
        match self.bounds.first() {
            Some(Ok((request, answer))) if about_messages => format!(
                "all messages that processes of this cluster can send (a complete bound: {request} hops there, {answer} back)"
            ),
            _ => "this cluster".to_owned(),
        }
    }

    fn clause(
        &mut self,
        constraint: &Constraint,
        index: usize,
        variables: &[VarId],
        body: &Formula,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<Decided, InternalError> {
        let slots = variables
            .iter()
            .filter(|id| constraint.variable(**id).sort == Sort::Event)
            .count();
        for slot in 0..slots {
            if slot == self.bounds.len() {
                let bound = self.unroll(slot, deadline, queries);
                self.bounds.push(bound);
            }
            if let Err(why) = &self.bounds[slot] {
                return Ok(Decided::Unknown(why.clone(), None));
            }
        }
        let obligation = match self.encoder.clause(constraint, variables, body) {
            Ok(obligation) => obligation,
            Err(why) => return Ok(Decided::Unknown(why.to_string(), None)),
        };
        self.assert_facts();
        let name = format!("{}-{}", constraint.id, index + 1);
        if self.proven.contains(&constraint.id) {
            return Ok(self.is_about_something(
                constraint,
                &name,
                obligation.premise,
                deadline,
                queries,
            ));
        }
        let looks = Looks::of(body);
        let strange = self.strange(slots, looks);
        let met: Vec<TermId> = strange.iter().map(|s| s.condition).collect();
        let met = self.encoder.pool.or(&met);
        let sure = self.encoder.pool.not(met);
        // What a counterexample shows must not hang on what is not known.
        let goal = self.encoder.pool.and(&[obligation.negated, sure]);
        self.solver.push();
        self.solver.assert(&self.encoder.pool, goal);
        let answer = self.ask(&[], deadline, queries);
        self.keep(&format!("{name}-counterexample"), goal, constraint, &answer);
        let decided = match answer {
            SatResult::Sat if !self.narrows => Ok(Decided::Broken(None)),
            SatResult::Sat => self
                .broken(constraint, body, &obligation, slots, deadline, queries)
                .map(|found| match found {
                    Ok(found) => Decided::Broken(Some(found)),
                    Err(why) => Decided::Unknown(why, None),
                }),
            SatResult::Unknown(why) => Ok(Decided::Unknown(why, None)),
            SatResult::Unsat => Ok(Decided::Holds),
        };
        self.solver.pop();
        if !matches!(decided, Ok(Decided::Holds)) {
            return decided;
        }
        if !strange.is_empty()
            && let Some((why, place)) =
                self.hangs_on(constraint, variables, body, &strange, deadline, queries)
        {
            return Ok(Decided::Unknown(why, place));
        }
        Ok(self.is_about_something(constraint, &name, obligation.premise, deadline, queries))
    }

    /// Of a clause that holds: whether anything satisfies its premises.
    fn is_about_something(
        &mut self,
        constraint: &Constraint,
        name: &str,
        premise: TermId,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Decided {
        let answer = self.ask(&[premise], deadline, queries);
        self.keep(&format!("{name}-premise"), premise, constraint, &answer);
        match answer {
            SatResult::Sat => Decided::Holds,
            SatResult::Unsat => Decided::Vacuous,
            SatResult::Unknown(why) => Decided::Unknown(why, None),
        }
    }
}
