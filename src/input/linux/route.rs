//! `ip -j -d route show table all`, or `ip -j route`.
//!
//! Knows: what the dump calls things. Must never know: how a lookup is made.

use std::net::IpAddr;

use super::link::Link;
use super::record::{Record, records};
use crate::base::diag::Diagnostic;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Node};
use crate::model::inet::{Family, IpNet, show_net};
use crate::model::linux::{LinkKind, NextHop, Reach, Route, RouteType, Strange};

/// What routes are, by word.
#[rustfmt::skip]
const TYPES: &[(&str, RouteType)] = &[
    ("unicast", RouteType::Unicast), ("local", RouteType::Local), ("broadcast", RouteType::Broadcast),
    ("multicast", RouteType::Multicast), ("anycast", RouteType::Anycast), ("blackhole", RouteType::Blackhole),
    ("unreachable", RouteType::Unreachable), ("prohibit", RouteType::Prohibit), ("throw", RouteType::Throw),
];

/// The type of a word.
pub(super) fn type_of(word: &str) -> Option<RouteType> {
    TYPES.iter().find(|(w, _)| *w == word).map(|(_, t)| *t)
}

/// Keys that say nothing about who gets what. What is not here, and is not read, is told as not modelled.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "protocol", "pref", "expires", "cache", "users", "age", "ipid", "mtu", "metrics", "uid", "error", "advmss", "rtt",
    "rttvar", "ssthresh", "cwnd", "initcwnd", "initrwnd", "quickack", "hoplimit", "window", "rto_min", "congestion",
    "features", "realm", "realms", "nhid", "fastopen_no_cookie", "used", "tsage", "rt_offload",
];
const READ: &[&str] = &[
    "type", "dst", "gateway", "via", "dev", "table", "scope", "prefsrc", "metric", "flags",
    "nexthops", "tos", "from", "src",
];

