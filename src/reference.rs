//! How an entity may be spelled by a person: in full, or short where that is unambiguous.
//!
//! Must never know: what is asked of the entity.

use crate::input::suggest::nearest;
use crate::model::cluster::Cluster;
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
    let is_of = |workload: &Option<crate::model::cluster::Workload>| {
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

/// Full names, and short ones where unambiguous: `pod/P1` is `pod/default/P1`, or the one pod that is called so, and
/// `P1` is the one entity of any kind that is called so.
pub fn entity(cluster: &Cluster, text: &str) -> Result<EntityId, QuestionError> {
    let parts: Vec<&str> = text.split('/').collect();
    let named = |id: &EntityId| cluster.kind_of(*id) != EntityKind::Outside;
    let kind = EntityKind::of_word(parts[0]).filter(|k| *k != EntityKind::Outside);
    let (kind, parts) = match kind {
        Some(kind) if parts.len() > 1 => (Some(kind), &parts[1..]),
        _ => (None, &parts[..]),
    };
    let names = || {
        let fits = move |id: &EntityId| kind.is_none_or(|k| cluster.kind_of(*id) == k);
        cluster.ids().filter(named).filter(fits)
    };
    let is = |id: &EntityId, wanted: &[&str]| cluster.name_of(*id).parts.iter().eq(wanted.iter());
    if let Some(kind) = kind {
        // Names are sorted; most questions name their entities in full.
        if let Ok(at) = cluster.names.binary_search(&FullName::new(kind, parts)) {
            return Ok(EntityId(at as u32));
        }
        let in_default: Vec<&str> = std::iter::once("default")
            .chain(parts.iter().copied())
            .collect();
        if let Some(id) = names()
            .find(|id| is(id, parts))
            .or_else(|| names().find(|id| is(id, &in_default)))
        {
            return Ok(id);
        }
    }
    if let Some(id) = of_host_pod(cluster, text).or_else(|| of_workload(cluster, text)) {
        return Ok(id);
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
    let candidates: Vec<EntityId> = names().filter(ends_so).collect();
    match candidates.as_slice() {
        [one] => Ok(*one),
        [] => unknown(
            text,
            kind,
            names().map(|id| cluster.name_of(id).to_string()),
        ),
        several => {
            let mut all: Vec<String> = several
                .iter()
                .take(MOST_TOLD)
                .map(|id| format!("`{}`", cluster.name_of(*id)))
                .collect();
            if several.len() > MOST_TOLD {
                all.push(format!("{} more", several.len() - MOST_TOLD));
            }
            wrong(
                format!("`{text}` is ambiguous"),
                format!("it could be {}", all.join(", ")),
            )
        }
    }
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
        nearest(text, all.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
    wrong(format!("there is no `{text}` in this cluster"), near)
}
