//! What gates leave, as tables: for every gate and every address that matters, the ports that pass.
//!
//! Gates that say the same are one; addresses that no gate tells apart are one class. Must never know: selectors, who
//! listens.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::inet::{PortSet, Protocol};
use crate::network::gate::{AddressSet, Decision, Direction, Gate, GateRule, ProtocolPorts};

use super::ports::{ByProtocol, PortTable, PortsId};

/// The sets of addresses that the gates name, each once.
#[derive(Debug, Default)]
pub(super) struct AddressSets<'g> {
    sets: Vec<&'g AddressSet>,
    /// By place in memory: most are shared, and those need no second look.
    ids: HashMap<*const AddressSet, usize>,
}

impl<'g> AddressSets<'g> {
    /// Those of all gates.
    pub(super) fn of(gates: &'g [Gate]) -> Self {
        let mut all = Self::default();
        let mut known: HashMap<&AddressSet, usize> = HashMap::new();
        for peers in rules(gates).filter_map(|r| r.peers.as_ref()) {
            all.ids.entry(Arc::as_ptr(peers)).or_insert_with(|| {
                *known.entry(peers).or_insert_with(|| {
                    all.sets.push(peers);
                    all.sets.len() - 1
                })
            });
        }
        all
    }

    /// Which of the sets an address is in, a bit for each.
    pub(super) fn signature(&self, address: IpAddr) -> Vec<u64> {
        let mut words = vec![0_u64; self.sets.len().div_ceil(64)];
        for (i, set) in self.sets.iter().enumerate() {
            if set.contains(address) {
                words[i / 64] |= 1 << (i % 64);
            }
        }
        words
    }
}

fn rules(gates: &[Gate]) -> impl Iterator<Item = &GateRule> {
    gates.iter().flat_map(|g| g.tiers.iter().flatten())
}

/// A rule as numbers: the set of addresses, the ports, the decision.
type Short = (Option<usize>, Option<[PortsId; 3]>, Decision);

/// For each gate and class of addresses, what passes.
#[derive(Debug)]
pub(super) struct GateTable {
    class_of: HashMap<IpAddr, usize>,
    egress: HashMap<IpAddr, Vec<usize>>,
    ingress: HashMap<IpAddr, Vec<usize>>,
    /// By gate, then by class: an index into `verdicts`.
    passes: Vec<Vec<u32>>,
    verdicts: Vec<ByProtocol>,
}

impl GateTable {
    /// The table for these addresses.
    pub(super) fn of(
        gates: &[Gate],
        sets: &AddressSets<'_>,
        addresses: &BTreeSet<IpAddr>,
        ports: &mut PortTable,
    ) -> Self {
        let (class_of, members, classes) = classes(sets, addresses);
        let mut table = Self {
            class_of,
            egress: HashMap::new(),
            ingress: HashMap::new(),
            passes: Vec::new(),
            verdicts: Vec::new(),
        };
        let mut verdict_ids = HashMap::new();
        let mut port_ids: HashMap<*const ProtocolPorts, ByProtocol> = HashMap::new();
        let mut known: HashMap<Vec<Vec<Short>>, usize> = HashMap::new();
        for gate in gates {
            let short: Vec<Vec<Short>> = gate
                .tiers
                .iter()
                .map(|tier| {
                    tier.iter()
                        .map(|rule| shortened(rule, sets, ports, &mut port_ids))
                        .collect()
                })
                .collect();
            let index = if let Some(&index) = known.get(&short) {
                index
            } else {
                let row = row(&short, &members, classes, ports);
                let row = row.into_iter().map(|verdict| {
                    *verdict_ids.entry(verdict).or_insert_with(|| {
                        table.verdicts.push(verdict);
                        table.verdicts.len() as u32 - 1
                    })
                });
                table.passes.push(row.collect());
                known.insert(short, table.passes.len() - 1);
                table.passes.len() - 1
            };
            let by_address = match gate.direction {
                Direction::Egress => &mut table.egress,
                Direction::Ingress => &mut table.ingress,
            };
            for address in &gate.addresses {
                let at = by_address.entry(*address).or_default();
                if !at.contains(&index) {
                    at.push(index);
                }
            }
        }
        table
    }

    /// The class of an address that the table was made for.
    pub(super) fn class(&self, address: IpAddr) -> usize {
        self.class_of.get(&address).copied().unwrap_or_default()
    }

    /// The gates that a connection from this address passes on its way out.
    pub(super) fn egress(&self, source: IpAddr) -> &[usize] {
        self.egress.get(&source).map_or(&[], Vec::as_slice)
    }

    /// The gates that a connection to this address passes on its way in.
    pub(super) fn ingress(&self, target: IpAddr) -> &[usize] {
        self.ingress.get(&target).map_or(&[], Vec::as_slice)
    }

    /// A number for what a gate leaves to a class; equal numbers, equal ports.
    pub(super) fn verdict(&self, gate: usize, class: usize) -> u32 {
        self.passes[gate][class]
    }

