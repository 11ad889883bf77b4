//! Routes and policy rules of a Linux namespace.
//!
//! Knows: what `ip route` and `ip rule` say. Must never know: how a lookup is made (`lower`).

use std::net::IpAddr;

use crate::base::source::Span;
use crate::model::inet::{Family, IpNet, PortSet, Protocol};

/// Types of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteType {
    /// On to a neighbour.
    Unicast,
    /// To this namespace itself.
    Local,
    /// To everybody on a link.
    Broadcast,
    /// Multicast: matches, leads nowhere we follow.
    Multicast,
    /// Anycast: taken as local.
    Anycast,
    /// Dropped silently.
    Blackhole,
    /// Refused: host unreachable.
    Unreachable,
    /// Refused: administratively.
    Prohibit,
    /// Not in this table: the next policy rule is asked.
    Throw,
}

/// One next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// The gateway; none where the destination itself is on the link. May be of the other family (`via inet6`).
    pub gateway: Option<IpAddr>,
    /// The device, by name; none for special types.
    pub device: Option<String>,
    /// Flag `onlink`.
    pub onlink: bool,
    /// Flag `dead`, or [`NextHop::linkdown`] where that is ignored: it is not looked up.
    pub dead: bool,
    /// Flag `linkdown`: its device has no carrier.
    pub linkdown: bool,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its type.
    pub kind: RouteType,
    /// Destinations; `default` is the whole family.
    pub destination: IpNet,
    /// Next hops; several are equal paths (ECMP). Empty for special types without a device.
    pub hops: Vec<NextHop>,
    /// `main`, `local`, `100`.
    pub table: String,
    /// Lower wins; 0 where not given.
    pub metric: u32,
    /// The source that is preferred.
    pub source: Option<IpAddr>,
    /// `link`, `host`, `global`.
    pub scope: String,
    /// As `ip route` would print it: `10.1.2.0/24 via 10.1.100.2 dev eth0 metric 50`.
    pub text: String,
    /// Where it is written.
    pub origin: Span,
}

/// What a policy rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAction {
    /// Asks a table.
    Lookup(String),
    /// Drops.
    Blackhole,
    /// Refuses.
    Unreachable,
    /// Refuses.
    Prohibit,
    /// Something else, not modelled.
    Other(String),
}

/// A rule of `ip rule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRule {
    /// Lower is asked first.
    pub priority: u32,
    /// Sources; none is all.
    pub from: Option<IpNet>,
    /// Destinations; none is all.
    pub to: Option<IpNet>,
    /// `not`.
    pub inverted: bool,
    /// Firewall mark: value and mask.
    pub mark: Option<(u32, u32)>,
    /// Incoming device (`lo`: sent from here).
    pub iif: Option<String>,
    /// Outgoing device a socket is bound to: never matches here.
    pub oif: Option<String>,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// Source ports.
    pub from_ports: Option<PortSet>,
    /// Destination ports.
    pub to_ports: Option<PortSet>,
    /// `suppress_prefixlength`: routes with at most this length do not count.
    pub suppress: Option<u8>,
    /// IPv4 or IPv6; none where the dump does not say: both.
    pub family: Option<Family>,
    /// What it does.
    pub action: RuleAction,
    /// In words, as `ip rule` prints it.
    pub text: String,
    /// Where it is written.
    pub origin: Span,
}
