//! The strategy `modular`: large clusters by a part of them.
//!
//! Most of a cluster is more of the same. Who differs in nothing but name and address is put in one class; of each class,
//! and of each way in which two can stand to each other, the plainest are looked at, with everything that a message
//! between them can meet. That part is a cluster of its own, and the strategy `direct` decides it. Why its verdict and its
//! counterexample are those of the whole cluster stands in docs/modular.md.
//!
//! Must never know: formats of output, a particular solver.

mod admissible;
mod asked;
mod asking;
mod assumed;
mod bare;
mod cells;
mod choose;
mod closure;
mod cuts;
mod elsewhere;
mod eyes;
mod holders;
mod kinds;
mod lift;
mod local;
mod open_land;
mod part;
mod profile;
mod routes;
mod services;
pub mod slice;
mod special;
mod twins;

use std::net::IpAddr;

use crate::base::parallel;
use crate::logic::formula::Constraint;
use crate::logic::literals::Literals;
use crate::lower::lower_part;
use crate::model::cluster::Cluster;
use crate::model::policy::Settings;
use crate::smt::solver::{Limits, Solver};

use super::direct::{self, Checked, InternalError};
use super::verdict::{CheckResult, Verdict};
use asked::Asked;
use asking::{Asking, THEOREM, count};
use choose::{Chosen, Map};
use cuts::Cuts;
use holders::Holders;
use profile::Classes;
use routes::Routes;

/// Its name in results.
pub const STRATEGY: &str = "modular";

/// So many processes at most are given twins.
const MOST_TWINS: usize = 60;

/// So many groups of constraints have a solver of their own: what one takes several share, and several groups are decided at
/// once. The same however many threads there are, since how much a solver is asked hangs on what it was asked before.
const GROUPS: usize = 4;

/// How often a counterexample may turn out to use an address that somebody outside the part holds.
const MOST_ROUNDS: usize = 48;

/// So many addresses of prefixes that are full are looked at at most.
const MOST_FULL: usize = 64;

/// A cluster with what is looked at of it.
#[derive(Debug)]
pub struct Modular<'c> {
    cluster: &'c Cluster,
    settings: Settings,
    options: direct::Options,
    /// Whether its constraints are the library's, of which the theorem speaks.
    library: bool,
    holders: Holders,
    literals: Literals,
    cuts: Cuts,
    routes: Routes,
    classes: Classes,
}

/// What is said of what holds whatever policies say.
const WHATEVER: [&str; 2] = [
    "for whatever NetworkPolicies say",
    "for whatever policies say",
];

/// Whether a result does not hang on what policies say.
pub fn holds_whatever_policies_say(result: &CheckResult) -> bool {
    result.strategy == STRATEGY && WHATEVER.iter().any(|w| result.detail.contains(w))
}

/// Why this strategy says nothing of a cluster.
pub type Why = &'static str;

const NAMED: Why = "an explicit rule names somebody who is left out";

impl<'c> Modular<'c> {
    /// Looks at every entity once.
    pub fn new(
        cluster: &'c Cluster,
        settings: Settings,
        constraints: &[Constraint],
        options: direct::Options,
    ) -> Result<Self, Why> {
        if cluster.snapshot.is_some() {
            return Err("its network is not made of ideal FIBs");
        }
        let holders = Holders::of(cluster);
        let literals = Literals::of(constraints);
        let cuts = Cuts::of(cluster, &literals, true);
        let routes = Routes::of(cluster, &holders, &cuts)?;
        let classes = Classes::of(cluster, &holders, &cuts, &routes, None, true);
        Ok(Self {
            cluster,
            settings,
            options,
            library: true,
            holders,
            literals,
            cuts,
            routes,
            classes,
        })
    }

    /// The same for constraints of users, bound to this cluster.
    pub fn of_users(
        cluster: &'c Cluster,
        settings: Settings,
        constraints: &[Constraint],
        options: direct::Options,
    ) -> Result<Self, Why> {
        if cluster.snapshot.is_some() || !cluster.tables.is_empty() {
            return Err("its network is not made of ideal FIBs");
        }
        let externals = !cluster.externals.is_empty();
        if !constraints.iter().all(|c| local::is_local(c, externals)) {
            return Err("it speaks of entities that a message need not meet");
        }
        let holders = Holders::of(cluster);
        let literals = Literals::of(constraints);
        let cuts = Cuts::of(cluster, &literals, true).with_every_port();
        let mut asked = Asked::of(constraints);
        // Where all addresses of a kind are held, a part must not have one that is free.
        let held: Vec<IpAddr> = holders.by_address().map(|(ip, _)| ip).collect();
        let full = cuts.full(&held);
        if full.len() > MOST_FULL {
            return Err("it names a prefix in which every address is taken");
        }
        let holding = full.iter().flat_map(|ip| holders.of_address(*ip));
        asked.named.extend(holding);
        let routes = Routes::of(cluster, &holders, &cuts)?;
        let classes = Classes::of(cluster, &holders, &cuts, &routes, Some(&asked), true);
        Ok(Self {
            cluster,
            settings,
            options,
            library: false,
            holders,
            literals,
            cuts,
            routes,
            classes,
        })
    }

    /// How many of the processes would be looked at, and of how many; none where there are too many kinds of them.
    fn chosen(map: &Map<'_>, cuts: &Cuts, routes: &Routes) -> Option<Chosen> {
        let mut chosen = choose::plainest(map)?;
        if !services::plainest(map, cuts, routes, &mut chosen)
            || !cells::plainest(map, routes, &mut chosen)
        {
            return None;
        }
        closure::close(map, cuts, &mut chosen);
        Some(chosen)
    }

