//! The plainest answer to a question: fewest hops, then entities by name, protocol, address, port.
//!
//! Must never know: policies, selectors; they are terms by now.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::encode::question::point::PointKind;
use crate::encode::question::{End, Point, Question, Rules, Side};
use crate::intent::Kind;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::smt::solver::{Limits, SatResult, Solver, Value};
use crate::smt::term::TermId;

use super::ask::Asking;

impl<'c> Asking<'_, 'c> {
    pub(super) fn ask(
        &mut self,
        q: &Question<'c>,
        solver: &mut dyn Solver,
        more: &[TermId],
    ) -> SatResult {
        self.queries += 1;
        let timeout = self
            .deadline
            .map(|at| at.saturating_duration_since(Instant::now()));
        solver.check(&q.pool, more, Limits { timeout })
    }

    /// Asserts a wish where it can be had, else its opposite. What the model at hand grants costs no check; and the model at
    /// hand keeps what was asserted here, whatever checks have failed since.
    fn prefer(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        wish: TermId,
    ) -> Result<bool, String> {
        if let Some(truth) = q.pool.as_truth(wish) {
            return Ok(truth);
        }
        let granted = solver.value(&q.pool, wish).and_then(Value::truth) == Some(true);
        let had = granted
            || match self.ask(q, solver, &[wish]) {
                SatResult::Sat => true,
                SatResult::Unsat => false,
                SatResult::Unknown(why) => return Err(why),
            };
        let not = q.pool.not(wish);
        solver.assert(&q.pool, if had { wish } else { not });
        Ok(had)
    }

    /// The least value, from the front.
    fn least(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        term: TermId,
    ) -> Result<u128, String> {
        let mut value = 0;
        for bit in (0..q.pool.width(term).unwrap_or(0)).rev() {
            let one = q.pool.extract(term, bit, bit);
            let none = q.pool.bits(0, 1);
            let zero = q.pool.eq(one, none);
            if !self.prefer(q, solver, zero)? {
                value |= 1 << bit;
            }
        }
        Ok(value)
    }

    /// The first process by name; which of its addresses is left open. Points of one process stand side by side.
    fn first_process(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        end: End,
    ) -> Result<(), String> {
        let side = q.side(end);
        let (number, points) = (side.number(), side.points());
        let mut lasts = Vec::new();
        for (i, point) in points.iter().enumerate() {
            if points.get(i + 1).is_none_or(|p| p.process != point.process) {
                lasts.push(i);
            }
        }
        if lasts.len() == points.len() {
            return self.least(q, solver, number).map(drop);
        }
        let width = q.pool.width(number).unwrap_or_default();
        let (mut low, mut high) = (0, lasts.len() - 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            let last = q.pool.bits(lasts[middle] as u128, width);
            let here = q.pool.ule(number, last);
            if self.prefer(q, solver, here)? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(())
    }

    /// The first container of the receiver's pod that can be meant, where several listen.
    fn first_listener(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
    ) -> Result<(), String> {
        let number = q.receiver.number();
        let at = solver.value(&q.pool, number).and_then(Value::bits);
        let points = q.receiver.points();
        let Some(chosen) = at.and_then(|at| points.get(at as usize)) else {
            return Ok(());
        };
        let same = points.iter().filter(|p| p.process == chosen.process);
        let listens: BTreeSet<(EntityId, Protocol, u16)> = same
            .flat_map(|p| p.listens.iter().map(|l| (l.2, l.1, l.0)))
            .collect();
        let listens: Vec<_> = listens.into_iter().collect();
        if listens.first().map(|l| l.0) == listens.last().map(|l| l.0) {
            return Ok(());
        }
        for own in listens.chunk_by(|a, b| a.0 == b.0) {
            let mut ways = Vec::new();
            for (_, protocol, port) in own {
                ways.push(q.is_to(*protocol, *port));
            }
            let meant = q.pool.or(&ways);
            if self.prefer(q, solver, meant)? {
                break;
            }
        }
        Ok(())
    }

    /// Fewest hops, then entities by name, then protocol, address and port.
    pub(super) fn plainest(
        &mut self,
        kind: Kind,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        rules: &Rules<'c>,
    ) -> Result<(), String> {
        for (most, few) in hops(q, kind == Kind::Reach, rules) {
            if self.prefer(q, solver, few)? && most > 0 {
                break;
            }
        }
        for end in [End::Sender, End::Receiver] {
            if let Side::Added(added) = q.side(end) {
                for atom in added.atoms().0 {
                    let not = q.pool.not(atom);
                    self.prefer(q, solver, not)?;
                }
            }
            self.first_process(q, solver, end)?;
        }
        self.first_listener(q, solver)?;
        let (protocol, port) = (q.protocol, q.port);
        self.least(q, solver, protocol)?;
        // Of a process with several addresses the first.
        for number in [q.sender.number(), q.receiver.number()] {
            self.least(q, solver, number)?;
        }
        self.least(q, solver, port)?;
        for side in [&q.sender, &q.receiver] {
            if let Side::Added(added) = side {
                for number in added.atoms().2 {
                    let zero = q.pool.bits(0, 16);
                    let same = q.pool.eq(number, zero);
                    let not = q.pool.not(same);
                    solver.assert(&q.pool, not);
                }
            }
        }
        match self.ask(q, solver, &[]) {
            SatResult::Sat => Ok(()),
            SatResult::Unsat => Err("a name of a port needs a port".to_owned()),
            SatResult::Unknown(why) => Err(why),
        }
    }
}

