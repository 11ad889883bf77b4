//! Labels that controllers give to the pods of templates.
//!
//! Source: kubernetes.io, *Well-Known Labels, Annotations and Taints*; *StatefulSet*; *Job*.
//! Knows: which labels, and which values can be known. Must never know: who asks for them.

use std::collections::BTreeMap;

use super::super::workload::{Count, WorkloadObject};
use crate::model::labels::{OF_SINGLE_PODS, some_value};

const NAMES_OF_JOBS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UIDS_OF_JOBS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

/// The labels of the pod of this number, from 1 on. Hashes, and names and ids that are made when the cluster runs, are there
/// with values that nobody knows.
pub(super) fn labels(workload: &WorkloadObject, number: usize) -> BTreeMap<String, String> {
    let mut all = workload.labels.clone();
    let name = &workload.meta.name;
    let own = format!("{}/{}/{name}", workload.kind, workload.meta.namespace);
    let mut add = |key: &str, value: String| drop(all.insert(key.to_owned(), value));
    let some = |key: &str| some_value(&format!("{key} of {own}"));
    let series = workload.series;
    let [pod_name, pod_index, job_index] = OF_SINGLE_PODS;
    match workload.kind {
        "deployment" => add("pod-template-hash", some("pod-template-hash")),
        "statefulset" => {
            let ordinal = number - 1 + series.start as usize;
            let pod = format!("{name}-{ordinal}");
            add(pod_name, pod);
            add(pod_index, ordinal.to_string());
            add("controller-revision-hash", some("controller-revision-hash"));
        }
        "daemonset" => {
            for key in ["controller-revision-hash", "pod-template-generation"] {
                add(key, some(key));
            }
        }
        "job" | "cronjob" => {
            if !series.manual {
                for key in UIDS_OF_JOBS {
                    add(key, some("controller-uid"));
                }
                for key in NAMES_OF_JOBS {
                    let known = workload.kind == "job";
                    add(
                        key,
                        if known {
                            name.clone()
                        } else {
                            some("job-name")
                        },
                    );
                }
            }
            if series.indexed {
                // Of more than run at once nobody knows which do.
                let all = series.completions.map(Count::Fixed);
                let index = if all == Some(workload.count) {
                    (number - 1).to_string()
                } else {
                    some(&format!("{job_index} of pod {number}"))
                };
                add(job_index, index);
            }
        }
        _ => {}
    }
    all
}
