//! What verdicts hang on: choices that Kubernetes leaves open, and what the input does not say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    reason = "a test stops at what it cannot read, and may be slow"
)]

use std::process::Command;

use kubeproof::base::source::SourceMap;
use kubeproof::input::Input;
use kubeproof::report::run::Run;
use kubeproof::session::{self, Options, Strategy};
use kubeproof::verify::verdict::{CheckResult, Verdict};

fn verified(text: &str, options: &Options) -> Run {
    let mut sources = SourceMap::new();
    let inputs = [Input {
        source: sources.add("c.yaml", text),
        path: "c.yaml".to_owned(),
        named: true,
    }];
    session::verify(sources, &inputs, options).unwrap().run
}

/// The ids of findings on a text with an intent.
fn found(objects: &str, spec: &str) -> Vec<&'static str> {
    let text = format!(
        "{objects}---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {spec}\n"
    );
    let only = Options {
        only: vec!["i".to_owned()],
        ..Options::default()
    };
    let clusters = verified(&text, &only).clusters;
    let verified = clusters.into_iter().find_map(|c| c.verified).unwrap();
    verified.findings.iter().map(|f| f.id).collect()
}

fn results(text: &str, options: &Options) -> Vec<CheckResult> {
    let run = verified(text, options);
    let report = run.clusters.into_iter().next().unwrap();
    let verified = report.verified;
    let diagnostics = report.diagnostics;
    verified
        .unwrap_or_else(|| panic!("{diagnostics:?}\n{text}"))
        .results
}

/// The result on one intent, the same by both strategies.
fn wish(objects: &str, spec: &str) -> CheckResult {
    let text = format!(
        "{objects}---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {spec}\n"
    );
    let by = |strategy| {
        let options = Options {
            only: vec!["i".to_owned()],
            strategy,
            ..Options::default()
        };
        let mut all = results(&text, &options);
        assert_eq!(all.len(), 1);
        all.remove(0)
    };
    let (auto, direct) = (by(Strategy::Auto), by(Strategy::Direct));
    assert_eq!(auto.verdict, direct.verdict, "{auto:?}\n{direct:?}\n{text}");
    assert_eq!(auto.depends_on, direct.depends_on, "{spec}\n{text}");
    auto
}

fn node(name: &str, address: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus: {{addresses: [{{type: InternalIP, address: {address}}}]}}\n"
    )
}

fn pod(name: &str, node: &str, address: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: x, labels: {{app: {name}}}}}\nspec: {{nodeName: {node}{more}, containers: [{{name: c, ports: [{{containerPort: 80}}]}}]}}\nstatus: {{phase: Running, podIP: {address}}}\n"
    )
}

fn two_pods() -> String {
    [
        node("n1", "192.0.2.1"),
        pod("a", "n1", "10.0.0.1", ""),
        pod("b", "n1", "10.0.0.2", ""),
    ]
    .concat()
}

fn cnp(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

const OF_A: &str = "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}";
const A_TO_B: &str = "{from: [{podSelector: {matchLabels: {app: a}}}], to: [{podSelector: {matchLabels: {app: b}}}]}";

fn names_then_nothing() -> String {
    cnp(
        "names",
        &format!(
            "{{tier: Admin, priority: 1, {OF_A}, egress: [{{action: Accept, to: [{{domainNames: [db.example.com]}}]}}, {{action: Deny, to: [{{networks: [0.0.0.0/0]}}]}}]}}"
        ),
    )
}

/// A name may stand for any address: what hangs on it is neither proven nor violated, and nothing else is touched.
#[test]
fn domain_names_make_what_hangs_on_them_unknown() {
    let objects = two_pods() + &names_then_nothing();
    let b_to_a = "{from: [{podSelector: {matchLabels: {app: b}}}], to: [{podSelector: {matchLabels: {app: a}}}]}";
    let any = "{from: [{anyPod: {podSelector: {matchLabels: {app: a}}}}], to: [{podSelector: {matchLabels: {app: b}}}]}";
    for (spec, wanted) in [
        (format!("{{mustNotReach: {A_TO_B}}}"), Verdict::Unknown),
        (format!("{{mustReach: {A_TO_B}}}"), Verdict::Unknown),
        (format!("{{mustReach: {b_to_a}}}"), Verdict::Proven),
        (format!("{{mustNotReach: {b_to_a}}}"), Verdict::Violated),
    ] {
        let result = wish(&objects, &spec);
        assert_eq!(result.verdict, wanted, "{spec}: {}", result.detail);
        let says = result.detail.contains("domain names");
        assert_eq!(says, wanted == Verdict::Unknown, "{}", result.detail);
    }
    // A pod that could be added is one that they are about.
    let options = Options {
        only: vec!["i".to_owned()],
        ..Options::default()
    };
    let text = format!(
        "{objects}---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {{mustNotReach: {any}}}\n"
    );
    assert_eq!(results(&text, &options)[0].verdict, Verdict::Unknown);
    // Where nothing is denied after them, or before them everything is, they change nothing.
    let first = cnp(
        "first",
        &format!(
            "{{tier: Admin, priority: 0, {OF_A}, egress: [{{action: Deny, to: [{{networks: [0.0.0.0/0]}}]}}]}}"
        ),
    );
    let denied = wish(&(objects + &first), &format!("{{mustNotReach: {A_TO_B}}}"));
    assert_eq!(denied.verdict, Verdict::Proven, "{}", denied.detail);
    let only = cnp(
        "only",
        &format!(
            "{{tier: Admin, priority: 1, {OF_A}, egress: [{{action: Accept, to: [{{domainNames: [db.example.com]}}]}}]}}"
        ),
    );
    let open = wish(&(two_pods() + &only), &format!("{{mustReach: {A_TO_B}}}"));
    assert_eq!(open.verdict, Verdict::Proven, "{}", open.detail);
}

/// The network model itself holds whatever names stand for.
#[test]
fn domain_names_leave_the_network_model_alone() {
    let text = two_pods() + &names_then_nothing();
    for result in results(&text, &Options::default()) {
        assert!(
            matches!(result.verdict, Verdict::Proven | Verdict::Vacuous),
            "{}: {:?} {}",
            result.id,
            result.verdict,
            result.detail
        );
    }
}

/// A constraint of two messages may be true where names stand for nothing, true where they stand for everything, and false
/// between.
#[test]
fn two_messages_may_differ_between_both_ends() {
    let text = two_pods() + &pod("c", "n1", "10.0.0.3", "") + &names_then_nothing();
    let spec = "constraint both \"b is reached from a where c is\"\n  forall e, f, X, Y, Z, b, c.\n    K8s-Container(X, pod(x/a)) and K8s-Container(Y, pod(x/b)) and K8s-Container(Z, pod(x/c))\n    and addr(pod(x/b), b) and addr(pod(x/c), c)\n    and Send(e, X, _, _, b, 80) and Send(f, X, _, _, c, 80) and Recv(e, Y, _, _, _, _)\n    => Recv(f, Z, _, _, _, _)\n";
    let mut sources = SourceMap::new();
    let inputs = [("c.yaml", text.as_str()), ("c.spec", spec)].map(|(name, text)| Input {
        source: sources.add(name, text),
        path: ".".to_owned(),
        named: true,
    });
    let options = Options {
        only: vec!["both".to_owned()],
        ..Options::default()
    };
    let outcome = session::verify(sources, &inputs, &options).unwrap();
    let report = &outcome.run.clusters[0];
    let results = &report
        .verified
        .as_ref()
        .unwrap_or_else(|| panic!("{:?} {:?}", report.diagnostics, outcome.run.diagnostics))
        .results;
    assert_eq!(
        results[0].verdict,
        Verdict::Unknown,
        "{}",
        results[0].detail
    );
}

fn np(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: x}}\nspec: {spec}\n"
    )
}

