//! One direction of travel: switches, links, translation and its memory, connection tracking, loops (design.md
//! section 1).
//!
//! A message that is handed on, unchanged, to a stage of higher rank of the same namespace stays within its hop. Only
//! where a hop begins is it asked whether the message was there before: ranks ascend, so that no loop lies within a hop.
//!
//! Must never know: formulas, SMT.

use std::collections::HashSet;

use crate::base::source::Span;
use crate::model::entity::EntityId;
use crate::network::fib::{Action, State};
use crate::network::graph::{Endpoint, Network, Switch};
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, GatePassed, Journey, Step};

use super::gates::{self, Leaving};
use super::script::Script;
use super::step::{lookup, rewritten};

/// A translation as it is remembered for the answer.
#[derive(Debug, Clone, Copy)]
struct Translated {
    at: EntityId,
    before: Header,
    after: Header,
}

/// What the opening message leaves behind for its answer.
#[derive(Debug, Default)]
pub(super) struct Past {
    translated: Vec<Translated>,
    /// (namespace, header that an answer has there).
    tracked: HashSet<(EntityId, Header)>,
}

/// Who waits for an answer: the sender's socket.
pub(super) struct Socket {
    pub(super) process: EntityId,
    pub(super) switch: EntityId,
    pub(super) awaits: Header,
}

pub(super) struct Walker<'n> {
    pub(super) network: &'n Network,
    pub(super) past: &'n mut Past,
    pub(super) script: &'n mut Script,
    pub(super) choices: &'n mut Vec<(EntityId, usize, usize)>,
}

/// A message on its way.
struct Travel {
    steps: Vec<Step>,
    at: EntityId,
    of: EntityId,
    header: Header,
    /// The message came here within the hop of the last step.
    continues: bool,
}

type Decided = Option<(usize, Span)>;

impl Walker<'_> {
    /// From a process until somebody receives the message or it dies. With a socket, it is an answer.
    pub(super) fn journey(
        &mut self,
        from: &Endpoint,
        header: Header,
        socket: Option<&Socket>,
    ) -> Journey {
        let network = self.network;
        let dialled = header.destination;
        let mut travel = Travel {
            steps: Vec::new(),
            at: from.id,
            of: from.id,
            header,
            continues: false,
        };
        travel.step(Event::Send, None);
        if !network.link(from.id, from.switch) {
            return travel.died(None, Disposition::NoLink, Some(from.switch));
        }
        // The source as the message came to the switch where it is.
        let mut source = header.source;
        let mut seen = HashSet::new();
        travel.at = from.switch;
        loop {
            let at = travel.at;
            let Some(switch) = network.switch(at) else {
                return travel.died(None, Disposition::NoRule, None);
            };
            travel.of = switch.of;
            if !travel.continues && !seen.insert((at, travel.header)) {
                return travel.died(None, Disposition::Loop, None);
            }
            if socket.is_none() && switch.tracks {
                let answer = (switch.of, travel.header.reversed());
                self.past.tracked.insert(answer);
            }
            if let Some(socket) = socket.filter(|s| s.switch == at && s.awaits == travel.header) {
                if !network.link(at, socket.process) {
                    return travel.died(None, Disposition::NoLink, Some(socket.process));
                }
                return travel.received(None, Vec::new(), socket.process);
            }
            if socket.is_some()
                && let Some(before) = self.undone(switch, &travel.header)
            {
                travel.header = before;
                let event = Event::Translate {
                    rule: None,
                    choice: 0,
                };
                travel.step(event, None);
                travel.continues = false;
                continue;
            }
            let state = self.state(switch, &travel.header, socket.is_some());
            let Some((index, rule)) = lookup(&switch.fib, &travel.header, state) else {
                return travel.died(None, Disposition::NoRule, None);
            };
            let decided = Some((index, rule.origin));
            let mut asked = Vec::new();
            if let Action::Deliver(next) | Action::Forward(next) = rule.action
                && socket.is_none()
                && network.link(at, next)
            {
                let denied;
                (asked, denied) = gates::ask(
                    network,
                    &Leaving {
                        at,
                        next,
                        header: &travel.header,
                        source,
                        dialled,
                    },
                );
                if denied {
                    return travel.forbidden(network, index, asked, next);
                }
            }
            let choice = match &rule.action {
                Action::Translate(ways) => self.choose(at, index, ways.len()),
                Action::Choose(all) => self.choose(at, index, all.len()),
                _ => 0,
            };
            match &rule.action {
                Action::Deliver(to) if network.link(at, *to) => {
                    return travel.received(decided, asked, *to);
                }
                Action::Deliver(to) => {
                    return travel.died(decided, Disposition::NoLink, Some(*to));
                }
                Action::Forward(_) | Action::Choose(_) => {
                    let next = match &rule.action {
                        Action::Choose(all) => all[choice],
                        Action::Forward(next) => *next,
                        _ => at,
                    };
                    if !network.link(at, next) {
                        return travel.died(decided, Disposition::NoLink, Some(next));
                    }
                    travel.step(Event::Lookup { rule: index, next }, decided);
                    travel.gates(asked);
                    travel.continues = continues(network, switch, next);
                    travel.at = next;
                    source = travel.header.source;
                }
                Action::Discard(reason) => return travel.died(decided, reason.disposition(), None),
                Action::Translate(ways) => {
                    let before = travel.header;
                    let after = rewritten(&before, &ways[choice]);
                    self.past.translated.push(Translated { at, before, after });
                    travel.header = after;
                    let event = Event::Translate {
                        rule: Some(index),
                        choice,
                    };
                    travel.step(event, decided);
                    travel.continues = false;
                }
            }
        }
    }

    /// Which of the ways is taken; of one there is no choice.
    fn choose(&mut self, at: EntityId, rule: usize, ways: usize) -> usize {
        if ways < 2 {
            return 0;
        }
        let choice = self.script.choose(ways);
        self.choices.push((at, rule, choice));
        choice
    }

    /// The header of an answer, translated back by what this switch undoes: the latest translation first.
    fn undone(&self, switch: &Switch, header: &Header) -> Option<Header> {
        let mut latest = self.past.translated.iter().rev();
        let entry =
            latest.find(|t| switch.undoes.contains(&t.at) && t.after.reversed() == *header)?;
        Some(entry.before.reversed())
    }

    fn state(&self, switch: &Switch, header: &Header, answer: bool) -> State {
        if !answer {
            State::New
        } else if self.past.tracked.contains(&(switch.of, *header)) {
            State::Established
        } else {
            State::Unseen
        }
    }
}

