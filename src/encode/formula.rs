//! Connectives and quantifiers.
//!
//! Front quantifiers become constants; inner ones are expanded over the rows of a guarding predicate, which is exact:
//! outside of its rows the guard is false. Must never know: FIBs, how a message travels.

use std::collections::BTreeMap;

use crate::logic::formula::{
    Arg, Comparison, Constraint, Formula, Predicate, Sort as LogicSort, Term, VarId,
};
use crate::model::entity::EntityId;
use crate::smt::term::{Sort, TermId};

use super::header::SymAddress;
use super::relation::{Cell, Row, Sym};
use super::symbols::Obligation;
use super::{EncodeError, Encoder};

/// Values of the variables in scope.
type Env = BTreeMap<VarId, Sym>;

impl Encoder<'_> {
    /// The goals of one clause. Events take the encoder's slots in order; there must be enough of them, unrolled.
    pub fn clause(
        &mut self,
        constraint: &Constraint,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Obligation, EncodeError> {
        let mut env = Env::new();
        let mut symbols = Vec::new();
        let mut in_range = Vec::new();
        let mut slot = 0;
        for &id in variables {
            let declared = constraint.variable(id);
            let name = format!("{}.{}", constraint.id, declared.name);
            let symbol = match declared.sort {
                LogicSort::Event => {
                    slot += 1;
                    Sym::Event(slot - 1)
                }
                LogicSort::Entity => {
                    let term = self.pool.variable(&name, Sort::BitVec(self.entity_width));
                    in_range.push(self.in_universe(term));
                    Sym::Entity(term)
                }
                LogicSort::Address => {
                    let address = SymAddress {
                        v6: self.pool.variable(&format!("{name}.v6"), Sort::Bool),
                        bits: self.pool.variable(&name, Sort::BitVec(self.address_width)),
                    };
                    in_range.push(self.valid_address(address));
                    Sym::Address(address)
                }
                LogicSort::Port => Sym::Port(self.pool.variable(&name, Sort::BitVec(16))),
                LogicSort::Protocol => {
                    let term = self.pool.variable(&name, Sort::BitVec(2));
                    in_range.push(self.valid_protocol(term));
                    Sym::Protocol(term)
                }
            };
            env.insert(id, symbol);
            symbols.push((id, symbol));
        }
        let (premise, conclusion) = match body {
            Formula::Implies(premise, conclusion) => {
                (self.formula(premise, &env, constraint)?, &**conclusion)
            }
            other => (self.pool.truth(true), other),
        };
        let conclusion = self.formula(conclusion, &env, constraint)?;
        let fails = self.pool.not(conclusion);
        let in_range = self.pool.and(&in_range);
        let premise = self.pool.and(&[in_range, premise]);
        let negated = self.pool.and(&[premise, fails]);
        Ok(Obligation {
            premise,
            negated,
            symbols,
        })
    }

    fn formula(
        &mut self,
        formula: &Formula,
        env: &Env,
        c: &Constraint,
    ) -> Result<TermId, EncodeError> {
        Ok(match formula {
            Formula::Constant(value) => self.pool.truth(*value),
            Formula::Not(inner) => {
                let inner = self.formula(inner, env, c)?;
                self.pool.not(inner)
            }
            Formula::And(parts) => {
                let parts = self.formulas(parts, env, c)?;
                self.pool.and(&parts)
            }
            Formula::Or(parts) => {
                let parts = self.formulas(parts, env, c)?;
                self.pool.or(&parts)
            }
            Formula::Implies(a, b) => {
                let (a, b) = (self.formula(a, env, c)?, self.formula(b, env, c)?);
                self.pool.implies(a, b)
            }
            Formula::Iff(a, b) => {
                let (a, b) = (self.formula(a, env, c)?, self.formula(b, env, c)?);
                self.pool.iff(a, b)
            }
            Formula::Exists(variables, body) => self.exists(variables, conjuncts(body), env, c)?,
            Formula::Forall(variables, body) => {
                let counterexample = match &**body {
                    Formula::Implies(a, b) => {
                        [conjuncts(a), vec![Formula::Not(b.clone())]].concat()
                    }
                    other => vec![Formula::Not(Box::new(other.clone()))],
                };
                let counterexample = self.exists(variables, counterexample, env, c)?;
                self.pool.not(counterexample)
            }
            Formula::Equal(a, b) => {
                let (a, b) = (self.term(a, env)?, self.term(b, env)?);
                self.same(a, b)
            }
            Formula::Compare(a, op, b) => {
                let (Sym::Port(a), Sym::Port(b)) = (self.term(a, env)?, self.term(b, env)?) else {
                    return Ok(self.pool.truth(false));
                };
                match op {
                    Comparison::Less => self.pool.ult(a, b),
                    Comparison::LessEqual => self.pool.ule(a, b),
                    Comparison::Greater => self.pool.ult(b, a),
                    Comparison::GreaterEqual => self.pool.ule(b, a),
                    Comparison::Equal => self.pool.eq(a, b),
                    Comparison::NotEqual => {
                        let equal = self.pool.eq(a, b);
                        self.pool.not(equal)
                    }
                }
            }
            Formula::Hops(event, op, bound) => {
                let slot = slot(env, *event);
                self.hops(slot, *op, *bound as usize)
            }
            Formula::InPrefix(a, net) => match self.term(a, env)? {
                Sym::Address(a) => self.within(a, *net),
                _ => self.pool.truth(false),
            },
            Formula::InRange(p, low, high) => match self.term(p, env)? {
                Sym::Port(p) => self.in_range(p, *low, *high),
                _ => self.pool.truth(false),
            },
            Formula::Label(e, key, wanted) => {
                let entities = &self.structure.entities;
                let has = |i: &usize| {
                    entities[*i]
                        .labels
                        .get(key)
                        .is_some_and(|v| wanted.as_ref().is_none_or(|w| w == v))
                };
                let ids: Vec<EntityId> = (0..entities.len())
                    .filter(has)
                    .map(|i| EntityId(i as u32))
                    .collect();
                self.entity_in(e, env, &ids)?
            }
            Formula::Namespace(e, wanted) => {
                let entities = &self.structure.entities;
                let has = |i: &usize| entities[*i].namespace.as_ref() == Some(wanted);
                let ids: Vec<EntityId> = (0..entities.len())
                    .filter(has)
                    .map(|i| EntityId(i as u32))
                    .collect();
                self.entity_in(e, env, &ids)?
            }
            Formula::Predicate(predicate, args) => self.predicate(*predicate, args, env)?,
        })
    }

    fn formulas(
        &mut self,
        parts: &[Formula],
        env: &Env,
        c: &Constraint,
    ) -> Result<Vec<TermId>, EncodeError> {
        parts
            .iter()
            .map(|part| self.formula(part, env, c))
            .collect()
    }

    fn entity_in(
        &mut self,
        term: &Term,
        env: &Env,
        ids: &[EntityId],
    ) -> Result<TermId, EncodeError> {
        Ok(match self.term(term, env)? {
            Sym::Entity(e) => self.is_one_of(e, ids),
            _ => self.pool.truth(false),
        })
    }

    fn term(&mut self, term: &Term, env: &Env) -> Result<Sym, EncodeError> {
        Ok(match term {
            Term::Var(id) => *env
                .get(id)
                .ok_or_else(|| EncodeError::Unbound(format!("variable {}", id.0)))?,
            Term::Named(name, _) => return Err(EncodeError::Unbound(name.to_string())),
            Term::Entity(id) => Sym::Entity(self.entity(*id)),
            Term::Address(ip) => Sym::Address(self.address(*ip)),
            Term::Port(port) => Sym::Port(self.port(*port)),
            Term::Protocol(protocol) => Sym::Protocol(self.protocol(*protocol)),
            Term::ProtocolOf(event) => Sym::Protocol(self.event(slot(env, *event)).sent.protocol),
        })
    }

    fn same(&mut self, a: Sym, b: Sym) -> TermId {
        match (a, b) {
            (Sym::Address(a), Sym::Address(b)) => self.same_address(a, b),
            (Sym::Entity(a), Sym::Entity(b))
            | (Sym::Port(a), Sym::Port(b))
            | (Sym::Protocol(a), Sym::Protocol(b)) => self.pool.eq(a, b),
            _ => self.pool.truth(false),
        }
    }

    fn predicate(
        &mut self,
        predicate: Predicate,
        args: &[Arg],
        env: &Env,
    ) -> Result<TermId, EncodeError> {
        let args: Vec<Option<Sym>> = args
            .iter()
            .map(|arg| match arg {
                Arg::Any => Ok(None),
                Arg::Term(term) => self.term(term, env).map(Some),
            })
            .collect::<Result<_, _>>()?;
        if let Some(rows) = self.rows(predicate) {
            return Ok(self.holds(predicate, &rows, &args));
        }
        Ok(match (predicate, args.as_slice()) {
            (Predicate::Loopback, [Some(Sym::Address(a))]) => {
                let each = crate::model::inet::LOOPBACK_V4;
                let v4 = self.is_address(*a, each);
                let v6 = self.is_address(*a, crate::model::inet::LOOPBACK_V6);
                self.pool.or(&[v4, v6])
            }
            (Predicate::Ipv6, [Some(Sym::Address(a))]) => a.v6,
            (Predicate::Ipv4, [Some(Sym::Address(a))]) => self.pool.not(a.v6),
            (Predicate::Send, [Some(Sym::Event(slot)), rest @ ..]) => {
                let event = self.event(*slot);
                let row = message(event.sender, event.sent);
                self.all_same(rest, &row)
            }
            (Predicate::Recv, [Some(Sym::Event(slot)), receiver, rest @ ..]) => {
                let event = self.event(*slot);
                let arrived = event.arrived.unwrap_or(event.sent);
                let received: Vec<(EntityId, TermId)> =
                    event.received.iter().map(|(id, t)| (*id, *t)).collect();
                let anyone: Vec<TermId> = received
                    .into_iter()
                    .map(|(id, term)| match receiver {
                        Some(Sym::Entity(y)) => {
                            let id = self.entity(id);
                            let is = self.pool.eq(*y, id);
                            self.pool.and(&[is, term])
                        }
                        _ => term,
                    })
                    .collect();
                let anyone = self.pool.or(&anyone);
                let header = self.all_same(rest, &message(anyone, arrived)[1..]);
                self.pool.and(&[anyone, header])
            }
            (Predicate::Replied, [Some(Sym::Event(slot))]) => self
                .event(*slot)
                .replied
                .unwrap_or_else(|| self.pool.truth(false)),
            (Predicate::Loops, [Some(Sym::Event(slot))]) => self
                .event(*slot)
                .loops
                .unwrap_or_else(|| self.pool.truth(false)),
            (Predicate::Passes, [Some(Sym::Event(slot)), switch]) => {
                let (slot, network) = (*slot, self.network);
                let passed: Vec<TermId> = network
                    .switches
                    .iter()
                    .map(|s| {
                        let there = self.passes(slot, s.id);
                        match switch {
                            Some(Sym::Entity(x)) => {
                                let id = self.entity(s.id);
                                let is = self.pool.eq(*x, id);
                                self.pool.and(&[is, there])
                            }
                            _ => there,
                        }
                    })
                    .collect();
                self.pool.or(&passed)
            }
            _ => self.pool.truth(false),
        })
    }

    fn all_same(&mut self, args: &[Option<Sym>], row: &[Sym]) -> TermId {
        let cells: Vec<TermId> = args
            .iter()
            .zip(row)
            .filter_map(|(arg, cell)| arg.map(|arg| self.same(arg, *cell)))
            .collect();
        self.pool.and(&cells)
    }

    /// `hops(e) op n`, where a loop has infinitely many.
    fn hops(&mut self, slot: usize, op: Comparison, bound: usize) -> TermId {
        // More than n hops: after n of them it still travels, or it never stops.
        let mut more_than = |n: usize| {
            let travelling = self.travelling_after(slot, n);
            let loops = self
                .event(slot)
                .request_loops
                .unwrap_or_else(|| self.pool.truth(false));
            self.pool.or(&[travelling, loops])
        };
        let more = more_than(bound);
        let at_least = if bound == 0 {
            None
        } else {
            Some(more_than(bound - 1))
        };
        let at_least = at_least.unwrap_or_else(|| self.pool.truth(true));
        match op {
            Comparison::Greater => more,
            Comparison::LessEqual => self.pool.not(more),
            Comparison::GreaterEqual => at_least,
            Comparison::Less => self.pool.not(at_least),
            Comparison::Equal | Comparison::NotEqual => {
                let not_more = self.pool.not(more);
                let equal = self.pool.and(&[at_least, not_more]);
                if op == Comparison::Equal {
                    equal
                } else {
                    self.pool.not(equal)
                }
            }
        }
    }

    /// `∃ variables. ⋀ conjuncts`, expanded over the rows of the conjunct that binds most of them.
    fn exists(
        &mut self,
        variables: &[VarId],
        conjuncts: Vec<Formula>,
        env: &Env,
        c: &Constraint,
    ) -> Result<TermId, EncodeError> {
        if variables.is_empty() {
            let parts = self.formulas(&conjuncts, env, c)?;
            return Ok(self.pool.and(&parts));
        }
        let guard = (0..conjuncts.len())
            .map(|i| (bound_by(&conjuncts[i], variables), i))
            .filter(|(count, _)| *count > 0)
            .max_by_key(|(count, i)| (*count, std::cmp::Reverse(*i)));
        let mut rest = conjuncts.clone();
        let Some((_, index)) = guard else {
            return self.enumerate(variables, conjuncts, env, c);
        };
        let Formula::Predicate(predicate, args) = rest.remove(index) else {
            return Err(EncodeError::Unguarded(
                c.variable(variables[0]).name.clone(),
            ));
        };
        let mut ways = Vec::new();
        for (condition, row) in self.guard_rows(predicate, &args, env) {
            let mut env = env.clone();
            let mut left = variables.to_vec();
            let mut parts = vec![condition];
            for (arg, cell) in args.iter().skip(args.len() - row.len()).zip(row) {
                let Arg::Term(term) = arg else { continue };
                match term {
                    Term::Var(id) if left.contains(id) => match self.single(cell) {
                        Some(value) => {
                            env.insert(*id, value);
                            left.retain(|v| v != id);
                        }
                        // Any of the cell will do where nothing else is asked of the variable.
                        None if !rest.iter().any(|f| mentions(f, *id)) => left.retain(|v| v != id),
                        None => return Err(EncodeError::WideRange(c.variable(*id).name.clone())),
                    },
                    _ => {
                        let value = self.term(term, &env)?;
                        parts.push(match cell {
                            GuardCell::Cell(cell) => self.fits(value, cell),
                            GuardCell::Sym(sym) => self.same(value, sym),
                        });
                    }
                }
            }
            parts.push(self.exists(&left, rest.clone(), &env, c)?);
            ways.push(self.pool.and(&parts));
        }
        Ok(self.pool.or(&ways))
    }

    /// Entities and protocols without a guard are few enough to list.
    fn enumerate(
        &mut self,
        variables: &[VarId],
        conjuncts: Vec<Formula>,
        env: &Env,
        c: &Constraint,
    ) -> Result<TermId, EncodeError> {
        let (first, rest) = (variables[0], &variables[1..]);
        let values: Vec<Sym> = match c.variable(first).sort {
            LogicSort::Entity => {
                let all = 0..self.structure.entities.len() as u32;
                let universe = all.map(EntityId).filter(|id| {
                    self.structure.entities[id.index()].kind()
                        != crate::model::entity::EntityKind::Outside
                });
                let universe: Vec<EntityId> = universe.collect();
                universe
                    .into_iter()
                    .map(|id| Sym::Entity(self.entity(id)))
                    .collect()
            }
            LogicSort::Protocol => crate::model::inet::Protocol::ALL
                .map(|p| Sym::Protocol(self.protocol(p)))
                .to_vec(),
            _ => return Err(EncodeError::Unguarded(c.variable(first).name.clone())),
        };
        let mut ways = Vec::new();
        for value in values {
            let mut env = env.clone();
            env.insert(first, value);
            ways.push(self.exists(rest, conjuncts.clone(), &env, c)?);
        }
        Ok(self.pool.or(&ways))
    }

    /// The rows that a guard can be true on, each with a condition; `Send` and `Recv` have the headers of their event.
    fn guard_rows(
        &mut self,
        predicate: Predicate,
        args: &[Arg],
        env: &Env,
    ) -> Vec<(TermId, Vec<GuardCell>)> {
        let always = self.pool.truth(true);
        if let Some(rows) = self.rows(predicate) {
            let cells = |row: Row| row.into_iter().map(GuardCell::Cell).collect();
            return rows.into_iter().map(|row| (always, cells(row))).collect();
        }
        let Some(Arg::Term(Term::Var(event))) = args.first() else {
            return Vec::new();
        };
        let slot = slot(env, *event);
        let event = self.event(slot);
        let syms = |id: TermId, header| {
            message(id, header)
                .into_iter()
                .map(GuardCell::Sym)
                .collect()
        };
        match predicate {
            Predicate::Send => vec![(always, syms(event.sender, event.sent))],
            Predicate::Recv => {
                let arrived = event.arrived.unwrap_or(event.sent);
                let received: Vec<(EntityId, TermId)> =
                    event.received.iter().map(|(id, t)| (*id, *t)).collect();
                received
                    .into_iter()
                    .map(|(id, term)| (term, syms(self.entity(id), arrived)))
                    .collect()
            }
            Predicate::Passes => {
                let switches: Vec<EntityId> = self.network.switches.iter().map(|s| s.id).collect();
                let row = |s: EntityId, e: &mut Self| {
                    let there = e.passes(slot, s);
                    (there, vec![GuardCell::Sym(Sym::Entity(e.entity(s)))])
                };
                switches.into_iter().map(|s| row(s, self)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The one value of a cell, if it has just one.
    fn single(&mut self, cell: GuardCell) -> Option<Sym> {
        Some(match cell {
            GuardCell::Sym(sym) => sym,
            GuardCell::Cell(Cell::Entity(id)) => Sym::Entity(self.entity(id)),
            GuardCell::Cell(Cell::Net { net, unheld: false })
                if net.prefix_len() == net.max_prefix_len() =>
            {
                Sym::Address(self.address(net.addr()))
            }
            GuardCell::Cell(Cell::Bind(crate::model::cluster::Bind::Address(ip))) => {
                Sym::Address(self.address(ip))
            }
            GuardCell::Cell(Cell::Ports(low, high)) if low == high => Sym::Port(self.port(low)),
            GuardCell::Cell(Cell::Protocol(Some(protocol))) => {
                Sym::Protocol(self.protocol(protocol))
            }
            GuardCell::Cell(_) => return None,
        })
    }
}

/// A cell of a guard: of a table, or a field of a header.
#[derive(Debug, Clone, Copy)]
enum GuardCell {
    Cell(Cell),
    Sym(Sym),
}

/// `X, sa, sp, ta, tp`.
fn message(process: TermId, header: super::header::SymHeader) -> [Sym; 5] {
    [
        Sym::Entity(process),
        Sym::Address(header.source()),
        Sym::Port(header.source_port),
        Sym::Address(header.destination()),
        Sym::Port(header.destination_port),
    ]
}

fn slot(env: &Env, event: VarId) -> usize {
    match env.get(&event) {
        Some(Sym::Event(slot)) => *slot,
        _ => 0,
    }
}

fn conjuncts(formula: &Formula) -> Vec<Formula> {
    match formula {
        Formula::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        Formula::Exists(..) | Formula::Forall(..) => vec![formula.clone()],
        other => vec![other.clone()],
    }
}

/// How many of the variables a conjunct would bind; 0 where it is no guard.
fn bound_by(formula: &Formula, variables: &[VarId]) -> usize {
    match formula {
        Formula::Predicate(Predicate::Loopback | Predicate::Ipv4 | Predicate::Ipv6, _) => 0,
        Formula::Predicate(_, args) => variables
            .iter()
            .filter(|v| {
                args.iter()
                    .any(|arg| matches!(arg, Arg::Term(Term::Var(id)) if id == *v))
            })
            .count(),
        _ => 0,
    }
}

/// Whether a variable occurs in a formula.
fn mentions(formula: &Formula, id: VarId) -> bool {
    let term = |t: &Term| matches!(t, Term::Var(v) | Term::ProtocolOf(v) if *v == id);
    match formula {
        Formula::Constant(_) => false,
        Formula::Predicate(_, args) => args
            .iter()
            .any(|arg| matches!(arg, Arg::Term(t) if term(t))),
        Formula::Equal(a, b) | Formula::Compare(a, _, b) => term(a) || term(b),
        Formula::Hops(event, ..) => *event == id,
        Formula::InPrefix(t, _)
        | Formula::InRange(t, ..)
        | Formula::Label(t, ..)
        | Formula::Namespace(t, _) => term(t),
        Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => mentions(f, id),
        Formula::And(parts) | Formula::Or(parts) => parts.iter().any(|f| mentions(f, id)),
        Formula::Implies(a, b) | Formula::Iff(a, b) => mentions(a, id) || mentions(b, id),
    }
}
