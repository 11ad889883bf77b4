//! The corner cases of policies, one row each: objects → gates → decisions; and what the readers refuse.
//!
//! The world of every row: nodes n1 (10.9.0.1) and n2 (10.9.0.2); in each of the namespaces x, y, z the pods a (on n1), b
//! and c (on n2), with labels `app: a|b|c`. x/a is 10.1.1.1, x/b 10.1.1.2, y/a 10.1.2.1, z/c 10.1.3.3. Each names port 80
//! `web` and port 53/UDP `dns`; y/b names 8080 `web` instead. Pod x/host is in the network of n2.

#![allow(
    clippy::pedantic,
    clippy::cloned_ref_to_slice_refs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

#[path = "support/policy_world.rs"]
mod policy_world;

use kubeproof::base::diag::Severity;
use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::Settings;
use kubeproof::network::gate::Direction;
use kubeproof::policy::hangs_on;
use kubeproof::policy::hinges::Choice;
use policy_world::{End, Gates, World, world};

fn base() -> String {
    let mut text = String::new();
    for n in 1..=2 {
        text += &format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: n{n}, labels: {{zone: z{n}}}}}\nstatus: {{addresses: [{{type: InternalIP, address: 10.9.0.{n}}}]}}\n"
        );
    }
    for (i, space) in ["x", "\"y\"", "z"].iter().enumerate() {
        text += &format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}, labels: {{ns: {space}}}}}\n"
        );
        for (j, pod) in ["a", "b", "c"].iter().enumerate() {
            let web = if *space == "\"y\"" && *pod == "b" {
                8080
            } else {
                80
            };
            let node = if *pod == "a" { 1 } else { 2 };
            let (i, j) = (i + 1, j + 1);
            text += &format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}, namespace: {space}, labels: {{app: {pod}, empty: \"\"}}}}\n\
                 spec: {{nodeName: n{node}, containers: [{{name: c, ports: [{{name: web, containerPort: {web}}}, {{name: dns, containerPort: 53, protocol: UDP}}]}}]}}\n\
                 status: {{podIPs: [{{ip: 10.1.{i}.{j}}}, {{ip: \"fd00::{i}:{j}\"}}]}}\n"
            );
        }
    }
    text + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: host, namespace: x, labels: {app: host}}\n\
            spec: {nodeName: n2, hostNetwork: true, containers: [{name: c, ports: []}]}\nstatus: {}\n"
}

/// `np x NAME` with a spec in flow style.
fn np(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: \"{namespace}\"}}\nspec: {spec}\n"
    )
}

