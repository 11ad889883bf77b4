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

/// How the pods of a workload are numbered and known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Series {
    /// `ordinals.start`: the number of the first pod.
    pub start: u32,
    /// `completionMode: Indexed`.
    pub indexed: bool,
    /// `completions`: so many pods in all, where that is said.
    pub completions: Option<u32>,
    /// `manualSelector`: the job's pods are not labelled with it.
    pub manual: bool,
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
    /// What its controller says of its pods by labels.
    pub series: Series,
    /// The labels of its template.
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
    "persistentVolumeClaimRetentionPolicy", "activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex",
    "managedBy", "maxFailedIndexes", "podFailurePolicy",
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
    let mut series = Series::default();
    match kind {
        "daemonset" => count = Count::PerNode,
        "job" => count = job(&mut fields, &mut series, problems),
        "cronjob" => {}
        _ => {
            if let Some(n) = number("replicas", &mut fields, problems) {
                count = Count::Fixed(n);
            }
            if kind == "statefulset"
                && let Some(ordinals) = fields.get("ordinals")
                && let Some(mut ordinals) = Fields::of(ordinals, "`ordinals`", problems)
            {
                series.start = number("start", &mut ordinals, problems).unwrap_or(0);
                ordinals.finish_lenient(&[], problems);
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
        let made = fields.required("jobTemplate", problems);
        let made = made.and_then(|j| Fields::of(j, "`jobTemplate`", problems));
        let made = made.and_then(|mut j| j.required("spec", problems));
        let made = made.and_then(|j| Fields::of(j, "`spec` of a job template", problems));
        made.and_then(|mut j| {
            let of_one = job(&mut j, &mut series, problems);
            if count != Count::Fixed(0) {
                count = of_one;
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
        series,
        labels,
        spec,
        live,
        origin,
    })
}

/// A number that counts something.
fn number(key: &'static str, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u32> {
    let given = fields.get(key);
    let number = given.and_then(|n| decode::integer(n, 0..=i128::from(i32::MAX), problems));
    number.and_then(|n| u32::try_from(n).ok())
}

/// What a job says of its pods: no more run at once than have to complete.
fn job(fields: &mut Fields<'_>, series: &mut Series, problems: &mut Problems) -> Count {
    let mode = fields.get("completionMode");
    series.indexed = mode.is_some_and(|n| n.as_str() == Some("Indexed"));
    series.completions = number("completions", fields, problems);
    let manual = fields.get("manualSelector");
    series.manual = manual.and_then(|n| decode::boolean(n, problems)) == Some(true);
    let at_once = number("parallelism", fields, problems).unwrap_or(1);
    Count::Fixed(series.completions.map_or(at_once, |all| all.min(at_once)))
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
