//! Hops that are enough for every message, found without a solver: every way that a message or an answer might take is walked.
//!
//! Addresses are those of the encoding's domain, one or two of each class, so that a walk meets the rules that its messages
//! meet. Ports and protocols are not looked at: a rule that asks for one may match and may not, and both ways are walked.
//! What a port was rewritten to is known, and that it is still the one that was sent. Gates are not asked. So every message
//! takes one of the ways that are walked, and where these end, it ends; what is walked for nothing costs hops, not truth.
//!
//! The solver shows the same by unrolling, which is dearer the more there is to choose from: `tests/twin.rs` compares the two
//! bounds, `tests/modular.rs` what comes of them.
//!
//! Must never know: terms, a solver, formulas.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use crate::model::entity::EntityId;
use crate::model::inet::{Family, IpNet, PortSet, non_unicast};
use crate::network::fib::{Action, Match, Rewrite};
use crate::network::graph::{Endpoint, Network, Sources, Switch};

/// A way with more hops than these is not followed.
const MOST_HOPS: usize = 40;
/// So many hops are walked in all.
const MOST_STEPS: usize = 2_000_000;

/// How far messages and answers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ends {
    /// Hops after which no message is on its way that was nowhere twice.
    pub(super) there: usize,
    /// The same of answers.
    pub(super) back: usize,
    /// Whether a message may come to a state where it was before.
    pub(super) there_again: bool,
    /// The same of answers.
    pub(super) back_again: bool,
}

/// Walks all ways; none where there are too many, or where the network has what is not walked here (stages of namespaces,
/// rules that ask what is known of a connection).
pub(super) fn find(network: &Network, addresses: &[IpAddr]) -> Option<Ends> {
    let whole = |s: &Switch| s.of == s.id && s.rank == 0 && s.undoes == [s.id];
    let plain = |s: &Switch| whole(s) && s.fib.iter().all(|rule| rule.state.is_none());
    let at_home = |p: &Endpoint| p.switch == p.socket;
    if !network.switches.iter().all(plain) || !network.processes.iter().all(at_home) {
        return None;
    }
    let mut walk = Walk {
        network,
        known: HashMap::new(),
        ends: Ends::default(),
        steps: 0,
        sender: EntityId(0),
    };
    let dialled = |ip: &IpAddr| {
        let nets = non_unicast();
        let mut never = nets.iter().chain(&network.elsewhere);
        !never.any(|net| net.contains(ip))
    };
    let dialled: Vec<IpAddr> = addresses.iter().copied().filter(dialled).collect();
    let mut begun: BTreeSet<(EntityId, IpAddr, IpAddr)> = BTreeSet::new();
    for process in &network.processes {
        if !network.link(process.id, process.switch) {
            continue;
        }
        for &to in &dialled {
            for &from in addresses.iter().filter(|from| honest(process, **from, to)) {
                if begun.insert((process.switch, from, to)) {
                    walk.sender = process.switch;
                    walk.message(process.switch, from, to)?;
                }
            }
        }
    }
    Some(walk.ends)
}

/// Whether a process may send from an address to another; of what is free more than that is taken for honest.
fn honest(process: &Endpoint, from: IpAddr, to: IpAddr) -> bool {
    let family = Family::of(to);
    if Family::of(from) != family {
        return false;
    }
    let local = |ip: IpAddr| family.loopback_net().contains(&ip);
    if local(to) && !matches!(process.sources, Sources::Within(_)) {
        return from == family.loopback();
    }
    match &process.sources {
        Sources::Own(own) => own.contains(&from),
        Sources::Within(nets) => nets.iter().any(|net| net.contains(&from)),
        Sources::Free => true,
        Sources::Selected(table) => table.iter().any(|(_, own)| own.contains(&from)),
    }
}

/// A port as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    /// The source port as it was sent.
    Source,
    /// The destination port as it was sent.
    Destination,
    /// What a rule put there.
    Is(u16),
}

/// A header without its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Header {
    source: IpAddr,
    source_port: Port,
    destination: IpAddr,
    destination_port: Port,
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Maybe,
    Yes,
}

/// A translation, remembered for the answer.
#[derive(Debug, Clone, Copy)]
struct Translated {
    at: EntityId,
    before: Header,
    after: Header,
}

struct Walk<'n> {
    network: &'n Network,
    /// Which rules may be the first that matches, for messages and for answers.
    known: HashMap<(EntityId, Header, bool), Rc<[usize]>>,
    ends: Ends,
    steps: usize,
    /// The switch where who sent waits for the answer.
    sender: EntityId,
}

/// Where a message is, how it came there.
struct Way {
    seen: Vec<(EntityId, Header)>,
    translated: Vec<Translated>,
    sent: Header,
}

