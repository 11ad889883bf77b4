//! The stages of a network of namespaces, made as they are reached: which ones there are, and what makes two of them the
//! same.
//!
//! Knows: the state of the kernel that is not in the header. Must never know: what happens at a stage (its siblings add
//! that to [`Builder`], one concern each).

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::base::quick::QuickMap;
use crate::base::source::Span;
use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::model::linux::{Hook, LinkKind, Snapshot};
use crate::network::fib::{Action, DiscardReason, Fib};

use super::context::Context;
use super::discovery::{self, Stops};
use super::facts::Facts;
use super::lists::Lists;
use super::lookup::Tables;
use super::next::Next;

pub(super) use super::onlink::{Arrival, Crossing, Device, Ns, Segment};

/// What a route says of the next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Hop {
    /// By this device.
    pub(super) device: Device,
    /// To this neighbour; none where the destination itself is one.
    pub(super) gateway: Option<IpAddr>,
}

/// How a message goes on after the chains of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// By routing.
    Routed,
    /// Within the namespace, over `lo`.
    Loop,
    /// As a frame of a bridge: here, then there.
    Bridged(Crossing, Arrival),
}

/// What the kernel knows of a message beside its header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Env {
    /// Its family.
    pub(super) family: Family,
    /// The device it came in by, or the one that stands for it; none where it is sent from here.
    pub(super) incoming: Option<Device>,
    /// The port of a bridge it came in by, where rules or a way back to it tell that apart.
    pub(super) port: Option<Device>,
    /// The device it leaves by, or the one that stands for it.
    pub(super) outgoing: Option<Device>,
    /// How it goes on.
    pub(super) way: Way,
    /// The next hop, where looking it up again may find another.
    pub(super) hop: Option<Hop>,
    /// Its mark.
    pub(super) mark: u32,
    /// The mark of what follows it in its connection, here.
    pub(super) later: u32,
    /// The mark of its connection.
    pub(super) connection: u32,
    /// The mark that routing sees, for what is sent from here.
    pub(super) routed: u32,
    /// Its destination was changed at the hook where it is.
    pub(super) changed: bool,
    /// (source, destination) translated, where a rule asks.
    pub(super) translated: (bool, bool),
    /// Exempt from connection tracking.
    pub(super) untracked: bool,
}

impl Env {
    /// Nothing known yet.
    pub(super) fn new(family: Family, incoming: Option<Device>) -> Self {
        Self {
            family,
            incoming,
            port: None,
            outgoing: None,
            way: Way::Routed,
            hop: None,
            mark: 0,
            later: 0,
            connection: 0,
            routed: 0,
            changed: false,
            translated: (false, false),
            untracked: false,
        }
    }
}

/// Which packets of a connection of TCP or SCTP are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// All: nothing tells them apart.
    Each,
    /// The first one in its direction; the later ones after it.
    First,
    /// The first one alone: what is decided for it (a translation) holds for the later ones.
    Alone,
    /// The later ones.
    Later,
}

/// A place in the walk through the chains of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cursor {
    /// The namespace.
    pub(super) ns: Ns,
    /// The hook.
    pub(super) hook: Hook,
    /// Which of the hook's chains.
    pub(super) item: usize,
    /// Chain and rule, the base chain first.
    pub(super) stack: Vec<(usize, usize)>,
    /// Which packets of a connection.
    pub(super) pace: Pace,
    /// What is known of the message's header.
    pub(super) context: Context,
    /// What the kernel knows of it.
    pub(super) env: Env,
}

/// A new source or destination, and the rule that says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Change {
    /// Of the source; else of the destination.
    pub(super) source: bool,
    /// The new address.
    pub(super) address: Option<IpAddr>,
    /// The new port.
    pub(super) port: Option<u16>,
    /// The rule.
    pub(super) text: Arc<str>,
    /// Where it is written.
    pub(super) origin: Span,
}

