//! What a rule of nft does, statement by statement.
//!
//! Knows: statements. Must never know: chains.
//!
//! A verdict map whose key the model has no fields for becomes a rule for each of its elements: they exclude each other.

use super::discovery::discovery;
use super::value::{mark, members};
use super::{Nft, Table, key, only, show, test, translate};
use crate::input::linux::record::Record;
use crate::input::yaml::{Node, Value};
use crate::model::linux::{ChainFamily, Discovery, Effect, FirewallRule, Fits, Test, Tested};

/// Reads one; possibly several of the model.
pub(super) fn read(
    nft: &mut Nft<'_>,
    table: Table<'_>,
    family: ChainFamily,
    record: Record<'_>,
) -> Vec<FirewallRule> {
    let expressions = record.get("expr").map_or_else(Vec::new, members);
    let mut rule = FirewallRule {
        tests: Vec::new(),
        discovery: Discovery::both(Fits::Always),
        effects: Vec::new(),
        text: show::rule(&expressions),
        origin: expressions.first().map_or(record.start(), |e| e.span()),
    };
    let mut split: Vec<FirewallRule> = Vec::new();
    let last = expressions.len().saturating_sub(1);
    for (at, node) in expressions.into_iter().enumerate() {
        let Some((word, inner)) = only(node) else {
            rule.effects
                .push(Effect::Unknown("nft statement".to_owned()));
            continue;
        };
        let of = |key: &str| inner.as_map().and_then(|m| m.get(key)).map(|e| e.value);
        match word {
            "match" => {
                // What is tested after something was done is asked of the changed message.
                if acted(&rule) {
                    rule.effects.push(late());
                    break;
                }
                let (Some(left), Some(right)) = (of("left"), of("right")) else {
                    rule.tests.push(unknown("nft match"));
                    continue;
                };
                let op = of("op").and_then(Node::as_str).unwrap_or("==");
                rule.discovery = rule.discovery.and(discovery(left, op, Some(right)));
                let tests = match affinity(nft, table, right, at < last) {
                    Some(test) => vec![test],
                    None => test::tests(nft, table, left, op, right),
                };
                for test in tests {
                    if !rule.tests.contains(&test) && !(obvious(family, &test)) {
                        rule.tests.push(test);
                    }
                }
            }
            "vmap" => match vmap(nft, table, of("key"), of("data")) {
                Some(Mapped::Effects(implied, effect)) => {
                    if let Some(key) = of("key") {
                        rule.discovery = rule.discovery.and(discovery(key, "==", None));
                    }
                    rule.tests
                        .extend(implied.into_iter().filter(|t| !obvious(family, t)));
                    rule.effects.push(effect);
                }
                Some(Mapped::Rules(all)) if at == last => {
                    split = all
                        .into_iter()
                        .map(|(tests, discovery, effect)| FirewallRule {
                            discovery: rule.discovery.and(discovery),
                            tests: rule.tests.iter().cloned().chain(tests).collect(),
                            effects: rule.effects.iter().cloned().chain([effect]).collect(),
                            ..rule.clone()
                        })
                        .collect();
                }
                _ => rule
                    .effects
                    .push(Effect::Unknown(format!("nft {}", rule.text))),
            },
            // How much came before is not known: either may be.
            "limit" => {
                if acted(&rule) {
                    rule.effects.push(late());
                    break;
                }
                rule.tests.push(Test {
                    negated: false,
                    what: SOMETIMES,
                });
            }
            "quota" | "connlimit" | "ct count" | "osf" | "socket" => {
                rule.tests.push(unknown(&format!("nft {word}")));
            }
            "xt" => {
                // An extension of iptables: what it is stands in no dump of nft.
                let name = of("name").map_or_else(String::new, show::value);
                if of("type").and_then(Node::as_str) == Some("match") {
                    if name != "comment" {
                        rule.tests.push(unknown(&format!("match {name}")));
                    }
                } else if !matches!(
                    name.as_str(),
                    "LOG" | "NFLOG" | "TRACE" | "TCPMSS" | "CHECKSUM"
                ) {
                    rule.effects.push(Effect::Unknown(format!("target {name}")));
                }
            }
            "dnat" | "snat" => {
                let (implied, effect) = translate::read(nft, table, word, inner);
                let implied = implied.into_iter().map(|what| Test {
                    negated: false,
                    what,
                });
                rule.tests.extend(implied.filter(|t| !obvious(family, t)));
                rule.effects.push(effect);
            }
            _ => rule.effects.push(statement(word, node, inner, family)),
        }
    }
    if !split.is_empty() {
        return split;
    }
    rule.effects.retain(|e| *e != Effect::Nothing);
    if rule.effects.is_empty() {
        rule.effects.push(Effect::Nothing);
        rule.tests.clear();
    }
    vec![rule]
}

