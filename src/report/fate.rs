//! What became of a message, in a sentence; and which rules are to blame for it.
//!
//! Must never know: how it was found.

use std::net::IpAddr;

use crate::base::source::Span;
use crate::model::entity::{Address, EntityId};
use crate::model::inet::show_net;
use crate::model::linux::LinkKind;
use crate::network::fib::{Action, DiscardReason};
use crate::network::header::Header;
use crate::network::trace::{Disposition, Event, Journey, Outcome, Step};

use super::names::printable;
use super::rule;
use super::trace::Teller;

/// A rule that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The rule, in its own words.
    pub rule: String,
    /// Why it matters here.
    pub why: String,
    /// Where it is written.
    pub at: Span,
}

impl Teller<'_> {
    /// What became of a message, as a clause: `N1 has no rule for it`.
    pub fn fate(&self, outcome: &Outcome) -> String {
        let request = self.end(&outcome.request, "it");
        if outcome.request.receiver.is_none() {
            return request;
        }
        let received = match outcome.received {
            Some(h) if h != outcome.sent => format!("{request} as {h}"),
            _ => request,
        };
        match (&outcome.reply, outcome.replied) {
            (Some(reply), Some(false)) => {
                format!(
                    "{received}; the answer does not come back: {}",
                    self.lost(outcome, reply)
                )
            }
            _ => received,
        }
    }

    /// Why an answer did not reach the socket; one that came home with another header met no socket there.
    fn lost(&self, outcome: &Outcome, reply: &Journey) -> String {
        let awaited = outcome.sent.reversed();
        let sender = outcome.request.steps.first().map(|s| s.at);
        let home = sender
            .and_then(|id| self.network.process(id))
            .map(|p| p.socket);
        match reply.steps.iter().rev().find(|s| Some(s.at) == home) {
            Some(last) if last.header != awaited && reply.end != Disposition::Loop => {
                let from = |h: Header| std::net::SocketAddr::new(h.source, h.source_port);
                let name = self.names.with_kind(last.of);
                format!(
                    "{name} waits for {}, and it comes from {}",
                    from(awaited),
                    from(last.header)
                )
            }
            _ => self.end(reply, "it"),
        }
    }

    fn end(&self, journey: &Journey, it: &str) -> String {
        let Some(last) = journey.steps.last() else {
            return String::new();
        };
        let at = self.names.with_kind(last.of);
        let by = |rule: Option<usize>| match rule.and_then(|i| self.fib_rule(last.at, i)) {
            Some(rule) if rule.text.is_some() => format!(" by {}", rule::show(rule, self.names)),
            _ => String::new(),
        };
        match &last.event {
            Event::Discard { why, toward, rule } => match (why, toward) {
                (Disposition::NoRule, _) => format!("{at} has no rule for {it}"),
                (Disposition::NoLink, Some(to)) => {
                    format!("{at} has no link to {}", self.names.with_kind(*to))
                }
                (Disposition::Policy, _) => {
                    let by = self.denied_by(last).unwrap_or_default();
                    format!("{at} stops {it}, {}denied by {by}", self.way(last))
                }
                (Disposition::Loop, _) => format!("{it} loops: {}", self.circle(journey)),
                (Disposition::ClosedPort, _) => {
                    format!(
                        "nobody in {at} listens on {} port {}",
                        last.header.protocol, last.header.destination_port
                    )
                }
                (Disposition::NoEndpoint, _) => "the service port has no endpoint".to_owned(),
                (Disposition::NoRoute, _) => {
                    format!("{} cannot be reached from {at}", last.header.destination)
                }
                (Disposition::RpFilter, _) => {
                    let source = last.header.source;
                    format!("{at} drops {it}: the way back to {source} leads elsewhere")
                }
                (Disposition::Neighbour, _) => {
                    let by = rule.and_then(|i| self.fib_rule(last.at, i)?.text.as_ref());
                    let by = by.map_or_else(
                        || "nobody answers for its next hop".to_owned(),
                        |text| printable(text),
                    );
                    let whose = self.whose(last.header.destination);
                    let overlap = self.overlap(last.of, last.header.destination);
                    format!("{at} cannot hand {it} on: {by}{whose}{overlap}")
                }
                (Disposition::LeavesCluster, _) => {
                    format!("{at} hands {it} to where nothing is known{}", by(*rule))
                }
                (Disposition::Unmodelled, _) => {
                    let why = rule
                        .map(|i| self.unmodelled(last.at, i))
                        .unwrap_or_default();
                    format!("what {at} does with {it} is not modelled: {why}")
                }
                (Disposition::Blackhole, _) => format!("{at} drops {it}{}", by(*rule)),
                (Disposition::Unreachable | Disposition::Reject, _) => {
                    format!("{at} refuses {it}{}", by(*rule))
                }
                _ => {
                    let rule = rule.map(|i| self.rule(last.at, i)).unwrap_or_default();
                    format!("{at} discards {it} by {rule}")
                }
            },
            Event::Receive => {
                let delivered = journey.steps.iter().rev().nth(1);
                match delivered.map(|s| (&s.event, s.at)) {
                    // An answer that meets a listener, and not the socket that asked.
                    Some((Event::Deliver { rule: Some(_), .. }, _)) => {
                        format!("{at} receives {it}")
                    }
                    _ => format!("{at} gets {it} back"),
                }
            }
            _ => String::new(),
        }
    }

    /// `N1 → N2 → N1`.
    fn circle(&self, journey: &Journey) -> String {
        let last = journey.steps.last();
        let again = last.map(|s| (s.at, s.header));
        let mut at: Option<(EntityId, Header)> = None;
        let mut round = Vec::new();
        // The state before each lookup: where it is, with which header.
        for step in &journey.steps {
            if step.event != Event::Send {
                let state = (step.at, at.map_or(step.header, |(_, h)| h));
                if !round.is_empty() || Some(state) == again {
                    round.push(self.names.short(step.of));
                }
            }
            at = Some((step.at, step.header));
        }
        round.dedup();
        let journey = journey.steps.iter();
        if let [one] = round.as_slice()
            && journey
                .clone()
                .any(|s| matches!(s.event, Event::Translate { .. }))
        {
            return format!("{one} translates it to and fro");
        }
        if round.len() > 8 {
            let rest = round.len() - 7;
            round.splice(4..4 + rest - 1, [format!("… ({} more)", rest - 1)]);
        }
        round.join(" → ")
    }

    /// `; 10.1.2.11 is pod n2p1's, on node n2`: whoever has the address that nobody answers for.
    fn whose(&self, address: IpAddr) -> String {
        let cluster = self.names.cluster();
        let has = |all: &[Address]| all.iter().any(|a| a.ip == address);
        let pods = cluster.pods.iter().filter(|p| has(&p.addresses));
        let pods = pods.map(|p| {
            let (pod, node) = (self.names.with_kind(p.id), self.names.with_kind(p.node));
            format!("; {address} is {pod}'s, on {node}")
        });
        let nodes = cluster.nodes.iter().filter(|n| has(&n.addresses));
        let nodes = nodes.map(|n| format!("; {address} is {}'s", self.names.with_kind(n.id)));
        pods.chain(nodes).collect()
    }

    /// Where an address is of another node's pod network, and this node takes it for one of its own: both networks.
    fn overlap(&self, at: EntityId, address: IpAddr) -> String {
        let cluster = self.names.cluster();
        let home = |id: EntityId| {
            let pod = cluster.pods.iter().find(|p| p.id == id);
            pod.map_or(id, |p| p.node)
        };
        let holder = cluster.pods.iter();
        let mut holder = holder.filter(|p| p.addresses.iter().any(|a| a.ip == address));
        let (here, there) = (home(at), holder.next().map(|p| p.node));
        let network = |node: EntityId| {
            let namespaces = &cluster.snapshot.as_ref()?.namespaces;
            let namespace = namespaces.iter().find(|n| n.entity == Some(node))?;
            let bridges = namespace.interfaces.iter();
            let mut bridges = bridges.filter(|i| matches!(i.kind, LinkKind::Bridge { .. }));
            bridges.find_map(|bridge| {
                let mut nets = bridge.addresses.iter().map(|a| a.net.trunc());
                let net = nets.find(|net| net.contains(&address))?;
                let (name, net) = (self.names.with_kind(node), show_net(net));
                Some(format!("{name} ({net} on {})", printable(&bridge.name)))
            })
        };
        match there.filter(|there| *there != here) {
            Some(there) => match (network(here), network(there)) {
                (Some(own), Some(other)) => {
                    let here = self.names.with_kind(here);
                    format!(
                        "; the pod networks of {own} and {other} overlap: what is for it stays on {here}"
                    )
                }
                _ => String::new(),
            },
            None => String::new(),
        }
    }

    fn unmodelled(&self, at: EntityId, rule: usize) -> String {
        match self.fib_rule(at, rule).map(|r| &r.action) {
            Some(Action::Discard(DiscardReason::Unmodelled(why))) => printable(why),
            _ => String::new(),
        }
    }

    /// The rules of Linux that are to blame for an outcome: those that say why, those that changed a message on its way
    /// to somebody, and the one by which it died. Of the answer only where it decides.
    pub fn blame(&self, outcome: &Outcome) -> Vec<Blame> {
        let mut all = Vec::new();
        let lost = outcome.reply.as_ref();
        let lost = lost.filter(|_| outcome.disposition == Disposition::NoReply);
        for (journey, what) in [(Some(&outcome.request), "message"), (lost, "answer")] {
            for step in journey.into_iter().flat_map(|j| &j.steps) {
                all.extend(self.blamed(step, what, outcome));
            }
        }
        // One rule may be met several times.
        if all.is_empty() {
            let reached = outcome.request.receiver.is_some();
            let journey = lost.or((!reached).then_some(&outcome.request));
            all.extend(journey.and_then(|j| self.led(j).or_else(|| self.routed(j))));
        }
        let mut seen: Vec<Blame> = Vec::new();
        for blame in all {
            if !seen.contains(&blame) {
                seen.push(blame);
            }
        }
        seen
    }

    /// The rule of a node by which a message went to another namespace, where it died.
    fn led(&self, journey: &Journey) -> Option<Blame> {
        let died = journey.steps.last()?.of;
        let mut back = journey.steps.iter().rev();
        let (at, rule) = back.find_map(|step| match step.event {
            Event::Lookup { rule, .. } => {
                let rule = self.fib_rule(step.at, rule)?;
                rule.text.as_ref().map(|_| (step.of, rule))
            }
            _ => None,
        })?;
        let cluster = self.names.cluster();
        let by_node = cluster.nodes.iter().any(|n| n.id == at);
        (by_node && at != died).then(|| Blame {
            rule: rule::show(rule, self.names),
            why: format!("it leads to {}, where it ends", self.names.with_kind(died)),
            at: rule.origin,
        })
    }

    fn blamed(&self, step: &Step, what: &str, outcome: &Outcome) -> Option<Blame> {
        let (rule, died) = match step.event {
            Event::Lookup { rule, .. } => (rule, None),
            Event::Translate { rule, .. } | Event::Deliver { rule, .. } => (rule?, None),
            Event::Discard { rule, why, .. } => (rule?, Some(why)),
            Event::Send | Event::Receive => return None,
        };
        let rule = self.fib_rule(step.at, rule)?;
        let text = rule.text.as_ref()?;
        let translates = matches!(rule.action, Action::Translate(_));
        let why = match (&rule.why, died) {
            (Some(why), _) => printable(why),
            (None, Some(Disposition::ClosedPort)) => return None,
            (None, Some(_)) => format!("the {what} dies by it"),
            (None, None) if translates && outcome.received.is_some() => {
                format!("the {what} is changed by it: now {}", step.header)
            }
            (None, None) => return None,
        };
        Some(Blame {
            rule: printable(text),
            why,
            at: rule.origin,
        })
    }
}
