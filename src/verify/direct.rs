//! The strategy `direct`: the whole cluster as one symbolic query. The reference, for small clusters and as the oracle.
//!
//! Must never know: formats of output, a particular solver.

mod checker;
mod clause;
mod counterexample;
mod result;
mod strange;
mod unroll;

use crate::encode::Encoder;
use crate::encode::domain::Domain;
use crate::logic::formula::Constraint;
use crate::logic::literals::Literals;
use crate::lower::Lowered;
use crate::smt::solver::Solver;

use checker::Checker;

pub use result::{Checked, InternalError, Options, Query};

/// Its name in results.
pub const STRATEGY: &str = "direct";

/// Checks constraints, which are bound to this cluster, one after the other.
pub fn check(
    lowered: &Lowered,
    constraints: &[Constraint],
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
    let mut checker = Checker {
        lowered,
        encoder: Encoder::new(structure, network, domain),
        solver: new_solver(),
        options,
        facts: Vec::new(),
        bounds: Vec::new(),
        checked: Checked::default(),
    };
    for constraint in constraints {
        let result = checker.constraint(constraint)?;
        checker.checked.results.push(result);
    }
    Ok(checker.checked)
}
