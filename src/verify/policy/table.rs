//! Ports that must be open: a table, compared natively.
//!
//! Must never know: policies, selectors; they are terms by now.

use super::points::is_one_of;
use super::{Decided, relation};
use crate::encode::question::Point;
use crate::encode::question::point::PointKind;
use crate::logic::formula::{Formula, VarId};
use crate::model::inet::Protocol;
use crate::model::policy::PortRule;
use crate::verify::direct::InternalError;
use crate::verify::replay::replay;
use crate::verify::verdict::Witness;

use super::ask::Asking;

impl<'c> Asking<'_, 'c> {
    /// Ports that are open: a table, compared natively.
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
        let listens = |p: &Point<'_>| {
            p.listens.iter().any(|(port, protocol, _)| {
                rules.is_none_or(|rules| rules.iter().any(|r| asked(r, p, *port, *protocol)))
            })
        };
        self.compared += receivers.len();
        let serves = |y: &Point<'_>| {
            let mut there = receivers.iter().filter(|z| z.switch == y.switch);
            match which {
                Some(_) => receivers.iter().any(|z| listens(z)),
                None => there.any(|z| listens(z)),
            }
        };
        let apart = |x: &Point<'_>, y: &Point<'_>| x.switch != y.switch;
        let mut some = false;
        let mut pairs = senders
            .iter()
            .flat_map(|x| receivers.iter().map(move |y| (x, y)));
        let broken = if receivers.iter().all(|y| serves(y)) {
            some = pairs.any(|(x, y)| apart(x, y));
            None
        } else {
            pairs.find(|(x, y)| apart(x, y) && !serves(y))
        };
        let Some((x, y)) = broken else {
            let any = some
                || senders
                    .iter()
                    .any(|x| receivers.iter().any(|y| apart(x, y)));
            return Ok(if any {
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
        let lowered = self.policy.lowered;
        let (network, structure) = (&lowered.network, &lowered.structure);
        match replay(network, structure, self.constraint, body, &assignment, &[]) {
            Ok(found) => Ok(Decided::Broken(Box::new(found))),
            Err(why) => Err(self.internal(why)),
        }
    }
}

/// Whether a port is one of a rule, by number or by what its pod calls so.
fn asked(rule: &PortRule, point: &Point<'_>, port: u16, protocol: Protocol) -> bool {
    use crate::model::policy::PortsOf;
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
