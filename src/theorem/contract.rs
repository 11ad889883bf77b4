//! The local contract of a switch, at one lookup: what is assumed of its FIB, whatever it looks like.
//!
//! Knows: one state and one action. Must never know: where the message came from, where it goes.
//!
//! Contracts stand here for one lookup at a time, not for all headers: as universal axioms they answer slowly.

use super::assumption::Piece;
use super::hop::{Action, State};
use super::scope::{self, Scope};
use super::world::World;
use crate::smt::term::TermId;

/// What is looked up: a message that opens a connection, or an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    /// Its protocol.
    pub(super) protocol: TermId,
    /// The destination as it was sent; none for an answer, which no gate is asked about and no rule translates.
    pub(super) dialled: Option<TermId>,
    /// Of which lookups anything is assumed.
    pub(super) scope: Scope,
}

/// The clauses that are assumptions, and the facts that name what they speak of.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) clauses: Vec<(&'static str, TermId)>,
    pub(super) meanings: Vec<TermId>,
}

impl Contract {
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Piece, TermId)> + '_ {
        self.clauses
            .iter()
            .map(|&(id, t)| (Piece { id, part: "" }, t))
    }

    fn clause(&mut self, id: &'static str, t: TermId) {
        self.clauses.push((id, t));
    }
}

/// The contract at `state`, where the switch takes `action`; `name` is what the lookup is called.
pub(super) fn contract(
    w: &mut World,
    name: &str,
    message: Message,
    at: &State,
    action: &Action,
) -> Contract {
    let mut contract = Contract {
        clauses: Vec::new(),
        meanings: Vec::new(),
    };
    let here = Here::new(w, message, at, action);
    here.pod(w, &mut contract);
    here.node_delivers(w, &mut contract);
    let translated = here.services(w, name, &mut contract);
    here.routes(w, translated, name, &mut contract);
    here.gates(w, name, &mut contract);
    let lookup = (message.scope, message.dialled.is_none(), message.protocol);
    if let Some((inside, meaning)) = scope::holds(w, name, lookup, at) {
        contract.meanings.extend(meaning);
        for (_, clause) in &mut contract.clauses {
            *clause = w.implies(&[inside], *clause);
        }
    }
    contract
}

struct Here<'h> {
    message: Message,
    at: &'h State,
    does: &'h Action,
    in_pod: TermId,
    in_node: TermId,
    /// The pod's own address or localhost; the node's.
    own_pod: TermId,
    own_node: TermId,
    /// Not its own, at a node.
    routed: TermId,
}

impl<'h> Here<'h> {
    fn new(w: &mut World, message: Message, at: &'h State, does: &'h Action) -> Self {
        let n = w.names;
        let local = w.is(n.local, &[at.to]);
        let (of_pod, of_node) = (
            w.is(n.addr_pod, &[at.pod, at.to]),
            w.is(n.addr_node, &[at.node, at.to]),
        );
        let (own_pod, own_node) = (w.or(&[local, of_pod]), w.or(&[local, of_node]));
        let at_node = w.not(at.at_pod);
        let foreign = w.not(own_node);
        let in_pod = w.and(&[at.live, at.at_pod]);
        let in_node = w.and(&[at.live, at_node]);
        let routed = w.and(&[in_node, foreign]);
        Self {
            message,
            at,
            does,
            in_pod,
            in_node,
            own_pod,
            own_node,
            routed,
        }
    }

