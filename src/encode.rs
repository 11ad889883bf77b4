//! From a network, a structure and a constraint to terms: the strategy `direct`, one symbolic query for all messages.
//!
//! Sees formula, structure and network, whichever front end filled them. Must never know: the simulator (it replays what
//! is found here), reports, a particular solver.
//!
//! # What is asserted, and why it is sound
//!
//! An [`Encoder`] collects *facts*: definitions of the names it introduces, each of which has exactly one solution for
//! any values of the free variables (sender, header, choices, the constants for quantified variables). So facts alone are
//! always satisfiable, whatever else is asked of the same solver. What restricts is in the goals: a constraint's clause
//! `∀ e, x. A ⟹ B` gives `honest(e) ∧ A ∧ ¬B` over constants for `x`, where `honest(e)` says that the message may be sent
//! at all. The clause holds iff facts and goal are unsatisfiable together, and it is vacuous iff facts and
//! `honest(e) ∧ A` are.
//!
//! * A message at hop *i* is at one switch: `at.i.S`. Through the stages of a namespace it goes within one hop, from
//!   lower to higher rank (`path`). Hops are unrolled (`path`) to a bound K for which "still
//!   travelling after K hops, nothing repeated" is unsatisfiable; that is shown by the solver, or by walking every way
//!   (`verify::direct`), never assumed.
//! * First match wins (`fib`): a rule fires iff it matches and no earlier rule with another outcome does.
//! * Static predicates (`relation`) are uninterpreted functions with their closed-world definition instantiated at
//!   every argument that occurs: a universal axiom would leave the decidable fragment, its instances do not.
//! * Addresses and ports are bit-vectors: themselves, or numbers of representatives of what the cluster tells apart; see
//!   [`domain`], where that is shown to be exact.

mod answer;
mod arrival;
mod choice;
pub mod contract;
mod decisions;
pub mod domain;
mod encoder;
pub mod error;
pub mod event;
mod fact;
mod fib;
mod field;
mod formula;
mod gate_cache;
mod gates;
mod headed;
pub mod header;
mod moves;
mod path;
mod plain;
mod quantifier;
pub mod question;
pub mod relation;
mod send;
pub mod symbols;

pub use encoder::Encoder;
pub use error::EncodeError;
