//! Random policies: gates against a naive evaluator, for every subject, address, port, protocol and setting.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

#[path = "support/naive_policy.rs"]
mod naive_policy;
#[path = "support/policy_world.rs"]
mod policy_world;
#[allow(dead_code, unreachable_pub, reason = "only some of it is used")]
#[path = "support/rng.rs"]
mod rng;

use std::net::IpAddr;

use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::Settings;
use kubeproof::network::gate::{Decision, Direction};
use naive_policy::{Question, everybody, passes};
use policy_world::{Gates, world};
use rng::Rng;
use serde_json::{Value, json};

const KEYS: [&str; 3] = ["app", "tier", "example.com/team"];
const VALUES: [&str; 3] = ["a", "b", ""];
const NAMES: [&str; 3] = ["web", "dns", "http-alt"];
const PORTS: [u16; 4] = [53, 80, 81, 8080];
const SPACES: [&str; 3] = ["x", "y", "z"];

fn labels(rng: &mut Rng) -> Value {
    let mut map = serde_json::Map::new();
    for key in KEYS {
        if rng.percent(60) {
            map.insert(key.to_owned(), (*rng.pick(&VALUES)).into());
        }
    }
    map.into()
}

fn selector(rng: &mut Rng) -> Value {
    let mut selector = json!({});
    if rng.percent(40) {
        selector["matchLabels"] = json!({*rng.pick(&KEYS): rng.pick(&VALUES)});
    }
    if rng.percent(40) {
        let operator = *rng.pick(&["In", "NotIn", "Exists", "DoesNotExist"]);
        let mut one = json!({"key": rng.pick(&KEYS), "operator": operator});
        if operator.ends_with("In") {
            let values: Vec<&str> = (0..rng.between(1, 2)).map(|_| *rng.pick(&VALUES)).collect();
            one["values"] = json!(values);
        }
        selector["matchExpressions"] = json!([one]);
    }
    selector
}

fn namespace_selector(rng: &mut Rng) -> Value {
    if rng.percent(30) {
        return json!({"matchLabels": {"kubernetes.io/metadata.name": rng.pick(&SPACES)}});
    }
    selector(rng)
}

/// A prefix around addresses that are in use.
fn cidr(rng: &mut Rng) -> (String, Option<String>) {
    let third = rng.between(1, 2);
    let last = rng.between(0, 12);
    match rng.below(6) {
        0 => ("0.0.0.0/0".to_owned(), Some(format!("10.1.{third}.0/24"))),
        1 => ("::/0".to_owned(), Some("fd00:1::/64".to_owned())),
        2 => (format!("10.1.{third}.{last}/32"), None),
        3 => (
            "fd00:1::/64".to_owned(),
            Some(format!("fd00:1::{last:x}/128")),
        ),
        4 => ("10.1.0.0/16".to_owned(), Some(format!("10.1.{third}.0/30"))),
        _ => (
            format!("10.1.{third}.0/24"),
            Some(format!("10.1.{third}.{}/31", last & !1)),
        ),
    }
}

fn protocol(rng: &mut Rng) -> &'static str {
    ["TCP", "UDP", "SCTP"][rng.below(3)]
}

fn network_rule(rng: &mut Rng, key: &str) -> Value {
    let mut rule = json!({});
    if rng.percent(80) {
        let peers: Vec<Value> = (0..rng.below(4))
            .map(|_| match rng.below(4) {
                0 => json!({"podSelector": selector(rng)}),
                1 => json!({"namespaceSelector": namespace_selector(rng)}),
                2 => json!({"namespaceSelector": namespace_selector(rng), "podSelector": selector(rng)}),
                _ => {
                    let (cidr, except) = cidr(rng);
                    let mut block = json!({"cidr": cidr});
                    if let Some(except) = except.filter(|_| rng.percent(50)) {
                        block["except"] = json!([except]);
                    }
                    json!({"ipBlock": block})
                }
            })
            .collect();
        rule[key] = json!(peers);
    }
    if rng.percent(60) {
        let ports: Vec<Value> = (0..rng.below(3))
            .map(|_| {
                let mut port = json!({});
                if rng.percent(60) {
                    port["protocol"] = protocol(rng).into();
                }
                match rng.below(4) {
                    0 => {}
                    1 => port["port"] = (*rng.pick(&NAMES)).into(),
                    2 => {
                        port["port"] = 60.into();
                        port["endPort"] = (*rng.pick(&[79_u16, 80, 9000])).into();
                    }
                    _ => port["port"] = (*rng.pick(&PORTS)).into(),
                }
                port
            })
            .collect();
        rule["ports"] = json!(ports);
    }
    rule
}

