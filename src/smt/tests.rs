//! The folding rules one by one, the solver's promises, the text. Random terms are in `tests/garden.rs`.

#![allow(clippy::unwrap_used, clippy::many_single_char_names)]

mod first_order;
mod garden;

use std::time::{Duration, Instant};

use super::backend::{self, Z3, check_script};
use super::error::SmtError;
use super::smtlib;
use super::solver::{Limits, SatResult, Solver, Value};
use super::term::{Sort, TermId, TermPool};

const NO_LIMITS: Limits = Limits { timeout: None };

#[test]
fn folding() {
    let mut p = TermPool::new();
    let (yes, no) = (p.truth(true), p.truth(false));
    let (a, b) = (p.variable("a", Sort::Bool), p.variable("b", Sort::Bool));
    let (x, y) = (
        p.variable("x", Sort::BitVec(8)),
        p.variable("y", Sort::BitVec(8)),
    );
    let (k0, k5, top) = (p.bits(0, 8), p.bits(5, 8), p.bits(255, 8));
    let (na, nb, is) = (p.not(a), p.not(b), p.eq(x, k5));
    assert_eq!(p.variable("a", Sort::Bool), a);
    assert_eq!((p.not(na), p.not(yes), p.not(no)), (a, no, yes));
    assert_eq!((p.and(&[]), p.or(&[])), (yes, no));
    assert_eq!(
        (
            p.and(&[a]),
            p.and(&[a, a]),
            p.and(&[a, yes]),
            p.and(&[yes, a, a])
        ),
        (a, a, a, a)
    );
    assert_eq!(
        (
            p.and(&[a, na]),
            p.or(&[na, a]),
            p.and(&[a, b, na]),
            p.or(&[b, na, a])
        ),
        (no, yes, no, yes)
    );
    assert_eq!(
        (p.and(&[a, no]), p.or(&[a, b, yes]), p.or(&[no, a])),
        (no, yes, a)
    );
    assert_eq!(
        (p.and(&[a, b]), p.or(&[a, is, b])),
        (p.and(&[b, a]), p.or(&[b, a, is]))
    );
    assert_eq!(
        (
            p.implies(no, a),
            p.implies(a, a),
            p.implies(yes, a),
            p.implies(a, no)
        ),
        (yes, yes, a, na)
    );
    assert_eq!(
        (p.iff(a, a), p.iff(a, na), p.iff(a, yes), p.iff(no, a)),
        (yes, no, a, na)
    );
    assert_eq!(p.iff(na, nb), p.iff(b, a));
    let ab = p.iff(a, b);
    assert_eq!((p.iff(na, b), p.eq(a, b)), (p.not(ab), ab));
    assert_eq!(
        (p.eq(x, x), p.eq(k0, k5), p.eq(x, y)),
        (yes, no, p.eq(y, x))
    );
    assert_eq!(
        (p.ite(yes, x, y), p.ite(no, x, y), p.ite(a, x, x)),
        (x, y, x)
    );
    assert_eq!(
        (p.ite(na, x, y), p.ite(a, yes, no), p.ite(a, no, yes)),
        (p.ite(a, y, x), a, na)
    );
    assert_eq!(
        (p.ite(a, a, b), p.ite(a, b, a)),
        (p.or(&[a, b]), p.and(&[a, b]))
    );
    let inner = p.ite(a, k0, k5);
    assert_eq!(
        (p.ite(a, inner, y), p.ite(a, y, inner)),
        (p.ite(a, k0, y), p.ite(a, y, k5))
    );
    assert_eq!(
        (p.eq(inner, k0), p.eq(k5, inner), p.eq(inner, top)),
        (a, na, no)
    );
    assert_eq!(
        (
            p.ule(k0, x),
            p.ule(x, top),
            p.ule(x, x),
            p.ult(x, x),
            p.ult(x, k0)
        ),
        (yes, yes, yes, no, no)
    );
    assert_eq!((p.ule(x, k0), p.ule(top, x)), (p.eq(x, k0), p.eq(x, top)));
    assert_eq!(
        (p.ult(k0, k5), p.ule(k5, k0), p.ule(inner, k0)),
        (yes, no, a)
    );
    let (low, k) = (p.extract(x, 3, 0), p.bits(0xa, 4));
    assert_eq!((p.extract(x, 7, 0), p.extract(low, 3, 0)), (x, low));
    let ka5 = p.bits(0xa5, 8);
    let middle = p.extract(x, 6, 1);
    assert_eq!(
        (p.extract(ka5, 7, 4), p.extract(middle, 3, 2)),
        (k, p.extract(x, 4, 3))
    );
    assert_eq!(
        (p.as_truth(yes), p.as_truth(a), p.as_bits(k5), p.as_bits(x)),
        (Some(true), None, Some(5), None)
    );
}

