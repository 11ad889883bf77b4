//! Who may reach whom, asked of policies alone: classes of pods, and pods that do not exist yet.
//!
//! For clusters whose network is ideal, a message to an open port arrives exactly where policies of both ends allow it. So
//! an intent is a question about a sender, a receiver, a port and a protocol. Pods at hand stand in classes: those that no
//! selector, block, port or name in question tells apart. A pod that could be added has symbolic labels instead.
//!
//! Must never know: gates (they are the other reading of policies, and replay asks them), the simulator.

pub mod net;
pub mod point;
mod policies;
mod selection;
mod side;
mod valuation;

use crate::model::inet::Protocol;
use crate::smt::term::{Sort, TermId, TermPool};

pub use point::Point;
pub use policies::{Rules, ports};
pub use selection::{Added, Trait};
pub use side::{Found, Side};

/// Sender, receiver, port, protocol.
#[derive(Debug)]
pub struct Question<'c> {
    /// The terms.
    pub pool: TermPool,
    /// Who sends.
    pub sender: Side<'c>,
    /// Who receives.
    pub receiver: Side<'c>,
    /// The port of the receiver.
    pub port: TermId,
    /// The protocol, by its number in [`Protocol::ALL`].
    pub protocol: TermId,
    /// Whether a node's process meets a pod that could be added on its own node.
    pub together: TermId,
}

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The sender.
    Sender,
    /// The receiver.
    Receiver,
}

impl<'c> Question<'c> {
    /// A question about these.
    pub fn new(mut pool: TermPool, sender: Side<'c>, receiver: Side<'c>) -> Self {
        let port = pool.variable("port", Sort::BitVec(16));
        let protocol = pool.variable("protocol", Sort::BitVec(2));
        let together = pool.variable("together", Sort::Bool);
        Self {
            pool,
            sender,
            receiver,
            port,
            protocol,
            together,
        }
    }

    /// Who stands at an end.
    pub fn side(&self, end: End) -> &Side<'c> {
        match end {
            End::Sender => &self.sender,
            End::Receiver => &self.receiver,
        }
    }

    /// The port and protocol are these.
    pub fn is_to(&mut self, protocol: Protocol, port: u16) -> TermId {
        let port = self.in_range(port, port);
        let protocol = self.is_protocol(protocol);
        self.pool.and(&[port, protocol])
    }

    /// Whether an end has a trait.
    pub fn has(&mut self, end: End, what: Trait) -> TermId {
        let side = match end {
            End::Sender => &mut self.sender,
            End::Receiver => &mut self.receiver,
        };
        side.has(&mut self.pool, what)
    }

    /// The port lies in a range.
    pub fn in_range(&mut self, low: u16, high: u16) -> TermId {
        let low = self.pool.bits(u128::from(low), 16);
        let high = self.pool.bits(u128::from(high), 16);
        let from = self.pool.ule(low, self.port);
        let to = self.pool.ule(self.port, high);
        self.pool.and(&[from, to])
    }

    /// The protocol is this one.
    pub fn is_protocol(&mut self, protocol: Protocol) -> TermId {
        let number = self.pool.bits(number(protocol), 2);
        self.pool.eq(self.protocol, number)
    }

    /// The port is what the receiver calls so.
    pub fn is_named(&mut self, name: &str, protocol: Option<Protocol>) -> TermId {
        let mut ways = Vec::new();
        let protocols = protocol.map_or(Protocol::ALL.to_vec(), |p| vec![p]);
        for protocol in protocols {
            let same = self.is_protocol(protocol);
            let port = self.port;
            let named = self.receiver.is_named(&mut self.pool, name, protocol, port);
            ways.push(self.pool.and(&[same, named]));
        }
        self.pool.or(&ways)
    }

    /// What holds of every question: a port that is one, a protocol that is one, and who there is.
    pub fn sound(&mut self) -> TermId {
        let port = self.in_range(1, u16::MAX);
        let last = self.pool.bits(2, 2);
        let protocol = self.pool.ule(self.protocol, last);
        let sender = self.sender.sound(&mut self.pool);
        let receiver = self.receiver.sound(&mut self.pool);
        let apart = side::apart(&mut self.pool, &self.sender, &self.receiver);
        let one_namespace = match (&self.sender, &self.receiver) {
            (Side::Added(one), Side::Added(other)) => one.agrees(other, &mut self.pool),
            _ => self.pool.truth(true),
        };
        let parts = [port, protocol, sender, receiver, apart, one_namespace];
        self.pool.and(&parts)
    }

    /// The message finds a listener: it is of one family, and the port is open.
    pub fn arrives(&mut self) -> TermId {
        let v6 = self.has(End::Sender, Trait::V6);
        let v6_too = self.has(End::Receiver, Trait::V6);
        let family = self.pool.iff(v6, v6_too);
        let open = self.open();
        self.pool.and(&[family, open])
    }

    /// The receiver listens on the port.
    pub fn open(&mut self) -> TermId {
        if self.receiver.is_symbolic() {
            return self.pool.truth(true);
        }
        let mut ways = vec![self.has(End::Receiver, Trait::TakesAll)];
        for (port, protocol) in self.receiver.listened() {
            let here = self.has(End::Receiver, Trait::Listens(port, protocol));
            let number = self.in_range(port, port);
            let protocol = self.is_protocol(protocol);
            ways.push(self.pool.and(&[here, number, protocol]));
        }
        self.pool.or(&ways)
    }

    /// Both are on one node.
    pub fn on_one_node(&mut self) -> TermId {
        if self.sender.is_symbolic() || self.receiver.is_symbolic() {
            // Who is added can be on another node where there is one.
            let Some(only) = self
                .sender
                .only_node()
                .or_else(|| self.receiver.only_node())
            else {
                return self.together;
            };
            for end in [End::Sender, End::Receiver] {
                if !self.side(end).is_symbolic() {
                    return self.has(end, Trait::OnNode(only));
                }
            }
            return self.pool.truth(true);
        }
        let nodes = self.sender.nodes();
        let mut ways = Vec::new();
        for node in nodes {
            let one = self.has(End::Sender, Trait::OnNode(node));
            let other = self.has(End::Receiver, Trait::OnNode(node));
            ways.push(self.pool.and(&[one, other]));
        }
        self.pool.or(&ways)
    }
}

/// The number of a protocol.
pub fn number(protocol: Protocol) -> u128 {
    let all = Protocol::ALL;
    all.iter().position(|p| *p == protocol).unwrap_or(0) as u128
}
