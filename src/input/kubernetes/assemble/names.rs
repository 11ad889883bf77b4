//! Names of entities as they are met, and the canonical ids that they get in the end.
//!
//! Must never know: what the entities are.

use crate::model::entity::{EntityId, FullName};

/// Names in the order in which they are met; an id is a place in that order until [`Register::sorted`].
#[derive(Debug, Default)]
pub(super) struct Register {
    names: Vec<FullName>,
}

/// All names in canonical order, and the final id of each that was handed out.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) names: Vec<FullName>,
    ids: Vec<EntityId>,
}

impl Register {
    /// An id for a name.
    pub(super) fn add(&mut self, name: FullName) -> EntityId {
        self.names.push(name);
        EntityId(self.names.len() as u32 - 1)
    }

    /// Sorts them.
    pub(super) fn sorted(self) -> Ids {
        let mut order: Vec<(u32, FullName)> = (0..).zip(self.names).collect();
        order.sort_by(|a, b| a.1.cmp(&b.1));
        let mut ids = vec![EntityId(0); order.len()];
        for (id, (draft, _)) in order.iter().enumerate() {
            ids[*draft as usize] = EntityId(id as u32);
        }
        let names = order.into_iter().map(|(_, name)| name).collect();
        Ids { names, ids }
    }
}

impl Ids {
    /// The final id.
    pub(super) fn of(&self, draft: EntityId) -> EntityId {
        self.ids[draft.index()]
    }
}
