//! The optimised encoding against its slow, obvious twin: addresses and ports by class, and as they are
//! (`src/encode/domain.rs`). Same verdicts on random clusters, with random formulas of the users' language; and on the same
//! clusters the same counterexamples but for addresses and ports that nobody named. And hops that are enough, found by walking
//! every way (`src/verify/direct/ends.rs`), against those that the solver shows to be enough.

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
use support::{compare, formulas, generate, threads, uniform};

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

/// Clusters whose hops are found both ways.
const WALKED: u64 = 150;

/// The solver tries 4 hops, 6, 9 and so on, and takes the first that are enough: what is walked must be more than the one before,
/// and should be no more than its own. (Where answers are not translated back, this fails.)
#[test]
fn walked_hops_are_those_that_the_solver_shows() {
    let seeds: Vec<u64> = (0..WALKED).collect();
    let all = threads::each(&seeds, |seed| hops(*seed));
    let both = all.iter().flatten().count();
    let exact = all.iter().flatten().filter(|exact| **exact).count();
    assert!(both > 120 && exact * 10 > both * 9, "{exact} of {both}");
}

/// Whether what was walked is no more than the solver's steps allow; none where one of them found nothing.
fn hops(seed: u64) -> Option<bool> {
    let draft = if seed.is_multiple_of(3) {
        uniform::cluster(seed, |_| Vec::new())
    } else {
        generate::cluster(seed, |_| Vec::new())
    };
    let cluster = compare::load(&draft.yaml()).ok()?;
    let lowered = compare::lowered(&cluster).ok()?;
    // The ones about a message and its answer.
    let wanted = compare::constraints()
        .into_iter()
        .find(|c| c.id == "KP010")?;
    let bound = [bind(&wanted, &lowered.structure).unwrap()];
    let found = |walk| {
        let options = Options {
            walk,
            ..Options::default()
        };
        let solver = || Box::new(Z3::new()) as Box<dyn Solver>;
        direct::check(&lowered, &bound, options, &solver)
            .unwrap()
            .hops
    };
    let (shown, walked) = (found(false)?, found(true)?);
    let mut exact = true;
    for (shown, walked) in [(shown.0, walked.0), (shown.1, walked.1)] {
        let fewer = (4..shown)
            .rev()
            .find(|step| (step + 2).max(step * 3 / 2) == shown);
        // Four are not enough, nor are those.
        assert!(
            fewer.is_none_or(|fewer| walked > fewer),
            "seed {seed}: walked {walked}, but {shown} are needed\n{}",
            draft.yaml()
        );
        exact &= walked <= shown;
    }
    Some(exact)
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
