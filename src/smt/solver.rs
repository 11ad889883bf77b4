//! What a solver can do, whichever it is.
//!
//! Knows: terms, limits, answers. Must never know: a solver's own values, what the terms mean.

use std::time::Duration;

use super::term::{TermId, TermPool};

/// How long one check may take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Wall clock for one check; none is no limit, zero is an answer of `Unknown` at once.
    pub timeout: Option<Duration>,
}

impl Limits {
    /// No time left at all?
    pub(super) fn spent(self) -> bool {
        self.timeout == Some(Duration::ZERO)
    }

    /// The timeout as solvers take it: at least 1, since 0 means "none" to them; none where it is beyond counting.
    pub(super) fn milliseconds(self) -> Option<u32> {
        let milliseconds = u32::try_from(self.timeout?.as_millis()).ok()?;
        Some(milliseconds.max(1))
    }
}

/// Why there is no answer where a user wanted none any more.
pub const INTERRUPTED: &str = "interrupted";

/// The answer of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SatResult {
    /// There is a model; ask [`Solver::value`].
    Sat,
    /// There is none; ask [`Solver::unsat_assumptions`].
    Unsat,
    /// No answer, and why, in plain words such as `timeout`.
    Unknown(String),
}

impl SatResult {
    /// No answer, for what the solver gives as its reason.
    pub(super) fn unknown(reason: &str) -> Self {
        Self::Unknown(match reason {
            "interrupted from keyboard" => INTERRUPTED.to_owned(),
            // Nobody else interrupts a check, so a cancelled one is one that ran out of time.
            "timeout" | "canceled" | "interrupted" => "timeout".to_owned(),
            "" => "the solver gave no reason".to_owned(),
            _ => reason.to_owned(),
        })
    }
}

/// The value of a term in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Of a Boolean term.
    Bool(bool),
    /// Of a bit-vector term.
    Bits(u128),
}

impl Value {
    /// The truth value, if it is one.
    pub fn truth(self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(b),
            Self::Bits(_) => None,
        }
    }

    /// The bits, if it is a bit-vector.
    pub fn bits(self) -> Option<u128> {
        match self {
            Self::Bits(n) => Some(n),
            Self::Bool(_) => None,
        }
    }
}

/// An incremental solver. Every call gets the same pool, which may have grown since the last one.
pub trait Solver {
    /// Opens a scope: what is asserted from here on lasts until the matching [`Solver::pop`].
    fn push(&mut self);

    /// Closes the innermost scope; without one, nothing happens.
    fn pop(&mut self);

    /// Asserts a Boolean term in the innermost scope.
    fn assert(&mut self, pool: &TermPool, t: TermId);

    /// Are all assertions and these assumptions (any Boolean terms; for this check only) satisfiable together?
    fn check(&mut self, pool: &TermPool, assumptions: &[TermId], limits: Limits) -> SatResult;

    /// The value of a term in the model of the last check that answered `Sat`, any value where the model leaves it
    /// open (but the same one each time). The model outlives `push`, `pop`, `assert` and checks with other answers;
    /// the next `Sat` replaces it. An application of a function that no checked term holds is left open like a variable.
    fn value(&mut self, pool: &TermPool, t: TermId) -> Option<Value>;

    /// Those assumptions of the last check that its proof used, in the order given there, each once; not
    /// necessarily the fewest. Empty after an answer other than `Unsat`.
    fn unsat_assumptions(&mut self) -> Vec<TermId>;
}
