//! Random terms, and what they must evaluate to: the pool's rules and the backend against a naive evaluation.

#![allow(clippy::unwrap_used, clippy::many_single_char_names)]

use std::collections::BTreeMap;

use super::super::backend::{Z3, check_script};
use super::super::smtlib;
use super::super::solver::{SatResult, Solver, Value};
use super::super::term::{FunctionId, Op, Sort, TermId, TermPool, mask};
use super::NO_LIMITS;

/// `SplitMix64`: enough for tests, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A value of the sort; the ends and near-ends often, since rules are about them.
    fn value(&mut self, sort: Sort) -> u128 {
        let Sort::BitVec(width) = sort else {
            return u128::from(self.next() & 1);
        };
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        mask(width) & [0, 1, u128::MAX, wide, wide & 3][self.below(5)]
    }
}

/// What every function means in these tests: a mix of its arguments.
fn interpret(f: FunctionId, args: &[u128], result: Sort) -> u128 {
    let mut mix = Random(f.index() as u64);
    for &arg in args {
        mix = Random(mix.next() ^ arg as u64 ^ (arg >> 64) as u64);
    }
    mix.value(result)
}

fn truth(b: bool) -> u128 {
    u128::from(b)
}

/// The meaning of one operator, children given.
fn evaluate(pool: &TermPool, t: TermId, child: impl Fn(usize) -> u128, variable: u128) -> u128 {
    let node = pool.node(t);
    let mut children = (0..node.children.len()).map(&child);
    match node.op {
        Op::True => 1,
        Op::False => 0,
        Op::BitVec { value, .. } => value,
        Op::Variable(_) => variable,
        Op::Not => 1 - child(0),
        Op::And => truth(children.all(|v| v == 1)),
        Op::Or => truth(children.any(|v| v == 1)),
        Op::Eq => truth(child(0) == child(1)),
        Op::Ite => child(if child(0) == 1 { 1 } else { 2 }),
        Op::Ule => truth(child(0) <= child(1)),
        Op::Extract { high, low } => (child(0) >> low) & mask(high - low + 1),
        Op::Apply(f) => interpret(f, &children.collect::<Vec<_>>(), node.sort),
        Op::Forall | Op::Exists => unreachable!("no quantifier grows here"),
    }
}

/// Every term's value, where the variables have these.
fn evaluate_all(pool: &TermPool, variables: &BTreeMap<TermId, u128>) -> Vec<u128> {
    let mut values = Vec::with_capacity(pool.len());
    for t in pool.ids() {
        let children = pool.children(t);
        let variable = variables.get(&t).copied().unwrap_or_default();
        let value = evaluate(pool, t, |i| values[children[i].index()], variable);
        values.push(value);
    }
    values
}

/// How many assignments random terms are evaluated under.
const SAMPLES: usize = 12;

/// Random terms, each with what it must evaluate to, computed beside the pool and without its rules.
struct Garden {
    pool: TermPool,
    random: Random,
    grown: Vec<(TermId, [u128; SAMPLES])>,
    variables: Vec<BTreeMap<TermId, u128>>,
}

impl Garden {
    fn new(seed: u64, steps: usize) -> Self {
        let mut garden = Self {
            pool: TermPool::new(),
            random: Random(seed),
            grown: Vec::new(),
            variables: vec![BTreeMap::new(); SAMPLES],
        };
        let widths = [1, 2, 3, 8, 33, 64, 65, 128];
        let (w, v) = (garden.random.pick(&widths), garden.random.pick(&widths));
        let sorts = [Sort::Bool, Sort::BitVec(w), Sort::BitVec(v)];
        for i in 0..6 {
            let sort = sorts[i % 3];
            let t = garden.pool.variable(&format!("v{i}"), sort);
            let values = std::array::from_fn(|_| garden.random.value(sort));
            for (sample, value) in values.into_iter().enumerate() {
                garden.variables[sample].insert(t, value);
            }
            garden.grown.push((t, values));
        }
        let f = garden.pool.function("f", &[sorts[1]], sorts[2]);
        let g = garden
            .pool
            .function("g", &[sorts[2], Sort::Bool], Sort::Bool);
        for _ in 0..steps {
            garden.grow(&sorts, f, g);
        }
        garden
    }