fn network_policy(rng: &mut Rng, name: usize) -> Value {
    let mut spec = json!({"podSelector": selector(rng)});
    for (direction, key) in [("ingress", "from"), ("egress", "to")] {
        if rng.percent(60) {
            let rules: Vec<Value> = (0..rng.below(3)).map(|_| network_rule(rng, key)).collect();
            spec[direction] = json!(rules);
        }
    }
    match rng.below(4) {
        0 => spec["policyTypes"] = json!(["Ingress", "Egress"]),
        1 => spec["policyTypes"] = json!(["Egress"]),
        _ => {}
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("np{name}"), "namespace": rng.pick(&SPACES)}, "spec": spec,
    })
}

fn pods(rng: &mut Rng) -> Value {
    if rng.percent(50) {
        json!({"namespaces": namespace_selector(rng)})
    } else {
        json!({"pods": {"namespaceSelector": namespace_selector(rng), "podSelector": selector(rng)}})
    }
}

fn tier_rule(rng: &mut Rng, egress: bool) -> Value {
    let action = *rng.pick(&["Accept", "Deny", "Pass"]);
    let mut only_pods = true;
    let peers: Vec<Value> = (0..rng.between(1, 2))
        .map(|_| {
            if !egress || rng.percent(50) {
                return pods(rng);
            }
            only_pods = false;
            match rng.below(4) {
                0 => json!({"nodes": selector(rng)}),
                1 | 2 if action == "Accept" => json!({"domainNames": ["*.example.com"]}),
                _ => json!({"networks": [cidr(rng).0]}),
            }
        })
        .collect();
    let mut rule = json!({"action": action});
    rule[if egress { "to" } else { "from" }] = json!(peers);
    if rng.percent(60) {
        let ports: Vec<Value> = (0..rng.between(1, 2))
            .map(|_| {
                if only_pods && rng.percent(30) {
                    return json!({"destinationNamedPort": rng.pick(&NAMES)});
                }
                let port = if rng.percent(30) {
                    json!({"range": {"start": 60, "end": rng.pick(&[80_u16, 9000])}})
                } else {
                    json!({"number": rng.pick(&PORTS)})
                };
                json!({protocol(rng).to_lowercase(): {"destinationPort": port}})
            })
            .collect();
        rule["protocols"] = json!(ports);
    }
    rule
}

fn cluster_policy(rng: &mut Rng, name: usize) -> Value {
    let mut spec = json!({
        "tier": rng.pick(&["Admin", "Baseline"]), "priority": rng.pick(&[10, 10, 20]),
        "subject": pods(rng),
    });
    for (direction, egress) in [("ingress", false), ("egress", true)] {
        if rng.percent(60) {
            let rules: Vec<Value> = (0..rng.between(0, 3))
                .map(|_| tier_rule(rng, egress))
                .collect();
            spec[direction] = json!(rules);
        }
    }
    json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": format!("cnp{name}")}, "spec": spec,
    })
}

