//! Addresses and prefixes by what they are to somebody: the address of a pod, a place in the prefix of a node's pods.
//!
//! A prefix is a node's where every address in it that a pod or node holds is held by that node or a pod on it. What is
//! neither such an address nor within such a prefix is itself: a renaming of pods and nodes leaves it alone.
//!
//! Must never know: rules beyond their prefixes, formulas, the solver.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::logic::structure::Structure;
use crate::model::entity::EntityKind;
use crate::model::inet::IpNet;

use super::units::{Unit, Units};

/// What a prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The how-manyth address of a pod or node.
    Held(Unit, u32),
    /// In the how-manyth prefix of a node: from where on, and how long.
    Within(Unit, u32, u128, u8),
    /// Itself.
    Fixed,
}

impl Place {
    /// Whose it is.
    pub(super) fn unit(self) -> Option<Unit> {
        match self {
            Self::Held(unit, _) | Self::Within(unit, ..) => Some(unit),
            Self::Fixed => None,
        }
    }
}

/// Where something is in a node's prefixes: which, from where on, how long.
type Spot = (u32, u128, u8);

/// All that are held, and all prefixes of nodes.
#[derive(Debug)]
pub(super) struct Places {
    held: HashMap<IpAddr, (Unit, u32)>,
    /// Every address that a pod or node holds, special or not, ascending.
    rows: Vec<IpAddr>,
    /// By unit, ascending.
    pub(super) addresses: Vec<Vec<IpAddr>>,
    /// Disjoint, ascending: a node's how-manyth prefix.
    nets: Vec<(IpNet, Unit, u32)>,
    /// By node: what is mentioned within its prefixes.
    spots: HashMap<Unit, BTreeSet<Spot>>,
    /// Prefixes that are themselves.
    fixed: HashSet<IpNet>,
    /// Their lengths, longest first, by family.
    lengths: [Vec<u8>; 2],
}

impl Places {
    /// Of these prefixes, which are all that anything mentions. Those that share an address become special.
    pub(super) fn of(
        structure: &Structure,
        units: &mut Units,
        mentioned: &BTreeSet<IpNet>,
        literals: &[IpNet],
    ) -> Self {
        let kind = |at: usize| structure.entities[at].kind();
        let mut rows: Vec<(IpAddr, Unit)> = Vec::new();
        let mut fixed: Vec<IpNet> = literals.iter().map(IpNet::trunc).collect();
        for (id, net) in &structure.addr {
            match kind(id.index()) {
                EntityKind::Pod | EntityKind::Node => {
                    let at = units.ids.binary_search(id).unwrap_or_default();
                    rows.push((net.addr(), Unit(at as u32)));
                }
                _ => fixed.push(net.trunc()),
            }
        }
        rows.sort_unstable();
        for group in rows.chunk_by(|a, b| a.0 == b.0).filter(|g| g.len() > 1) {
            for (_, unit) in group {
                units.mark(*unit);
            }
        }
        let mut addresses = vec![Vec::new(); units.len()];
        let mut held = HashMap::new();
        for (ip, unit) in &rows {
            let own: &mut Vec<IpAddr> = &mut addresses[unit.0 as usize];
            if !units.is_special(*unit) {
                held.insert(*ip, (*unit, own.len() as u32));
            }
            own.push(*ip);
        }
        let nets = nets(units, &rows, mentioned, &fixed);
        let mut places = Self {
            held,
            rows: rows.iter().map(|(ip, _)| *ip).collect(),
            addresses,
            nets,
            spots: HashMap::new(),
            fixed: HashSet::new(),
            lengths: [Vec::new(), Vec::new()],
        };
        for net in mentioned.iter().copied().chain(fixed) {
            match places.place(net) {
                Place::Within(node, at, from, length) => {
                    let spots = places.spots.entry(node).or_default();
                    spots.insert((at, from, length));
                }
                Place::Fixed if net.prefix_len() < net.max_prefix_len() => {
                    places.fixed.insert(net);
                    let lengths = &mut places.lengths[usize::from(net.addr().is_ipv6())];
                    if let Err(at) = lengths.binary_search_by(|l| net.prefix_len().cmp(l)) {
                        lengths.insert(at, net.prefix_len());
                    }
                }
                _ => {}
            }
        }
        places
    }

    /// What a prefix is.
    pub(super) fn place(&self, net: IpNet) -> Place {
        let ip = net.network();
        let host = net.prefix_len() == net.max_prefix_len();
        if let Some((unit, at)) = self.held.get(&ip).filter(|_| host) {
            return Place::Held(*unit, *at);
        }
        match self.around(ip) {
            Some((own, node, at)) if own.contains(&net) => {
                let from = number(ip) - number(own.network());
                Place::Within(node, at, from, net.prefix_len())
            }
            _ => Place::Fixed,
        }
    }

    /// What an address is.
    pub(super) fn address(&self, ip: IpAddr) -> Place {
        self.place(IpNet::from(ip))
    }

    /// The prefix of a node that an address is in.
    fn around(&self, ip: IpAddr) -> Option<(IpNet, Unit, u32)> {
        let after = self.nets.partition_point(|(net, ..)| net.network() <= ip);
        let found = self.nets[after.checked_sub(1)?];
        found.0.contains(&ip).then_some(found)
    }

