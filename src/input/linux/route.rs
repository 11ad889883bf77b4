//! `ip -j -d route show table all`, or `ip -j route`.
//!
//! Knows: what the dump calls things. Must never know: how a lookup is made.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::link::Link;
use super::record::{Record, records};
use super::strange::is_short;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Json, Map, Node, Value};
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
/// Keys of one of several next hops. Which of them it is, is a choice, whatever they weigh.
const OF_HOP: &[&str] = &[
    "gateway", "via", "dev", "flags", "weight", "realm", "realms",
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
    // What the kernel found out by itself and forgets again.
    if record.flag("flags", "cloned") {
        return None;
    }
    let dst = record.needed("dst", problems)?;
    let kind = match record.get("type") {
        None => RouteType::Unicast,
        Some(node) => {
            let word = record.text("type", problems)?;
            let Some(kind) = type_of(word) else {
                let message = format!("routes of type {} are not known", show(word));
                problems.push(Diagnostic::error("S006", node.span(), message));
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
    let before = unmodelled.len();
    unlike(record, unmodelled);
    for one in &mut unmodelled[before..] {
        one.what = format!("route to {}: {}", show_net(destination), one.what);
    }
    // Whether messages are of its kind of service is not known: without it they go the way they go else.
    let service = record.word("tos", problems);
    if service.is_some_and(|tos| is_service(&tos)) {
        return None;
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

/// Whether a kind of service is one that messages have only where somebody gave it to them.
pub(super) fn is_service(tos: &str) -> bool {
    !matches!(tos, "0" | "0x00" | "0x0" | "default")
}

/// What a route says beside what is read of it.
fn unlike(record: Record<'_>, unmodelled: &mut Vec<Strange>) {
    let mut note = |what: String, entry: &Entry<'_>| {
        unmodelled.push(Strange {
            what,
            reach: Reach::Messages,
            origin: entry.key_span,
        });
    };
    for entry in record.map.iter() {
        let word = entry.value.as_str();
        let told = match entry.key {
            "from" | "src" => word.is_none_or(|w| w != "all" && w != "default"),
            "tos" => word.map_or_else(|| !matches!(entry.value.value(), Value::Int(0)), is_service),
            key => !READ.contains(&key) && !HARMLESS.contains(&key),
        };
        if told {
            note(format!("`{}` is not modelled", entry.key), &entry);
        }
    }
    let lists = |key: &str| match record.get(key).map(Node::value) {
        Some(Value::Seq(list)) => list.iter().filter_map(Node::as_map).collect(),
        _ => Vec::new(),
    };
    for entry in lists("nexthops").into_iter().flat_map(Map::iter) {
        if !OF_HOP.contains(&entry.key) {
            note(format!("`{}` is not modelled", entry.key), &entry);
        }
    }
    let metrics = lists("metrics").into_iter().flat_map(Map::iter);
    for entry in record.entry("hoplimit").into_iter().chain(metrics) {
        if entry.key == "hoplimit" && is_short(entry.value) {
            note("`hoplimit`: messages may die of age".to_owned(), &entry);
        }
    }
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
        dead: record.flag("flags", "dead"),
        linkdown: record.flag("flags", "linkdown"),
    }
}

/// A route over a device without carrier is looked up like others, unless the device is told to ignore it.
pub(super) fn linkdown(routes: &mut [Route], sysctls: &BTreeMap<String, (String, Span)>) {
    let ignores = |device: &str| {
        ["ipv4", "ipv6"].iter().any(|family| {
            ["all", device].iter().any(|of| {
                let name = format!("net.{family}.conf.{of}.ignore_routes_with_linkdown");
                sysctls
                    .get(&name)
                    .is_some_and(|(value, _)| value.trim() != "0")
            })
        })
    };
    for hop in routes.iter_mut().flat_map(|route| &mut route.hops) {
        let device = hop.device.as_deref();
        hop.dead |= hop.linkdown && device.is_some_and(ignores);
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
                    linkdown: false,
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
