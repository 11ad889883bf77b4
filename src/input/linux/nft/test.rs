//! What a rule of nft tests.
//!
//! Knows: the expressions on the left of a match. Must never know: statements.

use super::value::{mark, members, nets, ports, protocols, words};
use super::{Nft, Table, key, only, show};
use crate::input::linux::record::whole;
use crate::input::linux::route::type_of;
use crate::input::yaml::{Node, Value};
use crate::model::inet::{Family, Protocol};
use crate::model::linux::{AddressType, CtState, SetField, Side, Test, Tested, WayBack};

/// The tests of one match.
pub(super) fn tests(
    nft: &mut Nft<'_>,
    table: Table<'_>,
    left: Node<'_>,
    op: &str,
    right: Node<'_>,
) -> Vec<Test> {
    let negated = match op {
        "==" | "in" => false,
        "!=" => true,
        _ => return vec![unknown(left, op, right)],
    };
    if let Some((way, there)) = way_back(left, right) {
        return vec![Test {
            negated: negated == there,
            what: Tested::WayBack(way),
        }];
    }
    let found = one(nft, table, left, right);
    let Some((implied, what)) = found else {
        return vec![unknown(left, op, right)];
    };
    // That a field is there at all is a test of its own, and not turned round with the other.
    let mut all: Vec<Test> = implied
        .into_iter()
        .map(|what| Test {
            negated: false,
            what,
        })
        .collect();
    all.push(Test { negated, what });
    all
}

fn unknown(left: Node<'_>, op: &str, right: Node<'_>) -> Test {
    Test {
        negated: false,
        what: Tested::Unknown(format!(
            "nft {} {op} {}",
            show::value(left),
            show::value(right)
        )),
    }
}

/// A field of a message, and what its being there says.
pub(super) fn field(node: Node<'_>) -> Option<(Vec<Tested>, SetField)> {
    let (word, inner) = only(node)?;
    let map = inner.as_map()?;
    let text = |key| map.get(key)?.value.as_str();
    let found = match (word, text("protocol"), text("field"), text("key")) {
        ("payload", Some(protocol @ ("ip" | "ip6")), Some(name), _) => {
            let family = if protocol == "ip" {
                Family::V4
            } else {
                Family::V6
            };
            let implied = vec![Tested::Source(vec![whole(family)?])];
            match name {
                "saddr" => (implied, SetField::Source),
                "daddr" => (implied, SetField::Destination),
                "protocol" | "nexthdr" => (implied, SetField::Protocol),
                _ => return None,
            }
        }
        ("payload", Some(protocol), Some(name @ ("sport" | "dport")), _) => {
            let known = match protocol {
                "tcp" => vec![Protocol::Tcp],
                "udp" => vec![Protocol::Udp],
                "sctp" => vec![Protocol::Sctp],
                "th" => Protocol::ALL.to_vec(),
                _ => return None,
            };
            let field = if name == "sport" {
                SetField::SourcePort
            } else {
                SetField::DestinationPort
            };
            (vec![Tested::Protocol(known)], field)
        }
        ("meta", _, _, Some("l4proto")) => (Vec::new(), SetField::Protocol),
        _ => return None,
    };
    Some(found)
}

/// The fields of a key, which may be several side by side.
pub(super) fn fields(node: Node<'_>) -> Option<(Vec<Tested>, Vec<SetField>)> {
    let parts = match only(node) {
        Some(("concat", inner)) => members(inner),
        _ => vec![node],
    };
    let (mut implied, mut all) = (Vec::new(), Vec::new());
    for part in parts {
        let (more, field) = field(part)?;
        for test in more {
            if !implied.contains(&test) {
                implied.push(test);
            }
        }
        all.push(field);
    }
    Some((implied, all))
}