fn cnp(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn ask(world: &World, settings: &Settings, question: &str) -> bool {
    let gates = Gates::of(&world.cluster, settings);
    let mut words = question.split(' ');
    let (from, to) = (words.next().unwrap(), words.next().unwrap());
    let (protocol, port) = match words.next().unwrap().split_once('/') {
        Some((port, protocol)) => (Protocol::parse(protocol).unwrap(), port.parse().unwrap()),
        None => panic!("{question}"),
    };
    let v6 = words.next() == Some("v6");
    let end = |name: &str| -> End { world.end(name, v6).unwrap() };
    gates.pass(end(from), end(to), protocol, port)
}

/// Checks `yes FROM TO PORT/PROTOCOL` and `no ...`.
fn row(name: &str, policies: &[String], questions: &[&str]) {
    row_with(name, policies, questions, &Settings::default());
}

fn row_with(name: &str, policies: &[String], questions: &[&str], settings: &Settings) {
    let world = world(&(base() + &policies.concat()));
    assert!(world.problems.is_empty(), "{name}: {:?}", world.problems);
    for question in questions {
        let (expected, question) = question.split_once(' ').unwrap();
        let got = ask(&world, settings, question);
        assert_eq!(got, expected == "yes", "{name}: {question}");
    }
}

const ALL: &str = "podSelector: {}";

#[test]
fn defaults_and_empty_lists() {
    let only = [np("x", "p", "{podSelector: {}}")];
    row(
        "1 podSelector only",
        &only,
        &[
            "no y/a x/b 80/TCP",
            "yes x/b y/a 80/TCP",
            "no x/a x/b 80/TCP",
        ],
    );
    let nothing = ["---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: x}\n".to_owned()];
    row(
        "1 no spec at all",
        &nothing,
        &[
            "no y/a x/b 80/TCP",
            "yes x/b y/a 80/TCP",
            "yes x/b y/b 80/TCP",
        ],
    );
    let empty = [np("x", "p", "{podSelector: {}, egress: []}")];
    row(
        "2 egress empty, no types",
        &empty,
        &["no y/a x/b 80/TCP", "yes x/b y/a 80/TCP"],
    );
    let dead = [np(
        "x",
        "p",
        "{podSelector: {}, policyTypes: [Egress], ingress: [{from: [{podSelector: {}}]}]}",
    )];
    row(
        "3 dead ingress rules",
        &dead,
        &["yes y/a x/b 80/TCP", "no x/b y/a 80/TCP"],
    );
    for (rules, word) in [("[{}]", "yes"), ("[]", "no"), ("null", "no"), ("", "no")] {
        let policy = [np("x", "p", &format!("{{{ALL}, ingress: {rules}}}"))];
        row(
            "4 ingress",
            &policy,
            &[
                &format!("{word} y/a x/b 80/TCP"),
                &format!("{word} 192.0.2.1 x/b 80/TCP"),
            ],
        );
    }
    for from in ["[]", "null"] {
        let policy = [np(
            "x",
            "p",
            &format!("{{{ALL}, ingress: [{{from: {from}, ports: []}}]}}"),
        )];
        row(
            "5 from empty",
            &policy,
            &["yes y/a x/b 80/TCP", "yes 192.0.2.1 x/b 9/UDP"],
        );
    }
}

#[test]
fn selectors() {
    let own = [np(
        "x",
        "p",
        "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}",
    )];
    row(
        "6 own namespace",
        &own,
        &[
            "yes x/a x/b 80/TCP",
            "no y/a x/b 80/TCP",
            "no 192.0.2.1 x/b 80/TCP",
            "no node/n1 x/b 80/TCP",
            "yes node/n2 x/b 80/TCP",
        ],
    );
    let pods = [np(
        "x",
        "p",
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}",
    )];
    row(
        "7 all namespaces",
        &pods,
        &[
            "yes z/c x/b 80/TCP",
            "no 192.0.2.1 x/b 80/TCP",
            "no node/n1 x/b 80/TCP",
            "no x/host x/a 80/TCP",
        ],
    );
    let both = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: z}}, podSelector: {matchLabels: {app: c}}}]}]}";
    row(
        "8 and",
        &[np("x", "p", both)],
        &[
            "yes z/c x/b 80/TCP",
            "no z/a x/b 80/TCP",
            "no x/c x/b 80/TCP",
        ],
    );
    let either = both.replace(
        ", podSelector: {matchLabels",
        "}, {podSelector: {matchLabels",
    );
    row(
        "8 or",
        &[np("x", "p", &either)],
        &[
            "yes z/a x/b 80/TCP",
            "yes x/c x/b 80/TCP",
            "no y/c x/b 80/TCP",
        ],
    );
    let expression = |e: &str| {
        [np(
            "x",
            "p",
            &format!("{{podSelector: {{matchExpressions: [{e}]}}}}"),
        )]
    };
    row(
        "9 NotIn of an absent key",
        &expression("{key: none, operator: NotIn, values: [x]}"),
        &["no y/a x/b 80/TCP"],
    );
    let never = [np(
        "x",
        "p",
        "{podSelector: {matchLabels: {app: b}, matchExpressions: [{key: app, operator: DoesNotExist}]}}",
    )];
    row("10 contradiction", &never, &["yes y/a x/b 80/TCP"]);
    row(
        "11 Exists of an empty value",
        &expression("{key: empty, operator: Exists}"),
        &["no y/a x/b 80/TCP"],
    );
    row(
        "11 In of an empty value",
        &expression("{key: empty, operator: In, values: [\"\"]}"),
        &["no y/a x/b 80/TCP"],
    );
    row(
        "11 DoesNotExist of an empty value",
        &expression("{key: empty, operator: DoesNotExist}"),
        &["yes y/a x/b 80/TCP"],
    );
    row(
        "31 namespace-local subject",
        &[np("x", "p", "{podSelector: {matchLabels: {app: b}}}")],
        &["no y/a x/b 80/TCP", "yes y/a z/b 80/TCP"],
    );
    let by_name = [np(
        "x",
        "p",
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}]}]}",
    )];
    row(
        "32 name of a namespace",
        &by_name,
        &["yes z/a x/b 80/TCP", "no y/a x/b 80/TCP"],
    );
}

