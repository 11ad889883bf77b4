//! Rows of single parties, or of workloads.
//!
//! A workload's pods are one line only where their labels are equal, and a line says what holds for all pods of both
//! sides; what holds for some is told apart. Labels that tell single pods apart tell no lines apart. Must never know: formats.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cluster::{Cluster, Pod, Workload};
use crate::model::inet::{Protocol, show_net};
use crate::model::labels::OF_SINGLE_PODS;

use super::answer::Answer;
use super::party::{PartyId, Who};
use super::ports::{PortTable, PortsId};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// A pod.
    #[default]
    Pod,
    /// The pods of a workload that have the same labels.
    Workload,
}

/// One line: as a row, between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Who sends.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// The protocol.
    pub protocol: Protocol,
    /// Ports on which it holds for all.
    pub all: PortsId,
    /// Ports on which it holds for some.
    pub some: PortsId,
}

/// Some parties with one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name in full; a class of the outside has one for each of its prefixes.
    pub names: Vec<String>,
    members: Vec<PartyId>,
}

/// All groups of an answer.
#[derive(Debug, Clone)]
pub struct Groups {
    all: Vec<Group>,
    of: Vec<usize>,
}

impl Groups {
    /// The groups, in the order of their first member.
    pub fn of(answer: &Answer<'_>, by: By) -> Self {
        let names = match by {
            By::Pod => BTreeMap::new(),
            By::Workload => workload_names(answer.cluster()),
        };
        let mut groups = Self {
            all: Vec::new(),
            of: Vec::new(),
        };
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (id, party) in answer.parties().iter() {
            let shared = names.get(&party.who).map(String::as_str);
            let index = shared.and_then(|name| known.get(name).copied());
            let index = index.unwrap_or_else(|| {
                let names = shared.map_or_else(|| names_of(answer, id), |n| vec![n.to_owned()]);
                groups.all.push(Group {
                    names,
                    members: Vec::new(),
                });
                groups.all.len() - 1
            });
            known.extend(shared.map(|name| (name, index)));
            groups.all[index].members.push(id);
            groups.of.push(index);
        }
        groups
    }

    /// Them.
    pub fn all(&self) -> &[Group] {
        &self.all
    }

    /// The lines from one group to those that are wanted, in order. `wanted` is asked of senders and receivers; one of
    /// both is enough.
    pub fn lines_from(
        &self,
        answer: &mut Answer<'_>,
        from: usize,
        wanted: impl Fn(PartyId) -> bool,
    ) -> Vec<Line> {
        let members = &self.all[from].members;
        let mut joined: BTreeMap<(usize, Protocol), Joined> = BTreeMap::new();
        for &member in members {
            let from_here = wanted(member);
            let rows = answer.rows_from(member, |to| from_here || wanted(to));
            if let [_] = members.as_slice()
                && self.all.len() == self.of.len()
            {
                // Nothing is grouped.
                return rows
                    .into_iter()
                    .map(|row| Line {
                        from,
                        to: self.of[row.to.index()],
                        protocol: row.protocol,
                        all: row.all,
                        some: row.some,
                    })
                    .collect();
            }
            for row in rows {
                let to = self.of[row.to.index()];
                let ports = answer.ports();
                let ever = ports.or(row.all, row.some);
                let entry = joined.entry((to, row.protocol)).or_insert(Joined {
                    rows: 0,
                    all: PortTable::ALL,
                    some: PortTable::NONE,
                });
                entry.rows += 1;
                entry.all = ports.and(entry.all, row.all);
                entry.some = ports.or(entry.some, ever);
            }
        }
        let lines = joined.into_iter().map(|((to, protocol), joined)| {
            let ports = answer.ports();
            let all = if joined.rows == self.pairs(from, to) {
                joined.all
            } else {
                PortTable::NONE
            };
            Line {
                from,
                to,
                protocol,
                all,
                some: ports.minus(joined.some, all),
            }
        });
        lines.collect()
    }

    /// How many pairs of members there are: nobody is paired with itself.
    fn pairs(&self, from: usize, to: usize) -> usize {
        let (senders, receivers) = (self.all[from].members.len(), self.all[to].members.len());
        if from == to {
            senders * (receivers - 1)
        } else {
            senders * receivers
        }
    }
}

struct Joined {
    rows: usize,
    all: PortsId,
    some: PortsId,
}

/// What a single party is called.
fn names_of(answer: &Answer<'_>, id: PartyId) -> Vec<String> {
    match answer.parties().get(id).who {
        Who::Entity(id) => vec![answer.cluster().name_of(id).to_string()],
        Who::Outside(class) => {
            let nets = &answer.classes()[class].prefixes;
            nets.iter().map(|net| show_net(*net)).collect()
        }
    }
}

/// The namespace of a pod.
fn namespace<'c>(cluster: &'c Cluster, pod: &Pod) -> &'c str {
    cluster.name_of(pod.id).parts.first().map_or("", |n| n)
}

/// `deployment/shop/web`; where pods of a workload differ in labels, `deployment/shop/web{track=canary}`.
fn workload_names(cluster: &Cluster) -> BTreeMap<Who, String> {
    let mut pods: BTreeMap<(&str, &Workload), Vec<&Pod>> = BTreeMap::new();
    for pod in &cluster.pods {
        if let Some(workload) = &pod.workload {
            let key = (namespace(cluster, pod), workload);
            pods.entry(key).or_default().push(pod);
        }
    }
    let mut names = BTreeMap::new();
    for ((namespace, workload), pods) in pods {
        let keys: BTreeSet<&String> = pods.iter().flat_map(|p| p.labels.keys()).collect();
        let differing: Vec<&String> = keys
            .into_iter()
            .filter(|key| !OF_SINGLE_PODS.contains(&key.as_str()))
            .filter(|key| {
                let first = pods.first().and_then(|p| p.labels.get(*key));
                pods.iter().any(|p| p.labels.get(*key) != first)
            })
            .collect();
        for pod in pods {
            let mut name = format!("{}/{namespace}/{}", workload.kind, workload.name);
            if !differing.is_empty() {
                let labels = differing.iter().map(|key| match pod.labels.get(*key) {
                    Some(value) => format!("{key}={value}"),
                    None => format!("!{key}"),
                });
                name.push_str(&format!("{{{}}}", labels.collect::<Vec<_>>().join(",")));
            }
            names.insert(Who::Entity(pod.id), name);
        }
    }
    names
}
