//! `nft -j list ruleset`: the tables that iptables did not make.
//!
//! Knows: tables, chains, sets and maps of the dump; which tables `iptables-save` has shown already. Must never know:
//! how a message passes a chain.

mod discovery;
mod rule;
mod show;
mod test;
mod translate;
mod value;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::record::Record;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node, Value};
use crate::model::linux::{Base, Chain, ChainFamily, Effect, Hook, Reach, SetElement, Strange};

/// Everything of one dump while it is read.
#[derive(Debug, Default)]
pub(super) struct Nft<'t> {
    /// Sets and maps as they were declared, by `family table name`.
    declared: HashMap<String, Record<'t>>,
    /// Those that were asked for, and those that rules hold themselves.
    pub(super) sets: BTreeMap<String, Vec<SetElement>>,
    /// How many sets of rules were named.
    anonymous: usize,
}

/// A table: family and name.
type Table<'t> = (&'t str, &'t str);

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) chains: Vec<Chain>,
    pub(super) sets: BTreeMap<String, Vec<SetElement>>,
}

/// Reads a dump; `known` says of the chains of `iptables-save` (family, table and chain, how many rules) and so which
/// tables are the same ones.
pub(super) fn read(
    json: &Json,
    known: &[Chain],
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Read {
    let mut nft = Nft::default();
    let mut chains: Vec<Record<'_>> = Vec::new();
    let mut rules: Vec<Record<'_>> = Vec::new();
    let mut dormant: HashSet<Table<'_>> = HashSet::new();
    for value in json.values() {
        let Some(top) = Record::of(value, problems) else {
            continue;
        };
        let Some(list) = top.needed("nftables", problems) else {
            continue;
        };
        let items = decode::list(list, problems);
        for item in items.into_iter().flat_map(crate::input::yaml::Seq::iter) {
            let Some((word, node)) = only(item) else {
                decode::wrong_type(item, "an object of one key", problems);
                continue;
            };
            let Some(record) = Record::of(node, problems) else {
                continue;
            };
            match word {
                "chain" => {
                    named(record, "name", problems);
                    chains.push(record);
                }
                "rule" => {
                    named(record, "chain", problems);
                    rules.push(record);
                }
                "set" | "map" => {
                    named(record, "name", problems);
                    nft.declare(record);
                }
                // What is asleep is asked for nothing.
                "table" if record.flag("flags", "dormant") => {
                    dormant.extend(self::word(record, "family").zip(self::word(record, "name")));
                }
                "metainfo" | "table" | "counter" | "quota" | "limit" | "ct helper"
                | "ct timeout" | "ct expectation" | "secmark" | "synproxy" => {}
                "flowtable" => unmodelled.push(Strange {
                    what: "a flow table takes messages past the rules".to_owned(),
                    reach: Reach::Frames,
                    origin: record.start(),
                }),
                _ => unmodelled.push(Strange {
                    what: format!("nft lists {}", show(word)),
                    reach: Reach::Frames,
                    origin: record.start(),
                }),
            }
        }
    }
    let same = same(&chains, &rules, known);
    let mut read = Read::default();
    let mut places: HashMap<(Table<'_>, &str), usize> = HashMap::new();
    for record in chains {
        let Some((table, name)) = place(record, "name").filter(|(t, _)| !same.contains(t)) else {
            continue;
        };
        places.insert((table, name), read.chains.len());
        let mut chain = chain(record, table, name, problems);
        chain.base = chain.base.filter(|_| !dormant.contains(&table));
        read.chains.push(chain);
    }
    for record in rules {
        let Some((table, name)) = place(record, "chain").filter(|(t, _)| !same.contains(t)) else {
            continue;
        };
        let at = places.get(&(table, name));
        let Some(chain) = at.and_then(|at| read.chains.get_mut(*at)) else {
            if !problems.skips() {
                let message = format!("the chain {} is not in this dump", show(name));
                problems.push(Diagnostic::error("S006", record.start(), message));
            }
            continue;
        };
        let rules = rule::read(&mut nft, table, chain.family, record);
        chain.rules.extend(rules);
    }
    elsewhere(&read.chains, unmodelled);
    read.sets = nft.sets;
    read
}

/// Chains that are asked where the model has no place.
fn elsewhere(chains: &[Chain], unmodelled: &mut Vec<Strange>) {
    for chain in chains {
        let Some(base) = &chain.base else {
            continue;
        };
        let place = base.hook == Hook::Other || chain.family == ChainFamily::Link;
        if place && !(base.accepts && harmless(chain, chains)) {
            unmodelled.push(Strange {
                what: format!(
                    "chain {} of nft table {}: it is asked where rules are not modelled",
                    chain.name, chain.table
                ),
                reach: Reach::Frames,
                origin: chain.origin,
            });
        }
    }
}

/// Whether no rule of a chain, nor of those that it may jump to, does more than let pass and count.
fn harmless(chain: &Chain, chains: &[Chain]) -> bool {
    let passes = |e: &Effect| {
        matches!(
            e,
            Effect::Accept | Effect::Return | Effect::Nothing | Effect::Jump(_) | Effect::Goto(_)
        )
    };
    let table = |c: &&Chain| c.family == chain.family && c.table == chain.table;
    let mut rules = chains.iter().filter(table).flat_map(|c| &c.rules);
    rules.all(|r| r.effects.iter().all(passes))
}

/// The one key of an object, and its value.
fn only(node: Node<'_>) -> Option<(&str, Node<'_>)> {
    let map = node.as_map()?;
    let first = map.iter().next()?;
    (map.len() == 1).then_some((first.key, first.value))
}

/// What has no table or no name cannot be told from others.
fn named(record: Record<'_>, name: &str, problems: &mut Problems) {
    for key in ["family", "table", name] {
        record.needed(key, problems);
    }
}

fn word<'t>(record: Record<'t>, key: &str) -> Option<&'t str> {
    record.get(key)?.as_str()
}

