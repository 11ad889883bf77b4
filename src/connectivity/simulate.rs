//! Connectivity by walking messages: one for every class of ports and every choice that anything could tell apart.
//!
//! Knows: the simulator. Must never know: gates as sets, ideal FIBs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, PortSet, Protocol};
use crate::network::fib::{Action, RuleKind};
use crate::network::graph::Network;
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, Outcome};
use crate::sim::walk;

use super::exact;
use super::party::{Party, Who};
use super::ports::{PortTable, PortsId};

/// The source port of a message where any would do.
pub(super) const SOURCE_PORT: u16 = 49152;

/// Walks messages of one network.
#[derive(Debug)]
pub(super) struct Simulator<'n> {
    cluster: &'n Cluster,
    network: &'n Network,
    /// Whether a port counts on which nobody listens.
    allowed: bool,
    /// The first port of each class of ports, ascending from 1.
    classes: Vec<u16>,
    /// One source port for each class that could matter.
    source_ports: Vec<u16>,
}

impl<'n> Simulator<'n> {
    /// For one network.
    pub(super) fn new(cluster: &'n Cluster, network: &'n Network, allowed: bool) -> Self {
        let mut all = Cuts::default();
        let mut explicit = Cuts::default();
        for rule in network.switches.iter().flat_map(|s| &s.fib) {
            let ports = [&rule.matches.from_ports, &rule.matches.to_ports];
            for set in ports.into_iter().flatten() {
                all.add(set);
                if rule.kind == RuleKind::Explicit {
                    explicit.add(set);
                }
            }
            if let Action::Translate(ways) = &rule.action {
                let new = ways
                    .iter()
                    .flat_map(|w| [w.source_port, w.destination_port]);
                new.flatten().for_each(|port| all.add(&PortSet::one(port)));
            }
        }
        for rule in network
            .gates
            .all
            .iter()
            .flat_map(|g| g.tiers.iter().flatten())
        {
            let ports = rule.ports.iter().flat_map(|p| p.iter());
            ports.for_each(|(_, set)| all.add(set));
        }
        // Source ports meet rules as the destination ports of answers: those of a cluster file, and, where an address
        // has two holders, anybody's.
        let source = if exact::addresses(cluster).is_none() {
            explicit
        } else {
            all.clone()
        };
        Self {
            cluster,
            network,
            allowed,
            classes: all.starts(),
            source_ports: source.plainest(),
        }
    }

    /// On which of these ports a message arrives: for all choices, and for some.
    pub(super) fn ports(
        &self,
        from: &Party,
        to: &Party,
        protocol: Protocol,
        within: PortsId,
        ports: &mut PortTable,
    ) -> (PortsId, PortsId) {
        let (mut all, mut some) = (Vec::new(), Vec::new());
        for (i, &first) in self.classes.iter().enumerate() {
            let last = self.classes.get(i + 1).map_or(u16::MAX, |next| next - 1);
            let class = ports.id(PortSet::of([(first, last)]));
            let class = ports.and(class, within);
            let Some(&(port, _)) = ports.set(class).ranges().first() else {
                continue;
            };
            let (always, ever) = self.port(from, to, protocol, port);
            let ranges = ports.set(class).ranges();
            if always {
                all.extend_from_slice(ranges);
            }
            if ever {
                some.extend_from_slice(ranges);
            }
        }
        (ports.id(PortSet::of(all)), ports.id(PortSet::of(some)))
    }

    /// One port: whether a message arrives for all choices, and for some.
    fn port(&self, from: &Party, to: &Party, protocol: Protocol, port: u16) -> (bool, bool) {
        let (mut all, mut some) = (false, false);
        for family in [Family::V4, Family::V6] {
            let mut by_target = Vec::new();
            for &target in to.targets.iter().filter(|a| Family::of(**a) == family) {
                by_target.extend(self.to_address(from, to, protocol, target, port));
            }
            let always = |(all, _): &(bool, bool)| *all;
            // One host is dialled at whichever address works; of a range, each address is another host.
            all |= if to.range {
                !by_target.is_empty() && by_target.iter().all(always)
            } else {
                by_target.iter().any(always)
            };
            some |= by_target.iter().any(|(_, some)| *some);
        }
        (all, some)
    }

