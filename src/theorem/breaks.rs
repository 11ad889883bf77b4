//! The ways to break one assumption in a small cluster, and nothing else.
//!
//! Knows: what each assumption is in a cluster file. Must never know: which constraint that violates: `verify` finds out.

use super::skeleton::{Draft, Skeleton, container, daemon, node, pod};

/// A small cluster in which one assumption does not hold.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// How many entities it has.
    pub size: usize,
    /// The cluster file.
    pub text: String,
    /// What a cluster file cannot say as the assumption does, and says so instead.
    pub note: Option<&'static str>,
}

/// The sizes that are searched, smallest first.
pub const SIZES: std::ops::RangeInclusive<usize> = 1..=7;

/// All candidates of a size, the plainest first.
pub fn candidates(assumption: &str, size: usize) -> Vec<Candidate> {
    let name = format!("without-{assumption}");
    let of = |skeleton: Skeleton| {
        let (drafts, note) = broken(assumption, &skeleton.draft());
        let name = name.clone();
        drafts.into_iter().map(move |draft| Candidate {
            size,
            text: headed(assumption, note, &draft.yaml(&name)),
            note,
        })
    };
    Skeleton::of_size(size).into_iter().flat_map(of).collect()
}

/// The file says what it is, so that what is said of it has the right lines.
fn headed(assumption: &str, note: Option<&str>, yaml: &str) -> String {
    let note = note.map(|n| format!("# ({n})\n")).unwrap_or_default();
    format!(
        "# A cluster that lacks one assumption of the theorem, {assumption}, and no other.\n{note}{yaml}"
    )
}

/// The same clusters with nothing broken, for tests.
pub fn unbroken(size: usize) -> Vec<String> {
    let all = Skeleton::of_size(size).into_iter();
    all.map(|s| s.draft().yaml("unbroken")).collect()
}

/// An address that nobody has.
const NOBODY: &str = "203.0.113.9";

