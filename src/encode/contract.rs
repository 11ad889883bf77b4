//! Where a switch breaks its local contract: the clauses of the theorem (docs/theorem.md), asked of an actual FIB at one header.
//!
//! A clause is named as the theorem's assumption is; `theorem/contract.rs` states the same of switches that nobody knows.
//! Gates are no matter of a FIB: that they are asked is how every network is made.
//!
//! Must never know: paths, formulas, which assumptions a proof needs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::logic::structure::{Clients, OpenRow};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, IpNet};
use crate::network::fib::{Action, Rewrite};
use crate::network::graph::Switch;
use crate::smt::term::TermId;

use super::decisions::Decisions;
use super::encoder::Encoder;
use super::header::{SymAddress, SymHeader};
use super::relation::{Cell, Sym};

/// A clause of a contract, and the condition that a header breaks it.
pub type Breach = (&'static str, TermId);

/// `home`: the node of whoever holds an address; of an address that no pod or node holds, the node that is given for the
/// innermost prefix around it.
#[derive(Debug)]
pub struct Homes {
    held: BTreeMap<IpAddr, BTreeSet<EntityId>>,
    /// From the widest prefix to the narrowest.
    free: Vec<(IpNet, EntityId)>,
}

/// One switch and one lookup.
struct Lookup<'n> {
    switch: &'n Switch,
    header: SymHeader,
    /// Whether it is an answer.
    answer: bool,
    /// Its own addresses, and the one of localhost of each family.
    served: TermId,
    /// Its own addresses, and all of localhost.
    own: TermId,
    foreign: TermId,
    /// What it does.
    forward: BTreeMap<EntityId, TermId>,
    forwards: TermId,
}