fn objects(rng: &mut Rng) -> Vec<Value> {
    let mut all = Vec::new();
    for n in 1..=2 {
        let addresses = [format!("10.9.0.{n}"), format!("fd00:9::{n}")];
        let addresses: Vec<Value> = addresses
            .iter()
            .map(|a| json!({"type": "InternalIP", "address": a}))
            .collect();
        all.push(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": format!("n{n}"), "labels": labels(rng)},
            "status": {"addresses": addresses},
        }));
    }
    for name in SPACES {
        all.push(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels(rng)},
        }));
    }
    for n in 0..rng.between(2, 7) {
        let node = rng.between(1, 2);
        let mut ips = Vec::new();
        if rng.percent(80) {
            ips.push(json!({"ip": format!("10.1.{node}.{n}")}));
        }
        if rng.percent(40) {
            ips.push(json!({"ip": format!("fd00:1::{n}")}));
        }
        let ports: Vec<Value> = (0..rng.below(4))
            .map(|_| json!({"name": rng.pick(&NAMES), "containerPort": rng.pick(&PORTS), "protocol": protocol(rng)}))
            .collect();
        all.push(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("p{n}"), "namespace": rng.pick(&SPACES), "labels": labels(rng)},
            "spec": {
                "nodeName": format!("n{node}"), "hostNetwork": rng.percent(20),
                "containers": [{"name": "c", "ports": ports}],
            },
            "status": {"podIPs": ips},
        }));
    }
    for n in 0..rng.below(6) {
        all.push(network_policy(rng, n));
    }
    for n in 0..rng.below(4) {
        all.push(cluster_policy(rng, n));
    }
    all
}

fn all_settings() -> Vec<Settings> {
    let mut all = vec![Settings::default(); 7];
    all[1].ipblock_matches_pods = false;
    all[2].host_network_as_pod = true;
    all[3].egress_to_own_node = false;
    all[4].hairpin_under_policy = true;
    all[5].equal_priority_reversed = true;
    all[6].domain_names_are_all = true;
    all
}

/// How often what was seen.
#[derive(Debug, Default)]
struct Seen {
    asked: usize,
    denied: usize,
    admin: usize,
    network: usize,
    baseline: usize,
    differs: [usize; 7],
}

fn one(seed: u64, seen: &mut Seen) {
    let mut rng = Rng::new(seed, 77);
    let text: String = objects(&mut rng)
        .iter()
        .map(|o| format!("---\n{o}\n"))
        .collect();
    let world = world(&text);
    assert!(
        world.problems.is_empty(),
        "seed {seed}: {:?}\n{text}",
        world.problems
    );
    let mut peers: Vec<IpAddr> = ["203.0.113.5", "2001:db8::5"]
        .map(|a| a.parse().unwrap())
        .into();
    let pods = world.cluster.pods.iter().flat_map(|p| &p.addresses);
    let nodes = world.cluster.nodes.iter().flat_map(|n| &n.addresses);
    peers.extend(pods.chain(nodes).map(|a| a.ip));
    let mut first: Vec<bool> = Vec::new();
    for (index, settings) in all_settings().iter().enumerate() {
        let gates = Gates::of(&world.cluster, settings);
        let all = everybody(&world.cluster, settings);
        let mut verdicts = Vec::new();
        for who in &all {
            for (direction, outgoing) in [(Direction::Egress, true), (Direction::Ingress, false)] {
                let gate = gates.get(who.subject, direction);
                for &peer in &peers {
                    for protocol in Protocol::ALL {
                        for port in PORTS {
                            let question = Question {
                                outgoing,
                                peer,
                                protocol,
                                port,
                            };
                            let expected = passes(&world.cluster, settings, &all, who, question);
                            let decided = gate.and_then(|g| g.decide(peer, protocol, port));
                            let rule =
                                decided.and_then(|(tier, rule)| gate.unwrap().rule(tier, rule));
                            let got = rule.is_none_or(|r| r.decision == Decision::Allow);
                            assert_eq!(
                                got,
                                expected,
                                "seed {seed}, {settings:?}, {}: {question:?}, {rule:?}\n{text}",
                                world.cluster.name_of(who.subject)
                            );
                            assert_eq!(got, gate.is_none_or(|g| g.passes(peer, protocol, port)));
                            // Under one setting there are more subjects; pods are compared.
                            if world.cluster.pods.iter().any(|p| p.id == who.subject) {
                                verdicts.push(got);
                            }
                            seen.asked += 1;
                            seen.denied += usize::from(!got);
                            match decided {
                                None => {}
                                Some((0, _)) => seen.admin += 1,
                                Some((1, _)) => seen.network += 1,
                                Some(_) => seen.baseline += 1,
                            }
                        }
                    }
                }
            }
        }
        if index == 0 {
            first = verdicts;
        } else if first != verdicts {
            seen.differs[index] += 1;
            // Whatever makes a difference is named as what verdicts hang on.
            let hinges = kubeproof::policy::hangs_on(&world.cluster, &Settings::default());
            let named = hinges.iter().any(|h| h.flipped == Some(*settings));
            let hairpin = settings.hairpin_under_policy;
            assert!(
                named || hairpin,
                "seed {seed}: {settings:?} is not named\n{text}"
            );
        }
    }
}

