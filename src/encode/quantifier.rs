//! Inner quantifiers, expanded over the rows of a guarding predicate. That is exact: outside of its rows the guard is false.
//!
//! Must never know: FIBs, how a message travels.

use std::collections::BTreeMap;

use crate::logic::formula::{Arg, Constraint, Formula, Predicate, Sort as LogicSort, Term, VarId};
use crate::model::cluster::Bind;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::error::EncodeError;
use super::header::SymHeader;
use super::relation::{Cell, Row, Sym};

/// Values of the variables in scope.
pub(super) type Env = BTreeMap<VarId, Sym>;

impl Encoder<'_> {
    /// `∃ variables. ⋀ conjuncts`, expanded over the rows of the conjunct that binds most of them.
    pub(super) fn exists(
        &mut self,
        variables: &[VarId],
        conjuncts: &[Formula],
        env: &Env,
        c: &Constraint,
    ) -> Result<TermId, EncodeError> {
        if variables.is_empty() {
            let parts = self.formulas(conjuncts, env, c)?;
            return Ok(self.pool.and(&parts));
        }
        let guard = (0..conjuncts.len())
            .map(|i| (bound_by(&conjuncts[i], variables), i))
            .filter(|(count, _)| *count > 0)
            .max_by_key(|(count, i)| (*count, std::cmp::Reverse(*i)));
        let mut rest = conjuncts.to_vec();
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
            let at_hand = args.iter().skip(args.len() - row.len());
            if at_hand.zip(&row).any(|(arg, cell)| is_another(arg, cell)) {
                continue;
            }
            let mut env = env.clone();
            let mut left = variables.to_vec();
            let mut parts = vec![condition];
            for (arg, cell) in args.iter().skip(args.len() - row.len()).zip(row) {
                let Arg::Term(term) = arg else { continue };
                match term {
                    Term::Var(id) if left.contains(id) => match self.single(cell) {
                        Some(value) => {
                            // The outside switch stands in tables, and is none of the entities.
                            if let Sym::Entity(entity) = value {
                                parts.push(self.in_universe(entity));
                            }
                            env.insert(*id, value);
                            left.retain(|v| v != id);
                        }
                        // Any of the cell will do where nothing else is asked of the variable.
                        None if !rest.iter().any(|f| f.mentions(*id)) => left.retain(|v| v != id),
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
            parts.push(self.exists(&left, &rest, &env, c)?);
            ways.push(self.pool.and(&parts));
        }
        Ok(self.pool.or(&ways))
    }

    /// Entities and protocols without a guard are few enough to list.
    fn enumerate(
        &mut self,
        variables: &[VarId],
        conjuncts: &[Formula],
        env: &Env,
        c: &Constraint,
    ) -> Result<TermId, EncodeError> {
        let (first, rest) = (variables[0], &variables[1..]);
        let values: Vec<Sym> = match c.variable(first).sort {
            LogicSort::Entity => {
                let all = 0..self.structure.entities.len() as u32;
                let universe = all
                    .map(EntityId)
                    .filter(|id| self.structure.entities[id.index()].kind().is_entity());
                let universe: Vec<EntityId> = universe.collect();
                universe
                    .into_iter()
                    .map(|id| Sym::Entity(self.entity(id)))
                    .collect()
            }
            LogicSort::Protocol => Protocol::ALL
                .map(|p| Sym::Protocol(self.protocol(p)))
                .to_vec(),
            _ => return Err(EncodeError::Unguarded(c.variable(first).name.clone())),
        };
        let mut ways = Vec::new();
        for value in values {
            let mut env = env.clone();
            env.insert(first, value);
            ways.push(self.exists(rest, conjuncts, &env, c)?);
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
            Predicate::Dials => {
                let header = event.arrived.unwrap_or(event.sent);
                let cells = [
                    Sym::Address(header.destination()),
                    Sym::Port(header.destination_port),
                ];
                vec![(always, cells.map(GuardCell::Sym).to_vec())]
            }
            Predicate::Passes => {
                let passed = self.passed(slot).into_iter();
                let entities = passed.filter(|(of, _)| self.structure.is_entity(*of));
                let entities: Vec<(EntityId, TermId)> = entities.collect();
                let row = |(of, there), e: &mut Self| {
                    (there, vec![GuardCell::Sym(Sym::Entity(e.entity(of)))])
                };
                entities.into_iter().map(|each| row(each, self)).collect()
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
            GuardCell::Cell(Cell::Bind(Bind::Address(ip))) => Sym::Address(self.address(ip)),
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

/// Whether an entity is named that is not the one of the row.
fn is_another(arg: &Arg, cell: &GuardCell) -> bool {
    match (arg, cell) {
        (Arg::Term(Term::Entity(named)), GuardCell::Cell(Cell::Entity(id))) => named != id,
        _ => false,
    }
}

pub(super) fn conjuncts(formula: &Formula) -> Vec<Formula> {
    match formula {
        Formula::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        Formula::Exists(..) | Formula::Forall(..) => vec![formula.clone()],
        other => vec![other.clone()],
    }
}

/// How many of the variables a conjunct would bind; 0 where it is no guard.
fn bound_by(formula: &Formula, variables: &[VarId]) -> usize {
    match formula {
        Formula::Predicate(
            Predicate::Loopback
            | Predicate::Ipv4
            | Predicate::Ipv6
            | Predicate::SharesFamily
            | Predicate::Allowed,
            _,
        ) => 0,
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

/// `X, sa, sp, ta, tp`.
pub(super) fn message(process: TermId, header: SymHeader) -> [Sym; 5] {
    [
        Sym::Entity(process),
        Sym::Address(header.source()),
        Sym::Port(header.source_port),
        Sym::Address(header.destination()),
        Sym::Port(header.destination_port),
    ]
}

pub(super) fn slot(env: &Env, event: VarId) -> usize {
    match env.get(&event) {
        Some(Sym::Event(slot)) => *slot,
        _ => 0,
    }
}