/// Either may be, at any time.
const SOMETIMES: Tested = Tested::Sometimes {
    never: false,
    always: false,
};

/// Whether something was done already where a statement stands.
fn acted(rule: &FirewallRule) -> bool {
    rule.effects.iter().any(|e| *e != Effect::Nothing)
}

fn late() -> Effect {
    Effect::Unknown("nft: a test after a statement".to_owned())
}

fn unknown(what: &str) -> Test {
    Test {
        negated: false,
        what: Tested::Unknown(what.to_owned()),
    }
}

/// In a table of one family, that a message is of that family needs no test.
fn obvious(family: ChainFamily, test: &Test) -> bool {
    let all = |nets: &[crate::model::inet::IpNet]| match family {
        ChainFamily::V4 => nets
            .iter()
            .all(|n| n.prefix_len() == 0 && n.addr().is_ipv4()),
        ChainFamily::V6 => nets
            .iter()
            .all(|n| n.prefix_len() == 0 && n.addr().is_ipv6()),
        ChainFamily::Both | ChainFamily::Link => false,
    };
    match &test.what {
        Tested::Source(nets) => !test.negated && !nets.is_empty() && all(nets),
        _ => false,
    }
}

/// Who came before is in a set that rules fill. Where it only decides which way to go on, it is a choice.
fn affinity(nft: &Nft<'_>, table: Table<'_>, right: Node<'_>, more: bool) -> Option<Test> {
    let name = right.as_str()?.strip_prefix('@')?;
    let key = key(table, name);
    (more && nft.changes(&key) && name.starts_with("affinity")).then_some(Test {
        negated: false,
        what: SOMETIMES,
    })
}

/// A verdict: of a map, or a statement of its own.
fn verdict(node: Node<'_>) -> Effect {
    let Some((word, inner)) = only(node) else {
        return Effect::Unknown("nft verdict".to_owned());
    };
    let target = || {
        let entry = inner.as_map().and_then(|m| m.get("target"));
        entry.map_or_else(String::new, |e| show::value(e.value))
    };
    match word {
        "accept" => Effect::Accept,
        "drop" => Effect::Drop,
        "return" => Effect::Return,
        "continue" => Effect::Nothing,
        "jump" => Effect::Jump(target()),
        "goto" => Effect::Goto(target()),
        _ => Effect::Unknown(format!("nft verdict {word}")),
    }
}

enum Mapped {
    /// One effect, under what the key's being there says.
    Effects(Vec<Test>, Effect),
    /// A rule for each element.
    Rules(Vec<(Vec<Test>, Discovery, Effect)>),
}

fn vmap(
    nft: &mut Nft<'_>,
    table: Table<'_>,
    left: Option<Node<'_>>,
    data: Option<Node<'_>>,
) -> Option<Mapped> {
    let (left, data) = (left?, data?);
    if translate::random(left) {
        let pairs = members(data)
            .into_iter()
            .map(translate::second)
            .collect::<Option<Vec<_>>>()?;
        let ways = pairs.into_iter().map(|v| vec![verdict(v)]).collect();
        return Some(Mapped::Effects(Vec::new(), Effect::OneOf(ways)));
    }
    if let Some((implied, fields)) = test::fields(left) {
        let set = nft.set(table, data, &fields, "", Some(&verdict))?;
        let tests = implied.into_iter().map(|what| Test {
            negated: false,
            what,
        });
        return Some(Mapped::Effects(
            tests.collect(),
            Effect::Map { set, fields },
        ));
    }
    let list = match data.as_str().and_then(|n| n.strip_prefix('@')) {
        Some(name) => nft.declared.get(&key(table, name))?.get("elem")?,
        None => data,
    };
    let mut all = Vec::new();
    for item in members(list) {
        let Value::Seq(pair) = item.value() else {
            return None;
        };
        let mut pair = pair.iter();
        let (element, value) = (pair.next()?, pair.next()?);
        let element = super::value::bare(element);
        let tests = test::tests(nft, table, left, "==", element);
        let discovery = discovery(left, "==", Some(element));
        all.push((tests, discovery, verdict(value)));
    }
    Some(Mapped::Rules(all))
}

