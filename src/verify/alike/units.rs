//! Units: the pods and nodes of which a large network is made, and those among them that are like no other.
//!
//! Must never know: rules, formulas, the solver.

use crate::logic::structure::{EntityRow, Structure};
use crate::model::entity::{EntityId, EntityKind};

/// A pod or a node, by its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Unit(pub(super) u32);

/// All of them. Whoever is special is none: it stands for itself, and is in every part.
#[derive(Debug)]
pub(super) struct Units {
    /// By unit, ascending.
    pub(super) ids: Vec<EntityId>,
    /// The node of a pod.
    home: Vec<Option<Unit>>,
    special: Vec<bool>,
    /// By entity: the pod or node that it is, or is a process of.
    of: Vec<Option<Unit>>,
    /// By unit: its processes, ascending.
    pub(super) processes: Vec<Vec<EntityId>>,
}

impl Units {
    /// The pods and nodes of a cluster.
    pub(super) fn of(structure: &Structure) -> Self {
        // Whoever adds a field says here why it may differ, or takes note of it.
        let row = |row: &EntityRow| {
            let EntityRow {
                name,
                parent,
                // No constraint of the library asks for them where there are no policies and no Services.
                namespace: _,
                labels: _,
                namespace_labels: _,
                workload: _,
                named_ports: _,
            } = row;
            (name.kind, *parent)
        };
        let rows: Vec<_> = structure.entities.iter().map(row).collect();
        let kind = |at: usize| rows[at].0;
        let ids: Vec<EntityId> = (0..rows.len())
            .filter(|at| matches!(kind(*at), EntityKind::Pod | EntityKind::Node))
            .map(|at| EntityId(at as u32))
            .collect();
        let mut of: Vec<Option<Unit>> = vec![None; rows.len()];
        for (unit, id) in (0..).map(Unit).zip(&ids) {
            of[id.index()] = Some(unit);
        }
        let parent = |id: EntityId| rows[id.index()].1.and_then(|p| of[p.index()]);
        let home = ids.iter().map(|id| parent(*id)).collect();
        let mut processes = vec![Vec::new(); ids.len()];
        let mut all = of.clone();
        for (at, of) in all.iter_mut().enumerate() {
            let id = EntityId(at as u32);
            if let (true, Some(unit)) = (kind(at).is_process(), parent(id)) {
                processes[unit.0 as usize].push(id);
                *of = Some(unit);
            }
        }
        Self {
            home,
            special: vec![false; ids.len()],
            of: all,
            processes,
            ids,
        }
    }

    /// The pod or node that an entity is or is a process of; none where that one is special, or there is none.
    pub(super) fn unit(&self, id: EntityId) -> Option<Unit> {
        let unit = (*self.of.get(id.index())?)?;
        (!self.is_special(unit)).then_some(unit)
    }

    /// How many there are, special or not.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// All that are not special.
    pub(super) fn ordinary(&self) -> impl Iterator<Item = Unit> + '_ {
        let all = (0..self.ids.len() as u32).map(Unit);
        all.filter(|u| !self.is_special(*u))
    }

    /// All that are special.
    pub(super) fn special(&self) -> impl Iterator<Item = Unit> + '_ {
        let all = (0..self.ids.len() as u32).map(Unit);
        all.filter(|u| self.is_special(*u))
    }

    pub(super) fn is_special(&self, unit: Unit) -> bool {
        self.special[unit.0 as usize]
    }

    /// Makes a unit special: a pod with its node.
    pub(super) fn mark(&mut self, unit: Unit) {
        self.special[unit.0 as usize] = true;
        if let Some(home) = self.home[unit.0 as usize] {
            self.special[home.0 as usize] = true;
        }
    }

    /// The node of a pod.
    pub(super) fn home(&self, unit: Unit) -> Option<Unit> {
        self.home[unit.0 as usize]
    }

    /// The node of a pod, or the node itself.
    pub(super) fn node(&self, unit: Unit) -> Unit {
        self.home(unit).unwrap_or(unit)
    }

    /// Whether a unit is there wherever another is: itself, or its node.
    pub(super) fn comes_with(&self, unit: Unit, other: Unit) -> bool {
        unit == other || self.home(other) == Some(unit)
    }
}
