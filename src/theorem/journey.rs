//! The life of one message, unrolled: sent, looked up at each hop, received or dead, and its answer.
//!
//! Knows: how lookups follow each other. Must never know: constraints, the solver.
//!
//! By the contracts a message has at most [`LOOKUPS`] lookups: pod, node, the same node once more after a translation,
//! the other node, pod. That nobody is still on the way after that is a goal of its own.

use super::answer::answer;
use super::contract::{Message, contract};
use super::hop::{self, Action, Effect, State};
use super::message::{self, Journey};
use super::scope::Scope;
use super::world::World;
use crate::smt::term::TermId;

/// The most lookups, either way.
pub(super) const LOOKUPS: usize = 5;

/// A journey, of whose lookups in this scope the contracts are known; with its answer, if that is asked for.
pub(super) fn journey(w: &mut World, scope: Scope, with_answer: bool) -> Journey {
    let mut journey = message::sent(w);
    let hops = request(&mut journey, w, scope);
    if with_answer {
        answer(&mut journey, w, scope, &hops, LOOKUPS);
    }
    journey
}

fn request(journey: &mut Journey, w: &mut World, scope: Scope) -> Vec<(State, Action, Effect)> {
    let mut at = hop::state(w, "m0");
    let yes = w.pool.truth(true);
    journey.start(
        w,
        (journey.by_container, journey.container, journey.daemon),
        yes,
        journey.sent,
        &at,
    );
    let message = Message {
        protocol: journey.protocol,
        dialled: Some(journey.sent.to),
        scope,
    };
    let mut hops = Vec::new();
    for i in 0..LOOKUPS {
        let name = format!("m{i}");
        let action = hop::action(w, &name);
        journey.facts.push(hop::exclusive(w, &action));
        let contract = contract(w, &name, message, &at, &action);
        journey.assumed.extend(contract.pieces());
        journey.facts.extend(contract.meanings);
        let next = hop::state(w, &format!("m{}", i + 1));
        let (effect, facts) = hop::effect(w, &at, &action, next);
        journey.facts.extend(facts);
        journey.fate(w, &at, &action, &effect);
        hops.push((at, action, effect));
        at = next;
    }
    let received = |effect: fn(&Effect) -> TermId| -> Vec<TermId> {
        hops.iter().map(|(_, _, e)| effect(e)).collect()
    };
    let (containers, daemons) = (received(|e| e.container), received(|e| e.daemon));
    let some = w.or(&containers);
    journey.facts.push(w.implies(&[journey.to_container], some));
    let some = w.or(&daemons);
    journey.facts.push(w.implies(&[journey.to_daemon], some));
    journey.endless = at.live;
    hops
}

/// A journey that says nothing of the way: the message is received at some lookup, however late, with the header that
/// it was sent with, unless some switch translated it, when it had that header still.
///
/// Every receipt is one such, since only a translation changes a header. So what is proven of this holds at any hop.
pub(super) fn anywhere(w: &mut World, scope: Scope) -> Journey {
    let mut journey = message::sent(w);
    let message = Message {
        protocol: journey.protocol,
        dialled: Some(journey.sent.to),
        scope,
    };
    let mut lookup = |w: &mut World, name: &str| {
        let at = hop::state(w, name);
        let action = hop::action(w, name);
        journey.facts.push(hop::exclusive(w, &action));
        let contract = contract(w, name, message, &at, &action);
        journey.assumed.extend(contract.pieces());
        journey.facts.extend(contract.meanings);
        let next = hop::state(w, &format!("{name}.next"));
        let (effect, facts) = hop::effect(w, &at, &action, next);
        journey.facts.extend(facts);
        (at, action, effect)
    };
    let (first, translation, _) = lookup(w, "translation");
    let (last, action, effect) = lookup(w, "last");
    let sent = journey.sent;
    let is_sent = |w: &mut World, at: &State| {
        let same = [
            w.eq(at.from, sent.from),
            w.eq(at.from_port, sent.from_port),
            w.eq(at.to, sent.to),
            w.eq(at.to_port, sent.to_port),
        ];
        w.and(&same)
    };
    let fresh = is_sent(w, &first);
    journey.facts.push(fresh);
    let unchanged = is_sent(w, &last);
    let translated = w.and(&[first.live, translation.translate]);
    let either = w.or(&[unchanged, translated]);
    journey.facts.push(either);
    journey.fate(w, &last, &action, &effect);
    journey
        .facts
        .push(w.implies(&[journey.to_container], effect.container));
    journey
        .facts
        .push(w.implies(&[journey.to_daemon], effect.daemon));
    journey
}
