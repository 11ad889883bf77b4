//! Does a part of a cluster tell what the whole cluster tells? The strategy `modular` against `direct`.
//!
//! Each seed makes a cluster in which much is more of the same (`support/uniform.rs`), every fourth one any cluster
//! (`support/generate.rs`), with random faults. Both strategies decide all built-in constraints: the same verdicts, the
//! same counterexamples, to the byte of what is told. On a disagreement the cluster is shrunken and written to
//! `target/modular/SEED.yaml`.
//!
//! ```text
//! cargo test --test modular
//! KUBEPROOF_SEEDS=0..10000 KUBEPROOF_LOG=docs/modular-log.txt cargo test --release --test modular
//! ```

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use kubeproof::logic::bind::bind;
use kubeproof::logic::formula::Constraint;
use kubeproof::lower::lower;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::policy::Settings;
use kubeproof::network::graph::Network;
use kubeproof::network::trace::Event;
use kubeproof::report::names::Names;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::modular::Modular;
use kubeproof::verify::verdict::{CheckResult, Verdict};
use support::draft::Draft;
use support::shrink::shrink;
use support::{compare, generate, policed, tabled, uniform};

/// Seeds of the test run.
const SEEDS: std::ops::Range<u64> = 0..16;
/// Those with route tables; two of these fail where what tables do otherwise than usual is not looked at.
const TABLED: std::ops::Range<u64> = 6..10;
/// Those with policies.
const POLICED: std::ops::Range<u64> = 0..12;

fn solver() -> Box<dyn Solver> {
    Box::new(Z3::new())
}

#[derive(Default)]
struct Totals {
    clusters: usize,
    wrong: Vec<u64>,
    verdicts: BTreeMap<Verdict, usize>,
    smaller: usize,
    processes: (usize, usize),
    seconds: (f64, f64),
    /// What was proven whatever policies say.
    whatever: usize,
}

