//! Services of every kind, from YAML to what happens to a message. The rows are named after the corner cases.
//!
//! Each row is decided twice: the simulator walks every outcome, and the solver must prove that there is no other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

mod support;

use std::collections::BTreeSet;
use std::net::IpAddr;

use kubeproof::base::source::SourceMap;
use kubeproof::findings;
use kubeproof::input::{self, Input, Options};
use kubeproof::logic::bind::bind;
use kubeproof::lower::Lowered;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::inet::Protocol;
use kubeproof::network::header::Header;
use kubeproof::network::trace::Disposition;
use kubeproof::sim::walk;
use kubeproof::smt::backend::Z3;
use kubeproof::smt::solver::Solver;
use kubeproof::verify::direct;
use kubeproof::verify::verdict::Verdict;
use support::{compare, formulas};

/// Two nodes; pods `a` (n1) and `b` (n2) of `app: web`, a client on each node, a pod of the host network on n2.
const NODES: &str = "\
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}
";

/// `name node address labels ports more`.
fn pod(name: &str, node: &str, ip: &str, labels: &str, ports: &str, more: &str) -> String {
    let host = if ip.starts_with("192.0.2.") {
        "hostNetwork: true, "
    } else {
        ""
    };
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let deleted = if more == "terminating" {
        ", deletionTimestamp: \"2026-01-01T00:00:00Z\""
    } else {
        ""
    };
    let ready = if more == "unready" { "False" } else { "True" };
    let phase = if more == "completed" {
        "Succeeded"
    } else {
        "Running"
    };
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}{deleted}}}\n\
         spec: {{{host}nodeName: {node}, containers: [{{name: c, image: x, ports: [{ports}]}}]}}\n\
         status: {{phase: {phase}, podIP: {ip}, podIPs: [{{ip: {ip}}}], conditions: [{{type: Ready, status: \"{ready}\"}}]}}\n"
    )
}

fn service(name: &str, spec: &str) -> String {
    format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

fn slice(name: &str, endpoints: &str, ports: &str) -> String {
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-1, labels: {{kubernetes.io/service-name: {name}}}}}\n\
         addressType: IPv4\nendpoints: [{endpoints}]\nports: [{ports}]\n"
    )
}

const HTTP: &str = "{name: http, containerPort: 8080}";

/// The pods of most rows.
fn usual() -> String {
    [
        NODES.to_owned(),
        pod("a", "n1", "10.1.1.1", "app: web", HTTP, ""),
        pod("b", "n2", "10.1.2.1", "app: web", HTTP, ""),
        pod("client1", "n1", "10.1.1.9", "app: client", "", ""),
        pod("client2", "n2", "10.1.2.9", "app: client", "", ""),
    ]
    .concat()
}

/// Endpoints as they were before slices.
fn endpoints(name: &str, subsets: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Endpoints\nmetadata: {{name: {name}}}\nsubsets: [{subsets}]\n"
    )
}

/// The usual pods and nodes with an address of either family; `b` has IPv4 alone.
fn dual() -> String {
    let mut text = usual();
    for n in 1..=2 {
        text = text.replace(
            &format!("address: 192.0.2.{n}}}"),
            &format!("address: 192.0.2.{n}}}, {{type: InternalIP, address: \"fd00:9::{n}\"}}"),
        );
    }
    for (v4, v6) in [
        ("10.1.1.1", "fd00:1::1"),
        ("10.1.1.9", "fd00:1::9"),
        ("10.1.2.9", "fd00:2::9"),
    ] {
        text = text.replace(
            &format!("podIPs: [{{ip: {v4}}}]"),
            &format!("podIPs: [{{ip: {v4}}}, {{ip: \"{v6}\"}}]"),
        );
    }
    text
}

fn without(name: &str, all: &str) -> String {
    let keep = |text: &&str| !text.contains(&format!("metadata: {{name: {name},"));
    let parts: Vec<&str> = all.split("---\n").filter(keep).collect();
    parts.join("---\n")
}

