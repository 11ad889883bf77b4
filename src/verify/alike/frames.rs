//! Of whom each rule speaks: whose addresses it is about, and whom a message that it takes can get to.
//!
//! A rule about an address or a prefix of somebody is *guarded* by him: it takes no message that has no address of his. A
//! stage needs somebody, beside its owner, where a rule without such a guard leads to him; then a message that is there
//! cannot do without him. Nobody may need two.
//!
//! Must never know: what rules say beyond that, formulas, the solver.

use std::collections::BTreeSet;

use crate::model::entity::EntityId;
use crate::model::inet::IpNet;
use crate::network::fib::{Action, FibRule};
use crate::network::graph::{Network, Sources};

use super::places::Places;
use super::units::{Unit, Units};

/// Why the network cannot be described as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody is like no other.
    Special(Unit),
    /// It is of another make.
    Why(&'static str),
}

/// Of each rule and each stage.
#[derive(Debug)]
pub(super) struct Frames<'n> {
    pub(super) network: &'n Network,
    pub(super) units: &'n Units,
    pub(super) places: &'n Places,
    /// By stage and rule: who holds its sources, its destinations.
    pub(super) guards: Vec<Vec<[Option<Unit>; 2]>>,
    /// By stage: whom it needs beside its owner.
    pub(super) extra: Vec<Option<Unit>>,
}

/// Every prefix that rules mention.
pub(super) fn mentioned(network: &Network) -> BTreeSet<IpNet> {
    let mut all = BTreeSet::new();
    for switch in &network.switches {
        for rule in &switch.fib {
            all.extend(rule.matches.from.map(|n| n.trunc()));
            all.extend(rule.matches.to.map(|n| n.trunc()));
        }
    }
    for process in &network.processes {
        if let Sources::Selected(rows) = &process.sources {
            all.extend(rows.iter().map(|(net, _)| net.trunc()));
        }
    }
    all
}

impl<'n> Frames<'n> {
    /// Of a network.
    pub(super) fn of(
        network: &'n Network,
        units: &'n Units,
        places: &'n Places,
    ) -> Result<Self, Stop> {
        let holder = |net: Option<IpNet>| net.and_then(|n| places.place(n).unit());
        let guard = |rule: &FibRule| [holder(rule.matches.from), holder(rule.matches.to)];
        let of_switch = |s: &crate::network::graph::Switch| s.fib.iter().map(guard).collect();
        let mut frames = Self {
            network,
            units,
            places,
            guards: network.switches.iter().map(of_switch).collect(),
            extra: vec![None; network.switches.len()],
        };
        frames.settle()?;
        for process in &network.processes {
            let own = units.unit(process.id);
            for stage in [process.switch, process.socket] {
                let extra = frames.at(stage).and_then(|at| frames.extra[at]);
                if let Some(extra) = extra.filter(|x| !frames.covered(*x, own)) {
                    return Err(Stop::Special(extra));
                }
            }
        }
        Ok(frames)
    }

    /// The place of a stage.
    pub(super) fn at(&self, stage: EntityId) -> Option<usize> {
        let switches = &self.network.switches;
        // Most often ids follow each other without a gap.
        let likely = stage.0.checked_sub(switches.first()?.id.0)? as usize;
        if switches.get(likely).is_some_and(|s| s.id == stage) {
            return Some(likely);
        }
        switches.binary_search_by_key(&stage, |s| s.id).ok()
    }

    /// The pod or node that a stage is of.
    pub(super) fn owner(&self, at: usize) -> Option<Unit> {
        self.units.unit(self.network.switches[at].of)
    }

    /// Whether a unit is there with another.
    pub(super) fn covered(&self, unit: Unit, other: Option<Unit>) -> bool {
        other.is_some_and(|o| self.units.comes_with(unit, o))
    }

    /// Both, where one of them comes with the other.
    pub(super) fn join(&self, one: Option<Unit>, other: Unit) -> Result<Option<Unit>, Stop> {
        match one {
            None => Ok(Some(other)),
            Some(one) if self.units.comes_with(other, one) => Ok(Some(one)),
            Some(one) if self.units.comes_with(one, other) => Ok(Some(other)),
            Some(_) => Err(Stop::Special(other)),
        }
    }

    /// Whom a rule speaks of beside the owner of its stage.
    pub(super) fn frame(&self, at: usize, rule: usize) -> Result<Option<Unit>, Stop> {
        let owner = self.owner(at);
        let mut all = self.extra[at];
        for guard in self.guards[at][rule].into_iter().flatten() {
            if !self.covered(guard, owner) {
                all = self.join(all, guard)?;
            }
        }
        Ok(all)
    }

    /// Whom each stage needs: as long as somebody is found that a rule leads to.
    fn settle(&mut self) -> Result<(), Stop> {
        loop {
            let mut changed = false;
            for at in (0..self.network.switches.len()).rev() {
                let owner = self.owner(at);
                for (rule, guards) in self.network.switches[at].fib.iter().zip(&self.guards[at]) {
                    for unit in self.led_to(&rule.action) {
                        let all = [owner, self.extra[at], guards[0], guards[1]];
                        if !all.iter().any(|known| self.covered(unit, *known)) {
                            self.extra[at] = self.join(self.extra[at], unit)?;
                            changed = true;
                        }
                    }
                }
            }
            if !changed {
                return Ok(());
            }
        }
    }

    /// Those that an action names: who is handed the message, and whose addresses it gets.
    fn led_to(&self, action: &Action) -> Vec<Unit> {
        let mut all = Vec::new();
        let mut stage = |id: &EntityId| {
            if let Some(at) = self.at(*id) {
                all.extend(self.owner(at));
                all.extend(self.extra[at]);
            }
        };
        match action {
            Action::Forward(to) => stage(to),
            Action::Choose(each) => each.iter().for_each(stage),
            Action::Deliver(process) => all.extend(self.units.unit(*process)),
            Action::Translate(ways) => {
                for way in ways {
                    let new = [way.source, way.destination, way.hairpin_source];
                    let new = new.into_iter().flatten();
                    all.extend(new.filter_map(|ip| self.places.address(ip).unit()));
                    all.extend(way.target.and_then(|id| self.units.unit(id)));
                }
            }
            Action::Discard(_) => {}
        }
        all
    }
}
