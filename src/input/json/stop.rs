//! Why a text cannot be read on.
//!
//! Must never know: who reads it.

use super::MAX_DEPTH;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;

/// Why a text cannot be read on.
#[derive(Debug)]
pub(in crate::input) struct Stop(pub(in crate::input) Box<Diagnostic>);

impl Stop {
    /// A mistake at a place.
    pub(in crate::input) fn at(code: &'static str, place: Span, message: &str) -> Self {
        Self(Box::new(Diagnostic::error(code, place, message)))
    }

    pub(in crate::input) fn deep(place: Span) -> Self {
        let message = format!("lists and objects lie more than {MAX_DEPTH} deep in each other");
        Self::at("I013", place, &message)
    }
}
