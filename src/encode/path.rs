//! `Send` and `Recv`: a message unrolled hop by hop over the links, and its answer back.
//!
//! Knows: where a message is after i hops, and through which stages it goes in one. Must never know: single rules,
//! formulas.

use std::collections::BTreeMap;

use crate::model::entity::{EntityId, EntityKind};
use crate::network::graph::Switch;
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::event::{Direction, Event, Travel};
use super::gate_cache::Leaving;
use super::header::SymHeader;
use super::moves::{Conditions, Moves};

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
        let way = Travel::word(direction, false);
        let at = start
            .into_iter()
            .map(|(s, term)| (s, self.define(&self.hop_name(name, &way, 0, s), term)));
        Travel {
            at: vec![at.collect()],
            headers: vec![header],
            came: vec![header.source],
            repeated: vec![self.pool.truth(false)],
            ..Travel::default()
        }
    }

    /// From the first hop again, now cut where a state comes again.
    pub fn again(&mut self, slot: usize, direction: Direction) {
        let event = &mut self.events[slot];
        let travel = event.travel_mut(direction);
        let own = std::mem::take(&mut travel.choices);
        *travel = Travel {
            cut: true,
            at: vec![travel.at[0].clone()],
            headers: vec![travel.headers[0]],
            came: vec![travel.came[0]],
            repeated: vec![travel.repeated[0]],
            ..Travel::default()
        };
        event.choices.retain(|choice| !own.contains(choice));
    }

    /// Whether a message that is not cut tells by its end that it was nowhere twice: what it does next hangs on its state
    /// alone, so that one that comes back could go round for ever. Gates ask how it came, of messages and not of answers.
    pub fn forgets(&self, direction: Direction) -> bool {
        direction == Direction::Answer || self.network.gates.all.is_empty()
    }

    pub(super) fn hop_name(&self, event: &str, way: &str, hop: usize, at: EntityId) -> String {
        format!("{event}.{way}at.{hop}.{}", self.switch_name(at))
    }

    /// Names of stages are for people, and need not be unique.
    pub(super) fn switch_name(&self, at: EntityId) -> String {
        match self.structure.entities.get(at.index()) {
            Some(row) if row.kind() != EntityKind::Stage => row.name.to_string(),
            Some(row) => format!("{}#{}", row.name, at.0),
            None => format!("stage#{}", at.0),
        }
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

    /// The pods, nodes and the like where the message is at some time. A hop lies within one of them.
    pub fn passed(&mut self, slot: usize) -> BTreeMap<EntityId, TermId> {
        let mut all = Conditions::new();
        for (switch, term) in self.events[slot].request.at.iter().flatten() {
            let of = self.network.switch(*switch).map_or(*switch, |s| s.of);
            all.entry(of).or_default().push(*term);
        }
        let each = all.into_iter();
        each.map(|(of, terms)| (of, self.pool.or(&terms))).collect()
    }

    /// Where the message, or its answer, meets something that is not known: the switch, the rule, the condition.
    pub fn unmodelled(
        &self,
        slot: usize,
        direction: Direction,
    ) -> impl Iterator<Item = (EntityId, usize, TermId)> + '_ {
        let hops = self.travel(slot, direction).unmodelled.iter();
        hops.flatten().copied()
    }

    /// How the terms of a direction are called.
    pub(super) fn way(&self, slot: usize, direction: Direction) -> String {
        Travel::word(direction, self.travel(slot, direction).cut)
    }

    pub(super) fn travel(&self, slot: usize, direction: Direction) -> &Travel {
        let event = &self.events[slot];
        if direction == Direction::Request {
            &event.request
        } else {
            &event.answer
        }
    }

    /// One hop more: all stages of a namespace that the message may go through, from lower to higher rank.
    pub fn unroll(&mut self, slot: usize, direction: Direction) {
        let travel = self.travel(slot, direction);
        let hop = travel.at.len() - 1;
        let hop = Hop {
            slot,
            direction,
            number: hop,
            header: travel.headers[hop],
            came: travel.came[hop],
        };
        let at = travel.at[hop.number].clone();
        let mut moves = Moves::default();
        let mut within = Within::new();
        for (switch, here) in at {
            let rank = self.network.switch(switch).map_or(0, |s| s.rank);
            within.insert((rank, switch, false), vec![here]);
        }
        while let Some(((_, switch, continues), terms)) = within.pop_first() {
            let here = self.pool.or(&terms);
            let here = if continues || terms.len() > 1 {
                let name = self.stage_name(hop, switch);
                self.define(&name, here)
            } else {
                here
            };
            self.stage(hop, switch, here, continues, &mut within, &mut moves);
        }
        let kept = self.pool.or(&moves.kept);
        let header = self.next_header(slot, direction, hop.number + 1, hop.header, &moves.rewrites);
        let moved = moves.joined(&mut self.pool);
        self.came(slot, direction, hop.number, header, kept);
        self.arrive(slot, direction, header, moved);
    }

    /// One stage in one hop.
    fn stage(
        &mut self,
        hop: Hop,
        switch: EntityId,
        here: TermId,
        continues: bool,
        within: &mut Within,
        moves: &mut Moves,
    ) {
        let (network, header) = (self.network, hop.header);
        let Some(place) = network.switch(switch) else {
            return;
        };
        let answer = hop.direction == Direction::Answer;
        let here = if answer {
            self.answer_at(hop.slot, place, here, header, moves)
        } else {
            here
        };
        if !answer && place.tracks {
            moves.tracked.entry(place.of).or_default().push(here);
        }
        let leaving = Leaving {
            header,
            came: if continues { header.source } else { hop.came },
            dialled: self.events[hop.slot].sent.destination,
        };
        let decisions = self.decisions(place, header, answer.then_some(hop.slot));
        for (&to, &condition) in &decisions.forward {
            if network.link(switch, to) {
                let permitted = self.permitted(switch, to, leaving, answer);
                let goes = self.pool.and(&[here, condition, permitted]);
                self.go(place, to, goes, within, moves);
            }
        }
        for (&rule, &condition) in &decisions.choose {
            let fires = self.pool.and(&[here, condition]);
            for (to, goes) in self.chosen(hop, place, rule, fires) {
                if network.link(switch, to) {
                    self.go(place, to, goes, within, moves);
                }
            }
        }
        // A delivery of an answer to a listener is its end: nobody waits for it there.
        for (&to, &condition) in decisions.deliver.iter().filter(|_| !answer) {
            if network.link(switch, to) {
                let permitted = self.permitted(switch, to, leaving, answer);
                let taken = self.pool.and(&[here, condition, permitted]);
                moves.received.entry(to).or_default().push(taken);
            }
        }
        for (&rule, &condition) in &decisions.translate {
            let fires = self.pool.and(&[here, condition]);
            moves.translated.entry(switch).or_default().push(fires);
            moves.next.entry(switch).or_default().push(fires);
            if !continues {
                moves.kept.push(fires);
            }
            self.choose(hop, switch, rule, fires, &mut moves.rewrites);
        }
        for (&rule, &condition) in &decisions.unmodelled {
            let fires = self.pool.and(&[here, condition]);
            moves.unmodelled.push((switch, rule, fires));
        }
    }

    /// Hands a message on: within the hop to a later stage of the same namespace, else to the next hop.
    fn go(
        &mut self,
        from: &Switch,
        to: EntityId,
        goes: TermId,
        within: &mut Within,
        moves: &mut Moves,
    ) {
        if self.pool.as_truth(goes) == Some(false) {
            return;
        }
        let later = self
            .network
            .switch(to)
            .filter(|next| next.of == from.of && next.rank > from.rank);
        match later {
            Some(next) => {
                // Only gates ask how a message came.
                let continues = !self.network.gates.all.is_empty()
                    || !within.contains_key(&(next.rank, to, false));
                within
                    .entry((next.rank, to, continues))
                    .or_default()
                    .push(goes);
            }
            None => moves.next.entry(to).or_default().push(goes),
        }
    }

    fn stage_name(&self, hop: Hop, at: EntityId) -> String {
        let name = self.hop_name(
            &self.events[hop.slot].name,
            &self.way(hop.slot, hop.direction),
            hop.number,
            at,
        );
        format!("{name}.within")
    }

    /// Answers are never asked for.
    fn permitted(&mut self, at: EntityId, to: EntityId, message: Leaving, answer: bool) -> TermId {
        if answer {
            self.pool.truth(true)
        } else {
            self.permits(at, to, message)
        }
    }
}

/// One hop of one message, or of its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop {
    pub slot: usize,
    pub direction: Direction,
    pub number: usize,
    pub header: SymHeader,
    /// The source as it came to where the hop begins.
    pub came: TermId,
}

/// The stages of a hop that are still to be gone through, by rank; whether the message came there within the hop.
type Within = BTreeMap<(u32, EntityId, bool), Vec<TermId>>;
