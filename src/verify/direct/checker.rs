//! One cluster's encoding and one solver, and how the solver is asked.
//!
//! Must never know: what a clause says.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::encode::Encoder;
use crate::encode::domain::Domain;
use crate::logic::formula::Constraint;
use crate::lower::Lowered;
use crate::smt::smtlib;
use crate::smt::solver::{Limits, SatResult, Solver};
use crate::smt::term::TermId;

use super::ends::Ends;
use super::result::{Checked, Options, Query};

/// How a direction is unrolled: whether it is cut where a state comes again, and how far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) cut: bool,
    pub(super) hops: usize,
}

pub(super) struct Checker<'c> {
    pub(super) lowered: &'c Lowered,
    pub(super) encoder: Encoder<'c>,
    pub(super) domain: Domain,
    pub(super) solver: Box<dyn Solver>,
    pub(super) new_solver: &'c dyn Fn() -> Box<dyn Solver>,
    pub(super) options: Options,
    /// How far messages go, where it was found without the solver.
    pub(super) ends: Option<Ends>,
    /// All facts so far, for SMT-LIB.
    pub(super) facts: Vec<TermId>,
    /// How the message of each slot, and then its answer, were unrolled.
    pub(super) ways: Vec<Way>,
    /// The complete bound of each slot (message, answer), or why there is none.
    pub(super) bounds: Vec<Result<(usize, usize), String>>,
    /// Whether a counterexample is narrowed and read off; else that there is one is all that is wanted.
    pub(super) narrows: bool,
    /// Constraints that are proven already: all that is asked is whether they are about anything here.
    pub(super) proven: BTreeSet<String>,
    pub(super) checked: Checked,
}

impl Checker<'_> {
    pub(super) fn assert_facts(&mut self) {
        for fact in self.encoder.take_facts() {
            self.solver.assert(&self.encoder.pool, fact);
            self.facts.push(fact);
        }
    }

    pub(super) fn limits(deadline: Option<Instant>) -> Limits {
        Limits {
            timeout: deadline.map(|at| at.saturating_duration_since(Instant::now())),
        }
    }

    pub(super) fn ask(
        &mut self,
        assumptions: &[TermId],
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> SatResult {
        *queries += 1;
        self.solver
            .check(&self.encoder.pool, assumptions, Self::limits(deadline))
    }

    pub(super) fn keep(
        &mut self,
        name: &str,
        goal: TermId,
        constraint: &Constraint,
        answer: &SatResult,
    ) {
        if !self.options.keep_queries {
            return;
        }
        let status = match answer {
            SatResult::Sat => Some("sat"),
            SatResult::Unsat => Some("unsat"),
            SatResult::Unknown(_) => None,
        };
        let mut comments = vec![
            format!(
                "{} {}: {}",
                constraint.id, constraint.name, constraint.title
            ),
            "unsat: no counterexample; for a premise: the constraint is vacuous".to_owned(),
        ];
        comments.extend(self.encoder.legend());
        let asserts: Vec<TermId> = self.facts.iter().copied().chain([goal]).collect();
        let text = smtlib::print(&self.encoder.pool, &asserts, &comments, status);
        self.checked.queries.push(Query {
            name: name.to_owned(),
            text,
        });
    }
}
