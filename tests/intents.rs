//! The strategy `policy` against `direct` on random small clusters with random policies and intents, and intents about pods
//! that could be added against pods that are.
//!
//! `KUBEPROOF_SEEDS=N` tries so many seeds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

#[path = "support/rng.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
#[allow(
    unreachable_pub,
    reason = "other tests take it as a module of their own"
)]
mod rng;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input};
use kubeproof::logic::bind::bind;
use kubeproof::logic::formula::Constraint;
use kubeproof::lower::{Lowered, lower};
use kubeproof::model::cluster::{Address, Cluster, HostPort};
use kubeproof::model::inet::Protocol;
use kubeproof::model::intent::Intent;
use kubeproof::model::policy::{
    ClusterPolicy, IpBlock, NetworkPolicy, NetworkRule, Operator, Peer, Policies, PolicyAction,
    PortRule, PortsOf, Requirement, Selector, Settings, Tier, TierRule,
};
use kubeproof::report::json::render_trace_line;
use kubeproof::report::names::Names;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::policy::Policy;
use kubeproof::verify::verdict::{CheckResult, Verdict};
use kubeproof::{intent, session};
use rng::Rng;

fn solver() -> Box<dyn Solver> {
    Box::new(Z3::new())
}

const NAMESPACES: [&str; 2] = ["a", "b"];
const VALUES: [&str; 2] = ["x", "z"];

/// Two nodes, up to five pods, perhaps an outside. Of some clusters pods have addresses of one family, the other, or both.
fn cluster_text(rng: &mut Rng) -> String {
    cluster_of(rng, 2, 2..=5)
}

/// The same with so many nodes and pods.
fn cluster_of(rng: &mut Rng, nodes: usize, pods: RangeInclusive<usize>) -> String {
    let dual = rng.percent(30);
    let mut text =
        String::from("apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: c}\nnodes:\n");
    for n in 1..=nodes {
        let more = if dual && rng.percent(80) {
            format!(", \"2001:db8::{n}\"")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "- {{name: N{n}, addresses: [192.0.2.{n}{more}], daemons: [{{name: d, open: [10250]}}]}}"
        );
    }
    text.push_str("pods:\n");
    for p in 0..rng.between(*pods.start(), *pods.end()) {
        let mut labels: Vec<String> = Vec::new();
        for k in ["k", "l"] {
            if rng.percent(70) {
                labels.push(format!("{k}: {}", rng.pick(&VALUES)));
            }
        }
        let v4 = format!("10.0.{}.{}", rng.between(0, 1), p + 1);
        let v6 = format!("\"fd00::{}\"", p + 1);
        let addresses = match if dual { rng.below(3) } else { 0 } {
            0 => v4,
            1 => v6,
            _ => format!("{v4}, {v6}"),
        };
        let open = rng.pick(&["80", "80, 81/UDP", "82", "81"]);
        let of_v6 = format!("\"[fd00::{}]:80\"", p + 1);
        let open = match rng.below(12) {
            0 if addresses.contains("fd00") => &of_v6,
            1 if addresses.starts_with("10.") => "\"0.0.0.0:80\"",
            // Two containers.
            2 | 3 => "81]}, {name: d, open: [80",
            _ => open,
        };
        let _ = writeln!(
            text,
            "- {{name: p{p}, namespace: {}, labels: {{{}}}, node: N{}, addresses: [{addresses}], containers: [{{name: c, open: [{open}]}}]}}",
            rng.pick(&NAMESPACES),
            labels.join(", "),
            rng.between(1, nodes),
        );
    }
    if rng.percent(50) {
        let more = if dual { ", \"2001:db8:1::/64\"" } else { "" };
        let _ = writeln!(
            text,
            "externals:\n- {{name: world, addresses: [198.51.100.0/24{more}]}}"
        );
    }
    text
}

fn load(sources: &mut SourceMap, text: &str) -> input::Loaded {
    let source = sources.add("c.yaml", text);
    let input = Input {
        source,
        path: "c.yaml".to_owned(),
        named: true,
    };
    let loaded = input::load(sources, &[input], input::Options::default());
    assert!(!loaded.failed(), "{text}\n{:?}", loaded.diagnostics);
    loaded
}

