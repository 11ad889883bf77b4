//! What Cilium's maps translate, refuse and leave open, as chains.
//!
//! Knows: which map translates what. Must never know: how the maps are dumped, where messages are routed (`routes`).
//!
//! * A Service: a destination translation of what comes from pods, and of what the node sends where kube-proxy is replaced.
//! * Masquerading by programs: a chain after all others.
//! * An endpoint on which policies are enforced: what opens a connection to or from it is not modelled.

use std::net::{IpAddr, Ipv4Addr};

use super::maps::{Maps, Service};
use crate::base::source::Span;
use crate::input::linux::namespace::Draft;
use crate::model::inet::{Family, IpNet, PortSet};
use crate::model::linux::{
    AddressType, Base, Chain, ChainFamily, CtState, Discovery, Effect, FirewallRule, Fits, Hook,
    Reach, RouteType, Strange, Test, Tested,
};

/// The source that a pod sees that reaches itself through a Service (`ipv4-service-loopback-address`).
const LOOPBACK: Ipv4Addr = Ipv4Addr::new(169, 254, 42, 1);
/// Identities of the nodes themselves.
const HOSTS: [u32; 2] = [1, 6];
/// Devices of pods and Cilium's own.
const INSIDE: [&str; 2] = ["lxc+", "cilium_+"];

