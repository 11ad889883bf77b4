//! A message walked to its end, and its answer back: every choice, one outcome each.
//!
//! Knows: Send, the lookups, translation and its memory, loops, the answer (design.md section 1). Must never know:
//! formulas, SMT.

use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::network::graph::{Endpoint, Network, Sources};
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, Journey, Outcome, Trace};

use super::journey::{Past, Socket, Walker};
use super::script::Script;

pub use super::source::honest;

/// More outcomes than this are not enumerated: a trace of them would help nobody.
pub const MOST_OUTCOMES: usize = 100_000;

/// What the simulator cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// The sender is no process of the network.
    #[error("the sender is not a process")]
    NotAProcess,
    /// See [`MOST_OUTCOMES`].
    #[error("the message has more than {MOST_OUTCOMES} outcomes")]
    TooManyOutcomes,
}

/// Walks a message: all outcomes, the failing ones first.
pub fn trace(network: &Network, sender: EntityId, header: Header) -> Result<Trace, SimError> {
    let process = network.process(sender).ok_or(SimError::NotAProcess)?;
    let mut outcomes = Vec::new();
    let mut script = Script::default();
    loop {
        outcomes.push(outcome(network, process, header, &mut script));
        if outcomes.len() > MOST_OUTCOMES {
            return Err(SimError::TooManyOutcomes);
        }
        if !script.advance() {
            break;
        }
    }
    outcomes.sort_by_key(|o| o.disposition == Disposition::Delivered);
    Ok(Trace { outcomes })
}

fn outcome(network: &Network, sender: &Endpoint, sent: Header, script: &mut Script) -> Outcome {
    let mut past = Past::default();
    let mut choices = Vec::new();
    let request = {
        let mut walker = Walker {
            network,
            past: &mut past,
            script,
            choices: &mut choices,
        };
        walker.journey(sender, sent, None)
    };
    let received = request
        .receiver
        .and_then(|_| request.steps.last())
        .map(|step| step.header);
    let reply = request
        .receiver
        .zip(received)
        .and_then(|(receiver, header)| {
            let receiver = network.process(receiver)?;
            let socket = Socket {
                process: sender.id,
                switch: sender.socket,
                awaits: sent.reversed(),
            };
            let mut walker = Walker {
                network,
                past: &mut past,
                script,
                choices: &mut choices,
            };
            Some(walker.journey(receiver, header.reversed(), Some(&socket)))
        });
    // From an address that is not known, an answer cannot be judged.
    let judged = !matches!(sender.sources, Sources::Free)
        || Family::of(sent.source).loopback() == sent.source;
    let replied = reply
        .as_ref()
        .filter(|_| judged)
        .map(|r| r.receiver == Some(sender.id) && answered(r));
    let disposition =
        if request.receiver.is_some() && replied == Some(false) && sent.protocol.wants_answer() {
            Disposition::NoReply
        } else {
            request.end
        };
    Outcome {
        disposition,
        sent,
        request,
        received,
        reply,
        replied,
        choices,
    }
}

/// Whether an answer's way ended at the socket that asked, and not at a listener.
fn answered(reply: &Journey) -> bool {
    reply
        .steps
        .iter()
        .any(|step| matches!(step.event, Event::Deliver { rule: None, .. }))
}
