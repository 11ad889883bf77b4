//! The life of one message, unrolled: sent, looked up at each hop, received or dead, and its answer.
//!
//! Knows: how lookups follow each other, what a connection remembers. Must never know: constraints, the solver.
//!
//! By the contracts a message has at most [`LOOKUPS`] lookups: pod, node, the same node once more after a translation,
//! the other node, pod. That nobody is still on the way after that is a goal of its own, and is proven with each goal.

use super::assumption::Piece;
use super::contract::{Message, contract};
use super::hop::{self, Action, Effect, State};
use super::world::World;
use crate::smt::term::TermId;

/// The most lookups, either way.
pub(super) const LOOKUPS: usize = 5;

/// A message, its sender and its fate.
#[derive(Debug)]
pub(super) struct Journey {
    /// Sent by container `container`, else by daemon `daemon`.
    pub(super) by_container: TermId,
    pub(super) container: TermId,
    pub(super) daemon: TermId,
    pub(super) protocol: TermId,
    /// The header as it is sent.
    pub(super) sent: Header,
    /// Received by a container, or by a daemon, and with which header.
    pub(super) to_container: TermId,
    pub(super) receiver: TermId,
    pub(super) to_daemon: TermId,
    pub(super) process: TermId,
    pub(super) received: Header,
    /// The destination as it was received or died.
    pub(super) dialled: (TermId, TermId),
    /// Still on its way after all lookups.
    pub(super) endless: TermId,
    pub(super) replied: TermId,
    pub(super) endless_answer: TermId,
    /// What holds by the meaning of words.
    pub(super) facts: Vec<TermId>,
    /// What is assumed: of the sender, and of each switch at each lookup.
    pub(super) assumed: Vec<(Piece, TermId)>,
}

/// A header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) from: TermId,
    pub(super) from_port: TermId,
    pub(super) to: TermId,
    pub(super) to_port: TermId,
}

/// A journey; with its answer, if that is asked for.
pub(super) fn journey(w: &mut World, answer: bool) -> Journey {
    let s = w.sorts;
    let sent = Header {
        from: w.constant("sa", s.address),
        from_port: w.constant("sp", s.port),
        to: w.constant("ta", s.address),
        to_port: w.constant("tp", s.port),
    };
    let by_container = w.flag("sentByContainer");
    let container = w.constant("senderContainer", s.container);
    let daemon = w.constant("senderDaemon", s.daemon);
    let protocol = w.constant("proto", s.protocol);
    let truth = w.pool.truth(false);
    let mut journey = Journey {
        by_container,
        container,
        daemon,
        protocol,
        sent,
        to_container: w.flag("receivedByContainer"),
        receiver: w.constant("receiverContainer", s.container),
        to_daemon: w.flag("receivedByDaemon"),
        process: w.constant("receiverDaemon", s.daemon),
        received: Header {
            from: w.constant("receivedFrom", s.address),
            from_port: sent.from_port,
            to: w.constant("receivedTo", s.address),
            to_port: w.constant("receivedToPort", s.port),
        },
        dialled: (
            w.constant("dialled", s.address),
            w.constant("dialledPort", s.port),
        ),
        endless: truth,
        replied: truth,
        endless_answer: truth,
        facts: Vec::new(),
        assumed: Vec::new(),
    };
    journey.honest(w);
    let hops = journey.request(w);
    if answer {
        journey.answer(w, &hops);
    }
    journey
}

