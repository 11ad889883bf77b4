//! Kubernetes objects as text → a cluster with policies, and what its gates say of a connection.
//!
//! Pods, nodes and namespaces are read in a simple way of the tests' own; policies by the reader that is tested.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may stop, and take what they need"
)]

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use kubeproof::base::diag::Diagnostic;
use kubeproof::base::source::SourceMap;
use kubeproof::input::kubernetes::{self, Objects};
use kubeproof::input::problems::Problems;
use kubeproof::input::yaml::{self, Node, Value as Yaml};
use kubeproof::input::{self, Input, Options};
use kubeproof::model::cluster::{Cluster, HostPod, NamedPort, Namespace};
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::Settings;
use kubeproof::network::gate::{Direction, Gate};
use kubeproof::policy;
use serde_json::{Value, json};

/// A cluster that was read, and what was wrong with its policies.
pub struct World {
    pub sources: SourceMap,
    pub cluster: Cluster,
    pub problems: Vec<Diagnostic>,
}

/// Who is at one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The pod, or the daemon of a hostNetwork pod; none is somebody without a gate.
    pub entity: Option<EntityId>,
    pub address: IpAddr,
}

/// Reads objects.
pub fn world(text: &str) -> World {
    let mut sources = SourceMap::new();
    let source = sources.add("case.yaml", text);
    let mut problems = Problems::with_room(1000);
    let read = yaml::parse(source, text, &mut problems);
    let mut objects = Objects::default();
    let mut plain = Vec::new();
    for document in read.documents() {
        let kind = document.node.as_map().and_then(|m| m.get("kind"));
        let kind = kind.and_then(|e| e.value.as_str()).unwrap();
        match kind {
            "Pod" | "Node" | "Namespace" => plain.push(json_of(document.node)),
            _ => kubernetes::read(kind, document.node, &mut problems, &mut objects),
        }
    }
    let mut cluster = shell(&mut sources, &plain);
    cluster.policies.network = objects.network_policies;
    cluster.policies.cluster = objects.cluster_policies;
    World {
        sources,
        cluster,
        problems: problems.into_list(),
    }
}

