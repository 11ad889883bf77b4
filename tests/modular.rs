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
use std::process::Command;
use std::time::Instant;

use kubeproof::logic::bind::bind;
use kubeproof::logic::formula::Constraint;
use kubeproof::lower::lower;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::policy::{Peer, Settings};
use kubeproof::network::graph::Network;
use kubeproof::network::trace::Event;
use kubeproof::report::names::Names;
use kubeproof::sim::walk;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::modular::Modular;
use kubeproof::verify::verdict::{CheckResult, Verdict};
use support::draft::Draft;
use support::formulas::{self, Trial};
use support::rng::Rng;
use support::shrink::shrink;
use support::{compare, generate, kept, policed, tabled, threads, uniform};

/// Seeds of the test run.
const SEEDS: std::ops::Range<u64> = 0..1000;
/// Those with route tables; two of these fail where what tables do otherwise than usual is not looked at.
const TABLED: std::ops::Range<u64> = 6..10;
/// Those with policies.
const POLICED: std::ops::Range<u64> = 0..12;
/// Those with Services that keep to a node.
const KEPT: std::ops::Range<u64> = 0..60;
/// Those with constraints of users.
const OF_USERS: std::ops::Range<u64> = 0..12;
/// Random constraints on each.
const FORMULAS: usize = 8;

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
    /// Of that, in clusters with hosts outside.
    outside: usize,
    /// What was proven by the theorem.
    theorem: usize,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.clusters += other.clusters;
        self.wrong.extend(other.wrong);
        for (verdict, count) in other.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        self.smaller += other.smaller;
        self.processes.0 += other.processes.0;
        self.processes.1 += other.processes.1;
        self.seconds.0 += other.seconds.0;
        self.seconds.1 += other.seconds.1;
        self.whatever += other.whatever;
        self.outside += other.outside;
        self.theorem += other.theorem;
    }
}

#[test]
fn a_part_tells_what_the_whole_tells() {
    let range = seeds(SEEDS);
    let seeds: Vec<u64> = range.clone().collect();
    let mut totals = Totals::default();
    for one in threads::each(&seeds, |seed| of_seed(*seed)) {
        totals.add(one);
    }
    let line = format!(
        "{}..{}: {} clusters, {} disagreements; in {} the part was smaller than the whole ({} of {} processes in all); {:?}; {} proven by the theorem; direct {:.0} s, modular {:.0} s",
        range.start,
        range.end,
        totals.clusters,
        totals.wrong.len(),
        totals.smaller,
        totals.processes.0,
        totals.processes.1,
        totals.verdicts,
        totals.theorem,
        totals.seconds.0,
        totals.seconds.1
    );
    log(&line);
    assert!(totals.wrong.is_empty(), "seeds {:?}", totals.wrong);
    assert!(
        totals.theorem > totals.clusters,
        "too few proofs by the theorem: {line}"
    );
    assert!(
        totals.smaller * 3 > totals.clusters,
        "too few parts are smaller than the whole: {line}"
    );
}

