//! Goals decided: the denial of a constraint, with all assumptions, is unsatisfiable; and which assumptions that needs.
//!
//! Knows: the solver, cores. Must never know: which constraint it is, files, words for people.

use std::time::Duration;

use super::assumption::{Piece, pieces};
use super::axioms;
use super::fact::Beyond;
use super::formula;
use super::journey::{anywhere, journey};
use super::lemma::Lemma;
use super::message::Journey;
use super::model;
use super::problem::Problem;
use super::scope::{Scope, scope};
use super::world::World;
use crate::logic::formula::{Constraint, Formula, Predicate};
use crate::smt::smtlib;
use crate::smt::solver::{Limits, SatResult, Solver};
use crate::smt::term::TermId;

/// How to prove.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Assumptions to do without, by id.
    pub without: Vec<String>,
    /// For each question to the solver.
    pub timeout: Option<Duration>,
    /// Find the assumptions that the proof needs.
    pub cores: bool,
    /// Keep the question as SMT-LIB.
    pub keep_queries: bool,
    /// What contracts are assumed of; none: what is known to be enough for the goal ([`scope`]).
    pub scope: Option<Scope>,
}

/// What came of a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds in every cluster that satisfies these assumptions, no one of which the proof can do without.
    Proven(Vec<Piece>),
    /// There is a model of the assumptions that breaks it.
    Broken,
    /// The solver did not decide, and why.
    Unknown(String),
}

/// A question as it was put, with the answer.
#[derive(Debug, Clone)]
pub struct Query {
    /// What it is called: `KP003`.
    pub name: String,
    /// SMT-LIB.
    pub text: String,
}

/// A goal, decided.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What came of it.
    pub answer: Answer,
    /// How many questions the solver decided.
    pub questions: usize,
    /// If they are kept.
    pub query: Option<Query>,
}

