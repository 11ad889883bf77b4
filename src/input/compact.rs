//! `kind: Cluster` of `kubeproof.dev/v1`: the compact file, written by hand.
//!
//! Knows: the fields of the cluster file (`formats.md`). Must never know: YAML text, the Kubernetes API, what a FIB
//! does with a message.
//!
//! Two passes: all entities with their names first, so that ids are canonical; then what refers to them.

mod edits;
mod endpoints;
mod entities;
mod fibs;
mod listener;
mod names;
mod services;

use super::decode::{self, Fields};
use super::problems::Problems;
use super::yaml::Node;
use crate::model::cluster::Cluster;
use entities::Entities;
use names::{Names, Resolver};

/// The codes of this stage, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("C001", "two entities of one kind have the same name"),
    ("C002", "a reference names nothing in this cluster"),
    ("C003", "a short reference fits several entities"),
    ("C004", "a reference names an entity of the wrong kind"),
    ("C005", "a pod is on no node"),
    ("C006", "the same address is written twice on one entity"),
    ("C007", "an address that this entity cannot have"),
    ("C008", "the same listener is written twice in one process"),
    ("C009", "addresses of different families in one rule"),
    ("C010", "a link is removed that is not there"),
    ("C011", "a link is added that is already there"),
    ("C012", "two entries for the FIB of one switch"),
    ("C013", "an action is not exactly one of the four"),
    ("C014", "a translation that changes nothing"),
    ("C015", "the same service port or endpoint is written twice"),
    ("C016", "a link that contradicts itself"),
    ("C017", "what a process listens on cannot be read"),
    ("C018", "more entities than one cluster file may hold"),
];

/// Half a million entities are beyond what anybody writes by hand.
const MAX_ENTITIES: usize = 500_000;

/// How many entities a file may hold: one that is generated, and read without being held, holds as many as its values
/// are enough for.
fn most_entities(node: Node<'_>) -> usize {
    if node.span().source.is_far() {
        MAX_ENTITIES + node.among() / 6
    } else {
        MAX_ENTITIES
    }
}

/// Reads a cluster. None where a mistake was told; `path` names it where it does not name itself.
pub fn cluster(node: Node<'_>, path: &str, problems: &mut Problems) -> Option<Cluster> {
    let before = problems.errors();
    let mut top = Fields::of(node, "a cluster", problems)?;
    for known in ["apiVersion", "kind", "$schema"] {
        top.entry(known);
    }
    let mut name = None;
    if let Some(meta) = top.get("metadata")
        && let Some(mut meta) = Fields::of(meta, "`metadata`", problems)
    {
        name = meta.get("name").and_then(|n| decode::name(n, problems));
        meta.finish(problems);
    }

    let mut entities = Entities::default();
    entities.nodes(&mut top, problems);
    entities.pods(&mut top, problems);
    entities.services(&mut top, problems);
    entities.externals(&mut top, problems);
    let links = top.get("links");
    let fibs: Vec<Node<'_>> = top.list("fibs", problems).collect();
    let tables = top
        .get("tables")
        .and_then(|n| Some((decode::string(n, problems)?.to_owned(), n.span())));
    top.finish(problems);
    if entities.too_many(most_entities(node), problems) {
        return None;
    }

    let names = Names::sorted(std::mem::take(&mut entities.drafts), problems);
    let resolver = Resolver::new(&names.names);
    let mut cluster = entities.cluster(node.span(), &names, &resolver, problems);
    name.unwrap_or(path).clone_into(&mut cluster.name);
    path.clone_into(&mut cluster.path);
    if let Some(links) = links {
        edits::links(links, &mut cluster, &resolver, problems);
    }
    cluster.fibs = fibs::fibs(fibs, &resolver, problems);
    cluster.tables.file = tables;
    cluster.names = names.names;
    (problems.errors() == before).then_some(cluster)
}
