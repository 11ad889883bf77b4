//! When a rule of a chain holds: in terms of what the kernel knows already, and of the message's header.
//!
//! Must never know: what a rule does.

use crate::model::cluster::Match;
use crate::model::inet::{Family, IpNet, PortSet};
use crate::model::linux::{FirewallRule, Hook, SetElement, SetField, SetValue, Tested, WayBack};
use crate::network::fib::State;

use super::answer::{Answer, sure};
use super::context::Context;
use super::facts::{Facts, fits};
use super::kinds::{self, Kinds};
use super::lookup::Tables;
use super::stage::{Cursor, Pace, Way};
use super::states::{flags, state};

/// More alternatives than this are not followed.
const MOST: usize = 20_000;

/// When a rule holds, given what is known.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// Where any of these holds …
    pub(super) any: Vec<Context>,
    /// … and none of these.
    pub(super) none: Vec<Context>,
    /// And then perhaps not.
    pub(super) sometimes: bool,
    /// And the way back is this, or is not where that is set.
    pub(super) back: Option<(WayBack, bool)>,
    /// Whether it holds then is not known, and why.
    pub(super) unknown: Option<String>,
    /// Whether it holds for these is not known, and why; `any` holds all the same for the others.
    pub(super) perhaps: Vec<(Context, String)>,
}

/// When a rule holds for messages at a cursor.
pub(super) fn condition(
    facts: &Facts<'_>,
    tables: &Tables<'_>,
    cursor: &Cursor,
    rule: &FirewallRule,
) -> Condition {
    let mut all = Condition {
        any: vec![cursor.context.clone()],
        ..Condition::default()
    };
    for test in &rule.tests {
        if let Tested::WayBack(way) = &test.what
            && cursor.env.incoming.is_some()
            && cursor.env.way != Way::Loop
        {
            // Routes say: that is a list of its own.
            match all.back {
                None => all.back = Some((*way, test.negated)),
                Some(_) => all.unknown = Some("two tests of the way back".to_owned()),
            }
            continue;
        }
        let ask = || asked(facts, tables, cursor, &test.what, test.negated);
        // Of types of addresses the opposite was asked.
        let negated = test.negated && !matches!(test.what, Tested::Type(_));
        match (ask(), negated) {
            (Answer::Yes, false) | (Answer::No, true) => {}
            (Answer::No, false) | (Answer::Yes, true) => {
                all.any.clear();
                all.perhaps.clear();
            }
            (Answer::Any(ways), false) => all.any = meet(&all.any, &ways),
            (Answer::Any(ways), true) => all.none.extend(ways),
            (Answer::AnyBut(but, ways), false) => {
                all.none.extend(but);
                all.any = meet(&all.any, &ways);
            }
            (Answer::AnyBut(..), true) => {
                all.unknown = Some("a negated set with exceptions".to_owned());
            }
            (Answer::Partly(sure, unsure, why), negated) => {
                let unsure = meet(&all.any, &unsure);
                all.perhaps
                    .extend(unsure.into_iter().map(|c| (c, why.to_owned())));
                if negated {
                    all.none.extend(sure);
                } else {
                    all.any = meet(&all.any, &sure);
                }
            }
            (Answer::Sometimes, _) => all.sometimes = true,
            (Answer::Unknown(why), _) => all.unknown = Some(why),
        }
        // What the other tests exclude is of no account.
        if let (Answer::Any(ways), false) = (&ask(), negated) {
            all.perhaps = all
                .perhaps
                .iter()
                .flat_map(|(c, why)| {
                    let met = ways.iter().filter_map(|w| c.meet(w));
                    met.map(|c| (c, why.clone())).collect::<Vec<_>>()
                })
                .collect();
        }
        if all.any.is_empty() && all.perhaps.is_empty() {
            return Condition::default();
        }
        if all.any.len() > MOST {
            all.unknown = Some("too many alternatives".to_owned());
            all.any = vec![cursor.context.clone()];
        }
    }
    let each: Vec<Context> = all
        .none
        .iter()
        .flat_map(|n| all.any.iter().filter_map(|a| a.meet(n)))
        .collect();
    // Where an exception is all there is, the rule never holds.
    all.any.retain(|a| !each.contains(a));
    all.none = each;
    all
}

fn meet(all: &[Context], ways: &[Context]) -> Vec<Context> {
    let each = all.iter();
    each.flat_map(|a| ways.iter().filter_map(|w| a.meet(w)))
        .collect()
}

/// Whether it came in by a device, and not over `lo`.
fn came_in(cursor: &Cursor) -> bool {
    let passes = matches!(cursor.hook, Hook::Prerouting | Hook::Forward);
    let out = cursor.hook == Hook::Postrouting && cursor.env.incoming.is_some();
    cursor.env.way != Way::Loop && (passes || out)
}