fn load(text: &str) -> Result<Cluster, String> {
    let mut sources = SourceMap::new();
    let source = sources.add("input.yaml", text);
    let input = Input {
        source,
        path: "input.yaml".to_owned(),
        named: true,
    };
    let mut loaded = input::load(&sources, &[input], Options::default());
    let told: Vec<String> = loaded
        .all_diagnostics()
        .map(|d| format!("{} {}", d.code, d.message))
        .collect();
    let cluster = loaded.clusters.pop().and_then(|c| c.cluster);
    cluster.filter(|_| !loaded.failed()).ok_or(told.join("\n"))
}

fn cluster(text: &str) -> (Cluster, Lowered) {
    let cluster = load(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let lowered = compare::lowered(&cluster).unwrap();
    (cluster, lowered)
}

/// Who sends, from which address.
fn source(from: &str) -> (&'static str, IpAddr) {
    let (name, ip) = match from {
        "a" => ("container/default/a/c", "10.1.1.1"),
        "client1" => ("container/default/client1/c", "10.1.1.9"),
        "client2" => ("container/default/client2/c", "10.1.2.9"),
        "n1" => ("daemon/n1/kubelet", "192.0.2.1"),
        "n2" => ("daemon/n2/kubelet", "192.0.2.2"),
        "outside" => ("external/outside", "198.51.100.7"),
        "client1 v6" => ("container/default/client1/c", "fd00:1::9"),
        "client2 v6" => ("container/default/client2/c", "fd00:2::9"),
        "a v6" => ("container/default/a/c", "fd00:1::1"),
        _ => panic!("{from}"),
    };
    (name, ip.parse().unwrap())
}

/// The outcomes of `from > address:port`: `source > destination:port` where it is delivered and answered, else why not.
fn outcomes(cluster: &Cluster, lowered: &Lowered, from: &str, to: &str) -> BTreeSet<String> {
    let (name, source) = source(from);
    let sender = cluster
        .ids()
        .find(|id| cluster.name_of(*id).to_string() == name)
        .unwrap();
    let (ip, port) = to.rsplit_once(':').unwrap();
    let header = Header {
        protocol: Protocol::Tcp,
        source,
        source_port: 49152,
        destination: ip.parse().unwrap(),
        destination_port: port.parse().unwrap(),
    };
    let trace = walk::trace(&lowered.network, sender, header).unwrap();
    let shown = trace
        .outcomes
        .iter()
        .map(|o| match (o.disposition, o.received) {
            (Disposition::Delivered, Some(h)) => {
                format!("{} > {}:{}", h.source, h.destination, h.destination_port)
            }
            (why, _) => why.word().to_owned(),
        });
    shown.collect()
}

/// The solver on the same message: received in one of these ways and in no other, each of them possible.
fn solver_agrees(lowered: &Lowered, from: &str, to: &str, expected: &BTreeSet<String>) {
    let (_, source) = source(from);
    let (ip, port) = to.rsplit_once(':').unwrap();
    let send = format!("forall e. Send(e, _, {source}, 49152, {ip}, {port}) and proto(e) = TCP");
    let ways: Vec<String> = expected
        .iter()
        .filter_map(|way| way.split_once(" > "))
        .map(|(from, to)| {
            let (to, port) = to.rsplit_once(':').unwrap();
            format!("Recv(e, _, {from}, _, {to}, {port})")
        })
        .collect();
    let mut text = String::new();
    for (i, way) in ways.iter().enumerate() {
        text += &format!("constraint w{i} \"\" {send} => not {way}\n");
    }
    let dies = ways.len() < expected.len();
    let any = if ways.is_empty() {
        "not Recv(e, _, _, _, _, _)".to_owned()
    } else {
        format!("({}) and Replied(e)", ways.join(" or "))
    };
    text += &format!("constraint all \"\" {send} => {any}\n");
    let constraints = formulas::read(&text).unwrap_or_else(|why| panic!("{why:?}\n{text}"));
    let bound: Vec<_> = constraints
        .iter()
        .map(|c| bind(c, &lowered.structure).unwrap())
        .collect();
    let checked = direct::check(lowered, &bound, direct::Options::default(), &|| {
        Box::new(Z3::new()) as Box<dyn Solver>
    });
    for result in checked.unwrap().results {
        let wanted = match result.id.as_str() {
            "all" if dies && !ways.is_empty() => Verdict::Violated,
            "all" => Verdict::Proven,
            _ => Verdict::Violated,
        };
        assert_eq!(
            result.verdict, wanted,
            "{from} > {to}: {}\n{text}",
            result.id
        );
    }
}

struct Row {
    name: &'static str,
    text: String,
    asked: &'static [(&'static str, &'static str, &'static [&'static str])],
}

const VIA: &str = "clusterIP: 10.96.0.10";

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let web = |more: &str| service("web", &format!("{VIA}, selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080{more}}}]"));
    let of = |spec: &str| service("web", &format!("{VIA}, selector: {{app: web}}, {spec}"));
    vec![
        Row { name: "cluster-ip", text: usual() + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:8080"]),
            ("n1", "10.96.0.10:80", &["192.0.2.1 > 10.1.1.1:8080", "192.0.2.1 > 10.1.2.1:8080"]),
            ("outside", "10.96.0.10:80", &["no-route"]),
        ]},
        Row { name: "39-empty-selector", text: usual() + &service("web", &format!("{VIA}, selector: {{}}, ports: [{{port: 80, targetPort: 8080}}]")), asked: &[
            ("client1", "10.96.0.10:80", &["no-endpoint"]),
        ]},
        Row { name: "40-another-namespace", text: without("b", &usual()) + &pod("other/b", "n2", "10.1.2.1", "app: web", HTTP, "") + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
        ]},
        Row { name: "41-not-ready", text: without("b", &usual()) + &pod("b", "n2", "10.1.2.1", "app: web", HTTP, "unready") + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
        ]},
        Row { name: "41-terminating-beside-ready", text: without("b", &usual()) + &pod("b", "n2", "10.1.2.1", "app: web", HTTP, "terminating") + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
        ]},
        Row { name: "41-terminating-alone", text: without("a", &without("b", &usual())) + &pod("b", "n2", "10.1.2.1", "app: web", HTTP, "terminating") + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.2.1:8080"]),
        ]},
        Row { name: "41-completed", text: without("b", &usual()) + &pod("b", "n2", "10.1.2.1", "app: web", HTTP, "completed") + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
        ]},
        Row { name: "42-publish-not-ready", text: without("b", &usual()) + &pod("b", "n2", "10.1.2.1", "app: web", HTTP, "unready")
            + &of("publishNotReadyAddresses: true, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:8080"]),
        ]},
        Row { name: "43-no-conditions", text: usual() + &web("") + &slice("web", "{addresses: [10.1.2.1]}", "{port: 8080}"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.2.1:8080"]),
        ]},
        Row { name: "43-ready-false", text: usual() + &web("") + &slice("web", "{addresses: [10.1.2.1], conditions: {ready: false}}", "{port: 8080}"), asked: &[
            ("client1", "10.96.0.10:80", &["no-endpoint"]),
        ]},
        Row { name: "44-named-port-missing-on-one", text: without("b", &usual()) + &pod("b", "n2", "10.1.2.1", "app: web", "{name: other, containerPort: 8080}", "")
            + &of("ports: [{port: 80, targetPort: http}]"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
        ]},
        Row { name: "44-named-port-differs", text: without("b", &usual()) + &pod("b", "n2", "10.1.2.1", "app: web", "{name: http, containerPort: 9090}", "")
            + &of("ports: [{port: 80, targetPort: http}]"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:9090"]),
        ]},
        Row { name: "45-named-port-of-another-protocol", text: without("a", &without("b", &usual())) + &pod("b", "n2", "10.1.2.1", "app: web", "{name: http, containerPort: 8080, protocol: UDP}", "")
            + &of("ports: [{port: 80, targetPort: http}]"), asked: &[
            ("client1", "10.96.0.10:80", &["no-endpoint"]),
        ]},
        Row { name: "46-headless", text: usual() + &service("web", "clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("client1", "10.1.1.1:8080", &["10.1.1.9 > 10.1.1.1:8080"]),
            ("client1", "10.1.1.1:80", &["closed-port"]),
        ]},
        Row { name: "47-no-endpoints", text: without("a", &without("b", &usual())) + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["no-endpoint"]),
        ]},
        Row { name: "47-internal-local", text: without("b", &usual()) + &of("internalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
            ("client2", "10.96.0.10:80", &["no-endpoint"]),
            ("n2", "10.96.0.10:80", &["no-endpoint"]),
        ]},
        Row { name: "48-external-local", text: without("b", &usual()) + &of("type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]"), asked: &[
            ("client2", "192.0.2.2:30080", &["10.1.2.9 > 10.1.1.1:8080"]),
            ("n2", "192.0.2.2:30080", &["192.0.2.2 > 10.1.1.1:8080"]),
            ("outside", "192.0.2.2:30080", &["no-endpoint"]),
            ("outside", "192.0.2.1:30080", &["198.51.100.7 > 10.1.1.1:8080"]),
            ("client1", "192.0.2.2:30080", &["no-endpoint"]),
        ]},
        Row { name: "node-port", text: usual() + &of("type: NodePort, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]"), asked: &[
            ("client1", "192.0.2.2:30080", &["192.0.2.2 > 10.1.1.1:8080", "192.0.2.2 > 10.1.2.1:8080"]),
            ("outside", "192.0.2.1:30080", &["192.0.2.1 > 10.1.1.1:8080", "192.0.2.1 > 10.1.2.1:8080"]),
            ("client1", "192.0.2.2:30081", &["closed-port"]),
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:8080"]),
        ]},
        Row { name: "load-balancer", text: usual() + &of("type: LoadBalancer, loadBalancerSourceRanges: [198.51.100.0/24, 10.1.1.0/24], ports: [{port: 80, targetPort: 8080, nodePort: 30080}]")
            + "status: {loadBalancer: {ingress: [{ip: 203.0.113.7}, {ip: 203.0.113.8, ipMode: Proxy}]}}\n", asked: &[
            ("client1", "203.0.113.7:80", &["192.0.2.1 > 10.1.1.1:8080", "192.0.2.1 > 10.1.2.1:8080"]),
            ("client2", "203.0.113.7:80", &["discard-rule"]),
            // Which node takes it in is a choice.
            ("outside", "203.0.113.7:80", &["192.0.2.1 > 10.1.1.1:8080", "192.0.2.1 > 10.1.2.1:8080", "192.0.2.2 > 10.1.1.1:8080", "192.0.2.2 > 10.1.2.1:8080"]),
            ("client1", "203.0.113.7:81", &["no-route"]),
        ]},
        Row { name: "external-ip", text: usual() + &of("externalIPs: [203.0.113.9], externalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("client1", "203.0.113.9:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:8080"]),
            // Only nodes with an endpoint take it in, each with its own.
            ("outside", "203.0.113.9:80", &["198.51.100.7 > 10.1.1.1:8080", "198.51.100.7 > 10.1.2.1:8080"]),
        ]},
        Row { name: "external-ip-one-node", text: without("b", &usual()) + &of("externalIPs: [203.0.113.9], externalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("outside", "203.0.113.9:80", &["198.51.100.7 > 10.1.1.1:8080"]),
        ]},
        Row { name: "external-ip-no-endpoint", text: without("a", &without("b", &usual())) + &of("externalIPs: [203.0.113.9], externalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("outside", "203.0.113.9:80", &["no-endpoint"]),
        ]},
        Row { name: "49-two-protocols", text: usual() + &of("ports: [{name: t, port: 53, targetPort: 8080}, {name: u, port: 53, protocol: UDP, targetPort: 9999}]"), asked: &[
            ("client1", "10.96.0.10:53", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:8080"]),
        ]},
        Row { name: "50-hairpin", text: without("b", &usual()) + &web(""), asked: &[
            ("a", "10.96.0.10:80", &["192.0.2.1 > 10.1.1.1:8080"]),
        ]},
        Row { name: "host-network-endpoint", text: without("b", &usual()) + &pod("b", "n2", "192.0.2.2", "app: web", HTTP, "") + &web(""), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 192.0.2.2:8080"]),
            ("n2", "10.96.0.10:80", &["192.0.2.2 > 10.1.1.1:8080", "192.0.2.2 > 192.0.2.2:8080"]),
        ]},
        Row { name: "endpoint-outside", text: usual() + &service("web", &format!("{VIA}, ports: [{{port: 80}}]")) + &slice("web", "{addresses: [203.0.113.50]}", "{port: 5432}"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 203.0.113.50:5432"]),
        ]},
        Row { name: "dual-stack", text: dual() + &of("clusterIPs: [10.96.0.10, \"fd00:96::10\"], ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack, ports: [{port: 80, targetPort: 8080}]"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "10.1.1.9 > 10.1.2.1:8080"]),
            ("client1 v6", "fd00:96::10:80", &["fd00:1::9 > fd00:1::1:8080"]),
            ("client2 v6", "fd00:96::10:80", &["fd00:2::9 > fd00:1::1:8080"]),
            ("a v6", "fd00:96::10:80", &["fd00:9::1 > fd00:1::1:8080"]),
        ]},
        Row { name: "ipv6-alone", text: dual() + &service("web", "clusterIP: \"fd00:96::10\", ipFamilies: [IPv6], selector: {app: web}, type: NodePort, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]"), asked: &[
            ("client2 v6", "fd00:96::10:80", &["fd00:2::9 > fd00:1::1:8080"]),
            ("client2 v6", "fd00:9::1:30080", &["fd00:9::1 > fd00:1::1:8080"]),
            ("client2", "192.0.2.1:30080", &["closed-port"]),
        ]},
        Row { name: "endpoints", text: usual() + &service("web", &format!("{VIA}, ports: [{{port: 80}}]")) + &endpoints("web", "{addresses: [{ip: 10.1.1.1}], ports: [{port: 8080}]}, {addresses: [{ip: 10.1.2.1}], ports: [{port: 9}]}"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080", "closed-port"]),
        ]},
        Row { name: "endpoints-not-ready", text: usual() + &service("web", &format!("{VIA}, ports: [{{port: 80}}]")) + &endpoints("web", "{addresses: [{ip: 10.1.1.1}], notReadyAddresses: [{ip: 10.1.2.1}], ports: [{port: 8080}]}"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.1.1:8080"]),
        ]},
        Row { name: "endpoints-beside-slices", text: usual() + &service("web", &format!("{VIA}, ports: [{{port: 80}}]")) + &endpoints("web", "{addresses: [{ip: 10.1.1.1}], ports: [{port: 8080}]}")
            + &slice("web", "{addresses: [10.1.2.1]}", "{port: 8080}"), asked: &[
            ("client1", "10.96.0.10:80", &["10.1.1.9 > 10.1.2.1:8080"]),
        ]},
        Row { name: "58-host-port", text: without("a", &usual()) + &pod("a", "n1", "10.1.1.1", "app: web", "{containerPort: 8080, hostPort: 18080}", ""), asked: &[
            ("client2", "192.0.2.1:18080", &["10.1.2.9 > 10.1.1.1:8080"]),
            ("client1", "192.0.2.1:18080", &["192.0.2.1 > 10.1.1.1:8080"]),
            ("outside", "192.0.2.1:18080", &["198.51.100.7 > 10.1.1.1:8080"]),
            ("client1", "192.0.2.2:18080", &["closed-port"]),
        ]},
    ]
}

