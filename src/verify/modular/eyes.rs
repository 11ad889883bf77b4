//! What the policies of a cluster look at: labels of pods and nodes, names of ports.
//!
//! Must never know: classes, what policies say.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cluster::Cluster;
use crate::model::policy::{Peer, PortsOf, Selector};

/// What policies look at.
#[derive(Debug, Default)]
pub(super) struct Eyes<'c> {
    pub(super) policies: bool,
    pod_labels: BTreeSet<&'c str>,
    node_labels: BTreeSet<&'c str>,
    pub(super) named_ports: bool,
}

impl<'c> Eyes<'c> {
    pub(super) fn of(cluster: &'c Cluster) -> Self {
        let mut eyes = Self {
            policies: !cluster.policies.is_empty(),
            pod_labels: BTreeSet::new(),
            node_labels: BTreeSet::new(),
            named_ports: false,
        };
        for policy in &cluster.policies.network {
            eyes.select(&policy.subject);
            for rule in policy.ingress.iter().chain(&policy.egress).flatten() {
                rule.peers.iter().flatten().for_each(|p| eyes.peer(p));
                let mut ports = rule.ports.iter().flatten();
                eyes.named_ports |= ports.any(|p| matches!(p.ports, PortsOf::Named(_)));
            }
        }
        for policy in &cluster.policies.cluster {
            eyes.peer(&policy.subject);
            for rule in policy.ingress.iter().chain(&policy.egress) {
                rule.peers.iter().for_each(|p| eyes.peer(p));
                let mut ports = rule.ports.iter().flatten();
                eyes.named_ports |= ports.any(|p| matches!(p.ports, PortsOf::Named(_)));
            }
        }
        eyes
    }

    fn select(&mut self, selector: &'c Selector) {
        let keys = selector.requirements.iter().map(|r| r.key.as_str());
        self.pod_labels.extend(keys);
    }

    fn peer(&mut self, peer: &'c Peer) {
        match peer {
            // Labels of namespaces are told by the namespace, which is part of the key.
            Peer::Pods { pods, .. } => self.select(pods),
            Peer::Nodes { nodes, .. } => {
                let keys = nodes.requirements.iter().map(|r| r.key.as_str());
                self.node_labels.extend(keys);
            }
            Peer::Block(_) | Peer::FailsClosed { .. } => {}
        }
    }

    /// The labels of a pod that they look at.
    pub(super) fn pods(&self, labels: &'c BTreeMap<String, String>) -> Vec<(&'c str, &'c str)> {
        kept(&self.pod_labels, labels)
    }

    /// Those of a node.
    pub(super) fn nodes(&self, labels: &'c BTreeMap<String, String>) -> Vec<(&'c str, &'c str)> {
        kept(&self.node_labels, labels)
    }
}

fn kept<'c>(
    keys: &BTreeSet<&str>,
    labels: &'c BTreeMap<String, String>,
) -> Vec<(&'c str, &'c str)> {
    let mine = labels.iter().filter(|(key, _)| keys.contains(key.as_str()));
    mine.map(|(k, v)| (k.as_str(), v.as_str())).collect()
}
