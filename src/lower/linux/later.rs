//! What follows the first packet of a connection of TCP or SCTP in its direction: the same header, the same translation, but
//! ESTABLISHED, with other flags, perhaps with another mark. Where the first one passes the chains of a hook, the later ones
//! are asked too, and what may stop them is told as unknown.
//!
//! Knows: marks of both, which chains tell them apart, in what order they are asked. Must never know: what a rule does.

use crate::model::inet::Protocol;
use crate::network::fib::{Action, Fib, State};

use super::context::Context;
use super::next::{Next, unmodelled};
use super::stage::{Builder, Cursor, Env, Key, Ns, Pace};

/// A rule stops later packets, or some of them.
pub(super) const LATER: &str = "a later packet of the connection may be stopped by this rule";
/// A mark chooses their route.
const PARTED: &str =
    "a later packet of the connection has another mark, by which it may be routed otherwise";

impl Cursor {
    /// The mark of the packet that is asked.
    pub(super) fn mark(&self) -> u32 {
        match self.pace {
            Pace::Later => self.env.later,
            _ => self.env.mark,
        }
    }

    /// It gets another mark, and is routed by it (`reroutes`).
    pub(super) fn mark_with(&mut self, change: impl Fn(u32) -> u32, reroutes: bool) {
        if matches!(self.pace, Pace::Later | Pace::Each) {
            self.env.later = change(self.env.later);
        }
        if self.pace != Pace::Later {
            self.env.mark = change(self.env.mark);
            if reroutes {
                self.env.routed = self.env.mark;
            }
        }
    }
}

impl Builder<'_> {
    /// Which packets the chains below a base chain are asked for at once.
    pub(super) fn pace(&self, ns: Ns, chain: usize, env: &Env) -> Pace {
        let apart = self.facts[ns].apart[chain];
        let tells = apart.tells && !env.untracked;
        if tells || apart.flags || apart.marks && env.mark != env.later {
            Pace::First
        } else {
            Pace::Each
        }
    }

    /// The first packet has passed: the later ones are asked, in a walk of their own.
    pub(super) fn followed(&mut self, first: &Cursor) -> Next {
        let Some(base) = first.stack.first().map(|s| s.0) else {
            return self.at(first.ns, first.hook, first.item + 1, first.env.clone());
        };
        let mut cursor = first.clone();
        cursor.stack = vec![(base, 0)];
        cursor.pace = Pace::Later;
        cursor.context = Context::default();
        if let Some(known) = self.asked.get(&cursor) {
            return known.clone();
        }
        let on = self.at(cursor.ns, cursor.hook, cursor.item + 1, cursor.env.clone());
        let origin = self.facts[cursor.ns].ns.origin;
        // One datagram and one answer are all that is followed of UDP.
        let udp = Context::protocol(Protocol::Udp);
        let mut fib = vec![on.clone().rule(udp, None, origin)];
        for state in [State::Established, State::Unseen, State::New] {
            let mut own = cursor.clone();
            own.context = Context::state(state);
            // An answer has the state that all after it have.
            let same = state == State::Established && !self.facts[cursor.ns].apart[base].flags;
            let next = if same || self.passes(&own, &on) {
                on.clone()
            } else {
                Next::to(self.stage(Key::Walk(Box::new(own))))
            };
            fib.push(next.rule(Context::state(state), None, origin));
        }
        let plain = fib.iter().all(|r| r.action == on.action);
        let next = if plain {
            on
        } else {
            Next::to(self.list(cursor.ns, fib))
        };
        self.asked.insert(cursor, next.clone());
        next
    }

    /// Whether a walk leads on, whatever the header.
    fn passes(&mut self, cursor: &Cursor, on: &Next) -> bool {
        matches!(on.action, Action::Forward(_))
            && self.walks(cursor).iter().all(|r| r.action == on.action)
    }

    /// To routing, unless it may find another route for the mark of later packets.
    pub(super) fn unless_parted(&mut self, ns: Ns, env: &Env, next: Next) -> Next {
        let mut rules = self.facts[ns]
            .ns
            .rules
            .iter()
            .filter(|_| env.mark != env.later);
        let parting = rules.find(|r| {
            r.mark.is_some_and(|(value, mask)| {
                (env.mark & mask == value) != (env.later & mask == value)
            })
        });
        let Some(rule) = parting else {
            return next;
        };
        let (text, origin) = (rule.text.as_str().into(), rule.origin);
        let mut fib: Fib = Vec::new();
        for protocol in [Protocol::Tcp, Protocol::Sctp] {
            let context = Context::state(State::New).meet(&Context::protocol(protocol));
            let text = Some(std::sync::Arc::clone(&text));
            fib.push(unmodelled(PARTED).rule(context.unwrap_or_default(), text, origin));
        }
        fib.push(next.rule(Context::default(), None, origin));
        Next::to(self.list(ns, fib))
    }
}
