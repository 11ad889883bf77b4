//! The theorem: every cluster, of any size, that satisfies a few assumptions satisfies the constraints.
//!
//! Knows: uninterpreted sorts of entities and addresses, local contracts of switches, checked constraints. Must never
//! know: a cluster at hand, Kubernetes objects, files, how results are printed. `docs/theorem.md` is its statement.

#![allow(
    clippy::many_single_char_names,
    reason = "variables are called as in the seed, and w is the world they are in"
)]

mod answer;
mod assumption;
mod axioms;
mod breaks;
mod contract;
mod fact;
mod formula;
mod hop;
mod journey;
mod lemma;
mod message;
mod model;
mod needs;
mod problem;
mod prove;
mod scope;
mod skeleton;
mod table;
mod world;

pub use assumption::{About, Assumption, Piece, assumption, assumptions};
pub use breaks::{Candidate, SIZES, candidates, unbroken};
pub use fact::Beyond;
pub use lemma::{Lemma, lemmas};
pub use needs::needs;
pub use prove::{Answer, Decided, Options, Query, inhabit, prove, prove_lemma};
pub use scope::{Scope, scope};
