//! The Kubernetes objects beside a snapshot: which Pod and which Node is which namespace.
//!
//! Knows: names and addresses of objects and of namespaces. Must never know: dumps, sockets.
//!
//! An object is matched by what `snapshot.yaml` says, else by its name, else by its addresses. What is in no namespace
//! of the snapshot is left out, and told: nothing can be said of its network.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use super::top::Listed;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::kubernetes::Objects;
use crate::input::kubernetes::meta::Meta;
use crate::input::kubernetes::node::NodeObject;
use crate::input::kubernetes::pod::{ContainerObject, Phase, PodObject, PodSpec, PodStatus};
use crate::input::problems::Problems;
use crate::model::cluster::Address;
use crate::model::labels::Open;
use crate::model::linux::Role;

/// What a namespace is called, and who is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    /// Namespace (of a pod) and name.
    pub(super) namespace: String,
    pub(super) name: String,
    /// Names of the processes, those of the object where there is one.
    pub(super) processes: Vec<String>,
    /// Ports that the object declares, by process.
    pub(super) declared: Vec<Vec<(u16, crate::model::inet::Protocol)>>,
    /// Whether an object says the processes.
    pub(super) given: bool,
}

/// What is known of a namespace without objects.
#[derive(Debug)]
pub(super) struct Bare<'l> {
    pub(super) listed: &'l Listed,
    pub(super) addresses: Vec<Address>,
    /// Names of processes that listen.
    pub(super) processes: Vec<String>,
}

/// Gives every Pod and Node namespace its object, makes one where there is none, and leaves out all other pods and
/// nodes. By namespace of the snapshot: what it is called.
pub(super) fn matched(
    objects: &mut Objects,
    bare: &[Bare<'_>],
    problems: &mut Problems,
) -> Vec<Named> {
    let mut names: Vec<Named> = vec![Named::default(); bare.len()];
    nodes(objects, bare, &mut names, problems);
    let known: HashSet<String> = bare
        .iter()
        .zip(&names)
        .filter(|(b, _)| b.listed.role == Role::Node)
        .map(|(_, n)| n.name.clone())
        .collect();
    pods(objects, bare, &mut names, &known, problems);
    for (bare, named) in bare.iter().zip(&mut names) {
        if matches!(bare.listed.role, Role::External | Role::Fabric) {
            named.name.clone_from(&bare.listed.name);
        }
        if !named.given {
            named.processes.clone_from(&bare.processes);
        }
    }
    objects.workloads.retain(|w| {
        if !w.live {
            left_out(w.kind, &w.meta, problems);
        }
        w.live
    });
    names
}

fn left_out(kind: &str, meta: &Meta, problems: &mut Problems) {
    let message = format!(
        "the {kind} {} is not in the snapshot: nothing is said of it",
        show(&meta.name)
    );
    problems.push(Diagnostic::error("S009", meta.span, message).warning());
}

fn claimed_twice(what: &str, meta: &Meta, first: Span, problems: &mut Problems) {
    let message = format!(
        "the {what} {} and another one are the same namespace of the snapshot",
        show(&meta.name)
    );
    let diagnostic = Diagnostic::error("S010", meta.span, message).related(first, "the other one");
    problems
        .push(diagnostic.help("say which is which: `object:` of the namespace in `snapshot.yaml`"));
}

/// The namespace that an object is: by its own word, its name, its addresses.
fn find(
    bare: &[Bare<'_>],
    role: Role,
    key: (&str, &str),
    ips: &[IpAddr],
    by: &Index<'_>,
) -> Option<usize> {
    let of_role = |at: &&usize| bare[**at].listed.role == role;
    let said = |at: &usize| {
        bare[*at]
            .listed
            .object
            .as_ref()
            .map(|(ns, n)| (ns.as_str(), n.as_str()))
    };
    if let Some(at) = by.object.get(&key).filter(of_role) {
        return Some(*at);
    }
    let holds = |at: &usize| bare[*at].addresses.iter().any(|a| ips.contains(&a.ip));
    let by_ip: HashSet<usize> = ips
        .iter()
        .flat_map(|ip| by.address.get(ip).into_iter().flatten())
        .filter(of_role)
        .copied()
        .filter(|at| said(at).is_none())
        .collect();
    let by_name = by
        .name
        .get(key.1)
        .filter(of_role)
        .copied()
        .filter(|at| said(at).is_none());
    // A name that is contradicted by the addresses of another namespace is chance.
    match by_name {
        Some(at) if holds(&at) || ips.is_empty() || by_ip.is_empty() => Some(at),
        _ => match by_ip.iter().collect::<Vec<_>>().as_slice() {
            [one] => Some(**one),
            _ => None,
        },
    }
}

/// Namespaces by what objects may call them.
struct Index<'b> {
    object: HashMap<(&'b str, &'b str), usize>,
    name: HashMap<&'b str, usize>,
    address: HashMap<IpAddr, Vec<usize>>,
}

impl<'b> Index<'b> {
    fn of(bare: &'b [Bare<'_>]) -> Self {
        let mut index = Self {
            object: HashMap::new(),
            name: HashMap::new(),
            address: HashMap::new(),
        };
        for (at, bare) in bare.iter().enumerate() {
            if let Some((namespace, name)) = &bare.listed.object {
                index.object.insert((namespace, name), at);
            }
            index.name.insert(&bare.listed.name, at);
            for address in &bare.addresses {
                index.address.entry(address.ip).or_default().push(at);
            }
        }
        index
    }
}

