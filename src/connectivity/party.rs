//! Who is asked about: pods, nodes, services, externals, and the classes of the outside.
//!
//! Knows: where each sends from and is dialled at. Must never know: gates, ports.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::cluster::{Address, Cluster, Process};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, non_unicast};
use crate::network::graph::{Network, Sources};

use super::outside::{Class, holds};

/// A party by its place in the canonical order: entities by id, then the outside by its first prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub u32);

impl PartyId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// An external, pod, node or service.
    Entity(EntityId),
    /// A class of outside addresses, by its index.
    Outside(usize),
}

/// A party.
#[derive(Debug, Clone)]
pub struct Party {
    /// What it is.
    pub who: Who,
    /// The node that it hangs on: a pod's, or itself; the outside has none.
    pub node: Option<EntityId>,
    /// The processes that may send for it; none for a service.
    pub senders: Vec<EntityId>,
    /// Where they send from: one address for each class that anything could tell apart.
    pub sources: Vec<IpAddr>,
    /// Where it is dialled.
    pub targets: Vec<IpAddr>,
    /// Whether the target addresses are different hosts, and not several addresses of one.
    pub range: bool,
}

/// All parties of a cluster, in order.
#[derive(Debug, Clone, Default)]
pub struct Parties {
    all: Vec<Party>,
    by_entity: BTreeMap<EntityId, PartyId>,
}

impl Parties {
    /// The parties. Services are left out where they are not wanted.
    pub(super) fn of(
        cluster: &Cluster,
        network: &Network,
        classes: &[Class],
        services: bool,
    ) -> Self {
        let mut all: Vec<Party> = Vec::new();
        // The outside that was made for objects has no name that anybody gave it: it is shown by its classes.
        let named = cluster
            .externals
            .iter()
            .filter(|_| !cluster.reading.objects);
        for external in named {
            let of = |class: &&Class| holds(&external.prefixes, class.representative);
            let received = |class: &&Class| class.receiver == Some(external.id);
            all.push(Party {
                who: Who::Entity(external.id),
                node: None,
                senders: vec![external.id],
                sources: representatives(classes.iter().filter(of)),
                targets: representatives(classes.iter().filter(received)),
                range: true,
            });
        }
        for pod in &cluster.pods {
            all.push(Party {
                who: Who::Entity(pod.id),
                node: Some(pod.node),
                senders: processes(&pod.containers),
                sources: sources(network, &pod.containers, classes),
                targets: dialled(&pod.addresses),
                range: false,
            });
        }
        for node in &cluster.nodes {
            all.push(Party {
                who: Who::Entity(node.id),
                node: Some(node.id),
                senders: processes(&node.daemons),
                sources: sources(network, &node.daemons, classes),
                targets: dialled(&node.addresses),
                range: false,
            });
        }
        for service in cluster.services.iter().filter(|_| services) {
            let mut targets = dialled(&service.addresses);
            targets.extend(dialled(&service.external_addresses));
            all.push(Party {
                who: Who::Entity(service.id),
                node: None,
                senders: Vec::new(),
                sources: Vec::new(),
                targets,
                range: false,
            });
        }
        all.sort_by_key(|p| p.who);
        for (index, class) in classes.iter().enumerate().filter(|(_, c)| c.shown) {
            all.push(Party {
                who: Who::Outside(index),
                node: None,
                senders: class.senders.clone(),
                sources: vec![class.representative],
                targets: class
                    .receiver
                    .map(|_| class.representative)
                    .into_iter()
                    .collect(),
                range: true,
            });
        }
        let by_entity = all
            .iter()
            .zip(0..)
            .filter_map(|(party, i)| match party.who {
                Who::Entity(id) => Some((id, PartyId(i))),
                Who::Outside(_) => None,
            });
        Self {
            by_entity: by_entity.collect(),
            all,
        }
    }

    /// One of them.
    pub fn get(&self, id: PartyId) -> &Party {
        &self.all[id.index()]
    }

    /// The party that an entity is; a process is its pod or node.
    pub fn entity(&self, id: EntityId) -> Option<PartyId> {
        self.by_entity.get(&id).copied()
    }

    /// All of them with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (PartyId, &Party)> {
        (0..).map(PartyId).zip(&self.all)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a pair is asked about: not a party to itself, and not the outside to itself, which says nothing about
    /// this cluster.
    pub fn asked(&self, cluster: &Cluster, from: PartyId, to: PartyId) -> bool {
        let outside = |id: PartyId| match self.get(id).who {
            Who::Entity(id) => cluster.kind_of(id) == EntityKind::External,
            Who::Outside(_) => true,
        };
        from != to && !(outside(from) && outside(to))
    }
}

fn processes(all: &[Process]) -> Vec<EntityId> {
    all.iter().map(|p| p.id).collect()
}

/// All processes of one namespace send from the same addresses.
fn sources(network: &Network, processes: &[Process], classes: &[Class]) -> Vec<IpAddr> {
    let first = processes.first().and_then(|p| network.process(p.id));
    match first.map(|p| &p.sources) {
        Some(Sources::Own(own)) => once(own.iter().copied()),
        // From an address that nobody holds: any class.
        Some(Sources::Free) => representatives(classes.iter()),
        // Only networks that were not installed by Linux are looked at by sets.
        Some(Sources::Within(_) | Sources::Selected(_)) | None => Vec::new(),
    }
}

/// Nobody is dialled at loopback from elsewhere, nor at what is no unicast address.
fn dialled(addresses: &[Address]) -> Vec<IpAddr> {
    let special = non_unicast();
    once(addresses.iter().map(|a| a.ip).filter(|ip| {
        let local = Family::of(*ip).loopback_net().contains(ip);
        !local && !special.iter().any(|net| net.contains(ip))
    }))
}

fn once(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut all = Vec::new();
    addresses.for_each(|a| {
        if !all.contains(&a) {
            all.push(a);
        }
    });
    all
}

fn representatives<'c>(classes: impl Iterator<Item = &'c Class>) -> Vec<IpAddr> {
    classes.map(|c| c.representative).collect()
}
