//! Bugs that were found once stay mended: `tests/cases/bugs/NNNN-slug/`.
//!
//! Each holds `cluster.yaml`, `expected.yaml` (verdicts by constraint), `README` (what was wrong, where it was found), and
//! `constraint.spec` where the users' language is needed. Beside the verdicts asked for, every case goes through the same
//! comparison as the random clusters of `tests/differential.rs`.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use support::compare;

#[test]
fn bugs_stay_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bugs");
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        assert!(case.join("README").exists(), "{name} has no README");
        let yaml = fs::read_to_string(case.join("cluster.yaml")).unwrap();
        let spec = fs::read_to_string(case.join("constraint.spec")).unwrap_or_default();
        let expected = fs::read_to_string(case.join("expected.yaml")).unwrap();
        let expected: BTreeMap<String, String> = serde_yaml::from_str(&expected).unwrap();
        let report =
            compare::cluster(0, &yaml, &[spec]).unwrap_or_else(|why| panic!("{name}: {why}"));
        wrong.extend(
            report
                .disagreements
                .iter()
                .map(|why| format!("{name}: {why}")),
        );
        for (id, verdict) in expected {
            let got = report
                .decided
                .iter()
                .find(|(known, _)| *known == id)
                .map(|(_, v)| v.word());
            if got != Some(verdict.as_str()) {
                wrong.push(format!("{name}: {id} is {got:?}, expected {verdict}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
