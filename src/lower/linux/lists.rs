//! Lists of rules that stages hold as they are.
//!
//! Must never know: what the rules mean, which stages hold them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::network::fib::{Action, Fib};

/// Lists of rules that stages hold as they are, each once.
#[derive(Debug, Default)]
pub(super) struct Lists {
    all: Vec<Fib>,
    /// Those that are about the same messages and hand them to the same stages, by a hash.
    alike: HashMap<u64, Vec<usize>>,
}

impl Lists {
    /// The number of a list.
    pub(super) fn number(&mut self, fib: Fib) -> usize {
        let alike = self.alike.entry(hash(&fib)).or_default();
        if let Some(known) = alike.iter().find(|at| self.all[**at] == fib) {
            return *known;
        }
        alike.push(self.all.len());
        self.all.push(fib);
        self.all.len() - 1
    }

    /// The list of a number.
    pub(super) fn at(&self, number: usize) -> &Fib {
        &self.all[number]
    }
}

fn hash(fib: &Fib) -> u64 {
    let mut hasher = DefaultHasher::new();
    for rule in fib {
        rule.matches.hash(&mut hasher);
        if let Action::Forward(to) = &rule.action {
            to.hash(&mut hasher);
        }
    }
    hasher.finish()
}