fn selector(rng: &mut Rng, cluster: &Cluster) -> Selector {
    let mut requirements = Vec::new();
    for key in ["k", "l"] {
        if rng.percent(35) {
            let value = [(*rng.pick(&VALUES)).to_owned()].into();
            let operator = match rng.below(6) {
                0 => Operator::NotIn(value),
                1 => Operator::Exists,
                2 => Operator::DoesNotExist,
                _ => Operator::In(value),
            };
            requirements.push(Requirement {
                key: key.to_owned(),
                operator,
            });
        }
    }
    Selector {
        requirements,
        origin: cluster.origin,
    }
}

fn namespaces(rng: &mut Rng, cluster: &Cluster) -> Option<Selector> {
    let named = |name: &str| Requirement {
        key: "kubernetes.io/metadata.name".to_owned(),
        operator: Operator::In([name.to_owned()].into()),
    };
    let requirements = match rng.below(3) {
        0 => return None,
        1 => Vec::new(),
        _ => vec![named(NAMESPACES[rng.below(2)])],
    };
    Some(Selector {
        requirements,
        origin: cluster.origin,
    })
}

fn peer(rng: &mut Rng, cluster: &Cluster, always: bool) -> Peer {
    let block = |cidr: &str, except: &[&str]| {
        Peer::Block(IpBlock {
            cidr: cidr.parse().unwrap(),
            except: except.iter().map(|e| e.parse().unwrap()).collect(),
            origin: cluster.origin,
        })
    };
    match rng.below(6) {
        0 => block("10.0.0.0/16", &["10.0.1.0/24"]),
        1 => block("0.0.0.0/0", &["192.0.2.0/24"]),
        2 if rng.percent(30) => block("::/0", &["fd00::2/127"]),
        2 => block("198.51.100.0/25", &[]),
        _ => Peer::Pods {
            namespaces: if always {
                Some(namespaces(rng, cluster).unwrap_or(Selector {
                    requirements: Vec::new(),
                    origin: cluster.origin,
                }))
            } else {
                namespaces(rng, cluster)
            },
            pods: selector(rng, cluster),
            origin: cluster.origin,
        },
    }
}

fn ports(rng: &mut Rng, cluster: &Cluster) -> Option<Vec<PortRule>> {
    use kubeproof::model::inet::Protocol;
    if rng.percent(50) {
        return None;
    }
    let one = |rng: &mut Rng| PortRule {
        protocol: *rng.pick(&[Some(Protocol::Tcp), Some(Protocol::Udp), None]),
        ports: match rng.below(3) {
            0 => PortsOf::Any,
            1 => PortsOf::Range(80, 80),
            _ => PortsOf::Range(81, 82),
        },
        origin: cluster.origin,
    };
    Some((0..rng.between(1, 2)).map(|_| one(rng)).collect())
}

fn policies(rng: &mut Rng, cluster: &Cluster) -> Policies {
    let mut all = Policies::default();
    for i in 0..rng.below(4) {
        let rules = |rng: &mut Rng| {
            let rule = |rng: &mut Rng| NetworkRule {
                peers: rng.percent(80).then(|| {
                    (0..rng.between(1, 2))
                        .map(|_| peer(rng, cluster, false))
                        .collect()
                }),
                ports: ports(rng, cluster),
                origin: cluster.origin,
            };
            (0..rng.below(3)).map(|_| rule(rng)).collect::<Vec<_>>()
        };
        let ingress = rng.percent(70).then(|| rules(rng));
        let egress = rng.percent(40).then(|| rules(rng));
        all.network.push(NetworkPolicy {
            namespace: (*rng.pick(&NAMESPACES)).to_owned(),
            name: format!("n{i}"),
            subject: selector(rng, cluster),
            ingress,
            egress,
            origin: cluster.origin,
        });
    }
    all.network
        .sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    for i in 0..rng.below(3) {
        let rules = |rng: &mut Rng| {
            let rule = |rng: &mut Rng| {
                let mut peers = vec![peer(rng, cluster, true)];
                if rng.percent(20) {
                    peers.push(Peer::FailsClosed {
                        names: vec!["example.com".to_owned()],
                        origin: cluster.origin,
                    });
                }
                TierRule {
                    name: None,
                    action: *rng.pick(&[
                        PolicyAction::Accept,
                        PolicyAction::Deny,
                        PolicyAction::Pass,
                    ]),
                    peers,
                    ports: ports(rng, cluster),
                    origin: cluster.origin,
                }
            };
            (0..rng.below(3)).map(|_| rule(rng)).collect::<Vec<_>>()
        };
        let ingress = rules(rng);
        let egress = rules(rng);
        all.cluster.push(ClusterPolicy {
            kind: "ClusterNetworkPolicy",
            name: format!("c{i}"),
            tier: *rng.pick(&[Tier::Admin, Tier::Baseline]),
            priority: rng.below(3) as u32,
            subject: Peer::Pods {
                namespaces: Some(Selector {
                    requirements: Vec::new(),
                    origin: cluster.origin,
                }),
                pods: selector(rng, cluster),
                origin: cluster.origin,
            },
            ingress,
            egress,
            origin: cluster.origin,
        });
    }
    all
}