    /// None where nobody can send it.
    fn to_address(
        &self,
        from: &Party,
        to: &Party,
        protocol: Protocol,
        target: IpAddr,
        port: u16,
    ) -> Option<(bool, bool)> {
        let mut seen = None;
        for &sender in &from.senders {
            for &source in &from.sources {
                for &source_port in &self.source_ports {
                    let header = Header {
                        protocol,
                        source,
                        source_port,
                        destination: target,
                        destination_port: port,
                    };
                    if !walk::honest(self.network, sender, &header) {
                        continue;
                    }
                    let (all, some) = self.message(to, sender, header);
                    let (always, ever) = seen.unwrap_or((true, false));
                    seen = Some((always && all, ever || some));
                }
            }
        }
        seen
    }

    fn message(&self, to: &Party, sender: EntityId, header: Header) -> (bool, bool) {
        // What has too many outcomes to be walked is promised by none of them.
        let Ok(trace) = walk::trace(self.network, sender, header) else {
            return (false, true);
        };
        let arrives = |o: &Outcome| self.arrives(to, o);
        (
            trace.outcomes.iter().all(arrives),
            trace.outcomes.iter().any(arrives),
        )
    }

    /// Whether the message met whom it was sent to.
    pub(super) fn arrives(&self, to: &Party, outcome: &Outcome) -> bool {
        let end = outcome
            .request
            .steps
            .iter()
            .rev()
            .find_map(|step| match step.event {
                Event::Deliver { .. } => Some(step.of),
                Event::Discard {
                    why: Disposition::ClosedPort,
                    ..
                } if self.allowed => Some(step.of),
                _ => None,
            });
        let arrived = self.allowed || outcome.disposition == Disposition::Delivered;
        arrived && end.is_some_and(|switch| self.is_meant(to, switch, outcome))
    }

    /// Whether a message that ended at this switch ended where it was sent.
    fn is_meant(&self, to: &Party, switch: EntityId, outcome: &Outcome) -> bool {
        let receiver = outcome.request.receiver;
        match to.who {
            Who::Outside(_) => self.cluster.outside == Some(switch),
            Who::Entity(id) => match self.cluster.kind_of(id) {
                EntityKind::External => receiver == Some(id),
                // Whoever is behind a Service, and whoever a node lends its address to.
                EntityKind::Service => self.translated_by_service(outcome),
                EntityKind::Node => switch == id || self.translated_by_service(outcome),
                _ => switch == id,
            },
        }
    }

    fn translated_by_service(&self, outcome: &Outcome) -> bool {
        outcome.request.steps.iter().any(|step| match step.event {
            Event::Translate {
                rule: Some(index), ..
            } => {
                let switch = self.network.switch(step.at);
                let rule = switch.and_then(|s| s.fib.get(index));
                rule.is_some_and(|rule| rule.kind != RuleKind::Explicit)
            }
            _ => false,
        })
    }
}

/// Where classes of ports begin.
#[derive(Debug, Clone, Default)]
struct Cuts(BTreeSet<u16>);

impl Cuts {
    fn add(&mut self, set: &PortSet) {
        for &(low, high) in set.ranges() {
            self.0.insert(low);
            self.0.extend(high.checked_add(1));
        }
    }

    fn starts(mut self) -> Vec<u16> {
        self.0.remove(&0);
        self.0.insert(1);
        self.0.into_iter().collect()
    }

    /// One port of each class, the usual source port where it is in the class.
    fn plainest(self) -> Vec<u16> {
        let starts = self.starts();
        let ends = starts.iter().skip(1).map(|next| next - 1);
        let ends = ends.chain([u16::MAX]);
        let usual = |(&low, high)| {
            if (low..=high).contains(&SOURCE_PORT) {
                SOURCE_PORT
            } else {
                low
            }
        };
        starts.iter().zip(ends).map(usual).collect()
    }
}