/// Who a hostNetwork pod is to policies hangs on the plugin. Where it is a pod, the addresses of its node say who it is, as
/// long as nobody else there matters.
#[test]
fn host_network_pods_are_told_apart_or_nothing_is_said() {
    let hosted = |name: &str, node: &str, address: &str| {
        pod(name, node, address, ", hostNetwork: true").replace(
            "containerPort: 80",
            if name == "h" {
                "containerPort: 81"
            } else {
                "containerPort: 82"
            },
        )
    };
    let one = [
        node("n1", "192.0.2.1"),
        node("n2", "192.0.2.2"),
        pod("b", "n2", "10.0.0.2", ""),
        hosted("h", "n1", "192.0.2.1"),
        np("from-h", "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{podSelector: {matchLabels: {app: h}}}]}]}"),
    ]
    .concat();
    let two = one.clone() + &hosted("g", "n1", "192.0.2.1");
    let peers = |wish: &str, from: &str| {
        format!(
            "{{{wish}: {{from: [{{podSelector: {{matchLabels: {{app: {from}}}}}}}], to: [{{podSelector: {{matchLabels: {{app: b}}}}}}]}}}}"
        )
    };
    let under = |objects: &str, value: bool, spec: &str| {
        let text = format!(
            "{objects}---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {spec}\n"
        );
        let mut options = Options {
            only: vec!["i".to_owned()],
            ..Options::default()
        };
        options.settings.host_network_as_pod = value;
        results(&text, &options).remove(0)
    };
    let reach = peers("mustReach", "h");
    // As a node, h is no pod that the policy means; as a pod, it is, and it is known.
    assert_eq!(under(&one, false, &reach).verdict, Verdict::Violated);
    assert_eq!(under(&one, true, &reach).verdict, Verdict::Proven);
    // With g beside it, its messages are known by the same address as those of g.
    for spec in [reach, peers("mustNotReach", "g")] {
        let result = under(&two, true, &spec);
        assert_eq!(
            result.verdict,
            Verdict::Unknown,
            "{spec}: {}",
            result.detail
        );
        let result = under(&two, false, &spec);
        let hangs: Vec<_> = result
            .depends_on
            .iter()
            .map(|d| (d.assumption, d.verdict))
            .collect();
        assert_eq!(hangs, [("host-network-policy", Verdict::Unknown)], "{spec}");
    }
    // A process of the node itself is no pod whatever is said.
    let of_node =
        "{mustNotReach: {from: [{node: n1}], to: [{podSelector: {matchLabels: {app: b}}}]}}";
    assert_eq!(under(&one, true, of_node).verdict, Verdict::Unknown);
    assert_eq!(under(&one, false, of_node).verdict, Verdict::Proven);
}

/// Intents that policies alone decide say what they hang on, as the others do.
#[test]
fn intents_say_what_they_hang_on() {
    let block = np(
        "block",
        "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]}",
    );
    let result = wish(&(two_pods() + &block), &format!("{{mustReach: {A_TO_B}}}"));
    assert_eq!(result.verdict, Verdict::Proven);
    let hangs: Vec<_> = result
        .depends_on
        .iter()
        .map(|d| (d.assumption, d.value, d.verdict))
        .collect();
    assert_eq!(hangs, [("ipblock-matches-pods", "no", Verdict::Violated)]);
    assert!(
        result
            .detail
            .contains("with ipblock-matches-pods=no it is violated")
    );
    let shut = np(
        "shut",
        "{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress]}",
    );
    let hosted = pod("h", "n1", "192.0.2.1", ", hostNetwork: true");
    let result = wish(
        &(two_pods() + &hosted + &shut),
        "{mustReach: {from: [{podSelector: {matchLabels: {app: a}}}], to: [{podSelector: {matchLabels: {app: h}}}]}}",
    );
    let hangs: Vec<_> = result
        .depends_on
        .iter()
        .map(|d| (d.assumption, d.value, d.verdict))
        .collect();
    assert_eq!(
        hangs,
        [("egress-to-own-node", "deny", Verdict::Violated)],
        "{result:?}"
    );
}

