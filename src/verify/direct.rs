//! The strategy `direct`: the whole cluster as one symbolic query. The reference, for small clusters and as the oracle.
//!
//! Must never know: formats of output, a particular solver.

mod checker;
mod clause;
mod counterexample;
mod ends;
mod result;
mod strange;
mod unroll;

use crate::encode::Encoder;
use crate::encode::domain::Domain;
use crate::logic::formula::Constraint;
use crate::logic::literals::Literals;
use crate::lower::Lowered;
use crate::smt::solver::Solver;
use crate::verify::verdict::Verdict;

use checker::Checker;

pub use result::{Checked, Hops, InternalError, Options, Query};

/// Its name in results.
pub const STRATEGY: &str = "direct";

/// What is known, where only the counterexample is missing.
const VIOLATED: &str = "violated";

/// Checks constraints, which are bound to this cluster, one after the other.
pub fn check(
    lowered: &Lowered,
    constraints: &[Constraint],
    options: Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Result<Checked, InternalError> {
    check_rest(lowered, constraints, &[], options, new_solver)
}

/// The same where some are proven already, by place: of these it is only asked whether they are about anything here.
pub fn check_rest(
    lowered: &Lowered,
    constraints: &[Constraint],
    proven: &[bool],
    options: Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Result<Checked, InternalError> {
    // Nothing is asked: a large cluster need not be looked at.
    if constraints.is_empty() {
        return Ok(Checked::default());
    }
    let (structure, network) = (&lowered.structure, &lowered.network);
    let domain = if options.plain_headers {
        Domain::plain()
    } else {
        Domain::classes(structure, network, &Literals::of(constraints))
    };
    let walked = domain.addresses().filter(|_| options.walk);
    let ends = walked.and_then(|addresses| ends::find(network, addresses));
    let mut checker = Checker {
        lowered,
        encoder: Encoder::new(structure, network, domain.clone()),
        domain,
        solver: new_solver(),
        new_solver,
        options,
        ends,
        facts: Vec::new(),
        ways: Vec::new(),
        bounds: Vec::new(),
        narrows: true,
        proven: constraints
            .iter()
            .zip(proven)
            .filter(|(_, proven)| **proven)
            .map(|(constraint, _)| constraint.id.clone())
            .collect(),
        checked: Checked::default(),
    };
    // Proofs first: what the solver learns while a counterexample is narrowed is a burden to them.
    let mut broken = vec![false; constraints.len()];
    if constraints.len() > 1 && !options.keep_queries {
        checker.narrows = false;
        for (constraint, broken) in constraints.iter().zip(&mut broken) {
            let result = checker.constraint(constraint)?;
            *broken = result.verdict == Verdict::Violated;
            checker.checked.results.push(result);
        }
        checker.narrows = true;
    }
    for (at, constraint) in constraints.iter().enumerate() {
        if at == checker.checked.results.len() {
            let result = checker.constraint(constraint)?;
            checker.checked.results.push(result);
        } else if broken[at] {
            let mut result = checker.constraint(constraint)?;
            let stopped = result.verdict == Verdict::Unknown;
            if stopped && !result.detail.starts_with(VIOLATED) {
                result.detail = format!(
                    "{VIOLATED}, but no counterexample was read: {}",
                    result.detail
                );
            }
            checker.checked.results[at] = result;
        }
    }
    let most = |of: fn(&(usize, usize)) -> usize| {
        let known = checker.bounds.iter().map(|b| b.as_ref().ok().map(of));
        known.max().flatten()
    };
    let all = checker.bounds.iter().all(Result::is_ok);
    checker.checked.hops = most(|b| b.0).zip(most(|b| b.1)).filter(|_| all);
    Ok(checker.checked)
}
