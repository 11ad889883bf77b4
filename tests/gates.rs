//! Policies in the network: what a gate decides, what the simulator and the solver make of gates, and how a trace tells it.
//!
//! Gates are made by hand here; how they come from policies is another test's matter.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use kubeproof::base::source::{SourceMap, Span};
use kubeproof::logic::bind::bind;
use kubeproof::lower::Lowered;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::{IpNet, PortSet, Protocol};
use kubeproof::network::gate::{AddressSet, Cause, Decision, Direction, Gate, GateRule, Gates};
use kubeproof::network::header::Header;
use kubeproof::network::trace::{Disposition, Event};
use kubeproof::report::json;
use kubeproof::report::names::Names;
use kubeproof::report::trace::Teller;
use kubeproof::sim::walk;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::verdict::{CheckResult, Verdict};
use support::rng::Rng;
use support::{compare, formulas, generate, threads};

use Decision::{Allow, Deny, Pass};
use Direction::{Egress, Ingress};

/// Two pods on one node, one on another, a Service in front of the first.
const CLUSTER: &str = "\
apiVersion: kubeproof.dev/v1
kind: Cluster
metadata: {name: gated}
nodes:
- {name: N1, addresses: [192.0.2.1], daemons: [{name: D1, open: [10250]}]}
- {name: N2, addresses: [192.0.2.2], daemons: [{name: D2}]}
pods:
- {name: P1, node: N1, addresses: [10.1.1.1], containers: [{name: C1, open: [8080]}]}
- {name: P2, node: N1, addresses: [10.1.1.2], containers: [{name: C2, open: [8080]}]}
- {name: P3, node: N2, addresses: [10.1.2.1], containers: [{name: C3, open: [8080, 9090]}]}
services:
- {name: web, addresses: [10.2.0.1], ports: [{port: 80, targetPort: 8080}], endpoints: [pod/default/P1]}
";

fn set(nets: &[&str]) -> Option<Arc<AddressSet>> {
    let net = |text: &&str| {
        text.parse::<IpNet>()
            .unwrap_or_else(|_| text.parse::<IpAddr>().unwrap().into())
    };
    Some(Arc::new(AddressSet::of(nets.iter().map(net))))
}

fn rule(decision: Decision, nets: &[&str], ports: &[(u16, u16)], text: &str) -> GateRule {
    let span = SourceMap::new().add("policies.yaml", "a\nb\n");
    let ports = vec![(Protocol::Tcp, PortSet::of(ports.to_vec()))];
    GateRule {
        peers: if nets.is_empty() { None } else { set(nets) },
        ports: (!ports[0].1.ranges().is_empty()).then(|| Arc::new(ports)),
        decision,
        cause: Arc::new(Cause {
            text: text.to_owned(),
            origin: Span {
                source: span,
                start: 2,
                end: 3,
            },
        }),
    }
}

