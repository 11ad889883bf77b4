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
mod plain;
mod points;
mod table;

use std::time::{Duration, Instant};

use crate::encode::question::Point;
use crate::intent::{self, Kind};
use crate::logic::formula::Constraint;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::inet::IpNet;
use crate::model::intent::{Intent, Relation, Wish};
use crate::model::policy::Settings;
use crate::smt::solver::Solver;

use super::direct::InternalError;
use super::verdict::{CheckResult, Counterexample, Verdict};

/// Its name in results.
pub const STRATEGY: &str = "policy";

/// What came of one clause.
pub(super) enum Decided {
    Holds,
    Vacuous,
    Broken(Box<Counterexample>),
    Unknown(String),
}

/// One cluster, looked at once for all intents.
#[derive(Debug)]
pub struct Policy<'c> {
    cluster: &'c Cluster,
    lowered: &'c Lowered,
    settings: Settings,
    /// How many entries were compared, or why this strategy says nothing here.
    ideal: Result<usize, String>,
    points: Vec<Point<'c>>,
    cuts: Vec<IpNet>,
    timeout: Option<Duration>,
}

impl<'c> Policy<'c> {
    /// Looks at a cluster, and at whom the intents speak of.
    pub fn new(
        cluster: &'c Cluster,
        lowered: &'c Lowered,
        settings: Settings,
        intents: &[&Intent],
        timeout: Option<Duration>,
    ) -> Self {
        let ideal = points::ideal(cluster, &lowered.network, &settings);
        let relations = intents.iter().filter_map(|i| i.wish.relation());
        let cuts = points::cuts(cluster, relations.flat_map(|r| r.from.iter().chain(&r.to)));
        Self {
            points: points::points(cluster, &lowered.network, &cuts),
            cluster,
            lowered,
            settings,
            ideal,
            cuts,
            timeout,
        }
    }

    /// What is said of an intent that no other strategy can decide.
    pub fn unknown(&self, constraint: &Constraint) -> CheckResult {
        CheckResult {
            id: constraint.id.clone(),
            constraint: constraint.name.clone(),
            title: constraint.title.clone(),
            verdict: Verdict::Unknown,
            strategy: STRATEGY,
            queries: 0,
            compared: 0,
            detail: "pods that could be added cannot be asked about by the strategy `direct`"
                .to_owned(),
            counterexample: None,
            depends_on: Vec::new(),
        }
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
        let here = match &self.ideal {
            Err(why) => Err(why.clone()),
            Ok(_) if kinds.contains(&Kind::OfService) => {
                Err("it speaks of the address of a Service".to_owned())
            }
            Ok(_) if kinds.len() != clauses.len() => Err("its text has other clauses".to_owned()),
            Ok(compared) => Ok(*compared),
        };
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
            depends_on: Vec::new(),
        };
        let compared = match here {
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
        };
        let mut verdict = Verdict::Vacuous;
        let mut detail = "nothing in this cluster satisfies the premises".to_owned();
        let mut counterexample = None;
        for (kind, (variables, body)) in kinds.into_iter().zip(clauses) {
            match asking.clause(kind, &variables, body)? {
                Decided::Vacuous => {}
                Decided::Holds if verdict == Verdict::Vacuous => {
                    verdict = Verdict::Proven;
                    detail = UNIVERSE.to_owned();
                }
                Decided::Holds => {}
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

const UNIVERSE: &str = "all messages between those that the intent speaks of, on an ideal network";

/// Both sides of an intent; an isolation has none.
fn relation(intent: &Intent) -> Option<&Relation> {
    intent.wish.relation()
}
