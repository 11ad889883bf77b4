//! Chains of a firewall, iptables' and nft's in one spelling: what a rule tests and what it does.
//!
//! Knows: matches, targets. Must never know: where in a message's life a chain is asked (`lower`), how it is spelled.

use std::net::IpAddr;

use super::route::RouteType;
use crate::base::source::Span;
use crate::model::inet::{IpNet, PortSet, Protocol};

/// Which family a chain sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainFamily {
    /// iptables; nft `ip`.
    V4,
    /// ip6tables; nft `ip6`.
    V6,
    /// nft `inet`.
    Both,
    /// nft `bridge`, `netdev`, `arp`: rules there are not modelled.
    Link,
}

/// Where the kernel asks a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// On arrival, before routing.
    Prerouting,
    /// To this namespace itself.
    Input,
    /// Routed on, or bridged with `bridge-nf-call-iptables`.
    Forward,
    /// Sent from here.
    Output,
    /// On the way out.
    Postrouting,
    /// nft `ingress` and others: not modelled.
    Other,
}

/// A base chain's hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Where.
    pub hook: Hook,
    /// Lower first: raw -300, mangle -150, dstnat -100, filter 0, srcnat 100.
    pub priority: i32,
    /// `filter`, `nat`, `route`.
    pub kind: String,
    /// What happens to what no rule decides: true is accept, false drop.
    pub accepts: bool,
}

/// A chain.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Which family.
    pub family: ChainFamily,
    /// Its table: `nat`, `filter`; nft's own `kube-proxy`.
    pub table: String,
    /// Whether iptables made it (nft's tables are other tables, even of the same name).
    pub iptables: bool,
    /// Its name.
    pub name: String,
    /// None where only jumps lead here.
    pub base: Option<Base>,
    /// Its rules, in order.
    pub rules: Vec<FirewallRule>,
    /// Where it is written (its policy).
    pub origin: Span,
}

/// A rule of a chain: its effects happen in order where all tests hold.
#[derive(Debug, Clone)]
pub struct FirewallRule {
    /// All must hold.
    pub tests: Vec<Test>,
    /// Whether messages of IPv6 neighbour discovery meet what it tests of protocols: no message of the model is one, and
    /// [`Tested::Protocol`] says nothing of them.
    pub discovery: Discovery,
    /// What happens then, in order; the last one may end the walk through the chain.
    pub effects: Vec<Effect>,
    /// As dumped, without counters and without `-A CHAIN`: `-s 10.1.0.0/16 -o eth0 -j MASQUERADE`.
    pub text: String,
    /// Where it is written.
    pub origin: Span,
}

/// Whether something is so of a message of which not all is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fits {
    /// It is not.
    Never,
    /// It may be.
    Perhaps,
    /// It is.
    Always,
}

/// The same of the messages of IPv6 neighbour discovery, which are `ICMPv6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// Who has an address?
    pub solicitation: Fits,
    /// The answer.
    pub advertisement: Fits,
}

impl Discovery {
    /// Of both kinds alike.
    #[must_use]
    pub fn both(fits: Fits) -> Self {
        Self {
            solicitation: fits,
            advertisement: fits,
        }
    }

    /// Where this and another holds.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            solicitation: self.solicitation.min(other.solicitation),
            advertisement: self.advertisement.min(other.advertisement),
        }
    }
}

/// A test, possibly negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// `!`.
    pub negated: bool,
    /// What is tested.
    pub what: Tested,
}

/// What a rule tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// Source in one of these prefixes.
    Source(Vec<IpNet>),
    /// Destination in one of these prefixes.
    Destination(Vec<IpNet>),
    /// One of these protocols; a protocol that is none of ours makes the list empty: never holds.
    Protocol(Vec<Protocol>),
    /// Source port.
    SourcePort(PortSet),
    /// Destination port.
    DestinationPort(PortSet),
    /// Incoming device; `cali+` is a prefix. Of a bridged frame: the bridge.
    InDevice(Vec<String>),
    /// Outgoing device.
    OutDevice(Vec<String>),
    /// `physdev`: the port of the bridge it came through.
    PhysIn(String),
    /// `physdev`: the port of the bridge it goes to.
    PhysOut(String),
    /// `physdev --physdev-is-bridged`.
    Bridged,
    /// Connection states: any of these.
    State(Vec<CtState>),
    /// Flags of TCP: which packets of a connection have them.
    Flags {
        /// The first one.
        opening: bool,
        /// Its answer.
        answer: bool,
        /// All that follow, none of them; or (none) some.
        later: Option<bool>,
    },
    /// Firewall mark: `mark & mask == value`.
    Mark {
        /// The value.
        value: u32,
        /// The mask.
        mask: u32,
    },
    /// Mark of the connection, likewise.
    ConnMark {
        /// The value.
        value: u32,
        /// The mask.
        mask: u32,
    },
    /// `addrtype`/`fib daddr type`: an address's type by the local routing table (`local`).
    Type(AddressType),
    /// `rpfilter`/`fib saddr . iif oif exists`: the way back to its source leads to where it came from.
    WayBack(WayBack),
    /// `owner`/`meta skuid`: whose process sent it. What was not sent from here has no owner.
    Owner(String),
    /// `statistic`: sometimes; which time is a choice. Probability 0 and 1 are not choices.
    Sometimes {
        /// Never (probability 0).
        never: bool,
        /// Always (probability 1).
        always: bool,
    },
    /// In a named set: the fields that are compared, and whether it is dumped (`sets`).
    InSet {
        /// The key of `NetNs::sets`.
        set: String,
        /// Which fields, in order: `source`, `destination`, `source-port`, `destination-port`, `protocol`.
        fields: Vec<SetField>,
    },
    /// Always holds (comments, counters, limits that never bind).
    Always,
    /// Not modelled: whether it holds is not known.
    Unknown(String),
}

