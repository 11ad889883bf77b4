//! How entities are called in text: short where that is unambiguous, in full in JSON.
//!
//! Must never know: verdicts, traces.

use std::collections::BTreeMap;

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind};

/// Names of one cluster's entities.
#[derive(Debug)]
pub struct Names<'c> {
    cluster: &'c Cluster,
    /// How many entities share a short name.
    shared: BTreeMap<&'c str, usize>,
}

impl<'c> Names<'c> {
    /// The names of a cluster.
    pub fn new(cluster: &'c Cluster) -> Self {
        let mut shared = BTreeMap::new();
        for name in &cluster.names {
            *shared.entry(name.short()).or_default() += 1;
        }
        Self { cluster, shared }
    }

    /// `container/default/P1/C1.1`.
    pub fn full(&self, id: EntityId) -> String {
        self.cluster.name_of(id).to_string()
    }

    /// `C1.1` where only one entity is called so, else in full. Control characters are made visible.
    pub fn short(&self, id: EntityId) -> String {
        let name = self.cluster.name_of(id);
        let unique = self.shared.get(name.short()).is_none_or(|n| *n == 1);
        let text = if unique {
            name.short().to_owned()
        } else {
            name.to_string()
        };
        printable(&text)
    }

    /// `pod P1`, `outside`.
    pub fn with_kind(&self, id: EntityId) -> String {
        let kind = self.cluster.kind_of(id);
        if kind == EntityKind::Outside {
            return kind.word().to_owned();
        }
        let unique = self
            .shared
            .get(self.cluster.name_of(id).short())
            .is_none_or(|n| *n == 1);
        // A full name says the kind itself.
        if unique {
            format!("{} {}", kind.word(), self.short(id))
        } else {
            self.short(id)
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &'c Cluster {
        self.cluster
    }
}

/// Control characters, and those that turn the reading direction, are shown as escapes: names are the user's words, and
/// must not be able to move the cursor or fake a verdict.
pub fn printable(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.chars().any(hostile) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| {
            if hostile(c) {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}
