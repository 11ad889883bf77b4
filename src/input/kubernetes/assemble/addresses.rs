//! Addresses for what has none: some that are distinct from all others and that no rule of the input names.
//!
//! Knows: prefixes and which addresses are taken. Must never know: who gets an address.
//!
//! An address is chosen by counting, so that the same input gives the same ones, and a hundred thousand cost no more
//! than a hundred thousand steps.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::inet::{Family, IpNet, successor};

/// Prefixes shorter than this are about everybody: nobody can keep away from them.
const TOO_WIDE: u8 = 8;

/// What is taken, and where the next free address is looked for.
#[derive(Debug)]
pub(super) struct Chooser {
    used: HashSet<IpAddr>,
    /// Prefixes that the input names.
    named: Vec<IpNet>,
    /// The next address to look at in each prefix that was asked for.
    next: HashMap<IpNet, Option<IpAddr>>,
    /// Ranges that are handed out to nobody else.
    taken: HashSet<IpNet>,
}

/// Where addresses are taken from, in order.
#[derive(Debug)]
pub(super) struct Pool {
    nets: VecDeque<IpNet>,
}

impl Chooser {
    pub(super) fn new(used: HashSet<IpAddr>, named: Vec<IpNet>) -> Self {
        Self {
            used,
            named,
            next: HashMap::new(),
            taken: HashSet::new(),
        }
    }

    /// A pool of these prefixes.
    pub(super) fn pool_of(nets: &[IpNet], family: Family) -> Pool {
        let nets = nets.iter().filter(|net| Family::of(net.addr()) == family);
        Pool {
            nets: nets.copied().collect(),
        }
    }

    /// A pool of private ranges that the input does not name; those that only hold no address of the input come after.
    pub(super) fn pool(&mut self, family: Family, nodes: bool) -> Pool {
        let mut candidates = candidates(family, nodes);
        candidates.retain(|net| !self.taken.contains(net));
        let used: HashSet<IpNet> = self
            .used
            .iter()
            .filter_map(|ip| IpNet::new(*ip, candidate_length(family)).ok())
            .map(|net| net.trunc())
            .collect();
        let meets = |net: &IpNet, other: &IpNet| net.contains(other) || other.contains(net);
        let named = |net: &IpNet| {
            let mut all = self.named.iter().filter(|n| n.prefix_len() >= TOO_WIDE);
            all.any(|other| meets(net, other))
        };
        let (free, rest): (Vec<IpNet>, Vec<IpNet>) = candidates
            .into_iter()
            .filter(|net| !used.contains(net))
            .partition(|net| !named(net));
        let nets: VecDeque<IpNet> = free.into_iter().chain(rest).collect();
        // Pods and nodes never share a range: the first is kept for the one who asks first.
        self.taken.extend(nets.front().filter(|_| nodes));
        Pool { nets }
    }

    /// The next free address of a pool.
    pub(super) fn choose(&mut self, pool: &mut Pool) -> Option<IpAddr> {
        while let Some(net) = pool.nets.front() {
            if let Some(ip) = self.choose_in(*net) {
                return Some(ip);
            }
            pool.nets.pop_front();
        }
        None
    }

    /// The next free address of a prefix, without the first and the last, which are no host's.
    pub(super) fn choose_in(&mut self, net: IpNet) -> Option<IpAddr> {
        let host = net.max_prefix_len() - net.prefix_len();
        let (first, last) = if host < 2 {
            (Some(net.network()), net.broadcast())
        } else {
            (successor(net.network()), before(net.broadcast()))
        };
        let mut next = *self.next.entry(net).or_insert(first);
        let mut found = None;
        while let Some(ip) = next.filter(|ip| *ip <= last) {
            next = successor(ip);
            if self.used.insert(ip) {
                found = Some(ip);
                break;
            }
        }
        self.next.insert(net, next);
        found
    }
}

fn before(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip).saturating_sub(1)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip).saturating_sub(1)).into(),
    }
}

fn candidate_length(family: Family) -> u8 {
    match family {
        Family::V4 => 16,
        Family::V6 => 64,
    }
}

/// Private ranges, the customary ones first.
fn candidates(family: Family, nodes: bool) -> Vec<IpNet> {
    let v4 = |a: u8, b: u8| IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, 0, 0)), 16);
    let v6 = |a: u16, b: u16| {
        let ip = Ipv6Addr::new(0xfd00, 0x10, a, b, 0, 0, 0, 0);
        IpNet::new_assert(IpAddr::V6(ip), 64)
    };
    match (family, nodes) {
        (Family::V4, false) => {
            let ten = (244..=255).chain((128..=243).rev()).chain(0..=95);
            let ten = ten.map(|b| v4(10, b));
            let shared = (64..=127).map(|b| v4(100, b));
            let more = (16..=31).map(|b| v4(172, b));
            ten.chain(shared).chain(more).collect()
        }
        (Family::V4, true) => {
            let first = (18..=31).chain(16..=17).map(|b| v4(172, b));
            let rest = (0..=127).map(|b| v4(10, b));
            first.chain([v4(192, 168)]).chain(rest).collect()
        }
        (Family::V6, false) => (0..=255).map(|b| v6(0x244, b)).collect(),
        (Family::V6, true) => (0..=255).map(|b| v6(0x18, b)).collect(),
    }
}
