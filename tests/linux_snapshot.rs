//! Linux snapshots are read: the fifteen networks of `cases/netns-lab`, and what is wrong with bad ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

use std::fs;
use std::path::{Path, PathBuf};

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Loaded, Options};
use kubeproof::model::cluster::Cluster;
use kubeproof::model::linux::{Effect, Hook, LinkKind, NetNs, Role, RouteType, Snapshot, Tested};

/// Reads a folder as the command does: all files below it, in order.
fn load(folder: &str) -> (SourceMap, Loaded) {
    let mut sources = SourceMap::new();
    let mut inputs = Vec::new();
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files);
    for file in files {
        let name = file.to_str().unwrap().to_owned();
        let source = sources.add(name, fs::read_to_string(&file).unwrap());
        inputs.push(Input {
            source,
            path: folder.to_owned(),
            named: false,
        });
    }
    let loaded = input::load(&sources, &inputs, Options::default());
    (sources, loaded)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files);
        } else if !entry.to_str().unwrap().ends_with(".after.json")
            && entry.file_name().unwrap() != "expected.txt"
        {
            files.push(entry);
        }
    }
}

fn told(sources: &SourceMap, loaded: &Loaded) -> String {
    let mut text = String::new();
    for d in loaded.all_diagnostics() {
        let place = d.span.map_or(String::new(), |s| {
            let at = sources.line_col(s.source, s.start);
            format!("{}:{}:{}", sources.get(s.source).name(), at.line, at.column)
        });
        text += &format!("{}: {} {place}\n", d.code, d.message);
    }
    text
}

fn case(name: &str) -> Cluster {
    let (sources, mut loaded) = load(&format!("tests/cases/netns-lab/{name}"));
    assert_eq!(told(&sources, &loaded), "", "{name}");
    assert_eq!(loaded.clusters.len(), 1, "{name}");
    loaded.clusters.remove(0).cluster.unwrap()
}

fn netns<'s>(snapshot: &'s Snapshot, name: &str) -> &'s NetNs {
    snapshot.namespaces.iter().find(|n| n.name == name).unwrap()
}

#[test]
fn all_cases_are_read_without_a_diagnostic() {
    let mut count = 0;
    for entry in fs::read_dir("tests/cases/netns-lab").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let cluster = case(&name);
        count += 1;
        let snapshot = cluster.snapshot.clone().unwrap();
        let truth = fs::read_to_string(format!("tests/cases/netns-lab/{name}/truth.json")).unwrap();
        let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
        // Every namespace with its addresses, every pair with both its ends.
        for namespace in &snapshot.namespaces {
            for interface in &namespace.interfaces {
                if let LinkKind::Veth { peer } = interface.kind {
                    let (at, index) = peer.unwrap_or_else(|| panic!("{name} {}", namespace.name));
                    let other = &snapshot.namespaces[at];
                    assert!(other.interfaces.iter().any(|i| i.index == index));
                }
            }
            if namespace.role == Role::Fabric {
                assert!(namespace.entity.is_none());
                continue;
            }
            let address = truth["addresses"][&namespace.name].as_str().unwrap();
            let id = namespace.entity.unwrap();
            let held: Vec<String> = match namespace.role {
                Role::Pod => cluster
                    .pods
                    .iter()
                    .filter(|p| p.id == id)
                    .flat_map(|p| &p.addresses)
                    .map(|a| a.ip.to_string())
                    .collect(),
                Role::Node => cluster
                    .nodes
                    .iter()
                    .filter(|p| p.id == id)
                    .flat_map(|p| &p.addresses)
                    .map(|a| a.ip.to_string())
                    .collect(),
                _ => cluster
                    .externals
                    .iter()
                    .filter(|p| p.id == id)
                    .flat_map(|p| &p.prefixes)
                    .map(|a| a.addr().to_string())
                    .collect(),
            };
            assert!(
                held.iter().any(|a| a == address),
                "{name} {} {held:?}",
                namespace.name
            );
            let sockets = namespace
                .sockets
                .iter()
                .filter(|s| s.process.is_some())
                .count();
            assert_eq!(
                sockets,
                if namespace.role == Role::Pod { 4 } else { 2 },
                "{name}"
            );
        }
    }
    assert_eq!(count, 15);
}

#[test]
fn a_vxlan_network() {
    let cluster = case("ok-vxlan");
    let snapshot = cluster.snapshot.clone().unwrap();
    let n1 = netns(&snapshot, "n1");
    let device = n1
        .interfaces
        .iter()
        .find(|i| i.name == "flannel.1")
        .unwrap();
    assert!(
        matches!(
            device.kind,
            LinkKind::Vxlan {
                port: 8472,
                external: false,
                ..
            }
        ),
        "{:?}",
        device.kind
    );
    assert_eq!(n1.neighbours.len(), 1);
    let entry = n1
        .forwarding
        .iter()
        .find(|f| f.destination.is_some())
        .unwrap();
    assert_eq!(entry.destination.unwrap().to_string(), "10.1.100.2");
    assert_eq!(n1.sockets.iter().filter(|s| s.process.is_none()).count(), 1);
    let route = n1
        .routes
        .iter()
        .find(|r| r.text.starts_with("10.1.2.0/24"))
        .unwrap();
    assert_eq!(route.text, "10.1.2.0/24 via 10.1.2.0 dev flannel.1 onlink");
}