/// Whether a move stays within the hop.
fn continues(network: &Network, from: &Switch, to: EntityId) -> bool {
    network
        .switch(to)
        .is_some_and(|next| next.of == from.of && next.rank > from.rank)
}

impl Travel {
    fn step(&mut self, event: Event, decided: Decided) {
        self.steps.push(Step {
            event,
            at: self.at,
            of: self.of,
            continues: self.continues,
            header: self.header,
            origin: decided.map(|d| d.1),
            gates: Vec::new(),
        });
    }

    /// What the last step asked of policies.
    fn gates(&mut self, asked: Vec<GatePassed>) {
        if let Some(last) = self.steps.last_mut() {
            last.gates = asked;
        }
    }

    fn died(mut self, decided: Decided, why: Disposition, toward: Option<EntityId>) -> Journey {
        let rule = decided.map(|d| d.0);
        self.step(Event::Discard { rule, why, toward }, decided);
        Journey {
            steps: self.steps,
            receiver: None,
            end: why,
        }
    }

    /// The last of the gates denies: its rule is the place.
    fn forbidden(
        mut self,
        network: &Network,
        rule: usize,
        asked: Vec<GatePassed>,
        toward: EntityId,
    ) -> Journey {
        let why = Disposition::Policy;
        let event = Event::Discard {
            rule: Some(rule),
            why,
            toward: Some(toward),
        };
        self.step(event, None);
        if let Some(step) = self.steps.last_mut() {
            step.origin = asked
                .last()
                .and_then(|last| network.gates.all.get(last.gate)?.rule(last.tier, last.rule))
                .map(|rule| rule.cause.origin);
            step.gates = asked;
        }
        Journey {
            steps: self.steps,
            receiver: None,
            end: why,
        }
    }

    fn received(mut self, decided: Decided, asked: Vec<GatePassed>, to: EntityId) -> Journey {
        let rule = decided.map(|d| d.0);
        self.step(Event::Deliver { rule, to }, decided);
        self.gates(asked);
        (self.at, self.of, self.continues) = (to, to, false);
        self.step(Event::Receive, None);
        Journey {
            steps: self.steps,
            receiver: Some(to),
            end: Disposition::Delivered,
        }
    }
}