    /// FIB[P].
    fn pod(&self, w: &mut World, contract: &mut Contract) {
        let (n, s, at, does) = (w.names, w.sorts, self.at, self.does);
        let [c] = w.bind([("C", s.container)]);
        let inside = w.contains(at.pod, c);
        let open = w.is(
            n.open_container,
            &[c, at.to, at.to_port, self.message.protocol],
        );
        // Of localhost the seed's one address a family is served; the others of 127.0.0.0/8 only where somebody is bound to one.
        let (loopback, of_pod) = (
            w.is(n.loopback, &[at.to]),
            w.is(n.addr_pod, &[at.pod, at.to]),
        );
        let served = w.or(&[loopback, of_pod]);
        let body = w.implies(&[self.in_pod, served, inside, open], does.to_container);
        let delivers = w.pool.forall(&[c], body);
        contract.clause("pod-delivers", delivers);

        let leaves = w.or(&[does.to_node, does.to_pod]);
        let stays = w.not(leaves);
        let closed = w.implies(&[self.in_pod, self.own_pod], stays);
        contract.clause("closed-port-rules", closed);

        let foreign = w.not(self.own_pod);
        let hosts = w.hosts(does.node, at.pod);
        let hosted = w.is(n.hosted, &[at.pod]);
        let up = w.implies(&[self.in_pod, foreign, hosted], does.to_node);
        let right = w.implies(&[self.in_pod, does.to_node], hosts);
        let both = w.and(&[up, right]);
        contract.clause("pod-to-node", both);

        let inside = w.contains(at.pod, does.container);
        let open = w.is(
            n.open_container,
            &[does.container, at.to, at.to_port, self.message.protocol],
        );
        let listener = w.and(&[self.own_pod, inside, open]);
        let only = w.implies(&[self.in_pod, does.to_container], listener);
        let to_daemon = w.and(&[self.in_pod, does.to_daemon]);
        let never = w.not(to_daemon);
        let clause = w.and(&[only, never]);
        contract.clause("deliver-to-listener", clause);
        // A pod forwards to its node only.
        let to_pod = w.and(&[self.in_pod, does.to_pod]);
        let never = w.not(to_pod);
        contract.clause("pod-to-node", never);
    }

    fn node_delivers(&self, w: &mut World, contract: &mut Contract) {
        let (n, at, does) = (w.names, self.at, self.does);
        let leaves = w.or(&[does.to_node, does.to_pod]);
        let stays = w.not(leaves);
        let closed = w.implies(&[self.in_node, self.own_node], stays);
        contract.clause("closed-port-rules", closed);
        let runs = w.runs(at.node, does.daemon);
        let open = w.is(
            n.open_daemon,
            &[does.daemon, at.to, at.to_port, self.message.protocol],
        );
        let listener = w.and(&[self.own_node, runs, open]);
        let only = w.implies(&[self.in_node, does.to_daemon], listener);
        let to_container = w.and(&[self.in_node, does.to_container]);
        let never = w.not(to_container);
        let clause = w.and(&[only, never]);
        contract.clause("deliver-to-listener", clause);
    }