#[test]
fn ports() {
    let ingress = |ports: &str| {
        [np(
            "x",
            "p",
            &format!("{{{ALL}, ingress: [{{ports: [{ports}]}}]}}"),
        )]
    };
    row(
        "12 no protocol",
        &ingress("{port: 81}"),
        &[
            "yes y/a x/b 81/TCP",
            "no y/a x/b 81/UDP",
            "no y/a x/b 81/SCTP",
        ],
    );
    row(
        "13 protocol only",
        &ingress("{protocol: TCP}"),
        &[
            "yes y/a x/b 1/TCP",
            "yes y/a x/b 65535/TCP",
            "no y/a x/b 81/UDP",
        ],
    );
    let egress = |to: &str| {
        [np(
            "x",
            "p",
            &format!("{{{ALL}, policyTypes: [Egress], egress: [{{{to}ports: [{{port: web}}]}}]}}"),
        )]
    };
    row(
        "14, 15 named port in egress",
        &egress("to: [{namespaceSelector: {}}], "),
        &[
            "yes x/a y/a 80/TCP",
            "no x/a y/a 8080/TCP",
            "yes x/a y/b 8080/TCP",
            "no x/a y/b 80/TCP",
            "no x/a y/a 80/UDP",
        ],
    );
    row(
        "16 named port and ipBlock",
        &egress("to: [{ipBlock: {cidr: 0.0.0.0/0}}], "),
        &["no x/a y/a 80/TCP", "no x/a 192.0.2.1 80/TCP"],
    );
    row(
        "16 named port and everybody",
        &egress(""),
        &["yes x/a y/b 8080/TCP", "no x/a 192.0.2.1 80/TCP"],
    );
    row(
        "17 port of a Service",
        &[np(
            "y",
            "p",
            "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}",
        )],
        &["no x/a y/b 8080/TCP"],
    );
    row(
        "18 endPort",
        &ingress("{port: 32000, endPort: 32768}"),
        &[
            "no y/a x/b 31999/TCP",
            "yes y/a x/b 32000/TCP",
            "yes y/a x/b 32768/TCP",
            "no y/a x/b 32769/TCP",
        ],
    );
    row(
        "30 SCTP only",
        &ingress("{port: 80, protocol: SCTP}"),
        &["yes y/a x/b 80/SCTP", "no y/a x/b 80/TCP"],
    );
}

#[test]
fn blocks() {
    let egress = |name: &str, to: &str| {
        np(
            "x",
            name,
            &format!("{{{ALL}, policyTypes: [Egress], egress: [{{to: [{to}]}}]}}"),
        )
    };
    let except = "{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.2.2/32]}}";
    let only = "{ipBlock: {cidr: 10.1.2.2/32}}";
    row(
        "20 union over an exception",
        &[egress("p", except), egress("q", only)],
        &["yes x/a y/b 80/TCP", "yes x/a y/a 80/TCP"],
    );
    row(
        "21 the updated object",
        &[egress("p", only)],
        &["yes x/a y/b 80/TCP", "no x/a y/a 80/TCP"],
    );
    let selected =
        format!("{except}, {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: b}}}}}}");
    row(
        "22 a selector beside the exception",
        &[egress("p", except)],
        &["no x/a y/b 80/TCP"],
    );
    row(
        "22 a selector beside the exception",
        &[egress("p", &selected)],
        &["yes x/a y/b 80/TCP"],
    );
    let everything = [np(
        "x",
        "p",
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}",
    )];
    row(
        "23 the other family",
        &everything,
        &[
            "yes y/a x/b 80/TCP",
            "no y/a x/b 80/TCP v6",
            "yes 192.0.2.1 x/b 80/TCP",
        ],
    );
    let no = Settings {
        ipblock_matches_pods: false,
        ..Settings::default()
    };
    row_with(
        "blocks without pods",
        &everything,
        &[
            "no y/a x/b 80/TCP",
            "yes 192.0.2.1 x/b 80/TCP",
            "yes node/n1 x/b 80/TCP",
        ],
        &no,
    );
}

