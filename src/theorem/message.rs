//! A message: who sends it, from where, and what is known of its end.
//!
//! Knows: honest sources, the way from a process to its switch. Must never know: switches, constraints, the solver.

use super::assumption::Piece;
use super::hop::{Action, Effect, State};
use super::world::World;
use crate::smt::term::TermId;

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

/// A message as it is sent; what becomes of it is open.
pub(super) fn sent(w: &mut World) -> Journey {
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
    pub(super) fn start(
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

    /// What a hop makes of the message, if it ends there.
    pub(super) fn fate(&mut self, w: &mut World, at: &State, action: &Action, effect: &Effect) {
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
}
