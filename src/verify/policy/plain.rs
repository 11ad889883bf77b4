//! The plainest answer to a question: fewest hops, then entities by name, protocol, address, port.
//!
//! Must never know: policies, selectors; they are terms by now.

use std::time::Instant;

use crate::encode::question::point::PointKind;
use crate::encode::question::{End, Point, Question, Rules, Side};
use crate::intent::Kind;
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
            let side = match end {
                End::Sender => &q.sender,
                End::Receiver => &q.receiver,
            };
            if let Side::Added(added) = side {
                for atom in added.atoms().0 {
                    let not = q.pool.not(atom);
                    self.prefer(q, solver, not)?;
                }
            }
            let number = match end {
                End::Sender => q.sender.number(),
                End::Receiver => q.receiver.number(),
            };
            self.least(q, solver, number)?;
        }
        let (protocol, port) = (q.protocol, q.port);
        self.least(q, solver, protocol)?;
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
