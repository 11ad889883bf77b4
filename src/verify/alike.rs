//! Large networks as they were installed, by a part of them.
//!
//! The tables of a Linux snapshot follow no formula. But where every pod and node is configured like others of its kind,
//! and speaks of all others alike, whatever can happen between two of them happens between two of the part. Whether that
//! is so is looked up in every rule of the network; whoever is like no other is in the part himself. Why that is enough
//! stands in docs/alike.md.
//!
//! Must never know: what makes a network (Linux, ideal FIBs), formats of output, a particular solver.

mod describe;
mod frames;
mod kinds;
mod part;
mod places;
mod units;

use std::collections::BTreeSet;

use crate::logic::bind::carried;
use crate::logic::formula::Constraint;
use crate::logic::literals::Literals;
use crate::lower::Lowered;
use crate::model::entity::EntityId;
use crate::network::trace::{Outcome, Trace};
use crate::sim::walk;
use crate::smt::solver::Solver;

use super::direct::{self, Checked, InternalError};
use super::modular::{STRATEGY, Why};
use super::verdict::{CheckResult, Counterexample, Verdict, Wanted, Witness};
use describe::Describer;
use frames::{Frames, Stop};
use kinds::Kinds;
use part::Part;
use places::{Place, Places};
use units::{Unit, Units};

/// How often somebody may turn out to be special, and how many of them there may be.
const MOST_ROUNDS: usize = 24;
const MOST_SPECIAL: usize = 60;
const MOST_PORTS: usize = 64;

