//! What is asked of one end, of a point at hand and of a pod that could be added.
//!
//! Must never know: policies, the other end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::net::representatives;
use super::point::{Point, PointKind};
use crate::model::cluster::{Cluster, NAME_LABEL};
use crate::model::entity::EntityId;
use crate::model::inet::{IpNet, Protocol};
use crate::model::policy::{IpBlock, Operator, Requirement, Selector};
use crate::smt::term::{Sort, TermId, TermPool};

/// Something that tells points apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trait {
    /// A pod of this namespace (none: of any) with these labels, in a namespace with these.
    Pod {
        /// The name of the namespace.
        namespace: Option<String>,
        /// What its labels must be.
        namespaces: Vec<Requirement>,
        /// What the pod's labels must be.
        pods: Vec<Requirement>,
    },
    /// An address of a block; of pods only where they are meant too.
    Block(IpNet, Vec<IpNet>, bool),
    /// A node with these labels.
    Node(Vec<Requirement>),
    /// A process of a node.
    Daemon,
    /// IPv6.
    V6,
    /// Everything that is sent to it.
    TakesAll,
    /// This port is open.
    Listens(u16, Protocol),
    /// It is on, or is, this node.
    OnNode(EntityId),
    /// It calls this port so.
    Called(String, Protocol, u16),
    /// The pod has this label with this value.
    Labelled(String, Option<String>),
}

impl Trait {
    /// Pods of a namespace, or of those with labels.
    pub fn pods(own: Option<&str>, namespaces: Option<&Selector>, pods: &Selector) -> Self {
        Self::Pod {
            namespace: own.map(str::to_owned),
            namespaces: namespaces.map_or(Vec::new(), |s| s.requirements.clone()),
            pods: pods.requirements.clone(),
        }
    }

    /// The addresses of a block.
    pub fn block(block: &IpBlock, pods_too: bool) -> Self {
        Self::Block(block.cidr, block.except.clone(), pods_too)
    }

    /// Of a point at hand.
    pub fn of(&self, point: &Point<'_>) -> bool {
        let all = |r: &[Requirement], labels| r.iter().all(|r| r.holds(labels));
        match self {
            Self::Pod {
                namespace,
                namespaces,
                pods,
            } => point.pod.is_some_and(|pod| {
                namespace.as_ref().is_none_or(|n| n == pod.namespace)
                    && all(namespaces, pod.namespace_labels)
                    && all(pods, pod.labels)
            }),
            Self::Block(cidr, except, pods_too) => {
                (*pods_too || point.pod.is_none()) && inside(*cidr, except, point.address)
            }
            Self::Node(labels) => point.node_labels.is_some_and(|own| all(labels, own)),
            Self::Daemon => point.kind == PointKind::Daemon,
            Self::V6 => point.address.is_ipv6(),
            Self::TakesAll => point.kind == PointKind::External,
            Self::Listens(port, protocol) => point
                .listens
                .iter()
                .any(|l| (l.0, l.1) == (*port, *protocol)),
            Self::OnNode(node) => point.node == Some(*node),
            Self::Called(name, protocol, port) => point.port_called(name, *protocol) == Some(*port),
            Self::Labelled(key, value) => {
                let own = point.pod.or(point.hosted);
                let own = own.and_then(|pod| pod.labels.get(key));
                own.is_some_and(|own| value.as_ref().is_none_or(|v| v == own))
            }
        }
    }
}

fn inside(cidr: IpNet, except: &[IpNet], address: IpAddr) -> bool {
    cidr.contains(&address) && !except.iter().any(|net| net.contains(&address))
}

/// Whose label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Pod,
    Namespace,
}

/// A pod that could be added: every label that is spoken of is an atom.
#[derive(Debug)]
pub struct Added<'c> {
    name: &'static str,
    pub(super) cluster: &'c Cluster,
    pub(super) has: BTreeMap<(Of, String), TermId>,
    pub(super) values: BTreeMap<(Of, String), BTreeMap<String, TermId>>,
    pub(super) ports: BTreeMap<(String, Protocol), (TermId, TermId)>,
    /// One address a region.
    pub(super) regions: Vec<IpAddr>,
    region: TermId,
}

/// The width of the number of a region.
const REGION: u32 = 24;

impl<'c> Added<'c> {
    /// A pod beside those of a cluster. `cuts`: the prefixes in question; `held`: the addresses that are taken.
    pub fn new(
        pool: &mut TermPool,
        name: &'static str,
        cluster: &'c Cluster,
        cuts: &[IpNet],
        held: &[IpAddr],
    ) -> Self {
        let everywhere = [
            IpNet::new_assert(IpAddr::from([0, 0, 0, 0]), 0),
            IpNet::new_assert(IpAddr::from([0u16; 8]), 0),
        ];
        Self {
            name,
            cluster,
            has: BTreeMap::new(),
            values: BTreeMap::new(),
            ports: BTreeMap::new(),
            regions: representatives(cuts, &everywhere, held),
            region: pool.variable(&format!("{name}.region"), Sort::BitVec(REGION)),
        }
    }

