//! A snapshot and the objects beside it to one cluster.
//!
//! Knows: which address is a pod's or a node's, which socket is whose. Must never know: dumps as text.

use std::collections::HashMap;
use std::sync::Arc;

use super::Draught;
use super::cilium;
use super::namespace::{Draft, has_processes};
use super::objects::{self, Bare, Named};
use super::peers;
use super::plain::{Bound, Heard};
use super::riders;
use super::wires;
use crate::input::kubernetes::{self, About, Installed, Objects, Outsider};
use crate::input::problems::Problems;
use crate::model::cluster::{Address, Bind, Cluster, Listener};
use crate::model::entity::{EntityId, EntityKind, FullName};
use crate::model::inet::{IpNet, Protocol};
use crate::model::linux::{Interface, LinkKind, Role, Snapshot, Socket};

/// Who listens where nobody says the name of the process.
const LISTENERS: &str = "listeners";

/// Makes the cluster; none where a mistake was told.
pub(super) fn cluster(
    draught: Draught,
    mut objects: Objects,
    about: About,
    problems: &mut Problems,
) -> Option<Cluster> {
    let Draught {
        mut listed,
        wires,
        mut drafts,
    } = draught;
    let before = problems.errors();
    cilium::meet(&mut drafts);
    peers::connect(&mut drafts, &listed);
    wires::plug(&wires, &mut listed, &mut drafts, problems);
    if problems.errors() > before {
        return None;
    }
    riders::starved(&mut drafts);
    for draft in &mut drafts {
        draft.netns.interfaces = draft.links.drain(..).map(|l| l.interface).collect();
    }
    let bare: Vec<Bare<'_>> = listed
        .iter()
        .zip(&drafts)
        .map(|(listed, draft)| Bare {
            listed,
            addresses: addresses(listed.role, &draft.netns.interfaces),
            processes: processes(&draft.heard, &draft.netns.interfaces),
        })
        .collect();
    let names = objects::matched(&mut objects, &bare, problems);
    let mut installed = Installed::default();
    for (bare, named) in bare.iter().zip(&names) {
        match bare.listed.role {
            Role::Node => {
                installed
                    .daemons
                    .insert(named.name.clone(), named.processes.clone());
            }
            Role::External => installed.outsiders.push(Outsider {
                name: named.name.clone(),
                prefixes: bare.addresses.iter().map(|a| IpNet::from(a.ip)).collect(),
                origin: bare.listed.origin,
            }),
            Role::Pod | Role::Fabric => {}
        }
    }
    objects.installed = Some(installed);
    let mut cluster = kubernetes::assemble(objects, about, problems)?;
    let mut open: HashMap<EntityId, Vec<Listener>> = HashMap::new();
    for (draft, named) in drafts.iter_mut().zip(&names) {
        own(&cluster, draft, named, &mut open);
    }
    let namespaces = drafts.into_iter().map(|d| d.netns).collect();
    listen(&mut cluster, open);
    cluster.snapshot = Some(Arc::new(Snapshot { namespaces }));
    // What is assumed of objects alone is known here.
    cluster.reading.objects = false;
    Some(cluster)
}

/// The addresses at which an entity is dialled: of global scope, and none that only a Service has.
fn addresses(role: Role, interfaces: &[Interface]) -> Vec<Address> {
    let mut all: Vec<Address> = Vec::new();
    for interface in interfaces {
        if role == Role::Node && interface.kind == LinkKind::Dummy {
            continue;
        }
        for address in &interface.addresses {
            let ip = address.net.addr();
            if address.scope == "global" && !ip.is_loopback() && all.iter().all(|a| a.ip != ip) {
                let origin = address.origin;
                all.push(Address { ip, origin });
            }
        }
    }
    all
}

/// Names of the processes that listen; somebody is there in any case, and may send.
fn processes(heard: &[Heard], interfaces: &[Interface]) -> Vec<String> {
    let own = heard.iter().filter(|h| !is_kernels(h, interfaces));
    let mut names: Vec<String> = own.map(|h| process_name(h.process.as_deref())).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        names.push(LISTENERS.to_owned());
    }
    names
}

/// Whether the kernel itself listens, for a VXLAN device.
fn is_kernels(heard: &Heard, interfaces: &[Interface]) -> bool {
    let tunnel =
        |i: &Interface| matches!(i.kind, LinkKind::Vxlan { port, .. } if port == heard.port);
    heard.process.is_none() && heard.protocol == Protocol::Udp && interfaces.iter().any(tunnel)
}

fn process_name(process: Option<&str>) -> String {
    let bad = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    match process {
        Some(name) => name.replace(bad, "_"),
        None => LISTENERS.to_owned(),
    }
}

