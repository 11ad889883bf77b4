//! Asking the gates of a switch whether a connection may pass on.
//!
//! Knows: which gates are asked, and about whom (`network/gate`). Must never know: how a message came there, SMT.

use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::network::gate::{Decision, Direction, Gate};
use crate::network::graph::Network;
use crate::network::header::Header;
use crate::network::trace::GatePassed;

/// A message that opens a connection and is about to leave a switch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving<'h> {
    /// The switch.
    pub at: EntityId,
    /// Whom it is handed to.
    pub next: EntityId,
    /// The header as it leaves.
    pub header: &'h Header,
    /// The source as it came to the switch: a filter stands before the source is rewritten.
    pub source: IpAddr,
    /// The destination as it was sent.
    pub dialled: IpAddr,
}

/// The rules that decide, egress first; and whether the last of them denies.
pub(super) fn ask(network: &Network, message: &Leaving<'_>) -> (Vec<GatePassed>, bool) {
    let mut passed = Vec::new();
    for direction in [Direction::Egress, Direction::Ingress] {
        let here = network.gates.all.iter().enumerate();
        for (index, gate) in here.filter(|(_, g)| g.at == message.at && g.direction == direction) {
            let Some(peer) = peer(gate, message, network.gates.hairpin) else {
                continue;
            };
            let header = message.header;
            let Some((tier, rule)) = gate.decide(peer, header.protocol, header.destination_port)
            else {
                continue;
            };
            passed.push(GatePassed {
                gate: index,
                tier,
                rule,
            });
            if gate
                .rule(tier, rule)
                .is_some_and(|r| r.decision == Decision::Deny)
            {
                return (passed, true);
            }
        }
    }
    (passed, false)
}

/// The other end, where the gate is asked at all.
fn peer(gate: &Gate, message: &Leaving<'_>, hairpin: bool) -> Option<IpAddr> {
    let from_subject = gate.holds(message.source);
    let to_subject = message.next == gate.subject;
    let translated = message.dialled != message.header.destination;
    if from_subject && to_subject && !(hairpin && translated) {
        return None;
    }
    match gate.direction {
        Direction::Egress => from_subject.then_some(message.header.destination),
        Direction::Ingress => to_subject.then_some(message.source),
    }
}
