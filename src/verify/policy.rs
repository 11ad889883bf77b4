//! The strategy `policy`: intents on ideal networks, as questions of policies.
//!
//! Where nothing but policies decides who reaches whom (`points::ideal` says when, and it is compared natively), an intent
//! is a question about a sender, a receiver, a port and a protocol. It stays small whatever the cluster; and it can be asked
//! of pods that do not exist yet. What it finds is a message, which the simulator replays in the whole cluster.
//!
//! Must never know: formats of output, a particular solver.

mod answer;
mod ask;
mod extend;
mod ground;
mod placement;
mod plain;
mod points;
mod service;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::encode::question::Point;
use crate::encode::question::point::PointKind;
use crate::intent;
use crate::logic::formula::Constraint;
use crate::lower::{Lowered, held};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet};
use crate::model::intent::{Intent, IntentPeer, Relation, Who, Wish};
use crate::model::policy::{NetworkPolicy, Peer, Settings};
use crate::smt::solver::Solver;

use super::direct::InternalError;
use super::verdict::{CheckResult, Counterexample, Verdict};
use ground::Ground;
use points::Ideal;

/// Its name in results.
pub const STRATEGY: &str = "policy";

/// The source port of every counterexample, as the simulator's own.
const SOURCE_PORT: u16 = 49152;

/// With more processes than these, the strategy `direct` takes longer than anybody waits for an intent.
const MANY: usize = 200;

/// What came of one clause.
pub(super) enum Decided {
    Holds,
    Vacuous,
    Broken(Box<Counterexample>),
    Unknown(String),
}

/// What an intent speaks of that few choices are about.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Processes of nodes.
    pub daemons: BTreeSet<EntityId>,
    /// Pods of namespaces whose policies name blocks of addresses.
    pub blocks: bool,
    /// Addresses of Services.
    pub services: bool,
    /// Pods that could be added.
    pub added: bool,
}

/// One cluster, looked at once for all intents.
#[derive(Debug)]
pub struct Policy<'c> {
    cluster: &'c Cluster,
    ground: Ground<'c>,
    settings: Settings,
    /// Every address that somebody in the cluster holds, ascending.
    held: Vec<IpAddr>,
    /// What was compared, or why this strategy says nothing here.
    ideal: Result<Ideal, String>,
    points: Vec<Point<'c>>,
    /// The families of addresses of each pod, node and host outside.
    families: BTreeMap<EntityId, BTreeSet<Family>>,
    cuts: Vec<IpNet>,
    /// The policies of each namespace, in the order of the cluster.
    policies: BTreeMap<&'c str, Vec<&'c NetworkPolicy>>,
    /// The namespaces whose policies name blocks of addresses.
    blocks: BTreeSet<&'c str>,
    timeout: Option<Duration>,
}

impl<'c> Policy<'c> {
    /// Looks at a cluster, and at whom the intents speak of. Of a large cluster the network need not be made.
    pub fn new(
        cluster: &'c Cluster,
        lowered: &'c Lowered,
        settings: Settings,
        intents: &[&Intent],
        timeout: Option<Duration>,
    ) -> Self {
        let made = ground::is_made(lowered).then_some(&lowered.network);
        let ideal = points::ideal(cluster, made, settings);
        let held = held(cluster);
        let relations = intents.iter().filter_map(|i| i.wish.relation());
        let cuts = points::cuts(cluster, relations.flat_map(|r| r.from.iter().chain(&r.to)));
        let mut policies: BTreeMap<&str, Vec<&NetworkPolicy>> = BTreeMap::new();
        for policy in &cluster.policies.network {
            policies.entry(&policy.namespace).or_default().push(policy);
        }
        let blocks = policies.iter();
        let blocks = blocks.filter(|(_, all)| all.iter().any(|p| has_block(p)));
        Self {
            blocks: blocks.map(|(namespace, _)| *namespace).collect(),
            policies,
            points: points::points(cluster, &held, &cuts),
            families: points::families(cluster, &held),
            cluster,
            ground: Ground::new(cluster, lowered, settings),
            held,
            settings,
            ideal,
            cuts,
            timeout,
        }
    }

