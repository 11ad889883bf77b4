//! Whether messages of IPv6 neighbour discovery meet what a match of nft tests of protocols.
//!
//! Must never know: statements; what else is tested (`test`).

use super::only;
use super::value::{bare, members};
use crate::input::linux::discovery::{of_protocols, of_types};
use crate::input::yaml::{Node, Value};
use crate::model::linux::{Discovery, Fits};

/// Of a match; without a value: of the key of a map.
pub(super) fn discovery(left: Node<'_>, op: &str, right: Option<Node<'_>>) -> Discovery {
    let Some(("concat", inner)) = only(left) else {
        return one(left, op, right);
    };
    let each = members(inner).into_iter();
    let each = each.map(|part| one(part, op, None));
    each.fold(Discovery::both(Fits::Always), Discovery::and)
}

fn one(left: Node<'_>, op: &str, right: Option<Node<'_>>) -> Discovery {
    let perhaps = Discovery::both(Fits::Perhaps);
    let Some((word, inner)) = only(left) else {
        return perhaps;
    };
    let map = inner.as_map();
    let text = |key| map.and_then(|m| m.get(key)).and_then(|e| e.value.as_str());
    let negated = match op {
        "==" | "in" => false,
        "!=" => true,
        _ => return perhaps,
    };
    let words = right.and_then(spelled);
    let words: Option<Vec<&str>> = words
        .as_ref()
        .map(|w| w.iter().map(String::as_str).collect());
    match (word, text("protocol"), text("field"), text("key")) {
        ("meta", _, _, Some("l4proto")) | ("payload", Some("ip6"), Some("nexthdr"), _) => {
            words.map_or(perhaps, |w| of_protocols(&w, negated))
        }
        ("payload", Some("icmpv6"), Some("type"), _) => {
            words.map_or(perhaps, |w| of_types(&w, negated))
        }
        // Addresses are tested beside.
        ("payload", Some("ip6"), Some("saddr" | "daddr"), _) => Discovery::both(Fits::Always),
        (
            "payload",
            Some(
                "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "igmp" | "esp" | "ah"
                | "comp" | "ip" | "arp",
            ),
            _,
            _,
        ) => Discovery::both(Fits::Never),
        ("payload", ..) | ("meta", _, _, Some("pkttype")) => perhaps,
        _ => Discovery::both(Fits::Always),
    }
}

/// The words and numbers of a value or a set; none where there is anything else, or a named set.
fn spelled(node: Node<'_>) -> Option<Vec<String>> {
    let each = members(node).into_iter().map(|m| match bare(m).value() {
        Value::Int(n) => Some(n.to_string()),
        Value::Str(text) => Some(text.to_owned()).filter(|t| !t.starts_with('@')),
        _ => None,
    });
    each.collect()
}