#[test]
fn nodes_and_both_ends() {
    let deny_in = np("x", "in", "{podSelector: {}}");
    let deny_out = np("x", "out", "{podSelector: {}, policyTypes: [Egress]}");
    row(
        "24 own node",
        std::slice::from_ref(&deny_in),
        &[
            "yes node/n1 x/a 80/TCP",
            "no node/n2 x/a 80/TCP",
            "yes node/n2 x/b 80/TCP",
        ],
    );
    row(
        "25 no DNS either",
        std::slice::from_ref(&deny_out),
        &["no x/a y/c 53/UDP"],
    );
    row(
        "26 both ends",
        &[
            np("y", "p", "{podSelector: {}}"),
            np("x", "q", "{podSelector: {}, egress: [{}]}"),
        ],
        &["no x/a y/a 80/TCP"],
    );
    row(
        "26 both ends",
        std::slice::from_ref(&deny_out),
        &["no x/a y/a 80/TCP", "yes y/a x/a 80/TCP"],
    );
    row(
        "28 itself",
        &[deny_in.clone(), deny_out.clone()],
        &["yes x/a x/a 80/TCP", "no x/a x/b 80/TCP"],
    );
    row(
        "own node, out",
        std::slice::from_ref(&deny_out),
        &["yes x/a node/n1 80/TCP", "no x/a node/n2 80/TCP"],
    );
    let closed = Settings {
        egress_to_own_node: false,
        ..Settings::default()
    };
    row_with(
        "own node, out, denied",
        &[deny_out],
        &["no x/a node/n1 80/TCP"],
        &closed,
    );
    // 29: ignored by selectors, met by blocks; with the other choice a pod as others are.
    let host = [np("x", "p", "{podSelector: {matchLabels: {app: host}}}")];
    row("29 subject", &host, &["yes y/a x/host 80/TCP"]);
    let peer = [np(
        "y",
        "p",
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: host}}}]}]}",
    )];
    row("29 peer", &peer, &["no x/host y/a 80/TCP"]);
    let block = [np(
        "y",
        "p",
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.9.0.2/32}}]}]}",
    )];
    row("29 block", &block, &["yes x/host y/a 80/TCP"]);
    let pod = Settings {
        host_network_as_pod: true,
        ..Settings::default()
    };
    row_with(
        "29 subject as a pod",
        &host,
        &["no y/a x/host 80/TCP", "yes x/host y/a 80/TCP"],
        &pod,
    );
    row_with("29 peer as a pod", &peer, &["yes x/host y/a 80/TCP"], &pod);
}

#[test]
fn an_answer_is_not_asked() {
    // 27: gates are asked when a connection opens; what goes out of y/a is about connections that y/a opens.
    row(
        "27 replies",
        &[np("y", "p", "{podSelector: {}, policyTypes: [Egress]}")],
        &["yes x/a y/a 80/TCP", "no y/a x/a 80/TCP"],
    );
}

const X: &str = "subject: {namespaces: {matchLabels: {ns: x}}}";
const EVERY_POD: &str = "namespaces: {}";

