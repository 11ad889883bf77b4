//! Nodes, pods, services and externals of a cluster file.
//!
//! Knows: their fields. Must never know: links and FIBs.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::endpoints::endpoints as endpoints_of;
use super::listener::open;
use super::names::{Draft, Names, Resolver, Want};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::Node as Yaml;
use crate::model::cluster::{
    Address, Chosen, Cluster, External, Namespace, Node, Pod, Process, Reading,
};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::{Family, IpNet, non_unicast};
use crate::model::labels::Open;
use crate::model::policy::Policies;
use crate::model::service::Service;
use crate::model::table::Tables;

/// What was read before the names are sorted: ids are those of drafts.
#[derive(Debug, Default)]
pub(super) struct Entities<'t> {
    pub(super) drafts: Vec<Draft>,
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    /// For each pod what it says of its node.
    hosts: Vec<Option<Yaml<'t>>>,
    pub(super) services: Vec<Service>,
    pub(super) endpoints: Vec<Vec<Yaml<'t>>>,
    externals: Vec<External>,
    outside: Option<EntityId>,
}

/// Stands in for a name that could not be read, so that the rest of the entity is read all the same.
const NAMELESS: &str = "";

impl<'t> Entities<'t> {
    pub(super) fn too_many(&self, most: usize, problems: &mut Problems) -> bool {
        let Some(draft) = self.drafts.get(most) else {
            return false;
        };
        let message = format!("more than {most} entities in one cluster file");
        problems.push(Diagnostic::error("C018", draft.span, message));
        true
    }

    pub(super) fn draft(&mut self, kind: EntityKind, parts: &[&str], span: Span) -> EntityId {
        let id = EntityId(self.drafts.len() as u32);
        // A blank keeps what has no name apart from everything else.
        let nameless = format!(" {}", id.0);
        let parts: Vec<&str> = parts
            .iter()
            .map(|&p| if p.is_empty() { &nameless } else { p })
            .collect();
        let name = FullName::new(kind, &parts);
        self.drafts.push(Draft { name, span });
        id
    }

    pub(super) fn nodes(&mut self, top: &mut Fields<'t>, problems: &mut Problems) {
        for item in top.list("nodes", problems) {
            let Some(mut fields) = Fields::of(item, "a node", problems) else {
                continue;
            };
            let (name, span) = named(&mut fields, problems);
            let id = self.draft(EntityKind::Node, &[name], span);
            let addresses = addresses(&mut fields, "a node", true, problems);
            let daemons = fields.list("daemons", problems);
            let daemons = daemons
                .filter_map(|d| self.process(d, EntityKind::Daemon, &[name], problems))
                .collect();
            let origin = fields.span();
            fields.finish(problems);
            self.nodes.push(Node {
                id,
                addresses,
                daemons,
                labels: BTreeMap::new(),
                open: Open::Closed,
                addresses_chosen: false,
                origin,
            });
        }
    }

    pub(super) fn pods(&mut self, top: &mut Fields<'t>, problems: &mut Problems) {
        for item in top.list("pods", problems) {
            let Some(mut fields) = Fields::of(item, "a pod", problems) else {
                continue;
            };
            let (name, span) = named(&mut fields, problems);
            let namespace = namespace(&mut fields, problems);
            let id = self.draft(EntityKind::Pod, &[namespace, name], span);
            let host = fields.get("node");
            if host.is_none() {
                let message = if name == NAMELESS {
                    "the pod is on no node".to_owned()
                } else {
                    format!("the pod {} is on no node", show(name))
                };
                let diagnostic = Diagnostic::error("C005", span, message);
                problems.push(diagnostic.help("say which with `node:`"));
            }
            let labels = labels(&mut fields, problems);
            let addresses = addresses(&mut fields, "a pod", false, problems);
            let containers = fields.list("containers", problems);
            let parent = [namespace, name];
            let containers = containers
                .filter_map(|c| self.process(c, EntityKind::Container, &parent, problems))
                .collect();
            let origin = fields.span();
            fields.finish(problems);
            self.hosts.push(host);
            self.pods.push(Pod {
                id,
                node: EntityId(0),
                addresses,
                labels,
                containers,
                open: Open::Closed,
                named_ports: Vec::new(),
                host_ports: Vec::new(),
                pending: false,
                workload: None,
                chosen: Chosen::default(),
                origin,
            });
        }
    }

