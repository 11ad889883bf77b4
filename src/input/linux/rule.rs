//! `ip -j rule`, and `ip -6 -j rule`.
//!
//! Knows: what the dump calls things. Must never know: how a lookup is made.

use std::net::IpAddr;

use super::record::{Record, number, records};
use super::route::is_service;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node};
use crate::model::inet::{Family, IpNet, PortSet, Protocol, show_net};
use crate::model::linux::{PolicyRule, Reach, RuleAction, Strange};

/// Keys that are read or say nothing.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "priority", "src", "srclen", "dst", "dstlen", "table", "not", "fwmark", "fwmask", "iif", "oif", "iif_detached",
    "oif_detached", "ipproto", "sport", "sport_start", "sport_end", "dport", "dport_start", "dport_end",
    "suppress_prefixlen", "suppress_prefixlength", "action", "protocol", "type", "nop", "goto", "tos", "realms", "flow",
    "unresolved", "flags",
];

/// The rules of a dump.
pub(super) fn rules(
    json: &Json,
    family: Option<Family>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Vec<PolicyRule> {
    let mut all = Vec::new();
    for record in records(json, problems) {
        all.extend(rule(record, family, unmodelled, problems));
    }
    all.sort_by_key(|r: &PolicyRule| r.priority);
    all
}

/// What the kernel has where nobody changed anything.
pub(super) fn usual(family: Option<Family>, origin: Span) -> Vec<PolicyRule> {
    let rule = |(priority, table): (u32, &str)| PolicyRule {
        priority,
        from: None,
        to: None,
        inverted: false,
        mark: None,
        iif: None,
        oif: None,
        protocol: None,
        from_ports: None,
        to_ports: None,
        suppress: None,
        family,
        action: RuleAction::Lookup(table.to_owned()),
        text: format!("{priority}: from all lookup {table}"),
        origin,
    };
    [(0, "local"), (32766, "main"), (32767, "default")]
        .map(rule)
        .into()
}

fn rule(
    record: Record<'_>,
    family: Option<Family>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Option<PolicyRule> {
    let place = record.needed("priority", problems)?;
    let priority = record.number("priority", problems)?;
    let origin = place.span();
    let mut strange = |what: String| {
        let what = format!("policy rule {priority}: {what}");
        unmodelled.push(Strange {
            what,
            reach: Reach::Messages,
            origin,
        });
    };
    for entry in record.map.iter() {
        if !KNOWN.contains(&entry.key) {
            strange(format!("`{}` is not modelled", entry.key));
        }
    }
    let from = prefix(record, "src", "srclen", problems);
    let to = prefix(record, "dst", "dstlen", problems);
    let protocol = record.word("ipproto", problems);
    let known = protocol.as_deref().and_then(protocol_of);
    let service = record.word("tos", problems);
    if service.is_some_and(|tos| is_service(&tos)) {
        strange("`tos` is not modelled".to_owned());
    }
    if protocol.is_some() && known.is_none() {
        // No message of the model is of that kind: the rule is about others, unless it is turned round.
        if !record.has("not") {
            return None;
        }
        strange("what it is about is not modelled".to_owned());
    }
    let mark = mark(record, problems);
    let action = action(record, problems);
    let suppress = record
        .get("suppress_prefixlen")
        .map(|_| "suppress_prefixlen");
    let suppress = suppress.or_else(|| {
        record
            .get("suppress_prefixlength")
            .map(|_| "suppress_prefixlength")
    });
    let suppress = suppress.and_then(|key| record.number(key, problems));
    let mut rule = PolicyRule {
        priority,
        from: from.filter(|n| n.prefix_len() > 0),
        to: to.filter(|n| n.prefix_len() > 0),
        inverted: record.has("not"),
        mark,
        iif: record.text("iif", problems).map(str::to_owned),
        oif: record.text("oif", problems).map(str::to_owned),
        protocol: known,
        from_ports: ports(record, "sport", "sport_start", "sport_end", problems),
        to_ports: ports(record, "dport", "dport_start", "dport_end", problems),
        suppress: suppress.and_then(|s| u8::try_from(s).ok()),
        family: from.or(to).map(|n| Family::of(n.addr())).or(family),
        action,
        text: String::new(),
        origin,
    };
    rule.text = text(&rule);
    Some(rule)
}

/// Address and length are two keys; a host has no length.
fn prefix(
    record: Record<'_>,
    key: &'static str,
    length: &'static str,
    problems: &mut Problems,
) -> Option<IpNet> {
    let node = record.get(key)?;
    let word = node.as_str()?;
    if matches!(word, "all" | "default") {
        return None;
    }
    // Also in one word, as `ip rule` prints it to people.
    if word.contains('/') {
        return record.net(key, Family::V4, problems);
    }
    let ip: IpAddr = record.address(key, problems)?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits = record.number(length, problems).unwrap_or(most);
    let net = u8::try_from(bits)
        .ok()
        .and_then(|bits| IpNet::new(ip, bits).ok());
    if net.is_none() {
        let message = format!("a prefix of {ip} has at most {most} bits");
        problems.push(Diagnostic::error("S006", node.span(), message));
    }
    net.map(|n| n.trunc())
}

fn mark(record: Record<'_>, problems: &mut Problems) -> Option<(u32, u32)> {
    let node = record.get("fwmark")?;
    // `0x4000/0x4000` in one word, or value and mask apart.
    if let Some((value, mask)) = node.as_str().and_then(|t| t.split_once('/')) {
        return number(value).zip(number(mask));
    }
    let value = record.number("fwmark", problems)?;
    let mask = record.number("fwmask", problems).unwrap_or(u32::MAX);
    Some((value, mask))
}

fn action(record: Record<'_>, problems: &mut Problems) -> RuleAction {
    let word = |key: &str| record.get(key).and_then(Node::as_str);
    let named = word("action").or_else(|| word("type"));
    let other = ["goto", "nop"].into_iter().find(|k| record.has(k));
    match (named, other, record.word("table", problems)) {
        (Some("blackhole"), _, _) => RuleAction::Blackhole,
        (Some("unreachable"), _, _) => RuleAction::Unreachable,
        (Some("prohibit"), _, _) => RuleAction::Prohibit,
        (_, Some(other), _) => RuleAction::Other(other.to_owned()),
        (None | Some("to_tbl" | "lookup" | "unicast"), None, Some(table)) => {
            RuleAction::Lookup(table)
        }
        (Some(word), _, _) => RuleAction::Other(word.to_owned()),
        (None, None, None) => {
            if !problems.skips() {
                let message = "a policy rule wants a `table` or an `action`";
                problems.push(Diagnostic::error("S006", record.start(), message));
            }
            RuleAction::Other(show("nothing"))
        }
    }
}

fn ports(
    record: Record<'_>,
    one: &'static str,
    first: &'static str,
    last: &'static str,
    problems: &mut Problems,
) -> Option<PortSet> {
    let port = |n: u32| u16::try_from(n).ok();
    let text = record.get(one).and_then(Node::as_str);
    if let Some((low, high)) = text.and_then(|t| t.split_once('-')) {
        let (low, high) = (number(low).and_then(port)?, number(high).and_then(port)?);
        return Some(PortSet::of([(low, high)]));
    }
    if let Some(port) = record.number(one, problems).and_then(port) {
        return Some(PortSet::one(port));
    }
    let low = record.number(first, problems).and_then(port)?;
    let high = record.number(last, problems).and_then(port)?;
    Some(PortSet::of([(low, high)]))
}

/// A protocol by name or number.
pub(super) fn protocol_of(word: &str) -> Option<Protocol> {
    match word {
        "tcp" | "TCP" | "6" => Some(Protocol::Tcp),
        "udp" | "UDP" | "17" => Some(Protocol::Udp),
        "sctp" | "SCTP" | "132" => Some(Protocol::Sctp),
        _ => None,
    }
}

/// As `ip rule` prints it.
fn text(rule: &PolicyRule) -> String {
    let mut text = format!("{}:", rule.priority);
    if rule.inverted {
        text.push_str(" not");
    }
    let from = rule.from.map_or_else(|| "all".to_owned(), show_net);
    text.push_str(&format!(" from {from}"));
    if let Some(to) = rule.to {
        text.push_str(&format!(" to {}", show_net(to)));
    }
    match rule.mark {
        Some((value, u32::MAX)) => text.push_str(&format!(" fwmark {value:#x}")),
        Some((value, mask)) => text.push_str(&format!(" fwmark {value:#x}/{mask:#x}")),
        None => {}
    }
    for (word, device) in [("iif", &rule.iif), ("oif", &rule.oif)] {
        if let Some(device) = device {
            text.push_str(&format!(" {word} {device}"));
        }
    }
    if let Some(protocol) = rule.protocol {
        text.push_str(&format!(" ipproto {}", protocol.to_string().to_lowercase()));
    }
    for (word, ports) in [("sport", &rule.from_ports), ("dport", &rule.to_ports)] {
        if let Some(ports) = ports {
            text.push_str(&format!(" {word} {ports}"));
        }
    }
    match &rule.action {
        RuleAction::Lookup(table) => text.push_str(&format!(" lookup {table}")),
        RuleAction::Blackhole => text.push_str(" blackhole"),
        RuleAction::Unreachable => text.push_str(" unreachable"),
        RuleAction::Prohibit => text.push_str(" prohibit"),
        RuleAction::Other(word) => text.push_str(&format!(" {word}")),
    }
    if let Some(length) = rule.suppress {
        text.push_str(&format!(" suppress_prefixlength {length}"));
    }
    text
}
