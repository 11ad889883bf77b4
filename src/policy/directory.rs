//! Who there is, by namespace and labels, and which addresses they have.
//!
//! Knows: selectors, members. Must never know: rules, tiers.
//!
//! A member is what a selector of pods can mean: a pod; and, where a hostNetwork pod counts as a pod
//! (`host-network-policy=pod`), that pod with all addresses of its node. Nodes themselves are never members.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::model::cluster::{Cluster, NAME_LABEL, NamedPort};
use crate::model::entity::EntityId;
use crate::model::inet::IpNet;
use crate::model::policy::{Operator, Requirement, Selector, Settings};
use crate::network::gate::AddressSet;

/// What a selector of pods can mean.
#[derive(Debug)]
pub(super) struct Member<'c> {
    /// Its labels.
    pub(super) labels: &'c BTreeMap<String, String>,
    /// Names of its ports, in the order in which they are searched.
    pub(super) named_ports: &'c [NamedPort],
    /// Its addresses.
    pub(super) addresses: Vec<IpAddr>,
    /// The node it is on.
    pub(super) node: EntityId,
    /// Whose gates it has: the pod; for a hostNetwork pod its containers, which are daemons.
    pub(super) subjects: Vec<EntityId>,
}

/// Members that a selector selects, by their place in the directory.
#[derive(Debug)]
pub(super) struct Selection {
    /// Ascending.
    pub(super) members: Vec<usize>,
    addresses: OnceCell<Arc<AddressSet>>,
}

/// Which namespaces: one by name, or those with labels.
type Where = Result<String, Vec<Requirement>>;
/// Which namespaces, and which of their pods.
type Question = (Where, Vec<Requirement>);

/// All members of a cluster.
#[derive(Debug)]
pub(super) struct Directory<'c> {
    /// Pods by id, then hostNetwork pods.
    pub(super) members: Vec<Member<'c>>,
    namespaces: BTreeMap<&'c str, Namespace<'c>>,
    nodes: HashMap<EntityId, Arc<AddressSet>>,
    cluster: &'c Cluster,
    selections: RefCell<HashMap<Question, Rc<Selection>>>,
    selected_nodes: RefCell<HashMap<Vec<Requirement>, Arc<AddressSet>>>,
    held: OnceCell<AddressSet>,
}

#[derive(Debug, Default)]
struct Namespace<'c> {
    labels: BTreeMap<String, String>,
    members: Vec<usize>,
    given: Option<&'c BTreeMap<String, String>>,
}

impl Namespace<'_> {
    fn labels(&self) -> &BTreeMap<String, String> {
        self.given.unwrap_or(&self.labels)
    }
}

impl<'c> Directory<'c> {
    /// The members of a cluster under these settings.
    pub(super) fn of(cluster: &'c Cluster, settings: Settings) -> Self {
        let mut members = Vec::new();
        let mut namespaces: BTreeMap<&'c str, Namespace<'c>> = BTreeMap::new();
        for namespace in &cluster.namespaces {
            let row = namespaces.entry(&namespace.name).or_default();
            row.given = Some(&namespace.labels);
        }
        let mut add = |namespace: &'c str, member: Member<'c>| {
            let row = namespaces.entry(namespace).or_insert_with(|| Namespace {
                labels: [(NAME_LABEL.to_owned(), namespace.to_owned())].into(),
                ..Namespace::default()
            });
            row.members.push(members.len());
            members.push(member);
        };
        for pod in &cluster.pods {
            let namespace = cluster.name_of(pod.id).parts.first();
            let member = Member {
                labels: &pod.labels,
                named_ports: &pod.named_ports,
                addresses: pod.addresses.iter().map(|a| a.ip).collect(),
                node: pod.node,
                subjects: vec![pod.id],
            };
            add(namespace.map_or("default", String::as_str), member);
        }
        let nodes: HashMap<EntityId, Vec<IpAddr>> = cluster
            .nodes
            .iter()
            .map(|node| (node.id, node.addresses.iter().map(|a| a.ip).collect()))
            .collect();
        for pod in cluster
            .host_pods
            .iter()
            .filter(|_| settings.host_network_as_pod)
        {
            let member = Member {
                labels: &pod.labels,
                named_ports: &pod.named_ports,
                addresses: nodes.get(&pod.node).cloned().unwrap_or_default(),
                node: pod.node,
                subjects: pod.daemons.clone(),
            };
            add(&pod.namespace, member);
        }
        let nodes = nodes
            .into_iter()
            .map(|(id, all)| (id, Arc::new(set(all))))
            .collect();
        Self {
            members,
            namespaces,
            nodes,
            cluster,
            selections: RefCell::default(),
            selected_nodes: RefCell::default(),
            held: OnceCell::new(),
        }
    }

