//! The semantics once more, slow and plain: what happens to a message, by walking it.
//!
//! Shares nothing with `sim` and `encode`, on purpose: only plain data of `model` and `network` is read, and even prefixes
//! are compared with arithmetic of its own. Every sentence below is from design.md section 1:
//!
//! * *Send implies an honest source: an address of the sender's own namespace, of the destination's family, and loopback
//!   only to loopback.* A node without an address sends from one that nobody holds; an external from its prefixes, of
//!   which what pods, nodes and services hold is not its own. Messages go to unicast addresses, ports begin with 1.
//! * *A switch holds an ordered list of rules; first match wins; no match is discarded. An action across a missing link
//!   goes nowhere.* A sender without a link to its switch gets nowhere either.
//! * *Translate: rewrite header fields, remember it for the answer, then look up again* at the same switch.
//! * *A loop is a repeated (switch, header).*
//! * *A connection is judged alone; an answer goes back to the sender's socket before any listener is asked.* On its way
//!   back the switches undo what they remember, the latest first; rules that translate play no part.
//! * *A policy is asked where the node of the pod lets a connection out or in, and never about an answer*; what the pod
//!   sends to itself is exempt, but through a Service where `hairpin=policy`. It sees where the message goes to after
//!   the node's translations, and where it came from before them.
//! * *From an address that is not known, an answer cannot be judged.*

use std::net::IpAddr;

use kubeproof::model::cluster::Cluster;
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::{IpNet, Protocol};
use kubeproof::network::fib::{Action, FibRule, Match, Rewrite};
use kubeproof::network::gate::{Decision, Direction, Gate, Gates};
use kubeproof::network::graph::Network;
use kubeproof::network::header::Header;

/// How one direction of travel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A process took it.
    Received(EntityId),
    /// The answer met the socket that asked.
    Socket,
    /// No rule, a discarding rule, a missing link.
    Died,
    /// It came to a state where it was before.
    Loop,
}

/// One direction: the lookups (switch, header as it came), and the end with the last header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where it was looked up, in order. A loop's repeated state is not there a second time.
    pub visits: Vec<(EntityId, Header)>,
    /// How it ended.
    pub end: End,
    /// The header at the end.
    pub last: Header,
}

/// One outcome of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The message.
    pub way: Way,
    /// Its answer, where somebody received the message.
    pub answer: Option<Way>,
    /// Whether the answer can be judged, if there is one.
    pub judged: bool,
}

impl Story {
    /// Who received it, and with which header.
    pub fn received(&self) -> Option<(EntityId, Header)> {
        match self.way.end {
            End::Received(by) => Some((by, self.way.last)),
            _ => None,
        }
    }

    /// `Replied`: the answer came back, or nothing can be said against it.
    pub fn replied(&self) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|answer| answer.end == End::Socket || !self.judged)
    }

    /// `Loops`: the message, or an answer that can be judged.
    pub fn loops(&self) -> bool {
        self.way.end == End::Loop
            || self.judged && self.answer.as_ref().is_some_and(|a| a.end == End::Loop)
    }
}

/// What a switch remembers of a message that it translated.
type Memory = Vec<(EntityId, Header, Header)>;

/// A cluster with its network.
#[derive(Debug)]
pub struct Oracle<'c> {
    pub cluster: &'c Cluster,
    pub network: &'c Network,
    /// What policies say, whether or not the network asks them.
    pub said: &'c Gates,
    /// By entity: the switch that a process hangs on.
    homes: Vec<Option<EntityId>>,
}

/// The bits of an address, and how many there are.
pub fn bits(ip: IpAddr) -> (u128, u32) {
    match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    }
}

/// Whether an address is in a prefix: as many bits in front are the same as the prefix is long.
pub fn inside(ip: IpAddr, net: &IpNet) -> bool {
    let ((a, width), (b, other)) = (bits(ip), bits(net.addr()));
    let rest = width - u32::from(net.prefix_len()).min(width);
    width == other && (rest == 128 || a >> rest == b >> rest)
}

