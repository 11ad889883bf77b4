//! Which workload a pod belongs to, and which workloads stand for pods of their own.
//!
//! Knows: ownerReferences, `pod-template-hash`. Must never know: addresses, nodes.

use std::collections::{HashMap, HashSet};

use super::super::meta::Meta;
use super::super::pod::PodObject;
use super::super::workload::{WorkloadObject, word};
use crate::model::cluster::Workload;

/// The label that a Deployment gives to the pods of each `ReplicaSet` of its own.
const HASH: &str = "pod-template-hash";

/// Kind, namespace and name of a workload.
type Key<'o> = (&'static str, &'o str, &'o str);
/// Kind and name of a controller.
type Controller = (String, String);

/// Who owns what, in one cluster.
#[derive(Debug)]
pub(super) struct Owners<'o> {
    /// By kind, namespace and name: the controller, if any.
    known: HashMap<Key<'o>, Option<&'o Controller>>,
}

impl<'o> Owners<'o> {
    pub(super) fn new(workloads: &'o [WorkloadObject]) -> Self {
        let known = workloads.iter().map(|w| {
            let key = (w.kind, w.meta.namespace.as_str(), w.meta.name.as_str());
            (key, w.meta.owner.as_ref())
        });
        let known = known.collect();
        Self { known }
    }

    /// The workload at the top of the chain that owns a pod: the Deployment, and not its ReplicaSet.
    pub(super) fn of(&self, meta: &Meta) -> Option<Workload> {
        let (kind, name) = meta.owner.as_ref()?;
        let mut top = (word(kind)?, name.as_str());
        // A chain is short; a circle is not to be followed for ever.
        for _ in 0..4 {
            let above = self.known.get(&(top.0, meta.namespace.as_str(), top.1));
            if let Some((kind, name)) = above.copied().flatten() {
                let Some(kind) = word(kind) else {
                    break;
                };
                top = (kind, name);
                continue;
            }
            if top.0 == "replicaset"
                && above.is_none()
                && let Some(hash) = meta.labels.get(HASH)
                && let Some(deployment) = top.1.strip_suffix(hash.as_str())
                && let Some(deployment) = deployment.strip_suffix('-')
            {
                top = ("deployment", deployment);
            }
            break;
        }
        Some(Workload {
            kind: top.0.to_owned(),
            name: top.1.to_owned(),
        })
    }

    /// Whether another workload of this cluster makes this one.
    pub(super) fn has_owner(&self, workload: &WorkloadObject) -> bool {
        workload.meta.owner.as_ref().is_some_and(|(kind, name)| {
            let owner = word(kind).map(|k| (k, workload.meta.namespace.as_str(), name.as_str()));
            owner.is_some_and(|key| self.known.contains_key(&key))
        })
    }
}

/// Namespace and workload of every pod that is there, ended ones among them.
pub(super) fn present(pods: &[PodObject], owners: &Owners<'_>) -> HashSet<(String, Workload)> {
    let all = pods
        .iter()
        .filter_map(|pod| Some((pod.meta.namespace.clone(), owners.of(&pod.meta)?)));
    all.collect()
}
