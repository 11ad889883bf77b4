//! Which formulas of users speak only of what a message meets, and of single entities: those a part can decide.
//!
//! An entity is *near* if it can be come by from a message: its sender and receiver, the switches that it passes, whoever
//! holds an address of a header; the pod of a container, the node of a pod, an address of one that is near. What a formula
//! says of others must be of one of them alone. Why that is enough stands in docs/modular.md.
//!
//! Must never know: clusters, classes, the solver.

use std::collections::BTreeSet;

use crate::logic::cube::{Cube, cubes};
use crate::logic::formula::{Arg, Constraint, Formula, Predicate, Sort, Term, VarId};

/// Whether a part can decide a constraint, in a cluster with externals or without.
pub(super) fn is_local(constraint: &Constraint, externals: bool) -> bool {
    let reading = Reading {
        constraint,
        externals,
    };
    let mut clauses = constraint.clauses().into_iter();
    clauses.all(|(front, body)| reading.clause(&front, body))
}

/// What is known to be near.
#[derive(Clone, Default)]
struct Near {
    entities: BTreeSet<VarId>,
    addresses: BTreeSet<VarId>,
    /// Variables that stand for processes.
    processes: BTreeSet<VarId>,
}

/// How an argument stands to the message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Near,
    /// Named in the formula, hence looked at in any case.
    Constant,
    Far,
    /// `_`.
    Any,
}

struct Reading<'c> {
    constraint: &'c Constraint,
    externals: bool,
}