/// The routes of the dump.
pub(super) fn routes(
    json: &Json,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Vec<Route> {
    let mut all = Vec::new();
    for record in records(json, problems) {
        all.extend(route(record, unmodelled, problems));
    }
    all
}

fn route(
    record: Record<'_>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> Option<Route> {
    // What the kernel found out by itself and forgets again (`cached`), and what is for other kinds of service: no
    // message of the model asks for one.
    let tos = record.word("tos", problems);
    if record.flag("flags", "cloned") || tos.is_some_and(|t| t != "0" && t != "0x00") {
        return None;
    }
    let dst = record.needed("dst", problems)?;
    let kind = match record.get("type") {
        None => RouteType::Unicast,
        Some(node) => {
            let word = record.text("type", problems)?;
            let Some(kind) = type_of(word) else {
                let message = format!("routes of type {} are not known", show(word));
                problems.push(Diagnostic::error("L006", node.span(), message));
                return None;
            };
            kind
        }
    };
    let hops = hops(record, problems);
    let family = family(record, &hops, problems);
    let destination = record.net("dst", family, problems)?;
    let source = record.address("prefsrc", problems);
    let table = record
        .word("table", problems)
        .unwrap_or_else(|| "main".to_owned());
    let metric = record.number("metric", problems).unwrap_or(0);
    for entry in record.map.iter() {
        let from_all = matches!(entry.key, "from" | "src")
            && entry
                .value
                .as_str()
                .is_some_and(|w| w == "all" || w == "default");
        let strange = matches!(entry.key, "from" | "src") && !from_all
            || !READ.contains(&entry.key) && !HARMLESS.contains(&entry.key);
        if strange {
            unmodelled.push(Strange {
                what: format!(
                    "route to {}: `{}` is not modelled",
                    show_net(destination),
                    entry.key
                ),
                reach: Reach::Messages,
                origin: entry.key_span,
            });
        }
    }
    let mut route = Route {
        kind,
        destination,
        hops,
        table,
        metric,
        source,
        scope: record
            .word("scope", problems)
            .unwrap_or_else(|| "global".to_owned()),
        text: String::new(),
        origin: dst.span(),
    };
    route.text = text(&route);
    Some(route)
}

/// IPv6 where an address of it says so. `default` of neither says nothing; only IPv6 has preferences.
fn family(record: Record<'_>, hops: &[NextHop], problems: &mut Problems) -> Family {
    let dst = record.text("dst", problems);
    let dst = dst.and_then(super::record::net).map(|n| n.addr());
    let own = dst.or_else(|| record.address("prefsrc", problems));
    let gateway = hops.iter().find_map(|h| h.gateway);
    // A gateway of IPv6 for IPv4 is spelled `via`.
    let gateway = gateway.filter(|_| record.get("via").is_none());
    match own.or(gateway) {
        Some(ip) => Family::of(ip),
        None if record.get("pref").is_some() => Family::V6,
        None => Family::V4,
    }
}

fn hops(record: Record<'_>, problems: &mut Problems) -> Vec<NextHop> {
    let mut all = Vec::new();
    if let Some(list) = record.get("nexthops") {
        let list = crate::input::decode::list(list, problems);
        let items: Vec<Node<'_>> = list.map_or_else(Vec::new, |l| l.iter().collect());
        for item in items {
            all.extend(Record::of(item, problems).map(|r| hop(r, problems)));
        }
    } else {
        let one = hop(record, problems);
        if one.device.is_some() || one.gateway.is_some() {
            all.push(one);
        }
    }
    all
}

fn hop(record: Record<'_>, problems: &mut Problems) -> NextHop {
    let via = record.get("via").and_then(|n| Record::of(n, problems));
    let via = via.and_then(|v| v.address("host", problems));
    NextHop {
        gateway: record.address("gateway", problems).or(via),
        device: record.text("dev", problems).map(str::to_owned),
        onlink: record.flag("flags", "onlink"),
        dead: record.flag("flags", "dead") || record.flag("flags", "linkdown"),
    }
}

/// As `ip route` prints it.
fn text(route: &Route) -> String {
    let mut text = String::new();
    if route.kind != RouteType::Unicast
        && let Some((word, _)) = TYPES.iter().find(|(_, t)| *t == route.kind)
    {
        text.push_str(word);
        text.push(' ');
    }
    if route.destination.prefix_len() == 0 {
        text.push_str("default");
    } else {
        text.push_str(&show_net(route.destination));
    }
    for hop in &route.hops {
        if route.hops.len() > 1 {
            text.push_str(" nexthop");
        }
        if let Some(gateway) = hop.gateway {
            let other = Family::of(gateway) != Family::of(route.destination.addr());
            let inet6 = if other && matches!(gateway, IpAddr::V6(_)) {
                "inet6 "
            } else {
                ""
            };
            text.push_str(&format!(" via {inet6}{gateway}"));
        }
        if let Some(device) = &hop.device {
            text.push_str(&format!(" dev {device}"));
        }
        if hop.onlink {
            text.push_str(" onlink");
        }
    }
    if route.table != "main" {
        text.push_str(&format!(" table {}", route.table));
    }
    if route.metric > 0 {
        text.push_str(&format!(" metric {}", route.metric));
    }
    if let Some(source) = route.source {
        text.push_str(&format!(" src {source}"));
    }
    text
}

/// What the kernel keeps in its table `local` for the addresses of a namespace.
pub(super) fn local(links: &[Link]) -> Vec<Route> {
    let mut all = Vec::new();
    for link in links {
        for address in &link.interface.addresses {
            let ip = address.net.addr();
            // All of 127.0.0.0/8 is local, and not only its first address.
            let whole = link.interface.kind == LinkKind::Loopback && ip.is_ipv4();
            let net = if whole {
                address.net.trunc()
            } else {
                IpNet::from(ip)
            };
            let mut route = Route {
                kind: RouteType::Local,
                destination: net,
                hops: vec![NextHop {
                    gateway: None,
                    device: Some(link.interface.name.clone()),
                    onlink: false,
                    dead: false,
                }],
                table: "local".to_owned(),
                metric: 0,
                source: Some(ip),
                scope: "host".to_owned(),
                text: String::new(),
                origin: address.origin,
            };
            route.text = text(&route);
            all.push(route);
        }
    }
    all
}
