//! From a Linux snapshot to a network of stages: what the kernel of each namespace does with a message.
//!
//! Knows: the order of the passes. Must never know: dumps, formulas, how messages are walked (`sim`).

mod answer;
mod apart;
mod back;
mod bypass;
mod condition;
mod context;
mod discovery;
mod egress;
mod facts;
mod finish;
mod frame;
mod hook;
mod items;
mod kinds;
mod later;
mod lists;
mod lookup;
mod make;
mod nat;
mod next;
mod outer;
mod rank;
mod round;
mod routing;
mod segment;
mod sockets;
mod source;
mod stage;
mod states;
mod tunnel;
mod walk;
mod words;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::cluster::Cluster;
use crate::model::entity::FullName;
use crate::model::inet::{Family, IpNet};
use crate::model::linux::{NetNs, NextHop, Role, Route, RouteType, Snapshot};
use crate::network::gate::Gates;
use crate::network::graph::Network;

use stage::{Builder, Key};

/// The network of a snapshot, and the names of its stages, whose ids follow those of the cluster's entities.
pub(super) fn network(cluster: &Cluster, snapshot: &Snapshot) -> (Network, Vec<FullName>) {
    let snapshot = complete(snapshot);
    let mut builder = Builder::new(&snapshot, cluster.names.len() as u32);
    for (ns, namespace) in snapshot.namespaces.iter().enumerate() {
        if namespace.entity.is_some() {
            builder.stage(Key::Send(ns));
            builder.stage(Key::Socket(ns));
        }
    }
    builder.run();
    let done = builder.finish(cluster);
    let network = Network {
        switches: done.switches,
        processes: done.processes,
        links: done.links,
        gates: Gates::default(),
        held: held(cluster, &snapshot),
        elsewhere: Vec::new(),
    };
    (network, done.names)
}

/// Every address that somebody holds: nobody outside has it.
fn held(cluster: &Cluster, snapshot: &Snapshot) -> Vec<IpAddr> {
    let mut all: BTreeSet<IpAddr> = super::ideal::held(cluster).into_iter().collect();
    // What a host outside has is its own, and nobody's here.
    let here = |namespace: &&NetNs| namespace.role != Role::External;
    for namespace in snapshot.namespaces.iter().filter(here) {
        let addresses = namespace.interfaces.iter().flat_map(|i| &i.addresses);
        all.extend(addresses.map(|a| a.net.addr()));
    }
    // Of addresses that name nobody outside their namespace or link there are many of the same.
    all.retain(|a| match a {
        IpAddr::V4(a) => !a.is_loopback(),
        IpAddr::V6(a) => !a.is_loopback() && !a.is_unicast_link_local(),
    });
    all.into_iter().collect()
}

/// Where the table `local` was not dumped, it is what the kernel makes of addresses.
fn complete(snapshot: &Snapshot) -> Cow<'_, Snapshot> {
    let lacks = |namespace: &NetNs, family: Family| {
        let local = |r: &Route| r.table == "local" && Family::of(r.destination.addr()) == family;
        let has = |net: &IpNet| Family::of(net.addr()) == family;
        let mut addresses = namespace.interfaces.iter().flat_map(|i| &i.addresses);
        !namespace.routes.iter().any(local) && addresses.any(|a| has(&a.net))
    };
    let families = [Family::V4, Family::V6];
    let mut each = snapshot.namespaces.iter();
    if !each.any(|n| families.iter().any(|f| lacks(n, *f))) {
        return Cow::Borrowed(snapshot);
    }
    let mut snapshot = snapshot.clone();
    for namespace in &mut snapshot.namespaces {
        for family in families {
            if !lacks(namespace, family) {
                continue;
            }
            let mut routes = Vec::new();
            for interface in namespace.interfaces.iter().filter(|i| i.up) {
                for address in &interface.addresses {
                    if Family::of(address.net.addr()) != family || address.unusable {
                        continue;
                    }
                    // All of 127.0.0.0/8 is local, and of others the address itself.
                    let loopback = address.net.addr().is_loopback() && family == Family::V4;
                    let mut nets = vec![IpNet::from(address.net.addr())];
                    nets.extend(loopback.then(|| address.net.trunc()));
                    for net in nets {
                        routes.push(local(
                            net,
                            &interface.name,
                            address.origin,
                            address.net.addr(),
                        ));
                    }
                }
            }
            namespace.routes.extend(routes);
        }
    }
    Cow::Owned(snapshot)
}

fn local(net: IpNet, device: &str, origin: crate::base::source::Span, own: IpAddr) -> Route {
    Route {
        kind: RouteType::Local,
        destination: net,
        hops: vec![NextHop {
            gateway: None,
            device: Some(device.to_owned()),
            onlink: false,
            dead: false,
            linkdown: false,
        }],
        table: "local".to_owned(),
        metric: 0,
        source: Some(own),
        scope: "host".to_owned(),
        text: format!("local {} dev {device}", crate::model::inet::show_net(net)),
        origin,
    }
}
