//! Cases of other projects at the level of gates: every judged cell comes out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop"
)]

#[path = "support/policy_world.rs"]
mod policy_world;
#[path = "support/upstream.rs"]
mod upstream;

use std::path::PathBuf;

use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::{Peer, Settings};
use policy_world::{Gates, World, world};
use upstream::{Cell, steps};

/// What was found in some files.
#[derive(Debug, Default)]
struct Found {
    judged: usize,
    denied: usize,
    wrong: Vec<String>,
    /// Cells that differ with `ipblock-matches-pods=no`.
    flipped: usize,
    unexplained: Vec<String>,
}

fn check(files: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for step in files.iter().flat_map(|file| steps(file)) {
        let world = world(&step.objects);
        assert!(
            world.problems.is_empty(),
            "{}: {:?}",
            step.name,
            world.problems
        );
        let yes = Gates::of(&world.cluster, &Settings::default());
        let no = Settings {
            ipblock_matches_pods: false,
            ..Settings::default()
        };
        let no = Gates::of(&world.cluster, &no);
        for cell in &step.cells {
            let (from, to) = (world.end(&cell.from, false), world.end(&cell.to, false));
            let (from, to) = (from.unwrap(), to.unwrap());
            let protocol = Protocol::parse(&cell.protocol).unwrap();
            found.judged += 1;
            found.denied += usize::from(!cell.allowed);
            let label = || format!("{}: {cell:?}", step.name);
            if yes.pass(from, to, protocol, cell.port) != cell.allowed {
                found.wrong.push(label());
            }
            if no.pass(from, to, protocol, cell.port) != cell.allowed {
                found.flipped += 1;
                if !covered(&world, cell) {
                    found.unexplained.push(label());
                }
            }
        }
    }
    found
}

/// Whether an ipBlock of a NetworkPolicy covers the address of either pod.
fn covered(world: &World, cell: &Cell) -> bool {
    let ends = [&cell.from, &cell.to].map(|end| world.end(end, false).unwrap().address);
    let policies = world.cluster.policies.network.iter();
    let rules = policies.flat_map(|p| p.ingress.iter().chain(&p.egress).flatten());
    let mut peers = rules.flat_map(|rule| rule.peers.iter().flatten());
    peers.any(|peer| match peer {
        Peer::Block(block) => ends.iter().any(|end| block.cidr.contains(end)),
        _ => false,
    })
}

#[test]
fn kubernetes_and_network_policy_api() {
    let found = check(&upstream::own());
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
    assert!(found.unexplained.is_empty(), "{:#?}", found.unexplained);
    // So many cells there are: a case that is lost is noticed.
    assert_eq!((found.judged, found.denied, found.flipped), (2572, 398, 7));
}

#[test]
fn cyclonus() {
    let Some(files) = upstream::cyclonus() else {
        eprintln!("the cases of cyclonus are not here: nothing was checked");
        return;
    };
    let found = check(&files);
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
    assert!(found.unexplained.is_empty(), "{:#?}", found.unexplained);
    assert!(found.judged > 4000 && found.denied > 1000, "{found:?}");
}
