//! The command line as its users see it: exit codes, what goes to which stream, every format of the output.
//!
//! The built binary is run as a whole process. `formats.md` (docs) fixes what is asked here; where it is silent, the tests
//! say what was decided.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const K1: &str = "examples/k1/cluster.yaml";
const BACKDOOR: &str = "examples/broken/backdoor";

/// One node, one pod: the smallest cluster about which something can be said.
const SMALL: &str = "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: small}\n\
nodes: [{name: N1, addresses: [192.0.2.1]}]\n\
pods: [{name: P, node: N1, addresses: [10.0.0.1], containers: [{name: A, open: [80]}, {name: B}]}]\n";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{}", self.out))
    }

    fn verdicts(&self) -> Vec<String> {
        let mut all = Vec::new();
        for cluster in self.json()["clusters"].as_array().unwrap() {
            for result in cluster["results"].as_array().unwrap() {
                let word = |key: &str| result[key].as_str().unwrap().to_owned();
                all.push(format!("{} {}", word("id"), word("verdict")));
            }
        }
        all
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("COLUMNS")
        .stdin(Stdio::null());
    command
}

fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run(args: &[&str]) -> Ran {
    ran(command(args))
}

fn run_with(args: &[&str], input: &str) -> Ran {
    let mut command = command(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An empty folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("cli")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn exit_codes_do_not_depend_on_the_format() {
    let empty = folder("exit-empty");
    let bad = file(
        &folder("exit-bad"),
        "bad.yaml",
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\npods: [{name: P}]\n",
    );
    let nothing_said = file(
        &folder("exit-vacuous"),
        "c.yaml",
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnodes: [{name: N1, addresses: [192.0.2.1]}]\n",
    );
    let cases: &[(&[&str], i32)] = &[
        (&["verify", K1], 0),
        (&["verify", BACKDOOR], 1),
        (&["verify", K1, BACKDOOR], 1),
        (&["verify", &bad], 2),
        (&["verify", &bad, BACKDOOR], 2),
        (&["verify", "there-is-no-such-folder"], 2),
        (&["verify", "--timeout", "0", K1], 3),
        (&["verify", "--only", "KP003", &nothing_said], 4),
        (&["verify", text(&empty)], 4),
        (&["verify", "--fail-on", "warning", K1], 0),
        (
            &[
                "verify",
                "--fail-on",
                "warning",
                "examples/conforming/service-without-endpoints",
            ],
            1,
        ),
    ];
    for (args, code) in cases {
        for format in ["text", "json", "junit"] {
            let all = [args, &["-o", format][..]].concat();
            let got = run(&all);
            assert_eq!(got.code, *code, "{all:?}\n{}{}", got.out, got.err);
        }
    }
}

#[test]
fn usage_is_exit_code_2_and_says_what_to_do() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["verify"], "<PATH>"),
        (&["frobnicate", K1], "unrecognized subcommand"),
        (&["verify", "--nope", K1], "--nope"),
        (&["verify", "--timeout", "-1", K1], "unexpected argument"),
        (&["verify", "--timeout", "soon", K1], "number of seconds"),
        (
            &["verify", "--report", "sarif=x", K1],
            "none of text, json, junit",
        ),
        (&["verify", "--report", "junit", K1], "FORMAT=PATH"),
        (&["verify", "--report", "junit=", K1], "empty"),
        (
            &["verify", "--only", "KP999", K1],
            "there is no constraint `KP999`",
        ),
        (
            &["verify", "--only", "pod", K1],
            "there is no constraint `pod`",
        ),
        (
            &["verify", "--enable", "KP01", K1],
            "there is no constraint `KP01`",
        ),
        (
            &["verify", "--strategy", "magic", K1],
            "auto, modular, direct",
        ),
        (
            &["verify", "--pod-cidr", "10.0.0.1/8", K1],
            "write 10.0.0.0/8",
        ),
        (
            &["verify", "--cluster", "k2", K1],
            "there is no cluster `k2`",
        ),
        (&["trace", K1], "--from"),
        (&["trace", K1, "--from", "C1.1"], "--to"),
        (&["trace", K1, "--from", "nobody", "--to", "P2"], "nobody"),
        (&["trace", K1, "--from", "C1.1", "--to", "P2"], "port"),
        (
            &["trace", K1, BACKDOOR, "--from", "C1.1", "--to", "P2"],
            "--cluster",
        ),
        (&["explain", "KP999"], "there is nothing called `KP999`"),
        (&["list", "rules"], "PATH"),
        (&["list", "codes", K1], "no PATH"),
        (&["schema", "pod"], "cluster"),
    ];
    for (args, says) in cases {
        let got = run(args);
        assert_eq!(got.code, 2, "{args:?}\n{}{}", got.out, got.err);
        assert!(got.err.contains(says), "{args:?}: {}", got.err);
        assert!(got.out.is_empty(), "{args:?}: {}", got.out);
    }
    for args in [&["--help"][..], &["--version"], &["verify", "--help"]] {
        let got = run(args);
        assert_eq!((got.code, got.err.as_str()), (0, ""), "{args:?}");
        assert!(!got.out.is_empty());
    }
}

