//! Random clusters where Services keep to the node of the client: nodes that are alike but for which endpoints are on them,
//! ready, terminating or neither, some at the address of nobody, some said to be on another node than their pod.

use kubeproof::model::cluster::Cluster;
use kubeproof::model::entity::EntityId;
use kubeproof::model::service::{Readiness, ServiceEndpoint};

use super::compare;
use super::rng::Rng;

/// A pod of a node: what it listens on, and what is said of it where it is an endpoint.
type Made = (&'static str, Option<Readiness>);

const SOUND: &str = "8080";
const BROKEN: &str = "9090";
const READY: Option<Readiness> = Some(Readiness::Ready);
const LEAVING: Option<Readiness> = Some(Readiness::Terminating);
const AWAY: Option<Readiness> = Some(Readiness::NotReady);

/// What is on a node.
const NODES: [&[Made]; 10] = [
    &[(SOUND, READY), (BROKEN, LEAVING)],
    &[(BROKEN, LEAVING)],
    &[(SOUND, LEAVING), ("", None)],
    &[(SOUND, READY), ("", None)],
    &[("", None)],
    &[(SOUND, AWAY), ("", None)],
    &[(SOUND, AWAY), (BROKEN, LEAVING), ("", None)],
    &[(BROKEN, READY)],
    &[],
    &[(SOUND, READY), (SOUND, AWAY), ("", None)],
];

/// What is on all nodes but the last, and what is there: what a few nodes show is not all there is.
const PLANTED: [(usize, usize); 4] = [(0, 1), (9, 5), (0, 6), (3, 2)];

/// The cluster of a seed, and the text of what it is made of.
pub fn cluster(seed: u64) -> (Cluster, String) {
    let mut rng = Rng::new(seed, 17);
    let usual = [rng.below(NODES.len()), rng.below(NODES.len())];
    let planted = rng.percent(40).then(|| *rng.pick(&PLANTED));
    let nodes = rng.between(if planted.is_some() { 5 } else { 4 }, 8);
    let mut text =
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: kept}\nnodes:\n".to_owned();
    let daemons = if rng.percent(30) { "{name: D}" } else { "" };
    for n in 1..=nodes {
        text += &format!("- {{name: N{n}, addresses: [10.0.0.{n}], daemons: [{daemons}]}}\n");
    }
    text += "pods:\n";
    let mut said = Vec::new();
    for n in 1..=nodes {
        let kind = match planted {
            Some((_, last)) if n == nodes => last,
            Some((first, _)) => first,
            None if rng.percent(60) => usual[rng.below(2)],
            None => rng.below(NODES.len()),
        };
        for (open, endpoint) in NODES[kind] {
            // Neither names nor addresses follow the nodes.
            let i = said.len() + 1;
            let name = format!("P{}{i}", rng.below(3));
            let ip = format!("10.1.{}.{i}", rng.below(2));
            text += &format!(
                "- {{name: {name}, node: N{n}, addresses: [{ip}], containers: [{{name: C, open: [{open}]}}]}}\n"
            );
            said.push((name, *endpoint));
        }
    }
    text += "services:\n";
    for s in 1..=rng.between(1, 2) {
        let mut listed = said.iter().filter(|(_, said)| said.is_some());
        let listed: Vec<String> = listed
            .by_ref()
            .map(|(name, _)| format!("pod/default/{name}"))
            .collect();
        text += &format!(
            "- {{name: S{s}, addresses: [10.96.0.{s}], ports: [{{port: 80, targetPort: 8080}}], endpoints: [{}]}}\n",
            listed.join(", ")
        );
    }
    let mut cluster = compare::load(&text).unwrap();
    let ids: Vec<EntityId> = cluster.nodes.iter().map(|n| n.id).collect();
    let names = cluster.names.clone();
    let readiness = |id: EntityId| {
        let name = names[id.index()].parts.last();
        let found = said.iter().find(|(n, _)| Some(n) == name);
        found.and_then(|(_, said)| *said).unwrap()
    };
    for (i, service) in (1..).zip(&mut cluster.services) {
        service.internal_local = rng.percent(85);
        service.external_local = rng.percent(30);
        text += &format!(
            "# {} local {} {}\n",
            names[service.id.index()],
            service.internal_local,
            service.external_local
        );
        for port in &mut service.ports {
            port.node_port = rng.percent(25).then_some(30000 + i);
            text += &format!("# port of nodes {:?}\n", port.node_port);
            for endpoint in &mut port.endpoints {
                endpoint.readiness = readiness(endpoint.entity.unwrap());
                if rng.percent(6) {
                    endpoint.node = Some(*rng.pick(&ids));
                }
            }
            port.endpoints
                .retain(|_| planted.is_some() || rng.percent(90));
            let example = port.endpoints.first().cloned();
            for n in 1..=rng.weighted(&[84, 8, 8]) {
                port.endpoints
                    .extend(example.clone().map(|e| ServiceEndpoint {
                        entity: None,
                        node: Some(*rng.pick(&ids)),
                        address: format!("203.0.113.{n}").parse().unwrap(),
                        readiness: *rng.pick(&[Readiness::Ready, Readiness::Terminating]),
                        ..e
                    }));
            }
            for e in &port.endpoints {
                let node = e.node.map(|n| names[n.index()].to_string());
                text += &format!("# {} on {node:?} {:?}\n", e.address, e.readiness);
            }
        }
    }
    (cluster, text)
}