impl Encoder<'_> {
    /// A header that may be any, and that it is one.
    pub fn any_header(&mut self) -> (SymHeader, TermId) {
        self.fresh_header("lookup")
    }

    /// Where addresses are at home; of those that nobody holds, as these prefixes say.
    pub fn homes(&self, mut free: Vec<(IpNet, EntityId)>) -> Homes {
        let mut held: BTreeMap<IpAddr, BTreeSet<EntityId>> = BTreeMap::new();
        for (id, net) in &self.structure.addr {
            let row = &self.structure.entities[id.index()];
            let home = match row.kind() {
                EntityKind::Node => Some(*id),
                EntityKind::Pod => row.parent,
                _ => None,
            };
            if let Some(home) = home {
                held.entry(net.addr()).or_default().insert(home);
            }
        }
        free.sort_by_key(|(net, _)| (net.prefix_len(), *net));
        Homes { held, free }
    }

    /// Where the contract of a pod or node is broken; none where what it does cannot be told in the contract's words (ways of
    /// equal cost, what is not modelled).
    pub fn breaches(
        &mut self,
        switch: &Switch,
        header: SymHeader,
        homes: &Homes,
        answer: bool,
    ) -> Option<Vec<Breach>> {
        let decisions = self.decisions(switch, header, answer.then_some(0));
        if !decisions.choose.is_empty() || !decisions.unmodelled.is_empty() {
            return None;
        }
        let mut served = Vec::new();
        let loopback = [Family::V4, Family::V6].map(Family::loopback);
        for ip in self.addresses_of(switch.id).into_iter().chain(loopback) {
            served.push(self.is_address(header.destination(), ip));
        }
        let served = self.pool.or(&served);
        let local = self.in_loopback(header.destination());
        let own = self.pool.or(&[served, local]);
        let forward: Vec<TermId> = decisions.forward.values().copied().collect();
        let lookup = Lookup {
            switch,
            header,
            answer,
            served,
            own,
            foreign: self.pool.not(own),
            forward: decisions.forward.clone(),
            forwards: self.pool.or(&forward),
        };
        let mut all = Vec::new();
        let closed = self.pool.and(&[lookup.own, lookup.forwards]);
        all.push(("closed-port-rules", closed));
        match self.structure.entities[switch.id.index()].kind() {
            EntityKind::Pod => self.at_pod(&lookup, &decisions, &mut all),
            EntityKind::Node => self.at_node(&lookup, &decisions, homes, &mut all),
            _ => return None,
        }
        all.retain(|(_, t)| self.pool.as_truth(*t) != Some(false));
        Some(all)
    }

    fn addresses_of(&self, id: EntityId) -> Vec<IpAddr> {
        let rows = self.structure.addr.iter().filter(|(of, _)| *of == id);
        rows.map(|(_, net)| net.addr()).collect()
    }

    fn parent(&self, id: EntityId) -> Option<EntityId> {
        self.structure.entities[id.index()].parent
    }

    fn is_a(&self, id: EntityId, kind: EntityKind) -> bool {
        self.structure.entities[id.index()].kind() == kind
    }

    /// `open(X, ta, tp, proto)`.
    fn opens(&mut self, row: &OpenRow, header: SymHeader) -> TermId {
        let parts = [
            self.fits(Sym::Address(header.destination()), Cell::Bind(row.bind)),
            self.in_range(header.destination_port, row.low, row.high),
            self.fits(Sym::Protocol(header.protocol), Cell::Protocol(row.protocol)),
        ];
        self.pool.and(&parts)
    }

    /// Somebody in the namespace of a pod or node listens there: who, on which condition.
    fn listeners(&mut self, lookup: &Lookup<'_>) -> BTreeMap<EntityId, Vec<TermId>> {
        let mut all: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        let structure = self.structure;
        for row in &structure.open {
            let kind = structure.entities[row.process.index()].kind();
            let process = matches!(kind, EntityKind::Container | EntityKind::Daemon);
            if process && self.parent(row.process) == Some(lookup.switch.id) {
                let open = self.opens(row, lookup.header);
                all.entry(row.process).or_default().push(open);
            }
        }
        all
    }

    fn at_pod(&mut self, lookup: &Lookup<'_>, decisions: &Decisions, all: &mut Vec<Breach>) {
        let listeners = self.listeners(lookup);
        let open: Vec<TermId> = listeners.values().flatten().copied().collect();
        let open = self.pool.or(&open);
        let to_container = decisions.deliver.iter();
        let to_container = to_container.filter(|(to, _)| self.is_a(**to, EntityKind::Container));
        let delivers: Vec<TermId> = to_container.map(|(_, t)| *t).collect();
        let delivers = self.pool.or(&delivers);
        let not = self.pool.not(delivers);
        let lost = self.pool.and(&[lookup.served, open, not]);
        all.push(("pod-delivers", lost));
        self.delivers_wrongly(lookup, decisions, &listeners, all);
        let node = self.parent(lookup.switch.id);
        let up = node.and_then(|node| lookup.forward.get(&node).copied());
        let up = up.unwrap_or_else(|| self.pool.truth(false));
        let not = self.pool.not(up);
        let stays = self.pool.and(&[lookup.foreign, not]);
        let elsewhere = lookup.forward.iter().filter(|(to, _)| Some(**to) != node);
        let elsewhere: Vec<TermId> = elsewhere.map(|(_, t)| *t).collect();
        let elsewhere = self.pool.or(&elsewhere);
        all.push(("pod-to-node", self.pool.or(&[stays, elsewhere])));
        let translates: Vec<TermId> = decisions.translate.values().copied().collect();
        all.push(("only-services-translated", self.pool.or(&translates)));
    }

    /// Delivered to somebody who does not listen there, or elsewhere than at an own address.
    fn delivers_wrongly(
        &mut self,
        lookup: &Lookup<'_>,
        decisions: &Decisions,
        listeners: &BTreeMap<EntityId, Vec<TermId>>,
        all: &mut Vec<Breach>,
    ) {
        let mut wrong = Vec::new();
        for (to, condition) in &decisions.deliver {
            let open = listeners.get(to).map(Vec::as_slice).unwrap_or_default();
            let open = self.pool.or(open);
            let right = self.pool.and(&[lookup.own, open]);
            let not = self.pool.not(right);
            wrong.push(self.pool.and(&[*condition, not]));
        }
        all.push(("deliver-to-listener", self.pool.or(&wrong)));
    }

    fn at_node(
        &mut self,
        lookup: &Lookup<'_>,
        decisions: &Decisions,
        homes: &Homes,
        all: &mut Vec<Breach>,
    ) {
        let listeners = self.listeners(lookup);
        self.delivers_wrongly(lookup, decisions, &listeners, all);
        let mut routed = lookup.foreign;
        if !lookup.answer {
            let for_service = self.services(lookup, decisions, all);
            let plain = self.pool.not(for_service);
            routed = self.pool.and(&[routed, plain]);
        }
        self.routes(lookup, routed, homes, all);
    }

    /// What a node does with what is for a Service. Gives whether the message is for one.
    fn services(
        &mut self,
        lookup: &Lookup<'_>,
        decisions: &Decisions,
        all: &mut Vec<Breach>,
    ) -> TermId {
        let structure = self.structure;
        let header = lookup.header;
        let translates: Vec<TermId> = decisions.translate.values().copied().collect();
        let translates = self.pool.or(&translates);
        let mut offered = Vec::new();
        let mut must = Vec::new();
        // Of each rule that translates, whether each of its ways leads to an endpoint that is eligible here.
        let mut meant: BTreeMap<(usize, usize), Vec<TermId>> = BTreeMap::new();
        for (service, port, protocol) in &structure.service_port {
            let eligible = structure.endpoint.iter().filter(|e| {
                let here = match e.clients {
                    Clients::Everywhere => true,
                    Clients::On(node) => node == lookup.switch.id,
                    Clients::Nowhere => false,
                };
                here && (e.service, e.port, e.protocol) == (*service, *port, *protocol)
            });
            let eligible: Vec<(IpAddr, u16)> =
                eligible.map(|e| (e.address, e.target_port)).collect();
            for va in self.addresses_of(*service) {
                let of_family = |ip: IpAddr| Family::of(ip) == Family::of(va);
                let protocol = self.protocol(*protocol);
                let parts = [
                    self.is_address(header.destination(), va),
                    self.in_range(header.destination_port, *port, *port),
                    self.pool.eq(header.protocol, protocol),
                ];
                let dialled = self.pool.and(&parts);
                offered.push(dialled);
                if eligible.iter().any(|(ip, _)| of_family(*ip)) {
                    must.push(dialled);
                }
                for (rule, way, rewrite) in ways(lookup.switch, decisions) {
                    let to = rewrite.destination.zip(rewrite.destination_port);
                    if to.is_some_and(|to| of_family(to.0) && eligible.contains(&to)) {
                        meant.entry((rule, way)).or_default().push(dialled);
                    }
                }
            }
        }
        let offered = self.pool.or(&offered);
        let must = self.pool.or(&must);
        let not = self.pool.not(translates);
        let parts = [
            self.pool.and(&[lookup.foreign, must, not]),
            self.pool.and(&[lookup.foreign, offered, lookup.forwards]),
        ];
        all.push(("services-translated", self.pool.or(&parts)));
        let own_addresses = self.addresses_of(lookup.switch.id);
        let (mut others, mut hairpins) = (Vec::new(), Vec::new());
        for (rule, way, rewrite) in ways(lookup.switch, decisions) {
            let fires = decisions.translate[&rule];
            let right = meant.remove(&(rule, way)).unwrap_or_default();
            let right = self.pool.or(&right);
            let keeps = rewrite.source.is_none() && rewrite.source_port.is_none();
            let keeps = self.pool.truth(keeps);
            let right = self.pool.and(&[lookup.foreign, right, keeps]);
            let not = self.pool.not(right);
            others.push(self.pool.and(&[fires, not]));
            let family = rewrite.destination.map(Family::of);
            let of_family = |ip: &&IpAddr| Some(Family::of(**ip)) == family;
            let has = own_addresses.iter().any(|ip| of_family(&ip));
            let own = rewrite
                .hairpin_source
                .is_some_and(|ip| own_addresses.iter().filter(of_family).any(|own| *own == ip));
            if !own && (has || rewrite.hairpin_source.is_some()) {
                hairpins.push(fires);
            }
        }
        all.push(("only-services-translated", self.pool.or(&others)));
        all.push(("hairpin", self.pool.or(&hairpins)));
        offered
    }

    /// A node's routes, for what is not its own and for no Service.
    fn routes(
        &mut self,
        lookup: &Lookup<'_>,
        routed: TermId,
        homes: &Homes,
        all: &mut Vec<Breach>,
    ) {
        let structure = self.structure;
        let (here, to) = (lookup.switch.id, lookup.header.destination());
        // Who holds the destination: a pod of this node, which; somebody elsewhere.
        let mut own_pods: BTreeMap<EntityId, Vec<TermId>> = BTreeMap::new();
        let mut elsewhere = Vec::new();
        // What is outside has prefixes, of which no address stands for all.
        let kind = |id: EntityId| structure.entities[id.index()].kind();
        let inside = |(id, _): &&(EntityId, IpNet)| kind(*id) != EntityKind::External;
        for (id, net) in structure.addr.iter().filter(inside) {
            let is = self.is_address(to, net.addr());
            match kind(*id) {
                EntityKind::Pod if self.parent(*id) == Some(here) => {
                    own_pods.entry(*id).or_default().push(is);
                }
                EntityKind::Pod => elsewhere.push(is),
                EntityKind::Node if *id != here => elsewhere.push(is),
                _ => {}
            }
        }
        let hosted_here: Vec<TermId> = own_pods.values().flatten().copied().collect();
        let hosted_here = self.pool.or(&hosted_here);
        let elsewhere = self.pool.or(&elsewhere);
        let of_kind = |encoder: &mut Self, kind: EntityKind| {
            let rows = lookup.forward.iter();
            let all = rows.filter(|(id, _)| encoder.is_a(**id, kind));
            let all: Vec<TermId> = all.map(|(_, t)| *t).collect();
            encoder.pool.or(&all)
        };
        let to_pod = of_kind(self, EntityKind::Pod);
        let to_node = of_kind(self, EntityKind::Node);
        let not = self.pool.not(to_pod);
        all.push(("node-to-pod", self.pool.and(&[routed, hosted_here, not])));
        let not = self.pool.not(to_node);
        let nobody_here = self.pool.not(hosted_here);
        let lost = self.pool.and(&[routed, nobody_here, elsewhere, not]);
        // An address that is held on two nodes is at home nowhere.
        let mut split = Vec::new();
        for (ip, _) in homes.held.iter().filter(|(_, nodes)| nodes.len() > 1) {
            split.push(self.is_address(to, *ip));
        }
        let split = self.pool.or(&split);
        all.push(("node-to-node", self.pool.or(&[lost, split])));
        let mut astray = Vec::new();
        for (next, condition) in &lookup.forward {
            let right = match kind(*next) {
                EntityKind::Pod => {
                    let own = own_pods.get(next).map(Vec::as_slice).unwrap_or_default();
                    self.pool.or(own)
                }
                EntityKind::Node if *next != here => self.at_home(to, *next, homes),
                _ => self.pool.truth(false),
            };
            let wrong = self.pool.not(right);
            astray.push(self.pool.and(&[*condition, wrong]));
        }
        all.push(("home", self.pool.or(&astray)));
    }

    /// Whether a node is the home of an address.
    fn at_home(&mut self, address: SymAddress, node: EntityId, homes: &Homes) -> TermId {
        let mut value = self.pool.truth(false);
        for (net, home) in &homes.free {
            let inside = self.within(address, *net);
            let here = self.pool.truth(*home == node);
            value = self.pool.ite(inside, here, value);
        }
        let (mut held, mut own) = (Vec::new(), Vec::new());
        for (ip, nodes) in &homes.held {
            let is = self.is_address(address, *ip);
            held.push(is);
            if nodes.len() == 1 && nodes.contains(&node) {
                own.push(is);
            }
        }
        let (held, own) = (self.pool.or(&held), self.pool.or(&own));
        self.pool.ite(held, own, value)
    }
}

/// Every way of every rule that may translate: rule, number of the way, way.
fn ways<'s>(
    switch: &'s Switch,
    decisions: &'s Decisions,
) -> impl Iterator<Item = (usize, usize, &'s Rewrite)> {
    decisions.translate.keys().flat_map(move |rule| {
        let all = match &switch.fib[*rule].action {
            Action::Translate(ways) => ways.as_slice(),
            _ => &[],
        };
        let numbered = all.iter().enumerate();
        numbered.map(move |(number, way)| (*rule, number, way))
    })
}
