//! The walls of the house as a test (docs/architecture.md): who may name whom, no circles, no long files, a doc each.
//!
//! Standard library only. The sources are read as text: comments, strings and `#[cfg(test)]` modules are blanked, then
//! every path that begins with `crate::`, `super::` or `self::`, or with the name of a sibling module, is resolved to a file.
//! `use` trees are expanded first. The last tests plant faults, so that this one is known to be able to fail.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Which top modules each may name. What is not here, no module may name: a new edge is a decision, made here.
///
/// The order of the rows is the order of the house: everybody names rooms above, nobody below.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("model", &["base"]),
    ("smt", &[]),
    ("lang", &["base"]),
    ("library", &[]),
    ("intent", &["model"]),
    ("input", &["base", "model"]),
    ("network", &["base", "model"]),
    ("policy", &["base", "model", "network"]),
    ("logic", &["base", "lang", "model", "network"]),
    ("lower", &["base", "logic", "model", "network", "policy"]),
    ("sim", &["base", "logic", "model", "network"]),
    ("encode", &["logic", "model", "network", "smt"]),
    ("decode", &["encode", "model", "network", "smt"]),
    ("theorem", &["logic", "model", "smt"]),
    (
        "verify",
        &[
            "base", "decode", "encode", "intent", "logic", "lower", "model", "network", "sim",
            "smt", "theorem",
        ],
    ),
    ("generate", &[]),
    ("reference", &["base", "model"]),
    (
        "connectivity",
        &["lower", "model", "network", "reference", "sim"],
    ),
    (
        "report",
        &[
            "base",
            "connectivity",
            "logic",
            "lower",
            "model",
            "network",
            "theorem",
            "verify",
        ],
    ),
    (
        "findings",
        &["base", "lower", "model", "network", "policy", "report"],
    ),
    (
        "question",
        &["lower", "model", "network", "reference", "sim"],
    ),
    (
        "tracer",
        &[
            "base",
            "lower",
            "model",
            "network",
            "question",
            "reference",
            "sim",
            "verify",
        ],
    ),
    (
        "session",
        &[
            "base", "findings", "input", "intent", "lang", "library", "logic", "lower", "model",
            "policy", "network", "report", "smt", "theorem", "verify",
        ],
    ),
];

/// Crates and parts of the standard library, and the only places that may name them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("z3", &["src/smt/backend"]),
    ("z3_sys", &[]),
    ("granit_parser", &["src/input/yaml"]),
    ("quick_junit", &["src/report/junit.rs"]),
    ("clap", &["src/cli", "src/cli.rs"]),
    ("anstream", &["src/cli", "src/cli.rs"]),
    ("std::fs", &["src/cli"]),
    ("std::env", &["src/cli"]),
    ("std::net::TcpStream", &[]),
    ("std::process", &["src/cli", "src/cli.rs", "src/main.rs"]),
    ("std::io", &["src/cli"]),
    // Time makes runs differ; the verifier alone has a deadline.
    ("std::time::Instant", &["src/verify", "src/smt/backend"]),
    ("std::time::SystemTime", &[]),
];

/// Longer files than this hold more than one thing.
const LONGEST: usize = 400;

/// Those that are longer still, with the reason. The list only shrinks: an entry that is no longer needed fails.
const LONGER: &[(&str, &str)] = &[];

/// Sources by path, and what was found to be wrong with them.
struct House {
    /// Path to text as it is.
    texts: BTreeMap<String, String>,
}

