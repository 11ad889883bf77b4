//! Rules as addresses and ports: whom peers mean, what names of ports mean at each destination.
//!
//! Knows: peers, port rules. Must never know: order, tiers, decisions.
//!
//! A rule becomes several pieces that say together what it says; their order does not matter. A name of a port is looked
//! up at the destination: in ingress at the pod itself, in egress at each pod that the peers mean, so that it never means
//! a port of an address that is no pod's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::addresses::without;
use super::directory::{Directory, Member, Selection, set};
use crate::model::inet::{IpNet, PortSet, Protocol};
use crate::model::policy::{IpBlock, Peer, PortRule, PortsOf};
use crate::network::gate::{AddressSet, ProtocolPorts};

/// Part of a rule: other ends, and ports of the destination.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The other end; none is everybody.
    pub(super) peers: Option<Arc<AddressSet>>,
    /// Destination ports; none is every port of every protocol.
    pub(super) ports: Option<Arc<ProtocolPorts>>,
}

/// Peers, looked up.
#[derive(Debug)]
pub(super) struct Peers {
    /// All addresses; none is everybody.
    addresses: Option<Arc<AddressSet>>,
    /// Those that are pods; none is all pods there are.
    pods: Option<Vec<Rc<Selection>>>,
}

impl Peers {
    /// What a list of peers means to a policy of the namespace `own`; no list is everybody. Whether an address block means
    /// the addresses of pods is for the caller to say.
    pub(super) fn of(
        directory: &Directory<'_>,
        own: &str,
        peers: Option<&[Peer]>,
        blocks_mean_pods: bool,
    ) -> Self {
        let Some(peers) = peers else {
            return Self {
                addresses: None,
                pods: None,
            };
        };
        let mut pods = Vec::new();
        let mut sets: Vec<Arc<AddressSet>> = Vec::new();
        for peer in peers {
            match peer {
                Peer::Pods {
                    namespaces,
                    pods: selector,
                    ..
                } => {
                    let selection = directory.select(own, namespaces.as_ref(), selector);
                    sets.push(directory.addresses(&selection));
                    pods.push(selection);
                }
                Peer::Block(block) => {
                    sets.push(Arc::new(block_addresses(
                        directory,
                        block,
                        blocks_mean_pods,
                    )));
                }
                Peer::Nodes { nodes, .. } => sets.push(directory.nodes(nodes)),
                // What it means for a decision is for the caller to say.
                Peer::FailsClosed { .. } => {}
            }
        }
        let addresses = match sets.as_slice() {
            [one] => Arc::clone(one),
            all => {
                let nets = all.iter().flat_map(|set| set.nets().iter().copied());
                Arc::new(AddressSet::of(nets))
            }
        };
        Self {
            addresses: Some(addresses),
            pods: Some(pods),
        }
    }
}

fn block_addresses(directory: &Directory<'_>, block: &IpBlock, mean_pods: bool) -> AddressSet {
    let holes = AddressSet::of(block.except.iter().copied());
    let mut nets: Vec<IpNet> = without(block.cidr, &holes);
    if !mean_pods {
        let held = directory.held();
        nets = nets
            .into_iter()
            .flat_map(|net| without(net, held))
            .collect();
    }
    AddressSet::of(nets)
}

/// Ports of a rule, sorted: by number, and by name.
#[derive(Debug)]
pub(super) struct Ports<'p> {
    /// None is every port of every protocol, and then there are no names.
    numbers: Option<Arc<ProtocolPorts>>,
    names: Vec<(Option<Protocol>, &'p str)>,
}

impl<'p> Ports<'p> {
    /// What a list of ports says; no list is every port.
    pub(super) fn of(rules: Option<&'p [PortRule]>) -> Self {
        let every = |rule: &PortRule| rule.protocol.is_none() && rule.ports == PortsOf::Any;
        let Some(rules) = rules.filter(|rules| !rules.iter().any(every)) else {
            return Self {
                numbers: None,
                names: Vec::new(),
            };
        };
        let mut ranges: BTreeMap<Protocol, Vec<(u16, u16)>> = BTreeMap::new();
        let mut names = Vec::new();
        for rule in rules {
            let range = match &rule.ports {
                PortsOf::Any => (0, u16::MAX),
                PortsOf::Range(low, high) => (*low, *high),
                PortsOf::Named(name) => {
                    names.push((rule.protocol, name.as_str()));
                    continue;
                }
            };
            for protocol in protocols(rule.protocol) {
                ranges.entry(protocol).or_default().push(range);
            }
        }
        Self {
            numbers: Some(Arc::new(collect(ranges))),
            names,
        }
    }

    /// Whether it means the same at every pod.
    pub(super) fn plain(&self) -> bool {
        self.names.is_empty()
    }

    /// What the names mean at a pod.
    fn named(&self, member: &Member<'_>) -> ProtocolPorts {
        let mut ranges: BTreeMap<Protocol, Vec<(u16, u16)>> = BTreeMap::new();
        for &(protocol, name) in &self.names {
            for protocol in protocols(protocol) {
                let mut ports = member.named_ports.iter();
                // The first that fits wins, as in the API server's own search.
                if let Some(found) = ports.find(|p| p.name == name && p.protocol == protocol) {
                    let range = (found.port, found.port);
                    ranges.entry(protocol).or_default().push(range);
                }
            }
        }
        collect(ranges)
    }
}

fn protocols(one: Option<Protocol>) -> Vec<Protocol> {
    one.map_or_else(|| Protocol::ALL.to_vec(), |one| vec![one])
}

fn collect(ranges: BTreeMap<Protocol, Vec<(u16, u16)>>) -> ProtocolPorts {
    ranges
        .into_iter()
        .map(|(protocol, ranges)| (protocol, PortSet::of(ranges)))
        .collect()
}

/// A rule for what goes out.
pub(super) fn egress(directory: &Directory<'_>, peers: &Peers, ports: &Ports<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    push(&mut pieces, peers.addresses.clone(), ports.numbers.clone());
    if ports.plain() {
        return pieces;
    }
    let mut by_meaning: BTreeMap<ProtocolPorts, Vec<IpAddr>> = BTreeMap::new();
    let mut look_up = |member: &Member<'_>| {
        let all = by_meaning.entry(ports.named(member)).or_default();
        all.extend(&member.addresses);
    };
    match &peers.pods {
        None => directory.members.iter().for_each(look_up),
        Some(selections) => {
            for selection in selections {
                let members = selection.members.iter();
                members.for_each(|&at| look_up(&directory.members[at]));
            }
        }
    }
    for (ports, addresses) in by_meaning {
        let peers = Some(Arc::new(set(addresses)));
        push(&mut pieces, peers, Some(Arc::new(ports)));
    }
    pieces
}

/// A rule for what comes in to a pod.
pub(super) fn ingress(member: &Member<'_>, peers: &Peers, ports: &Ports<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    push(&mut pieces, peers.addresses.clone(), ports.numbers.clone());
    if !ports.plain() {
        let named = Some(Arc::new(ports.named(member)));
        push(&mut pieces, peers.addresses.clone(), named);
    }
    pieces
}

/// A piece, unless it means nobody or no port.
fn push(
    pieces: &mut Vec<Piece>,
    peers: Option<Arc<AddressSet>>,
    ports: Option<Arc<ProtocolPorts>>,
) {
    let nobody = peers.as_ref().is_some_and(|set| set.is_empty());
    let no_port = ports.as_ref().is_some_and(|ports| ports.is_empty());
    if !nobody && !no_port {
        pieces.push(Piece { peers, ports });
    }
}
