//! Every mistake in the input is told, with its place: `tests/cases/bad-input/<name>/{input.yaml,expected.txt}`.
//!
//! `BLESS=1 cargo test --test bad_input` rewrites what is expected; read the difference before committing it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may"
)]

use std::fs;
use std::path::Path;

use kubeproof::base::diag::{Diagnostic, Severity};
use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Loaded, Options};
use kubeproof::report::snippet::render;

fn load(name: &str, text: &str) -> (SourceMap, Loaded) {
    let mut sources = SourceMap::new();
    let source = sources.add(name, text);
    let path = name.to_owned();
    let inputs = [Input {
        source,
        path,
        named: true,
    }];
    let loaded = input::load(&sources, &inputs, Options::default());
    (sources, loaded)
}

fn show(sources: &SourceMap, loaded: &Loaded) -> String {
    loaded
        .all_diagnostics()
        .map(|d| render(sources, d, false) + "\n")
        .collect()
}

fn known(d: &Diagnostic) -> bool {
    let kubernetes = input::kubernetes::CODES;
    let services = input::kubernetes::services::CODES;
    let mut codes = input::CODES
        .iter()
        .chain(input::compact::CODES)
        .chain(input::intent::CODES)
        .chain(input::kubernetes::policy::CODES)
        .chain(kubernetes)
        .chain(services);
    codes.any(|(code, _)| *code == d.code)
}

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bad-input");
    let bless = std::env::var_os("BLESS").is_some();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 30, "only {} cases", names.len());
    let mut wrong = Vec::new();
    for case in names {
        let text = fs::read_to_string(case.join("input.yaml")).unwrap();
        let (sources, loaded) = load("input.yaml", &text);
        let got = show(&sources, &loaded);
        assert!(loaded.all_diagnostics().all(known), "{got}");
        assert!(!got.is_empty(), "{} is not bad", case.display());
        let lower = |d: &Diagnostic| {
            let first = d.message.chars().next();
            first.is_some_and(|c| !c.is_uppercase()) && !d.message.ends_with('.')
        };
        assert!(loaded.all_diagnostics().all(lower), "{got}");
        let only_warnings = loaded
            .all_diagnostics()
            .all(|d| d.severity == Severity::Warning);
        assert_eq!(loaded.failed(), !only_warnings, "{got}");
        let file = case.join("expected.txt");
        if bless {
            fs::write(&file, &got).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != got {
            wrong.push(format!("{}\n{got}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A code is told once, and every one is known by a title.
#[test]
fn codes_are_unique() {
    let codes: Vec<_> = input::CODES.iter().chain(input::compact::CODES).collect();
    for (i, (code, title)) in codes.iter().enumerate() {
        assert!(codes[..i].iter().all(|(other, _)| other != code), "{code}");
        assert!(!title.is_empty());
    }
}

#[test]
fn texts_that_are_none() {
    for (text, code) in [
        ("a: \0", "I001"),
        ("\u{7f}ELF", "I001"),
        ("a: \u{1b}[31m", "I001"),
        ("", "I016"),
        ("# nothing\n---\n", "I016"),
        ("just words", "I016"),
        ("[1, 2]", "I016"),
        ("a: 1", "I016"),
        ("{\"a\": 1} x", "I005"),
        ("{\"a\": 1}\n{\"b\": 2}", "I005"),
        ("{\"kind\": 1, \"kind\": 2}", "I008"),
    ] {
        let (sources, loaded) = load("x.json", text);
        let codes: Vec<_> = loaded.all_diagnostics().map(|d| d.code).collect();
        assert_eq!(
            codes.first(),
            Some(&code),
            "{text:?}\n{}",
            show(&sources, &loaded)
        );
    }
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_harmless() {
    let text = "\u{feff}apiVersion: kubeproof.dev/v1\r\nkind: Cluster\r\nnodes:\r\n- {name: N1}\r\n- name: N1\r\n";
    let (sources, loaded) = load("x.yaml", text);
    let out = show(&sources, &loaded);
    assert!(
        out.starts_with("error[C001]: the node `N1` is there twice\n  --> x.yaml:5:9\n"),
        "{out}"
    );
    assert!(!out.contains('\r'));
}

#[test]
fn one_mistake_does_not_hide_the_next_document() {
    let head = "apiVersion: kubeproof.dev/v1\nkind: Cluster\n";
    let text =
        format!("a: [\n---\n{head}metadata: {{name: good}}\n---\n{head}nodes: 1\n---\nb: {{\n");
    let (sources, loaded) = load("x.yaml", &text);
    let out = show(&sources, &loaded);
    let codes: Vec<_> = loaded.all_diagnostics().map(|d| d.code).collect();
    assert_eq!(codes, ["I005", "I020", "I005"], "{out}");
    assert_eq!(loaded.clusters.len(), 2);
    assert!(loaded.clusters[0].cluster.is_some());
    assert_eq!(loaded.clusters[0].name, "good");
    assert!(loaded.clusters[1].cluster.is_none());
    assert_eq!(loaded.clusters[1].name, "x.yaml");
}

#[test]
fn other_kinds_are_handed_back() {
    let text = "apiVersion: kubeproof.dev/v1\nkind: LinuxSnapshot\n---\napiVersion: v1\nkind: Pod\n---\n\
                apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\n";
    let (_, loaded) = load("x.yaml", text);
    let kinds: Vec<_> = loaded.unsupported.iter().map(|u| u.kind.as_str()).collect();
    assert!(kinds.is_empty(), "{kinds:?}");
    // A snapshot is read from `snapshot.yaml` only; the Pod lacks everything; the other project's Cluster is left aside.
    let codes: Vec<_> = loaded.all_diagnostics().map(|d| d.code).collect();
    assert_eq!(codes, ["S001", "I019", "I019"]);
    assert!(loaded.clusters[0].cluster.is_none());
}

#[test]
fn folders_may_hold_other_files() {
    let mut sources = SourceMap::new();
    let mut input = |name: &str, text: &str| Input {
        source: sources.add(name, text),
        path: "dir".to_owned(),
        named: false,
    };
    let inputs = [
        input("dir/values.yaml", "replicas: 3"),
        input("dir/rules.spec", "constraint x"),
        input(
            "dir/k.yaml",
            "{apiVersion: kubeproof.dev/v1, kind: Cluster}",
        ),
        input("dir/broken.yaml", "a: ["),
        input(
            "dir/mixed.yaml",
            "{apiVersion: v1, kind: ConfigMap}\n---\nstray: 1",
        ),
    ];
    let loaded = input::load(&sources, &inputs, Options::default());
    assert_eq!(loaded.not_read.len(), 1);
    assert_eq!(loaded.specs, [inputs[1].source]);
    assert_eq!(loaded.clusters[0].name, "dir");
    let codes: Vec<_> = loaded.diagnostics.iter().map(|d| d.code).collect();
    // The ConfigMap is left aside, and said to be.
    assert_eq!(codes, ["I005", "I016", "K008"]);
    let tight = Options { max_file_size: 3 };
    let codes = input::load(&sources, &inputs[..1], tight).diagnostics;
    assert_eq!(codes[0].code, "I003");
}
