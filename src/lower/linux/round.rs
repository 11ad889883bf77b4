//! Whether there may be a way round a namespace: from somebody who sends through it, to whom he sends, and not through it.
//!
//! Links alone say who is still connected without it, and routes who hands what to it. Where nobody that is connected to
//! the receiver without it hands it messages to the receiver, every answer comes back through it. More ways are taken to
//! be there than there are (whatever forwarding, policy rules and sources say), never fewer; one pass over links and
//! routes for each namespace. Must never know: chains, beyond whether a bridge asks them; headers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::model::inet::{Family, IpNet};
use crate::model::linux::LinkKind;

use super::stage::{Builder, Ns};

/// Those who are on one link; frames between them pass the chains of these namespaces.
type Link = (Vec<Ns>, Vec<Ns>);

/// Who reaches all the others of a link: one, or several. Without the only one they do not reach each other by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hub {
    One(Ns),
    Several,
}

/// Who is connected to whom, and who hands what to whom.
#[derive(Debug)]
pub(super) struct Ways {
    links: BTreeMap<Link, Hub>,
    /// To each namespace: from whom, for which destinations.
    handed: HashMap<Ns, BTreeSet<(Ns, IpNet)>>,
    /// Every address that is not of the loopback, with its holder, ascending.
    holders: Vec<(IpAddr, Ns)>,
    /// Namespaces that share an address with another.
    sharing: BTreeSet<Ns>,
    /// A tunnel leads anywhere.
    anywhere: bool,
    /// Of each namespace the one that stands for those connected to it.
    stands: Vec<Ns>,
}

impl Builder<'_> {
    /// All ways of all namespaces.
    pub(super) fn ways(&mut self) -> Ways {
        let mut holders: Vec<(IpAddr, Ns)> = Vec::new();
        for (ns, facts) in self.facts.iter().enumerate() {
            let own = facts.own().filter(|a| !a.is_loopback());
            holders.extend(own.map(|a| (a, ns)));
        }
        holders.sort_unstable();
        let shared = holders.chunk_by(|a, b| a.0 == b.0).filter(|c| c.len() > 1);
        let mut ways = Ways {
            links: BTreeMap::new(),
            handed: HashMap::new(),
            sharing: shared.flatten().map(|(_, ns)| *ns).collect(),
            holders,
            anywhere: false,
            stands: vec![0; self.facts.len()],
        };
        for ns in 0..self.facts.len() {
            self.links_of(ns, &mut ways);
            self.routes_of(ns, &mut ways);
        }
        ways
    }

    /// The namespaces whose chains a frame passes on bridges that it crosses.
    fn asked_on(&self, arrival: &super::stage::Arrival) -> Vec<Ns> {
        let calls = |c: &&super::stage::Crossing| {
            let families = [Family::V4, Family::V6];
            families
                .iter()
                .any(|f| self.facts[c.ns].calls(*f, c.bridge))
        };
        let mut all: Vec<Ns> = arrival
            .crossings
            .iter()
            .filter(calls)
            .map(|c| c.ns)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn links_of(&mut self, ns: Ns, ways: &mut Ways) {
        for device in 0..self.facts[ns].ns.interfaces.len() {
            let own = self.facts[ns].interface(device);
            // A port of a bridge sends nothing of its own.
            if own.master.is_some() || own.kind == LinkKind::Loopback {
                continue;
            }
            let segment = self.segment(ns, device);
            let mut groups: BTreeMap<Vec<Ns>, BTreeSet<Ns>> = BTreeMap::new();
            for arrival in &segment.arrivals {
                let asked = self.asked_on(arrival);
                groups
                    .entry(asked)
                    .or_insert_with(|| [ns].into())
                    .insert(arrival.ns);
            }
            for (asked, members) in groups {
                ways.link((members.into_iter().collect(), asked), ns);
            }
        }
    }

    fn routes_of(&mut self, ns: Ns, ways: &mut Ways) {
        let mut all: BTreeSet<(Option<IpAddr>, String, IpNet)> = BTreeSet::new();
        for route in &self.facts[ns].ns.routes {
            for hop in &route.hops {
                let device = hop.device.clone().unwrap_or_default();
                all.insert((hop.gateway, device, route.destination.trunc()));
            }
        }
        for (gateway, device, net) in all {
            let Some(device) = self.facts[ns].device(&device) else {
                continue;
            };
            let own = self.facts[ns].interface(device);
            let far = matches!(own.kind, LinkKind::Tunnel { .. } | LinkKind::Other(_));
            let fixed = |n: &crate::model::linux::Neighbour| !n.proxy && n.device == own.name;
            let fixed = self.facts[ns].ns.neighbours.iter().any(fixed);
            let mut owners: Vec<Ns> = Vec::new();
            if let Some(gateway) = gateway {
                owners.extend(self.owners.get(&gateway).into_iter().flatten());
            }
            if far {
                ways.anywhere |= gateway.is_none();
                for owner in owners {
                    ways.hand(owner, ns, net);
                    ways.link((vec![ns.min(owner), ns.max(owner)], Vec::new()), ns);
                }
                continue;
            }
            let segment = self.segment(ns, device);
            // Whoever may answer for what is not his, or is named by hand, may be handed anything.
            let lending = segment.lending.iter().copied();
            let of_owners = owners
                .iter()
                .flat_map(|o| segment.of.get(o).into_iter().flatten());
            let takers: Vec<usize> = if fixed {
                (0..segment.arrivals.len()).collect()
            } else {
                lending.chain(of_owners.copied()).collect()
            };
            for at in takers {
                ways.hand(segment.arrivals[at].ns, ns, net);
                self.asked_on(&segment.arrivals[at])
                    .into_iter()
                    .for_each(|to| ways.hand(to, ns, net));
            }
            if gateway.is_none() {
                for arrival in &segment.arrivals {
                    self.asked_on(arrival)
                        .into_iter()
                        .for_each(|to| ways.hand(to, ns, net));
                }
            }
        }
    }
}

