//! `Send` and `Recv`: a message unrolled hop by hop over the links, and its answer back.
//!
//! Knows: honest sources, where a message is after i hops, repetition, translation and its memory. Must never know:
//! single rules, formulas.

use std::collections::BTreeMap;

use crate::model::entity::EntityId;
use crate::model::inet::{Family, non_unicast};
use crate::network::fib::{Action, Rewrite};
use crate::network::graph::{Endpoint, Sources};
use crate::smt::term::{Sort, TermId};

use super::Encoder;
use super::header::{SymAddress, SymHeader};

/// One direction of travel, unrolled as far as was asked.
#[derive(Debug, Default)]
struct Travel {
    /// `at[i][S]`: after i hops the message is at switch S, in a state it was not in before.
    at: Vec<BTreeMap<EntityId, TermId>>,
    /// The header after i hops.
    headers: Vec<SymHeader>,
    /// After i hops the state is one that was there before: a loop.
    repeated: Vec<TermId>,
    /// `received[i][X]`: at hop i it is delivered to X.
    received: Vec<BTreeMap<EntityId, TermId>>,
    /// `translated[i]`: at hop i it is translated at S, on these conditions.
    translated: Vec<BTreeMap<EntityId, TermId>>,
}

/// A message, its way and its answer's way, as terms. Slots are numbered from 0, one per event variable.
#[derive(Debug)]
pub struct Event {
    name: String,
    /// The sending process.
    pub sender: TermId,
    /// The header as sent.
    pub sent: SymHeader,
    /// Which rewrite is taken at hop i, where a rule has several.
    pub choices: Vec<TermId>,
    request: Travel,
    answer: Travel,
    /// `Recv`: delivered to this process, sooner or later.
    pub received: BTreeMap<EntityId, TermId>,
    /// The header where it was received, or died.
    pub arrived: Option<SymHeader>,
    /// `Replied`.
    pub replied: Option<TermId>,
    /// `Loops`.
    pub loops: Option<TermId>,
    /// The message itself loops, whatever its answer does.
    pub request_loops: Option<TermId>,
}

impl Event {
    /// How many hops are unrolled.
    pub fn hops(&self) -> usize {
        self.request.at.len().saturating_sub(1)
    }
}

/// Whether the message or the answer is unrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The message.
    Request,
    /// Its answer.
    Answer,
}