/// What makes a stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// What the processes of a namespace send.
    Send(Ns),
    /// What arrives for them.
    Socket(Ns),
    /// Routing what is sent from here, after the chains of OUTPUT.
    Sent(Ns, Env),
    /// Whether what comes in may have come this way.
    Check(Ns, Env),
    /// Routing what came in.
    Arrived(Ns, Env),
    /// The next hop, after the chains, where the destination alone says which.
    Leaving(Ns, Family),
    /// In a chain.
    Walk(Box<Cursor>),
    /// The one place of a hook where the kernel translates, and undoes for answers.
    Nat(Ns, Hook, usize, Env),
    /// An answer to one of the addresses that sources are translated to, among frames of a bridge.
    Undo(Ns, usize, Env),
    /// Being translated.
    Translate(Ns, Hook, usize, Env, Change),
    /// Neighbours on the link of a device, by destination.
    Link(Ns, Device, Family),
    /// Neighbours on a bridge, by destination, of a frame whose destination was changed on its way in.
    Redirected(Ns, Device, Env),
    /// Into a tunnel, or over a link that a tunnel is part of.
    Tunnel(Ns, Device, Option<IpAddr>, Family),
    /// Rules that say all themselves: the how-manyth of these.
    Just(Ns, usize),
}

impl Key {
    /// The namespace.
    pub(super) fn ns(&self) -> Ns {
        match self {
            Self::Send(ns)
            | Self::Socket(ns)
            | Self::Sent(ns, _)
            | Self::Check(ns, _)
            | Self::Arrived(ns, _)
            | Self::Leaving(ns, _)
            | Self::Nat(ns, ..)
            | Self::Undo(ns, ..)
            | Self::Translate(ns, ..)
            | Self::Link(ns, ..)
            | Self::Redirected(ns, ..)
            | Self::Tunnel(ns, ..)
            | Self::Just(ns, _) => *ns,
            Self::Walk(cursor) => cursor.ns,
        }
    }
}

/// A stage that is being made.
#[derive(Debug)]
pub(super) struct Draft {
    /// What makes it.
    pub(super) key: Key,
    /// Its rules; none where it is still being made.
    pub(super) fib: Option<Fib>,
}

/// Everything that stages are made of.
#[derive(Debug)]
pub(super) struct Builder<'s> {
    /// As read.
    pub(super) snapshot: &'s Snapshot,
    /// Of each namespace.
    pub(super) facts: Vec<Facts<'s>>,
    /// Of each namespace: what may stop IPv6 neighbour discovery.
    pub(super) stops: Vec<Stops>,
    /// Of each namespace.
    pub(super) tables: Vec<Tables<'s>>,
    /// The namespaces that own an address.
    pub(super) owners: HashMap<IpAddr, Vec<Ns>>,
    /// The families that anybody has an address of.
    pub(super) families: Vec<Family>,
    /// Frames of some bridge travel through a tunnel.
    pub(super) overlay: bool,
    /// Some bridge was told where a link-layer address is, or floods not everything.
    pub(super) told: bool,
    /// Some VXLAN device does not learn from what it receives.
    pub(super) deaf: bool,
    /// Of each namespace: why somebody may be behind a device of it whom nobody else sees.
    pub(super) ridden: Vec<Option<String>>,
    /// Whom a device reaches on its link.
    pub(super) segments: HashMap<(Ns, Device), Rc<Segment>>,
    /// The devices that nothing tells apart from each, by namespace.
    pub(super) alike: Vec<Vec<Device>>,
    /// Stages, by id less `first`.
    pub(super) drafts: Vec<Draft>,
    /// The id of the first stage.
    pub(super) first: u32,
    /// Rules of [`Key::Just`].
    pub(super) just: Lists,
    /// Where the first packet goes on to from the chains of a hook, once the later ones were asked too.
    pub(super) asked: HashMap<Cursor, Next>,
    /// Whoever answers for an address on the link of a device, once asked for.
    pub(super) gateways: QuickMap<(Ns, Device, IpAddr, Family), Next>,
    known: QuickMap<Key, EntityId>,
    begun: Vec<bool>,
}

/// More stages than this in all, or than this many for each namespace, are not made: something multiplies.
const MOST: usize = 400_000;
const MOST_EACH: usize = 100;

