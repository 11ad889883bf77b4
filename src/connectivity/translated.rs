//! Which addresses and ports the nodes translate, or refuse for a Service, read off their FIBs.
//!
//! Must never know: why (Services, node ports, host ports), gates.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::inet::{PortSet, Protocol};
use crate::network::fib::{Action, FibRule, Rewrite, RuleKind};
use crate::network::graph::Network;

use super::ports::{PortTable, PortsId};

/// Translations by node and dialled address, in the order of the FIB.
#[derive(Debug, Default)]
pub(super) struct Translations<'n> {
    rules: HashMap<(EntityId, IpAddr), Vec<&'n FibRule>>,
    addresses: HashSet<IpAddr>,
}

impl<'n> Translations<'n> {
    /// Those of a network. None where a rule translates more than one address: the native way knows no such rule.
    pub(super) fn of(network: &'n Network) -> Option<Self> {
        let mut all = Self::default();
        for switch in &network.switches {
            for rule in &switch.fib {
                // Where a Service has no endpoint, or refuses a source, the rule discards.
                let of_service = matches!(
                    rule.kind,
                    RuleKind::Service
                        | RuleKind::NodePort
                        | RuleKind::ExternalService
                        | RuleKind::HostPort
                );
                if !of_service && !matches!(rule.action, Action::Translate(_)) {
                    continue;
                }
                let to = rule.matches.to?;
                if to.prefix_len() != to.max_prefix_len() {
                    return None;
                }
                all.addresses.insert(to.addr());
                let at = all.rules.entry((switch.id, to.addr())).or_default();
                at.push(rule);
            }
        }
        Some(all)
    }

    /// Whether any node translates the address.
    pub(super) fn somewhere(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// The rules of a node for an address.
    pub(super) fn at(&self, node: EntityId, address: IpAddr) -> &[&'n FibRule] {
        self.rules.get(&(node, address)).map_or(&[], Vec::as_slice)
    }

    /// The ports of an address that a node may translate.
    pub(super) fn ports(
        &self,
        node: EntityId,
        address: IpAddr,
        protocol: Protocol,
        ports: &mut PortTable,
    ) -> PortsId {
        let mut all = PortTable::NONE;
        for rule in self.at(node, address) {
            if rule.matches.protocol.is_none_or(|p| p == protocol) {
                let these = of_rule(rule, ports);
                all = ports.or(all, these);
            }
        }
        all
    }
}

/// The ports that a rule is about.
pub(super) fn of_rule(rule: &FibRule, ports: &mut PortTable) -> PortsId {
    rule.matches
        .to_ports
        .as_ref()
        .map_or(PortTable::ALL, |set| {
            let ranges = set.ranges().iter().map(|&(low, high)| (low.max(1), high));
            ports.id(PortSet::of(ranges))
        })
}

/// Whether a rule is about every source.
pub(super) fn for_every_source(rule: &FibRule) -> bool {
    rule.matches.from.is_none() && rule.matches.from_ports.is_none()
}

/// A rewrite that leaves the source as it is, to an address and port that are said.
pub(super) fn plain(rule: &FibRule, rewrite: &Rewrite) -> Option<(IpAddr, u16)> {
    if rewrite.source.is_some() || rewrite.source_port.is_some() {
        return None;
    }
    let port = rewrite
        .destination_port
        .or_else(|| rule.matches.to_ports.as_ref()?.single())?;
    Some((rewrite.destination?, port))
}
