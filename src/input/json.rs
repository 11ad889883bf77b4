//! JSON texts of any length: read in one pass, with only what is asked for kept.
//!
//! Knows: JSON, places as lines and columns, limits. Must never know: objects and kinds beyond which parts of them
//! nobody reads (`skip`).
//!
//! The tree is that of `yaml`, so that objects are read by the same code. In parts that nobody reads only brackets and
//! quotes are looked at. Memory is bounded by what is kept: [`MAX_STRING`], and so many values as the text is long.

mod build;
mod cursor;
pub(super) mod skip;
mod stop;
mod token;

pub(super) use build::Builder;
pub(super) use cursor::Cursor;
pub(super) use stop::Stop;
pub(super) use token::more;

/// How long a string may be that is kept.
pub(in crate::input) const MAX_STRING: usize = 64 << 20;
/// How deep lists and objects may lie in each other.
pub(in crate::input) const MAX_DEPTH: usize = 128;
/// How many values may be kept whatever the length of the text; beyond that, one for every four bytes.
pub(in crate::input) const MAX_NODES: usize = 1_000_000;