/// Decides constraints of the library on a network without Services and policies. At most so many processes are looked at.
pub fn check(
    lowered: &Lowered,
    constraints: &[Constraint],
    most: usize,
    options: direct::Options,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Result<Result<Checked, Why>, InternalError> {
    let structure = &lowered.structure;
    let plain = structure.offered.is_empty()
        && structure.endpoint.is_empty()
        && structure.service_port.is_empty()
        && structure.selected.is_empty()
        && structure.listed.is_empty();
    if !plain {
        return Ok(Err("it has Services or ports of nodes that lead to pods"));
    }
    if !structure.policies.all.is_empty() || !lowered.network.gates.all.is_empty() {
        return Ok(Err("it has policies"));
    }
    let mentioned = frames::mentioned(&lowered.network);
    let literals = Literals::of(constraints);
    let mut units = Units::of(structure);
    for _ in 0..MOST_ROUNDS {
        if units.special().count() > MOST_SPECIAL {
            return Ok(Err("too much of it differs from the rest"));
        }
        let places = Places::of(structure, &mut units, &mentioned, &literals.nets);
        let described = Frames::of(&lowered.network, &units, &places)
            .and_then(|frames| Ok((Describer::all(&frames, structure)?, frames)));
        let odd = match described {
            Ok((described, frames)) => {
                let kinds = Kinds::of(&units, described);
                match kinds.odd() {
                    Ok(odd) if odd.is_empty() => {
                        let mut chosen = kinds.plainest(&places);
                        close(&units, &mut chosen);
                        let asking = Asking {
                            lowered,
                            constraints,
                            frames,
                            ports: ports(lowered),
                            most,
                            options,
                            new_solver,
                        };
                        return asking.until_known(chosen);
                    }
                    Ok(odd) => odd,
                    Err(Stop::Special(unit)) => vec![unit],
                    Err(Stop::Why(why)) => return Ok(Err(why)),
                }
            }
            Err(Stop::Special(unit)) => vec![unit],
            Err(Stop::Why(why)) => return Ok(Err(why)),
        };
        for unit in odd {
            units.mark(unit);
        }
    }
    Ok(Err("too much of it differs from the rest"))
}

/// With each pod its node.
fn close(units: &Units, chosen: &mut BTreeSet<Unit>) {
    let nodes: Vec<Unit> = chosen.iter().map(|u| units.node(*u)).collect();
    chosen.extend(nodes.into_iter().filter(|n| !units.is_special(*n)));
}

/// Ports on which somebody listens: the plainest counterexample uses one of them. Ports that nothing tells apart fare
/// alike, so that of many the least are enough.
fn ports(lowered: &Lowered) -> Vec<u16> {
    let open = lowered.structure.open.iter();
    let open = open.filter(|row| row.low == row.high).map(|row| row.low);
    let all: BTreeSet<u16> = open.collect();
    all.into_iter().take(MOST_PORTS).collect()
}

/// A network of which the kinds are known.
struct Asking<'a, 'n> {
    lowered: &'n Lowered,
    constraints: &'a [Constraint],
    frames: Frames<'a>,
    ports: Vec<u16>,
    most: usize,
    options: direct::Options,
    new_solver: &'a dyn Fn() -> Box<dyn Solver>,
}

impl Asking<'_, '_> {
    /// Asks about a part, with those more whose addresses a counterexample turns out to use.
    fn until_known(
        &self,
        mut chosen: BTreeSet<Unit>,
    ) -> Result<Result<Checked, Why>, InternalError> {
        for _ in 0..MOST_ROUNDS {
            let Some(part) = part::cut(&self.frames, self.lowered, &chosen, &self.ports) else {
                return Ok(Err("a rule leads out of the part that is looked at"));
            };
            if part.lowered.network.processes.len() > self.most {
                return Ok(Err("too much of it differs from the rest"));
            }
            let own: Vec<Constraint> = self
                .constraints
                .iter()
                .map(|c| carried(c, |id| part.own(id)))
                .collect();
            let checked = direct::check(&part.lowered, &own, self.options, self.new_solver)?;
            let before = chosen.len();
            for result in &checked.results {
                if let Some(found) = &result.counterexample {
                    self.holders(found, &mut chosen);
                }
            }
            close(self.frames.units, &mut chosen);
            if chosen.len() == before {
                return Ok(self.told(&part, checked));
            }
        }
        Ok(Err("counterexamples use addresses of too many others"))
    }

    /// Whose addresses a counterexample uses.
    fn holders(&self, found: &Counterexample, chosen: &mut BTreeSet<Unit>) {
        let mut ips = Vec::new();
        for (_, witness) in &found.assignment {
            if let Witness::Address(ip) = witness {
                ips.push(*ip);
            }
        }
        let outcomes = found.messages.iter().flat_map(|m| &m.trace.outcomes);
        for outcome in outcomes {
            let ways = [Some(&outcome.request), outcome.reply.as_ref()];
            for step in ways.into_iter().flatten().flat_map(|j| &j.steps) {
                ips.extend([step.header.source, step.header.destination]);
            }
        }
        for ip in ips {
            if let Place::Held(unit, _) = self.frames.places.address(ip) {
                chosen.insert(unit);
            }
        }
    }

    /// The results as those of the whole; none where a counterexample fares otherwise in the whole.
    fn told(&self, part: &Part, checked: Checked) -> Result<Checked, Why> {
        let all = self.lowered.network.processes.len();
        let looked_at = part.lowered.network.processes.len();
        let rules = self.lowered.network.switches.iter();
        let rules: usize = rules.map(|s| s.fib.len()).sum();
        let mut results = Vec::new();
        for result in checked.results {
            let mut told = CheckResult {
                strategy: STRATEGY,
                compared: rules,
                ..result
            };
            if told.verdict == Verdict::Proven && looked_at < all {
                told.detail = format!(
                    "{}; {looked_at} of {all} processes stand for all",
                    told.detail
                );
            }
            if let Some(found) = told.counterexample.take() {
                told.counterexample = Some(self.lifted(part, found)?);
            }
            results.push(told);
        }
        Ok(Checked {
            results,
            queries: checked.queries,
            hops: checked.hops,
        })
    }

    /// The same counterexample in the whole: its messages are walked there again, and must fare as they did.
    fn lifted(&self, part: &Part, mut found: Counterexample) -> Result<Counterexample, Why> {
        const DIFFERS: Why = "a counterexample of the part is none of the whole";
        for (_, witness) in &mut found.assignment {
            if let Witness::Entity(id) = witness {
                *id = part.whole(*id);
            }
        }
        found.wanted = found.wanted.map(|wanted| match wanted {
            Wanted::Received(id) => Wanted::Received(part.whole(id)),
            Wanted::NotReceived(id) => Wanted::NotReceived(part.whole(id)),
        });
        for message in &mut found.messages {
            message.sender = part.whole(message.sender);
            let network = &self.lowered.network;
            if !walk::honest(network, message.sender, &message.header) {
                return Err(DIFFERS);
            }
            let walked = walk::trace(network, message.sender, message.header);
            let mut there = walked.map_err(|_| DIFFERS)?.outcomes;
            if there.len() != message.trace.outcomes.len() {
                return Err(DIFFERS);
            }
            let mut outcomes = Vec::new();
            for outcome in &message.trace.outcomes {
                let wanted = seen(outcome, &|id| part.whole(id));
                let same = there.iter().position(|o| seen(o, &|id| id) == wanted);
                outcomes.push(there.remove(same.ok_or(DIFFERS)?));
            }
            message.trace = Trace { outcomes };
        }
        Ok(found)
    }
}

/// What can be seen of an outcome, wherever rules are.
fn seen(outcome: &Outcome, name: &dyn Fn(EntityId) -> EntityId) -> Vec<String> {
    let ways = [Some(&outcome.request), outcome.reply.as_ref()];
    let mut all = vec![format!(
        "{:?} {:?} {:?} {:?}",
        outcome.disposition, outcome.sent, outcome.received, outcome.replied
    )];
    for journey in ways.into_iter().flatten() {
        all.push(format!(
            "{:?} {:?}",
            journey.receiver.map(name),
            journey.end
        ));
        for step in &journey.steps {
            all.push(format!(
                "{:?} {:?} {:?}",
                name(step.at),
                step.header,
                step.origin
            ));
        }
    }
    all
}