#[test]
fn corner_cases() {
    for row in rows() {
        let (cluster, lowered) = cluster(&row.text);
        for (from, to, expected) in row.asked {
            let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
            let got = outcomes(&cluster, &lowered, from, to);
            assert_eq!(got, expected, "{}: {from} > {to}", row.name);
            solver_agrees(&lowered, from, to, &expected);
        }
    }
}

/// Rows without a Service that has an address and an endpoint.
const OWES_NOTHING: &[&str] = &[
    "39-empty-selector",
    "43-ready-false",
    "45-named-port-of-another-protocol",
    "46-headless",
    "47-no-endpoints",
    "58-host-port",
    "external-ip-no-endpoint",
];

/// The built-in constraints on the same clusters: what is due is proven, what is not due is not asked for.
#[test]
fn constraints() {
    for row in rows() {
        let (_, lowered) = cluster(&row.text);
        let bound: Vec<_> = compare::constraints()
            .iter()
            .filter(|c| ["KP007", "KP008", "KP009", "KP010", "KP012"].contains(&c.id.as_str()))
            .map(|c| bind(c, &lowered.structure).unwrap())
            .collect();
        let checked = direct::check(&lowered, &bound, direct::Options::default(), &|| {
            Box::new(Z3::new()) as Box<dyn Solver>
        });
        for result in checked.unwrap().results {
            let wanted: &[Verdict] = match result.id.as_str() {
                "KP008" if OWES_NOTHING.contains(&row.name) => &[Verdict::Vacuous],
                // Nobody listens where one of its ports leads.
                "KP008" if ["49-two-protocols", "endpoints"].contains(&row.name) => {
                    &[Verdict::Violated]
                }
                // The slices of these rows leave out a pod that the selector means.
                "KP012" if row.name.starts_with("43-") => &[Verdict::Violated],
                "KP007" | "KP012" => &[Verdict::Proven, Verdict::Vacuous],
                _ => &[Verdict::Proven],
            };
            assert!(
                wanted.contains(&result.verdict),
                "{}: {} is {:?}: {}",
                row.name,
                result.id,
                result.verdict,
                result.detail
            );
        }
    }
}

