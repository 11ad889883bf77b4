//! Every code of a diagnostic or finding is met by some test.
//!
//! A code counts as met where a test asserts it or a golden file has it; so what is listed here as not met can never have
//! been seen. Some that need a
//! verification are met here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

use std::fs;
use std::path::Path;

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use kubeproof::{findings, lang, logic, lower, policy, session};

/// Half a million entities in one file; as many Services as a range has addresses.
const TOO_LARGE: [&str; 2] = [concat!("C", "018"), concat!("K", "206")];

fn codes() -> Vec<&'static str> {
    let all = [
        input::CODES,
        input::compact::CODES,
        input::intent::CODES,
        input::linux::CODES,
        input::kubernetes::CODES,
        input::kubernetes::services::CODES,
        input::kubernetes::policy::CODES,
        lower::CODES,
        lang::CODES,
        logic::check::CODES,
        logic::bind::CODES,
        findings::CODES,
        findings::services::CODES,
        findings::routes::CODES,
        findings::attach::CODES,
        policy::findings::CODES,
    ];
    all.concat().into_iter().map(|(code, _)| code).collect()
}

/// The texts of all tests: those of this folder, and those inside the sources.
fn texts(folder: &Path, tests: bool, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            texts(&path, tests, into);
        } else if tests || name == "tests.rs" {
            into.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

#[test]
fn no_two_mean_one_code() {
    let mut codes = codes();
    codes.sort_unstable();
    let twice: Vec<_> = codes.windows(2).filter(|w| w[0] == w[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn every_code_is_met() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    texts(&root.join("tests"), true, &mut all);
    texts(&root.join("src"), false, &mut all);
    let codes = codes();
    assert!(codes.len() > 100);
    let missing: Vec<&str> = codes
        .into_iter()
        .filter(|c| !all.contains(c) && !TOO_LARGE.contains(c))
        .collect();
    assert!(missing.is_empty(), "no test meets {missing:?}");
}

fn told(text: &str) -> Vec<&'static str> {
    let mut sources = SourceMap::new();
    let inputs = [Input {
        source: sources.add("c.yaml", text),
        path: "c.yaml".to_owned(),
        named: true,
    }];
    let loaded = input::load(&sources, &inputs, Options::default());
    let codes = loaded.all_diagnostics().map(|d| d.code).collect();
    if loaded.failed() {
        return codes;
    }
    let options = session::Options {
        only: vec!["KP001".to_owned(), "intents".to_owned()],
        ..session::Options::default()
    };
    let outcome = session::verify(sources, &inputs, &options).unwrap();
    let report = &outcome.run.clusters[0];
    let found = report.verified.iter().flat_map(|v| &v.findings);
    let later = report.diagnostics.iter().map(|d| d.code);
    found.map(|f| f.id).chain(later).chain(codes).collect()
}

const CLUSTER: &str = "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: c}\nnodes: [{name: N1, addresses: [192.0.2.1], daemons: [{name: D}]}]\n";

#[test]
fn rules_of_a_cluster_file() {
    let removed = format!("{CLUSTER}fibs: [{{at: node/N1, remove: [{{to: 203.0.113.1}}]}}]\n");
    assert_eq!(told(&removed), ["N001"]);
    let source_port = format!(
        "{CLUSTER}fibs: [{{at: node/N1, before: [{{to: 203.0.113.1, action: {{translate: {{fromPort: 9}}}}}}]}}]\n"
    );
    assert!(told(&source_port).contains(&"F002"));
}

#[test]
fn intents_of_nobody() {
    let intent = |spec: &str| {
        format!(
            "{CLUSTER}pods: [{{name: P, node: N1, addresses: [10.0.0.1]}}]\n---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {spec}\n"
        )
    };
    let nobody = intent("{mustReach: {from: [{pod: x/y}], to: [{node: N1}]}}");
    assert!(told(&nobody).contains(&"F040"));
    let groups = intent("{isolate: {byLabel: tenant}}");
    assert!(told(&groups).contains(&"F041"));
}

#[test]
fn too_much_for_one_file() {
    let documents = "---\n{}\n".repeat(400_002);
    assert!(told(&documents).contains(&"I014"));
}