fn nodes(objects: &mut Objects, bare: &[Bare<'_>], names: &mut [Named], problems: &mut Problems) {
    let index = Index::of(bare);
    let mut taken: HashMap<usize, Span> = HashMap::new();
    let mut kept = Vec::new();
    for mut node in std::mem::take(&mut objects.nodes) {
        let ips: Vec<IpAddr> = node.addresses.iter().flatten().map(|a| a.ip).collect();
        let Some(at) = find(bare, Role::Node, ("", &node.meta.name), &ips, &index) else {
            left_out("Node", &node.meta, problems);
            continue;
        };
        if let Some(&first) = taken.get(&at) {
            claimed_twice("Node", &node.meta, first, problems);
            continue;
        }
        taken.insert(at, node.meta.span);
        names[at].name.clone_from(&node.meta.name);
        node.addresses = Some(bare[at].addresses.clone());
        kept.push(node);
    }
    for (at, bare) in bare.iter().enumerate() {
        if bare.listed.role == Role::Node && !taken.contains_key(&at) {
            let name = bare
                .listed
                .object
                .as_ref()
                .map_or(&bare.listed.name, |(_, n)| n);
            names[at].name.clone_from(name);
            kept.push(NodeObject {
                meta: meta("", name, bare.listed.origin),
                pod_cidrs: Vec::new(),
                taints: Vec::new(),
                open: Open::All,
                addresses: Some(bare.addresses.clone()),
                origin: bare.listed.origin,
            });
        }
    }
    objects.nodes = kept;
}

fn pods(
    objects: &mut Objects,
    bare: &[Bare<'_>],
    names: &mut [Named],
    known_nodes: &HashSet<String>,
    problems: &mut Problems,
) {
    let index = Index::of(bare);
    let mut taken: HashMap<usize, Span> = HashMap::new();
    let mut kept = Vec::new();
    for mut pod in std::mem::take(&mut objects.pods) {
        let phase = pod.status.as_ref().map_or(Phase::Running, |s| s.phase);
        let ips: Vec<IpAddr> = pod
            .status
            .iter()
            .flat_map(|s| &s.ips)
            .map(|a| a.ip)
            .collect();
        if phase == Phase::Ended {
            kept.push(pod);
            continue;
        }
        if pod.spec.host_network {
            let here = pod
                .spec
                .node
                .as_ref()
                .is_some_and(|n| known_nodes.contains(n));
            if here {
                // Its addresses are its node's, which the dump says.
                let ready = pod.status.as_ref().is_none_or(|s| s.ready);
                pod.status = Some(running(phase, Vec::new(), ready));
                kept.push(pod);
            } else {
                left_out("Pod", &pod.meta, problems);
            }
            continue;
        }
        let key = (pod.meta.namespace.as_str(), pod.meta.name.as_str());
        let Some(at) = find(bare, Role::Pod, key, &ips, &index) else {
            left_out("Pod", &pod.meta, problems);
            continue;
        };
        if let Some(&first) = taken.get(&at) {
            claimed_twice("Pod", &pod.meta, first, problems);
            continue;
        }
        taken.insert(at, pod.meta.span);
        names[at] = Named {
            namespace: pod.meta.namespace.clone(),
            name: pod.meta.name.clone(),
            processes: pod.spec.containers.iter().map(|c| c.name.clone()).collect(),
            declared: pod.spec.containers.iter().map(declared).collect(),
            given: !pod.spec.containers.is_empty(),
        };
        let found = &bare[at].addresses;
        // Of several networks the pod is dialled at those that Kubernetes knows.
        let mut addresses: Vec<Address> = found
            .iter()
            .filter(|a| ips.contains(&a.ip))
            .copied()
            .collect();
        if addresses.is_empty() {
            addresses.clone_from(found);
            if let (Some(ip), false) = (ips.first(), found.is_empty()) {
                let message = format!(
                    "the Pod {} has the address {ip}, its namespace has not",
                    show(&pod.meta.name)
                );
                let diagnostic = Diagnostic::error("S011", pod.meta.span, message).warning();
                problems.push(diagnostic.related(found[0].origin, "its address in the snapshot"));
            }
        }
        let ready = pod.status.as_ref().is_none_or(|s| s.ready);
        pod.status = Some(running(
            Phase::Running,
            addresses,
            ready && phase == Phase::Running,
        ));
        pod.generated = false;
        let node = bare[at].listed.node;
        pod.spec.node = node.map(|n| names[n].name.clone());
        if !names[at].given {
            pod.spec.containers = containers(&bare[at]);
        }
        kept.push(pod);
    }
    for (at, bare) in bare.iter().enumerate() {
        if bare.listed.role != Role::Pod || taken.contains_key(&at) {
            continue;
        }
        let own = bare.listed.object.clone();
        let (namespace, name) =
            own.unwrap_or_else(|| ("default".to_owned(), bare.listed.name.clone()));
        names[at].namespace.clone_from(&namespace);
        names[at].name.clone_from(&name);
        let origin = bare.listed.origin;
        kept.push(PodObject {
            meta: meta(&namespace, &name, origin),
            open: Open::All,
            generated: false,
            spec: PodSpec {
                host_network: false,
                node: bare.listed.node.map(|n| names[n].name.clone()),
                wants: None,
                gated: false,
                containers: containers(bare),
            },
            status: Some(running(Phase::Running, bare.addresses.clone(), true)),
            origin,
        });
    }
    objects.pods = kept;
}

fn running(phase: Phase, ips: Vec<Address>, ready: bool) -> PodStatus {
    PodStatus {
        phase,
        ips,
        host_ips: Vec::new(),
        ready,
    }
}

fn declared(container: &ContainerObject) -> Vec<(u16, crate::model::inet::Protocol)> {
    container
        .ports
        .iter()
        .map(|p| (p.port, p.protocol))
        .collect()
}

fn containers(bare: &Bare<'_>) -> Vec<ContainerObject> {
    let containers = bare.processes.iter().map(|name| ContainerObject {
        name: name.clone(),
        ports: Vec::new(),
        origin: bare.listed.origin,
    });
    containers.collect()
}

fn meta(namespace: &str, name: &str, origin: Span) -> Meta {
    Meta {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        labels: BTreeMap::default(),
        deleting: false,
        owner: None,
        span: origin,
    }
}
