//! Wrong constraint texts, and what is said about them: code, line:column, message, help.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::fmt::Write;

use kubeproof::base::diag::Diagnostic;
use kubeproof::base::source::SourceMap;
use kubeproof::lang::{self, parse};
use kubeproof::logic::{bind, check};

/// One line a diagnostic: `L001 1:5 message; help | second place 1:2 label`.
fn said(sources: &SourceMap, diagnostic: &Diagnostic) -> String {
    let at = |span: kubeproof::base::source::Span| {
        let place = sources.line_col(span.source, span.start);
        format!("{}:{}", place.line, place.column)
    };
    let place = diagnostic.span.map(at).unwrap_or_default();
    let mut line = format!("{} {place} {}", diagnostic.code, diagnostic.message);
    if let Some(help) = &diagnostic.help {
        line.push_str("; ");
        line.push_str(help);
    }
    if let Some((span, label)) = &diagnostic.related {
        let _ = write!(line, " | {} {label}", at(*span));
    }
    line
}

fn mistakes(text: &str) -> Vec<String> {
    let mut sources = SourceMap::new();
    let id = sources.add("t.spec", text);
    let parsed = parse(id, text);
    let checked = check::check(&parsed.file);
    let all = parsed.diagnostics.iter().chain(&checked.diagnostics);
    all.map(|d| said(&sources, d)).collect()
}

/// The golden file: texts after `=== `, what is said after `--- `. `KUBEPROOF_BLESS=1` rewrites it.
#[test]
fn wrong_texts_are_told_so() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/language_errors.txt");
    let golden = std::fs::read_to_string(PATH).unwrap();
    let mut rewritten = String::new();
    for case in golden.split("=== ").skip(1) {
        let (text, expected) = case.split_once("---\n").unwrap();
        let (title, text) = text.split_once('\n').unwrap();
        let found = mistakes(text).join("\n");
        let _ = writeln!(rewritten, "=== {title}\n{text}---\n{found}\n");
        if std::env::var_os("KUBEPROOF_BLESS").is_none() {
            assert_eq!(found.trim(), expected.trim(), "{title}");
        }
    }
    if std::env::var_os("KUBEPROOF_BLESS").is_some() {
        std::fs::write(PATH, rewritten).unwrap();
    }
}

#[test]
fn every_code_is_in_a_table_and_has_a_case() {
    let golden = include_str!("language_errors.txt");
    for (code, title) in lang::CODES.iter().chain(check::CODES) {
        // Too large for a golden text; hostile texts are in tests/language.rs.
        if !["L010", "L015", "L017"].contains(code) {
            assert!(golden.contains(&format!("\n{code} ")), "{code}: {title}");
        }
    }
    assert_eq!(bind::CODES.len(), 2);
}

#[test]
fn depth_and_number_of_errors_are_bounded() {
    let deep = format!("constraint a \"t\" {}", "(".repeat(300));
    assert_eq!(
        mistakes(&deep),
        ["L010 1:275 nested more than 256 deep; split the constraint into several"]
    );
    let fits = format!(
        "constraint a \"t\" {}true{}",
        "(".repeat(256),
        ")".repeat(256)
    );
    assert_eq!(mistakes(&fits), Vec::<String>::new());
    let many = mistakes(&"constraint ".repeat(100));
    assert_eq!(many.len(), 51);
    assert_eq!(
        many[50],
        "L015 1:562 more than 50 errors in this text; the rest is not shown; mend these first"
    );
}