fn json_of(node: Node<'_>) -> Value {
    match node.value() {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => b.into(),
        Yaml::Int(n) => i64::try_from(n).unwrap().into(),
        Yaml::Float(f) => f.into(),
        Yaml::Str(s) => s.into(),
        Yaml::Seq(seq) => seq.iter().map(json_of).collect::<Vec<_>>().into(),
        Yaml::Map(map) => map
            .iter()
            .map(|e| (e.key.to_owned(), json_of(e.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn labels(object: &Value) -> BTreeMap<String, String> {
    let map = object["metadata"]["labels"].as_object();
    let pairs = map.into_iter().flatten();
    pairs.map(|(k, v)| (k.clone(), text(v))).collect()
}

fn namespace_of(object: &Value) -> String {
    let given = object["metadata"]["namespace"].as_str();
    given.unwrap_or("default").to_owned()
}

/// A cluster of these pods, nodes and namespaces, made of a cluster file.
fn shell(sources: &mut SourceMap, objects: &[Value]) -> Cluster {
    let of_kind = |kind: &'static str| objects.iter().filter(move |o| o["kind"] == kind);
    let is_host = |pod: &Value| pod["spec"]["hostNetwork"] == true;
    let nodes: Vec<Value> = of_kind("Node")
        .map(|node| {
            let name = text(&node["metadata"]["name"]);
            let addresses: Vec<&Value> = node["status"]["addresses"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|a| &a["address"])
                .collect();
            let daemons: Vec<Value> = of_kind("Pod")
                .filter(|p| is_host(p) && p["spec"]["nodeName"] == name.as_str())
                .map(|p| json!({"name": daemon_name(p)}))
                .collect();
            json!({"name": name, "addresses": addresses, "daemons": daemons})
        })
        .collect();
    let pods: Vec<Value> = of_kind("Pod")
        .filter(|p| !is_host(p))
        .map(|pod| {
            let addresses: Vec<&Value> = pod["status"]["podIPs"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|a| &a["ip"])
                .collect();
            json!({
                "name": pod["metadata"]["name"], "namespace": namespace_of(pod),
                "node": pod["spec"]["nodeName"], "labels": labels(pod), "addresses": addresses,
            })
        })
        .collect();
    let file = json!({
        "apiVersion": "kubeproof.dev/v1", "kind": "Cluster", "nodes": nodes, "pods": pods,
    });
    let source = sources.add("shell.yaml", file.to_string());
    let input = Input {
        source,
        path: "shell.yaml".to_owned(),
        named: true,
    };
    let mut loaded = input::load(sources, &[input], Options::default());
    let told: Vec<&Diagnostic> = loaded.all_diagnostics().collect();
    assert!(!loaded.failed(), "{told:?}");
    let mut cluster = loaded.clusters.remove(0).cluster.unwrap();
    let origin = cluster.origin;
    let ids: HashMap<String, EntityId> = cluster
        .ids()
        .map(|id| (cluster.name_of(id).to_string(), id))
        .collect();
    for object in of_kind("Pod") {
        let full = format!(
            "pod/{}/{}",
            namespace_of(object),
            text(&object["metadata"]["name"])
        );
        let containers = object["spec"]["containers"].as_array();
        let named_ports: Vec<NamedPort> = containers
            .into_iter()
            .flatten()
            .flat_map(|c| c["ports"].as_array().into_iter().flatten())
            .filter(|p| p["name"].is_string())
            .map(|p| NamedPort {
                name: text(&p["name"]),
                port: u16::try_from(p["containerPort"].as_u64().unwrap()).unwrap(),
                protocol: Protocol::parse(p["protocol"].as_str().unwrap_or("TCP")).unwrap(),
                origin,
            })
            .collect();
        if is_host(object) {
            let node = text(&object["spec"]["nodeName"]);
            let daemon = ids[&format!("daemon/{node}/{}", daemon_name(object))];
            cluster.host_pods.push(HostPod {
                namespace: namespace_of(object),
                name: text(&object["metadata"]["name"]),
                node: ids[&format!("node/{node}")],
                labels: labels(object),
                daemons: vec![daemon],
                named_ports,
                workload: None,
                origin,
            });
        } else {
            let id = ids[&full];
            let pod = cluster.pods.iter_mut().find(|p| p.id == id).unwrap();
            pod.named_ports = named_ports;
        }
    }
    for object in of_kind("Node") {
        let id = ids[&format!("node/{}", text(&object["metadata"]["name"]))];
        let node = cluster.nodes.iter_mut().find(|n| n.id == id).unwrap();
        node.labels = labels(object);
    }
    let mut namespaces: BTreeMap<String, Namespace> = BTreeMap::new();
    for object in of_kind("Pod") {
        let name = namespace_of(object);
        namespaces.insert(name.clone(), Namespace::named(&name, origin));
    }
    for object in of_kind("Namespace") {
        let name = text(&object["metadata"]["name"]);
        let mut namespace = Namespace::named(&name, origin);
        namespace.labels.extend(labels(object));
        namespace.given = true;
        namespaces.insert(name, namespace);
    }
    cluster.namespaces = namespaces.into_values().collect();
    cluster
}

fn daemon_name(pod: &Value) -> String {
    format!("{}.{}", namespace_of(pod), text(&pod["metadata"]["name"]))
}

impl World {
    /// A pod (`NS/NAME`) of either kind with its first address of a family, a node (`node/NAME`), or an address.
    pub fn end(&self, name: &str, v6: bool) -> Option<End> {
        let first = |all: &[kubeproof::model::cluster::Address]| {
            all.iter().map(|a| a.ip).find(|a| a.is_ipv6() == v6)
        };
        if let Ok(address) = name.parse::<IpAddr>() {
            return Some(End {
                entity: None,
                address,
            });
        }
        let node = |id: EntityId| self.cluster.nodes.iter().find(|n| n.id == id).unwrap();
        for pod in &self.cluster.pods {
            if self.cluster.name_of(pod.id).to_string() == format!("pod/{name}") {
                return Some(End {
                    entity: Some(pod.id),
                    address: first(&pod.addresses)?,
                });
            }
        }
        for pod in &self.cluster.host_pods {
            if format!("{}/{}", pod.namespace, pod.name) == name {
                return Some(End {
                    entity: Some(pod.daemons[0]),
                    address: first(&node(pod.node).addresses)?,
                });
            }
        }
        let found = self.cluster.nodes.iter();
        let mut found = found.filter(|n| self.cluster.name_of(n.id).to_string() == name);
        let found = found.next().unwrap_or_else(|| panic!("nobody is {name}"));
        Some(End {
            entity: None,
            address: first(&found.addresses)?,
        })
    }
}

/// The gates of a cluster, ready to be asked.
pub struct Gates(HashMap<(EntityId, Direction), Gate>);

impl Gates {
    pub fn of(cluster: &Cluster, settings: &Settings) -> Self {
        let gates = policy::gates(cluster, settings);
        let sorted = gates.is_sorted_by_key(|g| (g.subject, g.direction));
        assert!(sorted, "gates are sorted");
        let count = gates.len();
        let all: HashMap<_, _> = gates
            .into_iter()
            .map(|g| ((g.subject, g.direction), g))
            .collect();
        assert_eq!(all.len(), count, "one gate a pod and direction");
        Self(all)
    }

    pub fn get(&self, entity: EntityId, direction: Direction) -> Option<&Gate> {
        self.0.get(&(entity, direction))
    }

    /// Whether both ends let a connection pass. A pod and its own address are never asked.
    pub fn pass(&self, from: End, to: End, protocol: Protocol, port: u16) -> bool {
        if from.entity.is_some() && from.entity == to.entity {
            return true;
        }
        let one = |end: End, peer: End, direction| {
            let gate = end.entity.and_then(|e| self.get(e, direction));
            gate.is_none_or(|g| g.passes(peer.address, protocol, port))
        };
        one(from, to, Direction::Egress) && one(to, from, Direction::Ingress)
    }
}
