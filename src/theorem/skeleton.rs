//! Small clusters as cluster files: skeletons of every size, ideal and admissible unless something in them is broken.
//!
//! Knows: the spelling of a cluster file. Must never know: assumptions, verdicts.

use std::fmt::Write as _;

/// How many there are of what; pods by node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Skeleton {
    /// Few Services first, then few nodes, and so on: the plainest of one size comes first.
    pub(super) services: usize,
    pub(super) nodes: usize,
    /// The node of each pod, ascending.
    pub(super) pods: Vec<usize>,
    /// Containers of each pod.
    pub(super) containers: Vec<usize>,
    /// Daemons of each node.
    pub(super) daemons: Vec<usize>,
}

impl Skeleton {
    /// How many entities it has.
    pub(super) fn size(&self) -> usize {
        let within: usize = self.containers.iter().chain(&self.daemons).sum();
        self.services + self.nodes + self.pods.len() + within
    }

    /// All of this size, the plainest first: at most two nodes, two pods, two containers a pod, a daemon a node, a Service.
    pub(super) fn of_size(size: usize) -> Vec<Self> {
        let mut all = Vec::new();
        for services in 0..=1 {
            for nodes in 1..=2 {
                for pods in lists(0, 2, nodes - 1).into_iter().filter(|p| p.is_sorted()) {
                    for containers in lists(pods.len(), pods.len(), 2) {
                        for daemons in lists(nodes, nodes, 1) {
                            let pods = pods.clone();
                            let containers = containers.clone();
                            all.push(Self {
                                services,
                                nodes,
                                pods,
                                containers,
                                daemons,
                            });
                        }
                    }
                }
            }
        }
        all.retain(|s| s.size() == size);
        all.sort();
        all
    }

    /// The cluster, conforming so far.
    pub(super) fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        for i in 0..self.nodes {
            draft.nodes.push(Node {
                addresses: vec![format!("192.0.2.{}", i + 1)],
                daemons: self.daemons[i],
            });
        }
        for (i, &node) in self.pods.iter().enumerate() {
            let before = self.pods[..i].iter().filter(|&&n| n == node).count();
            draft.pods.push(Pod {
                node,
                addresses: vec![format!("10.1.{}.{}", node + 1, before + 1)],
                open: (0..self.containers[i])
                    .map(|c| if c == 0 { 8080 } else { 9090 })
                    .collect(),
            });
        }
        for _ in 0..self.services {
            draft.services.push(Service {
                address: "10.2.0.1".to_owned(),
                target: 8080,
            });
        }
        draft
    }
}

/// Lists of `shortest` to `longest` numbers up to `most`.
fn lists(shortest: usize, longest: usize, most: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last
            .iter()
            .flat_map(|list: &Vec<usize>| (0..=most).map(move |n| [list.as_slice(), &[n]].concat()))
            .collect();
        all.extend(last.clone());
    }
    all.retain(|list| list.len() >= shortest);
    all
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) addresses: Vec<String>,
    pub(super) daemons: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) node: usize,
    pub(super) addresses: Vec<String>,
    /// The port of each container.
    pub(super) open: Vec<u16>,
}

#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) address: String,
    pub(super) target: u16,
}

/// A cluster that can be changed before it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) nodes: Vec<Node>,
    pub(super) pods: Vec<Pod>,
    pub(super) services: Vec<Service>,
    /// Links to remove, from and to.
    pub(super) unlinked: Vec<(String, String)>,
    /// At a switch: a rule that is removed, or one that goes before the ideal ones.
    pub(super) removed: Vec<(String, String)>,
    pub(super) before: Vec<(String, String)>,
}

/// `node/N1`.
pub(super) fn node(i: usize) -> String {
    format!("node/N{}", i + 1)
}

/// `pod/default/P1`.
pub(super) fn pod(i: usize) -> String {
    format!("pod/default/P{}", i + 1)
}

/// `container/default/P1/C1.1`.
pub(super) fn container(pod: usize, i: usize) -> String {
    format!("container/default/P{0}/C{0}.{1}", pod + 1, i + 1)
}

/// `daemon/N1/D1`.
pub(super) fn daemon(node: usize) -> String {
    format!("daemon/N{0}/D{0}", node + 1)
}

impl Draft {
    /// Both directions of a link.
    pub(super) fn unlink(&mut self, one: String, other: String) {
        self.unlinked.push((one.clone(), other.clone()));
        self.unlinked.push((other, one));
    }

    /// The cluster file.
    pub(super) fn yaml(&self, name: &str) -> String {
        let mut out = format!(
            "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {{name: {name}}}\nnodes:\n"
        );
        for (i, n) in self.nodes.iter().enumerate() {
            let addresses = optional("addresses", &n.addresses);
            let daemons = if n.daemons > 0 {
                format!(", daemons: [{{name: D{}, open: [10250]}}]", i + 1)
            } else {
                String::new()
            };
            let _ = writeln!(out, "- {{name: N{}{addresses}{daemons}}}", i + 1);
        }
        heading(&mut out, "pods", &self.pods);
        for (i, p) in self.pods.iter().enumerate() {
            let open = p.open.iter().enumerate();
            let containers: Vec<String> = open
                .map(|(c, port)| format!("{{name: C{}.{}, open: [{port}]}}", i + 1, c + 1))
                .collect();
            let containers = optional("containers", &containers);
            let addresses = optional("addresses", &p.addresses);
            let _ = writeln!(
                out,
                "- {{name: P{}, node: N{}{addresses}{containers}}}",
                i + 1,
                p.node + 1
            );
        }
        heading(&mut out, "services", &self.services);
        for s in &self.services {
            let with = |p: &Pod| p.open.contains(&8080);
            let pods = self.pods.iter().enumerate().filter(|(_, p)| with(p));
            let endpoints: Vec<String> = pods.map(|(i, _)| pod(i)).collect();
            let _ = writeln!(
                out,
                "- {{name: web, addresses: [{}], ports: [{{port: 80, protocol: TCP, targetPort: {}}}], endpoints: [{}]}}",
                s.address,
                s.target,
                endpoints.join(", ")
            );
        }
        if !self.unlinked.is_empty() {
            out.push_str("links:\n  remove:\n");
            for (from, to) in &self.unlinked {
                let _ = writeln!(out, "  - {{from: {from}, to: {to}}}");
            }
        }
        self.fibs(&mut out);
        out
    }

    fn fibs(&self, out: &mut String) {
        let all = self.removed.iter().chain(&self.before);
        let mut switches: Vec<&String> = all.map(|(at, _)| at).collect();
        switches.sort();
        switches.dedup();
        heading(out, "fibs", &switches);
        for at in switches {
            let _ = writeln!(out, "- at: {at}");
            for (word, rules) in [("remove", &self.removed), ("before", &self.before)] {
                let here: Vec<&String> = rules
                    .iter()
                    .filter(|(a, _)| a == at)
                    .map(|(_, r)| r)
                    .collect();
                if !here.is_empty() {
                    let _ = writeln!(out, "  {word}:");
                }
                for rule in here {
                    let _ = writeln!(out, "  - {{{rule}}}");
                }
            }
        }
    }
}

fn heading<T>(out: &mut String, word: &str, items: &[T]) {
    if !items.is_empty() {
        let _ = writeln!(out, "{word}:");
    }
}

fn optional(word: &str, items: &[String]) -> String {
    if items.is_empty() {
        String::new()
    } else {
        format!(", {word}: [{}]", items.join(", "))
    }
}