#[test]
fn chains_of_a_network_with_services() {
    let cluster = case("ok-service");
    let snapshot = cluster.snapshot.clone().unwrap();
    let n1 = netns(&snapshot, "n1");
    let chain = |table: &str, name: &str| {
        n1.chains
            .iter()
            .find(|c| c.table == table && c.name == name)
            .unwrap()
    };
    let post = chain("nat", "POSTROUTING").base.clone().unwrap();
    assert_eq!(
        (post.hook, post.priority, post.accepts),
        (Hook::Postrouting, 100, true)
    );
    let svc = chain("nat", "KUBE-SVC-EC32F57B463BAB95");
    let shown: Vec<String> = svc
        .rules
        .iter()
        .map(|r| format!("{:?} => {:?}", r.tests, r.effects))
        .collect();
    assert!(
        shown[0].contains("negated: true, what: Source([10.1.1.0/24])"),
        "{shown:?}"
    );
    assert!(
        shown[1].contains("Sometimes { never: false, always: false }"),
        "{shown:?}"
    );
    assert_eq!(svc.rules[2].text, "-j KUBE-SEP-0FE0D337F7032290");
    let sep = chain("nat", "KUBE-SEP-0FE0D337F7032290");
    let dnat = Effect::Dnat(vec![(Some("10.1.2.11".parse().unwrap()), Some(8080))]);
    assert_eq!(sep.rules[1].effects, [dnat]);
    assert_eq!(sep.rules[1].tests.len(), 1);
    let unknown = n1.chains.iter().flat_map(|c| &c.rules).filter(|r| {
        r.tests.iter().any(|t| matches!(t.what, Tested::Unknown(_)))
            || r.effects.iter().any(|e| matches!(e, Effect::Unknown(_)))
    });
    assert_eq!(unknown.count(), 0);
}

/// One line for each thing that was read, in the model's words.
fn shown(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for n in &snapshot.namespaces {
        text += &format!("# {} {:?}\n", n.name, n.role);
        for i in &n.interfaces {
            let addresses: Vec<String> = i
                .addresses
                .iter()
                .filter(|a| a.scope != "link")
                .map(|a| a.net.to_string())
                .collect();
            text += &format!(
                "{} {} {:?} master {:?} up {} carrier {} hairpin {} {}\n",
                i.index,
                i.name,
                i.kind,
                i.master,
                i.up,
                i.carrier,
                i.port.hairpin,
                addresses.join(" ")
            );
        }
        for r in &n.routes {
            if r.kind != RouteType::Multicast && !r.text.contains("fe80") {
                text += &format!(
                    "{}{}\n",
                    r.text,
                    if r.hops.iter().any(|h| h.dead) {
                        " dead"
                    } else {
                        ""
                    }
                );
            }
        }
        for r in &n.rules {
            text += &format!("{:?} {}\n", r.family, r.text);
        }
        for e in &n.neighbours {
            text += &format!(
                "neigh {} dev {} {:?} proxy {}\n",
                e.address, e.device, e.mac, e.proxy
            );
        }
        for e in n.forwarding.iter().filter(|e| e.destination.is_some()) {
            text += &format!("fdb {} dev {} dst {:?}\n", e.mac, e.device, e.destination);
        }
        for c in &n.chains {
            let base = c.base.as_ref().map(|b| {
                format!(
                    " {:?} {} {} accepts {}",
                    b.hook, b.priority, b.kind, b.accepts
                )
            });
            text += &format!(
                "chain {:?} {} {}{}\n",
                c.family,
                c.table,
                c.name,
                base.unwrap_or_default()
            );
            for r in &c.rules {
                let tests: Vec<String> = r
                    .tests
                    .iter()
                    .map(|t| format!("{}{:?}", if t.negated { "not " } else { "" }, t.what))
                    .collect();
                text += &format!(
                    "  {}\n    [{}] => {:?}\n",
                    r.text,
                    tests.join(", "),
                    r.effects
                );
            }
        }
        for (name, elements) in &n.sets {
            text += &format!("set {name}\n");
            for e in elements {
                text += &format!(
                    "  {}{:?} {:?}\n",
                    if e.exempt { "not " } else { "" },
                    e.key,
                    e.effects
                );
            }
        }
        for s in &n.sockets {
            text += &format!(
                "socket {:?} {:?} {} {}\n",
                s.process, s.listener.bind, s.listener.port, s.listener.protocol
            );
        }
        for s in &n.unmodelled {
            text += &format!("unmodelled: {}\n", s.what);
        }
    }
    text
}

#[test]
fn everything_that_is_read() {
    let folder = "tests/cases/linux/rich";
    let (sources, mut loaded) = load(folder);
    assert_eq!(told(&sources, &loaded), "");
    let cluster = loaded.clusters.remove(0).cluster.unwrap();
    assert_eq!(cluster.name, "rich");
    let text = shown(&cluster.snapshot.unwrap());
    let golden = format!("{folder}/expected.txt");
    if std::env::var_os("KUBEPROOF_BLESS").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&golden).unwrap());
}
