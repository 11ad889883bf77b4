//! One intent, clause by clause: the question, the plainest answer, its replay.
//!
//! Must never know: policies, selectors; they are terms by now.

use std::collections::BTreeSet;
use std::time::Instant;

use super::extend::{NewPod, extend, free_name, yaml};
use super::points::is_one_of;
use super::{Decided, Policy, relation};
use crate::encode::question::point::PointKind;
use crate::encode::question::{Added, End, Point, Question, Rules, Side, Trait, ports};
use crate::intent::Kind;
use crate::logic::bind::bind_again;
use crate::logic::formula::{Constraint, Formula, VarId};
use crate::model::entity::EntityId;
use crate::model::inet::{IpNet, Protocol};
use crate::model::intent::{Intent, IntentPeer, PodsOf, Who, Wish};
use crate::model::policy::{PortRule, Selector};
use crate::network::header::Header;
use crate::smt::solver::{Limits, SatResult, Solver};
use crate::smt::term::{TermId, TermPool};
use crate::verify::direct::InternalError;
use crate::verify::replay::{ReplayError, replay};
use crate::verify::verdict::{Beyond, Counterexample, Witness};

/// The source port of every counterexample, as the simulator's own.
const SOURCE_PORT: u16 = 49152;

pub(super) struct Asking<'a, 'c> {
    pub(super) policy: &'a Policy<'c>,
    pub(super) intent: &'a Intent,
    pub(super) constraint: &'a Constraint,
    pub(super) deadline: Option<Instant>,
    pub(super) new_solver: &'a dyn Fn() -> Box<dyn Solver>,
    pub(super) queries: usize,
    pub(super) compared: usize,
}

/// Who stands at one end of a question.
enum Group<'c> {
    Known(Vec<Point<'c>>),
    Added(PodsOf),
}

