//! Which variables an atom of a quantifier's body bounds: the guards of the invariant on `Constraint`.
//!
//! Must never know: sorts, surface syntax.

use std::collections::BTreeSet;

use super::super::formula::{Arg, Formula, Term, VarId};
use super::super::signature::is_guard;

/// The variables that a positive predicate atom among the conjuncts has as arguments.
fn of_conjuncts(formula: &Formula) -> BTreeSet<VarId> {
    let conjuncts = match formula {
        Formula::And(parts) => parts.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut guarded = BTreeSet::new();
    for conjunct in conjuncts {
        if let Formula::Predicate(predicate, arguments) = conjunct
            && is_guard(*predicate)
        {
            guarded.extend(arguments.iter().filter_map(|argument| match argument {
                Arg::Term(Term::Var(var)) => Some(*var),
                _ => None,
            }));
        }
    }
    guarded
}

/// The variables that the body of ∃ guards.
pub(super) fn of_exists(body: &Formula) -> BTreeSet<VarId> {
    of_conjuncts(body)
}

/// The variables that the body of ∀ guards.
pub(super) fn of_forall(body: &Formula) -> BTreeSet<VarId> {
    match body {
        Formula::Implies(premise, _) => of_conjuncts(premise),
        _ => BTreeSet::new(),
    }
}
