//! One end of a question: points at hand in classes, or a pod that could be added.
//!
//! Traits are recorded first; then [`Side::fix`] puts those points into one class that no recorded trait tells apart.
//!
//! Must never know: policies.

use std::collections::{BTreeMap, BTreeSet};

use super::point::Point;
use super::selection::{Added, Of, Trait};
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::smt::term::{Sort, TermId, TermPool};

/// One end.
#[derive(Debug)]
pub enum Side<'c> {
    /// Somebody at hand.
    Known(Known<'c>),
    /// A pod that could be added.
    Added(Added<'c>),
}

/// Points at hand, in canonical order.
#[derive(Debug)]
pub struct Known<'c> {
    points: Vec<Point<'c>>,
    traits: BTreeSet<Trait>,
    /// None while traits are recorded.
    classes: Option<Vec<Vec<usize>>>,
    class: TermId,
    number: TermId,
    width: u32,
}

impl<'c> Side<'c> {
    /// Points at hand.
    pub fn known(pool: &mut TermPool, name: &str, points: Vec<Point<'c>>) -> Self {
        let width = usize::BITS - points.len().leading_zeros();
        let width = width.max(1);
        Self::Known(Known {
            traits: BTreeSet::new(),
            classes: None,
            class: pool.variable(&format!("{name}.class"), Sort::BitVec(width)),
            number: pool.variable(&format!("{name}.number"), Sort::BitVec(width)),
            width,
            points,
        })
    }

    /// Whether it is a pod that could be added.
    pub fn is_symbolic(&self) -> bool {
        matches!(self, Self::Added(_))
    }

    /// The node that an added pod must be on; none where there are several, or of points at hand.
    pub(super) fn only_node(&self) -> Option<EntityId> {
        match self {
            Self::Known(_) => None,
            Self::Added(added) => added.only_node(),
        }
    }

    /// The points; none of a pod that could be added.
    pub fn points(&self) -> &[Point<'c>] {
        match self {
            Self::Known(known) => &known.points,
            Self::Added(_) => &[],
        }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        match self {
            Self::Known(known) => known.classes.as_ref().map_or(0, Vec::len),
            Self::Added(_) => 1,
        }
    }

    /// The number of the point, or of the region of the added pod's address.
    pub fn number(&self) -> TermId {
        match self {
            Self::Known(known) => known.number,
            Self::Added(added) => added.atoms().1,
        }
    }

    /// Classes from what was recorded.
    pub fn fix(&mut self) {
        let Self::Known(known) = self else { return };
        let mut classes: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
        for (i, point) in known.points.iter().enumerate() {
            let signature = known.traits.iter().map(|t| t.of(point)).collect();
            classes.entry(signature).or_default().push(i);
        }
        let mut classes: Vec<Vec<usize>> = classes.into_values().collect();
        classes.sort();
        known.classes = Some(classes);
    }

    pub(super) fn has(&mut self, pool: &mut TermPool, what: Trait) -> TermId {
        match self {
            Self::Added(added) => added.term(pool, &what),
            Self::Known(known) => known.has(pool, what),
        }
    }

    pub(super) fn is_named(
        &mut self,
        pool: &mut TermPool,
        name: &str,
        protocol: Protocol,
        port: TermId,
    ) -> TermId {
        let known = match self {
            Self::Added(added) => return added.is_named(pool, name, protocol, port),
            Self::Known(known) => known,
        };
        let called = known.points.iter();
        let called: BTreeSet<u16> = called
            .filter_map(|p| p.port_called(name, protocol))
            .collect();
        let mut ways = Vec::new();
        for number in called {
            let so = known.has(pool, Trait::Called(name.to_owned(), protocol, number));
            let number = pool.bits(u128::from(number), 16);
            let same = pool.eq(port, number);
            ways.push(pool.and(&[so, same]));
        }
        pool.or(&ways)
    }

    /// Every port and protocol that some point has open.
    pub fn listened(&self) -> BTreeSet<(u16, Protocol)> {
        let points = self.points().iter();
        points
            .flat_map(|p| p.listens.iter().map(|l| (l.0, l.1)))
            .collect()
    }

    /// Every node that some point is on.
    pub fn nodes(&self) -> BTreeSet<EntityId> {
        self.points().iter().filter_map(|p| p.node).collect()
    }

    /// It is one of those that there are.
    pub(super) fn sound(&mut self, pool: &mut TermPool) -> TermId {
        match self {
            Self::Added(added) => added.sound(pool),
            Self::Known(known) => known.sound(pool),
        }
    }