    fn process(
        &mut self,
        item: Yaml<'t>,
        kind: EntityKind,
        parent: &[&str],
        problems: &mut Problems,
    ) -> Option<Process> {
        let what = if kind == EntityKind::Daemon {
            "a daemon"
        } else {
            "a container"
        };
        let mut fields = Fields::of(item, what, problems)?;
        let (name, span) = named(&mut fields, problems);
        let parts: Vec<&str> = parent.iter().copied().chain([name]).collect();
        let id = self.draft(kind, &parts, span);
        let open = open(&mut fields, problems);
        let origin = fields.span();
        fields.finish(problems);
        Some(Process { id, open, origin })
    }

    pub(super) fn externals(&mut self, top: &mut Fields<'t>, problems: &mut Problems) {
        for item in top.list("externals", problems) {
            let Some(mut fields) = Fields::of(item, "an external", problems) else {
                continue;
            };
            let (name, span) = named(&mut fields, problems);
            let id = self.draft(EntityKind::External, &[name], span);
            let prefixes = prefixes(&mut fields, problems);
            let origin = fields.span();
            fields.finish(problems);
            self.externals.push(External {
                id,
                open: None,
                prefixes,
                origin,
            });
        }
        if let Some(first) = self.externals.first() {
            let origin = first.origin;
            self.outside = Some(self.draft(EntityKind::Outside, &[], origin));
        }
    }

    /// The cluster with canonical ids, references to nodes and pods resolved; no names, links and FIBs yet.
    pub(super) fn cluster(
        mut self,
        origin: Span,
        names: &Names,
        resolver: &Resolver<'_>,
        problems: &mut Problems,
    ) -> Cluster {
        let renamed = |processes: &mut Vec<Process>| {
            for process in processes.iter_mut() {
                process.id = names.id(process.id);
            }
            processes.sort_by_key(|p| p.id);
        };
        for node in &mut self.nodes {
            node.id = names.id(node.id);
            renamed(&mut node.daemons);
        }
        for (pod, host) in self.pods.iter_mut().zip(self.hosts) {
            pod.id = names.id(pod.id);
            renamed(&mut pod.containers);
            let want = Want::One(EntityKind::Node);
            let node = host.and_then(|host| resolver.reference(host, want, problems));
            pod.node = node.unwrap_or(pod.id);
        }
        self.pods.sort_by_key(|e| e.id);
        let mut services = std::mem::take(&mut self.services);
        let endpoints = std::mem::take(&mut self.endpoints);
        for (service, endpoints) in services.iter_mut().zip(endpoints) {
            service.id = names.id(service.id);
            endpoints_of(service, endpoints, &self.pods, resolver, problems);
        }
        self.services = services;
        for external in &mut self.externals {
            external.id = names.id(external.id);
        }
        self.nodes.sort_by_key(|e| e.id);
        self.services.sort_by_key(|e| e.id);
        self.externals.sort_by_key(|e| e.id);
        Cluster {
            snapshot: None,
            name: String::new(),
            path: String::new(),
            names: Vec::new(),
            namespaces: namespaces(names, &self.pods, &self.services),
            nodes: self.nodes,
            pods: self.pods,
            host_pods: Vec::new(),
            services: self.services,
            entrances: Vec::new(),
            policies: Policies::default(),
            externals: self.externals,
            outside: self.outside.map(|id| names.id(id)),
            links_removed: Vec::new(),
            links_added: Vec::new(),
            fibs: Vec::new(),
            tables: Tables::default(),
            reading: Reading::default(),
            origin,
        }
    }
}

