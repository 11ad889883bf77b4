//! A node and addresses for every pod.
//!
//! Knows: what is chosen where the input says nothing. Must never know: ids, processes.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use super::super::Objects;
use super::super::schedule::Wants;
use super::About;
use super::addresses::{Chooser, Pool};
use super::drafts::{self, Draft};
use super::nodes::{NodeDraft, Nodes};
use super::owners::Owners;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::cluster::{Address, Reading};
use crate::model::entity::natural_cmp;
use crate::model::inet::{Family, IpNet};
use crate::model::policy::Peer;

/// Pods with node and addresses, and the nodes.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) pods: Vec<Draft>,
    pub(super) nodes: Vec<NodeDraft>,
    pub(super) reading: Reading,
}

/// Places everything; none where a mistake was told.
pub(super) fn place(
    objects: &mut Objects,
    about: &About,
    problems: &mut Problems,
) -> Option<Placed> {
    let mut reading = Reading {
        pod_cidrs: about.pod_cidrs.clone(),
        ..Reading::default()
    };
    let workloads = std::mem::take(&mut objects.workloads);
    let pods = std::mem::take(&mut objects.pods);
    let owners = Owners::new(&workloads);
    let standing = drafts::standing(&workloads, &pods, &owners, problems);
    let mut pods = drafts::given(pods, &owners);
    let mut nodes = Nodes::new(std::mem::take(&mut objects.nodes));
    for pod in &pods {
        let Some(name) = &pod.node else {
            continue;
        };
        // A pod of the host network has the addresses of its node.
        let own = pod.addresses.iter().filter(|_| pod.host_network);
        nodes.told_by(name, pod.host_ips.iter().chain(own), pod.origin);
    }
    for workload in &standing {
        if let Some(name) = &workload.spec.node {
            nodes.named(name, workload.origin);
        }
    }
    if nodes.all.is_empty() && !(pods.is_empty() && standing.is_empty()) {
        nodes.make_up(about.origin);
        reading.nodes_chosen = true;
    }
    pods.extend(drafts::templates(&standing, &nodes.in_order(), problems)?);
    // Whatever is chosen must not depend on the order of the files.
    pods.sort_by(|a, b| {
        let by_namespace = a.namespace.cmp(&b.namespace);
        by_namespace
            .then_with(|| natural_cmp(&a.name, &b.name))
            .then_with(|| a.template.cmp(&b.template))
    });
    reading.templates = pods.iter().any(|p| p.manifest);
    reading.nodes_chosen |= settle(&mut pods, &nodes.in_order(), problems);
    let mut chooser = Chooser::new(used(&pods, &nodes, objects), named(objects, &nodes, about));
    let families = families(&pods, &nodes, about);
    let mut order: Vec<usize> = (0..nodes.all.len()).collect();
    order.sort_by(|&a, &b| natural_cmp(&nodes.all[a].name, &nodes.all[b].name));
    for &family in &families {
        let mut pool = chooser.pool(family, true);
        for &at in &order {
            let node = &mut nodes.all[at];
            let has = node.addresses.iter().any(|a| Family::of(a.ip) == family);
            let unknown = !node.known && node.addresses.iter().all(|a| a.origin == node.origin);
            if has || !unknown {
                continue;
            }
            let ip = chooser.choose(&mut pool);
            node.addresses.extend(ip.map(|ip| Address {
                ip,
                origin: node.origin,
            }));
            node.addresses_chosen = true;
            reading.addresses_chosen = true;
        }
    }
    for &family in &families {
        let mut pool = if about.pod_cidrs.is_empty() {
            chooser.pool(family, false)
        } else {
            Chooser::pool_of(&about.pod_cidrs, family)
        };
        let waiting = |p: &Draft| !p.manifest || p.host_network || p.pending;
        for pod in pods.iter_mut().filter(|p| !waiting(p)) {
            let cidrs = pod.node.as_ref().and_then(|name| nodes.find(name));
            let cidrs = cidrs.map_or(&[][..], |at| &nodes.all[at].pod_cidrs);
            let Some(ip) = choose(&mut chooser, &mut pool, cidrs, family, about) else {
                let message = format!("{} has no address left for a pod", ranges(about));
                problems.push(Diagnostic::error("K003", pod.origin, message));
                return None;
            };
            pod.addresses.push(Address {
                ip,
                origin: pod.origin,
            });
            reading.addresses_chosen = true;
        }
    }
    Some(Placed {
        pods,
        nodes: nodes.all,
        reading,
    })
}

