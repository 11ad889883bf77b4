//! `ip -j -d link` and `ip -j addr`: interfaces and their addresses.
//!
//! Knows: what these dumps call things. Must never know: where the other end of a pair is (`peers`).

use std::collections::HashMap;

use super::record::{Record, records};
use super::strange;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node};
use crate::model::inet::{Family, IpNet};
use crate::model::linux::{
    BridgePort, Interface, InterfaceAddress, LinkKind, Strange, TunnelLabel,
};

/// An interface, and what the dump says of its other end.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) interface: Interface,
    /// Index of the other end, or of the device below.
    pub(super) peer_index: Option<u32>,
    /// The number that this namespace has for the namespace of the other end.
    pub(super) peer_netns: Option<u32>,
    /// The other end by name, where it is in the same namespace.
    pub(super) peer_name: Option<String>,
}

/// How a port of a bridge behaves unless it is told otherwise.
pub(super) const PORT: BridgePort = BridgePort {
    hairpin: false,
    isolated: false,
    forwarding: true,
    flood: true,
    broadcast: true,
    learning: true,
    origin: None,
};

/// The interfaces of `ip -j -d link`.
pub(super) fn links(
    json: &Json,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Vec<Link> {
    let mut all: Vec<Link> = Vec::new();
    let mut seen: HashMap<u32, Span> = HashMap::new();
    for record in records(json, problems) {
        let Some(link) = link(record, unmodelled, problems) else {
            continue;
        };
        let origin = link.interface.origin;
        if let Some(&there) = seen.get(&link.interface.index) {
            let message = format!("the interface {} is there twice", link.interface.index);
            let diagnostic = Diagnostic::error("S006", origin, message);
            problems.push(diagnostic.related(there, "first written here"));
            continue;
        }
        seen.insert(link.interface.index, origin);
        all.push(link);
    }
    all.sort_by_key(|l| l.interface.index);
    all
}

fn link(
    record: Record<'_>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Option<Link> {
    record.needed("ifindex", problems)?;
    let index = record.number("ifindex", problems)?;
    let name_node = record.needed("ifname", problems)?;
    let name = record.text("ifname", problems)?.to_owned();
    let origin = name_node.span();
    let info = record.get("linkinfo").and_then(|n| Record::of(n, problems));
    let data = info.and_then(|i| i.get("info_data"));
    let data = data.and_then(|n| Record::of(n, problems));
    let kind_word = match info {
        Some(info) => info.text("info_kind", problems).unwrap_or_default(),
        None => "",
    };
    let loopback = record.flag("flags", "LOOPBACK");
    let kind = kind(kind_word, loopback, data, problems);
    let slave = info.and_then(|i| i.text("info_slave_kind", problems));
    let master = record.text("master", problems).map(str::to_owned);
    let (master, port) = match slave {
        Some("bridge") => {
            let data = info.and_then(|i| i.get("info_slave_data"));
            let data = data.and_then(|n| Record::of(n, problems));
            if let Some(data) = data {
                strange::port(&name, data, unmodelled);
            }
            (master, data.map_or(PORT, |d| port(d, problems)))
        }
        // Without details the master may be anything; `bridge -j link` says whether it is a bridge.
        None => (master, PORT),
        Some(slave) => {
            strange::enslaved(slave, kind_word, &name, origin, unmodelled);
            (None, PORT)
        }
    };
    strange::device(&name, kind_word, record, unmodelled);
    match (&kind, data) {
        (LinkKind::Vxlan { .. }, Some(data)) => strange::vxlan(&name, record, data, unmodelled),
        (LinkKind::Bridge { .. }, Some(data)) => strange::bridge(&name, data, unmodelled),
        (LinkKind::Tunnel { .. }, Some(data)) => strange::tunnel(&name, record, data, unmodelled),
        _ => {}
    }
    let mac = record.text("address", problems).map(str::to_lowercase);
    let mac = mac.filter(|_| record.text("link_type", problems) == Some("ether"));
    Some(Link {
        peer_index: record.number("link_index", problems),
        peer_netns: record
            .get("link_netnsid")
            .and_then(|_| record.number("link_netnsid", problems)),
        peer_name: record.text("link", problems).map(str::to_owned),
        interface: Interface {
            index,
            name,
            kind,
            master,
            port,
            up: record.flag("flags", "UP"),
            carrier: record.flag("flags", "LOWER_UP"),
            mac,
            addresses: Vec::new(),
            noarp: record.flag("flags", "NOARP"),
            origin,
        },
    })
}

fn kind(word: &str, loopback: bool, data: Option<Record<'_>>, problems: &mut Problems) -> LinkKind {
    let mut truth = |key| data.and_then(|d| d.truth(key, problems)).unwrap_or(false);
    match word {
        "" if loopback => LinkKind::Loopback,
        // A bond or a team is one device with several wires.
        "" | "bond" | "team" => LinkKind::Physical,
        "veth" => LinkKind::Veth { peer: None },
        "bridge" => LinkKind::Bridge {
            vlan_filtering: truth("vlan_filtering"),
            call_iptables: truth("nf_call_iptables"),
            call_ip6tables: truth("nf_call_ip6tables"),
        },
        "dummy" => LinkKind::Dummy,
        "vxlan" => {
            let external = truth("external");
            let mut number = |key| data.and_then(|d| d.number(key, problems));
            let (id, port) = (number("id"), number("port"));
            let learning = data.and_then(|d| d.truth("learning", problems));
            let mut address = |keys: &[&str]| {
                let data = data?;
                keys.iter().find_map(|key| data.address(key, problems))
            };
            LinkKind::Vxlan {
                id: id.unwrap_or(0),
                port: port.and_then(|p| u16::try_from(p).ok()).unwrap_or(8472),
                local: address(&["local", "local6"]),
                remote: address(&["remote", "remote6", "group", "group6"]),
                external,
                learning: learning.unwrap_or(true),
                below: below(data),
            }
        }
        "ipip" | "gre" | "sit" | "ip6tnl" | "ip6gre" => {
            let mut address = |key| {
                // `any` is no address: the device takes from everybody.
                let node = data?.get(key).filter(|n| n.as_str() != Some("any"))?;
                data?.address(key, problems).filter(|_| !node.is_null())
            };
            LinkKind::Tunnel {
                kind: word.to_owned(),
                local: address("local").filter(|ip| !ip.is_unspecified()),
                remote: address("remote").filter(|ip| !ip.is_unspecified()),
                carries: carries(word, data),
                sends: label(data, "okey", "ocsum", problems),
                takes: label(data, "ikey", "icsum", problems),
                below: below(data),
            }
        }
        // The device below it hears nothing any more.
        "macvlan" | "macvtap" if mode(data) == Some(strange::PASSTHRU) => {
            LinkKind::Other(format!("{word} {}", strange::PASSTHRU))
        }
        other => LinkKind::Other(other.to_owned()),
    }
}

fn mode(data: Option<Record<'_>>) -> Option<&str> {
    data?.get("mode")?.as_str()
}

/// The device that outer messages leave by.
fn below(data: Option<Record<'_>>) -> Option<String> {
    Some(data?.get("link")?.as_str()?.to_owned())
}

/// What a tunnel carries, by its kind and its mode.
fn carries(kind: &str, data: Option<Record<'_>>) -> Vec<Family> {
    let mode = data.and_then(|d| d.get("proto")?.as_str());
    let (v4, v6) = match (kind, mode) {
        // Whatever its mode, it takes no IPv6.
        ("ipip", mode) => (mode != Some("mplsip"), false),
        ("sit" | "ip6tnl", Some("any")) | ("gre" | "ip6gre", _) => (true, true),
        ("sit" | "ip6tnl", Some("ipip" | "ipip6" | "ip4ip6")) => (true, false),
        ("sit" | "ip6tnl", Some("ip6ip" | "ip6ip6" | "ipv6") | None) => (false, true),
        _ => (false, false),
    };
    let all = [(Family::V4, v4), (Family::V6, v6)];
    all.iter().filter(|(_, on)| *on).map(|(f, _)| *f).collect()
}

fn label(
    data: Option<Record<'_>>,
    key: &'static str,
    checksum: &'static str,
    problems: &mut Problems,
) -> TunnelLabel {
    TunnelLabel {
        key: data.and_then(|d| d.word(key, problems)),
        checksum: (data.and_then(|d| d.truth(checksum, problems))).unwrap_or(false),
    }
}

/// A port of a bridge, as `ip -d link` and `bridge link` tell of it in the same words.
pub(super) fn port(data: Record<'_>, problems: &mut Problems) -> BridgePort {
    let origin = data.entry("hairpin").map_or(data.start(), |e| Span {
        end: e.value.span().end,
        ..e.key_span
    });
    let mut truth = |key, absent| data.truth(key, problems).unwrap_or(absent);
    let (hairpin, isolated) = (truth("hairpin", false), truth("isolated", false));
    let (flood, learning) = (truth("flood", true), truth("learning", true));
    // IPv6 asks for neighbours by multicast.
    let broadcast = truth("bcast_flood", true) && truth("mcast_flood", true);
    let state = data.text("state", problems);
    BridgePort {
        hairpin,
        isolated,
        flood,
        broadcast,
        learning,
        forwarding: state.is_none_or(|s| s == "forwarding"),
        origin: Some(origin),
    }
}

/// Adds the addresses of `ip -j addr` to the interfaces.
pub(super) fn addresses(json: &Json, links: &mut [Link], problems: &mut Problems) {
    let at: HashMap<u32, usize> = (0..links.len())
        .map(|at| (links[at].interface.index, at))
        .collect();
    for record in records(json, problems) {
        let Some(list) = record.get("addr_info") else {
            continue;
        };
        let mut own = Vec::new();
        for item in items(list, problems) {
            own.extend(Record::of(item, problems).and_then(|r| address(r, problems)));
        }
        record.needed("ifindex", problems);
        let Some(index) = record.number("ifindex", problems) else {
            continue;
        };
        if let Some(&at) = at.get(&index) {
            links[at].interface.addresses.extend(own);
        } else if !own.is_empty() {
            let name = record.text("ifname", problems).unwrap_or_default();
            let message = format!("the interface {} is not in `link.json`", show(name));
            let diagnostic = Diagnostic::error("S007", record.start(), message);
            problems.push(
                diagnostic.help("the dumps of a namespace are of one moment; take them again"),
            );
        }
    }
}

fn items<'t>(list: Node<'t>, problems: &mut Problems) -> Vec<Node<'t>> {
    crate::input::decode::list(list, problems).map_or_else(Vec::new, |l| l.iter().collect())
}

fn address(record: Record<'_>, problems: &mut Problems) -> Option<InterfaceAddress> {
    let family = record.text("family", problems);
    if record.map.is_empty() || !matches!(family, Some("inet" | "inet6")) {
        return None;
    }
    let local = record.needed("local", problems)?;
    let ip = record.address("local", problems)?;
    let length = record.number("prefixlen", problems);
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = length
        .and_then(|l| u8::try_from(l).ok())
        .filter(|l| *l <= most);
    let Some(net) = length.and_then(|l| IpNet::new(ip, l).ok()) else {
        let message = format!("the address {ip} wants a `prefixlen` of at most {most}");
        problems.push(Diagnostic::error("S006", local.span(), message));
        return None;
    };
    let mut truth = |key| record.truth(key, problems).unwrap_or(false);
    // The kernel does not answer for an address while it asks whether somebody else has it.
    let unusable = (truth("tentative") || truth("dadfailed")) && !truth("optimistic");
    let secondary = truth("secondary") || truth("temporary");
    Some(InterfaceAddress {
        net,
        scope: record.word("scope", problems).unwrap_or_default(),
        secondary,
        unusable,
        origin: local.span(),
    })
}
