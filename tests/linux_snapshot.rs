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

/// To `snat` a map says something else than to `dnat`, whichever asks first.
#[test]
fn one_map_of_nft_for_both_translations() {
    let rule = |chain: &str, word: &str, field: &str| {
        format!(
            r#"{{"rule": {{"family": "ip", "table": "t", "chain": "{chain}", "expr": [{{"{word}": {{"addr": {{"map": {{"key":
            {{"payload": {{"protocol": "ip", "field": "{field}"}}}}, "data": "@m"}}}}}}}}]}}}}"#
        )
    };
    let chain = |name: &str| {
        format!(
            r#"{{"chain": {{"family": "ip", "table": "t", "name": "{name}", "type": "nat", "hook": "{name}", "prio": 0, "policy": "accept"}}}}"#
        )
    };
    let text = format!(
        r#"{{"nftables": [{{"table": {{"family": "ip", "name": "t"}}}},
        {{"map": {{"family": "ip", "table": "t", "name": "m", "type": "ipv4_addr", "map": "ipv4_addr",
        "elem": [["10.0.0.1", "10.0.0.2"]]}}}}, {}, {}, {}, {}]}}"#,
        chain("prerouting"),
        chain("postrouting"),
        rule("prerouting", "dnat", "daddr"),
        rule("postrouting", "snat", "saddr"),
    );
    let mut files = small();
    files.retain(|(path, _)| !path.ends_with("n1/nft.json"));
    files.push(("n1/nft.json".to_owned(), text));
    let (sources, mut loaded) = read(&files);
    let Some(cluster) = loaded.clusters.remove(0).cluster else {
        panic!("{}", told(&sources, &loaded));
    };
    let text = shown(&cluster.snapshot.unwrap());
    let effects = |word: &str| {
        text.matches(&format!("{word}([(Some(10.0.0.2), None)])"))
            .count()
    };
    assert_eq!((effects("Dnat"), effects("Snat")), (1, 1), "{text}");
}

/// One node with one pod, as texts.
fn small() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut paths = Vec::new();
    collect(Path::new("tests/cases/linux/rich"), &mut paths);
    for path in paths {
        let name = path.strip_prefix("tests/cases/linux/rich").unwrap();
        let name = name.to_str().unwrap().to_owned();
        files.push((name, fs::read_to_string(&path).unwrap()));
    }
    files
}

fn read(files: &[(String, String)]) -> (SourceMap, Loaded) {
    let mut sources = SourceMap::new();
    let mut inputs = Vec::new();
    for (name, text) in files {
        let source = sources.add(format!("lab/{name}"), text.clone());
        inputs.push(Input {
            source,
            path: "lab".to_owned(),
            named: false,
        });
    }
    let loaded = input::load(&sources, &inputs, Options::default());
    (sources, loaded)
}

