//! The truth of a formula under an assignment, by enumeration: the reference semantics of the constraint language.
//!
//! Knows: what each predicate means. Must never know: SMT, the encoding.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::logic::formula::{Comparison, Fact, Formula, Sort, Term, VarId, Variable};
use crate::logic::structure::Structure;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, Protocol};
use crate::network::header::Header;
use crate::network::trace::Outcome;

use super::measure;

/// The value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// An index into the events of the assignment.
    Event(usize),
    /// An entity.
    Entity(EntityId),
    /// An address.
    Address(IpAddr),
    /// A port.
    Port(u16),
    /// A protocol.
    Protocol(Protocol),
}

/// An event: a message that a process sent, and one outcome of it.
#[derive(Debug, Clone)]
pub struct EventRecord {
    /// The sender.
    pub sender: EntityId,
    /// What happened.
    pub outcome: Outcome,
}

/// Values for variables.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    /// By variable.
    pub values: BTreeMap<VarId, Value>,
    /// What [`Value::Event`] points at.
    pub events: Vec<EventRecord>,
}

/// Why a formula has no truth value here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A variable without a value.
    #[error("variable `{0}` has no value")]
    Unassigned(String),
    /// A term of the wrong sort; the checker lets none through.
    #[error("a term has the wrong sort")]
    WrongSort,
}

/// A structure, the declared variables, and the candidates that inner quantifiers range over.
#[derive(Debug)]
pub struct Evaluator<'s> {
    pub(super) structure: &'s Structure,
    variables: &'s [Variable],
    /// By sort, once somebody asked.
    candidates: [OnceCell<Vec<Value>>; 5],
}

impl<'s> Evaluator<'s> {
    /// An evaluator for one constraint's formulas.
    pub fn new(structure: &'s Structure, variables: &'s [Variable]) -> Self {
        Self {
            structure,
            variables,
            candidates: Default::default(),
        }
    }

    /// The truth of a formula.
    pub fn truth(&self, formula: &Formula, env: &mut Assignment) -> Result<bool, EvalError> {
        Ok(match formula {
            Formula::Constant(value) => *value,
            Formula::Not(inner) => !self.truth(inner, env)?,
            Formula::And(parts) => {
                for part in parts {
                    if !self.truth(part, env)? {
                        return Ok(false);
                    }
                }
                true
            }
            Formula::Or(parts) => {
                for part in parts {
                    if self.truth(part, env)? {
                        return Ok(true);
                    }
                }
                false
            }
            Formula::Implies(a, b) => !self.truth(a, env)? || self.truth(b, env)?,
            Formula::Iff(a, b) => self.truth(a, env)? == self.truth(b, env)?,
            Formula::Exists(variables, body) => self.some(variables, body, env, true)?,
            Formula::Forall(variables, body) => !self.some(variables, body, env, false)?,
            Formula::Equal(a, b) => self.value(a, env)? == self.value(b, env)?,
            Formula::Compare(a, op, b) => compare(
                u64::from(self.port(a, env)?),
                *op,
                u64::from(self.port(b, env)?),
            ),
            Formula::Hops(event, op, bound) => {
                let hops = measure::hops(&self.event(*event, env)?.outcome.request);
                compare(hops.map_or(u64::MAX, |h| h as u64), *op, u64::from(*bound))
            }
            Formula::InPrefix(a, net) => net.contains(&self.address(a, env)?),
            Formula::InRange(p, low, high) => (*low..=*high).contains(&self.port(p, env)?),
            Formula::Label(e, key, wanted) => {
                let has = self.structure.entities[self.entity(e, env)?.index()]
                    .labels
                    .get(key);
                has.is_some_and(|value| wanted.as_ref().is_none_or(|w| w == value))
            }
            Formula::Namespace(e, wanted) => {
                self.structure.entities[self.entity(e, env)?.index()]
                    .namespace
                    .as_ref()
                    == Some(wanted)
            }
            Formula::Fact(e, fact) => {
                let row = &self.structure.entities[self.entity(e, env)?.index()];
                match fact {
                    Fact::Namespaced => row.namespace.is_some(),
                    Fact::NamespaceLabel(key, wanted) => {
                        let has = row.namespace_labels.get(key);
                        has.is_some_and(|value| wanted.as_ref().is_none_or(|w| w == value))
                    }
                    Fact::Workload(kind, name) => row
                        .workload
                        .as_ref()
                        .is_some_and(|own| (&own.0, &own.1) == (kind, name)),
                }
            }
            Formula::OtherLabel(e, f, key) => {
                let value = |t| -> Result<Option<&String>, EvalError> {
                    let row = &self.structure.entities[self.entity(t, env)?.index()];
                    Ok(row.labels.get(key))
                };
                matches!((value(e)?, value(f)?), (Some(a), Some(b)) if a != b)
            }
            Formula::NamedPort(e, name, port, protocol) => {
                let port = self.port(port, env)?;
                let Value::Protocol(protocol) = self.value(protocol, env)? else {
                    return Err(EvalError::WrongSort);
                };
                let row = &self.structure.entities[self.entity(e, env)?.index()];
                let called = (name.clone(), port, protocol);
                row.named_ports.contains(&called)
            }
            Formula::Predicate(predicate, args) => self.predicate(*predicate, args, env)?,
        })
    }

