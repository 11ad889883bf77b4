//! Cases of other projects: their steps as Kubernetes objects, and what is judged of each.
//!
//! `netpol-e2e` and `cluster-network-policy` lie beside the tests; `cyclonus` is others' and is read where it is there.

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

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// One judged connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// `NS/NAME` of the client.
    pub from: String,
    /// `NS/NAME` of the server.
    pub to: String,
    pub port: u16,
    pub protocol: String,
    pub allowed: bool,
}

/// One step of a case: everything in force, and what is judged.
#[derive(Debug)]
pub struct Step {
    /// `netpol-19 step 1 (policy)`.
    pub name: String,
    /// The objects as many YAML documents, each in JSON.
    pub objects: String,
    /// `NS/NAME` of each pod with its address.
    pub pods: BTreeMap<String, String>,
    pub cells: Vec<Cell>,
}

/// The cases of `tests/cases/upstream`.
pub fn own() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/upstream");
    let mut all = files(&root.join("netpol-e2e"));
    all.extend(files(&root.join("cluster-network-policy")));
    all
}

/// The cases of cyclonus; none where they are absent.
pub fn cyclonus() -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/cyclonus");
    root.is_dir().then(|| files(&root))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    all.sort();
    all
}

/// The steps of a case.
pub fn steps(file: &Path) -> Vec<Step> {
    let text = fs::read_to_string(file).unwrap();
    let case: Value = serde_yaml::from_str(&text).unwrap();
    let id = case["id"].as_str().unwrap();
    let mut changes: Vec<(String, String, Value)> = Vec::new();
    let mut all = Vec::new();
    for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        let field = |key: &str| step.get(key).or_else(|| case.get(key)).cloned();
        // Relabelling stays in force in later steps.
        for (kind, which) in [("namespace", "namespace"), ("pod", "pod")] {
            for (name, labels) in entries(step["relabel"].get(which)) {
                changes.push((kind.to_owned(), name, labels));
            }
        }
        for (name, labels) in entries(step.get("namespace_labels_changed")) {
            changes.push(("namespace".to_owned(), name, labels));
        }
        let mut objects = Vec::new();
        let mut nodes = field("nodes").unwrap_or(Value::Null);
        if nodes.is_null() {
            nodes = json!({"n1": {"address": "203.0.113.1"}});
        }
        for (name, node) in entries(Some(&nodes)) {
            objects.push(node_object(&name, &node));
        }
        for (name, mut labels) in entries(field("namespaces").as_ref()) {
            relabel(&changes, "namespace", &name, &mut labels);
            objects.push(json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": labels},
            }));
        }
        let mut pods = BTreeMap::new();
        let listens = case.get("every_pod_listens").cloned();
        for (name, mut pod) in entries(field("pods").as_ref()) {
            relabel(&changes, "pod", &name, &mut pod["labels"]);
            pods.insert(name.clone(), pod["ip"].as_str().unwrap().to_owned());
            objects.push(pod_object(&name, &pod, &nodes, listens.as_ref()));
        }
        for key in ["policies", "objects"] {
            let policies = step.get(key).and_then(Value::as_array);
            objects.extend(policies.into_iter().flatten().cloned());
        }
        let columns = field("columns");
        let columns = columns.as_ref().and_then(Value::as_str).unwrap_or("");
        let title = step.get("name").and_then(Value::as_str).unwrap_or("");
        all.push(Step {
            name: format!("{id} step {} ({title})", at + 1),
            objects: objects.iter().map(|o| format!("---\n{o}\n")).collect(),
            pods,
            cells: cells(step, columns),
        });
    }
    all
}

fn entries(value: Option<&Value>) -> Vec<(String, Value)> {
    let map = value.and_then(Value::as_object);
    let pairs = map.into_iter().flatten();
    pairs.map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn relabel(changes: &[(String, String, Value)], kind: &str, name: &str, labels: &mut Value) {
    for (_, _, new) in changes.iter().filter(|(k, n, _)| k == kind && n == name) {
        for (key, value) in entries(Some(new)) {
            labels[key] = value;
        }
    }
}

fn node_object(name: &str, node: &Value) -> Value {
    let address = &node["address"];
    let mut object = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "spec": {},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    });
    if let Some(cidr) = node.get("podCIDR") {
        object["spec"] = json!({"podCIDR": cidr, "podCIDRs": [cidr]});
    }
    object
}

fn pod_object(full: &str, pod: &Value, nodes: &Value, listens: Option<&Value>) -> Value {
    let (namespace, name) = full.split_once('/').unwrap();
    let first = nodes.as_object().and_then(|n| n.keys().next()).unwrap();
    let node = pod.get("node").and_then(Value::as_str).unwrap_or(first);
    let listens = pod.get("listens").or(listens).unwrap();
    let ports: Vec<Value> = listens
        .as_array()
        .unwrap()
        .iter()
        .map(|port| {
            let mut one = Map::new();
            one.insert("containerPort".to_owned(), port["port"].clone());
            one.insert("protocol".to_owned(), port["protocol"].clone());
            if let Some(name) = port.get("name") {
                one.insert("name".to_owned(), name.clone());
            }
            Value::Object(one)
        })
        .collect();
    let mut spec = json!({"nodeName": node, "containers": [{"name": "server", "ports": ports}]});
    if pod["hostNetwork"] == true {
        spec["hostNetwork"] = true.into();
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": pod["labels"]},
        "spec": spec,
        "status": {
            "phase": "Running",
            "podIP": pod["ip"], "podIPs": [{"ip": pod["ip"]}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn cells(step: &Value, columns: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    for expect in step["expect"].as_array().into_iter().flatten() {
        let port = u16::try_from(expect["port"].as_u64().unwrap()).unwrap();
        let protocol = expect["protocol"].as_str().unwrap();
        for (from, row) in entries(expect.get("matrix")) {
            let row = row.as_str().unwrap();
            assert_eq!(row.chars().count(), columns.split(' ').count());
            for (to, mark) in columns.split(' ').zip(row.chars()) {
                let allowed = match mark {
                    '.' => true,
                    'X' => false,
                    // Upstream does not judge a pod and itself.
                    '?' => continue,
                    other => panic!("{other}"),
                };
                cells.push(Cell {
                    from: from.clone(),
                    to: to.to_owned(),
                    port,
                    protocol: protocol.to_owned(),
                    allowed,
                });
            }
        }
    }
    for probe in step["probes"].as_array().into_iter().flatten() {
        cells.push(Cell {
            from: probe["from"].as_str().unwrap().to_owned(),
            to: probe["to"].as_str().unwrap().to_owned(),
            port: u16::try_from(probe["port"].as_u64().unwrap()).unwrap(),
            protocol: probe["protocol"].as_str().unwrap().to_owned(),
            allowed: probe["allowed"].as_bool().unwrap(),
        });
    }
    cells
}
