//! A part of a cluster as a cluster of its own: the chosen entities, closed under what a message between them can meet.
//!
//! *Closed*: a pod comes with its node; an address with all who hold it; a Service with an endpoint wherever it has one
//! (ready or not, of each family, on each node where its policy asks). A message whose addresses all belong to the part,
//! or to nobody in the whole cluster, fares in the part as it does in the whole (docs/modular.md).
//!
//! Must never know: classes, formulas, the solver.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use crate::model::cluster::{
    Cluster, ExplicitAction, ExplicitRule, FibEdit, HostPod, LinkEdit, Process,
};
use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::model::policy::Policies;
use crate::model::service::{Readiness, Selected, Service, ServiceEndpoint, ServicePort};

use super::choose::{Chosen, Map};
use super::cuts::Cuts;

/// A part, and whom its ids stand for in the whole cluster.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) cluster: Cluster,
    /// By id of the part, ascending.
    pub(super) ids: Vec<EntityId>,
    /// Whether some Service has fewer endpoints than in the whole cluster.
    pub(super) fewer_endpoints: bool,
}

impl Part {
    /// The id in the whole cluster.
    pub(super) fn whole(&self, id: EntityId) -> EntityId {
        self.ids.get(id.index()).copied().unwrap_or(id)
    }

    /// The id in the part.
    pub(super) fn own(&self, whole: EntityId) -> Option<EntityId> {
        let at = self.ids.binary_search(&whole).ok()?;
        Some(EntityId(at as u32))
    }
}

/// Closes what was chosen.
pub(super) fn close(map: &Map<'_>, cuts: &Cuts, chosen: &mut Chosen) {
    loop {
        let before = chosen.clone();
        let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
        for &pod in &before.pods {
            chosen.nodes.insert(map.node_of[pod]);
            addresses.extend(map.cluster.pods[pod].addresses.iter().map(|a| a.ip));
        }
        for &node in &before.nodes {
            addresses.extend(map.cluster.nodes[node].addresses.iter().map(|a| a.ip));
        }
        for &at in &before.services {
            let service = &map.cluster.services[at];
            let own = service.addresses.iter().chain(&service.external_addresses);
            addresses.extend(own.map(|a| a.ip));
            endpoints(map, cuts, at, chosen);
            let kept = kept(map, cuts, chosen, at);
            addresses.extend(kept.iter().flatten().map(|e| e.address));
            if map.cluster.outside.is_some() && !service.external_addresses.is_empty() {
                entrances(map, service, chosen);
            }
        }
        for ip in addresses {
            for holder in map.holders.of_address(ip) {
                add(map, holder, chosen);
            }
        }
        if *chosen == before {
            return;
        }
    }
}

/// Adds an entity of the whole cluster.
pub(super) fn add(map: &Map<'_>, id: EntityId, chosen: &mut Chosen) {
    chosen.pods.extend(map.pod_at(id));
    chosen.nodes.extend(map.node_at(id));
    chosen.services.extend(map.service_at(id));
}

/// Endpoints that a Service must keep, so that where it had one it still has one.
fn endpoints(map: &Map<'_>, cuts: &Cuts, at: usize, chosen: &mut Chosen) {
    let service = &map.cluster.services[at];
    let mut wanted: Vec<EntityId> = Vec::new();
    for port in &service.ports {
        if chosen.whole.contains(&at) {
            wanted.extend(port.endpoints.iter().filter_map(|e| e.entity));
            continue;
        }
        let kept = kept_of(map, cuts, chosen, port);
        for family in [Family::V4, Family::V6] {
            let all = port
                .endpoints
                .iter()
                .filter(|e| Family::of(e.address) == family);
            let all: Vec<&ServiceEndpoint> = all.collect();
            wanted.extend(missing(&all, &kept, |_| true));
            if service.internal_local || service.external_local {
                for &node in &chosen.nodes {
                    let id = map.cluster.nodes[node].id;
                    wanted.extend(missing(&all, &kept, |e| e.node == Some(id)));
                }
            }
        }
    }
    for id in wanted {
        add(map, id, chosen);
    }
    // A mismatch is judged on all that the Service lists and means (KP012).
    if mismatch(service) {
        for selected in &service.selected {
            add(map, selected.entity, chosen);
        }
    }
}

/// The plainest endpoint of the readiness that counts, where none of it is kept.
fn missing(
    all: &[&ServiceEndpoint],
    kept: &[&ServiceEndpoint],
    here: impl Fn(&ServiceEndpoint) -> bool,
) -> Option<EntityId> {
    let of = |readiness: Readiness| {
        let all = all.iter().copied();
        all.filter(|e| e.readiness == readiness && here(e))
            .collect::<Vec<_>>()
    };
    let mut counted = of(Readiness::Ready);
    if counted.is_empty() {
        counted = of(Readiness::Terminating);
    }
    let is_kept = |e: &&ServiceEndpoint| kept.iter().any(|k| std::ptr::eq(*k, *e));
    if counted.is_empty() || counted.iter().any(is_kept) {
        return None;
    }
    let least = counted
        .iter()
        .filter(|e| e.entity.is_some())
        .min_by_key(|e| e.address);
    least.and_then(|e| e.entity)
}