impl<'s> Builder<'s> {
    /// Nothing made yet.
    pub(super) fn new(snapshot: &'s Snapshot, first: u32) -> Self {
        let facts: Vec<_> = snapshot.namespaces.iter().map(Facts::of).collect();
        let mut owners: HashMap<IpAddr, Vec<Ns>> = HashMap::new();
        for (ns, facts) in facts.iter().enumerate() {
            for address in facts.own() {
                owners.entry(address).or_default().push(ns);
            }
        }
        let devices = || snapshot.namespaces.iter().flat_map(|n| &n.interfaces);
        let addresses = || devices().flat_map(|i| &i.addresses).map(|a| a.net.addr());
        let counts = |a: IpAddr, f: Family| {
            let local = matches!(a, IpAddr::V6(a) if a.is_unicast_link_local());
            Family::of(a) == f && !local && !a.is_loopback()
        };
        let families = [Family::V4, Family::V6].into_iter();
        let families = families.filter(|f| *f == Family::V4 || addresses().any(|a| counts(a, *f)));
        let mut all = Self {
            families: families.collect(),
            snapshot,
            stops: facts.iter().map(discovery::stops).collect(),
            tables: snapshot.namespaces.iter().map(Tables::of).collect(),
            owners,
            overlay: devices()
                .any(|i| i.master.is_some() && matches!(i.kind, LinkKind::Vxlan { .. })),
            told: devices().any(|i| i.master.is_some() && !(i.port.flood && i.port.broadcast))
                || facts.iter().any(Facts::tells_bridges),
            deaf: devices().any(|i| {
                matches!(i.kind, LinkKind::Vxlan { learning, external, .. } if !learning && !external)
            }),
            ridden: super::onlink::ridden(snapshot),
            segments: HashMap::new(),
            alike: Vec::new(),
            drafts: Vec::new(),
            first,
            just: Lists::default(),
            asked: HashMap::new(),
            gateways: QuickMap::default(),
            known: QuickMap::default(),
            begun: Vec::new(),
            facts,
        };
        all.alike = (0..all.facts.len()).map(|ns| all.arriving(ns)).collect();
        all.find_bypassed();
        all
    }

    /// The stage of a key, made or to be made.
    pub(super) fn stage(&mut self, key: Key) -> EntityId {
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = EntityId(self.first + self.drafts.len() as u32);
        self.known.insert(key.clone(), id);
        self.drafts.push(Draft { key, fib: None });
        self.begun.push(false);
        id
    }

    /// The rules of a stage; none where they are just being made.
    pub(super) fn fib(&mut self, id: EntityId) -> Option<&Fib> {
        let at = (id.0 - self.first) as usize;
        if !self.begun[at] {
            self.begun[at] = true;
            let fib = if at >= MOST.max(MOST_EACH * self.facts.len()) {
                let why = "too many states of the firewall".to_owned();
                let next = Next::dies(DiscardReason::Unmodelled(why));
                let origin = self.facts[self.drafts[at].key.ns()].ns.origin;
                vec![next.rule(Context::default(), None, origin)]
            } else {
                let key = self.drafts[at].key.clone();
                self.make(&key)
            };
            self.drafts[at].fib = Some(fib);
        }
        self.drafts[at].fib.as_ref()
    }

    /// Makes all that is reached.
    pub(super) fn run(&mut self) {
        let mut at = 0;
        while at < self.drafts.len() {
            self.fib(EntityId(self.first + at as u32));
            at += 1;
        }
    }

    /// One of these, whichever.
    pub(super) fn choice(&mut self, ns: Ns, mut all: Vec<Next>) -> Next {
        all.dedup();
        if all.len() == 1
            && let Some(only) = all.pop()
        {
            return only;
        }
        let why = all.iter().find_map(|n| n.why.clone());
        let mut stages: Vec<EntityId> = all.into_iter().map(|n| self.wrapped(ns, n)).collect();
        stages.sort_unstable();
        stages.dedup();
        let action = match stages.as_slice() {
            [only] => Action::Forward(*only),
            _ => Action::Choose(stages),
        };
        let mut next = Next::of(action);
        next.why = why;
        next
    }
}
