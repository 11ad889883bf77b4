//! Parts of a cluster asked about: cut out, decided, and told of the whole cluster.
//!
//! Must never know: which entities are chosen first (`choose`, `services`), formats of output.

use std::collections::BTreeSet;

use crate::logic::bind::carried;
use crate::logic::formula::Constraint;
use crate::lower::{Lowered, lower_part};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::network::trace::{Event, Journey, Step};
use crate::smt::solver::{Limits, Solver};
use crate::verify::direct::{self, Checked, Hops, InternalError};
use crate::verify::verdict::{CheckResult, Counterexample, Verdict, Walked, Witness};

use super::assumed::{self, Lacking};
use super::choose::{Chosen, Map};
use super::part::Part;
use super::{MOST_ROUNDS, Modular, NAMED, STRATEGY, Why, closure, elsewhere, lift, part};

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

/// What is said of what the theorem proves.
pub(super) const THEOREM: &str = "by the theorem, whose assumptions hold here";

/// One run on parts of a cluster.
pub(super) struct Asking<'m, 'c> {
    pub(super) of: &'m Modular<'c>,
    pub(super) map: Map<'m>,
    pub(super) new_solver: &'m (dyn Fn() -> Box<dyn Solver> + Sync),
}

/// A part with its network.
pub(super) struct Lowest {
    chosen: Chosen,
    part: Part,
    lowered: Lowered,
    /// Which assumptions of the theorem it lacks; none where the theorem does not speak of it, or is not asked.
    lacking: Option<Lacking>,
}

impl Asking<'_, '_> {
    /// Cuts a part out; none where it cannot be cut out. Narrowly: without addresses of those left out.
    pub(super) fn cut(&self, chosen: Chosen, narrow: bool) -> Option<Lowest> {
        let part = part::cut(&self.map, &self.of.cuts, &chosen)?;
        let mut lowered = lower_part(&part.cluster, self.of.settings);
        lowered.structure.known_ports = known_ports(self.of.cluster);
        if narrow {
            let of = self.of;
            let inside = |id: EntityId| part.own(id).is_some();
            lowered.network.elsewhere =
                elsewhere::nets(of.cluster, &of.holders, &of.routes, inside);
        }
        Some(Lowest {
            chosen,
            part,
            lowered,
            lacking: None,
        })
    }

    /// Finds out which assumptions of the theorem a part meets.
    pub(super) fn judge(&self, lowest: &mut Lowest) {
        let limits = Limits {
            timeout: self.of.options.timeout,
        };
        let (cluster, lowered) = (&lowest.part.cluster, &lowest.lowered);
        lowest.lacking = assumed::lacking(cluster, lowered, limits, self.new_solver);
    }

    /// Decides constraints on a part, with one solver; those that need somebody who is left out on larger parts.
    pub(super) fn group(
        &self,
        part: &Lowest,
        constraints: &[&Constraint],
    ) -> Result<Result<Vec<Checked>, Why>, InternalError> {
        let Checked {
            results,
            mut queries,
            hops,
        } = self.ask(part, constraints, None)?;
        let mut all = Vec::new();
        for (result, constraint) in results.into_iter().zip(constraints) {
            let one = Checked {
                results: vec![result],
                queries: std::mem::take(&mut queries),
                hops,
            };
            let outsiders = self.outsiders(part, &one);
            all.push(if outsiders.is_empty() {
                self.told(part, constraint, one)?
            } else {
                match self.enlarged(part, constraint, outsiders)? {
                    Ok(one) => one,
                    Err(why) => return Ok(Err(why)),
                }
            });
        }
        Ok(Ok(all))
    }

