//! Which interface is at the other end of a pair.
//!
//! Knows: the evidence in dumps: indices, numbers and names of namespaces, link-layer addresses, routes to hosts. Must
//! never know: how a message crosses a pair.
//!
//! The kernel tells the index of the other end and a number of its namespace. Where the number has a name, it decides.
//! Else the candidates are those interfaces that point back; of several, the one that was heard behind the interface.

use std::collections::{HashMap, HashSet};

use super::namespace::Draft;
use super::top::Listed;
use crate::model::linux::{LinkKind, Role};

/// Namespace and index of an interface.
type End = (usize, u32);

/// Sets the other end of every pair, where it is in the snapshot and known.
pub(super) fn connect(drafts: &mut [Draft], listed: &[Listed]) {
    let ends = Ends::of(drafts);
    let own = |l: &'_ Listed| l.netns.clone().unwrap_or_else(|| l.name.clone());
    let own: Vec<String> = listed.iter().map(own).collect();
    let names: HashMap<&str, usize> = (0..).zip(&own).map(|(at, n)| (n.as_str(), at)).collect();
    let mut known: HashMap<End, End> = HashMap::new();
    let mut open: Vec<(End, Vec<End>)> = Vec::new();
    for &end in &ends.all {
        match ends.named(end, drafts, &names) {
            Some(other) => pair(&mut known, end, other),
            None => open.push((end, Vec::new())),
        }
    }
    for (end, candidates) in &mut open {
        *candidates = ends.pointing_back(*end, drafts);
    }
    // What is decided takes itself out of the others' candidates, until nothing more follows.
    loop {
        let before = known.len();
        for (end, candidates) in &open {
            if known.contains_key(end) {
                continue;
            }
            let free: Vec<End> = candidates
                .iter()
                .filter(|c| !known.contains_key(*c))
                .copied()
                .collect();
            let heard: Vec<End> = free
                .iter()
                .filter(|c| heard(drafts, *end, **c) || heard(drafts, **c, *end))
                .copied()
                .collect();
            match (heard.as_slice(), free.as_slice()) {
                ([one], _) => pair(&mut known, *end, *one),
                ([], [one]) if same_place(drafts, *end, *one) => pair(&mut known, *end, *one),
                _ => {}
            }
        }
        if known.len() == before {
            break;
        }
    }
    for (at, draft) in drafts.iter_mut().enumerate() {
        for link in &mut draft.links {
            if let LinkKind::Veth { peer } = &mut link.interface.kind {
                *peer = known.get(&(at, link.interface.index)).copied();
            }
        }
    }
}

fn pair(known: &mut HashMap<End, End>, one: End, other: End) {
    if one != other && !known.contains_key(&one) && !known.contains_key(&other) {
        known.insert(one, other);
        known.insert(other, one);
    }
}

/// All ends of pairs, and where namespaces are by name.
struct Ends {
    all: Vec<End>,
    /// Ends by their own index.
    by_index: HashMap<u32, Vec<End>>,
    set: HashSet<End>,
}

impl Ends {
    fn of(drafts: &[Draft]) -> Self {
        let mut ends = Self {
            all: Vec::new(),
            by_index: HashMap::new(),
            set: HashSet::new(),
        };
        for (at, draft) in drafts.iter().enumerate() {
            for link in &draft.links {
                if matches!(link.interface.kind, LinkKind::Veth { .. }) {
                    let end = (at, link.interface.index);
                    ends.all.push(end);
                    ends.set.insert(end);
                    ends.by_index.entry(end.1).or_default().push(end);
                }
            }
        }
        ends
    }

    /// The other end, where its namespace is told by name. A name that is none of the snapshot says nothing: a pod's
    /// namespace has a name of its own beside the pod's.
    fn named(&self, end: End, drafts: &[Draft], names: &HashMap<&str, usize>) -> Option<End> {
        let link = find(drafts, end)?;
        let draft = drafts.get(end.0)?;
        let other = if let Some(name) = &link.peer_name {
            let other = draft.links.iter().find(|l| l.interface.name == *name)?;
            (end.0, other.interface.index)
        } else {
            let name = draft.netns_ids.get(&link.peer_netns?)?;
            (by_name(name, names)?, link.peer_index?)
        };
        self.set.contains(&other).then_some(other)
    }

    /// Ends of other namespaces whose index this one names, and that name this one's.
    fn pointing_back(&self, end: End, drafts: &[Draft]) -> Vec<End> {
        let Some(index) = find(drafts, end).and_then(|l| l.peer_index) else {
            return Vec::new();
        };
        let all = self.by_index.get(&index).into_iter().flatten();
        let back = all.filter(|other| {
            let link = find(drafts, **other);
            **other != end
                && link.is_some_and(|l| l.peer_index == Some(end.1))
                && related(drafts, end.0, other.0)
        });
        back.copied().collect()
    }
}

/// The namespace of a name as `ip netns` has it: its own, or with something before it (`k8l-n1p1`).
fn by_name(name: &str, names: &HashMap<&str, usize>) -> Option<usize> {
    // The longest end of it that is a name.
    let begins = name
        .match_indices(['-', '_', '.', '/'])
        .map(|(at, _)| at + 1);
    let ends = std::iter::once(0)
        .chain(begins)
        .filter_map(|at| name.get(at..));
    ends.into_iter().find_map(|end| names.get(end).copied())
}

fn find(drafts: &[Draft], end: End) -> Option<&super::link::Link> {
    let links = &drafts.get(end.0)?.links;
    let at = links
        .binary_search_by_key(&end.1, |l| l.interface.index)
        .ok()?;
    links.get(at)
}

/// A pod's pair ends in the namespace of its node; others may end anywhere.
fn related(drafts: &[Draft], one: usize, other: usize) -> bool {
    let pod = |at: usize| drafts[at].netns.role == Role::Pod;
    let hosts = |pod: usize, node: usize| drafts[pod].netns.node == Some(node);
    match (pod(one), pod(other)) {
        (true, true) => one == other,
        (true, false) => hosts(one, other),
        (false, true) => hosts(other, one),
        (false, false) => true,
    }
}

/// Whether one candidate is enough: of a pod and its node it is, of nodes and others it may be chance.
fn same_place(drafts: &[Draft], one: End, other: End) -> bool {
    let pod = |at: usize| drafts[at].netns.role == Role::Pod;
    one.0 == other.0 || pod(one.0) != pod(other.0)
}

/// Whether the far end's link-layer address or one of its addresses was met behind the near end.
fn heard(drafts: &[Draft], near: End, far: End) -> bool {
    let (Some(near_link), Some(far_link)) = (find(drafts, near), find(drafts, far)) else {
        return false;
    };
    let draft = &drafts[near.0];
    let name = &near_link.interface.name;
    let mac = far_link.interface.mac.as_ref();
    let holds = |ip: std::net::IpAddr| {
        far_link
            .interface
            .addresses
            .iter()
            .any(|a| a.net.addr() == ip && a.scope == "global")
    };
    let learnt = draft
        .learnt
        .iter()
        .any(|(m, d)| d == name && Some(m) == mac);
    let written = draft.netns.neighbours.iter().any(|n| {
        n.device == *name
            && (n.mac.as_ref() == mac && mac.is_some() || holds(n.address) && !n.proxy)
    });
    let routed = draft.netns.routes.iter().any(|r| {
        let host = r.destination.prefix_len() == r.destination.max_prefix_len();
        host && holds(r.destination.addr())
            && r.hops.iter().any(|h| h.device.as_ref() == Some(name))
    });
    learnt || written || routed
}
