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
const A1_V6: &str = "fd00:20:1::11";
const B1_V6: &str = "fd00:20:2::11";

/// What is put where.
enum Put {
    /// A whole dump, new or instead.
    Dump(&'static str, &'static str),
    /// Words of a dump by other words.
    Words(&'static str, &'static str, &'static str),
    /// A member of an interface's record in `link.json`, by the namespace and the name.
    Link(&'static str, &'static str, &'static str),
    /// No dumps of a namespace.
    Gone(&'static str),
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
            Put::Gone(ns) => all.retain(|(name, _)| !name.starts_with(&format!("{ns}/"))),
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
    of(files(put), &[(from, to)]).remove(0)
}

/// The same with whole dumps put there.
fn ended(put: &[(String, String)], ways: &[(&str, &str)]) -> Vec<Vec<Disposition>> {
    let mut all = files(&[]);
    all.retain(|(name, _)| put.iter().all(|(n, _)| n != name));
    all.extend(put.iter().cloned());
    all.sort();
    of(all, ways)
}

fn of(files: Vec<(String, String)>, ways: &[(&str, &str)]) -> Vec<Vec<Disposition>> {
    let mut sources = SourceMap::new();
    let mut inputs = Vec::new();
    for (name, text) in files {
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
    let ends = |(from, to): &(&str, &str)| {
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
    };
    ways.iter().map(ends).collect()
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
        // Also whether somebody is there who does not answer.
        (
            &[Dump(
                "wire/tc-qdisc.json",
                r#"[{"kind": "ingress", "dev": "p0"}]"#,
            )],
            &[(A1, "10.20.100.99")],
            &[],
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

/// Queues that lose, encryption, marks that answers have by a setting.
#[test]
fn queues_encryption_and_marks_of_answers() {
    use Put::{Dump, Words};
    let loses = r#"[{"kind": "netem", "handle": "8001:", "dev": "va1", "root": true}]"#;
    let fair = r#"[{"kind": "fq_codel", "handle": "8001:", "dev": "va1", "root": true}]"#;
    let forward = "net.ipv4.ip_forward = 1";
    let mark = "net.ipv4.ip_forward = 1\nnet.ipv4.tcp_fwmark_accept = 1";
    check(&[
        (&[Dump("a/tc-qdisc.json", loses)], &[(A1, A2)], &[]),
        (&[Dump("a/tc-qdisc.json", fair)], &[], &[(A1, A2), (A1, B1)]),
        (
            &[Dump(
                "a/xfrm-policy.txt",
                "src 10.0.0.0/8 dst 10.0.0.0/8 \n\tdir out priority 0\n",
            )],
            &[(A1, B1)],
            &[],
        ),
        (&[Dump("a/xfrm-policy.txt", "\n")], &[], &[(A1, B1)]),
        (&[Words("a/sysctl.txt", forward, mark)], &[(A1, B1)], &[]),
    ]);
}

/// Addresses of pods.
const A1_6: &str = "fd00:20:1::11";
const A2_6: &str = "fd00:20:1::12";
const B1_6: &str = "fd00:20:2::11";

/// A dump of ip6tables: policies of INPUT, FORWARD and OUTPUT, and rules.
fn ip6tables(policies: [&str; 3], rules: &[&str]) -> String {
    let [input, forward, output] = policies;
    let own = ":OWN - [0:0]\n";
    let head = format!(
        "*filter\n:INPUT {input} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n{own}"
    );
    let rules: Vec<String> = rules.iter().map(|r| format!("-A {r}\n")).collect();
    let rules = rules.concat();
    format!("{head}{rules}COMMIT\n")
}

/// Chains of `inet`: `input` of policy `drop`, with what lets TCP pass and then these rules.
fn inet(rules: &[&str]) -> String {
    let rule = |expr: &str| {
        format!(
            r#", {{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{expr}]}}}}"#
        )
    };
    let tcp = r#"{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}}, {"accept": null}"#;
    let rules: String = std::iter::once(&tcp)
        .chain(rules)
        .map(|r| rule(r))
        .collect();
    format!(
        r#"{{"nftables": [{{"table": {{"family": "inet", "name": "t"}}}}, {{"chain": {{"family": "inet", "table": "t",
        "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}}}{rules}]}}"#
    )
}

/// Whether node b is not found by whoever asks for it, with chains there: its neighbours over IPv6, nobody else.
fn unknown_at_b(file: &str, text: &str) -> bool {
    let ways = [(A1_6, B1_6), (B1_6, A1_6), (A1_6, A2_6), (A1, B1)];
    let put = [(file.to_owned(), text.to_owned())];
    let found = ended(&put, &ways);
    let one = found[0].as_slice();
    assert_eq!(one, found[1], "{text}");
    for known in &found[2..] {
        assert_eq!(*known, [Disposition::Delivered], "{text}");
    }
    let unknown = one == [Disposition::Unmodelled];
    assert!(
        unknown || one == [Disposition::Delivered],
        "{text}: {one:?}"
    );
    unknown
}

#[test]
fn neighbours_of_ipv6_that_chains_keep_apart() {
    const DROPS: [&str; 3] = ["DROP", "ACCEPT", "ACCEPT"];
    const PASSES: [&str; 3] = ["ACCEPT", "ACCEPT", "ACCEPT"];
    let tcp = "INPUT -p tcp -j ACCEPT";
    let tables: &[(bool, [&str; 3], &[&str])] = &[
        (false, PASSES, &[]),
        (true, DROPS, &[tcp]),
        (
            true,
            DROPS,
            &[
                tcp,
                "INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "INPUT -i lo -j ACCEPT",
            ],
        ),
        (
            true,
            ["ACCEPT", "ACCEPT", "DROP"],
            &["OUTPUT -p tcp -j ACCEPT"],
        ),
        (false, DROPS, &[tcp, "INPUT -p ipv6-icmp -j ACCEPT"]),
        (false, DROPS, &[tcp, "INPUT ! -p udp -j ACCEPT"]),
        (true, DROPS, &[tcp, "INPUT ! -p ipv6-icmp -j ACCEPT"]),
        (
            false,
            DROPS,
            &[tcp, "INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT"],
        ),
        (
            false,
            DROPS,
            &[
                tcp,
                "INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT",
                "INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT",
            ],
        ),
        (
            true,
            DROPS,
            &[
                tcp,
                "INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT",
            ],
        ),
        (
            true,
            DROPS,
            &[
                tcp,
                "INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT",
            ],
        ),
        (
            true,
            DROPS,
            &[tcp, "INPUT -p ipv6-icmp -m limit --limit 5/min -j ACCEPT"],
        ),
        (
            true,
            DROPS,
            &[tcp, "INPUT -s fe80::/10 -p ipv6-icmp -j ACCEPT"],
        ),
        (true, PASSES, &["INPUT -p ipv6-icmp -j DROP"]),
        (
            true,
            PASSES,
            &["OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j REJECT"],
        ),
        (
            false,
            PASSES,
            &["INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP"],
        ),
        (
            false,
            PASSES,
            &[
                "INPUT -p udp -m udp --dport 53 -j DROP",
                "OUTPUT -p tcp -m multiport --dports 22,23 -j REJECT",
            ],
        ),
        (
            false,
            PASSES,
            &[
                "INPUT -m conntrack --ctstate INVALID -j DROP",
                "INPUT -m mark --mark 0x8000/0x8000 -j DROP",
            ],
        ),
        (
            false,
            PASSES,
            &["OUTPUT -o lo -j DROP", "FORWARD -p ipv6-icmp -j DROP"],
        ),
        // Through chains of its own.
        (
            false,
            DROPS,
            &[
                "INPUT -j OWN",
                "OWN -p tcp -j ACCEPT",
                "OWN -p ipv6-icmp -j ACCEPT",
            ],
        ),
        (
            true,
            DROPS,
            &[
                tcp,
                "INPUT -j OWN",
                "OWN -p ipv6-icmp -j RETURN",
                "OWN -j ACCEPT",
            ],
        ),
        (
            true,
            DROPS,
            &[
                tcp,
                "INPUT -j OWN",
                "INPUT -p ipv6-icmp -j ACCEPT",
                "OWN -p ipv6-icmp -j DROP",
            ],
        ),
        (
            true,
            DROPS,
            &[tcp, "INPUT -g OWN", "INPUT -p ipv6-icmp -j ACCEPT"],
        ),
        (
            true,
            DROPS,
            &[
                tcp,
                "INPUT -j OWN",
                "OWN -s fe80::/10 -j RETURN",
                "OWN -p ipv6-icmp -j ACCEPT",
            ],
        ),
        // A mark that some of them have.
        (
            true,
            PASSES,
            &[
                "INPUT -s fe80::/10 -j MARK --set-xmark 0x1/0x1",
                "INPUT -m mark --mark 0x1/0x1 -j DROP",
            ],
        ),
    ];
    for (unknown, policies, rules) in tables {
        let text = ip6tables(*policies, rules);
        assert_eq!(
            unknown_at_b("b/ip6tables-save.txt", &text),
            *unknown,
            "{text}"
        );
    }
    let accepts = |key: &str, right: &str| {
        format!(
            r#"{{"match": {{"op": "==", "left": {key}, "right": {right}}}}}, {{"accept": null}}"#
        )
    };
    let protocol = r#"{"meta": {"key": "l4proto"}}"#;
    let kind = r#"{"payload": {"protocol": "icmpv6", "field": "type"}}"#;
    let both = r#"{"set": ["nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-advert"]}"#;
    let vmap = r#"{"vmap": {"key": {"payload": {"protocol": "icmpv6", "field": "type"}}, "data": {"set": [["nd-neighbor-solicit",
        {"accept": null}], ["nd-neighbor-advert", {"accept": null}]]}}}"#;
    let nft: &[(bool, String)] = &[
        (true, inet(&[])),
        (false, inet(&[&accepts(protocol, r#""ipv6-icmp""#)])),
        (
            false,
            inet(&[&accepts(protocol, r#"{"set": ["icmp", "ipv6-icmp"]}"#)]),
        ),
        (true, inet(&[&accepts(protocol, r#""icmp""#)])),
        (false, inet(&[&accepts(kind, both)])),
        (true, inet(&[&accepts(kind, r#""nd-neighbor-solicit""#)])),
        (false, inet(&[vmap])),
    ];
    for (unknown, text) in nft {
        assert_eq!(unknown_at_b("b/nft.json", text), *unknown, "{text}");
    }
}

/// Two on one bridge, whose frames pass the chains.
#[test]
fn neighbours_of_ipv6_on_a_bridge() {
    let text = ip6tables(["ACCEPT", "DROP", "ACCEPT"], &["FORWARD -p tcp -j ACCEPT"]);
    let drops = ("a/ip6tables-save.txt".to_owned(), text);
    let known = |of: &str, ip: &str, mac: &str| {
        let text =
            format!(r#"[{{"dst":"{ip}","dev":"eth0","lladdr":"{mac}","state":["PERMANENT"]}}]"#);
        (format!("{of}/neigh.before.json"), text)
    };
    let one = known("a1", A2_6, "02:00:00:00:00:0c");
    let other = known("a2", A1_6, "02:00:00:00:00:0a");
    let off = ("a/sysctl.txt".to_owned(), {
        let text = fs::read_to_string(Path::new(NETWORK).join("a/sysctl.txt")).unwrap();
        text.replace("-ip6tables = 1", "-ip6tables = 0")
    });
    let gets = |put: &[(String, String)], to: &str| ended(put, &[(A1_6, to)]).remove(0);
    let one_dump = std::slice::from_ref(&drops);
    assert_eq!(gets(one_dump, A2_6), [Disposition::Unmodelled]);
    assert_eq!(gets(one_dump, B1_6), [Disposition::Delivered]);
    assert_eq!(gets(&[drops.clone(), off], A2_6), [Disposition::Delivered]);
    assert_eq!(gets(&[drops, one, other], A2_6), [Disposition::Delivered]);
}

#[test]
fn a_wire_of_which_there_is_no_dump() {
    use Put::{Gone, Words};
    const LISTED: &str = "- {name: wire, kind: Fabric}\n";
    let bare = [Gone("wire"), Words("snapshot.yaml", LISTED, "")];
    let all = "wires:\n- {name: lan, ends: [a/eth0, b/eth0, ext/eth0]}\n";
    let all = [Gone("wire"), Words("snapshot.yaml", LISTED, all)];
    let two = "wires:\n- {name: lan, ends: [a/eth0, ext/eth0]}\n";
    let two = [Gone("wire"), Words("snapshot.yaml", LISTED, two)];
    let across = [(A1, B1), (A, B1), (B1, A2)];
    check(&[
        (&bare, &across, &[(A1, A2)]),
        (&all, &[], &across),
        (&two, &[(B1, A2)], &[(A1, A2)]),
    ]);
    assert_eq!(ends(&two, A1, B1), [Disposition::Neighbour]);
}

/// Routes and rules: kinds of service, hops, encapsulation.
#[test]
fn routes_and_rules() {
    use Put::Words;
    let routes = "a/route-all.json";
    let far = r#""dst":"10.20.2.0/24","#;
    let row = |new: &'static str| Words(routes, far, new);
    let detour = r#""dst":"10.20.2.0/24","tos":"0x10","dev":"cni0","table":"main","scope":"link","flags":[]},{"type":"unicast",
        "dst":"10.20.2.0/24","#;
    let one = r#""gateway":"10.20.100.2","dev":"eth0","#;
    let hops = |more: &str| {
        let hop = r#""gateway":"10.20.100.2","dev":"eth0","weight":1,"flags":[]"#;
        let new = format!(r#""nexthops":[{{{hop}}},{{{hop}{more}}}],"#);
        Words(routes, one, new.leak())
    };
    let main = r#"{"priority":32766,"#;
    let rule = |new: &'static str| Words("a/rule.json", main, new);
    let unknown: &[(&str, &str)] = &[(A1, B1), (B1, A1)];
    let known: &[(&str, &str)] = &[(A1, B1), (B1, A1), (A1, A2)];
    check(&[
        (&[row(detour)], unknown, &[]),
        (&[row(r#""dst":"10.20.2.0/24","tos":"0","#)], &[], known),
        (&[row(r#""dst":"10.20.2.0/24","tos":0,"#)], &[], known),
        (
            &[row(
                r#""dst":"10.20.2.0/24","metrics":[{"mtu":1400,"hoplimit":64}],"#,
            )],
            &[],
            known,
        ),
        (
            &[row(r#""dst":"10.20.2.0/24","metrics":[{"hoplimit":3}],"#)],
            unknown,
            &[],
        ),
        (
            &[row(r#""dst":"10.20.2.0/24","hoplimit":3,"#)],
            unknown,
            &[],
        ),
        (&[hops("")], &[], &[(A1, A2)]),
        (&[hops(r#","encap":"ip""#)], unknown, &[]),
        (
            &[rule(
                r#"{"priority":9,"src":"all","tos":"0x10","table":"7"},{"priority":32766,"#,
            )],
            unknown,
            &[],
        ),
        (
            &[rule(
                r#"{"priority":9,"src":"all","tos":"0","table":"7"},{"priority":32766,"#,
            )],
            &[],
            known,
        ),
    ]);
}

fn outcome(unknown: bool) -> Disposition {
    if unknown {
        Disposition::Unmodelled
    } else {
        Disposition::Delivered
    }
}

/// A dump of `iptables-save`: a table of these chains and rules.
fn iptables(table: &str, chains: &[&str], rules: &[&str]) -> String {
    let chains: Vec<String> = (chains.iter())
        .map(|c| format!(":{c} ACCEPT [0:0]\n"))
        .collect();
    let rules: Vec<String> = rules.iter().map(|r| format!("-A {r}\n")).collect();
    format!("*{table}\n{}{}COMMIT\n", chains.concat(), rules.concat())
}

/// Targets and tables of iptables, statements of nft.
#[test]
fn targets_and_tables() {
    let mangle = |rule: &str| iptables("mangle", &["PREROUTING", "FORWARD"], &[rule]);
    let statement = |text: &str| {
        format!(
            r#"{{"nftables": [{{"table": {{"family": "inet", "name": "t"}}}}, {{"chain": {{"family": "inet", "table": "t",
            "name": "c", "type": "filter", "hook": "prerouting", "prio": 0, "policy": "accept"}}}}, {{"rule": {{"family":
            "inet", "table": "t", "chain": "c", "expr": [{text}]}}}}]}}"#
        )
    };
    let save = "a/iptables-save.txt";
    let rows: &[(bool, &str, String)] = &[
        (
            false,
            save,
            mangle("PREROUTING -j SET --add-set s src --exist"),
        ),
        (
            true,
            save,
            mangle("PREROUTING -j SET --map-set s src --map-mark"),
        ),
        (true, save, mangle("PREROUTING -j SYNPROXY --mss 1460")),
        (
            true,
            save,
            mangle("PREROUTING -j SECMARK --selctx system_u:object_r:t:s0"),
        ),
        (false, save, mangle("PREROUTING -j TOS --set-tos 0x10/0xff")),
        (true, save, iptables("rawpost", &["POSTROUTING"], &[])),
        (
            false,
            save,
            iptables("security", &["INPUT", "FORWARD"], &[]),
        ),
        (false, "a/nft.json", statement(r#"{"counter": null}"#)),
        (
            true,
            "a/nft.json",
            statement(r#"{"synproxy": {"mss": 1460, "wscale": 7}}"#),
        ),
    ];
    for (unknown, file, text) in rows {
        let put = [((*file).to_owned(), text.clone())];
        let wanted = outcome(*unknown);
        assert_eq!(ended(&put, &[(A1, B1)]), [[wanted]], "{text}");
    }
}

/// Settings that the model does not follow.
#[test]
fn settings() {
    use Put::Words;
    let with = |line: &str| {
        let new = format!("net.ipv4.ip_forward = 1\n{line}");
        Words("a/sysctl.txt", "net.ipv4.ip_forward = 1", new.leak())
    };
    // A pod's own device; of the node a device that nobody sends to.
    let deaf = |ns: &'static str| {
        let file: &'static str = format!("{ns}/sysctl.txt").leak();
        let device = if ns == "b1" { "eth0" } else { "vb1" };
        let line = format!("net.ipv6.conf.{device}.disable_ipv6 = 1\nnet.ipv6.conf.all.forwarding");
        Words(file, "net.ipv6.conf.all.forwarding", line.leak())
    };
    let unknown: &[(&str, &str)] = &[(A1, B1), (B1, A1)];
    let known: &[(&str, &str)] = &[(A1, B1), (B1, A1), (A1, A2)];
    check(&[
        (&[with("net.ipv4.ip_default_ttl = 64")], &[], known),
        (&[with("net.ipv4.ip_default_ttl = 5")], unknown, &[]),
        (&[with("net.ipv6.conf.eth0.hop_limit = 255")], &[], known),
        (&[with("net.ipv6.conf.eth0.hop_limit = 2")], unknown, &[]),
        (
            &[with("net.ipv6.conf.eth0.force_forwarding = 1")],
            unknown,
            &[],
        ),
        (&[with("net.ipv6.fwmark_reflect = 1")], unknown, &[]),
        (&[with("net.ipv4.conf.cni0.medium_id = 0")], &[], known),
        (&[with("net.ipv4.conf.cni0.medium_id = 2")], unknown, &[]),
        (&[deaf("b1")], &[(A1_V6, B1_V6)], known),
        (&[deaf("b")], &[], &[(A1_V6, B1_V6), (A1, B1)]),
        // What new devices get: of those that are there only where the dump does not say.
        (&[with("net.ipv4.conf.default.medium_id = 2")], unknown, &[]),
        (
            &[with(
                "net.ipv4.conf.default.medium_id = 2\nnet.ipv4.conf.eth0.medium_id = 0",
            )],
            &[],
            known,
        ),
    ]);
}

/// Flags of devices and of ports.
#[test]
fn flags_of_devices() {
    use Put::{Port, Words};
    let flag = |text: &'static str| Port("wire", "p1", text);
    let unknown: &[(&str, &str)] = &[(A1, B1), (B1, A1)];
    let known: &[(&str, &str)] = &[(A1, B1), (B1, A1), (A1, A2)];
    // The last of two keys of the same name is read.
    let old = |key: &str| format!(r#""{key}":false"#);
    let other = |key: &str| {
        let new = format!(r#""{key}":true"#);
        Words("wire/link.json", old(key).leak(), new.leak())
    };
    check(&[
        (&[flag(r#""mab":true"#)], unknown, &[(A1, A2)]),
        (&[flag(r#""mab":false"#)], &[], known),
        (&[other("neigh_suppress")], unknown, &[(A1, A2)]),
        (&[other("proxy_arp")], unknown, &[(A1, A2)]),
        (&[flag(r#""backup_port":"p0""#)], unknown, &[(A1, A2)]),
        (
            &[Words(
                "wire/link.json",
                r#""ageing_time":30000"#,
                r#""ageing_time":0"#,
            )],
            unknown,
            &[(A1, A2)],
        ),
    ]);
}

/// Type and priority of a chain, and its rule.
type OneChain<'a> = (&'a str, i32, &'a str);

/// Two chains of one hook in tables of their own.
fn two_chains(hook: &str, chains: [OneChain<'_>; 2]) -> String {
    let mut all = String::from(r#"{"metainfo": {}}"#);
    for (at, (kind, priority, expr)) in chains.iter().enumerate() {
        all.push_str(&format!(
            r#", {{"table": {{"family": "inet", "name": "t{at}"}}}}, {{"chain": {{"family": "inet", "table": "t{at}", "name": "c",
            "type": "{kind}", "hook": "{hook}", "prio": {priority}, "policy": "accept"}}}}, {{"rule": {{"family": "inet",
            "table": "t{at}", "chain": "c", "expr": [{expr}]}}}}"#
        ));
    }
    format!(r#"{{"nftables": [{all}]}}"#)
}

#[test]
fn chains_of_equal_priority() {
    let marks = r#"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 8}}"#;
    let asks =
        r#"{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 9}}, {"drop": null}"#;
    let drops = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 81}}, {"drop": null}"#;
    let states = r#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}}, {"drop": null}"#;
    let notrack = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 81}}, {"notrack": null}"#;
    let dnat = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 81}},
        {"dnat": {"family": "ip", "addr": "10.20.2.11", "port": 8080}}"#;
    let port = |port: &str, then: &str| -> &'static str {
        let test = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": PORT}}, "#;
        format!("{}{then}", test.replace("PORT", port)).leak()
    };
    let to = r#"{"dnat": {"family": "ip", "addr": "10.20.2.11", "port": 8080}}"#;
    let not81 = dnat.replace("==", "!=").leak();
    let accept = r#"{"accept": null}"#;
    let masquerade = r#"{"masquerade": null}"#;
    let snat = r#"{"snat": {"family": "ip", "addr": "10.20.100.1"}}"#;
    let filter = |p, e| ("filter", p, e);
    let nat = |p, e| ("nat", p, e);
    let rows: &[(bool, &str, [OneChain<'_>; 2])] = &[
        (false, "forward", [filter(0, drops), filter(0, states)]),
        (false, "forward", [filter(0, marks), filter(0, drops)]),
        (true, "forward", [filter(0, marks), filter(0, asks)]),
        (true, "forward", [filter(0, asks), filter(0, marks)]),
        (false, "forward", [filter(-1, marks), filter(0, asks)]),
        (true, "forward", [filter(0, marks), filter(0, marks)]),
        (false, "forward", [filter(0, marks), filter(0, states)]),
        (
            true,
            "prerouting",
            [filter(-300, notrack), filter(-300, states)],
        ),
        (true, "prerouting", [nat(-100, dnat), nat(-100, dnat)]),
        // Of different messages no order counts.
        (
            false,
            "prerouting",
            [nat(-100, dnat), nat(-100, port("82", to))],
        ),
        (
            false,
            "prerouting",
            [nat(-100, dnat), nat(-100, port("82", marks))],
        ),
        (
            true,
            "prerouting",
            [nat(-100, dnat), nat(-100, port("81", marks))],
        ),
        (
            true,
            "prerouting",
            [
                nat(-100, dnat),
                nat(-100, port(r#"{"range": [80, 90]}"#, to)),
            ],
        ),
        (true, "prerouting", [nat(-100, not81), nat(-100, dnat)]),
        (false, "prerouting", [nat(-100, dnat), nat(-90, dnat)]),
        (false, "prerouting", [nat(-100, dnat), nat(-100, accept)]),
        (true, "prerouting", [filter(-100, drops), nat(-90, dnat)]),
        (false, "prerouting", [filter(-99, drops), nat(-90, dnat)]),
        (
            false,
            "postrouting",
            [nat(100, masquerade), nat(100, masquerade)],
        ),
        (true, "postrouting", [nat(100, masquerade), nat(100, snat)]),
        (false, "prerouting", [filter(-100, accept), nat(-100, dnat)]),
    ];
    for (unknown, hook, chains) in rows {
        let text = two_chains(hook, *chains);
        let put = [("a/nft.json".to_owned(), text.clone())];
        let wanted = outcome(*unknown);
        assert_eq!(ended(&put, &[(A1, B1)]), [[wanted]], "{text}");
    }
    // Beside those of iptables, and through chains that others lead to.
    let save = iptables(
        "mangle",
        &["PREROUTING"],
        &["PREROUTING -j MARK --set-xmark 0x8/0x8"],
    );
    let vmap = r#"{"vmap": {"key": {"meta": {"key": "l4proto"}}, "data": {"set": [["tcp", {"jump": {"target": "d"}}]]}}}"#;
    let jumps = two_chains("prerouting", [filter(-150, vmap), filter(0, accept)]).replace(
        r#"{"metainfo": {}}"#,
        &format!(
            r#"{{"chain": {{"family": "inet", "table": "t0", "name": "d"}}}}, {{"rule": {{"family": "inet", "table": "t0",
            "chain": "d", "expr": [{asks}]}}}}"#
        ),
    );
    let both = [
        ("a/iptables-save.txt".to_owned(), save),
        ("a/nft.json".to_owned(), jumps),
    ];
    for (put, wanted) in [
        (&both[..], Disposition::Unmodelled),
        (&both[..1], Disposition::Delivered),
        (&both[1..], Disposition::Delivered),
    ] {
        assert_eq!(ended(put, &[(A1, B1)]), [[wanted]], "{}", put[0].0);
    }
}

/// A tunnel between nodes a and b instead of the route between them: what `ip -d link` says of either end.
fn tunnel(kind: &str, ends: [&str; 2]) -> Vec<Put> {
    let sides = [
        ("a", "10.20.100.1", "10.20.100.2", "10.20.2.0/24"),
        ("b", "10.20.100.2", "10.20.100.1", "10.20.1.0/24"),
    ];
    let mut all = Vec::new();
    for ((ns, local, remote, far), more) in sides.into_iter().zip(ends) {
        let device = format!(
            r#"[{{"ifindex":50,"ifname":"tun0","flags":["POINTOPOINT","NOARP","UP","LOWER_UP"],"link_type":"{kind}","linkinfo":
            {{"info_kind":"{kind}","info_data":{{"local":"{local}","remote":"{remote}","ttl":0{more}}}}}}},{{"ifindex":1,"#
        );
        let link = format!("{ns}/link.json").leak();
        all.push(Put::Words(link, r#"[{"ifindex":1,"#, device.leak()));
        let old = format!(r#""dst":"{far}","gateway":"{remote}","dev":"eth0","#);
        let new = format!(r#""dst":"{far}","dev":"tun0","#);
        let routes = format!("{ns}/route-all.json").leak();
        all.push(Put::Words(routes, old.leak(), new.leak()));
        let six = far.replace("10.20.", "fd00:20:").replace(".0/24", "::/64");
        let gateway = remote.replace("10.20.100.", "fd00:20:100::");
        let old = format!(r#""dst":"{six}","gateway":"{gateway}","dev":"eth0","#);
        let new = format!(r#""dst":"{six}","dev":"tun0","#);
        all.push(Put::Words(routes, old.leak(), new.leak()));
    }
    all
}

#[test]
fn tunnels_between_nodes() {
    use Disposition::{Delivered, Unmodelled};
    const LOST: Disposition = Disposition::Neighbour;
    let keyed = |one: &'static str, other: &'static str| [one, other];
    let key = r#","ikey":"0.0.0.1","okey":"0.0.0.1""#;
    let other = r#","ikey":"0.0.0.2","okey":"0.0.0.2""#;
    let (out, into) = (r#","okey":"0.0.0.1""#, r#","ikey":"0.0.0.1""#);
    let sums = r#","ocsum":true,"icsum":true"#;
    let fou = r#","encap":{"type":"fou","sport":5555,"dport":5555}"#;
    let none = r#","encap":{"type":"none"}"#;
    // Kind, what is said of both ends, and what becomes of IPv4 and IPv6 from a to b.
    let rows: &[(&str, [&str; 2], [Disposition; 2])] = &[
        ("ipip", ["", ""], [Delivered, LOST]),
        (
            "ipip",
            keyed(r#","proto":"ipip""#, r#","proto":"any""#),
            [Delivered, LOST],
        ),
        ("sit", ["", ""], [LOST, Delivered]),
        ("sit", [r#","proto":"any""#; 2], [Delivered, Delivered]),
        (
            "sit",
            keyed(r#","proto":"any""#, r#","proto":"ip6ip""#),
            [LOST, Delivered],
        ),
        ("gre", ["", ""], [Delivered, Delivered]),
        ("gre", [key, key], [Delivered, Delivered]),
        ("gre", [key, other], [LOST, LOST]),
        ("gre", [key, ""], [LOST, LOST]),
        ("gre", ["", key], [LOST, LOST]),
        ("gre", [out, into], [Delivered, Delivered]),
        ("gre", [into, out], [Delivered, Delivered]),
        ("gre", [out, ""], [LOST, LOST]),
        ("gre", [sums, sums], [Delivered, Delivered]),
        ("gre", [sums, ""], [LOST, LOST]),
        ("ipip", [fou, ""], [Unmodelled, Unmodelled]),
        ("ipip", ["", fou], [Unmodelled, LOST]),
        ("ipip", [none, none], [Unmodelled, Unmodelled]),
        ("ipip", [r#","external":true"#; 2], [Unmodelled, Unmodelled]),
        ("gre", [r#","fwmark":"0x1""#, ""], [Unmodelled, Unmodelled]),
        (
            "gre",
            [r#","fwmark":"0""#, r#","ignore_df":true"#],
            [Delivered, Delivered],
        ),
        ("gre", [r#","hoplimit":2"#, ""], [Unmodelled, Unmodelled]),
        ("gre", [r#","link":"eth0""#; 2], [Delivered, Delivered]),
        (
            "gre",
            [r#","link":"cni0""#, r#","link":"cni0""#],
            [Unmodelled, Unmodelled],
        ),
    ];
    for (kind, ends, wanted) in rows {
        let found = of(files(&tunnel(kind, *ends)), &[(A1, B1), (A1_6, B1_6)]);
        assert_eq!(found, wanted.map(|w| vec![w]), "{kind} {ends:?}");
    }
}

/// A VXLAN device on both nodes with addresses of its own, and the nodes' neighbours on it asked for.
fn vxlan(learning: bool, [to_b, to_a]: [bool; 2]) -> Vec<Put> {
    let sides = [
        ("a", "1", "10.20.100.2", "10.20.2.0/24", to_b),
        ("b", "2", "10.20.100.1", "10.20.1.0/24", to_a),
    ];
    let mut all = Vec::new();
    for (ns, own, remote, far, entry) in sides {
        let device = format!(
            r#"[{{"ifindex":50,"ifname":"vx0","flags":["BROADCAST","UP","LOWER_UP"],"link_type":"ether","address":
            "02:aa:00:00:00:0{own}","linkinfo":{{"info_kind":"vxlan","info_data":{{"id":7,"local":"10.20.100.{own}","port":4789,
            "learning":{learning}}}}}}},{{"ifindex":1,"#
        );
        let of = |file: &str| -> &'static str { format!("{ns}/{file}").leak() };
        all.push(Put::Words(
            of("link.json"),
            r#"[{"ifindex":1,"#,
            device.leak(),
        ));
        let address = format!(
            r#"[{{"ifindex":50,"ifname":"vx0","addr_info":[{{"family":"inet","local":"10.20.200.{own}","prefixlen":24,"scope":
            "global"}}]}},{{"ifindex":1,"#
        );
        all.push(Put::Words(
            of("addr.json"),
            r#"[{"ifindex":1,"#,
            address.leak(),
        ));
        let gateway = format!("10.20.200.{}", &remote[10..]);
        let old = format!(r#"{{"type":"unicast","dst":"{far}","gateway":"{remote}","dev":"eth0","#);
        let new = format!(
            r#"{{"type":"local","dst":"10.20.200.{own}","dev":"vx0","table":"local","scope":"host"}},{{"type":"unicast","dst":
            "10.20.200.0/24","dev":"vx0","table":"main","scope":"link"}},{{"type":"unicast","dst":"{far}","gateway":"{gateway}",
            "dev":"vx0","#
        );
        all.push(Put::Words(of("route-all.json"), old.leak(), new.leak()));
        let fdb = if entry {
            format!(
                r#"[{{"mac":"00:00:00:00:00:00","ifname":"vx0","dst":"{remote}","flags":["self"],"state":"permanent"}}]"#
            )
        } else {
            "[]".to_owned()
        };
        all.push(Put::Dump(of("bridge-fdb.before.json"), fdb.leak()));
    }
    all
}

/// Who answers over VXLAN must know where the asker is, or have learnt it.
#[test]
fn answers_over_vxlan() {
    use Disposition::{Delivered, Neighbour, NoReply, Unmodelled};
    let rows = [
        (false, [true, true], [Delivered, Delivered]),
        (false, [true, false], [Neighbour, Neighbour]),
        (false, [false, true], [Neighbour, Neighbour]),
        (true, [true, true], [Delivered, Delivered]),
        // Whether b has heard of a, which it cannot ask for.
        (true, [true, false], [NoReply, Unmodelled]),
    ];
    for (learning, entries, wanted) in rows {
        let found = of(files(&vxlan(learning, entries)), &[(A1, B1), (B1, A1)]);
        assert_eq!(found, wanted.map(|w| vec![w]), "{learning} {entries:?}");
    }
}

/// What is put there, from and to whom, and what may become of it.
type Answers<'a> = (&'a [Put], (&'a str, &'a str), &'a [Disposition]);

/// Devices that answer where the dump of whoever is below them shows nothing; those that answer for others, or not for
/// themselves.
#[test]
fn who_answers() {
    use Disposition::{Delivered, Neighbour, Unmodelled};
    let nobody = "10.20.100.99";
    let rider = |mode: &str| {
        let device = format!(
            r#"[{{"ifindex":77,"ifname":"mv0","link_index":2,"flags":["BROADCAST","UP","LOWER_UP"],"link_type":"ether","linkinfo":
            {{"info_kind":"macvlan","info_data":{{"mode":"{mode}"}}}}}},{{"ifindex":1,"#
        );
        Put::Words("a2/link.json", r#"[{"ifindex":1,"#, device.leak())
    };
    let with = |line: &str| {
        let new = format!("net.ipv4.ip_forward = 1\n{line}");
        Put::Words("a/sysctl.txt", "net.ipv4.ip_forward = 1", new.leak())
    };
    let routes = "a/route-all.json";
    let detour =
        r#"[{"type":"unicast","dst":"10.20.100.2","dev":"cni0","table":"main","scope":"link"},{"#;
    let detour = || Put::Words(routes, "[{", detour);
    let rows: &[Answers<'_>] = &[
        (&[], (B1, nobody), &[Neighbour]),
        (&[rider("bridge")], (B1, nobody), &[Unmodelled]),
        (&[rider("bridge")], (B1, A1), &[Delivered]),
        (&[rider("passthru")], (B1, A1), &[Unmodelled]),
        (
            &[with("net.ipv4.conf.eth0.proxy_arp_pvlan = 1")],
            (B1, nobody),
            &[Unmodelled],
        ),
        (&[detour()], (B1, A1), &[Delivered]),
        (
            &[detour(), with("net.ipv4.conf.eth0.arp_filter = 1")],
            (B1, A1),
            // Unless a has asked first.
            &[Neighbour, Delivered],
        ),
        (
            &[with("net.ipv4.conf.eth0.arp_filter = 1")],
            (B1, A1),
            &[Delivered],
        ),
        (
            &[with("net.ipv4.conf.eth0.arp_ignore = 2")],
            (B1, A1),
            &[Unmodelled],
        ),
    ];
    for (at, (put, (from, to), wanted)) in rows.iter().enumerate() {
        assert_eq!(ends(put, from, to), *wanted, "row {at}");
    }
}