impl Ways {
    /// Somebody is handed what somebody has for a destination.
    fn hand(&mut self, to: Ns, from: Ns, net: IpNet) {
        self.handed.entry(to).or_default().insert((from, net));
    }

    /// One who reaches the others of a link.
    fn link(&mut self, link: Link, hub: Ns) {
        let known = self.links.entry(link).or_insert(Hub::One(hub));
        if *known != Hub::One(hub) {
            *known = Hub::Several;
        }
    }

    /// Whether there may be a way round a namespace.
    pub(super) fn round(&mut self, middle: Ns) -> bool {
        if self.anywhere || self.sharing.contains(&middle) {
            return true;
        }
        let Some(handed) = self.handed.get(&middle) else {
            return false;
        };
        for (ns, stands) in self.stands.iter_mut().enumerate() {
            *stands = ns;
        }
        let mut sizes = vec![1_u32; self.stands.len()];
        for ((members, asked), hub) in &self.links {
            if asked.contains(&middle) || *hub == Hub::One(middle) {
                continue;
            }
            let mut members = members.iter().copied().filter(|ns| *ns != middle);
            let Some(first) = members.next() else {
                continue;
            };
            for other in members {
                let (a, b) = (root(&mut self.stands, first), root(&mut self.stands, other));
                if a != b {
                    self.stands[b] = a;
                    sizes[a] += sizes[b];
                }
            }
        }
        for &(from, net) in handed.iter().filter(|(from, _)| *from != middle) {
            let home = root(&mut self.stands, from);
            // Nobody else is there.
            if sizes[home] < 2 {
                continue;
            }
            let start = self.holders.partition_point(|(a, _)| *a < net.network());
            let reached = self.holders[start..]
                .iter()
                .take_while(|(a, _)| net.contains(a));
            for &(_, to) in reached {
                if to != middle && root(&mut self.stands, to) == home {
                    return true;
                }
            }
        }
        false
    }
}

fn root(stands: &mut [Ns], ns: Ns) -> Ns {
    let mut at = ns;
    while stands[at] != at {
        stands[at] = stands[stands[at]];
        at = stands[at];
    }
    at
}
