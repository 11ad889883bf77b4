//! The whole way from texts to a run's result.
//!
//! Knows: which constraints apply to which cluster, and the order of the stages. Must never know: files on disk, the
//! terminal, formats of output.

mod alone;
mod decide;
mod hangs;
mod headless;
mod intents;
mod policies;
mod prepare;
mod strategy;
pub mod theorem;
mod unsaid;

pub use policies::{domain_names, limits, not_said};

use std::time::Duration;

use crate::base::diag::Diagnostic;
use crate::base::parallel;
use crate::base::source::{SourceId, SourceMap};
use crate::input::{self, Input, LoadedCluster};
use crate::lang;
use crate::library;
use crate::logic::check::check;
use crate::logic::formula::Constraint;
use crate::model::intent::Intent;
use crate::model::policy::Settings;
use crate::report::run::Run;
use crate::verify::bounded::Bounds;
pub use crate::verify::bounded::{Interrupt, Progress, Watch};
use crate::verify::direct::{InternalError, Query};
use alone::Saved;
use intents::applied;
use prepare::{Prepared, prepare};

/// Which wording of the network model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Model {
    /// The seeds': a node reaches every pod (KP005).
    #[default]
    Classic,
    /// Today's: a node reaches its own pods (KP004 alone).
    Current,
}

/// How to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Intents by policies alone where that is sound; of everything else a part where that is exact and worth it, else
    /// `direct`.
    #[default]
    Auto,
    /// The network model on a part of the cluster that stands for all of it.
    Modular,
    /// The whole cluster as one symbolic query.
    Direct,
}

/// What `verify` is to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bounds on the reading.
    pub input: input::Options,
    /// How Kubernetes objects become a cluster.
    pub choices: input::Choices,
    /// The wording.
    pub model: Model,
    /// Opt-in constraints to add, by id or name.
    pub enable: Vec<String>,
    /// Where not empty: these constraints and no others, by id or name.
    pub only: Vec<String>,
    /// Where set: clusters of this name and no others.
    pub cluster: Option<String>,
    /// For each constraint.
    pub timeout: Option<Duration>,
    /// For all of them on all clusters.
    pub total_timeout: Option<Duration>,
    /// What is chosen where Kubernetes leaves a choice.
    pub settings: Settings,
    /// How intents are decided.
    pub strategy: Strategy,
    /// Keep the queries as SMT-LIB.
    pub keep_queries: bool,
    /// So many clusters are decided at once, or, of one cluster, constraints and groups of intents; 0 is 1.
    pub jobs: usize,
    /// Who wants to know how far it is.
    pub watch: Option<Watch>,
    /// Who may want it to end.
    pub interrupt: Option<Interrupt>,
}

/// A constraint and the PATH that it applies to; none is every cluster.
#[derive(Debug)]
struct Applied {
    constraint: Constraint,
    /// Whether it is one of the library.
    builtin: bool,
    path: Option<String>,
}

/// The result of `verify`, and the queries of each cluster if they are kept.
#[derive(Debug)]
pub struct Outcome {
    /// Ready to be rendered.
    pub run: Run,
    /// By cluster, in the run's order.
    pub queries: Vec<Vec<Query>>,
    /// Mistakes of the program: in place of what they would have decided, `unknown` stands.
    pub errors: Vec<InternalError>,
}

