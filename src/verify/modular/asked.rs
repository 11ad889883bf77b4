//! What formulas ask of single entities beside addresses and ports: labels, namespaces, workloads, names of ports, names.
//!
//! Must never know: classes, how formulas are decided.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::logic::formula::{Arg, Constraint, Fact, Formula, Term};
use crate::model::cluster::{Cluster, NamedPort, Workload};
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;

/// The questions of some formulas.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Entities by name.
    pub(super) named: BTreeSet<EntityId>,
    labels: BTreeSet<(String, Option<String>)>,
    /// Labels of which two are compared.
    compared: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    namespace_labels: BTreeSet<(String, Option<String>)>,
    workloads: BTreeSet<(String, String)>,
    ports: BTreeSet<String>,
    /// Whether an entity is in some namespace.
    namespaced: bool,
}

/// The answers of one entity.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen<'c> {
    holds: Vec<bool>,
    values: Vec<Option<&'c str>>,
    ports: Vec<(&'c str, u16, Protocol)>,
}

/// What objects say of an entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'c> {
    pub(super) namespace: &'c str,
    pub(super) labels: Option<&'c BTreeMap<String, String>>,
    pub(super) workload: Option<&'c Workload>,
}

/// Labels of namespaces.
pub(super) type Namespaces<'c> = HashMap<&'c str, &'c BTreeMap<String, String>>;

/// The table of a cluster.
pub(super) fn namespaces(cluster: &Cluster) -> Namespaces<'_> {
    let all = cluster.namespaces.iter();
    all.map(|n| (n.name.as_str(), &n.labels)).collect()
}

impl Asked {
    /// What these constraints ask.
    pub(super) fn of(constraints: &[Constraint]) -> Self {
        let mut all = Self::default();
        for constraint in constraints {
            all.formula(&constraint.formula);
        }
        all
    }

    /// Whether nothing is asked of labels, namespaces, workloads, names of ports.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty()
            && self.compared.is_empty()
            && self.namespaces.is_empty()
            && self.namespace_labels.is_empty()
            && self.workloads.is_empty()
            && self.ports.is_empty()
            && !self.namespaced
    }

    /// What an entity answers.
    pub(super) fn seen<'c>(
        &self,
        told: Told<'c>,
        ports: impl Iterator<Item = (&'c str, u16, Protocol)>,
        namespaces: &Namespaces<'c>,
    ) -> Seen<'c> {
        if self.is_empty() {
            return Seen::default();
        }
        let has = |labels: Option<&BTreeMap<String, String>>, asked: &(String, Option<String>)| {
            let value = labels.and_then(|all| all.get(&asked.0));
            value.is_some_and(|v| asked.1.as_ref().is_none_or(|wanted| wanted == v))
        };
        let of_namespace = namespaces.get(told.namespace).copied();
        let is = |(kind, name): &(String, String)| {
            told.workload
                .is_some_and(|w| w.kind == *kind && w.name == *name)
        };
        let labels = self.labels.iter().map(|asked| has(told.labels, asked));
        let outer = self.namespace_labels.iter();
        let outer = outer.map(|asked| has(of_namespace, asked));
        let workloads = self.workloads.iter().map(is);
        let namespaced = std::iter::once(told.namespace)
            .map(|own| Some(own).filter(|own| self.namespaces.contains(*own)));
        let value = |key: &String| told.labels.and_then(|all| all.get(key));
        let compared = self
            .compared
            .iter()
            .map(|key| value(key).map(String::as_str));
        Seen {
            holds: labels.chain(outer).chain(workloads).collect(),
            values: namespaced.chain(compared).collect(),
            ports: ports.filter(|p| self.ports.contains(p.0)).collect(),
        }
    }

    fn formula(&mut self, formula: &Formula) {
        match formula {
            Formula::Label(t, key, value) => {
                self.term(t);
                self.labels.insert((key.clone(), value.clone()));
            }
            Formula::OtherLabel(a, b, key) => {
                self.term(a);
                self.term(b);
                self.compared.insert(key.clone());
            }
            Formula::Namespace(t, name) => {
                self.term(t);
                self.namespaces.insert(name.clone());
            }
            Formula::Fact(t, fact) => {
                self.term(t);
                match fact {
                    Fact::Namespaced => self.namespaced = true,
                    Fact::NamespaceLabel(key, value) => {
                        let asked = (key.clone(), value.clone());
                        self.namespace_labels.insert(asked);
                    }
                    Fact::Workload(kind, name) => {
                        self.workloads.insert((kind.clone(), name.clone()));
                    }
                }
            }
            Formula::NamedPort(t, name, _, _) => {
                self.term(t);
                self.ports.insert(name.clone());
            }
            Formula::Predicate(_, args) => {
                for arg in args {
                    if let Arg::Term(t) = arg {
                        self.term(t);
                    }
                }
            }
            Formula::Equal(a, b) | Formula::Compare(a, _, b) => {
                self.term(a);
                self.term(b);
            }
            Formula::InPrefix(t, _) | Formula::InRange(t, ..) => self.term(t),
            Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => self.formula(f),
            Formula::And(parts) | Formula::Or(parts) => parts.iter().for_each(|f| self.formula(f)),
            Formula::Implies(a, b) | Formula::Iff(a, b) => {
                self.formula(a);
                self.formula(b);
            }
            Formula::Constant(_) | Formula::Hops(..) => {}
        }
    }

    fn term(&mut self, term: &Term) {
        if let Term::Entity(id) = term {
            self.named.insert(*id);
        }
    }
}

/// The names that a pod gives its ports.
pub(super) fn named_ports(
    all: &[NamedPort],
) -> impl Iterator<Item = (&str, u16, Protocol)> + Clone {
    all.iter().map(|p| (p.name.as_str(), p.port, p.protocol))
}