    /// The points with something are these, as a term.
    pub fn is_where(&self, pool: &mut TermPool, wanted: impl Fn(&Point<'c>) -> bool) -> TermId {
        let Self::Known(known) = self else {
            return pool.truth(false);
        };
        let points = known.points.iter().enumerate();
        let at: Vec<usize> = points.filter(|(_, p)| wanted(p)).map(|(i, _)| i).collect();
        known.within(pool, known.number, &at)
    }
}

impl Known<'_> {
    fn has(&mut self, pool: &mut TermPool, what: Trait) -> TermId {
        let Some(classes) = &self.classes else {
            // Both cases are possible for all that is known yet: a constant would be folded, which does no harm.
            self.traits.insert(what);
            return pool.truth(true);
        };
        let with = classes.iter().enumerate();
        let with: Vec<usize> = with
            .filter(|(_, members)| members.first().is_some_and(|&i| what.of(&self.points[i])))
            .map(|(c, _)| c)
            .collect();
        if with.len() == classes.len() {
            return pool.truth(true);
        }
        self.within(pool, self.class, &with)
    }

    /// A term is one of these numbers, which ascend.
    fn within(&self, pool: &mut TermPool, term: TermId, numbers: &[usize]) -> TermId {
        let mut ways = Vec::new();
        for run in numbers.chunk_by(|a, b| a + 1 == *b) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let low = pool.bits(*first as u128, self.width);
            if first == last {
                ways.push(pool.eq(term, low));
                continue;
            }
            let high = pool.bits(*last as u128, self.width);
            let from = pool.ule(low, term);
            let to = pool.ule(term, high);
            ways.push(pool.and(&[from, to]));
        }
        pool.or(&ways)
    }

    fn sound(&self, pool: &mut TermPool) -> TermId {
        let mut parts = Vec::new();
        let all: Vec<usize> = (0..self.points.len()).collect();
        parts.push(self.within(pool, self.number, &all));
        let classes = self.classes.iter().flatten().enumerate();
        let mut some = Vec::new();
        for (c, members) in classes {
            let class = self.within(pool, self.class, &[c]);
            let one_of = self.within(pool, self.number, members);
            parts.push(pool.iff(class, one_of));
            some.push(class);
        }
        parts.push(pool.or(&some));
        pool.and(&parts)
    }
}

/// Not of one network namespace.
pub(super) fn apart(pool: &mut TermPool, sender: &Side<'_>, receiver: &Side<'_>) -> TermId {
    let mut switches: BTreeMap<EntityId, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (i, point) in sender.points().iter().enumerate() {
        switches.entry(point.switch).or_default().0.push(i);
    }
    for (i, point) in receiver.points().iter().enumerate() {
        switches.entry(point.switch).or_default().1.push(i);
    }
    let (Side::Known(from), Side::Known(to)) = (sender, receiver) else {
        return pool.truth(true);
    };
    let mut parts = Vec::new();
    for (one, other) in switches.values() {
        if one.is_empty() || other.is_empty() {
            continue;
        }
        let one = from.within(pool, from.number, one);
        let other = to.within(pool, to.number, other);
        let both = pool.and(&[one, other]);
        parts.push(pool.not(both));
    }
    pool.and(&parts)
}

/// A pod that could be added, once the solver has said which.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its namespace.
    pub namespace: String,
    /// Whether somebody speaks of that by its name.
    pub named: bool,
    /// The labels of that.
    pub namespace_labels: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its address.
    pub address: std::net::IpAddr,
    /// Names of ports with the terms of their numbers.
    pub named_ports: Vec<(String, Protocol, TermId)>,
}

impl Side<'_> {
    /// The added pod under a valuation; none for points at hand.
    pub fn found(&self, truth: &mut dyn FnMut(TermId) -> bool, region: usize) -> Option<Found> {
        let Self::Added(added) = self else {
            return None;
        };
        let mut namespace_labels = added.labels(Of::Namespace, truth);
        let name = namespace_labels.get(crate::model::cluster::NAME_LABEL)?;
        let namespace = name.clone();
        namespace_labels.remove(crate::model::cluster::NAME_LABEL);
        Some(Found {
            named: added.names(&namespace),
            namespace,
            namespace_labels,
            labels: added.labels(Of::Pod, truth),
            address: *added.regions.get(region)?,
            named_ports: added.named_ports(truth),
        })
    }
}
