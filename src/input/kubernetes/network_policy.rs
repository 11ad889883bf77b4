//! `networking.k8s.io/v1` NetworkPolicy, with the defaults that the API server fills in.
//!
//! Source: `pkg/apis/networking/v1/defaults.go` and `pkg/apis/networking/validation`.
//! Must never know: which pods are meant.

use super::meta::Meta;
use super::policy::{cidr, items, port_name};
use super::selector;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};
use crate::model::inet::Protocol;
use crate::model::policy::{IpBlock, NetworkPolicy, NetworkRule, Peer, PortRule, PortsOf};

/// Reads one.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<NetworkPolicy> {
    let before = problems.errors();
    let mut object = Fields::of(node, "a NetworkPolicy", problems)?;
    for known in ["apiVersion", "kind", "status"] {
        object.entry(known);
    }
    let meta = Meta::read(&mut object, problems);
    // An object without `spec` is one with an empty `spec`: it isolates all pods of its namespace.
    let spec = object.get("spec");
    let spec = spec.and_then(|spec| Fields::of(spec, "`spec` of a NetworkPolicy", problems));
    let mut subject = None;
    let (mut ingress, mut egress) = (Vec::new(), Vec::new());
    let mut types = (true, false);
    if let Some(mut spec) = spec {
        let pods = spec.get("podSelector");
        subject = pods.and_then(|node| selector::read(node, problems));
        ingress = rules(&mut spec, "ingress", "from", problems);
        egress = rules(&mut spec, "egress", "to", problems);
        types = policy_types(&mut spec, !egress.is_empty(), problems);
        spec.finish(problems);
    }
    let origin = object.span();
    object.finish(problems);
    if problems.errors() > before {
        return None;
    }
    let meta = meta?;
    Some(NetworkPolicy {
        namespace: meta.namespace,
        name: meta.name,
        subject: subject.unwrap_or_else(|| selector::everything(origin)),
        // Rules of a direction that the policy is not about are dead.
        ingress: types.0.then_some(ingress),
        egress: types.1.then_some(egress),
        origin,
    })
}

/// Which directions a policy is about: ingress and egress.
fn policy_types(spec: &mut Fields<'_>, has_egress: bool, problems: &mut Problems) -> (bool, bool) {
    let Some(types) = items(spec, "policyTypes", problems) else {
        return (true, has_egress);
    };
    if types.len() > 2 {
        let message = "a policy has at most two `policyTypes`";
        problems.push(Diagnostic::error("P008", types[2].span(), message));
    }
    let mut both = (false, false);
    for node in types {
        match decode::choice(node, &[("Ingress", true), ("Egress", false)], problems) {
            Some(true) => both.0 = true,
            Some(false) => both.1 = true,
            None => {}
        }
    }
    both
}

fn rules(
    spec: &mut Fields<'_>,
    direction: &'static str,
    peers: &'static str,
    problems: &mut Problems,
) -> Vec<NetworkRule> {
    let items = spec.list(direction, problems);
    items
        .filter_map(|node| rule(node, peers, problems))
        .collect()
}

/// An item that says nothing is, to the API server, one without fields; that is more than most people mean.
fn is_empty_item(node: Node<'_>, meaning: &str, problems: &mut Problems) -> bool {
    let empty = node.is_null() && !node.is_hole();
    if empty {
        let message = format!("an item that says nothing means {meaning}");
        let diagnostic = Diagnostic::error("P013", node.span(), message).warning();
        problems.push(diagnostic.help("write `{}` if that is meant, else leave it out"));
    }
    empty
}

fn rule(node: Node<'_>, key: &'static str, problems: &mut Problems) -> Option<NetworkRule> {
    if is_empty_item(node, "a rule that allows everything", problems) {
        return Some(NetworkRule {
            peers: None,
            ports: None,
            origin: node.span(),
        });
    }
    let mut fields = Fields::of(node, "a rule of a NetworkPolicy", problems)?;
    let peers = items(&mut fields, key, problems).map(|items| {
        let peers = items.into_iter();
        peers.filter_map(|node| peer(node, problems)).collect()
    });
    let ports = items(&mut fields, "ports", problems).map(|items| {
        let ports = items.into_iter();
        ports.filter_map(|node| port(node, problems)).collect()
    });
    fields.finish(problems);
    Some(NetworkRule {
        peers,
        ports,
        origin: node.span(),
    })
}

