//! Where only endpoints of the client's node count: of each kind of port and each class of clients one on whose node there is
//! none.
//!
//! Must never know: kinds of endpoints (`services`), formulas, the solver.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::model::service::{Readiness, ServicePort};

use super::choose::{Chosen, Map};

/// So many pods are looked at in all.
const LOOKED_AT: usize = 4_000_000;

/// What was found so far.
pub(super) struct Bare<'m, 'c> {
    map: &'m Map<'c>,
    /// By kind of port and family: the classes of pods and of nodes that have somebody.
    found: HashMap<(u32, Family), Found>,
    pods: BTreeSet<usize>,
    nodes: BTreeSet<usize>,
    services: BTreeSet<usize>,
    steps: usize,
}

#[derive(Default)]
struct Found {
    pods: HashSet<usize>,
    nodes: HashSet<u32>,
}

impl<'m, 'c> Bare<'m, 'c> {
    pub(super) fn new(map: &'m Map<'c>) -> Self {
        Self {
            map,
            found: HashMap::new(),
            pods: BTreeSet::new(),
            nodes: BTreeSet::new(),
            services: BTreeSet::new(),
            steps: 0,
        }
    }

    /// Looks at a port of a Service, whose kind has this number; false where that takes too long.
    pub(super) fn look(&mut self, service: usize, port: &ServicePort, kind: u32) -> bool {
        let map = self.map;
        for family in [Family::V4, Family::V6] {
            let found = self.found.entry((kind, family)).or_default();
            if found.pods.len() == map.by_class.len()
                && found.nodes.len() == map.classes.node_count as usize
            {
                continue;
            }
            let counting = port
                .endpoints
                .iter()
                .filter(|e| Family::of(e.address) == family && e.readiness != Readiness::NotReady);
            let on: HashSet<EntityId> = counting.filter_map(|e| e.node).collect();
            let nodes = map.cluster.nodes.iter();
            let (with, without): (Vec<usize>, Vec<usize>) = nodes
                .enumerate()
                .map(|(at, node)| (at, on.contains(&node.id)))
                .fold(Default::default(), |(mut with, mut without), (at, is)| {
                    if is { &mut with } else { &mut without }.push(at);
                    (with, without)
                });
            let mut new = false;
            for &node in &without {
                if found.nodes.insert(map.classes.nodes[node]) {
                    self.nodes.insert(node);
                    new = true;
                }
            }
            let pods_of =
                |nodes: &[usize]| nodes.iter().map(|n| map.pods_on[*n].len()).sum::<usize>();
            let (most, rest) = (pods_of(&without), pods_of(&with));
            let is_bare = |pod: &usize| !on.contains(&map.cluster.pods[*pod].node);
            if most <= rest {
                // The least of each class among the few.
                self.steps += most;
                let mut few: Vec<usize> = without
                    .iter()
                    .flat_map(|n| &map.pods_on[*n])
                    .copied()
                    .collect();
                few.sort_unstable();
                for pod in few {
                    if found.pods.insert(map.class_of(pod)) {
                        self.pods.insert(pod);
                        new = true;
                    }
                }
            } else {
                // No more are passed over than there are on nodes with an endpoint.
                self.steps += rest + map.by_class.len();
                for (class, all) in map.by_class.iter().enumerate() {
                    if !found.pods.contains(&class)
                        && let Some(pod) = all.iter().find(|pod| is_bare(pod))
                    {
                        found.pods.insert(class);
                        self.pods.insert(*pod);
                        new = true;
                    }
                }
            }
            if new {
                self.services.insert(service);
            }
            if self.steps > LOOKED_AT {
                return false;
            }
        }
        true
    }

    /// Chooses them.
    pub(super) fn take(self, chosen: &mut Chosen) {
        chosen.pods.extend(self.pods);
        chosen.nodes.extend(self.nodes);
        chosen.services.extend(self.services);
    }
}
