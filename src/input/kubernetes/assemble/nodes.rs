//! Nodes: those that are given, those that pods name, and those that are made up where there is none.
//!
//! Must never know: which pods are on a node in the end.

use std::collections::{BTreeMap, HashMap};

use super::super::node::NodeObject;
use super::drafts::Draft;
use crate::base::source::Span;
use crate::model::cluster::Address;
use crate::model::inet::IpNet;

/// How many nodes are made up where there is none.
const MADE_UP: usize = 2;

/// A node.
#[derive(Debug)]
pub(super) struct NodeDraft {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) pod_cidrs: Vec<IpNet>,
    pub(super) addresses: Vec<Address>,
    /// Its status is given: it has the addresses that are listed and no others.
    pub(super) known: bool,
    pub(super) origin: Span,
}

/// All nodes, by name.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) all: Vec<NodeDraft>,
    by_name: HashMap<String, usize>,
}

impl Nodes {
    pub(super) fn new(objects: Vec<NodeObject>) -> Self {
        let mut nodes = Self::default();
        for node in objects {
            nodes.add(NodeDraft {
                name: node.meta.name,
                labels: node.meta.labels,
                pod_cidrs: node.pod_cidrs,
                known: node.addresses.is_some(),
                addresses: node.addresses.unwrap_or_default(),
                origin: node.origin,
            });
        }
        nodes
    }

    fn add(&mut self, node: NodeDraft) -> usize {
        let at = self.all.len();
        self.by_name.insert(node.name.clone(), at);
        self.all.push(node);
        at
    }

    /// The node of a name, new where nobody spoke of it yet.
    pub(super) fn named(&mut self, name: &str, origin: Span) -> usize {
        if let Some(&at) = self.by_name.get(name) {
            return at;
        }
        self.add(NodeDraft {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            pod_cidrs: Vec::new(),
            addresses: Vec::new(),
            known: false,
            origin,
        })
    }

    /// What a running pod says of its node: that it is there, and what its addresses are.
    pub(super) fn told_by(&mut self, pod: &Draft) {
        let Some(name) = &pod.node else {
            return;
        };
        let at = self.named(name, pod.origin);
        // A pod of the host network has the addresses of its node.
        let own: &[Address] = if pod.host_network {
            &pod.addresses
        } else {
            &[]
        };
        let node = &mut self.all[at];
        for address in pod.host_ips.iter().chain(own) {
            if node.addresses.iter().all(|a| a.ip != address.ip) {
                node.addresses.push(*address);
            }
        }
    }

    /// Makes up nodes where there is none.
    pub(super) fn make_up(&mut self, origin: Span) {
        for number in 1..=MADE_UP {
            self.add(NodeDraft {
                name: format!("some-{number}"),
                labels: BTreeMap::new(),
                pod_cidrs: Vec::new(),
                addresses: Vec::new(),
                known: false,
                origin,
            });
        }
    }

    /// The place of a node of this name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Names in canonical order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.all.iter().map(|n| n.name.clone()).collect();
        names.sort_by(|a, b| crate::model::entity::natural_cmp(a, b));
        names
    }
}