    /// Whether some values of the variables make the body equal to `wanted`: one variable after the other, and what can be
    /// judged by then before the next.
    fn some(
        &self,
        variables: &[VarId],
        body: &Formula,
        env: &mut Assignment,
        wanted: bool,
    ) -> Result<bool, EvalError> {
        let mut needs = Vec::new();
        needed(body, wanted, &mut |formula, truth| {
            let last = variables.iter().rposition(|v| formula.mentions(*v));
            needs.push((last.map_or(0, |at| at + 1), formula, truth));
        });
        self.some_from(0, variables, &needs, env)
    }

    /// The same where so many variables have values.
    fn some_from(
        &self,
        bound: usize,
        variables: &[VarId],
        needs: &[(usize, &Formula, bool)],
        env: &mut Assignment,
    ) -> Result<bool, EvalError> {
        for (known, formula, truth) in needs {
            if *known == bound && self.truth(formula, env)? != *truth {
                return Ok(false);
            }
        }
        let Some(variable) = variables.get(bound) else {
            return Ok(true);
        };
        let sort = self.variables[variable.0 as usize].sort;
        let more = of_messages(sort, env);
        for value in self.candidates(sort).iter().chain(&more) {
            env.values.insert(*variable, *value);
            let found = self.some_from(bound + 1, variables, needs, env);
            env.values.remove(variable);
            if found? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Inner variables are guarded (see [`crate::logic::formula::Constraint`]), so what stands in a table or a header is
    /// all that can make a difference. Of a wide prefix or range its ends, and an address that nobody holds, stand for
    /// the rest. These are those of the tables.
    fn candidates(&self, sort: Sort) -> &[Value] {
        self.candidates[sort as usize].get_or_init(|| match sort {
            Sort::Event => Vec::new(),
            Sort::Entity => self.universe().map(Value::Entity).collect(),
            Sort::Protocol => Protocol::ALL.into_iter().map(Value::Protocol).collect(),
            Sort::Address => self.addresses().into_iter().map(Value::Address).collect(),
            Sort::Port => self.ports().into_iter().map(Value::Port).collect(),
        })
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        let s = self.structure;
        let mut all: BTreeSet<IpAddr> = s
            .addr
            .iter()
            .flat_map(|(_, net)| [net.addr(), net.broadcast()])
            .collect();
        all.extend(s.addr.iter().filter_map(|(_, net)| s.free_in(net)));
        all.extend(s.serves.iter().map(|row| row.1));
        all.extend(s.endpoint.iter().map(|row| row.address));
        all.extend(s.offered.iter().map(|row| row.address));
        all.extend(s.selected.iter().map(|row| row.2));
        all.extend(s.listed.iter().map(|row| row.1));
        all.extend([Family::V4.loopback(), Family::V6.loopback()]);
        all
    }

    fn ports(&self) -> BTreeSet<u16> {
        let s = self.structure;
        let mut all: BTreeSet<u16> = s.open.iter().flat_map(|row| [row.low, row.high]).collect();
        all.extend(s.serves.iter().map(|row| row.2));
        all.extend(s.service_port.iter().map(|row| row.1));
        let endpoints = s.endpoint.iter();
        all.extend(endpoints.flat_map(|row| [row.port, row.target_port]));
        all.extend(s.offered.iter().flat_map(|row| [row.port, row.dialled]));
        let named = s.entities.iter().flat_map(|row| &row.named_ports);
        all.extend(named.map(|(_, port, _)| *port));
        all
    }

    pub(super) fn universe(&self) -> impl Iterator<Item = EntityId> + use<'_, 's> {
        let ids = (0..self.structure.entities.len() as u32).map(EntityId);
        ids.filter(|id| self.structure.entities[id.index()].kind().is_entity())
    }

    /// The one entity where it is known, else all.
    pub(super) fn universe_or(
        &self,
        known: Option<Value>,
    ) -> Box<dyn Iterator<Item = EntityId> + '_> {
        match known {
            Some(Value::Entity(id)) => Box::new(std::iter::once(id)),
            _ => Box::new(self.universe()),
        }
    }

    pub(super) fn value(&self, term: &Term, env: &Assignment) -> Result<Value, EvalError> {
        Ok(match term {
            Term::Var(id) => *env
                .values
                .get(id)
                .ok_or_else(|| EvalError::Unassigned(self.name(*id)))?,
            Term::Named(name, _) => return Err(EvalError::Unassigned(name.to_string())),
            Term::Entity(id) => Value::Entity(*id),
            Term::Address(a) => Value::Address(*a),
            Term::Port(p) => Value::Port(*p),
            Term::Protocol(p) => Value::Protocol(*p),
            Term::ProtocolOf(event) => {
                Value::Protocol(self.event(*event, env)?.outcome.sent.protocol)
            }
        })
    }

    pub(super) fn event<'e>(
        &self,
        id: VarId,
        env: &'e Assignment,
    ) -> Result<&'e EventRecord, EvalError> {
        match env.values.get(&id) {
            Some(Value::Event(index)) => Ok(&env.events[*index]),
            _ => Err(EvalError::Unassigned(self.name(id))),
        }
    }

    fn name(&self, id: VarId) -> String {
        self.variables[id.0 as usize].name.clone()
    }

    fn entity(&self, term: &Term, env: &Assignment) -> Result<EntityId, EvalError> {
        if let Value::Entity(id) = self.value(term, env)? {
            Ok(id)
        } else {
            Err(EvalError::WrongSort)
        }
    }

    fn address(&self, term: &Term, env: &Assignment) -> Result<IpAddr, EvalError> {
        if let Value::Address(a) = self.value(term, env)? {
            Ok(a)
        } else {
            Err(EvalError::WrongSort)
        }
    }

    fn port(&self, term: &Term, env: &Assignment) -> Result<u16, EvalError> {
        if let Value::Port(p) = self.value(term, env)? {
            Ok(p)
        } else {
            Err(EvalError::WrongSort)
        }
    }
}