impl<'c> Asking<'_, 'c> {
    pub(super) fn clause(
        &mut self,
        kind: Kind,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        match kind {
            Kind::Listens(which) => self.listens(which, variables, body),
            Kind::Nothing | Kind::OfService => Ok(Decided::Vacuous),
            Kind::Reach | Kind::KeptOut | Kind::OthersKeptOut | Kind::Apart => {
                let mut decided = Decided::Vacuous;
                for sender in self.senders(kind) {
                    for receiver in self.receivers(kind) {
                        match self.pair(kind, &sender, &receiver, variables, body)? {
                            Decided::Vacuous => {}
                            Decided::Holds => {
                                if matches!(decided, Decided::Vacuous) {
                                    decided = Decided::Holds;
                                }
                            }
                            Decided::Unknown(why) => decided = Decided::Unknown(why),
                            broken @ Decided::Broken(_) => return Ok(broken),
                        }
                    }
                }
                Ok(decided)
            }
        }
    }

    fn known(&self, wanted: impl Fn(&Point<'c>) -> bool) -> Group<'c> {
        let points = self.policy.points.iter();
        Group::Known(points.filter(|p| wanted(p)).cloned().collect())
    }

    fn senders(&self, kind: Kind) -> Vec<Group<'c>> {
        let Some(relation) = relation(self.intent) else {
            return vec![self.known(|p| p.pod.or(p.hosted).is_some())];
        };
        let others = kind == Kind::OthersKeptOut;
        let cluster = self.policy.cluster;
        let known = self.known(|p| is_one_of(&relation.from, cluster, p) != others);
        let mut groups = vec![known];
        if !others {
            groups.extend(added(&relation.from));
        }
        groups
    }

    fn receivers(&self, _kind: Kind) -> Vec<Group<'c>> {
        let Some(relation) = relation(self.intent) else {
            return vec![self.known(|p| p.pod.or(p.hosted).is_some())];
        };
        let cluster = self.policy.cluster;
        let mut groups = vec![self.known(|p| is_one_of(&relation.to, cluster, p))];
        groups.extend(added(&relation.to));
        groups
    }

    fn side(&self, pool: &mut TermPool, name: &'static str, group: &Group<'c>) -> Side<'c> {
        match group {
            Group::Known(points) => Side::known(pool, name, points.clone()),
            Group::Added(_) => {
                let held = &self.policy.lowered.network.held;
                let cuts: Vec<IpNet> = self.policy.cuts.clone();
                Side::Added(Added::new(pool, name, self.policy.cluster, &cuts, held))
            }
        }
    }

    /// The policies that can say anything of these ends.
    fn rules(&self, groups: [&Group<'c>; 2]) -> Rules<'c> {
        let mut namespaces = BTreeSet::new();
        let mut all = false;
        for group in groups {
            match group {
                Group::Known(points) => {
                    namespaces.extend(points.iter().filter_map(|p| Some(p.pod?.namespace)));
                }
                Group::Added(_) => all = true,
            }
        }
        let policies = &self.policy.cluster.policies;
        let network = policies.network.iter();
        let network = network.filter(|p| all || namespaces.contains(p.namespace.as_str()));
        let mut cluster: Vec<_> = policies.cluster.iter().collect();
        let reversed = self.policy.settings.equal_priority_reversed;
        cluster.sort_by(|a, b| {
            let names = a.name.cmp(&b.name);
            let names = if reversed { names.reverse() } else { names };
            (a.tier, a.priority)
                .cmp(&(b.tier, b.priority))
                .then(names)
        });
        Rules {
            network: network.collect(),
            cluster,
            settings: self.policy.settings,
        }
    }

    fn wished_ports(&self) -> Option<&[PortRule]> {
        relation(self.intent)?.ports.as_deref()
    }

    /// Premise and goal of a clause between two groups.
    fn goal(
        &self,
        kind: Kind,
        q: &mut Question<'c>,
        groups: [&Group<'c>; 2],
        rules: &Rules<'c>,
    ) -> (TermId, TermId) {
        let mut premise = vec![ports(q, self.wished_ports())];
        for (end, group) in [End::Sender, End::Receiver].into_iter().zip(groups) {
            if let Group::Added(pods) = group {
                let everything = Selector {
                    requirements: Vec::new(),
                    origin: self.intent.origin,
                };
                let labels = pods.pods.as_ref().unwrap_or(&everything);
                let own = pods.namespace.as_deref();
                premise.push(q.has(end, Trait::pods(own, pods.namespaces.as_ref(), labels)));
            }
        }
        if let Wish::Isolate(isolation) = &self.intent.wish {
            let (key, group) = (isolation.key.as_str(), isolation.unlabelled_are_a_group);
            premise.push(differ(q, key, group));
        }
        if kind == Kind::OthersKeptOut {
            let daemon = q.has(End::Sender, Trait::Daemon);
            let to_daemon = q.has(End::Receiver, Trait::Daemon);
            let to_pod = q.pool.not(to_daemon);
            let there = q.on_one_node();
            let own_node = q.pool.and(&[daemon, to_pod, there]);
            premise.push(q.pool.not(own_node));
        }
        let allowed = rules.allow(q);
        let wrong = if kind == Kind::Reach {
            q.pool.not(allowed)
        } else {
            allowed
        };
        (q.pool.and(&premise), wrong)
    }

    fn pair(
        &mut self,
        kind: Kind,
        sender: &Group<'c>,
        receiver: &Group<'c>,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        let nobody = |g: &Group<'_>| matches!(g, Group::Known(p) if p.is_empty());
        if nobody(sender) || nobody(receiver) {
            return Ok(Decided::Vacuous);
        }
        let rules = self.rules([sender, receiver]);
        let mut pool = TermPool::new();
        let from = self.side(&mut pool, "sender", sender);
        let to = self.side(&mut pool, "receiver", receiver);
        let mut q = Question::new(pool, from, to);
        // Once to hear what tells points apart, once for good.
        self.goal(kind, &mut q, [sender, receiver], &rules);
        q.arrives();
        q.sender.fix();
        q.receiver.fix();
        let (premise, wrong) = self.goal(kind, &mut q, [sender, receiver], &rules);
        let sound = q.sound();
        let arrives = q.arrives();
        // Whom nobody can reach is kept out all the same, but is not reached.
        let (premise, wrong) = if kind == Kind::Reach {
            (q.pool.and(&[premise, arrives]), wrong)
        } else {
            (premise, q.pool.and(&[arrives, wrong]))
        };
        let mut solver = (self.new_solver)();
        solver.assert(&q.pool, sound);
        solver.assert(&q.pool, premise);
        match self.ask(&q, &mut *solver, &[wrong]) {
            SatResult::Unknown(why) => return Ok(Decided::Unknown(why)),
            SatResult::Unsat => {
                return Ok(match self.ask(&q, &mut *solver, &[]) {
                    SatResult::Sat => Decided::Holds,
                    SatResult::Unsat => Decided::Vacuous,
                    SatResult::Unknown(why) => Decided::Unknown(why),
                });
            }
            SatResult::Sat => {}
        }
        solver.assert(&q.pool, wrong);
        if let Err(why) = self.plainest(kind, &mut q, &mut *solver, &rules) {
            let why = format!("violated, but the counterexample could not be narrowed: {why}");
            return Ok(Decided::Unknown(why));
        }
        self.broken(&mut q, &mut *solver, variables, body)
    }

    fn ask(&mut self, q: &Question<'c>, solver: &mut dyn Solver, more: &[TermId]) -> SatResult {
        self.queries += 1;
        let timeout = self
            .deadline
            .map(|at| at.saturating_duration_since(Instant::now()));
        solver.check(&q.pool, more, Limits { timeout })
    }

    /// Asserts a wish where it can be had, else its opposite.
    fn prefer(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        wish: TermId,
    ) -> Result<bool, String> {
        if let Some(truth) = q.pool.as_truth(wish) {
            return Ok(truth);
        }
        let had = match self.ask(q, solver, &[wish]) {
            SatResult::Sat => true,
            SatResult::Unsat => false,
            SatResult::Unknown(why) => return Err(why),
        };
        let not = q.pool.not(wish);
        solver.assert(&q.pool, if had { wish } else { not });
        Ok(had)
    }

    fn least(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        term: TermId,
    ) -> Result<u128, String> {
        let mut value = 0;
        for bit in (0..q.pool.width(term).unwrap_or(0)).rev() {
            let one = q.pool.extract(term, bit, bit);
            let none = q.pool.bits(0, 1);
            let zero = q.pool.eq(one, none);
            if !self.prefer(q, solver, zero)? {
                value |= 1 << bit;
            }
        }
        Ok(value)
    }

    /// Fewest hops, then entities by name, then protocol, address and port.
    fn plainest(
        &mut self,
        kind: Kind,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        rules: &Rules<'c>,
    ) -> Result<(), String> {
        for (most, few) in hops(q, kind == Kind::Reach, rules) {
            if self.prefer(q, solver, few)? && most > 0 {
                break;
            }
        }
        for end in [End::Sender, End::Receiver] {
            let side = match end {
                End::Sender => &q.sender,
                End::Receiver => &q.receiver,
            };
            if let Side::Added(added) = side {
                for atom in added.atoms().0 {
                    let not = q.pool.not(atom);
                    self.prefer(q, solver, not)?;
                }
            }
            let number = match end {
                End::Sender => q.sender.number(),
                End::Receiver => q.receiver.number(),
            };
            self.least(q, solver, number)?;
        }
        let (protocol, port) = (q.protocol, q.port);
        self.least(q, solver, protocol)?;
        self.least(q, solver, port)?;
        for side in [&q.sender, &q.receiver] {
            if let Side::Added(added) = side {
                for number in added.atoms().2 {
                    let zero = q.pool.bits(0, 16);
                    let same = q.pool.eq(number, zero);
                    let not = q.pool.not(same);
                    solver.assert(&q.pool, not);
                }
            }
        }
        match self.ask(q, solver, &[]) {
            SatResult::Sat => Ok(()),
            SatResult::Unsat => Err("a name of a port needs a port".to_owned()),
            SatResult::Unknown(why) => Err(why),
        }
    }

    /// Reads the answer off, adds the pods that it needs, replays it.
    fn broken(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        let Some((new, mut ends, port, protocol)) = self.read(q, solver) else {
            return Ok(Decided::Unknown(
                "violated, but the solver gave no values".to_owned(),
            ));
        };
        let policy = self.policy;
        let mut beyond = None;
        if !new.is_empty() {
            let (cluster, containers) = extend(policy.cluster, &new);
            let mut containers = containers.into_iter();
            for end in &mut ends {
                end.0 = match end.0 {
                    Some(known) => {
                        let name = policy.cluster.name_of(known);
                        cluster.names.binary_search(name).ok().map(|i| EntityId(i as u32))
                    }
                    None => containers.next(),
                };
            }
            let Ok(lowered) = crate::lower::lower(&cluster, &policy.settings) else {
                return Ok(Decided::Unknown("the added pod does not fit".to_owned()));
            };
            let yaml = yaml(policy.cluster, &new);
            beyond = Some(Box::new(Beyond {
                cluster,
                lowered,
                yaml,
            }));
        }
        let [(Some(sender), source), (Some(receiver), destination)] = ends else {
            return Ok(Decided::Unknown("violated by nobody".to_owned()));
        };
        let header = Header {
            protocol,
            source,
            source_port: SOURCE_PORT,
            destination,
            destination_port: port,
        };
        let value = |name: &str| match name {
            "e" => Witness::Event(0),
            "X" => Witness::Entity(sender),
            "Y" => Witness::Entity(receiver),
            "sa" => Witness::Address(source),
            "ta" => Witness::Address(destination),
            _ => Witness::Port(port),
        };
        let constraint = match &beyond {
            Some(beyond) => bind_again(self.constraint, &self.policy.cluster.names, &beyond.lowered.structure),
            None => self.constraint.clone(),
        };
        let clauses = self.constraint.clauses();
        let index = clauses.iter().position(|c| std::ptr::eq(c.1, body));
        let clauses = constraint.clauses();
        let body = index.and_then(|i| clauses.get(i)).map_or(body, |c| c.1);
        let assignment: Vec<(VarId, Witness)> = variables
            .iter()
            .map(|id| (*id, value(&constraint.variable(*id).name)))
            .collect();
        let lowered = beyond.as_ref().map_or(policy.lowered, |b| &b.lowered);
        let messages = [(sender, header)];
        let replayed = replay(
            &lowered.network,
            &lowered.structure,
            &constraint,
            body,
            &assignment,
            &messages,
        );
        match replayed {
            Ok(found) => Ok(Decided::Broken(Box::new(Counterexample { beyond, ..found }))),
            Err(why) => Err(self.internal(why)),
        }
    }

    fn internal(&self, why: ReplayError) -> InternalError {
        InternalError {
            id: self.constraint.id.clone(),
            why,
        }
    }

    #[expect(clippy::type_complexity, reason = "both ends, and what is between")]
    fn read(
        &self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
    ) -> Option<(
        Vec<NewPod>,
        [(Option<EntityId>, std::net::IpAddr); 2],
        u16,
        Protocol,
    )> {
        let pool = &q.pool;
        let bits = |solver: &mut dyn Solver, t: TermId| match solver.value(pool, t) {
            Some(value) => value.bits(),
            None => None,
        };
        let port = u16::try_from(bits(solver, q.port)?).ok()?;
        let protocol = *Protocol::ALL.get(bits(solver, q.protocol)? as usize)?;
        let together = solver.value(pool, q.together).and_then(|v| v.truth()) == Some(true);
        let mut new = Vec::new();
        let mut ends = Vec::new();
        let sides = [&q.sender, &q.receiver];
        let numbers = [bits(solver, sides[0].number())?, bits(solver, sides[1].number())?];
        let known_node = (0..2)
            .filter_map(|i| sides[i].points().get(numbers[i] as usize)?.node)
            .next();
        for (i, side) in sides.into_iter().enumerate() {
            if let Some(point) = side.points().get(numbers[i] as usize) {
                let process = if i == 0 {
                    point.process
                } else {
                    let mut listens = point.listens.iter();
                    let listens = listens.find(|l| (l.0, l.1) == (port, protocol));
                    listens.map_or(point.process, |l| l.2)
                };
                ends.push((Some(process), point.address));
                continue;
            }
            let found = {
                let mut truth = |t| solver.value(pool, t).and_then(|v| v.truth()) == Some(true);
                side.found(&mut truth, numbers[i] as usize)?
            };
            let mut named_ports = Vec::new();
            let mut open = BTreeSet::from([(port, protocol)]);
            for (name, protocol, number) in found.named_ports {
                let number = u16::try_from(bits(solver, number)?).ok()?;
                open.insert((number, protocol));
                named_ports.push((name, protocol, number));
            }
            let nodes = self.policy.cluster.nodes.iter().map(|n| n.id);
            let other = nodes.clone().find(|n| Some(*n) != known_node);
            let node = if together { known_node } else { other.or(known_node) };
            let mut name = free_name(self.policy.cluster, &found.namespace, "added");
            while new.iter().any(|p: &NewPod| (&p.namespace, &p.name) == (&found.namespace, &name)) {
                name.push_str("-2");
            }
            ends.push((None, found.address));
            new.push(NewPod {
                name,
                namespace: found.namespace,
                namespace_labels: found.namespace_labels,
                labels: found.labels,
                address: found.address,
                node: node.or_else(|| nodes.clone().next())?,
                open: open.into_iter().collect(),
                named_ports,
            });
        }
        let ends: [(Option<EntityId>, std::net::IpAddr); 2] = ends.try_into().ok()?;
        Some((new, ends, port, protocol))
    }

    /// Ports that are open: a table, compared natively.
    fn listens(
        &mut self,
        which: Option<usize>,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        let Some(relation) = relation(self.intent) else {
            return Ok(Decided::Vacuous);
        };
        let cluster = self.policy.cluster;
        let from = |p: &&Point<'c>| is_one_of(&relation.from, cluster, p);
        let to = |p: &&Point<'c>| {
            p.kind != PointKind::External && is_one_of(&relation.to, cluster, p)
        };
        let all = &self.policy.points;
        let senders: Vec<&Point<'c>> = all.iter().filter(from).collect();
        let receivers: Vec<&Point<'c>> = all.iter().filter(to).collect();
        let rules = match (relation.ports.as_deref(), which) {
            (Some(rules), Some(at)) => rules.get(at..=at),
            (rules, _) => rules,
        };
        let listens = |p: &Point<'_>| {
            p.listens.iter().any(|(port, protocol, _)| {
                rules.is_none_or(|rules| {
                    rules.iter().any(|r| asked(r, p, *port, *protocol))
                })
            })
        };
        self.compared += receivers.len();
        let serves = |y: &Point<'_>| {
            let mut there = receivers.iter().filter(|z| z.switch == y.switch);
            match which {
                Some(_) => receivers.iter().any(|z| listens(z)),
                None => there.any(|z| listens(z)),
            }
        };
        let apart = |x: &Point<'_>, y: &Point<'_>| x.switch != y.switch;
        let mut some = false;
        let mut pairs = senders.iter().flat_map(|x| receivers.iter().map(move |y| (x, y)));
        let broken = if receivers.iter().all(|y| serves(y)) {
            some = pairs.any(|(x, y)| apart(x, y));
            None
        } else {
            pairs.find(|(x, y)| apart(x, y) && !serves(y))
        };
        let Some((x, y)) = broken else {
            let any = some || senders.iter().any(|x| receivers.iter().any(|y| apart(x, y)));
            return Ok(if any { Decided::Holds } else { Decided::Vacuous });
        };
        let value = |name: &str| match name {
            "X" => Witness::Entity(x.process),
            "Y" => Witness::Entity(y.process),
            "sa" => Witness::Address(x.address),
            _ => Witness::Address(y.address),
        };
        let assignment: Vec<(VarId, Witness)> = variables
            .iter()
            .map(|id| (*id, value(&self.constraint.variable(*id).name)))
            .collect();
        let lowered = self.policy.lowered;
        let (network, structure) = (&lowered.network, &lowered.structure);
        match replay(network, structure, self.constraint, body, &assignment, &[]) {
            Ok(found) => Ok(Decided::Broken(Box::new(found))),
            Err(why) => Err(self.internal(why)),
        }
    }
}