    /// What an intent speaks of that few choices are about.
    pub fn about(&self, intent: &Intent) -> About {
        let meant = |p: &Point<'_>| match &intent.wish {
            Wish::Isolate(_) => p.pod.or(p.hosted).is_some(),
            // Nobody else: nodes neither.
            Wish::OnlyThese(_) => true,
            Wish::MustReach(r) | Wish::MustNotReach(r) => {
                points::is_one_of(&r.from, self.cluster, p)
                    || points::is_one_of(&r.to, self.cluster, p)
            }
        };
        let daemon = |p: &&Point<'_>| p.kind == PointKind::Daemon && meant(p);
        let block = |p: &Point<'_>| {
            let space = p.pod.or(p.hosted).map(|pod| pod.namespace);
            space.is_some_and(|n| self.blocks.contains(n)) && meant(p)
        };
        let added = intent::is_about_any_pod(intent);
        let peers = relation(intent).map(|r| r.from.iter().chain(&r.to));
        About {
            daemons: self
                .points
                .iter()
                .filter(daemon)
                .map(|p| p.process)
                .collect(),
            blocks: added || self.points.iter().any(block),
            services: peers
                .into_iter()
                .flatten()
                .any(|p| matches!(p.who, Who::Service { .. })),
            added,
        }
    }

    /// What is said of an intent that no other strategy can decide.
    pub fn unknown(&self, constraint: &Constraint) -> CheckResult {
        let why = "pods that could be added cannot be asked about by the strategy `direct`";
        unknown(constraint, why.to_owned())
    }

    fn processes(&self) -> usize {
        let pods = self.cluster.pods.iter().map(|p| p.containers.len());
        let nodes = self.cluster.nodes.iter().map(|n| n.daemons.len());
        pods.sum::<usize>() + nodes.sum::<usize>() + self.cluster.externals.len()
    }

    /// What is said of an intent that the strategy `direct` would have to decide and is too slow for; none where it is not.
    pub fn too_large(&self, intent: &Intent, constraint: &Constraint) -> Option<CheckResult> {
        let count = self.processes();
        if count <= MANY {
            return None;
        }
        let why = match self.ready(intent, constraint) {
            Err(why) => why,
            Ok(_) => "another strategy was asked for".to_owned(),
        };
        let detail = format!(
            "policies alone do not decide it ({why}), and {count} processes are too many to ask about all at once"
        );
        Some(unknown(constraint, detail))
    }

    /// How many entries were compared to know that this strategy can decide, or why it cannot.
    fn ready(&self, intent: &Intent, constraint: &Constraint) -> Result<usize, String> {
        let ideal = self.ideal.as_ref().map_err(Clone::clone)?;
        let kinds = intent::kinds(intent);
        let service = |peer: &IntentPeer| matches!(peer.who, Who::Service { .. });
        let relation = relation(intent);
        if relation.is_some_and(|r| r.from.iter().any(service)) {
            return Err("its senders are those behind a Service".to_owned());
        }
        if intent::is_about_any_pod(intent) && relation.is_some_and(|r| r.to.iter().any(service)) {
            return Err("it speaks of the address of a Service".to_owned());
        }
        if kinds.len() != constraint.clauses().len() {
            return Err("its text has other clauses".to_owned());
        }
        if ideal.entered && self.bypassed(intent, ideal) {
            return Err(
                "ports of nodes, or addresses of load balancers, lead to whom it speaks of"
                    .to_owned(),
            );
        }
        Ok(ideal.compared)
    }

    /// Whether ports of nodes or addresses outside lead past what policies say of an intent.
    fn bypassed(&self, intent: &Intent, ideal: &Ideal) -> bool {
        let Some(relation) = relation(intent) else {
            let mut pods = self.points.iter().filter(|p| p.pod.or(p.hosted).is_some());
            return pods.any(|p| ideal.leads_past(p, false));
        };
        let must_reach = !matches!(intent.wish, Wish::MustNotReach(_));
        let is = |peers, p: &Point<'_>| points::is_one_of(peers, self.cluster, p);
        let mut to = relation.to.iter();
        // Nobody knows whom they would lead to. An answer to a node may come to a port that leads elsewhere.
        to.any(|p| matches!(p.who, Who::AnyPod(_)))
            || self.points.iter().any(|p| {
                must_reach && p.kind == PointKind::Daemon && is(&relation.from, p)
                    || is(&relation.to, p) && ideal.leads_past(p, must_reach)
            })
    }

    /// Decides an intent; none where another strategy has to.
    pub fn check(
        &self,
        intent: &Intent,
        constraint: &Constraint,
        new_solver: &dyn Fn() -> Box<dyn Solver>,
    ) -> Result<Option<CheckResult>, InternalError> {
        let kinds = intent::kinds(intent);
        let clauses = constraint.clauses();
        let reach = |wish: &Wish| wish.relation().is_some();
        let result = |verdict, detail: String, queries, compared, counterexample| CheckResult {
            id: constraint.id.clone(),
            constraint: constraint.name.clone(),
            title: constraint.title.clone(),
            verdict,
            strategy: STRATEGY,
            queries,
            compared,
            detail,
            counterexample,
            unmodelled: None,
            depends_on: Vec::new(),
        };
        let compared = match self.ready(intent, constraint) {
            Ok(compared) => compared,
            Err(why) if intent::is_about_any_pod(intent) && reach(&intent.wish) => {
                let detail = format!(
                    "pods that could be added can be asked about only where policies alone decide: {why}"
                );
                return Ok(Some(result(Verdict::Unknown, detail, 0, 0, None)));
            }
            Err(_) => return Ok(None),
        };
        let mut asking = ask::Asking {
            policy: self,
            intent,
            constraint,
            deadline: self.timeout.map(|t| Instant::now() + t),
            new_solver,
            queries: 0,
            compared,
            near: None,
        };
        let mut verdict = Verdict::Vacuous;
        let mut detail = "nothing in this cluster satisfies the premises".to_owned();
        let mut counterexample = None;
        for (kind, (variables, body)) in kinds.into_iter().zip(clauses) {
            match asking.clause(kind, &variables, body)? {
                Decided::Holds if verdict == Verdict::Vacuous => {
                    verdict = Verdict::Proven;
                    UNIVERSE.clone_into(&mut detail);
                }
                Decided::Vacuous | Decided::Holds => {}
                Decided::Broken(found) => {
                    verdict = Verdict::Violated;
                    detail = String::new();
                    counterexample = Some(*found);
                    break;
                }
                Decided::Unknown(why) => {
                    verdict = Verdict::Unknown;
                    detail = why;
                }
            }
        }
        let (queries, compared) = (asking.queries, asking.compared);
        let result = result(verdict, detail, queries, compared, counterexample);
        Ok(Some(result))
    }
}

/// Whether a policy names blocks of addresses.
fn has_block(policy: &NetworkPolicy) -> bool {
    let rules = policy.ingress.iter().chain(&policy.egress).flatten();
    let mut peers = rules.flat_map(|rule| rule.peers.iter().flatten());
    peers.any(|peer| matches!(peer, Peer::Block(_)))
}

const UNIVERSE: &str = "all messages between those that the intent speaks of, on an ideal network";

fn unknown(constraint: &Constraint, detail: String) -> CheckResult {
    CheckResult {
        id: constraint.id.clone(),
        constraint: constraint.name.clone(),
        title: constraint.title.clone(),
        verdict: Verdict::Unknown,
        strategy: STRATEGY,
        queries: 0,
        compared: 0,
        detail,
        counterexample: None,
        unmodelled: None,
        depends_on: Vec::new(),
    }
}

/// Both sides of an intent; an isolation has none.
fn relation(intent: &Intent) -> Option<&Relation> {
    intent.wish.relation()
}