impl House {
    fn of(files: &[(&str, &str)]) -> Self {
        let texts = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Self { texts }
    }

    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = BTreeMap::new();
        let mut folders = vec![root.join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                    texts.insert(name.replace('\\', "/"), fs::read_to_string(&path).unwrap());
                }
            }
        }
        Self { texts }
    }

    /// `src/a/b.rs` by its module path `a::b`; the binary's modules are below `cli`, as `main.rs` has no other.
    fn modules(&self) -> BTreeMap<Vec<String>, &str> {
        self.texts
            .keys()
            .filter(|p| !matches!(p.as_str(), "src/lib.rs" | "src/main.rs"))
            .map(|path| (module(path), path.as_str()))
            .collect()
    }

    /// Who names whom, file by file.
    fn edges(&self) -> BTreeSet<(String, String)> {
        let modules = self.modules();
        let mut edges = BTreeSet::new();
        for (path, text) in &self.texts {
            let here = module(path);
            for named in paths(&code(text)) {
                if let Some(target) = resolve(&here, &named, &modules)
                    && target != path.as_str()
                {
                    edges.insert((path.clone(), target.to_owned()));
                }
            }
        }
        edges
    }

    /// Everything that is wrong, in a stable order.
    fn faults(&self) -> Vec<String> {
        let mut faults = self.walls();
        faults.extend(self.circles());
        faults.extend(self.foreign());
        faults.extend(self.lengths(LONGER));
        faults.extend(self.docs());
        faults
    }

    fn walls(&self) -> Vec<String> {
        let mut faults = BTreeSet::new();
        for (from, to) in self.edges() {
            let (a, b) = (top(&from), top(&to));
            // The library's root names its rooms, the binary whatever is public.
            if a == b || matches!(a.as_str(), "lib" | "main" | "cli") {
                continue;
            }
            let allowed = MAY_NAME.iter().find(|(name, _)| *name == a);
            match allowed {
                None => _ = faults.insert(format!("{from}: `{a}` has no row in MAY_NAME")),
                Some((_, allowed)) if !allowed.contains(&b.as_str()) => {
                    faults.insert(format!("{from} names {to}: `{a}` must not name `{b}`"));
                }
                Some(_) => {}
            }
        }
        faults.into_iter().collect()
    }

    /// Parents declare their children (`mod x;`), which is no naming; children may use what their parent defines. So an
    /// edge from a module to one inside it does not count where there is one back.
    fn circles(&self) -> Vec<String> {
        let mut next: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in self.edges() {
            let (a, b) = (module(&from), module(&to));
            let family = a.starts_with(&b) || b.starts_with(&a);
            if !family {
                next.entry(from).or_default().insert(to);
            }
        }
        let mut faults = BTreeSet::new();
        for start in next.keys() {
            if let Some(mut circle) = way_back(start, &next) {
                // The same circle is found from each of its files: tell it from the first.
                if circle.iter().min() == Some(start) {
                    circle.push(start.clone());
                    faults.insert(format!("import circle: {}", circle.join(" -> ")));
                }
            }
        }
        faults.into_iter().collect()
    }

    fn foreign(&self) -> Vec<String> {
        let mut faults = BTreeSet::new();
        for (path, text) in &self.texts {
            for named in paths(&code(text)) {
                for (what, places) in ONLY_IN {
                    let parts: Vec<&str> = what.split("::").collect();
                    let begins =
                        named.len() >= parts.len() && named.iter().zip(&parts).all(|(a, b)| a == b);
                    // A crate is named by a path through it, or by `use` of it alone.
                    let permitted = places.iter().any(|p| {
                        path == p
                            || path.starts_with(&format!("{p}/"))
                            || path == &format!("{p}.rs")
                    });
                    let test = path.ends_with("/tests.rs") || path.contains("/tests/");
                    if begins && !permitted && !test {
                        faults.insert(format!("{path} names `{what}`: only {places:?} may"));
                    }
                }
            }
        }
        faults.into_iter().collect()
    }

    fn lengths(&self, longer: &[(&str, &str)]) -> Vec<String> {
        let mut faults = Vec::new();
        for (path, text) in &self.texts {
            let lines = text.lines().count();
            let excused = longer.iter().any(|(p, _)| p == path);
            if lines > LONGEST && !excused {
                faults.push(format!("{path} has {lines} lines; {LONGEST} are the limit"));
            }
            if lines <= LONGEST && excused {
                faults.push(format!(
                    "{path} has {lines} lines now: strike it from LONGER"
                ));
            }
        }
        for (path, _) in longer {
            if !self.texts.contains_key(*path) {
                faults.push(format!("{path} is gone: strike it from LONGER"));
            }
        }
        faults
    }

    fn docs(&self) -> Vec<String> {
        let bare = |text: &str| !text.trim_start().starts_with("//!");
        self.texts
            .iter()
            .filter(|(_, text)| bare(text))
            .map(|(path, _)| format!("{path} has no `//!` that says what it knows"))
            .collect()
    }
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are `a::b`.
fn module(path: &str) -> Vec<String> {
    let stem = path.strip_prefix("src/").unwrap_or(path);
    let stem = stem.strip_suffix(".rs").unwrap_or(stem);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    match stem {
        "lib" | "main" => Vec::new(),
        _ => stem.split('/').map(str::to_owned).collect(),
    }
}