/// Decides the cluster of a seed both ways; a disagreement is shrunken and written down.
fn of_seed(seed: u64) -> Totals {
    let mut totals = Totals::default();
    let draft = made(seed);
    let Ok(cluster) = compare::load(&draft.yaml()) else {
        panic!("seed {seed} makes no cluster:\n{}", draft.yaml());
    };
    let wrong = differences(&cluster, Settings::default(), &mut totals);
    totals.clusters += 1;
    if wrong.is_empty() {
        return totals;
    }
    totals.wrong.push(seed);
    eprintln!("seed {seed}: shrinking\n{}", wrong.join("\n"));
    let (small, _) = shrink(&draft, &[], |draft, _| {
        compare::load(&draft.yaml()).is_ok_and(|c| {
            // Without a pod, what is to be removed of its node's rules may not be there.
            compare::lowered(&c).is_ok()
                && !differences(&c, Settings::default(), &mut Totals::default()).is_empty()
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
    totals
}

/// On clusters of bugs found before (`tests/cases/bugs`), among them those of parts.
#[test]
fn a_part_tells_what_the_whole_tells_where_it_once_did_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bugs");
    let cases = std::fs::read_dir(folder).unwrap();
    let (mut clusters, mut wrong) = (0, Vec::new());
    for case in cases.map(|e| e.unwrap().path()) {
        let text = std::fs::read_to_string(case.join("cluster.yaml")).unwrap();
        let cluster = compare::load(&text).unwrap();
        let told = differences(&cluster, Settings::default(), &mut Totals::default());
        clusters += 1;
        wrong.extend(told.iter().map(|why| format!("{}: {why}", case.display())));
    }
    assert!(clusters > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same with policies, under random settings, and what is proven whatever policies say.
#[test]
fn a_part_tells_what_the_whole_tells_with_policies() {
    let seeds = seeds(POLICED);
    let all: Vec<u64> = seeds.clone().collect();
    let mut totals = Totals::default();
    for one in threads::each(&all, |seed| {
        let mut totals = Totals::default();
        let Some(made) = policed::on(*seed, made(*seed)) else {
            return totals;
        };
        totals.clusters += 1;
        let wrong = differences(&made.cluster, made.settings, &mut totals);
        if !wrong.is_empty() {
            totals.wrong.push(*seed);
            eprintln!("seed {seed}\n{}{}\n", made.text, wrong.join("\n"));
        }
        totals
    }) {
        totals.add(one);
    }
    log(&format!(
        "{}..{} with policies: {} clusters, wrong {:?}; smaller {}; {:?}; {} proven whatever policies say, {} of them with hosts outside; {} proven by the theorem; direct and modular {:.0?} s",
        seeds.start,
        seeds.end,
        totals.clusters,
        totals.wrong,
        totals.smaller,
        totals.verdicts,
        totals.whatever,
        totals.outside,
        totals.theorem,
        totals.seconds
    ));
    assert!(totals.wrong.is_empty(), "seeds {:?}", totals.wrong);
    assert!(totals.smaller * 6 > totals.clusters, "{}", totals.smaller);
    assert!(
        totals.whatever > 0,
        "nothing is proven whatever policies say"
    );
}

/// Wrong verdicts of parts on Kubernetes objects stay mended: `tests/cases/parts/NNNN-slug`.
#[test]
fn a_part_of_kubernetes_objects_tells_what_the_whole_tells_where_it_once_did_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/parts");
    let mut cases = 0;
    for case in std::fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        assert!(case.join("README").exists(), "{}", case.display());
        let expected = std::fs::read_to_string(case.join("expected")).unwrap();
        let (id, verdict) = expected.trim().split_once(' ').unwrap();
        let told = ["direct", "modular"].map(|strategy| {
            let got = Command::new(env!("CARGO_BIN_EXE_kubeproof"))
                .args(["verify", "-o", "json", "--only", id, "--strategy", strategy])
                .arg(&case)
                .output()
                .unwrap();
            let run: serde_json::Value = serde_json::from_slice(&got.stdout).unwrap();
            let result = &run["clusters"][0]["results"][0];
            assert_eq!(result["strategy"], strategy, "{}", case.display());
            assert_eq!(result["verdict"], verdict, "{} {strategy}", case.display());
            result["counterexample"].clone()
        });
        assert_eq!(told[0], told[1], "{}", case.display());
        cases += 1;
    }
    assert!(cases > 0);
}

/// Where Services keep to the node of the client; also what a user asks of somebody on whose node there is no endpoint.
#[test]
fn a_part_tells_what_the_whole_tells_where_services_keep_to_a_node() {
    let range = seeds(KEPT);
    let all: Vec<u64> = range.clone().collect();
    let asked = "constraint U \"a pod that dials a Service is received\"\n\
        forall e, C, P, S, va. K8s-Container(C, P) and K8s-Service(S) and addr(S, va) and Send(e, C, _, _, va, 80) \
        and proto(e) = TCP => (exists X. Recv(e, X, _, _, _, _))\n";
    let asked = &formulas::read(asked).unwrap()[0];
    let mut totals = Totals::default();
    for one in threads::each(&all, |seed| {
        let (cluster, text) = kept::cluster(*seed);
        let mut totals = Totals::default();
        let settings = Settings::default();
        let mut wrong = differences(&cluster, settings, &mut totals);
        let lowered = lower(&cluster, &settings).unwrap();
        let constraint = bind(asked, &lowered.structure).unwrap();
        let (one, options) = (
            std::slice::from_ref(&constraint),
            direct::Options::default(),
        );
        let whole = direct::check(&lowered, one, options, &solver).unwrap();
        let modular = Modular::of_users(&cluster, settings, one, options).unwrap();
        let part = modular.check(one, usize::MAX, &solver).unwrap().unwrap();
        let [whole, part] = [whole, part].map(|c| c.results[0].verdict);
        *totals.verdicts.entry(whole).or_default() += 1;
        if whole != part {
            wrong.push(format!("U: direct {whole:?}, modular {part:?}"));
        }
        totals.clusters += 1;
        if !wrong.is_empty() {
            totals.wrong.push(*seed);
            eprintln!("seed {seed}\n{text}{}\n", wrong.join("\n"));
        }
        totals
    }) {
        totals.add(one);
    }
    log(&format!(
        "{range:?} with Services that keep to a node: {} clusters, wrong {:?}; smaller {}; {:?}",
        totals.clusters, totals.wrong, totals.smaller, totals.verdicts
    ));
    assert!(totals.wrong.is_empty(), "seeds {:?}", totals.wrong);
    assert!(totals.smaller * 6 > totals.clusters, "{}", totals.smaller);
}

/// 0039: what a policy forbids is not asked for, and a node without an address has nothing to send from.
#[test]
fn a_node_without_an_address_asks_nobody() {
    let cluster = |own: &str| {
        let text = format!(
            "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnodes:\n\
            - {{name: N1, addresses: [10.0.0.1], daemons: [{{name: D, open: [53/UDP]}}]}}\n\
            - {{name: N2, addresses: [{own}], daemons: [{{name: D, open: [9090]}}]}}\n\
            pods:\n\
            - {{name: P, node: N2, addresses: [10.1.0.1, 'fd00:1::1'], containers: [{{name: C, open: ['0.0.0.0:8080']}}]}}\n"
        );
        let mut cluster = compare::load(&text).unwrap();
        policed::read(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: none, namespace: default}\n\
            spec: {podSelector: {}, policyTypes: [Ingress]}\n",
            &mut cluster,
        );
        assert_eq!(cluster.policies.network.len(), 1);
        cluster
    };
    let family = |own| {
        let (cluster, mut totals) = (cluster(own), Totals::default());
        let wrong = differences(&cluster, Settings::default(), &mut totals);
        assert!(wrong.is_empty(), "{own}: {}", wrong.join("\n"));
        totals
    };
    family("");
    let (other, own) = (family("'fd00::2'"), family("10.0.0.2"));
    // KP004 and KP005.
    let vacuous = |totals: &Totals| totals.verdicts[&Verdict::Vacuous];
    assert_eq!(vacuous(&other), vacuous(&own) + 2);
    assert_eq!(other.whatever + 1, own.whatever);
}

/// What is received in a part where twins stand for policies may be received by hosts outside, which policies may forbid.
#[test]
fn that_hosts_outside_receive_proves_nothing() {
    let verdicts = |open: &str| {
        let text = format!(
            "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnodes:\n- {{name: N1, addresses: [10.0.0.1]}}\n\
            - {{name: N2, addresses: [10.0.0.2]}}\npods:\n\
            - {{name: P, node: N1, addresses: [10.1.0.1], containers: [{{name: C, open: [{open}]}}]}}\n\
            - {{name: Q, node: N2, addresses: [10.1.0.2], containers: [{{name: C, open: [{open}]}}]}}\n\
            externals:\n- {{name: X, addresses: [0.0.0.0/0]}}\n"
        );
        let mut cluster = compare::load(&text).unwrap();
        policed::read(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: none, namespace: default}\n\
            spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n",
            &mut cluster,
        );
        let mut totals = Totals::default();
        let wrong = differences(&cluster, Settings::default(), &mut totals);
        assert!(wrong.is_empty(), "{open}: {}", wrong.join("\n"));
        totals
    };
    let (nobody, somebody) = (verdicts(""), verdicts("8080"));
    assert!(nobody.outside > 0 && somebody.outside > nobody.outside);
    assert!(somebody.theorem > nobody.theorem);
}

/// A policy of the whole cluster may forbid a node its own pods, so that nothing is asked of processes of nodes (KP005).
#[test]
fn a_node_may_be_forbidden_its_pods() {
    let text = "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnodes:\n\
        - {name: N1, addresses: [10.0.0.1], daemons: [{name: D}]}\npods:\n\
        - {name: P, node: N1, addresses: [10.1.0.1], containers: [{name: C, open: [8080]}]}\n";
    let mut cluster = compare::load(text).unwrap();
    policed::read(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: none}\n\
        spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}\n",
        &mut cluster,
    );
    let told = |cluster: &Cluster| {
        let mut totals = Totals::default();
        let wrong = differences(cluster, Settings::default(), &mut totals);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        totals.verdicts[&Verdict::Vacuous]
    };
    let before = told(&cluster);
    // Whom it means nobody knows, so that it denies everybody.
    let origin = cluster.origin;
    for policy in &mut cluster.policies.cluster {
        policy.ingress[0].peers = vec![Peer::FailsClosed {
            names: Vec::new(),
            origin,
        }];
    }
    assert_eq!(told(&cluster), before + 1);
}

