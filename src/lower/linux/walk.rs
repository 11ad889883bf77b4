//! The walk through the chains of a hook, as rules of stages: what holds of a header becomes a match, what does not is
//! known already.
//!
//! Source: `iptables(8)`, `iptables-extensions(8)`, `nft(8)`. Must never know: where a hook is in a message's life.

use std::sync::Arc;

use crate::base::source::Span;
use crate::model::linux::{Chain, Effect, FirewallRule};
use crate::network::fib::{DiscardReason, Fib, State};

use super::condition::{Condition, condition, element_context};
use super::context::Context;
use super::later::LATER;
use super::next::{Next, unmodelled};
use super::stage::{Builder, Cursor, Key, Pace};
use super::words::{said, tool};

/// What the effects of a rule lead to.
enum Then {
    /// On in the walk.
    On(Box<Cursor>),
    /// It is decided.
    Done(Next),
}

/// What a rule restores or asks for.
const CONNECTION: &str = "the mark of a connection";
/// An answer that gives its connection a mark: what follows it has that mark too.
const MARKED: &str = "the mark of a connection that an answer changes";

impl Builder<'_> {
    /// The rules of a stage that is a place in the walk.
    pub(super) fn walks(&mut self, cursor: &Cursor) -> Fib {
        let mut fib = Fib::new();
        self.walk(cursor.clone(), &mut fib);
        fib
    }

    /// From a place on, adding to a stage's rules.
    pub(super) fn walk(&mut self, mut cursor: Cursor, fib: &mut Fib) {
        let start = cursor.context.clone();
        // Of a walk that does not end (a chain that jumps to itself: the kernel takes none).
        let mut left = 100_000;
        loop {
            let namespace = self.facts[cursor.ns].ns;
            let Some(&(chain, at)) = cursor.stack.last() else {
                return;
            };
            left -= 1;
            let chain: &Chain = &namespace.chains[chain];
            if left == 0 || cursor.stack.len() > 64 {
                let next = unmodelled("chains that do not end");
                fib.push(next.rule(Context::default(), None, chain.origin));
                return;
            }
            let Some(rule) = chain.rules.get(at) else {
                if cursor.stack.len() > 1 {
                    cursor.stack.pop();
                    continue;
                }
                let (next, text, origin) = self.ends(&cursor, chain);
                fib.push(next.rule(Context::default(), text, origin));
                return;
            };
            if let Some(last) = cursor.stack.last_mut() {
                last.1 += 1;
            }
            if rule.effects.iter().all(|e| *e == Effect::Nothing) {
                continue;
            }
            let facts = &self.facts[cursor.ns];
            let found = condition(facts, &self.tables[cursor.ns], &cursor, rule);
            if found.any.is_empty() && found.perhaps.is_empty() {
                continue;
            }
            match self.step(&cursor, &start, chain, rule, found, fib) {
                Some(next) => cursor = next,
                None => return,
            }
        }
    }

    /// One rule: its matches, and the cursor that goes on in the same stage, if one does.
    fn step(
        &mut self,
        cursor: &Cursor,
        start: &Context,
        chain: &Chain,
        rule: &FirewallRule,
        found: Condition,
        fib: &mut Fib,
    ) -> Option<Cursor> {
        let text: Arc<str> = said(chain, rule).into();
        for (context, why) in found.perhaps {
            let next = unmodelled(&why);
            let text = Some(Arc::clone(&text));
            fib.push(next.rule(context.beyond(start), text, rule.origin));
        }
        // Those it is not about go on without it.
        for exempt in found.none {
            let mut past = cursor.clone();
            past.context = exempt.clone();
            let next = self.going_on(past);
            fib.push(next.rule(exempt.beyond(start), None, rule.origin));
        }
        let all = found.any.contains(&cursor.context);
        if let Some(why) = found.unknown {
            let next = unmodelled(&why);
            for context in &found.any {
                let context = context.beyond(start);
                fib.push(
                    next.clone()
                        .rule(context, Some(Arc::clone(&text)), rule.origin),
                );
            }
            return (!all).then(|| cursor.clone());
        }
        let mut taken = cursor.clone();
        if let [only] = found.any.as_slice() {
            taken.context.clone_from(only);
        }
        let then = self.effects(taken, chain, rule, &rule.effects, &text);
        if let Some(way) = found.back {
            let (taken, shown) = match then {
                Then::Done(next) => (next, Some(text)),
                Then::On(on) => (self.going_on(*on), None),
            };
            let past = self.going_on(cursor.clone());
            let taken = if found.sometimes {
                self.choice(cursor.ns, vec![taken, past.clone()])
            } else {
                taken
            };
            let next = self.by_way_back(cursor, way, [(taken, shown), (past, None)], rule.origin);
            for context in &found.any {
                let context = context.beyond(start);
                fib.push(next.clone().rule(context, None, rule.origin));
            }
            return (!all).then(|| cursor.clone());
        }
        let (next, inline) = match then {
            Then::Done(next) => (next, None),
            Then::On(on) if all && !found.sometimes => return Some(*on),
            Then::On(on) => (self.going_on((*on).clone()), Some(on)),
        };
        let shown = Some(Arc::clone(&text)).filter(|_| inline.is_none());
        if found.sometimes {
            let mut past = cursor.clone();
            if let [only] = found.any.as_slice() {
                past.context.clone_from(only);
            }
            let past = self.going_on(past);
            let taken = if inline.is_none() {
                let rule = next.rule(Context::default(), shown.clone(), rule.origin);
                Next {
                    action: rule.action,
                    why: rule.why,
                    said: rule.text.map(|t| (t, rule.origin)),
                }
            } else {
                next
            };
            let next = self.choice(cursor.ns, vec![taken, past]);
            for context in &found.any {
                let context = context.beyond(start);
                fib.push(
                    next.clone()
                        .rule(context, Some(Arc::clone(&text)), rule.origin),
                );
            }
        } else {
            for context in &found.any {
                let context = context.beyond(start);
                fib.push(next.clone().rule(context, shown.clone(), rule.origin));
            }
        }
        (!all).then(|| cursor.clone())
    }

    /// On with the walk, in a stage of its own.
    fn going_on(&mut self, cursor: Cursor) -> Next {
        Next::to(self.stage(Key::Walk(Box::new(cursor))))
    }

    /// The base chain is through: its policy, or the next chain of the hook.
    fn ends(&mut self, cursor: &Cursor, chain: &Chain) -> (Next, Option<Arc<str>>, Span) {
        if chain.base.as_ref().is_none_or(|b| b.accepts) {
            let next = self.passed(cursor);
            return (next, None, chain.origin);
        }
        let next = self.dropped(cursor);
        let text = format!(
            "{} {} {}: policy DROP",
            tool(chain),
            chain.table,
            chain.name
        );
        (next, Some(text.into()), chain.origin)
    }

    /// What a person may not expect of a policy that drops: it meets frames between ports of a bridge too.
    fn policy_note(&self, cursor: &Cursor) -> Option<Arc<str>> {
        let super::stage::Way::Bridged(crossing, _) = &cursor.env.way else {
            return None;
        };
        let bridge = &self.facts[cursor.ns].interface(crossing.bridge).name;
        let why = format!(
            "bridge-nf-call-iptables is 1: what is bridged on {bridge} passes the chain too, though it is not routed"
        );
        Some(why.into())
    }

    /// It dies; of a later packet it may be so.
    fn dropped(&self, cursor: &Cursor) -> Next {
        if cursor.pace == Pace::Later {
            return unmodelled(LATER);
        }
        let mut next = Next::dies(DiscardReason::Drop);
        next.why = self.policy_note(cursor);
        next
    }

    fn passed(&mut self, cursor: &Cursor) -> Next {
        if cursor.pace == Pace::First {
            return self.followed(cursor);
        }
        self.at(cursor.ns, cursor.hook, cursor.item + 1, cursor.env.clone())
    }

    /// The effects of a rule, in order.
    fn effects(
        &mut self,
        mut cursor: Cursor,
        chain: &Chain,
        rule: &FirewallRule,
        effects: &[Effect],
        text: &Arc<str>,
    ) -> Then {
        let saves = self.facts[cursor.ns].saves_marks;
        for effect in effects {
            match effect {
                Effect::Nothing => {}
                Effect::Accept => return Then::Done(self.passed(&cursor)),
                Effect::Drop => return Then::Done(self.dropped(&cursor)),
                Effect::Reject(_) if cursor.pace == Pace::Later => {
                    return Then::Done(unmodelled(LATER));
                }
                Effect::Reject(_) => return Then::Done(Next::dies(DiscardReason::Reject)),
                Effect::Return => {
                    if cursor.stack.len() > 1 {
                        cursor.stack.pop();
                    } else if let Some(last) = cursor.stack.last_mut() {
                        last.1 = usize::MAX;
                    }
                    return Then::On(Box::new(cursor));
                }
                Effect::Jump(name) | Effect::Goto(name) => {
                    let Some(target) = self.facts[cursor.ns].chain(chain, name) else {
                        let why = format!("chain {name} is not in the dump");
                        return Then::Done(unmodelled(&why));
                    };
                    if matches!(effect, Effect::Goto(_)) {
                        if cursor.stack.len() > 1 {
                            cursor.stack.pop();
                        } else if let Some(last) = cursor.stack.last_mut() {
                            last.1 = usize::MAX;
                        }
                    }
                    cursor.stack.push((target, 0));
                    return Then::On(Box::new(cursor));
                }
                Effect::SetMark { value, mask } => {
                    cursor.mark_with(|old| old & !mask ^ value, Self::reroutes(chain));
                }
                // Who asks for it later does not know it anyhow.
                Effect::SetConnMark { .. } | Effect::SaveMark(_) if cursor.pace == Pace::Later => {}
                Effect::SetConnMark { value, mask } => {
                    cursor.env.connection = cursor.env.connection & !mask ^ value;
                    if self.marks_later(&cursor) {
                        return self.unless_answer(cursor, rule, text, MARKED);
                    }
                }
                Effect::SaveMark(mask) => {
                    cursor.env.connection = cursor.env.connection & !mask | cursor.env.mark & mask;
                    if self.marks_later(&cursor) {
                        return self.unless_answer(cursor, rule, text, MARKED);
                    }
                }
                Effect::RestoreMark(mask) => {
                    let known = cursor.context.state == Some(State::New);
                    if saves && cursor.pace == Pace::Later {
                        return Then::Done(unmodelled(CONNECTION));
                    }
                    let saved = cursor.env.connection & mask;
                    cursor.mark_with(|old| old & !mask | saved, Self::reroutes(chain));
                    if saves && !known {
                        return self.unless_answer(cursor, rule, text, CONNECTION);
                    }
                }
                Effect::NoTrack if cursor.pace == Pace::Later && !cursor.env.untracked => {
                    return Then::Done(unmodelled(LATER));
                }
                Effect::NoTrack => cursor.env.untracked = true,
                Effect::Dnat(_) | Effect::Snat(_) | Effect::Masquerade | Effect::Redirect(_) => {
                    return Then::Done(self.translated(&cursor, effect, text, rule.origin));
                }
                Effect::Map { set, fields } => {
                    return self.mapped(&cursor, chain, rule, (set, fields), text);
                }
                Effect::OneOf(ways) => {
                    let mut all = Vec::new();
                    for way in ways {
                        let then = self.effects(cursor.clone(), chain, rule, way, text);
                        all.push(match then {
                            Then::Done(next) => next,
                            Then::On(on) => self.going_on(*on),
                        });
                    }
                    return Then::Done(self.choice(cursor.ns, all));
                }
                Effect::Unknown(why) => return Then::Done(unmodelled(why)),
            }
        }
        Then::On(Box::new(cursor))
    }

    /// Whether an answer that is here marks its connection for what follows it.
    fn marks_later(&self, cursor: &Cursor) -> bool {
        let answers = matches!(cursor.context.state, None | Some(State::Established));
        answers && self.facts[cursor.ns].reads_marks
    }

    /// On, but for answers: what becomes of them, or of what follows them, is not known.
    fn unless_answer(
        &mut self,
        cursor: Cursor,
        rule: &FirewallRule,
        text: &Arc<str>,
        why: &str,
    ) -> Then {
        let answers = Context::state(State::Established);
        let Some(answers) = cursor.context.meet(&answers) else {
            return Then::On(Box::new(cursor));
        };
        let known = cursor.context.clone();
        let ns = cursor.ns;
        let rest = self.going_on(cursor);
        let unknown = unmodelled(why);
        let fib = vec![
            unknown.rule(answers.beyond(&known), Some(Arc::clone(text)), rule.origin),
            rest.rule(Context::default(), None, rule.origin),
        ];
        Then::Done(Next::to(self.list(ns, fib)))
    }

    /// A verdict map: what the element that fits says.
    fn mapped(
        &mut self,
        cursor: &Cursor,
        chain: &Chain,
        rule: &FirewallRule,
        (set, fields): (&str, &[crate::model::linux::SetField]),
        text: &Arc<str>,
    ) -> Then {
        let namespace = self.facts[cursor.ns].ns;
        let Some(elements) = namespace.sets.get(set) else {
            return Then::Done(unmodelled(&format!("map {set} is not in the dump")));
        };
        let mut fib = Fib::new();
        for element in elements {
            let known = match element_context(element, fields, cursor.env.family) {
                Ok(known) => known,
                Err(why) => return Then::Done(unmodelled(&why)),
            };
            let Some(context) = known.and_then(|k| cursor.context.meet(&k)) else {
                continue;
            };
            let mut inner = cursor.clone();
            inner.context.clone_from(&context);
            let (next, shown) = match self.effects(inner, chain, rule, &element.effects, text) {
                Then::Done(next) => (next, Some(Arc::clone(text))),
                Then::On(on) => (self.going_on(*on), None),
            };
            fib.push(next.rule(context.beyond(&cursor.context), shown, element.origin));
        }
        let past = self.going_on(cursor.clone());
        fib.push(past.rule(Context::default(), None, rule.origin));
        Then::Done(Next::to(self.list(cursor.ns, fib)))
    }

    /// Whether a change of the mark makes what is sent from here be routed anew.
    fn reroutes(chain: &Chain) -> bool {
        // iptables' mangle, nft's chains of type route.
        chain.table == "mangle" || chain.base.as_ref().is_some_and(|b| b.kind == "route")
    }
}
