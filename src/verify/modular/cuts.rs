//! What a cluster's rules and policies tell apart among addresses and ports, beside who holds them.
//!
//! Must never know: entities, formulas, the solver.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::logic::literals::Literals;
use crate::model::cluster::{Cluster, ExplicitAction, FibEdit, Match};
use crate::model::inet::{Family, IpNet, PortSet, non_unicast};
use crate::model::policy::{IpBlock, Peer, PortRule, PortsOf};

/// Prefixes and ports.
#[derive(Debug)]
pub(super) struct Cuts {
    /// Where a new class of addresses begins, and its number; ascending.
    starts: Vec<(IpAddr, u32)>,
    ports: PortSet,
    /// Whether every port is told apart.
    every_port: bool,
}

impl Cuts {
    /// What this cluster tells apart, with its policies or without, and the formulas that are asked of it.
    pub(super) fn of(cluster: &Cluster, literals: &Literals, with_policies: bool) -> Self {
        let mut nets: BTreeSet<IpNet> = non_unicast().into_iter().collect();
        let mut ports: Vec<(u16, u16)> = Vec::new();
        nets.extend([Family::V4, Family::V6].map(Family::loopback_net));
        nets.extend(literals.nets.iter().map(IpNet::trunc));
        // The whole range tells nothing apart.
        let tells = |r: &&(u16, u16)| **r != (0, u16::MAX);
        ports.extend(literals.ranges.iter().filter(tells).filter(|r| r.0 == r.1));
        let mut of_match = |m: &Match, nets: &mut BTreeSet<IpNet>| {
            nets.extend([m.from, m.to].iter().flatten().map(IpNet::trunc));
            for set in [&m.from_ports, &m.to_ports].into_iter().flatten() {
                ports.extend(set.ranges());
            }
        };
        for edit in &cluster.fibs {
            for rule in explicit(edit) {
                of_match(&rule.matches, &mut nets);
            }
            for removal in &edit.remove {
                of_match(&removal.matches, &mut nets);
            }
        }
        for rule in cluster.fibs.iter().flat_map(explicit) {
            if let ExplicitAction::Translate {
                from,
                from_port,
                to,
                to_port,
            } = &rule.action
            {
                nets.extend([from, to].into_iter().flatten().map(|ip| IpNet::from(*ip)));
                ports.extend([from_port, to_port].into_iter().flatten().map(|p| (*p, *p)));
            }
        }
        nets.extend(
            cluster
                .externals
                .iter()
                .flat_map(|x| &x.prefixes)
                .map(IpNet::trunc),
        );
        let sources = cluster.services.iter().flat_map(|s| &s.balancer_sources);
        nets.extend(sources.flatten().map(IpNet::trunc));
        if with_policies {
            policies(cluster, &mut nets, &mut ports);
        }
        Self {
            starts: starts(&nets),
            ports: PortSet::of(ports),
            every_port: false,
        }
    }

    /// The same where every port is told apart.
    pub(super) fn with_every_port(self) -> Self {
        Self {
            every_port: true,
            ..self
        }
    }

    /// The addresses of those classes in which, of these addresses apart, fewer than two are left. They ascend.
    pub(super) fn full(&self, held: &[IpAddr]) -> Vec<IpAddr> {
        let mut room: BTreeMap<u32, u128> = BTreeMap::new();
        for (at, (start, class)) in self.starts.iter().enumerate() {
            let next = self.starts.get(at + 1).map(|next| next.0);
            let next = next.filter(|next| next.is_ipv4() == start.is_ipv4());
            let (from, to) = (number(*start), next.map(number));
            let all = if start.is_ipv4() { 1 << 32 } else { u128::MAX };
            let size = to.unwrap_or(all).saturating_sub(from);
            let of = room.entry(*class).or_default();
            *of = of.saturating_add(size);
        }
        // What no prefix holds is more than anybody has.
        room.insert(0, u128::MAX);
        for ip in held {
            if let Some(left) = room.get_mut(&self.class(*ip)) {
                *left = left.saturating_sub(1);
            }
        }
        let full = |ip: &&IpAddr| room.get(&self.class(**ip)).is_some_and(|left| *left < 2);
        held.iter().filter(full).copied().collect()
    }

    /// The number of the class that an address is in.
    pub(super) fn class(&self, ip: IpAddr) -> u32 {
        let after = self.starts.partition_point(|start| start.0 <= ip);
        after.checked_sub(1).map_or(0, |at| self.starts[at].1)
    }

    /// Whether a port is told apart from others.
    pub(super) fn tells_port(&self, port: u16) -> bool {
        self.every_port || self.ports.contains(port)
    }
}

/// The explicit rules of a switch.
pub(super) fn explicit(
    edit: &FibEdit,
) -> impl Iterator<Item = &crate::model::cluster::ExplicitRule> {
    edit.before.iter().chain(&edit.after)
}

fn policies(cluster: &Cluster, nets: &mut BTreeSet<IpNet>, ports: &mut Vec<(u16, u16)>) {
    let pods = cluster.pods.iter().flat_map(|p| &p.named_ports);
    let hosted = cluster.host_pods.iter().flat_map(|p| &p.named_ports);
    let named: BTreeSet<(u16, u16)> = pods.chain(hosted).map(|n| (n.port, n.port)).collect();
    let mut rule = |peers: &[Peer], of: &[PortRule]| {
        for peer in peers {
            if let Peer::Block(IpBlock { cidr, except, .. }) = peer {
                nets.insert(cidr.trunc());
                nets.extend(except.iter().map(IpNet::trunc));
            }
        }
        for port in of {
            match &port.ports {
                PortsOf::Range(low, high) => ports.push((*low, *high)),
                // What a name stands for is told by the pod; whether it listens there must be told too.
                PortsOf::Named(_) => ports.extend(&named),
                PortsOf::Any => {}
            }
        }
    };
    for policy in &cluster.policies.network {
        for r in policy.ingress.iter().chain(&policy.egress).flatten() {
            rule(
                r.peers.as_deref().unwrap_or_default(),
                r.ports.as_deref().unwrap_or_default(),
            );
        }
    }
    for policy in &cluster.policies.cluster {
        for r in policy.ingress.iter().chain(&policy.egress) {
            rule(&r.peers, r.ports.as_deref().unwrap_or_default());
        }
    }
}

/// Prefixes are nested or disjoint: the innermost one that holds an address says in which of them it is.
fn starts(nets: &BTreeSet<IpNet>) -> Vec<(IpAddr, u32)> {
    let mut all: Vec<(IpAddr, u32)> = Vec::new();
    let mut open: Vec<(IpNet, u32)> = Vec::new();
    let mut put = |at: IpAddr, class: u32| match all.last_mut() {
        Some(last) if last.0 == at => last.1 = class,
        _ => all.push((at, class)),
    };
    let close =
        |open: &mut Vec<(IpNet, u32)>, put: &mut dyn FnMut(IpAddr, u32), next: Option<&IpNet>| {
            while let Some((net, _)) = open.last().copied() {
                if next.is_some_and(|n| net.contains(n)) {
                    break;
                }
                open.pop();
                // In order of place; whatever lies behind belongs to the prefix around it, or to none.
                if let Some(after) = successor(net.broadcast()) {
                    put(after, open.last().map_or(0, |o| o.1));
                }
            }
        };
    for (number, net) in (1..).zip(nets) {
        close(&mut open, &mut put, Some(net));
        put(net.network(), number);
        open.push((*net, number));
    }
    close(&mut open, &mut put, None);
    all
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

fn successor(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}