fn kubeproof(args: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_kubeproof"))
        .args(args)
        .output()
        .unwrap();
    let text = [run.stdout, run.stderr].concat();
    (run.status.code(), String::from_utf8(text).unwrap())
}

/// `trace`, `connectivity` and `diff` say so too.
#[test]
fn other_commands_tell_of_domain_names() {
    let folder = std::env::temp_dir().join(format!("kubeproof-names-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = two_pods() + &names_then_nothing();
    let old = write("old.yaml", &text);
    let same = write("same.yaml", &format!("# moved\n{text}"));
    let other = write("other.yaml", &text.replace("db.example.com", "example.org"));
    let trace = |from, to| kubeproof(&["trace", &old, "--from", from, "--to", to]);
    let (exit, told) = trace("pod/x/a", "pod/x/b");
    assert_eq!(exit, Some(3), "{told}");
    assert!(told.contains("domain names"), "{told}");
    let (exit, told) = trace("pod/x/b", "pod/x/a");
    assert_eq!(exit, Some(0), "{told}");
    let (exit, told) = kubeproof(&["connectivity", &old]);
    assert_eq!(exit, Some(0), "{told}");
    assert!(told.contains("warning[F006]"), "{told}");
    assert_eq!(kubeproof(&["diff", &old, &same]).0, Some(0));
    let (exit, told) = kubeproof(&["diff", &old, &other]);
    assert_eq!(exit, Some(3), "{told}");
    assert!(told.contains("domainNames"), "{told}");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A port of a node leads past a policy that lets nodes in: the node sends on in its own name. Whom no such port leads to is
/// decided by policies alone.
#[test]
fn ports_of_nodes_lead_past_policies() {
    let objects = [
        node("n1", "192.0.2.1"),
        node("n2", "192.0.2.2"),
        pod("a", "n2", "10.0.0.1", ""),
        pod("b", "n1", "10.0.0.2", ""),
        pod("c", "n1", "10.0.0.3", ""),
        np(
            "nodes",
            "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}",
        ),
    ]
    .concat();
    let service = |to: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: x}}\nspec: {{type: NodePort, clusterIP: 10.96.0.1, selector: {{app: {to}}}, ports: [{{port: 80, nodePort: 30080}}]}}\n"
        )
    };
    let kept_out = format!("{{mustNotReach: {A_TO_B}}}");
    for (to, wanted, strategy) in [
        ("b", Verdict::Violated, "direct"),
        ("c", Verdict::Proven, "policy"),
    ] {
        let result = wish(&(objects.clone() + &service(to)), &kept_out);
        assert_eq!(result.verdict, wanted, "{to}: {}", result.detail);
        assert_eq!(result.strategy, strategy, "{to}");
    }
}

/// What a counterexample says could be added can be applied, and then breaks the intent by itself.
#[test]
fn what_is_beyond_the_cluster_can_be_applied() {
    let intents = "examples/intents";
    let only = "no-batch-pod-of-red-reaches-db";
    let (exit, told) = kubeproof(&["verify", "--only", only, "-o", "json", intents]);
    assert_eq!(exit, Some(1));
    let json: serde_json::Value = serde_json::from_str(&told).unwrap();
    let found = &json["clusters"][0]["results"][0]["counterexample"];
    assert_eq!(found["assignment"]["X"], "container/red/added/main");
    let beyond = found["beyond"].as_str().unwrap();
    let objects = std::fs::read_to_string("examples/intents/objects.yaml").unwrap();
    let result = wish(
        &(objects + beyond),
        "{mustNotReach: {from: [{pod: red/added}], to: [{pod: red/db}]}}",
    );
    assert_eq!(result.verdict, Verdict::Violated);
    // A pod that cannot be called `app: web` is kept out, whatever else it is.
    let kept = std::fs::read_to_string("examples/intents/objects.yaml").unwrap();
    let text = format!(
        "{kept}---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {{mustNotReach: {{from: [{{anyPod: {{namespace: red, podSelector: {{matchLabels: {{app: batch}}}}}}}}], to: [{{pod: red/db}}]}}}}\n"
    );
    let options = Options {
        only: vec!["i".to_owned()],
        ..Options::default()
    };
    assert_eq!(results(&text, &options)[0].verdict, Verdict::Proven);
}

/// What policies alone do not decide is not asked of a large cluster at once: it says so instead of running for ever.
#[test]
fn a_large_cluster_that_is_not_ideal_is_refused() {
    let pods: String = (0..201)
        .map(|i| {
            format!(
                "- {{name: p{i}, labels: {{side: \"{}\"}}, node: N1, addresses: [10.0.0.{i}], containers: [{{name: c, open: [80]}}]}}\n",
                i % 2
            )
        })
        .collect();
    let text = format!(
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {{name: c}}\nnodes: [{{name: N1, addresses: [192.0.2.1]}}]\npods:\n{pods}links: {{remove: [{{from: node/N1, to: pod/default/p0}}]}}\n---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {{isolate: {{byLabel: side}}}}\n"
    );
    let options = Options {
        only: vec!["i".to_owned()],
        ..Options::default()
    };
    let result = results(&text, &options).remove(0);
    assert_eq!(result.verdict, Verdict::Unknown);
    assert!(result.detail.contains("changes links"), "{}", result.detail);
    assert!(result.detail.contains("201 processes"), "{}", result.detail);
}