fn statement(word: &str, node: Node<'_>, inner: Node<'_>, family: ChainFamily) -> Effect {
    let of = |key: &str| inner.as_map().and_then(|m| m.get(key)).map(|e| e.value);
    match word {
        "counter" | "log" | "comment" | "set" | "map" | "last" | "ct helper" | "ct timeout"
        | "meter" => Effect::Nothing,
        "accept" | "drop" | "return" | "continue" | "jump" | "goto" => verdict(node),
        "reject" => {
            let with = [of("type"), of("expr")]
                .into_iter()
                .flatten()
                .map(show::value);
            let with: Vec<String> = with.collect();
            let usual = if family == ChainFamily::V6 {
                "icmpv6-port-unreachable"
            } else {
                "icmp-port-unreachable"
            };
            Effect::Reject(if with.is_empty() {
                usual.to_owned()
            } else {
                with.join(" ")
            })
        }
        "notrack" => Effect::NoTrack,
        "masquerade" => Effect::Masquerade,
        "redirect" => match of("port").map(translate::port) {
            None => Effect::Redirect(None),
            Some(Some(port)) => Effect::Redirect(Some(port)),
            Some(None) => Effect::Unknown("nft redirect".to_owned()),
        },
        "mangle" => mangle(of("key"), of("value"))
            .unwrap_or_else(|| Effect::Unknown(format!("nft {}", show::rule(&[node])))),
        _ => Effect::Unknown(format!("nft {word}")),
    }
}

/// `meta mark set …`: of a number, or of the mark itself with some bits changed.
fn mangle(key: Option<Node<'_>>, value: Option<Node<'_>>) -> Option<Effect> {
    let (key, value) = (key?, value?);
    let is_mark = |node: Node<'_>, of: &str| {
        let Some((word, inner)) = only(node) else {
            return false;
        };
        let key = inner.as_map().and_then(|m| m.get("key"));
        word == of && key.is_some_and(|e| e.value.as_str() == Some("mark"))
    };
    if is_mark(key, "ct") {
        if let Some(value) = mark(value) {
            let mask = u32::MAX;
            return Some(Effect::SetConnMark { value, mask });
        }
        return is_mark(value, "meta").then_some(Effect::SaveMark(u32::MAX));
    }
    if !is_mark(key, "meta") {
        return None;
    }
    if is_mark(value, "ct") {
        return Some(Effect::RestoreMark(u32::MAX));
    }
    if let Some(value) = mark(value) {
        let mask = u32::MAX;
        return Some(Effect::SetMark { value, mask });
    }
    let (op, inner) = only(value)?;
    let parts = members(inner);
    let (of, bits) = (*parts.first()?, mark(*parts.get(1)?)?);
    // `mark & a | b`, as nft spells setting some bits.
    if matches!(op, "|" | "^")
        && let Some(("&", masked)) = only(of)
    {
        let masked = members(masked);
        let kept = mark(*masked.get(1)?)?;
        let own = is_mark(*masked.first()?, "meta");
        let mask = if op == "|" { !kept | bits } else { !kept };
        return own.then_some(Effect::SetMark { value: bits, mask });
    }
    if !is_mark(of, "meta") {
        return None;
    }
    match op {
        "|" => Some(Effect::SetMark {
            value: bits,
            mask: bits,
        }),
        "^" => Some(Effect::SetMark {
            value: bits,
            mask: 0,
        }),
        "&" => Some(Effect::SetMark {
            value: 0,
            mask: !bits,
        }),
        _ => None,
    }
}
