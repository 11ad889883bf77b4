//! Verdicts, and what they hang on: choices that Kubernetes leaves open, and what the input does not say.
//!
//! Must never know: files, formats of output.

use super::alone::Verdicts;
use super::decide::{Case, Decided};
use super::policies;
use super::strategy;
use super::unsaid::{self, of_user};
use crate::intent;
use crate::logic::formula::{Constraint, Sort};
use crate::lower::Lowered;
use crate::model::policy::Settings;
use crate::policy;
use crate::verify::direct::InternalError;
use crate::verify::modular;
use crate::verify::policy::STRATEGY;
use crate::verify::verdict::{CheckResult, Dependence, Verdict};

/// The verdicts on a cluster, and the queries if they are kept.
pub(super) fn verdicts(case: &Case<'_>, lowered: &Lowered) -> Verdicts {
    let settings = case.options.settings;
    let keep = case.options.keep_queries;
    let Decided {
        mut results,
        queries,
    } = case.decide(lowered, settings, keep, &|_| true)?;
    unclear(case, lowered, settings, &mut results);
    let mut results: Vec<CheckResult> = results.into_iter().flatten().collect();
    if !case.cluster.policies.is_empty() {
        if strategy::made(lowered) {
            policies::count(lowered, &mut results);
        }
        dependences(case, lowered, &mut results)?;
        domain_names(case, lowered, &mut results)?;
    }
    unsaid::hangs(case, lowered, &mut results);
    unsaid::cannot_say(case.cluster, &mut results);
    Ok((results, queries))
}

/// Every choice, flipped alone: the assumption, its other value, the settings.
fn flips(s: Settings) -> Vec<(&'static str, &'static str, Settings)> {
    let word = |flag: bool, on: &'static str, off: &'static str| if flag { off } else { on };
    vec![
        (
            "ipblock-matches-pods",
            word(s.ipblock_matches_pods, "yes", "no"),
            Settings {
                ipblock_matches_pods: !s.ipblock_matches_pods,
                ..s
            },
        ),
        (
            "host-network-policy",
            word(s.host_network_as_pod, "pod", "node"),
            Settings {
                host_network_as_pod: !s.host_network_as_pod,
                ..s
            },
        ),
        (
            "egress-to-own-node",
            word(s.egress_to_own_node, "allow", "deny"),
            Settings {
                egress_to_own_node: !s.egress_to_own_node,
                ..s
            },
        ),
        (
            "hairpin",
            word(s.hairpin_under_policy, "policy", "allow"),
            Settings {
                hairpin_under_policy: !s.hairpin_under_policy,
                ..s
            },
        ),
        (
            "equal-priority",
            word(s.equal_priority_reversed, "reversed", "by-name"),
            Settings {
                equal_priority_reversed: !s.equal_priority_reversed,
                ..s
            },
        ),
    ]
}

/// Decides again with each choice flipped that may matter, and notes where the verdict differs.
fn dependences(
    case: &Case<'_>,
    lowered: &Lowered,
    results: &mut [CheckResult],
) -> Result<(), InternalError> {
    let policy = case.policy(lowered, case.options.settings);
    for (assumption, value, flipped) in flips(case.options.settings) {
        let Some(other) = strategy::again(case.cluster, flipped, lowered) else {
            continue;
        };
        // What holds whatever policies say is not asked again where no more than that changes.
        let says = matches!(assumption, "ipblock-matches-pods" | "equal-priority");
        let same = other.structure.policies == lowered.structure.policies;
        let wanted = |at: usize| {
            let Some(stated) = case.stated(at).filter(|_| results[at].strategy == STRATEGY) else {
                let whatever = says && modular::holds_whatever_policies_say(&results[at]);
                return !same && !whatever;
            };
            let about = policy.about(&stated.intent);
            let touched = match assumption {
                "egress-to-own-node" | "host-network-policy" => {
                    !about.daemons.is_empty() || about.services
                }
                "hairpin" => about.services,
                // A Service leads to pods of any namespace.
                "ipblock-matches-pods" => about.blocks || about.services,
                _ => true,
            };
            // The gates of pods that could be added are none of these.
            touched && (!same || about.added)
        };
        let mut again = case.decide(&other, flipped, false, &wanted)?;
        unclear(case, &other, flipped, &mut again.results);
        for (result, other) in results.iter_mut().zip(again.results) {
            let Some(other) = other.filter(|other| other.verdict != result.verdict) else {
                continue;
            };
            let verdict = other.verdict.word();
            let says = format!("with {assumption}={value} it is {verdict}");
            if !result.detail.is_empty() {
                result.detail.push_str("; ");
            }
            result.detail.push_str(&says);
            result.depends_on.push(Dependence {
                assumption,
                value,
                verdict: other.verdict,
            });
        }
    }
    Ok(())
}

