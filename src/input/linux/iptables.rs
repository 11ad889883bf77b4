//! `iptables-save` and `ip6tables-save`: tables, chains, rules.
//!
//! Knows: the lines of the dump, which chain is asked where. Must never know: nft, how a message passes a chain.
//!
//! What a rule tests or does and is not modelled becomes `Unknown`, and no mistake: the dump is right, the model small.
//! A line that cannot be read, and a table that does not end, are mistakes.

mod matches;
mod targets;
mod words;

use std::collections::{BTreeMap, HashSet};

use super::ipset::Sets;
use super::plain::lines;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::linux::{
    Base, Chain, ChainFamily, Discovery, Effect, FirewallRule, Fits, Hook, Reach, Strange,
};
use words::Words;

/// What the whole dump says that a single rule wants to know.
#[derive(Debug)]
pub(super) struct Around<'a> {
    family: ChainFamily,
    sets: &'a Sets,
    /// Sets that rules change while messages pass.
    changing: HashSet<String>,
    /// Some messages are not tracked: then their first one is not known by its state.
    untracked: bool,
}

/// What was read of a dump.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) chains: Vec<Chain>,
    /// Tables that are there, and those that `nft` alone can show.
    pub(super) tables: HashSet<String>,
    pub(super) elsewhere: HashSet<String>,
}

/// The tables of iptables, and the priority at which each is asked.
const TABLES: &[(&str, i32)] = &[
    ("raw", -300),
    ("mangle", -150),
    ("nat", -100),
    ("filter", 0),
    ("security", 50),
];

/// Reads a dump.
pub(super) fn read(
    source: SourceId,
    text: &str,
    family: ChainFamily,
    sets: &Sets,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Read {
    let around = Around {
        family,
        sets,
        changing: changing(text),
        untracked: text.contains("NOTRACK") || text.contains("--notrack"),
    };
    let mut read = Read::default();
    let mut table: Option<(&str, Span, BTreeMap<&str, usize>)> = None;
    for (line, span) in lines(source, text) {
        let line = line.trim_end();
        match (line.as_bytes().first(), &mut table) {
            (None, _) => {}
            (Some(b'#'), _) => remark(line, span, &mut read, unmodelled),
            (Some(b'*'), open) => {
                if let Some((name, there, _)) = open {
                    unfinished(name, *there, problems);
                }
                read.tables.insert(line[1..].to_owned());
                foreign(&line[1..], span, unmodelled);
                *open = Some((&line[1..], span, BTreeMap::new()));
            }
            (Some(_), Some(_)) if line == "COMMIT" => table = None,
            (Some(b':'), Some((table, _, chains))) => {
                if let Some(chain) = chain(line, table, family, span, problems) {
                    let name = line[1..].split_whitespace().next().unwrap_or_default();
                    chains.insert(name, read.chains.len());
                    read.chains.push(chain);
                }
            }
            (Some(_), Some((_, _, chains))) => {
                let (rule, at) = without_counters(line);
                let span = Span {
                    start: span.start + at as u32,
                    ..span
                };
                if let Some((chain, rule)) = self::rule(rule, chains, &around, span, problems)
                    && let Some(chain) = read.chains.get_mut(chain)
                {
                    chain.rules.push(rule);
                }
            }
            (Some(_), None) => {
                if !problems.skips() {
                    let message = format!("{} is in no table", show(line));
                    problems.push(Diagnostic::error("S008", span, message));
                }
            }
        }
    }
    if let Some((name, there, _)) = table {
        unfinished(name, there, problems);
    }
    read
}

/// A table of which it is not known when it is asked.
fn foreign(table: &str, span: Span, unmodelled: &mut Vec<Strange>) {
    if TABLES.iter().all(|(known, _)| *known != table) {
        unmodelled.push(Strange {
            what: format!("table {} of iptables is not modelled", show(table)),
            reach: Reach::Messages,
            origin: span,
        });
    }
}

fn unfinished(name: &str, there: Span, problems: &mut Problems) {
    let message = format!("the table {} does not end: `COMMIT` is missing", show(name));
    let diagnostic = Diagnostic::error("S008", there, message);
    problems.push(diagnostic.help("the dump is cut off; take it again"));
}

/// What the tool says about what it does not show.
fn remark(line: &str, span: Span, read: &mut Read, unmodelled: &mut Vec<Strange>) {
    if line.contains("legacy tables present") {
        let what = "tables of iptables-legacy are there beside those that were dumped";
        unmodelled.push(Strange {
            what: what.to_owned(),
            reach: Reach::Messages,
            origin: span,
        });
    }
    // "# Table `filter' is incompatible, use 'nft' tool."
    if let Some(rest) = line.strip_prefix("# Table `")
        && let Some((name, rest)) = rest.split_once('\'')
        && rest.contains("'nft'")
    {
        read.elsewhere.insert(name.to_owned());
    }
}

/// Sets that rules add to or take from.
fn changing(text: &str) -> HashSet<String> {
    let mut all = HashSet::new();
    for line in text.lines().filter(|l| l.contains("-set ")) {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            if matches!(word, "--add-set" | "--del-set" | "--map-set") {
                all.extend(words.next().map(str::to_owned));
            }
        }
    }
    all
}

