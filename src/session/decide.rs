//! Which strategy decides: a part of the cluster where that is exact and worth it, else the whole of it.
//!
//! Must never know: formats of output, how strategies work.

use super::Strategy;
use crate::logic::formula::Constraint;
use crate::lower::{Lowered, lower};
use crate::model::cluster::Cluster;
use crate::model::policy::Settings;
use crate::smt::solver::Solver;
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
    pub(super) new_solver: &'h dyn Fn() -> Box<dyn Solver>,
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
    lowered: Option<&Lowered>,
    settings: Settings,
    constraints: &[Constraint],
    builtin: usize,
    how: How<'_>,
) -> Result<Checked, InternalError> {
    let (of_library, of_user) = constraints.split_at(builtin.min(constraints.len()));
    let mut checked = match parts(cluster, settings, of_library, how)? {
        Ok(checked) => checked,
        Err(why) => whole(cluster, lowered, settings, of_library, why, how)?,
    };
    let why = "constraints of users are decided on the whole cluster";
    let rest = whole(cluster, lowered, settings, of_user, why, how)?;
    checked.results.extend(rest.results);
    checked.queries.extend(rest.queries);
    Ok(checked)
}

fn parts(
    cluster: &Cluster,
    settings: Settings,
    constraints: &[Constraint],
    how: How<'_>,
) -> Result<Result<Checked, modular::Why>, InternalError> {
    let most = match how.strategy {
        Strategy::Direct => return Ok(Err("another strategy was asked for")),
        _ if constraints.is_empty() => return Ok(Ok(Checked::default())),
        // Where nearly all of it would be looked at, it can be looked at as a whole.
        Strategy::Auto => MOST.min(processes(cluster) * 7 / 10),
        Strategy::Modular => MOST,
    };
    match Modular::new(cluster, settings, constraints, how.options) {
        Ok(modular) => modular.check(constraints, most, how.new_solver),
        Err(why) => Ok(Err(why)),
    }
}

fn whole(
    cluster: &Cluster,
    lowered: Option<&Lowered>,
    settings: Settings,
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
            queries: Vec::new(),
        });
    }
    let made;
    let lowered = match lowered {
        Some(lowered) => lowered,
        None => match lower(cluster, &settings) {
            Ok(lowered) => {
                made = lowered;
                &made
            }
            // Mistakes were told before.
            Err(_) => return Ok(Checked::default()),
        },
    };
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
    }
}
