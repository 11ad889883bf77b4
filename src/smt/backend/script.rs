//! Scripts read back by Z3 itself, for tests.
//!
//! Must never know: how scripts are made.

use crate::smt::solver::SatResult;

/// Reads an SMT-LIB script by Z3's own reader, and decides it by its general core, which knows functions: how many
/// assertions it found, and the answer. So what `Z3::apply` makes of functions is checked too.
pub(in crate::smt) fn check_script(script: &str) -> (usize, SatResult) {
    let solver = z3::Solver::new();
    solver.from_string(script);
    let answer = match solver.check() {
        z3::SatResult::Sat => SatResult::Sat,
        z3::SatResult::Unsat => SatResult::Unsat,
        z3::SatResult::Unknown => SatResult::unknown("unknown"),
    };
    (solver.get_assertions().len(), answer)
}
