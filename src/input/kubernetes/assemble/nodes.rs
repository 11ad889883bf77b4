//! Nodes: those that are given, those that pods name, and those that are made up where there is none.
//!
//! Must never know: which pods are on a node in the end.

use std::collections::{BTreeMap, HashMap};

use super::super::node::NodeObject;
use super::super::schedule::{Place, Taint};
use crate::base::source::Span;
use crate::model::cluster::Address;
use crate::model::inet::IpNet;
use crate::model::labels::Open;

/// How many nodes are made up where there is none.
const MADE_UP: usize = 2;

/// A node.
#[derive(Debug)]
pub(super) struct NodeDraft {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Which labels it may have beside these.
    pub(super) open: Open,
    pub(super) taints: Vec<Taint>,
    pub(super) pod_cidrs: Vec<IpNet>,
    pub(super) addresses: Vec<Address>,
    pub(super) addresses_chosen: bool,
    /// Its status is given: it has the addresses that are listed and no others.
    pub(super) known: bool,
    pub(super) origin: Span,
}

impl NodeDraft {
    /// A node of which only the name is known.
    fn unknown(name: String, origin: Span) -> Self {
        Self {
            name,
            labels: BTreeMap::new(),
            open: Open::All,
            taints: Vec::new(),
            pod_cidrs: Vec::new(),
            addresses: Vec::new(),
            addresses_chosen: false,
            known: false,
            origin,
        }
    }

    /// As somewhere that pods may run.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            name: &self.name,
            labels: &self.labels,
            open: self.open,
            taints: &self.taints,
        }
    }
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
                open: node.open,
                taints: node.taints,
                addresses_chosen: false,
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
        self.add(NodeDraft::unknown(name.to_owned(), origin))
    }

    /// What a running pod says of its node: that it is there, and what its addresses are.
    pub(super) fn told_by<'a>(
        &mut self,
        name: &str,
        addresses: impl Iterator<Item = &'a Address>,
        origin: Span,
    ) {
        let at = self.named(name, origin);
        let node = &mut self.all[at];
        for address in addresses {
            if node.addresses.iter().all(|a| a.ip != address.ip) {
                node.addresses.push(*address);
            }
        }
    }

    /// Makes up nodes where there is none.
    pub(super) fn make_up(&mut self, origin: Span) {
        for number in 1..=MADE_UP {
            self.add(NodeDraft::unknown(format!("some-{number}"), origin));
        }
    }

    /// The place of a node of this name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// All of them in canonical order.
    pub(super) fn in_order(&self) -> Vec<&NodeDraft> {
        let mut all: Vec<&NodeDraft> = self.all.iter().collect();
        all.sort_by(|a, b| crate::model::entity::natural_cmp(&a.name, &b.name));
        all
    }
}
