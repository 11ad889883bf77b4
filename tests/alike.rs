//! Does a part of a Linux snapshot tell what the whole snapshot tells? The strategy `modular` against `direct`.
//!
//! Each seed writes a small snapshot (`kubeproof generate --format snapshot`) with random faults and with random changes to
//! its dumps that no fault has a name for. Both strategies decide all built-in constraints: the same verdicts, the same
//! counterexamples with the same traces. The networks below `cases/netns-*` likewise: they were real.
//!
//! ```text
//! cargo test --test alike
//! KUBEPROOF_SEEDS=0..1000 KUBEPROOF_CASES=all cargo test --release --test alike -- --nocapture
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
use std::fs;
use std::path::{Path, PathBuf};

use kubeproof::base::source::SourceMap;
use kubeproof::generate::{ALL_FAULTS, Fault, Format, Generator, Wish};
use kubeproof::input::Input;
use kubeproof::report::run::Run;
use kubeproof::session::{self, Options, Strategy};
use kubeproof::verify::verdict::{CheckResult, Verdict};
use support::rng::Rng;

/// Seeds of the test run.
const SEEDS: std::ops::Range<u64> = 0..4;
/// Real networks of the test run: many pods and nodes alike, and few.
const CASES: &[&str] = &["netns-own/flannel-host-gw", "netns-own/policy-tables"];

type Texts = BTreeMap<String, String>;

fn verify(texts: &Texts, strategy: Strategy) -> Run {
    let mut sources = SourceMap::new();
    let inputs = texts.iter().map(|(name, text)| Input {
        source: sources.add(name.clone(), text.clone()),
        path: "snapshot".to_owned(),
        named: false,
    });
    let inputs: Vec<Input> = inputs.collect();
    let options = Options {
        strategy,
        ..Options::default()
    };
    session::verify(sources, &inputs, &options).unwrap().run
}

fn results(run: &Run) -> Option<&[CheckResult]> {
    Some(&run.clusters.first()?.verified.as_ref()?.results)
}

#[derive(Default, Debug)]
struct Totals {
    compared: usize,
    /// Those of which less than the whole was looked at.
    smaller: usize,
    verdicts: BTreeMap<Verdict, usize>,
}

/// Compares both; none where the snapshot cannot be read.
fn compare(name: &str, texts: &Texts, totals: &mut Totals) {
    let whole = verify(texts, Strategy::Direct);
    let Some(whole) = results(&whole) else {
        return;
    };
    let part = verify(texts, Strategy::Modular);
    let part = results(&part).unwrap();
    assert_eq!(whole.len(), part.len(), "{name}");
    totals.compared += 1;
    totals.smaller += usize::from(part.iter().any(|r| r.detail.contains("stand for all")));
    for (whole, part) in whole.iter().zip(part) {
        let what = format!("{name}: {}", whole.id);
        assert_eq!(whole.verdict, part.verdict, "{what}: {}", part.detail);
        assert_eq!(whole.counterexample, part.counterexample, "{what}");
        *totals.verdicts.entry(whole.verdict).or_default() += 1;
    }
}

fn written(wish: &Wish) -> Texts {
    let mut texts = Texts::new();
    let generator = Generator::new(wish.clone()).unwrap();
    let mut put = |name: &str, text: &str| -> Result<(), ()> {
        texts.insert(name.to_owned(), text.to_owned());
        Ok(())
    };
    generator.files(&mut put).unwrap();
    texts
}

/// A snapshot in which much is more of the same, and some is not.
fn random(seed: u64) -> Texts {
    let mut rng = Rng::new(seed, 71);
    let mut wish = Wish {
        format: Format::Snapshot,
        nodes: 3 + rng.below(3) as u32,
        pods: 1 + rng.below(3) as u32,
        containers: 1 + u32::from(rng.percent(20)),
        seed,
        ..Wish::default()
    };
    for _ in 0..rng.below(3) {
        let (_, fault) = ALL_FAULTS[rng.below(ALL_FAULTS.len())];
        let faults: Vec<Fault> = wish.faults.iter().copied().chain([fault]).collect();
        let more = Wish {
            faults,
            ..wish.clone()
        };
        if Generator::new(more.clone()).is_ok() {
            wish = more;
        }
    }
    let mut texts = written(&wish);
    for _ in 0..rng.below(3) {
        damage(&mut texts, &mut rng);
    }
    texts
}

