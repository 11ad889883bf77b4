//! Which assumptions of the theorem a part meets, so that what the theorem needs no more for is proven without a question.
//!
//! What is assumed of the cluster is looked at natively (`admissible`); what is assumed of switches is asked of the solver,
//! one switch at a time: is there a header at which its actual FIB breaks its contract? Of a goal that speaks of some
//! destinations only, no other header is asked about ([`Scope`]).
//!
//! Must never know: constraints, formats of output, a particular solver.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::encode::Encoder;
use crate::encode::contract::{Breach, Homes};
use crate::encode::domain::Domain;
use crate::encode::header::SymHeader;
use crate::logic::literals::Literals;
use crate::logic::structure::EntityRow;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::IpNet;
use crate::network::gate::Gate;
use crate::network::graph::Switch;
use crate::smt::solver::{Limits, SatResult, Solver, Value};
use crate::smt::term::TermId;
use crate::theorem::{self, Piece, Scope};

use super::admissible::{self, Names};

/// The assumptions that a part breaks, or may break, by the messages that are spoken of; of a scope that is not here the
/// theorem does not speak.
#[derive(Debug)]
pub(super) struct Lacking(BTreeMap<Scope, BTreeSet<Piece>>);

impl Lacking {
    /// Whether the theorem proves a constraint of the library here.
    pub(super) fn proves(&self, id: &str) -> bool {
        let lacking = self.0.get(&theorem::scope(id));
        lacking
            .zip(theorem::needs(id))
            .is_some_and(|(lacking, needs)| needs.iter().all(|piece| !lacking.contains(piece)))
    }
}

/// Of what the theorem has no word for, a message in a scope meets nothing, if no switch breaks one of these at it.
const STAYS_INSIDE: [&str; 4] = [
    "home",
    "pod-to-node",
    "only-services-translated",
    "deliver-to-listener",
];

/// None where the theorem does not speak of such clusters, or the solver does not answer.
pub(super) fn lacking(
    cluster: &Cluster,
    lowered: &Lowered,
    limits: Limits,
    new_solver: &dyn Fn() -> Box<dyn Solver>,
) -> Option<Lacking> {
    if !is_plain(cluster, lowered) {
        return None;
    }
    let all_told = is_all_told(cluster, lowered);
    let rows = admissible::broken(cluster);
    // Of what is headed elsewhere the theorem says nothing where there is more than it has words for.
    let scopes = Scope::ALL.iter().copied();
    let scopes = scopes.filter(|s| all_told || *s != Scope::Everywhere);
    let mut switches = Switches::of(cluster, lowered, scopes, limits, new_solver());
    let entities = &lowered.structure.entities;
    for switch in &lowered.network.switches {
        if is_inside(entities[switch.id.index()].kind()) {
            switches.ask(switch)?;
        }
    }
    let mut lacking = BTreeMap::new();
    for Scoped { scope, broken, .. } in switches.scopes {
        let leaves = broken.iter().any(|(id, _)| STAYS_INSIDE.contains(id));
        // Endpoints outside stand behind Services, and no pod of the theorem is one.
        let outside = scope == Scope::Services && rows.contains(&("endpoints-are-pods", ""));
        if !all_told && (leaves || outside) {
            continue;
        }
        let mut all: Names = rows.union(&broken).copied().collect();
        if !gates_are_asked(cluster, lowered, scope) {
            all.insert(("gates-enforced", ""));
        }
        lacking.insert(scope, all.iter().map(piece).collect::<Option<_>>()?);
    }
    Some(Lacking(lacking))
}

fn piece((id, part): &(&str, &str)) -> Option<Piece> {
    let assumption = theorem::assumption(id)?;
    let part = assumption.parts.iter().find(|p| *p == part);
    Some(Piece {
        id: assumption.id,
        part: part.copied().unwrap_or_default(),
    })
}

/// Whole switches of pods and nodes, linked as they should be or less; whoever else there may be is outside.
fn is_plain(cluster: &Cluster, lowered: &Lowered) -> bool {
    let kinds = lowered.structure.entities.iter().map(EntityRow::kind);
    let mut others = kinds.filter(|kind| !is_inside(*kind));
    let mut switches = lowered.network.switches.iter();
    cluster.snapshot.is_none()
        && cluster.links_added.is_empty()
        && others.all(|kind| matches!(kind, EntityKind::External | EntityKind::Outside))
        && switches.all(|s| {
            s.of == s.id && s.undoes == [s.id] && s.fib.iter().all(|rule| rule.state.is_none())
        })
}

fn is_inside(kind: EntityKind) -> bool {
    matches!(
        kind,
        EntityKind::Container
            | EntityKind::Daemon
            | EntityKind::Pod
            | EntityKind::Node
            | EntityKind::Service
    )
}

/// Whether the theorem has words for all there is: nobody outside, no port of a node that leads to a pod.
fn is_all_told(cluster: &Cluster, lowered: &Lowered) -> bool {
    let mut kinds = lowered.structure.entities.iter().map(EntityRow::kind);
    let services = &cluster.services;
    let published = services
        .iter()
        .any(|s| !s.external_addresses.is_empty() || s.ports.iter().any(|p| p.node_port.is_some()));
    let hosted = cluster.pods.iter().any(|p| !p.host_ports.is_empty());
    kinds.all(is_inside)
        && !published
        && !hosted
        && cluster.outside.is_none()
        && cluster.externals.is_empty()
}

