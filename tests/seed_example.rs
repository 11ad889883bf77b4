//! The section *Example* of "A Preliminary Study on Kubernetes Network Concepts", hop by hop, and its FIB tables.
//!
//! What is expected is written by hand from the seed's rules. `KUBEPROOF_BLESS=1 cargo test --test seed_example` rewrites
//! `examples/k1/expected-trace.txt`, the same lives as people read them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn kubeproof(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    command.args(args).current_dir(ROOT).output().unwrap()
}

/// A step: the event, where, and the rule that decided.
type Step = (&'static str, &'static str, Option<&'static str>);

/// A message of the seed and its life.
struct Life {
    /// The seed's heading.
    heading: &'static str,
    steps: &'static [Step],
    answer: &'static [Step],
    /// Who receives it.
    receiver: &'static str,
    /// Source and destination as sent; nothing changes them on the way.
    header: [&'static str; 2],
}

const C11: &str = "container/default/P1/C1.1";
const C12: &str = "container/default/P1/C1.2";
const C21: &str = "container/default/P2/C2.1";
const C31: &str = "container/default/P3/C3.1";
const D1: &str = "daemon/N1/D1";
const P1: &str = "pod/default/P1";
const P2: &str = "pod/default/P2";
const P3: &str = "pod/default/P3";
const N1: &str = "node/N1";
const N2: &str = "node/N2";

/// In the order of `examples/k1/queries.jsonl`. An answer ends at the socket that asked: no rule decides that.
#[rustfmt::skip] // One line a step.
const LIVES: [Life; 4] = [
    Life {
        heading: "Container to container",
        steps: &[
            ("send", C11, None),
            ("deliver", P1, Some("[TCP * * 127.0.0.1 9090 → Deliver(C1.2)]")),
            ("receive", C12, None),
        ],
        answer: &[("send", C12, None), ("deliver", P1, None), ("receive", C11, None)],
        receiver: C12,
        header: ["127.0.0.1", "127.0.0.1"],
    },
    Life {
        heading: "Intra-node Pod-to-Pod communication",
        steps: &[
            ("send", C11, None),
            ("lookup", P1, Some("[* * * * → Forward(N1)]")),
            ("lookup", N1, Some("[* * 10.1.1.2 * → Forward(P3)]")),
            ("deliver", P3, Some("[TCP * * 10.1.1.2 8080 → Deliver(C3.1)]")),
            ("receive", C31, None),
        ],
        answer: &[
            ("send", C31, None),
            ("lookup", P3, Some("[* * * * → Forward(N1)]")),
            ("lookup", N1, Some("[* * 10.1.1.1 * → Forward(P1)]")),
            ("deliver", P1, None),
            ("receive", C11, None),
        ],
        receiver: C31,
        header: ["10.1.1.1", "10.1.1.2"],
    },
    Life {
        heading: "Pod-to-Pod Communication Between Nodes",
        steps: &[
            ("send", C11, None),
            ("lookup", P1, Some("[* * * * → Forward(N1)]")),
            ("lookup", N1, Some("[* * 10.1.2.1 * → Forward(N2)]")),
            ("lookup", N2, Some("[* * 10.1.2.1 * → Forward(P2)]")),
            ("deliver", P2, Some("[TCP * * 10.1.2.1 8080 → Deliver(C2.1)]")),
            ("receive", C21, None),
        ],
        answer: &[
            ("send", C21, None),
            ("lookup", P2, Some("[* * * * → Forward(N2)]")),
            ("lookup", N2, Some("[* * 10.1.1.1 * → Forward(N1)]")),
            ("lookup", N1, Some("[* * 10.1.1.1 * → Forward(P1)]")),
            ("deliver", P1, None),
            ("receive", C11, None),
        ],
        receiver: C21,
        header: ["10.1.1.1", "10.1.2.1"],
    },
    Life {
        heading: "Daemon to Pod Communication",
        steps: &[
            ("send", D1, None),
            ("lookup", N1, Some("[* * 10.1.1.1 * → Forward(P1)]")),
            ("deliver", P1, Some("[TCP * * 10.1.1.1 8080 → Deliver(C1.1)]")),
            ("receive", C11, None),
        ],
        answer: &[
            ("send", C11, None),
            ("lookup", P1, Some("[* * * * → Forward(N1)]")),
            ("deliver", N1, None),
            ("receive", D1, None),
        ],
        receiver: C11,
        header: ["192.0.2.1", "10.1.1.1"],
    },
];

fn steps(outcome: &Value) -> Vec<(String, String, Option<String>)> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let all = outcome["steps"].as_array().expect("an outcome has steps");
    all.iter()
        .map(|s| {
            (
                text(&s["event"]).unwrap(),
                text(&s["at"]).unwrap(),
                text(&s["rule"]),
            )
        })
        .collect()
}

fn owned(steps: &[Step]) -> Vec<(String, String, Option<String>)> {
    steps
        .iter()
        .map(|(event, at, rule)| {
            (
                (*event).to_owned(),
                (*at).to_owned(),
                rule.map(str::to_owned),
            )
        })
        .collect()
}

#[test]
fn four_messages() {
    let output = kubeproof(&[
        "trace",
        "examples/k1",
        "--queries",
        "examples/k1/queries.jsonl",
    ]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), LIVES.len());
    for (line, life) in text.lines().zip(&LIVES) {
        let trace: Value = serde_json::from_str(line).unwrap();
        let outcomes = trace["outcomes"].as_array().unwrap();
        assert_eq!(outcomes.len(), 1, "{}", life.heading);
        let outcome = &outcomes[0];
        assert_eq!(outcome["disposition"], "delivered", "{}", life.heading);
        assert_eq!(outcome["deliveredTo"], life.receiver, "{}", life.heading);
        assert_eq!(outcome["replied"], true, "{}", life.heading);
        assert_eq!(steps(outcome), owned(life.steps), "{}", life.heading);
        assert_eq!(
            steps(&outcome["reply"]["outcomes"][0]),
            owned(life.answer),
            "the answer of {}",
            life.heading
        );
        // Recv observes the header of Send.
        assert_eq!(outcome["sent"], outcome["received"], "{}", life.heading);
        let sent = &outcome["sent"];
        assert_eq!(
            [&sent["sourceAddress"], &sent["destinationAddress"]],
            life.header,
            "{}",
            life.heading
        );
    }
}

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The seed states it.
    Seed,
    /// The seed leaves it open (design.md section 1).
    Ours,
}
use Whose::{Ours, Seed};

