//! Parts of a cluster asked about: cut out, decided, and told of the whole cluster.
//!
//! Must never know: which entities are chosen first (`choose`, `services`), formats of output.

use std::collections::BTreeSet;

use crate::logic::bind::carried;
use crate::logic::formula::Constraint;
use crate::lower::{Lowered, lower};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::network::trace::{Event, Journey, Outcome, Step};
use crate::smt::solver::Solver;
use crate::verify::direct::{self, Checked, InternalError};
use crate::verify::verdict::{CheckResult, Counterexample, Verdict, Walked, Witness};

use super::choose::{Chosen, Map};
use super::part::Part;
use super::{MOST_ROUNDS, Modular, STRATEGY, closure, elsewhere, lift, part};

/// How many processes a choice has.
pub(super) fn count(cluster: &Cluster, chosen: &Chosen) -> usize {
    let pods = chosen
        .pods
        .iter()
        .map(|&at| cluster.pods[at].containers.len());
    let nodes = chosen
        .nodes
        .iter()
        .map(|&at| cluster.nodes[at].daemons.len());
    pods.sum::<usize>() + nodes.sum::<usize>() + cluster.externals.len()
}

/// One run on parts of a cluster.
pub(super) struct Asking<'m, 'c> {
    pub(super) of: &'m Modular<'c>,
    pub(super) map: Map<'m>,
    pub(super) new_solver: &'m dyn Fn() -> Box<dyn Solver>,
}

/// A part with its network.
pub(super) struct Lowest {
    part: Part,
    lowered: Lowered,
}

impl Asking<'_, '_> {
    /// Cuts a part out and asks about it; none where it cannot be cut out. Narrowly: without addresses of those left
    /// out. `hops` are known to be enough for its messages.
    pub(super) fn decide(
        &self,
        chosen: &Chosen,
        constraints: &[Constraint],
        narrow: bool,
        hops: Option<(usize, usize)>,
    ) -> Result<Option<(Lowest, Checked)>, InternalError> {
        let Some(part) = part::cut(&self.map, &self.of.cuts, chosen) else {
            return Ok(None);
        };
        // A rule to remove that is not there is told of the whole cluster, before.
        let Ok(mut lowered) = lower(&part.cluster, &self.of.settings) else {
            return Ok(None);
        };
        lowered.structure.known_ports = known_ports(self.of.cluster);
        if narrow {
            let of = self.of;
            let inside = |id: EntityId| part.own(id).is_some();
            lowered.network.elsewhere =
                elsewhere::nets(of.cluster, &of.holders, &of.routes, inside);
        }
        let own: Vec<Constraint> = constraints
            .iter()
            .map(|c| carried(c, |id| part.own(id)))
            .collect();
        let options = direct::Options {
            hops,
            ..self.of.options
        };
        let checked = direct::check(&lowered, &own, options, self.new_solver)?;
        Ok(Some((Lowest { part, lowered }, checked)))
    }

