//! Tables that meet the contract: the ideal FIBs, rule by rule, and tables by prefix.
//!
//! Knows: one switch, one lookup, ordered rules, first match wins. Must never know: messages' ways, constraints.

use super::axioms;
use super::contract::{Contract, Message, contract};
use super::hop;
use super::problem::Problem;
use super::scope::Scope;
use super::table::{Fib, Table, first_match};
use super::world::World;
use crate::smt::term::TermId;

/// A step of the argument that is no constraint.
#[derive(Debug, Clone, Copy)]
pub struct Lemma {
    /// Its name.
    pub id: &'static str,
    /// What it says.
    pub title: &'static str,
    table: Table,
    message: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Opens,
    Answers,
}

/// All lemmas.
pub fn lemmas() -> &'static [Lemma] {
    &[
        Lemma {
            id: "home-is-a-function",
            title: "an address of a hosted pod or of a node is at home on one node",
            table: Table::None,
            message: Kind::Opens,
        },
        Lemma {
            id: "ideal-fibs",
            title: "the seed's ideal FIBs, first match first, meet the contract of every switch",
            table: Table::Ideal,
            message: Kind::Opens,
        },
        Lemma {
            id: "ideal-fibs-answers",
            title: "the same for answers, which no rule translates",
            table: Table::Ideal,
            message: Kind::Answers,
        },
        Lemma {
            id: "prefix-tables",
            title: "tables with one route for each node's prefix meet the contract of every switch",
            table: Table::Prefixes,
            message: Kind::Opens,
        },
        Lemma {
            id: "prefix-tables-answers",
            title: "the same for answers",
            table: Table::Prefixes,
            message: Kind::Answers,
        },
    ]
}

impl Lemma {
    pub(super) fn problem(&self) -> Problem {
        let mut world = World::new();
        let mut facts = axioms::meanings(&mut world);
        let assumed = axioms::admissible(&mut world);
        let w = &mut world;
        if self.table == Table::None {
            let denied = two_homes(w);
            return Problem {
                world,
                facts,
                assumed,
                denied,
            };
        }
        let at = hop::state(w, "m");
        let action = hop::action(w, "m");
        facts.push(hop::exclusive(w, &action));
        let message = Message {
            protocol: w.constant("proto", w.sorts.protocol),
            dialled: (self.message == Kind::Opens).then(|| w.constant("ta", w.sorts.address)),
            scope: Scope::Everywhere,
        };
        let Contract { clauses, meanings } = contract(w, "m", message, &at, &action);
        facts.extend(meanings);
        let mut fib = Fib {
            at,
            action,
            message,
            facts: Vec::new(),
        };
        match self.table {
            Table::Prefixes => fib.prefix_homes(w),
            Table::Ideal | Table::None => fib.ideal_homes(w),
        }
        let pod = fib.pod(w);
        let node = fib.node(w, self.table);
        facts.append(&mut fib.facts);
        facts.push(first_match(w, at.at_pod, &action, &pod));
        let at_node = w.not(at.at_pod);
        facts.push(first_match(w, at_node, &action, &node));
        facts.push(at.live);
        // The gates are not the FIB's.
        let fib_clauses: Vec<TermId> = clauses
            .iter()
            .filter(|(id, _)| *id != "gates-enforced")
            .map(|(_, t)| *t)
            .collect();
        let all = w.and(&fib_clauses);
        let denied = w.not(all);
        Problem {
            world,
            facts,
            assumed,
            denied,
        }
    }
}

/// Two different nodes at which one address is at home.
fn two_homes(w: &mut World) -> TermId {
    let (n, s) = (w.names, w.sorts);
    let a = w.constant("a", s.address);
    let mut home = |name: &str| {
        let node = w.constant(name, s.node);
        let pod = w.constant(&format!("{name}.pod"), s.pod);
        let (has, here) = (w.is(n.addr_pod, &[pod, a]), w.hosts(node, pod));
        let of_pod = w.and(&[has, here]);
        let own = w.is(n.addr_node, &[node, a]);
        (node, w.or(&[of_pod, own]))
    };
    let (one, at_one) = home("N1");
    let (other, at_other) = home("N2");
    let same = w.eq(one, other);
    let differ = w.not(same);
    w.and(&[at_one, at_other, differ])
}
