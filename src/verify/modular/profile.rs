//! Classes of pods and nodes that nothing can tell apart but their names and addresses.
//!
//! A *special* entity (`special`) is alone in its class. Of all others the profile says everything that a rule, a route
//! table, a gate, a built-in constraint or the users' formulas at hand can see; ports count by who else of the pod has them, unless something names them.
//!
//! Must never know: which of a class are looked at (`choose`), the solver.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;

use crate::model::cluster::{Address, Bind, Cluster, Node, Pod, Process};
use crate::model::entity::EntityId;
use crate::model::inet::{Family, Protocol};

use super::asked::{Asked, Namespaces, Seen, Told, named_ports, namespaces};
use super::cuts::Cuts;
use super::eyes::Eyes;
use super::holders::Holders;
use super::routes::{Routes, Whose};
use super::special::special;

/// The classes of a cluster's pods and nodes.
#[derive(Debug)]
pub(super) struct Classes {
    /// By the place of the pod in the cluster.
    pub(super) pods: Vec<u32>,
    /// How many classes of pods there are.
    pub(super) pod_count: u32,
    /// By the place of the node.
    pub(super) nodes: Vec<u32>,
    /// How many classes of nodes there are.
    pub(super) node_count: u32,
    /// By the place of the Service: what formulas of users can see of it.
    pub(super) services: Vec<u32>,
    /// Alone in their class: pods, nodes, Services, externals.
    pub(super) special: BTreeSet<EntityId>,
}

/// A port: itself where something names it, else its place among the pod's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PortKey {
    Named(u16),
    Local(usize),
}

#[derive(PartialEq, Eq, Hash)]
enum BindKey {
    Any,
    AnyV4,
    AnyV6,
    Own(usize),
    Other(IpAddr),
}

/// A pod in the network of its node: its namespace, labels, how many processes.
type Hosted<'c> = (&'c str, Vec<(&'c str, &'c str)>, usize);
/// Its family, its place among the cuts, what route tables say of it.
pub(super) type AddressKey = (Family, u32, u32);
type ListenerKey = (BindKey, PortKey, Protocol);

#[derive(PartialEq, Eq, Hash)]
struct NodeKey<'c> {
    special: Option<EntityId>,
    addresses: Vec<AddressKey>,
    daemons: Vec<Vec<ListenerKey>>,
    labels: Vec<(&'c str, &'c str)>,
    hosted: Vec<Hosted<'c>>,
    /// What is usual in its route table.
    routes: u32,
    /// What formulas see of its processes that are pods: which, and what.
    seen: Vec<(Vec<usize>, Seen<'c>)>,
}

#[derive(PartialEq, Eq, Hash)]
struct PodKey<'c> {
    special: Option<EntityId>,
    node: u32,
    pending: bool,
    addresses: Vec<AddressKey>,
    containers: Vec<Vec<ListenerKey>>,
    host_ports: Vec<(PortKey, u16, Protocol, Option<IpAddr>)>,
    policy: Option<PolicyKey<'c>>,
    seen: Option<Seen<'c>>,
}

/// What policies can see of a pod.
#[derive(PartialEq, Eq, Hash)]
struct PolicyKey<'c> {
    namespace: &'c str,
    labels: Vec<(&'c str, &'c str)>,
    named_ports: Vec<(&'c str, u16, Protocol)>,
}

impl Classes {
    /// Nobody is in any class.
    pub(super) fn none() -> Self {
        Self {
            pods: Vec::new(),
            pod_count: 0,
            nodes: Vec::new(),
            node_count: 0,
            services: Vec::new(),
            special: BTreeSet::new(),
        }
    }

