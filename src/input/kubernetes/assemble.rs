//! Objects to one cluster: names resolved, templates expanded, nodes and addresses chosen where there are none.
//!
//! Knows: which object becomes which entity. Must never know: YAML, FIBs, selectors of policies.
//!
//! What is chosen is marked ([`Chosen`], [`Reading`]) and told as an assumption. A hostNetwork pod is no pod here but
//! processes of its node (design.md section 1). Every node has a kubelet, which is not known to listen anywhere, and
//! the cluster has an outside that holds whatever nobody else holds.

mod addresses;
mod around;
mod controllers;
mod drafts;
mod names;
mod nodes;
mod owners;
mod place;
mod services;

use std::collections::HashMap;

use super::pod::ContainerObject;
use super::{Installed, Objects};
use crate::base::source::Span;
use crate::input::problems::Problems;
use crate::model::cluster::{
    Bind, Chosen, Cluster, External, HostPod, HostPort, Listener, NamedPort, Node, Pod, Process,
};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::IpNet;
use crate::model::table::Tables;
use around::{anybody, namespaces, policies};
use drafts::Draft;
use names::{Ids, Register};
use nodes::NodeDraft;
use place::Placed;

/// What the input does not say of the cluster itself.
#[derive(Debug, Clone)]
pub struct About {
    /// How it is called.
    pub name: String,
    /// The PATH as given.
    pub path: String,
    /// Where its first object is written.
    pub origin: Span,
    /// `--pod-cidr`: what addresses are chosen from.
    pub pod_cidrs: Vec<IpNet>,
}

/// What Services want to know of a pod beside what the cluster says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodFacts {
    /// The condition `Ready`; a manifest comes up ready.
    pub ready: bool,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
}

/// The agent that runs on every node.
const KUBELET: &str = "kubelet";
/// How the outside is called.
const OUTSIDE: &str = "outside";

/// Makes a cluster; none where a mistake was told.
pub fn assemble(mut objects: Objects, about: About, problems: &mut Problems) -> Option<Cluster> {
    let before = problems.errors();
    let placed = place::place(&mut objects, &about, problems)?;
    let Placed {
        pods,
        nodes,
        reading,
    } = placed;
    let mut register = Register::default();
    let mut made = Made::default();
    let installed = objects.installed.take();
    made.nodes(nodes, installed.as_ref(), &mut register);
    made.pods(pods, &mut register);
    let outsiders = installed.map_or_else(|| anybody(about.origin), |i| i.outsiders);
    let mut externals = Vec::new();
    for outsider in outsiders {
        let id = register.add(FullName::new(EntityKind::External, &[&outsider.name]));
        externals.push(External {
            id,
            prefixes: outsider.prefixes,
            open: None,
            origin: outsider.origin,
        });
    }
    let outside =
        (!externals.is_empty()).then(|| register.add(FullName::new(EntityKind::Outside, &[])));
    for service in &objects.services {
        let parts = [service.meta.namespace.as_str(), service.meta.name.as_str()];
        register.add(FullName::new(EntityKind::Service, &parts));
    }
    let ids = register.sorted();
    made.rename(&ids);
    for external in &mut externals {
        external.id = ids.of(external.id);
    }
    externals.sort_by_key(|e| e.id);
    let policies = policies(&mut objects);
    let services = services::services(&objects, &made, &ids.names, problems);
    let mut cluster = Cluster {
        snapshot: None,
        name: about.name,
        path: about.path,
        namespaces: namespaces(&mut objects, &made, &ids, &policies),
        names: Vec::new(),
        nodes: made.nodes,
        pods: made.pods.into_iter().map(|(pod, _)| pod).collect(),
        host_pods: made.host_pods.into_iter().map(|(pod, _)| pod).collect(),
        services,
        entrances: super::gateway::entrances(
            &objects.ingresses,
            &objects.gateways,
            &objects.routes,
            &objects.grants,
        ),
        policies,
        externals,
        outside: outside.map(|o| ids.of(o)),
        links_removed: Vec::new(),
        links_added: Vec::new(),
        fibs: Vec::new(),
        tables: Tables::default(),
        reading,
        origin: about.origin,
    };
    cluster.names = ids.names;
    cluster.reading.objects = true;
    (problems.errors() == before).then_some(cluster)
}

/// Entities as they are made: ids are drafts until [`Made::rename`].
#[derive(Debug, Default)]
struct Made {
    nodes: Vec<Node>,
    node_ids: HashMap<String, EntityId>,
    pods: Vec<(Pod, PodFacts)>,
    host_pods: Vec<(HostPod, PodFacts)>,
}

impl Made {
    fn nodes(
        &mut self,
        nodes: Vec<NodeDraft>,
        installed: Option<&Installed>,
        register: &mut Register,
    ) {
        for node in nodes {
            let id = register.add(FullName::new(EntityKind::Node, &[&node.name]));
            let agents = installed.and_then(|i| i.daemons.get(&node.name));
            let agents = agents.map_or_else(|| vec![KUBELET.to_owned()], Clone::clone);
            let mut daemons = Vec::new();
            for agent in agents {
                let name = FullName::new(EntityKind::Daemon, &[&node.name, &agent]);
                daemons.push(Process {
                    id: register.add(name),
                    open: Vec::new(),
                    origin: node.origin,
                });
            }
            self.node_ids.insert(node.name, id);
            self.nodes.push(Node {
                id,
                addresses: node.addresses,
                daemons,
                labels: node.labels,
                open: node.open,
                addresses_chosen: node.addresses_chosen,
                origin: node.origin,
            });
        }
    }

