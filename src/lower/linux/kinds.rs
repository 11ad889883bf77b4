//! What an address is to a namespace: its type, as `addrtype` and `fib … type` ask for it.
//!
//! Source: `fib_frontend.c` (`__inet_dev_addr_type`), `xt_addrtype.c`, `nft_fib_ipv6.c`. Must never know: which rule asks.

use crate::model::inet::{Family, IpNet};
use crate::model::linux::{AddressType, Route, RouteType, Side};

use super::context::{Context, whole};
use super::facts::Facts;
use super::lookup::Tables;
use super::stage::{Cursor, Device};

/// Which messages have an address of such a type.
pub(super) enum Kinds {
    /// None.
    Never,
    /// Any of the second, none of the first.
    Known {
        /// Not these.
        but: Vec<Context>,
        /// These.
        any: Vec<Context>,
    },
    /// That is not modelled.
    Unknown,
}

/// Which messages at a cursor have an address of such a type, or (`negated`) of another.
pub(super) fn asked(
    facts: &Facts<'_>,
    tables: &Tables<'_>,
    cursor: &Cursor,
    of: &AddressType,
    negated: bool,
) -> Kinds {
    let env = &cursor.env;
    let device = match of.device {
        None => None,
        Some(Side::In) => env.incoming,
        Some(Side::Out) => env.outgoing,
    };
    if of.device.is_some() && device.is_none() {
        // The kernel takes no such rule at a hook where the device is not known; what was sent from here has none.
        return Kinds::Unknown;
    }
    let regions = match env.family {
        Family::V4 => v4(facts, tables, device, &of.kinds),
        Family::V6 => {
            let chain = cursor.stack.last().map(|(chain, _)| *chain);
            let iptables = chain.is_some_and(|c| facts.ns.chains[c].iptables);
            v6(facts, tables, device, &of.kinds, iptables)
        }
    };
    let Some(regions) = regions else {
        return Kinds::Unknown;
    };
    answer(&regions, of.source, negated)
}

/// Prefixes, and whether an address of which this is the innermost is of such a type.
type Regions = Vec<(IpNet, bool)>;

/// Where no local route is found, and where it is one of another device, the type is unicast.
fn v4(
    facts: &Facts<'_>,
    tables: &Tables<'_>,
    device: Option<Device>,
    kinds: &[RouteType],
) -> Option<Regions> {
    // A lookup in the table `local` may find these in `main`, as long as both are one: whether they are is in no dump.
    if kinds.iter().any(|k| !addressed(*k)) {
        return None;
    }
    let wanted = |kind: RouteType| kinds.contains(&kind);
    let mut all = vec![(whole(Family::V4), wanted(RouteType::Unicast))];
    let loopback = Family::V4.loopback_net();
    for route in tables.table(Family::V4, "local") {
        // Nobody sends to the broadcast address of the loopback device.
        if route.kind == RouteType::Broadcast && loopback.contains(&route.destination) {
            continue;
        }
        let kind = match device {
            Some(device) if !leads(facts, route, device) => RouteType::Unicast,
            _ => route.kind,
        };
        all.push((route.destination.trunc(), wanted(kind)));
    }
    for (text, kind) in [
        ("224.0.0.0/4", RouteType::Multicast),
        ("0.0.0.0/8", RouteType::Broadcast),
        ("255.255.255.255/32", RouteType::Broadcast),
    ] {
        // Where these are asked for, they count; else nobody sends to them.
        if wanted(kind) {
            all.push((text.parse().ok()?, true));
        }
    }
    Some(all)
}

/// By the kind of the address itself, and by the local routes. `ip6tables` wants all that it is told at once.
fn v6(
    facts: &Facts<'_>,
    tables: &Tables<'_>,
    device: Option<Device>,
    kinds: &[RouteType],
    iptables: bool,
) -> Option<Regions> {
    let multicast: IpNet = "ff00::/8".parse().ok()?;
    let mut all = vec![(whole(Family::V6), false)];
    for kind in kinds {
        match kind {
            // Of its own addresses too: they are unicast.
            RouteType::Unicast if iptables && kinds.len() == 1 => {
                all = vec![(whole(Family::V6), true), (multicast, false)];
            }
            RouteType::Local if device.is_some() => {
                let own = facts.interface(device?).addresses.iter();
                let own = own.filter(|a| !a.unusable);
                all.extend(own.map(|a| (IpNet::from(a.net.addr()), true)));
            }
            RouteType::Local | RouteType::Anycast => {
                let routes = tables.table(Family::V6, "local").iter();
                let routes = routes.filter(|r| r.kind == *kind);
                all.extend(routes.map(|r| (r.destination.trunc(), true)));
            }
            RouteType::Multicast => all.push((multicast, true)),
            // There is none.
            RouteType::Broadcast if !iptables => {}
            // Whether there is a route to it counts, or more of the kernel than is modelled.
            _ => return None,
        }
        if iptables && kinds.len() > 1 {
            return None;
        }
    }
    Some(all)
}

fn addressed(kind: RouteType) -> bool {
    matches!(
        kind,
        RouteType::Unicast
            | RouteType::Local
            | RouteType::Broadcast
            | RouteType::Anycast
            | RouteType::Multicast
    )
}

fn leads(facts: &Facts<'_>, route: &Route, device: Device) -> bool {
    let name = facts.interface(device).name.as_str();
    let first = route.hops.first();
    first.is_some_and(|h| h.device.as_deref() == Some(name))
}

/// Of nested prefixes the innermost decides.
fn answer(regions: &Regions, source: bool, negated: bool) -> Kinds {
    let one = |net: &IpNet| {
        if source {
            Context::from(*net)
        } else {
            Context::to(*net)
        }
    };
    let (mut any, mut but): (Vec<IpNet>, Vec<IpNet>) = (Vec::new(), Vec::new());
    let mut sorted: Vec<(IpNet, bool)> = regions.iter().map(|(n, w)| (*n, w ^ negated)).collect();
    sorted.sort_by_key(|(net, _)| net.prefix_len());
    for (net, wanted) in sorted {
        let within = |all: &[IpNet]| all.iter().any(|a| a.contains(&net) && *a != net);
        match (wanted, within(&any), within(&but)) {
            // Excepted from what is excepted.
            (true, _, true) => return Kinds::Unknown,
            (true, false, false) => any.push(net),
            (false, true, false) => but.push(net),
            (true, true, false) | (false, ..) => {}
        }
    }
    if any.is_empty() {
        return Kinds::Never;
    }
    Kinds::Known {
        but: but.iter().map(one).collect(),
        any: any.iter().map(one).collect(),
    }
}
