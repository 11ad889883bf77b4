//! Who is meant: one item of `from` or `to`.
//!
//! Must never know: whether there is such a one.

use super::selector::selector;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields, all_of, prefix, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Node};
use crate::model::intent::{IntentPeer, PodsOf, Who};
use crate::model::policy::IpBlock;

/// Fields that select pods together; each of the others stands alone.
const SELECTING: [&str; 3] = ["namespace", "namespaceSelector", "podSelector"];
const ALONE: [&str; 7] = [
    "ipBlock", "workload", "service", "node", "anyPod", "pod", "external",
];
/// Workloads by their kind.
const WORKLOADS: [&str; 8] = [
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "replicationcontroller",
    "job",
    "cronjob",
    "pod",
];

pub(super) fn peer(node: Node<'_>, problems: &mut Problems) -> Option<IntentPeer> {
    let mut fields = Fields::of(node, "a peer", problems)?;
    let origin = fields.span();
    let mut alone: Vec<(&'static str, Entry<'_>)> = Vec::new();
    let selecting = SELECTING.map(|key| fields.entry(key));
    for key in ALONE {
        alone.extend(fields.entry(key).map(|entry| (key, entry)));
    }
    fields.finish(problems);
    let selects = selecting.iter().any(Option::is_some);
    let several = alone.iter().skip(usize::from(!selects));
    for (key, entry) in several {
        let message = format!("`{key}` stands beside another peer");
        let error = Diagnostic::error("J002", entry.key_span, message);
        problems.push(error.help("each is an item of the list of its own"));
    }
    if !selects && alone.is_empty() {
        let error = Diagnostic::error("J002", origin, "a peer says nobody");
        let known = [&SELECTING[..], &ALONE[..]].concat();
        problems.push(error.help(format!("write one of {}", all_of(&known))));
        return None;
    }
    let selected = selects.then(|| pods(selecting.map(|e| e.map(|e| e.value)), problems));
    let mut others = alone
        .into_iter()
        .map(|(key, entry)| alone_peer(key, entry.value, problems));
    let first = others.next();
    let rest = others.count();
    let who = match (selected, first) {
        (Some(pods), None) => Who::Pods(pods?),
        (None, Some(who)) if rest == 0 => who?,
        _ => return None,
    };
    Some(IntentPeer { who, origin })
}

fn pods(nodes: [Option<Node<'_>>; 3], problems: &mut Problems) -> Option<PodsOf> {
    let [namespace, namespaces, pods] = nodes;
    let read = |node: Option<Node<'_>>, problems: &mut Problems| match node {
        Some(node) => selector(node, problems).map(Some),
        None => Some(None),
    };
    if let (Some(_), Some(both)) = (namespace, namespaces) {
        let message = "`namespace` and `namespaceSelector` stand beside each other";
        let error = Diagnostic::error("J002", both.span(), message);
        problems.push(error.help("`namespace` names the one; leave one of them out"));
    }
    let namespaces = read(namespaces, problems);
    let pods = read(pods, problems);
    let namespace = match namespace {
        Some(node) => Some(Some(decode::name(node, problems)?.to_owned())),
        None => Some(None),
    };
    Some(PodsOf {
        namespace: namespace?,
        namespaces: namespaces?,
        pods: pods?,
    })
}

fn alone_peer(key: &'static str, node: Node<'_>, problems: &mut Problems) -> Option<Who> {
    Some(match key {
        "ipBlock" => Who::Block(block(node, problems)?),
        "anyPod" => {
            let mut fields = Fields::of(node, "`anyPod`", problems)?;
            let said = SELECTING.map(|key| fields.get(key));
            fields.finish(problems);
            Who::AnyPod(pods(said, problems)?)
        }
        "node" => Who::Node(decode::name(node, problems)?.to_owned()),
        "external" => Who::External(decode::name(node, problems)?.to_owned()),
        "workload" => {
            let [kind, namespace, name] = parts(node, "deployment/shop/web", problems)?;
            let kind = kind.to_ascii_lowercase();
            if !WORKLOADS.contains(&kind.as_str()) {
                let message = format!("{} is no kind of workload", show(&kind));
                let help = format!("known are {}", all_of(&WORKLOADS));
                problems.push(Diagnostic::error("J003", node.span(), message).help(help));
                return None;
            }
            if kind == "pod" {
                return Some(Who::Pod { namespace, name });
            }
            Who::Workload {
                kind,
                namespace,
                name,
            }
        }
        "service" => {
            let [namespace, name] = parts(node, "shop/web", problems)?;
            Who::Service { namespace, name }
        }
        _ => {
            let [namespace, name] = parts(node, "shop/web-0", problems)?;
            Who::Pod { namespace, name }
        }
    })
}

/// A reference with so many parts, such as `shop/web`.
fn parts<const N: usize>(
    node: Node<'_>,
    example: &str,
    problems: &mut Problems,
) -> Option<[String; N]> {
    let text = decode::string(node, problems)?;
    let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
    let bad = |p: &String| p.is_empty() || p.chars().any(|c| c.is_whitespace() || c.is_control());
    if !parts.iter().any(bad)
        && let Ok(parts) = parts.try_into()
    {
        return Some(parts);
    }
    let message = format!("{} is no such reference", show(text));
    let help = format!("write it as in `{example}`");
    problems.push(Diagnostic::error("J003", node.span(), message).help(help));
    None
}

/// A prefix, or `{cidr, except}`.
fn block(node: Node<'_>, problems: &mut Problems) -> Option<IpBlock> {
    let origin = node.span();
    if node.as_str().is_some() {
        let cidr = prefix(node, problems)?;
        return Some(IpBlock {
            cidr,
            except: Vec::new(),
            origin,
        });
    }
    let mut fields = Fields::of(node, "an `ipBlock`", problems)?;
    let cidr = fields.required("cidr", problems);
    let cidr = cidr.and_then(|n| prefix(n, problems));
    let mut except = Vec::new();
    let mut sound = true;
    for item in fields.list("except", problems) {
        let Some(net) = prefix(item, problems) else {
            sound = false;
            continue;
        };
        let inside = cidr.is_none_or(|c| c.contains(&net) && net.prefix_len() > c.prefix_len());
        if !inside {
            let message = format!("{} does not lie inside the prefix", show(&net.to_string()));
            let error = Diagnostic::error("J006", item.span(), message);
            problems.push(error.help("each `except` is a smaller part of `cidr`"));
            sound = false;
        }
        except.push(net);
    }
    fields.finish(problems);
    let cidr = cidr.filter(|_| sound)?;
    Some(IpBlock {
        cidr,
        except,
        origin,
    })
}
