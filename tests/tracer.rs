//! Of a large cluster `trace` walks in the part that a message can meet; what it tells is what the whole network tells.
//!
//! `KUBEPROOF_SEEDS=N` tries so many clusters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

#[path = "support/rng.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
#[allow(
    unreachable_pub,
    reason = "other tests take it as a module of their own"
)]
mod rng;

use kubeproof::base::source::SourceMap;
use kubeproof::generate::{Format, Generator, Wish};
use kubeproof::input::{self, Input};
use kubeproof::lower::{Lowered, lower};
use kubeproof::model::cluster::{Address, Cluster, HostPort};
use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::Settings;
use kubeproof::network::trace::{Disposition, Trace};
use kubeproof::question::{self, Question};
use kubeproof::report::json::render_trace_line;
use kubeproof::report::names::Names;
use kubeproof::sim::walk;
use kubeproof::tracer::Tracer;
use rng::Rng;

/// Above 400 processes, with Services of all makes.
fn cluster(rng: &mut Rng, many_nodes: bool, sources: &mut SourceMap) -> Cluster {
    // With more than 80 nodes, those that take in what comes from outside are not all in every part.
    let (nodes, pods) = if many_nodes { (90, 3) } else { (20, 11) };
    let wish = Wish {
        nodes,
        pods,
        containers: 2,
        services: 12,
        policies: 25,
        seed: rng.below(1000) as u64,
        dual_stack: rng.percent(50),
        format: Format::Kubernetes,
        ..Wish::default()
    };
    let mut text = String::new();
    Generator::new(wish).unwrap().write(&mut text).unwrap();
    let source = sources.add("c.json", text);
    let input = Input {
        source,
        path: "c.json".to_owned(),
        named: true,
    };
    let mut loaded = input::load(sources, &[input], input::Options::default());
    assert!(!loaded.failed(), "{:?}", loaded.diagnostics);
    let mut cluster = loaded.clusters.remove(0).cluster.unwrap();
    let origin = cluster.origin;
    for (at, service) in cluster.services.iter_mut().enumerate() {
        service.internal_local = rng.percent(20);
        service.external_local = rng.percent(50);
        if rng.percent(50) {
            service.ports[0].node_port = Some(30000 + at as u16);
        }
        if rng.percent(50) {
            let ip = format!("203.0.113.{}", at + 1).parse().unwrap();
            service.external_addresses.push(Address { ip, origin });
        }
        let keep = rng.between(0, 100);
        for port in &mut service.ports {
            port.endpoints.retain(|_| rng.percent(keep));
        }
    }
    for pod in cluster.pods.iter_mut().take(3) {
        pod.host_ports.push(HostPort {
            port: 8080,
            host_port: 9000,
            protocol: Protocol::Tcp,
            host_ip: None,
            origin,
        });
    }
    cluster
}

/// Somebody, or an address that may be nobody's.
fn place(rng: &mut Rng, cluster: &Cluster) -> String {
    let name = |id| cluster.name_of(id).to_string();
    let node = &cluster.nodes[rng.below(cluster.nodes.len())];
    let service = &cluster.services[rng.below(cluster.services.len())];
    match rng.below(10) {
        0 => name(node.id),
        1 => node.addresses[0].ip.to_string(),
        2 | 3 => name(service.id),
        4 => {
            let external = service.external_addresses.first();
            external.map_or_else(|| "203.0.113.77".to_owned(), |a| a.ip.to_string())
        }
        5 => "198.51.100.7".to_owned(),
        _ => name(cluster.pods[rng.below(cluster.pods.len())].id),
    }
}

fn whole(cluster: &Cluster, lowered: &Lowered, question: &Question) -> Result<Trace, String> {
    let messages = question::messages(cluster, lowered, question).map_err(|e| e.message)?;
    let walked = messages.into_iter().flat_map(|(sender, header)| {
        let trace = walk::trace(&lowered.network, sender, header);
        trace.unwrap().outcomes
    });
    let mut outcomes: Vec<_> = walked.collect();
    outcomes.sort_by_key(|o| o.disposition == Disposition::Delivered);
    Ok(Trace { outcomes })
}

#[test]
fn a_part_shows_what_the_whole_network_shows() {
    let seeds = std::env::var("KUBEPROOF_SEEDS");
    let (mut delivered, mut lost, mut errors, mut smaller) = (0, 0, 0, 0);
    for seed in 0..seeds.map_or(6, |n| n.parse().unwrap()) {
        let mut rng = Rng::new(seed, 31);
        let mut sources = SourceMap::new();
        let cluster = cluster(&mut rng, seed % 3 == 2, &mut sources);
        let settings = Settings::default();
        let lowered = lower(&cluster, &settings).unwrap();
        let tracer = Tracer::new(&cluster, settings).unwrap();
        let names = Names::new(&cluster);
        for _ in 0..150 {
            let ports = [80, 80, 8080, 8080, 8081, 9000, 30000 + rng.below(12) as u16];
            let mut published = cluster.services.iter().flat_map(|s| &s.external_addresses);
            let published = published.nth(rng.below(6)).filter(|_| rng.percent(10));
            let (from, to) = match published {
                Some(address) => ("198.51.100.7".to_owned(), address.ip.to_string()),
                None => (place(&mut rng, &cluster), place(&mut rng, &cluster)),
            };
            let question = Question {
                from,
                to,
                port: (published.is_none() && rng.percent(80))
                    .then(|| *rng.pick(&ports))
                    .or(published.map(|_| 80)),
                protocol: rng.percent(10).then(|| "UDP".to_owned()),
                source_port: None,
            };
            let one = whole(&cluster, &lowered, &question);
            let other = tracer.trace(&question).map_err(|e| e.message);
            let told = |trace: &Trace, network| render_trace_line(trace, &names, network, &sources);
            match (&one, &other) {
                (Ok(one), Ok(other)) => {
                    let network = other.network_in(&tracer);
                    smaller += usize::from(network.switches.len() < cluster.nodes.len());
                    let other = told(&other.trace, network);
                    let whole = told(one, &lowered.network);
                    assert_eq!(whole, other, "seed {seed}: {question:?}");
                    let good = |o: &_| matches!(o, Disposition::Delivered);
                    let all = one.outcomes.iter().all(|o| good(&o.disposition));
                    delivered += usize::from(all);
                    lost += usize::from(!all);
                }
                (Err(one), Err(other)) => {
                    assert_eq!(one, other, "seed {seed}: {question:?}");
                    errors += 1;
                }
                _ => panic!("seed {seed}: {question:?}: {one:?}, {other:?}"),
            }
        }
    }
    assert!(
        delivered > 70 && lost > 80 && smaller > 120,
        "{delivered} delivered, {lost} lost, {errors} errors, {smaller} in small parts"
    );
}
