//! Is the solver's verdict what trying every message comes to? On random clusters.
//!
//! Each seed makes a cluster of up to 4 nodes, 8 pods and 16 containers with random faults (`support/generate.rs`,
//! `support/faults.rs`), and, for every fourth, two random formulas. Kubeproof decides all built-in constraints and the
//! formulas its own way, with Z3. Then every process sends every header of a covering set (`support/covering.rs`), walked by
//! a second, naive implementation of the semantics (`support/oracle.rs`), and the constraints are judged by plain Rust
//! (`support/judge.rs`). Verdicts must be equal, counterexamples must be counterexamples, and the least ones; the simulator
//! must tell the same stories. On a disagreement the cluster is shrunken and written to `target/differential/SEED.yaml`.
//!
//! ```text
//! cargo test --test differential                                          # seeds 0..1000
//! KUBEPROOF_SEEDS=0..100000 KUBEPROOF_LOG=docs/differential-log.txt cargo test --release --test differential
//! ```
//!
//! Progress is told, and logged, every 1,000 seeds; to go on, begin with the seed after the last range in the log.
//! `KUBEPROOF_THREADS` sets the number of threads; the default is 2, or 1 on a machine with one core. With
//! `KUBEPROOF_KEEP=1` every cluster is kept in `target/differential/all`, with its verdicts and times.

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
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use kubeproof::verify::verdict::Verdict;
use support::compare::{self, Report};
use support::draft::Draft;
use support::generate;
use support::rng::Rng;
use support::shrink::shrink;
use support::{formulas, judge, threads};

/// Seeds of the test run.
const SEEDS: Range<u64> = 0..1000;
/// How many seeds make a line of the log.
const CHUNK: u64 = 1000;

#[test]
fn solver_and_simulation_agree() {
    let seeds = std::env::var("KUBEPROOF_SEEDS").map_or(SEEDS, |text| range(&text));
    let mut wrong = Vec::new();
    let mut start = seeds.start;
    while start < seeds.end {
        let end = seeds.end.min((start / CHUNK + 1) * CHUNK);
        wrong.extend(chunk(start..end));
        start = end;
    }
    assert!(
        wrong.is_empty(),
        "{} disagreements, in target/differential: seeds {wrong:?}",
        wrong.len()
    );
}

/// `0..100000`.
fn range(text: &str) -> Range<u64> {
    let ends = text
        .split_once("..")
        .and_then(|(a, b)| Some(a.trim().parse().ok()?..b.trim().parse().ok()?));
    ends.unwrap_or_else(|| panic!("KUBEPROOF_SEEDS is `{text}`, and not such as 0..1000"))
}

/// What is counted over many clusters.
#[derive(Default)]
struct Totals {
    clusters: usize,
    verdicts: BTreeMap<(usize, Verdict), usize>,
    formulas: BTreeMap<Verdict, usize>,
    skipped: usize,
    queries: usize,
    messages: usize,
    seconds: (f64, f64),
    wrong: Vec<u64>,
}

impl Totals {
    fn add(&mut self, seed: u64, report: &Report) {
        self.clusters += 1;
        for (index, verdict) in report.verdicts.iter().enumerate() {
            *self.verdicts.entry((index, *verdict)).or_default() += 1;
        }
        for verdict in &report.formulas {
            *self.formulas.entry(*verdict).or_default() += 1;
        }
        self.skipped += report.skipped;
        self.queries += report.queries;
        self.messages += report.messages;
        self.seconds.0 += report.seconds.0;
        self.seconds.1 += report.seconds.1;
        if !report.disagreements.is_empty() {
            self.wrong.push(seed);
        }
    }