#[test]
fn mistakes_are_told_with_their_place() {
    const TOP: &str = "snapshot.yaml";
    // File, what is replaced by what, and what is told; an empty pattern replaces all.
    let table: &[(&str, &str, &str, &str)] = &[
        (
            TOP,
            "node: n1",
            "node: n2",
            "S003: `n2` is no node of this snapshot lab/snapshot.yaml:7:31",
        ),
        (
            TOP,
            ", node: n1",
            "",
            "S003: the pod `p1` is on no node lab/snapshot.yaml:7:10",
        ),
        (
            TOP,
            "kind: Node}",
            "kind: Host}",
            "I027: `Host` is none of `Pod`, `Node`, `External` and `Fabric` lab/snapshot.yaml:6:20",
        ),
        (
            TOP,
            "kind: Node}",
            "kind: Node, at: 1}",
            "I018: unknown field `at` in a namespace of a snapshot lab/snapshot.yaml:6:26",
        ),
        (
            TOP,
            "name: p1",
            "name: n1",
            "S002: the namespace `n1` is there twice lab/snapshot.yaml:7:10",
        ),
        (
            TOP,
            "name: p1",
            "name: p2",
            "S004: the namespace `p2` has no folder of dumps lab/snapshot.yaml:7:10",
        ),
        (
            TOP,
            "kind: LinuxSnapshot",
            "kind: LinuxSnapshots",
            "I017: unknown kind `LinuxSnapshots` in `kubeproof.dev/v1` lab/snapshot.yaml:3:7",
        ),
        (
            "n1/link.json",
            "",
            "[{\"ifindex\": 1, \"ifname\": \"lo\"",
            "S005: no JSON: expected `,` or `}`, the text ends lab/n1/link.json:1:31",
        ),
        (
            "n1/link.json",
            "",
            "{}",
            "I020: expected a list, found an object lab/n1/link.json:1:1",
        ),
        (
            "n1/link.json",
            "",
            "[{\"ifname\": \"lo\"}]",
            "S006: an object of this dump has no `ifindex` lab/n1/link.json:1:2",
        ),
        (
            "p1/addr.json",
            "10.1.1.11",
            "10.1.1.256",
            "S006: `10.1.1.256` is no address",
        ),
        (
            "p1/route-all.json",
            "\"type\":\"local\"",
            "\"type\":\"locul\"",
            "S006: routes of type `locul` are not known",
        ),
        (
            "p1/rule.json",
            "",
            "[{\"priority\": -1, \"table\": \"main\"}]",
            "S006: `priority` is no number of 32 bits lab/p1/rule.json:1:15",
        ),
        (
            "n1/iptables-save.txt",
            "*nat",
            "*nat\n:OUTPUT PERHAPS [0:0]",
            "S008: `PERHAPS` is no policy of a chain",
        ),
        (
            "n1/iptables-save.txt",
            "-A SEP1",
            "-A SEP2",
            "S008: the chain `SEP2` is not in this table",
        ),
        (
            "n1/iptables-save.txt",
            "--to-destination 10.1.1.11:8080",
            "--to-destination 10.1.1:8080",
            "S008: `--to-destination 10.1.1:8080` cannot be read",
        ),
        (
            "n1/iptables-save.txt",
            "two\\\"\" -j",
            "two\\\" -j",
            "S008: a quotation mark is not closed",
        ),
        (
            "p1/iptables-save.txt",
            "",
            "*filter\n:INPUT ACCEPT [0:0]\n",
            "S008: the table `filter` does not end: `COMMIT` is missing lab/p1/iptables-save.txt:1:1",
        ),
        (
            "p1/iptables-save.txt",
            "",
            "hello\n",
            "S008: `hello` is in no table lab/p1/iptables-save.txt:1:1",
        ),
        (
            "n1/ipset-save.txt",
            "add pods 10.1.1.11",
            "add pods many",
            "S008: `many` is no element of this set",
        ),
        (
            "p1/sysctl.txt",
            "",
            "net.ipv4.ip_forward\n",
            "S008: `net.ipv4.ip_forward` is no `name = value` lab/p1/sysctl.txt:1:1",
        ),
        (
            "p1/sysctl.txt",
            "",
            "# nothing\n",
            "S008: this dump of `sysctl` has no setting lab/p1/sysctl.txt:1:1",
        ),
        (
            "p1/ss-listen.txt",
            "",
            "tcp LISTEN 0 0 0.0.0.0:http 0.0.0.0:*\n",
            "S008: `tcp LISTEN 0 0 0.0.0.0:http 0.0.0.0:*` is no line of `ss -tuln` lab/p1/ss-listen.txt:1:1",
        ),
        (
            "p1/ss-listen.txt",
            "",
            "LISTEN 0 128 0.0.0.0:80 0.0.0.0:*\n",
            "S008: `LISTEN 0 128 0.0.0.0:80 0.0.0.0:*` is no line of `ss -tuln` lab/p1/ss-listen.txt:1:1",
        ),
        (
            "p1/ss-listen.txt",
            "",
            "tcp LISTEN 0 128 :::80 :::*\n",
            "S008: `tcp LISTEN 0 128 :::80 :::*` is no line of `ss -tuln` lab/p1/ss-listen.txt:1:1",
        ),
        (
            "p1/nft.json",
            "",
            "[]",
            "I020: expected an object, found a list lab/p1/nft.json:1:1",
        ),
        (
            "p1/nft.json",
            "",
            r#"{"nftables": [{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": []}}]}"#,
            "S006: the chain `c` is not in this dump lab/p1/nft.json:1:24",
        ),
        (
            "p1/nft.json",
            "",
            r#"{"nftables": [{"rule": {"family": "ip", "table": "t", "expr": []}}]}"#,
            "S006: an object of this dump has no `chain` lab/p1/nft.json:1:24",
        ),
        (
            "p1/nft.json",
            "",
            r#"{"nftables": [{"chain": {}, "rule": {}}]}"#,
            "I020: expected an object of one key, found an object lab/p1/nft.json:1:15",
        ),
    ];
    let mut wrong = String::new();
    for (file, from, to, expected) in table {
        let mut files = small();
        let (_, text) = files.iter_mut().find(|(name, _)| name == file).unwrap();
        assert!(text.contains(from), "{file} {from}");
        *text = if from.is_empty() {
            (*to).to_owned()
        } else {
            text.replacen(from, to, 1)
        };
        let (sources, loaded) = read(&files);
        let all = told(&sources, &loaded);
        if !all.lines().any(|line| line.starts_with(expected)) {
            wrong += &format!("{file} {to}\n{all}expected {expected}\n\n");
        }
        assert!(loaded.failed(), "{file} {to}");
    }
    assert_eq!(wrong, "");
}

