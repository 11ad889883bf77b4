//! One intent, clause by clause: the question, the plainest answer, its replay.
//!
//! Must never know: policies, selectors; they are terms by now.

use std::collections::BTreeSet;
use std::time::Instant;

use super::points::is_one_of;
use super::{Decided, Policy, relation};
use crate::encode::question::{Added, End, Point, Question, Rules, Side, Trait, ports};
use crate::intent::Kind;
use crate::logic::formula::{Constraint, Formula, VarId};
use crate::model::inet::IpNet;
use crate::model::intent::{Intent, IntentPeer, PodsOf, Who, Wish};
use crate::model::policy::{NetworkPolicy, PortRule, Selector};
use crate::smt::solver::{SatResult, Solver};
use crate::smt::term::{TermId, TermPool};
use crate::verify::direct::InternalError;
use crate::verify::modular::slice::Slice;

pub(super) struct Asking<'a, 'c> {
    pub(super) policy: &'a Policy<'c>,
    pub(super) intent: &'a Intent,
    pub(super) constraint: &'a Constraint,
    pub(super) deadline: Option<Instant>,
    pub(super) new_solver: &'a dyn Fn() -> Box<dyn Solver>,
    pub(super) queries: usize,
    pub(super) compared: usize,
    /// The part of a large cluster in which a message was walked last.
    pub(super) near: Option<Slice>,
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
            Kind::Nothing => Ok(Decided::Vacuous),
            Kind::ServiceReached(at, _)
            | Kind::ServiceOffers(at, _)
            | Kind::ServiceKeptOut(at, _) => self.service(kind, at, variables, body),
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
                let held = &self.policy.held;
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
        let network = self.policy.policies.iter();
        let network: Vec<&NetworkPolicy> = if all {
            network.flat_map(|(_, own)| own).copied().collect()
        } else {
            let own = namespaces.iter();
            own.filter_map(|n| self.policy.policies.get(n))
                .flatten()
                .copied()
                .collect()
        };
        let mut cluster: Vec<_> = self.policy.cluster.policies.cluster.iter().collect();
        let reversed = self.policy.settings.equal_priority_reversed;
        cluster.sort_by(|a, b| {
            let names = a.name.cmp(&b.name);
            let names = if reversed { names.reverse() } else { names };
            (a.tier, a.priority).cmp(&(b.tier, b.priority)).then(names)
        });
        Rules {
            network,
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
