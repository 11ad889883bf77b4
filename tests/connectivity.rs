//! `connectivity` and `diff` as their users see them: a folder each in `tests/cases/connectivity` and `tests/cases/diff`,
//! with what they print. `KUBEPROOF_BLESS=1` rewrites what is expected.
//!
//! In `connectivity`, `args` holds more arguments, `expected.csv` the answer; walking every message must say the same.
//! In `diff`, `expected.txt` begins with the exit code.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_kubeproof"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The folders of one kind of case, relative to the repository.
fn cases(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new("tests/cases").join(kind);
    let mut all: Vec<PathBuf> = fs::read_dir(root.join(&folder))
        .unwrap()
        .map(|entry| folder.join(entry.unwrap().file_name()))
        .collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

fn compare(case: &Path, file: &str, is: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(case).join(file);
    if std::env::var_os("KUBEPROOF_BLESS").is_some() {
        fs::write(&path, is).unwrap();
        return;
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        wanted,
        is,
        "{}; KUBEPROOF_BLESS=1 rewrites it",
        path.display()
    );
}

#[test]
fn answers() {
    for case in cases("connectivity") {
        let folder = case.to_str().unwrap();
        let args = fs::read_to_string(case.join("args")).unwrap_or_default();
        let mut args: Vec<&str> = args.split_whitespace().collect();
        args.extend(["connectivity", folder, "-o", "csv"]);
        // The command comes first.
        args.rotate_right(4);
        let answer = run(&args);
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{folder}");
        compare(&case, "expected.csv", &answer.out);
        args.push("--simulate");
        assert_eq!(answer.out, run(&args).out, "{folder}: walked");
    }
}

#[test]
fn differences() {
    for case in cases("diff") {
        let side = |name: &str| case.join(name).to_str().unwrap().to_owned();
        let (old, new) = (side("old.yaml"), side("new.yaml"));
        let told = run(&["diff", &old, &new]);
        assert_eq!(told.err, "", "{}", case.display());
        // What is assumed is another test's matter.
        let shown: String = told
            .out
            .lines()
            .filter(|line| !line.starts_with("assuming "))
            .map(|line| format!("{line}\n"))
            .collect();
        compare(
            &case,
            "expected.txt",
            &format!("exit code {}\n{shown}", told.code),
        );
        assert_eq!(run(&["diff", &old, &old]).code, 0, "{}", case.display());
        let json = run(&["diff", &old, &new, "-o", "json"]);
        assert_eq!(json.code, told.code);
        let json: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(json["schemaVersion"], 1);
        let differences = json["differences"].as_array().unwrap();
        assert_eq!(differences.is_empty(), told.code == 0);
        for difference in differences {
            let witness = &difference["witness"];
            let delivered = |side: &str| {
                let outcomes = &witness[side]["trace"]["outcomes"];
                let all = outcomes.as_array();
                all.is_some_and(|all| all.iter().all(|o| o["disposition"] == "delivered"))
            };
            assert_ne!(delivered("old"), delivered("new"), "{difference}");
        }
    }
}

const SHOP: &str = "tests/cases/connectivity/shop";

/// `from to protocol ports` of every connection.
fn connections(args: &[&str]) -> BTreeSet<String> {
    let told = run(&[&["connectivity", "-o", "json"], args].concat());
    assert_eq!(told.code, 0, "{}", told.err);
    let json: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(json["schemaVersion"], 1);
    let all = json["clusters"][0]["connections"].as_array().unwrap();
    let word = |c: &Value, key: &str| c[key].as_str().unwrap().to_owned();
    all.iter()
        .map(|c| {
            ["from", "to", "protocol", "ports", "basis"]
                .map(|key| word(c, key))
                .join(" ")
        })
        .collect()
}

#[test]
fn json_has_what_formats_fix() {
    let all = connections(&[SHOP]);
    assert!(
        all.contains("pod/shop/web pod/shop/db TCP 5432 received"),
        "{all:#?}"
    );
    assert!(all.contains("pod/watch/scraper pod/shop/db TCP 9100 received"));
    assert!(all.contains("198.51.100.0/25 pod/shop/web TCP 8080 received"));
    assert!(
        !all.iter()
            .any(|c| c.starts_with("pod/watch/scraper pod/shop/db TCP 5432"))
    );
    let allowed = connections(&[SHOP, "--allowed"]);
    assert!(
        allowed.contains("pod/shop/db pod/watch/scraper UDP 1-65535 allowed"),
        "{allowed:#?}"
    );
}

#[test]
fn focus_keeps_lines_from_or_to() {
    let all = connections(&[SHOP]);
    for (focus, word) in [
        ("pod/shop/db", "pod/shop/db "),
        ("watch", "pod/watch/"),
        ("namespace/watch", "pod/watch/"),
        ("node/n1", "node/n1 "),
    ] {
        let wanted: BTreeSet<String> = all.iter().filter(|c| c.contains(word)).cloned().collect();
        assert!(!wanted.is_empty());
        assert_eq!(connections(&[SHOP, "--focus", focus]), wanted, "{focus}");
    }
    let wrong = run(&["connectivity", SHOP, "--focus", "pod/shop/dp"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("help: did you mean"), "{}", wrong.err);
}

/// A Service and the workload behind it often have one name: neither is guessed.
#[test]
fn short_names_of_several_are_refused() {
    let shop = "examples/shop";
    let asked = [
        vec!["connectivity", shop, "--focus", "shop/cart"],
        vec![
            "trace",
            shop,
            "--from",
            "deployment/shop/frontend",
            "--to",
            "shop/cart",
            "--port",
            "80",
        ],
    ];
    for args in asked {
        let told = run(&args);
        assert_eq!(told.code, 2, "{}", told.out);
        let names = "help: it could be `service/shop/cart`, `deployment/shop/cart`";
        assert!(told.err.contains(names), "{}", told.err);
    }
    let service = connections(&[shop, "--focus", "service/shop/cart"]);
    let workload = connections(&[shop, "--focus", "deployment/shop/cart"]);
    assert!(!service.is_empty() && !workload.is_empty() && service != workload);
}

#[test]
fn every_format_is_written() {
    for (format, word) in [
        ("text", "  → pod/shop/db"),
        ("csv", "shop,pod/shop/web,pod/shop/db,TCP,5432,received,all"),
        ("dot", "-> "),
        ("md", "| pod/shop/web | pod/shop/db | TCP | 5432 |  |"),
    ] {
        let told = run(&["connectivity", SHOP, "-o", format]);
        assert_eq!(told.code, 0);
        assert!(told.out.contains(word), "{format}\n{}", told.out);
        assert_eq!(told.out, run(&["connectivity", SHOP, "-o", format]).out);
    }
}

#[test]
fn exit_codes() {
    let bad = "tests/cases/bad-input";
    assert_eq!(run(&["connectivity", bad]).code, 2);
    assert_eq!(run(&["connectivity"]).code, 2);
    assert_eq!(run(&["connectivity", "specs"]).code, 4);
    assert_eq!(
        run(&["connectivity", "examples/k1", "--cluster", "k2"]).code,
        2
    );
    let diff = |args: &[&str]| run(&[&["diff"], args].concat()).code;
    assert_eq!(diff(&["examples/k1"]), 2);
    assert_eq!(diff(&["examples/k1", "examples/no-such-folder"]), 2);
    assert_eq!(diff(&["-", "-"]), 2);
    assert_eq!(diff(&["examples/k1", "examples/k1"]), 0);
    assert_eq!(diff(&["examples/k1", "examples/broken/backdoor"]), 1);
    assert_eq!(diff(&["examples/k1", "examples/k1", "--cluster", "k2"]), 2);
}
