//! A whole run as one value, ready to be rendered in any format.
//!
//! Knows: clusters, results, findings, diagnostics, and what they add up to. Must never know: any format.

use crate::base::diag::Diagnostic;
use crate::base::source::SourceMap;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::verify::verdict::{CheckResult, Verdict};

/// Something the input does not show, and what was taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// Its id in `formats.md`.
    pub id: &'static str,
    /// The value in force.
    pub value: String,
    /// Whether that is the default.
    pub default: bool,
    /// One sentence for people.
    pub meaning: &'static str,
}

/// Something worth knowing that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable id, `F001`.
    pub id: &'static str,
    /// `warning` or `note`.
    pub severity: &'static str,
    /// One sentence.
    pub message: String,
    /// The place.
    pub source: Option<crate::base::source::Span>,
}

/// A cluster that was verified.
#[derive(Debug)]
pub struct Verified {
    /// The cluster.
    pub cluster: Cluster,
    /// Its network; empty where only parts of it were made, and then every counterexample has its own.
    pub lowered: Lowered,
    /// What was taken for granted.
    pub assumptions: Vec<Assumption>,
    /// One per constraint.
    pub results: Vec<CheckResult>,
    /// Beside the verdicts.
    pub findings: Vec<Finding>,
}

/// One cluster of a run.
#[derive(Debug)]
pub struct ClusterReport {
    /// Its name.
    pub name: String,
    /// The PATH as given.
    pub path: String,
    /// What was found; none where the input was bad, or the program failed.
    pub verified: Option<Verified>,
    /// Mistakes and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A run of `verify`.
#[derive(Debug)]
pub struct Run {
    /// All texts that were read.
    pub sources: SourceMap,
    /// The clusters, in order.
    pub clusters: Vec<ClusterReport>,
    /// Mistakes that belong to no cluster.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a result hangs on, a line each, where its detail is not shown: of others that says so.
pub fn hanging(result: &CheckResult) -> impl Iterator<Item = String> {
    let told = result.verdict == Verdict::Proven || result.counterexample.is_some();
    let all = result.depends_on.iter().filter(move |_| told);
    all.map(|hangs| {
        let (assumption, value) = (hangs.assumption, hangs.value);
        format!("with {assumption}={value} it is {}", hangs.verdict.word())
    })
}

/// How many results have each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Clusters in all.
    pub clusters: usize,
    /// Clusters that were not verified.
    pub failed: usize,
    /// Constraints proven.
    pub proven: usize,
    /// Constraints violated.
    pub violated: usize,
    /// Constraints undecided.
    pub unknown: usize,
    /// Constraints about nothing.
    pub vacuous: usize,
    /// Constraints violated and excused.
    pub waived: usize,
}

impl Run {
    /// The counts.
    pub fn summary(&self) -> Summary {
        let mut all = Summary {
            clusters: self.clusters.len(),
            ..Summary::default()
        };
        for cluster in &self.clusters {
            let Some(verified) = &cluster.verified else {
                all.failed += 1;
                continue;
            };
            for result in &verified.results {
                *match result.verdict {
                    Verdict::Proven => &mut all.proven,
                    Verdict::Violated => &mut all.violated,
                    Verdict::Unknown => &mut all.unknown,
                    Verdict::Vacuous => &mut all.vacuous,
                    Verdict::Waived => &mut all.waived,
                } += 1;
            }
        }
        all
    }

    /// Whether any mistake was told.
    pub fn has_errors(&self) -> bool {
        let all = self
            .clusters
            .iter()
            .flat_map(|c| &c.diagnostics)
            .chain(&self.diagnostics);
        let mut all = all.filter(|d| d.severity == crate::base::diag::Severity::Error);
        all.next().is_some() || self.clusters.iter().any(|c| c.verified.is_none())
    }
}
