//! A FIB rule as text: the seed's `[sa sp ta tp → action]`, with the protocol in front where the rule names one.
//!
//! Must never know: how rules are made, executed or encoded.

use crate::model::inet::show_net;
use crate::network::fib::{Action, DiscardReason, FibRule, Rewrite, RuleKind};

use super::names::{Names, printable};

/// `[* * 10.1.2.1 * → Forward(N2)]`, `[TCP * * 10.1.1.1 8080 → Deliver(C1.1)]`; where it is a rule of Linux, its own
/// words, or what it does.
pub fn show(rule: &FibRule, names: &Names<'_>) -> String {
    if let Some(text) = &rule.text {
        return printable(text);
    }
    if rule.kind == RuleKind::Linux {
        return action(&rule.action, names);
    }
    let m = &rule.matches;
    let any = || "*".to_owned();
    let protocol = m.protocol.map(|p| format!("{p} ")).unwrap_or_default();
    let from = m.from.map_or_else(any, show_net);
    let from_ports = m.from_ports.as_ref().map_or_else(any, ToString::to_string);
    let to = m.to.map_or_else(any, show_net);
    let to_ports = m.to_ports.as_ref().map_or_else(any, ToString::to_string);
    format!(
        "[{protocol}{from} {from_ports} {to} {to_ports} → {}]",
        action(&rule.action, names)
    )
}

fn action(action: &Action, names: &Names<'_>) -> String {
    match action {
        Action::Deliver(to) => format!("Deliver({})", names.short(*to)),
        Action::Forward(to) => format!("Forward({})", names.short(*to)),
        Action::Discard(DiscardReason::ClosedPort) => "Discard(closed-port)".to_owned(),
        Action::Discard(DiscardReason::NoEndpoint) => "Discard(no-endpoint)".to_owned(),
        Action::Discard(DiscardReason::NoLocalEndpoint) => {
            "Discard(no-endpoint on this node, silently)".to_owned()
        }
        Action::Discard(DiscardReason::NoRoute) => "Discard(no-route)".to_owned(),
        Action::Discard(DiscardReason::Blackhole) => "Discard(blackhole)".to_owned(),
        Action::Discard(DiscardReason::Unreachable) => "Discard(unreachable)".to_owned(),
        Action::Discard(DiscardReason::Reject) => "Discard(reject)".to_owned(),
        Action::Discard(DiscardReason::Drop) => "Discard(drop)".to_owned(),
        Action::Discard(DiscardReason::RpFilter) => "Discard(rp-filter)".to_owned(),
        Action::Discard(DiscardReason::Neighbour) => "Discard(neighbour)".to_owned(),
        Action::Discard(DiscardReason::LeavesCluster) => "Discard(leaves-cluster)".to_owned(),
        Action::Discard(DiscardReason::Unmodelled(why)) => {
            format!("not modelled: {}", printable(why))
        }
        Action::Choose(all) => {
            let all: Vec<String> = all.iter().map(|id| names.short(*id)).collect();
            format!("Forward({})", all.join(" | "))
        }
        Action::Discard(DiscardReason::Rule(why)) => format!("Discard({})", printable(why)),
        Action::Translate(ways) => {
            let ways: Vec<String> = ways.iter().map(rewrite).collect();
            format!("Translate({})", ways.join(" | "))
        }
    }
}

/// `to 10.1.1.1:8080`, `from 192.0.2.1`.
pub fn rewrite(way: &Rewrite) -> String {
    let side =
        |word: &str, address: Option<std::net::IpAddr>, port: Option<u16>| match (address, port) {
            (None, None) => None,
            (Some(a), None) => Some(format!("{word} {a}")),
            (Some(a), Some(p)) => Some(format!("{word} {}", std::net::SocketAddr::new(a, p))),
            (None, Some(p)) => Some(format!("{word} port {p}")),
        };
    let hairpin = way
        .hairpin_source
        .map(|own| format!("a hairpin from {own}"));
    let sides = [
        side("from", way.source, way.source_port),
        side("to", way.destination, way.destination_port),
        hairpin,
    ];
    sides.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
