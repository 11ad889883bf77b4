//! What formulas ask of a journey: how many hops, through which switches.
//!
//! Must never know: how it was walked.

use crate::model::entity::EntityId;
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, Journey, Step};

/// How many lookups a message took at switches until it was received or died; none in a loop, which never ends. What
/// stays within a hop counts once: in a network of stages these are the namespaces it passed, and one more for each
/// translation.
pub fn hops(journey: &Journey) -> Option<usize> {
    if journey.end == Disposition::Loop {
        return None;
    }
    let at_switch = |step: &&Step| match step.event {
        // A sender without a link to its own switch never met one.
        Event::Send
        | Event::Receive
        | Event::Discard {
            why: Disposition::NoLink,
            rule: None,
            ..
        } => false,
        _ => !step.continues,
    };
    Some(journey.steps.iter().filter(at_switch).count())
}

/// The header after all translations: as it was received, or died.
pub fn dialled(journey: &Journey) -> Option<Header> {
    journey.steps.last().map(|step| step.header)
}

/// The switches that a message passed, in order, with repetitions.
pub fn passed(journey: &Journey) -> impl Iterator<Item = EntityId> + '_ {
    journey.steps.iter().filter_map(|step| match step.event {
        Event::Send
        | Event::Receive
        | Event::Discard {
            why: Disposition::NoLink,
            rule: None,
            ..
        } => None,
        _ => Some(step.of),
    })
}