/// The nodes that take in what is sent to external addresses: for each port and family the first that can serve it.
fn entrances(map: &Map<'_>, service: &Service, chosen: &mut Chosen) {
    for port in &service.ports {
        for family in [Family::V4, Family::V6] {
            let ready = |readiness| {
                let of_family = port
                    .endpoints
                    .iter()
                    .filter(|e| Family::of(e.address) == family);
                of_family
                    .filter(|e| e.readiness == readiness)
                    .filter_map(|e| e.node)
                    .min()
            };
            let serving = [Readiness::Ready, Readiness::Terminating].map(ready);
            for node in serving.into_iter().flatten() {
                chosen.nodes.extend(map.node_at(node));
            }
            chosen
                .nodes
                .extend((!map.cluster.nodes.is_empty()).then_some(0));
        }
    }
}

/// By port of the Service: the endpoints that the part keeps.
fn kept<'c>(
    map: &Map<'c>,
    cuts: &Cuts,
    chosen: &Chosen,
    at: usize,
) -> Vec<Vec<&'c ServiceEndpoint>> {
    let ports = map.cluster.services[at].ports.iter();
    ports.map(|port| kept_of(map, cuts, chosen, port)).collect()
}

fn kept_of<'c>(
    map: &Map<'c>,
    cuts: &Cuts,
    chosen: &Chosen,
    port: &'c ServicePort,
) -> Vec<&'c ServiceEndpoint> {
    // Of endpoints that nobody in the cluster is, one for each class of addresses.
    let mut strangers = HashSet::new();
    let mut all = Vec::new();
    for endpoint in &port.endpoints {
        let keep = match endpoint.entity {
            Some(id) => {
                map.pod_at(id).is_some_and(|p| chosen.pods.contains(&p))
                    || map.node_at(id).is_some_and(|n| chosen.nodes.contains(&n))
            }
            None => {
                let held = map.holders.of_address(endpoint.address).next().is_some();
                let class = (
                    Family::of(endpoint.address),
                    cuts.class(endpoint.address),
                    endpoint.readiness,
                    endpoint.port,
                );
                held || strangers.insert(class)
            }
        };
        if keep {
            all.push(endpoint);
        }
    }
    all
}

/// Whether its EndpointSlices list others than its selector means.
pub(super) fn mismatch(service: &Service) -> bool {
    if !service.endpoints_given || service.selector.is_none() {
        return false;
    }
    let selected: BTreeSet<IpAddr> = service.selected.iter().map(|s| s.address).collect();
    let listed: BTreeSet<IpAddr> = service.listed.iter().map(|a| a.ip).collect();
    selected != listed
}

/// Ids of the part for ids of the whole cluster.
struct Ids(HashMap<EntityId, EntityId>);

impl Ids {
    fn get(&self, id: EntityId) -> Option<EntityId> {
        self.0.get(&id).copied()
    }

    fn process(&self, process: &Process) -> Option<Process> {
        Some(Process {
            id: self.get(process.id)?,
            ..process.clone()
        })
    }
}

/// Cuts out what was chosen and closed. None where an explicit rule names somebody outside.
pub(super) fn cut(map: &Map<'_>, cuts: &Cuts, chosen: &Chosen) -> Option<Part> {
    let whole = map.cluster;
    let mut ids: Vec<EntityId> = Vec::new();
    for &at in &chosen.pods {
        let pod = &whole.pods[at];
        ids.push(pod.id);
        ids.extend(pod.containers.iter().map(|c| c.id));
    }
    for &at in &chosen.nodes {
        let node = &whole.nodes[at];
        ids.push(node.id);
        ids.extend(node.daemons.iter().map(|d| d.id));
    }
    ids.extend(chosen.services.iter().map(|&at| whole.services[at].id));
    ids.extend(whole.externals.iter().map(|x| x.id));
    ids.extend(whole.outside);
    ids.sort_unstable();
    let own = Ids(ids.iter().copied().zip((0..).map(EntityId)).collect());
    let mut pods = Vec::new();
    for &at in &chosen.pods {
        let mut pod = whole.pods[at].clone();
        pod.id = own.get(pod.id)?;
        pod.node = own.get(pod.node)?;
        for container in &mut pod.containers {
            container.id = own.get(container.id)?;
        }
        pods.push(pod);
    }
    let mut nodes = Vec::new();
    for &at in &chosen.nodes {
        let mut node = whole.nodes[at].clone();
        node.id = own.get(node.id)?;
        node.daemons = node.daemons.iter().filter_map(|d| own.process(d)).collect();
        nodes.push(node);
    }
    let mut fewer_endpoints = false;
    let mut services = Vec::new();
    for &at in &chosen.services {
        let service = service(map, cuts, chosen, &own, at)?;
        let count = |s: &Service| s.ports.iter().map(|p| p.endpoints.len()).sum::<usize>();
        fewer_endpoints |= count(&service) < count(&whole.services[at]);
        services.push(service);
    }
    let mut externals = whole.externals.clone();
    for external in &mut externals {
        external.id = own.get(external.id)?;
    }
    let fibs = whole.fibs.iter().filter(|f| own.get(f.at).is_some());
    let cluster = Cluster {
        name: whole.name.clone(),
        path: whole.path.clone(),
        names: ids.iter().map(|id| whole.name_of(*id).clone()).collect(),
        host_pods: whole
            .host_pods
            .iter()
            .filter_map(|h| host_pod(h, &own))
            .collect(),
        namespaces: whole.namespaces.clone(),
        entrances: Vec::new(),
        policies: policies(whole, chosen),
        outside: whole.outside.and_then(|id| own.get(id)),
        links_removed: links(&whole.links_removed, &own),
        links_added: links(&whole.links_added, &own),
        fibs: fibs.map(|edit| fib(edit, &own)).collect::<Option<_>>()?,
        snapshot: None,
        reading: whole.reading.clone(),
        origin: whole.origin,
        pods,
        nodes,
        services,
        externals,
    };
    Some(Part {
        cluster,
        ids,
        fewer_endpoints,
    })
}

