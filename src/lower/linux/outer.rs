//! An outer message: followed, as a concrete one, through the stages of the underlay.
//!
//! Must never know: what it carries.

use std::net::IpAddr;

use crate::model::cluster::Match;
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::network::fib::{Action, DiscardReason, FibRule, State};

use super::next::{Next, unmodelled};
use super::stage::{Builder, Key, Ns};

/// An outer header. Without a protocol it is one of those that carry packets themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outer {
    /// The protocol.
    pub(super) protocol: Option<Protocol>,
    /// From where …
    pub(super) source: IpAddr,
    /// … which port.
    pub(super) source_port: u16,
    /// To where …
    pub(super) destination: IpAddr,
    /// … which port.
    pub(super) destination_port: u16,
}

impl Builder<'_> {
    /// Follows an outer message from a namespace to the sockets that it meets, or to where it dies.
    pub(super) fn follow(&mut self, ns: Ns, outer: Outer) -> Vec<Result<(Ns, Outer), Next>> {
        let first = self.stage(Key::Send(ns));
        let mut waiting = vec![(first, outer, 0_u32)];
        let mut ends = Vec::new();
        while let Some((at, header, hops)) = waiting.pop() {
            if let Key::Socket(other) = self.drafts[(at.0 - self.first) as usize].key {
                ends.push(Ok((other, header)));
                continue;
            }
            if hops > 256 || ends.len() > 64 {
                ends.push(Err(lost("it loops", None)));
                continue;
            }
            let Some(fib) = self.fib(at) else {
                ends.push(Err(unmodelled("a tunnel through itself")));
                continue;
            };
            let Some(rule) = fib.iter().find(|r| holds(r, &header)).cloned() else {
                ends.push(Err(lost("no rule is for it", None)));
                continue;
            };
            match &rule.action {
                Action::Forward(next) => waiting.push((*next, header, hops + 1)),
                Action::Choose(all) => {
                    waiting.extend(all.iter().rev().map(|n: &EntityId| (*n, header, hops + 1)));
                }
                Action::Translate(ways) => {
                    for way in ways {
                        let mut header = header;
                        header.source = way.source.unwrap_or(header.source);
                        header.source_port = way.source_port.unwrap_or(header.source_port);
                        header.destination = way.destination.unwrap_or(header.destination);
                        let port = way.destination_port;
                        header.destination_port = port.unwrap_or(header.destination_port);
                        waiting.push((at, header, hops + 1));
                    }
                }
                Action::Discard(reason) => {
                    // A firewall's rules about other protocols are not read.
                    let unknown = header.protocol.is_none()
                        && matches!(reason, DiscardReason::Drop | DiscardReason::Reject);
                    ends.push(Err(if unknown {
                        unmodelled("whether a firewall lets the tunnel through")
                    } else {
                        died(reason.clone(), &rule)
                    }));
                }
                Action::Deliver(_) => ends.push(Err(lost("a process takes it", None))),
            }
        }
        ends
    }
}

fn lost(why: &str, rule: Option<&FibRule>) -> Next {
    let mut next = Next::dies_as(
        DiscardReason::Neighbour,
        format!("the outer message: {why}"),
    );
    next.said = rule.and_then(|r| Some((r.text.clone()?, r.origin)));
    next
}

fn died(reason: DiscardReason, rule: &FibRule) -> Next {
    let mut next = lost("it dies on its way", Some(rule));
    if let Some(why) = &rule.why {
        next.why = Some(format!("the outer message: {why}").into());
    }
    next.action = Action::Discard(reason);
    next
}

fn holds(rule: &FibRule, header: &Outer) -> bool {
    let Match {
        from,
        from_ports,
        to,
        to_ports,
        protocol,
    } = &rule.matches;
    let ports = from_ports.is_some() || to_ports.is_some();
    rule.state.is_none_or(|s| s == State::New)
        && protocol.is_none_or(|p| Some(p) == header.protocol)
        && from.is_none_or(|net| net.contains(&header.source))
        && to.is_none_or(|net| net.contains(&header.destination))
        && !(ports && header.protocol.is_none())
        && from_ports
            .as_ref()
            .is_none_or(|p| p.contains(header.source_port))
        && to_ports
            .as_ref()
            .is_none_or(|p| p.contains(header.destination_port))
}