/// Rules of the kernel's that could stop or change what Cilium's programs carry past them: whether they do is not told.
pub(super) fn gone_past(chains: &[Chain]) -> Option<Strange> {
    let known = |name: &str| {
        ["CILIUM_", "OLD_CILIUM_", "KUBE-"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    let passes = |effect: &Effect| match effect {
        Effect::Jump(to) | Effect::Goto(to) => known(to),
        Effect::Accept | Effect::Return | Effect::Nothing => true,
        _ => false,
    };
    for chain in chains {
        let Some(base) = chain.base.as_ref() else {
            continue;
        };
        if !matches!(
            base.hook,
            Hook::Prerouting | Hook::Forward | Hook::Postrouting
        ) {
            continue;
        }
        let rule = chain
            .rules
            .iter()
            .find(|r| !r.effects.iter().all(passes))
            .map(|r| r.origin);
        if let Some(origin) = rule.or_else(|| (!base.accepts).then_some(chain.origin)) {
            let what = format!(
                "chain {} {}: Cilium's programs carry messages past it",
                chain.table, chain.name
            );
            return Some(Strange {
                what,
                reach: Reach::Messages,
                origin,
            });
        }
    }
    None
}

/// Adds to a node the chains of its maps.
pub(super) fn install(maps: &Maps, tunneled: bool, draft: &mut Draft) {
    for family in [ChainFamily::V4, ChainFamily::V6] {
        chains(maps, family, tunneled, draft);
    }
    if let Some(origin) = maps.cache.iter().find(|c| c.encrypted).map(|c| c.origin) {
        let what = "Cilium's encryption between nodes".to_owned();
        draft.netns.unmodelled.push(Strange {
            what,
            reach: Reach::Messages,
            origin,
        });
    }
    if let (Some(what), Some(origin)) = (maps.status.strange, maps.status.origin) {
        let what = format!("{what} is not modelled");
        draft.netns.unmodelled.push(Strange {
            what,
            reach: Reach::Messages,
            origin,
        });
    }
}

fn chains(maps: &Maps, family: ChainFamily, tunneled: bool, draft: &mut Draft) {
    let wanted = if family == ChainFamily::V4 {
        Family::V4
    } else {
        Family::V6
    };
    let services: Vec<&Service> = maps
        .services
        .iter()
        .filter(|s| Family::of(s.address) == wanted)
        .collect();
    let from_pods = Test {
        negated: false,
        what: Tested::InDevice(vec![INSIDE[0].to_owned()]),
    };
    let mut filter = Vec::new();
    let mut translate = Vec::new();
    let (mut own_filter, mut own_translate) = (Vec::new(), Vec::new());
    for service in &services {
        let (refused, rule) = translation(service);
        let (rules, own) = if refused {
            (&mut filter, &mut own_filter)
        } else {
            (&mut translate, &mut own_translate)
        };
        if maps.status.replaces_kube_proxy {
            own.push(rule.clone());
        }
        // A frontend for the outside may be met from any device.
        let mut rule = rule;
        if service.plain {
            rule.tests.insert(0, from_pods.clone());
        }
        rules.push(rule);
    }
    let mut policies = Vec::new();
    let mut hairpins = Vec::new();
    for endpoint in &maps.endpoints {
        for &ip in endpoint
            .addresses
            .iter()
            .filter(|ip| Family::of(**ip) == wanted)
        {
            let net = vec![IpNet::from(ip)];
            let what = format!(
                "policies of Cilium are enforced on endpoint {}",
                endpoint.id
            );
            let enforced = [
                (endpoint.enforced.0, Tested::Destination(net.clone())),
                (endpoint.enforced.1, Tested::Source(net.clone())),
            ];
            for (_, test) in enforced.into_iter().filter(|(on, _)| *on) {
                let tests = vec![test, Tested::State(vec![CtState::New])];
                policies.push(rule(
                    tests,
                    Effect::Unknown(what.clone()),
                    &what,
                    endpoint.origin,
                ));
            }
            let tests = vec![Tested::Source(net.clone()), Tested::Destination(net)];
            let text = format!(
                "Cilium endpoint {}: to itself through a Service, from {LOOPBACK}",
                endpoint.id
            );
            let effect = if wanted == Family::V4 {
                Effect::Snat(vec![(Some(IpAddr::V4(LOOPBACK)), None)])
            } else {
                Effect::Unknown(
                    "a pod reaches itself through a Service of IPv6 under Cilium".to_owned(),
                )
            };
            hairpins.push(rule(tests, effect, &text, endpoint.origin));
        }
    }
    hairpins.extend(masquerade(maps, wanted, tunneled));
    let origin = maps
        .endpoints
        .first()
        .map_or(draft.netns.origin, |e| e.origin);
    let mut add = |name: &str, hook, priority, kind: &str, rules: Vec<FirewallRule>| {
        if !rules.is_empty() {
            draft.netns.chains.push(Chain {
                family,
                table: "cilium".to_owned(),
                iptables: false,
                name: name.to_owned(),
                base: Some(Base {
                    hook,
                    priority,
                    kind: kind.to_owned(),
                    accepts: true,
                }),
                rules,
                origin,
            });
        }
    };
    // Its programs come before the kernel's chains on the way in, and after them on the way out.
    add("services-refused", Hook::Prerouting, -112, "filter", filter);
    add("services", Hook::Prerouting, -111, "nat", translate);
    add(
        "own-services-refused",
        Hook::Output,
        -112,
        "filter",
        own_filter,
    );
    add("own-services", Hook::Output, -111, "nat", own_translate);
    add("policies", Hook::Forward, -112, "filter", policies.clone());
    // What a pod sends to its node; the node itself always reaches its pods.
    let egress = policies
        .into_iter()
        .filter(|r| matches!(r.tests[0].what, Tested::Source(_)));
    add(
        "own-policies",
        Hook::Input,
        -112,
        "filter",
        egress.collect(),
    );
    add("masquerade", Hook::Postrouting, 111, "nat", hairpins);
}

/// The rule of a frontend, and whether it refuses.
fn translation(service: &Service) -> (bool, FirewallRule) {
    let mut tests = Vec::new();
    if service.address.is_unspecified() {
        tests.push(Tested::Type(AddressType {
            source: false,
            kinds: vec![RouteType::Local],
            device: None,
        }));
    } else {
        tests.push(Tested::Destination(vec![IpNet::from(service.address)]));
    }
    tests.extend(service.protocol.map(|p| Tested::Protocol(vec![p])));
    if service.port != 0 {
        tests.push(Tested::DestinationPort(PortSet::one(service.port)));
    }
    let text = format!("Cilium service {}", service.name);
    if !service.plain {
        let why = format!("{text}: only cluster addresses of Services are modelled under Cilium");
        return (
            true,
            rule(tests, Effect::Unknown(why), &text, service.origin),
        );
    }
    if service.backends.is_empty() {
        let text = format!("{text}: no backends");
        return (
            true,
            rule(
                tests,
                Effect::Reject("no backend".to_owned()),
                &text,
                service.origin,
            ),
        );
    }
    let mut ways = service.backends.iter().map(|&(ip, port)| {
        let port = (port != 0).then_some(port);
        vec![Effect::Dnat(vec![(Some(ip), port)])]
    });
    let effect = match (ways.len(), ways.next()) {
        (1, Some(mut one)) => one.remove(0),
        (_, first) => Effect::OneOf(first.into_iter().chain(ways).collect()),
    };
    (false, rule(tests, effect, &text, service.origin))
}

/// What leaves the cluster from a pod.
fn masquerade(maps: &Maps, wanted: Family, tunneled: bool) -> Option<FirewallRule> {
    if !maps.status.masquerades {
        return None;
    }
    let own = |ip: &&IpAddr| Family::of(**ip) == wanted;
    let pods = maps.endpoints.iter().flat_map(|e| &e.addresses).filter(own);
    let pods: Vec<IpNet> = pods.map(|ip| IpNet::from(*ip)).collect();
    let family = |net: &&IpNet| Family::of(net.addr()) == wanted;
    let mut spared: Vec<IpNet> = maps
        .status
        .exclusion
        .iter()
        .filter(family)
        .copied()
        .collect();
    if !tunneled {
        // Between nodes that route for each other pods keep their addresses.
        let hosts = maps
            .cache
            .iter()
            .filter(|c| HOSTS.contains(&c.identity))
            .map(|c| &c.prefix);
        spared.extend(hosts.filter(family).copied());
    }
    let not = |what| Test {
        negated: true,
        what,
    };
    let text = "Cilium masquerades what pods send out of the cluster";
    let mut made = rule(
        vec![Tested::Source(pods)],
        Effect::Masquerade,
        text,
        maps.status.origin?,
    );
    made.tests
        .push(not(Tested::OutDevice(INSIDE.map(str::to_owned).to_vec())));
    if !spared.is_empty() {
        made.tests.push(not(Tested::Destination(spared)));
    }
    Some(made)
}

fn rule(tests: Vec<Tested>, effect: Effect, text: &str, origin: Span) -> FirewallRule {
    let apart = tests.iter().any(|t| matches!(t, Tested::Protocol(_)));
    let tests = tests.into_iter().map(|what| Test {
        negated: false,
        what,
    });
    FirewallRule {
        tests: tests.collect(),
        discovery: Discovery::both(if apart { Fits::Never } else { Fits::Always }),
        effects: vec![effect],
        text: text.to_owned(),
        origin,
    }
}
