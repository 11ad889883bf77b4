//! Who is alone in its class, whatever it is like.
//!
//! Must never know: classes of the others, formulas, the solver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::cluster::{Address, Cluster, ExplicitAction, Process};
use crate::model::entity::EntityId;
use crate::model::inet::{Family, non_unicast};

use super::asked::Asked;
use super::cuts::explicit;
use super::holders::Holders;
use super::routes::Routes;

/// Those that share an address or a port of a node, that an explicit rule or link names, that have an address with a
/// meaning of its own, whose route table goes its own way; the outside and what is there. For formulas of users also whom they
/// name, and the nodes of all these pods: a formula may ask who else is there.
pub(super) fn special(
    cluster: &Cluster,
    holders: &Holders,
    routes: &Routes,
    asked: Option<&Asked>,
) -> BTreeSet<EntityId> {
    let mut all: BTreeSet<EntityId> = routes.special.clone();
    all.extend(asked.iter().flat_map(|asked| &asked.named));
    all.extend(holders.shared().flatten().map(|row| row.1));
    all.extend(holders.sharing_ports());
    for edit in &cluster.fibs {
        all.insert(edit.at);
        for rule in explicit(edit) {
            match &rule.action {
                ExplicitAction::Deliver(to) | ExplicitAction::Forward(to) => {
                    all.insert(*to);
                }
                ExplicitAction::Discard(_) => {}
                ExplicitAction::Translate { from, to, .. } => {
                    let literal = from.iter().chain(to);
                    all.extend(literal.flat_map(|ip| holders.of_address(*ip)));
                }
            }
        }
    }
    for link in cluster.links_removed.iter().chain(&cluster.links_added) {
        all.extend([link.from, link.to]);
    }
    all.extend(cluster.externals.iter().map(|x| x.id));
    if cluster.outside.is_some() {
        // Where no node can serve what comes from outside, the first one takes it.
        all.extend(cluster.nodes.first().map(|n| n.id));
    }
    // An address that means something of its own everywhere.
    let odd = |all: &[Address]| all.iter().any(|a| is_odd(a.ip));
    let pods = cluster.pods.iter().filter(|p| odd(&p.addresses));
    all.extend(pods.map(|p| p.id));
    let nodes = cluster.nodes.iter().filter(|n| odd(&n.addresses));
    all.extend(nodes.map(|n| n.id));
    let services = cluster.services.iter();
    let services = services.filter(|s| odd(&s.addresses) || odd(&s.external_addresses));
    all.extend(services.map(|s| s.id));
    // A process is what its pod or node is.
    let has = |all: &BTreeSet<EntityId>, of: &[Process]| of.iter().any(|p| all.contains(&p.id));
    let pods = cluster.pods.iter().filter(|p| has(&all, &p.containers));
    let nodes = cluster.nodes.iter().filter(|n| has(&all, &n.daemons));
    let owners: Vec<EntityId> = pods.map(|p| p.id).chain(nodes.map(|n| n.id)).collect();
    all.extend(owners);
    if asked.is_some() {
        let pods = cluster.pods.iter().filter(|p| all.contains(&p.id));
        let nodes: Vec<EntityId> = pods.map(|p| p.node).collect();
        all.extend(nodes);
        // Of a Service without ports there is no kind.
        let services = cluster.services.iter().filter(|s| s.ports.is_empty());
        all.extend(services.map(|s| s.id));
    }
    all
}

fn is_odd(ip: IpAddr) -> bool {
    let loopback = Family::of(ip).loopback_net().contains(&ip);
    loopback || non_unicast().iter().any(|net| net.contains(&ip))
}