/// Whether the gates are those of the theorem: each of a pod, at its node, asked on all of its ways but one, that from the
/// pod to itself without a translation.
fn gates_are_asked(cluster: &Cluster, lowered: &Lowered, scope: Scope) -> bool {
    let gates = &lowered.network.gates;
    let of_pod = |gate: &Gate| {
        let pod = cluster.pods.binary_search_by_key(&gate.subject, |p| p.id);
        pod.is_ok_and(|at| {
            let pod = &cluster.pods[at];
            let own = pod.addresses.iter().map(|a| a.ip);
            pod.node == gate.at && own.eq(gate.addresses.iter().copied())
        })
    };
    // Behind a Service too, or it does not matter: NetworkPolicies let the pod itself in where it is not asked
    // (`policy::compile`), and what is headed to a pod from the start is not translated.
    let of_itself = gates.hairpin || cluster.policies.cluster.is_empty() || scope == Scope::Pods;
    gates.all.is_empty()
        || of_itself && gates.all.iter().all(of_pod) && *gates == lowered.structure.policies
}

/// What switches break, asked one after the other, for messages and for answers.
struct Switches<'s> {
    encoder: Encoder<'s>,
    solver: Box<dyn Solver>,
    limits: Limits,
    header: SymHeader,
    homes: Homes,
    scopes: Vec<Scoped>,
}

struct Scoped {
    scope: Scope,
    /// That the header is in it, of a message and of an answer.
    inside: [TermId; 2],
    broken: Names,
}

impl<'s> Switches<'s> {
    fn of(
        cluster: &Cluster,
        lowered: &'s Lowered,
        scopes: impl Iterator<Item = Scope>,
        limits: Limits,
        mut solver: Box<dyn Solver>,
    ) -> Self {
        let (structure, network) = (&lowered.structure, &lowered.network);
        let domain = Domain::classes(structure, network, &Literals::of(&[]));
        let mut encoder = Encoder::new(structure, network, domain);
        let (header, valid) = encoder.any_header();
        solver.assert(&encoder.pool, valid);
        let homes = encoder.homes(usual(cluster));
        let mut inside = |scope: Scope, answer| match scope.destinations(answer) {
            Some(kinds) => encoder.is_headed_to(header, kinds),
            None => encoder.pool.truth(true),
        };
        let scoped = |scope| Scoped {
            scope,
            inside: [inside(scope, false), inside(scope, true)],
            broken: Names::new(),
        };
        Self {
            scopes: scopes.map(scoped).collect(),
            encoder,
            solver,
            limits,
            header,
            homes,
        }
    }

    /// None where it cannot be told, or the solver does not answer.
    fn ask(&mut self, switch: &Switch) -> Option<()> {
        let mut breaches: Vec<(bool, Breach)> = Vec::new();
        for answer in [false, true] {
            let all = self
                .encoder
                .breaches(switch, self.header, &self.homes, answer)?;
            breaches.extend(all.into_iter().map(|breach| (answer, breach)));
        }
        for fact in self.encoder.take_facts() {
            self.solver.assert(&self.encoder.pool, fact);
        }
        for at in 0..self.scopes.len() {
            // What no switch breaks in a wider scope none breaks here.
            let (wider, here) = self.scopes.split_at(at);
            let wider = wider
                .iter()
                .filter(|w| w.scope.is_wider_than(here[0].scope));
            let possible = |id: &'static str| {
                wider.clone().all(|w| w.broken.contains(&(id, "")))
                    && !here[0].broken.contains(&(id, ""))
            };
            let open = breaches.iter().filter(|(_, (id, _))| possible(id));
            let open = open.map(|&(answer, (id, term))| {
                let inside = here[0].inside[usize::from(answer)];
                (id, self.encoder.pool.and(&[inside, term]))
            });
            let open = open.collect();
            let broken = self.broken(open)?;
            self.scopes[at].broken.extend(broken);
        }
        Some(())
    }

    /// Which of these some header breaks.
    fn broken(&mut self, mut open: Vec<Breach>) -> Option<Names> {
        let pool = &mut self.encoder.pool;
        let mut all = Names::new();
        loop {
            open.retain(|(id, _)| !all.contains(&(*id, "")));
            let conditions: Vec<_> = open.iter().map(|(_, t)| *t).collect();
            let any = pool.or(&conditions);
            if pool.as_truth(any) == Some(false) {
                return Some(all);
            }
            match self.solver.check(pool, &[any], self.limits) {
                SatResult::Unsat => return Some(all),
                SatResult::Unknown(_) => return None,
                SatResult::Sat => {}
            }
            // At least one of them is so in the model at hand.
            let before = all.len();
            for (id, condition) in &open {
                let value = self.solver.value(pool, *condition);
                if value.and_then(Value::truth) == Some(true) {
                    all.insert((id, ""));
                }
            }
            if all.len() == before {
                return None;
            }
        }
    }
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