/// `127.0.0.0/8`, `::1`.
pub fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 127,
        IpAddr::V6(ip) => u128::from(ip) == 1,
    }
}

/// `0.0.0.0/8`, `224.0.0.0/4`, `255.255.255.255`, `::`, `ff00::/8`: no host.
pub fn is_no_host(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => matches!(
            ip.octets(),
            [0, ..] | [224..=239, ..] | [255, 255, 255, 255]
        ),
        IpAddr::V6(ip) => u128::from(ip) == 0 || u128::from(ip) >> 120 == 0xff,
    }
}

fn matches(rule: &Match, header: &Header) -> bool {
    rule.protocol.is_none_or(|p| p == header.protocol)
        && rule.from.is_none_or(|net| inside(header.source, &net))
        && rule.to.is_none_or(|net| inside(header.destination, &net))
        && rule
            .from_ports
            .as_ref()
            .is_none_or(|set| has(set.ranges(), header.source_port))
        && rule
            .to_ports
            .as_ref()
            .is_none_or(|set| has(set.ranges(), header.destination_port))
}

fn has(ranges: &[(u16, u16)], port: u16) -> bool {
    ranges
        .iter()
        .any(|(low, high)| *low <= port && port <= *high)
}

/// The header of the answer.
pub fn turned(h: Header) -> Header {
    Header {
        protocol: h.protocol,
        source: h.destination,
        source_port: h.destination_port,
        destination: h.source,
        destination_port: h.source_port,
    }
}

fn rewrite(h: &Header, way: &Rewrite) -> Header {
    let mut new = *h;
    if let Some(ip) = way.destination {
        new.destination = ip;
    }
    if let Some(port) = way.destination_port {
        new.destination_port = port;
    }
    if let Some(ip) = way.source {
        new.source = ip;
    }
    if let Some(port) = way.source_port {
        new.source_port = port;
    }
    // A pod that meets itself behind a Service.
    if let Some(ip) = way.hairpin_source
        && h.source == new.destination
    {
        new.source = ip;
    }
    new
}

impl<'c> Oracle<'c> {
    /// Reads off who hangs where.
    pub fn new(cluster: &'c Cluster, network: &'c Network) -> Self {
        let mut homes = vec![None; cluster.names.len()];
        for pod in &cluster.pods {
            pod.containers
                .iter()
                .for_each(|c| homes[c.id.index()] = Some(pod.id));
        }
        for node in &cluster.nodes {
            node.daemons
                .iter()
                .for_each(|d| homes[d.id.index()] = Some(node.id));
        }
        for external in &cluster.externals {
            homes[external.id.index()] = cluster.outside;
        }
        Self {
            cluster,
            network,
            said: &network.gates,
            homes,
        }
    }

    /// The switch that a process hangs on.
    pub fn home(&self, process: EntityId) -> Option<EntityId> {
        self.homes[process.index()]
    }

    /// Whether a pod, node or service has this address.
    pub fn held(&self, ip: IpAddr) -> bool {
        let c = self.cluster;
        c.pods
            .iter()
            .any(|p| p.addresses.iter().any(|a| a.ip == ip))
            || c.nodes
                .iter()
                .any(|n| n.addresses.iter().any(|a| a.ip == ip))
            || c.services
                .iter()
                .any(|s| s.addresses.iter().any(|a| a.ip == ip))
    }

    /// Whether it is a node without addresses whose process this is.
    fn is_free(&self, process: EntityId) -> bool {
        self.cluster
            .nodes
            .iter()
            .any(|n| n.addresses.is_empty() && n.daemons.iter().any(|d| d.id == process))
    }