    fn pods(&mut self, pods: Vec<Draft>, register: &mut Register) {
        // Two workloads of different kinds may have one name: then containers tell them apart by the kind.
        let mut same: HashMap<(String, String), usize> = HashMap::new();
        for pod in &pods {
            let key = (pod.namespace.clone(), pod.name.clone());
            *same.entry(key).or_default() += 1;
        }
        let at: HashMap<EntityId, usize> = (0..).zip(&self.nodes).map(|(i, n)| (n.id, i)).collect();
        for pod in pods {
            let host = pod.node.as_ref().and_then(|name| self.node_ids.get(name));
            let Some(&node) = host else {
                continue;
            };
            let key = (pod.namespace.clone(), pod.name.clone());
            let shown = match pod.template {
                Some(kind) if same.get(&key).is_some_and(|n| *n > 1) => {
                    format!("{}.{kind}", pod.name)
                }
                _ => pod.name.clone(),
            };
            if pod.host_network {
                let host_pod = host_pod(pod, &shown, node, register);
                if let Some(node) = at.get(&node).and_then(|at| self.nodes.get_mut(*at)) {
                    node.daemons.extend(host_pod.2);
                }
                self.host_pods.push((host_pod.0, host_pod.1));
            } else {
                self.pods.push(network_pod(pod, &shown, node, register));
            }
        }
    }

    /// Gives everything its final id, and its canonical place.
    fn rename(&mut self, ids: &Ids) {
        let processes = |processes: &mut Vec<Process>| {
            for process in processes.iter_mut() {
                process.id = ids.of(process.id);
            }
            processes.sort_by_key(|p| p.id);
        };
        for node in &mut self.nodes {
            node.id = ids.of(node.id);
            processes(&mut node.daemons);
        }
        for (pod, _) in &mut self.pods {
            pod.id = ids.of(pod.id);
            pod.node = ids.of(pod.node);
            processes(&mut pod.containers);
        }
        for (pod, _) in &mut self.host_pods {
            pod.node = ids.of(pod.node);
            for daemon in &mut pod.daemons {
                *daemon = ids.of(*daemon);
            }
        }
        self.nodes.sort_by_key(|n| n.id);
        self.pods.sort_by_key(|(p, _)| p.id);
        let by_name = |pod: &HostPod| {
            (
                pod.namespace.clone(),
                pod.name.clone(),
                pod.workload.clone(),
            )
        };
        self.host_pods.sort_by_cached_key(|(p, _)| by_name(p));
    }
}

fn network_pod(
    pod: Draft,
    shown: &str,
    node: EntityId,
    register: &mut Register,
) -> (Pod, PodFacts) {
    let parts: Vec<&str> = [pod.namespace.as_str(), pod.name.as_str()]
        .into_iter()
        .chain(pod.template)
        .collect();
    let id = register.add(FullName::new(EntityKind::Pod, &parts));
    let containers = pod.containers.iter().map(|c| {
        let name = FullName::new(EntityKind::Container, &[&pod.namespace, shown, &c.name]);
        process(c, register.add(name))
    });
    let containers = containers.collect();
    let pod_ports = pod.containers.iter().flat_map(|c| &c.ports);
    let host_ports = pod_ports.filter_map(|p| {
        Some(HostPort {
            port: p.port,
            host_port: p.host_port?,
            protocol: p.protocol,
            host_ip: p.host_ip,
            origin: p.origin,
        })
    });
    let chosen = Chosen {
        addresses: pod.manifest,
        node: !pod.node_given,
    };
    let made = Pod {
        id,
        node,
        addresses: pod.addresses,
        containers,
        named_ports: named_ports(&pod.containers),
        host_ports: host_ports.collect(),
        labels: pod.labels,
        open: pod.open,
        workload: pod.workload,
        pending: pod.pending,
        chosen,
        origin: pod.origin,
    };
    (made, pod.facts)
}

fn host_pod(
    pod: Draft,
    shown: &str,
    node: EntityId,
    register: &mut Register,
) -> (HostPod, PodFacts, Vec<Process>) {
    let host = pod.node.as_deref().unwrap_or_default();
    let daemons: Vec<Process> = pod
        .containers
        .iter()
        .map(|c| {
            let own = format!("{}/{shown}/{}", pod.namespace, c.name);
            let name = FullName::new(EntityKind::Daemon, &[host, &own]);
            process(c, register.add(name))
        })
        .collect();
    let made = HostPod {
        namespace: pod.namespace,
        name: pod.name,
        node,
        labels: pod.labels,
        daemons: daemons.iter().map(|d| d.id).collect(),
        named_ports: named_ports(&pod.containers),
        workload: pod.workload,
        origin: pod.origin,
    };
    // Not started yet: its containers listen nowhere.
    let daemons = if pod.pending {
        let silent = |d: Process| Process {
            open: Vec::new(),
            ..d
        };
        daemons.into_iter().map(silent).collect()
    } else {
        daemons
    };
    (made, pod.facts, daemons)
}

/// A container that listens on the ports that it declares, on every address (`declared-ports-listen`).
fn process(container: &ContainerObject, id: EntityId) -> Process {
    let open = container.ports.iter().map(|port| Listener {
        bind: Bind::Any,
        port: port.port,
        protocol: port.protocol,
        origin: port.origin,
    });
    Process {
        id,
        open: open.collect(),
        origin: container.origin,
    }
}

fn named_ports(containers: &[ContainerObject]) -> Vec<NamedPort> {
    let ports = containers.iter().flat_map(|c| &c.ports);
    let named = ports.filter_map(|port| {
        Some(NamedPort {
            name: port.name.clone()?,
            port: port.port,
            protocol: port.protocol,
            origin: port.origin,
        })
    });
    named.collect()
}
