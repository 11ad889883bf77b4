//! Ports of an intent: a number, a range, a name, a protocol.
//!
//! Must never know: who listens.

use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields, port_text, protocol, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};
use crate::model::inet::Protocol;
use crate::model::policy::{PortRule, PortsOf};

/// A list of ports; an empty one is the same as none, as it is in policies.
pub(super) fn ports(node: Node<'_>, problems: &mut Problems) -> Option<Vec<PortRule>> {
    let list = decode::list(node, problems)?;
    let mut all = Vec::new();
    let mut empty = true;
    for item in list.iter() {
        empty = false;
        all.extend(port(item, problems));
    }
    (!empty).then_some(all)
}

/// Without a protocol it is TCP, as everywhere in Kubernetes; without a port it is all ports.
fn port(node: Node<'_>, problems: &mut Problems) -> Option<PortRule> {
    let mut fields = Fields::of(node, "a port", problems)?;
    let port_node = fields.get("port");
    let end_node = fields.get("endPort");
    let protocol_node = fields.get("protocol");
    let origin = fields.span();
    fields.finish(problems);
    let protocol = match protocol_node {
        Some(node) => protocol(node, problems)?,
        None => Protocol::Tcp,
    };
    let mut refuse = |node: Node<'_>, message: &str, help: &str| {
        problems.push(Diagnostic::error("J004", node.span(), message.to_owned()).help(help));
        None
    };
    let Some(port_node) = port_node else {
        if let Some(end) = end_node {
            return refuse(
                end,
                "`endPort` wants a `port`",
                "write where the range begins",
            );
        }
        if protocol_node.is_none() {
            return refuse(
                node,
                "a port wants `port`, `protocol`, or both",
                "all ports of all protocols are meant where `ports` is left out",
            );
        }
        return Some(PortRule {
            protocol: Some(protocol),
            ports: PortsOf::Any,
            origin,
        });
    };
    let ports = if let Value::Str(text) = port_node.value() {
        if let Some((low, high)) = text.split_once('-')
            && let (Some(low), Some(high)) = (port_text(low), port_text(high))
        {
            if low > high {
                return refuse(
                    port_node,
                    "the range is empty",
                    "the lower port comes first",
                );
            }
            if let Some(end) = end_node {
                return refuse(end, "the range has an end already", "leave `endPort` out");
            }
            PortsOf::Range(low, high)
        } else if !is_port_name(text) {
            let message = format!("{} is no name of a port", show(text));
            let help = "a name has at most 15 characters: small letters, digits and dashes, a letter among them; numbers stand without quotes";
            return refuse(port_node, &message, help);
        } else if let Some(end) = end_node {
            return refuse(
                end,
                "`endPort` wants a `port` that is a number",
                "a name is one port",
            );
        } else {
            PortsOf::Named(text.to_owned())
        }
    } else {
        let low = decode::port(port_node, problems)?;
        match end_node {
            None => PortsOf::Range(low, low),
            Some(end) => {
                let high = decode::port(end, problems)?;
                if high < low {
                    let error = Diagnostic::error("J004", end.span(), "the range is empty");
                    problems.push(error.help("`endPort` is not less than `port`"));
                    return None;
                }
                PortsOf::Range(low, high)
            }
        }
    };
    Some(PortRule {
        protocol: Some(protocol),
        ports,
        origin,
    })
}

/// As the API server checks names of ports.
fn is_port_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty()
        && text.len() <= 15
        && text.bytes().all(plain)
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}