#[test]
fn nothing_checked_is_told_in_every_format() {
    let empty = folder("nothing");
    for format in ["text", "json", "junit"] {
        let got = run(&["verify", "-o", format, text(&empty)]);
        assert_eq!(got.code, 4);
        assert!(
            got.err
                .contains("nothing was checked: the PATHs hold no cluster"),
            "{}",
            got.err
        );
    }
    let got = run(&["verify", "--only", "KP008", K1]);
    assert_eq!(got.code, 4, "{}", got.out);
    assert!(got.err.contains("nothing was checked"), "{}", got.err);
}

#[test]
fn assumptions_are_known_by_name_and_refused_by_value() {
    let good = [
        "ipblock-matches-pods=yes",
        "host-network-policy=node",
        "egress-to-own-node=allow",
        "hairpin=allow",
    ];
    let args: Vec<&str> = good.iter().flat_map(|a| ["--assume", a]).collect();
    let args = [
        &["verify", K1, "--assume", "equal-priority=report"],
        &args[..],
    ]
    .concat();
    assert_eq!(run(&args).code, 0);
    for (assumed, says) in [
        ("hairpin=maybe", "allow, policy"),
        ("hairpin", "ID=VALUE"),
        ("ideal-plugin=no", "cannot be switched"),
        ("weather=fine", "known are ipblock-matches-pods=yes|no"),
    ] {
        let got = run(&["verify", K1, "--assume", assumed]);
        assert_eq!(got.code, 2, "{assumed}");
        assert!(got.err.contains(says), "{assumed}: {}", got.err);
    }
}

#[test]
fn a_bad_cluster_in_a_batch_leaves_the_others() {
    let place = folder("batch");
    let bad = format!(
        "{SMALL}---\napiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {{name: broken}}\npods: [{{name: P}}]\n"
    );
    let bad = file(&place, "two.yaml", &bad);
    let got = run(&["verify", "-o", "json", &bad, K1]);
    assert_eq!(got.code, 2, "{}", got.err);
    let json = got.json();
    let told: Vec<(&str, bool, usize)> = json["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let results = c["results"].as_array().unwrap().len();
            (
                c["name"].as_str().unwrap(),
                c["failed"].as_bool().unwrap(),
                results,
            )
        })
        .collect();
    assert_eq!(
        told,
        [("small", false, 9), ("broken", true, 0), ("k1", false, 9)]
    );
    assert_eq!(json["summary"]["failed"], 1);
    assert_eq!(json["clusters"][1]["diagnostics"][0]["line"], 10);
    // The same on standard error, with the place.
    assert!(
        got.err.contains("error[C005]") && got.err.contains("two.yaml:10:"),
        "{}",
        got.err
    );
    let text = run(&["verify", &bad, K1]);
    assert!(
        text.out.contains("PROVEN  k1") && text.out.contains("PROVEN  small"),
        "{}",
        text.out
    );
    assert!(
        !text.out.contains("C005"),
        "diagnostics belong to standard error"
    );
}

