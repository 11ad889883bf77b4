//! The solver side: terms over Booleans, bit-vectors and uninterpreted sorts, solvers that decide them, and their SMT-LIB text.
//!
//! Knows: terms, sorts, models. Must never know: networks, formulas, entities, or any other room of kubeproof.

pub mod backend;
mod build;
pub mod error;
mod intern;
mod names;
pub mod smtlib;
pub mod solver;
pub mod term;

#[cfg(test)]
mod tests;