/// A Service of a manifest has no address yet: the one that is shown is an example, and that is said.
#[test]
fn chosen_addresses_of_services_are_told() {
    let service = |more: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: x}}\nspec: {{selector: {{app: a}}, {more}ports: [{{port: 80}}]}}\n"
        )
    };
    for (more, wanted) in [("", true), ("clusterIP: 10.96.0.1, ", false)] {
        let mut sources = SourceMap::new();
        let inputs = [Input {
            source: sources.add("c.yaml", two_pods() + &service(more)),
            path: "c.yaml".to_owned(),
            named: true,
        }];
        let options = Options {
            only: vec!["KP001".to_owned()],
            ..Options::default()
        };
        let outcome = session::verify(sources, &inputs, &options).unwrap();
        let verified = outcome.run.clusters[0].verified.as_ref().unwrap();
        let told = verified
            .assumptions
            .iter()
            .any(|a| a.id == "some-addresses");
        assert_eq!(told, wanted, "{more}");
    }
}

/// Where the input does not say on which nodes pods run, own nodes and Services that keep to a node may be others; what
/// nodes have no part in is proven all the same. A counterexample shows its choice.
#[test]
fn placement_makes_what_hangs_on_it_unknown() {
    let nodes = node("n1", "192.0.2.1") + &node("n2", "192.0.2.2");
    let workload = |name: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: x}}\nspec: {{selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
        )
    };
    let nobody = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: x}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n";
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: x}\nspec: {clusterIP: 10.96.0.1, internalTrafficPolicy: Local, selector: {app: a}, ports: [{port: 80}]}\n";
    let objects = nodes + &workload("a") + &workload("b") + nobody + service;
    let a = "{workload: deployment/x/a}";
    for (wish, from, to, wanted) in [
        (
            "mustNotReach",
            "{workload: deployment/x/b}",
            a,
            Verdict::Proven,
        ),
        ("mustNotReach", "{node: n1}", a, Verdict::Violated),
        ("mustNotReach", "{node: n2}", a, Verdict::Unknown),
        ("mustReach", "{node: n1}", a, Verdict::Unknown),
        ("mustReach", "{node: n2}", a, Verdict::Violated),
        (
            "mustNotReach",
            "{node: n2}",
            "{service: x/s}",
            Verdict::Unknown,
        ),
    ] {
        let spec = format!("{{{wish}: {{from: [{from}], to: [{to}]}}}}");
        let result = self::wish(&objects, &spec);
        assert_eq!(result.verdict, wanted, "{spec}: {}", result.detail);
        let says = result.detail.contains("which nodes run the pods");
        assert_eq!(says, wanted == Verdict::Unknown, "{}", result.detail);
    }
}

/// A policy about `b` whose priority others have too.
fn tie(name: &str, action: &str) -> String {
    cnp(
        name,
        &format!(
            "{{tier: Admin, priority: 5, subject: {{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: b}}}}}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]}}"
        ),
    )
}

/// Of two policies of equal priority both orders are tried; of three there are more than two.
#[test]
fn three_policies_of_equal_priority() {
    let spec = format!("{{mustNotReach: {A_TO_B}}}");
    let two = two_pods() + &tie("p1", "Deny") + &tie("p2", "Accept");
    let result = wish(&two, &spec);
    assert_eq!(result.verdict, Verdict::Proven, "{}", result.detail);
    assert_eq!(result.depends_on.len(), 1, "{}", result.detail);
    let result = wish(&(two + &tie("p3", "Deny")), &spec);
    assert_eq!(result.verdict, Verdict::Unknown, "{}", result.detail);
    assert!(
        result.detail.contains("equal priority"),
        "{}",
        result.detail
    );
    // Of pods that could be added: nobody has such labels yet.
    let tied = |name: &str, action: &str| tie(name, action).replace("app: b", "app: new");
    let ties: String = [("p1", "Deny"), ("p2", "Accept"), ("p3", "Deny")]
        .map(|(name, action)| tied(name, action))
        .concat();
    let any = "{mustNotReach: {from: [{podSelector: {matchLabels: {app: a}}}], to: [{anyPod: {podSelector: {matchLabels: {app: new}}}}]}}";
    let result = wish(&(two_pods() + &ties), any);
    assert_eq!(result.verdict, Verdict::Unknown, "{}", result.detail);
}

/// Each proven intent says for itself what it hangs on, in the report for people too.
#[test]
fn the_report_says_what_an_intent_hangs_on() {
    let text = two_pods()
        + &tie("p1", "Deny")
        + &tie("p2", "Accept")
        + &format!(
            "---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {{mustNotReach: {A_TO_B}}}\n"
        );
    let run = verified(&text, &Options::default());
    let told = kubeproof::report::text::render(&run, kubeproof::report::text::Options::default());
    let lines: Vec<&str> = told.lines().collect();
    let at = lines
        .iter()
        .position(|l| l.contains("nothing in `from` reaches"))
        .unwrap();
    assert_eq!(
        lines[at + 1],
        "      with equal-priority=reversed it is violated",
        "{told}"
    );
    assert!(!told.contains("; with "), "{told}");
    let told = kubeproof::report::junit::render(&run);
    let says = "<system-out>with equal-priority=reversed it is violated</system-out>";
    assert!(told.contains(says), "{told}");
}

/// 0043: of a pod that could be added every report has the name, and the names that everybody else keeps.
#[test]
fn every_report_names_an_added_pod() {
    let any = "{mustNotReach: {from: [{podSelector: {matchLabels: {app: a}}}], to: [{anyPod: {podSelector: {matchLabels: {app: new}}}}]}}";
    let text = two_pods()
        + &format!(
            "---\napiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {any}\n"
        );
    let run = verified(&text, &Options::default());
    let people = kubeproof::report::text::render(&run, kubeproof::report::text::Options::default());
    let junit = kubeproof::report::junit::render(&run);
    let json = kubeproof::report::json::render(&run);
    let mut lines = people.lines().map(str::trim);
    let sends = lines.find(|l| l.contains(" sends TCP ")).unwrap();
    assert!(sends.ends_with(": container main receives it"), "{people}");
    assert!(junit.contains(sends), "{junit}");
    assert!(json.contains("\"container/new/added/main\""), "{json}");
    assert!(junit.contains("with a pod that could be added:"), "{junit}");
}