    /// Looks at every pod and node once, with the eyes of policies or without, and with those of users' formulas.
    pub(super) fn of(
        cluster: &Cluster,
        holders: &Holders,
        cuts: &Cuts,
        routes: &Routes,
        asked: Option<&Asked>,
        policies: bool,
    ) -> Self {
        let special = special(cluster, holders, routes, asked);
        let eyes = if policies {
            Eyes::of(cluster)
        } else {
            Eyes::default()
        };
        let formulas = asked.map(|asked| Formulas {
            asked,
            namespaces: namespaces(cluster),
        });
        let mut numbers = Numbers::default();
        let mut hosted: HashMap<EntityId, Vec<_>> = HashMap::new();
        if eyes.policies {
            for pod in &cluster.host_pods {
                let row = (
                    pod.namespace.as_str(),
                    eyes.pods(&pod.labels),
                    pod.daemons.len(),
                );
                hosted.entry(pod.node).or_default().push(row);
            }
        }
        let mut seen: HashMap<EntityId, Vec<_>> = HashMap::new();
        if let Some(formulas) = &formulas {
            for (node, row) in formulas.hosted(cluster) {
                seen.entry(node).or_default().push(row);
            }
        }
        let nodes: Vec<u32> = cluster
            .nodes
            .iter()
            .enumerate()
            .map(|(place, node)| {
                let of_address = |a: &Address| address(a.ip, cuts, routes, Whose::Node(node.id));
                let mut key = node_key(node, &special, &eyes, &mut hosted);
                key.addresses = node.addresses.iter().map(of_address).collect();
                key.routes = routes.usual(place);
                key.seen = seen.remove(&node.id).unwrap_or_default();
                numbers.of(key)
            })
            .collect();
        let node_count = numbers.count();
        let mut numbers = Numbers::default();
        let pods: Vec<u32> = cluster
            .pods
            .iter()
            .map(|pod| {
                let at = cluster.nodes.binary_search_by_key(&pod.node, |n| n.id);
                let node = at.map_or(u32::MAX, |at| nodes[at]);
                let of_address = |a: &Address| address(a.ip, cuts, routes, Whose::Pod(pod.node));
                let mut key = pod_key(cluster, pod, node, cuts, &special, &eyes);
                key.addresses = pod.addresses.iter().map(of_address).collect();
                key.seen = formulas.as_ref().map(|f| f.pod(cluster, pod));
                numbers.of(key)
            })
            .collect();
        Self {
            pods,
            pod_count: numbers.count(),
            nodes,
            node_count,
            services: formulas.map_or_else(Vec::new, |f| f.services(cluster)),
            special,
        }
    }
}

/// What users' formulas look at.
struct Formulas<'c> {
    asked: &'c Asked,
    namespaces: Namespaces<'c>,
}

impl<'c> Formulas<'c> {
    fn pod(&self, cluster: &'c Cluster, pod: &'c Pod) -> Seen<'c> {
        let told = Told {
            namespace: first(cluster, pod.id),
            labels: Some(&pod.labels),
            workload: pod.workload.as_ref(),
        };
        let ports = named_ports(&pod.named_ports);
        self.asked.seen(told, ports, &self.namespaces)
    }

    /// By node: which of its processes, and what is seen of them.
    fn hosted(
        &self,
        cluster: &'c Cluster,
    ) -> impl Iterator<Item = (EntityId, (Vec<usize>, Seen<'c>))> {
        cluster.host_pods.iter().map(|pod| {
            let at = cluster.nodes.binary_search_by_key(&pod.node, |n| n.id);
            let daemons = at.map_or(&[][..], |at| &cluster.nodes[at].daemons);
            let own = pod.daemons.iter();
            let own = own.filter_map(|id| daemons.iter().position(|d| d.id == *id));
            let told = Told {
                namespace: &pod.namespace,
                labels: Some(&pod.labels),
                workload: pod.workload.as_ref(),
            };
            let ports = named_ports(&pod.named_ports);
            let seen = self.asked.seen(told, ports, &self.namespaces);
            (pod.node, (own.collect(), seen))
        })
    }

    fn services(&self, cluster: &'c Cluster) -> Vec<u32> {
        let mut numbers = Numbers::default();
        let all = cluster.services.iter().map(|service| {
            let told = Told {
                namespace: first(cluster, service.id),
                labels: None,
                workload: None,
            };
            let ports = service.ports.iter();
            let ports = ports.filter_map(|p| Some((p.name.as_deref()?, p.port, p.protocol)));
            numbers.of(self.asked.seen(told, ports, &self.namespaces))
        });
        all.collect()
    }
}

fn first(cluster: &Cluster, id: EntityId) -> &str {
    let parts = &cluster.name_of(id).parts;
    parts.first().map_or("", String::as_str)
}

/// Keys in the order in which they came.
pub(super) struct Numbers<K> {
    known: HashMap<K, u32>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
        }
    }
}

