//! Intents as constraints of one cluster: who is meant is looked up, the text is made, parsed and bound.
//!
//! Must never know: files on disk, the solver.

use super::{Applied, INTENTS, Options, headless};
use crate::base::diag::Diagnostic;
use crate::base::source::SourceMap;
use crate::input::{self, LoadedCluster};
use crate::intent;
use crate::logic::bind::bind_names;
use crate::logic::formula::Constraint;
use crate::model::cluster::Cluster;
use crate::model::entity::{EntityKind, FullName};
use crate::model::intent::{Intent, IntentPeer, PodsOf, Relation, Who, Wish};
use crate::report::run::Finding;

/// An intent of one cluster.
#[derive(Debug)]
pub(super) struct Stated {
    /// Peers that the cluster does not have left out.
    pub(super) intent: Intent,
    /// What it stands for, bound.
    pub(super) constraint: Constraint,
    /// Why it cannot be asked as it is meant; none where it can.
    pub(super) unasked: Option<&'static str>,
}

/// The constraint of an intent: its text among the sources, its name the intent's.
pub(super) fn constraint(
    sources: &mut SourceMap,
    intent: &Intent,
) -> Result<Constraint, Vec<Diagnostic>> {
    let text = intent::text(intent);
    let source = sources.add(format!("intent {}", intent.name), text);
    let (constraints, mistakes) = super::parse(sources, source);
    match constraints.into_iter().next() {
        Some(mut constraint) if mistakes.is_empty() => {
            constraint.id.clone_from(&intent.name);
            constraint.name.clone_from(&intent.name);
            constraint.says = intent::says(intent);
            Ok(constraint)
        }
        _ => Err(mistakes),
    }
}

/// States an intent of a cluster. What it says of nobody is a finding.
pub(super) fn state(
    sources: &mut SourceMap,
    intent: &Intent,
    cluster: &Cluster,
    findings: &mut Vec<Finding>,
) -> Result<Stated, Vec<Diagnostic>> {
    let (mut intent, unasked) = match headless::spelled_out(intent, cluster) {
        None => (intent.clone(), None),
        Some(Err(())) => (intent.clone(), Some(headless::WHY)),
        Some(Ok(in_full)) => {
            findings.push(Finding {
                id: "F042",
                severity: "note",
                message: format!(
                    "intent `{}`: a headless Service is no address: its pods are meant, at the ports on which they listen",
                    intent.name
                ),
                source: Some(intent.origin),
            });
            (in_full, None)
        }
    };
    let name = intent.name.clone();
    let keep = |peers: &mut Vec<IntentPeer>, findings: &mut Vec<Finding>| {
        peers.retain(|peer| {
            let found = somebody(&peer.who, cluster);
            if !found.0 {
                findings.push(Finding {
                    id: "F040",
                    severity: "warning",
                    message: format!("intent `{name}`: this peer is nobody in the cluster"),
                    source: Some(peer.origin),
                });
            }
            found.1
        });
    };
    match &mut intent.wish {
        Wish::MustReach(r) | Wish::MustNotReach(r) | Wish::OnlyThese(r) => {
            let Relation { from, to, .. } = r;
            keep(from, findings);
            keep(to, findings);
        }
        Wish::Isolate(isolation) => {
            let without = cluster
                .pods
                .iter()
                .filter(|p| !p.labels.contains_key(&isolation.key))
                .count();
            if without > 0 {
                let what = if isolation.unlabelled_are_a_group {
                    "they are a group of their own"
                } else {
                    "nothing is asked of them"
                };
                findings.push(Finding {
                    id: "F041",
                    severity: "note",
                    message: format!(
                        "intent `{}`: {without} pods have no label `{}`: {what}",
                        intent.name, isolation.key
                    ),
                    source: Some(isolation.origin),
                });
            }
        }
    }
    let constraint = constraint(sources, &intent)?;
    let constraint = bind_names(&constraint, || cluster.names.iter().collect())?;
    Ok(Stated {
        intent,
        constraint,
        unasked,
    })
}

