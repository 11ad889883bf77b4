//! What is installed, in words that do not name anybody: of each pod and node by itself, and of each as far as it speaks of
//! another. Where two are described alike, renaming one as the other changes nothing.
//!
//! Words are numbers, and descriptions are compared as they are: nothing hangs on hashes. Must never know: formulas, the
//! solver.

mod facts;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;

use crate::base::quick::QuickMap;
use crate::logic::structure::Structure;
use crate::model::cluster::Match;
use crate::model::entity::EntityId;
use crate::model::inet::{IpNet, PortSet};
use crate::network::fib::FibRule;
use crate::network::graph::{Network, Switch};

use super::frames::{Frames, Stop};
use super::units::Unit;

/// A number for each thing, handed out in the order in which they come.
#[derive(Debug)]
pub(super) struct Names<T>(QuickMap<T, u64>);

impl<T: Eq + Hash> Names<T> {
    pub(super) fn new() -> Self {
        Self(QuickMap::default())
    }

    pub(super) fn of(&mut self, thing: T) -> u64 {
        let next = self.0.len() as u64 + 1;
        *self.0.entry(thing).or_insert(next)
    }
}

/// What a rule is about, and what it does: of a FIB, or of a choice of source addresses.
struct Row<'n> {
    matches: Match,
    rule: Option<&'n FibRule>,
    sources: &'n [IpAddr],
}

/// A rule, whom it speaks of beside the owner, and who guards it.
type Framed<'n> = (Row<'n>, Option<Unit>, [Option<Unit>; 2]);

/// Descriptions, by whom they are about.
#[derive(Debug)]
pub(super) struct Described {
    /// Of each pod and node by itself.
    pub(super) own: Vec<Vec<u64>>,
    /// Of one as far as it speaks of another; of what is nobody's where the first is none.
    pub(super) pairs: BTreeMap<(Option<Unit>, Unit), Vec<u64>>,
}

/// Describes.
pub(super) struct Describer<'d, 'n> {
    frames: &'d Frames<'n>,
    structure: &'n Structure,
    nets: Names<IpNet>,
    ports: Names<PortSet>,
    rules: Names<Vec<u64>>,
    items: Names<Vec<u64>>,
    texts: Names<String>,
    /// By stage: what it is called among the stages of its owner.
    called: Vec<(u64, u64)>,
    /// Owners, and what some stage of theirs undoes.
    sets: HashMap<EntityId, Vec<Vec<EntityId>>>,
    described: Described,
}

/// Beginnings of descriptions.
mod word {
    pub(super) const STAGE: u64 = 1;
    pub(super) const RULE: u64 = 2;
    pub(super) const UNDOES: u64 = 3;
    pub(super) const PROCESS: u64 = 4;
    pub(super) const SOURCES: u64 = 5;
    pub(super) const OPEN: u64 = 6;
    pub(super) const SERVES: u64 = 7;
    pub(super) const PENDING: u64 = 8;
    pub(super) const SHAPE: u64 = 9;
    pub(super) const UNDONE: u64 = 10;
    pub(super) const HOST: u64 = 11;
}

impl<'d, 'n> Describer<'d, 'n> {
    /// Describes a network.
    pub(super) fn all(frames: &'d Frames<'n>, structure: &'n Structure) -> Result<Described, Stop> {
        let mut describer = Self {
            frames,
            structure,
            nets: Names::new(),
            ports: Names::new(),
            rules: Names::new(),
            items: Names::new(),
            texts: Names::new(),
            called: Vec::new(),
            sets: HashMap::new(),
            described: Described {
                own: vec![Vec::new(); frames.units.len()],
                pairs: BTreeMap::new(),
            },
        };
        // Whoever adds a field says here what it means: what is not described may differ unseen.
        let Network {
            switches,
            processes,
            // Told with each rule that hands on, and each process.
            links: _,
            // There are none, or this is not asked.
            gates: _,
            // Addresses of pods and nodes are told with them, those within prefixes of nodes with these (`Places::shape`);
            // all others are themselves, and are in every part.
            held: _,
            elsewhere,
        } = frames.network;
        if !elsewhere.is_empty() {
            return Err(Stop::Why("it is a part of another"));
        }
        describer.call();
        for (at, switch) in switches.iter().enumerate() {
            describer.stage(at, switch)?;
        }
        describer.processes(processes)?;
        describer.tables()?;
        Ok(describer.described)
    }

    /// Names stages: what each is, and the how-manyth of these it is among those of its owner.
    fn call(&mut self) {
        let mut count: HashMap<(EntityId, Option<Unit>, u64), u64> = HashMap::new();
        for (at, switch) in self.frames.network.switches.iter().enumerate() {
            let parts = &self.structure.entities[switch.id.index()].name.parts;
            let label = parts.last().map_or("", String::as_str);
            let label = label.split(" #").next().unwrap_or_default();
            // Devices are called as it pleases.
            let label = match label.split_once(' ') {
                Some((word @ ("link" | "rp_filter" | "tunnel"), _)) => word,
                _ => label,
            };
            let label = self.texts.of(label.to_owned());
            let key = (switch.of, self.frames.extra[at], label);
            let number = count.entry(key).or_default();
            *number += 1;
            self.called.push((label, *number));
        }
    }

