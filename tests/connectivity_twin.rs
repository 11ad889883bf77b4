//! Connectivity by sets against connectivity by walking messages, on random clusters with random policies; and a sample of
//! the rows against the solver, as constraints of the users' language: what is in a row is always received, what is not in
//! it never.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kubeproof::connectivity::answer::{Answer, Options, Way};
use kubeproof::connectivity::compare::Comparison;
use kubeproof::connectivity::group::{By, Groups};
use kubeproof::connectivity::ports::PortsId;
use kubeproof::connectivity::row::Row;
use kubeproof::logic::bind::bind;
use kubeproof::lower::{Lowered, lower};
use kubeproof::model::cluster::Cluster;
use kubeproof::model::policy::Settings;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::verdict::Verdict;
use support::rng::Rng;
use support::{compare, formulas, generate};

/// How many clusters of each sort, where `KUBEPROOF_CONNECTIVITY_SEEDS` does not say.
const SEEDS: u64 = 60;
/// How many of them are asked of the solver too.
const SOLVED: u64 = 4;

fn seeds() -> u64 {
    let seeds = std::env::var("KUBEPROOF_CONNECTIVITY_SEEDS");
    seeds.map_or(SEEDS, |text| text.parse().unwrap())
}

fn lowered(cluster: &Cluster) -> Option<Lowered> {
    lower(cluster, &Settings::default()).ok()
}

/// Every line as text, and whether sets were computed with.
fn lines(
    cluster: &Cluster,
    lowered: &Lowered,
    allowed: bool,
    way: Way,
) -> (BTreeSet<String>, bool) {
    let options = Options {
        allowed,
        way,
        ..Options::default()
    };
    let mut answer = Answer::new(cluster, &lowered.network, options);
    let groups = Groups::of(&answer, By::Pod);
    let mut all = BTreeSet::new();
    for from in 0..groups.all().len() {
        for line in groups.lines_from(&mut answer, from, |_| true) {
            let name = |i: usize| groups.all()[i].names.join(",");
            let (from, to) = (name(line.from), name(line.to));
            let (ports, some) = (answer.ports().set(line.all).clone(), line.some);
            let some = answer.ports().set(some);
            all.insert(format!("{from} {to} {} {ports} [{some}]", line.protocol));
        }
    }
    (all, answer.obstacle().is_none())
}

/// Both ways; how often the sets had a say.
fn both_ways(what: &str, text: &str) -> usize {
    let Ok(cluster) = compare::load(text) else {
        return 0;
    };
    let Some(lowered) = lowered(&cluster) else {
        return 0;
    };
    let mut by_sets = 0;
    for allowed in [false, true] {
        let (fast, sets) = lines(&cluster, &lowered, allowed, Way::Auto);
        if !sets {
            continue;
        }
        let (slow, _) = lines(&cluster, &lowered, allowed, Way::Simulate);
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            a.difference(b).cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            (only(&fast, &slow), only(&slow, &fast)),
            (Vec::new(), Vec::new()),
            "{what}, allowed: {allowed}; by sets alone, by walking alone\n{text}"
        );
        by_sets += 1;
    }
    let mut same = Comparison::new(
        (&cluster, &lowered.network),
        (&cluster, &lowered.network),
        Options::default(),
    );
    for from in 0..same.subjects().len() {
        assert_eq!(
            same.from(from),
            Vec::new(),
            "{what}: a cluster differs from itself"
        );
    }
    by_sets
}

const PORTS: [u16; 4] = [80, 81, 443, 8080];