/// What an address is to the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressType {
    /// The source's; else the destination's.
    pub source: bool,
    /// One of these.
    pub kinds: Vec<RouteType>,
    /// What is local to other devices than this one does not count.
    pub device: Option<Side>,
}

/// One of the devices of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one it came in by.
    In,
    /// The one it leaves by.
    Out,
}

/// What is asked of the way back to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WayBack {
    /// By whatever device.
    pub loose: bool,
    /// As a message with the same mark would go.
    pub marked: bool,
    /// An address of this namespace will do.
    pub local: bool,
}

/// A field that is compared with an element of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetField {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Source port.
    SourcePort,
    /// Destination port.
    DestinationPort,
    /// Protocol.
    Protocol,
}

/// Connection states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtState {
    /// The first message of a connection.
    New,
    /// An answer, and all that follows.
    Established,
    /// An error message about one: no message of the model is.
    Related,
    /// What belongs to no connection, and opens none.
    Invalid,
    /// Exempt from tracking (`CT --notrack`).
    Untracked,
    /// Its source was translated.
    Snat,
    /// Its destination was translated.
    Dnat,
}

/// One element of a set: the values of the set's fields, and for a map what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetElement {
    /// In the order of the set's fields.
    pub key: Vec<SetValue>,
    /// `nomatch` (ipset): exempt.
    pub exempt: bool,
    /// Of a map or verdict map: what happens.
    pub effects: Vec<Effect>,
    /// Where it is written.
    pub origin: Span,
}

/// A value in a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// An address or a prefix.
    Net(IpNet),
    /// A port or a range.
    Ports(PortSet),
    /// A protocol.
    Protocol(Protocol),
    /// A number to choose by (`numgen`).
    Number(u32, u32),
    /// Anything.
    Any,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The base chain is done: on.
    Accept,
    /// Dropped.
    Drop,
    /// Refused, with this.
    Reject(String),
    /// Into a chain of the same table, and back.
    Jump(String),
    /// Into a chain, and not back.
    Goto(String),
    /// Back to the chain that jumped here.
    Return,
    /// `mark = (mark & !mask) ^ value` (`--set-xmark value/mask`).
    SetMark {
        /// The value.
        value: u32,
        /// The mask.
        mask: u32,
    },
    /// The connection's mark changes as `SetMark` does the message's.
    SetConnMark {
        /// The value.
        value: u32,
        /// The mask.
        mask: u32,
    },
    /// The connection's mark becomes the message's, under a mask.
    SaveMark(u32),
    /// The message's mark becomes the connection's, under a mask.
    RestoreMark(u32),
    /// Destination address and port become one of these; an empty field stays.
    Dnat(Vec<(Option<IpAddr>, Option<u16>)>),
    /// Source address becomes one of these.
    Snat(Vec<(Option<IpAddr>, Option<u16>)>),
    /// Source becomes the outgoing device's address.
    Masquerade,
    /// Destination becomes this namespace itself.
    Redirect(Option<u16>),
    /// Exempt from tracking.
    NoTrack,
    /// A verdict map: the element that matches decides; none: on with the next rule.
    Map {
        /// The key of `NetNs::sets`.
        set: String,
        /// Which fields are compared.
        fields: Vec<SetField>,
    },
    /// One of these, whichever (`numgen random`, `numgen inc`).
    OneOf(Vec<Vec<Effect>>),
    /// Nothing that matters here (counter, log).
    Nothing,
    /// Not modelled: what happens is not known.
    Unknown(String),
}