    /// The ports of a verdict.
    pub(super) fn ports(&self, verdict: u32) -> ByProtocol {
        self.verdicts[verdict as usize]
    }
}

/// Addresses that are in the same sets are one class. Also says, for each set, which classes are in it; and how many
/// classes there are.
fn classes(
    sets: &AddressSets<'_>,
    addresses: &BTreeSet<IpAddr>,
) -> (HashMap<IpAddr, usize>, Vec<Vec<bool>>, usize) {
    let sorted: Vec<IpAddr> = addresses.iter().copied().collect();
    let mut words = vec![vec![0_u64; sets.sets.len().div_ceil(64)]; sorted.len()];
    for (i, set) in sets.sets.iter().enumerate() {
        for net in set.nets() {
            let first = sorted.partition_point(|a| *a < net.network());
            let inside = sorted[first..].iter().take_while(|a| net.contains(*a));
            for word in words[first..].iter_mut().take(inside.count()) {
                word[i / 64] |= 1 << (i % 64);
            }
        }
    }
    let mut ids: HashMap<&[u64], usize> = HashMap::new();
    let mut class_of = HashMap::new();
    let mut first_of = Vec::new();
    for (i, address) in sorted.iter().enumerate() {
        let next = ids.len();
        let class = *ids.entry(&words[i]).or_insert_with(|| {
            first_of.push(i);
            next
        });
        class_of.insert(*address, class);
    }
    let members = (0..sets.sets.len()).map(|set| {
        let within = |&i: &usize| words[i][set / 64] >> (set % 64) & 1 == 1;
        first_of.iter().map(within).collect()
    });
    let members = members.collect();
    (class_of, members, first_of.len())
}

fn shortened(
    rule: &GateRule,
    sets: &AddressSets<'_>,
    ports: &mut PortTable,
    known: &mut HashMap<*const ProtocolPorts, ByProtocol>,
) -> Short {
    let peers = rule
        .peers
        .as_ref()
        .and_then(|p| sets.ids.get(&Arc::as_ptr(p)).copied());
    let on = rule.ports.as_ref().map(|all| {
        *known
            .entry(Arc::as_ptr(all))
            .or_insert_with(|| by_protocol(all, ports))
    });
    (peers, on, rule.decision)
}

fn by_protocol(all: &ProtocolPorts, ports: &mut PortTable) -> ByProtocol {
    Protocol::ALL.map(|protocol| {
        let of = all.iter().filter(|(p, _)| *p == protocol);
        let ranges = of.flat_map(|(_, set)| set.ranges().iter().copied());
        let set = PortSet::of(ranges.map(|(low, high)| (low.max(1), high)));
        ports.id(set)
    })
}

/// What one gate leaves to every class: classes that meet the same rules are decided once.
fn row(
    tiers: &[Vec<Short>],
    members: &[Vec<bool>],
    classes: usize,
    ports: &mut PortTable,
) -> Vec<ByProtocol> {
    let named: BTreeSet<usize> = tiers.iter().flatten().filter_map(|rule| rule.0).collect();
    let mut group = vec![0_usize; classes];
    let mut groups = 1;
    for set in named {
        let mut ids: HashMap<(usize, bool), usize> = HashMap::new();
        for (class, group) in group.iter_mut().enumerate() {
            let next = ids.len();
            *group = *ids.entry((*group, members[set][class])).or_insert(next);
        }
        groups = ids.len();
    }
    let mut decided: Vec<Option<ByProtocol>> = vec![None; groups];
    let mut all = Vec::with_capacity(classes);
    for (class, group) in group.into_iter().enumerate() {
        let verdict = match decided[group] {
            Some(verdict) => verdict,
            None => decide(tiers, |set| members[set][class], ports),
        };
        decided[group] = Some(verdict);
        all.push(verdict);
    }
    all
}

/// `Gate::decide` for all ports at once: each tier hands on what it leaves undecided.
fn decide(
    tiers: &[Vec<Short>],
    within: impl Fn(usize) -> bool,
    ports: &mut PortTable,
) -> ByProtocol {
    let mut result = [PortTable::NONE; 3];
    for (protocol, passed) in result.iter_mut().enumerate() {
        let mut open = PortTable::ALL;
        for tier in tiers {
            let mut handed_on = PortTable::NONE;
            for (peers, on, decision) in tier {
                if !peers.is_none_or(&within) {
                    continue;
                }
                let meant = on.map_or(PortTable::ALL, |on| on[protocol]);
                let decided = ports.and(open, meant);
                open = ports.minus(open, decided);
                match decision {
                    Decision::Allow => *passed = ports.or(*passed, decided),
                    Decision::Pass => handed_on = ports.or(handed_on, decided),
                    Decision::Deny => {}
                }
            }
            open = ports.or(open, handed_on);
        }
        *passed = ports.or(*passed, open);
    }
    result
}
