//! How many pairs policies take out, and what to warn of where no verdict is asked for.
//!
//! Must never know: verdicts of constraints other than KP003, formats of output.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::inet::Family;
use crate::model::policy::Settings;
use crate::network::gate::{Direction, Gate};
use crate::policy::{self, hinges::Choice, labels::Whose};
use crate::verify::verdict::{CheckResult, Verdict};

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
    let names = domain_names(cluster, settings).map(|(_, origin)| {
        let message =
            "what these domain names stand for is not known: the answer is for no address";
        let help = "`verify` says which verdicts hang on them; `networks` instead of them says it for good";
        Diagnostic::error("F006", origin, message).warning().help(help)
    });
    let unmodelled = cluster.reading.unmodelled.iter().map(|object| {
        let kind = &object.kind;
        let message = format!("`{kind}` can change who reaches whom and is not modelled");
        Diagnostic::error("F004", object.origin, message)
            .warning()
            .help(format!(
                "`--ignore-kind {kind}` takes for granted that it does not"
            ))
    });
    let said = unmodelled.chain(names);
    said.chain(not_said(cluster, settings)).collect()
}

/// What the input does not say, while policies or Services ask for it.
pub fn not_said(cluster: &Cluster, settings: Settings) -> Vec<Diagnostic> {
    let hinges = policy::hangs_on(cluster, &settings).into_iter();
    let hinges: Vec<_> = hinges
        .filter(|h| h.flipped.is_none() || h.choice == Choice::EqualPriority)
        .collect();
    // Of more than two it is said once.
    let several = hinges.iter().any(|h| h.choice == Choice::EqualPriorities);
    let hinges = hinges
        .into_iter()
        .filter(move |h| !(several && h.choice == Choice::EqualPriority));
    let hinges = hinges.map(|hinge| {
        let (message, help) = match hinge.choice {
            Choice::ChosenAddresses => (
                "this ipBlock holds some of the addresses that pods may get, and not all: the answer is for one choice",
                "`--pod-cidr` says where pods get their addresses",
            ),
            Choice::EqualPriorities => (
                "this policy and others have equal priority, whose order Kubernetes does not define: the answer is for the order of their names",
                "give them priorities of their own",
            ),
            Choice::TwoKinds => (
                "this policy and one of another kind are of one tier, and no order between the two kinds is defined: the answer is for one order",
                "use one of the two kinds",
            ),
            Choice::Labels(Whose::Pods) => (
                "this selector asks for labels that controllers give to pods of templates, with values that nobody knows: the answer is for some others",
                "what `kubectl get -o yaml` printed of the pods has them",
            ),
            Choice::Labels(Whose::Snapshot) => (
                "this selector asks for labels of pods of the snapshot that have no Pod object beside it: they are taken to have none",
                "put what `kubectl get pods -A -o yaml` printed beside the snapshot",
            ),
            Choice::Labels(Whose::Nodes) => (
                "this selector asks for labels of nodes that are not given: they are taken to have none",
                "what `kubectl get -o yaml` printed of the nodes has them",
            ),
            Choice::NodeAddresses => (
                "this block holds some of the addresses that nodes may get, and not all: the answer is for one choice",
                "what `kubectl get -o yaml` printed of the nodes has them",
            ),
            Choice::EqualPriority => (
                "this policy and another have equal priority, whose order Kubernetes does not define: the answer is for the order of their names",
                "give them priorities of their own; `verify` says which verdicts hang on it",
            ),
            _ => (
                "this selector asks for labels of namespaces whose objects are not given: they are taken to have none",
                "add the Namespace objects",
            ),
        };
        Diagnostic::error("F006", hinge.origin, message).warning().help(help)
    });
    let unclear = policy::unclear(cluster, &settings);
    let nodes = cluster.nodes.iter();
    let first = nodes.filter(|n| n.daemons.iter().any(|d| unclear.contains(&d.id)));
    let unclear = first.take(1).map(|node| {
        let message = "with host-network-policy=pod, policies mean a pod by the addresses of its node, which other processes there have too";
        Diagnostic::error("F006", node.origin, message)
            .warning()
            .help("what is said of processes of such nodes is not exact")
    });
    hinges.chain(unclear).collect()
}

/// Where what is said may hang on what domain names of policies stand for: the settings under which they stand for every
/// address instead of none, and where they are written. What is the same under both is known.
pub fn domain_names(cluster: &Cluster, settings: Settings) -> Option<(Settings, Span)> {
    let hinges = policy::hangs_on(cluster, &settings);
    let hinge = hinges.iter().find(|h| h.choice == Choice::DomainNames)?;
    Some((hinge.flipped?, hinge.origin))
}
