//! Does the simulator agree? In release builds too.
//!
//! Knows: both sides' plain data. Must never know: terms, the solver.

use std::collections::BTreeMap;

use crate::logic::formula::{Arg, Constraint, Formula, Predicate, Term, VarId};
use crate::logic::structure::Structure;
use crate::model::entity::EntityId;
use crate::network::graph::Network;
use crate::network::header::Header;
use crate::network::trace::{Outcome, Trace};
use crate::sim::eval::{Assignment, EvalError, Evaluator, EventRecord, Value};
use crate::sim::measure;
use crate::sim::walk::{self, SimError};

use super::looks::Looks;
use super::verdict::{Counterexample, Message, Wanted, Witness};

/// The simulator does not agree with the encoding, or cannot say: an internal error, never a verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The message is none that its sender may send.
    #[error("the counterexample's message {0} is not honest")]
    Dishonest(Header),
    /// No outcome of the messages makes the constraint false.
    #[error("the simulator finds the constraint true for the counterexample")]
    Disagrees,
    /// The simulator gave up.
    #[error("the counterexample could not be walked: {0}")]
    Sim(#[from] SimError),
    /// The formula has no truth value.
    #[error("the counterexample could not be evaluated: {0}")]
    Eval(#[from] EvalError),
}

/// Walks the messages and evaluates the clause on every combination of their outcomes: the one that makes it false with the
/// fewest lookups counts. Outcomes that hang on something that is not modelled show nothing.
pub fn replay(
    network: &Network,
    structure: &Structure,
    constraint: &Constraint,
    body: &Formula,
    assignment: &[(VarId, Witness)],
    messages: &[(EntityId, Header)],
) -> Result<Counterexample, ReplayError> {
    let looks = Looks::of(body);
    let mut traces = Vec::new();
    for (sender, header) in messages {
        if !walk::honest(network, *sender, header) {
            return Err(ReplayError::Dishonest(*header));
        }
        traces.push(walk::trace(network, *sender, *header)?);
    }
    let evaluator = Evaluator::new(structure, &constraint.variables);
    let values: BTreeMap<VarId, Value> = assignment
        .iter()
        .map(|(id, witness)| (*id, value(*witness)))
        .collect();
    let lookups: Vec<Vec<usize>> = traces
        .iter()
        .map(|trace| trace.outcomes.iter().map(lookups).collect())
        .collect();
    let fewest: Vec<usize> = lookups
        .iter()
        .map(|all| all.iter().copied().min().unwrap_or_default())
        .collect();
    let mut best: Option<(Vec<usize>, Vec<usize>)> = None;
    let mut picked = vec![0; traces.len()];
    loop {
        let taken: Vec<usize> = picked.iter().zip(&lookups).map(|(&i, l)| l[i]).collect();
        if best.as_ref().is_none_or(|(least, _)| taken < *least) {
            let events = picked.iter().zip(&traces).zip(messages);
            let events = events.map(|((&i, trace), (sender, _))| EventRecord {
                sender: *sender,
                outcome: trace.outcomes[i].clone(),
            });
            let mut env = Assignment {
                values: values.clone(),
                events: events.collect(),
            };
            let unsure = env.events.iter().any(|e| looks.unsure(&e.outcome));
            if !unsure && !evaluator.truth(body, &mut env)? {
                let done = taken == fewest;
                best = Some((taken, picked.clone()));
                if done {
                    break;
                }
            }
        }
        if !next_combination(&mut picked, &traces) {
            break;
        }
    }
    let Some((_, picked)) = best else {
        return Err(ReplayError::Disagrees);
    };
    let messages =
        messages
            .iter()
            .zip(traces)
            .zip(picked)
            .map(|(((sender, header), mut trace), i)| {
                let broken = trace.outcomes.remove(i);
                trace.outcomes.insert(0, broken);
                Message {
                    sender: *sender,
                    header: *header,
                    trace,
                }
            });
    let name = |id: &VarId| constraint.variable(*id).name.clone();
    Ok(Counterexample {
        assignment: assignment
            .iter()
            .map(|(id, witness)| (name(id), *witness))
            .collect(),
        messages: messages.collect(),
        wanted: wanted(body, assignment),
        says: said(constraint, body),
        beyond: None,
        network: None,
        replayed: true,
    })
}

/// What the clause that is broken says in words.
fn said(constraint: &Constraint, body: &Formula) -> Option<&'static str> {
    let clauses = constraint.clauses();
    let at = clauses.iter().position(|(_, b)| std::ptr::eq(*b, body))?;
    constraint.says.get(at).copied()
}

/// The receiver that a conclusion names, directly or under `∧` and `∨`.
fn wanted(body: &Formula, assignment: &[(VarId, Witness)]) -> Option<Wanted> {
    let receiver = |f: &Formula| match f {
        Formula::Predicate(Predicate::Recv, args) => match args.get(1) {
            Some(Arg::Term(Term::Entity(id))) => Some(*id),
            Some(Arg::Term(Term::Var(id))) => {
                assignment.iter().find_map(|(v, witness)| match witness {
                    Witness::Entity(entity) if v == id => Some(*entity),
                    _ => None,
                })
            }
            _ => None,
        },
        _ => None,
    };
    match body {
        Formula::Implies(premise, conclusion) => {
            // Where the premise has the message received already, the conclusion is about something else.
            let parts: &[Formula] = match &**premise {
                Formula::And(parts) => parts,
                other => std::slice::from_ref(other),
            };
            let given = parts
                .iter()
                .any(|f| matches!(f, Formula::Predicate(Predicate::Recv, _)));
            if given {
                None
            } else {
                wanted(conclusion, assignment)
            }
        }
        Formula::And(parts) | Formula::Or(parts) => {
            parts.iter().find_map(|f| wanted(f, assignment))
        }
        Formula::Not(inner) => receiver(inner).map(Wanted::NotReceived),
        other => receiver(other).map(Wanted::Received),
    }
}

fn next_combination(picked: &mut [usize], traces: &[Trace]) -> bool {
    for (i, trace) in picked.iter_mut().zip(traces) {
        *i += 1;
        if *i < trace.outcomes.len() {
            return true;
        }
        *i = 0;
    }
    false
}

/// How many lookups a message took; in a loop, as many as it has until it repeats.
pub(super) fn lookups(outcome: &Outcome) -> usize {
    let steps = outcome.request.steps.len();
    measure::hops(&outcome.request).unwrap_or(steps)
}

fn value(witness: Witness) -> Value {
    match witness {
        Witness::Entity(id) => Value::Entity(id),
        Witness::Address(ip) => Value::Address(ip),
        Witness::Port(port) => Value::Port(port),
        Witness::Protocol(protocol) => Value::Protocol(protocol),
        Witness::Event(index) => Value::Event(index),
    }
}
