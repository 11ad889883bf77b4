//! Random networks of stages: two nodes, three pods, a plausible path through each namespace, and random changes to it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use kubeproof::base::source::{SourceMap, Span};
use kubeproof::logic::structure::EntityRow;
use kubeproof::lower::Lowered;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::entity::{EntityId, EntityKind, FullName};
use kubeproof::model::inet::{IpNet, PortSet, Protocol};
use kubeproof::network::fib::{
    Action, DiscardReason, Fib, FibRule, Match, Rewrite, RuleKind, State,
};
use kubeproof::network::graph::{Network, Sources, Switch};
use kubeproof::network::header::Header;
use kubeproof::sim::walk;

use super::compare;
use super::rng::Rng;

/// Addresses that somebody holds.
pub const HELD: [&str; 5] = ["10.1.1.1", "10.1.1.2", "10.1.2.1", "192.0.2.1", "192.0.2.2"];

/// A Service's address, by translations alone.
const SERVICE: &str = "10.2.0.1";

const CLUSTER: &str = "\
apiVersion: kubeproof.dev/v1
kind: Cluster
metadata: {name: staged}
nodes:
- {name: N1, addresses: [192.0.2.1], daemons: [{name: D1, open: [80]}]}
- {name: N2, addresses: [192.0.2.2], daemons: [{name: D2, open: [80]}]}
pods:
- {name: P1, node: N1, addresses: [10.1.1.1], containers: [{name: C1, open: [80]}]}
- {name: P2, node: N1, addresses: [10.1.1.2], containers: [{name: C2, open: [80, 1500/UDP]}]}
- {name: P3, node: N2, addresses: [10.1.2.1], containers: [{name: C3, open: [80]}]}
";

/// What rules match of addresses.
const NETS: [&str; 9] = [
    "10.1.1.1/32",
    "10.1.1.2/32",
    "10.1.2.1/32",
    "192.0.2.1/32",
    "192.0.2.2/32",
    "10.2.0.1/32",
    "10.1.1.0/24",
    "10.1.2.0/24",
    "10.1.0.0/16",
];

