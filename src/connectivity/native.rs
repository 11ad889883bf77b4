//! Connectivity by sets, for networks on which [`super::exact`] finds no obstacle.
//!
//! Between two addresses pass the ports that the target listens on, that the sender's egress gates leave, and that the
//! target's ingress gates leave. What a node translates is asked way by way, or walked. Must never know: FIBs but for
//! translations, policies.

mod services;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::model::cluster::{Cluster, Process};
use crate::model::inet::{Family, PortSet, Protocol};
use crate::network::graph::Network;

use super::gates::{AddressSets, GateTable};
use super::party::{Parties, Party, PartyId, Who};
use super::ports::{ByProtocol, PortTable, PortsId};
use super::simulate::Simulator;
use super::translated::Translations;

/// Ports for all choices and for some, by protocol.
pub(super) type Found = [(PortsId, PortsId); 3];

/// Nobody reaches nobody.
pub(super) const NOTHING: Found = [(PortTable::NONE, PortTable::NONE); 3];

/// An address as the tables know it.
#[derive(Debug)]
struct Place {
    address: IpAddr,
    class: usize,
    /// Index into `listening`.
    listens: usize,
}

/// The native way.
#[derive(Debug)]
pub(super) struct Native<'n> {
    gates: GateTable,
    translations: Translations<'n>,
    simulator: Simulator<'n>,
    /// By party.
    sources: Vec<Vec<Place>>,
    targets: Vec<Vec<Place>>,
    listening: Vec<ByProtocol>,
    /// By party: whether any node translates any of its addresses.
    translated: Vec<bool>,
    by_address: HashMap<IpAddr, (PartyId, usize)>,
    known: HashMap<(usize, u32, u32), ByProtocol>,
}

/// Where there is no gate.
const NO_GATE: u32 = u32::MAX;

impl<'n> Native<'n> {
    pub(super) fn new(
        cluster: &'n Cluster,
        network: &'n Network,
        parties: &Parties,
        sets: &AddressSets<'_>,
        translations: Translations<'n>,
        allowed: bool,
        ports: &mut PortTable,
    ) -> Self {
        let addresses: BTreeSet<IpAddr> = parties
            .iter()
            .flat_map(|(_, p)| p.sources.iter().chain(&p.targets).copied())
            .collect();
        let gates = GateTable::of(&network.gates.all, sets, &addresses, ports);
        let mut listening = Listening::default();
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        let mut by_address = HashMap::new();
        let processes = processes(cluster);
        for (id, party) in parties.iter() {
            let own = processes.get(&party.who).copied();
            let place = |address: IpAddr, listens| Place {
                address,
                class: gates.class(address),
                listens,
            };
            sources.push(party.sources.iter().map(|a| place(*a, 0)).collect());
            let here: Vec<Place> = party
                .targets
                .iter()
                .map(|a| {
                    let listens = match own {
                        Some(own) if !allowed => listening.of(own, *a, ports),
                        _ => listening.id([PortTable::ALL; 3]),
                    };
                    place(*a, listens)
                })
                .collect();
            if own.is_some() {
                let each = here.iter().enumerate();
                by_address.extend(each.map(|(i, place)| (place.address, (id, i))));
            }
            targets.push(here);
        }
        let translated = parties
            .iter()
            .map(|(_, p)| p.targets.iter().any(|a| translations.somewhere(*a)))
            .collect();
        Self {
            gates,
            translations,
            simulator: Simulator::new(cluster, network, allowed),
            sources,
            targets,
            listening: listening.all,
            translated,
            by_address,
            known: HashMap::new(),
        }
    }

    /// What one party reaches of another. A Service is asked on the ports that it offers.
    pub(super) fn found(
        &mut self,
        parties: &Parties,
        from: PartyId,
        to: PartyId,
        offered: Option<ByProtocol>,
        ports: &mut PortTable,
    ) -> Found {
        match offered {
            Some(offered) => self.service(parties, from, to, offered, ports),
            None => self.direct(parties, from, to, ports),
        }
    }

    fn direct(
        &mut self,
        parties: &Parties,
        from: PartyId,
        to: PartyId,
        ports: &mut PortTable,
    ) -> Found {
        let (many, range) = (self.targets[to.index()].len(), parties.get(to).range);
        let mut found = NOTHING;
        for family in [Family::V4, Family::V6] {
            let mut of_family: Option<Found> = None;
            for target in 0..many {
                if Family::of(self.targets[to.index()][target].address) != family {
                    continue;
                }
                let Some(here) = self.whatever_source(from, to, target, ports) else {
                    continue;
                };
                of_family = Some(match of_family {
                    None => here,
                    // One host is dialled at whichever address works; of a range, each address is another host.
                    Some(before) if range => merged(before, here, PortTable::and, ports),
                    Some(before) => merged(before, here, PortTable::or, ports),
                });
            }
            if let Some(here) = of_family {
                found = merged(found, here, PortTable::or, ports);
            }
        }
        if self.translated[to.index()] {
            self.with_translations(parties, from, to, found, ports)
        } else {
            found
        }
    }