fn peer_text(rng: &mut Rng) -> String {
    match rng.below(9) {
        8 => "{ipBlock: \"2001:db8:1::/65\"}".to_owned(),
        0 => "{ipBlock: 198.51.100.0/25}".to_owned(),
        1 => "{node: N1}".to_owned(),
        2 => "{namespaceSelector: {}}".to_owned(),
        3 => format!(
            "{{podSelector: {{matchLabels: {{l: {}}}}}}}",
            rng.pick(&VALUES)
        ),
        _ => format!(
            "{{namespace: {}, podSelector: {{matchExpressions: [{{key: k, operator: {}}}]}}}}",
            rng.pick(&NAMESPACES),
            rng.pick(&[
                "Exists",
                "DoesNotExist",
                "In, values: [x]",
                "NotIn, values: [x]"
            ])
        ),
    }
}

fn intent_text(rng: &mut Rng) -> String {
    let wish = match rng.below(7) {
        0 => return "isolate: {byLabel: k}".to_owned(),
        1 => return "isolate: {byLabel: l, unlabelled: group}".to_owned(),
        2 | 3 => "mustReach",
        4 => "onlyThese",
        _ => "mustNotReach",
    };
    let from: Vec<String> = (0..rng.between(1, 2)).map(|_| peer_text(rng)).collect();
    let to: Vec<String> = (0..rng.between(1, 2)).map(|_| peer_text(rng)).collect();
    let ports = rng.pick(&[
        "",
        "",
        ", ports: [{port: 80}]",
        ", ports: [{port: 80, endPort: 81}, {protocol: UDP}]",
    ]);
    format!(
        "{wish}: {{from: [{}], to: [{}]{ports}}}",
        from.join(", "),
        to.join(", ")
    )
}

fn read_intent(sources: &mut SourceMap, spec: &str) -> Intent {
    let text = format!(
        "apiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {{{spec}}}\n"
    );
    let loaded = load(sources, &text);
    loaded.intents.into_iter().next().unwrap().intent.unwrap()
}

fn stated(sources: &mut SourceMap, intent: &Intent, lowered: &Lowered) -> Constraint {
    let text = intent::text(intent);
    let source = sources.add("i.spec", text.clone());
    let (constraints, mistakes) = session::parse(sources, source);
    assert!(mistakes.is_empty(), "{text}\n{mistakes:?}");
    bind(&constraints[0], &lowered.structure).unwrap()
}

/// What two strategies must agree on.
fn essence(result: &CheckResult) -> (Verdict, Vec<String>) {
    let witness = result.counterexample.iter().flat_map(|c| {
        let named = c.assignment.iter();
        named
            .filter(|(name, _)| name == "X" || name == "Y")
            .map(|(n, w)| format!("{n} = {w:?}"))
    });
    (result.verdict, witness.collect())
}

