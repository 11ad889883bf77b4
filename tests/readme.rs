//! The README's screens are real: every `console` block that begins with `$ kubeproof …` is run, from the repository's root,
//! and its output (standard output, then standard error) compared. `KUBEPROOF_BLESS=1` rewrites them. Its `yaml` blocks are
//! read as cluster files, its `spec` blocks parsed and checked.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input};
use kubeproof::session;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn run(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let mut kubeproof = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    let output = kubeproof.args(words).current_dir(root()).output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

/// The text with every screen replaced by what the command says today.
fn refreshed(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        writeln!(out, "{line}").unwrap();
        if line != "```console" {
            continue;
        }
        let command = lines.next().unwrap();
        let command = command
            .strip_prefix("$ ")
            .unwrap_or_else(|| panic!("a screen begins with a command: {command}"));
        assert!(command.starts_with("kubeproof "), "{command}");
        writeln!(out, "$ {command}").unwrap();
        out.push_str(&run(command));
        out.push_str("```\n");
        assert!(
            lines.by_ref().any(|l| l == "```"),
            "a screen without an end: {command}"
        );
    }
    out
}

/// Texts with screens.
const SCREENS: &[&str] = &[
    "README.md",
    "docs/connectivity.md",
    "docs/intents.md",
    "docs/theorem.md",
];

#[test]
fn screens_are_real() {
    for file in SCREENS {
        let path = root().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let today = refreshed(&text);
        if std::env::var_os("KUBEPROOF_BLESS").is_some() {
            fs::write(&path, &today).unwrap();
            continue;
        }
        for (i, (written, is)) in text.lines().zip(today.lines()).enumerate() {
            assert_eq!(
                written,
                is,
                "{file}, line {}; KUBEPROOF_BLESS=1 rewrites it",
                i + 1
            );
        }
        assert_eq!(text.lines().count(), today.lines().count(), "{file}");
    }
}

/// The bodies of fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn cluster_files_and_constraints_are_right() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let (clusters, specs) = (blocks(&text, "yaml"), blocks(&text, "spec"));
    assert!(!clusters.is_empty() && !specs.is_empty());
    for cluster in clusters {
        let mut sources = SourceMap::new();
        let source = sources.add("README.md", cluster);
        let input = Input {
            source,
            path: "README.md".to_owned(),
            named: true,
        };
        let loaded = input::load(&sources, &[input], input::Options::default());
        assert_eq!(
            loaded
                .all_diagnostics()
                .map(|d| d.message.clone())
                .collect::<Vec<_>>(),
            Vec::<String>::new()
        );
        assert!(
            kubeproof::lower::lower(
                loaded.clusters[0].cluster.as_ref().unwrap(),
                &kubeproof::model::policy::Settings::default()
            )
            .is_ok()
        );
    }
    for spec in specs {
        let mut sources = SourceMap::new();
        let source = sources.add("README.md", spec);
        let (constraints, diagnostics) = session::parse(&sources, source);
        assert_eq!(
            diagnostics
                .iter()
                .map(|d| d.message.clone())
                .collect::<Vec<_>>(),
            Vec::<String>::new()
        );
        assert_eq!(constraints.len(), 3);
    }
}
