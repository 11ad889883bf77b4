//! Constraints against one cluster: verdicts, and counterexamples that were replayed.
//!
//! Knows: the order of the stages (encode, solve, make canonical, decode, replay). Must never know: YAML, formats of
//! output, a particular solver.

pub mod alike;
pub mod bounded;
pub mod canonical;
pub mod direct;
pub mod looks;
pub mod modular;
pub mod policy;
pub mod replay;
pub mod verdict;
