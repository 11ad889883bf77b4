//! Changes to links in a cluster file.
//!
//! Knows: between which entities a link is ideal. Must never know: FIBs, what travels over a link.

use std::collections::HashMap;

use super::names::{Resolver, Want};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::Fields;
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::cluster::{Cluster, LinkEdit};
use crate::model::entity::{EntityId, EntityKind};

/// Reads `links` into the cluster.
pub(super) fn links(
    node: Node<'_>,
    cluster: &mut Cluster,
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) {
    let Some(mut fields) = Fields::of(node, "`links`", problems) else {
        return;
    };
    let ideal = Ideal::of(cluster, resolver);
    let mut removed: HashMap<(EntityId, EntityId), Span> = HashMap::new();
    for item in fields.list("remove", problems) {
        let Some(link) = link(item, resolver, problems) else {
            continue;
        };
        let names = show(link, resolver);
        if !ideal.has(link.from, link.to) {
            let message = format!("there is no link {names} to remove");
            problems.push(Diagnostic::error("C010", link.origin, message).help(
                "ideal links join a container and its pod, a daemon and its node, a pod and its node, two nodes, \
                 an external and the outside, the outside and a node",
            ));
        } else if let Some(there) = removed.insert((link.from, link.to), link.origin) {
            let message = format!("the link {names} is already removed");
            let diagnostic = Diagnostic::error("C010", link.origin, message).warning();
            problems.push(diagnostic.related(there, "removed here"));
        } else {
            cluster.links_removed.push(link);
        }
    }
    let mut added: HashMap<(EntityId, EntityId), Span> = HashMap::new();
    for item in fields.list("add", problems) {
        let Some(link) = link(item, resolver, problems) else {
            continue;
        };
        let names = show(link, resolver);
        let ends = (link.from, link.to);
        if link.from == link.to {
            let message = format!("the link {names} leads back to where it begins");
            problems.push(Diagnostic::error("C016", link.origin, message));
        } else if let Some(&there) = removed.get(&ends) {
            let message = format!("the link {names} is both removed and added");
            let diagnostic = Diagnostic::error("C016", link.origin, message);
            problems.push(diagnostic.related(there, "removed here"));
        } else if ideal.has(link.from, link.to) {
            let message = format!("the link {names} is there anyway");
            problems.push(Diagnostic::error("C011", link.origin, message).warning());
        } else if let Some(there) = added.insert(ends, link.origin) {
            let message = format!("the link {names} is already added");
            let diagnostic = Diagnostic::error("C011", link.origin, message).warning();
            problems.push(diagnostic.related(there, "added here"));
        } else {
            cluster.links_added.push(link);
        }
    }
    fields.finish(problems);
}

fn show(link: LinkEdit, resolver: &Resolver<'_>) -> String {
    let (from, to) = (resolver.name(link.from), resolver.name(link.to));
    format!("from `{from}` to `{to}`")
}

fn link(item: Node<'_>, resolver: &Resolver<'_>, problems: &mut Problems) -> Option<LinkEdit> {
    let mut fields = Fields::of(item, "a link", problems)?;
    let from = fields.required("from", problems);
    let from = from.and_then(|n| resolver.reference(n, Want::Either, problems));
    let to = fields.required("to", problems);
    let to = to.and_then(|n| resolver.reference(n, Want::Either, problems));
    let origin = fields.span();
    fields.finish(problems);
    Some(LinkEdit {
        from: from?,
        to: to?,
        origin,
    })
}

/// The links of the ideal graph, without listing them: between all pairs of nodes there is one.
struct Ideal<'n> {
    resolver: &'n Resolver<'n>,
    /// For each entity the switch it hangs on.
    parents: Vec<Option<EntityId>>,
}

impl<'n> Ideal<'n> {
    fn of(cluster: &Cluster, resolver: &'n Resolver<'n>) -> Self {
        let mut parents = vec![None; resolver.len()];
        let mut set = |child: EntityId, parent: Option<EntityId>| {
            if let Some(slot) = parents.get_mut(child.index()) {
                *slot = parent;
            }
        };
        for node in &cluster.nodes {
            node.daemons.iter().for_each(|d| set(d.id, Some(node.id)));
        }
        for pod in &cluster.pods {
            set(pod.id, Some(pod.node));
            pod.containers.iter().for_each(|c| set(c.id, Some(pod.id)));
        }
        for external in &cluster.externals {
            set(external.id, cluster.outside);
        }
        Self { resolver, parents }
    }

    fn has(&self, from: EntityId, to: EntityId) -> bool {
        let hangs = |a: EntityId, b| self.parents[a.index()] == Some(b);
        let kinds = (self.resolver.name(from).kind, self.resolver.name(to).kind);
        let between_switches = matches!(
            kinds,
            (EntityKind::Node, EntityKind::Node | EntityKind::Outside)
                | (EntityKind::Outside, EntityKind::Node)
        );
        from != to && (between_switches || hangs(from, to) || hangs(to, from))
    }
}