/// Kubernetes objects: few labels, few ports, few prefixes, so that policies meet.
fn objects(seed: u64, dual: bool) -> String {
    let mut rng = Rng::new(seed, 31);
    let mut out = String::new();
    let mut push = |text: String| out += &format!("{text}\n---\n");
    for i in 1..=2 {
        push(format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: n{i}}}\nstatus: {{addresses: [{{type: InternalIP, address: 192.0.2.{i}}}]}}"
        ));
        push(format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: s{i}, labels: {{team: t{i}}}}}"
        ));
    }
    for i in 1..=rng.between(2, 5) {
        let (space, node, app) = (rng.between(1, 2), rng.between(1, 2), rng.between(1, 3));
        let port = *rng.pick(&PORTS);
        let protocol = *rng.pick(&["TCP", "TCP", "UDP", "SCTP"]);
        let six = if dual && rng.percent(60) {
            format!(", {{ip: \"fd00::{i}\"}}")
        } else {
            String::new()
        };
        push(format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: s{space}, labels: {{app: a{app}}}}}\n\
             spec: {{nodeName: n{node}, containers: [{{name: c{i}, image: x, ports: [{{containerPort: {port}, protocol: {protocol}, name: main}}]}}]}}\n\
             status: {{phase: Running, podIP: 10.1.0.{i}, podIPs: [{{ip: 10.1.0.{i}}}{six}]}}"
        ));
    }
    for i in 1..=rng.below(5) {
        push(policy(&mut rng, i));
    }
    if rng.percent(50) {
        push(cluster_policy(&mut rng));
    }
    if rng.percent(60) {
        push(format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: s1}}\n\
             spec: {{clusterIP: 10.96.0.1, selector: {{app: a{}}}, ports: [{{port: 80, targetPort: main, protocol: {}}}]}}",
            rng.between(1, 3),
            rng.pick(&["TCP", "TCP", "UDP"])
        ));
    }
    out
}

fn policy(rng: &mut Rng, i: usize) -> String {
    let (space, app) = (rng.between(1, 2), rng.between(1, 3));
    let subject = if rng.percent(30) {
        "{}".to_owned()
    } else {
        format!("{{matchLabels: {{app: a{app}}}}}")
    };
    let (kind, side) = *rng.pick(&[("ingress", "from"), ("egress", "to")]);
    let rules: Vec<String> = (0..rng.below(3)).map(|_| rule(rng, side)).collect();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: np{i}, namespace: s{space}}}\n\
         spec: {{podSelector: {subject}, policyTypes: [{}], {kind}: [{}]}}",
        if kind == "ingress" {
            "Ingress"
        } else {
            "Egress"
        },
        rules.join(", ")
    )
}

fn rule(rng: &mut Rng, side: &str) -> String {
    let mut parts = Vec::new();
    if rng.percent(80) {
        let peer = match rng.below(5) {
            0 => "{podSelector: {}}".to_owned(),
            1 => format!(
                "{{namespaceSelector: {{matchLabels: {{team: t{}}}}}}}",
                rng.between(1, 2)
            ),
            2 => format!(
                "{{podSelector: {{matchLabels: {{app: a{}}}}}}}",
                rng.between(1, 3)
            ),
            3 => "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.2/32]}}".to_owned(),
            _ => "{ipBlock: {cidr: 192.0.0.0/16, except: [192.0.2.1/32]}}".to_owned(),
        };
        parts.push(format!("{side}: [{peer}]"));
    }
    if rng.percent(60) {
        let port = *rng.pick(&PORTS);
        let ports = match rng.below(4) {
            0 => "{port: main}".to_owned(),
            1 => format!("{{port: {port}, endPort: {}}}", port + 100),
            2 => format!("{{port: {port}, protocol: UDP}}"),
            _ => format!("{{port: {port}}}"),
        };
        parts.push(format!("ports: [{ports}]"));
    }
    format!("{{{}}}", parts.join(", "))
}

fn cluster_policy(rng: &mut Rng) -> String {
    let tier = *rng.pick(&["Admin", "Baseline"]);
    let rule = |rng: &mut Rng| {
        let action = *rng.pick(&["Accept", "Deny", "Pass"]);
        let ports = if rng.percent(50) {
            format!(
                ", protocols: [{{tcp: {{destinationPort: {{number: {}}}}}}}]",
                rng.pick(&PORTS)
            )
        } else {
            String::new()
        };
        format!(
            "{{action: {action}, from: [{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: a{}}}}}}}}}]{ports}}}",
            rng.between(1, 3)
        )
    };
    let rules: Vec<String> = (0..rng.between(1, 3)).map(|_| rule(rng)).collect();
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: all}}\n\
         spec: {{tier: {tier}, priority: 5, subject: {{namespaces: {{}}}}, ingress: [{}]}}",
        rules.join(", ")
    )
}

