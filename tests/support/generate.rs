//! Random clusters: small alphabets, so that faults meet.
//!
//! A conforming base first (what a cluster file would hold if nothing went wrong), then faults: none for a third of the
//! seeds. Everything is drawn from few addresses and few ports, so that rules, listeners and addresses collide.

use super::draft::{Draft, External, Node, Pod, Process, Service};
use super::rng::Rng;

/// Ports that anything may listen on; rules and services name them too.
const PORTS: [u16; 5] = [8080, 9090, 49152, 53, 8081];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Which addresses a cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Families {
    V4,
    /// IPv6 in `::/96`: the encoding takes 32 bits for it.
    Narrow,
    Wide,
    DualNarrow,
    Dual,
}

/// A cluster without faults, and what more is needed to make some.
struct Maker {
    rng: Rng,
    families: Families,
    draft: Draft,
}

/// What the faults need to know of a base: the matches of the ideal rules, by switch, as they stand in a file.
pub type IdealRules = Vec<(String, Vec<String>)>;

/// The cluster of a seed. `ideal` tells the ideal rules of a draft, for faults that remove some.
pub fn cluster(seed: u64, ideal: impl Fn(&Draft) -> IdealRules) -> Draft {
    let mut rng = Rng::new(seed, 1);
    let families = match rng.weighted(&[76, 8, 4, 6, 6]) {
        0 => Families::V4,
        1 => Families::Narrow,
        2 => Families::Wide,
        3 => Families::DualNarrow,
        _ => Families::Dual,
    };
    let mut maker = Maker {
        rng,
        families,
        draft: Draft::default(),
    };
    maker.base();
    let faults = match maker.rng.weighted(&[33, 37, 20, 10]) {
        0 => 0,
        1 => 1,
        2 => maker.rng.between(2, 3),
        _ => maker.rng.between(4, 8),
    };
    for _ in 0..faults {
        super::faults::one(
            &mut maker.rng,
            &mut maker.draft,
            families != Families::V4,
            &ideal,
        );
    }
    // What a later fault took away cannot be removed any more.
    let rules = ideal(&maker.draft);
    for fib in &mut maker.draft.fibs {
        let there = rules.iter().find(|(at, _)| *at == fib.at);
        fib.remove
            .retain(|rule| there.is_some_and(|(_, rules)| rules.contains(rule)));
    }
    maker.draft
}

impl Maker {
    fn base(&mut self) {
        // Small ones mostly: faults meet there just as well, and the solver is quick.
        let nodes = if self.rng.percent(2) {
            0
        } else {
            [1, 2, 3, 4][self.rng.weighted(&[35, 40, 15, 10])]
        };
        for i in 1..=nodes {
            self.node(i);
        }
        let pods = if nodes == 0 {
            0
        } else {
            self.rng.weighted(&[4, 26, 32, 20, 9, 4, 2, 2, 1])
        };
        let mut containers = 16;
        for i in 1..=pods {
            let most = containers.min([3, 2, 2][self.rng.below(3)]);
            let least = usize::from(most > 0 && self.rng.percent(90));
            let count = self.rng.between(least, most);
            containers -= count;
            self.pod(i, nodes, count);
        }
        for i in 1..=[0, 1, 2, 3][self.rng.weighted(&[25, 50, 17, 8])] {
            self.service(i);
        }
        for i in 1..=[0, 1, 2][self.rng.weighted(&[65, 25, 10])] {
            self.external(i);
        }
    }

    /// The addresses of an entity that is number `host` of its kind.
    fn addresses(&mut self, net: usize, host: usize) -> Vec<String> {
        let v4 = format!("10.{net}.0.{host}");
        let narrow = format!("::{}:{host}", net + 1);
        let wide = format!("fd00:{net}::{host}");
        match self.families {
            Families::V4 => vec![v4],
            Families::Narrow => vec![narrow],
            Families::Wide => vec![wide],
            Families::DualNarrow => vec![v4, narrow],
            // Not everything is dual in a dual-stack cluster.
            Families::Dual => match self.rng.below(6) {
                0 => vec![v4],
                1 => vec![wide],
                2 => vec![wide, v4],
                _ => vec![v4, wide],
            },
        }
    }

    fn node(&mut self, i: usize) {
        let addresses = self.addresses(0, i);
        let daemons = (1..=self.rng.weighted(&[20, 65, 15])).map(|d| {
            let open = match self.rng.below(6) {
                0 => vec![],
                1 => vec!["8080".to_owned()],
                2 => vec!["127.0.0.1:9090".to_owned()],
                3 => vec!["53/UDP".to_owned()],
                _ => vec!["9090".to_owned()],
            };
            // A port is taken once on a node.
            let open = if d > 1 { vec!["8081".to_owned()] } else { open };
            Process {
                name: format!("D{d}"),
                open,
            }
        });
        let daemons = daemons.collect();
        self.draft.nodes.push(Node {
            name: format!("N{i}"),
            addresses,
            daemons,
        });
    }