impl<K: Hash + Eq> Numbers<K> {
    pub(super) fn of(&mut self, key: K) -> u32 {
        let next = self.known.len() as u32;
        *self.known.entry(key).or_insert(next)
    }

    pub(super) fn count(&self) -> u32 {
        self.known.len() as u32
    }
}

fn node_key<'c>(
    node: &'c Node,
    special: &BTreeSet<EntityId>,
    eyes: &Eyes<'c>,
    hosted: &mut HashMap<EntityId, Vec<Hosted<'c>>>,
) -> NodeKey<'c> {
    // Ports of nodes meet ports of Services and of pods there: they count as they are.
    let same = |port| PortKey::Named(port);
    NodeKey {
        special: special.contains(&node.id).then_some(node.id),
        addresses: Vec::new(),
        daemons: listeners(&node.daemons, &node.addresses, &mut { same }),
        labels: eyes.nodes(&node.labels),
        hosted: hosted.remove(&node.id).unwrap_or_default(),
        routes: 0,
        seen: Vec::new(),
    }
}

fn pod_key<'c>(
    cluster: &'c Cluster,
    pod: &'c Pod,
    node: u32,
    cuts: &Cuts,
    special: &BTreeSet<EntityId>,
    eyes: &Eyes<'c>,
) -> PodKey<'c> {
    let mut ports = LocalPorts::new(cuts);
    PodKey {
        special: special.contains(&pod.id).then_some(pod.id),
        node,
        pending: pod.pending,
        addresses: Vec::new(),
        containers: listeners(&pod.containers, &pod.addresses, &mut |p| ports.of(p)),
        host_ports: pod
            .host_ports
            .iter()
            .map(|h| (ports.of(h.port), h.host_port, h.protocol, h.host_ip))
            .collect(),
        policy: eyes.policies.then(|| PolicyKey {
            namespace: first(cluster, pod.id),
            labels: eyes.pods(&pod.labels),
            named_ports: if eyes.named_ports {
                let all = pod.named_ports.iter();
                all.map(|p| (p.name.as_str(), p.port, p.protocol)).collect()
            } else {
                Vec::new()
            },
        }),
        seen: None,
    }
}

/// Ports of one pod by their first use.
struct LocalPorts<'k> {
    cuts: &'k Cuts,
    seen: Vec<u16>,
}

impl<'k> LocalPorts<'k> {
    fn new(cuts: &'k Cuts) -> Self {
        Self {
            cuts,
            seen: Vec::new(),
        }
    }

    fn of(&mut self, port: u16) -> PortKey {
        if port == 0 || self.cuts.tells_port(port) {
            return PortKey::Named(port);
        }
        let at = self.seen.iter().position(|p| *p == port);
        PortKey::Local(at.unwrap_or_else(|| {
            self.seen.push(port);
            self.seen.len() - 1
        }))
    }
}

/// What a port is to a pod: as in its profile, for ports that it listens on.
pub(super) fn port_of(pod: &Pod, cuts: &Cuts, wanted: u16) -> Option<PortKey> {
    let mut ports = LocalPorts::new(cuts);
    for listener in pod.containers.iter().flat_map(|c| &c.open) {
        let key = ports.of(listener.port);
        if listener.port == wanted {
            return Some(key);
        }
    }
    None
}

/// What tells an address from others, whoever has it.
pub(super) fn address(ip: IpAddr, cuts: &Cuts, routes: &Routes, whose: Whose) -> AddressKey {
    (Family::of(ip), cuts.class(ip), routes.of_address(ip, whose))
}

fn listeners(
    processes: &[Process],
    own: &[Address],
    port: &mut impl FnMut(u16) -> PortKey,
) -> Vec<Vec<ListenerKey>> {
    let mut all = Vec::with_capacity(processes.len());
    for process in processes {
        let mut keys = Vec::with_capacity(process.open.len());
        for listener in &process.open {
            let bind = match listener.bind {
                Bind::Any => BindKey::Any,
                Bind::AnyV4 => BindKey::AnyV4,
                Bind::AnyV6 => BindKey::AnyV6,
                Bind::Address(ip) => match own.iter().position(|a| a.ip == ip) {
                    Some(at) => BindKey::Own(at),
                    None => BindKey::Other(ip),
                },
            };
            keys.push((bind, port(listener.port), listener.protocol));
        }
        all.push(keys);
    }
    all
}