#[test]
fn scopes_and_assumptions() {
    let mut p = TermPool::new();
    let (a, b, c) = (
        p.variable("a", Sort::Bool),
        p.variable("b", Sort::Bool),
        p.variable("c", Sort::Bool),
    );
    let (ab, nb, no, yes) = (p.implies(a, b), p.not(b), p.truth(false), p.truth(true));
    // Not a literal: it needs a name of its own.
    let ac = p.and(&[a, c]);
    let mut z3 = Z3::new();
    z3.assert(&p, ab);
    z3.push();
    assert_eq!(z3.check(&p, &[ac, nb, c], NO_LIMITS), SatResult::Unsat);
    assert_eq!(z3.unsat_assumptions(), [ac, nb]);
    assert_eq!(z3.check(&p, &[ac], NO_LIMITS), SatResult::Sat);
    assert_eq!(z3.unsat_assumptions(), []);
    assert_eq!(
        (z3.value(&p, a), z3.value(&p, b)),
        (Some(Value::Bool(true)), Some(Value::Bool(true)))
    );
    z3.assert(&p, nb);
    assert_eq!(
        z3.value(&p, ac),
        Some(Value::Bool(true)),
        "the model outlives an assertion"
    );
    assert_eq!(z3.check(&p, &[ac], NO_LIMITS), SatResult::Unsat);
    assert_eq!(z3.unsat_assumptions(), [ac]);
    assert_eq!(
        z3.value(&p, a),
        Some(Value::Bool(true)),
        "the model outlives a check that said no"
    );
    z3.pop();
    // The definition made inside the scope is gone with it, and must be made again.
    assert_eq!(z3.check(&p, &[ac, nb], NO_LIMITS), SatResult::Unsat);
    z3.push();
    assert_eq!(
        z3.check(&p, &[nb, nb, yes, ac], NO_LIMITS),
        SatResult::Unsat
    );
    assert_eq!(z3.unsat_assumptions(), [nb, ac]);
    assert_eq!(z3.check(&p, &[a, no], NO_LIMITS), SatResult::Unsat);
    assert_eq!(z3.unsat_assumptions(), [no]);
    z3.pop();
    z3.pop();
    assert_eq!(z3.check(&p, &[yes], NO_LIMITS), SatResult::Sat);
    // The pool has grown since.
    let late = p.variable("late", Sort::BitVec(128));
    let k = p.bits(u128::MAX - 7, 128);
    let is = p.eq(late, k);
    assert_eq!(z3.check(&p, &[is], NO_LIMITS), SatResult::Sat);
    assert_eq!(z3.value(&p, late), Some(Value::Bits(u128::MAX - 7)));
    let open = p.variable("open", Sort::BitVec(65));
    assert_eq!(z3.value(&p, open), z3.value(&p, open));
    assert!(z3.value(&p, open).is_some());
}

/// n+1 pigeons in n holes: no solver finds that easy.
fn pigeons(p: &mut TermPool, holes: usize) -> TermId {
    let place: Vec<Vec<TermId>> = (0..=holes)
        .map(|i| {
            (0..holes)
                .map(|h| p.variable(&format!("p{i}h{h}"), Sort::Bool))
                .collect()
        })
        .collect();
    let mut all: Vec<TermId> = place.iter().map(|row| p.or(row)).collect();
    for (i, row) in place.iter().enumerate() {
        for other in &place[..i] {
            for (&x, &y) in row.iter().zip(other) {
                let both = p.and(&[x, y]);
                all.push(p.not(both));
            }
        }
    }
    p.and(&all)
}

