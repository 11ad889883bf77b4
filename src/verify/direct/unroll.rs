//! Hops, unrolled to a bound that the solver shows to be complete.
//!
//! Must never know: formulas.

use std::time::Instant;

use crate::encode::event::Direction;
use crate::smt::solver::SatResult;

use super::checker::Checker;

/// A bound on the hops that are unrolled. Without translations a cluster never needs more than it has switches; with
/// them a header may change for ever, and then the verdict is `unknown`.
const MOST_HOPS: usize = 512;

impl Checker<'_> {
    /// Unrolls a new event, message and answer, each to a bound that the solver shows to be complete.
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
        let mut hops = 0;
        if let Some((there, back)) = self.options.hops {
            let known = if direction == Direction::Request {
                there
            } else {
                back
            };
            while hops < known {
                self.encoder.unroll(slot, direction);
                hops += 1;
            }
            let travelling = self.encoder.travelling(slot, direction);
            let arrived = self.encoder.pool.not(travelling);
            self.assert_facts();
            self.solver.assert(&self.encoder.pool, arrived);
            self.facts.push(arrived);
            return Ok(hops);
        }
        // Pod, node, node, pod: the ideal path of the seed.
        let mut wanted = 4;
        loop {
            while hops < wanted {
                self.encoder.unroll(slot, direction);
                hops += 1;
            }
            let travelling = self.encoder.travelling(slot, direction);
            self.assert_facts();
            match self.encoder.pool.as_truth(travelling) {
                Some(false) => return Ok(hops),
                _ => match self.ask(&[travelling], deadline, queries) {
                    SatResult::Unsat => return Ok(hops),
                    SatResult::Sat if hops >= MOST_HOPS => {
                        return Err(format!(
                            "a message may change its header for more than {MOST_HOPS} hops"
                        ));
                    }
                    SatResult::Sat => wanted = (hops + 2).max(hops * 3 / 2),
                    SatResult::Unknown(why) => return Err(why),
                },
            }
        }
    }
}