/// Whether a peer is anybody here, and whether it can be spoken of: a name that is nobody's cannot.
fn somebody(who: &Who, cluster: &Cluster) -> (bool, bool) {
    let named = |kind, parts: &[&str]| {
        let name = FullName::new(kind, parts);
        let found = cluster.names.binary_search(&name).is_ok();
        (found, found)
    };
    match who {
        Who::Pods(pods) => (any_pod(pods, cluster), true),
        Who::AnyPod(pods) => {
            let known = |name: &String| cluster.namespaces.iter().any(|n| n.name == *name);
            (pods.namespace.as_ref().is_none_or(known), true)
        }
        Who::Pod { namespace, name } => named(EntityKind::Pod, &[namespace, name]),
        Who::Service { namespace, name } => named(EntityKind::Service, &[namespace, name]),
        Who::Node(name) => named(EntityKind::Node, &[name]),
        Who::External(name) => named(EntityKind::External, &[name]),
        Who::Workload {
            kind,
            namespace,
            name,
        } => {
            let is = |w: &Option<crate::model::cluster::Workload>, ns: Option<&String>| {
                ns == Some(namespace)
                    && w.as_ref()
                        .is_some_and(|w| w.kind == *kind && w.name == *name)
            };
            let pods = cluster
                .pods
                .iter()
                .any(|p| is(&p.workload, cluster.name_of(p.id).parts.first()));
            let hosted = cluster
                .host_pods
                .iter()
                .any(|p| is(&p.workload, Some(&p.namespace)));
            (pods || hosted, true)
        }
        Who::Block(block) => {
            let overlaps = |net: &crate::model::inet::IpNet| {
                net.contains(&block.cidr) || block.cidr.contains(net)
            };
            let mut prefixes = cluster.externals.iter().flat_map(|x| &x.prefixes);
            (prefixes.any(overlaps), true)
        }
    }
}

fn any_pod(pods: &PodsOf, cluster: &Cluster) -> bool {
    let fits = |namespace: &str, labels| {
        pods.namespace.as_ref().is_none_or(|n| n == namespace)
            && pods.pods.as_ref().is_none_or(|s| s.matches(labels))
            && pods.namespaces.as_ref().is_none_or(|s| {
                let namespace = cluster.namespaces.iter().find(|n| n.name == namespace);
                namespace.is_some_and(|n| s.matches(&n.labels))
            })
    };
    let own = cluster.pods.iter().any(|p| {
        let namespace = cluster.name_of(p.id).parts.first();
        namespace.is_some_and(|n| fits(n, &p.labels))
    });
    let mut hosted = cluster.host_pods.iter();
    own || hosted.any(|p| fits(&p.namespace, &p.labels))
}

/// An intent and the PATH that it applies to; none is every cluster.
#[derive(Debug)]
pub(super) struct Wished<'i> {
    pub(super) intent: &'i Intent,
    pub(super) path: Option<&'i String>,
}

/// The intents that are asked for, and the PATHs whose own intents are broken.
pub(super) fn applied<'i>(
    intents: &'i [input::LoadedIntent],
    clusters: &[LoadedCluster],
    constraints: &[Applied],
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Wished<'i>>, Vec<Option<String>>) {
    let mut all: Vec<Wished<'i>> = Vec::new();
    let mut broken = Vec::new();
    for loaded in intents {
        // Beside clusters in one PATH, intents apply to those; alone, to every cluster of the call.
        let path = Some(&loaded.path).filter(|p| clusters.iter().any(|c| c.path == **p));
        let Some(intent) = &loaded.intent else {
            broken.push(path.cloned());
            continue;
        };
        let meets = |other: Option<&String>| other.is_none() || path.is_none() || other == path;
        let of_constraint = constraints.iter().find(|a| {
            meets(a.path.as_ref())
                && (a.constraint.id == intent.name || a.constraint.name == intent.name)
        });
        let of_intent = all
            .iter()
            .find(|w| meets(w.path) && w.intent.name == intent.name);
        let first = of_constraint
            .map(|a| a.constraint.span)
            .or(of_intent.map(|w| w.intent.origin));
        if let Some(first) = first {
            let message = format!("there is another constraint `{}`", intent.name);
            let clash = Diagnostic::error("L115", intent.origin, message);
            diagnostics.push(clash.related(first, "first defined here"));
            broken.push(path.cloned());
            continue;
        }
        let named = |only: &String| *only == intent.name || only == INTENTS;
        if options.only.is_empty() || options.only.iter().any(named) {
            all.push(Wished { intent, path });
        }
    }
    (all, broken)
}
