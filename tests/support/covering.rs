//! A covering set of headers: what is true of it is true of all headers.
//!
//! Why it covers: every test that a rule, a switch's memory, the honesty of a sender or a constraint makes of an address is
//! "is it this one", or "is it in this prefix"; of a port, "is it in this range". (An answer's fields are compared with
//! the message's, but each stands at its own place, or is a constant of a rewrite.) So addresses that are in the same of
//! those prefixes, and ports that are in the same of those ranges, can take each other's place in everything that
//! happens. One of each class is enough; a named address or port is a class of its own. Which one of a class is taken is
//! random, so that over many clusters this very argument is tested too.
//!
//! Source ports have fewer classes. They are tested by what rules say of source ports, by rewrites of source ports, and,
//! on the way back, by what rules say of destination ports. The last does not count where a delivery is followed by the
//! discard of the same address: an answer that gets there comes to nothing either way, and does not loop. Where there are
//! few messages, every class of ports is tried as a source port all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kubeproof::model::cluster::{Bind, Cluster};
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::{IpNet, Protocol};
use kubeproof::network::fib::{Action, FibRule};
use kubeproof::network::graph::Network;
use kubeproof::network::header::Header;

use super::oracle::{Oracle, bits, inside};
use super::rng::Rng;

/// Up to so many messages, source ports have as many classes as destination ports.
const FEW: usize = 30_000;

/// Representatives of addresses and ports, and who sends.
#[derive(Debug)]
pub struct Covering {
    /// Processes that send.
    pub senders: Vec<EntityId>,
    /// Of all classes of addresses.
    pub addresses: Vec<IpAddr>,
    /// Of the classes of source ports.
    pub source_ports: Vec<u16>,
    /// Of the classes of destination ports.
    pub ports: Vec<u16>,
}

/// What a user's formula distinguishes beyond the cluster.
#[derive(Debug, Default)]
pub struct Extra {
    /// Addresses and prefixes.
    pub nets: Vec<IpNet>,
    /// Ranges of ports, of source and destination.
    pub ports: Vec<(u16, u16)>,
    /// Source ports are asked about as destination ports are.
    pub every_source_port: bool,
}

impl Covering {
    /// For this cluster and what is asked beyond it.
    pub fn new(oracle: &Oracle<'_>, extra: &Extra, rng: &mut Rng) -> Self {
        let (cluster, network) = (oracle.cluster, oracle.network);
        let mut nets = extra.nets.clone();
        nets.extend(named(cluster));
        nets.extend(of_rules(network));
        for gate in &oracle.said.all {
            nets.extend(gate.addresses.iter().map(|a| IpNet::from(*a)));
            let peers = gate.tiers.iter().flatten().filter_map(|r| r.peers.as_ref());
            nets.extend(peers.flat_map(|set| set.nets()));
        }
        let fixed = [
            "127.0.0.1",
            "127.0.0.0/8",
            "::1",
            "0.0.0.0/8",
            "224.0.0.0/4",
            "255.255.255.255",
            "::",
            "ff00::/8",
        ];
        nets.extend(fixed.iter().filter_map(|text| {
            text.parse::<IpNet>()
                .ok()
                .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        }));
        let mut ports = extra.ports.clone();
        ports.extend(listeners(cluster));
        for rule in oracle
            .said
            .all
            .iter()
            .flat_map(|g| g.tiers.iter().flatten())
        {
            let of_rule = rule.ports.iter().flat_map(|all| all.iter());
            ports.extend(of_rule.flat_map(|(_, set)| set.ranges()));
        }
        let mut sources = extra.ports.clone();
        for rule in network.switches.iter().flat_map(|s| &s.fib) {
            let m = &rule.matches;
            m.from_ports
                .iter()
                .for_each(|set| sources.extend(set.ranges()));
            m.to_ports.iter().for_each(|set| ports.extend(set.ranges()));
            if let Action::Translate(ways) = &rule.action {
                sources.extend(ways.iter().filter_map(|w| w.source_port).map(|p| (p, p)));
                ports.extend(
                    ways.iter()
                        .filter_map(|w| w.destination_port)
                        .map(|p| (p, p)),
                );
            }
        }
        // The other way round on the way back: source ports of rules meet the destination port.
        ports.extend(sources.clone());
        for switch in &network.switches {
            sources.extend(tested_by_answers(&switch.fib));
        }
        if extra.every_source_port {
            sources.extend(ports.clone());
        }
        let mut senders: Vec<EntityId> = network.processes.iter().map(|p| p.id).collect();
        senders.sort_unstable();
        let mut covering = Self {
            senders,
            addresses: addresses(&nets, rng),
            source_ports: representatives(&sources, rng),
            ports: representatives(&ports, rng),
        };
        if covering.count(oracle) / covering.source_ports.len() * covering.ports.len() <= FEW {
            covering.source_ports = representatives(&ports, rng);
        }
        covering
    }

