//! The explicit changes of a cluster file: links and FIB rules that add to, replace or remove the ideal ones.
//!
//! Knows: their order (before, ideal, after; first match wins). Must never know: which ideal rules there are, or why.

use ipnet::IpNet;

use crate::base::diag::Diagnostic;
use crate::model::cluster::{Cluster, ExplicitAction, ExplicitRule, FibEdit, Match, RuleRemoval};
use crate::model::inet::{Family, show_net};
use crate::network::fib::{Action, DiscardReason, Fib, FibRule, Rewrite, RuleKind};
use crate::network::graph::Network;

/// Applies them all; returns the mistakes.
pub fn apply(cluster: &Cluster, network: &mut Network) -> Vec<Diagnostic> {
    for link in &cluster.links_removed {
        network.links.remove(&(link.from, link.to));
    }
    for link in &cluster.links_added {
        network.links.insert((link.from, link.to));
    }
    let mut mistakes = Vec::new();
    for edit in &cluster.fibs {
        if let Ok(at) = network.switches.binary_search_by_key(&edit.at, |s| s.id) {
            let ideal = std::mem::take(&mut network.switches[at].fib);
            network.switches[at].fib = edited(cluster, edit, ideal, &mut mistakes);
        }
    }
    mistakes
}

fn edited(cluster: &Cluster, edit: &FibEdit, ideal: Fib, mistakes: &mut Vec<Diagnostic>) -> Fib {
    let mut fib: Fib = edit.before.iter().map(explicit).collect();
    if edit.keep_ideal {
        for removal in &edit.remove {
            if !ideal.iter().any(|rule| names(removal, &rule.matches)) {
                mistakes.push(not_there(cluster, edit, removal, &ideal));
            }
        }
        fib.extend(
            ideal
                .into_iter()
                .filter(|rule| !edit.remove.iter().any(|r| names(r, &rule.matches))),
        );
    }
    fib.extend(edit.after.iter().map(explicit));
    fib
}

/// Whether a removal names a rule: exactly its match, the protocol only where the removal gives one.
fn names(removal: &RuleRemoval, matches: &Match) -> bool {
    let mut wanted = removal.matches.clone();
    if wanted.protocol.is_none() {
        wanted.protocol = matches.protocol;
    }
    wanted == *matches
}

fn not_there(cluster: &Cluster, edit: &FibEdit, removal: &RuleRemoval, ideal: &Fib) -> Diagnostic {
    let at = cluster.name_of(edit.at);
    let near = ideal.iter().find(|rule| {
        removal.matches.to.is_some_and(|to| {
            rule.matches
                .to
                .is_some_and(|has| to.contains(&has) || has.contains(&to))
        })
    });
    let help = match near.and_then(|rule| {
        rule.matches
            .to
            .map(|to| (to, rule.matches.to_ports.clone()))
    }) {
        Some((to, Some(ports))) => {
            format!(
                "a rule is removed by exactly its match; there is one with `to: {}, toPort: {ports}`",
                show_net(to)
            )
        }
        Some((to, None)) => {
            format!(
                "a rule is removed by exactly its match; there is one with `to: {}`",
                show_net(to)
            )
        }
        None => {
            "a rule is removed by exactly its match; `kubeproof list rules` lists them".to_owned()
        }
    };
    Diagnostic::error(
        "N001",
        removal.origin,
        format!("`{at}` has no ideal rule with this match"),
    )
    .help(help)
}

fn explicit(rule: &ExplicitRule) -> FibRule {
    let mut matches = rule.matches.clone();
    let action = match &rule.action {
        ExplicitAction::Deliver(to) => Action::Deliver(*to),
        ExplicitAction::Forward(to) => Action::Forward(*to),
        ExplicitAction::Discard(reason) => Action::Discard(DiscardReason::Rule(reason.clone())),
        ExplicitAction::Translate {
            from,
            from_port,
            to,
            to_port,
        } => {
            // An address is rewritten within its family: the rule matches that family only, and says so.
            if let Some(family) = from.or(*to).map(Family::of)
                && matches.from.is_none()
                && matches.to.is_none()
            {
                matches.to = Some(whole(family));
            }
            Action::Translate(vec![Rewrite {
                source: *from,
                source_port: *from_port,
                destination: *to,
                destination_port: *to_port,
                hairpin_source: None,
                target: None,
            }])
        }
    };
    FibRule {
        state: None,
        text: None,
        why: None,
        matches,
        action,
        kind: RuleKind::Explicit,
        origin: rule.origin,
    }
}

/// All addresses of a family.
fn whole(family: Family) -> IpNet {
    let any = family.loopback();
    IpNet::new(any, 0).map_or(IpNet::from(any), |net| net.trunc())
}
