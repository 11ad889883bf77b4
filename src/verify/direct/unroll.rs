//! Hops, unrolled to a bound that is shown to be complete: by the solver, or by walking (`ends`).
//!
//! Must never know: formulas.

use std::time::Instant;

use crate::encode::Encoder;
use crate::encode::event::Direction;
use crate::smt::solver::SatResult;

use super::checker::{Checker, Way};

/// A bound on the hops that are unrolled. Without translations a cluster never needs more than it has switches; with
/// them a header may change for ever, and then the verdict is `unknown`.
const MOST_HOPS: usize = 512;

/// So many hops are tried without looking for loops: pod to Service to pod takes six.
const MOST_UNCUT: usize = 6;

impl Checker<'_> {
    /// Unrolls a new event, message and answer, each to a bound that is shown to be complete.
    pub(super) fn unroll(
        &mut self,
        slot: usize,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<(usize, usize), String> {
        self.encoder.send();
        let request = self.unroll_direction(slot, Direction::Request, deadline, queries)?;
        self.encoder.receive(slot);
        let answer = self.unroll_direction(slot, Direction::Answer, deadline, queries)?;
        self.encoder.answered(slot);
        self.assert_facts();
        Ok((request, answer))
    }

    fn unroll_direction(
        &mut self,
        slot: usize,
        direction: Direction,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<usize, String> {
        if let Some(hops) = self.options.hops {
            let known = match direction {
                Direction::Request => hops.there,
                Direction::Answer => hops.back,
            };
            let way = Way {
                cut: true,
                hops: known,
            };
            self.lay(slot, direction, way);
            let travelling = self.encoder.travelling(slot, direction);
            let arrived = self.encoder.pool.not(travelling);
            self.assert_facts();
            self.solver.assert(&self.encoder.pool, arrived);
            self.facts.push(arrived);
            self.ways.push(way);
            return Ok(known);
        }
        if let Some(way) = self.walked(direction) {
            self.lay(slot, direction, way);
            self.assert_facts();
            self.ways.push(way);
            return Ok(way.hops);
        }
        // Most networks have no loop. Where none is cut, that everything ends shows that there is none, and the terms are
        // simpler; where something goes on, nobody knows whether for ever.
        if self.encoder.forgets(direction) {
            if let Some(hops) = self.bound(slot, direction, MOST_UNCUT, deadline, queries)? {
                self.ways.push(Way { cut: false, hops });
                return Ok(hops);
            }
            self.anew(slot, direction);
        }
        self.encoder.again(slot, direction);
        let bound = self.bound(slot, direction, MOST_HOPS, deadline, queries)?;
        let hops = bound.ok_or_else(|| {
            format!("a message may change its header for more than {MOST_HOPS} hops")
        })?;
        self.ways.push(Way { cut: true, hops });
        Ok(hops)
    }

    /// How to unroll a direction of which it is known how far it goes.
    fn walked(&self, direction: Direction) -> Option<Way> {
        let ends = self.ends?;
        let (hops, again) = match direction {
            Direction::Request => (ends.there, ends.there_again),
            Direction::Answer => (ends.back, ends.back_again),
        };
        let cut = again || !self.encoder.forgets(direction);
        Some(Way { cut, hops })
    }

    /// All that was unrolled before, for a solver that has heard of nothing else: an attempt that failed is a burden.
    fn anew(&mut self, slot: usize, direction: Direction) {
        let (structure, network) = (&self.lowered.structure, &self.lowered.network);
        self.encoder = Encoder::new(structure, network, self.domain.clone());
        self.solver = (self.new_solver)();
        self.facts.clear();
        let mut ways = self.ways.clone().into_iter();
        for at in 0..=slot {
            self.encoder.send();
            let asked = if at < slot { None } else { Some(direction) };
            for own in [Direction::Request, Direction::Answer] {
                if asked == Some(own) {
                    break;
                }
                let Some(way) = ways.next() else { break };
                self.lay(at, own, way);
                match own {
                    Direction::Request => self.encoder.receive(at),
                    Direction::Answer => self.encoder.answered(at),
                }
            }
        }
        self.assert_facts();
    }

    fn lay(&mut self, slot: usize, direction: Direction, way: Way) {
        if way.cut {
            self.encoder.again(slot, direction);
        }
        for _ in 0..way.hops {
            self.encoder.unroll(slot, direction);
        }
    }

    /// The hops after which nothing travels; none where there are more than so many.
    fn bound(
        &mut self,
        slot: usize,
        direction: Direction,
        most: usize,
        deadline: Option<Instant>,
        queries: &mut usize,
    ) -> Result<Option<usize>, String> {
        let mut hops = 0;
        // Pod, node, node, pod: the ideal path of the seed.
        let mut wanted = 4;
        loop {
            while hops < wanted {
                self.encoder.unroll(slot, direction);
                hops += 1;
            }
            let travelling = self.encoder.travelling(slot, direction);
            self.assert_facts();
            if self.encoder.pool.as_truth(travelling) == Some(false) {
                return Ok(Some(hops));
            }
            match self.ask(&[travelling], deadline, queries) {
                SatResult::Unsat => return Ok(Some(hops)),
                SatResult::Sat if hops >= most => return Ok(None),
                SatResult::Sat => wanted = (hops + 2).max(hops * 3 / 2),
                SatResult::Unknown(why) => return Err(why),
            }
        }
    }
}
