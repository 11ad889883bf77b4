//! Where messages end: at sockets, and at devices that hand nothing on.
//!
//! Must never know: routes, hooks.

use crate::base::source::Span;
use crate::model::cluster::{Bind, Match};
use crate::model::inet::{Family, IpNet, PortSet, Protocol};
use crate::model::linux::{LinkKind, RouteType};
use crate::network::fib::{Action, DiscardReason, Fib};

use super::context::{Context, whole};
use super::next::Next;
use super::stage::{Builder, Device, Ns};

impl Builder<'_> {
    /// Where sockets are found.
    pub(super) fn listens(&self, ns: Ns) -> Fib {
        let facts = &self.facts[ns];
        let mut sockets: Vec<_> = facts.ns.sockets.iter().collect();
        // A socket of one address is found before one of all.
        sockets.sort_by_key(|s| !matches!(s.listener.bind, Bind::Address(_)));
        let mut fib = Fib::new();
        // A connection wants one other end: what opens one at an anycast address is lost (`tcp_v6_conn_request`).
        let routes = facts.ns.routes.iter();
        for route in routes.filter(|r| r.kind == RouteType::Anycast && r.table == "local") {
            let context = Context::of(Match {
                to: Some(route.destination),
                protocol: Some(Protocol::Tcp),
                ..Match::default()
            });
            let why = "nobody takes a connection at an anycast address".to_owned();
            let next = Next::dies_as(DiscardReason::Drop, why);
            fib.push(next.rule(context, Some(route.text.as_str().into()), route.origin));
        }
        for socket in sockets {
            let listener = &socket.listener;
            let to = match listener.bind {
                Bind::Any => None,
                Bind::AnyV4 => Some(whole(Family::V4)),
                Bind::AnyV6 => Some(whole(Family::V6)),
                Bind::Address(a) if a.is_unspecified() => Some(whole(Family::of(a))),
                Bind::Address(a) => Some(IpNet::from(a)),
            };
            let context = Context::of(Match {
                to,
                to_ports: Some(PortSet::one(listener.port)),
                protocol: Some(listener.protocol),
                ..Match::default()
            });
            let next = match socket.process {
                Some(process) => Next::of(Action::Deliver(process)),
                None => Next::dies(DiscardReason::Rule("taken by the kernel".to_owned())),
            };
            fib.push(next.rule(context, None, listener.origin));
        }
        let origin: Span = facts.ns.origin;
        fib.push(Next::dies(DiscardReason::ClosedPort).rule(Context::default(), None, origin));
        fib
    }

    /// Whether a device is down, dead or swallows what it is given.
    pub(super) fn swallows(&self, ns: Ns, device: Device) -> Option<Next> {
        let own = self.facts[ns].interface(device);
        let next = if !own.up || !own.carrier {
            let why = format!("device {} is down", own.name);
            Next::dies_as(DiscardReason::Neighbour, why)
        } else {
            match &own.kind {
                LinkKind::Dummy => {
                    let why = format!("device {} is a dummy", own.name);
                    Next::dies_as(DiscardReason::Drop, why)
                }
                LinkKind::Loopback => Next::dies(DiscardReason::NoRoute),
                LinkKind::Other(kind) => Next::dies(DiscardReason::Unmodelled(format!(
                    "device {} is a {kind}",
                    own.name
                ))),
                _ => return None,
            }
        };
        Some(next.saying(&own.name, own.origin))
    }
}