    /// Proves what holds whatever policies say, of a part where twins stand for all policies. Of the others: none.
    pub fn under_any_policies(
        &self,
        constraints: &[Constraint],
        new_solver: &(dyn Fn() -> Box<dyn Solver> + Sync),
    ) -> Result<Vec<Option<CheckResult>>, InternalError> {
        let nothing = || vec![None; constraints.len()];
        if !twins::apply(self.cluster, self.settings, &self.classes.special) {
            return Ok(nothing());
        }
        let cuts = Cuts::of(self.cluster, &self.literals, false);
        let classes = Classes::of(
            self.cluster,
            &self.holders,
            &cuts,
            &self.routes,
            None,
            false,
        );
        let map = Map::new(self.cluster, &self.holders, &classes);
        let part = Self::chosen(&map, &cuts, &self.routes)
            .filter(|c| count(self.cluster, c) <= MOST_TWINS);
        let Some(part) = part.and_then(|chosen| part::cut(&map, &cuts, &chosen)) else {
            return Ok(nothing());
        };
        let Some(cluster) = twins::with_twins(&part.cluster) else {
            return Ok(nothing());
        };
        let lowered = lower_part(&cluster, self.settings);
        let options = direct::Options {
            walk: true,
            ..self.options
        };
        let limits = Limits {
            timeout: options.timeout,
        };
        let lacking = assumed::lacking(&cluster, &lowered, limits, new_solver);
        let by_theorem = |id: &str| lacking.as_ref().is_some_and(|l| l.proves(id));
        let each = parallel::each(options.jobs, constraints, |constraint| {
            let one = std::slice::from_ref(constraint);
            let proven = [by_theorem(&constraint.id)];
            direct::check_rest(&lowered, one, &proven, options, new_solver)
        });
        let mut checked = Checked::default();
        for one in each {
            checked.join(one?);
        }
        let own_pod = twins::own_pod_premise(self.cluster);
        let own_node = twins::own_node_premise(self.cluster);
        // Only these forbid a pod's own node.
        let cluster_wide = !self.cluster.policies.cluster.is_empty();
        let whatever = WHATEVER[usize::from(cluster_wide)];
        let looked_at = lowered.network.processes.len();
        Ok(checked
            .results
            .into_iter()
            .map(|mut result| {
                let holds = match result.verdict {
                    Verdict::Proven => match result.id.as_str() {
                        "KP005" => own_node && !cluster_wide,
                        "KP006" | "KP007" => own_pod,
                        // In the part it may be hosts outside that receive.
                        "KP009" => {
                            (own_pod || self.cluster.externals.is_empty())
                                && !twins::is_led_on(self.cluster)
                        }
                        _ => true,
                    },
                    Verdict::Vacuous => true,
                    _ => false,
                };
                result.strategy = STRATEGY;
                result.compared = self.compared();
                if result.verdict == Verdict::Proven {
                    if by_theorem(&result.id) {
                        result.detail = format!("{}; {THEOREM}", result.detail);
                    }
                    result.detail = format!(
                        "{}; {looked_at} processes stand for all, and {whatever}",
                        result.detail
                    );
                }
                holds.then_some(result)
            })
            .collect())
    }

    /// Decides constraints, each for itself. `most` processes may be looked at at once.
    pub fn check(
        &self,
        constraints: &[Constraint],
        most: usize,
        new_solver: &(dyn Fn() -> Box<dyn Solver> + Sync),
    ) -> Result<Result<Checked, Why>, InternalError> {
        let map = Map::new(self.cluster, &self.holders, &self.classes);
        let Some(chosen) = Self::chosen(&map, &self.cuts, &self.routes) else {
            return Ok(Err("there are too many kinds of pods or Services"));
        };
        if count(self.cluster, &chosen) > most {
            return Ok(Err("too much of it differs from the rest"));
        }
        let asking = Asking {
            of: self,
            map,
            new_solver,
        };
        let Some(mut part) = asking.cut(chosen, false) else {
            return Ok(Err(NAMED));
        };
        // What is kept for another solver is the whole question.
        if self.library && !self.options.keep_queries {
            asking.judge(&mut part);
        }
        // Those that have much in common in the library stand beside each other, and so do those that take long.
        let dealt = |group: usize| constraints.iter().skip(group).step_by(GROUPS);
        let groups: Vec<Vec<&Constraint>> =
            (0..GROUPS).map(|group| dealt(group).collect()).collect();
        let each = parallel::each(self.options.jobs, &groups, |group| {
            asking.group(&part, group)
        });
        let mut decided = Vec::new();
        for one in each {
            match one? {
                Ok(one) => decided.push(one.into_iter()),
                Err(why) => return Ok(Err(why)),
            }
        }
        let mut checked = Checked::default();
        for at in 0..constraints.len() {
            if let Some(one) = decided[at % GROUPS].next() {
                checked.join(one);
            }
        }
        Ok(Ok(checked))
    }

    /// How many processes are looked at; none where there are too many kinds of them.
    pub fn looked_at(&self) -> Option<usize> {
        let map = Map::new(self.cluster, &self.holders, &self.classes);
        let chosen = Self::chosen(&map, &self.cuts, &self.routes)?;
        Some(count(self.cluster, &chosen))
    }

    /// How many table entries were compared.
    fn compared(&self) -> usize {
        self.holders.len() + self.cluster.names.len() + self.routes.compared()
    }
}
