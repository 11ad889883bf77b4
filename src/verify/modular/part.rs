//! A part of a cluster as a cluster of its own: what was chosen and closed, with ids and names in the same order.
//!
//! Must never know: classes, formulas, the solver.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::model::cluster::{
    Cluster, ExplicitAction, ExplicitRule, FibEdit, HostPod, LinkEdit, Process,
};
use crate::model::entity::EntityId;
use crate::model::policy::Policies;
use crate::model::service::{Selected, Service, ServiceEndpoint};
use crate::model::table::{Route, Table, Tables};

use super::choose::{Chosen, Map};
use super::closure::{kept, mismatch};
use super::cuts::Cuts;

/// A part, and whom its ids stand for in the whole cluster.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) cluster: Cluster,
    /// By id of the part, ascending.
    pub(super) ids: Vec<EntityId>,
    /// Whether some Service has fewer endpoints, or fewer nodes that take in what is sent to it, than in the whole cluster.
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
        fewer_endpoints |= whole.outside.is_some()
            && !service.external_addresses.is_empty()
            && chosen.nodes.len() < whole.nodes.len();
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
        tables: tables(&whole.tables, &own),
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

/// The routes that stay within the part. A table without any is one all the same: it stands for the ideal rules.
fn tables(whole: &Tables, own: &Ids) -> Tables {
    let route = |route: &Route| {
        Some(Route {
            via: own.get(route.via)?,
            ..*route
        })
    };
    let table = |table: &Table| {
        Some(Table {
            at: own.get(table.at)?,
            routes: table.routes.iter().filter_map(route).collect(),
            ..*table
        })
    };
    Tables {
        file: None,
        nets: whole.nets.clone(),
        tables: whole.tables.iter().filter_map(table).collect(),
    }
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