    /// Whether the process may send this.
    pub fn honest(&self, sender: EntityId, h: &Header) -> bool {
        let c = self.cluster;
        if h.source.is_ipv4() != h.destination.is_ipv4()
            || h.source_port == 0
            || h.destination_port == 0
        {
            return false;
        }
        if is_no_host(h.destination) {
            return false;
        }
        let external = c.externals.iter().find(|x| x.id == sender);
        if is_local(h.destination) {
            // From 127.0.0.1 or ::1; what goes on inside a host outside is not known.
            return external.is_none()
                && matches!(bits(h.source).0, 1 | 0x7f00_0001)
                && is_local(h.source);
        }
        if is_local(h.source) {
            return false;
        }
        let free = !self.held(h.source) && !is_no_host(h.source);
        if let Some(external) = external {
            return free && external.prefixes.iter().any(|net| inside(h.source, net));
        }
        if self.is_free(sender) {
            return free;
        }
        let pod = c
            .pods
            .iter()
            .find(|p| p.containers.iter().any(|x| x.id == sender))
            .map(|p| &p.addresses);
        let node = c
            .nodes
            .iter()
            .find(|n| n.daemons.iter().any(|x| x.id == sender))
            .map(|n| &n.addresses);
        pod.or(node)
            .is_some_and(|own| own.iter().any(|a| a.ip == h.source))
    }

    /// Everything that can happen to a message: one story for each sequence of choices, the first choices first.
    pub fn stories(&self, sender: EntityId, sent: Header) -> Vec<Story> {
        let mut all = Vec::new();
        let Some(home) = self.home(sender) else {
            return all;
        };
        if self.network.links.contains(&(sender, home)) {
            self.travel(
                sender,
                sent,
                home,
                sent,
                &mut Vec::new(),
                &mut Vec::new(),
                &mut all,
            );
        } else {
            let way = Way {
                visits: Vec::new(),
                end: End::Died,
                last: sent,
            };
            self.finish(sender, sent, way, &[], &mut all);
        }
        all
    }

    #[allow(clippy::too_many_arguments, reason = "the state of a walk")]
    fn travel(
        &self,
        sender: EntityId,
        sent: Header,
        at: EntityId,
        h: Header,
        visits: &mut Vec<(EntityId, Header)>,
        memory: &mut Memory,
        all: &mut Vec<Story>,
    ) {
        let ends = |end, visits: &[(EntityId, Header)]| Way {
            visits: visits.to_vec(),
            end,
            last: h,
        };
        if visits.contains(&(at, h)) {
            return self.finish(sender, sent, ends(End::Loop, visits), memory, all);
        }
        visits.push((at, h));
        let linked = |to: EntityId| self.network.links.contains(&(at, to));
        match self
            .rules(at)
            .iter()
            .find(|r| matches(&r.matches, &h))
            .map(|r| &r.action)
        {
            Some(Action::Forward(to) | Action::Deliver(to))
                if linked(*to) && self.stopped(at, *to, sent, &h, visits) =>
            {
                self.finish(sender, sent, ends(End::Died, visits), memory, all);
            }
            Some(Action::Forward(to)) if linked(*to) => {
                self.travel(sender, sent, *to, h, visits, memory, all)
            }
            Some(Action::Deliver(to)) if linked(*to) => {
                self.finish(sender, sent, ends(End::Received(*to), visits), memory, all);
            }
            Some(Action::Translate(ways)) => {
                for way in ways {
                    let new = rewrite(&h, way);
                    memory.push((at, h, new));
                    self.travel(sender, sent, at, new, visits, memory, all);
                    memory.pop();
                }
            }
            _ => self.finish(sender, sent, ends(End::Died, visits), memory, all),
        }
        visits.pop();
    }

    /// Whether a policy stops a connection that a switch is about to hand over.
    fn stopped(
        &self,
        at: EntityId,
        to: EntityId,
        sent: Header,
        h: &Header,
        visits: &[(EntityId, Header)],
    ) -> bool {
        let since = visits.iter().rev().take_while(|v| v.0 == at);
        let came = since.last().map_or(h.source, |v| v.1.source);
        let Gates { all, hairpin } = &self.network.gates;
        all.iter().filter(|g| g.at == at).any(|g| {
            let out = g.addresses.contains(&came);
            let into = g.subject == to;
            if out && into && (!hairpin || sent.destination == h.destination) {
                return false;
            }
            match g.direction {
                Direction::Egress => out && !lets(g, h.destination, h.protocol, h.destination_port),
                Direction::Ingress => into && !lets(g, came, h.protocol, h.destination_port),
            }
        })
    }

