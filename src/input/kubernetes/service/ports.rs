//! Ports of a Service.
//!
//! Must never know: pods.

use std::collections::HashMap;

use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};
use crate::model::inet::Protocol;
use crate::model::service::TargetPort;

/// One of `ports`.
#[derive(Debug, Clone)]
pub struct PortObject {
    /// `name`.
    pub name: Option<String>,
    /// `port`.
    pub port: u16,
    /// `protocol`.
    pub protocol: Protocol,
    /// `targetPort`; where it is not given, the port itself.
    pub target: TargetPort,
    /// `nodePort`.
    pub node_port: Option<u16>,
    /// Where it is written.
    pub origin: Span,
}

pub(super) fn read(spec: &mut Fields<'_>, problems: &mut Problems) -> Vec<PortObject> {
    let mut all: Vec<PortObject> = Vec::new();
    let nodes: Vec<Node<'_>> = spec.list("ports", problems).collect();
    let many = nodes.len() > 1;
    let mut names: HashMap<String, Span> = HashMap::new();
    let mut ports: HashMap<(u16, Protocol), Span> = HashMap::new();
    let mut node_ports: HashMap<(u16, Protocol), Span> = HashMap::new();
    for node in nodes {
        let Some(port) = one(node, many, problems) else {
            continue;
        };
        let mut twice = |there: Option<Span>, message: String| {
            if let Some(there) = there {
                let diagnostic = Diagnostic::error("K203", port.origin, message);
                problems.push(diagnostic.related(there, "first written here"));
            }
        };
        if let Some(name) = &port.name {
            let there = names.insert(name.clone(), port.origin);
            twice(
                there,
                format!("two ports of the Service are named {}", show(name)),
            );
        }
        let there = ports.insert((port.port, port.protocol), port.origin);
        let what = format!("the port {}/{} is there twice", port.port, port.protocol);
        twice(there, what);
        if let Some(number) = port.node_port {
            let there = node_ports.insert((number, port.protocol), port.origin);
            twice(
                there,
                format!("the `nodePort` {number}/{} is there twice", port.protocol),
            );
        }
        all.push(port);
    }
    all
}

fn one(node: Node<'_>, many: bool, problems: &mut Problems) -> Option<PortObject> {
    let mut fields = Fields::of(node, "a port of a Service", problems)?;
    let name_node = fields.get("name").filter(|n| n.as_str() != Some(""));
    let name = name_node.and_then(|n| label(n, problems));
    if many && name_node.is_none() {
        let message = "of several ports of a Service each wants a `name`";
        problems.push(Diagnostic::error("K203", fields.span(), message));
    }
    let port = fields.required("port", problems);
    let port = port.and_then(|n| decode::port(n, problems));
    let protocol = match fields.get("protocol").filter(|n| n.as_str() != Some("")) {
        None => Some(Protocol::Tcp),
        Some(n) => decode::protocol(n, problems),
    };
    let target = fields.get("targetPort");
    let target = match target.filter(|n| !matches!(n.value(), Value::Int(0) | Value::Str(""))) {
        None => port.map(TargetPort::Number),
        Some(n) => target_port(n, problems),
    };
    let node_port = fields.get("nodePort");
    let node_port = node_port.filter(|n| !matches!(n.value(), Value::Int(0)));
    let node_port = node_port.and_then(|n| decode::port(n, problems));
    if let Some(n) = fields.get("appProtocol") {
        decode::string(n, problems);
    }
    let origin = fields.span();
    fields.finish(problems);
    Some(PortObject {
        name: name.map(str::to_owned),
        port: port?,
        protocol: protocol?,
        target: target?,
        node_port,
        origin,
    })
}

fn target_port(node: Node<'_>, problems: &mut Problems) -> Option<TargetPort> {
    match node.value() {
        Value::Int(_) => decode::port(node, problems).map(TargetPort::Number),
        Value::Str(name) if is_port_name(name) => Some(TargetPort::Name(name.to_owned())),
        Value::Str(name) => {
            let diagnostic = Diagnostic::error(
                "K203",
                node.span(),
                format!("{} is no name of a port", show(name)),
            );
            problems.push(diagnostic.help(if name.parse::<u16>().is_ok() {
                "a number is written without quotes"
            } else {
                "at most 15 of a-z, 0-9 and -, with a letter among them, and no - at an end or doubled"
            }));
            None
        }
        _ => {
            decode::wrong_type(node, "a port number or the name of a port", problems);
            None
        }
    }
}

/// Whether a text names a port of a container (an `IANA_SVC_NAME`).
fn is_port_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=15).contains(&name.len())
        && name.bytes().all(fits)
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// A `DNS_LABEL`.
fn label<'t>(node: Node<'t>, problems: &mut Problems) -> Option<&'t str> {
    let text = decode::string(node, problems)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = (1..=63).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if good {
        return Some(text);
    }
    let diagnostic = Diagnostic::error(
        "I025",
        node.span(),
        format!("{} is no name of a port", show(text)),
    );
    problems.push(diagnostic.help("at most 63 of a-z, 0-9 and -, and no - at an end"));
    None
}
