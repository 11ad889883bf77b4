//! Who a person means: an entity, a namespace, a workload, an address.
//!
//! Must never know: rows, printing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::cluster::Workload;
use crate::model::entity::{EntityId, EntityKind};
use crate::reference::{self, QuestionError};

use super::answer::Answer;
use super::party::{PartyId, Who};

/// The parties that a text means: an entity, an address, a workload, a namespace; short names where they mean one of them.
pub fn parties(answer: &Answer<'_>, text: &str) -> Result<BTreeSet<PartyId>, QuestionError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(holder(answer, address));
    }
    if let Some(found) = workload(answer, text) {
        return Ok(found);
    }
    if let Some(name) = text.strip_prefix("namespace/")
        && let Some(found) = namespace(answer, name)
    {
        return Ok(found);
    }
    let cluster = answer.cluster();
    let all = reference::candidates(cluster, text);
    match (all.as_slice(), namespace(answer, text)) {
        ([], Some(space)) => Ok(space),
        ([one], None) if one.workload => {
            Ok(workload(answer, &one.name).unwrap_or_else(|| one_party(answer, one.id)))
        }
        ([one], None) => Ok(one_party(answer, one.id)),
        ([], None) => {
            let id = reference::entity(cluster, text)?;
            Ok(one_party(answer, id))
        }
        (several, space) => {
            let names = several.iter().map(|c| c.name.clone());
            let space = space.map(|_| format!("namespace/{text}"));
            reference::ambiguous(text, names.chain(space))
        }
    }
}

fn one_party(answer: &Answer<'_>, id: EntityId) -> BTreeSet<PartyId> {
    party(answer, id).into_iter().collect()
}

/// A process is shown as its pod or node.
fn party(answer: &Answer<'_>, id: EntityId) -> Option<PartyId> {
    answer.parties().entity(id).or_else(|| {
        let mut all = answer.parties().iter();
        all.find(|(_, p)| p.senders.contains(&id)).map(|(id, _)| id)
    })
}

fn holder(answer: &Answer<'_>, address: IpAddr) -> BTreeSet<PartyId> {
    let held = answer
        .parties()
        .iter()
        .filter(|(_, p)| !p.range && p.targets.contains(&address));
    let held: BTreeSet<PartyId> = held.map(|(id, _)| id).collect();
    if !held.is_empty() {
        return held;
    }
    let covers = |class: usize| {
        let prefixes = &answer.classes()[class].prefixes;
        prefixes.iter().any(|net| net.contains(&address))
    };
    let outside = answer.parties().iter().filter(|(_, p)| match p.who {
        Who::Outside(class) => covers(class),
        Who::Entity(id) => {
            let external = answer.cluster().externals.iter().find(|x| x.id == id);
            external.is_some_and(|x| x.prefixes.iter().any(|net| net.contains(&address)))
        }
    });
    outside.map(|(id, _)| id).collect()
}

/// `deployment/NS/NAME`, unless an entity is called so in full.
fn workload(answer: &Answer<'_>, text: &str) -> Option<BTreeSet<PartyId>> {
    let cluster = answer.cluster();
    let [kind, space, name] = <[&str; 3]>::try_from(text.split('/').collect::<Vec<_>>()).ok()?;
    let wanted = Workload {
        kind: kind.to_owned(),
        name: name.to_owned(),
    };
    let pods = cluster.pods.iter().filter(|pod| {
        pod.workload.as_ref() == Some(&wanted)
            && cluster
                .name_of(pod.id)
                .parts
                .first()
                .is_some_and(|n| n == space)
    });
    let found: BTreeSet<PartyId> = pods.filter_map(|pod| party(answer, pod.id)).collect();
    (!found.is_empty()).then_some(found)
}

/// Who is in a namespace; none where there is no such namespace.
fn namespace(answer: &Answer<'_>, name: &str) -> Option<BTreeSet<PartyId>> {
    let cluster = answer.cluster();
    let inside = |id: EntityId| {
        let full = cluster.name_of(id);
        let has = matches!(full.kind, EntityKind::Pod | EntityKind::Service);
        has && full.parts.first().is_some_and(|n| n == name)
    };
    let found = answer
        .parties()
        .iter()
        .filter(|(_, party)| match party.who {
            Who::Entity(id) => inside(id),
            Who::Outside(_) => false,
        });
    let found: BTreeSet<PartyId> = found.map(|(id, _)| id).collect();
    let known = cluster.namespaces.iter().any(|n| n.name == name);
    (known || !found.is_empty()).then_some(found)
}