    /// Services at a node. Gives whether the message is for one.
    fn services(&self, w: &mut World, name: &str, contract: &mut Contract) -> TermId {
        let (n, s, at, does) = (w.names, w.sorts, self.at, self.does);
        let proto = self.message.protocol;
        if self.message.dialled.is_none() {
            // Translate rules are not looked up for answers.
            let none = w.not(does.translate);
            contract.meanings.push(none);
            return w.pool.truth(false);
        }
        // service(ta, tp, proto), with the Service that witnesses it.
        let offered = w.flag(&format!("{name}.forService"));
        let witness = w.constant(&format!("{name}.someService"), s.service);
        let is = |w: &mut World, service| {
            let (addr, port) = (
                w.is(n.addr_service, &[service, at.to]),
                w.is(n.port, &[service, at.to_port, proto]),
            );
            w.and(&[addr, port])
        };
        let [svc] = w.bind([("S", s.service)]);
        let such = is(w, svc);
        let body = w.implies(&[such], offered);
        contract.meanings.push(w.pool.forall(&[svc], body));
        let such = is(w, witness);
        contract.meanings.push(w.implies(&[offered], such));
        // An eligible endpoint ⟹ Translate.
        let [svc, pod, a, port] = w.bind([
            ("S", s.service),
            ("P", s.pod),
            ("ea", s.address),
            ("ep", s.port),
        ]);
        let such = is(w, svc);
        let eligible = w.is(n.eligible, &[svc, at.to_port, proto, at.node, pod, a, port]);
        let family = w.one_family(a, at.to);
        let body = w.implies(&[self.routed, such, eligible, family], does.translate);
        let must = w.pool.forall(&[svc, pod, a, port], body);
        // And nothing that is for a Service goes on as it is: where there is no such endpoint, it is discarded.
        let leaves = w.or(&[does.to_node, does.to_pod]);
        let stays = w.not(leaves);
        let stays = w.implies(&[self.routed, offered], stays);
        let clause = w.and(&[must, stays]);
        contract.clause("services-translated", clause);
        // Translate ⟹ to an eligible endpoint.
        let such = is(w, does.service);
        let eligible = w.is(
            n.eligible,
            &[
                does.service,
                at.to_port,
                proto,
                at.node,
                does.endpoint,
                does.address,
                does.port,
            ],
        );
        let family = w.one_family(does.address, at.to);
        let only = w.and(&[self.routed, such, eligible, family]);
        let meets_itself = w.eq(at.from, does.address);
        let same = w.eq(does.source, at.from);
        let keeps = w.or(&[meets_itself, same]);
        let fits = w.and(&[only, keeps]);
        let clause = w.implies(&[at.live, does.translate], fits);
        contract.clause("only-services-translated", clause);
        // The hairpin: an address of the node, where it has one of the family; else the source stays.
        let own = w.is(n.addr_node, &[at.node, does.source]);
        let family = w.one_family(does.source, at.to);
        let own = w.and(&[own, family]);
        let [a] = w.bind([("a", s.address)]);
        let has = w.is(n.addr_node, &[at.node, a]);
        let of_family = w.one_family(a, at.to);
        let body = w.implies(
            &[at.live, does.translate, meets_itself, has, of_family],
            own,
        );
        let rewritten = w.pool.forall(&[a], body);
        let own_or_same = w.or(&[own, same]);
        let otherwise = w.implies(&[at.live, does.translate], own_or_same);
        let clause = w.and(&[rewritten, otherwise]);
        contract.clause("hairpin", clause);
        offered
    }

