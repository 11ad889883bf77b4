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
use super::ground::{Instance, TOO_LARGE};
use super::points::is_one_of;
use super::{Decided, SOURCE_PORT, relation};
use crate::encode::question::Point;
use crate::encode::question::point::PointKind;
use crate::intent::{Kind, Place};
use crate::logic::formula::{Formula, VarId};
use crate::lower::structure::offered;
use crate::model::entity::{EntityKind, FullName};
use crate::model::inet::{Family, Protocol};
use crate::model::intent::{Relation, Who};
use crate::model::policy::PortsOf;
use crate::model::service::Service;
use crate::network::header::Header;
use crate::verify::direct::InternalError;
use crate::verify::replay::{ReplayError, lookups};
use crate::verify::verdict::{Counterexample, Witness};

/// In a part of a large cluster so many senders, and places where they dial, are walked in at once.
const AT_ONCE: usize = 32;

/// More messages than these are not walked one by one.
const MOST_WALKS: usize = 2_000_000;

/// What came of one message, or of one sender.
enum Walk {
    Holds,
    Broken(Box<Counterexample>),
    TooLarge,
}

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
                match self.one(variables, body, sender, None, &mut some)? {
                    Walk::Holds => {}
                    Walk::Broken(found) => return Ok(Decided::Broken(found)),
                    Walk::TooLarge => return Ok(Decided::Unknown(TOO_LARGE.to_owned())),
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
        let endpoints = service.ports.iter().map(|p| p.endpoints.len());
        // The part that is walked in has the Service's endpoints, so that more senders cost little more.
        let together = AT_ONCE + endpoints.sum::<usize>();
        let dialled: Vec<_> = dialled.into_iter().collect();
        // Of the fewest hops: the first sender, and where it dials first.
        let mut plainest: Option<((usize, usize, usize), Box<Counterexample>)> = None;
        let groups = senders.chunks(together).zip((0..).step_by(together));
        for (senders, first_sender) in groups {
            let places = dialled.chunks(AT_ONCE).zip((0..).step_by(AT_ONCE));
            for (dialled, first_dialled) in places {
                self.prepare(senders, dialled);
                for (sender, x) in senders.iter().zip(first_sender..) {
                    for (&to, y) in dialled.iter().zip(first_dialled..) {
                        let Some(header) = header(sender, to) else {
                            continue;
                        };
                        if self.deadline.is_some_and(|at| Instant::now() >= at) {
                            return Ok(Decided::Unknown("time ran out".to_owned()));
                        }
                        let one = self.one(variables, body, sender, Some(header), &mut some)?;
                        match one {
                            Walk::Holds => {}
                            Walk::TooLarge => {
                                return Ok(Decided::Unknown(TOO_LARGE.to_owned()));
                            }
                            Walk::Broken(found) => {
                                let message = found.messages.first();
                                let taken = message.and_then(|m| m.trace.outcomes.first());
                                let plain = (taken.map_or(0, lookups), x, y);
                                if plainest.as_ref().is_none_or(|(least, _)| plain < *least) {
                                    plainest = Some((plain, found));
                                }
                            }
                        }
                    }
                }
            }
        }
        if let Some((_, found)) = plainest {
            return Ok(Decided::Broken(found));
        }
        Ok(if some {
            Decided::Holds
        } else {
            Decided::Vacuous
        })
    }

    /// Makes ready where messages of these senders to there are walked.
    fn prepare(&mut self, senders: &[Point<'_>], dialled: &[(Protocol, IpAddr, u16)]) {
        let first = dialled.first();
        let of_senders = senders.iter().filter_map(|s| Some((s, *first?)));
        let last = senders.last();
        let of_places = dialled.iter().filter_map(|to| Some((last?, *to)));
        // Whom each can meet is told by one message of each sender and one to each place, of whatever family.
        let message = |(sender, to): (&Point<'_>, _)| (sender.process, message(sender, to));
        let all: Vec<_> = of_senders.chain(of_places).map(message).collect();
        let ground = &self.policy.ground;
        ground.prepare(self.constraint, &all, &mut self.near);
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
            let rows = offered(self.policy.cluster, service).into_iter();
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
    ) -> Result<Walk, InternalError> {
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
        let messages: Vec<_> = header.iter().map(|h| (sender.process, *h)).collect();
        let mut breaks = |body: &Formula| {
            let instance = Instance {
                constraint: self.constraint,
                body,
                assignment: &assignment,
                messages: &messages,
            };
            match self.policy.ground.replay(instance, &mut self.near) {
                None => Ok(Walk::TooLarge),
                Some(Ok(found)) => Ok(Walk::Broken(Box::new(found))),
                Some(Err(ReplayError::Disagrees)) => Ok(Walk::Holds),
                Some(Err(why)) => Err(InternalError {
                    id: self.constraint.id.clone(),
                    why,
                }),
            }
        };
        let found = breaks(body)?;
        if matches!(found, Walk::Holds)
            && !*some
            && let Formula::Implies(premise, _) = body
        {
            let asked = breaks(&Formula::Not(premise.clone()))?;
            *some = matches!(asked, Walk::Broken(_));
        }
        Ok(found)
    }
}

/// What a sender sends to a place where it can.
fn header(sender: &Point<'_>, to: (Protocol, IpAddr, u16)) -> Option<Header> {
    let same = Family::of(to.1) == Family::of(sender.address);
    same.then(|| message(sender, to))
}

fn message(sender: &Point<'_>, to: (Protocol, IpAddr, u16)) -> Header {
    Header {
        protocol: to.0,
        source: sender.address,
        source_port: SOURCE_PORT,
        destination: to.1,
        destination_port: to.2,
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