/// Gives a namespace its entity and its sockets theirs.
fn own(
    cluster: &Cluster,
    draft: &mut Draft,
    named: &Named,
    open: &mut HashMap<EntityId, Vec<Listener>>,
) {
    let netns = &mut draft.netns;
    let id = |kind, parts: &[&str]| find(cluster, kind, parts);
    netns.entity = match netns.role {
        Role::Pod => id(EntityKind::Pod, &[&named.namespace, &named.name]),
        Role::Node => id(EntityKind::Node, &[&named.name]),
        Role::External => id(EntityKind::External, &[&named.name]),
        Role::Fabric => None,
    };
    if !has_processes(netns.role) {
        return;
    }
    for heard in &draft.heard {
        let kernel = is_kernels(heard, &netns.interfaces);
        let process = match netns.role {
            _ if kernel => None,
            Role::Pod => {
                let name = pod_process(named, heard);
                id(
                    EntityKind::Container,
                    &[&named.namespace, &named.name, &name],
                )
            }
            Role::Node => host_process(cluster, netns.entity, heard).or_else(|| {
                id(
                    EntityKind::Daemon,
                    &[&named.name, &process_name(heard.process.as_deref())],
                )
            }),
            Role::External => netns.entity,
            Role::Fabric => None,
        };
        for listener in listeners(heard, &netns.interfaces) {
            if netns
                .sockets
                .iter()
                .any(|s| s.process == process && same(&s.listener, &listener))
            {
                continue;
            }
            netns.sockets.push(Socket { process, listener });
            if let Some(process) = process {
                open.entry(process).or_default().push(listener);
            }
        }
    }
}

fn same(one: &Listener, other: &Listener) -> bool {
    (one.bind, one.port, one.protocol) == (other.bind, other.port, other.protocol)
}

fn find(cluster: &Cluster, kind: EntityKind, parts: &[&str]) -> Option<EntityId> {
    let name = FullName::new(kind, parts);
    let at = cluster.names.binary_search(&name).ok()?;
    Some(EntityId(at as u32))
}

/// Which container of a pod has a socket: the one that declares the port, else the one that is called like the
/// process, else the first.
fn pod_process(named: &Named, heard: &Heard) -> String {
    let own = process_name(heard.process.as_deref());
    if !named.given {
        return own;
    }
    let declares = |ports: &Vec<(u16, Protocol)>| ports.contains(&(heard.port, heard.protocol));
    let at = named.declared.iter().position(declares);
    let at = at.or_else(|| named.processes.iter().position(|p| *p == own));
    named.processes.get(at.unwrap_or(0)).cloned().unwrap_or(own)
}

/// The container of a pod in the host network that declares the port.
fn host_process(cluster: &Cluster, node: Option<EntityId>, heard: &Heard) -> Option<EntityId> {
    let node = cluster.nodes.iter().find(|n| Some(n.id) == node)?;
    let here = cluster.host_pods.iter().filter(|p| p.node == node.id);
    let daemons: Vec<EntityId> = here.flat_map(|p| p.daemons.iter().copied()).collect();
    let declares = |l: &Listener| l.port == heard.port && l.protocol == heard.protocol;
    let daemon = node
        .daemons
        .iter()
        .find(|d| daemons.contains(&d.id) && d.open.iter().any(declares));
    daemon.map(|d| d.id)
}

/// Where a socket listens. One that is bound to a device takes what is for the addresses of the device.
fn listeners(heard: &Heard, interfaces: &[Interface]) -> Vec<Listener> {
    let listener = |bind| Listener {
        bind,
        port: heard.port,
        protocol: heard.protocol,
        origin: heard.origin,
    };
    let bind = match heard.bound {
        Bound::Any => Bind::Any,
        Bound::AnyV4 => Bind::AnyV4,
        Bound::AnyV6 => Bind::AnyV6,
        Bound::Address(ip) => return vec![listener(Bind::Address(ip))],
    };
    let Some(device) = &heard.device else {
        return vec![listener(bind)];
    };
    let of_device = interfaces.iter().filter(|i| i.name == *device);
    let ips = of_device.flat_map(|i| &i.addresses).map(|a| a.net.addr());
    ips.filter(|ip| bind.covers(*ip))
        .map(|ip| listener(Bind::Address(ip)))
        .collect()
}

/// Whoever listens in the snapshot listens, and nobody else, whatever objects declare.
fn listen(cluster: &mut Cluster, mut open: HashMap<EntityId, Vec<Listener>>) {
    let of_pods = cluster.pods.iter_mut().flat_map(|p| &mut p.containers);
    let of_nodes = cluster.nodes.iter_mut().flat_map(|n| &mut n.daemons);
    for process in of_pods.chain(of_nodes) {
        process.open = open.remove(&process.id).unwrap_or_default();
    }
    for external in &mut cluster.externals {
        external.open = Some(open.remove(&external.id).unwrap_or_default());
    }
}
