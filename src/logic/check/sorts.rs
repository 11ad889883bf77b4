//! Sorts of variables, inferred from their uses: classes of variables that are equal in sort, each with a sort once
//! a use tells it.
//!
//! Must never know: formulas.

use super::super::formula::{Sort, VarId};
use crate::base::source::Span;

/// A sort and the use that tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) sort: Sort,
    pub(super) span: Span,
}

/// Two uses that cannot both be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conflict {
    pub(super) earlier: Use,
    pub(super) later: Use,
}

/// A union-find over the variables of one constraint.
#[derive(Debug, Default)]
pub(super) struct Sorts {
    parent: Vec<u32>,
    known: Vec<Option<Use>>,
    /// Classes with a reported conflict: what follows from it is not told.
    conflicted: Vec<bool>,
}

impl Sorts {
    /// A new variable; its id is the number of those before it.
    pub(super) fn declare(&mut self) -> VarId {
        let id = self.parent.len() as u32;
        self.parent.push(id);
        self.known.push(None);
        self.conflicted.push(false);
        VarId(id)
    }

    fn root(&mut self, var: VarId) -> usize {
        let mut at = var.0 as usize;
        while self.parent[at] as usize != at {
            // Halving the path keeps it short.
            self.parent[at] = self.parent[self.parent[at] as usize];
            at = self.parent[at] as usize;
        }
        at
    }

    /// The sort of a variable as far as it is known.
    pub(super) fn of(&mut self, var: VarId) -> Option<Use> {
        let root = self.root(var);
        self.known[root]
    }

    /// Whether a conflict about this variable was told.
    pub(super) fn conflicted(&mut self, var: VarId) -> bool {
        let root = self.root(var);
        self.conflicted[root]
    }

    /// A use tells the sort of a variable.
    pub(super) fn assign(&mut self, var: VarId, later: Use) -> Result<(), Conflict> {
        let root = self.root(var);
        match self.known[root] {
            None => self.known[root] = Some(later),
            Some(earlier) if earlier.sort != later.sort && !self.conflicted[root] => {
                self.conflicted[root] = true;
                return Err(Conflict { earlier, later });
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Two variables have one sort.
    pub(super) fn unify(&mut self, left: VarId, right: VarId) -> Result<(), Conflict> {
        let (left, right) = (self.root(left), self.root(right));
        if left == right {
            return Ok(());
        }
        let conflict = match (self.known[left], self.known[right]) {
            (Some(earlier), Some(later)) if earlier.sort != later.sort => {
                Some(Conflict { earlier, later })
            }
            _ => None,
        };
        let told = self.conflicted[left] || self.conflicted[right];
        // A declaration comes before those inside it, so the smaller root keeps paths short enough with halving.
        let (keep, fold) = (left.min(right), left.max(right));
        self.parent[fold] = keep as u32;
        self.known[keep] = self.known[left].or(self.known[right]);
        self.conflicted[keep] = told || conflict.is_some();
        match conflict {
            Some(conflict) if !told => Err(conflict),
            _ => Ok(()),
        }
    }
}
