//! Cases of other projects from end to end: what the command line says of each judged cell, by three ways.
//!
//! `connectivity` has the port in the row of the pair or not; `trace` delivers the message or not; an intent that says what
//! upstream says is proven, and its opposite violated. The cases are upstream's tests (`tests/cases/upstream`) and, where
//! they lie beside, those of cyclonus.
//!
//! It was seen to fail: with the ports of rules left out of the gates (the replay of intents disagrees), and with UDP as the
//! protocol of a port that has none (`connectivity` and `trace` tell the cells).

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

#[path = "support/threads.rs"]
mod threads;
#[path = "support/upstream.rs"]
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use upstream::{Cell, Step, steps};

/// Every so many steps of cyclonus: they are many, and the gates of all of them are judged in `policy_cases.rs`.
/// `KUBEPROOF_SAMPLE=1` takes each.
const SAMPLE: usize = 25;

fn kubeproof(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    let output = command.args(args).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!errors.contains("error"), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn has(ports: &str, port: u16) -> bool {
    ports.split(',').any(|range| {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        (low.parse().unwrap()..=high.parse().unwrap()).contains(&port)
    })
}

/// The cells in which `connectivity` differs.
fn by_connectivity(path: &str, step: &Step, wrong: &mut Vec<String>) {
    let answer: Value =
        serde_json::from_str(&kubeproof(&["connectivity", path, "-o", "json"])).unwrap();
    let mut rows: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for row in answer["clusters"][0]["connections"].as_array().unwrap() {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let key = (text("from"), text("to"), text("protocol"));
        rows.entry(key).or_default().push(text("ports"));
    }
    for cell in &step.cells {
        let pod = |name: &str| format!("pod/{name}");
        let key = (pod(&cell.from), pod(&cell.to), cell.protocol.clone());
        let found = rows
            .get(&key)
            .is_some_and(|all| all.iter().any(|ports| has(ports, cell.port)));
        if found != cell.allowed {
            wrong.push(format!(
                "{}: connectivity says {found}: {cell:?}",
                step.name
            ));
        }
    }
}

/// The cells in which `trace` differs.
fn by_trace(folder: &Path, path: &str, step: &Step, wrong: &mut Vec<String>) {
    let mut queries = String::new();
    for cell in &step.cells {
        let (from, to) = (format!("pod/{}", cell.from), format!("pod/{}", cell.to));
        let query = json!({"from": from, "to": to, "port": cell.port, "protocol": cell.protocol});
        writeln!(queries, "{query}").unwrap();
    }
    let file = folder.join("queries.jsonl");
    fs::write(&file, queries).unwrap();
    let answers = kubeproof(&["trace", path, "--queries", file.to_str().unwrap()]);
    let answers: Vec<Value> = answers
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(answers.len(), step.cells.len(), "{}", step.name);
    for (cell, answer) in step.cells.iter().zip(&answers) {
        let outcomes = answer["outcomes"].as_array().unwrap();
        let delivered = outcomes.iter().all(|o| o["disposition"] == "delivered");
        let expected = if cell.allowed { "delivered" } else { "policy" };
        if delivered != cell.allowed || outcomes.iter().any(|o| o["disposition"] != expected) {
            wrong.push(format!("{}: trace says {delivered}: {cell:?}", step.name));
        }
    }
}

/// An intent for each client, port and verdict; and for the first of each sign its opposite, which must be violated.
fn by_intent(folder: &Path, path: &str, step: &Step, wrong: &mut Vec<String>) {
    let mut groups: BTreeMap<(&str, u16, &str, bool), Vec<&Cell>> = BTreeMap::new();
    for cell in &step.cells {
        let key = (
            cell.from.as_str(),
            cell.port,
            cell.protocol.as_str(),
            cell.allowed,
        );
        groups.entry(key).or_default().push(cell);
    }
    let mut text = String::new();
    let mut expected: BTreeMap<String, &str> = BTreeMap::new();
    let mut opposites = BTreeSet::new();
    for (at, ((from, port, protocol, allowed), cells)) in groups.iter().enumerate() {
        let to: Vec<Value> = cells.iter().map(|c| json!({"pod": c.to})).collect();
        let mut say = |name: String, sign: &str, verdict: &'static str| {
            let wish = json!({"from": [{"pod": from}], "to": to, "ports": [{"port": port, "protocol": protocol}]});
            let intent = json!({"apiVersion": "kubeproof.dev/v1", "kind": "Intent",
                "metadata": {"name": name}, "spec": {sign: wish}});
            writeln!(text, "---\n{intent}").unwrap();
            expected.insert(name, verdict);
        };
        let signs = if *allowed {
            ["mustReach", "mustNotReach"]
        } else {
            ["mustNotReach", "mustReach"]
        };
        say(format!("as-upstream-{at}"), signs[0], "proven");
        if opposites.insert(allowed) {
            say(format!("opposite-{at}"), signs[1], "violated");
        }
    }
    let file = folder.join("intents.yaml");
    fs::write(&file, text).unwrap();
    let args = [
        "verify",
        path,
        file.to_str().unwrap(),
        "--only",
        "intents",
        "-o",
        "json",
    ];
    let answer: Value = serde_json::from_str(&kubeproof(&args)).unwrap();
    for result in answer["clusters"][0]["results"].as_array().unwrap() {
        let (id, verdict) = (
            result["id"].as_str().unwrap(),
            result["verdict"].as_str().unwrap(),
        );
        if expected.remove(id) != Some(verdict) {
            wrong.push(format!("{}: {id} is {verdict}", step.name));
        }
    }
    assert!(
        expected.is_empty(),
        "{}: not decided: {:?}",
        step.name,
        expected.keys()
    );
}

fn check(files: &[PathBuf], every: usize, name: &str) -> (usize, Vec<String>) {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let steps = files.iter().flat_map(|file| steps(file)).step_by(every);
    let steps: Vec<(usize, Step)> = steps.enumerate().collect();
    let wrong = threads::each(&steps, |(at, step)| {
        let folder = all.join(at.to_string());
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("objects.yaml");
        fs::write(&file, &step.objects).unwrap();
        let path = file.to_str().unwrap();
        let mut wrong = Vec::new();
        by_connectivity(path, step, &mut wrong);
        by_trace(&folder, path, step, &mut wrong);
        by_intent(&folder, path, step, &mut wrong);
        wrong
    });
    let judged = steps.iter().map(|(_, step)| step.cells.len()).sum();
    (judged, wrong.into_iter().flatten().collect())
}

#[test]
fn upstream_cells_come_out_by_every_way() {
    let (judged, wrong) = check(&upstream::own(), 1, "own");
    assert!(judged > 2_500, "only {judged}");
    assert!(wrong.is_empty(), "{} of {judged}: {wrong:#?}", wrong.len());
}

#[test]
fn cyclonus_cells_come_out_by_every_way() {
    let Some(files) = upstream::cyclonus() else {
        eprintln!("the cases of cyclonus are absent: nothing is checked");
        return;
    };
    let every = std::env::var("KUBEPROOF_SAMPLE").map_or(SAMPLE, |text| text.parse().unwrap());
    let (judged, wrong) = check(&files, every, "cyclonus");
    eprintln!(
        "every {every} steps: {judged} cells, {} differ",
        wrong.len()
    );
    assert!(judged > 1_000, "only {judged}");
    assert!(wrong.is_empty(), "{} of {judged}: {wrong:#?}", wrong.len());
}
