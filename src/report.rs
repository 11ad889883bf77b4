//! What a run found, as text for people and in the formats that other programs read.
//!
//! Knows: words and layout. Must never know: the solver, files, the terminal.

pub mod connectivity;
mod counterexample;
pub mod diff;
pub mod fate;
pub mod json;
pub mod junit;
pub mod names;
mod routed;
pub mod rule;
pub mod run;
pub mod snippet;
pub mod text;
pub mod theorem;
pub mod trace;