/// What the API server refuses, and fields that nobody knows.
#[test]
fn refused() {
    let rows = [
        ("clusterIP: 10.96.0.300, ports: [{port: 80}]", "I021"),
        ("clusterIP: 127.0.0.1, ports: [{port: 80}]", "K202"),
        (
            "type: NodePort, clusterIP: None, ports: [{port: 80}]",
            "K201",
        ),
        (
            "clusterIP: 10.96.0.1, clusterIPs: [10.96.0.2], ports: [{port: 80}]",
            "K202",
        ),
        (
            "clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 10.96.0.2], ports: [{port: 80}]",
            "K202",
        ),
        ("ipFamilies: [IPv4, IPv4], ports: [{port: 80}]", "K202"),
        ("selector: {a: b}", "K201"),
        ("ports: [{port: 0}]", "I023"),
        ("ports: [{port: 80, protocol: tcp}]", "I024"),
        ("ports: [{port: 80, targetPort: \"8080\"}]", "K203"),
        ("ports: [{port: 80, nodePort: 30080}]", "K201"),
        ("ports: [{port: 80, name: x}, {port: 80, name: y}]", "K203"),
        ("ports: [{port: 80, name: x}, {port: 81, name: x}]", "K203"),
        ("ports: [{port: 80}, {port: 81}]", "K203"),
        ("type: ClusterIp, ports: [{port: 80}]", "I027"),
        ("externalTrafficPolicy: Local, ports: [{port: 80}]", "K201"),
        ("type: ExternalName", "I019"),
        ("selectr: {a: b}, ports: [{port: 80}]", "I018"),
        ("selector: {version: 1.0}, ports: [{port: 80}]", "I020"),
        ("externalIPs: [10.0.0.0/8], ports: [{port: 80}]", "I021"),
    ];
    for (spec, code) in rows {
        let told = load(&(NODES.to_owned() + &service("web", spec))).unwrap_err();
        assert!(told.contains(code), "{spec}: {told}");
    }
    let object = |kind: &str, group: &str, spec: &str| {
        format!("---\napiVersion: {group}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n")
    };
    let ingress = |spec: &str| object("Ingress", "networking.k8s.io/v1", spec);
    let gateway = |kind: &str, spec: &str| object(kind, "gateway.networking.k8s.io/v1", spec);
    let node_port =
        |name: &str| service(name, "type: NodePort, ports: [{port: 80, nodePort: 30080}]");
    let rows = [
        (ingress("{}"), "K208"),
        (ingress("{rules: [{http: {paths: []}}]}"), "K208"),
        (ingress("{ruls: []}"), "I018"),
        (
            gateway("Gateway", "{gatewayClassName: x, listeners: []}"),
            "K209",
        ),
        (
            gateway("HTTPRoute", "{rules: [{backendRefs: [{name: web}]}]}"),
            "K209",
        ),
        (node_port("web") + &node_port("other"), "K207"),
    ];
    for (text, code) in rows {
        let told = load(&(NODES.to_owned() + &text)).unwrap_err();
        assert!(told.contains(code), "{text}: {told}");
    }
    let slices = [
        ("{addresses: []}", "{port: 80}", "K204"),
        ("{addresses: [127.0.0.1]}", "{port: 80}", "K204"),
        ("{addresses: [\"fd00::1\"]}", "{port: 80}", "K204"),
        (
            "{addresses: [10.1.1.1], conditions: {redy: true}}",
            "{port: 80}",
            "I018",
        ),
        ("{addresses: [10.1.1.1]}", "{port: 80}, {port: 81}", "K204"),
    ];
    for (endpoints, ports, code) in slices {
        let told = load(&(NODES.to_owned() + &slice("web", endpoints, ports))).unwrap_err();
        assert!(told.contains(code), "{endpoints}: {told}");
    }
}