    /// `proven/violated/vacuous`, and unknown where there is any.
    fn line(&self, seeds: &Range<u64>, seconds: f64) -> String {
        let count = |get: &dyn Fn(Verdict) -> usize| {
            let counts = [Verdict::Proven, Verdict::Violated, Verdict::Vacuous]
                .map(|v| get(v).to_string())
                .join("/");
            let unknown = get(Verdict::Unknown);
            if unknown == 0 {
                counts
            } else {
                format!("{counts} unknown={unknown}")
            }
        };
        let kp = (0..judge::COUNT).map(|i| {
            format!(
                "KP{:03} {}",
                i + 1,
                count(&|v| self.verdicts.get(&(i, v)).copied().unwrap_or(0))
            )
        });
        let kp: Vec<String> = kp.collect();
        let formulas = count(&|v| self.formulas.get(&v).copied().unwrap_or(0));
        format!(
            "{}..{}: {} clusters, {} disagreements; {}; formulas {formulas}, {} skipped; {} messages, {} queries, {seconds:.0} s \
             ({:.0} s solving, {:.0} s trying)",
            seeds.start,
            seeds.end,
            self.clusters,
            self.wrong.len(),
            kp.join(", "),
            self.skipped,
            self.messages,
            self.queries,
            self.seconds.0,
            self.seconds.1
        )
    }
}

/// Decides the clusters of a range; the seeds with disagreements.
fn chunk(seeds: Range<u64>) -> Vec<u64> {
    let begin = Instant::now();
    let all: Vec<u64> = seeds.clone().collect();
    let totals = Mutex::new(Totals::default());
    threads::each(&all, |seed| {
        let report = one(*seed);
        totals.lock().unwrap().add(*seed, &report);
    });
    let totals = totals.into_inner().unwrap();
    let line = totals.line(&seeds, begin.elapsed().as_secs_f64());
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("KUBEPROOF_LOG") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        writeln!(file, "{line}").unwrap();
    }
    totals.wrong
}

/// The cluster of a seed, and its formulas.
fn made(seed: u64) -> (Draft, Vec<String>) {
    let draft = generate::cluster(seed, ideal);
    let mut rng = Rng::new(seed, 4);
    let count = if seed.is_multiple_of(4) { 2 } else { 0 };
    let texts = (0..count).map(|i| formulas::text(&mut rng, &draft, &format!("f{i}")));
    let texts = texts.collect();
    (draft, texts)
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
    switches
        .map(|s| {
            (
                cluster.name_of(s.id).to_string(),
                s.fib.iter().map(|r| rule(&r.matches)).collect(),
            )
        })
        .collect()
}

fn one(seed: u64) -> Report {
    let (draft, texts) = made(seed);
    let report = decided(seed, &draft, &texts)
        .unwrap_or_else(|why| panic!("seed {seed}: {why}\n{}", draft.yaml()));
    if std::env::var_os("KUBEPROOF_KEEP").is_some() {
        let figures = format!(
            "{:?} s, {} queries, {} messages",
            report.seconds, report.queries, report.messages
        );
        write(
            &format!("all/{seed}.yaml"),
            &format!(
                "# {figures}: {:?}\n{}{}",
                report.verdicts,
                comment(&texts.concat()),
                draft.yaml()
            ),
        );
    }
    if !report.disagreements.is_empty() {
        let wrong = |draft: &Draft, texts: &[String]| {
            decided(seed, draft, texts).is_ok_and(|report| !report.disagreements.is_empty())
        };
        let (small, texts) = shrink(&draft, &texts, wrong);
        let left = decided(seed, &small, &texts)
            .map(|r| r.disagreements)
            .unwrap_or_default();
        let text = format!(
            "# Seed {seed}.\n{}{}{}",
            comment(&left.join("\n")),
            comment(&texts.concat()),
            small.yaml()
        );
        write(&format!("{seed}.yaml"), &text);
        eprintln!("{text}");
    }
    report
}

/// A panic is a disagreement too.
fn decided(seed: u64, draft: &Draft, texts: &[String]) -> Result<Report, String> {
    let caught = std::panic::catch_unwind(|| compare::cluster(seed, &draft.yaml(), texts));
    caught.unwrap_or_else(|_| {
        Ok(Report {
            disagreements: vec!["a panic".to_owned()],
            ..Report::default()
        })
    })
}

fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

/// Into `target/differential`.
fn write(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/differential")
        .join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
