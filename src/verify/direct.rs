//! The strategy `direct`: the whole cluster as one symbolic query. The reference, for small clusters and as the oracle.
//!
//! Must never know: formats of output, a particular solver.

use std::time::{Duration, Instant};

use crate::decode::Reader;
use crate::encode::Encoder;
use crate::encode::domain::Domain;
use crate::encode::event::Direction;
use crate::encode::relation::Sym;
use crate::encode::symbols::Obligation;
use crate::logic::formula::{Constraint, Formula, Sort, VarId};
use crate::logic::literals::Literals;
use crate::lower::Lowered;
use crate::model::entity::EntityId;
use crate::network::header::Header;
use crate::smt::smtlib;
use crate::smt::solver::{Limits, SatResult, Solver};
use crate::smt::term::TermId;

use super::canonical::Narrowing;
use super::replay::{ReplayError, replay};
use super::verdict::{CheckResult, Counterexample, Verdict, Witness};

/// Its name in results.
pub const STRATEGY: &str = "direct";

/// A bound on the hops that are unrolled. Without translations a cluster never needs more than it has switches; with
/// them a header may change for ever, and then the verdict is `unknown`.
const MOST_HOPS: usize = 512;

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
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Checked {
    /// One per constraint, in their order.
    pub results: Vec<CheckResult>,
    /// The queries, if they are kept.
    pub queries: Vec<Query>,
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

/// Checks constraints, which are bound to this cluster, one after the other.
pub fn check(
    lowered: &Lowered,
    constraints: &[Constraint],
    options: Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Result<Checked, InternalError> {
    // Nothing is asked: a large cluster need not be looked at.
    if constraints.is_empty() {
        return Ok(Checked::default());
    }
    let (structure, network) = (&lowered.structure, &lowered.network);
    let domain = if options.plain_headers {
        Domain::plain()
    } else {
        Domain::classes(structure, network, &Literals::of(constraints))
    };
    let mut checker = Checker {
        lowered,
        encoder: Encoder::new(structure, network, domain),
        solver: new_solver(),
        options,
        facts: Vec::new(),
        bounds: Vec::new(),
        checked: Checked::default(),
    };
    for constraint in constraints {
        let result = checker.constraint(constraint)?;
        checker.checked.results.push(result);
    }
    Ok(checker.checked)
}

struct Checker<'c> {
    lowered: &'c Lowered,
    encoder: Encoder<'c>,
    solver: Box<dyn Solver>,
    options: Options,
    /// All facts so far, for SMT-LIB.
    facts: Vec<TermId>,
    /// The complete bound of each slot (message, answer), or why there is none.
    bounds: Vec<Result<(usize, usize), String>>,
    checked: Checked,
}

/// One clause, decided.
enum Decided {
    Holds,
    Vacuous,
    Broken(Counterexample),
    Unknown(String),
}

impl Checker<'_> {
    fn constraint(&mut self, constraint: &Constraint) -> Result<CheckResult, InternalError> {
        let deadline = self.options.timeout.map(|t| Instant::now() + t);
        let mut queries = 0;
        let mut verdict = Verdict::Vacuous;
        let mut detail = String::new();
        let mut counterexample = None;
        for (index, (variables, body)) in constraint.clauses().into_iter().enumerate() {
            match self.clause(constraint, index, &variables, body, deadline, &mut queries)? {
                Decided::Holds if verdict == Verdict::Vacuous => verdict = Verdict::Proven,
                Decided::Vacuous | Decided::Holds => {}
                Decided::Broken(found) => {
                    verdict = Verdict::Violated;
                    counterexample = Some(found);
                    detail = String::new();
                    break;
                }
                Decided::Unknown(why) => {
                    verdict = Verdict::Unknown;
                    detail = why;
                }
            }
        }
        if verdict == Verdict::Proven || verdict == Verdict::Vacuous {
            detail = self.universe(constraint, verdict);
        }
        Ok(CheckResult {
            id: constraint.id.clone(),
            constraint: constraint.name.clone(),
            title: constraint.title.clone(),
            verdict,
            strategy: STRATEGY,
            queries,
            compared: 0,
            detail,
            counterexample,
            depends_on: Vec::new(),
        })
    }

    /// For which universe a verdict holds.
    fn universe(&self, constraint: &Constraint, verdict: Verdict) -> String {
        if verdict == Verdict::Vacuous {
            return "nothing in this cluster satisfies the premises".to_owned();
        }
        let about_messages = constraint.variables.iter().any(|v| v.sort == Sort::Event);
        match self.bounds.first() {
            Some(Ok((request, answer))) if about_messages => format!(
                "all messages that processes of this cluster can send (a complete bound: {request} hops there, {answer} back)"
            ),
            _ => "this cluster".to_owned(),
        }
    }

    fn clause(
        &mut self,
        constraint: &Constraint,
        index: usize,
        variables: &[VarId],
        body: &Formula,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<Decided, InternalError> {
        let slots = variables
            .iter()
            .filter(|id| constraint.variable(**id).sort == Sort::Event)
            .count();
        for slot in 0..slots {
            if slot == self.bounds.len() {
                let bound = self.unroll(slot, deadline, queries);
                self.bounds.push(bound);
            }
            if let Err(why) = &self.bounds[slot] {
                return Ok(Decided::Unknown(why.clone()));
            }
        }
        let obligation = match self.encoder.clause(constraint, variables, body) {
            Ok(obligation) => obligation,
            Err(why) => return Ok(Decided::Unknown(why.to_string())),
        };
        self.assert_facts();
        let name = format!("{}-{}", constraint.id, index + 1);
        self.solver.push();
        self.solver.assert(&self.encoder.pool, obligation.negated);
        let answer = self.ask(&[], deadline, queries);
        self.keep(
            &format!("{name}-counterexample"),
            obligation.negated,
            constraint,
            &answer,
        );
        let decided = match answer {
            SatResult::Sat => self.broken(constraint, body, &obligation, slots, deadline, queries),
            SatResult::Unknown(why) => Ok(Decided::Unknown(why)),
            SatResult::Unsat => Ok(Decided::Holds),
        };
        self.solver.pop();
        if !matches!(decided, Ok(Decided::Holds)) {
            return decided;
        }
        let premise = self.ask(&[obligation.premise], deadline, queries);
        self.keep(
            &format!("{name}-premise"),
            obligation.premise,
            constraint,
            &premise,
        );
        Ok(match premise {
            SatResult::Sat => Decided::Holds,
            SatResult::Unsat => Decided::Vacuous,
            SatResult::Unknown(why) => Decided::Unknown(why),
        })
    }

    /// Unrolls a new event, message and answer, each to a bound that the solver shows to be complete.
    fn unroll(
        &mut self,
        slot: usize,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<(usize, usize), String> {
        self.encoder.send();
        let request = self.unroll_direction(slot, Direction::Request, deadline, queries)?;
        self.encoder.receive(slot);
        let answer = self.unroll_direction(slot, Direction::Answer, deadline, queries)?;
        self.encoder.answered(slot);
        self.assert_facts();
        Ok((request, answer))
    }

    fn unroll_direction(
        &mut self,
        slot: usize,
        direction: Direction,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<usize, String> {
        // Pod, node, node, pod: the ideal path of the seed.
        let mut hops = 0;
        let mut wanted = 4;
        loop {
            while hops < wanted {
                self.encoder.unroll(slot, direction);
                hops += 1;
            }
            let travelling = self.encoder.travelling(slot, direction);
            self.assert_facts();
            match self.encoder.pool.as_truth(travelling) {
                Some(false) => return Ok(hops),
                _ => match self.ask(&[travelling], deadline, queries) {
                    SatResult::Unsat => return Ok(hops),
                    SatResult::Sat if hops >= MOST_HOPS => {
                        return Err(format!(
                            "a message may change its header for more than {MOST_HOPS} hops"
                        ));
                    }
                    SatResult::Sat => wanted = (hops + 2).max(hops * 3 / 2),
                    SatResult::Unknown(why) => return Err(why),
                },
            }
        }
    }

    fn assert_facts(&mut self) {
        for fact in self.encoder.take_facts() {
            self.solver.assert(&self.encoder.pool, fact);
            self.facts.push(fact);
        }
    }

    fn limits(deadline: Option<Instant>) -> Limits {
        Limits {
            timeout: deadline.map(|at| at.saturating_duration_since(Instant::now())),
        }
    }

    fn ask(
        &mut self,
        assumptions: &[TermId],
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> SatResult {
        *queries += 1;
        self.solver
            .check(&self.encoder.pool, assumptions, Self::limits(deadline))
    }

    fn keep(&mut self, name: &str, goal: TermId, constraint: &Constraint, answer: &SatResult) {
        if !self.options.keep_queries {
            return;
        }
        let status = match answer {
            SatResult::Sat => Some("sat"),
            SatResult::Unsat => Some("unsat"),
            SatResult::Unknown(_) => None,
        };
        let mut comments = vec![
            format!(
                "{} {}: {}",
                constraint.id, constraint.name, constraint.title
            ),
            "unsat: no counterexample; for a premise: the constraint is vacuous".to_owned(),
        ];
        comments.extend(self.encoder.legend());
        let asserts: Vec<TermId> = self.facts.iter().copied().chain([goal]).collect();
        let text = smtlib::print(&self.encoder.pool, &asserts, &comments, status);
        self.checked.queries.push(Query {
            name: name.to_owned(),
            text,
        });
    }

    /// Makes the counterexample canonical, reads it off, replays it.
    fn broken(
        &mut self,
        constraint: &Constraint,
        body: &Formula,
        obligation: &Obligation,
        slots: usize,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<Decided, InternalError> {
        let mut narrowing = Narrowing {
            encoder: &mut self.encoder,
            solver: &mut *self.solver,
            limits: Self::limits(deadline),
            queries: 0,
        };
        let narrowed = narrowing.run(obligation, slots);
        *queries += narrowing.queries;
        if let Err(why) = narrowed {
            return Ok(Decided::Unknown(format!(
                "violated, but the counterexample could not be narrowed: {why}"
            )));
        }
        let Some((assignment, messages)) = self.read(obligation, slots) else {
            return Ok(Decided::Unknown(
                "violated, but the solver gave no values".to_owned(),
            ));
        };
        let (network, structure) = (&self.lowered.network, &self.lowered.structure);
        replay(network, structure, constraint, body, &assignment, &messages)
            .map(Decided::Broken)
            .map_err(|why| InternalError {
                id: constraint.id.clone(),
                why,
            })
    }

    #[expect(
        clippy::type_complexity,
        reason = "values of the variables, and the messages"
    )]
    fn read(
        &mut self,
        obligation: &Obligation,
        slots: usize,
    ) -> Option<(Vec<(VarId, Witness)>, Vec<(EntityId, Header)>)> {
        let mut reader = Reader {
            encoder: &self.encoder,
            solver: &mut *self.solver,
        };
        let mut assignment = Vec::new();
        for (id, symbol) in &obligation.symbols {
            let witness = match symbol {
                Sym::Entity(term) => Witness::Entity(reader.entity(*term)?),
                Sym::Address(address) => Witness::Address(reader.address(*address)?),
                Sym::Port(term) => Witness::Port(reader.port(*term)?),
                Sym::Protocol(term) => Witness::Protocol(reader.protocol(*term)?),
                Sym::Event(slot) => Witness::Event(*slot),
            };
            assignment.push((*id, witness));
        }
        let mut messages = Vec::new();
        for slot in 0..slots {
            let event = reader.encoder.event(slot);
            let sender = reader.entity(event.sender)?;
            messages.push((sender, reader.header(event.sent)?));
        }
        Some((assignment, messages))
    }
}
