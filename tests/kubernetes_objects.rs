//! Kubernetes objects to clusters: `tests/cases/kubernetes/<name>/{input.yaml,expected.txt}`.
//!
//! What is expected is every entity with its addresses and listeners, who hosts whom, what was chosen, and every
//! diagnostic. `BLESS=1 cargo test --test kubernetes_objects` rewrites it; read the difference before committing it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kubeproof::base::source::SourceMap;
use kubeproof::findings;
use kubeproof::input::{self, Choices, Input, Loaded, Options};
use kubeproof::lower::lower;
use kubeproof::model::cluster::{Cluster, Process};
use kubeproof::model::policy::Settings;
use kubeproof::network::trace::Disposition;
use kubeproof::question::{Question, messages};
use kubeproof::reference::entity;
use kubeproof::report::snippet::render;
use kubeproof::session;
use kubeproof::sim::walk;
use kubeproof::verify::verdict::Verdict;

fn load_as(texts: &[(&str, &str)], choices: &Choices) -> (SourceMap, Vec<Input>, Loaded) {
    let mut sources = SourceMap::new();
    let inputs: Vec<Input> = texts
        .iter()
        .map(|(path, text)| Input {
            source: sources.add(*path, *text),
            path: (*path).to_owned(),
            named: true,
        })
        .collect();
    let loaded = input::load_with(&sources, &inputs, Options::default(), choices);
    (sources, inputs, loaded)
}

fn load(text: &str) -> (SourceMap, Loaded) {
    let (sources, _, loaded) = load_as(&[("input.yaml", text)], &Choices::default());
    (sources, loaded)
}

/// The one cluster of a text that has no mistake.
fn cluster(text: &str) -> Cluster {
    let (sources, mut loaded) = load(text);
    assert!(!loaded.failed(), "{}", told(&sources, &loaded));
    assert_eq!(loaded.clusters.len(), 1);
    loaded.clusters.pop().unwrap().cluster.unwrap()
}

fn told(sources: &SourceMap, loaded: &Loaded) -> String {
    loaded
        .all_diagnostics()
        .map(|d| render(sources, d, false) + "\n")
        .collect()
}

fn processes(out: &mut String, cluster: &Cluster, all: &[Process]) {
    for process in all {
        let open: Vec<String> = process
            .open
            .iter()
            .map(|l| format!("{}/{}", l.port, l.protocol))
            .collect();
        let name = cluster.name_of(process.id);
        writeln!(out, "  {name} [{}]", open.join(" ")).unwrap();
    }
}