    /// To one address, from every source address of its family; none where there is none.
    fn whatever_source(
        &mut self,
        from: PartyId,
        to: PartyId,
        target: usize,
        ports: &mut PortTable,
    ) -> Option<Found> {
        let family = Family::of(self.targets[to.index()][target].address);
        let mut found: Option<Found> = None;
        for source in 0..self.sources[from.index()].len() {
            if Family::of(self.sources[from.index()][source].address) != family {
                continue;
            }
            let here = self.pair(from, source, to, target, ports).map(|p| (p, p));
            found = Some(match found {
                None => here,
                Some(before) => merged(before, here, PortTable::and, ports),
            });
        }
        found
    }

    /// What passes from one address to another.
    fn pair(
        &mut self,
        from: PartyId,
        source: usize,
        to: PartyId,
        target: usize,
        ports: &mut PortTable,
    ) -> ByProtocol {
        let source = &self.sources[from.index()][source];
        let target = &self.targets[to.index()][target];
        let egress = self.gates.egress(source.address);
        let ingress = self.gates.ingress(target.address);
        let single = |gates: &[usize], class| match gates {
            [] => Some(NO_GATE),
            [one] => Some(self.gates.verdict(*one, class)),
            _ => None,
        };
        let key = single(egress, target.class)
            .zip(single(ingress, source.class))
            .map(|(out, within)| (target.listens, out, within));
        if let Some(known) = key.and_then(|key| self.known.get(&key)) {
            return *known;
        }
        let mut open = self.listening[target.listens];
        let out = egress.iter().map(|g| self.gates.verdict(*g, target.class));
        let within = ingress.iter().map(|g| self.gates.verdict(*g, source.class));
        for verdict in out.chain(within) {
            let passes = self.gates.ports(verdict);
            for (open, passes) in open.iter_mut().zip(passes) {
                *open = ports.and(*open, passes);
            }
        }
        if let Some(key) = key {
            self.known.insert(key, open);
        }
        open
    }

    /// Ports that a node on the way translates (a node's own address with node ports or host ports) are walked.
    fn with_translations(
        &self,
        parties: &Parties,
        from: PartyId,
        to: PartyId,
        mut found: Found,
        ports: &mut PortTable,
    ) -> Found {
        let (sender, target) = (parties.get(from), parties.get(to));
        for (i, protocol) in Protocol::ALL.into_iter().enumerate() {
            let on_the_way = self.on_the_way(sender, target, protocol, ports);
            if on_the_way == PortTable::NONE {
                continue;
            }
            let walked = self
                .simulator
                .ports(sender, target, protocol, on_the_way, ports);
            let (all, some) = found[i];
            let (all, some) = (ports.minus(all, on_the_way), ports.minus(some, on_the_way));
            found[i] = (ports.or(all, walked.0), ports.or(some, walked.1));
        }
        found
    }

    /// The ports of a party's addresses that the sender's node or the party's own may translate.
    fn on_the_way(
        &self,
        from: &Party,
        to: &Party,
        protocol: Protocol,
        ports: &mut PortTable,
    ) -> PortsId {
        let mut all = PortTable::NONE;
        for node in [from.node, to.node].into_iter().flatten() {
            for &address in &to.targets {
                let these = self.translations.ports(node, address, protocol, ports);
                all = ports.or(all, these);
            }
        }
        all
    }
}

fn protocol_index(protocol: Protocol) -> usize {
    Protocol::ALL
        .iter()
        .position(|p| *p == protocol)
        .unwrap_or_default()
}

/// Joins two results: what holds for all by the given operation, what holds for some by union.
pub(super) fn merged(
    a: Found,
    b: Found,
    all: impl Fn(&mut PortTable, PortsId, PortsId) -> PortsId,
    ports: &mut PortTable,
) -> Found {
    let mut joined = a;
    for (one, other) in joined.iter_mut().zip(b) {
        *one = (all(ports, one.0, other.0), ports.or(one.1, other.1));
    }
    joined
}

/// The processes of every pod and node.
fn processes(cluster: &Cluster) -> HashMap<Who, &[Process]> {
    let pods = cluster
        .pods
        .iter()
        .map(|p| (Who::Entity(p.id), p.containers.as_slice()));
    let nodes = cluster
        .nodes
        .iter()
        .map(|n| (Who::Entity(n.id), n.daemons.as_slice()));
    pods.chain(nodes).collect()
}

/// Which ports somebody listens on, each combination once.
#[derive(Debug, Default)]
struct Listening {
    all: Vec<ByProtocol>,
    ids: HashMap<ByProtocol, usize>,
}

impl Listening {
    fn id(&mut self, open: ByProtocol) -> usize {
        *self.ids.entry(open).or_insert_with(|| {
            self.all.push(open);
            self.all.len() - 1
        })
    }

    fn of(&mut self, processes: &[Process], address: IpAddr, ports: &mut PortTable) -> usize {
        let listeners = || processes.iter().flat_map(|p| &p.open);
        let open = Protocol::ALL.map(|protocol| {
            let here = listeners().filter(|l| l.protocol == protocol && l.bind.covers(address));
            ports.id(PortSet::of(here.map(|l| (l.port.max(1), l.port))))
        });
        self.id(open)
    }
}