    /// The innermost prefix around an address that is itself.
    fn innermost(&self, ip: IpAddr) -> Option<IpNet> {
        let lengths = self.lengths[usize::from(ip.is_ipv6())].iter();
        let mut around = lengths.filter_map(|l| Some(IpNet::new(ip, *l).ok()?.trunc()));
        around.find(|net| self.fixed.contains(net))
    }

    /// All that tells where the addresses of a unit are, and what a node's prefixes look like.
    pub(super) fn shape(&self, unit: Unit, structure: &Structure) -> Vec<String> {
        let mut all = Vec::new();
        for ip in &self.addresses[unit.0 as usize] {
            let cell = self.around(*ip).map(|(net, node, at)| {
                let from = number(*ip) - number(net.network());
                let cells = self.cells(node, at, net);
                (at, innermost(&cells, (from, net.max_prefix_len()), &net))
            });
            all.push(format!(
                "{} {:?} {cell:?}",
                ip.is_ipv6(),
                self.innermost(*ip)
            ));
        }
        for (net, _, at) in self.nets.iter().filter(|n| n.1 == unit) {
            let around = self.innermost(net.network());
            let cells = self.cells(unit, *at, *net);
            let most = net.max_prefix_len();
            let mut free: BTreeMap<Cell, u128> =
                cells.iter().map(|c| (*c, size(most - c.1))).collect();
            let first = self.rows.partition_point(|ip| *ip < net.network());
            let held = self.rows[first..].iter().take_while(|ip| net.contains(*ip));
            let held = held.map(|ip| (number(*ip) - number(net.network()), most));
            for taken in cells.iter().copied().chain(held) {
                if let Some(count) = innermost(&cells, taken, net).and_then(|c| free.get_mut(&c)) {
                    *count = count.saturating_sub(size(most - taken.1));
                }
            }
            // Whether two more fit is all that counts.
            let free: Vec<(Cell, u128)> = free.into_iter().map(|(c, n)| (c, n.min(2))).collect();
            // Addresses that an interface has and no pod or node.
            let odd: Vec<&Cell> = cells
                .iter()
                .filter(|(from, length)| {
                    let ip = plus(net.network(), *from);
                    *length == most && structure.held.binary_search(&ip).is_ok()
                })
                .collect();
            let own = (net.prefix_len(), net.addr().is_ipv6());
            all.push(format!("{own:?} {around:?} {free:?} {odd:?}"));
        }
        all
    }

    /// A prefix of a node, and what is mentioned within it.
    fn cells(&self, node: Unit, at: u32, net: IpNet) -> Vec<Cell> {
        let spots = self.spots.get(&node).into_iter().flatten();
        let spots = spots.filter(|s| s.0 == at).map(|s| (s.1, s.2));
        let all: BTreeSet<Cell> = spots.chain([(0, net.prefix_len())]).collect();
        all.into_iter().collect()
    }
}

/// Where something is in a prefix: from where on, how long.
type Cell = (u128, u8);

/// The smallest of these that is larger than one and around it.
fn innermost(cells: &[Cell], (from, length): Cell, net: &IpNet) -> Option<Cell> {
    let most = net.max_prefix_len();
    let around = cells.iter().filter(|c| {
        let end = c.0.saturating_add(size(most - c.1) - 1);
        c.1 < length && c.0 <= from && from <= end
    });
    around.max_by_key(|c| c.1).copied()
}

/// How many addresses so many bits tell apart.
fn size(bits: u8) -> u128 {
    1_u128.checked_shl(u32::from(bits)).unwrap_or(u128::MAX)
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

fn plus(ip: IpAddr, by: u128) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip).wrapping_add(by as u32)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip).wrapping_add(by)).into(),
    }
}

/// The largest prefixes that are a node's, in order, and the how-manyth of the node each is.
fn nets(
    units: &Units,
    rows: &[(IpAddr, Unit)],
    mentioned: &BTreeSet<IpNet>,
    fixed: &[IpNet],
) -> Vec<(IpNet, Unit, u32)> {
    let mut all: Vec<(IpNet, Unit, u32)> = Vec::new();
    let mut count: HashMap<Unit, u32> = HashMap::new();
    // By first address, the larger ones first.
    let mut wide: Vec<IpNet> = mentioned.iter().copied().collect();
    wide.retain(|net| net.prefix_len() < net.max_prefix_len());
    wide.sort_by_key(|net| (net.network(), net.prefix_len()));
    for net in wide {
        if all.last().is_some_and(|(around, ..)| around.contains(&net)) {
            continue;
        }
        let first = rows.partition_point(|(ip, _)| *ip < net.network());
        let mut inside = rows[first..].iter().take_while(|(ip, _)| net.contains(ip));
        let Some(node) = inside.next().map(|(_, unit)| units.node(*unit)) else {
            continue;
        };
        let foreign = inside.any(|(_, unit)| units.node(*unit) != node)
            || fixed.iter().any(|other| net.contains(other));
        if foreign || units.is_special(node) {
            continue;
        }
        let at = count.entry(node).or_default();
        all.push((net, node, *at));
        *at += 1;
    }
    all
}
