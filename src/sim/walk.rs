//! A message walked to its end, and its answer back: every choice, one outcome each.
//!
//! Knows: Send, the lookups, translation and its memory, loops, the answer (design.md section 1). Must never know:
//! formulas, SMT.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::base::source::Span;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, non_unicast};
use crate::network::fib::Action;
use crate::network::graph::{Endpoint, Network, Sources};
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, GatePassed, Journey, Outcome, Step, Trace};

use super::gates::{self, Leaving};
use super::script::Script;
use super::step::{lookup, rewritten};

/// More outcomes than this are not enumerated: a trace of them would help nobody.
pub const MOST_OUTCOMES: usize = 100_000;

/// What the simulator cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// The sender is no process of the network.
    #[error("the sender is not a process")]
    NotAProcess,
    /// See [`MOST_OUTCOMES`].
    #[error("the message has more than {MOST_OUTCOMES} outcomes")]
    TooManyOutcomes,
}

/// Whether the process may send this header: an honest source (design.md, `Send`), unicast, ports from 1.
pub fn honest(network: &Network, sender: EntityId, header: &Header) -> bool {
    let Some(process) = network.process(sender) else {
        return false;
    };
    let family = Family::of(header.destination);
    let to_loopback = family.loopback_net().contains(&header.destination);
    let source_fits = if to_loopback {
        // Loopback belongs to a namespace; of the outside's namespaces we know nothing.
        header.source == family.loopback() && !matches!(process.sources, Sources::Within(_))
    } else {
        sendable(network, process, header.source, header.destination)
    };
    Family::of(header.source) == family
        && source_fits
        && header.source_port > 0
        && header.destination_port > 0
        && !non_unicast()
            .iter()
            .any(|net| net.contains(&header.destination))
}

/// Whether a non-loopback source address is one the process sends from.
fn sendable(network: &Network, process: &Endpoint, source: IpAddr, destination: IpAddr) -> bool {
    let unheld = || {
        network.held.binary_search(&source).is_err()
            && !Family::of(source).loopback_net().contains(&source)
            && !non_unicast().iter().any(|net| net.contains(&source))
    };
    match &process.sources {
        Sources::Own(addresses) => addresses.contains(&source),
        Sources::Within(prefixes) => prefixes.iter().any(|p| p.contains(&source)) && unheld(),
        Sources::Free => unheld(),
        Sources::Selected(table) => table
            .iter()
            .find(|(net, _)| net.contains(&destination))
            .is_some_and(|(_, own)| own.contains(&source)),
    }
}

/// Walks a message: all outcomes, the failing ones first.
pub fn trace(network: &Network, sender: EntityId, header: Header) -> Result<Trace, SimError> {
    let process = network.process(sender).ok_or(SimError::NotAProcess)?;
    let mut outcomes = Vec::new();
    let mut script = Script::default();
    loop {
        outcomes.push(outcome(network, process, header, &mut script));
        if outcomes.len() > MOST_OUTCOMES {
            return Err(SimError::TooManyOutcomes);
        }
        if !script.advance() {
            break;
        }
    }
    outcomes.sort_by_key(|o| o.disposition == Disposition::Delivered);
    Ok(Trace { outcomes })
}

/// A translation as the switch remembers it for the answer.
#[derive(Debug, Clone, Copy)]
struct Translated {
    at: EntityId,
    before: Header,
    after: Header,
}

/// Who waits for an answer: the sender's socket.
struct Socket {
    process: EntityId,
    switch: EntityId,
    awaits: Header,
}

fn outcome(network: &Network, sender: &Endpoint, sent: Header, script: &mut Script) -> Outcome {
    let mut memory = Vec::new();
    let mut choices = Vec::new();
    let request = {
        let mut walker = Walker {
            network,
            memory: &mut memory,
            script: Some(script),
            choices: &mut choices,
        };
        walker.journey(sender, sent, None)
    };
    let received = request
        .receiver
        .and_then(|_| request.steps.last())
        .map(|step| step.header);
    let reply = request
        .receiver
        .zip(received)
        .and_then(|(receiver, header)| {
            let receiver = network.process(receiver)?;
            let socket = Socket {
                process: sender.id,
                switch: sender.switch,
                awaits: sent.reversed(),
            };
            let mut walker = Walker {
                network,
                memory: &mut memory,
                script: None,
                choices: &mut choices,
            };
            Some(walker.journey(receiver, header.reversed(), Some(&socket)))
        });
    // From an address that is not known, an answer cannot be judged.
    let judged = !matches!(sender.sources, Sources::Free)
        || Family::of(sent.source).loopback() == sent.source;
    let replied = reply
        .as_ref()
        .filter(|_| judged)
        .map(|r| r.receiver == Some(sender.id) && answered(r));
    let disposition =
        if request.receiver.is_some() && replied == Some(false) && sent.protocol.wants_answer() {
            Disposition::NoReply
        } else {
            request.end
        };
    Outcome {
        disposition,
        sent,
        request,
        received,
        reply,
        replied,
        choices,
    }
}

/// Whether an answer's way ended at the socket that asked, and not at a listener.
fn answered(reply: &Journey) -> bool {
    reply
        .steps
        .iter()
        .any(|step| matches!(step.event, Event::Deliver { rule: None, .. }))
}

struct Walker<'n> {
    network: &'n Network,
    memory: &'n mut Vec<Translated>,
    /// None on the way back: an answer has no choices.
    script: Option<&'n mut Script>,
    choices: &'n mut Vec<(EntityId, usize, usize)>,
}

