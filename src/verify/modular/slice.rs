//! Parts of a large cluster around somebody, to walk messages in: whom the messages can meet, and no more.
//!
//! No class stands for another here: who is asked for is there, closed (`closure`), with every endpoint of the Services
//! among them. By Lemma 1 of docs/modular.md a message between those fares in the part as it does in the whole.
//!
//! Must never know: which messages are walked, and why.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use crate::logic::bind::carried;
use crate::logic::formula::Constraint;
use crate::logic::literals::Literals;
use crate::lower::{Lowered, lower, lower_part};
use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::policy::Settings;
use crate::network::header::Header;
use crate::network::trace::{Outcome, Trace};
use crate::verify::verdict::{Counterexample, Walked};

use super::asked::Asked;
use super::choose::{Chosen, Map, nodes_of};
use super::cuts::Cuts;
use super::holders::Holders;
use super::part::{self, Part};
use super::profile::Classes;
use super::{closure, lift};

/// With more rules than about these in all its FIBs a part is none: it would take as long as the whole.
const MOST_RULES: usize = 2_000_000;

/// No entity has it.
const NOBODY: EntityId = EntityId(u32::MAX);

/// A cluster with an ideal network, looked at once for all parts.
#[derive(Debug)]
pub struct Slices<'c> {
    cluster: &'c Cluster,
    settings: Settings,
    holders: Holders,
    cuts: Cuts,
    classes: Classes,
    node_of: Arc<[usize]>,
    /// The pod or node of each process.
    homes: HashMap<EntityId, EntityId>,
    whole: OnceLock<Option<(Lowered, Walked)>>,
}

/// Whom a part is to be about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    who: BTreeSet<EntityId>,
    /// Whether a message comes from outside.
    outside: bool,
}

/// A part with its network.
#[derive(Debug)]
pub struct Slice {
    part: Part,
    outside: bool,
    lowered: Lowered,
}

impl<'c> Slices<'c> {
    /// Looks at every address and process once. The cluster has no snapshot, no tables, no rules or links of its own.
    pub fn new(cluster: &'c Cluster, settings: Settings) -> Self {
        let mut homes = HashMap::new();
        for pod in &cluster.pods {
            homes.extend(pod.containers.iter().map(|c| (c.id, pod.id)));
        }
        for node in &cluster.nodes {
            homes.extend(node.daemons.iter().map(|d| (d.id, node.id)));
        }
        Self {
            cluster,
            settings,
            holders: Holders::of(cluster),
            cuts: Cuts::of(cluster, &Literals::of(&[]), false),
            classes: Classes::none(),
            node_of: nodes_of(cluster),
            homes,
            whole: OnceLock::new(),
        }
    }

    /// Takes a process, a pod, a node or a Service in; externals are in every part.
    pub fn add(&self, around: &mut Around, id: EntityId) {
        let own = self.homes.get(&id).copied().unwrap_or(id);
        if self.cluster.kind_of(own) == EntityKind::External {
            return;
        }
        around.who.insert(own);
    }

    /// Takes in whom a message with this header can meet first: its sender, who holds its addresses, whom a port of a
    /// node leads to.
    pub fn add_message(&self, around: &mut Around, sender: EntityId, header: &Header) {
        around.outside |= self.cluster.kind_of(sender) == EntityKind::External;
        self.add(around, sender);
        for (ip, port) in [
            (header.source, header.source_port),
            (header.destination, header.destination_port),
        ] {
            around.who.extend(self.holders.of_address(ip));
            let meant = self.holders.meant(ip, port, header.protocol);
            around.who.extend(meant);
        }
    }

    /// Takes in the Services that a constraint names.
    pub fn add_named(&self, around: &mut Around, constraint: &Constraint) {
        let asked = Asked::of(std::slice::from_ref(constraint));
        let service = |id: &EntityId| self.cluster.kind_of(*id) == EntityKind::Service;
        around.who.extend(asked.named.into_iter().filter(service));
    }