    fn put(&mut self, owner: Option<Unit>, other: Option<Unit>, item: Vec<u64>) {
        let item = self.items.of(item);
        match (owner, other) {
            (owner, Some(other)) => {
                self.described
                    .pairs
                    .entry((owner, other))
                    .or_default()
                    .push(item);
            }
            (Some(owner), None) => self.described.own[owner.0 as usize].push(item),
            // What is nobody's and speaks of nobody is there always.
            (None, None) => {}
        }
    }

    fn stage(&mut self, at: usize, switch: &Switch) -> Result<(), Stop> {
        let frames = self.frames;
        let Switch {
            id,
            fib,
            of,
            // Only counts between two stages, and is told with each rule that hands on.
            rank: _,
            undoes,
            tracks,
        } = switch;
        let (owner, extra) = (frames.owner(at), frames.extra[at]);
        let mut name = Vec::new();
        self.target(*id, owner, extra, &mut name)?;
        if !undoes.is_empty() {
            let number = self.undone(*of, undoes)?;
            let mut item = vec![word::UNDOES, number];
            item.extend(&name);
            self.put(owner, extra, item);
        }
        let rows = fib.iter().enumerate().map(|(rule, r)| {
            let row = Row {
                matches: r.matches.clone(),
                rule: Some(r),
                sources: &[],
            };
            let sides = frames.guards[at][rule];
            Ok((row, frames.frame(at, rule)?, sides))
        });
        let rows = rows.collect::<Result<Vec<_>, Stop>>()?;
        let mut item = vec![word::STAGE, u64::from(*tracks)];
        item.extend(&name);
        self.list(&rows, Some(at), (owner, extra), item)
    }

    /// Whose translations are undone at a stage, as the how-manyth such set of its owner: members are told of once a set,
    /// since any of those who undo it may meet any of them.
    fn undone(&mut self, of: EntityId, undoes: &[EntityId]) -> Result<u64, Stop> {
        let frames = self.frames;
        let sets = self.sets.entry(of).or_default();
        if let Some(known) = sets.iter().position(|set| *set == undoes) {
            return Ok(known as u64);
        }
        let number = sets.len() as u64;
        sets.push(undoes.to_vec());
        for id in undoes {
            let at = frames
                .at(*id)
                .ok_or(Stop::Why("a stage undoes what is not there"))?;
            if frames.network.switches[at].of != of {
                return Err(Stop::Why("a stage undoes what others translate"));
            }
            let (owner, extra) = (frames.owner(at), frames.extra[at]);
            let mut item = vec![word::UNDONE, number];
            self.target(*id, owner, extra, &mut item)?;
            self.put(owner, extra, item);
        }
        Ok(number)
    }

    /// A list of rules, the first that holds decides: those that speak of nobody else in order; of the others, which of
    /// these and of their own stand before each, of those that take messages it takes.
    fn list(
        &mut self,
        rows: &[Framed<'_>],
        from: Option<usize>,
        (owner, extra): (Option<Unit>, Option<Unit>),
        mut item: Vec<u64>,
    ) -> Result<(), Stop> {
        let name = item.clone();
        // Place in the list, and what it says.
        let mut own: Vec<(usize, u64)> = Vec::new();
        let mut others: BTreeMap<Unit, Vec<(usize, u64)>> = BTreeMap::new();
        let (mut by_source, mut by_destination) = (true, true);
        for (place, (row, frame, sides)) in rows.iter().enumerate() {
            let said = self.row(row, from, owner, *frame)?;
            match frame {
                Some(other) if *frame != extra => {
                    // Of different ones, what is theirs is disjoint, but for a node and its pods.
                    let known = |side: Option<Unit>| side == Some(*other);
                    by_source &= known(sides[0]);
                    by_destination &= known(sides[1]);
                    others.entry(*other).or_default().push((place, said));
                }
                _ => own.push((place, said)),
            }
        }
        // Rules about different ones must not take the same message: else their order counts.
        if others.len() > 1 && !by_source && !by_destination {
            return Err(Stop::Why(
                "rules about sources and destinations of several stand in one list",
            ));
        }
        item.extend(own.iter().map(|(_, said)| *said));
        self.put(owner, extra, item);
        for (other, list) in &others {
            let home = self.frames.units.home(*other).and_then(|h| others.get(&h));
            for (place, said) in list {
                let before = own.iter().chain(home.into_iter().flatten());
                let before = before.chain(list).filter(|(p, _)| p < place);
                let before =
                    before.filter(|(p, _)| meet(&rows[*p].0.matches, &rows[*place].0.matches));
                let mut before: Vec<u64> = before.map(|(_, said)| *said).collect();
                before.sort_unstable();
                let mut item = vec![word::RULE];
                item.extend(&name);
                item.push(*said);
                item.extend(before);
                self.put(owner, Some(*other), item);
            }
        }
        Ok(())
    }
}

/// Whether some message may be one of both.
fn meet(one: &Match, other: &Match) -> bool {
    let nets = |a: Option<IpNet>, b: Option<IpNet>| match (a, b) {
        (Some(a), Some(b)) => a.contains(&b) || b.contains(&a),
        _ => true,
    };
    let protocols = match (one.protocol, other.protocol) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    nets(one.from, other.from) && nets(one.to, other.to) && protocols
}
