//! A cluster file as data: what the generator fills, the shrinker takes apart, and YAML is printed from.
//!
//! Names and rules are texts as they stand in the file, so that a piece can be dropped without looking at the others;
//! a draft that refers to what is gone is no cluster any more, which the reader says.

use std::fmt::Write;

/// A container or daemon.
#[derive(Debug, Clone, Default)]
pub struct Process {
    pub name: String,
    pub open: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, Default)]
pub struct Node {
    pub name: String,
    pub addresses: Vec<String>,
    pub daemons: Vec<Process>,
}

/// A pod.
#[derive(Debug, Clone, Default)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub node: String,
    pub app: Option<String>,
    pub addresses: Vec<String>,
    pub containers: Vec<Process>,
}

/// A Service.
#[derive(Debug, Clone, Default)]
pub struct Service {
    pub name: String,
    pub addresses: Vec<String>,
    /// Port, protocol, target port.
    pub ports: Vec<(u16, &'static str, u16)>,
    pub endpoints: Vec<String>,
}

/// An external.
#[derive(Debug, Clone, Default)]
pub struct External {
    pub name: String,
    pub prefixes: Vec<String>,
}

/// Changes to one FIB; rules as they stand in the file.
#[derive(Debug, Clone, Default)]
pub struct Fib {
    pub at: String,
    pub none: bool,
    pub remove: Vec<String>,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// A cluster file.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
    pub services: Vec<Service>,
    pub externals: Vec<External>,
    pub removed: Vec<(String, String)>,
    pub added: Vec<(String, String)>,
    pub fibs: Vec<Fib>,
}

impl Pod {
    /// `pod/shop/P1`.
    pub fn full(&self) -> String {
        format!("pod/{}/{}", self.namespace, self.name)
    }
}

impl Draft {
    /// Full names of all processes, with the switch that each hangs on.
    pub fn processes(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for pod in &self.pods {
            for c in &pod.containers {
                all.push((
                    format!("container/{}/{}/{}", pod.namespace, pod.name, c.name),
                    pod.full(),
                ));
            }
        }
        for node in &self.nodes {
            for d in &node.daemons {
                all.push((
                    format!("daemon/{}/{}", node.name, d.name),
                    format!("node/{}", node.name),
                ));
            }
        }
        for external in &self.externals {
            all.push((format!("external/{}", external.name), "outside".to_owned()));
        }
        all
    }

    /// Full names of all switches.
    pub fn switches(&self) -> Vec<String> {
        let pods = self.pods.iter().map(Pod::full);
        let nodes = self.nodes.iter().map(|n| format!("node/{}", n.name));
        let outside = (!self.externals.is_empty()).then(|| "outside".to_owned());
        pods.chain(nodes).chain(outside).collect()
    }

    /// The FIB entry of a switch, made where there is none.
    pub fn fib(&mut self, at: &str) -> &mut Fib {
        let index = self
            .fibs
            .iter()
            .position(|f| f.at == at)
            .unwrap_or_else(|| {
                self.fibs.push(Fib {
                    at: at.to_owned(),
                    ..Fib::default()
                });
                self.fibs.len() - 1
            });
        &mut self.fibs[index]
    }

    /// The cluster file.
    pub fn yaml(&self) -> String {
        let mut out =
            "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: random}\n".to_owned();
        let mut section = |title: &str, items: Vec<String>| {
            if !items.is_empty() {
                let _ = writeln!(out, "{title}:");
                items.iter().for_each(|item| out += &format!("- {item}\n"));
            }
        };
        section("nodes", self.nodes.iter().map(node).collect());
        section("pods", self.pods.iter().map(pod).collect());
        section("services", self.services.iter().map(service).collect());
        section("externals", self.externals.iter().map(external).collect());
        if !self.removed.is_empty() || !self.added.is_empty() {
            out += "links:\n";
            for (key, links) in [("remove", &self.removed), ("add", &self.added)] {
                let links: Vec<String> = links
                    .iter()
                    .map(|(x, y)| format!("{{from: {x}, to: {y}}}"))
                    .collect();
                let _ = writeln!(out, "  {key}: [{}]", links.join(", "));
            }
        }
        if !self.fibs.is_empty() {
            out += "fibs:\n";
        }
        for fib in &self.fibs {
            let _ = writeln!(
                out,
                "- at: {}\n  ideal: {}",
                fib.at,
                if fib.none { "none" } else { "keep" }
            );
            for (key, rules) in [
                ("remove", &fib.remove),
                ("before", &fib.before),
                ("after", &fib.after),
            ] {
                if !rules.is_empty() {
                    let _ = writeln!(out, "  {key}:");
                    rules
                        .iter()
                        .for_each(|rule| out += &format!("  - {rule}\n"));
                }
            }
        }
        out
    }
}

/// `["10.0.0.1", "::1"]`.
fn quoted(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", all.join(", "))
}

fn processes(all: &[Process]) -> String {
    let all: Vec<String> = all
        .iter()
        .map(|p| format!("{{name: {}, open: {}}}", p.name, quoted(&p.open)))
        .collect();
    format!("[{}]", all.join(", "))
}

fn node(node: &Node) -> String {
    let (addresses, daemons) = (quoted(&node.addresses), processes(&node.daemons));
    format!(
        "{{name: {}, addresses: {addresses}, daemons: {daemons}}}",
        node.name
    )
}

fn pod(pod: &Pod) -> String {
    let labels = pod
        .app
        .iter()
        .map(|app| format!("labels: {{app: {app}}}, "))
        .collect::<String>();
    let (addresses, containers) = (quoted(&pod.addresses), processes(&pod.containers));
    format!(
        "{{name: {}, namespace: {}, node: {}, {labels}addresses: {addresses}, containers: {containers}}}",
        pod.name, pod.namespace, pod.node
    )
}

fn service(service: &Service) -> String {
    let ports: Vec<String> = service
        .ports
        .iter()
        .map(|(port, protocol, target)| {
            format!("{{port: {port}, protocol: {protocol}, targetPort: {target}}}")
        })
        .collect();
    format!(
        "{{name: {}, addresses: {}, ports: [{}], endpoints: [{}]}}",
        service.name,
        quoted(&service.addresses),
        ports.join(", "),
        service.endpoints.join(", ")
    )
}

fn external(external: &External) -> String {
    format!(
        "{{name: {}, addresses: {}}}",
        external.name,
        quoted(&external.prefixes)
    )
}