/// Findings, with the line to blame.
#[test]
fn findings_tell_the_line() {
    let ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n\
                   spec: {defaultBackend: {service: {name: web, port: {number: 8080}}}}\n";
    let route = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: x}\n\
                 spec: {rules: [{backendRefs: [{name: web, namespace: default, port: 80}]}]}\n";
    let web = |spec: &str| service("web", &format!("{VIA}, selector: {{app: web}}, {spec}"));
    let plain = "ports: [{port: 80, targetPort: 8080}]";
    let policy = |rules: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{podSelector: {{matchLabels: {{app: web}}}}, {rules}}}\n"
        )
    };
    let rows: Vec<(String, Vec<&str>)> = vec![
        (usual() + &web(plain), vec![]),
        (
            usual() + &service("web", "selector: {app: none}, ports: [{port: 80}]"),
            vec!["F010"],
        ),
        (usual() + &web("ports: [{port: 80}]"), vec!["F011"]),
        (
            usual() + &web("ports: [{port: 80, targetPort: nope}]"),
            vec!["F003", "F012"],
        ),
        (
            usual() + &web(plain) + &slice("web", "{addresses: [10.1.2.1]}", "{port: 8080}"),
            vec!["F013"],
        ),
        (usual() + &web(plain) + ingress, vec!["F017", "F019"]),
        (usual() + &web(plain) + route, vec!["F018", "F019"]),
        (
            usual()
                + &pod(
                    "x1",
                    "n1",
                    "10.1.1.5",
                    "",
                    "{containerPort: 1, hostPort: 99}",
                    "",
                )
                + &pod(
                    "x2",
                    "n1",
                    "10.1.1.6",
                    "",
                    "{containerPort: 1, hostPort: 99}",
                    "",
                ),
            vec!["F014"],
        ),
        (
            usual()
                + &service("web", &format!("{VIA}, ports: [{{port: 80}}]"))
                + &slice("web", "{addresses: [203.0.113.50]}", "{port: 5432}"),
            vec!["F015"],
        ),
        (
            usual() + &web(&format!("externalIPs: [203.0.113.9], {plain}")),
            vec![],
        ),
        (
            usual() + &web(plain) + &policy("ingress: [{ports: [{port: 80}]}]"),
            vec!["F104"],
        ),
        (
            usual() + &web(plain) + &policy("ingress: [{ports: [{port: 8080}]}]"),
            vec![],
        ),
        (
            usual() + &web(plain) + &policy("egress: [{to: [{ipBlock: {cidr: 10.96.0.0/16}}]}]"),
            vec!["F105"],
        ),
        (
            usual() + &web(plain) + &policy("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"),
            vec![],
        ),
    ];
    for (text, expected) in rows {
        let (cluster, lowered) = cluster(&text);
        let found = findings::findings(&cluster, &lowered);
        let ids: Vec<&str> = found.iter().map(|f| f.id).collect();
        assert_eq!(ids, expected, "{found:?}");
        assert!(found.iter().all(|f| f.source.is_some()));
    }
}