/// Reads, checks, verifies; nothing where there is a mistake of the program.
pub fn verify(
    sources: SourceMap,
    inputs: &[Input],
    options: &Options,
) -> Result<Outcome, InternalError> {
    let mut outcome = verify_all(sources, inputs, options);
    match outcome.errors.pop() {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

/// Reads, checks, verifies. A mistake of the program takes nothing else with it.
pub fn verify_all(mut sources: SourceMap, inputs: &[Input], options: &Options) -> Outcome {
    let loaded = input::load_with(&sources, inputs, options.input, &options.choices);
    let mut diagnostics = loaded.diagnostics;
    diagnostics.extend(loaded.not_read.iter().map(|n| not_read(&sources, n)));
    diagnostics.extend(loaded.unsupported.iter().map(not_supported));
    let (constraints, mut broken) = constraints(
        &mut sources,
        inputs,
        &loaded.specs,
        &loaded.clusters,
        options,
        &mut diagnostics,
    );
    let (intents, more) = applied(
        &loaded.intents,
        &loaded.clusters,
        &constraints,
        options,
        &mut diagnostics,
    );
    broken.extend(more);
    let mut bounds = Bounds::within(
        options.total_timeout,
        options.watch.clone(),
        options.interrupt.as_ref(),
    );
    let wanted = |c: &LoadedCluster| options.cluster.as_ref().is_none_or(|name| c.name == *name);
    let mut prepared = Vec::new();
    for cluster in loaded.clusters.into_iter().filter(wanted) {
        let excluded = broken
            .iter()
            .any(|path| path.as_ref().is_none_or(|p| *p == cluster.path));
        prepared.push(prepare(
            &mut sources,
            cluster,
            &constraints,
            &intents,
            excluded,
            options,
        ));
    }
    bounds.expect(prepared.iter().map(Prepared::count).sum());
    // Where there is one cluster, its constraints are what can be shared out.
    let within = if prepared.len() > 1 { 1 } else { options.jobs };
    let decided = parallel::each(options.jobs, &prepared, |cluster| match cluster {
        Prepared::Failed(_) => Saved::default(),
        Prepared::Ready(ready) => ready.verdicts(options, &bounds, within),
    });
    let mut clusters = Vec::new();
    let mut queries = Vec::new();
    let mut errors = Vec::new();
    for (cluster, decided) in prepared.into_iter().zip(decided) {
        let Saved {
            results,
            queries: kept,
            errors: lost,
        } = decided;
        errors.extend(lost);
        clusters.push(match cluster {
            Prepared::Failed(report) => *report,
            Prepared::Ready(ready) => ready.report(&sources, results, options),
        });
        queries.push(kept);
    }
    Outcome {
        run: Run {
            sources,
            clusters,
            diagnostics,
        },
        queries,
        errors,
    }
}

/// What `--only` calls all intents together.
pub const INTENTS: &str = "intents";

/// The built-in constraints that are asked for, then the users'; and the PATHs whose own constraints are broken.
fn constraints(
    sources: &mut SourceMap,
    inputs: &[Input],
    specs: &[SourceId],
    clusters: &[LoadedCluster],
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Applied>, Vec<Option<String>>) {
    let mut all = Vec::new();
    for builtin in library::builtins() {
        let source = sources.add(builtin.file, builtin.text);
        for constraint in parse(sources, source).0 {
            let named = |list: &[String]| {
                list.iter()
                    .any(|x| *x == constraint.id || *x == constraint.name)
            };
            let of_model = options.model == Model::Classic || constraint.id != "KP005";
            let wanted = if options.only.is_empty() {
                (!builtin.opt_in && of_model) || named(&options.enable)
            } else {
                named(&options.only)
            };
            if wanted {
                all.push(Applied {
                    constraint,
                    builtin: true,
                    path: None,
                });
            }
        }
    }
    let mut broken = Vec::new();
    for &source in specs {
        let path = inputs
            .iter()
            .find(|i| i.source == source)
            .map(|i| i.path.clone());
        // Beside clusters in one PATH, constraints apply to those; alone, to every cluster of the call.
        let path = path.filter(|p| clusters.iter().any(|c| c.path == *p));
        let (constraints, mistakes) = parse(sources, source);
        if !mistakes.is_empty() {
            diagnostics.extend(mistakes);
            broken.push(path.clone());
        }
        for constraint in constraints {
            if let Some(first) = all
                .iter()
                .find(|a: &&Applied| clashes(a, &constraint, path.as_ref()))
            {
                let message = format!("there is another constraint `{}`", constraint.id);
                let clash = Diagnostic::error("L115", constraint.span, message);
                diagnostics.push(clash.related(first.constraint.span, "first defined here"));
                broken.push(path.clone());
            } else if options.only.is_empty() || options.only.contains(&constraint.id) {
                all.push(Applied {
                    constraint,
                    builtin: false,
                    path: path.clone(),
                });
            }
        }
    }
    (all, broken)
}

fn clashes(known: &Applied, new: &Constraint, path: Option<&String>) -> bool {
    let meet = known.path.is_none() || path.is_none() || known.path.as_ref() == path;
    meet && (known.constraint.id == new.id || known.constraint.name == new.name)
}

/// Whether the texts hold an intent of this name, or one that cannot be read and may be it.
pub fn intent_named(name: &str, sources: &SourceMap, inputs: &[Input]) -> bool {
    // What is too large to be held is no intent.
    let held = inputs.iter().filter(|i| !i.source.is_far());
    let held: Vec<Input> = held.cloned().collect();
    let loaded = input::load(sources, &held, input::Options::default());
    let is = |i: &Option<Intent>| i.as_ref().is_none_or(|i| i.name == name);
    loaded.intents.iter().any(|i| is(&i.intent))
}

/// A text's constraints and mistakes.
pub fn parse(sources: &SourceMap, source: SourceId) -> (Vec<Constraint>, Vec<Diagnostic>) {
    let parsed = lang::parse(source, sources.get(source).text());
    let checked = check(&parsed.file);
    (
        checked.constraints,
        [parsed.diagnostics, checked.diagnostics].concat(),
    )
}

/// What is said of a text in a folder that is no object.
pub fn not_read(sources: &SourceMap, text: &input::NotRead) -> Diagnostic {
    let file = sources.get(text.source).name().to_owned();
    Diagnostic::error_in("I016", Some(file), format!("not read: {}", text.why)).warning()
}

/// What is said of an object that is not read.
pub fn not_supported(object: &input::Unsupported) -> Diagnostic {
    let message = format!(
        "objects of kind `{}` ({}) are not read yet",
        object.kind, object.api_version
    );
    Diagnostic::error("I028", object.span, message)
        .help("`kubeproof list kinds` lists what is read")
}