#[test]
fn a_timeout_is_unknown_and_not_the_end() {
    let mut p = TermPool::new();
    let hard = pigeons(&mut p, 12);
    let easy = p.variable("easy", Sort::Bool);
    let mut z3 = Z3::new();
    let limits = Limits {
        timeout: Some(Duration::from_millis(50)),
    };
    let started = Instant::now();
    assert_eq!(
        z3.check(&p, &[hard], limits),
        SatResult::Unknown("timeout".to_owned())
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    let nothing = Limits {
        timeout: Some(Duration::ZERO),
    };
    assert_eq!(
        z3.check(&p, &[easy], nothing),
        SatResult::Unknown("timeout".to_owned())
    );
    assert_eq!(z3.value(&p, easy), None);
    assert_eq!(z3.check(&p, &[easy], NO_LIMITS), SatResult::Sat);
    assert_eq!(z3.value(&p, easy), Some(Value::Bool(true)));
}

#[test]
fn deep_terms_need_no_stack() {
    let mut p = TermPool::new();
    let (a, b) = (p.variable("a", Sort::Bool), p.variable("b", Sort::Bool));
    let x = p.variable("x", Sort::BitVec(16));
    let mut t = p.variable("start", Sort::Bool);
    for i in 0..100_000u32 {
        let own = p.variable(&format!("v{i}"), Sort::Bool);
        t = p.or(&[t, own]);
        t = p.and(&[t, if i % 2 == 0 { a } else { b }]);
    }
    let k = p.bits(7, 16);
    let is = p.eq(x, k);
    t = p.and(&[t, is]);
    let script = smtlib::print(&p, &[t], &[], None);
    assert!(
        script.len() < 60 * p.len(),
        "{} bytes for {} terms",
        script.len(),
        p.len()
    );
    // No answer is expected in this time, only that neither the translation, nor Z3, nor the end of both overflows.
    let limits = Limits {
        timeout: Some(Duration::from_secs(1)),
    };
    let mut z3 = Z3::new();
    z3.assert(&p, t);
    assert_ne!(z3.check(&p, &[], limits), SatResult::Unsat);
    let nothing = p.not(t);
    assert_ne!(z3.check(&p, &[nothing], limits), SatResult::Sat);
}

#[test]
fn deep_terms_are_decided() {
    let mut p = TermPool::new();
    let x = p.variable("x", Sort::BitVec(16));
    let mut t = p.variable("start", Sort::Bool);
    // Depth 4,000: beyond what the one-shot pipeline is trusted with.
    for i in 0..2_000 {
        let k = p.bits(i, 16);
        let (le, is) = (p.ule(k, x), p.eq(k, x));
        t = p.or(&[t, is]);
        t = p.and(&[t, le]);
    }
    let mut z3 = Z3::new();
    z3.assert(&p, t);
    assert_eq!(z3.check(&p, &[], NO_LIMITS), SatResult::Sat);
    assert_eq!(z3.value(&p, t), Some(Value::Bool(true)));
    let k = p.bits(1_998, 16);
    let below = p.ule(x, k);
    assert_eq!(z3.check(&p, &[below], NO_LIMITS), SatResult::Unsat);
}

#[test]
fn names_and_comments_cannot_break_the_script() {
    let mut p = TermPool::new();
    let names = [
        "and", "a|b", "a\\b", "a b", "", "x\ny", "x\0y", "ä", "0", "@at", "t1", "bvx", "push", "|",
        "\\0", "\0",
    ];
    let mut all: Vec<TermId> = names
        .iter()
        .map(|name| p.variable(name, Sort::Bool))
        .collect();
    let f = p.function("a_b", &[Sort::Bool], Sort::Bool);
    all.push(p.apply(f, &[all[0]]));
    let whole = p.and(&all);
    let pair = p.or(&[all[0], all[1]]);
    let both = [p.iff(whole, pair), whole, p.iff(pair, all[3])];
    let comment = "one\n(assert false)\r(assert false)\u{85}(assert false)".to_owned();
    let script = smtlib::print(&p, &both, &[comment], Some("sat"));
    assert_eq!(check_script(&script), (3, SatResult::Sat), "{script}");
    assert!(script.contains("(set-info :status sat)\n") && script.ends_with("(check-sat)\n"));
    let mut z3 = Z3::new();
    // Sixteen names, sixteen variables: each can be false while the others are true.
    for (i, &t) in all.iter().enumerate() {
        let mut others = all.clone();
        others[i] = p.not(t);
        assert_eq!(z3.check(&p, &others, NO_LIMITS), SatResult::Sat);
    }
}

#[test]
fn only_what_is_reachable_is_printed_and_named_where_shared() {
    let mut p = TermPool::new();
    let (x, y) = (
        p.variable("x", Sort::BitVec(8)),
        p.variable("y", Sort::BitVec(5)),
    );
    let unused = p.variable("unused", Sort::Bool);
    let _ = p.not(unused);
    let (k, j) = (p.bits(0x2a, 8), p.bits(3, 5));
    let (less, is) = (p.ult(x, k), p.eq(y, j));
    let either = p.or(&[less, is]);
    let f = p.function("f", &[Sort::BitVec(8), Sort::Bool], Sort::Bool);
    let applied = p.apply(f, &[x, either]);
    let script = smtlib::print(&p, &[either, applied], &[], None);
    let expected = "\
(set-info :smt-lib-version 2.6)
(set-logic QF_UFBV)
(declare-const x (_ BitVec 8))
(declare-const y (_ BitVec 5))
(declare-fun f ((_ BitVec 8) Bool) Bool)
(define-fun t1 () Bool (or (bvult x #x2a) (= y #b00011)))
(assert t1)
(assert (f x t1))
(check-sat)
";
    assert_eq!(script, expected);
}

#[test]
fn versions() {
    assert_eq!(
        backend::check_version(),
        Ok(()),
        "found {}",
        backend::version()
    );
    for wrong in ["Z3 4.8.12.0", "Z3 5.3.3.01", ""] {
        let error = SmtError::unless_wanted(wrong, backend::WANTED)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(wrong) && error.contains("5.3.3.0") && error.contains("make z3"),
            "{error}"
        );
    }
}
