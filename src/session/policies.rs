//! What the verdicts on a cluster with policies hang on, and how many pairs policies take out.
//!
//! Knows: which choices Kubernetes leaves open, each flipped alone. Must never know: formats of output.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::decide::{How, decide};
use crate::base::diag::Diagnostic;
use crate::logic::formula::Constraint;
use crate::lower::{Lowered, gates};
use crate::model::cluster::Cluster;
use crate::model::inet::Family;
use crate::model::policy::Settings;
use crate::network::gate::{Direction, Gate};
use crate::policy::{self, hinges::Choice};
use crate::verify::direct::InternalError;
use crate::verify::verdict::{CheckResult, Dependence, Verdict};

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

/// Constraints that were decided, those of the library in front.
pub(super) struct Open<'c> {
    pub(super) constraints: &'c [Constraint],
    pub(super) builtin: usize,
    /// Of each: whether it was proven whatever NetworkPolicies say.
    pub(super) whatever: &'c [bool],
}

impl Open<'_> {
    /// Those that are decided again for an assumption: not what holds whatever policies say, where the assumption does
    /// no more than change what they say.
    fn asked(&self, assumption: &str) -> Vec<usize> {
        let says = matches!(assumption, "ipblock-matches-pods" | "equal-priority");
        let holds = |at: usize| self.whatever.get(at).is_some_and(|w| *w);
        (0..self.constraints.len())
            .filter(|at| !(says && holds(*at)))
            .collect()
    }
}

