//! Linux snapshots: verdicts for all messages are what was observed in the real namespaces, and what the simulator says of
//! a covering set; and faults are explained by the rule that is to blame.
//!
//! For each case in `cases/netns-lab`: KP001 to KP008 as `observed` in `truth.json` says; KP002 to KP007 and KP010 as plain
//! Rust judges the simulator's outcomes of every message to every named address and port; the report of the faults that
//! have an explanation in `cases/netns-explained/CASE.txt`, byte for byte (`KUBEPROOF_BLESS=1` writes them).

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kubeproof::base::source::SourceMap;
use kubeproof::input::Input;
use kubeproof::model::cluster::Cluster;
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::{Family, Protocol};
use kubeproof::network::graph::Sources;
use kubeproof::network::header::Header;
use kubeproof::network::trace::{Disposition, Journey, Outcome};
use kubeproof::report::run::{Run, Verified};
use kubeproof::report::text;
use kubeproof::session::{self, Options};
use kubeproof::sim::walk;
use kubeproof::verify::verdict::Verdict;
use serde_json::Value;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn lab() -> PathBuf {
    cases().join("netns-lab")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            files(&entry, found);
        } else if name != "truth.json" && !name.ends_with(".after.json") {
            found.push(entry);
        }
    }
}

/// What `kubeproof verify CASE` does, without the files that a condition leaves out.
fn verify(lab: &Path, case: &str, wanted: &dyn Fn(&str) -> bool) -> Run {
    let mut sources = SourceMap::new();
    let mut inputs = Vec::new();
    let mut all = Vec::new();
    files(&lab.join(case), &mut all);
    for file in all {
        let name = file.strip_prefix(lab).unwrap().to_str().unwrap().to_owned();
        if wanted(&name) {
            let source = sources.add(name, fs::read_to_string(&file).unwrap());
            inputs.push(Input {
                source,
                path: case.to_owned(),
                named: false,
            });
        }
    }
    let options = Options::default();
    session::verify(sources, &inputs, &options).unwrap().run
}

fn verified<'r>(case: &str, run: &'r Run) -> &'r Verified {
    let report = &run.clusters[0];
    let verified = report.verified.as_ref();
    verified.unwrap_or_else(|| panic!("{case}: {:?} {:?}", report.diagnostics, run.diagnostics))
}

fn verdicts(verified: &Verified) -> BTreeMap<String, Verdict> {
    let each = verified.results.iter();
    each.map(|r| (r.id.clone(), r.verdict)).collect()
}

/// KP001 to KP008 as they were observed.
fn observed(truth: &Value) -> BTreeMap<&'static str, bool> {
    let seen = &truth["observed"];
    let holds = |name: &str| seen[name].as_bool().unwrap();
    let broken = |list: &str| seen[list].as_array().unwrap().clone();
    let reached = |v: &Value| v["result"] == "connected" && v["responder"] == v["to"];
    let (pods, nodes) = (
        broken("violations_pod_to_pod"),
        broken("violations_node_to_pod"),
    );
    let all_reached = |list: &[Value]| list.iter().all(reached);
    BTreeMap::from([
        ("KP001", holds("unique_pod_and_node_addresses")),
        ("KP002", holds("localhost_works")),
        ("KP003", all_reached(&pods)),
        ("KP004", holds("node_to_local_pod")),
        ("KP005", all_reached(&nodes)),
        ("KP006", !pods.iter().chain(&nodes).any(reached)),
        ("KP007", holds("own_view_equals_others_view")),
    ])
}

