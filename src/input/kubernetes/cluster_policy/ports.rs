//! Ports of ClusterNetworkPolicies (`protocols`) and of their predecessors (`ports`).
//!
//! Must never know: peers beyond whether they can have names of ports.

use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields};
use crate::input::kubernetes::policy::{bound, exactly_one, port_name};
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Node};
use crate::model::inet::Protocol;
use crate::model::policy::{Peer, PortRule, PortsOf};

/// Reads `protocols`.
pub(super) fn protocols(
    given: Entry<'_>,
    most: usize,
    peers: &[Peer],
    problems: &mut Problems,
) -> Option<Vec<PortRule>> {
    let items = items(given, "protocols", false, most, problems)?;
    of_peers(items, peers, problems, protocol)
}

/// Reads `ports`; in v1alpha1 none of them are all ports.
pub(super) fn ports(
    given: Entry<'_>,
    none_are_all: bool,
    most: usize,
    peers: &[Peer],
    problems: &mut Problems,
) -> Option<Vec<PortRule>> {
    let items = items(given, "ports", none_are_all, most, problems)?;
    of_peers(items, peers, problems, old_port)
}

fn items<'y>(
    given: Entry<'y>,
    word: &str,
    may_be_empty: bool,
    most: usize,
    problems: &mut Problems,
) -> Option<Vec<Node<'y>>> {
    let list = decode::list(given.value, problems)?;
    let items: Vec<Node<'_>> = list.iter().collect();
    if items.is_empty() && !may_be_empty {
        let message =
            format!("`{word}` wants at least one item; leave it out for all protocols and ports");
        problems.push(Diagnostic::error("P001", given.value.span(), message));
    }
    bound(&items, most, "ports", problems);
    Some(items)
}

/// Each item, as `read` reads it; none where there are none.
fn of_peers(
    items: Vec<Node<'_>>,
    peers: &[Peer],
    problems: &mut Problems,
    read: fn(Node<'_>, &mut Problems) -> Option<PortRule>,
) -> Option<Vec<PortRule>> {
    let mut rules = Vec::new();
    for item in items {
        let rule = read(item, problems);
        if let Some(rule) = &rule
            && matches!(rule.ports, PortsOf::Named(_))
            && peers.iter().any(|peer| !matches!(peer, Peer::Pods { .. }))
        {
            let message = "nodes, networks and domain names have no names of ports";
            let help = "write the number, or a rule for the pods alone";
            problems.push(Diagnostic::error("P002", rule.origin, message).help(help));
        }
        rules.extend(rule);
    }
    (!rules.is_empty()).then_some(rules)
}

fn protocol(node: Node<'_>, problems: &mut Problems) -> Option<PortRule> {
    let mut fields = Fields::of(node, "an item of `protocols`", problems)?;
    let keys = ["tcp", "udp", "sctp", "destinationNamedPort"];
    let one = exactly_one(node, "an item of `protocols`", &mut fields, &keys, problems);
    fields.finish(problems);
    let (key, entry) = one?;
    let protocol = match key {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => {
            return Some(PortRule {
                protocol: None,
                ports: PortsOf::Named(port_name(entry.value, problems)?),
                origin: node.span(),
            });
        }
    };
    let mut fields = Fields::of(entry.value, "a protocol", problems)?;
    let port = fields.required("destinationPort", problems);
    fields.finish(problems);
    let port = port?;
    let mut fields = Fields::of(port, "a `destinationPort`", problems)?;
    let one = exactly_one(port, "a port", &mut fields, &["number", "range"], problems);
    fields.finish(problems);
    let (key, entry) = one?;
    let ports = if key == "number" {
        let number = decode::port(entry.value, problems)?;
        PortsOf::Range(number, number)
    } else {
        let mut fields = Fields::of(entry.value, "a range of ports", problems)?;
        let ports = range(&mut fields, problems);
        fields.finish(problems);
        ports?
    };
    Some(PortRule {
        protocol: Some(protocol),
        ports,
        origin: node.span(),
    })
}

/// `start` and `end`, and whatever else was asked for.
fn range(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<PortsOf> {
    let mut bound = |key| {
        let node = fields.required(key, problems);
        node.and_then(|node| Some((decode::port(node, problems)?, node.span())))
    };
    let (start, end) = (bound("start"), bound("end"));
    let ((start, _), (end, span)) = (start?, end?);
    if start >= end {
        let message = format!("`end: {end}` is not more than `start: {start}`");
        problems.push(Diagnostic::error("P004", span, message));
        return None;
    }
    Some(PortsOf::Range(start, end))
}

fn old_port(node: Node<'_>, problems: &mut Problems) -> Option<PortRule> {
    let mut fields = Fields::of(node, "an item of `ports`", problems)?;
    let keys = ["portNumber", "portRange", "namedPort"];
    let one = exactly_one(node, "an item of `ports`", &mut fields, &keys, problems);
    fields.finish(problems);
    let (key, entry) = one?;
    if key == "namedPort" {
        return Some(PortRule {
            protocol: None,
            ports: PortsOf::Named(port_name(entry.value, problems)?),
            origin: node.span(),
        });
    }
    let mut fields = Fields::of(entry.value, "a port", problems)?;
    let protocol = match fields.get("protocol") {
        Some(node) => decode::protocol(node, problems),
        None => Some(Protocol::Tcp),
    };
    let ports = if key == "portNumber" {
        let port = fields.required("port", problems);
        let port = port.and_then(|node| decode::port(node, problems));
        port.map(|port| PortsOf::Range(port, port))
    } else {
        range(&mut fields, problems)
    };
    fields.finish(problems);
    Some(PortRule {
        protocol: Some(protocol?),
        ports: ports?,
        origin: node.span(),
    })
}