#[test]
fn tiers() {
    let admin = |name: &str, priority: u32, action: &str| {
        cnp(
            name,
            &format!(
                "{{tier: Admin, priority: {priority}, {X}, ingress: [{{action: {action}, from: [{{{EVERY_POD}}}]}}]}}"
            ),
        )
    };
    row(
        "33 lower priority first",
        &[admin("p", 40, "Pass"), admin("q", 50, "Deny")],
        &["yes y/a x/b 80/TCP"],
    );
    row(
        "33 the other way round",
        &[admin("p", 60, "Pass"), admin("q", 50, "Deny")],
        &["no y/a x/b 80/TCP"],
    );
    let baseline = |action: &str| {
        cnp(
            "base",
            &format!(
                "{{tier: Baseline, priority: 1, {X}, ingress: [{{action: {action}, from: [{{{EVERY_POD}}}]}}]}}"
            ),
        )
    };
    let isolated = np("x", "np", "{podSelector: {}}");
    row(
        "34 NetworkPolicy is final",
        &[admin("p", 40, "Pass"), isolated.clone(), baseline("Accept")],
        &["no y/a x/b 80/TCP"],
    );
    row(
        "34 without it",
        &[admin("p", 40, "Pass"), baseline("Deny")],
        &["no y/a x/b 80/TCP", "yes 192.0.2.1 x/b 80/TCP"],
    );
    row(
        "34 accepted before it",
        &[admin("p", 40, "Accept"), isolated.clone()],
        &["yes y/a x/b 80/TCP", "no 192.0.2.1 x/b 80/TCP"],
    );
    let out = cnp(
        "out",
        &format!(
            "{{tier: Admin, priority: 1, {X}, egress: [{{action: Accept, to: [{{{EVERY_POD}}}]}}]}}"
        ),
    );
    row(
        "35 the other end",
        &[out, np("y", "np", "{podSelector: {}}")],
        &["no x/a y/a 80/TCP"],
    );
    let wide = |pass: &str| {
        cnp(
            "wide",
            &format!(
                "{{tier: Admin, priority: 1, {X}, egress: [{pass}{{action: Deny, to: [{{networks: [0.0.0.0/0]}}]}}]}}"
            ),
        )
    };
    row(
        "36 networks mean pods",
        &[wide("")],
        &["no x/a y/a 80/TCP", "no x/a 192.0.2.1 80/TCP"],
    );
    let no = Settings {
        ipblock_matches_pods: false,
        ..Settings::default()
    };
    row_with(
        "36 whatever ipBlocks mean",
        &[wide("")],
        &["no x/a y/a 80/TCP"],
        &no,
    );
    row(
        "36 with a Pass before",
        &[wide(&format!("{{action: Pass, to: [{{{EVERY_POD}}}]}}, "))],
        &["yes x/a y/a 80/TCP", "no x/a 192.0.2.1 80/TCP"],
    );
    let equal = [admin("p", 5, "Accept"), admin("q", 5, "Deny")];
    row("37 equal priorities", &equal, &["yes y/a x/b 80/TCP"]);
    let reversed = Settings {
        equal_priority_reversed: true,
        ..Settings::default()
    };
    row_with(
        "37 equal priorities, reversed",
        &equal,
        &["no y/a x/b 80/TCP"],
        &reversed,
    );
    let told = world(&(base() + &equal.concat()));
    let hinges = hangs_on(&told.cluster, &Settings::default());
    assert!(
        hinges.iter().any(|h| h.choice == Choice::EqualPriority),
        "{hinges:?}"
    );
    let findings = kubeproof::policy::findings::findings(&told.cluster);
    assert!(findings.iter().any(|f| f.code == "F107"), "{findings:?}");
    let only_out = cnp(
        "out",
        &format!(
            "{{tier: Admin, priority: 1, {X}, egress: [{{action: Deny, to: [{{namespaces: {{matchLabels: {{ns: z}}}}}}]}}]}}"
        ),
    );
    row(
        "38 egress only",
        &[only_out],
        &[
            "yes y/a x/a 80/TCP",
            "yes x/a y/a 80/TCP",
            "no x/a z/a 80/TCP",
        ],
    );
    let nodes = cnp(
        "nodes",
        &format!(
            "{{tier: Admin, priority: 1, {X}, egress: [{{action: Deny, to: [{{nodes: {{matchLabels: {{zone: z2}}}}}}]}}]}}"
        ),
    );
    row(
        "nodes",
        &[nodes],
        &["no x/a node/n2 80/TCP", "yes x/a node/n1 80/TCP"],
    );
}

