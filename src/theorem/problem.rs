//! A question to the solver, before it is put.
//!
//! Must never know: how it is decided, what it is about.

use super::assumption::Piece;
use super::world::World;
use crate::smt::term::TermId;

/// What holds anyway, what is assumed, what is denied: unsatisfiable together, or not.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) world: World,
    pub(super) facts: Vec<TermId>,
    pub(super) assumed: Vec<(Piece, TermId)>,
    pub(super) denied: TermId,
}
