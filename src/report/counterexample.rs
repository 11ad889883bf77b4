//! A counterexample for people: what went wrong in one line, where to look, the values, the life of each message.
//!
//! Must never know: verdicts, other formats, the terminal.

use std::fmt::Write as _;

use crate::base::source::Span;
use crate::model::cluster::{Address, Cluster, Process};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{IpNet, show_net};
use crate::verify::verdict::{Counterexample, Wanted, Witness};

use super::fate::Blame;
use super::names::Names;
use super::run::{Run, Verified};
use super::trace::{Teller, place};

pub(super) fn render(
    out: &mut String,
    run: &Run,
    verified: &Verified,
    names: &Names<'_>,
    counterexample: &Counterexample,
) {
    let teller = Teller {
        names,
        network: counterexample.network_in(&verified.lowered.network),
        sources: &run.sources,
    };
    for message in &counterexample.messages {
        let broken = message.trace.outcomes.first();
        let mut fate = broken.map(|o| teller.fate(o)).unwrap_or_default();
        let receiver = broken.and_then(|o| o.request.receiver);
        match counterexample.wanted {
            Some(Wanted::Received(id)) if receiver.is_some_and(|r| r != id) => {
                let _ = write!(fate, ", and not {}", names.with_kind(id));
            }
            Some(Wanted::Received(id)) if receiver.is_none() => {
                let _ = write!(fate, "; it was for {}", names.with_kind(id));
            }
            _ => {}
        }
        let _ = writeln!(
            out,
            "      {} sends {}: {fate}",
            names.with_kind(message.sender),
            message.header
        );
        for blame in broken.iter().flat_map(|o| teller.blame(o)) {
            let Blame { rule, why, at } = blame;
            let at = place(&run.sources, at);
            let _ = writeln!(out, "      look at {at}: {rule}: {why}");
        }
    }
    // What no message shows.
    if counterexample.messages.is_empty()
        && let Some(says) = counterexample.says
    {
        let says = says.strip_prefix("and ").unwrap_or(says);
        let _ = writeln!(out, "      it is not so that {says}");
    }
    let values: Vec<String> = counterexample
        .assignment
        .iter()
        .filter(|(_, witness)| !matches!(witness, Witness::Event(_)))
        .map(|(name, witness)| format!("{name} = {}", show_witness(*witness, names)))
        .collect();
    if !values.is_empty() {
        let _ = writeln!(out, "      with {}", values.join(", "));
    }
    if counterexample.messages.is_empty() {
        for (_, witness) in &counterexample.assignment {
            if let Witness::Entity(id) = witness
                && let Some(at) = place_of(verified, *id)
            {
                let name = names.with_kind(*id);
                // Those of a process are its pod's or node's: of interest where reaching is spoken of.
                let holder = counterexample.says.and_then(|_| holder_of(verified, *id));
                let held = addresses(verified, holder.unwrap_or(*id));
                let _ = writeln!(
                    out,
                    "        {name}{held} is written at {}",
                    place(&run.sources, at)
                );
            }
        }
    }
    for message in &counterexample.messages {
        out.push('\n');
        if let [outcome] = message.trace.outcomes.as_slice() {
            out.push_str(&teller.outcome(outcome, "        ", false));
        } else if let Some(outcome) = message.trace.outcomes.first() {
            let more = message.trace.outcomes.len() - 1;
            let way: Vec<String> = outcome
                .choices
                .iter()
                .map(|(at, rule, way)| teller.choice(*at, *rule, *way))
                .collect();
            let others = if more == 1 {
                "1 other outcome".to_owned()
            } else {
                format!("{more} other outcomes")
            };
            let _ = writeln!(
                out,
                "        where {}; {others}: `kubeproof trace`",
                way.join(", ")
            );
            out.push_str(&teller.outcome(outcome, "        ", false));
        }
        out.push('\n');
    }
}

/// Where an entity is written.
fn place_of(verified: &Verified, id: EntityId) -> Option<Span> {
    let c = &verified.cluster;
    let process = |all: &[Process]| all.iter().find(|p| p.id == id).map(|p| p.origin);
    match c.kind_of(id) {
        EntityKind::Pod => c.pods.iter().find(|p| p.id == id).map(|p| p.origin),
        EntityKind::Node => c.nodes.iter().find(|n| n.id == id).map(|n| n.origin),
        EntityKind::Service => c.services.iter().find(|s| s.id == id).map(|s| s.origin),
        EntityKind::External => c.externals.iter().find(|x| x.id == id).map(|x| x.origin),
        EntityKind::Container => c.pods.iter().find_map(|p| process(&p.containers)),
        EntityKind::Daemon => c.nodes.iter().find_map(|n| process(&n.daemons)),
        EntityKind::Outside | EntityKind::Stage => None,
    }
}

/// The pod or node of a process.
fn holder_of(verified: &Verified, id: EntityId) -> Option<EntityId> {
    let c = &verified.cluster;
    let has = |all: &[Process]| all.iter().any(|p| p.id == id);
    match c.kind_of(id) {
        EntityKind::Container => c.pods.iter().find(|p| has(&p.containers)).map(|p| p.id),
        EntityKind::Daemon => c.nodes.iter().find(|n| has(&n.daemons)).map(|n| n.id),
        _ => None,
    }
}

/// `, which has 10.1.1.1,`; nothing for what never has an address.
fn addresses(verified: &Verified, id: EntityId) -> String {
    if verified.cluster.kind_of(id).is_process() {
        return String::new();
    }
    let mut nets = nets_of(&verified.cluster, id);
    nets.sort_unstable();
    let held: Vec<String> = nets.into_iter().map(show_net).collect();
    if held.is_empty() {
        ", which has no address,".to_owned()
    } else {
        format!(", which has {},", held.join(" and "))
    }
}

fn nets_of(c: &Cluster, id: EntityId) -> Vec<IpNet> {
    let hosts = |all: &[Address]| all.iter().map(|a| IpNet::from(a.ip)).collect();
    let pod = c
        .pods
        .iter()
        .find(|p| p.id == id)
        .map(|p| hosts(&p.addresses));
    let node = || {
        c.nodes
            .iter()
            .find(|n| n.id == id)
            .map(|n| hosts(&n.addresses))
    };
    let service = || {
        c.services
            .iter()
            .find(|s| s.id == id)
            .map(|s| hosts(&s.addresses))
    };
    let external = || {
        c.externals
            .iter()
            .find(|x| x.id == id)
            .map(|x| x.prefixes.clone())
    };
    pod.or_else(node)
        .or_else(service)
        .or_else(external)
        .unwrap_or_default()
}

fn show_witness(witness: Witness, names: &Names<'_>) -> String {
    match witness {
        Witness::Entity(id) => names.short(id),
        Witness::Address(ip) => ip.to_string(),
        Witness::Port(port) => port.to_string(),
        Witness::Protocol(protocol) => protocol.to_string(),
        Witness::Event(index) => format!("message {}", index + 1),
    }
}