impl Reading<'_> {
    fn sort(&self, id: VarId) -> Sort {
        self.constraint.variable(id).sort
    }

    fn clause(&self, front: &[VarId], body: &Formula) -> bool {
        let of = |sort: Sort| front.iter().copied().filter(move |v| self.sort(*v) == sort);
        let messages = of(Sort::Event).count();
        if messages > 1 {
            return false;
        }
        // Without a message everything is come by from one entity, whichever.
        let mut roots: Vec<Option<VarId>> = vec![None];
        if messages == 0 {
            roots.extend(of(Sort::Entity).map(Some));
        }
        let premise = match body {
            Formula::Implies(premise, _) => cubes(premise, true),
            _ => Some(Vec::new()),
        };
        let (Some(premise), Some(broken)) = (premise, cubes(body, false)) else {
            return false;
        };
        let mut both = premise.iter().chain(&broken);
        both.all(|cube| {
            roots.iter().any(|root| {
                let near = Near {
                    entities: root.iter().copied().collect(),
                    ..Near::default()
                };
                self.fits(cube, &near)
            })
        })
    }

    /// Whether a cube speaks of what is near, and of single others.
    fn fits(&self, cube: &Cube<'_>, near: &Near) -> bool {
        let mut near = near.clone();
        loop {
            let before = near.entities.len() + near.addresses.len() + near.processes.len();
            for (_, atom) in cube.literals.iter().filter(|(holds, _)| *holds) {
                self.comes_by(atom, &mut near);
            }
            if before == near.entities.len() + near.addresses.len() + near.processes.len() {
                break;
            }
        }
        let mut literals = cube.literals.iter();
        literals.all(|(_, atom)| self.atom(atom, &near))
            && cube.none.iter().all(|inner| self.fits(inner, &near))
    }

    /// What an atom that holds brings near.
    fn comes_by(&self, atom: &Formula, near: &mut Near) {
        match atom {
            Formula::Predicate(predicate, args) => self.table(*predicate, args, near),
            Formula::Equal(a, b) => {
                for (one, other) in [(a, b), (b, a)] {
                    if self.place(one, near) != Place::Far {
                        self.put(other, near);
                    }
                }
            }
            _ => {}
        }
    }

    fn table(&self, predicate: Predicate, args: &[Arg], near: &mut Near) {
        let is_near = |at: usize, near: &Near| {
            matches!(self.at(args, at, near), Place::Near | Place::Constant)
        };
        let put = |at: usize, near: &mut Near| {
            if let Some(Arg::Term(term)) = args.get(at) {
                self.put(term, near);
            }
        };
        match predicate {
            Predicate::Send | Predicate::Recv => {
                for at in [1, 2, 4] {
                    put(at, near);
                }
                process(args, 1, near);
            }
            Predicate::Passes | Predicate::Dials => put(1, near),
            Predicate::Container => {
                if is_near(0, near) || is_near(1, near) {
                    put(0, near);
                    put(1, near);
                }
                process(args, 0, near);
            }
            Predicate::Host => {
                let daemon = variable(args, 1).is_some_and(|v| near.processes.contains(&v));
                if is_near(1, near) || (daemon && is_near(0, near)) {
                    put(0, near);
                    put(1, near);
                }
            }
            Predicate::Addr => {
                if is_near(1, near) {
                    put(0, near);
                }
                if is_near(0, near) && !self.externals {
                    put(1, near);
                }
            }
            Predicate::SelfAddr if is_near(0, near) && !self.externals => put(1, near),
            Predicate::Open => {
                if is_near(0, near) && !self.externals {
                    put(1, near);
                }
                process(args, 0, near);
            }
            Predicate::Serves => {
                if is_near(0, near) {
                    put(1, near);
                }
                process(args, 0, near);
            }
            Predicate::Process | Predicate::Daemon | Predicate::OpenEverywhere => {
                process(args, 0, near);
            }
            _ => {}
        }
    }

    fn put(&self, term: &Term, near: &mut Near) {
        if let Term::Var(id) = term {
            match self.sort(*id) {
                Sort::Entity => {
                    near.entities.insert(*id);
                }
                Sort::Address => {
                    near.addresses.insert(*id);
                }
                Sort::Event | Sort::Port | Sort::Protocol => {}
            }
        }
    }

    /// Ports count as they are, so that they are like constants; a message is near.
    fn place(&self, term: &Term, near: &Near) -> Place {
        match term {
            Term::Var(id) => match self.sort(*id) {
                Sort::Entity if near.entities.contains(id) => Place::Near,
                Sort::Address if near.addresses.contains(id) => Place::Near,
                Sort::Entity | Sort::Address => Place::Far,
                Sort::Event => Place::Near,
                Sort::Port | Sort::Protocol => Place::Constant,
            },
            // There are three protocols, and everybody tells them apart.
            Term::ProtocolOf(_)
            | Term::Named(..)
            | Term::Entity(_)
            | Term::Address(_)
            | Term::Port(_)
            | Term::Protocol(_) => Place::Constant,
        }
    }

    fn at(&self, args: &[Arg], at: usize, near: &Near) -> Place {
        match args.get(at) {
            Some(Arg::Term(term)) => self.place(term, near),
            Some(Arg::Any) | None => Place::Any,
        }
    }

    /// Whether an atom is about what is near, or about one other alone.
    fn atom(&self, atom: &Formula, near: &Near) -> bool {
        let places: Vec<(Place, bool)> = match atom {
            Formula::Predicate(predicate, args) => {
                if !self.known(*predicate, args, near) {
                    return false;
                }
                let place = |at: usize| (self.at(args, at, near), self.is_address(&args[at]));
                (0..args.len()).map(place).collect()
            }
            Formula::Equal(a, b) | Formula::Compare(a, _, b) | Formula::OtherLabel(a, b, _) => {
                [a, b]
                    .map(|t| (self.place(t, near), self.is_address(&Arg::Term(t.clone()))))
                    .to_vec()
            }
            Formula::InPrefix(t, _)
            | Formula::InRange(t, ..)
            | Formula::Label(t, ..)
            | Formula::Namespace(t, _)
            | Formula::Fact(t, _)
            | Formula::NamedPort(t, ..) => {
                vec![(self.place(t, near), self.is_address(&Arg::Term(t.clone())))]
            }
            Formula::Hops(..) => return true,
            _ => return false,
        };
        let far = || places.iter().filter(|(place, _)| *place == Place::Far);
        // An address that is nowhere is of no entity.
        if far().any(|(_, address)| *address) {
            return false;
        }
        match far().count() {
            0 => true,
            1 => places.iter().all(|(place, _)| *place != Place::Near),
            _ => false,
        }
    }

    fn is_address(&self, arg: &Arg) -> bool {
        matches!(arg, Arg::Term(Term::Var(id)) if self.sort(*id) == Sort::Address)
    }

    /// Whether a part has the table of a predicate as the whole has it, of those that are looked at.
    fn known(&self, predicate: Predicate, args: &[Arg], near: &Near) -> bool {
        let any = |at: usize| matches!(args.get(at), Some(Arg::Any));
        match predicate {
            // Who else is on a node, who else is linked, is left out of a part.
            Predicate::Host => !any(1),
            Predicate::Link => !any(0) && !any(1),
            // Of a Service that is named the whole table is there.
            Predicate::ServicePort => self.at(args, 0, near) == Place::Constant,
            Predicate::Endpoint
            | Predicate::EndpointOf
            | Predicate::EndpointFor
            | Predicate::Offered
            | Predicate::Selected
            | Predicate::Listed
            | Predicate::SharesFamily => false,
            _ => true,
        }
    }
}