/// A dump as another version prints it.
type Change<'c> = &'c dyn Fn(&str) -> String;

/// The same, as other versions of the tools print it: what is read does not change.
#[test]
fn other_versions_say_the_same() {
    let lines = |text: &str, each: &dyn Fn(&str) -> String| -> String {
        text.lines().map(|l| each(l) + "\n").collect()
    };
    let json = |text: &str, each: &dyn Fn(&mut serde_json::Value)| -> String {
        fn every(value: &mut serde_json::Value, each: &dyn Fn(&mut serde_json::Value)) {
            each(value);
            match value {
                serde_json::Value::Array(all) => all.iter_mut().for_each(|v| every(v, each)),
                serde_json::Value::Object(all) => all.values_mut().for_each(|v| every(v, each)),
                _ => {}
            }
        }
        let mut all = serde_json::from_str(text).unwrap();
        every(&mut all, each);
        all.to_string()
    };
    let counted = |l: &str| match l.strip_prefix("-A") {
        Some(_) => format!("[12:3456] {l}"),
        None => l.to_owned(),
    };
    let table: &[(&str, &str, Change<'_>)] = &[
        ("iptables-save -c", "-save.txt", &|t| lines(t, &counted)),
        ("Windows' ends of lines", ".txt", &|t| {
            t.replace('\n', "\r\n")
        }),
        ("blanks and empty lines", "-save.txt", &|t| {
            lines(t, &|l| format!("{l} \n"))
        }),
        ("iptables-legacy", "tables-save.txt", &|t| {
            t.replace(" v1.8.9 (nf_tables) on", " v1.4.21 on")
        }),
        ("no handles", "nft.json", &|t| {
            json(t, &|v| drop(v.as_object_mut().map(|m| m.remove("handle"))))
        }),
        ("nft 0.9", "nft.json", &|t| {
            json(t, &|v| {
                let Some(list) = v.get_mut("nftables").and_then(|l| l.as_array_mut()) else {
                    return;
                };
                list.retain(|i| i.get("metainfo").is_none());
            })
        }),
        // One flag without a list around it.
        ("nft 1.1.5", "nft.json", &|t| {
            json(t, &|v| {
                let flags = v.get("flags").and_then(|f| f.as_array()).cloned();
                if let Some([only]) = flags.as_deref() {
                    v["flags"] = only.clone();
                }
            })
        }),
        ("elements with counters", "nft.json", &|t| {
            json(t, &|v| {
                if v.get("map").is_some_and(serde_json::Value::is_string) {
                    return;
                }
                let Some(list) = v.get_mut("elem").and_then(|l| l.as_array_mut()) else {
                    return;
                };
                for item in list {
                    if item.get("elem").is_none() {
                        let counter = serde_json::json!({"packets": 0, "bytes": 0});
                        *item = serde_json::json!({"elem": {"val": item.take(), "counter": counter, "comment": "x"}});
                    }
                }
            })
        }),
        ("more that ip says", ".json", &|t| {
            if t.trim_start().starts_with('{') {
                return t.to_owned();
            }
            json(t, &|v| {
                let link = v.get("ifname").is_some();
                if let Some(map) = v.as_object_mut().filter(|_| link) {
                    map.insert("gso_ipv4_max_size".to_owned(), 65536.into());
                    map.insert("allmulti".to_owned(), 0.into());
                }
            })
        }),
        ("a head line of ss", "ss-listen.txt", &|t| {
            let head = "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process";
            format!("{head}\n{t}")
        }),
        ("complaints of sysctl", "sysctl.txt", &|t| {
            let old = "error: permission denied on key 'net.ipv4.route.flush'";
            let new = "sysctl: permission denied on key 'net.ipv6.conf.all.stable_secret'";
            format!("{old}\n{t}{new}\n")
        }),
    ];
    let expected = fs::read_to_string("tests/cases/linux/rich/expected.txt").unwrap();
    let (mut wrong, mut same) = (String::new(), Vec::new());
    for (what, end, change) in table {
        let mut files = small();
        let before = files.clone();
        for (_, text) in files.iter_mut().filter(|(name, _)| name.ends_with(end)) {
            *text = change(text);
        }
        if files == before {
            same.push(what);
        }
        let (sources, mut loaded) = read(&files);
        let all = told(&sources, &loaded);
        let cluster = loaded.clusters.remove(0).cluster;
        let text = cluster.map_or(String::new(), |c| shown(&c.snapshot.unwrap()));
        let differ = text.lines().zip(expected.lines()).find(|(a, b)| a != b);
        if !all.is_empty() || text != expected {
            wrong += &format!("{what}: {all}{differ:?}\n");
        }
    }
    assert_eq!(wrong, "");
    assert!(same.is_empty(), "nothing changed: {same:?}");
}

/// A table that is asleep is asked for nothing; what nft lists and nobody here knows is told.
#[test]
fn what_nft_lists_beside_chains() {
    let chain = r#"{"chain": {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}"#;
    for (flags, asleep) in [
        ("[]", false),
        (r#"["dormant"]"#, true),
        (r#""dormant""#, true),
    ] {
        let mut files = small();
        let nft = files
            .iter_mut()
            .find(|(path, _)| path.ends_with("p1/nft.json"));
        nft.unwrap().1 = format!(
            r#"{{"nftables": [{{"table": {{"family": "ip", "name": "t", "flags": {flags}}}}}, {chain}, {{"tunnel": {{"family": "ip"}}}}]}}"#
        );
        let (sources, mut loaded) = read(&files);
        assert_eq!(told(&sources, &loaded), "");
        let snapshot = loaded.clusters.remove(0).cluster.unwrap().snapshot.unwrap();
        let pod = netns(&snapshot, "p1");
        let asked = pod
            .chains
            .iter()
            .any(|c| c.table == "t" && c.base.is_some());
        assert_eq!(asked, !asleep, "{flags}");
        assert_eq!(pod.unmodelled.len(), 1, "{:?}", pod.unmodelled);
    }
}

/// A VXLAN device that answers for those behind it, and a locked port of a bridge.
#[test]
fn flags_of_devices_that_are_not_modelled() {
    for (old, new, told) in [
        (
            r#""info_data":{"id":1,"#,
            r#""info_data":{"proxy":false,"id":1,"#,
            0,
        ),
        (
            r#""info_data":{"id":1,"#,
            r#""info_data":{"proxy":true,"id":1,"#,
            1,
        ),
        (r#""hairpin":true,"#, r#""hairpin":true,"locked":true,"#, 1),
    ] {
        let strange = |replaced: bool| {
            let mut files = small();
            let mut links = files.iter_mut();
            let link = &mut links.find(|(p, _)| p.ends_with("n1/link.json")).unwrap().1;
            assert!(link.contains(old), "{old}");
            if replaced {
                *link = link.replacen(old, new, 1);
            }
            let (_, mut loaded) = read(&files);
            let snapshot = loaded.clusters.remove(0).cluster.unwrap().snapshot.unwrap();
            netns(&snapshot, "n1").unmodelled.len()
        };
        assert_eq!(strange(true), strange(false) + told, "{new}");
    }
}

#[test]
fn missing_dumps_are_mistakes_or_told() {
    for (file, expected) in [
        (
            "p1/link.json",
            "S004: dumps of the namespace `p1` are missing: link.json lab/snapshot.yaml:7:10\n",
        ),
        ("p1/iptables-save.txt", ""),
        (
            "p1/nft.json",
            "S013: `nft.json` of `p1` is not there: what it would say is taken as nothing lab/snapshot.yaml:7:10\n",
        ),
        (
            "n1/rule6.json",
            "S013: `rule6.json` of `n1` is not there: what it would say is taken as nothing lab/snapshot.yaml:6:10\n",
        ),
    ] {
        let mut files = small();
        files.retain(|(name, _)| name != file);
        let (sources, loaded) = read(&files);
        assert_eq!(told(&sources, &loaded), expected, "{file}");
        assert_eq!(loaded.failed(), expected.starts_with("S004"), "{file}");
    }
    let mut files = small();
    files.push(("p9/link.json".to_owned(), "[]".to_owned()));
    let (sources, loaded) = read(&files);
    assert!(
        told(&sources, &loaded).starts_with("S012: `p9` is no namespace"),
        "{}",
        told(&sources, &loaded)
    );
}

#[test]
fn ends_of_wires_are_interfaces_that_end_nowhere() {
    for (ends, expected) in [
        (
            "[n1/eth0]",
            "S014: `n1` has no interface `eth0` lab/snapshot.yaml:9:22\n",
        ),
        (
            "[n1]",
            "S014: `n1` is no end of a wire lab/snapshot.yaml:9:22\n",
        ),
        (
            "[n3/lo]",
            "S014: `n3` is no namespace of this snapshot lab/snapshot.yaml:9:22\n",
        ),
        (
            "[n1/lo, p1/lo]",
            "S014: `n1/lo` does not end at a wire lab/snapshot.yaml:9:22\nS014: `p1/lo` does not end at a wire lab/snapshot.yaml:9:29\n",
        ),
        ("[]", ""),
    ] {
        let mut files = small();
        let top = &mut files
            .iter_mut()
            .find(|(p, _)| p == "snapshot.yaml")
            .unwrap()
            .1;
        top.push_str(&format!("wires:\n- {{name: lan, ends: {ends}}}\n"));
        let (sources, loaded) = read(&files);
        assert_eq!(told(&sources, &loaded), expected, "{ends}");
        assert_eq!(loaded.failed(), !expected.is_empty(), "{ends}");
    }
}

#[test]
fn objects_beside_say_who_is_who() {
    let mut files = small();
    let objects = "apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: shop, labels: {app: web}}\nspec: {nodeName: n1, containers: [{name: main, ports: [{containerPort: 80}]}]}\nstatus: {phase: Running, podIP: 10.1.1.11}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: gone, namespace: shop}\nspec: {nodeName: n1, containers: [{name: main}]}\nstatus: {phase: Running, podIP: 10.1.1.77}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: worker}\nstatus: {addresses: [{type: InternalIP, address: 10.9.0.1}]}\n";
    files.push(("objects.yaml".to_owned(), objects.to_owned()));
    let (sources, mut loaded) = read(&files);
    assert_eq!(
        told(&sources, &loaded),
        "S009: the Pod `gone` is not in the snapshot: nothing is said of it lab/objects.yaml:9:18\n"
    );
    let cluster = loaded.clusters.remove(0).cluster.unwrap();
    let names: Vec<String> = cluster.names.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "container/shop/web-0/main",
            "daemon/worker/python3",
            "pod/shop/web-0",
            "node/worker"
        ]
    );
    assert_eq!(cluster.pods[0].labels["app"], "web");
    assert!(
        cluster.pods[0].containers[0].open.is_empty(),
        "what is declared does not listen"
    );
    assert_eq!(cluster.name, "rich");
}

#[test]
fn several_snapshots_of_one_path_are_several_clusters() {
    let (sources, loaded) = load("tests/cases/netns-lab");
    assert_eq!(told(&sources, &loaded), "");
    let names: Vec<(&str, usize)> = loaded
        .clusters
        .iter()
        .map(|c| (c.name.as_str(), c.cluster.as_ref().unwrap().services.len()))
        .collect();
    assert_eq!(names.len(), 15);
    assert!(
        names.contains(&("tests/cases/netns-lab/ok-service", 4)),
        "{names:?}"
    );
    assert!(
        names.contains(&("tests/cases/netns-lab/ok-vxlan", 0)),
        "{names:?}"
    );
}

#[test]
fn the_script_fits_the_layout_and_changes_nothing() {
    let script = fs::read_to_string("src/cli/collect.sh").unwrap();
    let written = |file: &&&str| script.contains(&format!("/{file}\""));
    let missing: Vec<&&str> = input::linux::layout::FILES
        .iter()
        .filter(|f| !f.contains(".before.") && !f.starts_with("cilium-") && **f != "route.json")
        .filter(|f| !written(f))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let modelled = [
        "net.ipv4.ip_forward",
        "net.ipv4.conf.*.forwarding",
        "net.ipv4.conf.*.rp_filter",
        "net.ipv4.conf.*.proxy_arp",
        "net.ipv4.conf.*.route_localnet",
        "net.ipv4.conf.*.arp_filter",
        "net.ipv4.conf.*.accept_local",
        "net.ipv4.conf.*.src_valid_mark",
        "net.ipv4.conf.*.ignore_routes_with_linkdown",
        "net.ipv6.conf.*.ignore_routes_with_linkdown",
        "net.ipv6.conf.*.forwarding",
        "net.ipv6.conf.*.proxy_ndp",
        "net.bridge.bridge-nf-*",
    ];
    let taken: Vec<&str> = script.split([' ', ';', '\n']).collect();
    for name in input::linux::settings::names().chain(modelled) {
        assert!(taken.contains(&name.replace('.', "/").as_str()), "{name}");
    }
    for line in script
        .lines()
        .map(str::trim)
        .filter(|l| l.starts_with("show "))
    {
        let command: Vec<&str> = line.split_whitespace().skip(3).collect();
        let harmless = command.iter().all(|word| {
            ![
                "add", "del", "delete", "set", "flush", "replace", "change", "append", "restore",
                "-w", "-F", "-A", "-D",
            ]
            .contains(word)
        });
        assert!(harmless, "{line}");
    }
}

#[test]
fn the_schema_has_the_fields_of_the_reader() {
    let mut files = small();
    let (_, top) = files
        .iter_mut()
        .find(|(name, _)| name == "snapshot.yaml")
        .unwrap();
    *top = top.replace("kind: Node}", "kind: Node, zzzzzzzz: 1}");
    let (_, loaded) = read(&files);
    let help = loaded.all_diagnostics().find(|d| d.code == "I018").unwrap();
    let help = help.help.clone().unwrap();
    let mut known: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
    known.sort_unstable();
    let schema = fs::read_to_string("schemas/linux-snapshot.schema.json").unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let properties = &schema["definitions"]["namespace"]["properties"];
    let stated: Vec<&String> = properties.as_object().unwrap().keys().collect();
    assert_eq!(known, stated);
}

#[test]
fn contradictions_are_told() {
    let pod = |name: &str, ip: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{nodeName: n1, containers: [{{name: main}}]}}\nstatus: {{phase: Running, podIP: {ip}}}\n---\n"
        )
    };
    let other = "apiVersion: kubeproof.dev/v1\nkind: LinuxSnapshot\nnamespaces: []\n";
    for (file, text, expected) in [
        ("other.yaml", other.to_owned(), "S001: a LinuxSnapshot is read from a file called `snapshot.yaml` only"),
        ("p1/addr.json", "[{\"ifindex\":9,\"ifname\":\"eth9\",\"addr_info\":[{\"family\":\"inet\",\"local\":\"10.1.1.11\",\"prefixlen\":24,\"scope\":\"global\"}]}]".to_owned(), "S007: the interface `eth9` is not in `link.json` lab/p1/addr.json:1:2"),
        ("objects.yaml", pod("a", "10.1.1.11") + &pod("b", "10.1.1.11"), "S010: the Pod `b` and another one are the same namespace of the snapshot lab/objects.yaml:9:18"),
        ("objects.yaml", pod("p1", "10.1.1.12"), "S011: the Pod `p1` has the address 10.1.1.12, its namespace has not lab/objects.yaml:3:18"),
    ] {
        let mut files = small();
        files.retain(|(name, _)| name != file);
        files.push((file.to_owned(), text));
        let (sources, loaded) = read(&files);
        let all = told(&sources, &loaded);
        assert!(all.lines().any(|line| line.starts_with(expected)), "{all}\nexpected {expected}");
    }
}
