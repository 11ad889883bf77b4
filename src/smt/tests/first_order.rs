//! Uninterpreted sorts and quantifiers: decided, told by cores, printed and read back.

use crate::smt::backend::check_script;
use crate::smt::backend::first_order::FirstOrder;
use crate::smt::smtlib::print;
use crate::smt::solver::{Limits, SatResult, Solver, Value};
use crate::smt::term::{Op, Sort, TermId, TermPool};

/// Everybody who is a man is mortal; Socrates is a man; and he is not mortal, each under a name.
struct Socrates {
    pool: TermPool,
    names: [TermId; 3],
    asserted: Vec<TermId>,
    mortal: TermId,
}

fn socrates() -> Socrates {
    let mut p = TermPool::new();
    let person = p.sort_named("Person");
    assert_eq!(p.sort_named("Person"), person);
    assert_ne!(p.sort_named("City"), person);
    let man = p.function("man", &[person], Sort::Bool);
    let mortal = p.function("mortal", &[person], Sort::Bool);
    let socrates = p.variable("Socrates", person);
    let x = p.variable("x!1", person);
    let (man_x, mortal_x) = (p.apply(man, &[x]), p.apply(mortal, &[x]));
    let implies = p.implies(man_x, mortal_x);
    let all = p.forall(&[x], implies);
    let (is_man, is_mortal) = (p.apply(man, &[socrates]), p.apply(mortal, &[socrates]));
    let immortal = p.not(is_mortal);
    let names = ["all men", "a man", "unneeded"].map(|n| p.variable(n, Sort::Bool));
    let some_y = p.variable("y!2", person);
    let man_y = p.apply(man, &[some_y]);
    let some = p.exists(&[some_y], man_y);
    let mut asserted: Vec<TermId> = names
        .into_iter()
        .zip([all, is_man, some])
        .map(|(name, t)| p.implies(name, t))
        .collect();
    asserted.push(immortal);
    Socrates {
        pool: p,
        names,
        asserted,
        mortal: is_mortal,
    }
}

#[test]
fn quantifiers_are_decided_and_cores_are_told() {
    let Socrates {
        pool,
        names,
        asserted,
        mortal,
    } = socrates();
    let mut solver = FirstOrder::new();
    for t in asserted {
        solver.assert(&pool, t);
    }
    let limits = Limits::default();
    assert_eq!(solver.check(&pool, &names, limits), SatResult::Unsat);
    assert_eq!(solver.unsat_assumptions(), names[..2]);
    assert_eq!(solver.check(&pool, &names[1..], limits), SatResult::Sat);
    assert_eq!(solver.unsat_assumptions(), []);
    assert_eq!(
        solver.value(&pool, mortal).and_then(Value::truth),
        Some(false)
    );
}

#[test]
fn scripts_are_read_back() {
    let Socrates {
        pool,
        names,
        asserted,
        ..
    } = socrates();
    let script = print(&pool, &asserted, &[], None);
    assert!(script.contains("(set-logic UF)"), "{script}");
    assert!(script.contains("(declare-sort Person 0)"), "{script}");
    assert!(script.contains("(forall ((x!1 Person))"), "{script}");
    assert!(script.contains("(exists ((y!2 Person))"), "{script}");
    // A bound variable is no constant.
    assert!(!script.contains("(declare-const x!1"), "{script}");
    assert_eq!(check_script(&script), (4, SatResult::Sat));
    let all = [asserted.as_slice(), &names].concat();
    let script = print(&pool, &all, &[], None);
    assert_eq!(check_script(&script), (7, SatResult::Unsat));
}

/// What holds a bound variable gets no name outside of its quantifier, however often it is used.
#[test]
fn what_is_open_is_written_in_place() {
    let mut p = TermPool::new();
    let thing = p.sort_named("Thing");
    let f = p.function("f", &[thing], thing);
    let good = p.function("good", &[thing], Sort::Bool);
    let (x, c) = (p.variable("x!1", thing), p.variable("c", thing));
    // Deeper than what is written in place otherwise, and used twice.
    let (mut open, mut closed) = (x, c);
    for _ in 0..20 {
        (open, closed) = (p.apply(f, &[open]), p.apply(f, &[closed]));
    }
    let (is_open, is_closed) = (p.apply(good, &[open]), p.apply(good, &[closed]));
    let same = p.eq(open, closed);
    let both = p.iff(is_open, is_closed);
    let body = p.or(&[same, both]);
    let all = p.forall(&[x], body);
    let denied = p.not(all);
    let script = print(&p, &[denied], &[], None);
    assert!(script.contains("define-fun"), "{script}");
    let defined = script.lines().filter(|l| l.starts_with("(define-fun"));
    assert!(defined.clone().all(|l| !l.contains("x!1")), "{script}");
    assert_eq!(check_script(&script).1, SatResult::Sat);
}

#[test]
fn quantifiers_fold() {
    let mut p = TermPool::new();
    let thing = p.sort_named("Thing");
    let (x, yes) = (p.variable("x", thing), p.truth(true));
    assert_eq!(p.forall(&[x], yes), yes);
    let same = p.eq(x, x);
    assert_eq!(p.exists(&[x], same), yes);
    let good = p.function("good", &[thing], Sort::Bool);
    let is = p.apply(good, &[x]);
    assert_eq!(p.forall(&[], is), is);
    let all = p.forall(&[x], is);
    assert_eq!(p.op(all), Op::Forall);
    assert_eq!(p.children(all), [x, is]);
}