/// `:FORWARD DROP [0:0]`.
fn chain(
    line: &str,
    table: &str,
    family: ChainFamily,
    span: Span,
    problems: &mut Problems,
) -> Option<Chain> {
    let mut words = line[1..].split_whitespace();
    let (Some(name), Some(policy)) = (words.next(), words.next()) else {
        if !problems.skips() {
            let message = format!("{} is no line of a chain", show(line));
            problems.push(Diagnostic::error("S008", span, message));
        }
        return None;
    };
    let base = match policy {
        "-" => None,
        "ACCEPT" | "DROP" => base(table, name, policy == "ACCEPT"),
        _ => {
            if !problems.skips() {
                let message = format!("{} is no policy of a chain", show(policy));
                problems.push(Diagnostic::error("S008", span, message));
            }
            return None;
        }
    };
    Some(Chain {
        family,
        table: table.to_owned(),
        iptables: true,
        name: name.to_owned(),
        base,
        rules: Vec::new(),
        origin: span,
    })
}

fn base(table: &str, name: &str, accepts: bool) -> Option<Base> {
    let hook = match name {
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        "FORWARD" => Hook::Forward,
        "OUTPUT" => Hook::Output,
        "POSTROUTING" => Hook::Postrouting,
        _ => return None,
    };
    let (_, priority) = TABLES.iter().find(|(t, _)| *t == table)?;
    // Sources are translated last, on the way out and on the way in.
    let late = table == "nat" && matches!(hook, Hook::Postrouting | Hook::Input);
    let kind = match (table, hook) {
        ("nat", _) => "nat",
        ("mangle", Hook::Output) => "route",
        _ => "filter",
    };
    Some(Base {
        hook,
        priority: if late { 100 } else { *priority },
        kind: kind.to_owned(),
        accepts,
    })
}

/// A rule without `[packets:bytes]` before it, and how many bytes that is.
fn without_counters(line: &str) -> (&str, usize) {
    let rest = line
        .strip_prefix('[')
        .and_then(|l| l.split_once(']'))
        .map(|(_, rest)| rest.trim_start());
    let rest = rest.unwrap_or(line);
    (rest, line.len() - rest.len())
}

/// `-A CHAIN …`: the place of the chain, and the rule.
fn rule(
    line: &str,
    chains: &BTreeMap<&str, usize>,
    around: &Around<'_>,
    span: Span,
    problems: &mut Problems,
) -> Option<(usize, FirewallRule)> {
    let told = |message: String, problems: &mut Problems| {
        if !problems.skips() {
            problems.push(Diagnostic::error("S008", span, message));
        }
    };
    let Some((chain, rest)) = line
        .strip_prefix("-A ")
        .map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
    else {
        told(format!("{} is no rule", show(line)), problems);
        return None;
    };
    let Some(&at) = chains.get(chain) else {
        told(
            format!("the chain {} is not in this table", show(chain)),
            problems,
        );
        return None;
    };
    let mut words = match Words::of(rest) {
        Ok(words) => words,
        Err(message) => {
            told(message.to_owned(), problems);
            return None;
        }
    };
    let mut rule = FirewallRule {
        tests: Vec::new(),
        discovery: Discovery::both(Fits::Always),
        effects: Vec::new(),
        text: rest.to_owned(),
        origin: span,
    };
    if let Err(message) = options(&mut words, &mut rule, chains, around) {
        told(message, problems);
        return None;
    }
    if rule.effects.is_empty() {
        rule.effects.push(Effect::Nothing);
    }
    // What does nothing does so whatever it tests, which need not be known then.
    if rule.effects.iter().all(|e| *e == Effect::Nothing) {
        rule.tests.clear();
    }
    Some((at, rule))
}

/// Reads all options of a rule.
fn options(
    words: &mut Words,
    rule: &mut FirewallRule,
    chains: &BTreeMap<&str, usize>,
    around: &Around<'_>,
) -> Result<(), String> {
    let mut tests = matches::Reader::new(around);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-j" | "--jump" => {
                let target = words.value(&word)?;
                let options = words.rest();
                rule.effects = if chains.contains_key(target.as_str()) {
                    vec![Effect::Jump(target)]
                } else {
                    targets::effects(&target, options, around)?
                };
            }
            "-g" | "--goto" => rule.effects = vec![Effect::Goto(words.value(&word)?)],
            _ => tests.option(&word, words)?,
        }
    }
    rule.discovery = tests.discovery;
    rule.tests = tests.finish(&rule.effects);
    Ok(())
}
