//! Hostile texts end soon, in little memory, with an error and never with a panic.
//!
//! The full sizes need a release build: `cargo test --release --test hostile_input -- --ignored --test-threads 1`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a test may"
)]

use std::time::{Duration, Instant};

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Loaded, Options};
use kubeproof::report::snippet::render;

fn load(text: String) -> (SourceMap, Loaded) {
    let mut sources = SourceMap::new();
    let source = sources.add("hostile.yaml", text);
    let path = "hostile.yaml".to_owned();
    let inputs = [Input {
        source,
        path,
        named: true,
    }];
    let loaded = input::load(&sources, &inputs, Options::default());
    (sources, loaded)
}

/// The codes of what is told; all of it is rendered too.
fn codes(text: String) -> Vec<&'static str> {
    let (sources, loaded) = load(text);
    let all = loaded.all_diagnostics().collect::<Vec<_>>();
    let out: usize = all.iter().map(|d| render(&sources, d, false).len()).sum();
    assert!(out < 1 << 20, "{out} bytes of trouble");
    all.iter().map(|d| d.code).collect()
}

fn first(text: String) -> &'static str {
    codes(text).first().copied().unwrap_or("none")
}

const HEAD: &str = "apiVersion: kubeproof.dev/v1\nkind: Cluster\n";

fn repeated(part: &str, size: usize) -> String {
    part.repeat(size / part.len())
}

fn numbered(size: usize, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size + 100);
    let mut i = 0;
    while text.len() < size {
        text.push_str(&part(i));
        i += 1;
    }
    text
}

type Shape = (&'static str, fn(usize) -> String, &'static str);

fn bomb(_: usize) -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..100 {
        let before = format!("*a{}", i - 1);
        text += &format!("a{i}: &a{i} [{}]\n", vec![before; 9].join(", "));
    }
    text
}

fn long_strings(size: usize) -> String {
    format!(
        "- &a {}\n{}",
        repeated("x", size / 2),
        repeated("- *a\n", size / 2)
    )
}
fn merged(size: usize) -> String {
    let keys = numbered(20_000, |i| format!("k{i}: 1, "));
    format!("- &a {{{keys}}}\n{}", repeated("- {<<: *a}\n", size))
}

fn deep_aliases(_: usize) -> String {
    let mut text = format!("- &a0 {}x{}\n", "[".repeat(60), "]".repeat(60));
    for i in 1..1000 {
        text += &format!("- &a{i} {}*a{}{}\n", "[".repeat(60), i - 1, "]".repeat(60));
    }
    text
}

