//! Where a trace is printed (text).
//!
//! Knows: how a step reads, and how a message's fate is told in a sentence. Must never know: how it was found.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::base::source::{SourceMap, Span};
use crate::model::entity::EntityId;
use crate::network::fib::{Action, FibRule};
use crate::network::gate::{Decision, Gate, GateRule};
use crate::network::graph::Network;
use crate::network::trace::{Disposition, Event, GatePassed, Journey, Outcome, Step, Trace};

use super::names::{Names, printable};
use super::rule;

/// What is needed to tell a trace.
#[derive(Debug)]
pub struct Teller<'r> {
    /// Names of the entities.
    pub names: &'r Names<'r>,
    /// Rules by switch.
    pub network: &'r Network,
    /// Places.
    pub sources: &'r SourceMap,
}

/// `examples/k1/cluster.yaml:12:5`.
pub fn place(sources: &SourceMap, span: Span) -> String {
    let at = sources.place(span);
    format!(
        "{}:{}:{}",
        printable(sources.get(span.source).name()),
        at.line,
        at.column
    )
}

impl Teller<'_> {
    /// All outcomes.
    pub fn trace(&self, trace: &Trace, indent: &str) -> String {
        let mut out = String::new();
        let many = trace.outcomes.len() > 1;
        // A name may have led to several addresses.
        let mut sent = trace.outcomes.iter().map(|o| o.sent);
        let first = sent.next();
        let dialled = sent.any(|sent| Some(sent) != first);
        for (i, outcome) in trace.outcomes.iter().enumerate() {
            if many {
                let _ = writeln!(
                    out,
                    "{indent}outcome {} of {}: {}",
                    i + 1,
                    trace.outcomes.len(),
                    self.chosen(outcome, dialled)
                );
            }
            out.push_str(&self.outcome(outcome, indent, true));
        }
        out
    }

    /// One outcome, with its answer where that is asked for or where it decides.
    pub fn outcome(&self, outcome: &Outcome, indent: &str, answer: bool) -> String {
        let mut lines = self.journey(&outcome.request);
        if let Some(reply) = outcome
            .reply
            .as_ref()
            .filter(|_| answer || outcome.disposition == Disposition::NoReply)
        {
            lines.push([
                "answer".to_owned(),
                String::new(),
                String::new(),
                String::new(),
            ]);
            lines.extend(self.journey(reply));
        }
        columns(&lines, indent)
    }

    fn journey(&self, journey: &Journey) -> Vec<[String; 4]> {
        let mut lines = Vec::new();
        for step in journey.steps.iter().filter(|step| self.speaks(step)) {
            lines.push(self.step(step));
            lines.extend(self.allowed(step));
            if let Event::Translate { .. } = step.event {
                let now = format!("  now {}", step.header);
                lines.push([String::new(), String::new(), now, String::new()]);
            }
        }
        lines
    }

    /// Whether a step says something: a stage that hands on to the next by a rule of no text does not.
    pub fn speaks(&self, step: &Step) -> bool {
        match step.event {
            Event::Lookup { rule, .. } if step.at != step.of => {
                let rule = self.fib_rule(step.at, rule);
                rule.is_some_and(|rule| rule.text.is_some() || rule.why.is_some())
            }
            _ => true,
        }
    }

    /// The policies' rules that let a message pass here.
    fn allowed(&self, step: &Step) -> Vec<[String; 4]> {
        let decided = step.gates.iter().filter_map(|passed| self.decided(*passed));
        decided
            .filter(|(_, rule)| rule.decision == Decision::Allow)
            .map(|(gate, rule)| {
                let what = format!(
                    "  {} allowed by {}",
                    gate.direction,
                    printable(&rule.cause.text)
                );
                let place = place(self.sources, rule.cause.origin);
                [String::new(), String::new(), what, place]
            })
            .collect()
    }

    /// A gate, and its rule that decided.
    pub fn decided(&self, passed: GatePassed) -> Option<(&Gate, &GateRule)> {
        let gate = self.network.gates.all.get(passed.gate)?;
        Some((gate, gate.rule(passed.tier, passed.rule)?))
    }

    /// `NetworkPolicy shop/db, ingress rule 1`: what denies at a step.
    pub fn denied_by(&self, step: &Step) -> Option<String> {
        let (_, rule) = self.decided(*step.gates.last()?)?;
        (rule.decision == Decision::Deny).then(|| printable(&rule.cause.text))
    }

    /// `egress `: which way the policy looks that decided last.
    pub(super) fn way(&self, step: &Step) -> String {
        let last = step.gates.last().and_then(|passed| self.decided(*passed));
        last.map(|(gate, _)| format!("{} ", gate.direction))
            .unwrap_or_default()
    }

    fn step(&self, step: &Step) -> [String; 4] {
        let rule = |index: &Option<usize>| index.map(|i| self.rule(step.at, i)).unwrap_or_default();
        let (event, what) = match &step.event {
            Event::Send => ("send", step.header.to_string()),
            Event::Lookup { rule: index, .. } => ("lookup", rule(&Some(*index))),
            Event::Translate {
                rule: Some(index), ..
            } => ("translate", rule(&Some(*index))),
            Event::Translate { rule: None, .. } => ("translate", "back, as remembered".to_owned()),
            Event::Deliver { rule: None, to } => (
                "deliver",
                format!(
                    "to the socket of {} that waits for it",
                    self.names.short(*to)
                ),
            ),
            Event::Deliver { rule: index, .. } => ("deliver", rule(index)),
            Event::Discard {
                rule: index,
                why,
                toward,
            } => ("discard", self.death(step, *index, *why, *toward)),
            Event::Receive => ("receive", step.header.to_string()),
        };
        let place = step
            .origin
            .map(|span| place(self.sources, span))
            .unwrap_or_default();
        [event.to_owned(), self.names.short(step.at), what, place]
    }

    /// A rule of a switch as text.
    pub fn rule(&self, at: EntityId, index: usize) -> String {
        self.fib_rule(at, index)
            .map(|r| rule::show(r, self.names))
            .unwrap_or_default()
    }

    /// What a person should know of a rule.
    pub fn why(&self, at: EntityId, index: usize) -> Option<String> {
        let why = self.fib_rule(at, index)?.why.as_ref()?;
        Some(printable(why))
    }

    pub(super) fn fib_rule(&self, at: EntityId, index: usize) -> Option<&FibRule> {
        self.network.switch(at).and_then(|s| s.fib.get(index))
    }

    fn death(
        &self,
        step: &Step,
        rule: Option<usize>,
        why: Disposition,
        toward: Option<EntityId>,
    ) -> String {
        let rule = rule.map(|i| self.rule(step.at, i)).unwrap_or_default();
        match (why, toward) {
            (Disposition::NoRule, _) => "no rule matches".to_owned(),
            (Disposition::Policy, _) => {
                let by = self.denied_by(step).unwrap_or_default();
                format!("{}denied by {by}", self.way(step))
            }
            (Disposition::Loop, _) => "a loop: here again with the same header".to_owned(),
            (Disposition::NoLink, Some(to)) if rule.is_empty() => {
                format!("no link to {}", self.names.short(to))
            }
            (Disposition::NoLink, Some(to)) => {
                format!("{rule}, but no link to {}", self.names.short(to))
            }
            _ => rule,
        }
    }

    fn chosen(&self, outcome: &Outcome, dialled: bool) -> String {
        let sent = &outcome.sent;
        let to = SocketAddr::new(sent.destination, sent.destination_port);
        let dialled = dialled.then(|| format!("the name leads to {to}"));
        let ways = outcome.choices.iter();
        let ways = ways.map(|(at, rule, way)| self.choice(*at, *rule, *way));
        let all: Vec<String> = dialled.into_iter().chain(ways).collect();
        all.join(", ")
    }

    /// `N1 translates to 10.1.2.1:8080 (P2)`, `n1 takes way 2 of 3: n1 output eth1`.
    pub fn choice(&self, at: EntityId, rule: usize, way: usize) -> String {
        let place = self.network.switch(at).map_or(at, |s| s.of);
        let place = self.names.short(place);
        match self.fib_rule(at, rule).map(|r| (&r.action, r)) {
            Some((Action::Translate(ways), _)) => {
                let Some(way) = ways.get(way) else {
                    return String::new();
                };
                let target = way
                    .target
                    .map(|t| format!(" ({})", self.names.short(t)))
                    .unwrap_or_default();
                format!("{place} translates {}{target}", rule::rewrite(way))
            }
            Some((Action::Choose(all), chosen)) => {
                let by = chosen.text.as_ref();
                let by = by.map(|text| format!(" by {}", printable(text)));
                let to = all.get(way).map(|id| self.names.short(*id));
                format!(
                    "{place} takes way {} of {}{}: {}",
                    way + 1,
                    all.len(),
                    by.unwrap_or_default(),
                    to.unwrap_or_default()
                )
            }
            _ => String::new(),
        }
    }
}

/// Aligned columns; what is too long for its column pushes the rest of its line. Widths count characters.
fn columns(lines: &[[String; 4]], indent: &str) -> String {
    let width = |i: usize, most: usize| {
        lines
            .iter()
            .map(|l| l[i].chars().count())
            .filter(|w| *w <= most)
            .max()
            .unwrap_or(0)
    };
    let (event, at, what) = (width(0, 12), width(1, 32), width(2, 72));
    let mut out = String::new();
    for line in lines {
        let text = format!(
            "{indent}{:event$}  {:at$}  {:what$}  {}",
            line[0], line[1], line[2], line[3]
        );
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}
