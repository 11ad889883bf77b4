//! Random route tables put on a random cluster: full meshes, hubs and spokes, routes of single addresses; then mistakes in
//! a line or two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubeproof::base::far::Held;
use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use kubeproof::lower::lower;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::inet::IpNet;
use kubeproof::model::policy::Settings;

use super::draft::Draft;
use super::rng::Rng;

/// A cluster with tables, and the texts that it is made of.
pub struct Tabled {
    pub cluster: Cluster,
    pub yaml: String,
    pub routes: String,
    pub mistakes: usize,
}

/// By node: prefixes, and where they lead.
type Tables = BTreeMap<String, BTreeMap<IpNet, String>>;

/// Puts tables on a draft; none where the draft is no cluster.
pub fn on(seed: u64, draft: &Draft) -> Option<Tabled> {
    let mut rng = Rng::new(seed, 12);
    let mut draft = draft.clone();
    if rng.percent(65) {
        draft.fibs.clear();
        draft.added.clear();
        draft.removed.clear();
    }
    if draft.nodes.is_empty() {
        return None;
    }
    let yaml = spread(&draft, rng.percent(80));
    // Rules that tables replace cannot be removed any more.
    let plain = load(&yaml, None)?;
    let mut tables = usual(&mut rng, &draft, &plain);
    let mistakes = rng.weighted(&[25, 50, 20, 5]);
    for _ in 0..mistakes {
        mistake(&mut rng, &draft, &mut tables);
    }
    let routes = text(&tables);
    let yaml = yaml.replacen("metadata:", "tables: fibs.routes\nmetadata:", 1);
    let cluster = load(&yaml, Some(&routes))?;
    lower(&cluster, &Settings::default()).ok()?;
    Some(Tabled {
        cluster,
        yaml,
        routes,
        mistakes,
    })
}

/// A cluster with its tables.
pub fn load(yaml: &str, routes: Option<&str>) -> Option<Cluster> {
    let mut sources = SourceMap::new();
    let mut read = vec![sources.add("dir/c.yaml", yaml)];
    if let Some(routes) = routes {
        let held = Arc::new(Held(routes.as_bytes().to_vec()));
        read.push(sources.add_far("dir/fibs.routes", held));
    }
    let inputs: Vec<Input> = read
        .into_iter()
        .map(|source| Input {
            source,
            path: "dir".to_owned(),
            named: false,
        })
        .collect();
    let mut loaded = input::load(&sources, &inputs, Options::default());
    loaded.clusters.pop().and_then(|c| c.cluster)
}

/// The cluster file; the pods of a node in a prefix of its own, if wanted.
fn spread(draft: &Draft, wanted: bool) -> String {
    let mut yaml = draft.yaml();
    for pod in draft.pods.iter().filter(|_| wanted) {
        let node = draft
            .nodes
            .iter()
            .position(|n| n.name == pod.node)
            .unwrap_or(0);
        for address in &pod.addresses {
            let moved = if let Some(host) = address.strip_prefix("10.1.0.") {
                format!("10.1.{}.{host}", node + 1)
            } else if let Some(host) = address.strip_prefix("fd00:1::") {
                format!("fd00:1:{}::{host}", node + 1)
            } else {
                continue;
            };
            for end in ["\"", "/32\"", "/128\""] {
                let old = format!("\"{address}{end}");
                yaml = yaml.replace(&old, &format!("\"{moved}{end}"));
            }
        }
    }
    yaml
}

