//! What is asked of a namespace again and again: its addresses, switches of `sysctl`, chains by hook, devices that nothing
//! tells apart.
//!
//! Must never know: stages, how a message travels.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::base::source::Span;
use crate::model::inet::{Family, IpNet, Protocol};
use crate::model::linux::{
    Chain, CtState, Effect, FirewallRule, ForwardingEntry, Hook, Interface, LinkKind, Neighbour,
    NetNs, Reach, RouteType, Side, Strange, Tested,
};

use super::apart::{Apart, apart};
use super::chains::{Chains, beside_of, chains};
use super::items::{self, Item};

/// A setting, if it is dumped, and where.
type Set = Option<(i64, Span)>;

/// One namespace, prepared.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub(super) struct Facts<'s> {
    /// As read.
    pub(super) ns: &'s NetNs,
    by_name: BTreeMap<&'s str, usize>,
    /// Switches of devices, once asked for: each is asked for with every neighbour.
    switches: RefCell<HashMap<(usize, &'static str), Set>>,
    by_index: BTreeMap<u32, usize>,
    /// Whole prefixes outside of 127.0.0.0/8 that a route of type `local` makes its own: asked with every neighbour.
    pub(super) wide_local: Vec<(IpNet, Span)>,
    own: BTreeSet<IpAddr>,
    chains: Chains<'s>,
    hooks: BTreeMap<(Family, Hook), Vec<Item>>,
    /// Whether rules translate sources, destinations.
    translates: (bool, bool),
    /// Devices whose names no rule of a chain tells apart, by the first of them.
    named: Vec<usize>,
    /// Outgoing devices, likewise.
    leaving: Vec<usize>,
    /// Some rule saves marks of connections.
    pub(super) saves_marks: bool,
    /// Some rule asks for marks of connections.
    pub(super) reads_marks: bool,
    /// Some rule asks whether a connection is translated.
    pub(super) asks_translated: bool,
    /// Some rule looks at ports of bridges.
    pub(super) asks_ports: bool,
    /// What tells first packets from later ones, by chain.
    pub(super) apart: Vec<Apart>,
    /// Some rule exempts from connection tracking.
    pub(super) exempts: bool,
    /// Some rule exempts from connection tracking what is no datagram: perhaps answers alone.
    pub(super) untracks: bool,
    /// Some rule tells INVALID from NEW or ESTABLISHED, and an answer may go round this namespace.
    pub(super) bypassed: bool,
}