fn show(cluster: &Cluster) -> String {
    let mut out = String::new();
    let o = &mut out;
    let ips = |all: &[kubeproof::model::cluster::Address]| -> String {
        let all: Vec<String> = all.iter().map(|a| a.ip.to_string()).collect();
        all.join(" ")
    };
    for n in &cluster.namespaces {
        writeln!(o, "namespace {} given={} {:?}", n.name, n.given, n.labels).unwrap();
    }
    for n in &cluster.nodes {
        writeln!(o, "{} {}", cluster.name_of(n.id), ips(&n.addresses)).unwrap();
        processes(o, cluster, &n.daemons);
    }
    for p in &cluster.pods {
        let node = cluster.name_of(p.node);
        let workload = p.workload.as_ref();
        let workload = workload.map_or("-".to_owned(), |w| format!("{}/{}", w.kind, w.name));
        let named: Vec<String> = p
            .named_ports
            .iter()
            .map(|n| format!("{}={}/{}", n.name, n.port, n.protocol))
            .collect();
        let host: Vec<String> = p
            .host_ports
            .iter()
            .map(|h| format!("{}->{}/{}", h.host_port, h.port, h.protocol))
            .collect();
        writeln!(
            o,
            "{} {} on {node} of {workload} named[{}] host[{}] chosen[{}{}{}]",
            cluster.name_of(p.id),
            ips(&p.addresses),
            named.join(" "),
            host.join(" "),
            if p.chosen.addresses { "addresses " } else { "" },
            if p.chosen.node { "node " } else { "" },
            if p.pending { "pending" } else { "" },
        )
        .unwrap();
        processes(o, cluster, &p.containers);
    }
    for h in &cluster.host_pods {
        let node = cluster.name_of(h.node);
        writeln!(o, "host pod {}/{} on {node}", h.namespace, h.name).unwrap();
    }
    let lowered = lower(cluster, &Settings::default()).unwrap();
    for a in findings::assumptions(cluster, &Settings::default()) {
        writeln!(o, "assuming {}={}", a.id, a.value).unwrap();
    }
    for f in findings::findings(cluster, &lowered) {
        writeln!(o, "{} {} {}", f.severity, f.id, f.message).unwrap();
    }
    out
}

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kubernetes");
    let bless = std::env::var_os("BLESS").is_some();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("input.yaml").is_file())
        .collect();
    names.sort();
    assert!(names.len() >= 8, "only {} cases", names.len());
    let mut wrong = Vec::new();
    for case in names {
        let text = fs::read_to_string(case.join("input.yaml")).unwrap();
        let (sources, loaded) = load(&text);
        let mut got = String::new();
        for c in &loaded.clusters {
            match &c.cluster {
                Some(cluster) => got += &show(cluster),
                None => got += "failed\n",
            }
        }
        got += &told(&sources, &loaded);
        let file = case.join("expected.txt");
        if bless {
            fs::write(&file, &got).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != got {
            wrong.push(format!("{}\n{got}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn verdicts(text: &str, choices: Choices) -> Vec<(String, Verdict)> {
    let (sources, inputs, _) = load_as(&[("input.yaml", text)], &choices);
    let options = session::Options {
        choices,
        ..session::Options::default()
    };
    let run = session::verify(sources, &inputs, &options).unwrap().run;
    let verified = run.clusters[0].verified.as_ref().unwrap();
    let results = verified.results.iter();
    results.map(|r| (r.id.clone(), r.verdict)).collect()
}

const TWO: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
";

const CILIUM: &str = "---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: x}
";

/// A plain manifest meets the model, the outside and the made-up nodes included.
#[test]
fn a_manifest_is_proven() {
    for (id, verdict) in verdicts(TWO, Choices::default()) {
        let vacuous = id == "KP002";
        let wanted = [Verdict::Proven, Verdict::Vacuous];
        assert!(wanted.contains(&verdict), "{id} {verdict:?} {vacuous}");
    }
}

/// What is not modelled makes verdicts about messages unknown; ignoring it is an assumption that is told.
#[test]
fn kinds_that_are_not_modelled() {
    let text = format!("{TWO}{CILIUM}");
    for (id, verdict) in verdicts(&text, Choices::default()) {
        let plain = id == "KP001" || verdict == Verdict::Vacuous;
        assert_eq!(verdict == Verdict::Unknown, !plain, "{id} {verdict:?}");
    }
    let choices = Choices {
        ignore_kinds: vec!["CiliumNetworkPolicy".to_owned()],
        ..Choices::default()
    };
    let ignored = verdicts(&text, choices.clone());
    assert!(ignored.iter().all(|(_, v)| *v != Verdict::Unknown));
    let (_, _, loaded) = load_as(&[("a", &text)], &choices);
    let told = findings::assumptions(
        loaded.clusters[0].cluster.as_ref().unwrap(),
        &Settings::default(),
    );
    assert!(told.iter().any(|a| a.id == "ignored-kind" && !a.default));
}

/// Each PATH is a cluster; `--together` makes one of all.
#[test]
fn paths_are_clusters() {
    let one = TWO.replace("web", "one");
    let two = TWO.replace("web", "two");
    let texts = [("a.yaml", one.as_str()), ("b.yaml", two.as_str())];
    let (_, _, apart) = load_as(&texts, &Choices::default());
    let names: Vec<&str> = apart.clusters.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a.yaml", "b.yaml"]);
    let together = Choices {
        together: true,
        ..Choices::default()
    };
    let (_, _, joined) = load_as(&texts, &together);
    assert_eq!(joined.clusters.len(), 1);
    assert_eq!(joined.clusters[0].cluster.as_ref().unwrap().pods.len(), 4);
}

/// A mistake anywhere in a PATH: nothing is said of its objects. Neither where a file of it could not be read.
#[test]
fn half_read_is_not_read() {
    let (_, loaded) = load(&format!("{TWO}---\na: [\n"));
    assert!(loaded.failed() && loaded.clusters[0].cluster.is_none());
    let choices = Choices {
        incomplete: vec!["a.yaml".to_owned()],
        ..Choices::default()
    };
    let (_, _, loaded) = load_as(&[("a.yaml", TWO)], &choices);
    assert!(loaded.clusters[0].cluster.is_none());
}

/// JSON, typed lists whose items say no kind, and lists in lists.
#[test]
fn lists() {
    let pod = |name: &str| {
        format!(
            "{{\"metadata\": {{\"name\": \"{name}\"}}, \"spec\": {{\"containers\": [{{\"name\": \"c\"}}]}}}}"
        )
    };
    let list = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [{}, {}]}}",
        pod("a"),
        pod("b")
    );
    let nested = format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{list}]}}");
    for text in [&list, &nested] {
        assert_eq!(cluster(text).pods.len(), 2);
    }
}

