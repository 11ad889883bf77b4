//! A checked constraint, as terms over the uninterpreted signature: its denial.
//!
//! Knows: predicates, sorts, quantifiers. Must never know: how the message travels, which constraint it is.
//!
//! The language has one sort of entities, the signature one for each kind: a quantifier over entities becomes one over
//! each kind, and what cannot be (`K8s-Pod` of a node) folds away.

use std::collections::BTreeMap;

use super::fact::{Beyond, Result, Value, fact, sorts};
use super::message::{Header, Journey};
use super::world::{Kind, World};
use crate::logic::formula::{Arg, Constraint, Formula, Predicate, Sort, Term, VarId};
use crate::model::inet::Protocol;
use crate::smt::term::{Sort as SmtSort, TermId};

/// Whether a formula asks for the answer of a message.
pub(super) fn asks_for_answers(formula: &Formula) -> bool {
    match formula {
        Formula::Predicate(p, _) => matches!(p, Predicate::Replied | Predicate::Loops),
        Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => asks_for_answers(f),
        Formula::And(all) | Formula::Or(all) => all.iter().any(asks_for_answers),
        Formula::Implies(f, g) | Formula::Iff(f, g) => asks_for_answers(f) || asks_for_answers(g),
        _ => false,
    }
}

/// The constraint's denial: for some values of the variables in front, the premises hold and the conclusion does not.
pub(super) fn denial(w: &mut World, journey: &Journey, constraint: &Constraint) -> Result<TermId> {
    cases(w, journey, constraint, |reader, body, env| {
        let holds = reader.formula(body, env)?;
        Ok(reader.w.not(holds))
    })
}

/// The constraint's premises: for some values of the variables in front, they hold.
pub(super) fn premises(
    w: &mut World,
    journey: &Journey,
    constraint: &Constraint,
) -> Result<TermId> {
    cases(w, journey, constraint, |reader, body, env| match body {
        Formula::Implies(premise, _) => reader.formula(premise, env),
        _ => Ok(reader.w.pool.truth(true)),
    })
}

fn cases(
    w: &mut World,
    journey: &Journey,
    constraint: &Constraint,
    read: impl Fn(&mut Reader<'_>, &Formula, &mut Env) -> Result<TermId>,
) -> Result<TermId> {
    let mut all = Vec::new();
    for (front, body) in constraint.clauses() {
        let mut reader = Reader {
            w,
            journey,
            constraint,
        };
        let mut env = Env::new();
        reader.front(&front, body, &mut env, &read, &mut all)?;
    }
    Ok(w.or(&all))
}

type Env = BTreeMap<VarId, Value>;

struct Reader<'r> {
    w: &'r mut World,
    journey: &'r Journey,
    constraint: &'r Constraint,
}

