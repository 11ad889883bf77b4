//! Solvers that stop: when the time for all of it is up, or when somebody interrupts.
//!
//! Z3 takes a Ctrl-C while it solves and says so, and at other times a handler may ([`Interrupt`]); from then on nothing more
//! is asked, and what is known so far can be told.
//! Must never know: what is asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::smt::solver::{INTERRUPTED, Limits, SatResult, Solver, Value};
use crate::smt::term::{TermId, TermPool};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Constraints and intents that are decided, of each cluster.
    pub decided: usize,
    /// How many there are of them.
    pub of: usize,
    /// Questions that solvers were asked.
    pub asked: usize,
    /// Since the first one could be asked.
    pub time: Duration,
}

/// Who is told before each question how far the run is.
#[derive(Clone)]
pub struct Watch(pub Arc<dyn Fn(Progress) + Send + Sync>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// Whether somebody wants a run to end. Handlers of signals set and read both.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// Nothing more is to be asked; what is known is told.
    pub wanted: Arc<AtomicBool>,
    /// The process ends at once: nothing is known yet, or all is told already, or it was wanted before.
    pub at_once: Arc<AtomicBool>,
}

/// What all solvers of a run share, on whatever thread they are.
#[derive(Debug, Clone)]
pub struct Bounds {
    begin: Instant,
    deadline: Option<Instant>,
    interrupted: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    decided: Arc<AtomicUsize>,
    of: usize,
    watch: Option<Watch>,
}

impl Bounds {
    /// From now on so long; none is no limit. From now on, too, something may be known that an interrupt must not lose.
    pub fn within(
        total: Option<Duration>,
        watch: Option<Watch>,
        interrupt: Option<&Interrupt>,
    ) -> Self {
        let begin = Instant::now();
        if let Some(interrupt) = interrupt {
            interrupt.at_once.store(false, Ordering::Relaxed);
        }
        Self {
            begin,
            deadline: total.and_then(|t| begin.checked_add(t)),
            interrupted: interrupt.map(|i| Arc::clone(&i.wanted)).unwrap_or_default(),
            asked: Arc::default(),
            decided: Arc::default(),
            of: 0,
            watch,
        }
    }

    /// So many constraints and intents are to be decided.
    pub fn expect(&mut self, of: usize) {
        self.of = of;
    }

    /// So many more are decided.
    pub fn decided(&self, more: usize) {
        self.decided.fetch_add(more, Ordering::Relaxed);
    }

    fn tell(&self, asked: usize) {
        if let Some(Watch(tell)) = &self.watch {
            tell(Progress {
                // What is decided once more under other settings is none more.
                decided: self.decided.load(Ordering::Relaxed).min(self.of),
                of: self.of,
                asked,
                time: self.begin.elapsed(),
            });
        }
    }

    /// A solver that keeps to them.
    pub fn solver(&self, inner: Box<dyn Solver>) -> Box<dyn Solver> {
        Box::new(Bounded {
            inner,
            bounds: self.clone(),
        })
    }
}

struct Bounded {
    inner: Box<dyn Solver>,
    bounds: Bounds,
}

impl Solver for Bounded {
    fn push(&mut self) {
        self.inner.push();
    }

    fn pop(&mut self) {
        self.inner.pop();
    }

    fn assert(&mut self, pool: &TermPool, t: TermId) {
        self.inner.assert(pool, t);
    }

    fn check(&mut self, pool: &TermPool, assumptions: &[TermId], limits: Limits) -> SatResult {
        let before = self.bounds.asked.fetch_add(1, Ordering::Relaxed);
        self.bounds.tell(before);
        if self.bounds.interrupted.load(Ordering::Relaxed) {
            return SatResult::Unknown(INTERRUPTED.to_owned());
        }
        let left = self
            .bounds
            .deadline
            .map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = match (limits.timeout, left) {
            (Some(one), Some(all)) => Some(one.min(all)),
            (one, all) => one.or(all),
        };
        if left == Some(Duration::ZERO) {
            return SatResult::Unknown("the time for all constraints is up".to_owned());
        }
        let answer = self.inner.check(pool, assumptions, Limits { timeout });
        if answer == SatResult::Unknown(INTERRUPTED.to_owned()) {
            self.bounds.interrupted.store(true, Ordering::Relaxed);
        }
        answer
    }

    fn value(&mut self, pool: &TermPool, t: TermId) -> Option<Value> {
        self.inner.value(pool, t)
    }

    fn unsat_assumptions(&mut self) -> Vec<TermId> {
        self.inner.unsat_assumptions()
    }
}
