//! Explicit FIB rules of a cluster file.
//!
//! Knows: how rules are spelled. Must never know: which ideal rules exist, what a rule does with a message.

use std::collections::HashMap;

use super::names::{Resolver, Want};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Node};
use crate::model::cluster::{ExplicitAction, ExplicitRule, FibEdit, Match, RuleRemoval};
use crate::model::entity::EntityId;
use crate::model::inet::Family;

/// Reads the items of `fibs`.
pub(super) fn fibs(
    items: Vec<Node<'_>>,
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) -> Vec<FibEdit> {
    let mut seen: HashMap<EntityId, Span> = HashMap::new();
    let mut edits = Vec::new();
    for item in items {
        let Some(mut fields) = Fields::of(item, "a FIB", problems) else {
            continue;
        };
        let at_node = fields.required("at", problems);
        let at = at_node.and_then(|n| resolver.reference(n, Want::Switch, problems));
        let keep_ideal = match fields.get("ideal") {
            None => Some(true),
            Some(node) => decode::choice(node, &[("keep", true), ("none", false)], problems),
        };
        let removals = fields.list("remove", problems);
        let remove: Vec<RuleRemoval> = removals.filter_map(|n| removal(n, problems)).collect();
        let before = rules(&mut fields, "before", resolver, problems);
        let after = rules(&mut fields, "after", resolver, problems);
        let origin = fields.span();
        fields.finish(problems);
        let (Some(at), Some(at_node), Some(keep_ideal)) = (at, at_node, keep_ideal) else {
            continue;
        };
        if let Some(there) = seen.insert(at, at_node.span()) {
            let message = format!("the FIB of `{}` is there twice", resolver.name(at));
            let diagnostic = Diagnostic::error("C012", at_node.span(), message);
            problems.push(
                diagnostic
                    .related(there, "first written here")
                    .help("put all its rules into one entry"),
            );
            continue;
        }
        edits.push(FibEdit {
            at,
            keep_ideal,
            remove,
            before,
            after,
            origin,
        });
    }
    edits
}

fn removal(item: Node<'_>, problems: &mut Problems) -> Option<RuleRemoval> {
    let mut fields = Fields::of(item, "a rule to remove", problems)?;
    let matches = matches(&mut fields, problems);
    let origin = fields.span();
    fields.finish(problems);
    Some(RuleRemoval {
        matches: matches?,
        origin,
    })
}

fn rules(
    fields: &mut Fields<'_>,
    key: &'static str,
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) -> Vec<ExplicitRule> {
    let items = fields.list(key, problems);
    items.filter_map(|n| rule(n, resolver, problems)).collect()
}

fn rule(item: Node<'_>, resolver: &Resolver<'_>, problems: &mut Problems) -> Option<ExplicitRule> {
    let mut fields = Fields::of(item, "a rule", problems)?;
    let matches = matches(&mut fields, problems);
    let node = fields.required("action", problems);
    let action = node.and_then(|n| action(n, resolver, problems));
    let origin = fields.span();
    fields.finish(problems);
    let (matches, action) = (matches?, action?);
    if let ExplicitAction::Translate { from, to, .. } = action {
        let matched = matches
            .from
            .or(matches.to)
            .map(|net| Family::of(net.addr()));
        let written = from.or(to).map(Family::of);
        if let (Some(matched), Some(written)) = (matched, written)
            && matched != written
        {
            let message = "the rule matches one family and translates to the other";
            let span = node.map_or(origin, Node::span);
            problems.push(Diagnostic::error("C009", span, message));
            return None;
        }
    }
    Some(ExplicitRule {
        matches,
        action,
        origin,
    })
}

