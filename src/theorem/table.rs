//! Tables as terms: the ideal FIBs of the design, rule by rule, and tables by prefix.
//!
//! Knows: ordered rules, first match wins. Must never know: the contract, messages' ways, constraints.

use super::contract::Message;
use super::hop::{Action, State};
use super::world::World;
use crate::smt::term::{Sort, TermId};

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// The seed's rules, one for each address.
    Ideal,
    /// One route for each other node's prefix.
    Prefixes,
    /// None.
    None,
}

/// A group of rules with one action: whether one of them matches, and what it does then.
pub(super) struct Rule {
    matches: TermId,
    does: TermId,
}

/// First match wins; no match is discarded.
pub(super) fn first_match(w: &mut World, here: TermId, action: &Action, rules: &[Rule]) -> TermId {
    let mut before = vec![here];
    let mut all = Vec::new();
    for rule in rules {
        let mut premises = before.clone();
        premises.push(rule.matches);
        all.push(w.implies(&premises, rule.does));
        before.push(w.not(rule.matches));
    }
    let discards = discards(w, action);
    all.push(w.implies(&before, discards));
    w.and(&all)
}

fn discards(w: &mut World, a: &Action) -> TermId {
    let some = w.or(&[
        a.to_container,
        a.to_daemon,
        a.to_pod,
        a.to_node,
        a.translate,
    ]);
    w.not(some)
}

/// The FIBs of one switch, at one lookup.
pub(super) struct Fib {
    pub(super) at: State,
    pub(super) action: Action,
    pub(super) message: Message,
    /// What the words of its rules mean.
    pub(super) facts: Vec<TermId>,
}

impl Fib {
    /// Whether there is something such, told by a flag with both directions of its meaning.
    fn some(
        &mut self,
        w: &mut World,
        name: &str,
        sort: Sort,
        such: impl Fn(&mut World, TermId) -> TermId,
    ) -> TermId {
        let flag = w.flag(&format!("rule.{name}"));
        let witness = w.constant(&format!("rule.{name}.of"), sort);
        let is = such(w, witness);
        self.facts.push(w.implies(&[flag], is));
        let [x] = w.bind([("x", sort)]);
        let is = such(w, x);
        let body = w.implies(&[is], flag);
        self.facts.push(w.pool.forall(&[x], body));
        flag
    }

    /// home(a): where the pod or node with the address is; by the lemma `home-is-a-function` there is such a function.
    pub(super) fn ideal_homes(&mut self, w: &mut World) {
        let (n, s) = (w.names, w.sorts);
        let [a, pod] = w.bind([("a", s.address), ("P", s.pod)]);
        let (has_home, home) = (w.is(n.has_home, &[a]), w.is(n.home, &[a]));
        let (has, hosted, there) = (
            w.is(n.addr_pod, &[pod, a]),
            w.is(n.hosted, &[pod]),
            w.is(n.node_of, &[pod]),
        );
        let same = w.eq(home, there);
        let both = w.and(&[has_home, same]);
        let body = w.implies(&[has, hosted], both);
        self.facts.push(w.pool.forall(&[a, pod], body));
        self.node_homes(w);
    }

    fn node_homes(&mut self, w: &mut World) {
        let (n, s) = (w.names, w.sorts);
        let [a, node] = w.bind([("a", s.address), ("N", s.node)]);
        let (has_home, home) = (w.is(n.has_home, &[a]), w.is(n.home, &[a]));
        let has = w.is(n.addr_node, &[node, a]);
        let same = w.eq(home, node);
        let both = w.and(&[has_home, same]);
        let body = w.implies(&[has], both);
        self.facts.push(w.pool.forall(&[a, node], body));
    }

    /// home(a): the node whose prefix has the address. Prefixes are disjoint, hold the pods of their node and no node.
    pub(super) fn prefix_homes(&mut self, w: &mut World) {
        let (n, s) = (w.names, w.sorts);
        let within = w
            .pool
            .function("in-prefix", &[s.node, s.address], Sort::Bool);
        let [a, node, other] = w.bind([("a", s.address), ("N", s.node), ("M", s.node)]);
        let (one, two) = (w.is(within, &[node, a]), w.is(within, &[other, a]));
        let same = w.eq(node, other);
        let disjoint = w.implies(&[one, two], same);
        let (has_home, home) = (w.is(n.has_home, &[a]), w.is(n.home, &[a]));
        let at_home = w.eq(home, node);
        let at_home = w.and(&[has_home, at_home]);
        let homes = w.implies(&[one], at_home);
        let holds = w.is(n.addr_node, &[other, a]);
        let both = w.and(&[one, holds]);
        let no_node = w.not(both);
        let all = w.and(&[disjoint, homes, no_node]);
        self.facts.push(w.pool.forall(&[a, node, other], all));
        let [a, pod] = w.bind([("a", s.address), ("P", s.pod)]);
        let (has, hosted, there) = (
            w.is(n.addr_pod, &[pod, a]),
            w.is(n.hosted, &[pod]),
            w.is(n.node_of, &[pod]),
        );
        let inside = w.is(within, &[there, a]);
        let body = w.implies(&[has, hosted], inside);
        self.facts.push(w.pool.forall(&[a, pod], body));
        self.node_homes(w);
    }