/// Whether a port is one of a rule, by number or by what its pod calls so.
fn asked(rule: &PortRule, point: &Point<'_>, port: u16, protocol: Protocol) -> bool {
    use crate::model::policy::PortsOf;
    rule.protocol.is_none_or(|p| p == protocol)
        && match &rule.ports {
            PortsOf::Any => true,
            PortsOf::Range(low, high) => (*low..=*high).contains(&port),
            PortsOf::Named(name) => {
                let pod = point.pod.or(point.hosted);
                let mut ports = pod.into_iter().flat_map(|p| p.named_ports);
                let found = ports.find(|p| p.name == *name && p.protocol == protocol);
                found.is_some_and(|p| p.port == port)
            }
        }
}

fn added<'c>(peers: &[IntentPeer]) -> Vec<Group<'c>> {
    let any = |peer: &IntentPeer| match &peer.who {
        Who::AnyPod(pods) => Some(Group::Added(pods.clone())),
        _ => None,
    };
    peers.iter().filter_map(any).collect()
}

/// Two groups by a label.
fn differ(q: &mut Question<'_>, key: &str, unlabelled: bool) -> TermId {
    let label = |value: Option<&String>| Trait::Labelled(key.to_owned(), value.cloned());
    let points = q.sender.points().iter();
    let values: BTreeSet<String> = points
        .filter_map(|p| p.pod.or(p.hosted)?.labels.get(key).cloned())
        .collect();
    let mut same = Vec::new();
    for value in &values {
        let one = q.has(End::Sender, label(Some(value)));
        let other = q.has(End::Receiver, label(Some(value)));
        same.push(q.pool.and(&[one, other]));
    }
    let one = q.has(End::Sender, label(None));
    let other = q.has(End::Receiver, label(None));
    let same = q.pool.or(&same);
    let different = q.pool.not(same);
    let both = q.pool.and(&[one, other]);
    if unlabelled {
        let any = q.pool.or(&[one, other]);
        return q.pool.and(&[any, different]);
    }
    q.pool.and(&[both, different])
}