#[test]
fn a_part_tells_what_the_whole_tells() {
    let seeds = std::env::var("KUBEPROOF_SEEDS").map_or(SEEDS, |text| {
        let (a, b) = text.split_once("..").expect("such as 0..1000");
        a.parse().unwrap()..b.parse().unwrap()
    });
    let mut totals = Totals::default();
    for seed in seeds.clone() {
        let draft = made(seed);
        let Ok(cluster) = compare::load(&draft.yaml()) else {
            panic!("seed {seed} makes no cluster:\n{}", draft.yaml());
        };
        let wrong = differences(&cluster, Settings::default(), &mut totals);
        totals.clusters += 1;
        if wrong.is_empty() {
            continue;
        }
        totals.wrong.push(seed);
        let (small, _) = shrink(&draft, &[], |draft, _| {
            compare::load(&draft.yaml()).is_ok_and(|c| {
                !differences(&c, Settings::default(), &mut Totals::default()).is_empty()
            })
        });
        let told: String = wrong.iter().map(|w| format!("# {w}\n")).collect();
        let text = format!(
            "# Seed {seed}.\n{}{}",
            told.replace("\n\n", "\n"),
            small.yaml()
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/modular");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(format!("{seed}.yaml")), &text).unwrap();
        eprintln!("{text}");
    }
    let line = format!(
        "{}..{}: {} clusters, {} disagreements; in {} the part was smaller than the whole ({} of {} processes in all); {:?}; direct {:.0} s, modular {:.0} s",
        seeds.start,
        seeds.end,
        totals.clusters,
        totals.wrong.len(),
        totals.smaller,
        totals.processes.0,
        totals.processes.1,
        totals.verdicts,
        totals.seconds.0,
        totals.seconds.1
    );
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("KUBEPROOF_LOG") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    assert!(totals.wrong.is_empty(), "seeds {:?}", totals.wrong);
    assert!(
        totals.smaller * 3 > totals.clusters,
        "too few parts are smaller than the whole: {line}"
    );
}

/// The same with policies, under random settings, and what is proven whatever policies say.
#[test]
fn a_part_tells_what_the_whole_tells_with_policies() {
    let seeds = std::env::var("KUBEPROOF_SEEDS").map_or(POLICED, |text| {
        let (a, b) = text.split_once("..").expect("such as 0..1000");
        a.parse().unwrap()..b.parse().unwrap()
    });
    let mut totals = Totals::default();
    for seed in seeds {
        let Some(made) = policed::on(seed, made(seed)) else {
            continue;
        };
        totals.clusters += 1;
        let wrong = differences(&made.cluster, made.settings, &mut totals);
        if !wrong.is_empty() {
            totals.wrong.push(seed);
            eprintln!("seed {seed}\n{}{}\n", made.text, wrong.join("\n"));
        }
    }
    eprintln!(
        "{} clusters, wrong {:?}; smaller {}; {:?}; {} proven whatever policies say; {:?} s",
        totals.clusters,
        totals.wrong,
        totals.smaller,
        totals.verdicts,
        totals.whatever,
        totals.seconds
    );
    assert!(totals.wrong.is_empty(), "seeds {:?}", totals.wrong);
    assert!(totals.smaller * 4 > totals.clusters, "{}", totals.smaller);
    assert!(
        totals.whatever > 0,
        "nothing is proven whatever policies say"
    );
}

/// The same with route tables. What cannot be told is counted, and must be rare.
#[test]
fn a_part_tells_what_the_whole_tells_with_route_tables() {
    let seeds = std::env::var("KUBEPROOF_SEEDS").map_or(TABLED, |text| {
        let (a, b) = text.split_once("..").expect("such as 0..1000");
        a.parse().unwrap()..b.parse().unwrap()
    });
    let mut totals = Totals::default();
    let (mut untold, mut wrong_tables) = (0, 0);
    for seed in seeds {
        let Some(made) = tabled::on(seed, &made(seed)) else {
            continue;
        };
        totals.clusters += 1;
        wrong_tables += usize::from(made.mistakes > 0);
        let wrong = differences(&made.cluster, Settings::default(), &mut totals);
        if wrong.iter().any(|w| w.starts_with(UNTOLD)) {
            eprintln!("seed {seed}: {wrong:?}");
            untold += 1;
        } else if !wrong.is_empty() {
            totals.wrong.push(seed);
            eprintln!(
                "seed {seed}\n{}\n{}\n{}\n",
                made.yaml,
                made.routes,
                wrong.join("\n")
            );
        }
    }
    eprintln!(
        "{} clusters, {wrong_tables} with mistakes in tables, wrong {:?}; {untold} untold; smaller {}; {:?}; {:?} s",
        totals.clusters, totals.wrong, totals.smaller, totals.verdicts, totals.seconds
    );
    assert!(totals.wrong.is_empty(), "seeds {:?}", totals.wrong);
    assert!(untold * 8 <= totals.clusters, "{untold}");
    assert!(totals.smaller * 6 > totals.clusters, "{}", totals.smaller);
}

fn made(seed: u64) -> Draft {
    if seed % 4 == 3 {
        generate::cluster(seed, ideal)
    } else {
        uniform::cluster(seed, ideal)
    }
}

/// The ideal rules of a draft by switch, as they stand in a cluster file.
fn ideal(draft: &Draft) -> generate::IdealRules {
    let plain = Draft {
        fibs: Vec::new(),
        ..draft.clone()
    };
    let Ok(cluster) = compare::load(&plain.yaml()) else {
        return Vec::new();
    };
    let Ok(lowered) = compare::lowered(&cluster) else {
        return Vec::new();
    };
    let rule = |m: &kubeproof::model::cluster::Match| {
        let to = m.to.map(|net| format!("to: \"{net}\""));
        let port = m.to_ports.as_ref().map(|set| format!("toPort: \"{set}\""));
        let protocol = m.protocol.map(|p| format!("protocol: {p}"));
        let parts: Vec<String> = [to, port, protocol].into_iter().flatten().collect();
        format!("{{{}}}", parts.join(", "))
    };
    let switches = lowered.network.switches.iter();
    let rows = switches.map(|s| {
        let rules = s.fib.iter().map(|r| rule(&r.matches));
        (cluster.name_of(s.id).to_string(), rules.collect())
    });
    rows.collect()
}

const UNTOLD: &str = "modular says nothing";

fn differences(cluster: &Cluster, settings: Settings, totals: &mut Totals) -> Vec<String> {
    let lowered = lower(cluster, &settings).unwrap();
    let constraints: Vec<Constraint> = compare::constraints()
        .iter()
        .map(|c| bind(c, &lowered.structure).unwrap())
        .collect();
    let options = direct::Options::default();
    let begin = Instant::now();
    let whole = match direct::check(&lowered, &constraints, options, &solver) {
        Ok(checked) => checked.results,
        Err(why) => return vec![format!("direct: {why}")],
    };
    totals.seconds.0 += begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let modular = match Modular::new(cluster, settings, &constraints, options) {
        Ok(modular) => modular,
        Err(why) => return vec![format!("{UNTOLD}: {why}")],
    };
    let parts = match modular.check(&constraints, usize::MAX, &solver) {
        Ok(Ok(checked)) => checked.results,
        Ok(Err(why)) => return vec![format!("{UNTOLD}: {why}")],
        Err(why) => return vec![format!("modular: {why}")],
    };
    totals.seconds.1 += begin.elapsed().as_secs_f64();
    let chosen = modular.looked_at().unwrap();
    let processes = lowered.network.processes.len();
    totals.smaller += usize::from(chosen < processes);
    totals.processes.0 += chosen;
    totals.processes.1 += processes;
    let mut wrong = Vec::new();
    let any = modular.under_any_policies(&constraints, &solver).unwrap();
    for (one, other) in whole.iter().zip(&any) {
        let Some(other) = other else { continue };
        totals.whatever += 1;
        if one.verdict != other.verdict {
            wrong.push(format!(
                "{}: direct {:?}, whatever policies say {:?}",
                one.id, one.verdict, other.verdict
            ));
        }
    }
    for (one, other) in whole.iter().zip(&parts) {
        *totals.verdicts.entry(one.verdict).or_default() += 1;
        let one = told(cluster, one, &lowered.network);
        let other = told(cluster, other, &lowered.network);
        if one != other {
            wrong.push(format!("direct:  {one}"));
            wrong.push(format!("modular: {other}"));
        }
    }
    wrong
}

/// What is told of a result, but for how it was come by.
fn told(cluster: &Cluster, result: &CheckResult, network: &Network) -> String {
    let names = Names::new(cluster);
    let mut text = format!("{} {}", result.id, result.verdict.word());
    if let Some(found) = &result.counterexample {
        let network = found.network_in(network);
        text += &format!(" {:?} wanted {:?}", found.assignment, found.wanted);
        for message in &found.messages {
            text += &format!(" {} sends {}", names.full(message.sender), message.header);
            for outcome in &message.trace.outcomes {
                text += &format!(
                    " [{:?} {:?} {:?} {:?}]",
                    outcome.disposition,
                    outcome.received,
                    outcome.replied,
                    outcome.request.receiver
                );
                let reply = outcome.reply.iter().flat_map(|j| &j.steps);
                for step in outcome.request.steps.iter().chain(reply) {
                    text += &format!(" {} {} {:?}", names.full(step.at), step.header, step.origin);
                    if let Event::Lookup { rule, .. }
                    | Event::Translate {
                        rule: Some(rule), ..
                    }
                    | Event::Deliver {
                        rule: Some(rule), ..
                    }
                    | Event::Discard {
                        rule: Some(rule), ..
                    } = step.event
                    {
                        let fib = &network.switch(step.at).unwrap().fib;
                        text += &format!(" {:?} {:?}", fib[rule].matches, fib[rule].action);
                    }
                }
            }
        }
    }
    text
}
