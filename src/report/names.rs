//! How entities are called in text: short where that is unambiguous, in full in JSON.
//!
//! Must never know: verdicts, traces.

use std::collections::BTreeMap;

use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::entity::{EntityId, EntityKind, FullName};

/// Names of one cluster's entities.
#[derive(Debug)]
pub struct Names<'c> {
    cluster: &'c Cluster,
    /// How many entities share a short name.
    shared: BTreeMap<&'c str, usize>,
    /// The stages of its network, by id after its entities.
    stages: Vec<&'c FullName>,
}

impl<'c> Names<'c> {
    /// The names of a cluster.
    pub fn new(cluster: &'c Cluster) -> Self {
        let mut shared = BTreeMap::new();
        for name in &cluster.names {
            *shared.entry(name.short()).or_default() += 1;
        }
        Self {
            cluster,
            shared,
            stages: Vec::new(),
        }
    }

    /// The names of a cluster, and of the stages of its network.
    pub fn with_stages(cluster: &'c Cluster, lowered: &'c Lowered) -> Self {
        let rows = lowered.structure.entities.iter();
        Self {
            stages: rows
                .skip(cluster.names.len())
                .map(|row| &row.name)
                .collect(),
            ..Self::new(cluster)
        }
    }

    /// The name of a stage: its namespace, and its place there; none of an entity.
    fn stage(&self, id: EntityId) -> Option<&FullName> {
        let index = id.index().checked_sub(self.cluster.names.len())?;
        self.stages.get(index).copied()
    }

    fn is_stage(&self, id: EntityId) -> bool {
        id.index() >= self.cluster.names.len()
    }

    /// `prerouting eth0`: the place of a stage within its namespace, without the number that tells it from others.
    pub fn place_in(&self, id: EntityId) -> Option<String> {
        let parts = self.stage(id)?.parts.as_slice();
        let place = parts.get(1..)?.join(" ");
        let place = match place.rsplit_once(" #") {
            Some((place, number)) if number.bytes().all(|b| b.is_ascii_digit()) => place,
            _ => &place,
        };
        (!place.is_empty()).then(|| printable(place))
    }

    /// The namespace of a stage: `node/n1`.
    fn space(&self, id: EntityId) -> String {
        let first = self.stage(id).and_then(|name| name.parts.first());
        printable(first.map_or("a wire", String::as_str))
    }

    /// `container/default/P1/C1.1`; of a stage its namespace.
    pub fn full(&self, id: EntityId) -> String {
        if self.is_stage(id) {
            return self.space(id);
        }
        self.cluster.name_of(id).to_string()
    }

    /// `C1.1` where only one entity is called so, else in full. Control characters are made visible. Of
    /// a stage its namespace and its place there: `n1 prerouting eth0`.
    pub fn short(&self, id: EntityId) -> String {
        if self.is_stage(id) {
            let space = self.space(id);
            let short = space.rsplit('/').next().unwrap_or_default();
            let place = self.place_in(id).unwrap_or_default();
            return format!("{short} {place}").trim_end().to_owned();
        }
        let name = self.cluster.name_of(id);
        let unique = self.shared.get(name.short()).is_none_or(|n| *n == 1);
        let text = if unique {
            name.short().to_owned()
        } else {
            name.to_string()
        };
        printable(&text)
    }

    /// `pod P1`, `outside`; of a stage its namespace.
    pub fn with_kind(&self, id: EntityId) -> String {
        if self.is_stage(id) {
            return self.space(id).replace('/', " ");
        }
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