    /// Whether localhost is served at an address of it: at the seed's one of the family, and where somebody is bound.
    fn served_locally(&self, w: &mut World) -> TermId {
        let bound = w.pool.function("bound-at", &[w.sorts.address], Sort::Bool);
        let (loopback, bound) = (
            w.is(w.names.loopback, &[self.at.to]),
            w.is(bound, &[self.at.to]),
        );
        w.or(&[loopback, bound])
    }

    /// FIB[P] of the design, section 1.
    pub(super) fn pod(&mut self, w: &mut World) -> Vec<Rule> {
        let (n, s) = (w.names, w.sorts);
        let (at, a, proto) = (self.at, self.action, self.message.protocol);
        let open = |w: &mut World, c: TermId| {
            let (inside, open) = (
                w.contains(at.pod, c),
                w.is(n.open_container, &[c, at.to, at.to_port, proto]),
            );
            w.and(&[inside, open])
        };
        let listener = self.some(w, "container", s.container, open);
        let is = open(w, a.container);
        let delivers = w.and(&[a.to_container, is]);
        let local = w.is(n.local, &[at.to]);
        let own = w.is(n.addr_pod, &[at.pod, at.to]);
        let closed = discards(w, &a);
        let hosted = w.is(n.hosted, &[at.pod]);
        let node = w.is(n.node_of, &[at.pod]);
        let there = w.eq(a.node, node);
        let up = w.and(&[a.to_node, there]);
        let served = self.served_locally(w);
        let local_open = w.and(&[local, served, listener]);
        let own_open = w.and(&[own, listener]);
        vec![
            Rule {
                matches: local_open,
                does: delivers,
            },
            Rule {
                matches: local,
                does: closed,
            },
            Rule {
                matches: own_open,
                does: delivers,
            },
            Rule {
                matches: own,
                does: closed,
            },
            Rule {
                matches: hosted,
                does: up,
            },
        ]
    }

    /// FIB[N] of the design, section 1.
    pub(super) fn node(&mut self, w: &mut World, table: Table) -> Vec<Rule> {
        let (n, s) = (w.names, w.sorts);
        let (at, a, proto) = (self.at, self.action, self.message.protocol);
        let open = |w: &mut World, d: TermId| {
            let (inside, open) = (
                w.runs(at.node, d),
                w.is(n.open_daemon, &[d, at.to, at.to_port, proto]),
            );
            w.and(&[inside, open])
        };
        let listener = self.some(w, "daemon", s.daemon, open);
        let is = open(w, a.daemon);
        let delivers = w.and(&[a.to_daemon, is]);
        let local = w.is(n.local, &[at.to]);
        let own = w.is(n.addr_node, &[at.node, at.to]);
        let closed = discards(w, &a);
        let served = self.served_locally(w);
        let local_open = w.and(&[local, served, listener]);
        let own_open = w.and(&[own, listener]);
        let mut rules = vec![
            Rule {
                matches: local_open,
                does: delivers,
            },
            Rule {
                matches: local,
                does: closed,
            },
            Rule {
                matches: own_open,
                does: delivers,
            },
            Rule {
                matches: own,
                does: closed,
            },
        ];
        rules.push(self.service(w));
        let here = |w: &mut World, p: TermId| {
            let (has, hosts) = (w.is(n.addr_pod, &[p, at.to]), w.hosts(at.node, p));
            w.and(&[has, hosts])
        };
        let matches = self.some(w, "pod-here", s.pod, here);
        let is = here(w, a.pod);
        let does = w.and(&[a.to_pod, is]);
        rules.push(Rule { matches, does });
        let is_other = |w: &mut World, m: TermId| {
            let same = w.eq(m, at.node);
            w.not(same)
        };
        let holds = |w: &mut World, m: TermId| {
            let (has, other) = (w.is(n.addr_node, &[m, at.to]), is_other(w, m));
            w.and(&[has, other])
        };
        let matches = self.some(w, "node", s.node, holds);
        let is = holds(w, a.node);
        let does = w.and(&[a.to_node, is]);
        let to_nodes = Rule { matches, does };
        if table == Table::Prefixes {
            rules.push(to_nodes);
            let within = w
                .pool
                .function("in-prefix", &[s.node, s.address], Sort::Bool);
            let routes = |w: &mut World, m: TermId| {
                let (inside, other) = (w.is(within, &[m, at.to]), is_other(w, m));
                w.and(&[inside, other])
            };
            let matches = self.some(w, "prefix", s.node, routes);
            let is = routes(w, a.node);
            let does = w.and(&[a.to_node, is]);
            rules.push(Rule { matches, does });
        } else {
            let there = |w: &mut World, p: TermId| {
                let (has, hosted) = (w.is(n.addr_pod, &[p, at.to]), w.is(n.hosted, &[p]));
                let node = w.is(n.node_of, &[p]);
                let other = is_other(w, node);
                w.and(&[has, hosted, other])
            };
            let matches = self.some(w, "pod-elsewhere", s.pod, there);
            // To the node of one of them.
            let which = w.constant("rule.forwarded-for", s.pod);
            let is = there(w, which);
            let node = w.is(n.node_of, &[which]);
            let to_it = w.eq(a.node, node);
            let does = w.and(&[a.to_node, is, to_it]);
            rules.push(Rule { matches, does });
            rules.push(to_nodes);
        }
        rules
    }

