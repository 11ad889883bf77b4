//! From stages to a network: what is reached, names and ids, ranks, links.
//!
//! Must never know: what stages mean.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::linux::Role;
use crate::network::fib::{Action, DiscardReason, Fib};
use crate::network::graph::{Endpoint, Sources, Switch};

use super::context::Context;
use super::next::Next;
use super::stage::{Builder, Key, Ns};

/// Where among the chains of a hook the kernel begins to track.
const TRACKING: i32 = -200;

/// What stages come to.
#[derive(Debug)]
pub(super) struct Finished {
    /// The stages, by id.
    pub(super) switches: Vec<Switch>,
    /// Their names, by id from the first stage on.
    pub(super) names: Vec<FullName>,
    /// The processes.
    pub(super) processes: Vec<Endpoint>,
    /// All links.
    pub(super) links: BTreeSet<(EntityId, EntityId)>,
}

impl Builder<'_> {
    /// Everything that the processes of a cluster can reach.
    pub(super) fn finish(mut self, cluster: &Cluster) -> Finished {
        let short = self.shortcuts();
        for draft in &mut self.drafts {
            draft
                .fib
                .iter_mut()
                .flatten()
                .for_each(|r| redirect(&mut r.action, &short));
        }
        let homes: BTreeMap<EntityId, Ns> = (self.snapshot.namespaces.iter().enumerate())
            .filter_map(|(at, n)| Some((n.entity?, at)))
            .collect();
        let attached: Vec<(EntityId, EntityId)> = processes(cluster);
        let lost: BTreeSet<EntityId> = (attached.iter().map(|(_, home)| *home))
            .filter(|home| !homes.contains_key(home))
            .collect();
        let reached = self.reached(&attached, &homes);
        let (names, ids, nowhere) = self.named(cluster, &reached, &lost);
        let of = self.owners_of(&reached, &ids);
        let ranks = self.ranks(&reached, &of, &ids);
        let mut translating: BTreeMap<(Ns, bool), Vec<EntityId>> = BTreeMap::new();
        for old in &reached {
            if let Key::Translate(ns, _, _, _, change) = &self.drafts[*old].key {
                let all = translating.entry((*ns, change.source)).or_default();
                all.extend(ids.get(old));
            }
        }
        for all in translating.values_mut() {
            all.sort_unstable();
        }
        let renumber: HashMap<EntityId, EntityId> = (ids.iter())
            .map(|(old, new)| (EntityId(self.first + *old as u32), *new))
            .collect();
        let mut switches = Vec::new();
        for old in &reached {
            let key = self.drafts[*old].key.clone();
            let mut fib: Fib = self.drafts[*old].fib.take().unwrap_or_default();
            for rule in &mut fib {
                redirect(&mut rule.action, &renumber);
            }
            let undoes = self.undoing(&key);
            let undoes = undoes.and_then(|source| translating.get(&(key.ns(), source)));
            switches.push(Switch {
                id: ids[old],
                fib,
                of: of[old],
                rank: ranks[old],
                undoes: undoes.cloned().unwrap_or_default(),
                tracks: self.tracked(&key),
            });
        }
        let origin = cluster.origin;
        for (home, id) in &nowhere {
            let why = format!("{} is not in the snapshot", cluster.name_of(*home));
            let next = Next::dies(DiscardReason::Unmodelled(why));
            let mut switch = Switch::whole(*id, vec![next.rule(Context::default(), None, origin)]);
            switch.of = *home;
            switches.push(switch);
        }
        switches.sort_by_key(|s| s.id);
        let mut links = BTreeSet::new();
        for switch in &switches {
            for rule in &switch.fib {
                match &rule.action {
                    Action::Forward(to) | Action::Deliver(to) => {
                        links.insert((switch.id, *to));
                    }
                    Action::Choose(all) => links.extend(all.iter().map(|to| (switch.id, *to))),
                    Action::Discard(_) | Action::Translate(_) => {}
                }
            }
        }
        let mut endpoints = Vec::new();
        let mut selected: BTreeMap<Ns, Sources> = BTreeMap::new();
        for (process, home) in attached {
            let (switch, socket, sources) = match homes.get(&home) {
                Some(ns) => {
                    let switch = renumber[&self.stage(Key::Send(*ns))];
                    let socket = renumber[&self.stage(Key::Socket(*ns))];
                    let sources = selected.entry(*ns);
                    let sources = sources.or_insert_with(|| self.selected(*ns)).clone();
                    (switch, socket, sources)
                }
                None => (nowhere[&home], nowhere[&home], Sources::Free),
            };
            links.extend([(process, switch), (socket, process)]);
            endpoints.push(Endpoint {
                id: process,
                switch,
                socket,
                sources,
            });
        }
        endpoints.sort_by_key(|e| e.id);
        Finished {
            switches,
            names,
            processes: endpoints,
            links,
        }
    }

    /// Whether connection tracking sees what is at a stage.
    fn tracked(&self, key: &Key) -> bool {
        let facts = &self.facts[key.ns()];
        match key {
            Key::Link(..) | Key::Tunnel(..) => false,
            Key::Walk(cursor) => {
                let base = cursor
                    .stack
                    .first()
                    .map(|(chain, _)| &facts.ns.chains[*chain]);
                let base = base.and_then(|c| c.base.as_ref());
                // Chains before it exempt from it.
                let before = base.is_some_and(|b| b.priority < TRACKING);
                !(cursor.env.untracked || facts.exempts && before)
            }
            Key::Sent(_, env)
            | Key::Check(_, env)
            | Key::Arrived(_, env)
            | Key::Nat(_, _, _, env)
            | Key::Undo(_, _, env)
            | Key::Translate(_, _, _, env, _)
            | Key::Redirected(_, _, env) => !env.untracked,
            // What is exempt comes here too; the others were seen elsewhere.
            Key::Send(_) | Key::Socket(_) | Key::Leaving(..) | Key::Just(..) => !facts.exempts,
        }
    }

    /// Stages that only hand on within their namespace: those that lead to them may lead on at once.
    fn shortcuts(&self) -> HashMap<EntityId, EntityId> {
        let mut all: HashMap<EntityId, EntityId> = HashMap::new();
        for (at, draft) in self.drafts.iter().enumerate() {
            let [rule] = draft.fib.as_deref().unwrap_or_default() else {
                continue;
            };
            let Action::Forward(to) = rule.action else {
                continue;
            };
            let plain = rule.matches == crate::model::cluster::Match::default()
                && rule.state.is_none()
                && rule.text.is_none()
                && rule.why.is_none();
            let fixed = matches!(draft.key, Key::Send(_) | Key::Socket(_))
                || self.undoing(&draft.key).is_some();
            let within = self.ns_of(to) == Some(draft.key.ns());
            if plain
                && !fixed
                && within
                && self.tracked(&draft.key)
                    <= self.tracked(&self.drafts[(to.0 - self.first) as usize].key)
            {
                all.insert(EntityId(self.first + at as u32), to);
            }
        }
        let mut flat = HashMap::new();
        for (at, _) in self.drafts.iter().enumerate() {
            let from = EntityId(self.first + at as u32);
            let mut to = from;
            // Of a circle, wherever one ends up.
            for _ in 0..1000 {
                match all.get(&to) {
                    Some(next) => to = *next,
                    None => break,
                }
            }
            if to != from {
                flat.insert(from, to);
            }
        }
        flat
    }

    /// The stages that some process can reach, and those it is asked at.
    fn reached(
        &mut self,
        attached: &[(EntityId, EntityId)],
        homes: &BTreeMap<EntityId, Ns>,
    ) -> Vec<usize> {
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut waiting: Vec<usize> = Vec::new();
        for (_, home) in attached {
            if let Some(ns) = homes.get(home) {
                for key in [Key::Send(*ns), Key::Socket(*ns)] {
                    let id = self.stage(key);
                    waiting.push((id.0 - self.first) as usize);
                }
            }
        }
        while let Some(at) = waiting.pop() {
            if seen.insert(at) {
                waiting.extend(self.targets(at));
            }
        }
        seen.into_iter().collect()
    }

    /// The stages that a stage hands to.
    pub(super) fn targets(&self, at: usize) -> Vec<usize> {
        let mut all = Vec::new();
        for rule in self.drafts[at].fib.iter().flatten() {
            match &rule.action {
                Action::Forward(to) => all.push((to.0 - self.first) as usize),
                Action::Choose(each) => {
                    all.extend(each.iter().map(|to| (to.0 - self.first) as usize));
                }
                _ => {}
            }
        }
        all
    }

    /// Names in canonical order, and the id of each stage.
    fn named(
        &self,
        cluster: &Cluster,
        reached: &[usize],
        lost: &BTreeSet<EntityId>,
    ) -> (
        Vec<FullName>,
        HashMap<usize, EntityId>,
        BTreeMap<EntityId, EntityId>,
    ) {
        enum Who {
            Stage(usize),
            Lost(EntityId),
        }
        let mut count: HashMap<(Ns, String), usize> = HashMap::new();
        let mut all: Vec<(FullName, Who)> = Vec::new();
        for at in reached {
            let key = &self.drafts[*at].key;
            let namespace = self.facts[key.ns()].ns;
            let owner = match (namespace.entity, namespace.role) {
                (Some(entity), role) if role != Role::Fabric => cluster.name_of(entity).to_string(),
                _ => format!("fabric/{}", namespace.name),
            };
            let mut label = self.label(key);
            let times = count.entry((key.ns(), label.clone())).or_default();
            *times += 1;
            if *times > 1 {
                label = format!("{label} #{times}");
            }
            let name = FullName::new(EntityKind::Stage, &[&owner, &label]);
            all.push((name, Who::Stage(*at)));
        }
        for home in lost {
            let owner = cluster.name_of(*home).to_string();
            let name = FullName::new(EntityKind::Stage, &[&owner, "not in the snapshot"]);
            all.push((name, Who::Lost(*home)));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let (mut ids, mut nowhere, mut names) = (HashMap::new(), BTreeMap::new(), Vec::new());
        for (at, (name, who)) in all.into_iter().enumerate() {
            let id = EntityId(self.first + at as u32);
            match who {
                Who::Stage(old) => {
                    ids.insert(old, id);
                }
                Who::Lost(home) => {
                    nowhere.insert(home, id);
                }
            }
            names.push(name);
        }
        (names, ids, nowhere)
    }

    /// The entity of each stage's namespace; of a fabric, one of its stages stands for it.
    fn owners_of(
        &self,
        reached: &[usize],
        ids: &HashMap<usize, EntityId>,
    ) -> HashMap<usize, EntityId> {
        let mut fabrics: BTreeMap<Ns, EntityId> = BTreeMap::new();
        for at in reached {
            let id = ids[at];
            let known = fabrics.entry(self.drafts[*at].key.ns()).or_insert(id);
            *known = id.min(*known);
        }
        let each = reached.iter().map(|at| {
            let ns = self.drafts[*at].key.ns();
            (*at, self.facts[ns].ns.entity.unwrap_or(fabrics[&ns]))
        });
        each.collect()
    }
}

fn redirect(action: &mut Action, to: &HashMap<EntityId, EntityId>) {
    let new = |id: &mut EntityId| {
        if let Some(other) = to.get(id) {
            *id = *other;
        }
    };
    match action {
        Action::Forward(next) => new(next),
        Action::Choose(all) => {
            all.iter_mut().for_each(new);
            all.sort_unstable();
            all.dedup();
        }
        Action::Deliver(_) | Action::Discard(_) | Action::Translate(_) => {}
    }
}

/// Every process and the pod, node or External that it is in.
fn processes(cluster: &Cluster) -> Vec<(EntityId, EntityId)> {
    let mut all = Vec::new();
    for pod in &cluster.pods {
        all.extend(pod.containers.iter().map(|c| (c.id, pod.id)));
    }
    for node in &cluster.nodes {
        all.extend(node.daemons.iter().map(|d| (d.id, node.id)));
    }
    all.extend(cluster.externals.iter().map(|x| (x.id, x.id)));
    all
}