fn one(
    nft: &mut Nft<'_>,
    table: Table<'_>,
    left: Node<'_>,
    right: Node<'_>,
) -> Option<(Vec<Tested>, Tested)> {
    let named = right.as_str().and_then(|r| r.strip_prefix('@'));
    if let Some((implied, fields)) = fields(left) {
        if named.is_some_and(|name| nft.changes(&key(table, name))) {
            return None;
        }
        if named.is_some() || fields.len() > 1 {
            let set = nft.set(table, right, &fields, "", None)?;
            return Some((implied, Tested::InSet { set, fields }));
        }
        let what = match fields.first()? {
            SetField::Source => Tested::Source(nets(right)?),
            SetField::Destination => Tested::Destination(nets(right)?),
            SetField::SourcePort => Tested::SourcePort(ports(right)?),
            SetField::DestinationPort => Tested::DestinationPort(ports(right)?),
            SetField::Protocol => Tested::Protocol(protocols(right)?),
        };
        return Some((implied, what));
    }
    if named.is_some() {
        return None;
    }
    let (word, inner) = only(left)?;
    if word == "&" {
        let Value::Seq(parts) = inner.value() else {
            return None;
        };
        let mut parts = parts.iter();
        let (of, mask) = (parts.next()?, mark(parts.next()?)?);
        return Some((Vec::new(), marked(of, mark(right)?, mask)?));
    }
    let map = inner.as_map()?;
    let text = |key| map.get(key)?.value.as_str();
    let what = match (word, text("key")) {
        ("meta" | "ct", Some("mark")) => marked(left, mark(right)?, u32::MAX)?,
        ("meta", Some("iifname" | "iif")) => Tested::InDevice(devices(right)?),
        ("meta", Some("oifname" | "oif")) => Tested::OutDevice(devices(right)?),
        ("meta", Some("nfproto" | "protocol")) => Tested::Source(families(right)?),
        ("meta", Some("pkttype")) => {
            let unicast = words(right)?
                .iter()
                .any(|w| matches!(w.as_str(), "unicast" | "host"));
            if unicast {
                Tested::Always
            } else {
                Tested::Protocol(Vec::new())
            }
        }
        ("ct", Some("state")) => {
            let states: Option<Vec<CtState>> = words(right)?.iter().map(|w| state(w)).collect();
            Tested::State(states?)
        }
        ("ct", Some("status")) => match words(right)?.as_slice() {
            [one] if one == "dnat" => Tested::State(vec![CtState::Dnat]),
            [one] if one == "snat" => Tested::State(vec![CtState::Snat]),
            _ => return None,
        },
        ("fib", _) if text("result") == Some("type") => {
            let kinds: Option<Vec<_>> = words(right)?.iter().map(|w| type_of(w)).collect();
            let flags = words(map.get("flags")?.value)?;
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let (source, device) = match flags.as_slice() {
                [of @ ("saddr" | "daddr")] => (*of == "saddr", None),
                [of @ ("saddr" | "daddr"), "iif"] => (*of == "saddr", Some(Side::In)),
                [of @ ("saddr" | "daddr"), "oif"] => (*of == "saddr", Some(Side::Out)),
                _ => return None,
            };
            Tested::Type(AddressType {
                source,
                kinds: kinds?,
                device,
            })
        }
        ("meta", Some(key @ ("skuid" | "skgid"))) => {
            // What has no owner is neither his nor another's.
            let owner = Tested::Owner(format!("nft meta {key}"));
            return Some((vec![owner.clone()], owner));
        }
        // No message of the model has these headers.
        ("payload", _)
            if matches!(
                text("protocol"),
                Some("icmp" | "icmpv6" | "arp" | "igmp" | "esp" | "ah")
            ) =>
        {
            Tested::Protocol(Vec::new())
        }
        ("numgen", _) => Tested::Sometimes {
            never: false,
            always: false,
        },
        _ => return None,
    };
    // Of a header that is not there nothing holds, turned round or not.
    let implied = match word {
        "payload" => vec![Tested::Protocol(Vec::new())],
        _ => Vec::new(),
    };
    Some((implied, what))
}

/// `fib saddr . iif oif exists`: which way, and whether it must be there.
fn way_back(left: Node<'_>, right: Node<'_>) -> Option<(WayBack, bool)> {
    let ("fib", inner) = only(left)? else {
        return None;
    };
    let map = inner.as_map()?;
    if map.get("result")?.value.as_str()? != "oif" {
        return None;
    }
    let there = match right.value() {
        Value::Bool(there) => there,
        Value::Int(0) => false,
        _ => return None,
    };
    let flags = words(map.get("flags")?.value)?;
    let has = |flag: &str| flags.iter().any(|f| f == flag);
    let known = |f: &String| matches!(f.as_str(), "saddr" | "iif" | "mark");
    let way = WayBack {
        loose: !has("iif"),
        marked: has("mark"),
        local: false,
    };
    (has("saddr") && flags.iter().all(known)).then_some((way, there))
}

fn marked(of: Node<'_>, value: u32, mask: u32) -> Option<Tested> {
    let (word, inner) = only(of)?;
    let key = inner.as_map()?.get("key")?.value.as_str()?;
    match (word, key) {
        ("meta", "mark") => Some(Tested::Mark { value, mask }),
        ("ct", "mark") => Some(Tested::ConnMark { value, mask }),
        _ => None,
    }
}

/// Names of devices; nft marks a prefix of names by `*`, iptables by `+`.
fn devices(node: Node<'_>) -> Option<Vec<String>> {
    let all = words(node)?
        .into_iter()
        .map(|name| match name.strip_suffix('*') {
            Some(begin) => format!("{begin}+"),
            None => name,
        });
    Some(all.collect())
}

fn families(node: Node<'_>) -> Option<Vec<crate::model::inet::IpNet>> {
    let all = words(node)?;
    let family = |word: &String| match word.as_str() {
        "ipv4" | "ip" => whole(Family::V4),
        "ipv6" | "ip6" => whole(Family::V6),
        _ => None,
    };
    // ARP and other protocols of the link are none of ours.
    Some(all.iter().filter_map(family).collect())
}

fn state(word: &str) -> Option<CtState> {
    Some(match word {
        "new" => CtState::New,
        "established" => CtState::Established,
        "related" => CtState::Related,
        "invalid" => CtState::Invalid,
        "untracked" => CtState::Untracked,
        _ => return None,
    })
}
