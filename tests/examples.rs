//! Every folder below `examples/` is what it says: its verdicts, its text, its counterexamples.
//!
//! `expected.verdicts` is written by hand, from the definitions, before the tool is asked; it is never blessed.
//! `expected.txt` is the report of `kubeproof verify FOLDER`, run from the root of the repository, and the exit code.
//! `KUBEPROOF_BLESS=1 cargo test --test examples` rewrites it, and the table in `examples/README.md`; read the difference
//! before committing it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop, and say what it could not check"
)]

#[path = "support/threads.rs"]
mod threads;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where the table begins in `examples/README.md`, and where it ends.
const TABLE: [&str; 2] = ["<!-- table: begin -->\n", "<!-- table: end -->\n"];

/// What a folder claims of its cluster. What is checked and stands in neither list is proven.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    violated: BTreeSet<String>,
    vacuous: BTreeSet<String>,
    #[serde(default)]
    findings: BTreeSet<String>,
}

fn bless() -> bool {
    std::env::var_os("KUBEPROOF_BLESS").is_some()
}

fn kubeproof(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    command.args(args).current_dir(ROOT).output().unwrap()
}

/// `examples/k1` and all folders below `examples/broken` and `examples/conforming`, as paths from the root.
fn folders() -> Vec<String> {
    let mut all = vec!["examples/k1".to_owned()];
    for kind in ["broken", "conforming"] {
        let entries = fs::read_dir(Path::new(ROOT).join("examples").join(kind)).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        all.extend(names.iter().map(|name| format!("examples/{kind}/{name}")));
    }
    all
}

fn read(folder: &str, file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(folder).join(file)).unwrap_or_default()
}

fn expected(folder: &str) -> Expected {
    let text = read(folder, "expected.verdicts");
    serde_yaml::from_str(&text)
        .unwrap_or_else(|error| panic!("{folder}/expected.verdicts: {error}"))
}