fn id(cluster: &Cluster, name: &str) -> EntityId {
    let found = cluster
        .ids()
        .find(|id| cluster.name_of(*id).to_string() == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

fn gate(cluster: &Cluster, pod: &str, direction: Direction, tiers: Vec<Vec<GateRule>>) -> Gate {
    let pod = cluster
        .pods
        .iter()
        .find(|p| p.id == id(cluster, &format!("pod/default/{pod}")))
        .unwrap();
    Gate {
        at: pod.node,
        subject: pod.id,
        addresses: pod.addresses.iter().map(|a| a.ip).collect(),
        direction,
        tiers,
    }
}

fn gated(hairpin: bool, gates: impl Fn(&Cluster) -> Vec<Gate>) -> (Cluster, Lowered) {
    let cluster = compare::load(CLUSTER).unwrap();
    let mut lowered = compare::lowered(&cluster).unwrap();
    lowered.network.gates = Gates {
        all: gates(&cluster),
        hairpin,
    };
    lowered.structure.policies = lowered.network.gates.clone();
    (cluster, lowered)
}

fn tcp(source: &str, destination: &str, port: u16) -> Header {
    Header {
        protocol: Protocol::Tcp,
        source: source.parse().unwrap(),
        source_port: 49152,
        destination: destination.parse().unwrap(),
        destination_port: port,
    }
}

fn check(lowered: &Lowered, text: &str) -> Vec<CheckResult> {
    let mut all = compare::constraints();
    all.extend(formulas::read(text).unwrap());
    let bound: Vec<_> = all
        .iter()
        .map(|c| bind(c, &lowered.structure).unwrap())
        .collect();
    direct::check(lowered, &bound, direct::Options::default(), &|| {
        Box::new(Z3::new()) as Box<dyn Solver>
    })
    .unwrap()
    .results
}

fn verdict(results: &[CheckResult], id: &str) -> Verdict {
    results.iter().find(|r| r.id == id).unwrap().verdict
}

#[test]
fn tiers_are_asked_in_order() {
    let (a, b) = (&["10.0.0.0/24"][..], &["10.0.0.7"][..]);
    let all: &[&str] = &[];
    let r = |d, nets: &[&str]| rule(d, nets, &[], "x");
    let on = |d, nets: &[&str]| rule(d, nets, &[(80, 80), (90, 99)], "x");
    let peer = "10.0.0.7";
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<Vec<GateRule>>, u16, bool)> = vec![
        ("nothing is said", vec![vec![], vec![]], 80, true),
        ("the first rule of a tier", vec![vec![r(Allow, b), r(Deny, a)]], 80, true),
        ("and not a later one", vec![vec![r(Deny, a), r(Allow, b)]], 80, false),
        ("an earlier tier", vec![vec![r(Deny, all)], vec![r(Allow, all)]], 80, false),
        ("allowed for good", vec![vec![r(Allow, all)], vec![r(Deny, all)]], 80, true),
        ("Pass leaves the rest of its tier out", vec![vec![r(Pass, b), r(Deny, a)], vec![r(Allow, all)]], 80, true),
        ("Pass leads to a denial", vec![vec![r(Pass, b), r(Allow, a)], vec![r(Deny, all)]], 80, false),
        ("Pass at the end", vec![vec![], vec![r(Pass, all), r(Deny, all)]], 80, true),
        ("no match goes on", vec![vec![r(Deny, &["10.0.1.0/24"])], vec![r(Allow, b)], vec![r(Deny, all)]], 80, true),
        ("a port in the set", vec![vec![on(Deny, all)]], 95, false),
        ("a port beside the set", vec![vec![on(Deny, all)]], 100, true),
    ];
    let cluster = compare::load(CLUSTER).unwrap();
    for (what, tiers, port, passes) in rows {
        let gate = gate(&cluster, "P1", Egress, tiers);
        let ip: IpAddr = peer.parse().unwrap();
        assert_eq!(gate.passes(ip, Protocol::Tcp, port), passes, "{what}");
        // Of another protocol, ports of TCP say nothing.
        if port != 80 {
            assert!(gate.passes(ip, Protocol::Udp, port), "{what}");
        }
    }
}

/// One message in a cluster with one gate that denies everything, or all but its own node.
#[test]
fn gates_stand_at_the_node() {
    #[rustfmt::skip]
    let rows: &[(&str, &str, Direction, bool, &str, Header, Disposition)] = &[
        ("egress, same node", "P1", Egress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.1.1.2", 8080), Disposition::Policy),
        ("egress, other node", "P1", Egress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.1.2.1", 8080), Disposition::Policy),
        ("egress, the node itself", "P1", Egress, false, "container/default/P1/C1", tcp("10.1.1.1", "192.0.2.1", 10250), Disposition::Policy),
        ("egress of another pod", "P2", Egress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.1.2.1", 8080), Disposition::Delivered),
        ("egress does not stop what comes in, nor its answer", "P1", Egress, false, "container/default/P3/C3", tcp("10.1.2.1", "10.1.1.1", 8080), Disposition::Delivered),
        ("ingress, same node", "P1", Ingress, false, "container/default/P2/C2", tcp("10.1.1.2", "10.1.1.1", 8080), Disposition::Policy),
        ("ingress, other node", "P1", Ingress, false, "container/default/P3/C3", tcp("10.1.2.1", "10.1.1.1", 8080), Disposition::Policy),
        ("ingress from a node", "P1", Ingress, false, "daemon/N2/D2", tcp("192.0.2.2", "10.1.1.1", 8080), Disposition::Policy),
        ("ingress does not stop what goes out, nor its answer", "P1", Ingress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.1.2.1", 8080), Disposition::Delivered),
        ("through a Service", "P1", Ingress, false, "container/default/P3/C3", tcp("10.1.2.1", "10.2.0.1", 80), Disposition::Policy),
        ("a closed port is a matter of the pod", "P3", Ingress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.1.2.1", 7), Disposition::Policy),
        ("its own address", "P1", Egress, true, "container/default/P1/C1", tcp("10.1.1.1", "10.1.1.1", 8080), Disposition::Delivered),
        ("localhost", "P1", Ingress, true, "container/default/P1/C1", tcp("127.0.0.1", "127.0.0.1", 8080), Disposition::Delivered),
        ("itself through a Service", "P1", Egress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.2.0.1", 80), Disposition::Delivered),
        ("itself through a Service, ingress", "P1", Ingress, false, "container/default/P1/C1", tcp("10.1.1.1", "10.2.0.1", 80), Disposition::Delivered),
        ("itself through a Service under policy", "P1", Egress, true, "container/default/P1/C1", tcp("10.1.1.1", "10.2.0.1", 80), Disposition::Policy),
        ("itself through a Service under policy, ingress", "P1", Ingress, true, "container/default/P1/C1", tcp("10.1.1.1", "10.2.0.1", 80), Disposition::Policy),
    ];
    for (what, pod, direction, hairpin, sender, header, expected) in rows {
        let (cluster, lowered) = gated(*hairpin, |c| {
            vec![gate(
                c,
                pod,
                *direction,
                vec![vec![rule(Deny, &[], &[], "all")]],
            )]
        });
        let trace = walk::trace(&lowered.network, id(&cluster, sender), *header).unwrap();
        assert_eq!(trace.outcomes[0].disposition, *expected, "{what}");
        if *expected == Disposition::Policy {
            let last = trace.outcomes[0].request.steps.last().unwrap();
            assert!(matches!(last.event, Event::Discard { rule: Some(_), .. }));
            assert_eq!((last.gates.len(), last.origin.is_some()), (1, true));
        }
        // What is walked is what is proven: the built-in constraints excuse what policies forbid, and nothing else.
        let results = check(&lowered, "");
        for id in [
            "KP001", "KP002", "KP003", "KP005", "KP006", "KP007", "KP008", "KP009", "KP010",
        ] {
            // This gate knows no own node, which no real one does: KP004 is what it breaks.
            assert_eq!(verdict(&results, id), Verdict::Proven, "{what}: {id}");
        }
        let own_node = if *direction == Ingress {
            Verdict::Violated
        } else {
            Verdict::Proven
        };
        assert_eq!(verdict(&results, "KP004"), own_node, "{what}");
    }
}

const ISOLATION: &str = "\
constraint isolated \"P1 does not reach P3:8080\"
∀ e, C, a. K8s-Container(C, pod(P1)) ∧ addr(pod(P3), a) ∧ Send(e, C, _, _, a, 8080) ⟹ ¬Recv(e, container(C3), _, _, _, _)

constraint isolated-all \"P1 does not reach P3\"
∀ e, C, a. K8s-Container(C, pod(P1)) ∧ addr(pod(P3), a) ∧ Send(e, C, _, _, a, _) ⟹ ¬Recv(e, container(C3), _, _, _, _)

constraint said \"what arrives is allowed, and where it was headed\"
∀ e, X, Y, a, p. Send(e, X, _, _, _, _) ∧ Recv(e, Y, _, _, a, p) ⟹ dials(e, a, p) ∧ Allowed(e, a, p)
";

fn isolating(cluster: &Cluster) -> Vec<Gate> {
    let own = rule(Allow, &["192.0.2.2"], &[], "own node");
    let some = rule(
        Allow,
        &["10.1.0.0/16"],
        &[(9090, 9090)],
        "NetworkPolicy default/p3, ingress rule 1",
    );
    let rest = rule(
        Deny,
        &[],
        &[],
        "NetworkPolicy default/p3, which isolates it for ingress",
    );
    vec![gate(
        cluster,
        "P3",
        Ingress,
        vec![vec![], vec![own, some, rest]],
    )]
}

#[test]
fn isolation_is_proven_and_refuted() {
    let (cluster, lowered) = gated(false, isolating);
    let results = check(&lowered, ISOLATION);
    assert_eq!(verdict(&results, "isolated"), Verdict::Proven);
    assert_eq!(verdict(&results, "isolated-all"), Verdict::Violated);
    assert_eq!(verdict(&results, "said"), Verdict::Proven);
    for id in ["KP003", "KP004", "KP005", "KP008", "KP009"] {
        assert_eq!(verdict(&results, id), Verdict::Proven, "{id}");
    }
    // The permission is told with the policy's rule and place.
    let found = results.iter().find(|r| r.id == "isolated-all").unwrap();
    let message = &found.counterexample.as_ref().unwrap().messages[0];
    assert_eq!(message.header.destination_port, 9090);
    let mut sources = SourceMap::new();
    sources.add("policies.yaml", "a\nb\n");
    let names = Names::new(&cluster);
    let teller = Teller {
        names: &names,
        network: &lowered.network,
        sources: &sources,
    };
    let told = teller.trace(&message.trace, "");
    let line = told
        .lines()
        .find(|l| l.contains("ingress rule 1"))
        .unwrap_or_else(|| panic!("{told}"));
    assert!(
        line.contains("ingress allowed by NetworkPolicy default/p3"),
        "{told}"
    );
    assert!(line.ends_with("policies.yaml:2:1"), "{told}");
    let json = json::render_trace(&message.trace, &names, &lowered.network, &sources);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let steps = json["outcomes"][0]["steps"].as_array().unwrap();
    let policies: Vec<_> = steps.iter().filter(|s| !s["policies"].is_null()).collect();
    assert_eq!(policies.len(), 1, "{json}");
    assert_eq!(
        policies[0]["policies"],
        serde_json::json!([{
            "policy": "NetworkPolicy default/p3, ingress rule 1", "decision": "allow", "direction": "ingress",
            "source": {"file": "policies.yaml", "line": 2, "column": 1},
        }])
    );
    // And so is the denial.
    let sender = id(&cluster, "container/default/P1/C1");
    let trace = walk::trace(&lowered.network, sender, tcp("10.1.1.1", "10.1.2.1", 8080)).unwrap();
    let told = teller.trace(&trace, "");
    assert!(
        told.contains("denied by NetworkPolicy default/p3, which isolates it for ingress"),
        "{told}"
    );
    let json = json::render_trace(&trace, &names, &lowered.network, &sources);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let outcome = &json["outcomes"][0];
    assert_eq!(outcome["disposition"], "policy");
    let last = outcome["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(
        last["rule"],
        "NetworkPolicy default/p3, which isolates it for ingress"
    );
    assert_eq!(last["source"]["line"], 2);
    assert_eq!(last["policies"][0]["decision"], "deny");
}

/// What policies forbid and nobody enforces is received: KP009 says so.
#[test]
fn a_plugin_that_does_not_enforce_is_found() {
    let (_, mut lowered) = gated(false, isolating);
    lowered.network.gates = Gates::default();
    let results = check(&lowered, ISOLATION);
    assert_eq!(verdict(&results, "KP009"), Verdict::Violated);
    assert_eq!(verdict(&results, "KP003"), Verdict::Proven);
    assert_eq!(verdict(&results, "isolated"), Verdict::Violated);
}

/// Seeds of the test run, where `KUBEPROOF_GATE_SEEDS` does not say how many.
const SEEDS: u64 = 60;

const FORMULAS: &str = "\
constraint headed \"what may be sent may be sent where it is headed\"
∀ e, X, ta, tp. Send(e, X, _, _, ta, tp) ∧ Allowed(e, ta, tp) ⟹ ∃ a, p. dials(e, a, p) ∧ Allowed(e, a, p)

constraint arrived \"what arrives was headed there\"
∀ e, X, Y, ta. Send(e, X, _, _, ta, _) ∧ Recv(e, Y, _, _, _, _) ⟹ ∃ a. dials(e, a, _) ∧ Recv(e, Y, _, _, a, _)

constraint stopped \"what is not allowed is not received\"
∀ e, X, ta, tp. Send(e, X, _, _, ta, tp) ∧ ¬Allowed(e, ta, tp) ∧ dials(e, ta, tp) ⟹ ¬(∃ Y. Recv(e, Y, _, _, _, _))

constraint far \"hops of what is not allowed\"
∀ e, X, ta, tp. Send(e, X, _, _, ta, tp) ∧ ¬Allowed(e, ta, tp) ⟹ hops(e) <= 3
";

/// Random gates: some address sets and ports that rules share, all decisions.
fn random_gates(seed: u64, cluster: &Cluster, lowered: &mut Lowered) {
    let mut rng = Rng::new(seed, 7);
    let mut nets: Vec<IpNet> = lowered
        .network
        .held
        .iter()
        .map(|ip| IpNet::from(*ip))
        .collect();
    let wide = [
        "0.0.0.0/0",
        "::/0",
        "10.1.0.0/24",
        "10.0.0.0/8",
        "192.0.2.0/24",
        "10.1.0.0/31",
    ];
    nets.extend(wide.iter().map(|n| n.parse::<IpNet>().unwrap()));
    let sets: Vec<Arc<AddressSet>> = (0..4)
        .map(|_| {
            let some = (0..rng.between(0, 4)).map(|_| *rng.pick(&nets));
            Arc::new(AddressSet::of(some.collect::<Vec<_>>()))
        })
        .collect();
    let ranges = [(8080, 8080), (1, 1024), (8080, 9090), (53, 53), (80, 80)];
    let ports: Vec<_> = (0..3)
        .map(|_| {
            let some = (0..rng.between(1, 2)).map(|_| {
                (
                    *rng.pick(&Protocol::ALL),
                    PortSet::of([*rng.pick(&ranges), *rng.pick(&ranges)]),
                )
            });
            Arc::new(some.collect::<Vec<_>>())
        })
        .collect();
    let mut gates = Vec::new();
    for pod in &cluster.pods {
        for direction in [Egress, Ingress] {
            if rng.percent(55) {
                continue;
            }
            let tiers = (0..rng.between(1, 3)).map(|_| {
                let rules = (0..rng.between(0, 3)).map(|_| {
                    let mut made = rule(
                        [Allow, Deny, Pass][rng.weighted(&[50, 30, 20])],
                        &[],
                        &[],
                        "random",
                    );
                    made.peers = (!rng.percent(25)).then(|| Arc::clone(rng.pick(&sets)));
                    made.ports = (!rng.percent(50)).then(|| Arc::clone(rng.pick(&ports)));
                    made
                });
                rules.collect()
            });
            gates.push(Gate {
                at: pod.node,
                subject: pod.id,
                addresses: pod.addresses.iter().map(|a| a.ip).collect(),
                direction,
                tiers: tiers.collect(),
            });
        }
    }
    let gates = Gates {
        all: gates,
        hairpin: seed % 3 == 1,
    };
    lowered.structure.policies = gates.clone();
    // Every fifth plugin enforces nothing.
    lowered.network.gates = if seed % 5 == 4 {
        Gates::default()
    } else {
        gates
    };
}

#[test]
fn solver_and_simulation_agree_about_gates() {
    let seeds = std::env::var("KUBEPROOF_GATE_SEEDS");
    let seeds: u64 = seeds.map_or(SEEDS, |text| text.parse().unwrap());
    let wrong = std::sync::Mutex::new(Vec::new());
    let seen = std::sync::Mutex::new(std::collections::BTreeMap::<(String, Verdict), u64>::new());
    let all: Vec<u64> = (0..seeds).collect();
    threads::each(&all, |&seed| {
        let draft = generate::cluster(seed, |_| Vec::new());
        let texts = if seed.is_multiple_of(3) {
            vec![FORMULAS.to_owned()]
        } else {
            Vec::new()
        };
        let report = compare::changed(seed, &draft.yaml(), &texts, |c, l| random_gates(seed, c, l));
        let report = report.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        for decided in &report.decided {
            *seen.lock().unwrap().entry(decided.clone()).or_default() += 1;
        }
        if !report.disagreements.is_empty() {
            eprintln!("seed {seed}: {}", report.disagreements.join("\n"));
            wrong.lock().unwrap().push(seed);
        }
    });
    let (wrong, seen) = (wrong.into_inner().unwrap(), seen.into_inner().unwrap());
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    // What is never seen is not tested.
    for id in ["KP003", "KP008", "KP009", "headed", "stopped"] {
        for verdict in [Verdict::Proven, Verdict::Violated] {
            let key = (id.to_owned(), verdict);
            assert!(seen.contains_key(&key), "{key:?} in {seen:?}");
        }
    }
}
