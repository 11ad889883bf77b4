//! The theorem's whole way: constraints from their texts, each proven; or the smallest cluster that breaks one.
//!
//! Knows: which constraints are goals, the order of questions. Must never know: files on disk, formats of output.

use std::time::Duration;

use super::{Options, Strategy, parse, verify};
use crate::base::source::SourceMap;
use crate::input::Input;
use crate::library;
use crate::logic::formula::Constraint;
use crate::report::run::Run;
use crate::smt::backend::first_order::FirstOrder;
use crate::smt::solver::Solver;
use crate::theorem::{self, Answer, Assumption, Beyond, Candidate, Decided, Lemma};
use crate::verify::direct::InternalError;
use crate::verify::verdict::Verdict;

/// The built-in constraints that the theorem is about.
pub const GOALS: [&str; 9] = [
    "KP002", "KP003", "KP004", "KP005", "KP006", "KP007", "KP008", "KP009", "KP010",
];

/// What to prove.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Where not empty: these goals and no others, by id or name.
    pub only: Vec<String>,
    /// For each question to the solver.
    pub timeout: Option<Duration>,
    /// Keep the questions as SMT-LIB.
    pub keep_queries: bool,
}

/// A goal and what came of it.
#[derive(Debug)]
pub struct Goal {
    /// The constraint.
    pub constraint: Constraint,
    /// The proof.
    pub proof: Decided,
    /// The small cluster that shows that the proof is not one of nothing; none where it was not asked for.
    pub model: Option<Decided>,
}

/// The theorem.
#[derive(Debug)]
pub struct Theorem {
    /// The goals, in order.
    pub goals: Vec<Goal>,
    /// The lemmas.
    pub lemmas: Vec<(&'static Lemma, Decided)>,
}

impl Theorem {
    /// Whether every goal is proven, is about something, and every lemma is proven.
    pub fn proven(&self) -> bool {
        let goals = self.goals.iter().all(|g| {
            is_proven(&g.proof) && g.model.as_ref().is_none_or(|m| m.answer == Answer::Broken)
        });
        goals && self.lemmas.iter().all(|(_, decided)| is_proven(decided))
    }
}

/// Whether it is proven.
pub fn is_proven(decided: &Decided) -> bool {
    matches!(decided.answer, Answer::Proven(_))
}

/// What the theorem is without one of its assumptions.
#[derive(Debug)]
pub struct Without {
    /// The assumption.
    pub assumption: &'static Assumption,
    /// The goals, without it.
    pub goals: Vec<Goal>,
    /// The smallest cluster that breaks one of them, if one is broken and such a cluster was found.
    pub counterexample: Option<Counterexample>,
}

/// A small cluster that breaks a constraint.
#[derive(Debug)]
pub struct Counterexample {
    /// The cluster file.
    pub cluster: Candidate,
    /// What `verify` says of it; the first violated constraint is the one that is shown.
    pub run: Run,
    /// That constraint.
    pub violated: String,
}

/// The goals that are wanted.
pub fn goals(only: &[String]) -> Vec<Constraint> {
    let mut all = Vec::new();
    for builtin in library::builtins().iter().filter(|b| GOALS.contains(&b.id)) {
        let mut sources = SourceMap::new();
        let source = sources.add(builtin.file, builtin.text);
        all.extend(parse(&sources, source).0);
    }
    all.retain(|c| only.is_empty() || only.iter().any(|o| *o == c.id || *o == c.name));
    all
}

fn solver() -> Box<dyn Solver> {
    Box::new(FirstOrder::new())
}

/// Proves the goals and the lemmas.
pub fn prove(wanted: &Wanted) -> Result<Theorem, Beyond> {
    let options = theorem::Options {
        without: Vec::new(),
        timeout: wanted.timeout,
        cores: true,
        keep_queries: wanted.keep_queries,
        scope: None,
    };
    let mut all = Vec::new();
    for constraint in goals(&wanted.only) {
        let proof = theorem::prove(&constraint, &options, &solver)?;
        let model = theorem::inhabit(&constraint, &options, &solver)?;
        all.push(Goal {
            constraint,
            proof,
            model: Some(model),
        });
    }
    let decide = |lemma| (lemma, theorem::prove_lemma(lemma, &options, &solver));
    let lemmas = theorem::lemmas().iter().map(decide).collect();
    Ok(Theorem { goals: all, lemmas })
}

/// The trouble of [`without`].
#[derive(Debug, thiserror::Error)]
pub enum WithoutError {
    /// A constraint that the theorem cannot speak of.
    #[error(transparent)]
    Beyond(#[from] Beyond),
    /// `verify` failed.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Asks whether the goals hold without an assumption; if not, looks for the smallest cluster that shows it.
pub fn without(assumption: &'static Assumption, wanted: &Wanted) -> Result<Without, WithoutError> {
    let options = theorem::Options {
        without: vec![assumption.id.to_owned()],
        timeout: wanted.timeout,
        cores: false,
        keep_queries: wanted.keep_queries,
        scope: None,
    };
    let mut goals_without = Vec::new();
    for constraint in goals(&wanted.only) {
        let proof = theorem::prove(&constraint, &options, &solver)?;
        goals_without.push(Goal {
            constraint,
            proof,
            model: None,
        });
    }
    let open = goals_without.iter().filter(|g| !is_proven(&g.proof));
    let open: Vec<String> = open.map(|g| g.constraint.id.clone()).collect();
    let counterexample = if open.is_empty() {
        None
    } else {
        search(assumption, &open, wanted.timeout)?
    };
    Ok(Without {
        assumption,
        goals: goals_without,
        counterexample,
    })
}

/// Small clusters in which the assumption alone is broken, decided by the strategy `direct`, replay and all, until one
/// of the constraints is violated.
fn search(
    assumption: &Assumption,
    open: &[String],
    timeout: Option<Duration>,
) -> Result<Option<Counterexample>, InternalError> {
    let options = Options {
        only: open.to_vec(),
        strategy: Strategy::Direct,
        timeout,
        ..Options::default()
    };
    for size in theorem::SIZES {
        for cluster in theorem::candidates(assumption.id, size) {
            let mut sources = SourceMap::new();
            let path = format!("without-{}.yaml", assumption.id);
            let source = sources.add(&path, &cluster.text);
            let input = Input {
                source,
                path,
                named: true,
            };
            let run = verify(sources, &[input], &options)?.run;
            if let Some(violated) = first_violated(&run) {
                return Ok(Some(Counterexample {
                    cluster,
                    run,
                    violated,
                }));
            }
        }
    }
    Ok(None)
}

fn first_violated(run: &Run) -> Option<String> {
    let mut results = run
        .clusters
        .iter()
        .filter_map(|c| c.verified.as_ref())
        .flat_map(|v| &v.results);
    let violated = results.find(|r| r.verdict == Verdict::Violated)?;
    Some(violated.id.clone())
}
