//! The folders below `examples/plugins` and `examples/kube-proxy` have the verdicts that their `expected.verdicts` claim.
//!
//! Of Cilium, whose folders take ten times as long as the others, `conforming` alone is tried each time; of kube-proxy,
//! whose folders take up to a minute in a debug build, none: `cargo test --release --test plugin_examples -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read, and says what differs"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What is checked and stands in neither list is proven, or vacuous.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    violated: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

/// Too slow to be tried each time.
const SLOW: &[&str] = &[
    "examples/kube-proxy/",
    "examples/plugins/cilium/broken",
    "examples/plugins/cilium/tunnel",
    "examples/plugins/cilium/tunnel-stale-entry",
];

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut all: Vec<PathBuf> = entries.filter(|p| p.is_dir()).collect();
    all.sort();
    all
}

#[test]
fn verdicts_are_those_expected() {
    try_all(|name| !SLOW.iter().any(|s| name.starts_with(s)), 11);
}

#[test]
#[ignore = "slow in a debug build"]
fn verdicts_of_slow_folders_are_those_expected() {
    try_all(|name| SLOW.iter().any(|s| name.starts_with(s)), 11);
}

fn try_all(wanted: impl Fn(&str) -> bool, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for kind in ["examples/plugins", "examples/kube-proxy"] {
        for folder in below(&root.join(kind)).iter().flat_map(|k| below(k)) {
            let name = folder.strip_prefix(root).unwrap().to_str().unwrap();
            if !wanted(name) {
                continue;
            }
            tried += 1;
            let text = fs::read_to_string(folder.join("expected.verdicts")).unwrap();
            let expected: Expected = serde_yaml::from_str(&text).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
            let command = command.args(["verify", name, "-o", "json"]);
            let output = command.current_dir(root).output().unwrap();
            let run: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            let results = run["clusters"][0]["results"].as_array().unwrap();
            assert!(results.len() >= 9, "{name}: {} results", results.len());
            let with = |verdict: &str| -> BTreeSet<String> {
                let fitting = results.iter().filter(|r| r["verdict"] == verdict);
                fitting
                    .map(|r| r["id"].as_str().unwrap().to_owned())
                    .collect()
            };
            for (what, wanted) in [
                ("violated", &expected.violated),
                ("unknown", &expected.unknown),
            ] {
                if *wanted != with(what) {
                    wrong.push(format!("{name}: {what} {wanted:?}, got {:?}", with(what)));
                }
            }
        }
    }
    assert!(tried >= least, "{tried} folders");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
