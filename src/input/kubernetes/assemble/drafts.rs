//! Pods before they have a node and an address: those that are there, and those that templates stand for.
//!
//! Must never know: addresses that are chosen, ids.

use std::collections::{BTreeMap, HashMap};

use super::super::pod::{ContainerObject, Phase, PodObject, PodSpec};
use super::super::schedule::Wants;
use super::super::workload::{Count, WorkloadObject};
use super::PodFacts;
use super::controllers;
use super::nodes::NodeDraft;
use super::owners::{Owners, present};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::cluster::{Address, Workload};
use crate::model::labels::Open;

/// More pods than this are no cluster that runs.
const MOST: usize = 500_000;

/// A pod.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a pod")]
pub(super) struct Draft {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The kind of the workload whose template it stands for.
    pub(super) template: Option<&'static str>,
    pub(super) labels: BTreeMap<String, String>,
    /// Which others it may have.
    pub(super) open: Open,
    pub(super) workload: Option<Workload>,
    pub(super) node: Option<String>,
    /// Whether it is surely there.
    pub(super) node_given: bool,
    /// What it asks of its node.
    pub(super) wants: Option<Box<Wants>>,
    pub(super) host_network: bool,
    pub(super) containers: Vec<ContainerObject>,
    pub(super) addresses: Vec<Address>,
    pub(super) host_ips: Vec<Address>,
    /// It has no status.
    pub(super) manifest: bool,
    pub(super) pending: bool,
    pub(super) facts: PodFacts,
    pub(super) origin: Span,
}

/// The pods that are there and hold a network. What has ended holds none.
pub(super) fn given(pods: Vec<PodObject>, owners: &Owners<'_>) -> Vec<Draft> {
    let mut all = Vec::with_capacity(pods.len());
    // The API server makes names of `generateName`; here they are numbered.
    let mut generated: HashMap<(String, String), usize> = HashMap::new();
    for pod in pods {
        let workload = owners.of(&pod.meta);
        let mut name = pod.meta.name;
        if pod.generated {
            let key = (pod.meta.namespace.clone(), name.clone());
            let count = generated.entry(key).or_default();
            *count += 1;
            name = format!("{name}#{count}");
        }
        let manifest = pod.status.is_none();
        let (phase, addresses, host_ips, ready) = match pod.status {
            None => (Phase::Running, Vec::new(), Vec::new(), true),
            Some(s) => (s.phase, s.ips, s.host_ips, s.ready),
        };
        if phase == Phase::Ended {
            continue;
        }
        let PodSpec {
            host_network,
            node,
            wants,
            gated,
            containers,
        } = pod.spec;
        let pending = (phase == Phase::Pending || gated) && addresses.is_empty();
        all.push(Draft {
            namespace: pod.meta.namespace,
            name,
            template: None,
            labels: pod.meta.labels,
            open: pod.open,
            workload,
            node_given: node.is_some(),
            node,
            wants,
            host_network,
            containers,
            pending,
            addresses,
            host_ips,
            manifest,
            facts: PodFacts {
                ready: ready && phase == Phase::Running && !pending,
                terminating: pod.meta.deleting,
            },
            origin: pod.origin,
        });
    }
    all
}

/// The templates that stand for pods: those of manifests, whose pods are not there and that nobody else makes.
pub(super) fn standing<'w>(
    workloads: &'w [WorkloadObject],
    pods: &[PodObject],
    owners: &Owners<'_>,
    problems: &mut Problems,
) -> Vec<&'w WorkloadObject> {
    let present = present(pods, owners);
    let mut all = Vec::new();
    for workload in workloads {
        let top = Workload {
            kind: workload.kind.to_owned(),
            name: workload.meta.name.clone(),
        };
        if owners.has_owner(workload) || present.contains(&(workload.meta.namespace.clone(), top)) {
            continue;
        }
        if !workload.live {
            all.push(workload);
        } else if workload.meta.owner.is_none()
            && !matches!(workload.kind, "job" | "cronjob")
            && !matches!(workload.count, Count::Fixed(0) | Count::PerNode)
        {
            let message = format!(
                "the {} {} has a status, so its pods are those that are there, and there is none",
                workload.kind,
                show(&workload.meta.name)
            );
            let diagnostic = Diagnostic::error("K007", workload.meta.span, message).warning();
            problems.push(diagnostic.help("dump its pods too, or leave its `status` out"));
        }
    }
    all
}

/// The pods that templates stand for; none where there would be too many.
pub(super) fn templates(
    workloads: &[&WorkloadObject],
    nodes: &[&NodeDraft],
    problems: &mut Problems,
) -> Option<Vec<Draft>> {
    let mut total = 0_usize;
    for workload in workloads {
        total = total.saturating_add(match workload.count {
            Count::Fixed(n) => n as usize,
            Count::PerNode => nodes.len(),
        });
        if total > MOST {
            let message = format!("the templates stand for more than {MOST} pods");
            problems.push(Diagnostic::error("K002", workload.meta.span, message));
            return None;
        }
    }
    let mut all = Vec::with_capacity(total);
    for workload in workloads {
        let one = |number: usize, on: Option<(&NodeDraft, bool)>| Draft {
            namespace: workload.meta.namespace.clone(),
            name: format!("{}#{number}", workload.meta.name),
            template: Some(workload.kind),
            labels: controllers::labels(workload, number),
            open: Open::Closed,
            workload: Some(Workload {
                kind: workload.kind.to_owned(),
                name: workload.meta.name.clone(),
            }),
            node: on.map_or_else(|| workload.spec.node.clone(), |(n, _)| Some(n.name.clone())),
            node_given: on.map_or(workload.spec.node.is_some(), |(_, sure)| sure),
            wants: workload.spec.wants.clone(),
            host_network: workload.spec.host_network,
            containers: workload.spec.containers.clone(),
            addresses: Vec::new(),
            host_ips: Vec::new(),
            manifest: true,
            pending: workload.spec.gated,
            facts: PodFacts {
                ready: !workload.spec.gated,
                terminating: false,
            },
            origin: workload.origin,
        };
        match workload.count {
            Count::Fixed(n) => all.extend((1..=n as usize).map(|number| one(number, None))),
            Count::PerNode => {
                let here = daemons(workload, nodes);
                all.extend((1..).zip(here).map(|(n, on)| one(n, Some(on))));
            }
        }
    }
    Some(all)
}

/// The nodes on which a DaemonSet has a pod, and whether that is sure.
fn daemons<'n>(
    workload: &WorkloadObject,
    nodes: &[&'n NodeDraft],
) -> impl Iterator<Item = (&'n NodeDraft, bool)> {
    let spec = &workload.spec;
    let wants = spec.wants.as_deref().cloned().unwrap_or_default();
    let wants = wants.of_daemons(spec.host_network);
    nodes.iter().filter_map(move |node| {
        let may = match &spec.node {
            Some(name) => Some(*name == node.name),
            None => wants.may_run(&node.place()),
        };
        (may != Some(false)).then_some((*node, may == Some(true)))
    })
}
