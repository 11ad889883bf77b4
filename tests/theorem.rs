//! The theorem: every goal is proven, with the assumptions that its proof needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

use kubeproof::base::source::SourceMap;
use kubeproof::library;
use kubeproof::logic::formula::Constraint;
use kubeproof::session;
use kubeproof::smt::backend::first_order::FirstOrder;
use kubeproof::theorem;

fn builtin(id: &str) -> Constraint {
    let builtin = library::builtins().iter().find(|b| b.id == id).unwrap();
    let mut sources = SourceMap::new();
    let source = sources.add(builtin.file, builtin.text);
    session::parse(&sources, source).0.remove(0)
}

#[test]
fn try_all() {
    let only = std::env::var("ONLY").unwrap_or_default();
    for b in library::builtins() {
        if b.id == "KP001" || b.id == "KP012" || !(only.is_empty() || only.contains(b.id)) {
            continue;
        }
        let options = theorem::Options {
            cores: std::env::var("CORES").is_ok(),
            keep_queries: true,
            timeout: Some(std::time::Duration::from_secs(10)),
            without: std::env::var("WITHOUT")
                .map(|w| w.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
        };
        let start = std::time::Instant::now();
        let decided = theorem::prove(&builtin(b.id), &options, &mut FirstOrder::new()).unwrap();
        let start2 = std::time::Instant::now();
        let model = theorem::inhabit(&builtin(b.id), &options, &mut FirstOrder::new()).unwrap();
        eprintln!("{} model {:?} {:?}", b.id, start2.elapsed(), model.answer);
        std::fs::write(
            format!("/tmp/theorem-{}-model.smt2", b.id),
            model.query.unwrap().text,
        )
        .unwrap();
        eprintln!(
            "{} {:?} {:?} {}",
            b.id,
            start.elapsed(),
            decided.answer,
            decided.questions
        );
        std::fs::write(
            format!("/tmp/theorem-{}.smt2", b.id),
            decided.query.unwrap().text,
        )
        .unwrap();
    }
    for lemma in theorem::lemmas() {
        let options = theorem::Options {
            cores: true,
            keep_queries: true,
            timeout: Some(std::time::Duration::from_secs(10)),
            without: vec![],
        };
        let start = std::time::Instant::now();
        let decided = theorem::prove_lemma(lemma, &options, &mut FirstOrder::new());
        eprintln!(
            "{} {:?} {:?} {}",
            lemma.id,
            start.elapsed(),
            decided.answer,
            decided.questions
        );
        std::fs::write(
            format!("/tmp/theorem-{}.smt2", lemma.id),
            decided.query.unwrap().text,
        )
        .unwrap();
    }
}