    /// A grown term of the sort, or a constant; with its values.
    fn some(&mut self, sort: Sort) -> (TermId, [u128; SAMPLES]) {
        let fit: Vec<_> = self
            .grown
            .iter()
            .filter(|(t, _)| self.pool.sort(*t) == sort)
            .copied()
            .collect();
        if !fit.is_empty() && self.random.below(5) > 0 {
            return self.random.pick(&fit);
        }
        let value = self.random.value(sort);
        let t = match sort {
            Sort::Bool => self.pool.truth(value == 1),
            Sort::BitVec(width) => self.pool.bits(value, width),
            Sort::Uninterpreted(_) => unreachable!("no such sort grows here"),
        };
        (t, [value; SAMPLES])
    }

    fn grow(&mut self, sorts: &[Sort; 3], f: FunctionId, g: FunctionId) {
        let any = self.random.pick(sorts);
        let vector = self.random.pick(&sorts[1..]);
        let map = |values: [u128; SAMPLES], f: &dyn Fn(u128) -> u128| values.map(f);
        let both = |a: [u128; SAMPLES], b: [u128; SAMPLES], f: &dyn Fn(u128, u128) -> bool| {
            std::array::from_fn(|i| truth(f(a[i], b[i])))
        };
        let made = match self.random.below(13) {
            0 => {
                let (t, v) = self.some(Sort::Bool);
                (self.pool.not(t), map(v, &|v| 1 - v))
            }
            n @ (1 | 2) => {
                let parts: Vec<_> = (0..self.random.below(4))
                    .map(|_| self.some(Sort::Bool))
                    .collect();
                let ts: Vec<TermId> = parts.iter().map(|p| p.0).collect();
                if n == 1 {
                    (
                        self.pool.and(&ts),
                        std::array::from_fn(|i| truth(parts.iter().all(|p| p.1[i] == 1))),
                    )
                } else {
                    (
                        self.pool.or(&ts),
                        std::array::from_fn(|i| truth(parts.iter().any(|p| p.1[i] == 1))),
                    )
                }
            }
            3 => {
                let ((a, x), (b, y)) = (self.some(Sort::Bool), self.some(Sort::Bool));
                (self.pool.implies(a, b), both(x, y, &|x, y| x <= y))
            }
            4 => {
                let ((a, x), (b, y)) = (self.some(Sort::Bool), self.some(Sort::Bool));
                (self.pool.iff(a, b), both(x, y, &|x, y| x == y))
            }
            5 | 6 => {
                let ((a, x), (b, y)) = (self.some(any), self.some(any));
                (self.pool.eq(a, b), both(x, y, &|x, y| x == y))
            }
            7 | 8 => {
                let ((c, z), (a, x), (b, y)) =
                    (self.some(Sort::Bool), self.some(any), self.some(any));
                (
                    self.pool.ite(c, a, b),
                    std::array::from_fn(|i| if z[i] == 1 { x[i] } else { y[i] }),
                )
            }
            9 => {
                let ((a, x), (b, y)) = (self.some(vector), self.some(vector));
                (self.pool.ult(a, b), both(x, y, &|x, y| x < y))
            }
            10 => {
                let ((a, x), (b, y)) = (self.some(vector), self.some(vector));
                (self.pool.ule(a, b), both(x, y, &|x, y| x <= y))
            }
            11 => {
                let vectors: Vec<_> = self
                    .grown
                    .iter()
                    .filter(|(t, _)| self.pool.width(*t).is_some())
                    .copied()
                    .collect();
                let (t, v) = self.random.pick(&vectors);
                let width = self.pool.width(t).unwrap();
                let low = self.random.below(width as usize) as u32;
                let high = low + self.random.below((width - low) as usize) as u32;
                (
                    self.pool.extract(t, high, low),
                    map(v, &|v| (v >> low) & mask(high - low + 1)),
                )
            }
            _ => {
                let (a, x) = self.some(sorts[1]);
                let fa = self.pool.apply(f, &[a]);
                let fx = map(x, &|x| interpret(f, &[x], sorts[2]));
                let (b, y) = self.some(Sort::Bool);
                self.grown.push((fa, fx));
                let values = std::array::from_fn(|i| interpret(g, &[fx[i], y[i]], Sort::Bool));
                (self.pool.apply(g, &[fa, b]), values)
            }
        };
        self.grown.push(made);
    }