impl Walker<'_> {
    /// From a process until somebody receives the message or it dies. With a socket, it is an answer.
    fn journey(&mut self, from: &Endpoint, header: Header, socket: Option<&Socket>) -> Journey {
        let mut steps = vec![step(Event::Send, from.id, header, None)];
        let dialled = header.destination;
        let mut header = header;
        // The source as the message came to the switch where it is.
        let mut source = header.source;
        let mut at = from.switch;
        if !self.network.link(from.id, at) {
            return died(steps, from.id, header, None, Disposition::NoLink, Some(at));
        }
        let mut seen = HashSet::new();
        loop {
            if !seen.insert((at, header)) {
                return died(steps, at, header, None, Disposition::Loop, None);
            }
            if let Some(socket) = socket.filter(|s| s.switch == at && s.awaits == header) {
                if !self.network.link(at, socket.process) {
                    return died(
                        steps,
                        at,
                        header,
                        None,
                        Disposition::NoLink,
                        Some(socket.process),
                    );
                }
                return received(steps, at, header, None, Vec::new(), socket.process);
            }
            if socket.is_some()
                && let Some(entry) = self
                    .memory
                    .iter()
                    .rev()
                    .find(|m| m.at == at && m.after.reversed() == header)
            {
                header = entry.before.reversed();
                let event = Event::Translate {
                    rule: None,
                    choice: 0,
                };
                steps.push(step(event, at, header, None));
                continue;
            }
            let fib = self.network.switch(at).map(|s| &s.fib);
            let Some((index, rule)) = fib.and_then(|fib| lookup(fib, &header, socket.is_some()))
            else {
                return died(steps, at, header, None, Disposition::NoRule, None);
            };
            let decided = Some((index, rule.origin));
            let mut asked = Vec::new();
            if let Action::Deliver(next) | Action::Forward(next) = rule.action
                && socket.is_none()
                && self.network.link(at, next)
            {
                let denied;
                (asked, denied) = gates::ask(
                    self.network,
                    &Leaving {
                        at,
                        next,
                        header: &header,
                        source,
                        dialled,
                    },
                );
                if denied {
                    return forbidden(self.network, steps, at, header, index, asked, next);
                }
            }
            match &rule.action {
                Action::Deliver(to) if self.network.link(at, *to) => {
                    return received(steps, at, header, decided, asked, *to);
                }
                Action::Forward(next) if self.network.link(at, *next) => {
                    let event = Event::Lookup {
                        rule: index,
                        next: *next,
                    };
                    let mut lookup = step(event, at, header, Some(rule.origin));
                    lookup.gates = asked;
                    steps.push(lookup);
                    at = *next;
                    source = header.source;
                }
                Action::Deliver(to) | Action::Forward(to) => {
                    return died(steps, at, header, decided, Disposition::NoLink, Some(*to));
                }
                Action::Discard(reason) => {
                    let why = reason.disposition();
                    return died(steps, at, header, decided, why, None);
                }
                Action::Choose(all) => {
                    // ENGINE: choices of answers too.
                    let next = all[0];
                    steps.push(step(
                        Event::Lookup { rule: index, next },
                        at,
                        header,
                        Some(rule.origin),
                    ));
                    at = next;
                }
                Action::Translate(ways) => {
                    let mut choice = 0;
                    if ways.len() > 1
                        && let Some(script) = self.script.as_deref_mut()
                    {
                        choice = script.choose(ways.len());
                        self.choices.push((at, index, choice));
                    }
                    let before = header;
                    header = rewritten(&before, &ways[choice]);
                    self.memory.push(Translated {
                        at,
                        before,
                        after: header,
                    });
                    let event = Event::Translate {
                        rule: Some(index),
                        choice,
                    };
                    steps.push(step(event, at, header, Some(rule.origin)));
                }
            }
        }
    }
}

type Decided = Option<(usize, Span)>;

fn step(event: Event, at: EntityId, header: Header, origin: Option<Span>) -> Step {
    Step {
        event,
        at,
        header,
        origin,
        gates: Vec::new(),
    }
}

/// The last of the gates denies: its rule is the place.
fn forbidden(
    network: &Network,
    steps: Vec<Step>,
    at: EntityId,
    header: Header,
    rule: usize,
    asked: Vec<GatePassed>,
    toward: EntityId,
) -> Journey {
    let cause = asked
        .last()
        .and_then(|last| network.gates.all.get(last.gate)?.rule(last.tier, last.rule))
        .map(|rule| rule.cause.origin);
    let mut journey = died(steps, at, header, None, Disposition::Policy, Some(toward));
    if let Some(last) = journey.steps.last_mut() {
        last.event = Event::Discard {
            rule: Some(rule),
            why: Disposition::Policy,
            toward: Some(toward),
        };
        last.origin = cause;
        last.gates = asked;
    }
    journey
}

fn died(
    mut steps: Vec<Step>,
    at: EntityId,
    header: Header,
    decided: Decided,
    why: Disposition,
    toward: Option<EntityId>,
) -> Journey {
    let event = Event::Discard {
        rule: decided.map(|d| d.0),
        why,
        toward,
    };
    steps.push(step(event, at, header, decided.map(|d| d.1)));
    Journey {
        steps,
        receiver: None,
        end: why,
    }
}

fn received(
    mut steps: Vec<Step>,
    at: EntityId,
    header: Header,
    decided: Decided,
    asked: Vec<GatePassed>,
    to: EntityId,
) -> Journey {
    let event = Event::Deliver {
        rule: decided.map(|d| d.0),
        to,
    };
    let mut deliver = step(event, at, header, decided.map(|d| d.1));
    deliver.gates = asked;
    steps.push(deliver);
    steps.push(step(Event::Receive, to, header, None));
    Journey {
        steps,
        receiver: Some(to),
        end: Disposition::Delivered,
    }
}