#[test]
fn random_cluster_files() {
    let by_sets: usize = (0..seeds())
        .map(|seed| {
            let draft = generate::cluster(seed, |_| Vec::new());
            both_ways(&format!("seed {seed}"), &draft.yaml())
        })
        .sum();
    assert!(by_sets > 0);
}

#[test]
fn random_policies() {
    let by_sets: usize = (0..seeds())
        .map(|seed| {
            both_ways(
                &format!("seed {seed}"),
                &objects(seed, seed.is_multiple_of(3)),
            )
        })
        .sum();
    assert!(
        by_sets as u64 > seeds(),
        "most are decided by sets: {by_sets}"
    );
}

/// What a row says of a pod and another pod or a Service, as constraints: received on these ports, and on no others.
fn as_constraints(cluster: &Cluster, lowered: &Lowered) -> String {
    let mut answer = Answer::new(cluster, &lowered.network, Options::default());
    let mut text = String::new();
    let mut number = 0;
    let name = |id| {
        let full = cluster.name_of(id);
        format!("{}({})", full.kind.word(), full.parts.join("/"))
    };
    let pods = cluster.pods.iter().map(|p| p.id);
    let targets: Vec<_> = pods
        .clone()
        .chain(cluster.services.iter().map(|s| s.id))
        .collect();
    for from in pods {
        let rows = answer.rows_from(answer.parties().entity(from).unwrap(), |_| true);
        for to in targets.iter().copied().filter(|to| *to != from) {
            for protocol in ["TCP", "UDP", "SCTP"] {
                let party = answer.parties().entity(to);
                let row = rows
                    .iter()
                    .find(|r| Some(r.to) == party && r.protocol.to_string() == protocol);
                let mut ports = |which: fn(&Row) -> PortsId| -> Vec<u16> {
                    let set = row.map(|row| answer.ports().set(which(row)).ranges().to_vec());
                    let ranges = set.unwrap_or_default().into_iter();
                    ranges.flat_map(|(low, high)| low..=high).collect()
                };
                let (all, some) = (ports(|r| r.all), ports(|r| r.some));
                let is_one: Vec<String> = all.iter().map(|p| format!("tp = {p}")).collect();
                let others: String = all
                    .iter()
                    .chain(&some)
                    .map(|p| format!(" ∧ tp ≠ {p}"))
                    .collect();
                let premise = format!(
                    "K8s-Container(C, {}) ∧ addr({}, ta) ∧ Send(e, C, _, _, ta, tp) ∧ proto(e) = {protocol}",
                    name(from),
                    name(to)
                );
                let answered = if protocol == "UDP" {
                    ""
                } else {
                    " ∧ Replied(e)"
                };
                let who = if cluster.services.iter().any(|s| s.id == to) {
                    String::new()
                } else {
                    format!("K8s-Container(D, {}) ∧ ", name(to))
                };
                let received = format!("(∃ D. {who}Recv(e, D, _, _, _, _)){answered}");
                number += 1;
                if !all.is_empty() {
                    let _ = writeln!(
                        text,
                        "constraint yes{number} \"in the row\"\n  ∀ e, C, ta, tp. {premise} ∧ ({}) ⟹ {received}",
                        is_one.join(" ∨ ")
                    );
                }
                let _ = writeln!(
                    text,
                    "constraint no{number} \"not in the row\"\n  ∀ e, C, ta, tp. {premise}{others} ⟹ ¬({received})"
                );
            }
        }
    }
    text
}

#[test]
fn the_solver_agrees() {
    let mut proven = 0;
    for seed in (0..seeds()).take(SOLVED as usize) {
        let cluster = compare::load(&objects(seed, false)).unwrap();
        let lowered = lowered(&cluster).unwrap();
        let text = as_constraints(&cluster, &lowered);
        let constraints = formulas::read(&text).unwrap();
        let bound: Vec<_> = constraints
            .iter()
            .map(|c| bind(c, &lowered.structure).unwrap())
            .collect();
        let checked = direct::check(&lowered, &bound, direct::Options::default(), &|| {
            Box::new(Z3::new()) as Box<dyn Solver>
        })
        .unwrap();
        for result in checked.results {
            assert_eq!(
                result.verdict,
                Verdict::Proven,
                "seed {seed}, {}\n{text}",
                result.id
            );
            proven += 1;
        }
    }
    assert!(proven > 0);
}
