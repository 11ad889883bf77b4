//! One lookup of one message at one switch: where it is, what the switch does with it, where that leaves it.
//!
//! Knows: what an action does. Must never know: which actions a FIB takes (`contract`), formulas, the solver.

use super::world::World;
use crate::smt::term::TermId;

/// A message at a switch.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// Whether it is still on its way.
    pub(super) live: TermId,
    /// At pod `pod`, else at node `node`.
    pub(super) at_pod: TermId,
    pub(super) pod: TermId,
    pub(super) node: TermId,
    /// The header; the port that is left out never changes.
    pub(super) from: TermId,
    pub(super) from_port: TermId,
    pub(super) to: TermId,
    pub(super) to_port: TermId,
    /// The source as the message came to the switch.
    pub(super) came: TermId,
}

/// What the switch does: one of the flags, or it discards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    /// Deliver to container `container`, or to daemon `daemon`.
    pub(super) to_container: TermId,
    pub(super) container: TermId,
    pub(super) to_daemon: TermId,
    pub(super) daemon: TermId,
    /// Forward to pod `pod`, or to node `node`.
    pub(super) to_pod: TermId,
    pub(super) pod: TermId,
    pub(super) to_node: TermId,
    pub(super) node: TermId,
    /// Translate to `address`, `port`, from `source`, in the name of an endpoint of `service` at pod `endpoint`.
    pub(super) translate: TermId,
    pub(super) service: TermId,
    pub(super) endpoint: TermId,
    pub(super) address: TermId,
    pub(super) port: TermId,
    pub(super) source: TermId,
    /// A gate stops it.
    pub(super) denied: TermId,
}

/// What became of a message at a hop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effect {
    /// Handed to the container of the action, or to its daemon.
    pub(super) container: TermId,
    pub(super) daemon: TermId,
    /// Where it is afterwards.
    pub(super) next: State,
}

/// A state of fresh constants.
pub(super) fn state(w: &mut World, name: &str) -> State {
    let s = w.sorts;
    let mut constant = |field: &str, sort| w.constant(&format!("{name}.{field}"), sort);
    let (pod, node) = (constant("pod", s.pod), constant("node", s.node));
    let (from, to) = (constant("from", s.address), constant("to", s.address));
    let (from_port, to_port) = (constant("fromPort", s.port), constant("toPort", s.port));
    let came = constant("came", s.address);
    State {
        live: w.flag(&format!("{name}.live")),
        at_pod: w.flag(&format!("{name}.atPod")),
        pod,
        node,
        from,
        from_port,
        to,
        to_port,
        came,
    }
}

/// An action of fresh constants.
pub(super) fn action(w: &mut World, name: &str) -> Action {
    let s = w.sorts;
    let mut constant = |field: &str, sort| w.constant(&format!("{name}.{field}"), sort);
    let (container, daemon) = (
        constant("receiver", s.container),
        constant("process", s.daemon),
    );
    let (pod, node) = (constant("nextPod", s.pod), constant("nextNode", s.node));
    let (service, endpoint) = (constant("service", s.service), constant("endpoint", s.pod));
    let address = constant("newTo", s.address);
    let port = constant("newToPort", s.port);
    let source = constant("newFrom", s.address);
    let mut flag = |field: &str| w.flag(&format!("{name}.{field}"));
    Action {
        to_container: flag("deliverToContainer"),
        container,
        to_daemon: flag("deliverToDaemon"),
        daemon,
        to_pod: flag("forwardToPod"),
        pod,
        to_node: flag("forwardToNode"),
        node,
        translate: flag("translate"),
        service,
        endpoint,
        address,
        port,
        source,
        denied: flag("denied"),
    }
}

/// An action is one thing at most.
pub(super) fn exclusive(w: &mut World, a: &Action) -> TermId {
    let flags = [
        a.to_container,
        a.to_daemon,
        a.to_pod,
        a.to_node,
        a.translate,
    ];
    let mut pairs = Vec::new();
    for (i, &one) in flags.iter().enumerate() {
        for &other in &flags[i + 1..] {
            let both = w.and(&[one, other]);
            pairs.push(w.not(both));
        }
    }
    w.and(&pairs)
}

/// The action carried out: over links, past gates; the terms say what `next` is.
pub(super) fn effect(w: &mut World, at: &State, a: &Action, next: State) -> (Effect, Vec<TermId>) {
    let n = w.names;
    let at_node = w.not(at.at_pod);
    let passes = w.not(a.denied);
    // Hand it over: the link from where the message is to whom the action names.
    let link = w.is(n.link_pod_container, &[at.pod, a.container]);
    let container = w.and(&[at.live, at.at_pod, a.to_container, link]);
    let link = w.is(n.link_node_daemon, &[at.node, a.daemon]);
    let daemon = w.and(&[at.live, at_node, a.to_daemon, link, passes]);
    let link = w.is(n.link_node_pod, &[at.node, a.pod]);
    let to_pod = w.and(&[at.live, at_node, a.to_pod, link, passes]);
    let link = w.is(n.link_pod_node, &[at.pod, a.node]);
    let up = w.and(&[at.live, at.at_pod, a.to_node, link]);
    let link = w.is(n.link_node_node, &[at.node, a.node]);
    let across = w.and(&[at.live, at_node, a.to_node, link, passes]);
    let to_node = w.or(&[up, across]);
    let translate = w.and(&[at.live, a.translate]);
    // Where that leaves it.
    let moved = w.or(&[to_pod, to_node]);
    let goes_on = w.or(&[moved, translate]);
    let mut facts = vec![w.pool.iff(next.live, goes_on)];
    let stays_in_pod = w.and(&[translate, at.at_pod]);
    let in_pod = w.or(&[to_pod, stays_in_pod]);
    let pod = w.pool.iff(next.at_pod, in_pod);
    facts.push(w.implies(&[next.live], pod));
    let mut equal = |w: &mut World, when: TermId, pairs: &[(TermId, TermId)]| {
        let all: Vec<TermId> = pairs.iter().map(|&(x, y)| w.eq(x, y)).collect();
        let all = w.and(&all);
        facts.push(w.implies(&[when], all));
    };
    equal(w, to_pod, &[(next.pod, a.pod)]);
    equal(w, to_node, &[(next.node, a.node)]);
    let header = [
        (next.from, at.from),
        (next.from_port, at.from_port),
        (next.to, at.to),
        (next.to_port, at.to_port),
        (next.came, at.from),
    ];
    equal(w, moved, &header);
    let rewritten = [
        (next.pod, at.pod),
        (next.node, at.node),
        (next.from, a.source),
        (next.from_port, at.from_port),
        (next.to, a.address),
        (next.to_port, a.port),
        (next.came, at.came),
    ];
    equal(w, translate, &rewritten);
    (
        Effect {
            container,
            daemon,
            next,
        },
        facts,
    )
}