#[test]
fn policy_and_direct_agree() {
    let seeds = std::env::var("KUBEPROOF_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok());
    let mut seen: BTreeMap<Verdict, usize> = BTreeMap::new();
    for seed in 0..seeds.unwrap_or(60) {
        let mut rng = Rng::new(seed, 7);
        let mut sources = SourceMap::new();
        let text = cluster_text(&mut rng);
        let mut cluster = load(&mut sources, &text)
            .clusters
            .remove(0)
            .cluster
            .unwrap();
        cluster.policies = policies(&mut rng, &cluster);
        let settings = Settings {
            ipblock_matches_pods: rng.percent(70),
            egress_to_own_node: rng.percent(70),
            equal_priority_reversed: rng.percent(20),
            domain_names_are_all: rng.percent(50),
            ..Settings::default()
        };
        let lowered = lower(&cluster, &settings).unwrap();
        let specs: Vec<String> = (0..4).map(|_| intent_text(&mut rng)).collect();
        let intents: Vec<Intent> = specs.iter().map(|s| read_intent(&mut sources, s)).collect();
        let constraints: Vec<Constraint> = intents
            .iter()
            .map(|i| stated(&mut sources, i, &lowered))
            .collect();
        let policy = Policy::new(
            &cluster,
            &lowered,
            settings,
            &intents.iter().collect::<Vec<_>>(),
            None,
        );
        let direct =
            direct::check(&lowered, &constraints, direct::Options::default(), &solver).unwrap();
        for ((intent, constraint), (spec, one)) in intents
            .iter()
            .zip(&constraints)
            .zip(specs.iter().zip(&direct.results))
        {
            let other = policy
                .check(intent, constraint, &solver)
                .unwrap_or_else(|e| {
                    panic!("seed {seed}: {spec}: {e}\n{text}\n{:#?}", cluster.policies)
                });
            let other = other.expect("the network is ideal");
            *seen.entry(one.verdict).or_default() += 1;
            assert_eq!(
                essence(one),
                essence(&other),
                "seed {seed}: direct, policy; {spec}\n{text}\n{:#?}",
                cluster.policies
            );
        }
    }
    for verdict in [Verdict::Proven, Verdict::Violated, Verdict::Vacuous] {
        assert!(seen.get(&verdict).is_some_and(|n| *n > 5), "{seen:?}");
    }
}

/// The cluster with a Service that has ports of nodes, addresses outside or neither, and perhaps a port of a pod on its node.
fn published(rng: &mut Rng, sources: &mut SourceMap, text: &str, plain: &Cluster) -> Cluster {
    let many = rng.between(1, 2);
    let endpoints = plain.pods.iter().take(many);
    let own = rng.pick(&["10.96.0.1", "\"fd00:8::1\"", "10.96.0.1, \"fd00:8::1\""]);
    let own = if text.contains("fd00") {
        own
    } else {
        "10.96.0.1"
    };
    let endpoints: Vec<String> = endpoints
        .map(|p| format!("\"{}\"", plain.name_of(p.id)))
        .collect();
    let text = format!(
        "{text}services:\n- {{name: s, addresses: [{own}], ports: [{{port: 80}}], endpoints: [{}]}}\n",
        endpoints.join(", ")
    );
    let mut cluster = load(sources, &text).clusters.remove(0).cluster.unwrap();
    let origin = cluster.origin;
    let service = &mut cluster.services[0];
    service.external_local = rng.percent(50);
    if rng.percent(60) {
        service.ports[0].node_port = Some(80);
    }
    if rng.percent(60) {
        let ip = rng.pick(&["203.0.113.9", "198.51.100.9", "2001:db8:9::9"]);
        let ip = ip.parse().unwrap();
        service.external_addresses.push(Address { ip, origin });
        if rng.percent(30) {
            service.balancer.push(ip);
            service.balancer_sources = Some(vec!["198.51.100.0/26".parse().unwrap()]);
        }
    }
    if rng.percent(40) {
        cluster.pods[1].host_ports.push(HostPort {
            port: 80,
            host_port: 81,
            protocol: Protocol::Tcp,
            host_ip: None,
            origin,
        });
    }
    cluster
}

/// An intent about that Service.
fn of_the_service(rng: &mut Rng, text: &str) -> String {
    let wish = rng.pick(&["mustReach", "mustNotReach", "onlyThese"]);
    let outside = rng.pick(&[
        "{ipBlock: 198.51.100.0/25}",
        "{ipBlock: 198.51.100.0/25}",
        "{external: world}",
        "{ipBlock: \"2001:db8:1::/65\"}",
    ]);
    let outside = if text.contains("world") {
        (*outside).to_owned()
    } else {
        "{ipBlock: 198.51.100.0/25}".to_owned()
    };
    let from = [outside, peer_text(rng)];
    let from = [&from[..1], &from[..1], &from[1..], &from[..]][rng.below(4)];
    let ports = rng.pick(&["", "", ", ports: [{port: 80}]", ", ports: [{port: 81}]"]);
    format!(
        "{wish}: {{from: [{}], to: [{{service: default/s}}]{ports}}}",
        from.join(", ")
    )
}

/// The same where ports of nodes, ports of pods on their nodes and addresses outside lead to pods: what policies alone do
/// not decide is left to `direct`. That it must be is seen in `assumptions.rs`.
#[test]
fn ports_of_nodes_are_told_apart() {
    let (mut decided, mut left) = (0, 0);
    let mut of_services: BTreeMap<Verdict, usize> = BTreeMap::new();
    let seeds = std::env::var("KUBEPROOF_SEEDS");
    for seed in 0..seeds.map_or(30, |n| n.parse().unwrap()) {
        let mut rng = Rng::new(seed, 11);
        let mut sources = SourceMap::new();
        let text = cluster_text(&mut rng);
        let plain = load(&mut sources, &text)
            .clusters
            .remove(0)
            .cluster
            .unwrap();
        let mut cluster = published(&mut rng, &mut sources, &text, &plain);
        cluster.policies = policies(&mut rng, &cluster);
        let settings = Settings::default();
        let lowered = lower(&cluster, &settings).unwrap();
        let specs: Vec<String> = (0..4)
            .map(|n| {
                if n < 2 {
                    return intent_text(&mut rng);
                }
                of_the_service(&mut rng, &text)
            })
            .collect();
        let intents: Vec<Intent> = specs.iter().map(|s| read_intent(&mut sources, s)).collect();
        let constraints: Vec<Constraint> = intents
            .iter()
            .map(|i| stated(&mut sources, i, &lowered))
            .collect();
        let all: Vec<&Intent> = intents.iter().collect();
        let policy = Policy::new(&cluster, &lowered, settings, &all, None);
        for ((intent, constraint), spec) in intents.iter().zip(&constraints).zip(&specs) {
            let Some(other) = policy
                .check(intent, constraint, &solver)
                .unwrap_or_else(|e| panic!("seed {seed}: {spec}: {e}\n{text}"))
            else {
                left += 1;
                continue;
            };
            let one = std::slice::from_ref(constraint);
            let direct = direct::check(&lowered, one, direct::Options::default(), &solver);
            let direct = direct.unwrap().results.remove(0);
            assert_eq!(
                essence(&direct),
                essence(&other),
                "seed {seed}: direct, policy; {spec}\n{text}\n{:#?}",
                cluster.policies
            );
            decided += 1;
            if spec.contains("service:") {
                *of_services.entry(direct.verdict).or_default() += 1;
            }
        }
    }
    assert!(decided > 40 && left > 15, "{decided} decided, {left} left");
    for verdict in [Verdict::Proven, Verdict::Violated, Verdict::Vacuous] {
        let seen = of_services.get(&verdict);
        assert!(seen.is_some_and(|n| *n > 1), "{of_services:?}");
    }
}

/// Who has no address of a family that the other one is dialled at reaches nobody, though no message is ever lost (bug 0007).
#[test]
fn families_that_do_not_meet() {
    let text = r#"apiVersion: kubeproof.dev/v1
kind: Cluster
metadata: {name: c}
nodes: [{name: N1, addresses: [192.0.2.1, "2001:db8::1"]}]
pods:
- {name: p4, namespace: four, node: N1, addresses: [10.0.0.1], containers: [{name: c, open: [80]}]}
- {name: p6, namespace: six, node: N1, addresses: ["fd00::1"], containers: [{name: c, open: [80]}]}
- {name: both, namespace: both, node: N1, addresses: [10.0.0.3, "fd00::3"], containers: [{name: c, open: [80]}]}
- {name: half, namespace: half, node: N1, addresses: [10.0.0.4, "fd00::4"], containers: [{name: c, open: ["[fd00::4]:80"]}]}
services:
- {name: s6, addresses: ["fd00:8::1"], ports: [{port: 80}], endpoints: ["pod/six/p6"]}
externals:
- {name: world, addresses: [198.51.100.0/24, "2001:db8:1::/64"]}
"#;
    let (proven, violated) = (Verdict::Proven, Verdict::Violated);
    for (from, to, wanted) in [
        ("{namespace: four}", "{namespace: six}", violated),
        ("{namespace: four}", "{namespace: both}", proven),
        ("{namespace: both}", "{namespace: six}", proven),
        ("{namespace: both}", "{namespace: half}", proven),
        ("{namespace: four}", "{namespace: half}", violated),
        ("{namespace: four}", "{service: default/s6}", violated),
        ("{namespace: both}", "{service: default/s6}", proven),
        ("{ipBlock: 198.51.100.0/25}", "{namespace: six}", violated),
        ("{ipBlock: \"2001:db8:1::/65\"}", "{namespace: six}", proven),
        ("{external: world}", "{namespace: six}", proven),
        (
            "{external: world}, {ipBlock: 198.51.100.0/25}",
            "{namespace: six}",
            violated,
        ),
    ] {
        let spec = format!("mustReach: {{from: [{from}], to: [{to}]}}");
        let (lowered, constraint, one) = by_policies(text, &spec);
        let all = std::slice::from_ref(&constraint);
        let direct = direct::check(&lowered, all, direct::Options::default(), &solver);
        let direct = direct.unwrap().results.remove(0);
        assert_eq!(
            (one.verdict, direct.verdict),
            (wanted, wanted),
            "{spec}: {}",
            direct.detail
        );
        assert_eq!(essence(&one), essence(&direct), "{spec}");
    }
}

/// "No pod with k=x, whatever else it is, reaches one with k=z": with a policy that says so, and one that can be evaded.
#[test]
fn pods_that_could_be_added() {
    let text = "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: c}\nnodes: [{name: N1, addresses: [192.0.2.1]}]\npods:\n- {name: z, namespace: a, labels: {k: z}, node: N1, addresses: [10.0.0.1], containers: [{name: c, open: [80]}]}\n";
    let spec = "mustNotReach: {from: [{anyPod: {podSelector: {matchLabels: {k: x}}}}], to: [{podSelector: {matchLabels: {k: z}}}]}";
    let evade = Operator::Exists;
    let keep = Operator::NotIn(["x".to_owned()].into());
    for (key, operator, wanted) in [
        ("l", evade, Verdict::Violated),
        ("k", keep, Verdict::Proven),
    ] {
        let mut sources = SourceMap::new();
        let mut cluster = load(&mut sources, text).clusters.remove(0).cluster.unwrap();
        let origin = cluster.origin;
        let everything = Selector {
            requirements: Vec::new(),
            origin,
        };
        let peers = vec![Peer::Pods {
            namespaces: Some(everything.clone()),
            pods: Selector {
                requirements: vec![Requirement {
                    key: key.to_owned(),
                    operator,
                }],
                origin,
            },
            origin,
        }];
        cluster.policies.network.push(NetworkPolicy {
            namespace: "a".to_owned(),
            name: "n".to_owned(),
            subject: everything,
            ingress: Some(vec![NetworkRule {
                peers: Some(peers),
                ports: None,
                origin,
            }]),
            egress: None,
            origin,
        });
        let settings = Settings::default();
        let lowered = lower(&cluster, &settings).unwrap();
        let intent = read_intent(&mut sources, spec);
        let constraint = stated(&mut sources, &intent, &lowered);
        let policy = Policy::new(&cluster, &lowered, settings, &[&intent], None);
        let result = policy
            .check(&intent, &constraint, &solver)
            .unwrap()
            .unwrap();
        assert_eq!(result.verdict, wanted, "{key}");
        if wanted == Verdict::Violated {
            let found = result.counterexample.unwrap();
            assert!(found.replayed);
            let yaml = found.beyond.unwrap().yaml;
            assert!(
                yaml.contains("\"k\": \"x\"") && yaml.contains("\"l\":"),
                "{yaml}"
            );
        }
    }
}

/// What people are told of a result.
fn told(
    cluster: &Cluster,
    result: &CheckResult,
    lowered: &Lowered,
    sources: &SourceMap,
) -> Vec<String> {
    let mut all = vec![format!("{:?} {}", result.verdict, result.detail)];
    if let Some(found) = &result.counterexample {
        let beyond = found.beyond.as_ref();
        let names = Names::new(beyond.map_or(cluster, |b| &b.cluster));
        let network = found.network_in(&lowered.network);
        all.push(format!(
            "{:?} {:?} {:?}",
            found.assignment, found.wanted, found.says
        ));
        all.extend(beyond.map(|b| b.yaml.clone()));
        for message in &found.messages {
            all.push(format!("{} {}", names.full(message.sender), message.header));
            let trace = render_trace_line(&message.trace, &names, network, sources);
            all.push(trace);
        }
    }
    all
}

/// Where the network was not made, messages are walked in the parts of it that they can meet: what is said is the same, to
/// the last outcome, of pods that are there and of pods that could be added.
#[test]
fn parts_and_the_whole_network_tell_the_same() {
    let seeds = std::env::var("KUBEPROOF_SEEDS");
    let mut seen: BTreeMap<(Verdict, bool), usize> = BTreeMap::new();
    for seed in 0..seeds.map_or(120, |n| n.parse().unwrap()) {
        let mut rng = Rng::new(seed, 23);
        let mut sources = SourceMap::new();
        let nodes = rng.between(3, 7);
        let text = cluster_of(&mut rng, nodes, 6..=14);
        let mut loaded = load(&mut sources, &text);
        let mut cluster = loaded.clusters.remove(0).cluster.unwrap();
        let with_service = rng.percent(40);
        if with_service {
            cluster = published(&mut rng, &mut sources, &text, &cluster);
        }
        cluster.policies = policies(&mut rng, &cluster);
        let settings = Settings::default();
        let lowered = lower(&cluster, &settings).unwrap();
        // What is left of it where a cluster is large.
        let mut thin = Lowered::default();
        thin.structure.policies = lowered.structure.policies.clone();
        let specs: Vec<String> = (0..6)
            .map(|n| match n {
                0 => format!(
                    "mustNotReach: {{from: [{{anyPod: {{namespace: {}}}}}], to: [{}]}}",
                    rng.pick(&NAMESPACES),
                    peer_text(&mut rng)
                ),
                1 => format!(
                    "mustReach: {{from: [{{anyPod: {{namespace: {}}}}}], to: [{{podSelector: {{}}}}]}}",
                    rng.pick(&NAMESPACES)
                ),
                2 | 3 if with_service => of_the_service(&mut rng, &text),
                _ => intent_text(&mut rng),
            })
            .collect();
        let intents: Vec<Intent> = specs.iter().map(|s| read_intent(&mut sources, s)).collect();
        let wishes: Vec<&Intent> = intents.iter().collect();
        let whole = Policy::new(&cluster, &lowered, settings, &wishes, None);
        let parts = Policy::new(&cluster, &thin, settings, &wishes, None);
        for (intent, spec) in intents.iter().zip(&specs) {
            let constraint = stated(&mut sources, intent, &lowered);
            let told = |policy: &Policy<'_>| {
                let found = policy.check(intent, &constraint, &solver);
                let found = found.unwrap_or_else(|e| panic!("seed {seed}: {spec}: {e}\n{text}"));
                let told = found
                    .as_ref()
                    .map(|r| told(&cluster, r, &lowered, &sources));
                (found, told)
            };
            let ((result, whole), (_, parts)) = (told(&whole), told(&parts));
            assert_eq!(whole, parts, "seed {seed}: whole, parts; {spec}\n{text}");
            let Some(result) = result else {
                continue;
            };
            let mut found = result.counterexample.iter();
            let beyond = found.any(|c| c.beyond.is_some());
            *seen.entry((result.verdict, beyond)).or_default() += 1;
        }
    }
    for kind in [
        (Verdict::Proven, false),
        (Verdict::Violated, false),
        (Verdict::Violated, true),
        (Verdict::Vacuous, false),
    ] {
        assert!(seen.get(&kind).is_some_and(|n| *n > 5), "{seen:?}");
    }
}

