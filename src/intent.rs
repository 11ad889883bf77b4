//! What an intent means: a text of the constraint language.
//!
//! An intent is sugar. [`text`] makes the constraint that it stands for, which is parsed and checked as users' own texts
//! are; so what an intent means can be read, and is decided by whatever decides constraints.
//!
//! Knows: intents and the notation. Must never know: a cluster, the solver.

mod clause;
mod family;
mod peer;
mod service;
mod text;

pub use clause::{Kind, Place};
pub use text::{is_about_any_pod, kinds, name, says, text};
