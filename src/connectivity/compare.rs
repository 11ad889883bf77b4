//! Two clusters compared by the names of their entities: what became reachable, and what stopped being.
//!
//! Knows: answers. Must never know: files, printing. Addresses of the two sides need not be the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, FullName};
use crate::model::inet::{PortSet, Protocol, show_net};
use crate::network::graph::Network;

use super::answer::{Answer, Options};
use super::outside;
use super::party::{PartyId, Who};
use super::ports::{PortTable, PortsId};
use super::row::Row;

/// OLD or NEW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before.
    Old,
    /// After.
    New,
}

/// Who somebody is on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Entity(FullName),
    /// A region of the outside, by the innermost prefix that it lies in.
    Region(IpNet),
}

/// Somebody who is on one side or on both.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The name in full; a region of the outside has one for each of its prefixes.
    pub names: Vec<String>,
    /// Before.
    pub old: Option<PartyId>,
    /// After.
    pub new: Option<PartyId>,
}

/// A pair and a protocol about which the two sides differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Who sends, an index into the subjects.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// The protocol.
    pub protocol: Protocol,
    /// Ports that became reachable, or reachable for all choices where they were for some.
    pub became: PortSet,
    /// Ports that stopped being reachable, or are for some choices only.
    pub stopped: PortSet,
}

/// Two answers, made comparable.
#[derive(Debug)]
pub struct Comparison<'n> {
    old: Answer<'n>,
    new: Answer<'n>,
    subjects: Vec<Subject>,
    /// By party: its subject.
    of_old: Vec<usize>,
    of_new: Vec<usize>,
    /// Pairs of sets, one of each side, and how they differ.
    known: HashMap<[PortsId; 4], Option<(PortSet, PortSet)>>,
}

impl<'n> Comparison<'n> {
    /// Of two clusters with their networks.
    pub fn new(
        old: (&'n Cluster, &'n Network),
        new: (&'n Cluster, &'n Network),
        options: Options,
    ) -> Self {
        // Both sides are told apart by the prefixes of both.
        let regions: BTreeSet<IpNet> = outside::boundaries(old.0)
            .into_iter()
            .chain(outside::boundaries(new.0))
            .collect();
        let answer = |(cluster, network)| Answer::by_region(cluster, network, options, &regions);
        let (old, new) = (answer(old), answer(new));
        let mut all: BTreeMap<Key, (Option<PartyId>, Option<PartyId>)> = BTreeMap::new();
        for (id, key) in keys(&old) {
            all.entry(key).or_default().0 = Some(id);
        }
        for (id, key) in keys(&new) {
            all.entry(key).or_default().1 = Some(id);
        }
        let mut of_old = vec![0; old.parties().len()];
        let mut of_new = vec![0; new.parties().len()];
        let mut subjects = Vec::new();
        for (index, (key, (on_old, on_new))) in all.into_iter().enumerate() {
            if let Some(id) = on_old {
                of_old[id.index()] = index;
            }
            if let Some(id) = on_new {
                of_new[id.index()] = index;
            }
            let names = match key {
                Key::Entity(name) => vec![name.to_string()],
                Key::Region(_) => on_new
                    .map(|id| prefixes(&new, id))
                    .or_else(|| on_old.map(|id| prefixes(&old, id)))
                    .unwrap_or_default(),
            };
            subjects.push(Subject {
                names,
                old: on_old,
                new: on_new,
            });
        }
        Self {
            old,
            new,
            subjects,
            of_old,
            of_new,
            known: HashMap::new(),
        }
    }