    /// Who holds an address that a counterexample uses, or gets it by a route table, and is not in the part.
    pub(super) fn outsiders(&self, lowest: &Lowest, checked: &Checked) -> Vec<EntityId> {
        let mut all = Vec::new();
        let found = checked
            .results
            .iter()
            .filter_map(|r| r.counterexample.as_ref());
        for counterexample in found {
            for (_, witness) in &counterexample.assignment {
                if let Witness::Address(ip) = witness {
                    all.extend(self.of.holders.of_address(*ip));
                }
            }
            for step in steps(counterexample) {
                let header = step.header;
                let node = lowest.part.whole(step.at);
                let routes = &self.of.routes;
                all.extend(routes.next_hop(self.of.cluster, node, header.destination));
                for (ip, port) in [
                    (header.source, header.source_port),
                    (header.destination, header.destination_port),
                ] {
                    all.extend(self.of.holders.of_address(ip));
                    all.extend(self.of.holders.meant(ip, port, header.protocol));
                }
            }
        }
        all.retain(|id| lowest.part.own(*id).is_none());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The results as those of the whole cluster.
    pub(super) fn told(
        &self,
        lowest: &Lowest,
        chosen: &Chosen,
        constraints: &[Constraint],
        checked: Checked,
    ) -> Result<Checked, InternalError> {
        let all = self.of.cluster;
        let processes = all.pods.iter().map(|p| p.containers.len()).sum::<usize>()
            + all.nodes.iter().map(|n| n.daemons.len()).sum::<usize>()
            + all.externals.len();
        let looked_at = count(all, chosen);
        let network = Walked::of(lift::network(&lowest.part, lowest.lowered.network.clone()));
        let mut results = Vec::new();
        for (result, constraint) in checked.results.into_iter().zip(constraints) {
            let mut told = CheckResult {
                strategy: STRATEGY,
                compared: self.of.compared(),
                ..result
            };
            if told.verdict == Verdict::Proven && looked_at < processes {
                told.detail = format!(
                    "{}; {looked_at} of {processes} processes stand for all",
                    told.detail
                );
            }
            if let Some(found) = told.counterexample.take() {
                let exact =
                    self.with_all_endpoints(lowest, &found, constraint, checked.hops, &mut told)?;
                told.counterexample = Some(exact.unwrap_or_else(|| {
                    let mut found = lift::counterexample(&lowest.part, found);
                    found.network = Some(network.clone());
                    found
                }));
            }
            results.push(told);
        }
        Ok(Checked {
            results,
            queries: checked.queries,
            hops: checked.hops,
        })
    }

    /// The same counterexample where its Services have all their endpoints: only these decide which endpoint is the
    /// plainest, and which other outcomes there are. More endpoints of a kind are no further way: the hops that were enough
    /// are enough, and no counterexample takes fewer hops than this one, so that those that take more need not be looked at.
    fn with_all_endpoints(
        &self,
        lowest: &Lowest,
        found: &Counterexample,
        constraint: &Constraint,
        hops: Option<(usize, usize)>,
        told: &mut CheckResult,
    ) -> Result<Option<Counterexample>, InternalError> {
        if !lowest.part.fewer_endpoints {
            return Ok(None);
        }
        let mut chosen = Chosen::default();
        for id in met(found) {
            closure::add(&self.map, lowest.part.whole(id), &mut chosen);
        }
        for step in steps(found) {
            for ip in [step.header.source, step.header.destination] {
                for holder in self.of.holders.of_address(ip) {
                    closure::add(&self.map, holder, &mut chosen);
                }
            }
        }
        if chosen.services.is_empty() {
            return Ok(None);
        }
        chosen.whole.clone_from(&chosen.services);
        for id in &self.of.classes.special {
            closure::add(&self.map, *id, &mut chosen);
        }
        closure::close(&self.map, &self.of.cuts, &mut chosen);
        let hops = hops.map(|(there, back)| (fewest(found).unwrap_or(there).min(there), back));
        for _ in 0..MOST_ROUNDS {
            if count(self.of.cluster, &chosen) > MOST_ENDPOINTS {
                return Ok(None);
            }
            let one = std::slice::from_ref(constraint);
            let Some((again, checked)) = self.decide(&chosen, one, false, hops)? else {
                return Ok(None);
            };
            let outsiders = self.outsiders(&again, &checked);
            if outsiders.is_empty() {
                let result = checked.results.into_iter().next();
                told.queries += result.as_ref().map_or(0, |r| r.queries);
                let found = result.and_then(|r| r.counterexample);
                let network = lift::network(&again.part, again.lowered.network);
                return Ok(found.map(|found| {
                    let mut found = lift::counterexample(&again.part, found);
                    found.network = Some(Walked::of(network));
                    found
                }));
            }
            for id in outsiders {
                closure::add(&self.map, id, &mut chosen);
            }
            closure::close(&self.map, &self.of.cuts, &mut chosen);
        }
        Ok(None)
    }
}

/// With more processes than these, other outcomes are left out of a counterexample.
const MOST_ENDPOINTS: usize = 80;

/// Ports that the whole cluster names: the plainest counterexample uses one of them.
fn known_ports(cluster: &Cluster) -> Vec<u16> {
    let pods = cluster.pods.iter().flat_map(|p| &p.containers);
    let nodes = cluster.nodes.iter().flat_map(|n| &n.daemons);
    let open = pods.chain(nodes).flat_map(|p| &p.open).map(|l| l.port);
    let offered = cluster
        .services
        .iter()
        .flat_map(|s| &s.ports)
        .map(|p| p.port);
    let all: BTreeSet<u16> = open.chain(offered).collect();
    // Ports that nothing tells apart fare alike: of many the least are enough.
    all.into_iter().take(MOST_PORTS).collect()
}

const MOST_PORTS: usize = 64;

/// Hops that are enough for the one message of a counterexample: each hands it to another switch or rewrites it, and in the
/// last one it ends.
fn fewest(found: &Counterexample) -> Option<usize> {
    let [message] = found.messages.as_slice() else {
        return None;
    };
    let moves = |outcome: &Outcome| {
        let steps = outcome.request.steps.iter();
        let is_move = |s: &&Step| matches!(s.event, Event::Lookup { .. } | Event::Translate { .. });
        steps.filter(is_move).count()
    };
    // The one that breaks the constraint comes first.
    Some(message.trace.outcomes.first().map(moves)? + 1)
}

/// Every step of every message of a counterexample.
fn steps(found: &Counterexample) -> impl Iterator<Item = &Step> {
    let outcomes = found.messages.iter().flat_map(|m| &m.trace.outcomes);
    outcomes.flat_map(|o| {
        let reply: Option<&Journey> = o.reply.as_ref();
        o.request
            .steps
            .iter()
            .chain(reply.into_iter().flat_map(|j| &j.steps))
    })
}

/// Whom a counterexample is about, by ids of the part.
fn met(found: &Counterexample) -> BTreeSet<EntityId> {
    let mut all = BTreeSet::new();
    for (_, witness) in &found.assignment {
        if let Witness::Entity(id) = witness {
            all.insert(*id);
        }
    }
    for message in &found.messages {
        all.insert(message.sender);
    }
    for step in steps(found) {
        all.insert(step.at);
        if let Event::Lookup { next, .. } | Event::Deliver { to: next, .. } = step.event {
            all.insert(next);
        }
    }
    all
}