/// Gives a node to each pod that has none, in turn. Says whether it could be another one.
fn settle(pods: &mut [Draft], nodes: &[&NodeDraft], problems: &mut Problems) -> bool {
    let mut chosen = pods.iter().any(|pod| pod.node.is_some() && !pod.node_given);
    // Pods of one template ask the same, and most ask nothing.
    let mut known: Vec<(Wants, Vec<(usize, bool)>)> = Vec::new();
    let mut told: HashSet<Span> = HashSet::new();
    let mut turn = 0;
    for pod in pods.iter_mut().filter(|p| p.node.is_none()) {
        let wants = pod.wants.as_deref().cloned().unwrap_or_default();
        let at = known.iter().position(|(asked, _)| *asked == wants);
        let at = at.unwrap_or_else(|| {
            let may = |(at, node): (usize, &&NodeDraft)| {
                let may = wants.may_run(&node.place());
                (may != Some(false)).then_some((at, may == Some(true)))
            };
            let fitting = nodes.iter().enumerate().filter_map(may).collect();
            known.push((wants, fitting));
            known.len() - 1
        });
        let fitting = &known[at].1;
        // The next one in turn that will do.
        let next = fitting.iter().find(|(at, _)| *at >= turn);
        let next = next.or_else(|| fitting.first()).copied();
        if let Some((at, sure)) = next {
            turn = (at + 1) % nodes.len();
            pod.node = Some(nodes[at].name.clone());
            pod.node_given = sure && fitting.len() == 1 && nodes.len() > 1;
            chosen |= !pod.node_given;
            continue;
        }
        // It waits, wherever; who waits already was told by the dump.
        pod.node = nodes.first().map(|node| node.name.clone());
        pod.facts.ready = false;
        if pod.manifest && told.insert(pod.origin) {
            let message = format!(
                "no node that is given will do for the pods of {}: they are taken not to start",
                show(pod.workload.as_ref().map_or(&pod.name, |w| &w.name))
            );
            let help =
                "`nodeSelector`, required node affinity and taints of nodes say where pods may run";
            problems.push(
                Diagnostic::error("K009", pod.origin, message)
                    .warning()
                    .help(help),
            );
        }
        pod.pending |= pod.manifest;
    }
    chosen
}

/// `--pod-cidr` where it is given, else the node's own range, else the pool.
fn choose(
    chooser: &mut Chooser,
    pool: &mut Pool,
    cidrs: &[IpNet],
    family: Family,
    about: &About,
) -> Option<IpAddr> {
    if about.pod_cidrs.is_empty() {
        let own = cidrs.iter().filter(|net| Family::of(net.addr()) == family);
        for net in own {
            if let Some(ip) = chooser.choose_in(*net) {
                return Some(ip);
            }
        }
    }
    chooser.choose(pool)
}

fn ranges(about: &About) -> String {
    if about.pod_cidrs.is_empty() {
        return "no private range that the input leaves free".to_owned();
    }
    let all: Vec<String> = about.pod_cidrs.iter().map(ToString::to_string).collect();
    format!("`--pod-cidr {}`", all.join(","))
}

/// Addresses that somebody holds.
fn used(pods: &[Draft], nodes: &Nodes, objects: &Objects) -> HashSet<IpAddr> {
    let of_pods = pods.iter().flat_map(|p| &p.addresses);
    let of_nodes = nodes.all.iter().flat_map(|n| &n.addresses);
    let services = objects.services.iter();
    let of_services = services.flat_map(|s| {
        s.cluster_ips
            .iter()
            .chain(&s.external_ips)
            .chain(&s.balancer)
    });
    let all = of_pods.chain(of_nodes).chain(of_services);
    // An address that is listed is somebody's, if only of a pod that is not there.
    let listed = objects.slices.iter().flat_map(|s| &s.endpoints);
    let listed = listed.map(|e| e.address.ip);
    all.map(|a| a.ip).chain(listed).collect()
}

/// Prefixes that the input names: a chosen address is better none of theirs.
fn named(objects: &Objects, nodes: &Nodes, about: &About) -> Vec<IpNet> {
    let mut all: BTreeSet<IpNet> = about.pod_cidrs.iter().copied().collect();
    all.extend(nodes.all.iter().flat_map(|n| n.pod_cidrs.iter().copied()));
    let mut peer = |peer: &Peer| {
        if let Peer::Block(block) = peer {
            all.insert(block.cidr);
            all.extend(block.except.iter().copied());
        }
    };
    for policy in &objects.network_policies {
        let rules = policy.ingress.iter().chain(&policy.egress).flatten();
        let peers = rules.flat_map(|r| &r.peers).flatten();
        peers.for_each(&mut peer);
    }
    for policy in &objects.cluster_policies {
        let rules = policy.ingress.iter().chain(&policy.egress);
        rules.flat_map(|r| &r.peers).for_each(&mut peer);
    }
    all.into_iter().collect()
}

/// The families that the cluster has: those of pods and their ranges, else of nodes, else IPv4.
fn families(pods: &[Draft], nodes: &Nodes, about: &About) -> Vec<Family> {
    let of = |ips: &mut dyn Iterator<Item = IpAddr>| -> BTreeSet<Family> {
        ips.map(Family::of).collect()
    };
    let given = of(&mut about.pod_cidrs.iter().map(IpNet::addr));
    let ranges = nodes.all.iter().flat_map(|n| &n.pod_cidrs);
    let of_pods = pods.iter().flat_map(|p| &p.addresses).map(|a| a.ip);
    let of_nodes = nodes.all.iter().flat_map(|n| &n.addresses).map(|a| a.ip);
    let choices = [
        given,
        of(&mut ranges.map(IpNet::addr).chain(of_pods)),
        of(&mut of_nodes.into_iter()),
    ];
    let first = choices.into_iter().find(|f| !f.is_empty());
    first.map_or_else(|| vec![Family::V4], |f| f.into_iter().collect())
}