/// The keys that say which messages; none where one of them is wrong.
fn matches(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Match> {
    let errors = problems.errors();
    let from = fields.get("from").and_then(|n| decode::prefix(n, problems));
    let from_ports = fields
        .get("fromPort")
        .and_then(|n| decode::port_set(n, problems));
    let to_node = fields.get("to");
    let to = to_node.and_then(|n| decode::prefix(n, problems));
    let to_ports = fields
        .get("toPort")
        .and_then(|n| decode::port_set(n, problems));
    let protocol = fields
        .get("protocol")
        .and_then(|n| decode::protocol(n, problems));
    if let (Some(from), Some(to), Some(node)) = (from, to, to_node)
        && from.addr().is_ipv4() != to.addr().is_ipv4()
    {
        let message = "`from` and `to` are of different families, which no message is";
        problems.push(Diagnostic::error("C009", node.span(), message));
    }
    (problems.errors() == errors).then_some(Match {
        from,
        from_ports,
        to,
        to_ports,
        protocol,
    })
}

const ACTIONS: [&str; 4] = ["forward", "deliver", "discard", "translate"];

fn action(
    item: Node<'_>,
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) -> Option<ExplicitAction> {
    let mut fields = Fields::of(item, "an action", problems)?;
    let span = fields.span();
    let there: Vec<Entry<'_>> = ACTIONS.iter().filter_map(|key| fields.entry(key)).collect();
    fields.finish(problems);
    match there.as_slice() {
        [] => {
            let message = format!("an action is one of {}", decode::all_of(&ACTIONS));
            problems.push(Diagnostic::error("C013", span, message));
            None
        }
        [one] => match one.key {
            "forward" => {
                let switch = resolver.reference(one.value, Want::Switch, problems);
                switch.map(ExplicitAction::Forward)
            }
            "deliver" => {
                let process = resolver.reference(one.value, Want::Process, problems);
                process.map(ExplicitAction::Deliver)
            }
            "discard" => reason(one.value, problems),
            _ => translate(one.value, problems),
        },
        [one, other, ..] => {
            let message = format!(
                "an action is one thing, not `{}` and `{}`",
                one.key, other.key
            );
            let diagnostic = Diagnostic::error("C013", other.key_span, message);
            problems.push(diagnostic.related(one.key_span, "the first one"));
            None
        }
    }
}

fn reason(node: Node<'_>, problems: &mut Problems) -> Option<ExplicitAction> {
    let text = decode::string(node, problems)?;
    if !text.trim().is_empty() && !text.chars().any(char::is_control) {
        return Some(ExplicitAction::Discard(text.to_owned()));
    }
    let message = "a reason is some words on one line";
    problems.push(Diagnostic::error("I025", node.span(), message));
    None
}

fn translate(node: Node<'_>, problems: &mut Problems) -> Option<ExplicitAction> {
    let errors = problems.errors();
    let mut fields = Fields::of(node, "a translation", problems)?;
    let from = fields
        .get("from")
        .and_then(|n| decode::address(n, problems));
    let from_port = fields
        .get("fromPort")
        .and_then(|n| decode::port(n, problems));
    let to = fields.get("to").and_then(|n| decode::address(n, problems));
    let to_port = fields.get("toPort").and_then(|n| decode::port(n, problems));
    fields.finish(problems);
    if problems.errors() > errors {
        return None;
    }
    if let (Some(from), Some(to)) = (from, to)
        && from.ip.is_ipv4() != to.ip.is_ipv4()
    {
        let message = "`from` and `to` are of different families, which no message is";
        problems.push(Diagnostic::error("C009", to.origin, message));
        return None;
    }
    if from.is_none() && to.is_none() && from_port.is_none() && to_port.is_none() {
        let message = "the translation changes nothing";
        problems.push(
            Diagnostic::error("C014", node.span(), message)
                .help("say what it changes: `from`, `fromPort`, `to`, `toPort`"),
        );
        return None;
    }
    Some(ExplicitAction::Translate {
        from: from.map(|a| a.ip),
        from_port,
        to: to.map(|a| a.ip),
        to_port,
    })
}
