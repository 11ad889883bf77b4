//! The mistakes found so far, bounded: a hostile file may hold a million, a person reads a hundred.
//!
//! Knows: counting. Must never know: what is being read.

use std::ops::Range;

use crate::base::diag::{Diagnostic, Severity};

/// How many mistakes of one file are told in full.
pub const TOLD: usize = 100;

/// Mistakes in the order they are found.
#[derive(Debug)]
pub struct Problems {
    list: Vec<Diagnostic>,
    room: usize,
    errors: usize,
    untold: usize,
}

impl Problems {
    /// None yet, and room for so many.
    pub fn with_room(room: usize) -> Self {
        Self {
            list: Vec::new(),
            room,
            errors: 0,
            untold: 0,
        }
    }

    /// One more. What there is no room for is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.list.len() < self.room {
            self.list.push(diagnostic);
        } else {
            self.untold += 1;
        }
    }

    /// Whether there is room for more; where not, effort for a good message is lost.
    pub fn has_room(&self) -> bool {
        self.list.len() < self.room
    }

    /// Where there is no room for one more error, counts it and says so: the effort of a message can be spared.
    pub fn skips(&mut self) -> bool {
        let full = !self.has_room();
        if full {
            self.errors += 1;
            self.untold += 1;
        }
        full
    }

    /// One more, told whatever the room.
    pub fn push_anyway(&mut self, diagnostic: Diagnostic) {
        self.room += 1;
        self.push(diagnostic);
    }

    /// So many were told elsewhere.
    pub fn spend(&mut self, told: usize) {
        self.room = self.room.saturating_sub(told).max(self.list.len());
    }

    /// How many more find room.
    pub fn room(&self) -> usize {
        self.room - self.list.len()
    }

    /// How many errors there are, told or not.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many are counted and not told.
    pub fn untold(&self) -> usize {
        self.untold
    }

    /// Takes out those told within some bytes of the text, for whom they belong to. They stay counted.
    pub fn take_within(&mut self, range: &Range<usize>) -> Vec<Diagnostic> {
        let within =
            |d: &mut Diagnostic| d.span.is_some_and(|s| range.contains(&(s.start as usize)));
        self.list.extract_if(.., within).collect()
    }

    /// Those told, in the order of the text.
    pub fn into_list(mut self) -> Vec<Diagnostic> {
        self.list
            .sort_by_key(|d| d.span.map(|s| (s.source, s.start)));
        self.list
    }
}