type Broken = (Vec<Draft>, Option<&'static str>);

fn broken(assumption: &str, draft: &Draft) -> Broken {
    let plain = |drafts| (drafts, None);
    match assumption {
        "unique-address" => plain(shared_address(draft)),
        "no-loopback-address" => plain(each_pod(draft, |d, i| {
            d.pods[i].addresses = vec!["127.0.0.1".to_owned()];
        })),
        "one-address-a-family" => plain(each_pod(draft, |d, i| {
            let more = format!("10.3.0.{}", i + 1);
            d.pods[i].addresses.push(more);
        })),
        "one-listener" => plain(each_pod(draft, |d, i| d.pods[i].open.fill(8080))),
        "links" => plain(unlinked(draft)),
        "node-has-address" => plain(each_node(draft, |d, i| d.nodes[i].addresses.clear())),
        "endpoints-listen" => plain(with_service(draft, |d| d.services[0].target = 7070)),
        "pod-on-a-node" => (
            each_pod(draft, |d, i| {
                let at = d.pods[i].node;
                d.unlink(pod(i), node(at));
            }),
            Some(
                "a cluster file has no pod without a node: here the pod is cut off from its node instead",
            ),
        ),
        "honest-source" => (
            each_pod(draft, |d, i| {
                let from = d.pods[i].addresses[0].clone();
                d.before.push((
                    pod(i),
                    format!("from: {from}, action: {{translate: {{from: {NOBODY}}}}}"),
                ));
            }),
            Some(
                "a cluster file has no sender that lies: here its pod's switch forges the source instead",
            ),
        ),
        "endpoints-are-pods" => (
            with_service(draft, |d| {
                service_rule(d, &format!("translate: {{to: {NOBODY}, toPort: 8080}}"));
            }),
            Some(
                "a cluster file has no endpoint but pods: here the node's rule leads to an address that no pod has instead",
            ),
        ),
        "own-node-allowed" => (
            each_pod(draft, |d, i| {
                let at = d.pods[i].node;
                let (from, to) = (
                    d.nodes[at].addresses[0].clone(),
                    d.pods[i].addresses[0].clone(),
                );
                d.before.push((
                    node(at),
                    format!("from: {from}, to: {to}, action: {{discard: policy}}"),
                ));
            }),
            Some(
                "a cluster file has no policies: here a rule of the node stops what the policy would",
            ),
        ),
        "gates-enforced" => (
            each_pod(draft, |d, i| {
                let (at, to) = (d.pods[i].node, d.pods[i].addresses[0].clone());
                d.before.push((
                    node(at),
                    format!("to: {to}, action: {{discard: a firewall}}"),
                ));
            }),
            Some("a cluster file has no policies: here a rule stops what no policy forbids"),
        ),
        _ => plain(switch(assumption, draft)),
    }
}

/// Broken contracts of switches.
fn switch(assumption: &str, draft: &Draft) -> Vec<Draft> {
    match assumption {
        "pod-delivers" => each_pod(draft, |d, i| {
            if let Some(port) = d.pods[i].open.first() {
                let rule = format!(
                    "to: {}, toPort: {port}, protocol: TCP",
                    d.pods[i].addresses[0]
                );
                d.removed.push((pod(i), rule));
            }
        }),
        "closed-port-rules" => each_pod(draft, |d, i| {
            let rule = format!("to: {}", d.pods[i].addresses[0]);
            d.removed.push((pod(i), rule));
        }),
        "pod-to-node" => each_pod(draft, |d, i| d.removed.push((pod(i), String::new()))),
        "deliver-to-listener" => each_pod(draft, |d, i| {
            if !d.pods[i].open.is_empty() {
                let to = d.pods[i].addresses[0].clone();
                let rule = format!("to: {to}, action: {{deliver: {}}}", container(i, 0));
                d.before.push((pod(i), rule));
            }
        }),
        "services-translated" => with_service(draft, |d| {
            for i in 0..d.nodes.len() {
                let rule = format!("to: {}, toPort: 80, protocol: TCP", d.services[0].address);
                d.removed.push((node(i), rule));
            }
        }),
        "only-services-translated" => each_pod(draft, |d, i| {
            let (at, to) = (d.pods[i].node, d.pods[i].addresses[0].clone());
            let from = d.nodes[at].addresses[0].clone();
            let rule = format!("from: {from}, to: {to}, action: {{translate: {{from: {NOBODY}}}}}");
            d.before.push((node(at), rule));
        }),
        "hairpin" => with_service(draft, |d| {
            let first = d.pods.iter().find(|p| p.open.contains(&8080));
            if let Some(to) = first.map(|p| p.addresses[0].clone()) {
                service_rule(d, &format!("translate: {{to: {to}, toPort: 8080}}"));
            }
        }),
        "node-to-pod" => each_pod(draft, |d, i| {
            let rule = format!("to: {}", d.pods[i].addresses[0]);
            d.removed.push((node(d.pods[i].node), rule));
        }),
        "node-to-node" => each_pod(draft, |d, i| {
            let (home, to) = (d.pods[i].node, d.pods[i].addresses[0].clone());
            for other in (0..d.nodes.len()).filter(|&n| n != home) {
                d.removed.push((node(other), format!("to: {to}")));
            }
        }),
        "home" => each_pod(draft, |d, i| {
            let at = d.pods[i].node;
            d.before.push((
                node(at),
                format!("to: {NOBODY}, action: {{forward: {}}}", pod(i)),
            ));
        }),
        _ => Vec::new(),
    }
}

/// Two entities with one address, in each way.
fn shared_address(draft: &Draft) -> Vec<Draft> {
    let mut all = Vec::new();
    let mut vary = |change: &dyn Fn(&mut Draft)| {
        let mut changed = draft.clone();
        change(&mut changed);
        all.push(changed);
    };
    for i in 0..draft.pods.len() {
        for j in 0..i {
            vary(&|d| d.pods[i].addresses = d.pods[j].addresses.clone());
        }
        for j in 0..draft.nodes.len() {
            vary(&|d| d.pods[i].addresses = d.nodes[j].addresses.clone());
        }
        if !draft.services.is_empty() {
            vary(&|d| d.services[0].address = d.pods[i].addresses[0].clone());
        }
    }
    for i in 0..draft.nodes.len() {
        for j in 0..i {
            vary(&|d| d.nodes[i].addresses = d.nodes[j].addresses.clone());
        }
        if !draft.services.is_empty() {
            vary(&|d| d.services[0].address = d.nodes[i].addresses[0].clone());
        }
    }
    all
}

/// Without one link, in each way; both directions.
fn unlinked(draft: &Draft) -> Vec<Draft> {
    let mut pairs = Vec::new();
    for (i, p) in draft.pods.iter().enumerate() {
        pairs.extend((0..p.open.len()).map(|c| (container(i, c), pod(i))));
        pairs.push((pod(i), node(p.node)));
    }
    for (i, n) in draft.nodes.iter().enumerate() {
        if n.daemons > 0 {
            pairs.push((daemon(i), node(i)));
        }
        pairs.extend((0..i).map(|j| (node(i), node(j))));
    }
    let without = |(one, other)| {
        let mut changed = draft.clone();
        changed.unlink(one, other);
        changed
    };
    pairs.into_iter().map(without).collect()
}

fn each_pod(draft: &Draft, change: impl Fn(&mut Draft, usize)) -> Vec<Draft> {
    each(draft, draft.pods.len(), change)
}

fn each_node(draft: &Draft, change: impl Fn(&mut Draft, usize)) -> Vec<Draft> {
    each(draft, draft.nodes.len(), change)
}

fn each(draft: &Draft, count: usize, change: impl Fn(&mut Draft, usize)) -> Vec<Draft> {
    let changed = |i| {
        let mut changed = draft.clone();
        change(&mut changed, i);
        changed
    };
    (0..count).map(changed).collect()
}

fn with_service(draft: &Draft, change: impl Fn(&mut Draft)) -> Vec<Draft> {
    each(draft, draft.services.len(), |d, _| change(d))
}

/// A rule of every node for the Service's address, before the ideal one.
fn service_rule(draft: &mut Draft, action: &str) {
    for i in 0..draft.nodes.len() {
        let to = &draft.services[0].address;
        let rule = format!("to: {to}, toPort: 80, protocol: TCP, action: {{{action}}}");
        draft.before.push((node(i), rule));
    }
}
