//! The answer to a message: back to the socket that asked.
//!
//! Knows: what a connection remembers. Must never know: constraints, the solver.

use super::contract::{Message, contract};
use super::hop::{self, Action, Effect, State};
use super::message::{Header, Journey};
use super::scope::Scope;
use super::world::World;
use crate::smt::term::TermId;

/// The answer: to the socket that asked, or translated back where it was translated, or looked up.
pub(super) fn answer(
    journey: &mut Journey,
    w: &mut World,
    scope: Scope,
    hops: &[(State, Action, Effect)],
    lookups: usize,
) {
    let n = w.names;
    let got = w.or(&[journey.to_container, journey.to_daemon]);
    let r = journey.received;
    let reversed = Header {
        from: r.to,
        from_port: r.to_port,
        to: r.from,
        to_port: r.from_port,
    };
    let mut at = hop::state(w, "r0");
    journey.start(
        w,
        (journey.to_container, journey.receiver, journey.process),
        got,
        reversed,
        &at,
    );
    let message = Message {
        protocol: journey.protocol,
        dialled: None,
        scope,
    };
    let pod = w.is(n.pod_of, &[journey.container]);
    let node = w.is(n.daemon_node, &[journey.daemon]);
    let by_daemon = w.not(journey.by_container);
    let up = w.is(n.link_pod_container, &[pod, journey.container]);
    let down = w.is(n.link_node_daemon, &[node, journey.daemon]);
    let mut answered = Vec::new();
    for i in 0..lookups {
        let name = format!("r{i}");
        // The sender's socket waits here.
        let at_node = w.not(at.at_pod);
        let (in_pod, in_node) = (w.eq(at.pod, pod), w.eq(at.node, node));
        let in_pod = w.and(&[at.at_pod, journey.by_container, in_pod, up]);
        let in_node = w.and(&[at_node, by_daemon, in_node, down]);
        let linked = w.or(&[in_pod, in_node]);
        let (same_pod, same_node) = (w.eq(at.pod, pod), w.eq(at.node, node));
        let same_pod = w.and(&[at.at_pod, journey.by_container, same_pod]);
        let same_node = w.and(&[at_node, by_daemon, same_node]);
        let here = w.or(&[same_pod, same_node]);
        let awaited = [
            w.eq(at.from, journey.sent.to),
            w.eq(at.from_port, journey.sent.to_port),
            w.eq(at.to, journey.sent.from),
        ];
        let awaited = w.and(&awaited);
        let socket = w.and(&[at.live, here, awaited]);
        answered.push(w.and(&[socket, linked]));
        let open = w.not(socket);
        // What was translated here is translated back.
        let mut back = Vec::new();
        for (before, action, effect) in hops {
            let after = effect.next;
            let same = [
                w.eq(before.node, at.node),
                w.eq(at.from, after.to),
                w.eq(at.from_port, after.to_port),
                w.eq(at.to, after.from),
            ];
            let same = w.and(&same);
            let sides = w.pool.iff(before.at_pod, at.at_pod);
            let there = w.and(&[
                before.live,
                action.translate,
                at.live,
                open,
                sides,
                at_node,
                same,
            ]);
            back.push((there, before));
        }
        let any: Vec<TermId> = back.iter().map(|(t, _)| *t).collect();
        let any = w.or(&any);
        let looked_up = w.not(any);
        let lookup = State {
            live: w.flag(&format!("{name}.looked")),
            ..at
        };
        let looks = w.and(&[at.live, open, looked_up]);
        journey.facts.push(w.pool.iff(lookup.live, looks));
        let action = hop::action(w, &name);
        journey.facts.push(hop::exclusive(w, &action));
        let contract = contract(w, &name, message, &lookup, &action);
        journey.assumed.extend(contract.pieces());
        journey.facts.extend(contract.meanings);
        let next = hop::state(w, &format!("r{}", i + 1));
        let walked = State {
            live: w.flag(&format!("{name}.walks")),
            ..next
        };
        let (_, facts) = hop::effect(w, &lookup, &action, walked);
        journey.facts.extend(facts);
        let live = w.or(&[walked.live, any]);
        journey.facts.push(w.pool.iff(next.live, live));
        let choices: Vec<TermId> = back
            .iter()
            .map(|&(there, before)| {
                let restored = [
                    there,
                    w.eq(next.node, at.node),
                    w.not(next.at_pod),
                    w.eq(next.from, before.to),
                    w.eq(next.from_port, before.to_port),
                    w.eq(next.to, before.from),
                ];
                w.and(&restored)
            })
            .collect();
        let restored = w.or(&choices);
        journey.facts.push(w.implies(&[any], restored));
        at = next;
    }
    // From an address that is not known an answer cannot be judged, and is not held against the message.
    let has = w.flag("senderNodeHasAddress");
    let local = w.is(n.loopback, &[journey.sent.from]);
    let judged = w.or(&[journey.by_container, has, local]);
    let unjudged = w.not(judged);
    let excused = w.and(&[unjudged, got]);
    answered.push(excused);
    journey.replied = w.or(&answered);
    journey.endless_answer = w.and(&[judged, at.live]);
}