/// Wishes in the order of their worth: at most so many lookups until the message arrives or a policy stops it.
fn hops(q: &mut Question<'_>, stopped: bool, rules: &Rules<'_>) -> Vec<(usize, TermId)> {
    let deep = |p: &Point<'_>| p.kind == PointKind::Pod;
    let from_pod = if q.sender.is_symbolic() {
        q.pool.truth(true)
    } else {
        q.sender.is_where(&mut q.pool, deep)
    };
    let to_pod = if q.receiver.is_symbolic() {
        q.pool.truth(true)
    } else {
        q.receiver.is_where(&mut q.pool, deep)
    };
    let mut one_node = Vec::new();
    for node in q.sender.nodes() {
        let on = |p: &Point<'_>| p.node == Some(node);
        let one = q.sender.is_where(&mut q.pool, on);
        let other = q.receiver.is_where(&mut q.pool, on);
        one_node.push(q.pool.and(&[one, other]));
    }
    let one_node = q.pool.or(&one_node);
    let sent = rules.egress(q);
    let mut wishes = Vec::new();
    // At least one lookup, and four from pod to pod between nodes.
    for most in 1..4_usize {
        let mut ways = Vec::new();
        for (out, inn, near) in [0, 1]
            .into_iter()
            .flat_map(|a| [0, 1].map(|b| (a, b)))
            .flat_map(|(a, b)| [0, 1].map(|c| (a, b, c)))
        {
            // Pod and node of the sender, node and pod of the receiver; one node is passed once. What a policy stops
            // ends at a node: the sender's, or the receiver's.
            let arrives = 2 + out + inn - near;
            let dies_there = arrives - inn;
            let dies_here = 1 + out;
            let side = |q: &mut Question<'_>, t: TermId, is: usize| match is {
                1 => t,
                _ => q.pool.not(t),
            };
            let parts = [
                side(q, from_pod, out),
                side(q, to_pod, inn),
                side(q, one_node, near),
            ];
            let case = q.pool.and(&parts);
            if stopped {
                let not_sent = q.pool.not(sent);
                if dies_here <= most {
                    ways.push(q.pool.and(&[case, not_sent]));
                }
                if dies_there <= most {
                    ways.push(q.pool.and(&[case, sent]));
                }
            } else if arrives <= most {
                ways.push(case);
            }
        }
        let few = q.pool.or(&ways);
        wishes.push((most, few));
    }
    wishes
}
