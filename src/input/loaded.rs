//! What the texts of a run hold.
//!
//! Must never know: how they are read.

use crate::base::diag::{Diagnostic, Severity};
use crate::base::source::{SourceId, Span};
use crate::model::cluster::Cluster;
use crate::model::intent::Intent;

/// A `kind: Cluster` document, or the Kubernetes objects of a PATH.
#[derive(Debug)]
pub struct LoadedCluster {
    /// `metadata.name`, else the PATH as given.
    pub name: String,
    /// The PATH as given.
    pub path: String,
    /// Where it is written.
    pub span: Span,
    /// The cluster, where nothing is wrong with it.
    pub cluster: Option<Cluster>,
    /// What is wrong with it, and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A `kind: Intent` document.
#[derive(Debug)]
pub struct LoadedIntent {
    /// The PATH as given.
    pub path: String,
    /// The intent, where nothing is wrong with it.
    pub intent: Option<Intent>,
}

/// A document of a kind that is not read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Its apiVersion.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// The PATH that it came with.
    pub path: String,
    /// Where it is written.
    pub span: Span,
}

/// A text in a folder that is left aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRead {
    /// The text.
    pub source: SourceId,
    /// Why, as a clause.
    pub why: String,
}

/// Everything that the texts hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The clusters, in the order of the texts.
    pub clusters: Vec<LoadedCluster>,
    /// The intents, in the order of the texts.
    pub intents: Vec<LoadedIntent>,
    /// The constraint files: they are not parsed here.
    pub specs: Vec<SourceId>,
    /// Objects for somebody else.
    pub unsupported: Vec<Unsupported>,
    /// Texts left aside.
    pub not_read: Vec<NotRead>,
    /// Mistakes that belong to no cluster.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// All mistakes and warnings in the order of the texts, those without a place last.
    pub fn all_diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        let of_clusters = self.clusters.iter().flat_map(|c| &c.diagnostics);
        let mut all: Vec<&Diagnostic> = self.diagnostics.iter().chain(of_clusters).collect();
        all.sort_by_key(|d| (d.span.is_none(), d.span));
        all.into_iter()
    }

    /// Whether anything is wrong: exit code 2.
    pub fn failed(&self) -> bool {
        let broken = self.clusters.iter().any(|c| c.cluster.is_none());
        broken
            || self
                .all_diagnostics()
                .any(|d| d.severity == Severity::Error)
    }
}
