//! Which strategy decides: a part of the cluster where that is exact and worth it, else the whole of it.
//!
//! Must never know: formats of output, how strategies work.

use super::{Options, Strategy};
use crate::base::diag::Diagnostic;
use crate::base::parallel;
use crate::logic::formula::Constraint;
use crate::lower::{self, Lowered, lower};
use crate::model::cluster::Cluster;
use crate::model::policy::Settings;
use crate::smt::solver::Solver;
use crate::verify::alike;
use crate::verify::direct::{self, Checked, InternalError};
use crate::verify::modular::{self, Modular};
use crate::verify::verdict::{CheckResult, Verdict};

/// With more processes than these the network is not made as a whole, unless something needs it.
pub(super) const SMALL: usize = 400;

/// So many processes of a part are asked about at once.
const MOST: usize = 160;

/// How to go about it.
#[derive(Clone, Copy)]
pub(super) struct How<'h> {
    pub(super) strategy: Strategy,
    pub(super) options: direct::Options,
    pub(super) new_solver: &'h (dyn Fn() -> Box<dyn Solver> + Sync),
    /// So many constraints of users are decided at once.
    pub(super) jobs: usize,
}

/// The whole network, where the cluster is small or something needs it, else what policies make of it; the mistakes of its
/// explicit rules in any case.
pub(super) fn lowered(cluster: &Cluster, options: &Options) -> Result<Lowered, Vec<Diagnostic>> {
    let large = processes(cluster) > SMALL;
    if large && cluster.snapshot.is_none() && options.strategy != Strategy::Direct {
        let mistakes = lower::mistakes(cluster);
        return if mistakes.is_empty() {
            Ok(policies_only(cluster, options.settings))
        } else {
            Err(mistakes)
        };
    }
    lower(cluster, &options.settings)
}

/// No network, and what policies say.
fn policies_only(cluster: &Cluster, settings: Settings) -> Lowered {
    let mut lowered = Lowered::default();
    if !cluster.policies.is_empty() {
        lowered.structure.policies = lower::gates(cluster, settings);
    }
    lowered
}

/// The same under other settings, where it is `like` that one.
pub(super) fn again(cluster: &Cluster, settings: Settings, like: &Lowered) -> Option<Lowered> {
    if made(like) {
        // A mistake would have been one before.
        lower(cluster, &settings).ok()
    } else {
        Some(policies_only(cluster, settings))
    }
}

/// Whether the whole network was made.
pub(super) fn made(lowered: &Lowered) -> bool {
    !lowered.network.switches.is_empty()
}

/// Whether there is anything of the kind that a constraint is about; where there is none, it is not asked. KP008 is about
/// Services, KP012 about those of which both the selector and the endpoints are given.
pub(super) fn is_about(constraint: &Constraint, cluster: &Cluster) -> bool {
    match constraint.id.as_str() {
        "KP008" => !cluster.services.is_empty(),
        "KP012" => {
            let mut services = cluster.services.iter();
            services.any(|s| s.endpoints_given && s.selector.is_some())
        }
        _ => true,
    }
}

/// How many processes a cluster has.
pub(super) fn processes(cluster: &Cluster) -> usize {
    let pods = cluster.pods.iter().map(|p| p.containers.len());
    let nodes = cluster.nodes.iter().map(|n| n.daemons.len());
    pods.sum::<usize>() + nodes.sum::<usize>() + cluster.externals.len()
}

/// Decides constraints under these settings. `builtin` of them, in front, are of the library.
pub(super) fn decide(
    cluster: &Cluster,
    lowered: &Lowered,
    settings: Settings,
    constraints: &[Constraint],
    builtin: usize,
    how: How<'_>,
) -> Result<Checked, InternalError> {
    let (of_library, of_user) = constraints.split_at(builtin.min(constraints.len()));
    let mut known = whatever_policies(cluster, settings, of_library, how)?;
    let open = of_library.iter().zip(&known);
    let open: Vec<Constraint> = open
        .filter(|(_, k)| k.is_none())
        .map(|(c, _)| c.clone())
        .collect();
    let mut checked = match parts(cluster, lowered, settings, &open, how)? {
        Ok(checked) => checked,
        Err(why) => whole(cluster, lowered, &open, why, how)?,
    };
    let mut decided = checked.results.into_iter();
    checked.results = known
        .iter_mut()
        .filter_map(|known| known.take().or_else(|| decided.next()))
        .collect();
    // In small clusters those of users are decided on the whole, all at once.
    if how.strategy == Strategy::Direct
        || how.strategy == Strategy::Auto && processes(cluster) <= SMALL
    {
        let rest = whole(cluster, lowered, of_user, OTHER, how)?;
        checked.results.extend(rest.results);
        checked.queries.extend(rest.queries);
        return Ok(checked);
    }
    let each = parallel::each(how.jobs, of_user, |constraint| {
        let one = std::slice::from_ref(constraint);
        match parts_of_user(cluster, settings, one, how)? {
            Ok(decided) => Ok(decided),
            Err(why) => whole(cluster, lowered, one, why, how),
        }
    });
    for decided in each {
        let decided = decided?;
        checked.results.extend(decided.results);
        checked.queries.extend(decided.queries);
    }
    Ok(checked)
}

