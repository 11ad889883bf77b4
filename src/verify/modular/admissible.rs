//! Which assumptions of the theorem about the cluster a part meets, row by row of the table in docs/theorem.md.
//!
//! Must never know: switches' tables, constraints, the solver.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::model::cluster::{Address, Cluster, Pod};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::Family;
use crate::model::service::ServiceEndpoint;

/// Assumptions by id and part, as [`crate::theorem::Piece`] has them.
pub(super) type Names = BTreeSet<(&'static str, &'static str)>;

/// Those that a cluster breaks; where in doubt, an assumption is broken.
pub(super) fn broken(cluster: &Cluster) -> Names {
    let mut all = Names::new();
    unique(cluster, &mut all);
    let pods = cluster.pods.iter().flat_map(|p| &p.addresses);
    let nodes = cluster.nodes.iter().flat_map(|n| &n.addresses);
    let services = cluster.services.iter().flat_map(|s| &s.addresses);
    let local = |ip: IpAddr| Family::of(ip).loopback_net().contains(&ip);
    if pods.chain(nodes).chain(services).any(|a| local(a.ip)) {
        all.insert(("no-loopback-address", ""));
    }
    let pods = &cluster.pods;
    let of = |pod: &Pod, family| {
        let addresses = pod.addresses.iter();
        addresses.filter(|a| Family::of(a.ip) == family).count()
    };
    if pods
        .iter()
        .any(|p| of(p, Family::V4) > 1 || of(p, Family::V6) > 1)
    {
        all.insert(("one-address-a-family", ""));
    }
    if pods.iter().any(two_listeners) {
        all.insert(("one-listener", ""));
    }
    links(cluster, &mut all);
    let ports = cluster.services.iter().flat_map(|s| &s.ports);
    let endpoints = || {
        let each = ports.clone();
        each.flat_map(|port| port.endpoints.iter().map(move |e| (port.protocol, e)))
    };
    let pod_of = |e: &ServiceEndpoint| {
        let id = e.entity?;
        let at = pods.binary_search_by_key(&id, |p| p.id).ok()?;
        let has = pods[at].addresses.iter().any(|a| a.ip == e.address);
        has.then_some(&pods[at])
    };
    if endpoints().any(|(_, e)| pod_of(e).is_none()) {
        all.insert(("endpoints-are-pods", ""));
    }
    let listens = |protocol, e: &ServiceEndpoint| {
        let open = pod_of(e).into_iter().flat_map(|p| &p.containers);
        let mut open = open.flat_map(|c| &c.open);
        open.any(|l| (l.port, l.protocol) == (e.port, protocol) && l.bind.covers(e.address))
    };
    if endpoints().any(|(protocol, e)| !listens(protocol, e)) {
        all.insert(("endpoints-listen", ""));
    }
    // One of each family in which anything is served anywhere is more than the assumption asks for.
    let served: BTreeSet<bool> = endpoints().map(|(_, e)| e.address.is_ipv6()).collect();
    let has = |addresses: &[Address]| {
        let families: BTreeSet<bool> = addresses.iter().map(|a| a.ip.is_ipv6()).collect();
        !families.is_empty() && families.is_superset(&served)
    };
    if !cluster.nodes.iter().all(|n| has(&n.addresses)) {
        all.insert(("node-has-address", ""));
    }
    if !cluster.policies.cluster.is_empty() {
        all.insert(("own-node-allowed", ""));
    }
    all
}

/// `addr(E₁, a) ∧ addr(E₂, a) ⟹ E₁ = E₂`, by kinds.
fn unique(cluster: &Cluster, all: &mut Names) {
    let pods = cluster.pods.iter().flat_map(|p| {
        let own = p.addresses.iter();
        own.map(move |a| (a.ip, (0, p.id)))
    });
    let nodes = cluster.nodes.iter().flat_map(|n| {
        let own = n.addresses.iter();
        own.map(move |a| (a.ip, (1, n.id)))
    });
    let services = cluster.services.iter().flat_map(|s| {
        let own = s.addresses.iter();
        own.map(move |a| (a.ip, (2, s.id)))
    });
    let mut holders: HashMap<IpAddr, BTreeSet<(u8, EntityId)>> = HashMap::new();
    for (ip, holder) in pods.chain(nodes).chain(services) {
        holders.entry(ip).or_default().insert(holder);
    }
    for shared in holders.values().filter(|all| all.len() > 1) {
        let held: Vec<_> = shared.iter().collect();
        for (at, one) in held.iter().enumerate() {
            for other in &held[at + 1..] {
                let part = match (one.0, other.0) {
                    (0, 0) => "pod-pod",
                    (0, 1) => "pod-node",
                    (0, _) => "pod-service",
                    (1, 1) => "node-node",
                    (1, _) => "node-service",
                    _ => "service-service",
                };
                all.insert(("unique-address", part));
            }
        }
    }
}

/// Two containers with one port of one protocol; that their addresses may differ is not looked at.
fn two_listeners(pod: &Pod) -> bool {
    let mut seen = HashMap::new();
    let all = pod.containers.iter();
    let mut all = all.flat_map(|c| c.open.iter().map(move |l| (c.id, (l.port, l.protocol))));
    all.any(|(id, port)| *seen.entry(port).or_insert(id) != id)
}

fn links(cluster: &Cluster, all: &mut Names) {
    let kind = |id: EntityId| cluster.name_of(id).kind;
    for link in &cluster.links_removed {
        let ends = [kind(link.from), kind(link.to)];
        let part = if ends.contains(&EntityKind::Container) {
            "container-pod"
        } else if ends.contains(&EntityKind::Daemon) {
            "daemon-node"
        } else if ends.contains(&EntityKind::Pod) {
            "pod-node"
        } else {
            "node-node"
        };
        all.insert(("links", part));
    }
}