/// Wishes in the order of their worth: at most so many lookups until the message arrives or a policy stops it.
fn hops(q: &mut Question<'_>, stopped: bool, rules: &Rules<'_>) -> Vec<(usize, TermId)> {
    let deep = |p: &Point<'_>| p.kind == PointKind::Pod;
    let from_pod = match q.sender.is_symbolic() {
        true => q.pool.truth(true),
        false => q.sender.is_where(&mut q.pool, deep),
    };
    let to_pod = match q.receiver.is_symbolic() {
        true => q.pool.truth(true),
        false => q.receiver.is_where(&mut q.pool, deep),
    };
    let mut one_node = Vec::new();
    for node in q.sender.nodes() {
        let on = |p: &Point<'_>| p.node == Some(node);
        let one = q.sender.is_where(&mut q.pool, on);
        let other = q.receiver.is_where(&mut q.pool, on);
        one_node.push(q.pool.and(&[one, other]));
    }
    let one_node = q.pool.or(&one_node);
    let sent = rules.egress(q);
    let mut wishes = Vec::new();
    // At least one lookup, and four from pod to pod between nodes.
    for most in 1..4_usize {
        let mut ways = Vec::new();
        for (out, inn, near) in [0, 1]
            .into_iter()
            .flat_map(|a| [0, 1].map(|b| (a, b)))
            .flat_map(|(a, b)| [0, 1].map(|c| (a, b, c)))
        {
            // Pod and node of the sender, node and pod of the receiver; one node is passed once. What a policy stops
            // ends at a node: the sender's, or the receiver's.
            let arrives = 2 + out + inn - near;
            let dies_there = arrives - inn;
            let dies_here = 1 + out;
            let side = |q: &mut Question<'_>, t: TermId, is: usize| match is {
                1 => t,
                _ => q.pool.not(t),
            };
            let parts = [
                side(q, from_pod, out),
                side(q, to_pod, inn),
                side(q, one_node, near),
            ];
            let case = q.pool.and(&parts);
            if stopped {
                let not_sent = q.pool.not(sent);
                if dies_here <= most {
                    ways.push(q.pool.and(&[case, not_sent]));
                }
                if dies_there <= most {
                    ways.push(q.pool.and(&[case, sent]));
                }
            } else if arrives <= most {
                ways.push(case);
            }
        }
        let few = q.pool.or(&ways);
        wishes.push((most, few));
    }
    wishes
}