/// What is proven of a cluster with policies whatever they say; none where it is not, or is not tried.
fn whatever_policies(
    cluster: &Cluster,
    settings: Settings,
    constraints: &[Constraint],
    how: How<'_>,
) -> Result<Vec<Option<CheckResult>>, InternalError> {
    let tried = how.strategy != Strategy::Direct
        && !cluster.policies.is_empty()
        && !how.options.keep_queries
        && !constraints.is_empty();
    if !tried {
        return Ok(vec![None; constraints.len()]);
    }
    match Modular::new(cluster, settings, constraints, how.options) {
        Ok(modular) => modular.under_any_policies(constraints, how.new_solver),
        Err(_) => Ok(vec![None; constraints.len()]),
    }
}

fn parts(
    cluster: &Cluster,
    lowered: &Lowered,
    settings: Settings,
    constraints: &[Constraint],
    how: How<'_>,
) -> Result<Result<Checked, modular::Why>, InternalError> {
    let Some(most) = most(cluster, how) else {
        return Ok(Err(OTHER));
    };
    if constraints.is_empty() {
        return Ok(Ok(Checked::default()));
    }
    if cluster.snapshot.is_some() {
        return alike::check(lowered, constraints, most, how.options, how.new_solver);
    }
    match Modular::new(cluster, settings, constraints, how.options) {
        Ok(modular) => modular.check(constraints, most, how.new_solver),
        Err(why) => Ok(Err(why)),
    }
}

/// The same for constraints of users.
fn parts_of_user(
    cluster: &Cluster,
    settings: Settings,
    constraints: &[Constraint],
    how: How<'_>,
) -> Result<Result<Checked, modular::Why>, InternalError> {
    let Some(most) = most(cluster, how) else {
        return Ok(Err(OTHER));
    };
    match Modular::of_users(cluster, settings, constraints, how.options) {
        Ok(modular) => modular.check(constraints, most, how.new_solver),
        Err(why) => Ok(Err(why)),
    }
}

const OTHER: modular::Why = "another strategy was asked for";

/// How many processes of a part may be looked at; none where parts are not asked for.
fn most(cluster: &Cluster, how: How<'_>) -> Option<usize> {
    match how.strategy {
        Strategy::Direct => None,
        // Where nearly all of it would be looked at, it can be looked at as a whole.
        Strategy::Auto => Some(MOST.min(processes(cluster) * 7 / 10)),
        Strategy::Modular => Some(MOST),
    }
}

fn whole(
    cluster: &Cluster,
    lowered: &Lowered,
    constraints: &[Constraint],
    why: &str,
    how: How<'_>,
) -> Result<Checked, InternalError> {
    if constraints.is_empty() {
        return Ok(Checked::default());
    }
    if how.strategy != Strategy::Direct && processes(cluster) > SMALL {
        let results = constraints.iter().map(|c| too_large(cluster, c, why));
        return Ok(Checked {
            results: results.collect(),
            ..Checked::default()
        });
    }
    direct::check(lowered, constraints, how.options, how.new_solver)
}

fn too_large(cluster: &Cluster, constraint: &Constraint, why: &str) -> CheckResult {
    CheckResult {
        id: constraint.id.clone(),
        constraint: constraint.name.clone(),
        title: constraint.title.clone(),
        verdict: Verdict::Unknown,
        strategy: modular::STRATEGY,
        queries: 0,
        compared: 0,
        detail: format!(
            "{why}, and {} processes are too many to ask about all at once",
            processes(cluster)
        ),
        counterexample: None,
        depends_on: Vec::new(),
        unmodelled: None,
    }
}