fn variable(args: &[Arg], at: usize) -> Option<VarId> {
    match args.get(at) {
        Some(Arg::Term(Term::Var(id))) => Some(*id),
        _ => None,
    }
}

fn process(args: &[Arg], at: usize, near: &mut Near) {
    near.processes.extend(variable(args, at));
}

#[cfg(test)]
mod tests {
    use super::is_local;
    use crate::base::source::SourceMap;
    use crate::lang::parse;
    use crate::logic::check::check;

    fn local(formula: &str, externals: bool) -> bool {
        let text = format!("constraint c \"t\"\n{formula}\n");
        let source = SourceMap::new().add("c.spec", text.as_str());
        let checked = check(&parse(source, &text).file);
        is_local(&checked.constraints[0], externals)
    }

    #[test]
    fn what_a_message_meets_and_single_others() {
        for formula in [
            "forall e, X, Y. Send(e, X, _, _, _, _) and Recv(e, Y, _, _, _, _) => label(Y, \"app\")",
            "forall e, X, P. Send(e, X, _, _, _, _) and K8s-Pod(P) and label(P, \"db\") => not passes(e, P)",
            "forall e, X, ta. Send(e, X, _, _, ta, _) and (exists P. addr(P, ta) and K8s-Pod(P)) => Replied(e)",
            "forall e, X. Send(e, X, _, _, _, _) => (exists P. K8s-Pod(P) and label(P, \"db\"))",
            "forall E, F, a. addr(E, a) and addr(F, a) => E = F",
        ] {
            assert!(local(formula, false), "{formula}");
        }
    }

    #[test]
    fn others_that_a_message_need_not_meet() {
        for formula in [
            // How many there are is left out of a part.
            "forall e, X. Send(e, X, _, _, _, _) => (exists C. K8s-Container(C) and C != X)",
            "forall P, Q. K8s-Pod(P) and K8s-Pod(Q) => P = Q",
            // Who else is on a node is, too.
            "forall e, N. passes(e, N) and K8s-Node(N) => (exists P. host(N, P) and K8s-Pod(P))",
            "forall N. K8s-Node(N) => host(N, _)",
            // And who else is behind a Service.
            "forall e, X, ta, tp. Send(e, X, _, _, ta, tp) => not (exists S, P. endpoint(S, tp, P, ta, _))",
            "forall e, f, X. Send(e, X, _, _, _, _) and Send(f, X, _, _, _, _) => (Replied(e) <=> Replied(f))",
        ] {
            assert!(!local(formula, false), "{formula}");
        }
        // What is outside has every address of a prefix.
        let theirs = "forall E, F, a. addr(E, a) and addr(F, a) => E = F";
        assert!(!local(theirs, true));
    }
}