impl<'s> Facts<'s> {
    /// Of a namespace.
    pub(super) fn of(ns: &'s NetNs) -> Self {
        let interfaces = ns.interfaces.iter();
        let own = interfaces.clone().filter(|i| i.up).flat_map(|i| {
            let usable = i.addresses.iter().filter(|a| !a.unusable);
            usable.map(|a| a.net.addr())
        });
        let rules = || ns.chains.iter().flat_map(|c| &c.rules);
        let tests = || rules().flat_map(|r| &r.tests).map(|t| &t.what);
        let effect = |wanted: fn(&Effect) -> bool| every_effect(ns).any(wanted);
        let saves_marks = effect(|e| matches!(e, Effect::SaveMark(_) | Effect::SetConnMark { .. }));
        // Whether some rule looks at more of a device than its name.
        let looks = |wanted: Side| {
            tests().any(|t| match t {
                Tested::Type(of) => of.device == Some(wanted),
                Tested::WayBack(_) => wanted == Side::In,
                _ => false,
            })
        };
        let (apart_in, apart_out) = (looks(Side::In), looks(Side::Out));
        let asks = |state: CtState| {
            tests().any(|t| matches!(t, Tested::State(states) if states.contains(&state)))
        };
        let masquerades = effect(|e| matches!(e, Effect::Masquerade));
        let redirects = effect(|e| matches!(e, Effect::Redirect(_)));
        let patterns = |out: bool| -> Vec<&Vec<String>> {
            let named = tests().filter_map(move |t| match t {
                Tested::InDevice(names) if !out => Some(names),
                Tested::OutDevice(names) if out => Some(names),
                _ => None,
            });
            named.collect()
        };
        let (into, outof) = (patterns(false), patterns(true));
        let signature = |i: &Interface, patterns: &[&Vec<String>], addresses: bool, apart: bool| {
            let vector: Vec<bool> = patterns.iter().map(|p| fits(p, &i.name)).collect();
            let usable = i.addresses.iter().filter(|a| addresses && !a.unusable);
            let addresses: Vec<_> = usable.map(|a| a.net).collect();
            (vector, addresses, apart.then_some(i.index))
        };
        let chains = chains(ns);
        Self {
            ns,
            switches: RefCell::default(),
            by_name: (interfaces.clone().map(|i| i.name.as_str()))
                .zip(0..)
                .collect(),
            by_index: interfaces.clone().map(|i| i.index).zip(0..).collect(),
            wide_local: wide_local(ns),
            own: own.chain(taken(ns)).collect(),
            apart: apart(ns, saves_marks, |beside, name| {
                beside_of(&chains, beside, name)
            }),
            chains,
            exempts: rules().any(|r| r.effects.contains(&Effect::NoTrack)),
            hooks: items::hooks(ns, translates(ns)),
            translates: translates(ns),
            named: classes(
                interfaces
                    .clone()
                    .map(|i| signature(i, &into, redirects, apart_in)),
            ),
            leaving: classes(interfaces.map(|i| signature(i, &outof, masquerades, apart_out))),
            saves_marks,
            reads_marks: effect(|e| matches!(e, Effect::RestoreMark(_)))
                || tests().any(|t| matches!(t, Tested::ConnMark { .. })),
            asks_translated: asks(CtState::Dnat) || asks(CtState::Snat),
            untracks: rules().any(|r| r.effects.contains(&Effect::NoTrack) && !datagrams(r)),
            bypassed: false,
            asks_ports: tests()
                .any(|t| matches!(t, Tested::PhysIn(_) | Tested::PhysOut(_) | Tested::Bridged)),
        }
    }

    /// The interface with a name.
    pub(super) fn device(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The interface with an index.
    pub(super) fn indexed(&self, index: u32) -> Option<usize> {
        self.by_index.get(&index).copied()
    }

    /// An interface.
    pub(super) fn interface(&self, device: usize) -> &'s Interface {
        &self.ns.interfaces[device]
    }

    /// `lo`, if it is there.
    pub(super) fn loopback(&self) -> Option<usize> {
        let all = &self.ns.interfaces;
        all.iter().position(|i| i.kind == LinkKind::Loopback)
    }

    /// Whether an address is one of its own, on whatever interface.
    pub(super) fn owns(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }

    /// Its own addresses.
    pub(super) fn own(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.own.iter().copied()
    }

    /// A chain by its name in the table of another.
    pub(super) fn chain(&self, beside: &Chain, name: &str) -> Option<usize> {
        beside_of(&self.chains, beside, name)
    }