    pub(super) fn term(&mut self, pool: &mut TermPool, what: &Trait) -> TermId {
        match what {
            Trait::Pod {
                namespace,
                namespaces,
                pods,
            } => {
                let mut parts = Vec::new();
                if let Some(name) = namespace {
                    parts.push(self.value(pool, Of::Namespace, NAME_LABEL, name));
                }
                for (of, requirements) in [(Of::Namespace, namespaces), (Of::Pod, pods)] {
                    for requirement in requirements {
                        parts.push(self.requirement(pool, of, requirement));
                    }
                }
                pool.and(&parts)
            }
            Trait::Block(_, _, false) | Trait::Node(_) | Trait::Daemon | Trait::OnNode(_) => {
                pool.truth(false)
            }
            Trait::Block(cidr, except, true) => {
                self.in_regions(pool, |address| inside(*cidr, except, address))
            }
            Trait::V6 => self.in_regions(pool, |address| address.is_ipv6()),
            Trait::TakesAll | Trait::Listens(..) => pool.truth(true),
            Trait::Called(name, protocol, port) => {
                let port = pool.bits(u128::from(*port), 16);
                self.is_named(pool, name, *protocol, port)
            }
            Trait::Labelled(key, Some(value)) => self.value(pool, Of::Pod, key, value),
            Trait::Labelled(key, None) => self.has(pool, Of::Pod, key),
        }
    }

    fn in_regions(&self, pool: &mut TermPool, wanted: impl Fn(IpAddr) -> bool) -> TermId {
        let mut ways = Vec::new();
        for (i, address) in self.regions.iter().enumerate() {
            if wanted(*address) {
                let number = pool.bits(i as u128, REGION);
                ways.push(pool.eq(self.region, number));
            }
        }
        pool.or(&ways)
    }

    fn requirement(&mut self, pool: &mut TermPool, of: Of, r: &Requirement) -> TermId {
        let mut any = |values: &BTreeSet<String>, pool: &mut TermPool| {
            let ways: Vec<TermId> = values
                .iter()
                .map(|v| self.value(pool, of, &r.key, v))
                .collect();
            pool.or(&ways)
        };
        match &r.operator {
            Operator::In(values) => any(values, pool),
            Operator::NotIn(values) => {
                let any = any(values, pool);
                pool.not(any)
            }
            Operator::Exists => self.has(pool, of, &r.key),
            Operator::DoesNotExist => {
                let has = self.has(pool, of, &r.key);
                pool.not(has)
            }
        }
    }

    fn has(&mut self, pool: &mut TermPool, of: Of, key: &str) -> TermId {
        let name = format!("{}.{of:?}.{key}", self.name);
        let atom = self.has.entry((of, key.to_owned()));
        *atom.or_insert_with(|| pool.variable(&name, Sort::Bool))
    }

    fn value(&mut self, pool: &mut TermPool, of: Of, key: &str, value: &str) -> TermId {
        self.has(pool, of, key);
        let name = format!("{}.{of:?}.{key}={value}", self.name);
        let values = self.values.entry((of, key.to_owned())).or_default();
        let atom = values.entry(value.to_owned());
        *atom.or_insert_with(|| pool.variable(&name, Sort::Bool))
    }

    pub(super) fn is_named(
        &mut self,
        pool: &mut TermPool,
        name: &str,
        protocol: Protocol,
        port: TermId,
    ) -> TermId {
        let word = format!("{}.port.{name}.{protocol}", self.name);
        let entry = self.ports.entry((name.to_owned(), protocol));
        let (has, number) = *entry.or_insert_with(|| {
            let has = pool.variable(&word, Sort::Bool);
            let number = pool.variable(&format!("{word}.number"), Sort::BitVec(16));
            (has, number)
        });
        let same = pool.eq(number, port);
        pool.and(&[has, same])
    }

    /// A key has one value at most; an existing namespace has its own labels; there is a free address of its region.
    pub(super) fn sound(&mut self, pool: &mut TermPool) -> TermId {
        let mut parts = Vec::new();
        // Every namespace has its name for a label.
        parts.push(self.has(pool, Of::Namespace, NAME_LABEL));
        for ((of, key), values) in self.values.clone() {
            let has = self.has(pool, of, &key);
            let atoms: Vec<TermId> = values.values().copied().collect();
            for (i, atom) in atoms.iter().enumerate() {
                parts.push(pool.implies(*atom, has));
                for other in &atoms[..i] {
                    let both = pool.and(&[*atom, *other]);
                    parts.push(pool.not(both));
                }
            }
        }
        let names = self.values.get(&(Of::Namespace, NAME_LABEL.to_owned()));
        for (name, atom) in names.cloned().unwrap_or_default() {
            let Some(known) = self.cluster.namespaces.iter().find(|n| n.name == name) else {
                continue;
            };
            let mut labels = Vec::new();
            for ((of, key), has) in &self.has {
                if *of == Of::Namespace {
                    let truth = pool.truth(known.labels.contains_key(key));
                    labels.push(pool.iff(*has, truth));
                }
            }
            for ((of, key), values) in &self.values {
                for (value, atom) in values.iter().filter(|_| *of == Of::Namespace) {
                    let truth = pool.truth(known.labels.get(key) == Some(value));
                    labels.push(pool.iff(*atom, truth));
                }
            }
            let labels = pool.and(&labels);
            parts.push(pool.implies(atom, labels));
        }
        match (self.regions.len() as u128).checked_sub(1) {
            Some(last) => {
                let last = pool.bits(last, REGION);
                parts.push(pool.ule(self.region, last));
            }
            None => parts.push(pool.truth(false)),
        }
        pool.and(&parts)
    }

    /// All atoms, those that are better false first; then the region.
    pub fn atoms(&self) -> (Vec<TermId>, TermId, Vec<TermId>) {
        let values = self.values.values().flat_map(BTreeMap::values);
        let atoms = self.has.values().chain(values);
        let ports = self.ports.values();
        (
            atoms.copied().chain(ports.clone().map(|p| p.0)).collect(),
            self.region,
            ports.map(|p| p.1).collect(),
        )
    }
}
