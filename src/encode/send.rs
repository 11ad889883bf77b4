//! `Send`: which messages a process may honestly put on their way.
//!
//! Must never know: FIBs, formulas.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet, non_unicast};
use crate::network::graph::{Endpoint, Sources};
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::event::{Direction, Event, Travel};
use super::header::{SymAddress, SymHeader};

impl Encoder<'_> {
    /// A new event: some process sends some honest message, and it is at its first switch.
    pub fn send(&mut self) -> usize {
        let slot = self.events.len();
        let name = format!("e{slot}");
        let sender = self
            .pool
            .variable(&format!("{name}.sender"), Sort::BitVec(self.entity_width));
        let (sent, valid) = self.fresh_header(&name);
        let mut honest = Vec::new();
        let mut first: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        for process in &self.network.processes {
            let id = self.entity(process.id);
            let is_sender = self.pool.eq(sender, id);
            let may_send = self.honest_source(process, sent);
            honest.push(self.pool.and(&[is_sender, may_send]));
            if self.network.link(process.id, process.switch) {
                first.entry(process.switch).or_default().push(is_sender);
            }
        }
        let mut conditions = vec![valid, self.pool.or(&honest)];
        for port in [sent.source_port, sent.destination_port] {
            let real = self.in_range(port, 1, u16::MAX);
            conditions.push(real);
        }
        let special: Vec<TermId> = non_unicast()
            .into_iter()
            .map(|net| self.within(sent.destination(), net))
            .collect();
        let special = self.pool.or(&special);
        let unicast = self.pool.not(special);
        conditions.push(unicast);
        let elsewhere = self.elsewhere(sent.destination());
        conditions.push(self.pool.not(elsewhere));
        let honest = self.pool.and(&conditions);
        let honest = self.define(&format!("{name}.honest"), honest);
        let start = first
            .into_iter()
            .map(|(s, terms)| (s, self.pool.or(&terms)))
            .collect();
        let request = self.start(&name, Direction::Request, start, sent);
        self.events.push(Event {
            name,
            honest,
            sender,
            sent,
            choices: Vec::new(),
            request,
            answer: Travel::default(),
            received: BTreeMap::new(),
            arrived: None,
            replied: None,
            loops: None,
            request_loops: None,
        });
        slot
    }

    /// An honest source (design.md, `Send`): to loopback from loopback, else from an own address that is not loopback.
    fn honest_source(&mut self, process: &Endpoint, sent: SymHeader) -> TermId {
        let to_loopback = self.in_loopback(sent.destination());
        let from_loopback: Vec<TermId> = [Family::V4, Family::V6]
            .iter()
            .map(|f| self.is_address(sent.source(), f.loopback()))
            .collect();
        let from_loopback = self.pool.or(&from_loopback);
        let own = match &process.sources {
            Sources::Own(addresses) => {
                let any: Vec<TermId> = addresses
                    .iter()
                    .map(|ip| self.is_address(sent.source(), *ip))
                    .collect();
                self.pool.or(&any)
            }
            Sources::Within(prefixes) => {
                let any: Vec<TermId> = prefixes
                    .iter()
                    .map(|net| self.within(sent.source(), *net))
                    .collect();
                let any = self.pool.or(&any);
                let unheld = self.unheld(sent.source());
                self.pool.and(&[any, unheld])
            }
            Sources::Free => self.unheld(sent.source()),
            Sources::Selected(table) => self.selected(table, sent),
        };
        // Of the namespaces outside we know nothing, so nothing is claimed of their loopback.
        let loopback = if matches!(process.sources, Sources::Within(_)) {
            self.pool.truth(false)
        } else {
            from_loopback
        };
        self.pool.ite(to_loopback, loopback, own)
    }

    /// The first prefix that holds the destination says which sources are selected; where none does, none.
    fn selected(&mut self, table: &[(IpNet, Vec<IpAddr>)], sent: SymHeader) -> TermId {
        let mut value = self.pool.truth(false);
        let mut rows = table.iter().rev().peekable();
        while let Some((net, own)) = rows.next() {
            let mut nets = vec![self.within(sent.destination(), *net)];
            // Neighbours with the same sources are one row: first match among them does not matter.
            while let Some((net, _)) = rows.next_if(|(_, other)| other == own) {
                nets.push(self.within(sent.destination(), *net));
            }
            let here = self.pool.or(&nets);
            let any: Vec<TermId> = own
                .iter()
                .map(|ip| self.is_address(sent.source(), *ip))
                .collect();
            let any = self.pool.or(&any);
            value = self.pool.ite(here, any, value);
        }
        value
    }

    /// An address of those that are not asked about.
    fn elsewhere(&mut self, address: SymAddress) -> TermId {
        let network = self.network;
        let nets = network.elsewhere.iter();
        let any: Vec<TermId> = nets.map(|net| self.within(address, *net)).collect();
        self.pool.or(&any)
    }

    /// A unicast address that no pod, node or service holds.
    pub(super) fn unheld(&mut self, address: SymAddress) -> TermId {
        let network = self.network;
        let mut taken: Vec<TermId> = network
            .held
            .iter()
            .map(|ip| self.is_address(address, *ip))
            .collect();
        taken.extend(
            non_unicast()
                .into_iter()
                .map(|net| self.within(address, net)),
        );
        taken.push(self.in_loopback(address));
        taken.push(self.elsewhere(address));
        let taken = self.pool.or(&taken);
        self.pool.not(taken)
    }
}