#[test]
fn verdicts_are_what_was_observed_and_what_the_simulator_says() {
    let mut names: Vec<String> = fs::read_dir(cases().join("netns-lab"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 15, "{names:?}");
    let mut wrong = Vec::new();
    for case in &names {
        let truth = cases().join("netns-lab").join(case).join("truth.json");
        let truth: Value = serde_json::from_str(&fs::read_to_string(truth).unwrap()).unwrap();
        // What policies say is another question than what was observed.
        let begin = Instant::now();
        let run = verify(&lab(), case, &|name| !name.ends_with("/objects.yaml"));
        let found = verified(case, &run);
        let told = verdicts(found);
        let solved = begin.elapsed();
        // Who answers for an address that two have is a race: it is not predicted.
        let race = case == "bad-duplicate-pod-ip";
        for (id, holds) in observed(&truth) {
            let expected = if holds {
                Verdict::Proven
            } else {
                Verdict::Violated
            };
            if told[id] != expected && !(race && id != "KP001") {
                wrong.push(format!(
                    "{case}: {id} is {}, observed {}",
                    told[id].word(),
                    expected.word()
                ));
            }
        }
        let service = match case.as_str() {
            "ok-service" => Some(Verdict::Proven),
            "bad-hairpin-off" => Some(Verdict::Violated),
            _ => None,
        };
        if told.get("KP008").copied() != service {
            wrong.push(format!("{case}: KP008 is {:?}", told.get("KP008")));
        }
        let (broken, _, messages) = judged(found);
        for id in [
            "KP002", "KP003", "KP004", "KP005", "KP006", "KP007", "KP009", "KP010",
        ] {
            let expected = if broken.contains(id) {
                Verdict::Violated
            } else {
                Verdict::Proven
            };
            if told[id] != expected && id != "KP009" {
                wrong.push(format!(
                    "{case}: {id} is {}, by the simulator {}",
                    told[id].word(),
                    expected.word()
                ));
            }
        }
        if case.starts_with("ok-") && told["KP009"] != Verdict::Proven {
            wrong.push(format!("{case}: KP009 is {}", told["KP009"].word()));
        }
        eprintln!(
            "{case}: {} stages, {messages} messages, solved in {:.1} s, tried in {:.1} s: {:?}",
            found.lowered.network.switches.len(),
            solved.as_secs_f64(),
            (begin.elapsed() - solved).as_secs_f64(),
            told.iter()
                .filter(|(_, v)| **v != Verdict::Proven)
                .collect::<Vec<_>>()
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Networks of `cases/netns-own` that are tried each time; `KUBEPROOF_OWN=all`: every one, some minutes in a debug build.
const OWN: &[&str] = &[
    "arp-ignore-8",
    "calico",
    "double-snat",
    "fdb-local",
    "pod-forwards",
    "port-no-broadcast",
    "route-of-wide-local",
    "same-mac",
    "v6-only",
];

/// Of our own networks: nothing is proven that a message of a covering set breaks in the simulator, or that was seen broken;
/// nothing is unknown where all is modelled. (That a violation is one, `verify` has replayed; it may be of a message that
/// nobody tried.)
#[test]
fn verdicts_of_our_own_networks_are_what_the_simulator_says() {
    let all = std::env::var("KUBEPROOF_OWN").ok();
    let folder = cases().join("netns-own");
    let names = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = names.map(|n| n.into_string().unwrap()).collect();
    names.retain(|n| match all.as_deref() {
        None => OWN.contains(&n.as_str()),
        Some("all") => true,
        Some(only) => only.split(',').any(|o| o == n),
    });
    names.sort();
    assert!(names.len() >= if all.is_none() { OWN.len() } else { 1 });
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.lock().unwrap().extend(own(&folder, case));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn own(folder: &Path, case: &str) -> Vec<String> {
    let begin = Instant::now();
    let truth = fs::read_to_string(folder.join(case).join("truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    // What policies say is another question than what was observed.
    let objects = fs::read_to_string(folder.join(case).join("objects.yaml"));
    let policies = objects.is_ok_and(|text| text.contains("NetworkPolicy"));
    let run = verify(folder, case, &|name| {
        !policies || !name.ends_with("/objects.yaml")
    });
    let found = verified(case, &run);
    let told = verdicts(found);
    let (broken, unsure, messages) = judged(found);
    let mut wrong = Vec::new();
    for id in ["KP002", "KP003", "KP004", "KP005", "KP006", "KP007"] {
        let fits = match told[id] {
            Verdict::Violated => true,
            Verdict::Proven | Verdict::Vacuous => !broken.contains(id),
            _ => unsure,
        };
        if !fits {
            let (word, by) = (told[id].word(), broken.contains(id));
            wrong.push(format!(
                "{case}: {id} is {word}, by the simulator broken: {by}, unsure: {unsure}"
            ));
        }
    }
    for (id, holds) in observed(&truth) {
        let against = told[id] == Verdict::Proven && !holds;
        if against {
            wrong.push(format!(
                "{case}: {id} is {}, observed {holds}",
                told[id].word()
            ));
        }
    }
    let taken = begin.elapsed().as_secs_f64();
    eprintln!("{case}: {messages} messages, {taken:.1} s, {told:?}");
    wrong
}

#[test]
fn what_a_policy_forbids_on_purpose_is_no_fault() {
    let run = verify(&lab(), "ok-netpol-ingress", &|_| true);
    let told = verdicts(verified("ok-netpol-ingress", &run));
    assert_eq!(told["KP003"], Verdict::Proven);
    assert_eq!(told["KP005"], Verdict::Proven);
    assert_eq!(told["KP009"], Verdict::Proven);
}

/// Who forwards IPv6 takes datagrams at the anycast address of each of its prefixes, and no connections: nobody is robbed.
#[test]
fn anycast_addresses_of_prefixes() {
    let run = verify(&cases().join("netns-own"), "v6-only", &|_| true);
    let told = verdicts(verified("v6-only", &run));
    assert_eq!(told["KP009"], Verdict::Proven);
    assert_eq!(told["KP001"], Verdict::Proven);
}

#[test]
fn faults_are_explained() {
    let mut wrong = Vec::new();
    for (case, clue) in [
        ("bad-masquerade", "MASQUERADE"),
        (
            "bad-metric-shadow",
            "10.1.2.0/24 via 10.1.100.9 dev eth0 metric 50",
        ),
        ("bad-overlapping-podcidr", "node n2"),
        ("bad-hairpin-off", "hairpin"),
        ("bad-forward-drop", "bridge-nf-call-iptables"),
        ("bad-missing-route", "10.1.2.11"),
        ("bad-next-hop-loop", "loop"),
        ("bad-wrong-fdb", "flannel.1"),
        ("bad-wrong-next-hop", "10.1.100.9"),
    ] {
        let run = verify(&lab(), case, &|_| true);
        verified(case, &run);
        let told = plain(&text::render(&run, text::Options::default()));
        if !told.contains(clue) {
            wrong.push(format!("{case} does not speak of {clue}:\n{told}"));
        }
        let golden = cases().join("netns-explained").join(format!("{case}.txt"));
        if std::env::var_os("KUBEPROOF_BLESS").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &told).unwrap();
        }
        let kept = fs::read_to_string(&golden).unwrap_or_default();
        if kept != told {
            wrong.push(format!("{case} is told otherwise:\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without styles, as where standard output is no terminal.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str(part.split_once('m').unwrap().1);
    }
    out
}

/// Which constraints the simulator's outcomes break, whether any met what is not modelled, and how many messages were walked.
fn judged(verified: &Verified) -> (BTreeSet<&'static str>, bool, usize) {
    let (cluster, network) = (&verified.cluster, &verified.lowered.network);
    let mut broken = BTreeSet::new();
    let mut targets: BTreeSet<IpAddr> = network.held.iter().copied().collect();
    targets.extend(
        [
            "127.0.0.1",
            "203.0.113.9",
            "10.1.1.99",
            "10.1.2.99",
            "10.20.1.99",
            "::1",
        ]
        .map(|t| t.parse::<IpAddr>().unwrap()),
    );
    targets.extend(
        cluster
            .services
            .iter()
            .flat_map(|s| &s.addresses)
            .map(|a| a.ip),
    );
    let (mut messages, mut unsure) = (0, false);
    for process in &network.processes {
        for &destination in &targets {
            for port in [6060, 7070, 8080, 9090, 10250, 80] {
                for protocol in [Protocol::Tcp, Protocol::Udp] {
                    for source in sources(&process.sources, destination) {
                        let header = Header {
                            protocol,
                            source,
                            source_port: 49152,
                            destination,
                            destination_port: port,
                        };
                        if !walk::honest(network, process.id, &header) {
                            continue;
                        }
                        messages += 1;
                        let trace = walk::trace(network, process.id, header).unwrap();
                        for outcome in &trace.outcomes {
                            let strange = |j: &Journey| j.end == Disposition::Unmodelled;
                            unsure |= strange(&outcome.request)
                                || outcome.reply.as_ref().is_some_and(strange);
                            judge(cluster, process.id, outcome, &mut broken);
                        }
                    }
                }
            }
        }
    }
    (broken, unsure, messages)
}

fn sources(all: &Sources, destination: IpAddr) -> Vec<IpAddr> {
    let family = Family::of(destination);
    if family.loopback_net().contains(&destination) {
        return vec![family.loopback()];
    }
    match all {
        Sources::Selected(table) => {
            let row = table.iter().find(|(net, _)| net.contains(&destination));
            row.map(|(_, own)| own.clone()).unwrap_or_default()
        }
        Sources::Own(own) => own.clone(),
        Sources::Within(_) | Sources::Free => Vec::new(),
    }
}

fn judge(
    cluster: &Cluster,
    sender: EntityId,
    outcome: &Outcome,
    broken: &mut BTreeSet<&'static str>,
) {
    let sent = outcome.sent;
    let (to, port) = (sent.destination, sent.destination_port);
    let pod_of = |process: EntityId| {
        let mut pods = cluster.pods.iter();
        pods.find(|p| p.containers.iter().any(|c| c.id == process))
    };
    let node_of = |process: EntityId| {
        let mut nodes = cluster.nodes.iter();
        nodes.find(|n| n.daemons.iter().any(|d| d.id == process))
    };
    if [Some(&outcome.request), outcome.reply.as_ref()]
        .into_iter()
        .flatten()
        .any(|j| j.end == Disposition::Loop)
    {
        broken.insert("KP010");
    }
    let home = pod_of(sender);
    let node = node_of(sender);
    let answered = sent.protocol == Protocol::Udp || outcome.replied == Some(true);
    let receiver = outcome.request.receiver;
    let loopback = Family::of(to).loopback() == to;
    for pod in &cluster.pods {
        let addressed = pod.addresses.iter().any(|a| a.ip == to);
        for container in &pod.containers {
            let opens = container.open.iter().any(|l| {
                let covers = l.bind.covers(to);
                covers && l.port == port && l.protocol == sent.protocol
            });
            let reached = receiver == Some(container.id) && answered;
            if !opens || reached {
                continue;
            }
            if loopback && home.is_some_and(|p| p.id == pod.id) {
                broken.insert("KP002");
            }
            if addressed && home.is_some() {
                broken.insert("KP003");
            }
            if addressed && node.is_some_and(|n| n.id == pod.node) {
                broken.insert("KP004");
            }
            if addressed && node.is_some() {
                broken.insert("KP005");
            }
        }
    }
    let Some(header) = outcome.received else {
        return;
    };
    let pod_addressed = cluster
        .pods
        .iter()
        .any(|p| p.addresses.iter().any(|a| a.ip == to));
    let node_addressed = cluster
        .nodes
        .iter()
        .any(|n| n.addresses.iter().any(|a| a.ip == to));
    let changed =
        (header.source, header.destination, header.destination_port) != (sent.source, to, port);
    if pod_addressed && changed && (home.is_some() || node.is_some()) {
        broken.insert("KP006");
    }
    if let Some(home) = home
        && (pod_addressed || node_addressed)
        && !home.addresses.iter().any(|a| a.ip == header.source)
        && !header.source.is_loopback()
    {
        broken.insert("KP007");
    }
}
