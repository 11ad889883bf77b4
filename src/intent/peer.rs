//! Peers and ports as formulas about one process.
//!
//! Must never know: which clauses an intent has.

use std::collections::BTreeSet;

use crate::model::intent::{IntentPeer, PodsOf, Who};
use crate::model::policy::{IpBlock, Operator, PortRule, PortsOf, Selector};

/// A string of the language.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `(f ∧ g)`; of nothing, true.
pub(super) fn all(parts: &[String]) -> String {
    joined(parts, " ∧ ", "true")
}

/// `(f ∨ g)`; of nothing, false.
pub(super) fn any(parts: &[String]) -> String {
    joined(parts, " ∨ ", "false")
}

fn joined(parts: &[String], sign: &str, nothing: &str) -> String {
    match parts {
        [] => nothing.to_owned(),
        [one] => one.clone(),
        several => format!("({})", several.join(sign)),
    }
}

/// `x` has an address to speak of: a pod that is not started yet neither sends nor is reached.
pub(super) fn started(x: &str) -> String {
    format!("¬(∃ P. K8s-Container({x}, P) ∧ Pending(P))")
}

/// X is no process of y's node: Kubernetes lets a pod's own node reach it, whatever policies say.
pub(super) fn not_own_node(y: &str) -> String {
    format!("¬(∃ N, P. K8s-Container({y}, P) ∧ host(N, P) ∧ K8s-Daemon(X) ∧ host(N, X))")
}

/// Whether process `x`, whose address is `a`, is one of the peers. A Service is none of them.
pub(super) fn is_one_of(peers: &[IntentPeer], x: &str, a: &str) -> Vec<String> {
    peers.iter().filter_map(|p| is(&p.who, x, a)).collect()
}

fn is(who: &Who, x: &str, a: &str) -> Option<String> {
    Some(match who {
        Who::Pods(pods) | Who::AnyPod(pods) => all(&pods_of(pods, x)),
        Who::Pod { namespace, name } => format!("K8s-Container({x}, pod({namespace}/{name}))"),
        Who::Workload {
            kind,
            namespace,
            name,
        } => all(&[
            format!("namespace({x}, {})", quoted(namespace)),
            format!("workload({x}, {}, {})", quoted(kind), quoted(name)),
        ]),
        Who::Service { .. } => return None,
        Who::Node(name) => format!("host(node({name}), {x})"),
        Who::External(name) => format!("{x} = external({name})"),
        Who::Block(block) => {
            let mut parts = vec![format!("External({x})"), format!("addr({x}, {a})")];
            parts.extend(inside(block, a));
            all(&parts)
        }
    })
}

fn pods_of(pods: &PodsOf, x: &str) -> Vec<String> {
    let mut parts = Vec::new();
    match &pods.namespace {
        Some(name) => parts.push(format!("namespace({x}, {})", quoted(name))),
        // Processes of nodes and hosts outside are in none.
        None => parts.push(format!("namespace({x})")),
    }
    if let Some(selector) = &pods.namespaces {
        parts.extend(selected(selector, "namespace-label", x));
    }
    if let Some(selector) = &pods.pods {
        parts.extend(selected(selector, "label", x));
    }
    parts
}

fn selected(selector: &Selector, predicate: &str, x: &str) -> Vec<String> {
    let requirement = |r: &crate::model::policy::Requirement| {
        let key = quoted(&r.key);
        let has = format!("{predicate}({x}, {key})");
        let values = |values: &BTreeSet<String>| {
            let ways: Vec<String> = values
                .iter()
                .map(|v| format!("{predicate}({x}, {key}, {})", quoted(v)))
                .collect();
            any(&ways)
        };
        match &r.operator {
            Operator::In(wanted) => values(wanted),
            Operator::NotIn(refused) => format!("¬{}", values(refused)),
            Operator::Exists => has,
            Operator::DoesNotExist => format!("¬{has}"),
        }
    };
    selector.requirements.iter().map(requirement).collect()
}

fn inside(block: &IpBlock, a: &str) -> Vec<String> {
    let mut parts = vec![format!("{a} ∈ {}", block.cidr)];
    parts.extend(block.except.iter().map(|net| format!("¬({a} ∈ {net})")));
    parts
}

/// Whether port `p` of entity `y` and protocol `t` are among the ports.
pub(super) fn ports(rules: &[PortRule], y: &str, p: &str, t: &str) -> String {
    let ways: Vec<String> = rules.iter().map(|rule| port(rule, y, p, t)).collect();
    any(&ways)
}

fn port(rule: &PortRule, y: &str, p: &str, t: &str) -> String {
    let protocol = rule.protocol.map(|protocol| format!("{t} = {protocol}"));
    let number = match &rule.ports {
        PortsOf::Any => None,
        PortsOf::Range(low, high) if low == high => Some(format!("{p} = {low}")),
        PortsOf::Range(low, high) => Some(format!("{p} ∈ {low}-{high}")),
        PortsOf::Named(name) => Some(format!("named-port({y}, {}, {p}, {t})", quoted(name))),
    };
    let parts: Vec<String> = number.into_iter().chain(protocol).collect();
    all(&parts)
}