/// Where policies are asked about processes that they cannot tell from others, nothing is known of what users want of them.
fn unclear(
    case: &Case<'_>,
    lowered: &Lowered,
    settings: Settings,
    results: &mut [Option<CheckResult>],
) {
    let unclear = policy::unclear(case.cluster, &settings);
    if unclear.is_empty() {
        return;
    }
    let policy = case.policy(lowered, settings);
    for (at, result) in results.iter_mut().enumerate() {
        let meant = case.stated(at).is_none_or(|stated| {
            let about = policy.about(&stated.intent);
            about.services || !about.daemons.is_disjoint(&unclear)
        });
        if let Some(result) = result.as_mut().filter(|r| meant && of_user(r)) {
            result.verdict = Verdict::Unknown;
            result.counterexample = None;
            "with host-network-policy=pod, policies mean a pod by the addresses of its node, which other processes there have too"
                .clone_into(&mut result.detail);
        }
    }
}

/// What domain names of policies stand for is not known. They can only be accepted, so whatever they stand for, a message
/// goes as it does where they stand for nothing or as it does where they stand for everything: what is proven of every
/// message in both is proven. The wishes of intents are each about one direction, so that those two decide it; where
/// they differ, nothing is known.
fn domain_names(
    case: &Case<'_>,
    lowered: &Lowered,
    results: &mut [CheckResult],
) -> Result<(), InternalError> {
    let Some((all, _)) = policies::domain_names(case.cluster, case.options.settings) else {
        return Ok(());
    };
    let Some(other) = strategy::again(case.cluster, all, lowered) else {
        return Ok(());
    };
    let same = other.structure.policies == lowered.structure.policies;
    // The gates of pods that could be added are none of these.
    let added = |at| {
        case.stated(at)
            .is_some_and(|s| intent::is_about_any_pod(&s.intent))
    };
    let again = case.decide(&other, all, false, &|at| !same || added(at))?;
    for (at, (result, other)) in results.iter_mut().zip(again.results).enumerate() {
        let (Some(other), Some(constraint)) = (other, case.constraint(at)) else {
            continue;
        };
        let sure = result.verdict == other.verdict
            && match result.verdict {
                Verdict::Violated => {
                    case.stated(at).is_some() || result.counterexample == other.counterexample
                }
                _ => of_one_message(constraint),
            };
        if sure {
            continue;
        }
        let (none, every) = (result.verdict.word(), other.verdict.word());
        result.detail = format!(
            "it may hang on which addresses the domain names of a policy stand for: with none it is {none}, with all it is {every}"
        );
        result.verdict = Verdict::Unknown;
        result.counterexample = None;
        result.depends_on.clear();
    }
    Ok(())
}

/// Whether no clause speaks of more than one message.
fn of_one_message(constraint: &Constraint) -> bool {
    let is_event = |v: &crate::logic::formula::Variable| v.sort == Sort::Event;
    let all = constraint.variables.iter().filter(|v| is_event(v)).count();
    let clauses = constraint.clauses();
    let mut in_front = std::collections::BTreeSet::new();
    let each = clauses.iter().all(|(front, _)| {
        let events = front
            .iter()
            .filter(|id| is_event(constraint.variable(**id)));
        let before = in_front.len();
        in_front.extend(events.copied());
        in_front.len() <= before + 1
    });
    each && in_front.len() == all
}
