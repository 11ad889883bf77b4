//! Random clusters where much is more of the same: pods of one or two templates, nodes that are alike, then faults.

use super::draft::{Draft, External, Node, Pod, Process, Service};
use super::generate::IdealRules;
use super::rng::Rng;

const TEMPLATES: [&[&[&str]]; 7] = [
    &[&["8080"]],
    &[&["9090"]],
    &[&["8080", "9090/UDP"]],
    &[&["8080"], &["9090"]],
    &[&["127.0.0.1:8080"]],
    &[&["53/SCTP"]],
    &[&[]],
];

/// The cluster of a seed.
pub fn cluster(seed: u64, ideal: impl Fn(&Draft) -> IdealRules) -> Draft {
    let mut rng = Rng::new(seed, 7);
    let mut draft = Draft::default();
    let dual = rng.percent(10);
    let addresses = |net: usize, host: usize| {
        let mut all = vec![format!("10.{net}.0.{host}")];
        if dual {
            all.push(format!("fd00:{net}::{host}"));
        }
        all
    };
    let nodes = rng.between(2, 6);
    let daemons = rng.weighted(&[65, 35]);
    let odd = rng.percent(12);
    for i in 1..=nodes {
        // One node may be unlike the others.
        let daemons = if odd && i == nodes { 1 } else { daemons };
        let daemons = (1..=daemons).map(|d| Process {
            name: format!("D{d}"),
            open: if d == 1 && !(odd && i == 1) {
                vec!["9100".to_owned()]
            } else {
                Vec::new()
            },
        });
        draft.nodes.push(Node {
            name: format!("N{i}"),
            addresses: addresses(0, i),
            daemons: daemons.collect(),
        });
    }
    let templates = [0; 2].map(|_| TEMPLATES[rng.weighted(&[50, 12, 12, 4, 8, 6, 8])]);
    let pods = rng.between(6, 11);
    let alike = rng.percent(60);
    // Addresses do not always follow names.
    let turn = rng.below(pods);
    for i in 1..=pods {
        let template = templates[usize::from(!alike && rng.percent(30))];
        let containers = template.iter().enumerate().map(|(c, open)| Process {
            name: format!("C{}", c + 1),
            open: open.iter().map(|o| (*o).to_owned()).collect(),
        });
        draft.pods.push(Pod {
            namespace: "default".to_owned(),
            name: format!("P{i}"),
            node: format!("N{}", rng.between(1, nodes)),
            app: None,
            addresses: addresses(1, (i + turn) % pods + 1),
            containers: containers.collect(),
        });
    }
    for i in 1..=rng.weighted(&[50, 40, 10]) {
        let mut endpoints: Vec<String> = (0..rng.between(0, 3))
            .map(|_| rng.pick(&draft.pods).full())
            .collect();
        endpoints.sort();
        endpoints.dedup();
        draft.services.push(Service {
            name: format!("S{i}"),
            addresses: addresses(96, i),
            ports: vec![(80, "TCP", if rng.percent(70) { 8080 } else { 9090 })],
            endpoints,
        });
    }
    if rng.percent(12) {
        draft.externals.push(External {
            name: "X1".to_owned(),
            prefixes: vec!["203.0.113.0/24".to_owned()],
        });
    }
    for _ in 0..rng.weighted(&[35, 50, 12, 3]) {
        super::faults::one(&mut rng, &mut draft, dual, &ideal);
    }
    let rules = ideal(&draft);
    for fib in &mut draft.fibs {
        let there = rules.iter().find(|(at, _)| *at == fib.at);
        fib.remove
            .retain(|rule| there.is_some_and(|(_, rules)| rules.contains(rule)));
    }
    draft
}
