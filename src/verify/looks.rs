//! What a clause looks at: the way of its messages, the way of their answers, or neither.
//!
//! Must never know: terms, how a message is walked.

use crate::logic::formula::{Formula, Predicate};
use crate::network::trace::{Disposition, Journey, Outcome};

/// Which ways of a message a clause looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// The message's own.
    pub message: bool,
    /// Its answer's.
    pub answer: bool,
}

impl Looks {
    /// Of this clause.
    pub fn of(body: &Formula) -> Self {
        Self {
            message: asks(body, &is_about_ways),
            answer: asks(body, &|f| {
                matches!(
                    f,
                    Formula::Predicate(Predicate::Replied | Predicate::Loops, _)
                )
            }),
        }
    }

    /// Whether what became of a message hangs on something that is not modelled.
    pub fn unsure(self, outcome: &Outcome) -> bool {
        let strange = |journey: &Journey| journey.end == Disposition::Unmodelled;
        self.message && strange(&outcome.request)
            || self.answer && outcome.reply.as_ref().is_some_and(strange)
    }
}

/// An atom whose truth hangs on what became of a message.
fn is_about_ways(formula: &Formula) -> bool {
    matches!(
        formula,
        Formula::Hops(..)
            | Formula::Predicate(
                Predicate::Recv
                    | Predicate::Replied
                    | Predicate::Passes
                    | Predicate::Loops
                    | Predicate::Dials,
                _
            )
    )
}

/// Whether an atom of this kind occurs.
fn asks(formula: &Formula, wanted: &dyn Fn(&Formula) -> bool) -> bool {
    match formula {
        Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => asks(f, wanted),
        Formula::And(parts) | Formula::Or(parts) => parts.iter().any(|f| asks(f, wanted)),
        Formula::Implies(a, b) | Formula::Iff(a, b) => asks(a, wanted) || asks(b, wanted),
        atom => wanted(atom),
    }
}

/// Every part of a premise that can be judged without following a message.
pub fn known_premise(body: &Formula) -> Formula {
    let Formula::Implies(premise, _) = body else {
        return Formula::Constant(true);
    };
    let parts = match &**premise {
        Formula::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let known = parts.iter().filter(|part| !asks(part, &is_about_ways));
    Formula::And(known.cloned().collect())
}