fn net(text: &str) -> IpNet {
    text.parse().unwrap_or_else(|_| ip(text).into())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One namespace on its way to stages.
struct Space {
    of: EntityId,
    /// Ids of its stages; the first is where its messages set out, the second where messages come in, the last where its
    /// sockets are.
    stages: Vec<EntityId>,
}

struct Maker {
    rng: Rng,
    span: Span,
    switches: BTreeMap<EntityId, Switch>,
}

impl Maker {
    fn rule(&self, to: Option<&str>, action: Action) -> FibRule {
        FibRule {
            matches: Match {
                to: to.map(net),
                ..Match::default()
            },
            state: None,
            action,
            kind: RuleKind::Linux,
            text: None,
            why: None,
            origin: self.span,
        }
    }

    fn any(&mut self, all: &[&'static str]) -> &'static str {
        let one: &&'static str = self.rng.pick(all);
        one
    }

    fn put(&mut self, at: EntityId, rules: Vec<FibRule>) {
        self.switches.get_mut(&at).unwrap().fib.extend(rules);
    }
}

/// The network of a seed.
pub fn network(seed: u64) -> Lowered {
    let cluster = compare::load(CLUSTER).unwrap();
    let mut lowered = compare::lowered(&cluster).unwrap();
    let source = SourceMap::new().add("stages", "x\n");
    let mut maker = Maker {
        rng: Rng::new(seed, 11),
        span: Span {
            source,
            start: 0,
            end: 1,
        },
        switches: BTreeMap::new(),
    };
    let id = |name: &str| {
        let rows = lowered.structure.entities.iter();
        let found = rows.enumerate().find(|(_, r)| r.name.short() == name);
        EntityId(found.unwrap().0 as u32)
    };
    let names = ["P1", "P2", "P3", "N1", "N2"];
    let owners: Vec<EntityId> = names.iter().map(|name| id(name)).collect();
    let processes: Vec<EntityId> = ["C1", "C2", "C3", "D1", "D2"].map(id).to_vec();
    let mut spaces = Vec::new();
    for (index, &of) in owners.iter().enumerate() {
        // out, in, before, (towards each other namespace), socket
        let ranks: &[u32] = if index < 3 {
            &[1, 1, 2, 4]
        } else {
            &[1, 1, 2, 3, 3, 3, 4]
        };
        let mut stages = Vec::new();
        for (number, &rank) in ranks.iter().enumerate() {
            let stage = EntityId(lowered.structure.entities.len() as u32);
            lowered.structure.entities.push(row(names[index], number));
            stages.push(stage);
            let switch = Switch {
                id: stage,
                fib: Fib::new(),
                of,
                rank,
                undoes: Vec::new(),
                tracks: false,
            };
            maker.switches.insert(stage, switch);
        }
        spaces.push(Space { of, stages });
    }
    plausible(&mut maker, &spaces, &processes);
    for _ in 0..maker.rng.between(4, 14) {
        change(&mut maker, &spaces, &processes);
    }
    finish(maker, &cluster, &spaces, &processes, lowered)
}

fn row(of: &str, number: usize) -> EntityRow {
    EntityRow {
        // Not unique: names of stages are for people.
        name: FullName::new(EntityKind::Stage, &[of, ["a", "b"][number % 2]]),
        parent: None,
        namespace: None,
        labels: BTreeMap::new(),
        namespace_labels: Arc::default(),
        workload: None,
        named_ports: Vec::new(),
    }
}

/// Pods send to their node and take what is theirs; nodes hand on what is for pods and for the other node.
fn plausible(maker: &mut Maker, spaces: &[Space], processes: &[EntityId]) {
    let node_of = [3, 3, 4];
    for (index, space) in spaces.iter().enumerate() {
        let own = Some(HELD[index]);
        let s = &space.stages;
        let (before, socket) = (s[2], s[s.len() - 1]);
        let deliver = maker.rule(own, Action::Deliver(processes[index]));
        let deliver = FibRule {
            matches: Match {
                to_ports: Some(PortSet::of(vec![(80, 80)])),
                ..deliver.matches
            },
            ..deliver
        };
        let local = maker.rule(Some("127.0.0.0/8"), Action::Deliver(processes[index]));
        let closed = maker.rule(None, Action::Discard(DiscardReason::ClosedPort));
        maker.put(socket, vec![deliver, local, closed]);
        let to_local = maker.rule(Some("127.0.0.0/8"), Action::Forward(socket));
        let to_own = maker.rule(own, Action::Forward(socket));
        if index < 3 {
            let node = &spaces[node_of[index]].stages;
            let out = maker.rule(None, Action::Forward(node[1]));
            maker.put(s[0], vec![to_local, to_own, out]);
            let inward = maker.rule(None, Action::Forward(before));
            maker.put(s[1], vec![inward]);
            let here = maker.rule(own, Action::Forward(socket));
            maker.put(before, vec![here]);
        } else {
            for stage in [s[0], s[1]] {
                let on = maker.rule(None, Action::Forward(before));
                maker.put(stage, vec![on]);
            }
            maker.put(before, vec![to_local, to_own]);
            // Towards the pods here, and towards the other node.
            let other = &spaces[7 - index];
            let mut way = 3;
            for (pod, host) in node_of.iter().enumerate() {
                if *host == index {
                    let there = maker.rule(Some(HELD[pod]), Action::Forward(s[way]));
                    maker.put(before, vec![there]);
                    let hand = maker.rule(None, Action::Forward(spaces[pod].stages[1]));
                    maker.put(s[way], vec![hand]);
                    way += 1;
                }
            }
            for pod in (0..3).filter(|pod| node_of[*pod] != index) {
                let there = maker.rule(Some(HELD[pod]), Action::Forward(s[5]));
                maker.put(before, vec![there]);
            }
            let there = maker.rule(Some(HELD[7 - index]), Action::Forward(s[5]));
            let hand = maker.rule(None, Action::Forward(other.stages[1]));
            maker.put(before, vec![there]);
            maker.put(s[5], vec![hand]);
            // A Service, translated on the way in, and back for answers.
            if maker.rng.percent(60) {
                let ways = maker.rng.between(1, 2);
                let to = |i: usize| Rewrite {
                    destination: Some(ip(HELD[(index + i) % 3])),
                    ..plain()
                };
                let translate = Action::Translate((0..ways).map(to).collect());
                let service = maker.rule(Some(SERVICE), translate);
                maker
                    .switches
                    .get_mut(&before)
                    .unwrap()
                    .fib
                    .insert(0, service);
            }
            if maker.rng.percent(60) {
                let own = Rewrite {
                    source: Some(ip(HELD[index])),
                    ..plain()
                };
                let mut masquerade = maker.rule(None, Action::Translate(vec![own]));
                masquerade.matches.from = Some(net("10.1.0.0/16"));
                maker
                    .switches
                    .get_mut(&s[5])
                    .unwrap()
                    .fib
                    .insert(0, masquerade);
            }
            // Each undoes what the other does, or, at random, not.
            let all: Vec<EntityId> = s[2..6].to_vec();
            for stage in &all {
                let undoes: Vec<EntityId> = all
                    .iter()
                    .copied()
                    .filter(|_| maker.rng.percent(85))
                    .collect();
                let tracks = maker.rng.percent(60);
                let switch = maker.switches.get_mut(stage).unwrap();
                (switch.undoes, switch.tracks) = (undoes, tracks);
            }
        }
    }
}

fn plain() -> Rewrite {
    Rewrite {
        source: None,
        source_port: None,
        destination: None,
        destination_port: None,
        hairpin_source: None,
        target: None,
    }
}

/// A random rule at a random stage.
fn change(maker: &mut Maker, spaces: &[Space], processes: &[EntityId]) {
    let index = maker.rng.below(spaces.len());
    let space = &spaces[index];
    let at = *maker.rng.pick(&space.stages);
    let rank = maker.switches[&at].rank;
    let mut near: Vec<EntityId> = space.stages.clone();
    near.retain(|s| maker.switches[s].rank > rank);
    let far: Vec<EntityId> = spaces.iter().map(|s| s.stages[1]).collect();
    let some = |maker: &mut Maker| {
        if !near.is_empty() && maker.rng.percent(60) {
            *maker.rng.pick(&near)
        } else if maker.rng.percent(20) {
            *maker.rng.pick(&space.stages)
        } else {
            *maker.rng.pick(&far)
        }
    };
    let action = match maker.rng.below(14) {
        0 | 1 => Action::Forward(some(maker)),
        2..=4 => {
            let count = maker.rng.between(1, 3);
            Action::Choose((0..count).map(|_| some(maker)).collect())
        }
        5 => Action::Deliver(processes[index]),
        6..=8 => Action::Discard(DiscardReason::Unmodelled("magic".to_owned())),
        9 => Action::Translate(vec![Rewrite {
            source_port: Some(1500),
            ..plain()
        }]),
        10 => Action::Translate(vec![Rewrite {
            destination: Some(ip(maker.any(&HELD))),
            destination_port: Some(80),
            ..plain()
        }]),
        _ => Action::Discard(DiscardReason::Drop),
    };
    let mut rule = maker.rule(None, action);
    if maker.rng.percent(70) {
        rule.matches.to = Some(net(maker.any(&NETS)));
    }
    if maker.rng.percent(40) {
        rule.matches.from = Some(net(maker.any(&NETS)));
    }
    if maker.rng.percent(25) {
        rule.matches.to_ports = Some(PortSet::of(vec![(80, 80)]));
    }
    if maker.rng.percent(15) {
        rule.matches.from_ports = Some(PortSet::of(vec![(1000, 2000)]));
    }
    if maker.rng.percent(20) {
        rule.matches.protocol = Some(Protocol::Udp);
    }
    if maker.rng.percent(50) {
        let states = [State::New, State::Established, State::Unseen];
        rule.state = Some(*maker.rng.pick(&states));
    }
    let fib = &mut maker.switches.get_mut(&at).unwrap().fib;
    let place = maker.rng.below(fib.len() + 1);
    fib.insert(place, rule);
}

fn finish(
    mut maker: Maker,
    cluster: &Cluster,
    spaces: &[Space],
    processes: &[EntityId],
    mut lowered: Lowered,
) -> Lowered {
    let mut links = std::collections::BTreeSet::new();
    for switch in maker.switches.values() {
        for rule in &switch.fib {
            match &rule.action {
                Action::Deliver(to) | Action::Forward(to) => {
                    links.insert((switch.id, *to));
                }
                Action::Choose(all) => links.extend(all.iter().map(|to| (switch.id, *to))),
                _ => {}
            }
        }
    }
    let all: Vec<_> = links.iter().copied().collect();
    if maker.rng.percent(25) {
        links.remove(maker.rng.pick(&all));
    }
    let mut ends = lowered.network.processes.clone();
    for end in &mut ends {
        let Some(index) = processes.iter().position(|p| *p == end.id) else {
            continue;
        };
        let stages = &spaces[index].stages;
        (end.switch, end.socket) = (stages[0], stages[stages.len() - 1]);
        links.insert((end.id, end.switch));
        if maker.rng.percent(95) {
            links.insert((end.socket, end.id));
        }
        if maker.rng.percent(40) {
            let own = vec![ip(HELD[index])];
            let other = vec![ip(maker.any(&HELD))];
            end.sources = Sources::Selected(vec![
                (net("10.1.2.0/24"), other),
                (net("10.0.0.0/8"), own.clone()),
                (net("192.0.2.0/24"), own),
            ]);
        }
    }
    debug_assert_eq!(spaces[0].of, cluster.pods[0].id);
    lowered.network = Network {
        switches: maker.switches.into_values().collect(),
        processes: ends,
        links,
        ..lowered.network
    };
    lowered
}

/// One message of each class, by sender.
pub fn messages(lowered: &Lowered) -> Vec<(EntityId, Header)> {
    let mut destinations: Vec<IpAddr> = HELD.iter().map(|a| ip(a)).collect();
    let more = [
        SERVICE,
        "10.1.1.99",
        "10.1.2.99",
        "10.1.9.9",
        "10.9.9.9",
        "192.0.2.99",
        "1.1.1.1",
        "127.0.0.1",
        "127.0.0.9",
        "::1",
    ];
    destinations.extend(more.map(ip));
    let mut sources: Vec<IpAddr> = HELD.iter().map(|a| ip(a)).collect();
    sources.extend(["127.0.0.1", "::1"].map(ip));
    let mut all = Vec::new();
    for process in &lowered.network.processes {
        for &source in &sources {
            for &destination in &destinations {
                for (source_port, destination_port) in [5, 80, 1500]
                    .into_iter()
                    .flat_map(|sp| [6, 80, 1501].map(|tp| (sp, tp)))
                {
                    for protocol in [Protocol::Tcp, Protocol::Udp] {
                        let header = Header {
                            protocol,
                            source,
                            source_port,
                            destination,
                            destination_port,
                        };
                        if walk::honest(&lowered.network, process.id, &header) {
                            all.push((process.id, header));
                        }
                    }
                }
            }
        }
    }
    all
}