fn top(path: &str) -> String {
    let module = module(path);
    let stem = path.trim_start_matches("src/").trim_end_matches(".rs");
    module.first().map_or(stem.to_owned(), Clone::clone)
}

/// The shortest way from a file back to itself.
fn way_back(start: &str, next: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start.to_owned()]]);
    while let Some(way) = ways.pop_front() {
        for to in way
            .last()
            .and_then(|last| next.get(last))
            .into_iter()
            .flatten()
        {
            if to == start {
                return Some(way);
            }
            if seen.insert(to.clone()) {
                let mut longer = way.clone();
                longer.push(to.clone());
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The file that a path leads to: the longest beginning of it that is a module.
fn resolve<'m>(
    here: &[String],
    named: &[String],
    modules: &BTreeMap<Vec<String>, &'m str>,
) -> Option<&'m str> {
    let mut from: Vec<String> = here.to_vec();
    let mut rest = named;
    let mut anchored = false;
    while let Some(first) = rest.first() {
        match first.as_str() {
            // The binary's `kubeproof::` is the library's `crate::`.
            "crate" | "kubeproof" => from = Vec::new(),
            "super" => _ = from.pop(),
            "self" => {}
            _ => break,
        }
        anchored = true;
        rest = &rest[1..];
    }
    let longest = |base: &[String]| {
        (1..=rest.len()).rev().find_map(|n| {
            let full: Vec<String> = base.iter().chain(&rest[..n]).cloned().collect();
            modules.get(&full).copied()
        })
    };
    if anchored {
        // `super::thing` is something that the parent defines.
        return longest(&from).or_else(|| modules.get(&from).copied());
    }
    // A bare path: a child of this module (`mod x; x::f()`), or of the crate's root.
    longest(here).or_else(|| here.is_empty().then(|| longest(&[])).flatten())
}

/// The text without comments, strings, characters and `#[cfg(test)] mod … { … }`.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let at = |i: usize, word: &str| {
        word.chars()
            .enumerate()
            .all(|(k, c)| chars.get(i + k) == Some(&c))
    };
    while i < chars.len() {
        let word_before = i > 0 && (chars[i - 1].is_alphanumeric() || chars[i - 1] == '_');
        if at(i, "//") {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if at(i, "/*") {
            let mut depth = 0;
            while i < chars.len() {
                if at(i, "/*") {
                    depth += 1;
                    i += 2;
                } else if at(i, "*/") {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    i += 1;
                }
            }
        } else if !word_before && (at(i, "r\"") || at(i, "r#") && raw(&chars, i).is_some()) {
            let hashes = raw(&chars, i).unwrap_or(0);
            let close: String = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            i += 2 + hashes;
            while i < chars.len() && !at(i, &close) {
                i += 1;
            }
            i += close.len();
            out.push(' ');
        } else if chars[i] == '"' {
            i += 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
            out.push(' ');
        } else if chars[i] == '\'' && is_char(&chars, i) {
            i += 1;
            while i < chars.len() && chars[i] != '\'' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
            out.push(' ');
        } else {
            out.push(chars[i]);
            i += 1;
        }
    }
    without_tests(&out)
}

/// How many `#` a raw string has that begins here.
fn raw(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// `'a'` and `'\n'`, but not the lifetime `'a`.
fn is_char(chars: &[char], at: usize) -> bool {
    chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')
}

fn without_tests(code: &str) -> String {
    let mut rest = code;
    let mut out = String::new();
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // `mod tests;` ends at the semicolon, `mod tests { … }` at its brace.
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0 && matches!(c, '}' | ';')
        });
        rest = end.map_or("", |(end, _)| &rest[end + 1..]);
    }
    out + rest
}