#[test]
fn several_clusters_and_which_one() {
    let place = folder("several");
    let two = file(
        &place,
        "two.yaml",
        &format!("{SMALL}---\n{}", SMALL.replace("small", "other")),
    );
    let got = run(&["verify", "-o", "json", &two, K1]);
    assert_eq!(
        (got.code, got.json()["summary"]["clusters"].as_u64()),
        (0, Some(3))
    );
    let got = run(&["verify", "-o", "json", "--cluster", "other", &two, K1]);
    let json = got.json();
    assert_eq!(
        (got.code, json["clusters"].as_array().unwrap().len()),
        (0, 1)
    );
    assert_eq!(json["clusters"][0]["name"], "other");
    let got = run(&[
        "trace",
        "--cluster",
        "other",
        &two,
        "--from",
        "A",
        "--to",
        "P",
    ]);
    assert_eq!(got.code, 0, "{}", got.err);
}

#[test]
fn standard_input_and_its_name() {
    let got = run_with(&["verify", "-"], SMALL);
    assert_eq!(got.code, 0, "{}", got.err);
    let got = run_with(
        &["verify", "-", "--stdin-filename", "my.yaml", "-o", "json"],
        "kind: Cluster\n",
    );
    assert_eq!(got.code, 2);
    assert!(got.err.contains("--> my.yaml:1:"), "{}", got.err);
    assert_eq!(got.json()["diagnostics"][0]["file"], "my.yaml");
    let got = run_with(&["verify", "-", "-"], SMALL);
    assert_eq!(got.code, 2);
    assert!(got.err.contains("only once"), "{}", got.err);
}

#[test]
fn what_a_folder_holds_and_is_not_read_is_told() {
    let place = folder("not-read");
    file(&place, "cluster.yaml", SMALL);
    file(&place, "values.yaml", "replicas: 3\n");
    file(&place, ".hidden.yaml", "{{{");
    file(&place, "notes.txt", "{{{");
    for format in ["text", "json", "junit"] {
        let got = run(&["verify", "-o", format, text(&place)]);
        assert_eq!(got.code, 0, "{}", got.err);
        assert!(
            got.err.contains("warning[I016]") && got.err.contains("values.yaml"),
            "{}",
            got.err
        );
        assert!(
            !got.err.contains("hidden") && !got.err.contains("notes"),
            "{}",
            got.err
        );
        // A file left aside is no failed test.
        assert!(!got.out.contains("<error"), "{}", got.out);
    }
    let got = run(&["verify", text(&place.join("values.yaml"))]);
    assert_eq!(
        got.code, 2,
        "named on the command line it is an error: {}",
        got.err
    );
}

#[test]
fn constraints_beside_clusters_and_alone() {
    let never = "constraint never \"nobody reaches port 80\"\nforall e, X. Send(e, X, _, _, _, 80) => not Recv(e, X, _, _, _, _)\n";
    let always = "constraint quiet \"nothing is received at 80\"\n\
                  forall e, X, Y. Send(e, X, _, _, _, 80) => not Recv(e, Y, _, _, _, _)\n";
    let beside = folder("beside");
    file(&beside, "cluster.yaml", SMALL);
    file(&beside, "quiet.spec", always);
    let alone = folder("alone");
    file(&alone, "quiet.spec", always);
    let verdict = |args: &[&str]| {
        let got = run(&[&["verify", "-o", "json"], args].concat());
        let of_quiet: Vec<String> = got
            .verdicts()
            .into_iter()
            .filter(|v| v.starts_with("quiet"))
            .collect();
        (got.code, of_quiet)
    };
    let violated = || "quiet violated".to_owned();
    // Beside a cluster it is about that one; K1 has nobody at port 80, but it is not even asked.
    assert_eq!(verdict(&[text(&beside), K1]), (1, vec![violated()]));
    // Alone in a PATH it is about every cluster of the call, in whatever order.
    let (code, all) = verdict(&[text(&alone), K1, text(&beside.join("cluster.yaml"))]);
    assert_eq!((code, all.len()), (1, 2), "{all:?}");
    assert!(all.contains(&violated()), "{all:?}");
    // One that cannot be read fails what it would have applied to, and nothing else.
    file(&beside, "quiet.spec", "constraint quiet \"\" forall");
    let got = run(&["verify", "-o", "json", text(&beside), K1]);
    assert_eq!(got.code, 2);
    assert_eq!(got.json()["clusters"][0]["failed"], true);
    assert_eq!(got.json()["clusters"][1]["failed"], false);
    let only = file(&alone, "never.spec", never);
    let got = run(&["verify", "-o", "json", "--only", "never", &only, K1]);
    assert_eq!(got.verdicts().len(), 1, "{}", got.err);
}