/// Each hostile shape, with the code that it must be answered with (`*`: whatever it is).
fn shapes() -> Vec<Shape> {
    vec![
        (
            "flow-list",
            |size| format!("[{}1]", repeated("1,", size)),
            "*",
        ),
        ("block-list", |size| repeated("- 1\n", size), "*"),
        ("brackets", |size| repeated("[", size), "I013"),
        ("braces", |size| repeated("{", size), "I013"),
        ("brace-keys", |size| repeated("{a: ", size), "I013"),
        ("dashes", |size| repeated("- ", size), "I013"),
        ("question-marks", |size| repeated("? ", size), "I013"),
        (
            "indent",
            |size| numbered(size, |i| format!("{}a:\n", " ".repeat(i))),
            "I013",
        ),
        ("closing", |size| repeated("]", size), "I005"),
        ("one-line", |size| repeated("x", size), "I016"),
        ("one-line-words", |size| repeated("x ", size), "I016"),
        (
            "quoted-line",
            |size| format!("\"{}\"", repeated("\\L", size)),
            "I016",
        ),
        (
            "unclosed-quote",
            |size| format!("\"{}", repeated("x ", size)),
            "I005",
        ),
        (
            "unclosed-single",
            |size| format!("'{}", repeated("x\n ", size)),
            "I005",
        ),
        (
            "folded",
            |size| format!("a: >\n{}", repeated("  x\n\n", size)),
            "I016",
        ),
        ("blank-lines", |size| repeated("\n", size), "I016"),
        ("comments", |size| repeated("#\n", size), "I016"),
        (
            "comments-inside",
            |size| format!("a:\n{}b: 1", repeated(" # x\n", size)),
            "*",
        ),
        (
            "anchors",
            |size| numbered(size, |i| format!("- &a{i} 1\n")),
            "*",
        ),
        ("one-anchor", |size| repeated("- &a 1\n", size), "*"),
        (
            "nested-anchors",
            |size| numbered(size, |i| format!("- &a{i} [&b{i} [&c{i} [1]]]\n")),
            "*",
        ),
        (
            "aliases",
            |size| format!("- &a 1\n{}", repeated("- *a\n", size)),
            "*",
        ),
        ("bomb", bomb, "I012"),
        ("deep-aliases", deep_aliases, "I013"),
        ("long-strings", long_strings, "*"),
        ("merged", merged, "*"),
        ("unknown-aliases", |size| repeated("- *a\n", size), "I012"),
        ("separators", |size| repeated("---\n", size), "I016"),
        ("documents", |size| repeated("---\n1\n", size), "*"),
        ("bad-documents", |size| repeated("---\n]\n", size), "*"),
        ("bad-separators", |size| repeated("--- 1\n", size), "I007"),
        ("document-ends", |size| repeated("...\n", size), "*"),
        ("colons", |size| repeated(": ", size), "*"),
        ("keys", |size| numbered(size, |i| format!("k{i}: 1\n")), "*"),
        ("same-key", |size| repeated("k: 1\n", size), "I008"),
        (
            "flow-keys",
            |size| format!("{{{}}}", numbered(size, |i| format!("k{i}, "))),
            "*",
        ),
        ("tags", |size| repeated("- !x 1\n", size), "I009"),
        ("digits", |size| repeated("1", size), "I016"),
        ("tabs", |size| repeated("\t", size), "*"),
        ("tab-lines", |size| repeated("a:\n\t- b\n", size), "I006"),
        ("directives", |size| repeated("%A b\n", size), "I005"),
        (
            "no-list",
            |size| format!("{HEAD}nodes: [{}]", repeated("1,", size)),
            "*",
        ),
        (
            "nodes",
            |size| {
                format!(
                    "{HEAD}nodes:\n{}",
                    numbered(size, |i| format!("- {{name: n{i}}}\n"))
                )
            },
            "*",
        ),
        (
            "pods",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn}}]\npods: [{}]",
                    numbered(size, |i| format!("{{name: p{i},node: nn}},"))
                )
            },
            "*",
        ),
        (
            "unknown-references",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn}}]\npods: [{}]",
                    numbered(size, |i| format!("{{name: p{i},node: m{i}}},"))
                )
            },
            "*",
        ),
        (
            "same-names",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn}}]\npods: [{}]",
                    repeated("{name: p,node: nn},", size)
                )
            },
            "C001",
        ),
        (
            "long-digits",
            |size| {
                format!(
                    "{HEAD}nodes: [{}]",
                    numbered(size, |i| format!("{{name: {}a{i}}},", "1a".repeat(100)))
                )
            },
            "*",
        ),
        (
            "open",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn, daemons: [{{name: d, open: [{}]}}]}}]",
                    repeated("80,", size)
                )
            },
            "C008",
        ),
        (
            "labels",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn}}]\npods: [{{name: p, node: nn, labels: {{{}}}}}]",
                    numbered(size, |i| format!("k{i}: v, "))
                )
            },
            "*",
        ),
        (
            "rules",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn}}]\nfibs: [{{at: nn, before: [{}]}}]",
                    repeated("{action: {discard: x}},", size)
                )
            },
            "none",
        ),
        (
            "short-references",
            |size| {
                format!(
                    "{HEAD}nodes: [{{name: nn}}]\nfibs: [{{at: nn, before: [{}]}}]",
                    repeated("{action: {forward: nn}},", size)
                )
            },
            "none",
        ),
        (
            "clusters",
            |size| repeated(&format!("---\n{HEAD}nodes: [1, 2]\n"), size),
            "I020",
        ),
    ]
}

#[test]
fn small_hostile_texts() {
    for (name, text, code) in shapes() {
        let text = text(200_000);
        let start = Instant::now();
        let got = first(text);
        assert!(code == "*" || code == got, "{name}: {got}, not {code}");
        assert!(
            start.elapsed() < Duration::from_secs(8),
            "{name}: {:?}",
            start.elapsed()
        );
    }
}

/// Run alone: the peak of memory is that of the whole process so far.
#[test]
#[ignore = "full size; wants a release build"]
fn full_size_hostile_texts() {
    let only = std::env::var("SHAPE").ok();
    let mut slow = Vec::new();
    for (name, text, code) in shapes() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let size = std::env::var("SIZE").ok().and_then(|s| s.parse().ok());
        let text = text(size.unwrap_or(63 << 20));
        let start = cpu();
        let got = first(text);
        let took = cpu() - start;
        eprintln!("{name:20} {got:5} {took:6.2} s, peak {} MB", peak());
        if took > 10.0 || peak() > 1024 || code != "*" && code != got {
            slow.push((name, got, took, peak()));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

/// Seconds of processor time: the machine may be busy with other things.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .flat_map(str::parse)
        .collect();
    ticks.iter().sum::<f64>() / 100.0
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for n in [127, 128, 129, 10_000] {
        let text = format!("{}x{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(first(text), if n <= 128 { "I016" } else { "I013" }, "{n}");
        let block: String = (0..n.min(300))
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect();
        assert_eq!(first(block), if n <= 128 { "I016" } else { "I013" }, "{n}");
        let text = format!("{}x", "- ".repeat(n));
        assert_eq!(first(text), if n <= 128 { "I016" } else { "I013" }, "{n}");
    }
}

#[test]
fn aliases_within_reason_are_read() {
    let text = format!(
        "{HEAD}nodes: [{{name: nn}}]\npods:\n- &p {{name: p, node: nn, labels: &l {{a: b}}}}\n{}",
        numbered(20_000, |i| format!("- {{<<: *p, name: p{i}}}\n"))
    );
    let (_, loaded) = load(text);
    let cluster = loaded.clusters[0].cluster.as_ref();
    let pods = &cluster.unwrap().pods;
    assert!(pods.len() > 500 && pods.iter().all(|p| p.labels["a"] == "b"));
}
