//! `dnat to` and `snat to` of nft: an address, one of several by chance, or what a map says.
//!
//! Knows: the values of these statements. Must never know: tests, chains.

use std::net::IpAddr;

use super::value::members;
use super::{Nft, Table, only, test};
use crate::input::linux::record::ip;
use crate::input::yaml::{Node, Value};
use crate::model::linux::{Effect, Tested};

type To = (Option<IpAddr>, Option<u16>);

/// The effect, and what the fields of a map's key say by being there.
pub(super) fn read(
    nft: &mut Nft<'_>,
    table: Table<'_>,
    word: &str,
    inner: Node<'_>,
) -> (Vec<Tested>, Effect) {
    let of = |key: &str| inner.as_map().and_then(|m| m.get(key)).map(|e| e.value);
    let all = |all: Vec<To>| {
        if word == "dnat" {
            Effect::Dnat(all)
        } else {
            Effect::Snat(all)
        }
    };
    if let Some(found) = translation(of("addr"), of("port")) {
        return (Vec::new(), all(found));
    }
    let unknown = || Effect::Unknown(format!("nft {word}"));
    let mapped = of("addr")
        .filter(|_| of("port").is_none())
        .and_then(|node| {
            let Some(("map", inner)) = only(node) else {
                return None;
            };
            let map = inner.as_map()?;
            let (implied, fields) = test::fields(map.get("key")?.value)?;
            let value = |node: Node<'_>| one(node, None).map_or_else(unknown, |to| all(vec![to]));
            let set = nft.set(table, map.get("data")?.value, &fields, word, Some(&value))?;
            Some((implied, Effect::Map { set, fields }))
        });
    mapped.unwrap_or_else(|| (Vec::new(), unknown()))
}

/// Whether a key is a number by chance, or as good as that: of a hash, which one it is nobody foresees.
pub(super) fn random(key: Node<'_>) -> bool {
    matches!(only(key), Some(("numgen" | "jhash" | "symhash", _)))
}

/// The value of an element of a map.
pub(super) fn second(node: Node<'_>) -> Option<Node<'_>> {
    match node.value() {
        Value::Seq(pair) => pair.iter().nth(1),
        _ => None,
    }
}

/// A port.
pub(super) fn port(node: Node<'_>) -> Option<u16> {
    match node.value() {
        Value::Int(n) => u16::try_from(n).ok(),
        _ => None,
    }
}

/// One address and port, or one of several by a random number.
fn translation(address: Option<Node<'_>>, to_port: Option<Node<'_>>) -> Option<Vec<To>> {
    let own_port = match to_port {
        Some(node) => Some(port(node)?),
        None => None,
    };
    let Some(address) = address else {
        return own_port.map(|p| vec![(None, Some(p))]);
    };
    if address.as_str().is_some() {
        return Some(vec![one(address, own_port)?]);
    }
    let Some(("map", inner)) = only(address) else {
        return None;
    };
    let map = inner.as_map()?;
    if !random(map.get("key")?.value) {
        return None;
    }
    let values = members(map.get("data")?.value).into_iter().map(second);
    values.map(|value| one(value?, own_port)).collect()
}

/// An address, or an address and a port.
fn one(node: Node<'_>, own_port: Option<u16>) -> Option<To> {
    match only(node) {
        Some(("concat", both)) => {
            let both = members(both);
            let (address, own) = (both.first()?, both.get(1)?);
            Some((Some(ip(address.as_str()?)?), Some(port(*own)?)))
        }
        _ => Some((Some(ip(node.as_str()?)?), own_port)),
    }
}
