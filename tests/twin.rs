//! The optimised encoding against its slow, obvious twin: addresses and ports by class, and as they are
//! (`src/encode/domain.rs`). Same verdicts on random clusters, with random formulas of the users' language; and on the same
//! clusters the same counterexamples but for addresses and ports that nobody named.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

mod support;

use kubeproof::logic::bind::bind;
use kubeproof::logic::formula::Constraint;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct::{self, Options};
use support::rng::Rng;
use support::{compare, formulas, generate, threads};

/// How many clusters (the plain twin takes ten times as long), where `KUBEPROOF_TWIN_SEEDS` does not say.
const SEEDS: u64 = 5;

#[test]
fn classes_and_plain_headers_agree() {
    let seeds = std::env::var("KUBEPROOF_TWIN_SEEDS");
    let seeds = seeds.map_or(SEEDS, |text| text.parse().unwrap());
    let seeds: Vec<u64> = (0..seeds).collect();
    let decided: usize = threads::each(&seeds, |seed| decided(*seed)).iter().sum();
    assert!(decided > 0);
}

/// How many verdicts about the cluster of a seed are alike; 0 where it is none.
fn decided(seed: u64) -> usize {
    let draft = generate::cluster(seed, |_| Vec::new());
    let text = formulas::text(&mut Rng::new(seed, 4), &draft, "formula");
    let Ok(cluster) = compare::load(&draft.yaml()) else {
        return 0;
    };
    let Ok(lowered) = compare::lowered(&cluster) else {
        return 0;
    };
    let mut all = compare::constraints();
    all.extend(formulas::read(&text).unwrap());
    let bound: Vec<Constraint> = all
        .iter()
        .map(|c| bind(c, &lowered.structure).unwrap())
        .collect();
    let check = |plain_headers| {
        let options = Options {
            plain_headers,
            ..Options::default()
        };
        direct::check(&lowered, &bound, options, &|| {
            Box::new(Z3::new()) as Box<dyn Solver>
        })
        .unwrap()
        .results
    };
    let mut decided = 0;
    for (classes, plain) in check(false).iter().zip(&check(true)) {
        let yaml = draft.yaml();
        assert_eq!(
            (&classes.id, classes.verdict),
            (&plain.id, plain.verdict),
            "seed {seed}\n{yaml}\n{text}"
        );
        decided += 1;
    }
    decided
}