/// What the strategy `policy` says of an intent about a cluster file.
fn by_policies(text: &str, spec: &str) -> (Lowered, Constraint, CheckResult) {
    let mut sources = SourceMap::new();
    let cluster = load(&mut sources, text).clusters.remove(0).cluster.unwrap();
    let settings = Settings::default();
    let lowered = lower(&cluster, &settings).unwrap();
    let intent = read_intent(&mut sources, spec);
    let constraint = stated(&mut sources, &intent, &lowered);
    let policy = Policy::new(&cluster, &lowered, settings, &[&intent], None);
    let result = policy.check(&intent, &constraint, &solver);
    let result = result
        .unwrap_or_else(|why| panic!("{spec}: {why}"))
        .unwrap();
    (lowered, constraint, result)
}

/// Two that could be added, or one and a host outside, have an address each, though nothing tells these apart; a namespace
/// that is not there has one set of labels; and on the only node everybody is on one node.
#[test]
fn added_pods_go_together() {
    let text = "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: c}\nnodes: [{name: N1, addresses: [192.0.2.1], daemons: [{name: d}]}]\nexternals: [{name: world, addresses: [0.0.0.0/0, \"::/0\"]}]\n";
    let (any, other) = ("{anyPod: {namespace: a}}", "{anyPod: {namespace: b}}");
    let team = |name: &str| {
        format!("{{anyPod: {{namespaceSelector: {{matchLabels: {{team: {name}}}}}}}}}")
    };
    let (v4, v6) = ("{ipBlock: 0.0.0.0/0}", "{ipBlock: \"::/0\"}");
    for (wish, from, to) in [
        ("mustNotReach", v4, any),
        ("mustNotReach", v6, any),
        ("mustNotReach", any, v4),
        ("mustNotReach", any, other),
        ("mustNotReach", any, any),
        ("mustNotReach", &team("red"), &team("blue")),
        ("onlyThese", "{ipBlock: 10.0.0.0/8}", any),
    ] {
        let spec = format!("{wish}: {{from: [{from}], to: [{to}]}}");
        let (_, _, result) = by_policies(text, &spec);
        let found = result.counterexample.unwrap();
        let header = found.messages[0].header;
        assert!(
            found.replayed && header.source != header.destination,
            "{spec}"
        );
    }
}

