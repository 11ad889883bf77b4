//! One message that shows a difference, walked on both sides.
//!
//! Must never know: how the difference was found, printing.

use std::net::IpAddr;

use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, Protocol};
use crate::network::header::Header;
use crate::network::trace::Trace;
use crate::sim::walk;

use super::answer::Answer;
use super::compare::{Comparison, Difference, Side};
use super::party::{Party, PartyId};
use super::simulate::{SOURCE_PORT, Simulator};

/// The message on one side.
#[derive(Debug, Clone)]
pub struct Walked {
    /// Who sends it.
    pub sender: EntityId,
    /// Its header.
    pub header: Header,
    /// What becomes of it.
    pub trace: Trace,
    /// How many of its outcomes arrive: none, some, all.
    pub arrives: Arrival,
}

/// How a message ends over all choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arrival {
    /// Never at whom it was sent to.
    Never,
    /// For some choices.
    Sometimes,
    /// For all.
    Always,
}

/// The message on both sides; none on a side that lacks the sender, the receiver, or any such message.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The destination port.
    pub port: u16,
    /// Before.
    pub old: Option<Walked>,
    /// After.
    pub new: Option<Walked>,
}

/// More messages than this are not tried for one difference.
const TRIED: usize = 64;

/// Finds witnesses.
#[derive(Debug)]
pub struct Witnesses<'n> {
    old: OneSide<'n>,
    new: OneSide<'n>,
}

#[derive(Debug)]
struct OneSide<'n> {
    lowered: &'n Lowered,
    simulator: Simulator<'n>,
}

impl<'n> OneSide<'n> {
    fn new((cluster, lowered): (&'n Cluster, &'n Lowered)) -> Self {
        Self {
            lowered,
            simulator: Simulator::new(cluster, &lowered.network, false),
        }
    }

    /// The messages that one party could send another, plainest first.
    fn messages(&self, from: &Party, to: &Party, of: (Protocol, u16)) -> Vec<(EntityId, Header)> {
        let mut all = Vec::new();
        let same = |a: &IpAddr, b: &IpAddr| Family::of(*a) == Family::of(*b);
        for &destination in &to.targets {
            for &source in from.sources.iter().filter(|s| same(s, &destination)) {
                for &sender in &from.senders {
                    let header = Header {
                        protocol: of.0,
                        source,
                        source_port: SOURCE_PORT,
                        destination,
                        destination_port: of.1,
                    };
                    if walk::honest(&self.lowered.network, sender, &header) {
                        all.push((sender, header));
                    }
                }
            }
        }
        all.sort_by_key(|(_, header)| header.destination.is_ipv6());
        all.truncate(TRIED);
        all
    }

    fn walked(&self, to: &Party, message: &(EntityId, Header)) -> Option<Walked> {
        let (sender, header) = *message;
        let trace = walk::trace(&self.lowered.network, sender, header).ok()?;
        let arrived = trace
            .outcomes
            .iter()
            .filter(|o| self.simulator.arrives(to, o))
            .count();
        let arrives = match arrived {
            0 => Arrival::Never,
            n if n == trace.outcomes.len() => Arrival::Always,
            _ => Arrival::Sometimes,
        };
        Some(Walked {
            sender,
            header,
            trace,
            arrives,
        })
    }
}

impl<'n> Witnesses<'n> {
    /// Of two lowered clusters.
    pub fn new(old: (&'n Cluster, &'n Lowered), new: (&'n Cluster, &'n Lowered)) -> Self {
        Self {
            old: OneSide::new(old),
            new: OneSide::new(new),
        }
    }

    /// The plainest message to the first port that differs whose fates differ; else the plainest.
    pub fn of(&self, comparison: &Comparison<'_>, difference: &Difference) -> Option<Witness> {
        let first = |set: &crate::model::inet::PortSet| set.ranges().first().map(|r| r.0);
        let port = first(&difference.became).or_else(|| first(&difference.stopped))?;
        let on = (difference.protocol, port);
        let subjects = comparison.subjects();
        let (from, to) = (&subjects[difference.from], &subjects[difference.to]);
        let old = parties(comparison.answer(Side::Old), from.old, to.old);
        let new = parties(comparison.answer(Side::New), from.new, to.new);
        let messages = |side: &OneSide<'_>, pair: Option<(&Party, &Party)>| {
            pair.map(|(from, to)| side.messages(from, to, on))
                .unwrap_or_default()
        };
        let (before, after) = (messages(&self.old, old), messages(&self.new, new));
        let walk = |side: &OneSide<'_>, pair: Option<(&Party, &Party)>, list: &[_], i: usize| {
            let message = list.get(i).or_else(|| list.first())?;
            side.walked(pair?.1, message)
        };
        let mut plainest = None;
        for i in 0..before.len().max(after.len()).max(1) {
            let witness = Witness {
                port,
                old: walk(&self.old, old, &before, i),
                new: walk(&self.new, new, &after, i),
            };
            let state = |w: &Option<Walked>| w.as_ref().map_or(Arrival::Never, |w| w.arrives);
            if state(&witness.old) != state(&witness.new) {
                return Some(witness);
            }
            plainest.get_or_insert(witness);
        }
        plainest
    }
}

/// Sender and receiver, where the side has both.
fn parties<'a>(
    answer: &'a Answer<'_>,
    from: Option<PartyId>,
    to: Option<PartyId>,
) -> Option<(&'a Party, &'a Party)> {
    let from = answer.parties().get(from?);
    Some((from, answer.parties().get(to?))).filter(|_| !from.senders.is_empty())
}
