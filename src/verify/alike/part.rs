//! A part of a network: what is left of it with some of its pods and nodes.
//!
//! Must never know: why these, formulas, the solver.

use std::collections::BTreeSet;

use crate::logic::structure::{EntityRow, Structure};
use crate::lower::Lowered;
use crate::model::entity::EntityId;
use crate::network::fib::{Action, FibRule};
use crate::network::gate::Gates;
use crate::network::graph::{Endpoint, Network, Sources, Switch};

use super::frames::Frames;
use super::places::Place;
use super::units::Unit;

/// A part, and whom its ids stand for in the whole.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) lowered: Lowered,
    /// By id of the part, ascending.
    ids: Vec<EntityId>,
}

impl Part {
    /// The id in the whole.
    pub(super) fn whole(&self, id: EntityId) -> EntityId {
        self.ids.get(id.index()).copied().unwrap_or(id)
    }

    /// The id in the part.
    pub(super) fn own(&self, whole: EntityId) -> Option<EntityId> {
        let at = self.ids.binary_search(&whole).ok()?;
        Some(EntityId(at as u32))
    }
}

/// What is left with these, with all that are special, and with all that is nobody's. None where a rule that is left leads
/// to somebody who is not.
pub(super) fn cut(
    frames: &Frames<'_>,
    whole: &Lowered,
    chosen: &BTreeSet<Unit>,
    ports: &[u16],
) -> Option<Part> {
    let rows = &whole.structure.entities;
    let here = |unit: Option<Unit>| unit.is_none_or(|u| chosen.contains(&u));
    let network = &whole.network;
    let stays = |id: EntityId| match frames.at(id) {
        Some(at) => here(frames.owner(at)) && here(frames.extra[at]),
        None => here(frames.units.unit(id)),
    };
    let ids: Vec<EntityId> = (0..rows.len() as u32)
        .map(EntityId)
        .filter(|id| stays(*id))
        .collect();
    let mut part = Part {
        lowered: Lowered::default(),
        ids,
    };
    let held = held(frames, whole, chosen);
    let mut switches = Vec::new();
    for (at, switch) in network.switches.iter().enumerate() {
        let Some(id) = part.own(switch.id) else {
            continue;
        };
        let rules = switch.fib.iter().zip(&frames.guards[at]);
        let rules = rules.filter(|(_, guards)| here(guards[0]) && here(guards[1]));
        let fib = rules
            .map(|(r, _)| rule(&part, r))
            .collect::<Option<Vec<_>>>()?;
        switches.push(Switch {
            id,
            fib,
            of: part.own(switch.of)?,
            undoes: switch.undoes.iter().filter_map(|s| part.own(*s)).collect(),
            ..*switch
        });
    }
    let mut processes = Vec::new();
    for process in &network.processes {
        let Some(id) = part.own(process.id) else {
            continue;
        };
        let sources = match &process.sources {
            Sources::Selected(rows) => {
                let left = rows
                    .iter()
                    .filter(|(net, _)| here(frames.places.place(*net).unit()));
                Sources::Selected(left.cloned().collect())
            }
            other => other.clone(),
        };
        processes.push(Endpoint {
            id,
            switch: part.own(process.switch)?,
            socket: part.own(process.socket)?,
            sources,
        });
    }
    let links = network.links.iter();
    let links = links.filter_map(|(a, b)| Some((part.own(*a)?, part.own(*b)?)));
    let network = Network {
        switches,
        processes,
        links: links.collect(),
        gates: Gates::default(),
        held: held.clone(),
        elsewhere: network.elsewhere.clone(),
    };
    let structure = structure(&part, &whole.structure, held, ports);
    part.lowered = Lowered { network, structure };
    Some(part)
}

/// What somebody of the part holds; and whatever a host outside could take for its own if nobody held it.
fn held(frames: &Frames<'_>, whole: &Lowered, chosen: &BTreeSet<Unit>) -> Vec<std::net::IpAddr> {
    let rows = &whole.structure.entities;
    let outside =
        |id: EntityId| rows[id.index()].kind() == crate::model::entity::EntityKind::External;
    let wide = whole.structure.addr.iter().filter(|(id, _)| outside(*id));
    let wide: Vec<_> = wide.map(|(_, net)| *net).collect();
    let left = whole
        .network
        .held
        .iter()
        .filter(|ip| match frames.places.address(**ip) {
            Place::Held(unit, _) => {
                chosen.contains(&unit) || wide.iter().any(|net| net.contains(*ip))
            }
            Place::Within(..) | Place::Fixed => true,
        });
    left.copied().collect()
}

fn rule(part: &Part, rule: &FibRule) -> Option<FibRule> {
    let action = match &rule.action {
        Action::Deliver(to) => Action::Deliver(part.own(*to)?),
        Action::Forward(to) => Action::Forward(part.own(*to)?),
        Action::Choose(all) => {
            Action::Choose(all.iter().map(|to| part.own(*to)).collect::<Option<_>>()?)
        }
        Action::Translate(ways) => {
            let mut ways = ways.clone();
            for way in &mut ways {
                way.target = way.target.and_then(|id| part.own(id));
            }
            Action::Translate(ways)
        }
        Action::Discard(reason) => Action::Discard(reason.clone()),
    };
    Some(FibRule {
        action,
        ..rule.clone()
    })
}

fn structure(
    part: &Part,
    whole: &Structure,
    held: Vec<std::net::IpAddr>,
    ports: &[u16],
) -> Structure {
    let own = |id: EntityId| part.own(id);
    let two = |all: &[(EntityId, EntityId)]| {
        let both = all.iter().filter_map(|(a, b)| Some((own(*a)?, own(*b)?)));
        both.collect::<Vec<_>>()
    };
    let entities = part.ids.iter().map(|id| {
        let row = whole.entities[id.index()].clone();
        EntityRow {
            parent: row.parent.and_then(own),
            ..row
        }
    });
    let addr = whole.addr.iter();
    let open = whole.open.iter().filter_map(|row| {
        let mut row = row.clone();
        row.process = own(row.process)?;
        Some(row)
    });
    let serves = whole.serves.iter();
    Structure {
        entities: entities.collect(),
        addr: addr
            .filter_map(|(id, net)| Some((own(*id)?, *net)))
            .collect(),
        pending: whole.pending.iter().filter_map(|id| own(*id)).collect(),
        host: two(&whole.host),
        open: open.collect(),
        serves: serves
            .filter_map(|(id, a, port, p)| Some((own(*id)?, *a, *port, *p)))
            .collect(),
        link: two(&whole.link),
        held,
        known_ports: ports.to_vec(),
        ..Structure::default()
    }
}
