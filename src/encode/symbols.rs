//! What was encoded, and which terms mean what.
//!
//! Knows: variables of the constraint ↔ terms. Must never know: values, the solver.

use crate::logic::formula::VarId;
use crate::smt::term::TermId;

use super::relation::Sym;

/// One clause `∀ x. A ⟹ B` as goals over constants for `x`. Together with the encoder's facts:
#[derive(Debug, Clone)]
pub struct Obligation {
    /// `A`, with `x` in range: satisfiable iff the clause is not vacuous.
    pub premise: TermId,
    /// `A ∧ ¬B`, with `x` in range: unsatisfiable iff the clause holds.
    pub negated: TermId,
    /// The constants for `x`, in the order of the quantifiers.
    pub symbols: Vec<(VarId, Sym)>,
}