/// Random constraints of users, on clusters with policies and without: the verdict of the part is that of the whole, and what
/// refutes a constraint in the part refutes it in the whole.
#[test]
fn a_part_tells_of_users_constraints_what_the_whole_tells() {
    let mut wrong = Vec::new();
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let (mut asked, mut smaller, mut same, mut seconds) = (0, 0, 0, (0.0, 0.0));
    for seed in seeds(OF_USERS) {
        let draft = made(seed);
        let mut rng = Rng::new(seed, 13);
        let texts: Vec<String> = (0..FORMULAS)
            .map(|i| formulas::text(&mut rng, &draft, &format!("u{i}")))
            .collect();
        let (cluster, settings, shown) = if seed % 2 == 0 {
            let Some(made) = policed::on(seed, draft) else {
                continue;
            };
            (made.cluster, made.settings, made.text)
        } else {
            let text = draft.yaml();
            (compare::load(&text).unwrap(), Settings::default(), text)
        };
        let lowered = lower(&cluster, &settings).unwrap();
        let options = direct::Options::default();
        for text in &texts {
            let read = formulas::read(text).unwrap();
            let Ok(constraint) = bind(&read[0], &lowered.structure) else {
                continue;
            };
            asked += 1;
            let one = std::slice::from_ref(&constraint);
            let Ok(modular) = Modular::of_users(&cluster, settings, one, options) else {
                continue;
            };
            let begin = Instant::now();
            let part = match modular.check(one, usize::MAX, &solver).unwrap() {
                Ok(checked) => checked.results.into_iter().next().unwrap(),
                Err(_) => continue,
            };
            seconds.0 += begin.elapsed().as_secs_f64();
            let begin = Instant::now();
            let whole = direct::check(&lowered, one, options, &solver).unwrap();
            let whole = whole.results.into_iter().next().unwrap();
            seconds.1 += begin.elapsed().as_secs_f64();
            *verdicts.entry(whole.verdict).or_default() += 1;
            smaller += usize::from(modular.looked_at().unwrap() < lowered.network.processes.len());
            let mut bad = part.verdict != whole.verdict;
            if let Some(found) = &part.counterexample {
                let mut trial = Trial::new(&lowered, &constraint).unwrap();
                for message in &found.messages {
                    let trace = walk::trace(&lowered.network, message.sender, message.header);
                    let trace = trace.unwrap();
                    trial.message(message.sender, &trace).unwrap();
                }
                bad |= trial.verdict() != Verdict::Violated;
                let [one, other] = [&part, &whole].map(|r| told(&cluster, r, &lowered.network));
                same += usize::from(one == other);
            }
            if bad {
                wrong.push(seed);
                eprintln!(
                    "seed {seed}\n{shown}{text}direct {:?}, modular {:?} {:?}\n",
                    whole.verdict, part.verdict, part.counterexample
                );
            }
        }
    }
    let decided: usize = verdicts.values().sum();
    let line = format!(
        "{asked} constraints of users, {decided} decided by parts, {smaller} of them smaller than the whole; {verdicts:?}; {same} counterexamples the same; wrong {wrong:?}; modular {:.0} s, direct {:.0} s",
        seconds.0, seconds.1
    );
    log(&line);
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    assert!(decided * 4 > asked, "too few are decided: {line}");
    assert!(smaller * 5 > decided, "too few parts are smaller: {line}");
}