    /// A node's routes, for what is not its own and for no Service.
    fn routes(&self, w: &mut World, for_service: TermId, name: &str, contract: &mut Contract) {
        let (n, s, at, does) = (w.names, w.sorts, self.at, self.does);
        let plain = w.not(for_service);
        let routed = w.and(&[self.routed, plain]);
        let [pod] = w.bind([("P", s.pod)]);
        let (has, here) = (w.is(n.addr_pod, &[pod, at.to]), w.hosts(at.node, pod));
        let body = w.implies(&[routed, has, here], does.to_pod);
        let to_pod = w.pool.forall(&[pod], body);
        contract.clause("node-to-pod", to_pod);

        // Some pod of this node has the address, with the pod that witnesses it.
        let hosted_here = w.flag(&format!("{name}.forPodHere"));
        let witness = w.constant(&format!("{name}.somePod"), s.pod);
        let (has, here) = (
            w.is(n.addr_pod, &[witness, at.to]),
            w.hosts(at.node, witness),
        );
        let both = w.and(&[has, here]);
        contract.meanings.push(w.implies(&[hosted_here], both));
        let [pod] = w.bind([("P", s.pod)]);
        let (has, here) = (w.is(n.addr_pod, &[pod, at.to]), w.hosts(at.node, pod));
        let body = w.implies(&[has, here], hosted_here);
        contract.meanings.push(w.pool.forall(&[pod], body));

        // A pod elsewhere: towards the address's home, which is the pod's node.
        let [pod] = w.bind([("P", s.pod)]);
        let has = w.is(n.addr_pod, &[pod, at.to]);
        let (hosted, there) = (w.is(n.hosted, &[pod]), w.is(n.node_of, &[pod]));
        let is_here = w.eq(there, at.node);
        let elsewhere = w.not(is_here);
        let nobody_here = w.not(hosted_here);
        let body = w.implies(&[routed, has, hosted, elsewhere, nobody_here], does.to_node);
        let forwards = w.pool.forall(&[pod], body);
        let home = w.is(n.home, &[at.to]);
        let has_home = w.is(n.has_home, &[at.to]);
        let at_home = w.eq(home, there);
        let at_home = w.and(&[has_home, at_home]);
        let body = w.implies(&[has, hosted], at_home);
        let homes = w.pool.forall(&[pod], body);
        // And an address of another node: towards that node.
        let [node] = w.bind([("N", s.node)]);
        let has = w.is(n.addr_node, &[node, at.to]);
        let same = w.eq(node, at.node);
        let other = w.not(same);
        let body = w.implies(&[routed, has, other, nobody_here], does.to_node);
        let forwards_nodes = w.pool.forall(&[node], body);
        let at_home = w.eq(home, node);
        let at_home = w.and(&[has_home, at_home]);
        let body = w.implies(&[has], at_home);
        let node_homes = w.pool.forall(&[node], body);
        let clause = w.and(&[forwards, homes, forwards_nodes, node_homes]);
        contract.clause("node-to-node", clause);

        // Nothing is forwarded elsewhere.
        let goes_home = w.eq(does.node, home);
        let leaves = w.eq(does.node, at.node);
        let leaves = w.not(leaves);
        let right = w.and(&[has_home, goes_home, leaves]);
        let to_node = w.implies(&[self.in_node, does.to_node], right);
        let (has, here) = (
            w.is(n.addr_pod, &[does.pod, at.to]),
            w.hosts(at.node, does.pod),
        );
        let right = w.and(&[has, here]);
        let to_pod = w.implies(&[self.in_node, does.to_pod], right);
        let clause = w.and(&[to_node, to_pod]);
        contract.clause("home", clause);
    }

    /// The gates of the node's pods.
    fn gates(&self, w: &mut World, name: &str, contract: &mut Contract) {
        let (n, s, at, does) = (w.names, w.sorts, self.at, self.does);
        let proto = self.message.protocol;
        let Some(dialled) = self.message.dialled else {
            let none = w.not(does.denied);
            contract.meanings.push(none);
            return;
        };
        let untranslated = w.eq(dialled, at.to);
        // The gate of `pod` stops it: not let out, or not let in; a pod's way to itself is asked after a translation only.
        let stops = |w: &mut World, pod: TermId| {
            let here = w.hosts(at.node, pod);
            let from_it = w.is(n.addr_pod, &[pod, at.came]);
            let is_it = w.eq(does.pod, pod);
            let to_it = w.and(&[does.to_pod, is_it]);
            let to_itself = w.and(&[from_it, to_it, untranslated]);
            let asked = w.not(to_itself);
            let out = w.is(n.egress, &[pod, at.to, at.to_port, proto]);
            let not_out = w.not(out);
            let egress = w.and(&[from_it, not_out]);
            let into = w.is(n.ingress, &[pod, at.came, at.to_port, proto]);
            let not_in = w.not(into);
            let ingress = w.and(&[to_it, not_in]);
            let either = w.or(&[egress, ingress]);
            w.and(&[here, asked, either])
        };
        let witness = w.constant(&format!("{name}.gate"), s.pod);
        let by = stops(w, witness);
        let denied = w.implies(&[self.in_node, does.denied], by);
        let [pod] = w.bind([("G", s.pod)]);
        let by = stops(w, pod);
        let body = w.implies(&[self.in_node, by], does.denied);
        let enforced = w.pool.forall(&[pod], body);
        let clause = w.and(&[denied, enforced]);
        contract.clause("gates-enforced", clause);
    }
}
