//! How an entity may be spelled by a person: in full, or short where that is unambiguous.
//!
//! Must never know: what is asked of the entity.

use crate::input::suggest::nearest;
use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind};

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
    if kind.is_some() {
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
    let ends_so = |id: &EntityId| {
        let own = &cluster.name_of(*id).parts;
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
