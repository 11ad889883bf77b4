//! Linux snapshots: what is not modelled makes unknown what meets it, and nothing else.
//!
//! A real network (`cases/netns-own/dual-stack`: nodes a and b with pods, a wire between them), with something put into one
//! dump of it: a row each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use kubeproof::lower::lower;
use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::Settings;
use kubeproof::network::header::Header;
use kubeproof::network::trace::Disposition;
use kubeproof::sim::walk::trace;

const NETWORK: &str = "tests/cases/netns-own/dual-stack";

/// Addresses of pods, and of a node.
const A1: &str = "10.20.1.11";
const A2: &str = "10.20.1.12";
const B1: &str = "10.20.2.11";
const A: &str = "10.20.1.1";

/// What is put where.
enum Put {
    /// A whole dump, new or instead.
    Dump(&'static str, &'static str),
    /// Words of a dump by other words.
    Words(&'static str, &'static str, &'static str),
    /// A member of an interface's record in `link.json`, by the namespace and the name.
    Link(&'static str, &'static str, &'static str),
    /// A member of what `link.json` says of a port of a bridge.
    Port(&'static str, &'static str, &'static str),
}

fn files(put: &[Put]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for folder in ["", "a", "a1", "a2", "b", "b1", "ext", "wire"] {
        for entry in fs::read_dir(Path::new(NETWORK).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(NETWORK).unwrap().to_str().unwrap();
            if path.is_file() && name != "truth.json" && !name.ends_with(".after.json") {
                all.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    for one in put {
        match one {
            Put::Dump(file, text) => {
                all.retain(|(name, _)| name != file);
                all.push(((*file).to_owned(), (*text).to_owned()));
            }
            Put::Words(file, old, new) => edit(&mut all, file, old, new),
            Put::Link(ns, device, member) => {
                let old = format!("\"ifname\":\"{device}\"");
                let new = format!("{member},{old}");
                edit(&mut all, &format!("{ns}/link.json"), &old, &new);
            }
            Put::Port(ns, device, member) => {
                let file = format!("{ns}/link.json");
                let text = &mut all.iter_mut().find(|(n, _)| *n == file).unwrap().1;
                let at = text.find(&format!("\"ifname\":\"{device}\"")).unwrap();
                let key = "\"info_slave_data\":{";
                let port = at + text[at..].find(key).unwrap() + key.len();
                text.insert_str(port, &format!("{member},"));
            }
        }
    }
    all.sort();
    all
}

fn edit(all: &mut [(String, String)], file: &str, old: &str, new: &str) {
    let text = &mut all.iter_mut().find(|(n, _)| n == file).unwrap().1;
    assert!(text.contains(old), "{file} has no {old}");
    *text = text.replace(old, new);
}

/// What becomes of a message of TCP to port 8080.
fn ends(put: &[Put], from: &str, to: &str) -> Vec<Disposition> {
    let mut sources = SourceMap::new();
    let mut inputs = Vec::new();
    for (name, text) in files(put) {
        let source = sources.add(format!("lab/{name}"), text);
        inputs.push(Input {
            source,
            path: "lab".to_owned(),
            named: false,
        });
    }
    let mut loaded = input::load(&sources, &inputs, Options::default());
    let mistakes: Vec<String> = (loaded.all_diagnostics())
        .map(|d| format!("{} {}", d.code, d.message))
        .collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    let cluster = loaded.clusters.remove(0).cluster.unwrap();
    let network = lower(&cluster, &Settings::default()).unwrap().network;
    let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let snapshot = cluster.snapshot.as_ref().unwrap();
    let mut namespaces = snapshot.namespaces.iter();
    let owns = |n: &&kubeproof::model::linux::NetNs| {
        let mut addresses = n.interfaces.iter().flat_map(|i| &i.addresses);
        addresses.any(|a| a.net.addr() == from)
    };
    let home = namespaces.find(owns).unwrap().entity.unwrap();
    let mut processes = network.processes.iter();
    let sender = processes.find(|p| network.switch(p.socket).unwrap().of == home);
    let header = Header {
        protocol: Protocol::Tcp,
        source: from,
        source_port: 49152,
        destination: to,
        destination_port: 8080,
    };
    let found = trace(&network, sender.unwrap().id, header).unwrap();
    let mut all: Vec<Disposition> = found.outcomes.iter().map(|o| o.disposition).collect();
    all.dedup();
    all
}

/// Of each row: what is put there, and from and to whom it is then unknown, delivered.
type Row<'a> = (
    &'a [Put],
    &'a [(&'a str, &'a str)],
    &'a [(&'a str, &'a str)],
);

fn check(rows: &[Row<'_>]) {
    for (at, (put, unknown, delivered)) in rows.iter().enumerate() {
        for (all, wanted) in [
            (unknown, Disposition::Unmodelled),
            (delivered, Disposition::Delivered),
        ] {
            for (from, to) in *all {
                assert_eq!(ends(put, from, to), [wanted], "row {at}: {from} → {to}");
            }
        }
    }
}

/// Chains of the family `bridge`, with a policy or with a rule.
const DROPS: &str = r#"{"nftables": [{"table": {"family": "bridge", "name": "t"}}, {"chain": {"family": "bridge", "table": "t",
    "name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}}]}"#;
const COUNTS: &str = r#"{"nftables": [{"table": {"family": "bridge", "name": "t"}}, {"chain": {"family": "bridge", "table": "t",
    "name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}}, {"rule": {"family": "bridge", "table": "t",
    "chain": "f", "expr": [{"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}}]}"#;
const CHANGES: &str = r#"{"nftables": [{"table": {"family": "bridge", "name": "t"}}, {"chain": {"family": "bridge", "table": "t",
    "name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}}, {"rule": {"family": "bridge", "table": "t",
    "chain": "f", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ether", "field": "type"}}, "right": "ip"}},
    {"drop": null}]}}]}"#;

#[test]
fn frames_that_a_bridge_hands_on() {
    use Put::{Dump, Link, Port, Words};
    let clsact = r#"[{"kind": "clsact", "handle": "ffff:", "dev": "va1", "parent": "ffff:fff1"}]"#;
    let xdp = r#""xdp":{"mode":2,"prog":{"id":7}}"#;
    let off = Words("a/sysctl.txt", "-iptables = 1", "-iptables = 0");
    let legacy =
        "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n";
    check(&[
        (&[], &[], &[(A1, A2), (A1, B1)]),
        (
            &[Dump("a/nft.json", DROPS)],
            &[(A1, A2), (A2, A1), (A1, A), (A1, B1)],
            &[],
        ),
        (&[Dump("a/nft.json", CHANGES)], &[(A1, A2)], &[]),
        (&[Dump("a/nft.json", COUNTS)], &[], &[(A1, A2), (A1, B1)]),
        (
            &[Dump("wire/nft.json", DROPS)],
            &[(A1, B1), (B1, A2)],
            &[(A1, A2)],
        ),
        (
            &[Dump("a/tc-qdisc.json", clsact)],
            &[(A1, A2), (A2, A1), (A1, A)],
            &[],
        ),
        (
            &[Dump(
                "wire/tc-qdisc.json",
                r#"[{"kind": "ingress", "dev": "p0"}]"#,
            )],
            &[(A1, B1), (B1, A1)],
            &[(A1, A2)],
        ),
        // Of a port that they do not cross.
        (
            &[Dump(
                "wire/tc-qdisc.json",
                r#"[{"kind": "ingress", "dev": "p2"}]"#,
            )],
            &[],
            &[(A1, B1), (B1, A1)],
        ),
        (&[Link("a", "va2", xdp)], &[(A1, A2), (A2, A1)], &[]),
        (
            &[Link("wire", "p1", xdp)],
            &[(A1, B1), (B1, A1)],
            &[(A1, A2)],
        ),
        (
            &[Port("wire", "p1", r#""locked":true"#)],
            &[(A1, B1), (B1, A1)],
            &[(A1, A2)],
        ),
        (
            &[Port("wire", "p1", r#""locked":false"#)],
            &[],
            &[(A1, B1), (B1, A1)],
        ),
        // What concerns messages concerns frames only where they pass the chains.
        (
            &[Dump("a/iptables-save.txt", legacy)],
            &[(A1, A2), (A1, B1)],
            &[],
        ),
        (
            &[Dump("a/iptables-save.txt", legacy), off],
            &[(A1, B1)],
            &[(A1, A2)],
        ),
    ]);
}
