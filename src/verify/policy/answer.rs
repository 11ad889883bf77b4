//! An answer read off, with the pods that it needs added, and replayed.
//!
//! Must never know: policies, selectors; they are terms by now.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::extend::{NewPod, extend, free_name, yaml};
use super::ground::{Instance, TOO_LARGE};
use super::{Decided, SOURCE_PORT};
use crate::encode::question::{Found, Question};
use crate::logic::bind::carried;
use crate::logic::formula::{Formula, VarId};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet, Protocol, non_unicast, successor};
use crate::network::header::Header;
use crate::smt::solver::Solver;
use crate::smt::term::TermId;
use crate::verify::direct::InternalError;
use crate::verify::replay::ReplayError;
use crate::verify::verdict::{Beyond, Counterexample, Witness};

use super::ask::Asking;

/// So many neighbours of an address are tried for one that is free.
const MOST_TAKEN: usize = 1 << 20;

impl<'c> Asking<'_, 'c> {
    /// Reads the answer off, adds the pods that it needs, replays it.
    pub(super) fn broken(
        &mut self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        let Some((new, mut ends, port, protocol)) = self.read(q, solver) else {
            return Ok(Decided::Unknown(
                "violated, but the solver gave no values".to_owned(),
            ));
        };
        let policy = self.policy;
        let mut beyond = None;
        if !new.is_empty() {
            let (cluster, containers) = extend(policy.cluster, &new);
            let mut containers = containers.into_iter();
            for end in &mut ends {
                end.0 = match end.0 {
                    Some(known) => {
                        let name = policy.cluster.name_of(known);
                        cluster
                            .names
                            .binary_search(name)
                            .ok()
                            .map(|i| EntityId(i as u32))
                    }
                    None => containers.next(),
                };
            }
            let yaml = yaml(policy.cluster, &new);
            beyond = Some(Box::new(Beyond { cluster, yaml }));
        }
        let [(Some(sender), source), (Some(receiver), destination)] = ends else {
            return Ok(Decided::Unknown("violated by nobody".to_owned()));
        };
        let header = Header {
            protocol,
            source,
            source_port: SOURCE_PORT,
            destination,
            destination_port: port,
        };
        let value = |name: &str| match name {
            "e" => Witness::Event(0),
            "X" => Witness::Entity(sender),
            "Y" => Witness::Entity(receiver),
            "sa" => Witness::Address(source),
            "ta" => Witness::Address(destination),
            _ => Witness::Port(port),
        };
        let constraint = match &beyond {
            Some(beyond) => carried(self.constraint, |id| {
                let name = policy.cluster.name_of(id);
                let there = beyond.cluster.names.binary_search(name).ok()?;
                Some(EntityId(there as u32))
            }),
            None => self.constraint.clone(),
        };
        let clauses = self.constraint.clauses();
        let index = clauses.iter().position(|c| std::ptr::eq(c.1, body));
        let clauses = constraint.clauses();
        let body = index.and_then(|i| clauses.get(i)).map_or(body, |c| c.1);
        let assignment: Vec<(VarId, Witness)> = variables
            .iter()
            .map(|id| (*id, value(&constraint.variable(*id).name)))
            .collect();
        let instance = Instance {
            constraint: &constraint,
            body,
            assignment: &assignment,
            messages: &[(sender, header)],
        };
        let replayed = match &beyond {
            Some(beyond) => policy.ground.replay_beyond(&beyond.cluster, instance),
            None => policy.ground.replay(instance, &mut self.near),
        };
        match replayed {
            Some(Ok(found)) => Ok(Decided::Broken(Box::new(Counterexample {
                beyond,
                ..found
            }))),
            Some(Err(why)) => Err(self.internal(why)),
            None => Ok(Decided::Unknown(TOO_LARGE.to_owned())),
        }
    }

    /// Another address that nobody has and that nothing in question tells apart from this one.
    fn beside(&self, address: IpAddr) -> Option<IpAddr> {
        let special = non_unicast().into_iter();
        let special = special.chain([Family::V4, Family::V6].map(Family::loopback_net));
        let cuts: Vec<IpNet> = special.chain(self.policy.cuts.iter().copied()).collect();
        let alike = |other: &IpAddr| {
            let mut cuts = cuts.iter();
            cuts.all(|net| net.contains(other) == net.contains(&address))
        };
        let held = &self.policy.held;
        let free = |other: &IpAddr| held.binary_search(other).is_err();
        let mut others = std::iter::successors(successor(address), |ip| successor(*ip));
        others
            .by_ref()
            .take(MOST_TAKEN)
            .find(|ip| free(ip) && alike(ip))
    }

    pub(super) fn internal(&self, why: ReplayError) -> InternalError {
        InternalError {
            id: self.constraint.id.clone(),
            why,
        }
    }

    #[expect(clippy::type_complexity, reason = "both ends, and what is between")]
    fn read(
        &self,
        q: &mut Question<'c>,
        solver: &mut dyn Solver,
    ) -> Option<(
        Vec<NewPod>,
        [(Option<EntityId>, std::net::IpAddr); 2],
        u16,
        Protocol,
    )> {
        let pool = &q.pool;
        let bits = |solver: &mut dyn Solver, t: TermId| match solver.value(pool, t) {
            Some(value) => value.bits(),
            None => None,
        };
        let port = u16::try_from(bits(solver, q.port)?).ok()?;
        let protocol = *Protocol::ALL.get(bits(solver, q.protocol)? as usize)?;
        let together = solver
            .value(pool, q.together)
            .and_then(crate::smt::solver::Value::truth)
            == Some(true);
        let mut new = Vec::new();
        let mut ends = Vec::new();
        let sides = [&q.sender, &q.receiver];
        let numbers = [
            bits(solver, sides[0].number())?,
            bits(solver, sides[1].number())?,
        ];
        let known = |i: usize| Some(sides[i].points().get(numbers[i] as usize)?.address);
        let taken = known(0).or_else(|| known(1));
        let known_node = (0..2).find_map(|i| sides[i].points().get(numbers[i] as usize)?.node);
        for (i, side) in sides.into_iter().enumerate() {
            if let Some(point) = side.points().get(numbers[i] as usize) {
                let process = if i == 0 {
                    point.process
                } else {
                    let mut listens = point.listens.iter();
                    let listens = listens.find(|l| (l.0, l.1) == (port, protocol));
                    listens.map_or(point.process, |l| l.2)
                };
                ends.push((Some(process), point.address));
                continue;
            }
            let mut found = {
                let mut truth = |t| {
                    solver
                        .value(pool, t)
                        .and_then(crate::smt::solver::Value::truth)
                        == Some(true)
                };
                side.found(&mut truth, numbers[i] as usize)?
            };
            // Two in one region have an address each.
            let other = taken.or_else(|| new.first().map(|p: &NewPod| p.address));
            if other == Some(found.address) {
                found.address = self.beside(found.address)?;
            }
            if let Some(first) = new.first_mut() {
                in_one_cluster(self.policy.cluster, first, &mut found);
            }
            let mut named_ports = Vec::new();
            let mut open = BTreeSet::from([(port, protocol)]);
            for (name, protocol, number) in found.named_ports {
                let number = u16::try_from(bits(solver, number)?).ok()?;
                open.insert((number, protocol));
                named_ports.push((name, protocol, number));
            }
            let nodes = self.policy.cluster.nodes.iter().map(|n| n.id);
            let other = nodes.clone().find(|n| Some(*n) != known_node);
            let node = if together {
                known_node
            } else {
                other.or(known_node)
            };
            let mut name = free_name(self.policy.cluster, &found.namespace, "added");
            while new
                .iter()
                .any(|p: &NewPod| (&p.namespace, &p.name) == (&found.namespace, &name))
            {
                name.push_str("-2");
            }
            ends.push((None, found.address));
            new.push(NewPod {
                name,
                namespace: found.namespace,
                namespace_labels: found.namespace_labels,
                labels: found.labels,
                address: found.address,
                node: node.or_else(|| nodes.clone().next())?,
                open: open.into_iter().collect(),
                named_ports,
            });
        }
        let ends: [(Option<EntityId>, std::net::IpAddr); 2] = ends.try_into().ok()?;
        Some((new, ends, port, protocol))
    }
}

/// A namespace has one set of labels. One that nobody names is another one where they differ; of one that is named each pod
/// knows the labels that are asked of it.
fn in_one_cluster(cluster: &Cluster, first: &mut NewPod, second: &mut Found) {
    let given = cluster
        .namespaces
        .iter()
        .any(|n| n.name == second.namespace);
    if given || first.namespace != second.namespace {
        return;
    }
    if !second.named {
        if first.namespace_labels != second.namespace_labels {
            second.namespace.push_str("-2");
        }
        return;
    }
    let both = first.namespace_labels.clone().into_iter();
    let both: BTreeMap<String, String> = both.chain(second.namespace_labels.clone()).collect();
    first.namespace_labels.clone_from(&both);
    second.namespace_labels = both;
}