fn asked(
    facts: &Facts<'_>,
    tables: &Tables<'_>,
    cursor: &Cursor,
    what: &Tested,
    negated: bool,
) -> Answer {
    let env = &cursor.env;
    let of_family = |net: &&IpNet| Family::of(net.addr()) == env.family;
    let nets = |nets: &[IpNet], one: fn(IpNet) -> Context| {
        Answer::Any(
            nets.iter()
                .filter(of_family)
                .map(|n| one(n.trunc()))
                .collect(),
        )
    };
    let ports = |matches: Match| {
        // Ports are those of protocols that have any: all of ours.
        Answer::Any(vec![Context::of(matches)])
    };
    let device = |device: Option<usize>, patterns: &[String]| {
        sure(device.is_some_and(|d| fits(patterns, &facts.interface(d).name)))
    };
    match what {
        Tested::Source(all) => nets(all, Context::from),
        Tested::Destination(all) => nets(all, Context::to),
        Tested::Protocol(all) => Answer::Any(all.iter().map(|p| Context::protocol(*p)).collect()),
        Tested::SourcePort(set) => ports(Match {
            from_ports: Some(set.clone()),
            ..Match::default()
        }),
        Tested::DestinationPort(set) => ports(Match {
            to_ports: Some(set.clone()),
            ..Match::default()
        }),
        Tested::InDevice(patterns) => device(env.incoming, patterns),
        Tested::OutDevice(patterns) => device(env.outgoing, patterns),
        Tested::PhysIn(pattern) => device(env.port, std::slice::from_ref(pattern)),
        // Where a frame leaves by is not known before it is forwarded.
        Tested::PhysOut(_) | Tested::Bridged
            if !matches!(cursor.hook, Hook::Forward | Hook::Postrouting) =>
        {
            Answer::No
        }
        Tested::PhysOut(pattern) => match &env.way {
            Way::Bridged(crossing, _) => device(crossing.out, std::slice::from_ref(pattern)),
            _ => Answer::No,
        },
        Tested::Bridged => sure(matches!(
            &env.way,
            Way::Bridged(crossing, _) if crossing.out.is_some()
        )),
        Tested::State(states) => state(facts, cursor, states),
        Tested::Flags {
            opening,
            answer,
            later,
        } => flags(cursor, (*opening, *answer), *later),
        Tested::Mark { value, mask } => sure(cursor.mark() & mask == *value),
        Tested::ConnMark { value, mask } => {
            let holds = env.connection & mask == *value;
            if facts.saves_marks && cursor.pace == Pace::Later {
                return Answer::Unknown("the mark of a connection".to_owned());
            }
            if !facts.saves_marks || cursor.context.state == Some(State::New) {
                return sure(holds);
            }
            // What was not seen has no mark.
            let mut all: Vec<Context> = Vec::new();
            all.extend(holds.then(|| Context::state(State::New)));
            all.extend((*value == 0).then(|| Context::state(State::Unseen)));
            let answers = vec![Context::state(State::Established)];
            Answer::Partly(all, answers, "the mark of a connection")
        }
        Tested::Type(of) => match kinds::asked(facts, tables, cursor, of, negated) {
            Kinds::Never => Answer::No,
            Kinds::Known { but, any } if but.is_empty() => Answer::Any(any),
            Kinds::Known { but, any } => Answer::AnyBut(but, any),
            Kinds::Unknown => Answer::Unknown("addrtype of such addresses".to_owned()),
        },
        // What is handed on has no owner, nor has what comes in.
        Tested::Owner(_) if came_in(cursor) => Answer::No,
        Tested::Owner(what) => Answer::Unknown(what.clone()),
        // What came over `lo` came from here.
        Tested::WayBack(_) if env.way == Way::Loop && cursor.hook == Hook::Prerouting => {
            Answer::Yes
        }
        Tested::WayBack(_) => Answer::Unknown("the way back of what was sent from here".to_owned()),
        Tested::Sometimes { never: true, .. } => Answer::No,
        Tested::Sometimes { always: true, .. } | Tested::Always => Answer::Yes,
        Tested::Sometimes { .. } => Answer::Sometimes,
        Tested::InSet { set, fields } => match facts.ns.sets.get(set) {
            Some(elements) => listed(elements, fields, env.family),
            None => Answer::Unknown(format!("set {set} is not in the dump")),
        },
        Tested::Unknown(why) => Answer::Unknown(why.clone()),
    }
}

fn listed(elements: &[SetElement], fields: &[SetField], family: Family) -> Answer {
    let (mut any, mut but) = (Vec::new(), Vec::new());
    for element in elements {
        match element_context(element, fields, family) {
            Ok(Some(context)) if element.exempt => but.push(context),
            Ok(Some(context)) => any.push(context),
            Ok(None) => {}
            Err(why) => return Answer::Unknown(why),
        }
    }
    // What is narrower decides: an exception stands for itself only where nothing is excepted from it in turn.
    let within = |b: &Context| any.iter().any(|a| a.meet(b).is_some_and(|met| met != *b));
    if but.iter().any(within) {
        return Answer::Unknown("a set whose exceptions have exceptions".to_owned());
    }
    if but.is_empty() {
        Answer::Any(any)
    } else {
        Answer::AnyBut(but, any)
    }
}

/// Which messages an element of a set is about; none where none of the family is.
pub(super) fn element_context(
    element: &SetElement,
    fields: &[SetField],
    family: Family,
) -> Result<Option<Context>, String> {
    let mut all = Context::default();
    for (field, value) in fields.iter().zip(&element.key) {
        let one = match (field, value) {
            (_, SetValue::Any) => continue,
            (SetField::Source, SetValue::Net(net)) => Context::from(net.trunc()),
            (SetField::Destination, SetValue::Net(net)) => Context::to(net.trunc()),
            (SetField::SourcePort, SetValue::Ports(set)) => ported(set, true),
            (SetField::DestinationPort, SetValue::Ports(set)) => ported(set, false),
            (SetField::Protocol, SetValue::Protocol(protocol)) => Context::protocol(*protocol),
            _ => return Err("a set whose elements do not fit its fields".to_owned()),
        };
        if let SetValue::Net(net) = value
            && Family::of(net.addr()) != family
        {
            return Ok(None);
        }
        match all.meet(&one) {
            Some(met) => all = met,
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}

fn ported(set: &PortSet, source: bool) -> Context {
    let mut matches = Match::default();
    if source {
        matches.from_ports = Some(set.clone());
    } else {
        matches.to_ports = Some(set.clone());
    }
    Context::of(matches)
}
