//! What one test of a rule comes to.
//!
//! Must never know: which test.

use super::context::Context;

/// What one test comes to.
pub(super) enum Answer {
    /// For all.
    Yes,
    /// For none.
    No,
    /// For these.
    Any(Vec<Context>),
    /// Any of the second, none of the first.
    AnyBut(Vec<Context>, Vec<Context>),
    /// Either may be.
    Sometimes,
    /// It is not known, and why.
    Unknown(String),
    /// Any of these; of the second it is not known, and why.
    Partly(Vec<Context>, Vec<Context>, &'static str),
}

/// For all, or for none.
pub(super) fn sure(holds: bool) -> Answer {
    if holds { Answer::Yes } else { Answer::No }
}
