//! Hostile texts end soon, in little memory, with an error and never with a panic.
//!
//! The full sizes need a release build: `cargo test --release --test hostile_input -- --ignored --test-threads 1`.

use std::time::{Duration, Instant};

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Loaded, Options};
use kubeproof::report::snippet::render;

fn load(text: String) -> (SourceMap, Loaded) {
    let mut sources = SourceMap::new();
    let source = sources.add("hostile.yaml", text);
    let path = "hostile.yaml".to_owned();
    let inputs = [Input { source, path, named: true }];
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

/// Each hostile shape in a size, with the code that it must be answered with (`*`: whatever it is).
fn shapes(size: usize) -> Vec<(&'static str, String, &'static str)> {
    let bomb = {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for i in 1..100 {
            let before = format!("*a{}", i - 1);
            text += &format!("a{i}: &a{i} [{}]\n", vec![before; 9].join(", "));
        }
        text
    };
    let long_strings = format!("- &a {}\n{}", repeated("x", size / 2), repeated("- *a\n", size / 2));
    let merged = {
        let keys = numbered(20_000, |i| format!("k{i}: 1, "));
        format!("- &a {{{keys}}}\n{}", repeated("- {<<: *a}\n", size))
    };
    let deep_aliases = {
        let mut text = format!("- &a0 {}x{}\n", "[".repeat(60), "]".repeat(60));
        for i in 1..1000 {
            text += &format!("- &a{i} {}*a{}{}\n", "[".repeat(60), i - 1, "]".repeat(60));
        }
        text
    };
    vec![
        ("flow-list", format!("[{}1]", repeated("1,", size)), "*"),
        ("block-list", repeated("- 1\n", size), "*"),
        ("brackets", repeated("[", size), "I013"),
        ("braces", repeated("{", size), "I013"),
        ("brace-keys", repeated("{a: ", size), "I013"),
        ("dashes", repeated("- ", size), "I013"),
        ("question-marks", repeated("? ", size), "I013"),
        ("indent", numbered(size, |i| format!("{}a:\n", " ".repeat(i))), "I013"),
        ("closing", repeated("]", size), "I005"),
        ("one-line", repeated("x", size), "I016"),
        ("one-line-words", repeated("x ", size), "I016"),
        ("quoted-line", format!("\"{}\"", repeated("\\L", size)), "I016"),
        ("unclosed-quote", format!("\"{}", repeated("x ", size)), "I005"),
        ("unclosed-single", format!("'{}", repeated("x\n ", size)), "I005"),
        ("folded", format!("a: >\n{}", repeated("  x\n\n", size)), "I016"),
        ("blank-lines", repeated("\n", size), "I016"),
        ("comments", repeated("#\n", size), "I016"),
        ("comments-inside", format!("a:\n{}b: 1", repeated(" # x\n", size)), "*"),
        ("anchors", numbered(size, |i| format!("- &a{i} 1\n")), "*"),
        ("one-anchor", repeated("- &a 1\n", size), "*"),
        ("nested-anchors", numbered(size, |i| format!("- &a{i} [&b{i} [&c{i} [1]]]\n")), "*"),
        ("aliases", format!("- &a 1\n{}", repeated("- *a\n", size)), "*"),
        ("bomb", bomb, "I012"),
        ("deep-aliases", deep_aliases, "I013"),
        ("long-strings", long_strings, "*"),
        ("merged", merged, "*"),
        ("unknown-aliases", repeated("- *a\n", size), "I012"),
        ("separators", repeated("---\n", size), "I016"),
        ("documents", repeated("---\n1\n", size), "*"),
        ("bad-documents", repeated("---\n]\n", size), "*"),
        ("bad-separators", repeated("--- 1\n", size), "I007"),
        ("document-ends", repeated("...\n", size), "*"),
        ("colons", repeated(": ", size), "*"),
        ("keys", numbered(size, |i| format!("k{i}: 1\n")), "*"),
        ("same-key", repeated("k: 1\n", size), "I008"),
        ("flow-keys", format!("{{{}}}", numbered(size, |i| format!("k{i}, "))), "*"),
        ("tags", repeated("- !x 1\n", size), "I009"),
        ("digits", repeated("1", size), "I016"),
        ("tabs", repeated("\t", size), "*"),
        ("tab-lines", repeated("a:\n\t- b\n", size), "I006"),
        ("directives", repeated("%A b\n", size), "I005"),
        ("no-list", format!("{HEAD}nodes: [{}]", repeated("1,", size)), "*"),
        ("nodes", format!("{HEAD}nodes:\n{}", numbered(size, |i| format!("- {{name: n{i}}}\n"))), "*"),
        (
            "pods",
            format!("{HEAD}nodes: [{{name: nn}}]\npods: [{}]", numbered(size, |i| format!("{{name: p{i},node: nn}},"))),
            "*",
        ),
        (
            "unknown-references",
            format!("{HEAD}nodes: [{{name: nn}}]\npods: [{}]", numbered(size, |i| format!("{{name: p{i},node: m{i}}},"))),
            "*",
        ),
        (
            "same-names",
            format!("{HEAD}nodes: [{{name: nn}}]\npods: [{}]", repeated("{name: p,node: nn},", size)),
            "C001",
        ),
        (
            "long-digits",
            format!("{HEAD}nodes: [{}]", numbered(size, |i| format!("{{name: {}a{i}}},", "1a".repeat(100)))),
            "*",
        ),
        ("open", format!("{HEAD}nodes: [{{name: nn, daemons: [{{name: d, open: [{}]}}]}}]", repeated("80,", size)), "C008"),
        ("labels", format!("{HEAD}nodes: [{{name: nn}}]\npods: [{{name: p, node: nn, labels: {{{}}}}}]", numbered(size, |i| format!("k{i}: v, "))), "*"),
        (
            "rules",
            format!("{HEAD}nodes: [{{name: nn}}]\nfibs: [{{at: nn, before: [{}]}}]", repeated("{action: {discard: x}},", size)),
            "none",
        ),
        (
            "short-references",
            format!("{HEAD}nodes: [{{name: nn}}]\nfibs: [{{at: nn, before: [{}]}}]", repeated("{action: {forward: nn}},", size)),
            "none",
        ),
        ("clusters", repeated(&format!("---\n{HEAD}nodes: [1, 2]\n"), size), "I020"),
    ]
}

#[test]
fn small_hostile_texts() {
    for (name, text, code) in shapes(200_000) {
        let start = Instant::now();
        let got = first(text);
        assert!(code == "*" || code == got, "{name}: {got}, not {code}");
        assert!(start.elapsed() < Duration::from_secs(8), "{name}: {:?}", start.elapsed());
    }
}

/// Run alone: the peak of memory is that of the whole process so far.
#[test]
#[ignore = "full size; wants a release build"]
fn full_size_hostile_texts() {
    let only = std::env::var("SHAPE").ok();
    let count = shapes(10).len();
    let mut slow = Vec::new();
    for i in 0..count {
        if only.as_ref().is_some_and(|o| *o != shapes(10)[i].0) {
            continue;
        }
        // One shape at a time, so that the others take no memory.
        let (name, text, code) = shapes_at(63 << 20, i);
        let start = Instant::now();
        let got = first(text);
        let took = start.elapsed();
        println!("{name:20} {got:5} {took:8.2?} peak {} MB", peak());
        if took > Duration::from_secs(10) || code != "*" && code != got {
            slow.push((name, got, took));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

fn shapes_at(size: usize, i: usize) -> (&'static str, String, &'static str) {
    let mut all = shapes(size);
    all.swap_remove(i)
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
        let block: String = (0..n.min(300)).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
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

/// Whatever bytes are changed: no panic.
#[test]
fn mutations_do_not_panic() {
    let base = include_str!("cases/good/everything.yaml");
    let (_, loaded) = load(base.to_owned());
    assert!(!loaded.failed());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let bits: Vec<&str> = "- \n: \n{\n}\n[\n]\n&a \n*a \n!!str \n'\n\"\n#\n---\n\t\n<<: *a\n? \n| \n~\n\u{feff}\né\n0\n,\n\\\n%\n@\n"
        .split('\n')
        .chain(["\n", "\r\n", "\n---\n", "\n...\n", "  "])
        .collect();
    for round in 0..6000 {
        let mut bytes = base.as_bytes().to_vec();
        if round % 3 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(5) {
                0 if !bytes.is_empty() => bytes[at] = random(256) as u8,
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 => {
                    let end = (at + random(40)).min(bytes.len());
                    bytes.drain(at..end);
                }
                3 => {
                    let end = (at + random(40)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => drop(bytes.splice(at..at, bits[random(bits.len())].bytes())),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        codes(text);
    }
}
