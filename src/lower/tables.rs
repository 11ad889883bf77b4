//! Route tables as FIB rules: they replace a node's ideal rules to the pods of other nodes, and stand where those stood.
//!
//! Knows: which ideal rules a table replaces (`model::table`). Must never know: whether a table is right.

use crate::model::cluster::Cluster;
use crate::model::table::{Table, Tables};
use crate::network::fib::{Action, Fib, FibRule, Match, RuleKind};
use crate::network::graph::Network;

/// Puts every table into the FIB of its node.
pub(super) fn apply(cluster: &Cluster, network: &mut Network) {
    for table in &cluster.tables.tables {
        if let Ok(at) = network
            .switches
            .binary_search_by_key(&table.at, |switch| switch.id)
        {
            let ideal = std::mem::take(&mut network.switches[at].fib);
            network.switches[at].fib = replaced(&cluster.tables, table, ideal);
        }
    }
}

/// Own addresses, Services and own pods come first in an ideal FIB, then the pods of other nodes, then other nodes.
fn replaced(tables: &Tables, table: &Table, ideal: Fib) -> Fib {
    let elsewhere = |rule: &FibRule| {
        matches!(
            rule.kind,
            RuleKind::NodeToNodeOfPod | RuleKind::NodeToNode | RuleKind::NodeToOutside
        )
    };
    let (rest, mut fib): (Fib, Fib) = ideal.into_iter().partition(elsewhere);
    fib.extend(table.routes.iter().map(|route| FibRule {
        matches: Match {
            to: Some(tables.net(route.net)),
            ..Match::default()
        },
        state: None,
        action: Action::Forward(route.via),
        kind: RuleKind::Explicit,
        text: None,
        why: None,
        origin: table.place(route),
    }));
    let kept = rest
        .into_iter()
        .filter(|rule| rule.kind != RuleKind::NodeToNodeOfPod);
    fib.extend(kept);
    fib
}
