//! The solver side: terms over Booleans and bit-vectors, a solver that decides them, and their SMT-LIB text.
//!
//! Knows: terms, sorts, models. Must never know: networks, formulas, entities, or any other room of kubeproof.

mod build;
pub mod error;
mod intern;
pub mod solver;
pub mod term;
