//! Terms as Z3 has them.
//!
//! Must never know: when they are made, what they mean.

use z3::ast::{BV, Bool};

use crate::smt::term::TermId;

/// A term as Z3 has it.
#[derive(Clone)]
pub(super) enum Translated {
    Truth(Bool),
    Bits(BV),
}

impl Translated {
    /// Both of one sort.
    pub(super) fn equals(&self, other: &Self) -> Bool {
        match (self, other) {
            (Self::Truth(a), Self::Truth(b)) => a.iff(b),
            (Self::Bits(a), Self::Bits(b)) => a.eq(b),
            _ => Bool::from_bool(false),
        }
    }
}

pub(super) fn constant(value: u128, width: u32) -> BV {
    // The C interface takes 64 bits at a time.
    let part = |value: u128, width| BV::from_u64(value as u64, width);
    if width <= 64 {
        return part(value, width);
    }
    part(value >> 64, width - 64).concat(part(value, 64))
}

/// The pool checks sorts when it makes terms, so this is a bug of the program, and no answer is better than a wrong one.
#[expect(clippy::panic, reason = "never the input's fault")]
pub(super) fn ill_sorted(t: TermId) -> ! {
    panic!("term {} has another sort than its parent needs", t.index())
}
