//! Ports that must be open: a table, compared natively.
//!
//! Must never know: policies, selectors; they are terms by now.

use std::collections::{BTreeMap, BTreeSet};

use super::ground::{Instance, TOO_LARGE};
use super::points::is_one_of;
use super::{Decided, relation};
use crate::encode::question::Point;
use crate::encode::question::point::PointKind;
use crate::logic::formula::{Formula, VarId};
use crate::model::entity::EntityId;
use crate::model::inet::{Family, Protocol};
use crate::model::intent::{IntentPeer, Relation, Who};
use crate::model::policy::{PortRule, PortsOf};
use crate::verify::direct::InternalError;
use crate::verify::verdict::Witness;

use super::ask::Asking;

/// What is open in each network namespace, at addresses of which family.
type Table = BTreeMap<EntityId, BTreeSet<(Family, u16, Protocol)>>;

impl<'c> Asking<'_, 'c> {
    /// Ports that are open, at addresses that the sender can send to: a table, compared natively.
    pub(super) fn listens(
        &mut self,
        which: Option<usize>,
        variables: &[VarId],
        body: &Formula,
    ) -> Result<Decided, InternalError> {
        let Some(relation) = relation(self.intent) else {
            return Ok(Decided::Vacuous);
        };
        let cluster = self.policy.cluster;
        let from = |p: &&Point<'c>| is_one_of(&relation.from, cluster, p);
        let to =
            |p: &&Point<'c>| p.kind != PointKind::External && is_one_of(&relation.to, cluster, p);
        let all = &self.policy.points;
        let senders: Vec<&Point<'c>> = all.iter().filter(from).collect();
        let receivers: Vec<&Point<'c>> = all.iter().filter(to).collect();
        let rules = match (relation.ports.as_deref(), which) {
            (Some(rules), Some(at)) => rules.get(at..=at),
            (rules, _) => rules,
        };
        let table = table(all);
        self.compared += receivers.len();
        let serves = |y: &Point<'_>, families: &BTreeSet<Family>| {
            let open = table.get(&y.switch).into_iter().flatten();
            let mut open = open.filter(|(family, ..)| families.contains(family));
            open.any(|(_, port, protocol)| {
                rules.is_none_or(|rules| rules.iter().any(|r| asked(r, y, *port, *protocol)))
            })
        };
        // Of senders with the same families the same is asked.
        let mut missed: BTreeMap<BTreeSet<Family>, Vec<&Point<'c>>> = BTreeMap::new();
        let mut asked_of_some = false;
        let mut broken: Option<(&Point<'c>, &Point<'c>)> = None;
        for x in senders {
            let apart = |y: &&&Point<'c>| x.switch != y.switch;
            asked_of_some = asked_of_some || receivers.iter().any(|y| apart(&y));
            let families = self.families(relation, x);
            let missed = missed.entry(families).or_insert_with_key(|families| {
                let unserved = |y: &&Point<'c>| !serves(y, families);
                match which {
                    Some(_) if !receivers.iter().all(unserved) => Vec::new(),
                    Some(_) => receivers.clone(),
                    None => receivers.iter().copied().filter(unserved).collect(),
                }
            });
            let Some(y) = missed.iter().find(apart) else {
                continue;
            };
            let plain = |(x, y): (&Point<'_>, &Point<'_>)| (x.process, y.process, x.address);
            if broken.is_none_or(|found| plain((x, y)) < plain(found)) {
                broken = Some((x, y));
            }
        }
        let Some((x, y)) = broken else {
            return Ok(if asked_of_some {
                Decided::Holds
            } else {
                Decided::Vacuous
            });
        };
        let value = |name: &str| match name {
            "X" => Witness::Entity(x.process),
            "Y" => Witness::Entity(y.process),
            "sa" => Witness::Address(x.address),
            _ => Witness::Address(y.address),
        };
        let assignment: Vec<(VarId, Witness)> = variables
            .iter()
            .map(|id| (*id, value(&self.constraint.variable(*id).name)))
            .collect();
        let instance = Instance {
            constraint: self.constraint,
            body,
            assignment: &assignment,
            messages: &[],
        };
        match self.policy.ground.replay(instance, &mut self.near) {
            Some(Ok(found)) => Ok(Decided::Broken(Box::new(found))),
            Some(Err(why)) => Err(self.internal(why)),
            None => Ok(Decided::Unknown(TOO_LARGE.to_owned())),
        }
    }

    /// The families of addresses that a sender can send to: of its own addresses, and as a host of a block of that one.
    pub(super) fn families(&self, relation: &Relation, x: &Point<'_>) -> BTreeSet<Family> {
        let is_block = |p: &&IntentPeer| matches!(p.who, Who::Block(_));
        let blocks: Vec<IntentPeer> = relation.from.iter().filter(is_block).cloned().collect();
        if is_one_of(&blocks, self.policy.cluster, x) {
            return BTreeSet::from([Family::of(x.address)]);
        }
        let own = self.policy.families.get(&x.switch);
        own.cloned().unwrap_or_default()
    }
}

/// Daemons have the ports of their node in common, containers those of their pod.
fn table(points: &[Point<'_>]) -> Table {
    let mut table = Table::new();
    for point in points {
        let open = point.listens.iter();
        let open = open.map(|(port, protocol, _)| (Family::of(point.address), *port, *protocol));
        table.entry(point.switch).or_default().extend(open);
    }
    table
}

/// Whether a port is one of a rule, by number or by what its pod calls so.
fn asked(rule: &PortRule, point: &Point<'_>, port: u16, protocol: Protocol) -> bool {
    rule.protocol.is_none_or(|p| p == protocol)
        && match &rule.ports {
            PortsOf::Any => true,
            PortsOf::Range(low, high) => (*low..=*high).contains(&port),
            PortsOf::Named(name) => {
                let pod = point.pod.or(point.hosted);
                let mut ports = pod.into_iter().flat_map(|p| p.named_ports);
                let found = ports.find(|p| p.name == *name && p.protocol == protocol);
                found.is_some_and(|p| p.port == port)
            }
        }
}
