//! A good cluster file, field by field.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may"
)]

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use kubeproof::model::cluster::{Bind, Cluster, ExplicitAction};
use kubeproof::model::entity::EntityId;
use kubeproof::model::service::TargetPort;

fn read(text: &str) -> Cluster {
    let mut sources = SourceMap::new();
    let source = sources.add("x.yaml", text);
    let path = "x.yaml".to_owned();
    let inputs = [Input {
        source,
        path,
        named: true,
    }];
    let mut loaded = input::load(&sources, &inputs, Options::default());
    assert!(
        !loaded.failed() && loaded.all_diagnostics().count() == 0,
        "{loaded:?}"
    );
    loaded.clusters.remove(0).cluster.unwrap()
}

#[test]
fn everything() {
    let cluster = read(include_str!("cases/good/everything.yaml"));
    let name = |id: EntityId| cluster.name_of(id).to_string();
    let names: Vec<String> = cluster.ids().map(name).collect();
    assert_eq!(
        names,
        [
            "container/default/P1/C1.1",
            "container/default/P1/C1.2",
            "daemon/N1/D1",
            "daemon/N2/D2",
            "external/client",
            "pod/default/P1",
            "pod/shop/P2",
            "node/N1",
            "node/N2",
            "node/N10",
            "service/default/web",
            "outside",
        ]
    );
    assert_eq!(cluster.name, "k1");
    assert_eq!(cluster.outside, Some(EntityId(11)));
    let p2 = &cluster.pods[1];
    assert_eq!(
        (name(p2.id), name(p2.node)),
        ("pod/shop/P2".to_owned(), "node/N2".to_owned())
    );
    assert_eq!(p2.addresses[0].ip.to_string(), "127.0.0.1");
    assert_eq!(p2.labels["tier"], "1");
    let open = &cluster.pods[0].containers[1].open;
    let shown: Vec<String> = open
        .iter()
        .map(|l| {
            let bind = match l.bind {
                Bind::Any => "*".to_owned(),
                Bind::AnyV4 => "0.0.0.0".to_owned(),
                Bind::AnyV6 => "::".to_owned(),
                Bind::Address(ip) => ip.to_string(),
            };
            format!("{bind}:{}/{}", l.port, l.protocol)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "*:8080/TCP",
            "*:9090/UDP",
            "127.0.0.1:7070/TCP",
            "::1:53/UDP",
            "0.0.0.0:80/TCP",
            "*:81/TCP",
            "*:82/TCP"
        ]
    );
    let service = &cluster.services[0];
    let ports: Vec<_> = service
        .ports
        .iter()
        .map(|p| (p.port, p.target.clone()))
        .collect();
    assert_eq!(
        ports,
        [(80, TargetPort::Number(8080)), (53, TargetPort::Number(53))]
    );
    let endpoints: Vec<String> = service.ports[0]
        .endpoints
        .iter()
        .filter_map(|e| e.entity.map(&name))
        .collect();
    // P2 has two addresses.
    assert_eq!(endpoints, ["pod/default/P1", "pod/shop/P2", "pod/shop/P2"]);
    let prefixes: Vec<String> = cluster.externals[0]
        .prefixes
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(prefixes, ["198.51.100.0/24", "203.0.113.7/32"]);
    assert_eq!(
        (cluster.links_removed.len(), cluster.links_added.len()),
        (4, 1)
    );
    let fib = &cluster.fibs[0];
    assert_eq!(
        (name(fib.at).as_str(), fib.keep_ideal, fib.remove.len()),
        ("node/N1", false, 2)
    );
    let rule = &fib.before[0];
    assert_eq!(
        rule.matches.to_ports.as_ref().unwrap().to_string(),
        "80,443"
    );
    assert_eq!(
        rule.matches.from_ports.as_ref().unwrap().to_string(),
        "1-1024"
    );
    assert!(matches!(rule.action, ExplicitAction::Forward(id) if name(id) == "node/N2"));
    assert!(matches!(&fib.after[1].action, ExplicitAction::Discard(why) if why == "not-here"));
    assert!(
        matches!(cluster.fibs[1].before[0].action, ExplicitAction::Deliver(id) if name(id) == "external/client")
    );
}

/// The example of `formats.md`, word for word.
#[test]
fn the_example_of_the_format() {
    let cluster = read(include_str!("cases/good/formats.yaml"));
    assert_eq!(cluster.names.len(), 10);
    assert_eq!(cluster.fibs[0].before.len(), 2);
}

#[test]
fn next_to_nothing() {
    let cluster = read("{\"apiVersion\": \"kubeproof.dev/v1\", \"kind\": \"Cluster\"}");
    assert_eq!((cluster.name.as_str(), cluster.names.len()), ("x.yaml", 0));
    let cluster = read(
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata:\nnodes:\npods: ~\nlinks: {}\nfibs: []\n",
    );
    assert_eq!(cluster.outside, None);
}

/// The same address on two entities, and two containers of a pod on one port, are for the verifier to refute.
#[test]
fn what_the_verifier_refutes_is_read() {
    let cluster = read(
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nnodes: [{name: N1, addresses: [10.0.0.1]}]\npods:\n\
         - {name: P1, node: N1, addresses: [10.0.0.1], containers: [{name: A, open: [80]}, {name: B, open: [80]}]}\n\
         - {name: P2, node: N1, addresses: [10.0.0.1, 127.0.0.1], containers: [{name: A}]}\n",
    );
    assert_eq!(cluster.pods.len(), 2);
}
