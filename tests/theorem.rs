//! The theorem: every goal and lemma is proven, with the assumptions that its proof needs; every assumption that is needed
//! has its smallest cluster, which `verify` finds violated when it reads it afresh.
//!
//! Golden files under `tests/cases/theorem`; `KUBEPROOF_BLESS=1` rewrites them. Broken once, to see it fail: without the
//! clause of `contract.rs` that a node does not forward what is for a Service, KP006 to KP010 are open, not proven.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

#[path = "support/threads.rs"]
mod threads;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kubeproof::base::source::SourceMap;
use kubeproof::input::Input;
use kubeproof::session::theorem::{self as session, is_proven};
use kubeproof::session::{self as whole, Strategy};
use kubeproof::smt::backend::first_order::FirstOrder;
use kubeproof::smt::solver::Solver;
use kubeproof::theorem::{self, Answer, Scope};
use kubeproof::verify::verdict::Verdict;

fn solver() -> Box<dyn Solver> {
    Box::new(FirstOrder::new())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/theorem")
}

/// Compares with a golden file, or rewrites it.
fn golden(name: &str, is: &str) {
    let path = folder().join(name);
    if std::env::var_os("KUBEPROOF_BLESS").is_some() {
        fs::write(&path, is).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, is, "{name}; KUBEPROOF_BLESS=1 rewrites it");
}

