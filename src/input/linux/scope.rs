//! Which messages the rules of a base chain, and of those that it jumps to, do something with: more rather than fewer.
//!
//! Knows: what tests say of headers. Must never know: what a rule does with a message, beyond whether it is more than letting
//! it pass.

use std::collections::BTreeMap;

use crate::model::linux::{Chain, Effect, FirewallRule, SetElement, SetField, SetValue, Tested};

/// Named sets, by name.
pub(super) type Sets = BTreeMap<String, Vec<SetElement>>;

/// Of a header: for each of these fields, one of these values. A field may be there more than once.
type About = Vec<(SetField, Vec<SetValue>)>;

/// More rules than these, or pairs of them, are not looked at: then they are about anything.
const MOST: usize = 20_000;
/// So many rules are looked at in all: chains that jump twice to the next one are quickly many ways.
const MOST_LOOKED_AT: usize = 200_000;
/// Deeper than this no chain is jumped to: the kernel's own limits are lower for nft, and this is recursive.
const DEEPEST: usize = 64;
const MOST_PAIRS: usize = 2_000_000;

/// What the rules are about, each by itself; none: anything.
pub(super) type Scope = Option<Vec<About>>;

/// Of the rules of a base chain that do something.
pub(super) fn scope(base: &Chain, chains: &[Chain], sets: &Sets) -> Scope {
    if base.base.as_ref().is_some_and(|b| !b.accepts) {
        return None;
    }
    let mut walk = Walk {
        base,
        chains,
        sets,
        all: Vec::new(),
        inside: Vec::new(),
        looked_at: 0,
    };
    walk.chain(base, &Vec::new()).then_some(walk.all)
}

/// Whether some message may be what both are about.
pub(super) fn meet(one: &Scope, other: &Scope) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return true;
    };
    one.len() * other.len() > MOST_PAIRS || one.iter().any(|a| other.iter().any(|b| both(a, b)))
}

fn both(one: &About, other: &About) -> bool {
    one.iter().all(|(field, values)| {
        let mut same = other.iter().filter(|(f, _)| f == field);
        same.all(|(_, others)| values.iter().any(|v| others.iter().any(|o| may_be(v, o))))
    })
}

fn may_be(one: &SetValue, other: &SetValue) -> bool {
    match (one, other) {
        (SetValue::Net(a), SetValue::Net(b)) => a.contains(b) || b.contains(a),
        (SetValue::Ports(a), SetValue::Ports(b)) => a.overlaps(b),
        (SetValue::Protocol(a), SetValue::Protocol(b)) => a == b,
        _ => true,
    }
}

/// A way through the chains.
struct Walk<'c> {
    base: &'c Chain,
    chains: &'c [Chain],
    sets: &'c Sets,
    all: Vec<About>,
    inside: Vec<&'c str>,
    looked_at: usize,
}

impl<'c> Walk<'c> {
    /// False where it is too much.
    fn chain(&mut self, chain: &'c Chain, about: &About) -> bool {
        // A circle is none: the kernel refuses it.
        if self.inside.contains(&chain.name.as_str()) {
            return true;
        }
        if self.inside.len() >= DEEPEST {
            return false;
        }
        self.inside.push(&chain.name);
        let done = chain.rules.iter().all(|rule| {
            self.looked_at += 1;
            if self.looked_at > MOST_LOOKED_AT {
                return false;
            }
            let about = self.limited(rule, about);
            self.effects(&rule.effects, &about)
        });
        self.inside.pop();
        done
    }

    fn effects(&mut self, effects: &'c [Effect], about: &About) -> bool {
        effects.iter().all(|effect| match effect {
            Effect::Nothing | Effect::Accept | Effect::Return => true,
            Effect::Jump(name) | Effect::Goto(name) => {
                let base = self.base;
                let next = self.chains.iter().find(|c| {
                    c.name == *name
                        && c.table == base.table
                        && c.family == base.family
                        && c.iptables == base.iptables
                });
                // Nobody knows what one that is not there does.
                next.is_some_and(|next| self.chain(next, about))
            }
            Effect::OneOf(ways) => ways.iter().all(|way| self.effects(way, about)),
            Effect::Map { set, fields } => {
                let Some(elements) = self.sets.get(set) else {
                    return false;
                };
                elements.iter().all(|element| {
                    let mut about = about.clone();
                    let values = fields.iter().zip(&element.key);
                    about.extend(values.map(|(field, value)| (*field, vec![value.clone()])));
                    self.effects(&element.effects, &about)
                })
            }
            _ => {
                self.all.push(about.clone());
                self.all.len() <= MOST
            }
        })
    }

    /// What is left of what is known of a message where a rule's tests hold.
    fn limited(&self, rule: &FirewallRule, about: &About) -> About {
        let mut about = about.clone();
        for test in rule.tests.iter().filter(|t| !t.negated) {
            let nets = |all: &[crate::model::inet::IpNet]| {
                all.iter().map(|n| SetValue::Net(*n)).collect::<Vec<_>>()
            };
            match &test.what {
                Tested::Source(all) => about.push((SetField::Source, nets(all))),
                Tested::Destination(all) => about.push((SetField::Destination, nets(all))),
                Tested::Protocol(all) => {
                    let all = all.iter().map(|p| SetValue::Protocol(*p));
                    about.push((SetField::Protocol, all.collect()));
                }
                Tested::SourcePort(ports) => {
                    about.push((SetField::SourcePort, vec![SetValue::Ports(ports.clone())]));
                }
                Tested::DestinationPort(ports) => {
                    let ports = vec![SetValue::Ports(ports.clone())];
                    about.push((SetField::DestinationPort, ports));
                }
                Tested::InSet { set, fields } => {
                    let Some(elements) = self.sets.get(set) else {
                        continue;
                    };
                    for (at, field) in fields.iter().enumerate() {
                        let values = elements.iter().map(|e| e.key.get(at));
                        let values = values.map(|v| v.cloned().unwrap_or(SetValue::Any));
                        about.push((*field, values.collect()));
                    }
                }
                _ => {}
            }
        }
        about
    }
}