#[test]
fn examples() {
    let folders = folders();
    let of = |folder: &String| -> Vec<String> {
        let all = check(folder).into_iter();
        all.map(|mistake| format!("{folder}: {mistake}")).collect()
    };
    let mut mistakes: Vec<String> = threads::each(&folders, of).into_iter().flatten().collect();
    mistakes.sort();
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

/// Verifies a folder twice, and says what is wrong.
fn check(folder: &str) -> Vec<String> {
    let reports = |format: &str| {
        Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{}.{format}", folder.replace('/', ".")))
    };
    let (json_file, text_file) = (reports("json"), reports("txt"));
    let report = |format: &str, file: &Path| format!("{format}={}", file.display());
    let first = kubeproof(&["verify", folder, "--report", &report("json", &json_file)]);
    let second = kubeproof(&[
        "verify",
        folder,
        "-o",
        "json",
        "--report",
        &report("text", &text_file),
    ]);
    let mut mistakes = Vec::new();
    let mut claim = |holds: bool, mistake: &dyn Fn() -> String| {
        if !holds {
            mistakes.push(mistake());
        }
    };

    let code = first.status.code();
    let errors = String::from_utf8_lossy(&first.stderr);
    claim(errors.is_empty(), &|| {
        format!("standard error is not empty: {errors}")
    });
    claim(second.status.code() == code, &|| {
        "the exit code depends on the format".to_owned()
    });
    claim(
        fs::read(&json_file).unwrap_or_default() == second.stdout,
        &|| "two runs, two reports (JSON)".to_owned(),
    );
    claim(
        fs::read(&text_file).unwrap_or_default() == first.stdout,
        &|| "two runs, two reports (text)".to_owned(),
    );

    let text = String::from_utf8(first.stdout).unwrap();
    let golden = format!("{text}exit code {}\n", code.unwrap_or(-1));
    claim(!golden.contains(ROOT), &|| {
        "the report names a folder of this machine".to_owned()
    });
    if bless() {
        fs::write(Path::new(ROOT).join(folder).join("expected.txt"), &golden).unwrap();
    } else {
        let wanted = read(folder, "expected.txt");
        claim(golden == wanted, &|| {
            format!("expected.txt differs{}", first_difference(&wanted, &golden))
        });
    }

    let Ok(run) = serde_json::from_slice::<Value>(&second.stdout) else {
        mistakes.push(format!(
            "no JSON: {}",
            String::from_utf8_lossy(&second.stderr)
        ));
        return mistakes;
    };
    mistakes.extend(verdicts(&run, &expected(folder), code));
    for result in results(&run).filter(|r| r["verdict"] == "violated") {
        let mistake = counterexample(folder, &result["counterexample"]);
        mistakes.extend(mistake.map(|m| format!("{}: {m}", result["id"])));
    }
    mistakes
}

fn results(run: &Value) -> impl Iterator<Item = &Value> {
    let clusters = run["clusters"].as_array().into_iter().flatten();
    clusters.flat_map(|c| c["results"].as_array().into_iter().flatten())
}

/// The verdicts, the findings and the exit code against what the folder claims.
fn verdicts(run: &Value, expected: &Expected, code: Option<i32>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let with = |verdict: &str| -> BTreeSet<String> {
        let fitting = results(run).filter(|r| r["verdict"] == verdict);
        fitting
            .map(|r| r["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let findings = run["clusters"].as_array().into_iter().flatten();
    let findings = findings.flat_map(|c| c["findings"].as_array().into_iter().flatten());
    let findings: BTreeSet<String> = findings
        .map(|f| f["id"].as_str().unwrap().to_owned())
        .collect();
    for (what, wanted, got) in [
        ("violated", &expected.violated, with("violated")),
        ("vacuous", &expected.vacuous, with("vacuous")),
        ("unknown", &BTreeSet::new(), with("unknown")),
        ("waived", &BTreeSet::new(), with("waived")),
        ("findings", &expected.findings, findings),
    ] {
        if *wanted != got {
            mistakes.push(format!("{what}: expected {wanted:?}, got {got:?}"));
        }
    }
    let wanted = match (expected.violated.is_empty(), with("proven").is_empty()) {
        (false, _) => 1,
        (true, false) => 0,
        (true, true) => 4,
    };
    if code != Some(wanted) {
        mistakes.push(format!("expected exit code {wanted}, got {code:?}"));
    }
    mistakes
}

/// A counterexample was replayed, and `trace` tells the same of its messages; none where nothing is wrong.
fn counterexample(folder: &str, counterexample: &Value) -> Option<String> {
    if counterexample["replayed"] != true {
        return Some("the counterexample was not replayed".to_owned());
    }
    let others = counterexample["otherMessages"].as_array();
    let mut messages = std::iter::once(counterexample).chain(others.into_iter().flatten());
    // Constraints about addresses alone have none.
    messages.find_map(|m| {
        (!m["message"].is_null())
            .then(|| traced(folder, m))
            .flatten()
    })
}

/// A message with its trace against `kubeproof trace`; none where nothing is wrong.
fn traced(folder: &str, message: &Value) -> Option<String> {
    let broken = outcomes(&message["trace"]);
    let message = &message["message"];
    let word = |key: &str| message[key].as_str().unwrap();
    let number = |key: &str| message[key].to_string();
    // `trace` chooses the source address itself, unless it is the source address that it is asked about.
    for from in [word("sender"), word("sourceAddress")] {
        let mut args = vec!["trace", folder, "-o", "json", "--from", from];
        let (port, source_port) = (number("destinationPort"), number("sourcePort"));
        args.extend(["--to", word("destinationAddress"), "--port", &port]);
        args.extend([
            "--protocol",
            word("protocol"),
            "--source-port",
            &source_port,
        ]);
        let output = kubeproof(&args);
        let Ok(trace) = serde_json::from_slice::<Value>(&output.stdout) else {
            continue;
        };
        let traced = outcomes(&trace);
        let asked = |outcomes: &[Value]| {
            [&outcomes[0]["sent"], &outcomes[0]["steps"][0]["at"]].map(Value::clone)
        };
        if asked(&traced) != asked(&broken) {
            continue;
        }
        // The same outcomes; the counterexample shows the one first that breaks the constraint.
        let set = |outcomes: &[Value]| -> BTreeSet<String> {
            outcomes.iter().map(ToString::to_string).collect()
        };
        if set(&traced) != set(&broken) {
            return Some(format!(
                "`kubeproof {}` tells another story",
                args.join(" ")
            ));
        }
        let delivered = traced.iter().all(|o| o["disposition"] == "delivered");
        let (code, wanted) = (output.status.code(), Some(i32::from(!delivered)));
        return (code != wanted)
            .then(|| format!("`kubeproof {}` exits with {code:?}", args.join(" ")));
    }
    eprintln!("{folder}: `trace` cannot choose the source address of {message}");
    None
}

fn outcomes(trace: &Value) -> Vec<Value> {
    trace["outcomes"].as_array().cloned().unwrap_or_default()
}

fn first_difference(wanted: &str, got: &str) -> String {
    let (mut wanted, mut got) = (wanted.lines(), got.lines());
    for line in 1.. {
        let (w, g) = (wanted.next(), got.next());
        if w != g || w.is_none() {
            let show = |l: Option<&str>| l.unwrap_or("(the end)").to_owned();
            return format!(
                " in line {line}\n  expected  {}\n  got       {}",
                show(w),
                show(g)
            );
        }
    }
    String::new()
}

/// The table of `examples/README.md`: each folder, what it is, what is violated.
#[test]
fn table() {
    let mut table = String::new();
    for folder in folders() {
        let (_, name) = folder.split_once('/').unwrap();
        let expected = expected(&folder);
        let list = |ids: &BTreeSet<String>| {
            ids.iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (violated, vacuous) = (list(&expected.violated), list(&expected.vacuous));
        let _ = writeln!(
            table,
            "| [{name}]({name}/cluster.yaml) | {violated} | {vacuous} |"
        );
    }
    let file = Path::new(ROOT).join("examples/README.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text
        .split_once(TABLE[0])
        .expect("the table has a beginning");
    let (_, after) = rest.split_once(TABLE[1]).expect("the table has an end");
    let head = "\n| folder | violated | vacuous |\n| --- | --- | --- |\n";
    let wanted = format!("{before}{}{head}{table}\n{}{after}", TABLE[0], TABLE[1]);
    if bless() {
        fs::write(&file, wanted).unwrap();
    } else {
        assert!(
            text == wanted,
            "the table is out of date: KUBEPROOF_BLESS=1 rewrites it"
        );
    }
}

/// The catalogue is there: what was asked for, and each file says at its top what it is.
#[test]
fn catalogue() {
    let folders = folders();
    let count = |kind: &str| folders.iter().filter(|f| f.contains(kind)).count();
    assert!(count("/broken/") >= 27 && count("/conforming/") >= 10);
    for folder in &folders {
        let text = read(folder, "cluster.yaml");
        assert!(text.starts_with("# "), "{folder}: no comment on top");
        let (_, name) = folder.rsplit_once('/').unwrap();
        assert!(
            text.contains(&format!("metadata: {{name: {name}}}")),
            "{folder}: the cluster has another name"
        );
        let expected = expected(folder);
        for id in expected.violated.iter().chain(&expected.vacuous) {
            let told = text.contains(id.as_str()) || text.contains("all but KP001");
            assert!(told, "{folder}: the comment says nothing about {id}");
        }
        assert_eq!(
            folder.contains("/broken/"),
            !expected.violated.is_empty(),
            "{folder}"
        );
    }
}
