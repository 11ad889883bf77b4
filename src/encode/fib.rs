//! Where a FIB rule is encoded: match, first match, action.
//!
//! Knows: rules. Must never know: paths (who is where when), formulas.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use crate::model::cluster::Match;
use crate::model::entity::EntityId;
use crate::network::fib::{Action, DiscardReason, FibRule, Rewrite, State};
use crate::network::graph::Switch;
use crate::smt::term::TermId;

use super::decisions::Decisions;
use super::encoder::Encoder;
use super::header::SymHeader;

/// What a rule comes to; rules with the same outcome need not exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Forward(EntityId),
    Deliver(EntityId),
    Discard,
    Translate(usize),
    Choose(usize),
    Unmodelled(usize),
}

impl Encoder<'_> {
    /// The decisions of a switch. On an answer (of the event in this slot), rules that translate do not take part.
    pub(super) fn decisions(
        &mut self,
        switch: &Switch,
        header: SymHeader,
        answer: Option<usize>,
    ) -> Rc<Decisions> {
        let key = (switch.id, header, answer.is_some());
        if let Some(known) = self.decisions.get(&key) {
            return Rc::clone(known);
        }
        let mut earlier = Earlier::default();
        let mut conditions: BTreeMap<Outcome, Vec<TermId>> = BTreeMap::new();
        for (index, rule) in switch.fib.iter().enumerate() {
            let outcome = match &rule.action {
                Action::Forward(to) => Outcome::Forward(*to),
                Action::Deliver(to) => Outcome::Deliver(*to),
                Action::Discard(DiscardReason::Unmodelled(_)) => Outcome::Unmodelled(index),
                Action::Discard(_) => Outcome::Discard,
                Action::Translate(_) if answer.is_some() => continue,
                Action::Translate(_) => Outcome::Translate(index),
                Action::Choose(_) => Outcome::Choose(index),
            };
            let Some(state) = self.in_state(switch, rule, header, answer) else {
                continue;
            };
            let matched = self.matches(&rule.matches, header);
            let matched = self.pool.and(&[matched, state]);
            let mut condition = vec![matched];
            for (other, _) in earlier
                .overlapping(&rule.matches)
                .filter(|(_, other)| *other != outcome)
            {
                condition.push(self.pool.not(other));
            }
            conditions
                .entry(outcome)
                .or_default()
                .push(self.pool.and(&condition));
            earlier.push(&rule.matches, matched, outcome);
        }
        let mut decisions = Decisions::default();
        for (outcome, terms) in conditions {
            let condition = self.pool.or(&terms);
            match outcome {
                Outcome::Forward(to) => drop(decisions.forward.insert(to, condition)),
                Outcome::Deliver(to) => drop(decisions.deliver.insert(to, condition)),
                Outcome::Translate(rule) => drop(decisions.translate.insert(rule, condition)),
                Outcome::Choose(rule) => drop(decisions.choose.insert(rule, condition)),
                Outcome::Unmodelled(rule) => drop(decisions.unmodelled.insert(rule, condition)),
                Outcome::Discard => {}
            }
        }
        let decisions = Rc::new(decisions);
        self.decisions.insert(key, Rc::clone(&decisions));
        decisions
    }

    /// Whether a message is in the state that a rule wants; none where it never is.
    fn in_state(
        &mut self,
        switch: &Switch,
        rule: &FibRule,
        header: SymHeader,
        answer: Option<usize>,
    ) -> Option<TermId> {
        match (rule.state, answer) {
            (None, _) | (Some(State::New), None) => Some(self.pool.truth(true)),
            (Some(State::New), Some(_)) | (Some(_), None) => None,
            (Some(State::Established), Some(slot)) => {
                Some(self.established(slot, switch.of, header))
            }
            (Some(State::Unseen), Some(slot)) => {
                let established = self.established(slot, switch.of, header);
                Some(self.pool.not(established))
            }
        }
    }

    /// `[proto sa sp ta tp]` against a header.
    pub(super) fn matches(&mut self, rule: &Match, header: SymHeader) -> TermId {
        let mut parts = Vec::new();
        if let Some(protocol) = rule.protocol {
            let wanted = self.protocol(protocol);
            parts.push(self.pool.eq(header.protocol, wanted));
        }
        if let Some(net) = rule.from {
            parts.push(self.within(header.source(), net));
        }
        if let Some(net) = rule.to {
            parts.push(self.within(header.destination(), net));
        }
        if let Some(ports) = &rule.from_ports {
            parts.push(self.in_ports(header.source_port, ports));
        }
        if let Some(ports) = &rule.to_ports {
            parts.push(self.in_ports(header.destination_port, ports));
        }
        self.pool.and(&parts)
    }

    /// The header after a rewrite; a hairpin takes the hairpin source.
    pub(super) fn rewritten(&mut self, header: SymHeader, rewrite: &Rewrite) -> SymHeader {
        let destination = rewrite
            .destination
            .map_or(header.destination, |ip| self.address(ip).bits);
        let mut source = rewrite
            .source
            .map_or(header.source, |ip| self.address(ip).bits);
        if let Some(own) = rewrite.hairpin_source {
            // Both are of the header's family: the rule matches no other.
            let meets_itself = self.pool.eq(header.source, destination);
            let own = self.address(own).bits;
            source = self.pool.ite(meets_itself, own, source);
        }
        SymHeader {
            protocol: header.protocol,
            v6: header.v6,
            source,
            source_port: rewrite
                .source_port
                .map_or(header.source_port, |p| self.port(p)),
            destination,
            destination_port: rewrite
                .destination_port
                .map_or(header.destination_port, |p| self.port(p)),
        }
    }
}

