//! One cluster of a run: prepared, decided, reported.
//!
//! Must never know: files on disk, the terminal, formats of output.

use std::fmt::Write as _;

use super::alone::{self, Saved};
use super::intents::{self, Stated, Wished};
use super::strategy::{is_about, lowered};
use super::{Applied, Options, decide, hangs};
use crate::base::diag::{Diagnostic, Severity};
use crate::base::source::SourceMap;
use crate::findings;
use crate::input::LoadedCluster;
use crate::logic::bind::bind_names;
use crate::logic::formula::Constraint;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::report::run::{ClusterReport, Finding, Verified};
use crate::report::trace::place;
use crate::verify::bounded::Bounds;
use crate::verify::verdict::CheckResult;

/// A cluster before anything is decided.
pub(super) enum Prepared {
    Failed(Box<ClusterReport>),
    Ready(Box<Ready>),
}

/// A cluster and all that is to be decided of it.
pub(super) struct Ready {
    name: String,
    path: String,
    diagnostics: Vec<Diagnostic>,
    cluster: Cluster,
    lowered: Lowered,
    bound: Vec<Constraint>,
    /// How many of them, in front, are of the library.
    builtin: usize,
    stated: Vec<Stated>,
    /// What is worth knowing of intents.
    found: Vec<Finding>,
}

/// Everything up to the first question.
pub(super) fn prepare(
    sources: &mut SourceMap,
    loaded: LoadedCluster,
    constraints: &[Applied],
    intents: &[Wished<'_>],
    excluded: bool,
    options: &Options,
) -> Prepared {
    let LoadedCluster {
        name,
        path,
        cluster,
        mut diagnostics,
        ..
    } = loaded;
    let failed = |diagnostics| {
        Prepared::Failed(Box::new(ClusterReport {
            name: name.clone(),
            path: path.clone(),
            verified: None,
            diagnostics,
        }))
    };
    let Some(cluster) = cluster.filter(|_| !excluded) else {
        return failed(diagnostics);
    };
    let lowered = match lowered(&cluster, options) {
        Ok(lowered) => lowered,
        Err(mistakes) => {
            diagnostics.extend(mistakes);
            return failed(diagnostics);
        }
    };
    let mut bound = Vec::new();
    let mut builtin = 0;
    let applies = |a: &&Applied| {
        a.path.as_ref().is_none_or(|p| *p == path) && is_about(&a.constraint, &cluster)
    };
    for applied in constraints.iter().filter(applies) {
        match bind_names(&applied.constraint, || cluster.names.iter().collect()) {
            Ok(constraint) => {
                // Those of the library come first.
                builtin += usize::from(applied.builtin);
                bound.push(constraint);
            }
            Err(mistakes) => diagnostics.extend(mistakes),
        }
    }
    let mut found = Vec::new();
    let mut stated = Vec::new();
    for wished in intents.iter().filter(|w| w.path.is_none_or(|p| *p == path)) {
        match intents::state(sources, wished.intent, &cluster, &mut found) {
            Ok(intent) => stated.push(intent),
            Err(mistakes) => diagnostics.extend(mistakes),
        }
    }
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return failed(diagnostics);
    }
    Prepared::Ready(Box::new(Ready {
        name,
        path,
        diagnostics,
        cluster,
        lowered,
        bound,
        builtin,
        stated,
        found,
    }))
}

impl Prepared {
    /// How many constraints and intents are to be decided of it.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Failed(_) => 0,
            Self::Ready(ready) => ready.bound.len() + ready.stated.len(),
        }
    }
}

impl Ready {
    /// What is decided of it, on so many threads.
    pub(super) fn verdicts(&self, options: &Options, bounds: &Bounds, jobs: usize) -> Saved {
        let case = decide::Case {
            cluster: &self.cluster,
            bound: &self.bound,
            builtin: self.builtin,
            stated: &self.stated,
            options,
            bounds,
            jobs,
        };
        alone::save(&case, |case| hangs::verdicts(case, &self.lowered))
    }

    /// Its report.
    pub(super) fn report(
        self,
        sources: &SourceMap,
        mut results: Vec<CheckResult>,
        options: &Options,
    ) -> ClusterReport {
        for result in &mut results {
            if let Some(span) = result.unmodelled {
                let _ = write!(result.detail, " ({})", place(sources, span));
            }
        }
        let findings = findings::findings(&self.cluster, &self.lowered);
        ClusterReport {
            name: self.name,
            path: self.path,
            verified: Some(Verified {
                assumptions: findings::assumptions(&self.cluster, &options.settings),
                findings: [findings, self.found].concat(),
                results,
                cluster: self.cluster,
                lowered: self.lowered,
            }),
            diagnostics: self.diagnostics,
        }
    }
}
