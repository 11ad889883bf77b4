//! When the native way is exact: the FIBs are the ideal ones, and each address has one holder.
//!
//! Then a message to a held address takes the one way: its pod, its node, the holder's node, the holder; nothing but a
//! gate or a closed port can stop it, and its answer comes back. Services and other translations are looked up in the
//! FIBs themselves (`translated`). Must never know: how either way is computed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, non_unicast};
use crate::network::gate::Gate;
use crate::network::graph::Network;

/// Why the native way is not exact here; none where it is.
pub(super) fn obstacle(cluster: &Cluster, network: &Network) -> Option<&'static str> {
    if !cluster.fibs.is_empty() {
        return Some("the cluster file changes FIBs");
    }
    if !cluster.tables.is_empty() {
        return Some("nodes have route tables");
    }
    if !cluster.links_removed.is_empty() || !cluster.links_added.is_empty() {
        return Some("the cluster file changes links");
    }
    let of_pod = |gate: &Gate| cluster.kind_of(gate.subject) == EntityKind::Pod;
    if !network.gates.all.iter().all(of_pod) {
        return Some("policies tell processes of one node apart");
    }
    addresses(cluster)
}

/// Whether every address has one holder and is one that messages are sent to. An external address of a Service may be
/// a node's too: its node answers, but for the Service's ports, which are looked up.
pub(super) fn addresses(cluster: &Cluster) -> Option<&'static str> {
    let special = non_unicast();
    let mut holders: BTreeMap<IpAddr, EntityId> = BTreeMap::new();
    let shared = "two have the same address";
    for (address, holder) in held(cluster) {
        let local = Family::of(address).loopback_net().contains(&address);
        if local || special.iter().any(|net| net.contains(&address)) {
            return Some("somebody has a loopback or multicast address");
        }
        if holders.insert(address, holder).is_some_and(|h| h != holder) {
            return Some(shared);
        }
    }
    let external = cluster.services.iter().flat_map(|s| &s.external_addresses);
    for holder in external.filter_map(|a| holders.get(&a.ip)) {
        if cluster.kind_of(*holder) != EntityKind::Node {
            return Some(shared);
        }
    }
    None
}

fn held(cluster: &Cluster) -> impl Iterator<Item = (IpAddr, EntityId)> {
    let pods = cluster
        .pods
        .iter()
        .flat_map(|p| p.addresses.iter().map(|a| (a.ip, p.id)));
    let nodes = cluster
        .nodes
        .iter()
        .flat_map(|n| n.addresses.iter().map(|a| (a.ip, n.id)));
    let services = cluster
        .services
        .iter()
        .flat_map(|s| s.addresses.iter().map(|a| (a.ip, s.id)));
    pods.chain(nodes).chain(services)
}
