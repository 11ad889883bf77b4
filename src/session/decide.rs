//! Constraints and intents of one cluster, each decided by the strategy that fits.
//!
//! Must never know: files, formats of output, what verdicts hang on.

use super::intents::Stated;
use super::strategy::{self, How};
use super::{Options, Strategy};
use crate::base::parallel;
use crate::intent;
use crate::logic::formula::Constraint;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::intent::Intent;
use crate::model::policy::Settings;
use crate::smt::backend::Z3;
use crate::smt::solver::Solver;
use crate::verify::bounded::Bounds;
use crate::verify::direct::{self, InternalError, Query};
use crate::verify::policy::Policy;
use crate::verify::verdict::CheckResult;

/// So many intents are decided on one thread: few enough that several threads end together, and fixed, since how much a
/// solver is asked hangs on what it was asked before.
const GROUP: usize = 2;

/// What is to be decided of one cluster: constraints first, then intents, numbered in this order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) bound: &'a [Constraint],
    /// How many of them, in front, are of the library.
    pub(super) builtin: usize,
    pub(super) stated: &'a [Stated],
    pub(super) options: &'a Options,
    pub(super) bounds: &'a Bounds,
    /// So many constraints of users, or groups of intents, are decided at once.
    pub(super) jobs: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// By number; none for what was not asked.
    pub(super) results: Vec<Option<CheckResult>>,
    /// The queries, if they are kept.
    pub(super) queries: Vec<Query>,
}

impl Case<'_> {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.bound.len() + self.stated.len()
    }

    /// The same with only the constraint or the intent of this number.
    pub(super) fn only(&self, at: usize) -> Self {
        let bound = self.bound.get(at..=at).unwrap_or_default();
        let stated = at.checked_sub(self.bound.len());
        let stated = stated.and_then(|at| self.stated.get(at..=at));
        Self {
            bound,
            builtin: usize::from(at < self.builtin),
            stated: stated.unwrap_or_default(),
            ..*self
        }
    }

    /// The intent of this number; none where it is a constraint.
    pub(super) fn stated(&self, at: usize) -> Option<&Stated> {
        self.stated.get(at.checked_sub(self.bound.len())?)
    }

    /// The constraint of this number, or what the intent of this number stands for.
    pub(super) fn constraint(&self, at: usize) -> Option<&Constraint> {
        let stated = || self.stated(at).map(|stated| &stated.constraint);
        self.bound.get(at).or_else(stated)
    }

    /// How policies alone decide under these settings.
    pub(super) fn policy<'c>(&'c self, lowered: &'c Lowered, settings: Settings) -> Policy<'c> {
        let wishes: Vec<&Intent> = self.stated.iter().map(|s| &s.intent).collect();
        let timeout = self.options.timeout;
        Policy::new(self.cluster, lowered, settings, &wishes, timeout)
    }

    /// Decides those that are wanted, in the network that these settings make.
    pub(super) fn decide(
        &self,
        lowered: &Lowered,
        settings: Settings,
        keep_queries: bool,
        wanted: &dyn Fn(usize) -> bool,
    ) -> Result<Decided, InternalError> {
        let mut results: Vec<Option<CheckResult>> = vec![None; self.count()];
        let mut places: Vec<usize> = Vec::new();
        let mut rest: Vec<Constraint> = Vec::new();
        for (at, constraint) in self.bound.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            places.push(at);
            rest.push(constraint.clone());
        }
        for (at, result) in self.by_policies(lowered, settings, wanted)? {
            if result.is_none()
                && let Some(constraint) = self.constraint(at)
            {
                places.push(at);
                rest.push(constraint.clone());
            }
            results[at] = result;
        }
        let how = How {
            strategy: self.options.strategy,
            options: direct::Options {
                timeout: self.options.timeout,
                keep_queries,
                jobs: self.jobs,
                ..direct::Options::default()
            },
            new_solver: &|| self.new_solver(),
            jobs: self.jobs,
        };
        let builtin = places.iter().filter(|at| **at < self.builtin).count();
        let checked = strategy::decide(self.cluster, lowered, settings, &rest, builtin, how)?;
        self.bounds.decided(places.len());
        for (at, result) in places.into_iter().zip(checked.results) {
            results[at] = Some(result);
        }
        let queries = checked.queries;
        Ok(Decided { results, queries })
    }

    /// The intents that are wanted, by number, and what policies alone say of them. Those of a group are decided on one
    /// thread one after another, and groups are the same however many threads there are.
    fn by_policies(
        &self,
        lowered: &Lowered,
        settings: Settings,
        wanted: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<(usize, Option<CheckResult>)>, InternalError> {
        let numbered = (self.bound.len()..).zip(self.stated);
        let asked: Vec<(usize, &Stated)> = numbered.filter(|(at, _)| wanted(*at)).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let policy = self.policy(lowered, settings);
        let groups: Vec<&[(usize, &Stated)]> = asked.chunks(GROUP).collect();
        let decided = parallel::each(self.jobs, &groups, |group| {
            let all = group.iter();
            all.map(|(at, stated)| {
                let result = self.alone(&policy, stated)?;
                self.bounds.decided(usize::from(result.is_some()));
                Ok((*at, result))
            })
            .collect::<Result<Vec<_>, InternalError>>()
        });
        let mut all = Vec::new();
        for group in decided {
            all.extend(group?);
        }
        Ok(all)
    }

    fn new_solver(&self) -> Box<dyn Solver> {
        self.bounds.solver(Box::new(Z3::new()))
    }

    /// Decides an intent by policies alone; none where the strategy `direct` has to.
    fn alone(
        &self,
        policy: &Policy<'_>,
        stated: &Stated,
    ) -> Result<Option<CheckResult>, InternalError> {
        let Stated {
            intent, constraint, ..
        } = stated;
        let auto = self.options.strategy != Strategy::Direct;
        if auto && let Some(result) = policy.check(intent, constraint, &|| self.new_solver())? {
            return Ok(Some(result));
        }
        Ok(if intent::is_about_any_pod(intent) {
            Some(policy.unknown(constraint))
        } else if auto {
            policy.too_large(intent, constraint)
        } else {
            None
        })
    }
}