fn compare(a: u64, op: Comparison, b: u64) -> bool {
    match op {
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
    }
}

/// What must have which truth so that a formula has this one: all of it.
fn needed<'f>(formula: &'f Formula, truth: bool, tell: &mut impl FnMut(&'f Formula, bool)) {
    match (formula, truth) {
        (Formula::Not(inner), _) => needed(inner, !truth, tell),
        (Formula::And(parts), true) | (Formula::Or(parts), false) => {
            for part in parts {
                needed(part, truth, tell);
            }
        }
        (Formula::Implies(a, b), false) => {
            needed(a, true, tell);
            needed(b, false, tell);
        }
        _ => tell(formula, truth),
    }
}

/// What the messages add to the candidates of the tables.
fn of_messages(sort: Sort, env: &Assignment) -> Vec<Value> {
    let headers = env.events.iter().flat_map(|e| {
        let dialled = measure::dialled(&e.outcome.request);
        [Some(e.outcome.sent), dialled].into_iter().flatten()
    });
    match sort {
        Sort::Event => (0..env.events.len()).map(Value::Event).collect(),
        Sort::Address => headers
            .flat_map(|h: Header| [h.source, h.destination])
            .map(Value::Address)
            .collect(),
        Sort::Port => headers
            .flat_map(|h: Header| [h.source_port, h.destination_port])
            .map(Value::Port)
            .collect(),
        Sort::Entity | Sort::Protocol => Vec::new(),
    }
}