    /// What was written by hand about a link-layer address on a bridge; not what the kernel writes of its own devices.
    pub(super) fn entry(&self, bridge: &str, mac: Option<&str>) -> Option<&'s ForwardingEntry> {
        let all = self.ns.forwarding.iter();
        let mut all = all.filter(|e| e.master.as_deref() == Some(bridge) && e.device != bridge);
        all.find(|e| {
            let port = self.device(&e.device).map(|d| self.interface(d));
            mac.is_none_or(|m| m == e.mac) && port.is_some_and(|p| p.mac.as_ref() != Some(&e.mac))
        })
    }

    /// Whether any bridge was told so.
    pub(super) fn tells_bridges(&self) -> bool {
        let bridges = self.ns.interfaces.iter();
        let mut bridges = bridges.filter(|i| matches!(i.kind, LinkKind::Bridge { .. }));
        bridges.any(|b| self.entry(&b.name, None).is_some())
    }

    /// A neighbour that somebody wrote, and nobody asks for.
    pub(super) fn fixed(&self, device: usize, address: IpAddr) -> Option<&'s Neighbour> {
        let name = &self.interface(device).name;
        let mut all = self.ns.neighbours.iter();
        all.find(|n| !n.proxy && n.device == *name && n.address == address)
    }

    /// Whether a device is a bridge.
    pub(super) fn is_bridge(&self, device: usize) -> bool {
        matches!(self.interface(device).kind, LinkKind::Bridge { .. })
    }

    /// What is asked at a hook, in order.
    pub(super) fn hook(&self, family: Family, hook: Hook) -> &[Item] {
        self.hooks.get(&(family, hook)).map_or(&[], Vec::as_slice)
    }

    /// Whether any hook of a family has something to ask.
    pub(super) fn filters(&self, family: Family) -> bool {
        let mut all = self.hooks.iter();
        all.any(|((f, _), items)| *f == family && !items.is_empty())
    }

    /// The device that stands for all incoming ones that chains do not tell apart from it.
    pub(super) fn named(&self, device: usize) -> usize {
        self.named[device]
    }

    /// The same of outgoing ones.
    pub(super) fn leaving(&self, device: usize) -> usize {
        self.leaving[device]
    }

    /// A value of `sysctl`.
    pub(super) fn sysctl(&self, name: &str) -> Option<(i64, Span)> {
        let (value, origin) = self.ns.sysctls.get(name)?;
        Some((value.trim().parse().ok()?, *origin))
    }

    /// A value of `net.ipv4.conf`, of a device; where it is not dumped, what new devices get.
    pub(super) fn of_device(&self, family: &str, device: usize, key: &str) -> Option<(i64, Span)> {
        let name = &self.interface(device).name;
        let of = |name: &str| {
            let dotted = self.sysctl(&format!("net.{family}.conf.{name}.{key}"));
            // A dot in a name of a device is a slash for `sysctl`.
            let slash = || format!("net.{family}.conf.{}.{key}", name.replace('.', "/"));
            dotted.or_else(|| self.sysctl(&slash()))
        };
        of(name).or_else(|| of("default"))
    }

    /// A switch that is on where it is on for all or for the device.
    pub(super) fn either(&self, device: usize, key: &'static str) -> Option<(i64, Span)> {
        let mut known = self.switches.borrow_mut();
        *known.entry((device, key)).or_insert_with(|| {
            let all = self.sysctl(&format!("net.ipv4.conf.all.{key}"));
            let own = self.of_device("ipv4", device, key);
            [own, all].into_iter().flatten().max_by_key(|v| v.0)
        })
    }

    /// Whether such a switch is on.
    pub(super) fn on(&self, device: usize, key: &'static str) -> bool {
        self.either(device, key).is_some_and(|v| v.0 != 0)
    }

    /// Strict (1), loose (2) or no (0) check of the way back, and where it is written.
    pub(super) fn reverse_path(&self, device: usize) -> (i64, Option<Span>) {
        self.either(device, "rp_filter")
            .map_or((0, None), |(v, at)| (v, Some(at)))
    }

    /// Whether it forwards what comes in by a device, and where that is written.
    pub(super) fn forwards(&self, family: Family, device: usize) -> (bool, Option<Span>) {
        let value = match family {
            Family::V4 => {
                let name = &self.interface(device).name;
                let own = self.sysctl(&format!("net.ipv4.conf.{name}.forwarding"));
                own.or_else(|| self.sysctl("net.ipv4.ip_forward"))
                    .or_else(|| self.sysctl("net.ipv4.conf.all.forwarding"))
            }
            Family::V6 => self.sysctl("net.ipv6.conf.all.forwarding"),
        };
        value.map_or((false, None), |(v, at)| (v != 0, Some(at)))
    }

    /// Whether frames of a bridge pass the chains, and there are any.
    pub(super) fn calls(&self, family: Family, bridge: usize) -> bool {
        self.filters(family) && self.hands(family, bridge)
    }

    /// What is not modelled and meets every frame that a port of a bridge takes, or sends on.
    pub(super) fn strange_at(&self, port: usize) -> Option<&'s Strange> {
        let name = &self.interface(port).name;
        let mut all = self.ns.unmodelled.iter();
        all.find(|s| match &s.reach {
            Reach::Messages => false,
            Reach::Frames => true,
            Reach::Device(device) => device == name,
        })
    }

    /// What is not modelled and meets the messages that a bridge hands on.
    pub(super) fn strange_on(&self, family: Family, bridge: usize) -> Option<&'s Strange> {
        let mut all = self.ns.unmodelled.iter();
        all.find(|s| s.reach == Reach::Messages && self.hands(family, bridge))
    }

    /// Whether the kernel hands frames of a bridge to the chains.
    pub(super) fn hands(&self, family: Family, bridge: usize) -> bool {
        let LinkKind::Bridge {
            call_iptables,
            call_ip6tables,
            ..
        } = &self.interface(bridge).kind
        else {
            return false;
        };
        let (own, name) = match family {
            Family::V4 => (*call_iptables, "net.bridge.bridge-nf-call-iptables"),
            Family::V6 => (*call_ip6tables, "net.bridge.bridge-nf-call-ip6tables"),
        };
        own || self.sysctl(name).is_some_and(|v| v.0 != 0)
    }

    /// What destinations are translated to; none where a rule does not say.
    pub(super) fn targets(&self) -> BTreeSet<Option<IpAddr>> {
        let each = every_effect(self.ns).flat_map(|e| match e {
            Effect::Dnat(all) => all.iter().map(|(a, _)| *a).collect(),
            Effect::Redirect(_) => vec![None],
            _ => Vec::new(),
        });
        each.collect()
    }

    /// Whether rules translate sources, destinations: `(sources, destinations)`.
    pub(super) fn translates(&self) -> (bool, bool) {
        self.translates
    }
}

