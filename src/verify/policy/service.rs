//! Services as receivers: every sender, address and port of one, walked by the simulator.
//!
//! On an ideal network no rule looks at the port of the sender, hosts outside in one region are treated alike, and so are
//! the containers of a pod. So the messages that differ are few, and each is walked instead of being asked for.
//!
//! Must never know: policies, selectors, the solver.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use super::ask::Asking;
use super::points::is_one_of;
use super::{Decided, SOURCE_PORT, relation};
use crate::encode::question::Point;
use crate::encode::question::point::PointKind;
use crate::intent::{Kind, Place};
use crate::logic::formula::{Formula, VarId};
use crate::model::entity::{EntityKind, FullName};
use crate::model::inet::{Family, Protocol};
use crate::model::intent::{Relation, Who};
use crate::model::policy::PortsOf;
use crate::model::service::Service;
use crate::network::header::Header;
use crate::verify::direct::InternalError;
use crate::verify::replay::{ReplayError, lookups, replay};
use crate::verify::verdict::{Counterexample, Witness};

/// More messages than these are not walked one by one.
const MOST_WALKS: usize = 2_000_000;

impl<'c> Asking<'_, 'c> {
    /// A clause about the Service that is this one of `to`.
    pub(super) fn service(
        &mut self,
        kind: Kind,
        at: usize,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        let Some(relation) = relation(self.intent) else {
            return Ok(Decided::Vacuous);
        };
        let Some(service) = self.called(relation, at) else {
            return Ok(Decided::Unknown("the Service is not there".to_owned()));
        };
        let cluster = self.policy.cluster;
        let others = kind == Kind::ServiceKeptOut(at, true);
        let place = match kind {
            Kind::ServiceReached(_, place) | Kind::ServiceOffers(_, place) => Some(place),
            _ => None,
        };
        let is_there = |p: &Point<'_>| {
            place.is_none_or(|at| (p.kind == PointKind::External) == (at == Place::Outside))
        };
        let from = |p: &&Point<'c>| is_one_of(&relation.from, cluster, p) != others && is_there(p);
        let senders: Vec<Point<'c>> = self.policy.points.iter().filter(from).cloned().collect();
        let mut some = false;
        if matches!(kind, Kind::ServiceOffers(..)) {
            // Of senders with the same families the same is asked.
            let mut asked = BTreeSet::new();
            for sender in &senders {
                if !asked.insert(self.families(relation, sender)) {
                    continue;
                }
                let found = self.one(variables, body, sender, None, &mut some)?;
                if let Some(found) = found {
                    return Ok(Decided::Broken(Box::new(found)));
                }
            }
            return Ok(if some {
                Decided::Holds
            } else {
                Decided::Vacuous
            });
        }
        let dialled = self.dialled(service, relation, place);
        if senders.len().saturating_mul(dialled.len()) > MOST_WALKS {
            let why = format!(
                "{} senders, and {} addresses and ports where the Service is dialled, are too many to walk",
                senders.len(),
                dialled.len()
            );
            return Ok(Decided::Unknown(why));
        }
        let mut plainest: Option<(usize, Counterexample)> = None;
        for sender in &senders {
            for (protocol, address, port) in &dialled {
                if Family::of(*address) != Family::of(sender.address) {
                    continue;
                }
                if self.deadline.is_some_and(|at| Instant::now() >= at) {
                    return Ok(Decided::Unknown("time ran out".to_owned()));
                }
                let header = Header {
                    protocol: *protocol,
                    source: sender.address,
                    source_port: SOURCE_PORT,
                    destination: *address,
                    destination_port: *port,
                };
                if let Some(found) = self.one(variables, body, sender, Some(header), &mut some)? {
                    let taken = found
                        .messages
                        .first()
                        .and_then(|m| m.trace.outcomes.first());
                    let hops = taken.map_or(0, lookups);
                    if plainest.as_ref().is_none_or(|(fewest, _)| hops < *fewest) {
                        plainest = Some((hops, found));
                    }
                }
            }
        }
        if let Some((_, found)) = plainest {
            return Ok(Decided::Broken(Box::new(found)));
        }
        Ok(if some {
            Decided::Holds
        } else {
            Decided::Vacuous
        })
    }

    /// Where those at a place dial a Service, or anybody: each address, port and protocol that stands for it.
    fn dialled(
        &self,
        service: &Service,
        relation: &Relation,
        place: Option<Place>,
    ) -> BTreeSet<(Protocol, IpAddr, u16)> {
        let mut all = BTreeSet::new();
        if place != Some(Place::Outside) {
            for (port, protocol) in own_ports(service, relation, place.is_none()) {
                let own = service.addresses.iter();
                all.extend(own.map(|a| (protocol, a.ip, port)));
            }
        }
        if place != Some(Place::Inside) {
            let rows = self.policy.lowered.structure.offered.iter();
            let rows = rows.filter(|row| row.entity == service.id);
            all.extend(rows.map(|row| (row.protocol, row.address, row.dialled)));
        }
        all
    }

    fn called(&self, relation: &Relation, at: usize) -> Option<&'c Service> {
        let cluster = self.policy.cluster;
        let Who::Service { namespace, name } = &relation.to.get(at)?.who else {
            return None;
        };
        let name = FullName::new(EntityKind::Service, &[namespace, name]);
        let mut services = cluster.services.iter();
        services.find(|s| *cluster.name_of(s.id) == name)
    }

    /// What breaks the clause for one message, or for one sender; and whether its premises hold.
    fn one(
        &mut self,
        variables: &[VarId],
        body: &Formula,
        sender: &Point<'_>,
        header: Option<Header>,
        some: &mut bool,
    ) -> Result<Option<Counterexample>, InternalError> {
        self.compared += 1;
        let value = |name: &str| match (name, header) {
            ("e", _) => Witness::Event(0),
            ("X", _) => Witness::Entity(sender.process),
            ("ta", Some(header)) => Witness::Address(header.destination),
            ("tp", Some(header)) => Witness::Port(header.destination_port),
            _ => Witness::Address(sender.address),
        };
        let assignment: Vec<(VarId, Witness)> = variables
            .iter()
            .map(|id| (*id, value(&self.constraint.variable(*id).name)))
            .collect();
        let lowered = self.policy.lowered;
        let messages: Vec<_> = header.iter().map(|h| (sender.process, *h)).collect();
        let breaks = |formula: &Formula| {
            let (network, structure) = (&lowered.network, &lowered.structure);
            let constraint = self.constraint;
            match replay(
                network,
                structure,
                constraint,
                formula,
                &assignment,
                &messages,
            ) {
                Ok(found) => Ok(Some(found)),
                Err(ReplayError::Disagrees) => Ok(None),
                Err(why) => Err(self.internal(why)),
            }
        };
        let found = breaks(body)?;
        if found.is_none()
            && !*some
            && let Formula::Implies(premise, _) = body
        {
            *some = breaks(&Formula::Not(premise.clone()))?.is_some();
        }
        Ok(found)
    }
}

/// The ports to dial: the Service's own; where nobody is to answer, one more of each rule too, so that it is known whether
/// there is anything to ask about.
fn own_ports(service: &Service, relation: &Relation, kept_out: bool) -> BTreeSet<(u16, Protocol)> {
    let own = service.ports.iter().map(|p| (p.port, p.protocol));
    let mut all: BTreeSet<(u16, Protocol)> = own.collect();
    if kept_out {
        let mut more = BTreeSet::new();
        match &relation.ports {
            None => more.extend([(1, Protocol::Tcp)]),
            Some(rules) => {
                for rule in rules {
                    let port = match &rule.ports {
                        PortsOf::Any => 1,
                        PortsOf::Range(low, _) => *low,
                        PortsOf::Named(_) => continue,
                    };
                    more.insert((port, rule.protocol.unwrap_or(Protocol::Tcp)));
                }
            }
        }
        all.extend(more);
    }
    all
}