    /// How many messages there are.
    pub fn count(&self, oracle: &Oracle<'_>) -> usize {
        let mut count = 0;
        self.each(oracle, |_, _| count += 1);
        count
    }

    /// The honest headers, by sender.
    pub fn each(&self, oracle: &Oracle<'_>, mut visit: impl FnMut(EntityId, Header)) {
        for &sender in &self.senders {
            for &source in &self.addresses {
                for &destination in &self.addresses {
                    let plain = |source_port, destination_port, protocol| Header {
                        protocol,
                        source,
                        source_port,
                        destination,
                        destination_port,
                    };
                    if !oracle.honest(sender, &plain(1, 1, Protocol::Tcp)) {
                        continue;
                    }
                    for &destination_port in &self.ports {
                        for &source_port in &self.source_ports {
                            for protocol in Protocol::ALL {
                                visit(sender, plain(source_port, destination_port, protocol));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the cluster names.
fn named(cluster: &Cluster) -> Vec<IpNet> {
    let pods = cluster.pods.iter().flat_map(|p| &p.addresses);
    let nodes = cluster.nodes.iter().flat_map(|n| &n.addresses);
    let services = cluster.services.iter().flat_map(|s| &s.addresses);
    let held = pods.chain(nodes).chain(services).map(|a| IpNet::from(a.ip));
    let outside = cluster
        .externals
        .iter()
        .flat_map(|x| x.prefixes.iter().copied());
    let containers = cluster.pods.iter().flat_map(|p| &p.containers);
    let processes = containers.chain(cluster.nodes.iter().flat_map(|n| &n.daemons));
    let bound = processes
        .flat_map(|p| &p.open)
        .filter_map(|l| match l.bind {
            Bind::Address(ip) => Some(IpNet::from(ip)),
            Bind::Any | Bind::AnyV4 | Bind::AnyV6 => None,
        });
    held.chain(outside).chain(bound).collect()
}

/// What rules test, and what they write.
fn of_rules(network: &Network) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for rule in network.switches.iter().flat_map(|s| &s.fib) {
        nets.extend(rule.matches.from);
        nets.extend(rule.matches.to);
        if let Action::Translate(ways) = &rule.action {
            let written = ways
                .iter()
                .flat_map(|w| [w.source, w.destination, w.hairpin_source]);
            nets.extend(written.flatten().map(IpNet::from));
        }
    }
    nets
}

fn listeners(cluster: &Cluster) -> Vec<(u16, u16)> {
    let containers = cluster.pods.iter().flat_map(|p| &p.containers);
    let processes = containers.chain(cluster.nodes.iter().flat_map(|n| &n.daemons));
    let mut all: Vec<(u16, u16)> = processes
        .flat_map(|p| &p.open)
        .map(|l| (l.port, l.port))
        .collect();
    all.extend(
        cluster
            .services
            .iter()
            .flat_map(|s| &s.ports)
            .map(|p| (p.port, p.port)),
    );
    all
}

/// Destination ports that make a difference to an answer; see the top of this file.
fn tested_by_answers(fib: &[FibRule]) -> Vec<(u16, u16)> {
    let mut all = Vec::new();
    for (index, rule) in fib.iter().enumerate() {
        let Some(ports) = &rule.matches.to_ports else {
            continue;
        };
        if matches!(rule.action, Action::Translate(_)) {
            continue;
        }
        let ends = |r: &FibRule| matches!(r.action, Action::Deliver(_) | Action::Discard(_));
        let rest = fib[index..].iter().take_while(|r| ends(r));
        let closed = rest.into_iter().any(|r| {
            let m = &r.matches;
            let wide = m.from.is_none()
                && m.from_ports.is_none()
                && m.to_ports.is_none()
                && m.protocol.is_none();
            let holds =
                m.to.is_none_or(|net| rule.matches.to.is_some_and(|to| net.contains(&to)));
            wide && holds
        });
        if !closed {
            all.extend(ports.ranges());
        }
    }
    all
}

/// One of each class of addresses.
fn addresses(nets: &[IpNet], rng: &mut Rng) -> Vec<IpAddr> {
    let mut all = BTreeSet::new();
    for width in [32, 128] {
        let nets: BTreeSet<&IpNet> = nets
            .iter()
            .filter(|net| bits(net.addr()).1 == width)
            .collect();
        let last = if width == 32 {
            u128::from(u32::MAX)
        } else {
            u128::MAX
        };
        // Where something begins: a prefix, or what comes after it.
        let mut cuts = BTreeSet::from([0]);
        for net in &nets {
            let (first, end) = (bits(net.network()).0, bits(net.broadcast()).0);
            cuts.insert(first);
            cuts.extend((end < last).then(|| end + 1));
        }
        let cuts: Vec<u128> = cuts.into_iter().collect();
        let mut classes: BTreeMap<Vec<usize>, Vec<(u128, u128)>> = BTreeMap::new();
        for (i, &low) in cuts.iter().enumerate() {
            let high = cuts.get(i + 1).map_or(last, |next| next - 1);
            let class = nets
                .iter()
                .enumerate()
                .filter(|(_, net)| inside(address(low, width), net))
                .map(|(i, _)| i);
            classes
                .entry(class.collect())
                .or_default()
                .push((low, high));
        }
        for intervals in classes.values() {
            let (low, high) = *rng.pick(intervals);
            all.insert(address(one_of(low, high, rng), width));
        }
    }
    all.into_iter().collect()
}

fn address(bits: u128, width: u32) -> IpAddr {
    if width == 32 {
        IpAddr::V4(Ipv4Addr::from(bits as u32))
    } else {
        IpAddr::V6(Ipv6Addr::from(bits))
    }
}

/// The first, the last or any.
fn one_of(low: u128, high: u128, rng: &mut Rng) -> u128 {
    match rng.below(3) {
        0 => low,
        1 => high,
        _ => low + u128::from(rng.next()).min(high - low) % (high - low).max(1),
    }
}

/// One of each class of ports.
fn representatives(ranges: &[(u16, u16)], rng: &mut Rng) -> Vec<u16> {
    let ranges: BTreeSet<(u16, u16)> = ranges.iter().copied().collect();
    let mut cuts = BTreeSet::from([1]);
    for (low, high) in &ranges {
        cuts.insert(*low);
        cuts.extend(high.checked_add(1));
    }
    let cuts: Vec<u16> = cuts.into_iter().filter(|p| *p > 0).collect();
    let mut classes: BTreeMap<Vec<bool>, Vec<(u16, u16)>> = BTreeMap::new();
    for (i, &low) in cuts.iter().enumerate() {
        let high = cuts.get(i + 1).map_or(u16::MAX, |next| next - 1);
        let class = ranges.iter().map(|(a, b)| *a <= low && low <= *b).collect();
        classes.entry(class).or_default().push((low, high));
    }
    classes
        .values()
        .map(|intervals| {
            let (low, high) = *rng.pick(intervals);
            one_of(u128::from(low), u128::from(high), rng) as u16
        })
        .collect()
}
