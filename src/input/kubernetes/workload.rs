//! Workloads with a pod template: Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob.
//!
//! Knows: where each keeps its template and how many pods it wants. Must never know: which pods are running already.

use std::collections::BTreeMap;

use super::meta::{self, Meta};
use super::pod::{PodSpec, read_spec};
use super::template;
use crate::base::source::Span;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;

/// How many pods a template stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Fixed(u32),
    /// One on each node.
    PerNode,
}

/// A workload as written.
#[derive(Debug)]
pub struct WorkloadObject {
    /// The kind in lower case: `deployment`.
    pub kind: &'static str,
    /// Name, namespace, owner.
    pub meta: Meta,
    /// How many pods.
    pub count: Count,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// What its pods run.
    pub spec: PodSpec,
    /// Whether it has a status: it is at work, and its pods are those of the dump.
    pub live: bool,
    /// Where it is written.
    pub origin: Span,
}

/// The word that begins the name of a workload's pods, by kind.
pub(super) fn word(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Deployment" => "deployment",
        "StatefulSet" => "statefulset",
        "DaemonSet" => "daemonset",
        "ReplicaSet" => "replicaset",
        "ReplicationController" => "replicationcontroller",
        "Job" => "job",
        "CronJob" => "cronjob",
        _ => return None,
    })
}

const TOP: &[&str] = &["apiVersion", "kind", "metadata", "status", "$schema"];
#[rustfmt::skip]
const SPEC: &[&str] = &[
    "selector", "strategy", "updateStrategy", "minReadySeconds", "revisionHistoryLimit", "paused",
    "progressDeadlineSeconds", "serviceName", "podManagementPolicy", "volumeClaimTemplates",
    "persistentVolumeClaimRetentionPolicy", "ordinals", "activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex",
    "completionMode", "completions", "managedBy", "manualSelector", "maxFailedIndexes", "podFailurePolicy",
    "podReplacementPolicy", "successPolicy", "ttlSecondsAfterFinished", "schedule", "timeZone", "concurrencyPolicy",
    "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit",
];

/// Reads one of this kind.
pub(super) fn read(kind: &str, node: Node<'_>, problems: &mut Problems) -> Option<WorkloadObject> {
    let before = problems.errors();
    let kind = word(kind)?;
    let mut top = Fields::of(node, "a workload", problems)?;
    let origin = top.span();
    let meta = Meta::read(&mut top, problems);
    let live = template::status(&mut top).is_some();
    let spec = top.required("spec", problems);
    let mut fields = Fields::of(spec?, "`spec` of a workload", problems)?;
    let mut count = Count::Fixed(1);
    let number = |key, fields: &mut Fields<'_>, problems: &mut Problems| {
        let given = fields.get(key);
        let number = given.and_then(|n| decode::integer(n, 0..=i128::from(i32::MAX), problems));
        number.and_then(|n| u32::try_from(n).ok())
    };
    match kind {
        "daemonset" => count = Count::PerNode,
        "job" => {
            if let Some(n) = number("parallelism", &mut fields, problems) {
                count = Count::Fixed(n);
            }
        }
        "cronjob" => {}
        _ => {
            if let Some(n) = number("replicas", &mut fields, problems) {
                count = Count::Fixed(n);
            }
        }
    }
    if matches!(kind, "job" | "cronjob")
        && let Some(suspend) = fields.get("suspend")
        && decode::boolean(suspend, problems) == Some(true)
    {
        count = Count::Fixed(0);
    }
    let template = if kind == "cronjob" {
        let job = fields.required("jobTemplate", problems);
        let job = job.and_then(|j| Fields::of(j, "`jobTemplate`", problems));
        let job = job.and_then(|mut j| j.required("spec", problems));
        let job = job.and_then(|j| Fields::of(j, "`spec` of a job template", problems));
        job.and_then(|mut j| {
            if let Some(n) = number("parallelism", &mut j, problems)
                && count != Count::Fixed(0)
            {
                count = Count::Fixed(n);
            }
            let template = j.required("template", problems);
            j.finish_lenient(SPEC, problems);
            template
        })
    } else {
        fields.required("template", problems)
    };
    fields.finish_lenient(SPEC, problems);
    top.finish_lenient(TOP, problems);
    let pods = template.and_then(|t| read_template(t, problems));
    if problems.errors() > before {
        return None;
    }
    let (labels, spec) = pods?;
    Some(WorkloadObject {
        kind,
        meta: meta?,
        count,
        labels,
        spec,
        live,
        origin,
    })
}

/// The labels of the pods and what they run.
fn read_template(
    node: Node<'_>,
    problems: &mut Problems,
) -> Option<(BTreeMap<String, String>, PodSpec)> {
    let mut fields = Fields::of(node, "a pod template", problems)?;
    let meta = fields.get("metadata");
    let meta = meta.and_then(|m| Fields::of(m, "`metadata` of a template", problems));
    let labels = meta.and_then(|mut m| m.get("labels"));
    let labels = labels.and_then(|l| meta::labels(l, problems));
    let spec = fields.required("spec", problems);
    let spec = spec.and_then(|s| read_spec(s, problems));
    fields.finish_lenient(&[], problems);
    Some((labels.unwrap_or_default(), spec?))
}