impl Journey {
    /// `Send` implies an honest source.
    fn honest(&mut self, w: &mut World) {
        let (n, s, sent) = (w.names, w.sorts, self.sent);
        self.facts.push(w.one_family(sent.from, sent.to));
        let to_local = w.is(n.local, &[sent.to]);
        let from_loopback = w.is(n.loopback, &[sent.from]);
        let over_loopback = w.implies(&[to_local], from_loopback);
        let away = w.not(to_local);
        let local = w.is(n.local, &[sent.from]);
        let elsewhere = w.not(local);
        let never_local = w.implies(&[away], elsewhere);
        let pod = w.is(n.pod_of, &[self.container]);
        let own = w.is(n.addr_pod, &[pod, sent.from]);
        let of_pod = w.implies(&[away, self.by_container], own);
        let node = w.is(n.daemon_node, &[self.daemon]);
        let own = w.is(n.addr_node, &[node, sent.from]);
        let by_daemon = w.not(self.by_container);
        let has = self.node_has_address(w, node);
        let of_node = w.implies(&[away, by_daemon, has], own);
        // A node without an address sends from a free one.
        let [p, m, v] = w.bind([("P", s.pod), ("N", s.node), ("S", s.service)]);
        let held = [
            w.is(n.addr_pod, &[p, sent.from]),
            w.is(n.addr_node, &[m, sent.from]),
            w.is(n.addr_service, &[v, sent.from]),
        ];
        let held = w.or(&held);
        let unheld = w.not(held);
        let unheld = w.pool.forall(&[p, m, v], unheld);
        let bare = w.not(has);
        let free = w.implies(&[away, by_daemon, bare], unheld);
        let honest = w.and(&[over_loopback, never_local, of_pod, of_node, free]);
        self.assumed.push((
            Piece {
                id: "honest-source",
                part: "",
            },
            honest,
        ));
    }

    /// Whether a node has an address: a flag with its meaning.
    fn node_has_address(&mut self, w: &mut World, node: TermId) -> TermId {
        let (n, s) = (w.names, w.sorts);
        let has = w.flag("senderNodeHasAddress");
        let some = w.constant("someAddressOfSenderNode", s.address);
        let such = w.is(n.addr_node, &[node, some]);
        self.facts.push(w.implies(&[has], such));
        let [a] = w.bind([("a", s.address)]);
        let such = w.is(n.addr_node, &[node, a]);
        let body = w.implies(&[such], has);
        self.facts.push(w.pool.forall(&[a], body));
        has
    }

    /// Where a process hands its message over: its switch, if there is a link.
    fn start(
        &mut self,
        w: &mut World,
        from: (TermId, TermId, TermId),
        when: TermId,
        header: Header,
        first: &State,
    ) {
        let n = w.names;
        let (by_container, container, daemon) = from;
        let pod = w.is(n.pod_of, &[container]);
        let node = w.is(n.daemon_node, &[daemon]);
        let by_daemon = w.not(by_container);
        let link = w.is(n.link_container_pod, &[container, pod]);
        let from_pod = w.and(&[by_container, link]);
        let link = w.is(n.link_daemon_node, &[daemon, node]);
        let from_node = w.and(&[by_daemon, link]);
        let out = w.or(&[from_pod, from_node]);
        let live = w.and(&[when, out]);
        self.facts.push(w.pool.iff(first.live, live));
        self.facts.push(w.pool.iff(first.at_pod, by_container));
        for (x, y) in [
            (first.pod, pod),
            (first.node, node),
            (first.from, header.from),
            (first.from_port, header.from_port),
            (first.to, header.to),
            (first.to_port, header.to_port),
            (first.came, header.from),
        ] {
            let same = w.eq(x, y);
            self.facts.push(same);
        }
    }

    fn request(&mut self, w: &mut World) -> Vec<(State, Action, Effect)> {
        let mut at = hop::state(w, "m0");
        let yes = w.pool.truth(true);
        self.start(
            w,
            (self.by_container, self.container, self.daemon),
            yes,
            self.sent,
            &at,
        );
        let message = Message {
            protocol: self.protocol,
            dialled: Some(self.sent.to),
        };
        let mut hops = Vec::new();
        for i in 0..LOOKUPS {
            let name = format!("m{i}");
            let action = hop::action(w, &name);
            self.facts.push(hop::exclusive(w, &action));
            let contract = contract(w, &name, message, &at, &action);
            self.assumed.extend(contract.pieces());
            self.facts.extend(contract.meanings);
            let next = hop::state(w, &format!("m{}", i + 1));
            let (effect, facts) = hop::effect(w, &at, &action, next);
            self.facts.extend(facts);
            self.fate(w, &at, &action, &effect);
            hops.push((at, action, effect));
            at = next;
        }
        let received = |effect: fn(&Effect) -> TermId| -> Vec<TermId> {
            hops.iter().map(|(_, _, e)| effect(e)).collect()
        };
        let (containers, daemons) = (received(|e| e.container), received(|e| e.daemon));
        let some = w.or(&containers);
        self.facts.push(w.implies(&[self.to_container], some));
        let some = w.or(&daemons);
        self.facts.push(w.implies(&[self.to_daemon], some));
        self.endless = at.live;
        hops
    }