/// One change to one dump.
fn damage(texts: &mut Texts, rng: &mut Rng) {
    let names: Vec<String> = texts.keys().cloned().collect();
    let of = |file: &str, rng: &mut Rng| {
        let all: Vec<&String> = names.iter().filter(|n| n.ends_with(file)).collect();
        all[rng.below(all.len())].clone()
    };
    let address = |rng: &mut Rng| match rng.below(4) {
        0 => format!("172.16.0.{}", 1 + rng.below(6)),
        1 => format!("10.0.{}.{}", rng.below(5), 1 + rng.below(4)),
        2 => "10.77.0.1".to_owned(),
        _ => "172.31.255.254".to_owned(),
    };
    match rng.below(6) {
        // A route lost, or another.
        0 => {
            let text = texts.get_mut(&of("route-all.json", rng)).unwrap();
            let mut rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
            rows.remove(rng.below(rows.len()));
            *text = serde_json::to_string(&rows).unwrap();
        }
        1 => {
            let text = texts.get_mut(&of("route-all.json", rng)).unwrap();
            let mut rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
            let to = format!("{}/{}", address(rng), [32, 24, 16, 8][rng.below(4)]);
            let net: ipnet::Ipv4Net = to.parse().unwrap();
            rows.push(
                serde_json::json!({"type": "unicast", "dst": net.trunc().to_string(),
                "gateway": address(rng), "dev": "eth0", "table": "main", "scope": "global"}),
            );
            *text = serde_json::to_string(&rows).unwrap();
        }
        2 => {
            let text = texts.get_mut(&of("sysctl.txt", rng)).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let at = rng.below(lines.len());
            let line = lines[at].clone();
            let (key, value) = line.split_once(" = ").unwrap();
            let other = if value == "0" { "1" } else { "0" };
            lines[at] = format!("{key} = {other}");
            *text = lines.join("\n") + "\n";
        }
        3 => {
            let text = texts.get_mut(&of("iptables-save.txt", rng)).unwrap();
            let side = if rng.percent(50) { "-s" } else { "-d" };
            let tail = ["", " -p tcp --dport 8080", " -p udp"][rng.below(3)];
            let chain = ["KUBE-FORWARD", "INPUT", "OUTPUT"][rng.below(3)];
            let rule = format!(
                "-A {chain} {side} {}{tail} -j DROP\nCOMMIT\n*nat",
                address(rng)
            );
            *text = text.replacen("COMMIT\n*nat", &rule, 1);
        }
        4 => {
            let text = texts.get_mut(&of("iptables-save.txt", rng)).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let rules: Vec<usize> = (0..lines.len())
                .filter(|l| lines[*l].starts_with("-A"))
                .collect();
            lines.remove(rules[rng.below(rules.len())]);
            *text = lines.join("\n") + "\n";
        }
        _ => {
            let text = texts.get_mut(&of("ss-listen.txt", rng)).unwrap();
            let ports = ["8080", "9090", "10250"];
            *text += &format!(
                "udp UNCONN 0 0 {}:{} 0.0.0.0:*\n",
                ["0.0.0.0", "127.0.0.1"][rng.below(2)],
                ports[rng.below(3)]
            );
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(wanted) = std::env::var("KUBEPROOF_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = wanted.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn a_part_tells_what_the_whole_tells() {
    let mut totals = Totals::default();
    for seed in seeds() {
        compare(&format!("seed {seed}"), &random(seed), &mut totals);
    }
    eprintln!("{totals:?}");
    assert!(totals.smaller > 0, "no part was smaller than the whole");
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            files(&entry, found);
        } else if name != "truth.json" && !name.ends_with(".after.json") {
            found.push(entry);
        }
    }
}

#[test]
fn real_networks_are_told_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<String> = CASES.iter().map(|c| (*c).to_owned()).collect();
    if std::env::var_os("KUBEPROOF_CASES").is_some() {
        cases.clear();
        for folder in ["netns-lab", "netns-own", "netns-documented"] {
            for case in fs::read_dir(root.join(folder)).unwrap() {
                let name = case.unwrap().file_name().into_string().unwrap();
                cases.push(format!("{folder}/{name}"));
            }
        }
        cases.sort();
    }
    let mut totals = Totals::default();
    for case in &cases {
        let home = root.join(case);
        let mut found = Vec::new();
        files(&home, &mut found);
        let texts = found.into_iter().filter_map(|file| {
            let name = file.strip_prefix(&home).ok()?.to_str()?.to_owned();
            Some((name, fs::read_to_string(&file).ok()?))
        });
        compare(case, &texts.collect(), &mut totals);
    }
    eprintln!("{totals:?}");
    assert_eq!(totals.compared, cases.len());
}

/// One route that one node of many lacks. (Without the check that each speaks alike of each other, `Kinds::odd`, nobody
/// looks at that node: all are proven, and this fails.)
#[test]
fn one_route_among_many_is_seen() {
    for seed in 0..3 {
        let wish = Wish {
            format: Format::Snapshot,
            nodes: 7,
            pods: 1,
            containers: 1,
            seed,
            faults: vec![Fault::MissingRoute],
            ..Wish::default()
        };
        let run = verify(&written(&wish), Strategy::Modular);
        let told = results(&run).unwrap();
        let pods = told.iter().find(|r| r.id == "KP003").unwrap();
        assert_eq!(
            pods.verdict,
            Verdict::Violated,
            "seed {seed}: {}",
            pods.detail
        );
    }
}