fn peer(node: Node<'_>, problems: &mut Problems) -> Option<Peer> {
    let mut fields = Fields::of(node, "a peer of a NetworkPolicy", problems)?;
    let block = fields.entry("ipBlock");
    let namespaces = fields.get("namespaceSelector");
    let pods = fields.get("podSelector");
    fields.finish(problems);
    let origin = node.span();
    if let Some(block) = block {
        if namespaces.is_some() || pods.is_some() {
            let message = "`ipBlock` stands alone: no selector beside it";
            let help = "write the selectors as an item of their own";
            problems.push(Diagnostic::error("P002", block.key_span, message).help(help));
            return None;
        }
        return ip_block(block.value, problems).map(Peer::Block);
    }
    if namespaces.is_none() && pods.is_none() {
        let message =
            "a peer wants at least one of `podSelector`, `namespaceSelector` and `ipBlock`";
        let help = "`podSelector: {}` is every pod of the policy's namespace; a rule without peers means everybody";
        problems.push(Diagnostic::error("P001", origin, message).help(help));
        return None;
    }
    let mut read = |node: Option<Node<'_>>| match node {
        None => Ok(None),
        Some(node) => selector::read(node, problems).map(Some).ok_or(()),
    };
    let (namespaces, pods) = (read(namespaces), read(pods));
    Some(Peer::Pods {
        namespaces: namespaces.ok()?,
        pods: pods.ok()?.unwrap_or_else(|| selector::everything(origin)),
        origin,
    })
}

fn ip_block(node: Node<'_>, problems: &mut Problems) -> Option<IpBlock> {
    let mut fields = Fields::of(node, "an `ipBlock`", problems)?;
    let whole = fields.required("cidr", problems);
    let whole = whole.and_then(|node| cidr(node, problems));
    let mut except = Vec::new();
    for item in fields.list("except", problems) {
        let Some(net) = cidr(item, problems) else {
            continue;
        };
        if let Some(whole) = whole
            && !(whole.contains(&net) && whole.prefix_len() < net.prefix_len())
        {
            let message = format!("`{net}` does not lie strictly inside `{whole}`");
            let help = "an exception is smaller than its prefix and part of it";
            problems.push(Diagnostic::error("P003", item.span(), message).help(help));
        }
        except.push(net);
    }
    let origin = fields.span();
    fields.finish(problems);
    Some(IpBlock {
        cidr: whole?,
        except,
        origin,
    })
}

fn port(node: Node<'_>, problems: &mut Problems) -> Option<PortRule> {
    if is_empty_item(node, "every TCP port", problems) {
        return Some(PortRule {
            protocol: Some(Protocol::Tcp),
            ports: PortsOf::Any,
            origin: node.span(),
        });
    }
    let mut fields = Fields::of(node, "a port of a NetworkPolicy", problems)?;
    let protocol = match fields.get("protocol") {
        Some(node) => decode::protocol(node, problems),
        None => Some(Protocol::Tcp),
    };
    let first = fields.get("port");
    let last = fields.entry("endPort");
    fields.finish(problems);
    let mut refuse = |message: String| {
        let span = last.map_or(node.span(), |entry| entry.key_span);
        problems.push(Diagnostic::error("P004", span, message));
    };
    let ports = match first {
        None => {
            if last.is_some() {
                refuse("`endPort` wants a `port`".to_owned());
                return None;
            }
            PortsOf::Any
        }
        Some(first) if matches!(first.value(), Value::Str(_)) => {
            if last.is_some() {
                refuse("`endPort` wants a `port` that is a number".to_owned());
            }
            PortsOf::Named(port_name(first, problems)?)
        }
        Some(first) => {
            let low = decode::port(first, problems);
            let high = match last {
                Some(entry) => decode::port(entry.value, problems),
                None => low,
            };
            let (low, high) = (low?, high?);
            if high < low {
                let message = format!("`endPort: {high}` is less than `port: {low}`");
                let span = last.map_or(node.span(), |entry| entry.value.span());
                problems.push(Diagnostic::error("P004", span, message));
                return None;
            }
            PortsOf::Range(low, high)
        }
    };
    Some(PortRule {
        protocol: Some(protocol?),
        ports,
        origin: node.span(),
    })
}
