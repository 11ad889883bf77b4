//! What the strategy `direct` is told, and what it gives.
//!
//! Must never know: terms, a solver.

use std::time::Duration;

use crate::verify::replay::ReplayError;
use crate::verify::verdict::CheckResult;

/// One query as SMT-LIB, for another solver.
#[derive(Debug, Clone)]
pub struct Query {
    /// A file name without its ending: `KP003-1-counterexample`.
    pub name: String,
    /// The script.
    pub text: String,
}

/// How to go about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// For each constraint; none is no limit.
    pub timeout: Option<Duration>,
    /// Keep the queries.
    pub keep_queries: bool,
    /// Addresses and ports as they are, not by class: the slow, obvious twin, for tests.
    pub plain_headers: bool,
    /// Hops that are looked at, where that is known already: it is not shown again, and a message that would take more is
    /// left out. Only where a counterexample is looked for that is known to exist.
    pub hops: Option<Hops>,
    /// Find the hops that are enough by walking every way, where that can be done; else the solver shows them.
    pub walk: bool,
    /// So many constraints are decided at once where each has a solver of its own (`modular`); here one after another.
    pub jobs: usize,
}

/// How many hops are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Hops {
    /// Enough for the message that is looked for.
    pub there: usize,
    /// Enough for every answer.
    pub back: usize,
    /// It does not take fewer than these.
    pub least: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Checked {
    /// One per constraint, in their order.
    pub results: Vec<CheckResult>,
    /// The queries, if they are kept.
    pub queries: Vec<Query>,
    /// Hops that were shown to be enough for every message, there and back; none where none was unrolled, or it is unknown.
    pub hops: Option<(usize, usize)>,
}

impl Checked {
    /// Adds what came of other constraints.
    pub fn join(&mut self, other: Self) {
        self.results.extend(other.results);
        self.queries.extend(other.queries);
        self.hops = self.hops.max(other.hops);
    }
}

/// A counterexample that the simulator does not agree to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("internal error: {id} is refuted by a counterexample that does not replay: {why}")]
pub struct InternalError {
    /// The constraint.
    pub id: String,
    /// What went wrong.
    pub why: ReplayError,
}