    /// What a hop makes of the message, if it ends there.
    fn fate(&mut self, w: &mut World, at: &State, action: &Action, effect: &Effect) {
        let (r, header) = (self.received, [at.from, at.to, at.to_port]);
        for (ended, flag, who, is) in [
            (
                effect.container,
                self.to_container,
                self.receiver,
                action.container,
            ),
            (effect.daemon, self.to_daemon, self.process, action.daemon),
        ] {
            let mut all = vec![flag, w.eq(who, is)];
            for (x, y) in [r.from, r.to, r.to_port].into_iter().zip(header) {
                all.push(w.eq(x, y));
            }
            let all = w.and(&all);
            self.facts.push(w.implies(&[ended], all));
        }
        // Wherever it ends, received or not, that is what it dialled.
        let on = w.not(effect.next.live);
        let (a, p) = (
            w.eq(self.dialled.0, at.to),
            w.eq(self.dialled.1, at.to_port),
        );
        let both = w.and(&[a, p]);
        self.facts.push(w.implies(&[at.live, on], both));
    }

    /// The answer: to the socket that asked, or translated back where it was translated, or looked up.
    fn answer(&mut self, w: &mut World, hops: &[(State, Action, Effect)]) {
        let n = w.names;
        let got = w.or(&[self.to_container, self.to_daemon]);
        let r = self.received;
        let reversed = Header {
            from: r.to,
            from_port: r.to_port,
            to: r.from,
            to_port: r.from_port,
        };
        let mut at = hop::state(w, "r0");
        self.start(
            w,
            (self.to_container, self.receiver, self.process),
            got,
            reversed,
            &at,
        );
        let message = Message {
            protocol: self.protocol,
            dialled: None,
        };
        let pod = w.is(n.pod_of, &[self.container]);
        let node = w.is(n.daemon_node, &[self.daemon]);
        let by_daemon = w.not(self.by_container);
        let up = w.is(n.link_pod_container, &[pod, self.container]);
        let down = w.is(n.link_node_daemon, &[node, self.daemon]);
        let mut answered = Vec::new();
        for i in 0..LOOKUPS {
            let name = format!("r{i}");
            // The sender's socket waits here.
            let at_node = w.not(at.at_pod);
            let (in_pod, in_node) = (w.eq(at.pod, pod), w.eq(at.node, node));
            let in_pod = w.and(&[at.at_pod, self.by_container, in_pod, up]);
            let in_node = w.and(&[at_node, by_daemon, in_node, down]);
            let linked = w.or(&[in_pod, in_node]);
            let (same_pod, same_node) = (w.eq(at.pod, pod), w.eq(at.node, node));
            let same_pod = w.and(&[at.at_pod, self.by_container, same_pod]);
            let same_node = w.and(&[at_node, by_daemon, same_node]);
            let here = w.or(&[same_pod, same_node]);
            let awaited = [
                w.eq(at.from, self.sent.to),
                w.eq(at.from_port, self.sent.to_port),
                w.eq(at.to, self.sent.from),
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
            self.facts.push(w.pool.iff(lookup.live, looks));
            let action = hop::action(w, &name);
            self.facts.push(hop::exclusive(w, &action));
            let contract = contract(w, &name, message, &lookup, &action);
            self.assumed.extend(contract.pieces());
            self.facts.extend(contract.meanings);
            let next = hop::state(w, &format!("r{}", i + 1));
            let walked = State {
                live: w.flag(&format!("{name}.walks")),
                ..next
            };
            let (_, facts) = hop::effect(w, &lookup, &action, walked);
            self.facts.extend(facts);
            let live = w.or(&[walked.live, any]);
            self.facts.push(w.pool.iff(next.live, live));
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
            self.facts.push(w.implies(&[any], restored));
            at = next;
        }
        // From an address that is not known an answer cannot be judged, and is not held against the message.
        let has = w.flag("senderNodeHasAddress");
        let local = w.is(n.loopback, &[self.sent.from]);
        let judged = w.or(&[self.by_container, has, local]);
        let unjudged = w.not(judged);
        let excused = w.and(&[unjudged, got]);
        answered.push(excused);
        self.replied = w.or(&answered);
        self.endless_answer = w.and(&[judged, at.live]);
    }
}
