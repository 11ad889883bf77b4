//! Formulas of the constraint language, resolved and sorted, and the finite structures they speak about.
//!
//! Must never know: the solver, FIB lookups, where facts come from.

pub mod bind;
pub mod check;
pub mod cube;
pub mod formula;
pub mod literals;
pub mod signature;
pub mod structure;
