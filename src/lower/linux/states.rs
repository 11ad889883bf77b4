//! Which packets are in a state of connection tracking, and have flags of TCP: first ones, answers, later ones.
//!
//! Must never know: what a rule does, how a walk goes on.

use crate::model::inet::{IpNet, Protocol};
use crate::model::linux::{CtState, Hook};
use crate::network::fib::State;

use super::answer::{Answer, sure};
use super::bypass::tells;
use super::context::Context;
use super::facts::Facts;
use super::stage::{Cursor, Pace, Way};

/// Connection states. What answers a connection that was not seen opens one where it is a datagram, and belongs to none
/// else.
pub(super) fn state(facts: &Facts<'_>, cursor: &Cursor, states: &[CtState]) -> Answer {
    if cursor.env.untracked {
        return sure(states.contains(&CtState::Untracked));
    }
    if cursor.pace == Pace::Later
        && let Some(answer) = later(facts, cursor, states)
    {
        return answer;
    }
    let unseen = |protocol| Context::state(State::Unseen).meet(&Context::protocol(protocol));
    let mut all = Vec::new();
    for state in states {
        match state {
            CtState::New => {
                all.push(Context::state(State::New));
                all.extend(unseen(Protocol::Udp));
            }
            CtState::Established => all.push(Context::state(State::Established)),
            CtState::Invalid => {
                all.extend(
                    [Protocol::Tcp, Protocol::Sctp]
                        .into_iter()
                        .filter_map(unseen),
                );
            }
            CtState::Snat if cursor.env.translated.0 => all.push(Context::state(State::New)),
            CtState::Dnat if cursor.env.translated.1 => all.push(Context::state(State::New)),
            CtState::Related | CtState::Untracked | CtState::Snat | CtState::Dnat => {}
        }
    }
    // What follows an opening message whose answer is not seen is INVALID: that it is delivered opens no connection.
    if rounded(facts, cursor) && tells(states) {
        let opening = [Protocol::Tcp, Protocol::Sctp].into_iter();
        let mut opening: Vec<Context> = opening
            .filter_map(|p| Context::state(State::New).meet(&Context::protocol(p)))
            .collect();
        if !states.contains(&CtState::Established) {
            opening.extend(translated_answers(facts, states));
        }
        let why = "whether the answer passes here: what follows it is INVALID where it does not";
        return Answer::Partly(all, opening, why);
    }
    let asks = states.contains(&CtState::Dnat) || states.contains(&CtState::Snat);
    if asks && !states.contains(&CtState::Established) {
        let answers = translated_answers(facts, states);
        return Answer::Partly(all, answers, "whether an answer's connection is translated");
    }
    Answer::Any(all)
}

/// Whether the answer may not have passed here.
fn rounded(facts: &Facts<'_>, cursor: &Cursor) -> bool {
    let passes = !matches!(cursor.hook, Hook::Input | Hook::Output);
    let env = &cursor.env;
    // Further on, devices that no rule names stand for each other.
    let lo = cursor.hook == Hook::Prerouting && env.incoming == facts.loopback();
    let inside = env.way == Way::Loop || env.incoming.is_some() && lo;
    (facts.bypassed || facts.untracks) && passes && !inside
}

/// States of a later packet; none where they are those of the first one.
fn later(facts: &Facts<'_>, cursor: &Cursor, states: &[CtState]) -> Option<Answer> {
    let has = |state: CtState| states.contains(&state);
    let (snat, dnat) = cursor.env.translated;
    let all = match cursor.context.state {
        Some(State::New) if has(CtState::Snat) && snat || has(CtState::Dnat) && dnat => {
            return Some(Answer::Yes);
        }
        // Where the answer may not have passed, it is INVALID.
        Some(State::New) if rounded(facts, cursor) => {
            vec![CtState::Established, CtState::Invalid]
        }
        Some(State::New) => vec![CtState::Established],
        // Without an opening message it is taken for one, or not, as the kernel is told.
        Some(State::Unseen) => vec![CtState::New, CtState::Established, CtState::Invalid],
        _ => return None,
    };
    let some = all.iter().any(|s| has(*s));
    let every = all.iter().all(|s| has(*s));
    Some(if every || !some {
        sure(every)
    } else {
        Answer::Sometimes
    })
}

/// Flags of TCP: of the first packet and of its answer, or of the later ones.
pub(super) fn flags(
    cursor: &Cursor,
    (opening, answer): (bool, bool),
    later: Option<bool>,
) -> Answer {
    if cursor.pace == Pace::Later {
        return later.map_or(Answer::Sometimes, sure);
    }
    let mut all = Vec::new();
    all.extend(opening.then(|| Context::state(State::New)));
    if answer {
        all.extend([State::Established, State::Unseen].map(Context::state));
    }
    Answer::Any(all)
}

/// Answers whose connection may be translated: what comes from where destinations are translated to, as long as it is
/// not translated back; of sources nothing is to be seen.
fn translated_answers(facts: &Facts<'_>, states: &[CtState]) -> Vec<Context> {
    let answers = Context::state(State::Established);
    let (sources, destinations) = facts.translates();
    if states.contains(&CtState::Snat) && sources {
        return vec![answers];
    }
    if !states.contains(&CtState::Dnat) || !destinations {
        return Vec::new();
    }
    let targets = facts.targets();
    if targets.contains(&None) {
        return vec![answers];
    }
    let each = targets.into_iter().flatten();
    each.filter_map(|a| answers.meet(&Context::from(IpNet::from(a))))
        .collect()
}