/// What a formula asks tells pods apart that are alike otherwise: a label, the name, the prefix, the port.
#[test]
fn a_part_has_somebody_of_each_kind_that_a_formula_tells_apart() {
    let mut text = "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnodes:\n".to_owned();
    for n in 1..=3 {
        text += &format!("- {{name: N{n}, addresses: [10.0.0.{n}]}}\n");
    }
    text += "pods:\n";
    for p in 1..=18 {
        let labels = if p == 14 { ", labels: {app: b}" } else { "" };
        let port = if p == 16 { 9090 } else { 8080 };
        text += &format!(
            "- {{name: P{p}, node: N{}, addresses: [10.1.0.{p}]{labels}, containers: [{{name: C, open: [{port}]}}]}}\n",
            p % 3 + 1
        );
    }
    let cluster = compare::load(&text).unwrap();
    let lowered = lower(&cluster, &Settings::default()).unwrap();
    for (premise, never) in [
        ("", "label(Y, \"app\", \"b\")"),
        ("tp", "tp = 9090"),
        ("ta", "ta in 10.1.0.15/32"),
        ("", "(exists P. K8s-Container(Y, P) and P = pod(P13))"),
    ] {
        let (ta, tp) = (
            if premise == "ta" { "ta" } else { "_" },
            if premise == "tp" { "tp" } else { "_" },
        );
        let more = if premise.is_empty() {
            String::new()
        } else {
            format!(", {premise}")
        };
        let text = format!(
            "constraint c \"t\"\nforall e, X, Y{more}. Send(e, X, _, _, {ta}, {tp}) and Recv(e, Y, _, _, _, _) => not {never}\n"
        );
        let constraint = bind(&formulas::read(&text).unwrap()[0], &lowered.structure).unwrap();
        let one = std::slice::from_ref(&constraint);
        let options = direct::Options::default();
        let modular = Modular::of_users(&cluster, Settings::default(), one, options).unwrap();
        assert!(modular.looked_at().unwrap() < 18, "{text}");
        let checked = modular.check(one, usize::MAX, &solver).unwrap().unwrap();
        assert_eq!(checked.results[0].verdict, Verdict::Violated, "{text}");
    }
}

