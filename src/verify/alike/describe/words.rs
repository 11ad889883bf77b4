//! Rules in words that do not name anybody: whoever is spoken of is the owner, the other, or the node of one of them.
//!
//! Must never know: which rules there are, formulas, the solver.

use crate::model::cluster::Match;
use crate::model::entity::EntityId;
use crate::model::inet::IpNet;
use crate::network::fib::{Action, FibRule, Rewrite};

use super::{Describer, Row};
use crate::verify::alike::frames::Stop;
use crate::verify::alike::places::Place;
use crate::verify::alike::units::Unit;

impl Describer<'_, '_> {
    /// Who somebody is to those that are spoken of.
    pub(super) fn role(
        &self,
        unit: Unit,
        owner: Option<Unit>,
        other: Option<Unit>,
    ) -> Result<u64, Stop> {
        let home = |of: Option<Unit>| of.and_then(|u| self.frames.units.home(u));
        let all = [owner, home(owner), other, home(other)];
        let at = all.iter().position(|known| *known == Some(unit));
        at.map(|at| at as u64 + 1).ok_or(Stop::Special(unit))
    }

    pub(super) fn place(
        &mut self,
        net: IpNet,
        owner: Option<Unit>,
        other: Option<Unit>,
        to: &mut Vec<u64>,
    ) -> Result<(), Stop> {
        match self.frames.places.place(net) {
            Place::Held(unit, at) => to.extend([1, self.role(unit, owner, other)?, u64::from(at)]),
            Place::Within(unit, at, from, length) => to.extend([
                2,
                self.role(unit, owner, other)?,
                u64::from(at),
                (from >> 64) as u64,
                from as u64,
                u64::from(length),
            ]),
            Place::Fixed => to.extend([3, self.nets.of(net.trunc())]),
        }
        Ok(())
    }

    pub(super) fn target(
        &mut self,
        stage: EntityId,
        owner: Option<Unit>,
        other: Option<Unit>,
        to: &mut Vec<u64>,
    ) -> Result<(), Stop> {
        let Some(at) = self.frames.at(stage) else {
            return Err(Stop::Why("a rule leads nowhere"));
        };
        let of = self.frames.network.switches[at].of;
        let (unit, extra) = (self.frames.owner(at), self.frames.extra[at]);
        let (label, number) = self.called[at];
        let extra = extra.map_or(Ok(0), |x| self.role(x, owner, other))?;
        match unit {
            Some(unit) => to.extend([1, self.role(unit, owner, other)?, label, number, extra]),
            None => to.extend([2, u64::from(of.0), label, number, extra]),
        }
        Ok(())
    }

    pub(super) fn process(
        &self,
        process: EntityId,
        owner: Option<Unit>,
        other: Option<Unit>,
        to: &mut Vec<u64>,
    ) -> Result<(), Stop> {
        match self.frames.units.unit(process) {
            Some(unit) => {
                let own = &self.frames.units.processes[unit.0 as usize];
                let at = own.binary_search(&process).unwrap_or(own.len());
                to.extend([1, self.role(unit, owner, other)?, at as u64]);
            }
            None => to.extend([2, u64::from(process.0)]),
        }
        Ok(())
    }

    /// A rule, as one word.
    pub(super) fn row(
        &mut self,
        row: &Row<'_>,
        from: Option<usize>,
        owner: Option<Unit>,
        other: Option<Unit>,
    ) -> Result<u64, Stop> {
        // Whoever adds a field says here what it means.
        let Match {
            from: source,
            from_ports,
            to: destination,
            to_ports,
            protocol,
        } = &row.matches;
        let mut all = Vec::new();
        for net in [*source, *destination] {
            match net {
                Some(net) => self.place(net, owner, other, &mut all)?,
                None => all.push(0),
            }
        }
        for ports in [from_ports, to_ports] {
            let ports = ports.clone().map_or(0, |p| self.ports.of(p));
            all.push(ports);
        }
        all.push(protocol.map_or(0, |p| p as u64 + 1));
        for ip in row.sources {
            self.place(IpNet::from(*ip), owner, other, &mut all)?;
        }
        if let (Some(rule), Some(from)) = (row.rule, from) {
            let FibRule {
                // Described above.
                matches: _,
                state,
                action,
                // What a person reads: no message fares by it.
                kind: _,
                text: _,
                why: _,
                origin: _,
            } = rule;
            all.push(state.map_or(0, |s| s as u64 + 1));
            self.action(action, from, owner, other, &mut all)?;
        }
        Ok(self.rules.of(all))
    }

    fn action(
        &mut self,
        action: &Action,
        from: usize,
        owner: Option<Unit>,
        other: Option<Unit>,
        to: &mut Vec<u64>,
    ) -> Result<(), Stop> {
        match action {
            Action::Deliver(process) => {
                to.extend([1, self.linked(from, *process)]);
                self.process(*process, owner, other, to)?;
            }
            Action::Forward(stage) => {
                to.extend([2, self.linked(from, *stage), self.continues(from, *stage)]);
                self.target(*stage, owner, other, to)?;
            }
            Action::Choose(each) => {
                let mut all = Vec::new();
                for stage in each {
                    let mut one = vec![self.linked(from, *stage), self.continues(from, *stage)];
                    self.target(*stage, owner, other, &mut one)?;
                    all.push(one);
                }
                all.sort_unstable();
                to.extend([3, all.len() as u64]);
                to.extend(all.into_iter().flatten());
            }
            Action::Discard(reason) => to.extend([4, reason.disposition() as u64]),
            Action::Translate(ways) => {
                to.extend([5, ways.len() as u64]);
                for way in ways {
                    let Rewrite {
                        source,
                        source_port,
                        destination,
                        destination_port,
                        hairpin_source,
                        target,
                    } = way;
                    for ip in [*source, *destination, *hairpin_source] {
                        match ip {
                            Some(ip) => self.place(IpNet::from(ip), owner, other, to)?,
                            None => to.push(0),
                        }
                    }
                    let port = |p: Option<u16>| p.map_or(0, |p| u64::from(p) + 1);
                    to.extend([port(*source_port), port(*destination_port)]);
                    // Only tells a person who is meant; but whoever is named is there.
                    match target.and_then(|id| self.frames.units.unit(id)) {
                        Some(unit) => to.push(self.role(unit, owner, other)?),
                        None => to.push(0),
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether what a rule hands on gets there.
    fn linked(&self, from: usize, to: EntityId) -> u64 {
        let network = self.frames.network;
        u64::from(network.link(network.switches[from].id, to))
    }

    /// Whether a message that is handed on stays within its hop.
    fn continues(&self, from: usize, stage: EntityId) -> u64 {
        let switches = &self.frames.network.switches;
        let next = self.frames.at(stage).map(|at| &switches[at]);
        let from = &switches[from];
        u64::from(next.is_some_and(|n| n.of == from.of && n.rank > from.rank))
    }
}