/// The fields that the reader knows are those of the schema: its help lists them where one is unknown.
#[test]
fn the_schema_has_the_fields_of_the_reader() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/intent.schema.json")).unwrap();
    let within = |from: &str| format!("spec: {{mustReach: {{from: [{from}], to: [{{node: n}}]}}}}");
    for (pointer, rest) in [
        ("", "zzzzzzzzzz: 1".to_owned()),
        ("/properties/spec", "spec: {zzzzzzzzzz: 1}".to_owned()),
        ("/properties/spec/properties/isolate", "spec: {isolate: {byLabel: k, zzzzzzzzzz: 1}}".to_owned()),
        ("/definitions/relation", "spec: {mustReach: {from: [{node: n}], to: [{node: n}], zzzzzzzzzz: 1}}".to_owned()),
        ("/definitions/peer", within("{node: n, zzzzzzzzzz: 1}")),
        ("/definitions/pods", within("{anyPod: {zzzzzzzzzz: 1}}")),
        ("/definitions/block", within("{ipBlock: {cidr: 10.0.0.0/8, zzzzzzzzzz: 1}}")),
        ("/definitions/selector", within("{podSelector: {zzzzzzzzzz: 1}}")),
        ("/definitions/requirement", within("{podSelector: {matchExpressions: [{key: k, operator: Exists, zzzzzzzzzz: 1}]}}")),
        ("/definitions/port", "spec: {mustReach: {from: [{node: n}], to: [{node: n}], ports: [{port: 80, zzzzzzzzzz: 1}]}}".to_owned()),
    ] {
        let mut sources = SourceMap::new();
        let text = format!("apiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\n{rest}\n");
        let source = sources.add("i.yaml", text);
        let input = Input {
            source,
            path: "i.yaml".to_owned(),
            named: true,
        };
        let loaded = input::load(&sources, &[input], input::Options::default());
        let all = loaded.all_diagnostics();
        let helps: Vec<String> = all.filter(|d| d.code == "I018").filter_map(|d| d.help.clone()).collect();
        let known: std::collections::BTreeSet<&str> = helps[0].split('`').skip(1).step_by(2).collect();
        let object = schema.pointer(pointer).unwrap();
        assert_eq!(object["additionalProperties"], false, "{pointer}");
        let stated = object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(known, stated, "{pointer}");
    }
}
