//! How an entity may be spelled by a person: in full, or short where that is unambiguous.
//!
//! Must never know: what is asked of the entity.

use std::collections::BTreeMap;

use crate::base::similar::closest;
use crate::model::cluster::{Cluster, Workload};
use crate::model::entity::{EntityId, EntityKind, FullName};

/// Why a question cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QuestionError {
    /// One clause.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// The error, as a result.
pub fn wrong<T>(
    message: impl Into<String>,
    help: impl Into<Option<String>>,
) -> Result<T, QuestionError> {
    Err(QuestionError {
        message: message.into(),
        help: help.into(),
    })
}

/// The process or pod that stands for a workload (`deployment/NS/NAME`, its first pod), for one pod of a template
/// (`deployment/NS/NAME#1`, `pod/NS/NAME#1`), or for a pod in the network of its node (its first container).
fn of_workload(cluster: &Cluster, text: &str) -> Option<EntityId> {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, namespace, name] => (*kind, *namespace, *name),
        [kind, name] => (*kind, "default", *name),
        _ => return None,
    };
    let known = |name: &str| {
        let full = FullName::new(EntityKind::Pod, &[namespace, name, kind]);
        let at = cluster.names.binary_search(&full).ok()?;
        Some(EntityId(at as u32))
    };
    let is_of = |workload: &Option<Workload>| {
        workload
            .as_ref()
            .is_some_and(|w| w.kind == kind && w.name == name)
    };
    let pod_is = |id: EntityId| match cluster.name_of(id).parts.as_slice() {
        [own, _] => own == namespace && kind != EntityKind::Pod.word(),
        [own, pod, _] => own == namespace && (kind != EntityKind::Pod.word() || pod == name),
        _ => false,
    };
    let asks_pod = kind == EntityKind::Pod.word();
    let mut pods = cluster.pods.iter();
    let mut host_pods = cluster.host_pods.iter();
    known(name)
        .or_else(|| known(&format!("{name}#1")))
        .or_else(|| {
            let fits =
                |p: &&crate::model::cluster::Pod| pod_is(p.id) && (asks_pod || is_of(&p.workload));
            pods.find(fits).map(|p| p.id)
        })
        .or_else(|| {
            let fits = |p: &&crate::model::cluster::HostPod| {
                let named = if asks_pod || name.contains('#') {
                    p.name == name
                        && (asks_pod || p.workload.as_ref().is_some_and(|w| w.kind == kind))
                } else {
                    is_of(&p.workload)
                };
                p.namespace == namespace && named
            };
            let found = host_pods.find(fits)?;
            found.daemons.iter().min().copied().or(Some(found.node))
        })
}

/// A container of a pod in the network of its node: `daemon/NODE/NS/POD/NAME`, whose name has slashes of its own.
fn of_host_pod(cluster: &Cluster, text: &str) -> Option<EntityId> {
    let (node, name) = text.strip_prefix("daemon/")?.split_once('/')?;
    let full = FullName::new(EntityKind::Daemon, &[node, name]);
    let at = cluster.names.binary_search(&full).ok()?;
    Some(EntityId(at as u32))
}

/// What a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in full.
    pub name: String,
    /// The entity; a pod or process of a workload.
    pub id: EntityId,
    /// Whether it is a workload.
    pub workload: bool,
}

/// Full names, and short ones where unambiguous: `pod/P1` is `pod/default/P1`, or the one pod that is called so, and
/// `P1` is the one entity of any kind, or the one workload, that is called so; a pod stands for a workload.
pub fn entity(cluster: &Cluster, text: &str) -> Result<EntityId, QuestionError> {
    let all = candidates(cluster, text);
    match all.as_slice() {
        [one] => Ok(one.id),
        [] => {
            let kind = asked(text).0;
            let names = of_kind(cluster, kind).map(|id| cluster.name_of(id).to_string());
            unknown(text, kind, names)
        }
        several => ambiguous(text, several.iter().map(|c| c.name.clone())),
    }
}

/// The kind that a name begins with, and the rest.
fn asked(text: &str) -> (Option<EntityKind>, Vec<&str>) {
    let parts: Vec<&str> = text.split('/').collect();
    let kind = EntityKind::of_word(parts[0]).filter(|k| *k != EntityKind::Outside);
    match kind {
        Some(kind) if parts.len() > 1 => (Some(kind), parts[1..].to_vec()),
        _ => (None, parts),
    }
}

fn of_kind(cluster: &Cluster, kind: Option<EntityKind>) -> impl Iterator<Item = EntityId> {
    let fits = move |id: &EntityId| {
        let own = cluster.kind_of(*id);
        own != EntityKind::Outside && kind.is_none_or(|k| own == k)
    };
    cluster.ids().filter(fits)
}

