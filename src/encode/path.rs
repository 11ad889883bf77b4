//! `Send` and `Recv`: a message unrolled hop by hop over the links, and its answer back.
//!
//! Knows: honest sources, where a message is after i hops, repetition, translation and its memory. Must never know:
//! single rules, formulas.

use std::collections::BTreeMap;

use crate::model::entity::EntityId;
use crate::network::fib::{Action, Rewrite};
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::event::{Direction, Event, Travel};
use super::gate_cache::Leaving;
use super::header::SymHeader;

impl Encoder<'_> {
    /// The event of a slot; slots are made in order by [`Encoder::send`].
    pub fn event(&self, slot: usize) -> &Event {
        &self.events[slot]
    }

    /// How many slots there are.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    pub(super) fn start(
        &mut self,
        name: &str,
        direction: Direction,
        start: BTreeMap<EntityId, TermId>,
        header: SymHeader,
    ) -> Travel {
        let at = start
            .into_iter()
            .map(|(s, term)| (s, self.define(&self.hop_name(name, direction, 0, s), term)));
        Travel {
            at: vec![at.collect()],
            headers: vec![header],
            came: vec![header.source],
            repeated: vec![self.pool.truth(false)],
            ..Travel::default()
        }
    }

    fn hop_name(&self, event: &str, direction: Direction, hop: usize, at: EntityId) -> String {
        let word = if direction == Direction::Request {
            "at"
        } else {
            "answer.at"
        };
        format!(
            "{event}.{word}.{hop}.{}",
            self.structure.entities[at.index()].name
        )
    }

    /// "Still travelling after all unrolled hops, nothing repeated": the bound is complete iff this is unsatisfiable.
    pub fn travelling(&mut self, slot: usize, direction: Direction) -> TermId {
        let travel = self.travel(slot, direction);
        let last: Vec<TermId> = travel
            .at
            .last()
            .into_iter()
            .flat_map(|m| m.values().copied())
            .collect();
        let last = self.pool.or(&last);
        let honest = self.event(slot).honest;
        self.pool.and(&[honest, last])
    }

    /// Still travelling after `hops` hops, and not caught in a loop by then; false beyond a complete bound.
    pub fn travelling_after(&mut self, slot: usize, hops: usize) -> TermId {
        let at: Vec<TermId> = self.events[slot]
            .request
            .at
            .get(hops)
            .into_iter()
            .flat_map(|m| m.values().copied())
            .collect();
        self.pool.or(&at)
    }

    /// The message is at this switch at some time.
    pub fn passes(&mut self, slot: usize, switch: EntityId) -> TermId {
        let at: Vec<TermId> = self.events[slot]
            .request
            .at
            .iter()
            .filter_map(|m| m.get(&switch).copied())
            .collect();
        self.pool.or(&at)
    }

    fn travel(&self, slot: usize, direction: Direction) -> &Travel {
        let event = &self.events[slot];
        if direction == Direction::Request {
            &event.request
        } else {
            &event.answer
        }
    }

    /// One hop more.
    pub fn unroll(&mut self, slot: usize, direction: Direction) {
        let hop = self.travel(slot, direction).at.len() - 1;
        let at = self.travel(slot, direction).at[hop].clone();
        let header = self.travel(slot, direction).headers[hop];
        let answer = direction == Direction::Answer;
        let came = self.travel(slot, direction).came[hop];
        let leaving = Leaving {
            header,
            came,
            dialled: self.events[slot].sent.destination,
        };
        let mut next: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        let mut received: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        let mut translated: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        let mut rewrites: Vec<(TermId, SymHeader)> = Vec::new();
        for (&switch, &here) in &at {
            let mut here = here;
            if answer {
                here = self.answer_at(
                    slot,
                    switch,
                    here,
                    header,
                    &mut received,
                    &mut next,
                    &mut rewrites,
                );
            }
            let decisions = self.decisions(switch, header, answer);
            for (&to, &condition) in &decisions.forward {
                if self.network.link(switch, to) {
                    let permitted = self.permitted(switch, to, leaving, answer);
                    let goes = self.pool.and(&[here, condition, permitted]);
                    next.entry(to).or_default().push(goes);
                }
            }
            // A delivery of an answer to a listener is its end: nobody waits for it there.
            for (&to, &condition) in decisions.deliver.iter().filter(|_| !answer) {
                if self.network.link(switch, to) {
                    let permitted = self.permitted(switch, to, leaving, answer);
                    let taken = self.pool.and(&[here, condition, permitted]);
                    received.entry(to).or_default().push(taken);
                }
            }
            for (&rule, &condition) in &decisions.translate {
                let fires = self.pool.and(&[here, condition]);
                translated.entry(switch).or_default().push(fires);
                next.entry(switch).or_default().push(fires);
                self.choose(slot, hop, switch, rule, fires, header, &mut rewrites);
            }
        }
        let header = self.next_header(slot, direction, hop + 1, header, &rewrites);
        let or = |map: BTreeMap<EntityId, Vec<TermId>>,
                  encoder: &mut Self|
         -> BTreeMap<EntityId, TermId> {
            map.into_iter()
                .map(|(id, terms)| (id, encoder.pool.or(&terms)))
                .collect()
        };
        let (next, received, translated) =
            (or(next, self), or(received, self), or(translated, self));
        self.came(slot, direction, hop, header, &translated);
        self.arrive(slot, direction, next, header, received, translated);
    }

    /// Answers are never asked for.
    fn permitted(&mut self, at: EntityId, to: EntityId, message: Leaving, answer: bool) -> TermId {
        if answer {
            self.pool.truth(true)
        } else {
            self.permits(at, to, message)
        }
    }

    /// Records the source as the message came to where it is after a hop: what is translated stays where it came.
    fn came(
        &mut self,
        slot: usize,
        direction: Direction,
        hop: usize,
        header: SymHeader,
        translated: &BTreeMap<EntityId, TermId>,
    ) {
        let travel = self.travel(slot, direction);
        let (before, came) = (travel.headers[hop].source, travel.came[hop]);
        let unchanged = header.source == before && came == before;
        // Nobody asks it of an answer.
        let answer = direction == Direction::Answer;
        let next = if answer || self.network.gates.all.is_empty() || unchanged {
            header.source
        } else {
            let here: Vec<TermId> = translated.values().copied().collect();
            let here = self.pool.or(&here);
            let value = self.pool.ite(here, came, before);
            let width = self.domain.address_width();
            let name = format!("{}.came.{}.sa", self.events[slot].name, hop + 1);
            let named = self.pool.variable(&name, Sort::BitVec(width));
            let fact = self.pool.eq(named, value);
            self.fact(fact);
            named
        };
        let event = &mut self.events[slot];
        if direction == Direction::Request {
            event.request.came.push(next);
        } else {
            event.answer.came.push(next);
        }
    }

    /// Which rewrite a rule takes is the event's choice at this hop.
    #[expect(
        clippy::too_many_arguments,
        reason = "one rule at one hop of one event"
    )]
    fn choose(
        &mut self,
        slot: usize,
        hop: usize,
        switch: EntityId,
        rule: usize,
        fires: TermId,
        header: SymHeader,
        rewrites: &mut Vec<(TermId, SymHeader)>,
    ) {
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
        let choice = self.pool.variable(
            &format!("{}.choice.{hop}", self.events[slot].name),
            Sort::BitVec(16),
        );
        if self.events[slot].choices.last() != Some(&choice) {
            self.events[slot].choices.push(choice);
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

    /// The header after a hop: unchanged, or what the one rewrite that applies makes of it.
    fn next_header(
        &mut self,
        slot: usize,
        direction: Direction,
        hop: usize,
        header: SymHeader,
        rewrites: &[(TermId, SymHeader)],
    ) -> SymHeader {
        let word = if direction == Direction::Request {
            "header"
        } else {
            "answer.header"
        };
        let prefix = format!("{}.{word}.{hop}", self.events[slot].name);
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

    /// Records the state after a hop: where the message is, unless it was there before with the same header.
    fn arrive(
        &mut self,
        slot: usize,
        direction: Direction,
        next: BTreeMap<EntityId, TermId>,
        header: SymHeader,
        received: BTreeMap<EntityId, TermId>,
        translated: BTreeMap<EntityId, TermId>,
    ) {
        let hop = self.travel(slot, direction).at.len();
        let mut at = BTreeMap::new();
        let mut repeated = Vec::new();
        for (switch, there) in next {
            let mut before = Vec::new();
            for earlier in 0..hop {
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
                let name = self.hop_name(&self.events[slot].name, direction, hop, switch);
                at.insert(switch, self.define(&name, term));
            }
        }
        let repeated = self.pool.or(&repeated);
        let event = &mut self.events[slot];
        let travel = if direction == Direction::Request {
            &mut event.request
        } else {
            &mut event.answer
        };
        travel.at.push(at);
        travel.headers.push(header);
        travel.repeated.push(repeated);
        travel.received.push(received);
        travel.translated.push(translated);
    }
}