fn kubeproof(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    let output = command
        .args(arguments)
        .current_dir(folder())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Every goal and lemma, with its core, and a cluster that meets all assumptions and sends what the goal is about.
#[test]
fn the_theorem_is_proven() {
    let (code, text, trouble) = kubeproof(&["theorem"]);
    golden("theorem.txt", &text);
    assert_eq!((code, trouble.as_str()), (Some(0), ""));
    for goal in session::GOALS {
        assert!(text.contains(&format!("✓ proven   {goal} ")), "{goal}");
    }
    assert!(text.contains("The assumptions hold together"));
    // What clusters at hand are judged by is what was found now.
    for goal in session::GOALS {
        let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
        for piece in theorem::needs(goal).unwrap() {
            match all.last_mut() {
                Some((id, parts)) if *id == piece.id => parts.push(piece.part),
                _ => all.push((piece.id, vec![piece.part])),
            }
        }
        let words = all.iter().map(|(id, parts)| match parts[..] {
            [""] => (*id).to_owned(),
            _ => format!("{id} ({})", parts.join(", ")),
        });
        let needs = words.collect::<Vec<_>>().join(", ");
        let mut lines = text
            .lines()
            .skip_while(|line| !line.contains(&format!(" {goal} ")));
        let told = lines.nth(1).unwrap().trim();
        assert_eq!(told, format!("needs {needs}"), "{goal}");
    }
}

/// Whether a goal is proven from these assumptions alone.
fn proven_from(goal: &str, ids: &BTreeSet<&str>) -> bool {
    let constraint = session::goals(&[goal.to_owned()]).remove(0);
    let others = theorem::assumptions().iter().map(|a| a.id);
    let options = theorem::Options {
        without: others
            .filter(|id| !ids.contains(id))
            .map(str::to_owned)
            .collect(),
        ..theorem::Options::default()
    };
    is_proven(&theorem::prove(&constraint, &options, &solver).unwrap())
}

/// What a core names is enough, and none of it can be left out.
#[test]
fn what_a_core_names_is_enough_and_needed() {
    for goal in ["KP002", "KP006", "KP007"] {
        let constraint = session::goals(&[goal.to_owned()]).remove(0);
        let options = theorem::Options {
            cores: true,
            ..theorem::Options::default()
        };
        let proof = theorem::prove(&constraint, &options, &solver).unwrap();
        let Answer::Proven(core) = proof.answer else {
            panic!("{goal}: {:?}", proof.answer);
        };
        let core: BTreeSet<&str> = core.iter().map(|piece| piece.id).collect();
        assert!(proven_from(goal, &core), "{goal}: {core:?}");
        for id in &core {
            let mut less = core.clone();
            less.remove(id);
            assert!(!proven_from(goal, &less), "{goal} without {id}");
        }
    }
}

/// Contracts are assumed of as few messages as is enough: of fewer, the goal is not proven.
#[test]
fn each_scope_is_the_narrowest() {
    let narrower = |goal: &str| {
        let own = theorem::scope(goal);
        Scope::ALL
            .into_iter()
            .filter(move |s| own.is_wider_than(*s))
    };
    let mut asked = 0;
    for goal in session::GOALS {
        let constraint = session::goals(&[goal.to_owned()]).remove(0);
        for scope in narrower(goal) {
            let options = theorem::Options {
                scope: Some(scope),
                timeout: Some(Duration::from_secs(10)),
                ..theorem::Options::default()
            };
            let proof = theorem::prove(&constraint, &options, &solver).unwrap();
            assert!(!is_proven(&proof), "{goal} {scope:?}");
            asked += 1;
        }
    }
    assert_eq!(asked, 8);
}

/// What is printed without an assumption is a cluster file; `verify` finds the same constraint violated in it, and the
/// counterexample replays.
fn without(assumption: &theorem::Assumption) {
    let id = assumption.id;
    let (code, text, trouble) = kubeproof(&["theorem", "--without", id]);
    assert_eq!((code, trouble.as_str()), (Some(1), ""), "{id}: {text}");
    golden(&format!("without-{id}.yaml"), &text);
    let (_, rest) = text.split_once("to break one of them, ").unwrap();
    let (violated, _) = rest.split_once(':').unwrap();
    let mut sources = SourceMap::new();
    let path = format!("without-{id}.yaml");
    let source = sources.add(&path, &text);
    let input = Input {
        source,
        path,
        named: true,
    };
    let options = whole::Options {
        strategy: Strategy::Direct,
        ..whole::Options::default()
    };
    let run = whole::verify(sources, &[input], &options).unwrap().run;
    assert!(!run.has_errors(), "{id}");
    let verified = run.clusters[0].verified.as_ref().unwrap();
    let result = verified.results.iter().find(|r| r.id == violated).unwrap();
    assert_eq!(result.verdict, Verdict::Violated, "{id}: {violated}");
    assert!(result.counterexample.as_ref().unwrap().replayed, "{id}");
}

fn without_each(of: usize) {
    for (i, assumption) in theorem::assumptions().iter().enumerate() {
        if i % 3 == of {
            without(assumption);
        }
    }
}

#[test]
fn each_assumption_is_needed_first_third() {
    without_each(0);
}

#[test]
fn each_assumption_is_needed_second_third() {
    without_each(1);
}

#[test]
fn each_assumption_is_needed_last_third() {
    without_each(2);
}

/// The clusters that are broken in search of a counterexample conform as long as they are not: else a counterexample
/// would not be one of the assumption.
#[test]
fn what_is_not_broken_conforms() {
    let options = whole::Options {
        strategy: Strategy::Direct,
        only: session::GOALS.iter().map(|&g| g.to_owned()).collect(),
        ..whole::Options::default()
    };
    let all: Vec<String> = (1..=5).flat_map(theorem::unbroken).collect();
    threads::each(&all, |text| {
        let mut sources = SourceMap::new();
        let source = sources.add("unbroken.yaml", text);
        let input = Input {
            source,
            path: "unbroken.yaml".to_owned(),
            named: true,
        };
        let run = whole::verify(sources, &[input], &options).unwrap().run;
        assert!(!run.has_errors(), "{text}");
        for result in &run.clusters[0].verified.as_ref().unwrap().results {
            let fine = matches!(result.verdict, Verdict::Proven | Verdict::Vacuous);
            assert!(fine, "{} of\n{text}", result.id);
        }
    });
    assert!(all.len() > 50, "{}", all.len());
}

#[test]
fn questions_are_written_and_usage_is_checked() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("theorem-smt2");
    let _ = fs::remove_dir_all(&out);
    let folder = out.to_str().unwrap();
    let (code, text, _) = kubeproof(&[
        "theorem",
        "--only",
        "no-nat",
        "--emit-smt2",
        folder,
        "-o",
        "json",
    ]);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["verdict"], "proven");
    assert_eq!(json["goals"][0]["id"], "KP006");
    assert_eq!(json["goals"][0]["inhabited"], true);
    let script = fs::read_to_string(out.join("KP006.smt2")).unwrap();
    assert!(script.contains("(set-info :status unsat)"));
    assert!(script.contains("(declare-sort Pod 0)"));
    let script = fs::read_to_string(out.join("KP006-model.smt2")).unwrap();
    assert!(script.contains("(set-info :status sat)"));

    let (code, _, trouble) = kubeproof(&["theorem", "--without", "gravity"]);
    assert_eq!(code, Some(2));
    assert!(
        trouble.contains("no assumption `gravity`") && trouble.contains("unique-address"),
        "{trouble}"
    );
    let (code, _, trouble) = kubeproof(&["theorem", "--only", "KP001"]);
    assert_eq!(code, Some(2));
    assert!(trouble.contains("no goal `KP001`"), "{trouble}");
    // An assumption that the goals at hand do without.
    let (code, text, _) = kubeproof(&["theorem", "--only", "KP002", "--without", "hairpin"]);
    assert_eq!(
        (code, text.as_str()),
        (
            Some(0),
            "hairpin is not needed: KP002 are proven without it\n"
        )
    );
    // No time at all is no answer.
    let (code, text, _) = kubeproof(&["theorem", "--only", "KP002", "--timeout", "0"]);
    assert_eq!(code, Some(3), "{text}");
}
