//! Gates as conditions: what policies let pass at a switch, and `Allowed`.
//!
//! A tier is folded from its last rule to its first, rules of the same decision in one step: `Allow` is an ∨ with what
//! comes after it, `Deny` an ∧ with its negation; only a `Pass` in front of other rules takes two cases. Conditions on
//! address sets and ports are shared by whoever shares the set.
//!
//! Must never know: FIBs, how a message travels, formulas.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::entity::EntityId;
use crate::network::gate::{AddressSet, Decision, Direction, Gate, GateRule, ProtocolPorts};
use crate::smt::term::TermId;

use super::encoder::Encoder;
use super::gate_cache::{Asked, Leaving, Rules};
use super::header::{SymAddress, SymHeader};

impl Encoder<'_> {
    /// Whether the gates at a switch let a message that opens a connection go to this next one.
    pub(super) fn permits(&mut self, at: EntityId, to: EntityId, message: Leaving) -> TermId {
        let network = self.network;
        if network.gates.all.is_empty() {
            return self.pool.truth(true);
        }
        if let Some(known) = self.gates.permits.get(&(at, to, message)) {
            return *known;
        }
        let header = message.header;
        let source = SymAddress {
            v6: header.v6,
            bits: message.came,
        };
        let here = || network.gates.all.iter().filter(|g| g.at == at);
        let to_itself = self.itself(message.dialled, header);
        let mut parts = Vec::new();
        let mut egress = self.egress(at, message);
        for gate in here().filter(|g| g.subject == to && g.direction == Direction::Egress) {
            // What comes from its addresses meets, of the others, only gates that share one of them.
            let sharing = here().filter(|g| {
                !std::ptr::eq(*g, gate)
                    && g.subject != to
                    && g.direction == Direction::Egress
                    && g.addresses.iter().any(|a| gate.holds(*a))
            });
            let mut own = vec![self.is_subject(gate, source), to_itself];
            for other in sharing {
                own.push(self.unless(other, source, header.destination(), header));
            }
            let own = self.pool.and(&own);
            egress = self.pool.or(&[egress, own]);
        }
        parts.push(egress);
        for gate in here().filter(|g| g.subject == to && g.direction == Direction::Ingress) {
            let own = self.is_subject(gate, source);
            let exempt = self.pool.and(&[own, to_itself]);
            let asked = Asked::of(source, header);
            let passes = self.passes_gate(gate, asked);
            parts.push(self.pool.or(&[exempt, passes]));
        }
        let permitted = self.pool.and(&parts);
        self.gates.permits.insert((at, to, message), permitted);
        permitted
    }

    /// Every egress gate of a switch, whoever is next.
    fn egress(&mut self, at: EntityId, message: Leaving) -> TermId {
        if let Some(known) = self.gates.egress.get(&(at, message)) {
            return *known;
        }
        let network = self.network;
        let header = message.header;
        let source = SymAddress {
            v6: header.v6,
            bits: message.came,
        };
        let mut groups = Groups::default();
        let here = network.gates.all.iter();
        for gate in here.filter(|g| g.at == at && g.direction == Direction::Egress) {
            let asked = self.is_subject(gate, source);
            let passes = self.passes_gate(gate, Asked::of(header.destination(), header));
            groups.add(passes, asked);
        }
        let all = self.all_pass(groups);
        self.gates.egress.insert((at, message), all);
        all
    }

    /// A gate that is asked about messages from its addresses.
    fn unless(
        &mut self,
        gate: &Gate,
        ours: SymAddress,
        peer: SymAddress,
        header: SymHeader,
    ) -> TermId {
        let asked = self.is_subject(gate, ours);
        let passes = self.passes_gate(gate, Asked::of(peer, header));
        self.pool.implies(asked, passes)
    }

    /// What goes to where it came from is not asked: always, or unless a translation led it there.
    fn itself(&mut self, dialled: TermId, header: SymHeader) -> TermId {
        if self.network.gates.hairpin {
            self.pool.eq(dialled, header.destination)
        } else {
            self.pool.truth(true)
        }
    }

    /// `Allowed(e, a, p)`, by what policies say, whether or not a switch asks them.
    pub(super) fn allowed(&mut self, slot: usize, to: SymAddress, port: TermId) -> TermId {
        let structure = self.structure;
        let sent = self.event(slot).sent;
        let source = sent.source();
        let to_itself = if structure.policies.hairpin {
            self.same_address(sent.destination(), to)
        } else {
            self.pool.truth(true)
        };
        let mut groups = Groups::default();
        for gate in &structure.policies.all {
            let (from_us, to_us) = (self.is_subject(gate, source), self.is_subject(gate, to));
            let itself = self.pool.and(&[from_us, to_us, to_itself]);
            let others = self.pool.not(itself);
            let (ours, peer) = match gate.direction {
                Direction::Egress => (from_us, to),
                Direction::Ingress => (to_us, source),
            };
            let asked = self.pool.and(&[ours, others]);
            let question = Asked {
                peer,
                protocol: sent.protocol,
                port,
            };
            let passes = self.passes_gate(gate, question);
            groups.add(passes, asked);
        }
        self.all_pass(groups)
    }

    /// Whichever is asked, lets it pass.
    fn all_pass(&mut self, groups: Groups) -> TermId {
        let mut parts = Vec::new();
        for (passes, asked) in groups.0 {
            let asked = self.pool.or(&asked);
            parts.push(self.pool.implies(asked, passes));
        }
        self.pool.and(&parts)
    }

    fn is_subject(&mut self, gate: &Gate, address: SymAddress) -> TermId {
        let any: Vec<TermId> = gate
            .addresses
            .iter()
            .map(|ip: &IpAddr| self.is_address(address, *ip))
            .collect();
        self.pool.or(&any)
    }

    fn passes_gate(&mut self, gate: &Gate, asked: Asked) -> TermId {
        let key = |rule: &GateRule| {
            let peers = rule.peers.as_ref().map_or(0, pointer);
            let ports = rule.ports.as_ref().map_or(0, pointer);
            (peers, ports, rule.decision)
        };
        let rules: Rules = gate
            .tiers
            .iter()
            .map(|tier| tier.iter().map(key).collect())
            .collect();
        if let Some(known) = self.gates.passes.get(&(rules.clone(), asked)) {
            return *known;
        }
        let mut after = self.pool.truth(true);
        for tier in gate.tiers.iter().rev() {
            after = self.tier(tier, asked, after);
        }
        self.gates.passes.insert((rules, asked), after);
        after
    }

    /// First match wins; what none of the rules decides is left to what comes `after`.
    fn tier(&mut self, rules: &[GateRule], asked: Asked, after: TermId) -> TermId {
        let mut value = after;
        let mut end = rules.len();
        while end > 0 {
            let decision = rules[end - 1].decision;
            let same = rules[..end].iter().rev();
            let start = end - same.take_while(|r| r.decision == decision).count();
            let matched: Vec<TermId> = rules[start..end]
                .iter()
                .map(|rule| self.matches_rule(rule, asked))
                .collect();
            let matched = self.pool.or(&matched);
            let other = self.pool.not(matched);
            value = match decision {
                Decision::Allow => self.pool.or(&[matched, value]),
                Decision::Deny => self.pool.and(&[other, value]),
                Decision::Pass if value == after => value,
                Decision::Pass => {
                    let passed = self.pool.and(&[matched, after]);
                    let decided = self.pool.and(&[other, value]);
                    self.pool.or(&[passed, decided])
                }
            };
            end = start;
        }
        value
    }

    fn matches_rule(&mut self, rule: &GateRule, asked: Asked) -> TermId {
        let mut parts = Vec::new();
        if let Some(set) = &rule.peers {
            parts.push(self.in_set(asked.peer, set));
        }
        if let Some(ports) = &rule.ports {
            parts.push(self.in_protocol_ports(ports, asked));
        }
        self.pool.and(&parts)
    }

    fn in_set(&mut self, address: SymAddress, set: &Arc<AddressSet>) -> TermId {
        let key = (pointer(set), address);
        if let Some(known) = self.gates.sets.get(&key) {
            return *known;
        }
        let inside = self.within_any(address, set.nets());
        self.gates.sets.insert(key, inside);
        inside
    }

    fn in_protocol_ports(&mut self, ports: &Arc<ProtocolPorts>, asked: Asked) -> TermId {
        let key = (pointer(ports), asked.protocol, asked.port);
        if let Some(known) = self.gates.ports.get(&key) {
            return *known;
        }
        let mut any = Vec::new();
        for (protocol, set) in ports.iter() {
            let protocol = self.protocol(*protocol);
            let protocol = self.pool.eq(asked.protocol, protocol);
            let port = self.in_ports(asked.port, set);
            any.push(self.pool.and(&[protocol, port]));
        }
        let inside = self.pool.or(&any);
        self.gates.ports.insert(key, inside);
        inside
    }
}

impl Asked {
    fn of(peer: SymAddress, header: SymHeader) -> Self {
        Self {
            peer,
            protocol: header.protocol,
            port: header.destination_port,
        }
    }
}

/// Who is asked, by what lets pass; in the order of the gates.
#[derive(Debug, Default)]
struct Groups(Vec<(TermId, Vec<TermId>)>, HashMap<TermId, usize>);

impl Groups {
    fn add(&mut self, passes: TermId, asked: TermId) {
        let Self(groups, known) = self;
        let index = *known.entry(passes).or_insert_with(|| {
            groups.push((passes, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(asked);
    }
}

/// What is shared is one thing. The network and the structure live as long as the encoder, so no place is used twice.
fn pointer<T>(shared: &Arc<T>) -> usize {
    Arc::as_ptr(shared) as usize
}