    /// Everybody on either side, in canonical order.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// One side's answer.
    pub fn answer(&self, side: Side) -> &Answer<'n> {
        match side {
            Side::Old => &self.old,
            Side::New => &self.new,
        }
    }

    /// What differs for messages from one subject, in order.
    pub fn from(&mut self, from: usize) -> Vec<Difference> {
        let mut pairs: BTreeMap<(usize, Protocol), [Option<Row>; 2]> = BTreeMap::new();
        if let Some(id) = self.subjects[from].old {
            for row in self.old.rows_from(id, |_| true) {
                let key = (self.of_old[row.to.index()], row.protocol);
                pairs.entry(key).or_default()[0] = Some(row);
            }
        }
        if let Some(id) = self.subjects[from].new {
            for row in self.new.rows_from(id, |_| true) {
                let key = (self.of_new[row.to.index()], row.protocol);
                pairs.entry(key).or_default()[1] = Some(row);
            }
        }
        let mut all = Vec::new();
        for ((to, protocol), [before, after]) in pairs {
            if let Some((became, stopped)) = self.difference(before, after) {
                all.push(Difference {
                    from,
                    to,
                    protocol,
                    became,
                    stopped,
                });
            }
        }
        all
    }

    /// Ports whose state rose, and those whose state fell: reachable never, for some choices, for all.
    fn difference(
        &mut self,
        before: Option<Row>,
        after: Option<Row>,
    ) -> Option<(PortSet, PortSet)> {
        let ids = |row: Option<Row>| row.map_or([PortTable::NONE; 2], |r| [r.all, r.some]);
        let ([old_all, old_some], [new_all, new_some]) = (ids(before), ids(after));
        let key = [old_all, old_some, new_all, new_some];
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let table = self.new.ports();
        let (new_all, new_some) = (table.set(new_all).clone(), table.set(new_some).clone());
        let table = self.old.ports();
        let (new_all, new_some) = (table.id(new_all), table.id(new_some));
        let old_ever = table.or(old_all, old_some);
        let new_ever = table.or(new_all, new_some);
        let mut changed = |a, b, ever_a, ever_b| {
            let (x, y) = (table.minus(a, b), table.minus(ever_a, ever_b));
            let both = table.or(x, y);
            table.set(both).clone()
        };
        let became = changed(new_all, old_all, new_ever, old_ever);
        let stopped = changed(old_all, new_all, old_ever, new_ever);
        let result = (became != stopped).then_some((became, stopped));
        self.known.insert(key, result.clone());
        result
    }
}

/// Where the nodes of pods were chosen, chooses alike on both sides, so that no choice looks like a change. Says whether
/// anything moved: then the new cluster must be lowered again.
pub fn choose_alike(old: &Cluster, new: &mut Cluster) -> bool {
    let chosen: HashMap<&FullName, &FullName> = old
        .pods
        .iter()
        .filter(|pod| pod.chosen.node)
        .map(|pod| (old.name_of(pod.id), old.name_of(pod.node)))
        .collect();
    let nodes: HashMap<FullName, EntityId> = new
        .nodes
        .iter()
        .map(|node| (new.name_of(node.id).clone(), node.id))
        .collect();
    let mut moved = HashMap::new();
    for pod in new.pods.iter_mut().filter(|pod| pod.chosen.node) {
        let name = &new.names[pod.id.index()];
        let node = chosen.get(name).and_then(|node| nodes.get(*node));
        if let Some(&node) = node.filter(|node| **node != pod.node) {
            pod.node = node;
            moved.insert(pod.id, node);
        }
    }
    let ports = new.services.iter_mut().flat_map(|s| &mut s.ports);
    for endpoint in ports.flat_map(|p| &mut p.endpoints) {
        if let Some(&node) = endpoint.entity.and_then(|pod| moved.get(&pod)) {
            endpoint.node = Some(node);
        }
    }
    !moved.is_empty()
}

/// Every party of an answer with what it is called on both sides.
fn keys<'a>(answer: &'a Answer<'_>) -> impl Iterator<Item = (PartyId, Key)> + 'a {
    answer.parties().iter().map(|(id, party)| {
        let key = match party.who {
            Who::Entity(entity) => Key::Entity(answer.cluster().name_of(entity).clone()),
            Who::Outside(class) => Key::Region(answer.classes()[class].region),
        };
        (id, key)
    })
}

fn prefixes(answer: &Answer<'_>, id: PartyId) -> Vec<String> {
    match answer.parties().get(id).who {
        Who::Entity(_) => Vec::new(),
        Who::Outside(class) => {
            let nets = &answer.classes()[class].prefixes;
            nets.iter().map(|net| show_net(*net)).collect()
        }
    }
}
