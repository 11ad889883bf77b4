//! Services as targets: port by port, as the sender's node translates them.
//!
//! Must never know: gates; pairs of addresses are the parent's.

use std::net::IpAddr;

use crate::connectivity::party::{Parties, Party, PartyId};
use crate::connectivity::ports::{ByProtocol, PortTable, PortsId};
use crate::connectivity::translated::{for_every_source, of_rule, plain};
use crate::model::entity::EntityId;
use crate::model::inet::{PortSet, Protocol};
use crate::network::fib::{Action, FibRule};

use super::{Found, NOTHING, Native, protocol_index};

impl Native<'_> {
    /// A Service, port by port, as the sender's node translates it; for the outside it is walked.
    pub(super) fn service(
        &mut self,
        parties: &Parties,
        from: PartyId,
        to: PartyId,
        offered: ByProtocol,
        ports: &mut PortTable,
    ) -> Found {
        let (sender, target) = (parties.get(from), parties.get(to));
        let mut found = NOTHING;
        for (i, protocol) in Protocol::ALL.into_iter().enumerate() {
            if offered[i] == PortTable::NONE {
                continue;
            }
            let (all, some) = match sender.node {
                Some(node) => {
                    let mut of_protocol = (PortTable::NONE, PortTable::NONE);
                    for &address in &target.targets {
                        let here =
                            self.service_address(parties, from, to, node, address, protocol, ports);
                        of_protocol.0 = ports.or(of_protocol.0, here.0);
                        of_protocol.1 = ports.or(of_protocol.1, here.1);
                    }
                    of_protocol
                }
                None => self
                    .simulator
                    .ports(sender, target, protocol, offered[i], ports),
            };
            // Two Services may share an address.
            found[i] = (ports.and(all, offered[i]), ports.and(some, offered[i]));
        }
        found
    }

    #[expect(clippy::too_many_arguments, reason = "one question, as it stands")]
    fn service_address(
        &mut self,
        parties: &Parties,
        from: PartyId,
        to: PartyId,
        node: EntityId,
        address: IpAddr,
        protocol: Protocol,
        ports: &mut PortTable,
    ) -> (PortsId, PortsId) {
        let (mut all, mut some) = (PortTable::NONE, PortTable::NONE);
        let mut before = PortTable::NONE;
        let rules: Vec<&FibRule> = self.translations.at(node, address).to_vec();
        for rule in rules {
            if rule.matches.protocol.is_some_and(|p| p != protocol) {
                continue;
            }
            // First match wins.
            let meant = of_rule(rule, ports);
            let meant = ports.minus(meant, before);
            before = ports.or(before, meant);
            if let Some((always, ever)) =
                self.plain_rule(parties, from, node, rule, protocol, ports)
            {
                all = if always { ports.or(all, meant) } else { all };
                some = if ever { ports.or(some, meant) } else { some };
            } else {
                let one = Party {
                    targets: vec![address],
                    ..parties.get(to).clone()
                };
                let sender = parties.get(from);
                let walked = self.simulator.ports(sender, &one, protocol, meant, ports);
                all = ports.or(all, walked.0);
                some = ports.or(some, walked.1);
            }
        }
        (all, some)
    }

    /// A rule whose ways all lead, source untouched, to others of the cluster: does each, does any arrive? None where
    /// it is not so plain.
    fn plain_rule(
        &mut self,
        parties: &Parties,
        from: PartyId,
        node: EntityId,
        rule: &FibRule,
        protocol: Protocol,
        ports: &mut PortTable,
    ) -> Option<(bool, bool)> {
        if !for_every_source(rule) {
            return None;
        }
        let ways = match &rule.action {
            Action::Translate(ways) => ways,
            Action::Discard(_) => return Some((false, false)),
            Action::Deliver(_) | Action::Forward(_) | Action::Choose(_) => return None,
        };
        let (mut all, mut some) = (true, false);
        for way in ways {
            let (address, port) = plain(rule, way)?;
            let &(owner, place) = self.by_address.get(&address)?;
            let one = ports.id(PortSet::one(port));
            for at in [Some(node), parties.get(owner).node].into_iter().flatten() {
                let again = self.translations.ports(at, address, protocol, ports);
                if ports.and(again, one) != PortTable::NONE {
                    return None;
                }
            }
            if owner == from {
                return None;
            }
            let found = self.whatever_source(from, owner, place, ports)?;
            let (always, ever) = found[protocol_index(protocol)];
            all &= ports.and(always, one) == one;
            some |= ports.and(ever, one) == one;
        }
        Some((all, some))
    }
}
