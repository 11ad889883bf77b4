//! Which assumptions of the theorem a part meets, so that what the theorem needs no more for is proven without a question.
//!
//! What is assumed of the cluster is looked at natively, row by row; what is assumed of switches is asked of the solver, one
//! switch at a time: is there a header at which its actual FIB breaks its contract?
//!
//! Must never know: constraints, formats of output, a particular solver.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::encode::Encoder;
use crate::encode::contract::Breach;
use crate::encode::domain::Domain;
use crate::logic::literals::Literals;
use crate::logic::structure::EntityRow;
use crate::lower::Lowered;
use crate::model::cluster::{Address, Cluster, Pod};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, IpNet};
use crate::model::service::ServiceEndpoint;
use crate::smt::solver::{Limits, SatResult, Solver, Value};
use crate::theorem::{self, Piece};

/// The assumptions that a part breaks, or may break.
#[derive(Debug)]
pub(super) struct Lacking(BTreeSet<Piece>);

impl Lacking {
    /// Whether the theorem proves a constraint of the library here.
    pub(super) fn proves(&self, id: &str) -> bool {
        theorem::needs(id).is_some_and(|needs| needs.iter().all(|piece| !self.0.contains(piece)))
    }
}

/// None where the theorem does not speak of such clusters, or the solver does not answer.
pub(super) fn lacking(
    cluster: &Cluster,
    lowered: &Lowered,
    limits: Limits,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Option<Lacking> {
    if !is_spoken_of(cluster, lowered) {
        return None;
    }
    let mut all = of_cluster(cluster);
    // That a pod which meets itself behind a Service is not asked is left out of the theorem (docs/theorem.md).
    if !lowered.network.gates.all.is_empty() {
        all.insert(("gates-enforced", ""));
    }
    of_switches(cluster, lowered, limits, new_solver, &mut all)?;
    let named = |id: &str, part: &str| {
        let assumption = theorem::assumption(id)?;
        let part = assumption.parts.iter().find(|p| **p == part);
        Some(Piece {
            id: assumption.id,
            part: part.copied().unwrap_or_default(),
        })
    };
    let pieces = all.iter().map(|(id, part)| named(id, part));
    pieces.collect::<Option<BTreeSet<Piece>>>().map(Lacking)
}

/// Pods, nodes and Services with cluster addresses: nobody outside, no port of a node that leads to a pod.
fn is_spoken_of(cluster: &Cluster, lowered: &Lowered) -> bool {
    let kinds = lowered.structure.entities.iter().map(EntityRow::kind);
    let known = |kind| {
        matches!(
            kind,
            EntityKind::Container
                | EntityKind::Daemon
                | EntityKind::Pod
                | EntityKind::Node
                | EntityKind::Service
        )
    };
    let services = &cluster.services;
    let published = services
        .iter()
        .any(|s| !s.external_addresses.is_empty() || s.ports.iter().any(|p| p.node_port.is_some()));
    let hosted = cluster.pods.iter().any(|p| !p.host_ports.is_empty());
    let whole = lowered.network.switches.iter().all(|s| {
        s.of == s.id && s.undoes == [s.id] && s.fib.iter().all(|rule| rule.state.is_none())
    });
    kinds.clone().all(known)
        && whole
        && !published
        && !hosted
        && cluster.snapshot.is_none()
        && cluster.outside.is_none()
        && cluster.externals.is_empty()
        && cluster.links_added.is_empty()
}

type Names = BTreeSet<(&'static str, &'static str)>;

/// Each row of the table in docs/theorem.md, "Of the cluster"; where in doubt, an assumption is broken.
fn of_cluster(cluster: &Cluster) -> Names {
    let mut all = Names::new();
    unique(cluster, &mut all);
    let pods = cluster.pods.iter().flat_map(|p| &p.addresses);
    let nodes = cluster.nodes.iter().flat_map(|n| &n.addresses);
    let services = cluster.services.iter().flat_map(|s| &s.addresses);
    let local = |ip: IpAddr| Family::of(ip).loopback_net().contains(&ip);
    if pods.chain(nodes).chain(services).any(|a| local(a.ip)) {
        all.insert(("no-loopback-address", ""));
    }
    let pods = &cluster.pods;
    let of = |pod: &Pod, family| {
        let addresses = pod.addresses.iter();
        addresses.filter(|a| Family::of(a.ip) == family).count()
    };
    if pods
        .iter()
        .any(|p| of(p, Family::V4) > 1 || of(p, Family::V6) > 1)
    {
        all.insert(("one-address-a-family", ""));
    }
    if pods.iter().any(two_listeners) {
        all.insert(("one-listener", ""));
    }
    links(cluster, &mut all);
    let ports = cluster.services.iter().flat_map(|s| &s.ports);
    let endpoints = || {
        let each = ports.clone();
        each.flat_map(|port| port.endpoints.iter().map(move |e| (port.protocol, e)))
    };
    let pod_of = |e: &ServiceEndpoint| {
        let id = e.entity?;
        let at = pods.binary_search_by_key(&id, |p| p.id).ok()?;
        let has = pods[at].addresses.iter().any(|a| a.ip == e.address);
        has.then_some(&pods[at])
    };
    if endpoints().any(|(_, e)| pod_of(e).is_none()) {
        all.insert(("endpoints-are-pods", ""));
    }
    let listens = |protocol, e: &ServiceEndpoint| {
        let open = pod_of(e).into_iter().flat_map(|p| &p.containers);
        let mut open = open.flat_map(|c| &c.open);
        open.any(|l| (l.port, l.protocol) == (e.port, protocol) && l.bind.covers(e.address))
    };
    if endpoints().any(|(protocol, e)| !listens(protocol, e)) {
        all.insert(("endpoints-listen", ""));
    }
    // One of each family in which anything is served anywhere is more than the assumption asks for.
    let served: BTreeSet<bool> = endpoints().map(|(_, e)| e.address.is_ipv6()).collect();
    let has = |addresses: &[Address]| {
        let families: BTreeSet<bool> = addresses.iter().map(|a| a.ip.is_ipv6()).collect();
        !families.is_empty() && families.is_superset(&served)
    };
    if !cluster.nodes.iter().all(|n| has(&n.addresses)) {
        all.insert(("node-has-address", ""));
    }
    if !cluster.policies.cluster.is_empty() {
        all.insert(("own-node-allowed", ""));
    }
    all
}

/// `addr(E₁, a) ∧ addr(E₂, a) ⟹ E₁ = E₂`, by kinds.
fn unique(cluster: &Cluster, all: &mut Names) {
    let pods = cluster.pods.iter().flat_map(|p| {
        let own = p.addresses.iter();
        own.map(move |a| (a.ip, (0, p.id)))
    });
    let nodes = cluster.nodes.iter().flat_map(|n| {
        let own = n.addresses.iter();
        own.map(move |a| (a.ip, (1, n.id)))
    });
    let services = cluster.services.iter().flat_map(|s| {
        let own = s.addresses.iter();
        own.map(move |a| (a.ip, (2, s.id)))
    });
    let mut holders: HashMap<IpAddr, BTreeSet<(u8, EntityId)>> = HashMap::new();
    for (ip, holder) in pods.chain(nodes).chain(services) {
        holders.entry(ip).or_default().insert(holder);
    }
    for shared in holders.values().filter(|all| all.len() > 1) {
        let held: Vec<_> = shared.iter().collect();
        for (at, one) in held.iter().enumerate() {
            for other in &held[at + 1..] {
                let part = match (one.0, other.0) {
                    (0, 0) => "pod-pod",
                    (0, 1) => "pod-node",
                    (0, _) => "pod-service",
                    (1, 1) => "node-node",
                    (1, _) => "node-service",
                    _ => "service-service",
                };
                all.insert(("unique-address", part));
            }
        }
    }
}

/// Two containers with one port of one protocol; that their addresses may differ is not looked at.
fn two_listeners(pod: &Pod) -> bool {
    let mut seen = HashMap::new();
    let all = pod.containers.iter();
    let mut all = all.flat_map(|c| c.open.iter().map(move |l| (c.id, (l.port, l.protocol))));
    all.any(|(id, port)| *seen.entry(port).or_insert(id) != id)
}

fn links(cluster: &Cluster, all: &mut Names) {
    let kind = |id: EntityId| cluster.name_of(id).kind;
    for link in &cluster.links_removed {
        let ends = [kind(link.from), kind(link.to)];
        let part = if ends.contains(&EntityKind::Container) {
            "container-pod"
        } else if ends.contains(&EntityKind::Daemon) {
            "daemon-node"
        } else if ends.contains(&EntityKind::Pod) {
            "pod-node"
        } else {
            "node-node"
        };
        all.insert(("links", part));
    }
}

/// Asks each switch, for messages and for answers.
fn of_switches(
    cluster: &Cluster,
    lowered: &Lowered,
    limits: Limits,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
    all: &mut Names,
) -> Option<()> {
    let (structure, network) = (&lowered.structure, &lowered.network);
    let domain = Domain::classes(structure, network, &Literals::of(&[]));
    let mut encoder = Encoder::new(structure, network, domain);
    let mut solver = new_solver();
    let (header, valid) = encoder.any_header();
    solver.assert(&encoder.pool, valid);
    let homes = encoder.homes(usual(cluster));
    for switch in &network.switches {
        let mut open: Vec<Breach> = Vec::new();
        for answer in [false, true] {
            open.extend(encoder.breaches(switch, header, &homes, answer)?);
        }
        for fact in encoder.take_facts() {
            solver.assert(&encoder.pool, fact);
        }
        loop {
            open.retain(|(id, _)| !all.contains(&(*id, "")));
            let conditions: Vec<_> = open.iter().map(|(_, t)| *t).collect();
            let any = encoder.pool.or(&conditions);
            if encoder.pool.as_truth(any) == Some(false) {
                break;
            }
            match solver.check(&encoder.pool, &[any], limits) {
                SatResult::Unsat => break,
                SatResult::Unknown(_) => return None,
                SatResult::Sat => {
                    // At least one of them is so in the model at hand.
                    let mut met = 0;
                    for (id, condition) in &open {
                        let value = solver.value(&encoder.pool, *condition);
                        if value.and_then(Value::truth) == Some(true) {
                            all.insert((id, ""));
                            met += 1;
                        }
                    }
                    if met == 0 {
                        return None;
                    }
                }
            }
        }
    }
    Some(())
}

/// Where what nobody holds is at home: where most tables send what is in the prefix. Any choice is right.
fn usual(cluster: &Cluster) -> Vec<(IpNet, EntityId)> {
    let mut routes: HashMap<IpNet, HashMap<EntityId, usize>> = HashMap::new();
    for table in &cluster.tables.tables {
        for route in &table.routes {
            let net = cluster.tables.net(route.net);
            *routes.entry(net).or_default().entry(route.via).or_default() += 1;
        }
    }
    let most = |votes: HashMap<EntityId, usize>| {
        let most = votes
            .into_iter()
            .max_by_key(|(id, n)| (*n, std::cmp::Reverse(*id)));
        most.map(|(id, _)| id)
    };
    let all = routes.into_iter();
    all.filter_map(|(net, votes)| Some((net, most(votes)?)))
        .collect()
}
