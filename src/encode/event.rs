//! What is kept of a message: where it is after each hop, as terms.
//!
//! Knows: names. Must never know: how a hop comes to be (`path`, `answer`).

use std::collections::BTreeMap;

use crate::model::entity::EntityId;
use crate::smt::term::TermId;

use super::header::SymHeader;

/// One direction of travel, unrolled as far as was asked.
#[derive(Debug, Default)]
pub(super) struct Travel {
    /// Whether a message that comes to a state where it was before goes no further; else it is followed on and on, and
    /// nothing is said of states where it was.
    pub(super) cut: bool,
    /// `at[i][S]`: after i hops the message is at switch S, where it is cut in a state that it was not in before. Within a
    /// hop it may go on through later stages of the same namespace.
    pub(super) at: Vec<BTreeMap<EntityId, TermId>>,
    /// The header after i hops.
    pub(super) headers: Vec<SymHeader>,
    /// The source as the message came to the switch where it is after i hops; kept where there are gates.
    pub(super) came: Vec<TermId>,
    /// After i hops the state is one that was there before: a loop. Never where it is not cut.
    pub(super) repeated: Vec<TermId>,
    /// `received[i][X]`: at hop i it is delivered to X.
    pub(super) received: Vec<BTreeMap<EntityId, TermId>>,
    /// `translated[i]`: at hop i it is translated at S, on these conditions.
    pub(super) translated: Vec<BTreeMap<EntityId, TermId>>,
    /// The choices of [`Event::choices`] that are its own.
    pub(super) choices: Vec<TermId>,
    /// `tracked[i]`: at hop i the connection tracking of a namespace sees it.
    pub(super) tracked: Vec<BTreeMap<EntityId, TermId>>,
    /// `unmodelled[i]`: at hop i, at this switch, this rule says that what happens is not known.
    pub(super) unmodelled: Vec<Vec<(EntityId, usize, TermId)>>,
}

impl Travel {
    /// How its terms are called. Both ways and both kinds have names of their own: a direction may be unrolled twice.
    pub(super) fn word(direction: Direction, cut: bool) -> String {
        let direction = match direction {
            Direction::Request => "",
            Direction::Answer => "answer.",
        };
        let cut = if cut { "cut." } else { "" };
        format!("{direction}{cut}")
    }
}

/// A message, its way and its answer's way, as terms. Slots are numbered from 0, one per event variable.
#[derive(Debug)]
pub struct Event {
    pub(super) name: String,
    /// The message may be sent at all. Part of every goal, and never a fact: where nobody can send anything, it is
    /// false, and a false fact would make every other constraint vacuous.
    pub honest: TermId,
    /// The sending process.
    pub sender: TermId,
    /// The header as sent.
    pub sent: SymHeader,
    /// Which rewrite is taken at hop i, where a rule has several.
    pub choices: Vec<TermId>,
    pub(super) request: Travel,
    pub(super) answer: Travel,
    /// `Recv`: delivered to this process, sooner or later.
    pub received: BTreeMap<EntityId, TermId>,
    /// The header where it was received, or died.
    pub arrived: Option<SymHeader>,
    /// `Replied`.
    pub replied: Option<TermId>,
    /// `Loops`.
    pub loops: Option<TermId>,
    /// The message itself loops, whatever its answer does.
    pub request_loops: Option<TermId>,
}

impl Event {
    pub(super) fn travel_mut(&mut self, direction: Direction) -> &mut Travel {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Answer => &mut self.answer,
        }
    }

    /// How many hops are unrolled.
    pub fn hops(&self) -> usize {
        self.request.at.len().saturating_sub(1)
    }
}

/// Whether the message or the answer is unrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The message.
    Request,
    /// Its answer.
    Answer,
}