/// `--pod-cidr` is where addresses come from, and one that is too small is a mistake.
#[test]
fn pod_cidr() {
    let of = |cidr: &str| {
        let choices = Choices {
            pod_cidrs: vec![cidr.parse().unwrap()],
            ..Choices::default()
        };
        let (_, _, mut loaded) = load_as(&[("a", TWO)], &choices);
        loaded.clusters.pop().unwrap()
    };
    let cluster = of("192.0.2.0/29").cluster.unwrap();
    let ips: Vec<String> = cluster
        .pods
        .iter()
        .map(|p| p.addresses[0].ip.to_string())
        .collect();
    assert_eq!(ips, ["192.0.2.1", "192.0.2.2"]);
    let small = of("192.0.2.0/32");
    assert!(small.cluster.is_none());
    assert_eq!(small.diagnostics[0].code, "K003");
}

/// The same objects in another order are the same cluster: names, addresses, nodes.
#[test]
fn order_does_not_matter() {
    let parts: Vec<String> = ["c", "a", "b"]
        .iter()
        .map(|n| TWO.replace("web", n))
        .collect();
    let there = show(&cluster(&parts.join("---\n")));
    let back: Vec<String> = parts.iter().rev().cloned().collect();
    assert_eq!(there, show(&cluster(&back.join("---\n"))));
}

/// More pods than any cluster has are refused before they are made.
#[test]
fn too_many_pods() {
    let (_, loaded) = load(&TWO.replace("replicas: 2", "replicas: 2000000000"));
    let codes: Vec<_> = loaded.all_diagnostics().map(|d| d.code).collect();
    assert_eq!(codes, ["K002"]);
}

/// How the messages of corner cases 54 and 55 end: the sender, the target, the port, and the disposition.
const LISTENERS: &[(&str, &str, u16, Disposition)] = &[
    (
        "container/default/P/C",
        "127.0.0.1",
        7070,
        Disposition::Delivered,
    ),
    (
        "pod/default/Q",
        "pod/default/P",
        7070,
        Disposition::ClosedPort,
    ),
    (
        "pod/default/Q",
        "pod/default/P",
        6060,
        Disposition::Delivered,
    ),
];

/// Corner case 54: what listens on 127.0.0.1 serves its own pod only. Corner case 55: what listens is reached, whether or
/// not a containerPort says so; a cluster file says what listens, and declares nothing.
#[test]
fn what_listens_where() {
    let cluster = cluster(
        "{apiVersion: kubeproof.dev/v1, kind: Cluster, nodes: [{name: N1, addresses: [192.0.2.1]}], pods: [\
         {name: P, node: N1, addresses: [10.0.0.1], containers: [{name: C, open: ['127.0.0.1:7070/TCP', 6060]}]},\
         {name: Q, node: N1, addresses: [10.0.0.2], containers: [{name: C}]}]}",
    );
    let lowered = lower(&cluster, &Settings::default()).unwrap();
    for (from, to, port, wanted) in LISTENERS {
        let question = Question {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            port: Some(*port),
            protocol: None,
            source_port: None,
        };
        let (sender, header) = messages(&cluster, &lowered, &question).unwrap().remove(0);
        let trace = walk::trace(&lowered.network, sender, header).unwrap();
        assert_eq!(trace.outcomes[0].disposition, *wanted, "{from} {to} {port}");
    }
}