    /// Whether policies let the sender of a message open a connection to there.
    pub fn allowed(&self, sent: Header, to: IpAddr, port: u16) -> bool {
        let mut fine = true;
        for g in &self.said.all {
            let (out, into) = (
                g.addresses.contains(&sent.source),
                g.addresses.contains(&to),
            );
            let through_a_service = self.said.hairpin && sent.destination != to;
            if out && into && !through_a_service {
                continue;
            }
            fine &= match g.direction {
                Direction::Egress => !out || lets(g, to, sent.protocol, port),
                Direction::Ingress => !into || lets(g, sent.source, sent.protocol, port),
            };
        }
        fine
    }

    fn rules(&self, at: EntityId) -> &'c [FibRule] {
        self.network
            .switches
            .iter()
            .find(|s| s.id == at)
            .map_or(&[], |s| &s.fib)
    }

    fn finish(
        &self,
        sender: EntityId,
        sent: Header,
        way: Way,
        memory: &[(EntityId, Header, Header)],
        all: &mut Vec<Story>,
    ) {
        let answer = match way.end {
            End::Received(by) => Some(self.answer(sender, sent, by, turned(way.last), memory)),
            _ => None,
        };
        let judged = answer.is_none() || !self.is_free(sender) || is_local(sent.destination);
        all.push(Story {
            way,
            answer,
            judged,
        });
    }

    /// The way of an answer, which has no choices.
    fn answer(
        &self,
        sender: EntityId,
        sent: Header,
        from: EntityId,
        h: Header,
        memory: &[(EntityId, Header, Header)],
    ) -> Way {
        let mut visits = Vec::new();
        let mut h = h;
        let home = self.home(sender);
        let linked = |x, y| self.network.links.contains(&(x, y));
        let Some(mut at) = self.home(from).filter(|at| linked(from, *at)) else {
            return Way {
                visits,
                end: End::Died,
                last: h,
            };
        };
        loop {
            let end = |end, visits| Way {
                visits,
                end,
                last: h,
            };
            if visits.contains(&(at, h)) {
                return end(End::Loop, visits);
            }
            visits.push((at, h));
            if home == Some(at) && h == turned(sent) {
                return end(
                    if linked(at, sender) {
                        End::Socket
                    } else {
                        End::Died
                    },
                    visits,
                );
            }
            let remembered = memory
                .iter()
                .rev()
                .find(|(by, _, after)| *by == at && turned(*after) == h);
            if let Some((_, before, _)) = remembered {
                h = turned(*before);
                continue;
            }
            let mut rules = self
                .rules(at)
                .iter()
                .filter(|r| !matches!(r.action, Action::Translate(_)));
            match rules.find(|r| matches(&r.matches, &h)).map(|r| &r.action) {
                Some(Action::Forward(to)) if linked(at, *to) => at = *to,
                Some(Action::Deliver(to)) if linked(at, *to) => {
                    return end(End::Received(*to), visits);
                }
                _ => return end(End::Died, visits),
            }
        }
    }
}

/// Tier by tier, rule by rule.
fn lets(gate: &Gate, peer: IpAddr, protocol: Protocol, port: u16) -> bool {
    'tiers: for tier in &gate.tiers {
        for rule in tier {
            let who = match &rule.peers {
                None => true,
                Some(set) => set.nets().iter().any(|net| inside(peer, net)),
            };
            let what = match &rule.ports {
                None => true,
                Some(all) => all
                    .iter()
                    .any(|(p, set)| *p == protocol && has(set.ranges(), port)),
            };
            match rule.decision {
                _ if !(who && what) => {}
                Decision::Allow => return true,
                Decision::Deny => return false,
                Decision::Pass => continue 'tiers,
            }
        }
    }
    true
}

/// Whether a protocol shakes hands: without an answer nothing was received.
pub fn wants_answer(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tcp | Protocol::Sctp)
}