/// Every path of the code, `use` trees expanded: `use crate::a::{b, c::d}` gives `crate::a::b` and `crate::a::c::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let after_path = i > 0 && tokens[i - 1] == "::";
        let is_use = tokens[i] == "use";
        if is_use {
            i = tree(&tokens, i + 1, &[], &mut found);
        } else if is_word(&tokens[i]) && !after_path {
            let mut path = vec![tokens[i].clone()];
            while tokens.get(i + 1).is_some_and(|t| t == "::")
                && tokens.get(i + 2).is_some_and(|t| is_word(t))
            {
                path.push(tokens[i + 2].clone());
                i += 2;
            }
            if path.len() > 1 {
                found.push(path);
            }
            i += 1;
        } else {
            i += 1;
        }
    }
    found
}

/// One branch of a `use` tree from `i` on; gives where it ends.
fn tree(tokens: &[String], mut i: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(i) {
        match token.as_str() {
            "::" | "*" => i += 1,
            "{" => {
                i += 1;
                while tokens.get(i).is_some_and(|t| t != "}") {
                    i = tree(tokens, i, &path, found);
                    if tokens.get(i).is_some_and(|t| t == ",") {
                        i += 1;
                    }
                }
                return i + 1;
            }
            "as" => i += 2,
            word if is_word(word) => {
                path.push(token.clone());
                i += 1;
            }
            _ => break,
        }
    }
    // `{self, …}` names the module itself.
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    found.push(path);
    i
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(c);
            }
            tokens.push(word);
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            tokens.push("::".to_owned());
        } else if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    tokens
}

