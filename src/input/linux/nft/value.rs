//! Values of nft: prefixes, ranges, sets, and the elements of sets and maps.
//!
//! Must never know: chains, what an element leads to (`rule`).

use super::{Nft, Table, key, only};
use crate::input::linux::ipset::range;
use crate::input::linux::record::{net, number};
use crate::input::linux::rule::protocol_of;
use crate::input::yaml::{Node, Value};
use crate::model::inet::{IpNet, PortSet, Protocol};
use crate::model::linux::{Effect, SetElement, SetField, SetValue};

/// The members of an anonymous set, else the value itself.
pub(super) fn members(node: Node<'_>) -> Vec<Node<'_>> {
    let list = match only(node) {
        Some(("set", inner)) => inner,
        _ => node,
    };
    match list.value() {
        Value::Seq(items) => items.iter().collect(),
        _ => vec![list],
    }
}

/// A value with what is said around it (comment, time) taken off.
pub(super) fn bare(node: Node<'_>) -> Node<'_> {
    match only(node) {
        Some(("elem", inner)) => inner
            .as_map()
            .and_then(|m| m.get("val"))
            .map_or(node, |e| e.value),
        _ => node,
    }
}

fn two(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let Value::Seq(items) = node.value() else {
        return None;
    };
    let mut items = items.iter();
    Some((items.next()?, items.next()?))
}

/// Prefixes of an address, a prefix, a range, or a set of these.
pub(super) fn nets(node: Node<'_>) -> Option<Vec<IpNet>> {
    let mut all = Vec::new();
    for member in members(node) {
        all.extend(nets_of(bare(member))?);
    }
    Some(all)
}

fn nets_of(node: Node<'_>) -> Option<Vec<IpNet>> {
    match only(node) {
        Some(("prefix", inner)) => {
            let map = inner.as_map()?;
            let address = map.get("addr")?.value.as_str()?;
            let Value::Int(length) = map.get("len")?.value.value() else {
                return None;
            };
            Some(vec![net(&format!("{address}/{length}"))?])
        }
        Some(("range", inner)) => {
            let (low, high) = two(inner)?;
            range(low.as_str()?, high.as_str()?)
        }
        _ => Some(vec![net(node.as_str()?)?]),
    }
}

fn port(node: Node<'_>) -> Option<u16> {
    match node.value() {
        Value::Int(n) => u16::try_from(n).ok(),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

/// Ports of a number, a range, or a set of these.
pub(super) fn ports(node: Node<'_>) -> Option<PortSet> {
    let mut ranges = Vec::new();
    for member in members(node) {
        let member = bare(member);
        ranges.push(match only(member) {
            Some(("range", inner)) => {
                let (low, high) = two(inner)?;
                (port(low)?, port(high)?)
            }
            _ => (port(member)?, port(member)?),
        });
    }
    Some(PortSet::of(ranges))
}

/// Protocols; those that are none of ours are left out.
pub(super) fn protocols(node: Node<'_>) -> Option<Vec<Protocol>> {
    let mut all = Vec::new();
    for member in members(node) {
        let member = bare(member);
        let word = match member.value() {
            Value::Int(n) => n.to_string(),
            Value::Str(text) => text.to_owned(),
            _ => return None,
        };
        all.extend(protocol_of(&word));
    }
    Some(all)
}

/// A number of 32 bits, in whatever spelling.
pub(super) fn mark(node: Node<'_>) -> Option<u32> {
    match node.value() {
        Value::Int(n) => u32::try_from(n).ok(),
        Value::Str(text) => number(text),
        _ => None,
    }
}

/// Words: one, or a set of them.
pub(super) fn words(node: Node<'_>) -> Option<Vec<String>> {
    let all = members(node)
        .into_iter()
        .map(|n| bare(n).as_str().map(str::to_owned));
    all.collect()
}

/// The values of one element, field by field. Several, where a range of addresses is several prefixes; none of use,
/// where it is about protocols that are none of ours.
fn keys(node: Node<'_>, fields: &[SetField]) -> Option<Vec<Vec<SetValue>>> {
    let node = bare(node);
    if node.as_str() == Some("*") {
        return Some(vec![vec![SetValue::Any; fields.len()]]);
    }
    let parts = match only(node) {
        Some(("concat", inner)) => members(inner),
        _ => vec![node],
    };
    if parts.len() != fields.len() {
        return None;
    }
    let mut keys: Vec<Vec<SetValue>> = vec![Vec::new()];
    for (part, field) in parts.into_iter().zip(fields) {
        let values: Vec<SetValue> = match field {
            SetField::Source | SetField::Destination => {
                nets(part)?.into_iter().map(SetValue::Net).collect()
            }
            SetField::SourcePort | SetField::DestinationPort => vec![SetValue::Ports(ports(part)?)],
            SetField::Protocol => protocols(part)?
                .into_iter()
                .map(SetValue::Protocol)
                .collect(),
        };
        let longer = keys.iter().flat_map(|key| {
            values.iter().map(|value| {
                let mut key = key.clone();
                key.push(value.clone());
                key
            })
        });
        keys = longer.collect();
    }
    Some(keys)
}

/// The elements of a set or a map; `verdict` says what a value of a map does.
pub(super) fn elements(
    list: Node<'_>,
    fields: &[SetField],
    verdict: Option<&dyn Fn(Node<'_>) -> Effect>,
) -> Option<Vec<SetElement>> {
    let mut all = Vec::new();
    for item in members(list) {
        let (node, effects) = match verdict {
            Some(verdict) => {
                let (key, value) = two(bare(item))?;
                (key, vec![verdict(value)])
            }
            None => (item, Vec::new()),
        };
        let origin = item.span();
        all.extend(keys(node, fields)?.into_iter().map(|key| SetElement {
            key,
            exempt: false,
            effects: effects.clone(),
            origin,
        }));
    }
    // What is left over is asked last.
    all.sort_by_key(|e: &SetElement| e.key.contains(&SetValue::Any));
    Some(all)
}

impl Nft<'_> {
    /// Makes a set or map that a rule asks for known, by name or as it stands in the rule, and gives its key. `word`: what
    /// is done with the values of a map; one map may be asked by `dnat` and by `snat`, and means something else to each.
    pub(super) fn set(
        &mut self,
        table: Table<'_>,
        data: Node<'_>,
        fields: &[SetField],
        word: &str,
        verdict: Option<&dyn Fn(Node<'_>) -> Effect>,
    ) -> Option<String> {
        if let Some(name) = data.as_str().and_then(|n| n.strip_prefix('@')) {
            let key = key(table, name);
            let declared = *self.declared.get(&key)?;
            let key = if word.is_empty() {
                key
            } else {
                format!("{key} {word}")
            };
            if !self.sets.contains_key(&key) {
                let all = match declared.get("elem") {
                    Some(list) => elements(list, fields, verdict)?,
                    None => Vec::new(),
                };
                self.sets.insert(key.clone(), all);
            }
            return Some(key);
        }
        let all = elements(data, fields, verdict)?;
        self.anonymous += 1;
        let key = key(table, &format!("#{}", self.anonymous));
        self.sets.insert(key.clone(), all);
        Some(key)
    }
}