/// The prefixes of a node's pods, where they have some of their own; else each address.
fn nets(draft: &Draft, cluster: &Cluster, node: usize, hosts: bool) -> BTreeSet<IpNet> {
    let name = &draft.nodes[node].name;
    let id = cluster
        .nodes
        .iter()
        .find(|n| cluster.name_of(n.id).short() == name);
    let mut all = BTreeSet::new();
    let own = cluster
        .pods
        .iter()
        .filter(|p| id.is_some_and(|n| n.id == p.node));
    for address in own.flat_map(|p| &p.addresses) {
        let ip = address.ip.to_string();
        let v4 = format!("10.1.{}.", node + 1);
        let v6 = format!("fd00:1:{}::", node + 1);
        let net = if hosts {
            format!("{ip}/{}", if address.ip.is_ipv4() { 32 } else { 128 })
        } else if ip.starts_with(&v4) {
            format!("{v4}0/24")
        } else if ip.starts_with(&v6) {
            format!("{v6}/64")
        } else if ip.starts_with("127.") || ip == "::1" {
            continue;
        } else {
            format!("{ip}/{}", if address.ip.is_ipv4() { 32 } else { 128 })
        };
        all.insert(net.parse().unwrap());
    }
    if !hosts {
        all.insert(format!("10.1.{}.0/24", node + 1).parse().unwrap());
    }
    all
}

fn usual(rng: &mut Rng, draft: &Draft, cluster: &Cluster) -> Tables {
    let mut tables = Tables::new();
    let hosts = rng.percent(12);
    let hub = rng.percent(22).then(|| rng.below(draft.nodes.len()));
    let wide = *rng.pick(&["0.0.0.0/0", "10.1.0.0/16", "10.0.0.0/8"]);
    let odd = rng.percent(15);
    for (at, node) in draft.nodes.iter().enumerate() {
        if odd && rng.percent(40) {
            continue;
        }
        let table = tables.entry(node.name.clone()).or_default();
        if let Some(hub) = hub.filter(|hub| *hub != at) {
            let via = draft.nodes[hub].name.clone();
            table.insert(wide.parse().unwrap(), via);
            continue;
        }
        for (to, other) in draft.nodes.iter().enumerate().filter(|(to, _)| *to != at) {
            for net in nets(draft, cluster, to, hosts) {
                table.insert(net, other.name.clone());
            }
        }
    }
    if rng.percent(8) && !draft.externals.is_empty() {
        for table in tables.values_mut() {
            table.insert("0.0.0.0/0".parse().unwrap(), "outside".to_owned());
        }
    }
    tables
}

/// One mistake, in one line where there is one.
fn mistake(rng: &mut Rng, draft: &Draft, tables: &mut Tables) {
    let names: Vec<String> = tables.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let at = rng.pick(&names).clone();
    let next = if !draft.externals.is_empty() && rng.percent(10) {
        "outside".to_owned()
    } else {
        rng.pick(&draft.nodes).name.clone()
    };
    let table = tables.get_mut(&at).unwrap();
    let lines: Vec<IpNet> = table.keys().copied().collect();
    let what = rng.weighted(&[30, 20, 25, 15, 10]);
    if lines.is_empty() || what >= 3 {
        let wide = [
            "10.1.0.0/16",
            "10.0.0.0/24",
            "10.96.0.0/16",
            "0.0.0.0/0",
            "10.1.2.0/24",
            "10.1.1.0/25",
            "10.1.3.8/29",
            "203.0.113.0/25",
            "192.0.2.0/24",
            "fd00:1::/32",
            "::/0",
        ];
        table.insert(rng.pick(&wide).parse().unwrap(), next.clone());
        if what == 4 {
            // And back again: a circle, where nobody is in the way.
            let net = *table.keys().find(|n| table[*n] == next).unwrap();
            if let Some(back) = tables.get_mut(&next) {
                back.insert(net, at);
            }
        }
        return;
    }
    let net = *rng.pick(&lines);
    match what {
        0 => drop(table.insert(net, next)),
        1 => drop(table.remove(&net)),
        _ => {
            let via = table.remove(&net).unwrap();
            let len = net.prefix_len();
            let len = if rng.percent(50) {
                (len + rng.between(1, 8) as u8).min(net.max_prefix_len())
            } else {
                len.saturating_sub(rng.between(1, 8) as u8)
            };
            table.insert(IpNet::new(net.addr(), len).unwrap().trunc(), via);
        }
    }
}

fn text(tables: &Tables) -> String {
    let mut text = "kubeproof-routes v1\n".to_owned();
    for (at, routes) in tables {
        text += &format!("at {at}\n");
        for (net, via) in routes {
            text += &format!("{net} {via}\n");
        }
    }
    text
}