#[test]
fn what_the_api_server_refuses() {
    let refused: &[(&str, &str, &str)] = &[
        (
            "18 endPort without port",
            "{podSelector: {}, ingress: [{ports: [{endPort: 90}]}]}",
            "P004",
        ),
        (
            "18 endPort with a name",
            "{podSelector: {}, ingress: [{ports: [{port: web, endPort: 90}]}]}",
            "P004",
        ),
        (
            "18 endPort below port",
            "{podSelector: {}, ingress: [{ports: [{port: 91, endPort: 90}]}]}",
            "P004",
        ),
        (
            "19 except is no strict subset",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}",
            "P003",
        ),
        (
            "19 except outside",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]}",
            "P003",
        ),
        (
            "an empty peer",
            "{podSelector: {}, ingress: [{from: [{}]}]}",
            "P001",
        ),
        (
            "a peer of nulls",
            "{podSelector: {}, ingress: [{from: [{podSelector: null}]}]}",
            "P001",
        ),
        (
            "ipBlock stands alone",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
            "P002",
        ),
        ("a typing mistake", "{podSelectr: {}}", "I018"),
        (
            "a typing mistake below",
            "{podSelector: {}, ingress: [{form: []}]}",
            "I018",
        ),
        (
            "an operator that is none",
            "{podSelector: {matchExpressions: [{key: a, operator: in, values: [x]}]}}",
            "I027",
        ),
        (
            "In without values",
            "{podSelector: {matchExpressions: [{key: a, operator: In, values: []}]}}",
            "P006",
        ),
        (
            "Exists with values",
            "{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [x]}]}}",
            "P006",
        ),
        (
            "a label that is no string",
            "{podSelector: {matchLabels: {version: 1.0}}}",
            "I020",
        ),
        (
            "a label that YAML takes for a truth value",
            "{podSelector: {matchLabels: {a: yes}}}",
            "I020",
        ),
        (
            "a value that is no label",
            "{podSelector: {matchLabels: {a: \"b c\"}}}",
            "P005",
        ),
        (
            "a key that is no label",
            "{podSelector: {matchLabels: {\"a/b/c\": x}}}",
            "P005",
        ),
        (
            "a port in quotes",
            "{podSelector: {}, ingress: [{ports: [{port: \"80\"}]}]}",
            "P007",
        ),
        (
            "port 0",
            "{podSelector: {}, ingress: [{ports: [{port: 0}]}]}",
            "I023",
        ),
        (
            "a protocol that is none",
            "{podSelector: {}, ingress: [{ports: [{protocol: ICMP}]}]}",
            "I024",
        ),
        (
            "an address for a prefix",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.1}}]}]}",
            "I022",
        ),
        (
            "a direction that is none",
            "{podSelector: {}, policyTypes: [ingress]}",
            "I027",
        ),
        (
            "three directions",
            "{podSelector: {}, policyTypes: [Ingress, Egress, Ingress]}",
            "P008",
        ),
    ];
    for (name, spec, code) in refused {
        let world = world(&(base() + &np("x", "p", spec)));
        let codes: Vec<&str> = world.problems.iter().map(|d| d.code).collect();
        assert_eq!(codes, [*code], "{name}: {:?}", world.problems);
        assert!(world.cluster.policies.network.is_empty(), "{name}");
        assert!(world.problems.iter().all(|d| d.span.is_some()), "{name}");
    }
    let rule = |rule: &str| format!("{{tier: Admin, priority: 1, {X}, egress: [{rule}]}}");
    let refused: &[(&str, String, &str)] = &[
        (
            "priority",
            format!("{{tier: Admin, priority: 1001, {X}}}"),
            "I026",
        ),
        ("tier", format!("{{tier: admin, priority: 1, {X}}}"), "I027"),
        (
            "two subjects",
            "{tier: Admin, priority: 1, subject: {namespaces: {}, pods: {podSelector: {}}}}"
                .to_owned(),
            "P002",
        ),
        (
            "no subject",
            "{tier: Admin, priority: 1, subject: {}}".to_owned(),
            "P001",
        ),
        (
            "the old action",
            rule("{action: Allow, to: [{namespaces: {}}]}"),
            "I027",
        ),
        ("no peers", rule("{action: Deny, to: []}"), "P001"),
        ("an empty peer", rule("{action: Deny, to: [{}]}"), "P001"),
        (
            "denied domain names",
            rule("{action: Deny, to: [{domainNames: [example.com]}]}"),
            "P011",
        ),
        (
            "named port of a network",
            rule(
                "{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: web}]}",
            ),
            "P002",
        ),
        (
            "no ports",
            rule("{action: Deny, to: [{namespaces: {}}], ports: []}"),
            "P001",
        ),
        (
            "ports of both forms",
            rule(
                "{action: Deny, to: [{namespaces: {}}], protocols: [{destinationNamedPort: web}], ports: [{namedPort: web}]}",
            ),
            "I018",
        ),
        (
            "a range backwards",
            rule(
                "{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {range: {start: 9, end: 9}}}}]}",
            ),
            "P004",
        ),
        (
            "26 peers",
            rule(&format!(
                "{{action: Deny, to: [{}]}}",
                "{namespaces: {}}, ".repeat(26)
            )),
            "P008",
        ),
    ];
    for (name, spec, code) in refused {
        let world = world(&(base() + &cnp("p", spec)));
        let codes: Vec<&str> = world.problems.iter().map(|d| d.code).collect();
        assert_eq!(codes, [*code], "{name}: {:?}", world.problems);
        assert!(world.cluster.policies.cluster.is_empty(), "{name}");
    }
}

