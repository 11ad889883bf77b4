//! Sets of ports as small numbers: a cluster has few different ones, and millions of pairs.
//!
//! Knows: their arithmetic. Must never know: who listens on them.

use std::collections::HashMap;

use crate::model::inet::{PortSet, Protocol};

/// A set of ports of a [`PortTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortsId(u32);

/// One set for each protocol, in the order of [`Protocol::ALL`].
pub type ByProtocol = [PortsId; Protocol::ALL.len()];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    And,
    Or,
    Minus,
}

/// All sets that were met, each once, and what became of pairs of them.
#[derive(Debug, Clone)]
pub struct PortTable {
    sets: Vec<PortSet>,
    ids: HashMap<PortSet, PortsId>,
    known: HashMap<(Operation, PortsId, PortsId), PortsId>,
}

impl Default for PortTable {
    fn default() -> Self {
        let mut table = Self {
            sets: Vec::new(),
            ids: HashMap::new(),
            known: HashMap::new(),
        };
        table.id(PortSet::default());
        table.id(PortSet::of([(1, u16::MAX)]));
        table
    }
}

impl PortTable {
    /// No port.
    pub const NONE: PortsId = PortsId(0);
    /// Every port that a message can be sent to: 0 is none.
    pub const ALL: PortsId = PortsId(1);

    /// The number of a set.
    pub fn id(&mut self, set: PortSet) -> PortsId {
        if let Some(&id) = self.ids.get(&set) {
            return id;
        }
        let id = PortsId(self.sets.len() as u32);
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// The set.
    pub fn set(&self, id: PortsId) -> &PortSet {
        &self.sets[id.0 as usize]
    }

    /// How many sets there are; ids are below.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Never: the empty set is there from the start.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Its place among all sets.
    pub fn index(id: PortsId) -> usize {
        id.0 as usize
    }

    /// What both have.
    pub fn and(&mut self, a: PortsId, b: PortsId) -> PortsId {
        match (a, b) {
            _ if a == b => a,
            (Self::NONE, _) | (_, Self::NONE) => Self::NONE,
            (Self::ALL, other) | (other, Self::ALL) => other,
            _ => self.computed(Operation::And, a.min(b), a.max(b)),
        }
    }

    /// What either has.
    pub fn or(&mut self, a: PortsId, b: PortsId) -> PortsId {
        match (a, b) {
            _ if a == b => a,
            (Self::NONE, other) | (other, Self::NONE) => other,
            (Self::ALL, _) | (_, Self::ALL) => Self::ALL,
            _ => self.computed(Operation::Or, a.min(b), a.max(b)),
        }
    }

    /// What the first has and the second has not.
    pub fn minus(&mut self, a: PortsId, b: PortsId) -> PortsId {
        match (a, b) {
            _ if a == b => Self::NONE,
            (Self::NONE, _) | (_, Self::ALL) => Self::NONE,
            (_, Self::NONE) => a,
            _ => self.computed(Operation::Minus, a, b),
        }
    }

    fn computed(&mut self, operation: Operation, a: PortsId, b: PortsId) -> PortsId {
        if let Some(&id) = self.known.get(&(operation, a, b)) {
            return id;
        }
        let (x, y) = (self.set(a), self.set(b));
        let set = match operation {
            Operation::And => intersection(x, y),
            Operation::Or => PortSet::of(x.ranges().iter().chain(y.ranges()).copied()),
            Operation::Minus => intersection(x, &complement(y)),
        };
        let id = self.id(set);
        self.known.insert((operation, a, b), id);
        id
    }
}

fn intersection(a: &PortSet, b: &PortSet) -> PortSet {
    let pairs = a
        .ranges()
        .iter()
        .flat_map(|x| b.ranges().iter().map(move |y| (x.0.max(y.0), x.1.min(y.1))));
    PortSet::of(pairs)
}

/// Among the ports from 1.
fn complement(set: &PortSet) -> PortSet {
    let mut free = Vec::new();
    // None once the last port is taken.
    let mut next = Some(1_u16);
    for &(low, high) in set.ranges() {
        if let Some(first) = next.filter(|first| *first < low) {
            free.push((first, low - 1));
        }
        next = next.and_then(|first| high.checked_add(1).map(|after| after.max(first)));
    }
    free.extend(next.map(|first| (first, u16::MAX)));
    PortSet::of(free)
}