    fn bools(&self) -> Vec<TermId> {
        self.grown
            .iter()
            .map(|g| g.0)
            .filter(|&t| self.pool.sort(t) == Sort::Bool)
            .collect()
    }
}

#[test]
fn simplifications_keep_the_meaning() {
    for seed in 0..600 {
        let garden = Garden::new(seed, 80);
        for sample in 0..SAMPLES {
            let values = evaluate_all(&garden.pool, &garden.variables[sample]);
            for (t, expected) in &garden.grown {
                assert_eq!(
                    values[t.index()],
                    expected[sample],
                    "seed {seed}, term {t:?}"
                );
            }
        }
    }
}

#[test]
fn z3_agrees_with_the_evaluator_and_with_the_text() {
    let mut verdicts = BTreeMap::new();
    for seed in 0..150 {
        let mut garden = Garden::new(seed, 60);
        let bools = garden.bools();
        let asserts: Vec<TermId> = (0..3).map(|_| garden.random.pick(&bools)).collect();
        let pool = &garden.pool;
        let mut z3 = Z3::new();
        for &t in &asserts {
            z3.assert(pool, t);
        }
        let answer = z3.check(pool, &[], NO_LIMITS);
        let values: Vec<Option<u128>> = pool.ids().map(|t| z3.value(pool, t).map(number)).collect();
        if answer == SatResult::Sat {
            // Each value follows from the children's; a function has one result for equal arguments.
            let mut applied = BTreeMap::new();
            let reachable = pool.reachable(&asserts);
            for t in pool.ids() {
                let value = values[t.index()].unwrap();
                let child = |i: usize| values[pool.children(t)[i].index()].unwrap();
                // An application that no assertion holds is free: see `Solver::value`.
                if matches!(pool.op(t), Op::Apply(_)) && !reachable[t.index()] {
                    continue;
                }
                if let Op::Apply(f) = pool.op(t) {
                    let args: Vec<u128> = (0..pool.children(t).len()).map(child).collect();
                    assert_eq!(
                        *applied.entry((f, args)).or_insert(value),
                        value,
                        "seed {seed}"
                    );
                } else {
                    assert_eq!(
                        evaluate(pool, t, child, value),
                        value,
                        "seed {seed}, term {t:?}"
                    );
                }
            }
            assert!(asserts.iter().all(|t| values[t.index()] == Some(1)));
        } else {
            assert_eq!(answer, SatResult::Unsat);
            assert!(values.iter().all(Option::is_none));
            for variables in &garden.variables {
                let values = evaluate_all(pool, variables);
                assert!(
                    asserts.iter().any(|t| values[t.index()] == 0),
                    "seed {seed}"
                );
            }
        }
        let script = smtlib::print(pool, &asserts, &["seed".to_owned()], None);
        assert_eq!(
            check_script(&script),
            (asserts.len(), answer.clone()),
            "seed {seed}\n{script}"
        );
        *verdicts.entry(format!("{answer:?}")).or_insert(0) += 1;
    }
    assert!(
        verdicts["Sat"] > 20 && verdicts["Unsat"] > 20,
        "a lopsided test: {verdicts:?}"
    );
}

fn number(value: Value) -> u128 {
    value
        .bits()
        .unwrap_or_else(|| truth(value == Value::Bool(true)))
}