impl Encoder<'_> {
    /// The event of a slot; slots are made in order by [`Encoder::send`].
    pub fn event(&self, slot: usize) -> &Event {
        &self.events[slot]
    }

    /// How many slots there are.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// A new event: some process sends some honest message, and it is at its first switch.
    pub fn send(&mut self) -> usize {
        let slot = self.events.len();
        let name = format!("e{slot}");
        let sender = self
            .pool
            .variable(&format!("{name}.sender"), Sort::BitVec(self.entity_width));
        let sent = self.fresh_header(&name);
        let mut honest = Vec::new();
        let mut first: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        for process in &self.network.processes {
            let id = self.entity(process.id);
            let is_sender = self.pool.eq(sender, id);
            let may_send = self.honest_source(process, sent);
            honest.push(self.pool.and(&[is_sender, may_send]));
            if self.network.link(process.id, process.switch) {
                first.entry(process.switch).or_default().push(is_sender);
            }
        }
        let some_sender = self.pool.or(&honest);
        self.fact(some_sender);
        for port in [sent.source_port, sent.destination_port] {
            let one = self.port(1);
            let real = self.pool.ule(one, port);
            self.fact(real);
        }
        let special: Vec<TermId> = non_unicast()
            .into_iter()
            .map(|net| self.within(sent.destination(), net))
            .collect();
        let special = self.pool.or(&special);
        let unicast = self.pool.not(special);
        self.fact(unicast);
        let start = first
            .into_iter()
            .map(|(s, terms)| (s, self.pool.or(&terms)))
            .collect();
        let request = self.start(&name, Direction::Request, start, sent);
        self.events.push(Event {
            name,
            sender,
            sent,
            choices: Vec::new(),
            request,
            answer: Travel::default(),
            received: BTreeMap::new(),
            arrived: None,
            replied: None,
            loops: None,
            request_loops: None,
        });
        slot
    }

    /// An honest source (design.md, `Send`): to loopback from loopback, else from an own address that is not loopback.
    fn honest_source(&mut self, process: &Endpoint, sent: SymHeader) -> TermId {
        let to_loopback = self.in_loopback(sent.destination());
        let from_loopback: Vec<TermId> = [Family::V4, Family::V6]
            .iter()
            .map(|f| self.is_address(sent.source(), f.loopback()))
            .collect();
        let from_loopback = self.pool.or(&from_loopback);
        let own = match &process.sources {
            Sources::Own(addresses) => {
                let any: Vec<TermId> = addresses
                    .iter()
                    .map(|ip| self.is_address(sent.source(), *ip))
                    .collect();
                self.pool.or(&any)
            }
            Sources::Within(prefixes) => {
                let any: Vec<TermId> = prefixes
                    .iter()
                    .map(|net| self.within(sent.source(), *net))
                    .collect();
                let any = self.pool.or(&any);
                let unheld = self.unheld(sent.source());
                self.pool.and(&[any, unheld])
            }
            Sources::Free => self.unheld(sent.source()),
        };
        // Of the namespaces outside we know nothing, so nothing is claimed of their loopback.
        let loopback = if matches!(process.sources, Sources::Within(_)) {
            self.pool.truth(false)
        } else {
            from_loopback
        };
        self.pool.ite(to_loopback, loopback, own)
    }

    /// A unicast address that no pod, node or service holds.
    pub(super) fn unheld(&mut self, address: SymAddress) -> TermId {
        let network = self.network;
        let mut taken: Vec<TermId> = network
            .held
            .iter()
            .map(|ip| self.is_address(address, *ip))
            .collect();
        taken.extend(
            non_unicast()
                .into_iter()
                .map(|net| self.within(address, net)),
        );
        taken.push(self.in_loopback(address));
        let taken = self.pool.or(&taken);
        self.pool.not(taken)
    }

    fn start(
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
        self.pool.or(&last)
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
                    let goes = self.pool.and(&[here, condition]);
                    next.entry(to).or_default().push(goes);
                }
            }
            // A delivery of an answer to a listener is its end: nobody waits for it there.
            for (&to, &condition) in decisions.deliver.iter().filter(|_| !answer) {
                if self.network.link(switch, to) {
                    let taken = self.pool.and(&[here, condition]);
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
        self.arrive(slot, direction, next, header, received, translated);
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
        let width = self.address_width;
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
            source_port: field("sp", 16, |h| h.source_port),
            destination: field("ta", width, |h| h.destination),
            destination_port: field("tp", 16, |h| h.destination_port),
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
    #[expect(
        clippy::too_many_arguments,
        reason = "one switch at one hop of one event"
    )]
    fn answer_at(
        &mut self,
        slot: usize,
        switch: EntityId,
        here: TermId,
        header: SymHeader,
        received: &mut BTreeMap<EntityId, Vec<TermId>>,
        next: &mut BTreeMap<EntityId, Vec<TermId>>,
        rewrites: &mut Vec<(TermId, SymHeader)>,
    ) -> TermId {
        let (sender, awaited) = (self.events[slot].sender, self.events[slot].sent.reversed());
        let network = self.network;
        let at_home: Vec<EntityId> = network
            .processes
            .iter()
            .filter(|p| p.switch == switch)
            .map(|p| p.id)
            .collect();
        let linked: Vec<EntityId> = at_home
            .iter()
            .copied()
            .filter(|p| network.link(switch, *p))
            .collect();
        let expected = self.same_header(header, awaited);
        let home = self.is_one_of(sender, &at_home);
        let reachable = self.is_one_of(sender, &linked);
        let socket = self.pool.and(&[here, expected, home]);
        let back = self.pool.and(&[here, expected, reachable]);
        // Whose socket it is does not matter: it is the sender's. Any process stands for it here.
        if let Some(&any) = linked.first() {
            received.entry(any).or_default().push(back);
        }
        let not_socket = self.pool.not(socket);
        let mut left = self.pool.and(&[here, not_socket]);
        let hops = self.events[slot].request.translated.len();
        for hop in (0..hops).rev() {
            let request = &self.events[slot].request;
            let Some(&translated) = request.translated[hop].get(&switch) else {
                continue;
            };
            let (before, after) = (
                request.headers[hop].reversed(),
                request.headers[hop + 1].reversed(),
            );
            let remembered = self.same_header(header, after);
            let back = self.pool.and(&[left, translated, remembered]);
            next.entry(switch).or_default().push(back);
            rewrites.push((back, before));
            let other = self.pool.not(back);
            left = self.pool.and(&[left, other]);
        }
        left
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