    fn pod(&mut self, i: usize, nodes: usize, containers: usize) {
        let addresses = self.addresses(1, i);
        let mut free = PORTS.to_vec();
        let containers = (1..=containers).map(|c| {
            let mut open = Vec::new();
            for _ in 0..self.rng.weighted(&[12, 70, 18]) {
                if !free.is_empty() {
                    let first = if self.rng.percent(70) {
                        0
                    } else {
                        self.rng.below(free.len())
                    };
                    let port = free.remove(first);
                    open.push(self.listener(port, &addresses));
                }
            }
            Process {
                name: format!("C{c}"),
                open,
            }
        });
        let containers = containers.collect();
        let namespace = if self.rng.percent(25) {
            "shop"
        } else {
            "default"
        }
        .to_owned();
        let app = self
            .rng
            .percent(40)
            .then(|| (*self.rng.pick(&["a", "b"])).to_owned());
        let node = format!("N{}", self.rng.between(1, nodes));
        self.draft.pods.push(Pod {
            namespace,
            name: format!("P{i}"),
            node,
            app,
            addresses,
            containers,
        });
    }

    fn listener(&mut self, port: u16, own: &[String]) -> String {
        let protocol =
            ["", "", "", "/UDP", "/SCTP", "/TCP"][self.rng.weighted(&[30, 20, 20, 15, 5, 10])];
        match self.rng.below(20) {
            0 | 1 => format!("127.0.0.1:{port}{protocol}"),
            2 => format!("0.0.0.0:{port}{protocol}"),
            3 => format!("[::1]:{port}{protocol}"),
            4 => format!("127.0.0.5:{port}{protocol}"),
            5 if !own.is_empty() => {
                let address = self.rng.pick(own);
                let address = if address.contains(':') {
                    format!("[{address}]")
                } else {
                    address.clone()
                };
                format!("{address}:{port}{protocol}")
            }
            _ => format!("{port}{protocol}"),
        }
    }

    fn service(&mut self, i: usize) {
        let addresses = if self.rng.percent(4) {
            vec![]
        } else {
            self.addresses(2, i)
        };
        // Endpoints that listen where the service sends to, as far as there are any.
        let (port, protocol, target) = (
            *self.rng.pick(&[80, 8080]),
            PROTOCOLS[self.rng.weighted(&[80, 15, 5])],
            PORTS[self.rng.weighted(&[80, 20])],
        );
        let listener = if protocol == "TCP" {
            target.to_string()
        } else {
            format!("{target}/{protocol}")
        };
        let ready: Vec<String> = self
            .draft
            .pods
            .iter()
            .filter(|pod| pod.containers.iter().any(|c| c.open.contains(&listener)))
            .map(Pod::full)
            .collect();
        let mut endpoints = Vec::new();
        for _ in 0..self.rng.weighted(&[6, 50, 30, 14]) {
            if !ready.is_empty() {
                let pod = self.rng.pick(&ready).clone();
                if !endpoints.contains(&pod) {
                    endpoints.push(pod);
                }
            }
        }
        let mut ports = vec![(port, protocol, target)];
        if self.rng.percent(15) {
            ports.push((9090, "TCP", PORTS[self.rng.below(2)]));
        }
        self.draft.services.push(Service {
            name: format!("S{i}"),
            addresses,
            ports,
            endpoints,
        });
    }

    fn external(&mut self, i: usize) {
        let v4 = [
            "198.51.100.0/24",
            "203.0.113.7",
            "10.0.0.0/8",
            "10.1.0.0/30",
            "0.0.0.0/0",
            "10.1.0.2",
        ];
        let v6 = [
            "2001:db8::/32",
            "::/0",
            "fd00::/16",
            "::2:0/112",
            "::2:0:0/95",
            "fd00:1::/64",
        ];
        let mut prefixes = Vec::new();
        for _ in 0..self.rng.between(1, 2) {
            let all = if self.families == Families::V4 || self.rng.percent(40) {
                &v4
            } else {
                &v6
            };
            // Plain ones mostly; the others hold what pods and nodes hold.
            let prefix = all[self.rng.weighted(&[45, 20, 10, 10, 5, 10])].to_owned();
            if !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
        self.draft.externals.push(External {
            name: format!("X{i}"),
            prefixes,
        });
    }
}