fn deployment(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: x}}\nspec: {{selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{more}containers: [{{name: c, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
    )
}

/// 0020, 0021: what a selector asks of labels that the input does not give is known only where no other answer is possible.
#[test]
fn labels_that_are_not_given_make_what_hangs_on_them_unknown() {
    use Verdict::{Proven, Unknown, Vacuous, Violated};
    let given = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {team: a}}\n";
    let objects = node("n1", "192.0.2.1") + &deployment("a", "") + &deployment("b", "");
    let of = |space: &str, pods: &str| {
        format!("{{namespaceSelector: {{{space}}}, podSelector: {{{pods}}}}}")
    };
    let label = |text: &str| format!("matchLabels: {{{text}}}");
    let key = |key: &str, operator: &str| {
        format!("matchExpressions: [{{key: {key}, operator: {operator}}}]")
    };
    let all = of("", "");
    let not_team = "matchExpressions: [{key: team, operator: NotIn, values: [b]}]";
    // Whom an intent itself means.
    for (whom, open, wanted_given, wanted) in [
        (of(&label("team: a"), ""), false, Violated, Unknown),
        (of(&label("team: b"), ""), false, Vacuous, Unknown),
        (of(not_team, ""), true, Proven, Unknown),
        (
            of(&label("kubernetes.io/metadata.name: other"), ""),
            false,
            Vacuous,
            Vacuous,
        ),
        (
            of(&label("kubernetes.io/metadata.name: other, team: b"), ""),
            false,
            Vacuous,
            Vacuous,
        ),
        (
            of(&label("kubernetes.io/metadata.name: x"), ""),
            true,
            Proven,
            Proven,
        ),
        (
            of("", &key("pod-template-hash", "Exists")),
            true,
            Proven,
            Proven,
        ),
        (
            of("", &key("pod-template-hash", "DoesNotExist")),
            false,
            Vacuous,
            Vacuous,
        ),
        (
            of("", &label("pod-template-hash: abc")),
            false,
            Unknown,
            Unknown,
        ),
        (
            of("", &label("pod-template-hash: abc, app: c")),
            false,
            Vacuous,
            Vacuous,
        ),
        (
            of("", &key("controller-revision-hash", "Exists")),
            false,
            Vacuous,
            Vacuous,
        ),
    ] {
        let wish = if open { "mustReach" } else { "mustNotReach" };
        let spec = format!("{{{wish}: {{from: [{whom}], to: [{all}]}}}}");
        // Nobody meant reaches anybody.
        let found = self::wish(&(objects.clone() + given), &spec);
        assert_eq!(found.verdict, wanted_given, "{spec}: {}", found.detail);
        let found = self::wish(&objects, &spec);
        // What is violated whatever the labels are shows its choice.
        assert_eq!(found.verdict, wanted, "{spec}: {}", found.detail);
        if wanted == Unknown {
            assert!(found.detail.contains("labels"), "{}", found.detail);
            assert!(found.unmodelled.is_some(), "{spec}");
        }
    }
    let apart = self::wish(&objects, "{isolate: {byLabel: pod-template-hash}}");
    assert_eq!(apart.verdict, Violated, "{}", apart.detail);
    let shut = np("shut", "{podSelector: {}, policyTypes: [Ingress]}");
    let apart = "{isolate: {byLabel: pod-template-hash}}";
    let apart = self::wish(&(objects.clone() + &shut), apart);
    assert_eq!(apart.verdict, Unknown, "{}", apart.detail);
    // Whom policies and Services mean.
    let kept_out = format!("{{mustNotReach: {A_TO_B}}}");
    let from = |peer: &str| {
        let spec =
            format!("{{podSelector: {{matchLabels: {{app: b}}}}, ingress: [{{from: [{peer}]}}]}}");
        objects.clone() + &np("np", &spec)
    };
    for (peer, wanted_given, wanted) in [
        (of(&label("team: b"), ""), Proven, Unknown),
        (
            of(&label("kubernetes.io/metadata.name: other"), ""),
            Proven,
            Proven,
        ),
        (of("", &label("pod-template-hash: abc")), Unknown, Unknown),
        (
            of("", &label("pod-template-hash: abc, app: c")),
            Proven,
            Proven,
        ),
        (
            of("", &key("pod-template-hash", "DoesNotExist")),
            Proven,
            Proven,
        ),
    ] {
        let found = self::wish(&(from(&peer) + given), &kept_out);
        assert_eq!(found.verdict, wanted_given, "{peer}: {}", found.detail);
        let found = self::wish(&from(&peer), &kept_out);
        assert_eq!(found.verdict, wanted, "{peer}: {}", found.detail);
    }
}

/// 0022: users' own constraints hang on chosen nodes, addresses and labels as intents do; the network model does not.
#[test]
fn users_own_constraints_hang_on_choices_too() {
    let nodes = node("n1", "192.0.2.1") + &node("n2", "192.0.2.2");
    let objects = nodes + &deployment("a", "") + &deployment("b", "");
    let shut = np(
        "shut",
        "{podSelector: {matchLabels: {app: b}}, policyTypes: [Ingress]}",
    );
    let reach = "forall e, X, Y. K8s-Container(X) and K8s-Container(Y) and X != Y and Send(e, X, _, _, _, _) and Recv(e, Y, _, _, _, _)";
    for (policies, body, wanted) in [
        (
            "",
            format!("{reach} => Replied(e) or proto(e) = UDP"),
            Verdict::Proven,
        ),
        (&*shut, format!("{reach} => Replied(e)"), Verdict::Unknown),
        (
            "",
            format!("{reach} => passes(e, node(n1))"),
            Verdict::Unknown,
        ),
        ("", format!("{reach} => hops(e) <= 4"), Verdict::Unknown),
        (
            "",
            "forall P, a. K8s-Pod(P) and addr(P, a) => not a in 192.168.7.0/24".to_owned(),
            Verdict::Unknown,
        ),
        (
            "",
            "forall P, a. K8s-Pod(P) and addr(P, a) => not a in 203.0.113.0/24".to_owned(),
            Verdict::Proven,
        ),
        (
            "",
            "forall P. K8s-Pod(P) => not label(P, \"pod-template-hash\", \"abc\")".to_owned(),
            Verdict::Unknown,
        ),
        (
            "",
            "forall P. K8s-Pod(P) => label(P, \"pod-template-hash\")".to_owned(),
            Verdict::Proven,
        ),
        (
            "",
            "forall P. K8s-Pod(P) => not namespace-label(P, \"team\")".to_owned(),
            Verdict::Unknown,
        ),
    ] {
        let mut sources = SourceMap::new();
        let spec = format!("constraint own \"own\" {body}\n");
        let text = objects.clone() + policies;
        let inputs = [("c.yaml", text), ("c.spec", spec)].map(|(name, text)| Input {
            source: sources.add(name, text),
            path: ".".to_owned(),
            named: true,
        });
        let outcome = session::verify(sources, &inputs, &Options::default()).unwrap();
        let report = &outcome.run.clusters[0];
        let all = &report
            .verified
            .as_ref()
            .unwrap_or_else(|| {
                panic!(
                    "{body}: {:?} {:?}",
                    report.diagnostics, outcome.run.diagnostics
                )
            })
            .results;
        for result in all {
            let known = matches!(result.verdict, Verdict::Proven | Verdict::Vacuous);
            let own = result.id == "own";
            assert!(known || own, "{}: {}", result.id, result.detail);
            assert!(!own || result.verdict == wanted, "{body}: {result:?}");
        }
    }
}

/// 0023: what the input does not say may make two clusters differ that look alike, unless they ask the same of the same.
#[test]
fn diff_tells_what_it_hangs_on() {
    let folder = std::env::temp_dir().join(format!("kubeproof-diff-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let team = |team: &str| {
        np(
            "np",
            &format!(
                "{{podSelector: {{matchLabels: {{app: b}}}}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: {team}}}}}}}]}}]}}"
            ),
        )
    };
    let to_nodes = |zone: &str| {
        cnp(
            "nodes",
            &format!(
                "{{tier: Admin, priority: 1, {OF_A}, egress: [{{action: Deny, to: [{{nodes: {{matchLabels: {{topology.kubernetes.io/zone: {zone}}}}}}}]}}]}}"
            ),
        )
    };
    let manifest = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n";
    let pods = pod("a", "n1", "10.0.0.1", "") + &pod("b", "n1", "10.0.0.2", "");
    let on_manifest = |policy: &str| manifest.to_owned() + &pods + policy;
    for (old, new, says) in [
        (
            two_pods() + &team("a"),
            two_pods() + &team("b"),
            "labels of namespaces",
        ),
        (
            two_pods() + &tie("p1", "Deny") + &tie("p2", "Accept"),
            two_pods() + &tie("p1", "Deny") + &tie("p3", "Accept"),
            "equal priority",
        ),
        (
            on_manifest(&to_nodes("a")),
            on_manifest(&to_nodes("b")),
            "labels of nodes",
        ),
    ] {
        let (old_path, new_path) = (write("old.yaml", &old), write("new.yaml", &new));
        let (exit, told) = kubeproof(&["diff", &old_path, &new_path]);
        assert_eq!(exit, Some(3), "{told}");
        let line = told.lines().find(|l| l.starts_with("not said")).unwrap();
        assert!(line.contains(says) && line.contains(".yaml:"), "{told}");
        assert!(told.contains("undecided"), "{told}");
        let (_, json) = kubeproof(&["diff", "-o", "json", &old_path, &new_path]);
        assert!(json.contains("\"verdict\": \"undecided\""), "{json}");
        // The same, elsewhere.
        let same = write("same.yaml", &format!("# moved\n{old}"));
        assert_eq!(kubeproof(&["diff", &old_path, &same]).0, Some(0), "{says}");
        let (exit, told) = kubeproof(&["connectivity", &old_path]);
        assert_eq!(exit, Some(0));
        assert!(
            told.contains("warning[F006]") && told.contains(says),
            "{told}"
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// 0025, 0026: a headless Service is its pods at their own ports; what `kube-proxy` leaves out, or cannot serve, is not known.
#[test]
fn services_that_are_not_served() {
    use Verdict::{Proven, Unknown, Violated};
    let b = pod("b", "n1", "10.0.0.2", "").replace(
        "ports: [{containerPort: 80}]",
        "ports: [{containerPort: 80}, {containerPort: 9090}]",
    );
    let pods = node("n1", "192.0.2.1") + &pod("a", "n1", "10.0.0.1", "") + &b;
    let service = |labels: &str, spec: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: x, labels: {{{labels}}}}}\nspec: {{{spec}}}\n"
        )
    };
    let headless = service(
        "",
        "clusterIP: None, selector: {app: b}, ports: [{port: 8080, targetPort: 80}]",
    );
    let only = |port: &str| {
        let spec = format!(
            "{{podSelector: {{matchLabels: {{app: b}}}}, ingress: [{{ports: [{{port: {port}}}]}}]}}"
        );
        np("only", &spec)
    };
    let shut = np(
        "shut",
        "{podSelector: {matchLabels: {app: b}}, policyTypes: [Ingress]}",
    );
    let not_ready = headless.clone()
        + &pod("c", "n1", "10.0.0.3", "")
            .replace("{app: c}", "{app: b}")
            .replace(
                "phase: Running",
                "phase: Running, conditions: [{type: Ready, status: \"False\"}]",
            );
    let rows = [
        // All ports of the pods for what must not, those of the Service for what must.
        ("mustNotReach", "", headless.clone(), Violated),
        ("mustReach", "", headless.clone(), Proven),
        ("mustReach", "", headless.clone() + &only("80"), Proven),
        ("mustReach", "", headless.clone() + &only("9090"), Violated),
        (
            "mustNotReach",
            "",
            headless.clone() + &only("9090"),
            Violated,
        ),
        ("mustNotReach", "", headless.clone() + &shut, Proven),
        // The port as it is dialled, and no other one.
        ("mustReach", "{port: 80}", headless.clone(), Proven),
        ("mustReach", "{port: 8080}", headless.clone(), Violated),
        ("mustReach", "{port: http}", headless.clone(), Unknown),
        ("mustReach", "", not_ready, Unknown),
    ];
    let plain = "clusterIP: 10.96.0.1, selector: {app: b}, ports: [{port: 80}]";
    let named = "service.kubernetes.io/service-proxy-name: other";
    let alias = "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: t-1, namespace: x, labels: {kubernetes.io/service-name: t}}\naddressType: IPv4\nports: [{port: 80}]\nendpoints: [{addresses: [10.96.0.1]}]\n---\napiVersion: v1\nkind: Service\nmetadata: {name: t, namespace: x}\nspec: {clusterIP: 10.96.0.2, ports: [{port: 80}]}\n";
    let served = [
        ("mustReach", "", service("", plain), Proven),
        ("mustReach", "", service(named, plain), Unknown),
        (
            "mustReach",
            "",
            service("service.kubernetes.io/headless: \"\"", plain),
            Unknown,
        ),
        ("mustReach", "", service("", plain) + alias, Unknown),
        (
            "mustReach",
            "",
            service("", plain) + &alias.replace("10.96.0.1", "10.0.0.2"),
            Proven,
        ),
    ];
    for (wish, port, more, wanted) in rows.into_iter().chain(served) {
        let ports = if port.is_empty() {
            String::new()
        } else {
            format!(", ports: [{port}]")
        };
        let spec = format!("{{{wish}: {{from: [{{pod: x/a}}], to: [{{service: x/s}}]{ports}}}}}");
        let result = self::wish(&(pods.clone() + &more), &spec);
        assert_eq!(result.verdict, wanted, "{spec}\n{more}\n{}", result.detail);
    }
    // Those behind it send, with ports or without.
    let from = "{mustNotReach: {from: [{service: x/s}], to: [{pod: x/a}]}}";
    let bare = service("", "clusterIP: None, selector: {app: b}");
    for service in [&headless, &bare] {
        assert_eq!(
            self::wish(&(pods.clone() + service), from).verdict,
            Violated
        );
    }
    assert!(found(&(pods.clone() + &headless), from).contains(&"F042"));
    // No command says anything of what is not served; `trace` dials every endpoint that a name leads to.
    let folder = std::env::temp_dir().join(format!("kubeproof-served-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("c.yaml");
    let path = path.to_str().unwrap();
    let trace = |text: &str| {
        std::fs::write(path, text).unwrap();
        kubeproof(&["trace", path, "--from", "pod/x/a", "--to", "service/x/s"])
    };
    let (exit, told) = trace(&(pods.clone() + &headless));
    assert_eq!(exit, Some(0), "{told}");
    assert!(told.contains("10.0.0.2:80"), "{told}");
    let third = pod("c", "n1", "10.0.0.3", "").replace("{app: c}", "{app: b}");
    let shut_c = np(
        "c",
        "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.9/32}}]}]}",
    );
    let (exit, told) = trace(&(pods.clone() + &headless + &third));
    assert_eq!(exit, Some(0), "{told}");
    assert!(
        told.contains("outcome 2 of 2: the name leads to 10.0.0.3:80"),
        "{told}"
    );
    let (exit, told) = trace(&(pods.clone() + &headless + &third + &shut_c));
    assert_eq!(exit, Some(1), "{told}");
    let unready = third.replace(
        "phase: Running",
        "phase: Running, conditions: [{type: Ready, status: \"False\"}]",
    );
    let (exit, told) = trace(&(pods.clone() + &headless + &unready));
    assert_eq!(exit, Some(0), "{told}");
    assert!(!told.contains("10.0.0.3"), "{told}");
    let (exit, told) = trace(&(pods.clone() + &headless.replace("app: b", "app: nobody")));
    assert_eq!(exit, Some(2), "{told}");
    assert!(told.contains("no ready endpoint of it"), "{told}");
    let (exit, told) = trace(&(pods + &service(named, plain)));
    assert_eq!(exit, Some(3), "{told}");
    assert!(told.contains("Service:service-proxy-name"), "{told}");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// 0036: who waits for its scheduling gates does not run; who is on a node has passed them.
#[test]
fn pods_behind_scheduling_gates() {
    use Verdict::{Vacuous, Violated};
    let gates = "schedulingGates: [{name: example.com/quota}]";
    let b = |node: &str| {
        let b = pod("b", "n1", "10.0.0.2", "");
        let manifest = b.split("status:").next().unwrap_or_default();
        manifest.replace("nodeName: n1", node)
    };
    let template = |more: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: b, namespace: x}}\nspec: {{selector: {{matchLabels: {{app: b}}}}, template: {{metadata: {{labels: {{app: b}}}}, spec: {{{more}containers: [{{name: c, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
        )
    };
    let keep_out = format!("{{mustNotReach: {A_TO_B}}}");
    let left = keep_out
        .replace("app: a", "app: c")
        .replace("app: b", "app: a");
    let left = left.replace("app: c", "app: b");
    for (b, wanted) in [
        (b("restartPolicy: Always"), Violated),
        (b(gates), Vacuous),
        (b("schedulingGates: []"), Violated),
        (b(&format!("nodeName: n1, {gates}")), Violated),
        (template(""), Violated),
        (template(&format!("{gates}, ")), Vacuous),
    ] {
        let objects = node("n1", "192.0.2.1") + &pod("a", "n1", "10.0.0.1", "") + &b;
        for spec in [&keep_out, &left, "{isolate: {byLabel: app}}"] {
            let result = wish(&objects, spec);
            assert_eq!(result.verdict, wanted, "{spec} {b}");
        }
        let run = verified(&objects, &Options::default());
        let of_clusters = run.clusters.iter().flat_map(|c| &c.diagnostics);
        let mut all = of_clusters.chain(&run.diagnostics);
        assert_eq!(all.any(|d| d.code == "K010"), wanted == Vacuous, "{b}");
    }
}

/// 0035: nor between an `AdminNetworkPolicy` and ClusterNetworkPolicies of its tier, whatever their priorities.
#[test]
fn two_kinds_of_the_admin_tier() {
    let of_b = "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: b}}}}";
    let rule =
        |action: &str| format!("ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]");
    let new = |priority: u32, action: &str| {
        let rule = rule(action);
        cnp(
            "new",
            &format!("{{tier: Admin, priority: {priority}, {of_b}, {rule}}}"),
        )
    };
    let old = |name: &str, priority: u32, action: &str| {
        let rule = rule(action);
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: {name}}}\nspec: {{priority: {priority}, {of_b}, {rule}}}\n"
        )
    };
    let spec = format!("{{mustNotReach: {A_TO_B}}}");
    for (policies, wanted) in [
        (old("old", 7, "Deny"), Verdict::Proven),
        (old("old", 7, "Deny") + &new(9, "Deny"), Verdict::Proven),
        (old("old", 7, "Deny") + &new(9, "Accept"), Verdict::Unknown),
        // A counterexample stands: it shows its order.
        (old("old", 9, "Deny") + &new(7, "Accept"), Verdict::Violated),
        // Of one kind priorities decide.
        (
            old("old", 7, "Deny") + &old("more", 9, "Allow"),
            Verdict::Proven,
        ),
    ] {
        let result = wish(&(two_pods() + &policies), &spec);
        assert_eq!(result.verdict, wanted, "{policies}{}", result.detail);
        let told = found(&(two_pods() + &policies), &spec).contains(&"F109");
        assert_eq!(told, wanted != Verdict::Proven, "{policies}");
    }
}

/// 0027: no order is defined between a `BaselineAdminNetworkPolicy` and ClusterNetworkPolicies of its tier.
#[test]
fn two_kinds_of_baselines() {
    let of_b = "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: b}}}}";
    let new = |action: &str| {
        cnp(
            "new",
            &format!(
                "{{tier: Baseline, priority: 7, {of_b}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]}}"
            ),
        )
    };
    let old = |action: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {{name: default}}\nspec: {{{of_b}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]}}\n"
        )
    };
    let spec = format!("{{mustNotReach: {A_TO_B}}}");
    for (policies, wanted) in [
        (old("Deny"), Verdict::Proven),
        (new("Deny"), Verdict::Proven),
        (old("Deny") + &new("Deny"), Verdict::Proven),
        (old("Deny") + &new("Accept"), Verdict::Unknown),
    ] {
        let result = wish(&(two_pods() + &policies), &spec);
        assert_eq!(result.verdict, wanted, "{policies}{}", result.detail);
        let says = result.detail.contains("BaselineAdminNetworkPolicy");
        assert_eq!(says, wanted == Verdict::Unknown, "{}", result.detail);
        let told = found(&(two_pods() + &policies), &spec).contains(&"F109");
        assert_eq!(told, says, "{policies}");
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "truth.json" {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// 0037: nothing is known of the labels of a snapshot's pods that have no Pod object.
#[test]
fn labels_of_a_snapshot_without_objects() {
    let lab = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/netns-lab");
    let folder = std::env::temp_dir().join(format!("kubeproof-bare-{}", std::process::id()));
    copy(&lab.join("ok-hostgw"), &folder);
    let intent = |spec: &str| {
        format!("apiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: i}}\nspec: {spec}\n")
    };
    let policy = |subject: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{podSelector: {subject}, ingress: [{{from: [{{podSelector: {{}}}}, {{ipBlock: {{cidr: 10.1.0.0/16}}}}]}}]}}\n"
        )
    };
    let of_b = "{matchLabels: {app: b}}";
    let to_b = intent(&format!(
        "{{mustNotReach: {{from: [{{podSelector: {{}}}}], to: [{{podSelector: {of_b}}}]}}}}"
    ));
    let apart = intent("{isolate: {byLabel: tenant}}");
    let one = intent("{mustReach: {from: [{pod: default/n1p1}], to: [{pod: default/n1p2}]}}");
    for (objects, id, unknown) in [
        (to_b, "i", true),
        (apart, "i", true),
        (one.clone(), "i", false),
        (one.clone() + &policy(of_b), "i", true),
        (one + &policy("{}"), "i", false),
        (policy(of_b), "KP003", true),
        (policy("{}"), "KP003", false),
        (policy(of_b), "KP001", false),
    ] {
        std::fs::write(folder.join("objects.yaml"), &objects).unwrap();
        let (exit, told) = kubeproof(&["verify", "--only", id, folder.to_str().unwrap()]);
        assert!(!told.contains("F101"), "{told}");
        let says = told.contains("that have no Pod object beside it: a selector asks");
        assert_eq!(
            (exit == Some(3), says),
            (unknown, unknown),
            "{id} {objects}{told}"
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