fn links(all: &[LinkEdit], own: &Ids) -> Vec<LinkEdit> {
    let both = |link: &LinkEdit| {
        Some(LinkEdit {
            from: own.get(link.from)?,
            to: own.get(link.to)?,
            origin: link.origin,
        })
    };
    all.iter().filter_map(both).collect()
}

fn fib(edit: &FibEdit, own: &Ids) -> Option<FibEdit> {
    let rule = |rule: &ExplicitRule| {
        let action = match &rule.action {
            ExplicitAction::Deliver(to) => ExplicitAction::Deliver(own.get(*to)?),
            ExplicitAction::Forward(to) => ExplicitAction::Forward(own.get(*to)?),
            other => other.clone(),
        };
        Some(ExplicitRule {
            action,
            ..rule.clone()
        })
    };
    Some(FibEdit {
        at: own.get(edit.at)?,
        before: edit.before.iter().map(rule).collect::<Option<_>>()?,
        after: edit.after.iter().map(rule).collect::<Option<_>>()?,
        remove: edit.remove.clone(),
        ..*edit
    })
}

fn host_pod(pod: &HostPod, own: &Ids) -> Option<HostPod> {
    Some(HostPod {
        node: own.get(pod.node)?,
        daemons: pod.daemons.iter().filter_map(|d| own.get(*d)).collect(),
        ..pod.clone()
    })
}

fn service(map: &Map<'_>, cuts: &Cuts, chosen: &Chosen, own: &Ids, at: usize) -> Option<Service> {
    let whole = &map.cluster.services[at];
    let mut service = whole.clone();
    service.id = own.get(service.id)?;
    for (port, kept) in service.ports.iter_mut().zip(kept(map, cuts, chosen, at)) {
        let own_endpoint = |e: &&ServiceEndpoint| ServiceEndpoint {
            entity: e.entity.and_then(|id| own.get(id)),
            node: e.node.and_then(|id| own.get(id)),
            ..(*e).clone()
        };
        port.endpoints = kept.iter().map(own_endpoint).collect();
    }
    let selected = whole.selected.iter().filter_map(|s| {
        Some(Selected {
            entity: own.get(s.entity)?,
            ..*s
        })
    });
    service.selected = selected.collect();
    if !mismatch(whole) {
        let kept: BTreeSet<IpAddr> = service.selected.iter().map(|s| s.address).collect();
        service.listed.retain(|a| kept.contains(&a.ip));
    }
    Some(service)
}

/// Those that are about somebody of the part.
fn policies(whole: &Cluster, chosen: &Chosen) -> Policies {
    let mut pods: HashMap<&str, Vec<_>> = HashMap::new();
    for &at in &chosen.pods {
        let pod = &whole.pods[at];
        let namespace = whole.name_of(pod.id).parts.first();
        pods.entry(namespace.map_or("", String::as_str))
            .or_default()
            .push(&pod.labels);
    }
    for pod in &whole.host_pods {
        pods.entry(&pod.namespace).or_default().push(&pod.labels);
    }
    let about = |p: &&crate::model::policy::NetworkPolicy| {
        let here = pods.get(p.namespace.as_str());
        here.is_some_and(|all| all.iter().any(|labels| p.subject.matches(labels)))
    };
    Policies {
        network: whole
            .policies
            .network
            .iter()
            .filter(about)
            .cloned()
            .collect(),
        cluster: whole.policies.cluster.clone(),
    }
}