impl Reader<'_> {
    /// The variables in front become constants; an entity one of each kind in turn.
    fn front(
        &mut self,
        rest: &[VarId],
        body: &Formula,
        env: &mut Env,
        read: &impl Fn(&mut Self, &Formula, &mut Env) -> Result<TermId>,
        all: &mut Vec<TermId>,
    ) -> Result<()> {
        let Some((&id, rest)) = rest.split_first() else {
            let case = read(self, body, env)?;
            all.push(case);
            return Ok(());
        };
        let variable = self.constraint.variable(id);
        let name = variable.name.clone();
        match variable.sort {
            Sort::Event => {
                env.insert(id, Value::Event);
                self.front(rest, body, env, read, all)
            }
            Sort::Entity => {
                for kind in Kind::ALL {
                    let sort = self.w.sort_of(kind);
                    let term = self.w.constant(&format!("{name}.{}", kind.word()), sort);
                    env.insert(id, Value::Entity(kind, term));
                    self.front(rest, body, env, read, all)?;
                }
                Ok(())
            }
            other => {
                let sort = self.plain(other);
                let term = self.w.constant(&format!("{name}.value"), sort);
                env.insert(id, Value::Other(term));
                self.front(rest, body, env, read, all)
            }
        }
    }

    fn plain(&self, sort: Sort) -> SmtSort {
        match sort {
            Sort::Address => self.w.sorts.address,
            Sort::Protocol => self.w.sorts.protocol,
            Sort::Port | Sort::Event | Sort::Entity => self.w.sorts.port,
        }
    }

    fn formula(&mut self, formula: &Formula, env: &mut Env) -> Result<TermId> {
        Ok(match formula {
            Formula::Constant(value) => self.w.pool.truth(*value),
            Formula::Predicate(predicate, args) => self.atom(*predicate, args, env)?,
            Formula::Equal(a, b) => self.equal(a, b, env)?,
            Formula::InPrefix(a, net) if net.to_string() == "127.0.0.0/8" => {
                let a = self.other(a, env)?;
                let n = self.w.names;
                let (local, v4) = (self.w.is(n.local, &[a]), self.w.is(n.ipv4, &[a]));
                self.w.and(&[local, v4])
            }
            Formula::Not(f) => {
                let f = self.formula(f, env)?;
                self.w.not(f)
            }
            Formula::And(all) => {
                let all = self.each(all, env)?;
                self.w.and(&all)
            }
            Formula::Or(all) => {
                let all = self.each(all, env)?;
                self.w.or(&all)
            }
            Formula::Implies(f, g) => {
                // Where the premise cannot be, the conclusion may speak of what there is not.
                let f = self.formula(f, env)?;
                if self.w.pool.as_truth(f) == Some(false) {
                    return Ok(self.w.pool.truth(true));
                }
                let g = self.formula(g, env)?;
                self.w.pool.implies(f, g)
            }
            Formula::Iff(f, g) => {
                let (f, g) = (self.formula(f, env)?, self.formula(g, env)?);
                self.w.pool.iff(f, g)
            }
            Formula::Forall(variables, body) => self.quantified(variables, body, env, true)?,
            Formula::Exists(variables, body) => self.quantified(variables, body, env, false)?,
            Formula::Compare(..)
            | Formula::Hops(..)
            | Formula::InPrefix(..)
            | Formula::InRange(..)
            | Formula::Label(..)
            | Formula::Namespace(..)
            | Formula::Fact(..)
            | Formula::OtherLabel(..)
            | Formula::NamedPort(..) => {
                return Err(Beyond(
                    "labels, prefixes, ranges or numbers of hops".to_owned(),
                ));
            }
        })
    }

    fn each(&mut self, all: &[Formula], env: &mut Env) -> Result<Vec<TermId>> {
        let mut out = Vec::new();
        for f in all {
            let t = self.formula(f, env)?;
            out.push(t);
        }
        Ok(out)
    }

    fn quantified(
        &mut self,
        variables: &[VarId],
        body: &Formula,
        env: &mut Env,
        all: bool,
    ) -> Result<TermId> {
        let Some((&id, rest)) = variables.split_first() else {
            return self.formula(body, env);
        };
        let declared = self.constraint.variable(id);
        let (name, sort) = (declared.name.clone(), declared.sort);
        let mut parts = Vec::new();
        let kinds: Vec<Option<Kind>> = if sort == Sort::Entity {
            Kind::ALL.into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        for kind in kinds {
            let smt = kind.map_or_else(|| self.plain(sort), |k| self.w.sort_of(k));
            let [bound] = self.w.bind([(name.as_str(), smt)]);
            let value = kind.map_or(Value::Other(bound), |k| Value::Entity(k, bound));
            env.insert(id, value);
            let inner = self.quantified(rest, body, env, all)?;
            parts.push(if all {
                self.w.pool.forall(&[bound], inner)
            } else {
                self.w.pool.exists(&[bound], inner)
            });
        }
        env.remove(&id);
        Ok(if all {
            self.w.and(&parts)
        } else {
            self.w.or(&parts)
        })
    }

    fn value(&mut self, term: &Term, env: &Env) -> Result<Value> {
        let p = self.w.protocols;
        Ok(match term {
            Term::Var(id) => match env.get(id) {
                Some(&value) => value,
                None => return Err(Beyond("a variable that nothing binds".to_owned())),
            },
            Term::ProtocolOf(_) => Value::Other(self.journey.protocol),
            Term::Protocol(Protocol::Tcp) => Value::Other(p.tcp),
            Term::Protocol(Protocol::Udp) => Value::Other(p.udp),
            Term::Protocol(Protocol::Sctp) => Value::Other(p.sctp),
            Term::Named(..) | Term::Entity(_) | Term::Address(_) | Term::Port(_) => {
                return Err(Beyond("entities, addresses or ports by name".to_owned()));
            }
        })
    }

    fn other(&mut self, term: &Term, env: &Env) -> Result<TermId> {
        match self.value(term, env)? {
            Value::Other(t) => Ok(t),
            Value::Event | Value::Entity(..) => Err(Beyond("a term of another sort".to_owned())),
        }
    }

    fn equal(&mut self, a: &Term, b: &Term, env: &Env) -> Result<TermId> {
        Ok(match (self.value(a, env)?, self.value(b, env)?) {
            (Value::Entity(j, x), Value::Entity(k, y)) if j == k => self.w.eq(x, y),
            (Value::Other(x), Value::Other(y)) => self.w.eq(x, y),
            _ => self.w.pool.truth(false),
        })
    }

    /// An atom; `_` is some value at the atom itself.
    fn atom(&mut self, predicate: Predicate, args: &[Arg], env: &mut Env) -> Result<TermId> {
        if matches!(predicate, Predicate::Send | Predicate::Recv) {
            return self.header(predicate, &args[1..], env);
        }
        let sorts = sorts(predicate)?;
        let mut values = Vec::new();
        self.arguments(predicate, args, sorts, &mut values, env)
    }

    fn arguments(
        &mut self,
        predicate: Predicate,
        args: &[Arg],
        sorts: &[Sort],
        values: &mut Vec<Value>,
        env: &Env,
    ) -> Result<TermId> {
        let Some((arg, rest)) = args.split_first() else {
            return Ok(fact(self.w, self.journey, predicate, values));
        };
        let (sort, later) = sorts
            .split_first()
            .ok_or_else(|| Beyond("such an atom".to_owned()))?;
        match arg {
            Arg::Term(term) => {
                let value = self.value(term, env)?;
                values.push(value);
                let t = self.arguments(predicate, rest, later, values, env)?;
                values.pop();
                Ok(t)
            }
            Arg::Any => {
                let mut parts = Vec::new();
                let kinds: Vec<Option<Kind>> = if *sort == Sort::Entity {
                    Kind::ALL.into_iter().map(Some).collect()
                } else {
                    vec![None]
                };
                for kind in kinds {
                    let smt = kind.map_or_else(|| self.plain(*sort), |k| self.w.sort_of(k));
                    let [bound] = self.w.bind([("any", smt)]);
                    values.push(kind.map_or(Value::Other(bound), |k| Value::Entity(k, bound)));
                    let inner = self.arguments(predicate, rest, later, values, env)?;
                    values.pop();
                    parts.push(self.w.pool.exists(&[bound], inner));
                }
                Ok(self.w.or(&parts))
            }
        }
    }

    /// `Send(e, X, sa, sp, ta, tp)`, `Recv(e, X, sa, sp, ta, tp)`.
    fn header(&mut self, predicate: Predicate, args: &[Arg], env: &Env) -> Result<TermId> {
        let j = self.journey;
        let (header, by_container, container, by_daemon, daemon) = if predicate == Predicate::Send {
            let by_daemon = self.w.not(j.by_container);
            (j.sent, j.by_container, j.container, by_daemon, j.daemon)
        } else {
            (
                j.received,
                j.to_container,
                j.receiver,
                j.to_daemon,
                j.process,
            )
        };
        let who = match &args[0] {
            Arg::Any => self.w.or(&[by_container, by_daemon]),
            Arg::Term(term) => match self.value(term, env)? {
                Value::Entity(Kind::Container, x) => {
                    let same = self.w.eq(x, container);
                    self.w.and(&[by_container, same])
                }
                Value::Entity(Kind::Daemon, x) => {
                    let same = self.w.eq(x, daemon);
                    self.w.and(&[by_daemon, same])
                }
                _ => self.w.pool.truth(false),
            },
        };
        let Header {
            from,
            from_port,
            to,
            to_port,
        } = header;
        let mut all = vec![who];
        for (arg, field) in args[1..].iter().zip([from, from_port, to, to_port]) {
            if let Arg::Term(term) = arg {
                let t = self.other(term, env)?;
                all.push(self.w.eq(t, field));
            }
        }
        Ok(self.w.and(&all))
    }
}
