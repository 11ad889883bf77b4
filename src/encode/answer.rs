//! `Recv`, and the answer on its way back: the socket that waits, the memory of translations, connection tracking.
//!
//! Must never know: single rules, formulas.

use std::collections::BTreeMap;

use crate::model::entity::EntityId;
use crate::network::graph::{Sources, Switch};
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::event::Direction;
use super::header::SymHeader;
use super::moves::Moves;

impl Encoder<'_> {
    /// After the last hop of the message: who received it, with which header; and the answer sets out.
    pub fn receive(&mut self, slot: usize) {
        let travel = &self.events[slot].request;
        let arrived = travel.headers.last().copied();
        let repeated = travel.repeated.clone();
        let mut all: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        for hop in &travel.received {
            for (&to, &term) in hop {
                all.entry(to).or_default().push(term);
            }
        }
        let name = self.events[slot].name.clone();
        let mut received = BTreeMap::new();
        let mut first: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        for (to, terms) in all {
            let term = self.pool.or(&terms);
            let named = format!("{name}.recv.{}", self.structure.entities[to.index()].name);
            let term = self.define(&named, term);
            received.insert(to, term);
            if let Some(process) = self.network.process(to)
                && self.network.link(to, process.switch)
            {
                first.entry(process.switch).or_default().push(term);
            }
        }
        let start = first
            .into_iter()
            .map(|(s, terms)| (s, self.pool.or(&terms)))
            .collect();
        let header = arrived.unwrap_or(self.events[slot].sent).reversed();
        let answer = self.start(&name, Direction::Answer, start, header);
        let loops = self.pool.or(&repeated);
        let loops = self.define(&format!("{name}.loops"), loops);
        let event = &mut self.events[slot];
        event.answer = answer;
        event.received = received;
        event.arrived = arrived;
        event.request_loops = Some(loops);
    }

    /// What an answer meets before any rule: the socket that asked, then the memory of translations, the latest first.
    /// Returns what is left for the FIB.
    pub(super) fn answer_at(
        &mut self,
        slot: usize,
        place: &Switch,
        here: TermId,
        header: SymHeader,
        moves: &mut Moves,
    ) -> TermId {
        let (sender, awaited) = (self.events[slot].sender, self.events[slot].sent.reversed());
        let (network, switch) = (self.network, place.id);
        let at_home: Vec<EntityId> = network
            .processes
            .iter()
            .filter(|p| p.socket == switch)
            .map(|p| p.id)
            .collect();
        let linked: Vec<EntityId> = at_home
            .iter()
            .copied()
            .filter(|p| network.link(switch, *p))
            .collect();
        let mut left = here;
        if !at_home.is_empty() {
            let expected = self.same_header(header, awaited);
            let home = self.is_one_of(sender, &at_home);
            let reachable = self.is_one_of(sender, &linked);
            let socket = self.pool.and(&[here, expected, home]);
            let back = self.pool.and(&[here, expected, reachable]);
            // Whose socket it is does not matter: it is the sender's. Any process stands for it here.
            if let Some(&any) = linked.first() {
                moves.received.entry(any).or_default().push(back);
            }
            let not_socket = self.pool.not(socket);
            left = self.pool.and(&[here, not_socket]);
        }
        let hops = self.events[slot].request.translated.len();
        for hop in (0..hops).rev() {
            let request = &self.events[slot].request;
            let (before, after) = (
                request.headers[hop].reversed(),
                request.headers[hop + 1].reversed(),
            );
            let here = &request.translated[hop];
            let undone: Vec<TermId> = place
                .undoes
                .iter()
                .filter_map(|at| here.get(at).copied())
                .collect();
            if undone.is_empty() {
                continue;
            }
            // A hop has one translation at most.
            let translated = self.pool.or(&undone);
            let remembered = self.same_header(header, after);
            let back = self.pool.and(&[left, translated, remembered]);
            moves.next.entry(switch).or_default().push(back);
            moves.rewrites.push((back, before));
            let other = self.pool.not(back);
            left = self.pool.and(&[left, other]);
        }
        left
    }

    /// The connection tracking of a namespace knows an answer with this header: it is the reverse of one that the
    /// message had there.
    pub(super) fn established(&mut self, slot: usize, of: EntityId, header: SymHeader) -> TermId {
        if let Some(known) = self.established.get(&(slot, of, header)) {
            return *known;
        }
        let mut any = Vec::new();
        for hop in 0..self.events[slot].request.tracked.len() {
            let request = &self.events[slot].request;
            let Some(&tracked) = request.tracked[hop].get(&of) else {
                continue;
            };
            let reverse = request.headers[hop].reversed();
            let same = self.same_header(header, reverse);
            any.push(self.pool.and(&[tracked, same]));
        }
        let known = self.pool.or(&any);
        let count = self.established.len();
        let name = format!("{}.established.{count}", self.events[slot].name);
        let known = self.define(&name, known);
        self.established.insert((slot, of, header), known);
        known
    }

    /// After the last hop of the answer: `Replied` and `Loops`.
    pub fn answered(&mut self, slot: usize) {
        let event = &self.events[slot];
        let (name, sender, sent) = (event.name.clone(), event.sender, event.sent);
        let back: Vec<TermId> = event
            .answer
            .received
            .iter()
            .flat_map(|m| m.values().copied())
            .collect();
        let repeated = event.answer.repeated.clone();
        let somebody: Vec<TermId> = event.received.values().copied().collect();
        let request_loops = event.request_loops;
        // From an address that is not known an answer cannot be judged, and is not held against the message.
        let nowhere: Vec<EntityId> = self
            .network
            .processes
            .iter()
            .filter(|p| p.sources == Sources::Free)
            .map(|p| p.id)
            .collect();
        let nowhere = self.is_one_of(sender, &nowhere);
        let local = self.in_loopback(sent.destination());
        let abroad = self.pool.not(local);
        let unjudged = self.pool.and(&[nowhere, abroad]);
        let received = self.pool.or(&somebody);
        let forgiven = self.pool.and(&[unjudged, received]);
        let back = self.pool.or(&back);
        let judged = self.pool.not(unjudged);
        let back = self.pool.and(&[judged, back]);
        let replied = self.pool.or(&[back, forgiven]);
        let replied = self.define(&format!("{name}.replied"), replied);
        let repeated = self.pool.or(&repeated);
        let answer_loops = self.pool.and(&[judged, repeated]);
        let request_loops = request_loops.unwrap_or_else(|| self.pool.truth(false));
        let loops = self.pool.or(&[request_loops, answer_loops]);
        let event = &mut self.events[slot];
        event.replied = Some(replied);
        event.loops = Some(loops);
    }
}