    /// The members of the selected namespaces (none is the namespace `own`) that the other selector selects.
    pub(super) fn select(
        &self,
        own: &str,
        namespaces: Option<&Selector>,
        pods: &Selector,
    ) -> Rc<Selection> {
        let place = match namespaces {
            None => Ok(own.to_owned()),
            Some(selector) => Err(selector.requirements.clone()),
        };
        let key = (place, pods.requirements.clone());
        if let Some(known) = self.selections.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut selected: Vec<usize> = match namespaces {
            None => self.namespaces.get(own).into_iter().collect::<Vec<_>>(),
            Some(selector) => self.namespaces_of(selector),
        }
        .into_iter()
        .flat_map(|namespace| &namespace.members)
        .copied()
        .filter(|&at| pods.matches(self.members[at].labels))
        .collect();
        selected.sort_unstable();
        let selection = Rc::new(Selection {
            members: selected,
            addresses: OnceCell::new(),
        });
        let mut selections = self.selections.borrow_mut();
        selections.insert(key, Rc::clone(&selection));
        selection
    }

    fn namespaces_of(&self, selector: &Selector) -> Vec<&Namespace<'c>> {
        // Most selectors of namespaces name one: no need to ask them all.
        let named = selector
            .requirements
            .iter()
            .find_map(|r| match &r.operator {
                Operator::In(values) if r.key == NAME_LABEL => Some(values),
                _ => None,
            });
        let candidates: Vec<&Namespace<'c>> = match named {
            Some(names) => names
                .iter()
                .filter_map(|name| self.namespaces.get(name.as_str()))
                .collect(),
            None => self.namespaces.values().collect(),
        };
        let selected = |namespace: &&Namespace<'c>| selector.matches(namespace.labels());
        candidates.into_iter().filter(selected).collect()
    }

    /// The addresses of a selection.
    pub(super) fn addresses(&self, selection: &Selection) -> Arc<AddressSet> {
        let all = || {
            let members = selection.members.iter().map(|&at| &self.members[at]);
            Arc::new(set(members.flat_map(|m| m.addresses.iter().copied())))
        };
        Arc::clone(selection.addresses.get_or_init(all))
    }

    /// The addresses of the nodes with these labels.
    pub(super) fn nodes(&self, selector: &Selector) -> Arc<AddressSet> {
        let mut known = self.selected_nodes.borrow_mut();
        let all = || {
            let nodes = self.cluster.nodes.iter();
            let nodes = nodes.filter(|node| selector.matches(&node.labels));
            Arc::new(set(nodes.flat_map(|n| n.addresses.iter().map(|a| a.ip))))
        };
        let entry = known.entry(selector.requirements.clone());
        Arc::clone(entry.or_insert_with(all))
    }

    /// The addresses of a node.
    pub(super) fn node(&self, id: EntityId) -> Arc<AddressSet> {
        self.nodes.get(&id).cloned().unwrap_or_default()
    }

    /// The addresses that pods hold; nodes' are none of them.
    pub(super) fn held(&self) -> &AddressSet {
        self.held.get_or_init(|| {
            let pods = self.cluster.pods.iter();
            set(pods.flat_map(|pod| pod.addresses.iter().map(|a| a.ip)))
        })
    }
}

/// Single addresses as a set.
pub(super) fn set(addresses: impl IntoIterator<Item = IpAddr>) -> AddressSet {
    AddressSet::of(addresses.into_iter().map(IpNet::from))
}