#[test]
fn a_prefix_with_host_bits_is_taken_with_a_warning() {
    let text = np(
        "x",
        "p",
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.2.7/24}}]}]}",
    );
    let world = world(&(base() + &text));
    let told: Vec<_> = world
        .problems
        .iter()
        .map(|d| (d.code, d.severity))
        .collect();
    assert_eq!(told, [("P012", Severity::Warning)]);
    assert!(ask(&world, &Settings::default(), "y/a x/b 80/TCP"));
    assert!(!ask(&world, &Settings::default(), "z/a x/b 80/TCP"));
}

/// To the API server an item without a value is one without fields. A rule without fields allows everything.
#[test]
fn an_item_that_says_nothing_is_taken_with_a_warning() {
    for (rules, asked) in [
        ("[null]", ["yes y/a x/b 80/TCP", "yes 192.0.2.1 x/b 9/UDP"]),
        (
            "[{ports: [null]}]",
            ["yes y/a x/b 80/TCP", "no y/a x/b 9/UDP"],
        ),
    ] {
        let text = np(
            "x",
            "p",
            &format!("{{podSelector: {{}}, ingress: {rules}}}"),
        );
        let world = world(&(base() + &text));
        let told: Vec<_> = world
            .problems
            .iter()
            .map(|d| (d.code, d.severity))
            .collect();
        assert_eq!(told, [("P013", Severity::Warning)], "{rules}");
        for question in asked {
            let (expected, question) = question.split_once(' ').unwrap();
            let got = ask(&world, &Settings::default(), question);
            assert_eq!(got, expected == "yes", "{rules}: {question}");
        }
    }
    let peer = np("x", "p", "{podSelector: {}, ingress: [{from: [null]}]}");
    let codes: Vec<_> = world(&(base() + &peer))
        .problems
        .iter()
        .map(|d| d.code)
        .collect();
    assert_eq!(codes, ["I020"], "a peer without fields is refused");
}