#[test]
fn gates_agree_with_the_naive_evaluator() {
    let mut seen = Seen::default();
    for seed in 0..400 {
        one(seed, &mut seen);
    }
    eprintln!("{seen:?}");
    let Seen { asked, denied, .. } = seen;
    assert!(denied * 10 > asked && denied * 10 < asked * 9, "{seen:?}");
    assert!(
        seen.admin > 1000 && seen.network > 1000 && seen.baseline > 1000,
        "{seen:?}"
    );
    assert!(seen.differs[1..].iter().all(|&n| n > 3), "{seen:?}");
}

/// The published size of a real cluster: 5,400 pods in 600 namespaces, 13,700 policies.
#[test]
fn a_large_cluster_compiles_quickly() {
    let mut all = vec![json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.9.0.1"}]},
    })];
    for n in 0..5400 {
        let (space, app) = (n / 9, n % 9);
        all.push(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("p{n}"), "namespace": format!("ns{space}"), "labels": {"app": format!("a{app}")}},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 80 + app}]}]},
            "status": {"podIPs": [{"ip": format!("10.{}.{}.{}", 20 + n / 62500, n / 250 % 250, n % 250)}]},
        }));
    }
    for n in 0..13_700 {
        let (space, other) = (n % 600, (n * 7 + 1) % 600);
        let name = format!("ns{other}");
        let peer = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}, "podSelector": {"matchLabels": {"app": "a1"}}});
        all.push(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": format!("np{n}"), "namespace": format!("ns{space}")},
            "spec": {
                "podSelector": if n % 3 == 0 { json!({}) } else { json!({"matchLabels": {"app": format!("a{}", n % 9)}}) },
                "ingress": [{"from": [peer], "ports": [{"port": "web"}, {"port": 443}]}],
                "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}, {"to": [peer], "ports": [{"port": "web"}]}],
            },
        }));
    }
    let text: String = all.iter().map(|o| format!("---\n{o}\n")).collect();
    let world = world(&text);
    assert!(world.problems.is_empty());
    let before = std::time::Instant::now();
    let gates = kubeproof::policy::gates(&world.cluster, &Settings::default());
    let took = before.elapsed();
    let hinges = kubeproof::policy::hangs_on(&world.cluster, &Settings::default());
    let findings = kubeproof::policy::findings::findings(&world.cluster);
    eprintln!(
        "{} gates in {took:?}; {} hinges, {} findings, {:?} in all",
        gates.len(),
        hinges.len(),
        findings.len(),
        before.elapsed()
    );
    assert!(gates.len() >= 6_000);
    // About a second in a release build; tests are slower, and so are other machines.
    assert!(took.as_secs() < 20, "{took:?}");
    assert!(before.elapsed().as_secs() < 40, "{:?}", before.elapsed());
}
