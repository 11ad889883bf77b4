//! What was found in a part, said of the whole cluster: the same with other ids.
//!
//! Must never know: how the part was chosen, formulas, the solver.

use crate::model::entity::EntityId;
use crate::network::fib::{Action, FibRule};
use crate::network::graph::{Network, Sources};
use crate::network::trace::{Event, Journey, Outcome, Step, Trace};

use crate::verify::verdict::{Counterexample, Message, Wanted, Witness};

use super::part::Part;

/// A counterexample with the ids of the whole cluster.
pub(super) fn counterexample(part: &Part, mut found: Counterexample) -> Counterexample {
    for (_, witness) in &mut found.assignment {
        if let Witness::Entity(id) = witness {
            *id = part.whole(*id);
        }
    }
    let messages = found.messages.into_iter();
    found.messages = messages.map(|m| message(part, m)).collect();
    found.wanted = found.wanted.map(|wanted| match wanted {
        Wanted::Received(id) => Wanted::Received(part.whole(id)),
        Wanted::NotReceived(id) => Wanted::NotReceived(part.whole(id)),
    });
    found
}

fn message(part: &Part, message: Message) -> Message {
    Message {
        sender: part.whole(message.sender),
        header: message.header,
        trace: trace(part, message.trace),
    }
}

/// What happened to a message, with the ids of the whole cluster.
pub(super) fn trace(part: &Part, trace: Trace) -> Trace {
    let outcomes = trace.outcomes.into_iter();
    Trace {
        outcomes: outcomes.map(|o| outcome(part, o)).collect(),
    }
}

fn outcome(part: &Part, outcome: Outcome) -> Outcome {
    let choices = outcome.choices.iter();
    Outcome {
        choices: choices
            .map(|(at, rule, way)| (part.whole(*at), *rule, *way))
            .collect(),
        request: journey(part, outcome.request),
        reply: outcome.reply.map(|j| journey(part, j)),
        ..outcome
    }
}

fn journey(part: &Part, journey: Journey) -> Journey {
    Journey {
        steps: journey.steps.into_iter().map(|s| step(part, s)).collect(),
        receiver: journey.receiver.map(|id| part.whole(id)),
        end: journey.end,
    }
}

fn step(part: &Part, mut step: Step) -> Step {
    step.at = part.whole(step.at);
    step.of = part.whole(step.of);
    match &mut step.event {
        Event::Lookup { next, .. } => *next = part.whole(*next),
        Event::Deliver { to, .. } => *to = part.whole(*to),
        Event::Discard { toward, .. } => *toward = toward.map(|id| part.whole(id)),
        Event::Send | Event::Translate { .. } | Event::Receive => {}
    }
    step
}

/// The network of a part with the ids of the whole cluster. Their order is the same.
pub(super) fn network(part: &Part, mut network: Network) -> Network {
    let whole = |id: &mut EntityId| *id = part.whole(*id);
    for switch in &mut network.switches {
        whole(&mut switch.id);
        whole(&mut switch.of);
        switch.undoes.iter_mut().for_each(whole);
        switch.fib.iter_mut().for_each(|r| rule(part, r));
    }
    for process in &mut network.processes {
        whole(&mut process.id);
        whole(&mut process.switch);
        whole(&mut process.socket);
        match &process.sources {
            Sources::Own(_) | Sources::Within(_) | Sources::Free | Sources::Selected(_) => {}
        }
    }
    let links = network.links.iter();
    network.links = links
        .map(|(from, to)| (part.whole(*from), part.whole(*to)))
        .collect();
    for gate in &mut network.gates.all {
        whole(&mut gate.at);
        whole(&mut gate.subject);
    }
    network
}

fn rule(part: &Part, rule: &mut FibRule) {
    match &mut rule.action {
        Action::Deliver(id) | Action::Forward(id) => *id = part.whole(*id),
        Action::Discard(_) => {}
        Action::Translate(ways) => {
            for way in ways {
                way.target = way.target.map(|id| part.whole(id));
            }
        }
        Action::Choose(all) => all.iter_mut().for_each(|id| *id = part.whole(*id)),
    }
}
