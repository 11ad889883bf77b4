//! `kind: Intent` of `kubeproof.dev/v1`.
//!
//! Knows: its fields. Must never know: which pods are meant, the constraint language.
//!
//! As everywhere in `input`: every mistake is told, and an intent with a mistake is none.

mod peer;
mod ports;
mod selector;

use super::decode::{self, Fields, all_of};
use super::problems::Problems;
use super::yaml::Node;
use crate::base::diag::Diagnostic;
use crate::model::intent::{Intent, Isolation, Relation, Wish};

/// The codes of this kind, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("J001", "an intent wishes nothing, or several things"),
    ("J002", "a peer says nobody, or several things at once"),
    (
        "J003",
        "a reference to a workload, Service or pod that is malformed",
    ),
    ("J004", "a port of an intent that is malformed"),
    ("J005", "a text is no key of a label"),
    ("J006", "an `except` that does not lie inside its prefix"),
    ("J007", "an intent says from or to nobody"),
];

/// What an intent can wish.
const WISHES: [&str; 4] = ["mustReach", "mustNotReach", "onlyThese", "isolate"];

/// Reads an intent; none where anything is wrong with it, which then was told.
pub fn intent(node: Node<'_>, problems: &mut Problems) -> Option<Intent> {
    let before = problems.errors();
    let mut top = Fields::of(node, "an intent", problems)?;
    top.get("apiVersion");
    top.get("kind");
    let mut name = None;
    if let Some(meta) = top.required("metadata", problems)
        && let Some(mut fields) = Fields::of(meta, "`metadata`", problems)
    {
        let given = fields.required("name", problems);
        name = given.and_then(|n| Some((decode::name(n, problems)?.to_owned(), n.span())));
        fields.finish(problems);
    }
    let wish = top
        .required("spec", problems)
        .and_then(|spec| wish(spec, problems));
    top.finish(problems);
    let (name, origin) = name?;
    let wish = wish?;
    (problems.errors() == before).then_some(Intent { name, wish, origin })
}

fn wish(node: Node<'_>, problems: &mut Problems) -> Option<Wish> {
    let mut fields = Fields::of(node, "the `spec` of an intent", problems)?;
    let mut said = Vec::new();
    for word in WISHES {
        if let Some(entry) = fields.entry(word) {
            said.push((word, entry));
        }
    }
    let span = fields.span();
    fields.finish(problems);
    let one_of = format!("write one of {}", all_of(&WISHES));
    if said.is_empty() {
        let error = Diagnostic::error("J001", span, "the intent wishes nothing");
        problems.push(error.help(one_of));
    }
    for (_, entry) in said.iter().skip(1) {
        let error = Diagnostic::error(
            "J001",
            entry.key_span,
            "the intent wishes several things at once",
        );
        problems.push(error.help("write one intent for each"));
    }
    let mut wishes = said.into_iter().map(|(word, entry)| match word {
        "mustReach" => relation(entry.value, "`mustReach`", problems).map(Wish::MustReach),
        "mustNotReach" => relation(entry.value, "`mustNotReach`", problems).map(Wish::MustNotReach),
        "onlyThese" => relation(entry.value, "`onlyThese`", problems).map(Wish::OnlyThese),
        _ => isolation(entry.value, problems).map(Wish::Isolate),
    });
    let first = wishes.next().flatten();
    // The others are read for their mistakes.
    wishes.for_each(drop);
    first
}

fn relation(node: Node<'_>, what: &'static str, problems: &mut Problems) -> Option<Relation> {
    let mut fields = Fields::of(node, what, problems)?;
    let mut side = |key: &'static str, problems: &mut Problems| {
        let node = fields.required(key, problems)?;
        let list = decode::list(node, problems)?;
        let mut peers = Vec::new();
        let mut empty = true;
        for item in list.iter() {
            empty = false;
            peers.extend(peer::peer(item, problems));
        }
        if empty {
            let message = format!("`{key}` is an empty list: nobody is meant");
            let error = Diagnostic::error("J007", node.span(), message);
            problems.push(error.help("every pod is `{namespaceSelector: {}}`"));
        }
        Some(peers)
    };
    let from = side("from", problems);
    let to = side("to", problems);
    let ports = fields.get("ports").and_then(|n| ports::ports(n, problems));
    fields.finish(problems);
    Some(Relation {
        from: from?,
        to: to?,
        ports,
    })
}

fn isolation(node: Node<'_>, problems: &mut Problems) -> Option<Isolation> {
    let mut fields = Fields::of(node, "`isolate`", problems)?;
    let key = fields.required("byLabel", problems);
    let key = key.and_then(|n| selector::key(n, problems));
    let unlabelled = fields.get("unlabelled").and_then(|n| {
        let words = [("ignore", false), ("group", true)];
        decode::choice(n, &words, problems)
    });
    let origin = fields.span();
    fields.finish(problems);
    Some(Isolation {
        key: key?,
        unlabelled_are_a_group: unlabelled.unwrap_or(false),
        origin,
    })
}