#[test]
fn the_house_stands() {
    let house = House::read();
    assert!(house.texts.len() > 80, "the sources were not found");
    assert!(house.edges().len() > 150, "the paths were not found");
    let faults = house.faults();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// What the table allows and nobody needs is no wall any more.
#[test]
fn every_allowed_edge_is_used() {
    let edges = House::read().edges();
    let used: BTreeSet<(String, String)> = edges.iter().map(|(a, b)| (top(a), top(b))).collect();
    let mut unused = Vec::new();
    for (from, allowed) in MAY_NAME {
        for to in *allowed {
            if !used.contains(&((*from).to_owned(), (*to).to_owned())) {
                unused.push(format!("`{from}` may name `{to}` and does not"));
            }
        }
    }
    assert!(unused.is_empty(), "\n{}\n", unused.join("\n"));
}

/// The table itself has one direction.
#[test]
fn rooms_name_rooms_above_only() {
    for (i, (room, allowed)) in MAY_NAME.iter().enumerate() {
        for other in *allowed {
            let above = MAY_NAME[..i].iter().any(|(name, _)| name == other);
            assert!(above, "`{other}` does not stand above `{room}`");
        }
    }
    let may = |room: &str, other: &str| {
        MAY_NAME
            .iter()
            .any(|(name, allowed)| *name == room && allowed.contains(&other))
    };
    for (room, other) in [
        ("sim", "encode"),
        ("sim", "smt"),
        ("sim", "decode"),
        ("encode", "sim"),
        ("encode", "input"),
        ("smt", "network"),
        ("smt", "logic"),
    ] {
        assert!(
            !may(room, other),
            "`{room}` names `{other}`: the wall that carries is gone"
        );
    }
}

/// Planted faults: each must be found, and told once.
#[test]
fn planted_faults_are_found() {
    let plain = "//! A file.\n";
    let cases: &[(&str, &str, &str)] = &[
        (
            "src/sim/walk.rs",
            "use crate::smt::term::Term;",
            "`sim` must not name `smt`",
        ),
        (
            "src/sim/walk.rs",
            "use crate::{model, encode::path};",
            "`sim` must not name `encode`",
        ),
        (
            "src/sim/walk.rs",
            "use crate::{\n    model::inet as i,\n    decode::{self},\n};",
            "`sim` must not name `decode`",
        ),
        (
            "src/encode/path.rs",
            "fn f() { super::super::sim::walk::go(); }",
            "`encode` must not name `sim`",
        ),
        (
            "src/encode/path.rs",
            "fn f() { crate::sim::walk::go(); }",
            "`encode` must not name `sim`",
        ),
        (
            "src/encode.rs",
            "use super::sim::walk;",
            "`encode` must not name `sim`",
        ),
        (
            "src/smt/term.rs",
            "fn f(x: &crate::network::fib::Fib) {}",
            "`smt` must not name `network`",
        ),
        (
            "src/report/text.rs",
            "use crate::smt;",
            "`report` must not name `smt`",
        ),
        (
            "src/verify/direct.rs",
            "use crate::report::text;",
            "`verify` must not name `report`",
        ),
        (
            "src/verify/direct.rs",
            "pub(crate) use crate::input::load;",
            "`verify` must not name `input`",
        ),
        (
            "src/cellar.rs",
            "use crate::model::inet;",
            "no row in MAY_NAME",
        ),
        (
            "src/verify/direct.rs",
            "fn f() { z3::Solver::new(); }",
            "names `z3`",
        ),
        (
            "src/verify/direct.rs",
            "use z3::{ast, Solver};",
            "names `z3`",
        ),
        (
            "src/input/load.rs",
            "use granit_parser::Event;",
            "names `granit_parser`",
        ),
        (
            "src/input/load.rs",
            "use std::{fmt, fs};",
            "names `std::fs`",
        ),
        (
            "src/lower.rs",
            "fn f() { let _ = std::env::var; }",
            "names `std::env`",
        ),
        (
            "src/model/inet.rs",
            "fn f<'a>(x: &'a str) -> char { 'x' }\nuse std::fs;",
            "names `std::fs`",
        ),
    ];
    let base: BTreeMap<&str, String> = [
        "src/base.rs",
        "src/model/inet.rs",
        "src/smt.rs",
        "src/smt/term.rs",
        "src/smt/backend.rs",
        "src/network/fib.rs",
        "src/input/load.rs",
        "src/lower.rs",
        "src/sim.rs",
        "src/sim/walk.rs",
        "src/encode.rs",
        "src/encode/path.rs",
        "src/decode.rs",
        "src/verify/direct.rs",
        "src/report/text.rs",
    ]
    .into_iter()
    .map(|path| (path, plain.to_owned()))
    .collect();
    for (path, fault, expected) in cases {
        let mut files = base.clone();
        files.insert(path, format!("{plain}{fault}\n"));
        let list: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
        let house = House::of(&list);
        let faults = [house.walls(), house.foreign()].concat();
        assert_eq!(faults.len(), 1, "{fault}: {faults:?}");
        assert!(faults[0].contains(expected), "{fault}: {faults:?}");
    }
}

#[test]
fn what_is_no_code_is_no_fault() {
    let text = r##"//! A file. `crate::smt::term` in a comment.
/* crate::encode /* nested */ crate::smt */
const A: &str = "crate::smt::term \" crate::encode";
const B: &str = r#"use crate::smt; " crate::smt::term"#;
const C: char = '"';
#[cfg(test)]
mod tests { use crate::smt::term; fn f() { { } } }
#[cfg(test)]
mod more;
fn g<'smt>(x: &'smt str) {}
"##;
    let house = House::of(&[
        ("src/sim/walk.rs", text),
        ("src/smt/term.rs", ""),
        ("src/encode.rs", ""),
    ]);
    assert!(house.walls().is_empty(), "{:?}", house.walls());
}

#[test]
fn circles_lengths_and_missing_docs_are_found() {
    let house = House::of(&[
        ("src/encode/a.rs", "use super::b::thing;"),
        ("src/encode/b.rs", "use crate::encode::c;"),
        ("src/encode/c.rs", "fn f() { super::a::go() }"),
        ("src/encode.rs", "mod a; mod b; mod c; fn f() { a::go() }"),
    ]);
    let circle =
        "import circle: src/encode/a.rs -> src/encode/b.rs -> src/encode/c.rs -> src/encode/a.rs";
    assert_eq!(house.circles(), [circle]);
    assert_eq!(house.docs().len(), 4);

    let long = "//! Long.\n".repeat(LONGEST + 1);
    let house = House::of(&[
        ("src/long.rs", long.as_str()),
        ("src/short.rs", "//! Short."),
    ]);
    assert_eq!(house.lengths(&[]).len(), 1);
    assert_eq!(house.lengths(&[("src/long.rs", "")]).len(), 0);
    assert_eq!(
        house
            .lengths(&[("src/long.rs", ""), ("src/short.rs", "")])
            .len(),
        1
    );
    assert_eq!(
        house
            .lengths(&[("src/long.rs", ""), ("src/gone.rs", "")])
            .len(),
        1
    );
}