fn seeds(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    std::env::var("KUBEPROOF_SEEDS").map_or(default, |text| {
        let (a, b) = text.split_once("..").expect("such as 0..1000");
        a.parse().unwrap()..b.parse().unwrap()
    })
}

/// Told, and kept where `KUBEPROOF_LOG` says.
fn log(line: &str) {
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("KUBEPROOF_LOG") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// The same with route tables. What cannot be told is counted, and must be rare.
#[test]
fn a_part_tells_what_the_whole_tells_with_route_tables() {
    let mut totals = Totals::default();
    let (mut untold, mut wrong_tables) = (0, 0);
    for seed in seeds(TABLED) {
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
        totals.outside += usize::from(cluster.outside.is_some());
        totals.theorem += usize::from(other.detail.contains("by the theorem"));
        if one.verdict != other.verdict {
            wrong.push(format!(
                "{}: direct {:?}, whatever policies say {:?}",
                one.id, one.verdict, other.verdict
            ));
        }
    }
    for (one, other) in whole.iter().zip(&parts) {
        *totals.verdicts.entry(one.verdict).or_default() += 1;
        totals.theorem += usize::from(other.detail.contains("by the theorem"));
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

/// The same of a port that a policy names: only the pod of which `web` is another port lets another one in. (With
/// `Eyes::named_ports` never set nobody looks at that pod, and this fails.)
#[test]
fn a_part_has_somebody_of_each_name_of_a_port() {
    let mut text = String::new();
    for n in 1..=3 {
        text += &format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: n{n}}}\nstatus: {{addresses: [{{type: InternalIP, address: 192.0.2.{n}}}]}}\n---\n"
        );
    }
    for p in 1..=18 {
        let (one, two) = if p == 16 {
            ("other", "web")
        } else {
            ("web", "other")
        };
        text += &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{p}, namespace: default}}\n\
             spec: {{nodeName: n{}, containers: [{{name: c, image: x, ports: [{{name: {one}, containerPort: 8080}}, {{name: {two}, containerPort: 9090}}]}}]}}\n\
             status: {{phase: Running, podIP: 10.1.0.{p}, podIPs: [{{ip: 10.1.0.{p}}}]}}\n---\n",
            p % 3 + 1
        );
    }
    text += "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: default}\n\
             spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: web}]}]}\n";
    let spec = "constraint c \"t\"\nforall e, X, Y, A, B, tp. Send(e, X, _, _, _, tp) and Recv(e, Y, _, _, _, _) \
                and K8s-Container(X, A) and K8s-Container(Y, B) and not (A = B) => not (tp = 9090)\n";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("named-ports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("objects.yaml"), text).unwrap();
    std::fs::write(folder.join("c.spec"), spec).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    let args = ["verify", "--strategy", "modular", "--only", "c"];
    let output = command.args(args).arg(&folder).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("10.1.0.16:9090"), "{told}");
}
