//! `snapshot.yaml`: which namespace is what.
//!
//! Knows: its fields. Must never know: dumps.

use std::collections::HashMap;

use crate::base::diag::Diagnostic;
use crate::base::similar::closest;
use crate::base::source::Span;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::linux::Role;

/// A namespace as it stands in `snapshot.yaml`.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) role: Role,
    /// Of a pod: the place of its node in the list.
    pub(super) node: Option<usize>,
    /// What the pod or node is called in Kubernetes: namespace and name.
    pub(super) object: Option<(String, String)>,
    /// The name that `ip netns` has for it, where it is not its own.
    pub(super) netns: Option<String>,
    pub(super) origin: Span,
}

/// A wire as it stands in `snapshot.yaml`.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) name: String,
    /// Who is on it, `NAMESPACE/DEVICE`, and where that is written.
    pub(super) ends: Vec<(String, Span)>,
    pub(super) origin: Span,
}

/// All of `snapshot.yaml`.
#[derive(Debug, Clone, Default)]
pub(super) struct Top {
    pub(super) namespaces: Vec<Listed>,
    pub(super) wires: Vec<Wire>,
}

/// More namespaces than this are no cluster that runs.
const MOST: usize = 200_000;

/// Reads the document: its name, the namespaces, and the wires between them.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<Top> {
    let before = problems.errors();
    let mut top = Fields::of(node, "a LinuxSnapshot", problems)?;
    for known in ["apiVersion", "kind", "$schema"] {
        top.entry(known);
    }
    if let Some(meta) = top.get("metadata")
        && let Some(mut meta) = Fields::of(meta, "`metadata`", problems)
    {
        meta.get("name").map(|n| decode::name(n, problems));
        meta.finish(problems);
    }
    top.required("namespaces", problems);
    let mut all: Vec<(Listed, Option<Node<'_>>)> = Vec::new();
    for item in top.list("namespaces", problems) {
        if all.len() == MOST {
            let message = format!("more than {MOST} namespaces in one snapshot");
            problems.push(Diagnostic::error("I014", item.span(), message));
            return None;
        }
        all.extend(namespace(item, problems));
    }
    let mut wires: Vec<Wire> = Vec::new();
    for item in top.list("wires", problems) {
        wires.extend(wire(item, problems));
    }
    top.finish(problems);
    resolve(&mut all, problems);
    let namespaces: Vec<Listed> = all.into_iter().map(|(listed, _)| listed).collect();
    named_once(&namespaces, &wires, problems);
    (problems.errors() == before).then_some(Top { namespaces, wires })
}

fn wire(node: Node<'_>, problems: &mut Problems) -> Option<Wire> {
    let mut fields = Fields::of(node, "a wire of a snapshot", problems)?;
    let name = fields.required("name", problems);
    let origin = name.map_or(fields.span(), Node::span);
    let name = name.and_then(|n| decode::name(n, problems));
    fields.required("ends", problems);
    let mut ends = Vec::new();
    for end in fields.list("ends", problems) {
        if let Some(text) = decode::string(end, problems) {
            ends.push((text.to_owned(), end.span()));
        }
    }
    fields.finish(problems);
    Some(Wire {
        name: name?.to_owned(),
        ends,
        origin,
    })
}

/// Wires are namespaces too, of a switch: no two have one name.
fn named_once(namespaces: &[Listed], wires: &[Wire], problems: &mut Problems) {
    let all = namespaces.iter().map(|l| (l.name.as_str(), l.origin));
    let mut places: HashMap<&str, Span> = all.collect();
    for wire in wires {
        if let Some(there) = places.insert(&wire.name, wire.origin) {
            let message = format!("{} is there twice", show(&wire.name));
            let diagnostic = Diagnostic::error("S002", wire.origin, message);
            problems.push(diagnostic.related(there, "first written here"));
        }
    }
}

fn namespace<'t>(node: Node<'t>, problems: &mut Problems) -> Option<(Listed, Option<Node<'t>>)> {
    let mut fields = Fields::of(node, "a namespace of a snapshot", problems)?;
    let name = fields.required("name", problems);
    let origin = name.map_or(fields.span(), Node::span);
    let name = name.and_then(|n| decode::name(n, problems));
    let roles = [
        ("Pod", Role::Pod),
        ("Node", Role::Node),
        ("External", Role::External),
        ("Fabric", Role::Fabric),
    ];
    let role = fields.required("kind", problems);
    let role = role.and_then(|n| decode::choice(n, &roles, problems));
    let node = fields.get("node");
    let object = fields.get("object").and_then(|n| object(n, role, problems));
    let netns = fields.get("netns").and_then(|n| decode::name(n, problems));
    fields.finish(problems);
    let (name, role) = (name?, role?);
    if role == Role::Pod && node.is_none() {
        let message = format!("the pod {} is on no node", show(name));
        let diagnostic = Diagnostic::error("S003", origin, message);
        problems.push(diagnostic.help("write `node:` with the name of the node's namespace"));
    }
    if let (true, Some(node)) = (role != Role::Pod, node) {
        let message = "only a namespace of `kind: Pod` is on a node";
        problems.push(Diagnostic::error("S003", node.span(), message));
    }
    let listed = Listed {
        name: name.to_owned(),
        role,
        node: None,
        object,
        netns: netns.map(str::to_owned),
        origin,
    };
    Some((listed, node))
}

/// `object: NAMESPACE/NAME` of a pod, `object: NAME` of a node.
fn object(node: Node<'_>, role: Option<Role>, problems: &mut Problems) -> Option<(String, String)> {
    let text = decode::string(node, problems)?;
    let (namespace, name) = text.split_once('/').unwrap_or(("", text));
    let fits = match role {
        Some(Role::Pod) => !namespace.is_empty() && !name.is_empty() && !name.contains('/'),
        Some(Role::Node) => namespace.is_empty() && !name.is_empty() && !text.contains('/'),
        Some(_) => false,
        None => return None,
    };
    if !fits {
        let message = format!("{} is the name of no object of this namespace", show(text));
        let diagnostic = Diagnostic::error("S003", node.span(), message);
        problems
            .push(diagnostic.help("write `NAMESPACE/NAME` of the Pod, or the name of the Node"));
        return None;
    }
    Some((namespace.to_owned(), name.to_owned()))
}

/// Names that are there twice, and nodes by name.
fn resolve(all: &mut [(Listed, Option<Node<'_>>)], problems: &mut Problems) {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (at, (listed, _)) in all.iter().enumerate() {
        if let Some(&there) = places.get(&listed.name) {
            let message = format!("the namespace {} is there twice", show(&listed.name));
            let diagnostic = Diagnostic::error("S002", listed.origin, message);
            problems.push(diagnostic.related(all[there].0.origin, "first written here"));
        } else {
            places.insert(listed.name.clone(), at);
        }
    }
    let nodes: Vec<String> = all
        .iter()
        .filter(|(l, _)| l.role == Role::Node)
        .map(|(l, _)| l.name.clone())
        .collect();
    for at in 0..all.len() {
        let Some(node) = all[at].1 else {
            continue;
        };
        let Some(name) = decode::string(node, problems) else {
            continue;
        };
        let place = places.get(name).filter(|p| all[**p].0.role == Role::Node);
        if let Some(&place) = place {
            all[at].0.node = Some(place);
        } else {
            let message = format!("{} is no node of this snapshot", show(name));
            let mut diagnostic = Diagnostic::error("S003", node.span(), message);
            if let Some(near) = closest(name, nodes.iter().map(String::as_str)) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            problems.push(diagnostic);
        }
    }
}
