//! After a hop: where the message is, with which header, and whether it was there before.
//!
//! Must never know: rules, formulas.

use std::collections::BTreeMap;

use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::event::Direction;
use super::header::SymHeader;
use super::moves::Moved;

impl Encoder<'_> {
    /// Records the source as the message came to where it is after a hop: what is translated stays where it came.
    pub(super) fn came(
        &mut self,
        slot: usize,
        direction: Direction,
        hop: usize,
        header: SymHeader,
        kept: TermId,
    ) {
        let travel = self.travel(slot, direction);
        let (before, came) = (travel.headers[hop].source, travel.came[hop]);
        let unchanged = header.source == before && came == before;
        // Nobody asks it of an answer.
        let answer = direction == Direction::Answer;
        let next = if answer || self.network.gates.all.is_empty() || unchanged {
            header.source
        } else {
            let value = self.pool.ite(kept, came, before);
            let width = self.domain.address_width();
            let way = self.way(slot, direction);
            let name = format!("{}.{way}came.{}.sa", self.events[slot].name, hop + 1);
            let named = self.pool.variable(&name, Sort::BitVec(width));
            let fact = self.pool.eq(named, value);
            self.fact(fact);
            named
        };
        let travel = self.events[slot].travel_mut(direction);
        travel.came.push(next);
    }

    /// The header after a hop: unchanged, or what the one rewrite that applies makes of it.
    pub(super) fn next_header(
        &mut self,
        slot: usize,
        direction: Direction,
        hop: usize,
        header: SymHeader,
        rewrites: &[(TermId, SymHeader)],
    ) -> SymHeader {
        let way = self.way(slot, direction);
        let prefix = format!("{}.{way}header.{hop}", self.events[slot].name);
        let (width, port_width) = (self.domain.address_width(), self.domain.port_width());
        let mut field = |name: &str, width: u32, of: fn(&SymHeader) -> TermId| {
            let mut value = of(&header);
            for (condition, rewritten) in rewrites {
                value = self.pool.ite(*condition, of(rewritten), value);
            }
            if value == of(&header) {
                return value;
            }
            let named = self
                .pool
                .variable(&format!("{prefix}.{name}"), Sort::BitVec(width));
            let fact = self.pool.eq(named, value);
            self.fact(fact);
            named
        };
        SymHeader {
            protocol: header.protocol,
            v6: header.v6,
            source: field("sa", width, |h| h.source),
            source_port: field("sp", port_width, |h| h.source_port),
            destination: field("ta", width, |h| h.destination),
            destination_port: field("tp", port_width, |h| h.destination_port),
        }
    }

    /// Records the state after a hop: where the message is; where it is cut, unless it was there before with the same header.
    pub(super) fn arrive(
        &mut self,
        slot: usize,
        direction: Direction,
        header: SymHeader,
        moved: Moved,
    ) {
        let hop = self.travel(slot, direction).at.len();
        let mut at = BTreeMap::new();
        let mut repeated = Vec::new();
        let way = self.way(slot, direction);
        let looked_at = if self.travel(slot, direction).cut {
            hop
        } else {
            0
        };
        for (switch, there) in moved.next {
            let mut before = Vec::new();
            for earlier in 0..looked_at {
                let travel = self.travel(slot, direction);
                if let Some(&was) = travel.at[earlier].get(&switch) {
                    let old = travel.headers[earlier];
                    let same = self.same_header(old, header);
                    before.push(self.pool.and(&[was, same]));
                }
            }
            let before = self.pool.or(&before);
            repeated.push(self.pool.and(&[there, before]));
            let fresh = self.pool.not(before);
            let term = self.pool.and(&[there, fresh]);
            if self.pool.as_truth(term) != Some(false) {
                let name = self.hop_name(&self.events[slot].name, &way, hop, switch);
                at.insert(switch, self.define(&name, term));
            }
        }
        let repeated = self.pool.or(&repeated);
        let travel = self.events[slot].travel_mut(direction);
        travel.at.push(at);
        travel.headers.push(header);
        travel.repeated.push(repeated);
        travel.received.push(moved.received);
        travel.translated.push(moved.translated);
        travel.tracked.push(moved.tracked);
        travel.unmodelled.push(moved.unmodelled);
    }
}