#[test]
fn constraints_can_be_chosen() {
    let ids = |args: &[&str]| {
        let got = run(&[&["verify", "-o", "json", K1], args].concat());
        assert_eq!(got.code, 0, "{}", got.err);
        got.verdicts()
            .iter()
            .map(|v| v.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let usual = [
        "KP001", "KP002", "KP003", "KP004", "KP005", "KP006", "KP007", "KP009", "KP010",
    ];
    assert_eq!(ids(&[]), usual);
    assert_eq!(ids(&["--strategy", "direct"]), usual);
    assert_eq!(ids(&["--only", "KP003,termination"]), ["KP003", "KP010"]);
    assert_eq!(
        ids(&["--only", "KP003", "--only", "KP010"]),
        ["KP003", "KP010"]
    );
    assert_eq!(ids(&["--enable", "KP011"]).last().unwrap(), "KP011");
    assert_eq!(ids(&["--enable", "pod-to-node"]).len(), 10);
    assert_eq!(ids(&["--only", "KP011"]), ["KP011"]);
    let current = ids(&["--model", "current"]);
    assert_eq!(current.len(), 8);
    assert!(!current.contains(&"KP005".to_owned()));
}

/// Every field that `formats.md` names, in its order; what does not exist is null and never absent.
#[test]
fn json_has_every_field() {
    let keys = |value: &Value, expected: &[&str]| {
        let object = value
            .as_object()
            .unwrap_or_else(|| panic!("no object: {value}"));
        for key in expected {
            assert!(object.contains_key(*key), "`{key}` is missing in {value}");
        }
    };
    let header = [
        "sourceAddress",
        "sourcePort",
        "destinationAddress",
        "destinationPort",
        "protocol",
    ];
    let outcome = |outcome: &Value| {
        keys(
            outcome,
            &[
                "disposition",
                "deliveredTo",
                "deliveredAt",
                "receiverPort",
                "sent",
                "received",
                "replied",
                "reply",
                "choices",
                "steps",
            ],
        );
        keys(&outcome["sent"], &header);
        for step in outcome["steps"].as_array().unwrap() {
            keys(step, &["event", "at", "rule", "header", "source"]);
            keys(&step["header"], &header);
            if !step["source"].is_null() {
                keys(&step["source"], &["file", "line", "column"]);
            }
        }
    };
    let place = folder("fields");
    let bad = file(
        &place,
        "bad.yaml",
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnope: 1\n",
    );
    for args in [
        &[K1][..],
        &[BACKDOOR],
        &["examples/broken/duplicate-pod-address"],
        &["examples/broken/port-discarded"],
        &["examples/conforming/service-without-endpoints"],
        &["--timeout", "0", K1],
        &[&bad],
        &["there-is-nothing"],
    ] {
        let json = run(&[&["verify", "-o", "json"], args].concat()).json();
        keys(
            &json,
            &["schemaVersion", "clusters", "diagnostics", "summary"],
        );
        assert_eq!(json["schemaVersion"], 1);
        let lists = json["clusters"].as_array().unwrap();
        let of_clusters = lists
            .iter()
            .flat_map(|c| c["diagnostics"].as_array().unwrap());
        for diagnostic in json["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .chain(of_clusters)
        {
            keys(
                diagnostic,
                &[
                    "code", "severity", "message", "help", "file", "line", "column",
                ],
            );
        }
        for cluster in lists {
            keys(
                cluster,
                &[
                    "name",
                    "path",
                    "failed",
                    "assumptions",
                    "results",
                    "findings",
                    "diagnostics",
                ],
            );
            for assumption in cluster["assumptions"].as_array().unwrap() {
                keys(assumption, &["id", "value", "default"]);
            }
            for finding in cluster["findings"].as_array().unwrap() {
                keys(finding, &["id", "severity", "message", "source"]);
            }
            for result in cluster["results"].as_array().unwrap() {
                let fields = [
                    "id",
                    "constraint",
                    "title",
                    "verdict",
                    "strategy",
                    "queries",
                    "compared",
                    "detail",
                    "counterexample",
                ];
                keys(result, &fields);
                let counterexample = &result["counterexample"];
                assert_eq!(result["verdict"] == "violated", !counterexample.is_null());
                if counterexample.is_null() {
                    continue;
                }
                keys(
                    counterexample,
                    &["assignment", "message", "trace", "replayed"],
                );
                assert_eq!(counterexample["replayed"], true);
                if !counterexample["message"].is_null() {
                    keys(&counterexample["message"], &header);
                    keys(&counterexample["message"], &["sender"]);
                    counterexample["trace"]["outcomes"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .for_each(outcome);
                }
            }
        }
    }
    for (to, port, code) in [
        ("P2", "8080", 0),
        ("P2", "8081", 1),
        ("203.0.113.9", "80", 1),
    ] {
        let got = run(&[
            "trace", K1, "--from", "C1.1", "--to", to, "--port", port, "-o", "json",
        ]);
        assert_eq!(got.code, code, "{}", got.err);
        let json = got.json();
        json["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(outcome);
    }
}

#[test]
fn reports_go_to_files_beside_standard_output() {
    let place = folder("reports");
    let [junit, json, text] =
        ["r.xml", "r.json", "r.txt"].map(|n| place.join(n).to_str().unwrap().to_owned());
    let args = [
        "verify",
        BACKDOOR,
        "--report",
        &format!("junit={junit}"),
        "--report",
        &format!("json={json}"),
        "--report",
        &format!("text={text}"),
        "--color",
        "always",
    ];
    let got = run(&args);
    assert_eq!(got.code, 1);
    assert!(got.out.contains("VIOLATED"), "{}", got.out);
    assert!(got.out.contains('\u{1b}'), "--color always colours");
    assert_eq!(
        fs::read_to_string(&json).unwrap(),
        run(&["verify", BACKDOOR, "-o", "json"]).out
    );
    assert_eq!(
        fs::read_to_string(&text).unwrap(),
        run(&["verify", BACKDOOR]).out
    );
    let xml = fs::read_to_string(&junit).unwrap();
    well_formed(&xml);
    assert!(
        xml.contains("failures=\"1\"") && xml.contains("type=\"violated\""),
        "{xml}"
    );
    let got = run(&["verify", K1, "--report", "json=/there/is/no/such/folder/x"]);
    assert_eq!(got.code, 2);
    assert!(got.err.contains("cannot be written"), "{}", got.err);
}

#[test]
fn hostile_names_stay_in_their_place() {
    let place = folder("hostile");
    let cluster = r#"apiVersion: kubeproof.dev/v1
kind: Cluster
metadata: {name: '..&<script>"]]>'}
nodes: [{name: 'N<&>', addresses: [192.0.2.1], daemons: [{name: "D'"}]}]
pods:
- {name: 'P]]>&amp;', node: 'N<&>', addresses: [10.0.0.1], containers: [{name: '<C>', open: [80]}, {name: 'Ü"|'}]}
fibs: [{at: 'pod/default/P]]>&amp;', before: [{to: 10.0.0.1, toPort: 80, action: {discard: '<!--&'}}]}]
"#;
    let path = file(&place, "c<&>\u{1b}[31m.yaml", cluster);
    let xml = run(&["verify", "-o", "junit", &path]);
    assert_eq!(xml.code, 1, "{}", xml.err);
    well_formed(&xml.out);
    assert!(xml.out.contains("&lt;script&gt;"), "{}", xml.out);
    let json = run(&["verify", "-o", "json", &path]).json();
    assert_eq!(json["clusters"][0]["name"], "..&<script>\"]]>");
    let plain = run(&["verify", &path]);
    assert!(
        !plain.out.contains('\u{1b}') && !plain.err.contains('\u{1b}'),
        "{}",
        plain.out
    );
    let queries = place.join("out").join("deep");
    let got = run(&["verify", &path, "--emit-smt2", text(&queries)]);
    assert_eq!(got.code, 1, "{}", got.err);
    let made: Vec<_> = fs::read_dir(&queries)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(made.len(), 1, "nothing leaves the folder: {made:?}");
    let broken = format!("{cluster}nope: \"\u{7}\"\n");
    let path = file(&place, "b<&>\u{1b}[31m.yaml", &broken);
    let got = run(&["verify", "-o", "junit", &path]);
    assert_eq!(got.code, 2);
    well_formed(&got.out);
    assert!(
        !got.err.contains('\u{1b}') && !got.err.contains('\u{7}'),
        "{:?}",
        got.err
    );
}

#[test]
fn queries_are_written_as_smt_lib() {
    let place = folder("smt2");
    let two = file(&place, "two.yaml", &format!("{SMALL}---\n{SMALL}"));
    let out = place.join("queries");
    let got = run(&["verify", &two, "--emit-smt2", text(&out), "--only", "KP002"]);
    assert_eq!(got.code, 0, "{}", got.err);
    // Two clusters of one name: two folders.
    let folders: Vec<PathBuf> = fs::read_dir(&out)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(folders.len(), 2);
    for folder in folders {
        let texts: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| fs::read_to_string(e.unwrap().path()).unwrap())
            .collect();
        assert!(texts.len() >= 2);
        for text in texts {
            assert_eq!(text.matches("(check-sat)").count(), 1);
            assert!(text.contains("(set-info :status "), "{text}");
            let (open, close) = (text.matches('(').count(), text.matches(')').count());
            assert!(open > 10 && open == close, "{open} {close}");
        }
    }
}

#[test]
fn colours_only_where_they_are_asked_for() {
    let escape = |got: &Ran| got.out.contains('\u{1b}') || got.err.contains('\u{1b}');
    assert!(
        !escape(&run(&["verify", BACKDOOR])),
        "a pipe gets no colours"
    );
    assert!(!escape(&run(&["verify", "no-such-file"])));
    assert!(!escape(&run(&["--help"])));
    assert!(escape(&run(&["--color", "always", "verify", BACKDOOR])));
    assert!(!escape(&run(&["--color", "never", "verify", BACKDOOR])));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = command(&["verify", BACKDOOR]);
        command.env(name, value);
        assert!(!escape(&ran(command)), "{name}");
    }
    // Formats for programs have none, whatever is asked.
    assert!(!escape(&run(&[
        "--color", "always", "verify", BACKDOOR, "-o", "json"
    ])));
    assert!(!escape(&run(&[
        "--color", "always", "verify", BACKDOOR, "-o", "junit"
    ])));
}

#[test]
fn many_questions() {
    let asked = "{\"from\": \"C1.1\", \"to\": \"P2\", \"port\": 8080}\n\
                 not json\n\
                 \n\
                 {\"from\": \"C1.1\", \"to\": \"P2\", \"port\": 1}\n\
                 {\"from\": \"nobody\", \"to\": \"P2\", \"port\": 1}\n\
                 {\"from\": \"C1.1\", \"to\": \"P2\", \"prot\": 1}\n\
                 {\"from\": \"C1.1\", \"to\": \"127.0.0.1\", \"port\": 9090, \"sourcePort\": 4000}";
    let got = run_with(&["trace", K1, "--queries", "-"], asked);
    assert_eq!(got.code, 2, "a line was bad: {}", got.err);
    let lines: Vec<Value> = got
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let told: Vec<&str> = lines
        .iter()
        .map(|l| match &l["error"] {
            Value::String(_) => "error",
            _ => l["outcomes"][0]["disposition"].as_str().unwrap(),
        })
        .collect();
    assert_eq!(
        told,
        [
            "delivered",
            "error",
            "closed-port",
            "error",
            "error",
            "delivered"
        ]
    );
    assert_eq!(lines[5]["outcomes"][0]["sent"]["sourcePort"], 4000);
    let got = run(&["trace", K1, "--queries", "examples/k1/queries.jsonl"]);
    assert_eq!((got.code, got.out.lines().count()), (0, 4), "{}", got.err);
    // All answered, whatever the answers.
    let got = run_with(
        &["trace", K1, "--queries", "-"],
        "{\"from\": \"C1.1\", \"to\": \"P2\", \"port\": 1}\n",
    );
    assert_eq!(got.code, 0);
    assert_eq!(run_with(&["trace", K1, "--queries", "-"], "").code, 0);
    assert_eq!(run(&["trace", K1, "--queries", "no-such-file"]).code, 2);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let line = "{\"from\": \"C1.1\", \"to\": \"P2\", \"port\": 8080}\n";
    let asked = line.repeat(2000);
    let place = folder("pipe");
    let asked = file(&place, "q.jsonl", &asked);
    let mut command = command(&["trace", K1, "--queries", &asked]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn whatever_is_listed_is_explained() {
    let mut asked = 0;
    for what in [
        "constraints",
        "predicates",
        "codes",
        "dispositions",
        "assumptions",
        "kinds",
    ] {
        let listed = run(&["list", what]);
        assert_eq!((listed.code, listed.err.as_str()), (0, ""), "{what}");
        for line in listed.out.lines() {
            let id = line.split([' ', '(']).next().unwrap();
            let got = run(&["explain", id]);
            assert_eq!(got.code, 0, "{what}: {id}: {}", got.err);
            assert!(got.out.contains(id), "{id}: {}", got.out);
            asked += 1;
        }
    }
    assert!(asked > 90, "only {asked}");
    for id in ["pod-to-pod", "kp003", "KP011"] {
        assert_eq!(run(&["explain", id]).code, 0, "{id}");
    }
}

#[test]
fn lists_of_a_cluster() {
    for (what, says) in [
        ("entities", "container/default/P1/C1.1"),
        ("rules", "FIB[node/N1]"),
        ("links", "link(pod/default/P1, node/N1)"),
    ] {
        let got = run(&["list", what, K1]);
        assert_eq!(got.code, 0, "{}", got.err);
        assert!(got.out.contains(says), "{what}: {}", got.out);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for args in [
        &[
            "verify",
            "examples/broken/backdoor",
            "examples/broken/two-node-loop",
            "examples/conforming/service",
        ][..],
        &[
            "verify",
            "-o",
            "json",
            "examples/broken/translation-ping-pong",
            K1,
        ],
        &[
            "verify",
            "-o",
            "junit",
            "examples/broken/duplicate-pod-address",
        ],
        &[
            "trace", K1, "--from", "C1.1", "--to", "P2", "--port", "8080", "-o", "json",
        ],
        &["list", "rules", "examples/conforming/service"],
    ] {
        let (first, second) = (run(args), run(args));
        assert!(!first.out.is_empty(), "{args:?}: {}", first.err);
        assert!(
            first.out == second.out && first.err == second.err,
            "{args:?}"
        );
    }
}

/// Tags balance, attributes are quoted, entities are known, no forbidden character: enough for any parser.
fn well_formed(xml: &str) {
    assert!(xml.starts_with("<?xml "), "{xml}");
    let bad = |c: char| c < ' ' && !matches!(c, '\n' | '\t' | '\r');
    assert!(!xml.contains(bad), "a control character: {xml:?}");
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    let entities = |text: &str| {
        for part in text.split('&').skip(1) {
            let name = part.split(';').next().unwrap();
            let known =
                ["lt", "gt", "amp", "quot", "apos"].contains(&name) || name.starts_with('#');
            assert!(part.contains(';') && known, "`&{part}`");
        }
    };
    while let Some(at) = rest.find('<') {
        assert!(
            !rest[..at].contains("]]>"),
            "`]]>` in text: {}",
            &rest[..at]
        );
        entities(&rest[..at]);
        rest = &rest[at..];
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            rest = &data[data.find("]]>").unwrap() + 3..];
            continue;
        }
        // A tag ends at the first `>` outside of quotes.
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let tag = &rest[1..end.unwrap()];
        assert!(!tag.contains('<'), "`<` in a tag: {tag}");
        entities(tag);
        rest = &rest[tag.len() + 2..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{xml}");
        } else if !tag.starts_with('?') && !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}