    /// Cuts a part out; none where it would be too large.
    pub fn cut(&self, around: &Around) -> Option<Slice> {
        let map = Map::of_places(
            self.cluster,
            &self.holders,
            &self.classes,
            Arc::clone(&self.node_of),
        );
        let mut chosen = Chosen {
            every_entrance: around.outside,
            ..Chosen::default()
        };
        for id in &around.who {
            closure::add(&map, *id, &mut chosen);
        }
        loop {
            closure::close(&map, &self.cuts, &mut chosen);
            if self.rules(&chosen) > MOST_RULES {
                return None;
            }
            if chosen.whole == chosen.services {
                break;
            }
            chosen.whole.clone_from(&chosen.services);
        }
        let part = part::cut(&map, &self.cuts, &chosen)?;
        let lowered = lower_part(&part.cluster, self.settings);
        Some(Slice {
            part,
            outside: around.outside,
            lowered,
        })
    }

    /// The network of the whole cluster, for where a part would be too large; none where it is too large itself.
    pub fn whole(&self) -> Option<(&Lowered, &Walked)> {
        let made = self.whole.get_or_init(|| {
            let all = Chosen {
                pods: (0..self.cluster.pods.len()).collect(),
                nodes: (0..self.cluster.nodes.len()).collect(),
                services: (0..self.cluster.services.len()).collect(),
                ..Chosen::default()
            };
            if self.rules(&all) > MOST_RULES {
                return None;
            }
            let lowered = lower(self.cluster, &self.settings).ok()?;
            let walked = Walked::of(lowered.network.clone());
            Some((lowered, walked))
        });
        made.as_ref().map(|(lowered, walked)| (lowered, walked))
    }

    /// About how many rules the FIBs of a choice have, and its links.
    fn rules(&self, chosen: &Chosen) -> usize {
        let services = chosen.services.iter();
        let ports = services.flat_map(|&at| &self.cluster.services[at].ports);
        let endpoints = ports.map(|p| p.endpoints.len() + 1).sum::<usize>();
        let switches = chosen.nodes.len() + 1;
        switches.saturating_mul(chosen.pods.len() + chosen.nodes.len() + endpoints)
    }
}

impl Slice {
    /// Whether all of them are in it.
    pub fn has(&self, around: &Around) -> bool {
        (self.outside || !around.outside) && around.who.iter().all(|id| self.own(*id).is_some())
    }

    /// The network and structure of the part.
    pub fn lowered(&self) -> &Lowered {
        &self.lowered
    }

    /// The id in the part.
    pub fn own(&self, whole: EntityId) -> Option<EntityId> {
        self.part.own(whole)
    }

    /// The same constraint with the ids of the part. Who is not in it is nobody.
    pub fn carried(&self, constraint: &Constraint) -> Constraint {
        carried(constraint, |id| Some(self.own(id).unwrap_or(NOBODY)))
    }

    /// What was found in the part, with the ids and names of the whole cluster.
    pub fn told(&self, found: Counterexample) -> Counterexample {
        Counterexample {
            network: Some(self.walked()),
            ..lift::counterexample(&self.part, found)
        }
    }

    /// What happened in the part, with the ids of the whole cluster.
    pub fn told_of(&self, trace: Trace) -> Trace {
        lift::trace(&self.part, trace)
    }

    /// The network of the part with the ids of the whole cluster.
    pub fn walked(&self) -> Walked {
        Walked::of(lift::network(&self.part, self.lowered.network.clone()))
    }

    /// Whom messages met on their way and who is not in the part, though somebody in the cluster.
    pub fn missed<'o>(
        &self,
        of: &Slices<'_>,
        outcomes: impl Iterator<Item = &'o Outcome>,
    ) -> Vec<EntityId> {
        let steps = outcomes.flat_map(|o| {
            let reply = o.reply.iter().flat_map(|j| &j.steps);
            o.request.steps.iter().chain(reply)
        });
        let mut all = BTreeSet::new();
        for header in steps.map(|s| s.header) {
            for (ip, port) in [
                (header.source, header.source_port),
                (header.destination, header.destination_port),
            ] {
                all.extend(of.holders.of_address(ip));
                all.extend(of.holders.meant(ip, port, header.protocol));
            }
        }
        all.into_iter()
            .filter(|id| self.own(*id).is_none())
            .collect()
    }
}
