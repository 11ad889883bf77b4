//! Which nodes are looked at for the sake of addresses that nobody has: of each kind of them, and of each way in which a
//! sender can stand to where their routes lead, the plainest.
//!
//! Where routes lead is to such an address what its node is to a pod. Must never know: formulas, the solver.

use std::collections::{BTreeMap, HashSet};

use super::choose::{Chosen, Map, least_address};
use super::open_land::Cell;
use super::routes::Routes;

/// How many kinds there may be.
const MOST_KINDS: usize = 400;

/// Where the routes of a cell lead, as far as classes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    Node(u32),
    Outside,
    Nowhere,
}

/// A cell, and the place of the node where its routes lead.
type Placed = (Cell, Option<usize>);

/// Adds them; false where there are too many kinds.
pub(super) fn plainest(map: &Map<'_>, routes: &Routes, chosen: &mut Chosen) -> bool {
    let mut kinds: BTreeMap<_, Vec<Placed>> = BTreeMap::new();
    for cell in &routes.cells {
        let place = cell.home.and_then(|id| map.node_at(id));
        let home = match place {
            Some(at) => Home::Node(map.classes.nodes[at]),
            None if cell.home.is_some() => Home::Outside,
            None => Home::Nowhere,
        };
        let v6 = cell.plainest.is_ipv6();
        let key = (v6, cell.documented, cell.class, cell.tag, home);
        kinds.entry(key).or_default().push((*cell, place));
    }
    if kinds.len() > MOST_KINDS {
        return false;
    }
    let senders = senders(map);
    for kind in kinds.values_mut() {
        kind.sort_by_key(|(cell, _)| cell.plainest);
        let homes: HashSet<usize> = kind.iter().filter_map(|(_, place)| *place).collect();
        // The plainest of all, whoever sends.
        chosen
            .nodes
            .extend(kind.first().and_then(|(_, place)| *place));
        for all in &senders {
            let apart = |node: usize| kind.iter().find(|(_, place)| *place != Some(node));
            let found = all.iter().find_map(|s| Some((s, apart(s.node())?)));
            if let Some((sender, (_, home))) = found {
                sender.take(chosen);
                chosen.nodes.extend(*home);
            }
            let there = all.iter().find(|s| homes.contains(&s.node()));
            if let Some(sender) = there {
                sender.take(chosen);
            }
        }
    }
    true
}

/// A pod, or a node with processes of its own.
#[derive(Debug, Clone, Copy)]
enum Sender {
    Pod { at: usize, node: usize },
    Node(usize),
}

impl Sender {
    fn node(self) -> usize {
        match self {
            Self::Pod { node, .. } | Self::Node(node) => node,
        }
    }

    fn take(self, chosen: &mut Chosen) {
        match self {
            Self::Pod { at, .. } => drop(chosen.pods.insert(at)),
            Self::Node(at) => drop(chosen.nodes.insert(at)),
        }
    }
}

/// The members of each class, by name and by address.
fn senders(map: &Map<'_>) -> Vec<Vec<Sender>> {
    let pod = |at: &usize| Sender::Pod {
        at: *at,
        node: map.node_of[*at],
    };
    let mut all: Vec<Vec<Sender>> = Vec::new();
    for class in &map.by_class {
        all.push(class.iter().map(pod).collect());
        let mut by_address = class.clone();
        by_address.sort_by_cached_key(|at| {
            let least = least_address(&map.cluster.pods[*at]);
            (least.is_none(), least, *at)
        });
        all.push(by_address.iter().map(pod).collect());
    }
    let mut nodes = vec![Vec::new(); map.classes.node_count as usize];
    for (at, class) in map.classes.nodes.iter().enumerate() {
        if !map.cluster.nodes[at].daemons.is_empty() {
            nodes[*class as usize].push(Sender::Node(at));
        }
    }
    all.extend(nodes);
    all
}