/// The rules before a rule, found by destination: a host rule meets only rules for that host and wide ones.
#[derive(Debug, Default)]
struct Earlier {
    rules: Vec<(Match, TermId, Outcome)>,
    hosts: HashMap<IpAddr, Vec<usize>>,
    wide: Vec<usize>,
}

impl Earlier {
    fn host(rule: &Match) -> Option<IpAddr> {
        rule.to
            .filter(|net| net.prefix_len() == net.max_prefix_len())
            .map(|net| net.addr())
    }

    fn push(&mut self, rule: &Match, matched: TermId, outcome: Outcome) {
        let index = self.rules.len();
        match Self::host(rule) {
            Some(ip) => self.hosts.entry(ip).or_default().push(index),
            None => self.wide.push(index),
        }
        self.rules.push((rule.clone(), matched, outcome));
    }

    /// Earlier rules that may match a header that this one matches.
    fn overlapping<'e>(&'e self, rule: &'e Match) -> impl Iterator<Item = (TermId, Outcome)> + 'e {
        let candidates: Vec<usize> = match Self::host(rule) {
            Some(ip) => self
                .hosts
                .get(&ip)
                .into_iter()
                .flatten()
                .chain(&self.wide)
                .copied()
                .collect(),
            None => (0..self.rules.len()).collect(),
        };
        candidates
            .into_iter()
            .map(|i| &self.rules[i])
            .filter(move |(other, _, _)| overlap(rule, other))
            .map(|(_, matched, outcome)| (*matched, *outcome))
    }
}

/// Whether some header may match both; "yes" where in doubt.
fn overlap(a: &Match, b: &Match) -> bool {
    let nets = |x: Option<ipnet::IpNet>, y: Option<ipnet::IpNet>| match (x, y) {
        (Some(x), Some(y)) => x.contains(&y) || y.contains(&x),
        _ => true,
    };
    let ports = |x: &Option<crate::model::inet::PortSet>,
                 y: &Option<crate::model::inet::PortSet>| match (x, y) {
        (Some(x), Some(y)) => x.overlaps(y),
        _ => true,
    };
    nets(a.from, b.from)
        && nets(a.to, b.to)
        && ports(&a.from_ports, &b.from_ports)
        && ports(&a.to_ports, &b.to_ports)
        && a.protocol.is_none_or(|p| b.protocol.is_none_or(|q| p == q))
}