/// Proves a constraint for clusters of every size.
///
/// Where receipt is a premise, first of a receipt at any hop, which needs least. Else, or where that does not do, of all
/// ways there are.
pub fn prove(
    constraint: &Constraint,
    options: &Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Result<Decided, Beyond> {
    let scope = options.scope.unwrap_or_else(|| scope(&constraint.id));
    let received = receipt_is_a_premise(constraint);
    let mut questions = 0;
    if received && !formula::asks_for_answers(&constraint.formula) {
        let mut world = World::new();
        let journey = anywhere(&mut world, scope);
        let denied = formula::denial(&mut world, &journey, constraint)?;
        let problem = with(world, journey, denied);
        let decided = decide(problem, &constraint.id, options, new_solver);
        if matches!(decided.answer, Answer::Proven(_)) {
            return Ok(decided);
        }
        questions = decided.questions;
    }
    let mut world = World::new();
    let answers = formula::asks_for_answers(&constraint.formula);
    let journey = journey(&mut world, scope, answers);
    let mut denied = formula::denial(&mut world, &journey, constraint)?;
    if received {
        // A message that is received after all the lookups that are looked at would be missed: that there is none is
        // part of the goal.
        denied = world.or(&[denied, journey.endless]);
    }
    let problem = with(world, journey, denied);
    let mut decided = decide(problem, &constraint.id, options, new_solver);
    decided.questions += questions;
    Ok(decided)
}

/// All that holds of a journey, and what is denied of it.
fn with(mut world: World, journey: Journey, denied: TermId) -> Problem {
    let mut facts = axioms::meanings(&mut world);
    let mut assumed = axioms::admissible(&mut world);
    facts.extend(journey.facts);
    assumed.extend(journey.assumed);
    Problem {
        world,
        facts,
        assumed,
        denied,
    }
}

fn receipt_is_a_premise(constraint: &Constraint) -> bool {
    fn received(f: &Formula) -> bool {
        match f {
            Formula::Predicate(p, _) => matches!(p, Predicate::Recv | Predicate::Dials),
            Formula::And(all) => all.iter().any(received),
            _ => false,
        }
    }
    let premise = |f: &Formula| matches!(f, Formula::Implies(f, _) if received(f));
    constraint.clauses().iter().any(|(_, body)| premise(body))
}

/// Decides a lemma, as [`prove`] does a constraint.
pub fn prove_lemma(
    lemma: &Lemma,
    options: &Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Decided {
    decide(lemma.problem(), lemma.id, options, new_solver)
}

/// Looks for a small cluster that satisfies all assumptions, with a message that the constraint is about.
/// [`Answer::Broken`] is what it is to answer: there is one.
pub fn inhabit(
    constraint: &Constraint,
    options: &Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Result<Decided, Beyond> {
    let mut world = World::new();
    let journey = journey(&mut world, Scope::Everywhere, true);
    let wanted = formula::premises(&mut world, &journey, constraint)?;
    let problem = with(world, journey, wanted);
    Ok(decide(
        model::finite(problem, wanted),
        &format!("{}-model", constraint.id),
        options,
        new_solver,
    ))
}

/// Asks, and minimises the core by leaving out one piece after the other.
pub(super) fn decide(
    mut problem: Problem,
    name: &str,
    options: &Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Decided {
    let mut solver = new_solver();
    let limits = Limits {
        timeout: options.timeout,
    };
    let kept = |p: &Piece| !options.without.iter().any(|w| w == p.id);
    let w = &mut problem.world;
    let literals: Vec<(Piece, TermId)> = pieces()
        .into_iter()
        .filter(|p| kept(p) && problem.assumed.iter().any(|(q, _)| q == p))
        .map(|p| (p, w.flag(&label(p))))
        .collect();
    let mut named = Vec::new();
    for &(piece, literal) in &literals {
        for &(of, t) in &problem.assumed {
            if of == piece {
                named.push((literal, w.implies(&[literal], t)));
            }
        }
    }
    let pool = &problem.world.pool;
    let implied = named.iter().map(|(_, t)| *t);
    for t in problem
        .facts
        .iter()
        .copied()
        .chain(implied)
        .chain([problem.denied])
    {
        solver.assert(pool, t);
    }
    let all: Vec<TermId> = literals.iter().map(|(_, t)| *t).collect();
    let mut questions = 1;
    let result = solver.check(pool, &all, limits);
    let status = match &result {
        SatResult::Sat => "sat",
        SatResult::Unsat => "unsat",
        SatResult::Unknown(_) => "unknown",
    };
    // What the script assumes: all, or what the proof needs.
    let mut stated = all.clone();
    let answer = match result {
        SatResult::Sat => Answer::Broken,
        SatResult::Unknown(why) => Answer::Unknown(why),
        SatResult::Unsat => {
            let mut core = solver.unsat_assumptions();
            let mut kept = all.clone();
            if options.cores {
                // From the last to the first: what is said of switches goes before what is said of the cluster. What
                // the solver's core leaves out needs no question; so the result hangs on the order only, and not on
                // which core the solver happens to find.
                for &t in all.iter().rev() {
                    let rest: Vec<TermId> = kept.iter().copied().filter(|&c| c != t).collect();
                    if core.contains(&t) {
                        questions += 1;
                        if solver.check(pool, &rest, limits) != SatResult::Unsat {
                            continue;
                        }
                        core = solver.unsat_assumptions();
                    }
                    kept = rest;
                }
                core = kept;
                stated.clone_from(&core);
            }
            let used = literals.iter().filter(|(_, t)| core.contains(t));
            Answer::Proven(used.map(|(p, _)| *p).collect())
        }
    };
    let query = options.keep_queries.then(|| {
        let comments = [
            format!("{name}: is there a cluster, of any size, that satisfies these assumptions and breaks it?"),
            "Each assumption is named by a Boolean that implies it. All sorts are uninterpreted.".to_owned(),
        ];
        let mut asserts = problem.facts.clone();
        let wanted = named.iter().filter(|(literal, _)| stated.contains(literal));
        asserts.extend(wanted.map(|(_, t)| *t));
        asserts.push(problem.denied);
        asserts.extend(&stated);
        let text = smtlib::print(pool, &asserts, &comments, Some(status));
        Query { name: name.to_owned(), text }
    });
    Decided {
        answer,
        questions,
        query,
    }
}

fn label(piece: Piece) -> String {
    if piece.part.is_empty() {
        format!("assume {}", piece.id)
    } else {
        format!("assume {} {}", piece.id, piece.part)
    }
}