/// Addresses that a route of type `local` makes its own, though no device has them.
fn taken(ns: &NetNs) -> impl Iterator<Item = IpAddr> + '_ {
    let all = ns
        .routes
        .iter()
        .filter(|r| r.kind == RouteType::Local && r.table == "local");
    let all = all.filter(|r| r.destination.prefix_len() == r.destination.max_prefix_len());
    all.map(|r| r.destination.addr())
}

/// Whole prefixes outside of 127.0.0.0/8 that a route of type `local` makes its own.
fn wide_local(ns: &NetNs) -> Vec<(IpNet, Span)> {
    let all = ns.routes.iter();
    let all = all.filter(|r| r.kind == RouteType::Local && r.table == "local");
    let all = all.filter(|r| {
        let net = r.destination;
        let loopback = Family::of(net.addr()).loopback_net();
        net.prefix_len() < net.max_prefix_len() && !loopback.contains(&net)
    });
    all.map(|r| (r.destination.trunc(), r.origin)).collect()
}

/// Whether a rule is about UDP alone.
fn datagrams(rule: &FirewallRule) -> bool {
    let mut tests = rule.tests.iter().filter(|t| !t.negated);
    tests.any(
        |t| matches!(&t.what, Tested::Protocol(all) if all.iter().all(|p| *p == Protocol::Udp)),
    )
}

/// Whether a name is one of these; `cali+` is a prefix.
pub(super) fn fits(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|p| match p.strip_suffix('+') {
        Some(prefix) => name.starts_with(prefix),
        None => p == name,
    })
}

fn every_effect(ns: &NetNs) -> impl Iterator<Item = &Effect> {
    let rules = ns.chains.iter().flat_map(|c| &c.rules);
    let elements = ns.sets.values().flatten().flat_map(|e| &e.effects);
    let all = rules.flat_map(|r| &r.effects).chain(elements);
    all.flat_map(|e| -> Vec<&Effect> {
        match e {
            Effect::OneOf(ways) => ways.iter().flatten().collect(),
            _ => vec![e],
        }
    })
}

fn translates(ns: &NetNs) -> (bool, bool) {
    let sources = |e: &Effect| matches!(e, Effect::Snat(_) | Effect::Masquerade);
    let destinations = |e: &Effect| matches!(e, Effect::Dnat(_) | Effect::Redirect(_));
    (
        every_effect(ns).any(sources),
        every_effect(ns).any(destinations),
    )
}

/// Of each, the first that has the same signature.
fn classes<S: PartialEq>(signatures: impl Iterator<Item = S>) -> Vec<usize> {
    let all: Vec<S> = signatures.collect();
    let first = |s: &S| all.iter().position(|t| t == s).unwrap_or_default();
    all.iter().map(first).collect()
}
