//! What a switch does with a header, as conditions.
//!
//! Must never know: how they are made of rules (`fib`).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::entity::EntityId;
use crate::smt::term::TermId;

use super::header::SymHeader;

/// What a switch does with a header: under which condition it goes where. The conditions exclude each other; where none
/// holds, the message dies. Missing links are not looked at here.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// `Forward(switch)`.
    pub forward: BTreeMap<EntityId, TermId>,
    /// `Deliver(process)`.
    pub deliver: BTreeMap<EntityId, TermId>,
    /// `Translate`, by the index of the rule.
    pub translate: BTreeMap<usize, TermId>,
    /// `Choose`, by the index of the rule.
    pub choose: BTreeMap<usize, TermId>,
    /// `Discard` of what is not modelled, by the index of the rule.
    pub unmodelled: BTreeMap<usize, TermId>,
}

/// Decisions by (switch, header, answer?): headers seldom change, so hops share them; no two events have one header.
pub(super) type Cache = BTreeMap<(EntityId, SymHeader, bool), Rc<Decisions>>;
