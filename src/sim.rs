//! The concrete simulator: one message, walked; one formula, evaluated. It is the reference semantics that every
//! counterexample is replayed on.
//!
//! Must never know: SMT, the encoding. What it shares with the encoding is data (`network`, `logic`), never code.

pub mod eval;
mod gates;
mod journey;
pub mod measure;
mod predicate;
mod script;
mod source;
pub mod step;
pub mod walk;