    /// Decides a constraint on larger and larger parts, until nobody who is left out matters.
    fn enlarged(
        &self,
        part: &Lowest,
        constraint: &Constraint,
        mut outsiders: Vec<EntityId>,
    ) -> Result<Result<Checked, Why>, InternalError> {
        let mut chosen = part.chosen.clone();
        let mut narrow = false;
        for _ in 1..MOST_ROUNDS {
            // Of a prefix there are hundreds of addresses: those of others are left out before they are all taken in.
            if !narrow && !self.of.cluster.tables.is_empty() {
                narrow = true;
            } else {
                for id in outsiders {
                    closure::add(&self.map, id, &mut chosen);
                }
                closure::close(&self.map, &self.of.cuts, &mut chosen);
            }
            let Some(larger) = self.cut(chosen, narrow) else {
                return Ok(Err(NAMED));
            };
            let checked = self.ask(&larger, &[constraint], None)?;
            outsiders = self.outsiders(&larger, &checked);
            if outsiders.is_empty() {
                return self.told(&larger, constraint, checked).map(Ok);
            }
            chosen = larger.chosen;
        }
        Ok(Err("counterexamples use addresses of too many others"))
    }

    /// Asks about a part. `hops` are known to be enough for its messages.
    fn ask(
        &self,
        lowest: &Lowest,
        constraints: &[&Constraint],
        hops: Option<Hops>,
    ) -> Result<Checked, InternalError> {
        let own = |c: &&Constraint| carried(c, |id| lowest.part.own(id));
        let own: Vec<Constraint> = constraints.iter().map(own).collect();
        let by_theorem = |c: &&Constraint| lowest.lacking.as_ref().is_some_and(|l| l.proves(&c.id));
        let proven: Vec<bool> = constraints.iter().map(by_theorem).collect();
        let options = direct::Options {
            hops,
            walk: true,
            ..self.of.options
        };
        direct::check_rest(&lowest.lowered, &own, &proven, options, self.new_solver)
    }

    /// Who holds an address that a counterexample uses, or gets it by a route table, and is not in the part.
    fn outsiders(&self, lowest: &Lowest, checked: &Checked) -> Vec<EntityId> {
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

    /// The result as that of the whole cluster.
    fn told(
        &self,
        lowest: &Lowest,
        constraint: &Constraint,
        checked: Checked,
    ) -> Result<Checked, InternalError> {
        let all = self.of.cluster;
        let processes = all.pods.iter().map(|p| p.containers.len()).sum::<usize>()
            + all.nodes.iter().map(|n| n.daemons.len()).sum::<usize>()
            + all.externals.len();
        let looked_at = count(all, &lowest.chosen);
        let mut results = Vec::new();
        for result in checked.results {
            let mut told = CheckResult {
                strategy: STRATEGY,
                compared: self.of.compared(),
                ..result
            };
            let theorem = lowest.lacking.as_ref();
            if told.verdict == Verdict::Proven && theorem.is_some_and(|l| l.proves(&told.id)) {
                told.detail = format!("{}; {THEOREM}", told.detail);
            }
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
                    let network = lift::network(&lowest.part, lowest.lowered.network.clone());
                    found.network = Some(Walked::of(network));
                    found
                }));
            }
            results.push(told);
        }
        Ok(Checked { results, ..checked })
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
        let hops = hops.map(|(there, back)| {
            let (least, enough) = taken(found).unwrap_or((0, there));
            let there = enough.min(there);
            Hops { there, back, least }
        });
        for _ in 0..MOST_ROUNDS {
            if count(self.of.cluster, &chosen) > MOST_ENDPOINTS {
                return Ok(None);
            }
            let Some(again) = self.cut(chosen, false) else {
                return Ok(None);
            };
            let checked = self.ask(&again, &[constraint], hops)?;
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
            chosen = again.chosen;
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

/// How many hops the one message of a counterexample takes at least, and how many are enough for it: each hands it to another
/// switch or rewrites it, and in the last one it ends.
fn taken(found: &Counterexample) -> Option<(usize, usize)> {
    let [message] = found.messages.as_slice() else {
        return None;
    };
    // The one that breaks the constraint comes first.
    let request = &message.trace.outcomes.first()?.request;
    let is_move = |s: &&Step| matches!(s.event, Event::Lookup { .. } | Event::Translate { .. });
    let moves = request.steps.iter().filter(is_move).count();
    // Where it dies, that may be in the hop after, or before it (a state that comes again is no hop more).
    let least = moves + usize::from(request.receiver.is_some());
    Some((least, moves + 1))
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