#[test]
fn predecessors() {
    let old = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    };
    let ports = "ports: [{portNumber: {port: 80}}, {portRange: {protocol: UDP, start: 50, end: 60}}, {namedPort: web}]";
    let admin = old(
        "AdminNetworkPolicy",
        "p",
        &format!(
            "{{priority: 5, {X}, ingress: [{{action: Allow, from: [{{namespaces: {{}}}}], {ports}}}, {{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"
        ),
    );
    let row_of = [
        "yes y/a x/b 80/TCP",
        "yes y/a x/b 53/UDP",
        "no y/a x/b 81/TCP",
        "no y/a x/b 61/UDP",
    ];
    row("AdminNetworkPolicy", &[admin], &row_of);
    let first = format!(
        "{{tier: Admin, priority: 5, {X}, ingress: [{{action: Accept, from: [{{namespaces: {{}}}}], {ports}}}, {{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"
    );
    row("the first v1alpha2", &[cnp("p", &first)], &row_of);
    let base_tier = old(
        "BaselineAdminNetworkPolicy",
        "default",
        &format!("{{{X}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"),
    );
    row(
        "BaselineAdminNetworkPolicy",
        std::slice::from_ref(&base_tier),
        &["no y/a x/b 80/TCP"],
    );
    row(
        "and a NetworkPolicy",
        &[base_tier, np("x", "p", "{podSelector: {}, ingress: [{}]}")],
        &["yes y/a x/b 80/TCP"],
    );
    let bad = [
        old("BaselineAdminNetworkPolicy", "other", &format!("{{{X}}}")),
        old(
            "AdminNetworkPolicy",
            "p",
            &format!(
                "{{priority: 5, {X}, ingress: [{{action: Allow, from: [{{namespaces: {{sameLabels: [team]}}}}]}}]}}"
            ),
        ),
    ];
    for (text, code) in bad.iter().zip(["P010", "P009"]) {
        let world = world(&(base() + text));
        let codes: Vec<&str> = world.problems.iter().map(|d| d.code).collect();
        assert_eq!(codes, [code], "{:?}", world.problems);
    }
}

#[test]
fn causes_name_the_rule_and_its_place() {
    let text = base()
        + &np(
            "x",
            "web",
            "\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n  - ports:\n    - port: 443\n",
        )
        + &np("x", "db", "{podSelector: {}}");
    let world = world(&text);
    let gates = Gates::of(&world.cluster, &Settings::default());
    let (a, b) = (
        world.end("y/a", false).unwrap(),
        world.end("x/b", false).unwrap(),
    );
    let gate = gates.get(b.entity.unwrap(), Direction::Ingress).unwrap();
    let cause = |port| {
        let decided = gate.decide(a.address, Protocol::Tcp, port);
        let (tier, rule) = decided.unwrap();
        gate.rule(tier, rule).unwrap().cause.clone()
    };
    assert_eq!(cause(443).text, "NetworkPolicy x/web, ingress rule 2");
    let span = cause(443).origin;
    let place = world.sources.line_col(span.source, span.start);
    assert_eq!(
        world.sources.line_text(span.source, place.line),
        "  - ports:"
    );
    assert_eq!(
        cause(80).text,
        "NetworkPolicy x/web and x/db, which isolate the pod and have no rule for it"
    );
    assert!(gates.get(b.entity.unwrap(), Direction::Egress).is_none());
}

#[test]
fn findings_blame_the_line() {
    let rows: &[(&str, String, &str)] = &[
        (
            "selects no pod",
            np("x", "p", "{podSelector: {matchLabels: {app: nobody}}}"),
            "F101",
        ),
        (
            "namespace that is not there",
            np("nowhere", "p", "{podSelector: {}}"),
            "F102",
        ),
        (
            "peer that selects nothing",
            np(
                "x",
                "p",
                "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]}",
            ),
            "F103",
        ),
        (
            "name that no pod has",
            np(
                "x",
                "p",
                "{podSelector: {}, ingress: [{ports: [{port: https}]}]}",
            ),
            "F106",
        ),
        (
            "name for another protocol",
            np(
                "x",
                "p",
                "{podSelector: {}, ingress: [{ports: [{port: web, protocol: UDP}]}]}",
            ),
            "F106",
        ),
        (
            "domain names",
            cnp(
                "p",
                &format!(
                    "{{tier: Admin, priority: 1, {X}, egress: [{{action: Accept, to: [{{domainNames: [example.com]}}]}}]}}"
                ),
            ),
            "F108",
        ),
    ];
    for (name, text, code) in rows {
        let world = world(&(base() + text));
        assert!(world.problems.is_empty(), "{name}: {:?}", world.problems);
        let found = kubeproof::policy::findings::findings(&world.cluster);
        let codes: Vec<&str> = found.iter().map(|f| f.code).collect();
        assert_eq!(codes, [*code], "{name}: {found:?}");
    }
    let fine = np(
        "x",
        "p",
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: web}]}]}",
    );
    let world = world(&(base() + &fine));
    let found = kubeproof::policy::findings::findings(&world.cluster);
    assert!(found.is_empty(), "{found:?}");
}