/// FIB[P1]: `open(C1.1, 8080)`, `open(C1.2, 9090)`, `addr(P1, 10.1.1.1)`, `host(N1, P1)`.
/// The seed's `open(X, p)` is TCP, and so the rules say.
const FIB_P1: &[(Whose, &str)] = &[
    (Seed, "[TCP * * 127.0.0.1 8080 → Deliver(C1.1)]"),
    (Seed, "[TCP * * 127.0.0.1 9090 → Deliver(C1.2)]"),
    (Ours, "[* * 127.0.0.0/8 * → Discard(closed-port)]"),
    (Ours, "[TCP * * ::1 8080 → Deliver(C1.1)]"),
    (Ours, "[TCP * * ::1 9090 → Deliver(C1.2)]"),
    (Ours, "[* * ::1 * → Discard(closed-port)]"),
    (Seed, "[TCP * * 10.1.1.1 8080 → Deliver(C1.1)]"),
    (Seed, "[TCP * * 10.1.1.1 9090 → Deliver(C1.2)]"),
    (Ours, "[* * 10.1.1.1 * → Discard(closed-port)]"),
    (Seed, "[* * * * → Forward(N1)]"),
];

/// FIB[N1]: `host(N1, P1)`, `host(N1, P3)`, `host(N2, P2)`, `host(N2, P4)` and their addresses.
const FIB_N1: &[(Whose, &str)] = &[
    (Ours, "[TCP * * 127.0.0.1 10250 → Deliver(D1)]"),
    (Ours, "[* * 127.0.0.0/8 * → Discard(closed-port)]"),
    (Ours, "[TCP * * ::1 10250 → Deliver(D1)]"),
    (Ours, "[* * ::1 * → Discard(closed-port)]"),
    (Ours, "[TCP * * 192.0.2.1 10250 → Deliver(D1)]"),
    (Ours, "[* * 192.0.2.1 * → Discard(closed-port)]"),
    (Seed, "[* * 10.1.1.1 * → Forward(P1)]"),
    (Seed, "[* * 10.1.1.2 * → Forward(P3)]"),
    (Seed, "[* * 10.1.2.1 * → Forward(N2)]"),
    (Seed, "[* * 10.1.2.2 * → Forward(N2)]"),
    (Ours, "[* * 192.0.2.2 * → Forward(N2)]"),
];

#[test]
fn fib_tables() {
    let output = kubeproof(&["list", "rules", "examples/k1"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for (switch, table, seeds) in [(P1, FIB_P1, 5), (N1, FIB_N1, 4)] {
        let listed = text
            .lines()
            .skip_while(|l| *l != format!("FIB[{switch}]"))
            .skip(1);
        let listed = listed.take_while(|l| l.starts_with(' '));
        // After the rule stands the place it comes from.
        let listed: Vec<&str> = listed
            .map(|l| l.trim_start().split("  ").next().unwrap())
            .collect();
        let wanted: Vec<&str> = table.iter().map(|(_, rule)| *rule).collect();
        assert_eq!(listed, wanted, "FIB[{switch}]");
        assert_eq!(
            table.iter().filter(|(whose, _)| *whose == Seed).count(),
            seeds,
            "FIB[{switch}]"
        );
    }
}

#[test]
fn told_in_text() {
    let queries = fs::read_to_string(Path::new(ROOT).join("examples/k1/queries.jsonl")).unwrap();
    let mut text = String::new();
    for (line, life) in queries.lines().zip(&LIVES) {
        let query: Value = serde_json::from_str(line).unwrap();
        let (from, to) = (
            query["from"].as_str().unwrap(),
            query["to"].as_str().unwrap(),
        );
        let port = query["port"].to_string();
        let args = [
            "trace",
            "examples/k1",
            "--from",
            from,
            "--to",
            to,
            "--port",
            &port,
        ];
        let output = kubeproof(&args);
        assert!(
            output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let _ = writeln!(text, "# {}\n$ kubeproof {}", life.heading, args.join(" "));
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        let _ = writeln!(text, "exit code {}\n", output.status.code().unwrap());
    }
    let file = Path::new(ROOT).join("examples/k1/expected-trace.txt");
    if std::env::var_os("KUBEPROOF_BLESS").is_some() {
        fs::write(&file, &text).unwrap();
    } else {
        let wanted = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            wanted == text,
            "expected-trace.txt is out of date; now it is\n{text}"
        );
    }
}