/// Every way to call the pods of a workload.
#[test]
fn names_of_workloads() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kubernetes/workloads/input.yaml"),
    );
    let cluster = cluster(&text.unwrap());
    for (asked, is) in [
        ("deployment/shop/web", "deployment/shop/web#1"),
        ("deployment/shop/web#2", "deployment/shop/web#2"),
        ("pod/shop/web#2", "deployment/shop/web#2"),
        ("daemonset/agent", "daemonset/default/agent#1"),
        ("daemonset/default/proxy", "daemon/n1/default/proxy#1/c"),
        ("daemon/n2/default/proxy#2/c", "daemon/n2/default/proxy#2/c"),
        ("pod/proxy#2", "daemon/n2/default/proxy#2/c"),
        ("node/n1", "node/n1"),
    ] {
        let id = entity(&cluster, asked).unwrap();
        assert_eq!(cluster.name_of(id).to_string(), is, "{asked}");
    }
    assert!(entity(&cluster, "deployment/shop/other").is_err());
}

/// A pod that is not started yet has no address, and that breaks nothing.
#[test]
fn a_pending_pod_is_no_violation() {
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: n1, containers: [{name: c}]}, \
                status: {phase: PHASE, hostIP: 192.0.2.1}}";
    let of = |phase: &str| verdicts(&text.replace("PHASE", phase), Choices::default())[0].clone();
    assert_eq!(of("Pending"), ("KP001".to_owned(), Verdict::Proven));
    assert_eq!(of("Running"), ("KP001".to_owned(), Verdict::Violated));
}

/// Controllers label the pods of templates: with names and numbers that are known, and with hashes and ids that nobody knows.
#[test]
fn labels_that_controllers_give() {
    let template = "template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c}]}}";
    let of = |group: &str, kind: &str, spec: &str| {
        let text = format!(
            "apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: w}}\nspec: {{{spec}, {template}}}\n"
        );
        let text = text.replace("{JOB}", &format!("{{spec: {{{template}}}}}"));
        let text = if kind == "CronJob" {
            text.replace(&format!(", {template}}}\n"), "}\n")
        } else {
            text
        };
        let cluster = cluster(&text);
        let pods = cluster.pods.iter().map(|p| {
            let labels = p.labels.iter().filter(|(key, _)| *key != "app");
            let labels = labels.map(|(key, value)| {
                let value = if value.starts_with('<') { "?" } else { value };
                format!("{key}={value}")
            });
            labels.collect::<Vec<_>>().join(" ")
        });
        pods.collect::<Vec<_>>().join("\n")
    };
    let job = "batch.kubernetes.io/controller-uid=? batch.kubernetes.io/job-name=w controller-uid=? job-name=w";
    let index = |i: &str| {
        let name = "batch.kubernetes.io/job-name";
        let key = "batch.kubernetes.io/job-completion-index";
        job.replace(name, &format!("{key}={i} {name}"))
    };
    for (group, kind, spec, wanted) in [
        ("apps", "Deployment", "replicas: 1", "pod-template-hash=?".to_owned()),
        ("apps", "ReplicaSet", "replicas: 1", String::new()),
        (
            "apps",
            "StatefulSet",
            "replicas: 2, ordinals: {start: 5}",
            "apps.kubernetes.io/pod-index=5 controller-revision-hash=? statefulset.kubernetes.io/pod-name=w-5\napps.kubernetes.io/pod-index=6 controller-revision-hash=? statefulset.kubernetes.io/pod-name=w-6".to_owned(),
        ),
        (
            "apps",
            "DaemonSet",
            "selector: {}",
            "controller-revision-hash=? pod-template-generation=?\ncontroller-revision-hash=? pod-template-generation=?".to_owned(),
        ),
        ("batch", "Job", "parallelism: 1", job.to_owned()),
        ("batch", "Job", "manualSelector: true", String::new()),
        (
            "batch",
            "Job",
            "parallelism: 3, completions: 2, completionMode: Indexed",
            format!("{}\n{}", index("0"), index("1")),
        ),
        (
            "batch",
            "Job",
            "parallelism: 1, completions: 2, completionMode: Indexed",
            index("?"),
        ),
        ("batch", "CronJob", "schedule: x, jobTemplate: {JOB}", job.replace("=w", "=?")),
    ] {
        assert_eq!(of(group, kind, spec), wanted, "{kind} {spec}");
    }
}
