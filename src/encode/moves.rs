//! What a hop comes to: collected while its stages are gone through, in the end one term for each place.
//!
//! Must never know: rules, formulas.

use std::collections::BTreeMap;

use crate::model::entity::EntityId;
use crate::smt::term::{TermId, TermPool};

use super::header::SymHeader;

/// Conditions, by where they lead.
pub(super) type Conditions = BTreeMap<EntityId, Vec<TermId>>;

/// What may happen in one hop of one message.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// To this switch, with the header as it is or as a rewrite makes it.
    pub next: Conditions,
    /// To this process.
    pub received: Conditions,
    /// Translated at this switch.
    pub translated: Conditions,
    /// Seen by the connection tracking of this namespace.
    pub tracked: Conditions,
    /// At this switch, by this rule, something that is not known.
    pub unmodelled: Vec<(EntityId, usize, TermId)>,
    /// New headers; at most one of the conditions holds.
    pub rewrites: Vec<(TermId, SymHeader)>,
    /// Translated at the switch where the hop began, so that its source came as it did.
    pub kept: Vec<TermId>,
}

/// The same, one term a place.
#[derive(Debug)]
pub(super) struct Moved {
    pub next: BTreeMap<EntityId, TermId>,
    pub received: BTreeMap<EntityId, TermId>,
    pub translated: BTreeMap<EntityId, TermId>,
    pub tracked: BTreeMap<EntityId, TermId>,
    pub unmodelled: Vec<(EntityId, usize, TermId)>,
}

impl Moves {
    pub(super) fn joined(self, pool: &mut TermPool) -> Moved {
        let mut or = |all: Conditions| -> BTreeMap<EntityId, TermId> {
            let each = all.into_iter();
            each.map(|(id, terms)| (id, pool.or(&terms))).collect()
        };
        Moved {
            next: or(self.next),
            received: or(self.received),
            translated: or(self.translated),
            tracked: or(self.tracked),
            unmodelled: self.unmodelled,
        }
    }
}