/// Everything that a name may mean: one where it is a name in full.
pub fn candidates(cluster: &Cluster, text: &str) -> Vec<Candidate> {
    let (kind, parts) = asked(text);
    let entity = |id: EntityId| Candidate {
        name: cluster.name_of(id).to_string(),
        id,
        workload: false,
    };
    let in_full = kind.and_then(|kind| in_full(cluster, kind, &parts));
    let in_full = in_full.or_else(|| of_host_pod(cluster, text));
    if let Some(id) = in_full.or_else(|| of_workload(cluster, text)) {
        return vec![entity(id)];
    }
    let ends_so = |id: &EntityId| {
        let name = cluster.name_of(*id);
        let own = match name.parts.as_slice() {
            // A pod of a template is called without its workload's kind.
            [namespace_and_pod @ .., _]
                if name.kind == EntityKind::Pod && name.parts.len() == 3 =>
            {
                namespace_and_pod
            }
            all => all,
        };
        own.len() >= parts.len()
            && own
                .iter()
                .rev()
                .zip(parts.iter().rev())
                .all(|(a, b)| a == b)
    };
    let mut all: Vec<Candidate> = of_kind(cluster, kind).filter(ends_so).map(entity).collect();
    // A workload has no kind of entity: it is meant where no kind is said.
    if kind.is_none() {
        let meant: Vec<EntityId> = all.iter().map(|c| c.id).collect();
        let workloads = workloads(cluster, &parts, &meant).into_iter();
        all.extend(workloads.map(|(name, id)| Candidate {
            name,
            id,
            workload: true,
        }));
    }
    all
}

fn in_full(cluster: &Cluster, kind: EntityKind, parts: &[&str]) -> Option<EntityId> {
    // Names are sorted; most questions name their entities in full.
    if let Ok(at) = cluster.names.binary_search(&FullName::new(kind, parts)) {
        return Some(EntityId(at as u32));
    }
    let is = |id: &EntityId, wanted: &[&str]| cluster.name_of(*id).parts.iter().eq(wanted.iter());
    let in_default: Vec<&str> = std::iter::once("default")
        .chain(parts.iter().copied())
        .collect();
    of_kind(cluster, Some(kind))
        .find(|id| is(id, parts))
        .or_else(|| of_kind(cluster, Some(kind)).find(|id| is(id, &in_default)))
}

/// The error of a name that fits several.
pub fn ambiguous<T>(
    text: &str,
    candidates: impl Iterator<Item = String>,
) -> Result<T, QuestionError> {
    let all: Vec<String> = candidates.map(|name| format!("`{name}`")).collect();
    let mut told: Vec<String> = all.iter().take(MOST_TOLD).cloned().collect();
    if all.len() > MOST_TOLD {
        told.push(format!("{} more", all.len() - MOST_TOLD));
    }
    wrong(
        format!("`{text}` is ambiguous"),
        format!("it could be {}", told.join(", ")),
    )
}

/// The workloads that a name without a kind may mean, with a pod or process of each; not those whose pods are meant anyway.
fn workloads(cluster: &Cluster, parts: &[&str], meant: &[EntityId]) -> BTreeMap<String, EntityId> {
    let fits = |namespace: &str, workload: &Workload| match parts {
        [name] => *name == workload.name,
        [own, name] => *own == namespace && *name == workload.name,
        _ => false,
    };
    let of_pods = cluster.pods.iter().filter_map(|pod| {
        let namespace = cluster.name_of(pod.id).parts.first()?;
        Some((namespace, pod.workload.as_ref()?, pod.id))
    });
    let of_hosts = cluster.host_pods.iter().filter_map(|pod| {
        let first = pod.daemons.iter().min()?;
        Some((&pod.namespace, pod.workload.as_ref()?, *first))
    });
    let mut all = BTreeMap::new();
    for (namespace, workload, id) in of_pods.chain(of_hosts) {
        if fits(namespace, workload) && !meant.contains(&id) {
            let name = format!("{}/{namespace}/{}", workload.kind, workload.name);
            all.entry(name).or_insert(id);
        }
    }
    all
}

/// How many candidates are told of a name that fits several.
const MOST_TOLD: usize = 8;

fn unknown<T>(
    text: &str,
    kind: Option<EntityKind>,
    names: impl Iterator<Item = String>,
) -> Result<T, QuestionError> {
    if kind.is_none() {
        return wrong(
            format!("`{text}` is neither an address nor the name of an entity"),
            "write container/NS/POD/NAME, pod/NS/NAME, node/NAME, daemon/NODE/NAME, service/NS/NAME, external/NAME \
             or an address"
                .to_owned(),
        );
    }
    let all: Vec<String> = names.collect();
    let near =
        closest(text, all.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
    wrong(format!("there is no `{text}` in this cluster"), near)
}