/// A route that no listener of its Gateway takes brings nothing in.
#[test]
fn routes_that_are_not_attached() {
    let gateway = |listener: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g, namespace: x}}\nspec: {{gatewayClassName: c, listeners: [{{name: web, port: 80, protocol: HTTP{listener}}}]}}\n"
        )
    };
    let route = |namespace: &str, parent: &str, more: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r, namespace: {namespace}}}\nspec: {{parentRefs: [{{name: g, namespace: x{parent}}}]{more}}}\n"
        )
    };
    let given =
        "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: other, labels: {team: a}}\n";
    let from = |from: &str| format!(", allowedRoutes: {{namespaces: {{{from}}}}}");
    let team = |team: &str| {
        from(&format!(
            "from: Selector, selector: {{matchLabels: {{team: {team}}}}}"
        ))
    };
    let hosts = |host: &str| format!(", hostnames: [{host}]");
    for (listener, namespace, parent, more, why) in [
        ("", "x", "", "", ""),
        ("", "x", ", sectionName: web, port: 80", "", ""),
        (
            "",
            "x",
            ", sectionName: nope",
            "",
            "no listener of this name",
        ),
        ("", "x", ", port: 81", "", "on this port"),
        ("", "x", ", kind: Service, group: \"\"", "", ""),
        ("", "other", "", "", "routes of this namespace"),
        (&*from("from: All"), "other", "", "", ""),
        (
            &*from("from: None"),
            "x",
            "",
            "",
            "routes of this namespace",
        ),
        (&*team("a"), "other", "", "", ""),
        (&*team("b"), "other", "", "", "routes of this namespace"),
        (&*team("b"), "unsaid", "", "", ""),
        (
            ", allowedRoutes: {kinds: [{kind: GRPCRoute}]}",
            "x",
            "",
            "",
            "routes of this kind",
        ),
        (", hostname: a.example.com", "x", "", "", ""),
        (
            ", hostname: a.example.com",
            "x",
            "",
            &*hosts("b.example.com"),
            "other hosts",
        ),
        (
            ", hostname: a.example.com",
            "x",
            "",
            &*hosts("\"*.example.com\""),
            "",
        ),
        (
            ", hostname: \"*.example.com\"",
            "x",
            "",
            &*hosts("a.b.example.com"),
            "",
        ),
        (
            ", hostname: \"*.example.com\"",
            "x",
            "",
            &*hosts("example.com"),
            "other hosts",
        ),
    ] {
        let unsaid = pod("unsaid/p", "n1", "10.1.1.9", "", "", "");
        let text = NODES.to_owned()
            + given
            + &unsaid
            + &gateway(listener)
            + &route(namespace, parent, more);
        let (cluster, lowered) = cluster(&text);
        let all = findings::findings(&cluster, &lowered);
        let told: Vec<&str> = all
            .iter()
            .filter(|f| f.id == "F016")
            .map(|f| f.message.as_str())
            .collect();
        assert_eq!(
            told.is_empty(),
            why.is_empty(),
            "{listener} {namespace} {parent} {more} {told:?}"
        );
        assert!(told.iter().all(|t| t.contains(why)), "{told:?}");
    }
    let alone = NODES.to_owned() + &route("x", "", "");
    let (cluster, lowered) = cluster(&alone);
    let all = findings::findings(&cluster, &lowered);
    assert!(
        all.iter()
            .any(|f| f.id == "F016" && f.message.contains("does not exist"))
    );
}