/// Decides again with each choice flipped that makes other gates, and notes where the verdict differs.
pub(super) fn dependences(
    cluster: &Cluster,
    lowered: Option<&Lowered>,
    open: &Open<'_>,
    settings: Settings,
    mut how: How<'_>,
    results: &mut [CheckResult],
) -> Result<(), InternalError> {
    how.options.keep_queries = false;
    let made;
    let own = if let Some(lowered) = lowered {
        &lowered.structure.policies
    } else {
        made = gates(cluster, settings);
        &made
    };
    for (assumption, value, flipped) in flips(settings) {
        let asked = open.asked(assumption);
        if asked.is_empty() {
            continue;
        }
        let other = gates(cluster, flipped);
        let same = other.all == own.all;
        let hairpin = other.hairpin != own.hairpin;
        if same && (!hairpin || cluster.services.is_empty()) {
            continue;
        }
        let constraints: Vec<Constraint> = asked
            .iter()
            .map(|&at| open.constraints[at].clone())
            .collect();
        let builtin = asked.iter().filter(|&&at| at < open.builtin).count();
        let again = decide(cluster, None, flipped, &constraints, builtin, how)?;
        for (at, other) in asked.into_iter().zip(again.checked.results) {
            let Some(result) = results.get_mut(at) else {
                continue;
            };
            if result.verdict == other.verdict {
                continue;
            }
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

/// Says in KP003's detail how many pairs of pods are not asked for.
pub(super) fn count(lowered: &Lowered, results: &mut [CheckResult]) {
    let Some(result) = results.iter_mut().find(|r| r.id == "KP003") else {
        return;
    };
    if matches!(result.verdict, Verdict::Proven | Verdict::Vacuous) {
        let (out, all) = taken_out(lowered);
        let says = format!("; policies take {out} of {all} pairs of pods out, on some port or all");
        result.detail.push_str(&says);
    }
}

/// Of the pairs of different pods where the second listens: those that policies forbid on some port, and all.
fn taken_out(lowered: &Lowered) -> (usize, usize) {
    let s = &lowered.structure;
    let mut gates: HashMap<(IpAddr, Direction), Vec<&Gate>> = HashMap::new();
    for gate in &s.policies.all {
        for address in &gate.addresses {
            let at = gates.entry((*address, gate.direction)).or_default();
            at.push(gate);
        }
    }
    let own = |pod| s.addr.iter().filter(move |(id, _)| *id == pod);
    let mut pods: BTreeMap<_, Vec<IpAddr>> = BTreeMap::new();
    let mut open: HashMap<_, Vec<_>> = HashMap::new();
    for row in &s.open {
        if let Some(pod) = s.entities[row.process.index()].parent {
            open.entry(pod).or_default().push(row);
        }
    }
    for (_, pod) in &s.host {
        let addresses: Vec<IpAddr> = own(*pod).map(|(_, net)| net.addr()).collect();
        if !addresses.is_empty() {
            pods.insert(*pod, addresses);
        }
    }
    let passes = |from: IpAddr, to: IpAddr, protocol, port| {
        let all = |address, direction, peer| {
            let at = gates.get(&(address, direction));
            at.is_none_or(|at| at.iter().all(|g| g.passes(peer, protocol, port)))
        };
        all(from, Direction::Egress, to) && all(to, Direction::Ingress, from)
    };
    let (mut out, mut count) = (0, 0);
    for (from, sources) in &pods {
        for (to, targets) in pods.iter().filter(|(to, _)| *to != from) {
            let mut ways = targets.iter().flat_map(|ta| {
                let fitting = sources
                    .iter()
                    .filter(|sa| Family::of(**sa) == Family::of(*ta));
                let rows = open.get(to).into_iter().flatten();
                fitting.flat_map(move |sa| {
                    let rows = rows.clone().filter(|row| row.bind.covers(*ta));
                    rows.map(move |row| (*sa, *ta, row.protocol, row.low))
                })
            });
            let mut any = false;
            let forbidden = ways.any(|(sa, ta, protocol, port)| {
                any = true;
                protocol.is_some_and(|protocol| !passes(sa, ta, protocol, port))
            });
            count += usize::from(any);
            out += usize::from(forbidden);
        }
    }
    (out, count)
}

/// What to warn of where no verdict is asked for, only who reaches whom: kinds that are not modelled, and what hangs on
/// addresses or labels that are not given.
pub fn limits(cluster: &Cluster, settings: Settings) -> Vec<Diagnostic> {
    let unmodelled = cluster.reading.unmodelled.iter().map(|object| {
        let kind = &object.kind;
        let message = format!("`{kind}` can change who reaches whom and is not modelled");
        Diagnostic::error("F004", object.origin, message)
            .warning()
            .help(format!(
                "`--ignore-kind {kind}` takes for granted that it does not"
            ))
    });
    let hinges = policy::hangs_on(cluster, &settings).into_iter();
    let hinges = hinges.filter(|h| h.flipped.is_none()).map(|hinge| {
        let (message, help) = match hinge.choice {
            Choice::ChosenAddresses => (
                "this ipBlock holds some of the addresses that pods may get, and not all: the answer is for one choice",
                "`--pod-cidr` says where pods get their addresses",
            ),
            _ => (
                "this selector asks for labels of namespaces whose objects are not given: they are taken to have none",
                "add the Namespace objects",
            ),
        };
        Diagnostic::error("F006", hinge.origin, message).warning().help(help)
    });
    unmodelled.chain(hinges).collect()
}

/// Where a verdict may hang on what the input does not say and no switch decides: which addresses pods get, which labels
/// namespaces have. The network model itself holds for every choice, since an ideal plugin enforces what policies say
/// whatever they say; what users want of policies does not. A counterexample stands: it shows its choice.
pub(super) fn hangs(cluster: &Cluster, settings: Settings, results: &mut [CheckResult]) {
    let hinges = policy::hangs_on(cluster, &settings);
    let Some(hinge) = hinges.iter().find(|h| h.flipped.is_none()) else {
        return;
    };
    let why = match hinge.choice {
        Choice::ChosenAddresses => {
            "it may hang on the addresses that pods will get: an ipBlock holds some of them and not all; give --pod-cidr"
        }
        _ => {
            "it may hang on labels of namespaces whose objects are not given: a namespaceSelector asks for them"
        }
    };
    let of_user = |r: &&mut CheckResult| {
        let number = r.id.strip_prefix("KP").and_then(|n| n.parse::<u32>().ok());
        number.is_none_or(|n| n > 12) && r.verdict == Verdict::Proven
    };
    for result in results.iter_mut().filter(of_user) {
        result.verdict = Verdict::Unknown;
        why.clone_into(&mut result.detail);
        result.depends_on.clear();
    }
}

/// Where the input holds something that the model does not cover and that can change who reaches whom, nothing is known
/// of messages; only who has which address, and who is behind which Service, is.
pub(super) fn cannot_say(cluster: &Cluster, results: &mut [CheckResult]) {
    let Some(first) = cluster.reading.unmodelled.first() else {
        return;
    };
    let count = cluster.reading.unmodelled.len();
    let more = if count > 1 {
        format!(" and {} more", count - 1)
    } else {
        String::new()
    };
    let about = |r: &&mut CheckResult| {
        !matches!(r.id.as_str(), "KP001" | "KP012")
            && matches!(r.verdict, Verdict::Proven | Verdict::Violated)
    };
    for result in results.iter_mut().filter(about) {
        let without = if result.verdict == Verdict::Proven {
            "proven"
        } else {
            "violated"
        };
        result.detail = format!(
            "an object of kind `{}`{more} can change who reaches whom and is not modelled; without it: {without}",
            first.kind
        );
        result.verdict = Verdict::Unknown;
        result.counterexample = None;
        result.depends_on.clear();
    }
}
