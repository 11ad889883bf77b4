//! The answer of one cluster, row by row.
//!
//! Knows: which way is taken. Must never know: printing.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::model::cluster::Cluster;
use crate::model::inet::{PortSet, Protocol};
use crate::network::graph::Network;

use super::exact;
use super::gates::AddressSets;
use super::native::{Found, NOTHING, Native};
use super::outside::{self, Class};
use super::party::{Parties, PartyId};
use super::ports::{ByProtocol, PortTable};
use super::row::Row;
use super::simulate::Simulator;
use super::translated::Translations;

/// How to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// By sets where that is exact, else by walking.
    #[default]
    Auto,
    /// By walking always: the reference.
    Simulate,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What policies and routes permit, whether or not anybody listens.
    pub allowed: bool,
    /// Services as targets too.
    pub services: bool,
    /// How to find out.
    pub way: Way,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed: false,
            services: true,
            way: Way::Auto,
        }
    }
}

/// The answer of one cluster, computed as it is asked for.
#[derive(Debug)]
pub struct Answer<'n> {
    cluster: &'n Cluster,
    classes: Vec<Class>,
    parties: Parties,
    ports: PortTable,
    method: Method<'n>,
    obstacle: Option<&'static str>,
    allowed: bool,
    /// The ports that Services offer.
    offered: BTreeMap<PartyId, ByProtocol>,
}

#[derive(Debug)]
enum Method<'n> {
    Native(Box<Native<'n>>),
    Simulate(Box<Simulator<'n>>),
}

impl<'n> Answer<'n> {
    /// Prepares the answer.
    pub fn new(cluster: &'n Cluster, network: &'n Network, options: Options) -> Self {
        Self::prepared(cluster, network, options, None)
    }

    /// The same, with the outside cut by these prefixes and not joined again.
    pub(super) fn by_region(
        cluster: &'n Cluster,
        network: &'n Network,
        options: Options,
        regions: &BTreeSet<IpNet>,
    ) -> Self {
        Self::prepared(cluster, network, options, Some(regions))
    }

    fn prepared(
        cluster: &'n Cluster,
        network: &'n Network,
        options: Options,
        regions: Option<&BTreeSet<IpNet>>,
    ) -> Self {
        let sets = AddressSets::of(&network.gates.all);
        let signature = |address| sets.signature(address);
        let classes = outside::classes(cluster, network, signature, regions);
        let parties = Parties::of(cluster, network, &classes, options.services);
        let mut ports = PortTable::default();
        let offered = offered(cluster, &parties, &mut ports);
        let translations = Translations::of(network);
        let mut obstacle = exact::obstacle(cluster, network);
        if options.way == Way::Simulate {
            obstacle = Some("walking was asked for");
        } else if translations.is_none() {
            obstacle = obstacle.or(Some("a rule translates more than one address"));
        }
        let method = match translations.filter(|_| obstacle.is_none()) {
            Some(translations) => Method::Native(Box::new(Native::new(
                cluster,
                network,
                &parties,
                &sets,
                translations,
                options.allowed,
                &mut ports,
            ))),
            None => Method::Simulate(Box::new(Simulator::new(cluster, network, options.allowed))),
        };
        Self {
            cluster,
            classes,
            parties,
            ports,
            method,
            obstacle,
            allowed: options.allowed,
            offered,
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &'n Cluster {
        self.cluster
    }

    /// Everybody who is asked about.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// The classes of the outside.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The sets of ports that rows name.
    pub fn ports(&mut self) -> &mut PortTable {
        &mut self.ports
    }

    /// Why messages were walked; none where sets of ports and addresses were computed with.
    pub fn obstacle(&self) -> Option<&'static str> {
        self.obstacle
    }

    /// `received` or `allowed`.
    pub fn basis(&self) -> &'static str {
        if self.allowed { "allowed" } else { "received" }
    }

    /// The rows from one party to those that are wanted, in order.
    pub fn rows_from(&mut self, from: PartyId, wanted: impl Fn(PartyId) -> bool) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.parties.get(from).senders.is_empty() {
            return rows;
        }
        for to in (0..self.parties.len() as u32).map(PartyId) {
            if !wanted(to) || !self.parties.asked(self.cluster, from, to) {
                continue;
            }
            let found = self.found(from, to);
            for (protocol, (all, some)) in Protocol::ALL.into_iter().zip(found) {
                if some != PortTable::NONE {
                    let some = self.ports.minus(some, all);
                    rows.push(Row {
                        from,
                        to,
                        protocol,
                        all,
                        some,
                    });
                }
            }
        }
        rows
    }

    fn found(&mut self, from: PartyId, to: PartyId) -> Found {
        let offered = self.offered.get(&to).copied();
        match &mut self.method {
            Method::Native(native) => {
                native.found(&self.parties, from, to, offered, &mut self.ports)
            }
            Method::Simulate(simulator) => {
                let (sender, target) = (self.parties.get(from), self.parties.get(to));
                let mut found = NOTHING;
                let within = offered.unwrap_or([PortTable::ALL; 3]);
                for ((found, protocol), within) in found.iter_mut().zip(Protocol::ALL).zip(within) {
                    *found = simulator.ports(sender, target, protocol, within, &mut self.ports);
                }
                found
            }
        }
    }
}

/// The ports that each Service offers.
fn offered(
    cluster: &Cluster,
    parties: &Parties,
    ports: &mut PortTable,
) -> BTreeMap<PartyId, ByProtocol> {
    let mut all = BTreeMap::new();
    for service in &cluster.services {
        if let Some(party) = parties.entity(service.id) {
            let of = Protocol::ALL.map(|protocol| {
                let these = service.ports.iter().filter(|p| p.protocol == protocol);
                ports.id(PortSet::of(these.map(|p| (p.port, p.port))))
            });
            all.insert(party, of);
        }
    }
    all
}