/// The name, and where to point when the entity is meant.
pub(super) fn named<'t>(fields: &mut Fields<'t>, problems: &mut Problems) -> (&'t str, Span) {
    let node = fields.required("name", problems);
    let span = node.map_or(fields.span(), Yaml::span);
    let name = node.and_then(|node| decode::name(node, problems));
    (name.unwrap_or(NAMELESS), span)
}

pub(super) fn namespace<'t>(fields: &mut Fields<'t>, problems: &mut Problems) -> &'t str {
    match fields.get("namespace") {
        None => "default",
        Some(node) => decode::name(node, problems).unwrap_or("default"),
    }
}

fn labels(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some(node) = fields.get("labels") else {
        return labels;
    };
    let Some(map) = node.as_map() else {
        decode::wrong_type(node, "an object (`labels`)", problems);
        return labels;
    };
    for entry in map.iter() {
        if let Some(value) = decode::string(entry.value, problems) {
            labels.insert(entry.key.to_owned(), value.to_owned());
        }
    }
    labels
}

/// The addresses of an entity. Two entities may share one (the verifier refutes that), one may not have it twice.
pub(super) fn addresses(
    fields: &mut Fields<'_>,
    what: &str,
    no_loopback: bool,
    problems: &mut Problems,
) -> Vec<Address> {
    let mut addresses: Vec<Address> = Vec::new();
    let mut seen: HashMap<IpAddr, Span> = HashMap::new();
    for node in fields.list("addresses", problems) {
        let Some(address) = decode::address(node, problems) else {
            continue;
        };
        let ip = address.ip;
        let loopback = Family::of(ip).loopback_net().contains(&ip);
        let trouble = if non_unicast().iter().any(|net| net.contains(&ip)) {
            format!("`{ip}` names no host, so {what} cannot have it")
        } else if loopback && no_loopback {
            format!("`{ip}` is a loopback address, which {what} cannot have")
        } else {
            match seen.insert(ip, address.origin) {
                None => addresses.push(address),
                Some(there) => {
                    let message = format!("the address `{ip}` is there twice");
                    problems.push(
                        Diagnostic::error("C006", address.origin, message)
                            .related(there, "first written here"),
                    );
                }
            }
            continue;
        };
        problems.push(Diagnostic::error("C007", address.origin, trouble));
    }
    addresses
}

fn prefixes(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<IpNet> {
    let mut seen: HashMap<IpNet, Span> = HashMap::new();
    let mut prefixes = Vec::new();
    for node in fields.list("addresses", problems) {
        let Some(net) = decode::prefix(node, problems) else {
            continue;
        };
        let loopback = Family::of(net.addr()).loopback_net();
        if non_unicast()
            .iter()
            .chain([&loopback])
            .any(|bad| bad.contains(&net))
        {
            let message = format!("`{net}` holds no host outside");
            problems.push(Diagnostic::error("C007", node.span(), message));
        } else if let Some(there) = seen.insert(net, node.span()) {
            let message = format!("the prefix `{net}` is there twice");
            problems.push(
                Diagnostic::error("C006", node.span(), message)
                    .related(there, "first written here"),
            );
        } else {
            prefixes.push(net);
        }
    }
    prefixes
}

/// Every namespace that something is in, with the label that each has: a cluster file leaves nothing open.
fn namespaces(names: &Names, pods: &[Pod], services: &[Service]) -> Vec<Namespace> {
    let pods = pods.iter().map(|p| (p.id, p.origin));
    let services = services.iter().map(|s| (s.id, s.origin));
    let mut all: BTreeMap<String, Namespace> = BTreeMap::new();
    for (id, origin) in pods.chain(services) {
        let Some(name) = names.names.get(id.index()).and_then(|n| n.parts.first()) else {
            continue;
        };
        all.entry(name.clone()).or_insert_with(|| Namespace {
            given: true,
            ..Namespace::named(name, origin)
        });
    }
    all.into_values().collect()
}
