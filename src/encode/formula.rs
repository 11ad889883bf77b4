//! Clauses, connectives and atoms. Quantifiers in front become constants; the inner ones are in `quantifier`.
//!
//! Must never know: FIBs, how a message travels.

use crate::logic::formula::{
    Arg, Comparison, Constraint, Formula, Predicate, Sort as LogicSort, Term, VarId,
};
use crate::model::entity::EntityId;
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::error::EncodeError;
use super::header::SymAddress;
use super::quantifier::{Env, conjuncts, message, slot};
use super::relation::Sym;
use super::symbols::Obligation;

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
                    in_range.push(self.event(slot).honest);
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
                        bits: self
                            .pool
                            .variable(&name, Sort::BitVec(self.domain.address_width())),
                    };
                    in_range.push(self.valid_address(address));
                    Sym::Address(address)
                }
                LogicSort::Port => {
                    let width = self.domain.port_width();
                    let term = self.pool.variable(&name, Sort::BitVec(width));
                    in_range.push(self.valid_port(term));
                    Sym::Port(term)
                }
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
            Formula::Exists(variables, body) => self.exists(variables, &conjuncts(body), env, c)?,
            Formula::Forall(variables, body) => {
                let counterexample = match &**body {
                    Formula::Implies(a, b) => {
                        [conjuncts(a), vec![Formula::Not(b.clone())]].concat()
                    }
                    other => vec![Formula::Not(Box::new(other.clone()))],
                };
                let counterexample = self.exists(variables, &counterexample, env, c)?;
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
            Formula::Fact(e, fact) => self.fact_of(e, fact, env)?,
            Formula::OtherLabel(e, f, key) => self.other_label([e, f], key, env)?,
            Formula::NamedPort(e, name, port, protocol) => {
                self.named_port(e, name, [port, protocol], env)?
            }
            Formula::Predicate(predicate, args) => self.predicate(*predicate, args, env)?,
        })
    }

    pub(super) fn formulas(
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

    pub(super) fn entity_in(
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

    pub(super) fn term(&mut self, term: &Term, env: &Env) -> Result<Sym, EncodeError> {
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

    pub(super) fn same(&mut self, a: Sym, b: Sym) -> TermId {
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
            (Predicate::Dials, [Some(Sym::Event(slot)), rest @ ..]) => {
                let event = self.event(*slot);
                let dialled = event.arrived.unwrap_or(event.sent);
                self.all_same(rest, &message(event.sender, dialled)[3..])
            }
            (
                Predicate::Allowed,
                [
                    Some(Sym::Event(slot)),
                    Some(Sym::Address(to)),
                    Some(Sym::Port(port)),
                ],
            ) => self.allowed(*slot, *to, *port),
            (Predicate::Passes, [Some(Sym::Event(slot)), switch]) => {
                let mut passed = Vec::new();
                for (of, there) in self.passed(*slot) {
                    passed.push(match switch {
                        Some(Sym::Entity(x)) if self.structure.is_entity(of) => {
                            let id = self.entity(of);
                            let is = self.pool.eq(*x, id);
                            self.pool.and(&[is, there])
                        }
                        // Nothing in a formula is the outside or a wire.
                        Some(_) => continue,
                        None => there,
                    });
                }
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
}