impl Walk<'_> {
    fn message(&mut self, at: EntityId, from: IpAddr, to: IpAddr) -> Option<()> {
        let sent = Header {
            source: from,
            source_port: Port::Source,
            destination: to,
            destination_port: Port::Destination,
        };
        let mut way = Way {
            seen: Vec::new(),
            translated: Vec::new(),
            sent,
        };
        self.there(at, sent, &mut way)
    }

    /// One hop of a message, and all that may follow.
    fn there(&mut self, at: EntityId, header: Header, way: &mut Way) -> Option<()> {
        if way.seen.contains(&(at, header)) {
            self.ends.there_again = true;
            return Some(());
        }
        let network = self.network;
        let Some(switch) = network.switch(at) else {
            return Some(());
        };
        way.seen.push((at, header));
        self.ends.there = self.ends.there.max(way.seen.len());
        self.step(way.seen.len())?;
        for &rule in self.decided(switch, header, false).iter() {
            match &switch.fib[rule].action {
                Action::Deliver(to) if network.link(at, *to) => {
                    if let Some(process) = network.process(*to)
                        && network.link(process.id, process.switch)
                    {
                        let answer = header.reversed();
                        self.back(process.switch, answer, &mut Vec::new(), way)?;
                    }
                }
                Action::Forward(to) if network.link(at, *to) => self.there(*to, header, way)?,
                Action::Choose(all) => {
                    for to in all.iter().filter(|to| network.link(at, **to)) {
                        self.there(*to, header, way)?;
                    }
                }
                Action::Translate(ways) => {
                    for rewrite in ways {
                        let after = header.rewritten(rewrite);
                        let before = header;
                        way.translated.push(Translated { at, before, after });
                        self.there(at, after, way)?;
                        way.translated.pop();
                    }
                }
                Action::Deliver(_) | Action::Forward(_) | Action::Discard(_) => {}
            }
        }
        way.seen.pop();
        Some(())
    }

    /// The same of an answer to a message that went this way.
    fn back(
        &mut self,
        at: EntityId,
        header: Header,
        seen: &mut Vec<(EntityId, Header)>,
        way: &Way,
    ) -> Option<()> {
        if seen.contains(&(at, header)) {
            self.ends.back_again = true;
            return Some(());
        }
        let network = self.network;
        let Some(switch) = network.switch(at) else {
            return Some(());
        };
        seen.push((at, header));
        self.ends.back = self.ends.back.max(seen.len());
        self.step(seen.len())?;
        if self.answered(at, header, seen, way)? {
            for &rule in self.decided(switch, header, true).iter() {
                let all = match &switch.fib[rule].action {
                    Action::Forward(to) => std::slice::from_ref(to),
                    Action::Choose(all) => all.as_slice(),
                    Action::Deliver(_) | Action::Discard(_) | Action::Translate(_) => &[],
                };
                for to in all.iter().filter(|to| network.link(at, **to)) {
                    self.back(*to, header, seen, way)?;
                }
            }
        }
        seen.pop();
        Some(())
    }

    /// What an answer meets before any rule: the socket that waits, and what was translated here. Whether the rules may
    /// come to be asked.
    fn answered(
        &mut self,
        at: EntityId,
        header: Header,
        seen: &mut Vec<(EntityId, Header)>,
        way: &Way,
    ) -> Option<bool> {
        if at == self.sender && header.equals(way.sent.reversed()) == Truth::Yes {
            return Some(false);
        }
        for entry in way.translated.iter().rev().filter(|t| t.at == at) {
            let same = header.equals(entry.after.reversed());
            if same > Truth::No {
                self.back(at, entry.before.reversed(), seen, way)?;
            }
            if same == Truth::Yes {
                return Some(false);
            }
        }
        Some(true)
    }

    fn step(&mut self, hops: usize) -> Option<()> {
        self.steps += 1;
        (hops <= MOST_HOPS && self.steps <= MOST_STEPS).then_some(())
    }

    fn decided(&mut self, switch: &Switch, header: Header, answer: bool) -> Rc<[usize]> {
        let found = self.known.entry((switch.id, header, answer));
        let found = found.or_insert_with(|| first(switch, header, answer));
        Rc::clone(found)
    }
}

/// The rules that may be the first to match.
fn first(switch: &Switch, header: Header, answer: bool) -> Rc<[usize]> {
    let mut all = Vec::new();
    for (index, rule) in switch.fib.iter().enumerate() {
        if answer && matches!(rule.action, Action::Translate(_)) {
            continue;
        }
        let matched = matched(&rule.matches, header);
        if matched > Truth::No {
            all.push(index);
        }
        if matched == Truth::Yes {
            break;
        }
    }
    all.into()
}

fn matched(rule: &Match, header: Header) -> Truth {
    let within = |net: Option<IpNet>, ip: IpAddr| net.is_none_or(|net| net.contains(&ip));
    if !within(rule.from, header.source) || !within(rule.to, header.destination) {
        return Truth::No;
    }
    let protocol = match rule.protocol {
        None => Truth::Yes,
        Some(_) => Truth::Maybe,
    };
    let from = in_ports(rule.from_ports.as_ref(), header.source_port);
    let to = in_ports(rule.to_ports.as_ref(), header.destination_port);
    protocol.min(from).min(to)
}

fn in_ports(set: Option<&PortSet>, port: Port) -> Truth {
    match (set, port) {
        (None, _) => Truth::Yes,
        (Some(set), Port::Is(port)) if set.contains(port) => Truth::Yes,
        (Some(_), Port::Is(_)) => Truth::No,
        (Some(_), Port::Source | Port::Destination) => Truth::Maybe,
    }
}

impl Port {
    fn equals(self, other: Self) -> Truth {
        match (self, other) {
            (Self::Is(one), Self::Is(two)) if one != two => Truth::No,
            _ if self == other => Truth::Yes,
            _ => Truth::Maybe,
        }
    }
}

impl Header {
    fn reversed(self) -> Self {
        Self {
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
        }
    }

    fn equals(self, other: Self) -> Truth {
        if (self.source, self.destination) != (other.source, other.destination) {
            return Truth::No;
        }
        let source = self.source_port.equals(other.source_port);
        source.min(self.destination_port.equals(other.destination_port))
    }

    /// As `sim::step::rewritten`.
    fn rewritten(self, rewrite: &Rewrite) -> Self {
        let destination = rewrite.destination.unwrap_or(self.destination);
        let source = match rewrite.hairpin_source {
            Some(own) if self.source == destination => own,
            _ => rewrite.source.unwrap_or(self.source),
        };
        Self {
            source,
            source_port: rewrite.source_port.map_or(self.source_port, Port::Is),
            destination,
            destination_port: rewrite
                .destination_port
                .map_or(self.destination_port, Port::Is),
        }
    }
}