/// Table and chain of a record.
fn place<'t>(record: Record<'t>, key: &str) -> Option<(Table<'t>, &'t str)> {
    let table = (word(record, "family")?, word(record, "table")?);
    Some((table, word(record, key)?))
}

/// The tables that `iptables-save` has shown: of iptables' names, with the same chains and as many rules in each.
fn same<'t>(chains: &[Record<'t>], rules: &[Record<'t>], known: &[Chain]) -> HashSet<Table<'t>> {
    const NAMES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];
    let mut counts: HashMap<Table<'t>, BTreeMap<&str, usize>> = HashMap::new();
    for (table, name) in chains.iter().filter_map(|c| place(*c, "name")) {
        counts.entry(table).or_default().insert(name, 0);
    }
    for (table, name) in rules.iter().filter_map(|r| place(*r, "chain")) {
        *counts.entry(table).or_default().entry(name).or_default() += 1;
    }
    counts.retain(|(family, name), own| {
        let family = match *family {
            "ip" => ChainFamily::V4,
            "ip6" => ChainFamily::V6,
            _ => return false,
        };
        let shown: BTreeMap<&str, usize> = known
            .iter()
            .filter(|c| c.family == family && c.table == *name)
            .map(|c| (c.name.as_str(), c.rules.len()))
            .collect();
        // iptables-save tells of the chains that the kernel would have, too.
        let own_in_shown = own.iter().all(|(chain, n)| shown.get(chain) == Some(n));
        let shown_in_own = shown
            .iter()
            .all(|(chain, n)| own.get(chain).map_or(*n == 0, |own| own == n));
        NAMES.contains(name) && own_in_shown && shown_in_own
    });
    counts.into_keys().collect()
}

fn chain(record: Record<'_>, table: Table<'_>, name: &str, problems: &mut Problems) -> Chain {
    let family = match table.0 {
        "ip" => ChainFamily::V4,
        "ip6" => ChainFamily::V6,
        "inet" => ChainFamily::Both,
        _ => ChainFamily::Link,
    };
    let base = word(record, "hook").map(|hook| Base {
        hook: match hook {
            "prerouting" => Hook::Prerouting,
            "input" => Hook::Input,
            "forward" => Hook::Forward,
            "output" => Hook::Output,
            "postrouting" => Hook::Postrouting,
            _ => Hook::Other,
        },
        priority: priority(record, problems),
        kind: word(record, "type").unwrap_or("filter").to_owned(),
        accepts: word(record, "policy") != Some("drop"),
    });
    Chain {
        family,
        table: table.1.to_owned(),
        iptables: false,
        name: name.to_owned(),
        base,
        rules: Vec::new(),
        origin: record.get("name").map_or(record.start(), Node::span),
    }
}

fn priority(record: Record<'_>, problems: &mut Problems) -> i32 {
    let Some(node) = record.get("prio") else {
        return 0;
    };
    if let Value::Int(n) = node.value()
        && let Ok(n) = i32::try_from(n)
    {
        return n;
    }
    decode::wrong_type(node, "a priority", problems);
    0
}

/// How a set is called among all sets of a namespace.
fn key(table: Table<'_>, name: &str) -> String {
    format!("{} {} {name}", table.0, table.1)
}

impl<'t> Nft<'t> {
    fn declare(&mut self, record: Record<'t>) {
        if let Some((table, name)) = place(record, "name") {
            self.declared.insert(key(table, name), record);
        }
    }

    /// Whether rules add to a set while messages pass, or time takes from it.
    fn changes(&self, key: &str) -> bool {
        let declared = self.declared.get(key);
        declared.is_some_and(|r| r.flag("flags", "dynamic") || r.flag("flags", "timeout"))
    }
}
