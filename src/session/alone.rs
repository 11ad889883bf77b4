//! What is left of a cluster's verdicts where one of them is an internal error: each is decided alone.
//!
//! Must never know: how anything is decided.

use super::decide::Case;
use crate::logic::formula::Constraint;
use crate::verify::direct::{InternalError, Query};
use crate::verify::verdict::{CheckResult, Verdict};

/// Verdicts and kept queries, or an internal error.
pub(super) type Verdicts = Result<(Vec<CheckResult>, Vec<Query>), InternalError>;

/// Verdicts, the queries if they are kept, and the errors in place of which `unknown` stands.
#[derive(Debug, Default)]
pub(super) struct Saved {
    pub(super) results: Vec<CheckResult>,
    pub(super) queries: Vec<Query>,
    pub(super) errors: Vec<InternalError>,
}

/// All verdicts at once; where that ends in an internal error, those of each constraint and intent alone.
pub(super) fn save(case: &Case<'_>, decide: impl Fn(&Case<'_>) -> Verdicts) -> Saved {
    let mut saved = Saved::default();
    let Err(_) = decide(case).map(|(results, queries)| {
        saved.results = results;
        saved.queries = queries;
    }) else {
        return saved;
    };
    for at in 0..case.count() {
        let Some(constraint) = case.constraint(at) else {
            continue;
        };
        match decide(&case.only(at)) {
            Ok((results, queries)) => {
                saved.results.extend(results);
                saved.queries.extend(queries);
            }
            Err(error) => {
                saved.results.push(lost(constraint, &error));
                saved.errors.push(error);
            }
        }
    }
    saved
}

fn lost(constraint: &Constraint, error: &InternalError) -> CheckResult {
    CheckResult {
        id: constraint.id.clone(),
        constraint: constraint.name.clone(),
        title: constraint.title.clone(),
        verdict: Verdict::Unknown,
        strategy: "none",
        queries: 0,
        compared: 0,
        detail: error.to_string(),
        unmodelled: None,
        counterexample: None,
        depends_on: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
