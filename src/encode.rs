//! From a network, a structure and a constraint to terms: the strategy `direct`, one symbolic query for all messages.
//!
//! Sees formula, structure and network, whichever front end filled them. Must never know: the simulator (it replays what
//! is found here), reports, a particular solver.
//!
//! # What is asserted, and why it is sound
//!
//! An [`Encoder`] collects *facts*: definitions of the names it introduces, each of which has exactly one solution for
//! any values of the *event variables* (sender and header) and *choices*, plus `honest(e)`, which says that the message
//! may be sent at all. So the facts are satisfiable exactly by the honest messages, each with what happens to it. A
//! constraint's clause `∀ x. A ⟹ B` gives the goal `A ∧ ¬B` over constants for `x`: the clause holds iff facts and goal
//! are unsatisfiable together, and it is vacuous iff facts and `A` are.
//!
//! * A message at hop *i* is at one switch: `at.i.S`. Hops are unrolled ([`path`]) to a bound K for which "still
//!   travelling after K hops, nothing repeated" is unsatisfiable; that is checked by the solver, never assumed.
//! * First match wins ([`fib`]): a rule fires iff it matches and no earlier rule with another outcome does.
//! * Static predicates ([`relation`]) are uninterpreted functions with their closed-world definition instantiated at
//!   every argument that occurs: a universal axiom would leave the decidable fragment, its instances do not.
//! * Addresses are bit-vectors with a family bit. Where all IPv6 constants of a cluster lie in `::/96` (a cluster without
//!   IPv6 has `::1` only), addresses beyond are all alike, and 32 bits hold a representative of them: see
//!   [`header::address_width`].

mod answer;
mod decisions;
mod encoder;
pub mod error;
pub mod event;
mod fib;
mod field;
mod formula;
pub mod header;
mod path;
mod plain;
mod quantifier;
pub mod relation;
mod send;
pub mod symbols;

pub use encoder::Encoder;
pub use error::EncodeError;