    /// `[* * va vp → Translate(endpoint)]`, or `Discard(no-endpoint)` where there is none; an answer meets the latter only.
    fn service(&mut self, w: &mut World) -> Rule {
        let (n, s) = (w.names, w.sorts);
        let (at, a, proto) = (self.at, self.action, self.message.protocol);
        let offered = |w: &mut World, v: TermId| {
            let (addr, port) = (
                w.is(n.addr_service, &[v, at.to]),
                w.is(n.port, &[v, at.to_port, proto]),
            );
            w.and(&[addr, port])
        };
        let matches = self.some(w, "service", s.service, offered);
        // The Service whose rule comes first.
        let first = w.constant("rule.first-service", s.service);
        let is = offered(w, first);
        let eligible = |w: &mut World, pod: TermId, to: TermId, port: TermId| {
            let eligible = w.is(
                n.eligible,
                &[first, at.to_port, proto, at.node, pod, to, port],
            );
            let family = w.one_family(to, at.to);
            w.and(&[eligible, family])
        };
        let flag = w.flag("rule.has-endpoint");
        let (p1, a1, t1) = (
            w.constant("rule.endpoint", s.pod),
            w.constant("rule.endpoint.address", s.address),
            w.constant("rule.endpoint.port", s.port),
        );
        let such = eligible(w, p1, a1, t1);
        self.facts.push(w.implies(&[flag], such));
        let [p, to, port] = w.bind([("P", s.pod), ("ea", s.address), ("ep", s.port)]);
        let such = eligible(w, p, to, port);
        let body = w.implies(&[such], flag);
        self.facts.push(w.pool.forall(&[p, to, port], body));
        let closed = discards(w, &a);
        let none = w.not(flag);
        if self.message.dialled.is_none() {
            let matches = w.and(&[matches, none]);
            return Rule {
                matches,
                does: closed,
            };
        }
        // The hairpin source: the node's own address of the family, if it has one.
        let own = w.constant("rule.hairpin-source", s.address);
        let has = |w: &mut World, x: TermId| {
            let (has, family) = (w.is(n.addr_node, &[at.node, x]), w.one_family(x, at.to));
            w.and(&[has, family])
        };
        let has_own = self.some(w, "own-address", s.address, has);
        let it = has(w, own);
        self.facts.push(w.implies(&[has_own], it));
        let itself = w.eq(at.from, a.address);
        let hairpin = w.and(&[itself, has_own]);
        let new = w.pool.ite(hairpin, own, at.from);
        let source = w.eq(a.source, new);
        let same = w.eq(a.service, first);
        let chosen = eligible(w, a.endpoint, a.address, a.port);
        let translates = w.and(&[a.translate, same, chosen, source]);
        let translates = w.implies(&[flag], translates);
        let refuses = w.implies(&[none], closed);
        let does = w.and(&[is, translates, refuses]);
        Rule { matches, does }
    }
}
