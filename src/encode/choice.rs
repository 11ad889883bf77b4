//! Choices: which rewrite of several, which switch of several.
//!
//! Must never know: links, formulas, what is chosen by.

use crate::model::entity::EntityId;
use crate::network::fib::{Action, Rewrite};
use crate::network::graph::Switch;
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::header::SymHeader;
use super::path::Hop;

impl Encoder<'_> {
    /// Which rewrite a rule takes is the event's choice at this hop.
    pub(super) fn choose(
        &mut self,
        hop: Hop,
        switch: EntityId,
        rule: usize,
        fires: TermId,
        rewrites: &mut Vec<(TermId, SymHeader)>,
    ) {
        let header = hop.header;
        let network = self.network;
        let Some(Action::Translate(ways)) = network
            .switch(switch)
            .and_then(|s| s.fib.get(rule))
            .map(|r| &r.action)
        else {
            return;
        };
        if let [way] = ways.as_slice() {
            let header: SymHeader = self.rewritten(header, way);
            rewrites.push((fires, header));
            return;
        }
        // An answer's choices are none of its message's.
        let way = self.way(hop.slot, hop.direction);
        let choice = self.pool.variable(
            &format!("{}.{way}choice.{}", self.events[hop.slot].name, hop.number),
            Sort::BitVec(16),
        );
        let event = &mut self.events[hop.slot];
        if event.choices.last() != Some(&choice) {
            event.choices.push(choice);
            event.travel_mut(hop.direction).choices.push(choice);
        }
        let last = self.pool.bits(ways.len() as u128 - 1, 16);
        let bounded = self.pool.ule(choice, last);
        let bounded = self.pool.implies(fires, bounded);
        self.fact(bounded);
        for (index, way) in ways.iter().enumerate() {
            let way: &Rewrite = way;
            let index = self.pool.bits(index as u128, 16);
            let chosen = self.pool.eq(choice, index);
            let taken = self.pool.and(&[fires, chosen]);
            let header = self.rewritten(header, way);
            rewrites.push((taken, header));
        }
    }

    /// Which of the switches of a rule it is handed to is the event's choice. Several rules may choose in one hop, so each
    /// has its own.
    pub(super) fn chosen(
        &mut self,
        hop: Hop,
        at: &Switch,
        rule: usize,
        fires: TermId,
    ) -> Vec<(EntityId, TermId)> {
        let Some(Action::Choose(all)) = at.fib.get(rule).map(|r| &r.action) else {
            return Vec::new();
        };
        let Some(last) = all.len().checked_sub(1).filter(|last| *last > 0) else {
            return all.iter().map(|to| (*to, fires)).collect();
        };
        let way = self.way(hop.slot, hop.direction);
        let place = self.hop_name(&self.events[hop.slot].name, &way, hop.number, at.id);
        let width = usize::BITS - last.leading_zeros();
        let choice = self
            .pool
            .variable(&format!("{place}.choice.{rule}"), Sort::BitVec(width));
        let last = self.pool.bits(last as u128, width);
        let bounded = self.pool.ule(choice, last);
        let bounded = self.pool.implies(fires, bounded);
        self.fact(bounded);
        let mut ways = Vec::new();
        for (index, to) in all.iter().enumerate() {
            let index = self.pool.bits(index as u128, width);
            let chosen = self.pool.eq(choice, index);
            ways.push((*to, self.pool.and(&[fires, chosen])));
        }
        ways
    }
}
