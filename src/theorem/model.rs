//! That the assumptions are not empty: a small cluster that meets them all, and sends what a constraint is about.
//!
//! Knows: sizes of sorts. Must never know: what a cluster file looks like.

use super::problem::Problem;
use super::world::{Kind, World};
use crate::smt::term::{Sort, TermId};

/// How many there are of each sort in the model that is asked for; it is to be small, and large enough for all
/// constraints: two nodes with a pod and a daemon each, and a Service.
fn sizes(w: &World) -> [(&'static str, Sort, usize); 8] {
    let s = w.sorts;
    [
        (Kind::Pod.word(), s.pod, 2),
        (Kind::Node.word(), s.node, 2),
        (Kind::Service.word(), s.service, 1),
        (Kind::Container.word(), s.container, 2),
        (Kind::Daemon.word(), s.daemon, 1),
        ("Address", s.address, 6),
        ("Port", s.port, 2),
        ("Protocol", s.protocol, 3),
    ]
}

/// The question whether such a small cluster exists, with `wanted` of its message instead of a denial.
pub(super) fn finite(mut problem: Problem, wanted: TermId) -> Problem {
    let w = &mut problem.world;
    for (name, sort, size) in sizes(w) {
        let members: Vec<TermId> = (1..=size)
            .map(|i| w.constant(&format!("{name}-{i}"), sort))
            .collect();
        let [x] = w.bind([("x", sort)]);
        let is: Vec<TermId> = members.iter().map(|&m| w.eq(x, m)).collect();
        let one_of = w.or(&is);
        let closed = w.pool.forall(&[x], one_of);
        problem.facts.push(closed);
        for (i, &one) in members.iter().enumerate() {
            for &other in &members[i + 1..] {
                let same = w.eq(one, other);
                let differ = w.not(same);
                problem.facts.push(differ);
            }
        }
    }
    problem.denied = wanted;
    problem
}
