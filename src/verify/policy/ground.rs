//! Where messages are walked: in the network of the whole cluster where it was made, else in the part of it that they can
//! meet.
//!
//! Must never know: intents, terms, the solver.

use std::sync::OnceLock;

use crate::logic::formula::{Constraint, Formula, VarId};
use crate::lower::{Lowered, lower};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::policy::Settings;
use crate::network::header::Header;
use crate::verify::modular::slice::{Around, Slice, Slices};
use crate::verify::replay::{ReplayError, replay};
use crate::verify::verdict::{Counterexample, Walked, Witness};

/// How often somebody may turn out to be missing in a part. Nobody should.
const MOST_ROUNDS: usize = 8;

/// What is said where no part is small enough.
pub(super) const TOO_LARGE: &str =
    "its messages can meet too many nodes and endpoints to walk them";

/// A clause with values for its variables in front, and the messages among them.
#[derive(Clone, Copy)]
pub(super) struct Instance<'i> {
    pub(super) constraint: &'i Constraint,
    /// One of the constraint's own, or a part of it.
    pub(super) body: &'i Formula,
    pub(super) assignment: &'i [(VarId, Witness)],
    pub(super) messages: &'i [(EntityId, Header)],
}

/// The network of a cluster, as far as anybody walks in it.
#[derive(Debug)]
pub(super) struct Ground<'c> {
    cluster: &'c Cluster,
    settings: Settings,
    /// The whole network, where it is there.
    whole: Option<&'c Lowered>,
    slices: OnceLock<Slices<'c>>,
}

impl<'c> Ground<'c> {
    pub(super) fn new(cluster: &'c Cluster, lowered: &'c Lowered, settings: Settings) -> Self {
        Self {
            cluster,
            settings,
            whole: is_made(lowered).then_some(lowered),
            slices: OnceLock::new(),
        }
    }

    /// Makes a part ready in which a clause of the constraint can be judged on each of these messages. Where that is too
    /// large, each is on its own.
    pub(super) fn prepare(
        &self,
        constraint: &Constraint,
        messages: &[(EntityId, Header)],
        near: &mut Option<Slice>,
    ) {
        if self.whole.is_some() {
            return;
        }
        let slices = self.slices();
        let mut around = Around::default();
        slices.add_named(&mut around, constraint);
        for (sender, header) in messages {
            slices.add_message(&mut around, *sender, header);
        }
        *near = slices.cut(&around);
    }

    /// Walks the messages and judges the clause ([`replay`]). `near` is the part that was walked in last. None where no
    /// network is small enough.
    pub(super) fn replay(
        &self,
        instance: Instance<'_>,
        near: &mut Option<Slice>,
    ) -> Option<Result<Counterexample, ReplayError>> {
        if let Some(whole) = self.whole {
            return Some(walked(whole, instance));
        }
        let slices = self.slices();
        let mut around = Around::default();
        for (_, witness) in instance.assignment {
            if let Witness::Entity(id) = witness {
                slices.add(&mut around, *id);
            }
        }
        for (sender, header) in instance.messages {
            slices.add_message(&mut around, *sender, header);
        }
        slices.add_named(&mut around, instance.constraint);
        for _ in 0..MOST_ROUNDS {
            if near.as_ref().is_none_or(|slice| !slice.has(&around)) {
                *near = slices.cut(&around);
            }
            let Some(slice) = near.as_ref() else {
                break;
            };
            let found = match in_part(slice, instance) {
                Ok(found) => found,
                Err(why) => return Some(Err(why)),
            };
            let outcomes = found.messages.iter().flat_map(|m| &m.trace.outcomes);
            let missed = slice.missed(slices, outcomes);
            if missed.is_empty() {
                return Some(Ok(slice.told(found)));
            }
            for id in missed {
                slices.add(&mut around, id);
            }
        }
        let (lowered, network) = slices.whole()?;
        Some(walked(lowered, instance).map(|found| Counterexample {
            network: Some(network.clone()),
            ..found
        }))
    }

    /// The same in the cluster with pods more.
    pub(super) fn replay_beyond(
        &self,
        cluster: &Cluster,
        instance: Instance<'_>,
    ) -> Option<Result<Counterexample, ReplayError>> {
        let nothing = Lowered::default();
        let beyond = Ground::new(cluster, &nothing, self.settings);
        if self.whole.is_none() {
            return beyond.replay(instance, &mut None);
        }
        let lowered = lower(cluster, &self.settings).ok()?;
        let found = walked(&lowered, instance);
        Some(found.map(|found| Counterexample {
            network: Some(Walked::of(lowered.network)),
            ..found
        }))
    }

    fn slices(&self) -> &Slices<'c> {
        let new = || Slices::new(self.cluster, self.settings);
        self.slices.get_or_init(new)
    }
}

/// Whether a network was made, and not what policies say alone.
pub(super) fn is_made(lowered: &Lowered) -> bool {
    !lowered.network.switches.is_empty()
}

fn walked(lowered: &Lowered, instance: Instance<'_>) -> Result<Counterexample, ReplayError> {
    replay(
        &lowered.network,
        &lowered.structure,
        instance.constraint,
        instance.body,
        instance.assignment,
        instance.messages,
    )
}

/// The same with the ids of a part, in which the messages and everybody whom the values name are.
fn in_part(slice: &Slice, instance: Instance<'_>) -> Result<Counterexample, ReplayError> {
    let constraint = slice.carried(instance.constraint);
    let clauses = instance.constraint.clauses();
    let at = clauses
        .iter()
        .position(|c| std::ptr::eq(c.1, instance.body));
    let clauses = constraint.clauses();
    let alone = slice.carried(&Constraint {
        formula: instance.body.clone(),
        ..instance.constraint.clone()
    });
    // What is said of a clause goes with its place in the constraint.
    let body = at.and_then(|at| clauses.get(at));
    let own = |id: EntityId| slice.own(id).unwrap_or(id);
    let witness = |w: Witness| match w {
        Witness::Entity(id) => Witness::Entity(own(id)),
        other => other,
    };
    let assignment = instance.assignment.iter();
    let assignment: Vec<(VarId, Witness)> = assignment.map(|(v, w)| (*v, witness(*w))).collect();
    let messages = instance.messages.iter();
    let messages: Vec<(EntityId, Header)> = messages.map(|(s, h)| (own(*s), *h)).collect();
    let own = Instance {
        constraint: &constraint,
        body: body.map_or(&alone.formula, |c| c.1),
        assignment: &assignment,
        messages: &messages,
    };
    walked(slice.lowered(), own)
}
