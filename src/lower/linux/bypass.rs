//! Whether the answer to a message that a namespace hands on may go round that namespace: its connection tracking then
//! takes what follows the opening message of a TCP or SCTP connection for INVALID.
//!
//! Source: `nf_conntrack_proto_tcp.c` (an ACK in `SYN_SENT` is invalid), `nf_conntrack_proto_sctp.c`. Knows: who hands to
//! whom by routing. Must never know: rules of chains, beyond whether one tells INVALID from NEW.
//!
//! Most often there is no other way round a namespace at all (`round`, in one pass over links and routes); only where
//! there may be one are pairs of addresses followed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::inet::Family;
use crate::model::linux::{CtState, LinkKind, Tested};

use super::lookup::{Flow, Found};
use super::round::Ways;
use super::stage::{Builder, Device, Ns};

/// Of more addresses than these not every pair is followed: where there may be a way round, there is one.
const MOST_ENDS: usize = 400;

/// Whether messages that open a connection and messages of none are told apart by a test of these states.
pub(super) fn tells(states: &[CtState]) -> bool {
    states.contains(&CtState::Invalid) != states.contains(&CtState::New)
}

/// Whether messages that follow in a connection and messages of none are told apart by a test of these states.
fn follows(states: &[CtState]) -> bool {
    states.contains(&CtState::Invalid) != states.contains(&CtState::Established)
}

impl Builder<'_> {
    /// Finds the namespaces that tell INVALID from NEW or ESTABLISHED and that an answer may go round.
    pub(super) fn find_bypassed(&mut self) {
        let mut ways: Option<Ways> = None;
        for ns in 0..self.facts.len() {
            let chains = self.facts[ns].ns.chains.iter();
            let mut tests = chains.flat_map(|c| &c.rules).flat_map(|r| &r.tests);
            let apart = |states: &[CtState]| tells(states) || follows(states);
            if tests.any(|t| matches!(&t.what, Tested::State(states) if apart(states))) {
                if ways.is_none() {
                    ways = Some(self.ways());
                }
                let round = ways.as_mut().is_none_or(|w| w.round(ns));
                self.facts[ns].bypassed = self.marked() || round && self.bypassed(ns);
            }
        }
    }

    /// Whether marks choose routes: either way may be any.
    fn marked(&self) -> bool {
        let mut rules = self.facts.iter().flat_map(|f| &f.ns.rules);
        rules.any(|r| r.mark.is_some())
    }

    fn bypassed(&mut self, middle: Ns) -> bool {
        let mut ends: Vec<(Ns, IpAddr)> = Vec::new();
        for (ns, facts) in self.facts.iter().enumerate() {
            let own = facts.own().filter(|a| !a.is_loopback());
            ends.extend(own.filter(|_| ns != middle).map(|a| (ns, a)));
        }
        if ends.len() > MOST_ENDS {
            return true;
        }
        for (from, source) in &ends {
            for (to, destination) in &ends {
                if from != to
                    && Family::of(*source) == Family::of(*destination)
                    && self.gets(*from, (*source, *destination), middle, middle, false)
                    && self.gets(*to, (*destination, *source), *from, middle, true)
                {
                    return true;
                }
            }
        }
        false
    }

    /// Whether a message that a namespace sends may get to another, perhaps without connection tracking of a third.
    fn gets(
        &mut self,
        sender: Ns,
        (source, destination): (IpAddr, IpAddr),
        wanted: Ns,
        middle: Ns,
        avoiding: bool,
    ) -> bool {
        let family = Family::of(destination);
        let mut seen: BTreeSet<(Ns, Option<Device>)> = BTreeSet::new();
        let mut waiting = vec![(sender, None)];
        while let Some((ns, incoming)) = waiting.pop() {
            if avoiding && ns == middle || !seen.insert((ns, incoming)) {
                continue;
            }
            let facts = &self.facts[ns];
            if ns == wanted && (incoming.is_some() || sender == wanted) {
                return true;
            }
            if incoming.is_some_and(|d| !facts.forwards(family, d).0) {
                continue;
            }
            let flow = Flow {
                family,
                incoming: incoming.map(|d| facts.interface(d).name.as_str()),
                mark: 0,
                back: false,
            };
            let found = self.tables[ns].one(&flow, Some(source), destination);
            let (None, Found::Route(route)) = (found.local(), found) else {
                continue;
            };
            for hop in &route.hops {
                let Some(device) = hop.device.as_deref().and_then(|d| self.facts[ns].device(d))
                else {
                    continue;
                };
                let asked = hop.gateway.unwrap_or(destination);
                let kind = &self.facts[ns].interface(device).kind;
                if matches!(kind, LinkKind::Tunnel { .. } | LinkKind::Other(_)) {
                    // Out of a tunnel, by any device.
                    let owners = self.owners.get(&asked).cloned().unwrap_or_default();
                    for owner in owners {
                        let devices = 0..self.facts[owner].ns.interfaces.len();
                        waiting.extend(devices.map(|d| (owner, Some(d))));
                    }
                    continue;
                }
                for arrival in self.answering(ns, device, asked).0 {
                    let crosses = arrival
                        .crossings
                        .iter()
                        .any(|c| c.ns == middle && self.facts[middle].calls(family, c.bridge));
                    match (crosses, avoiding) {
                        (true, true) => {}
                        (true, false) => return true,
                        (false, _) => waiting.push((arrival.ns, Some(arrival.device))),
                    }
                }
            }
        }
        false
    }
}
