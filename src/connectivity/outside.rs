//! The addresses that nobody in the cluster holds, in classes: as few as policies, rules and externals tell apart.
//!
//! Knows: prefixes. Must never know: ports, pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::{Family, non_unicast};
use crate::model::policy::Peer;
use crate::network::graph::Network;

/// Addresses that nothing tells apart.
#[derive(Debug, Clone)]
pub struct Class {
    /// The innermost prefix, of all that were asked about, that the class lies in.
    pub region: IpNet,
    /// The addresses, but for those that somebody in the cluster holds and those that name no host.
    pub prefixes: Vec<IpNet>,
    /// One of them, that nobody holds.
    pub representative: IpAddr,
    /// Externals that send from here.
    pub senders: Vec<EntityId>,
    /// The external that receives what is sent here.
    pub receiver: Option<EntityId>,
    /// Whether it is a party of its own: an external that is one class is shown by its name alone.
    pub shown: bool,
}

/// The classes, by their first prefix. `signature` tells addresses apart as gates do. With `regions`, every region that
/// these prefixes cut is a class of its own: so that two clusters can be compared.
pub(super) fn classes(
    cluster: &Cluster,
    network: &Network,
    signature: impl Fn(IpAddr) -> Vec<u64>,
    apart: Option<&BTreeSet<IpNet>>,
) -> Vec<Class> {
    let own = boundaries(cluster);
    let boundaries = apart.unwrap_or(&own);
    let mut regions: BTreeMap<IpNet, Vec<IpNet>> = BTreeMap::new();
    for family in families(network) {
        let whole = IpNet::new(family.loopback(), 0).map(|n| n.trunc());
        let Ok(whole) = whole else { continue };
        let inside: Vec<IpNet> = boundaries
            .iter()
            .copied()
            .filter(|net| whole.contains(net) && *net != whole)
            .collect();
        leaves(whole, whole, &inside, &mut |innermost, leaf| {
            regions.entry(innermost).or_default().push(leaf);
        });
    }
    let mut classes: BTreeMap<Key, Class> = BTreeMap::new();
    for (region, leaves) in regions {
        let free: Vec<(IpNet, IpAddr)> = leaves
            .into_iter()
            .filter_map(|leaf| Some((leaf, free_address(leaf, &network.held)?)))
            .collect();
        let Some(&(_, representative)) = free.first() else {
            continue;
        };
        let covering = cluster
            .externals
            .iter()
            .filter(|x| holds(&x.prefixes, representative));
        let senders: Vec<EntityId> = covering.map(|x| x.id).collect();
        let receiver = receiver(cluster, representative);
        let key = Key {
            apart: apart.map(|_| region),
            family: Family::of(representative),
            signature: signature(representative),
            rules: told_apart_by_rules(cluster, representative),
            senders: senders.clone(),
            receiver,
        };
        let class = classes.entry(key).or_insert_with(|| Class {
            region,
            prefixes: Vec::new(),
            representative,
            senders,
            receiver,
            shown: false,
        });
        class
            .prefixes
            .extend(free.into_iter().map(|(leaf, _)| leaf));
    }
    let mut classes: Vec<Class> = classes.into_values().collect();
    for class in &mut classes {
        class.prefixes = IpNet::aggregate(&class.prefixes);
        class.prefixes.sort();
    }
    classes.sort_by(|a, b| a.prefixes.cmp(&b.prefixes));
    // Where objects were read, the outside has no other name.
    let always = apart.is_some() || cluster.reading.objects;
    let party = |c: &Class| is_party(c, &classes) || always && !c.senders.is_empty();
    let shown: Vec<bool> = classes.iter().map(party).collect();
    for (class, shown) in classes.iter_mut().zip(shown) {
        class.shown = shown;
    }
    classes
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    apart: Option<IpNet>,
    family: Family,
    signature: Vec<u64>,
    rules: Vec<bool>,
    senders: Vec<EntityId>,
    receiver: Option<EntityId>,
}

/// Where somebody may send from or receive, and the name of an external does not say it all.
fn is_party(class: &Class, all: &[Class]) -> bool {
    match class.senders.as_slice() {
        [] => false,
        [one] => {
            let same_family = |c: &&Class| {
                Family::of(c.representative) == Family::of(class.representative)
                    && c.senders.contains(one)
            };
            all.iter().filter(same_family).count() > 1 || class.receiver != Some(*one)
        }
        _ => true,
    }
}

/// Whether one of the prefixes covers the address.
pub(super) fn holds(prefixes: &[IpNet], address: IpAddr) -> bool {
    prefixes.iter().any(|net| net.contains(&address))
}

/// The longest prefix wins, then the first external, as in the FIB of the outside.
fn receiver(cluster: &Cluster, address: IpAddr) -> Option<EntityId> {
    let covering = cluster.externals.iter().flat_map(|x| {
        let nets = x.prefixes.iter().filter(move |net| net.contains(&address));
        nets.map(move |net| (std::cmp::Reverse(net.prefix_len()), x.id))
    });
    covering.min().map(|(_, id)| id)
}

/// Families of which the cluster has an address.
fn families(network: &Network) -> BTreeSet<Family> {
    network.held.iter().map(|ip| Family::of(*ip)).collect()
}

/// Every prefix at which anything could change.
pub(super) fn boundaries(cluster: &Cluster) -> BTreeSet<IpNet> {
    let mut all = BTreeSet::new();
    for external in &cluster.externals {
        all.extend(external.prefixes.iter().map(IpNet::trunc));
    }
    let mut block = |peer: &Peer| {
        if let Peer::Block(block) = peer {
            all.insert(block.cidr.trunc());
            all.extend(block.except.iter().map(IpNet::trunc));
        }
    };
    for policy in &cluster.policies.network {
        for direction in [&policy.ingress, &policy.egress] {
            let rules = direction.iter().flatten();
            rules
                .flat_map(|r| r.peers.iter().flatten())
                .for_each(&mut block);
        }
    }
    for policy in &cluster.policies.cluster {
        let rules = policy.ingress.iter().chain(&policy.egress);
        rules.flat_map(|r| &r.peers).for_each(&mut block);
    }
    all.extend(rule_prefixes(cluster).map(|net| net.trunc()));
    all
}

/// The prefixes that rules of a cluster file name, and the sources that load balancers take.
fn rule_prefixes(cluster: &Cluster) -> impl Iterator<Item = IpNet> {
    let balanced = cluster
        .services
        .iter()
        .flat_map(|s| s.balancer_sources.iter().flatten().copied());
    let rules = cluster
        .fibs
        .iter()
        .flat_map(|edit| edit.before.iter().chain(&edit.after));
    let stated = rules.flat_map(|rule| rule.matches.from.into_iter().chain(rule.matches.to));
    balanced
        .chain(stated)
        .chain(cluster.tables.nets.iter().copied())
}

fn told_apart_by_rules(cluster: &Cluster, address: IpAddr) -> Vec<bool> {
    rule_prefixes(cluster)
        .map(|net| net.contains(&address))
        .collect()
}

/// Cuts a prefix into the fewest prefixes that no boundary cuts, each with the innermost boundary that it lies in.
fn leaves(net: IpNet, innermost: IpNet, inside: &[IpNet], leaf: &mut impl FnMut(IpNet, IpNet)) {
    if inside.is_empty() {
        return leaf(innermost, net);
    }
    let Ok(halves) = net.subnets(net.prefix_len() + 1) else {
        return;
    };
    for half in halves {
        let innermost = if inside.contains(&half) {
            half
        } else {
            innermost
        };
        let smaller: Vec<IpNet> = inside
            .iter()
            .copied()
            .filter(|b| *b != half && half.contains(b))
            .collect();
        leaves(half, innermost, &smaller, leaf);
    }
}

/// The plainest address of a prefix that nobody holds and that names a host.
fn free_address(net: IpNet, held: &[IpAddr]) -> Option<IpAddr> {
    let (first, last) = (number(net.network()), number(net.broadcast()));
    // The network's own address is a host only where there is no other.
    let plain = if last - first > 1 { first + 1 } else { first };
    [plain, first]
        .into_iter()
        .find_map(|from| free_from(net, from, last, held))
}

fn free_from(net: IpNet, from: u128, last: u128, held: &[IpAddr]) -> Option<IpAddr> {
    let mut special = non_unicast().to_vec();
    special.push(Family::of(net.addr()).loopback_net());
    let mut at = from;
    loop {
        if at > last {
            return None;
        }
        let address = of_number(at, net);
        if let Some(net) = special.iter().find(|s| s.contains(&address)) {
            at = number(net.broadcast()).checked_add(1)?;
        } else if held.binary_search(&address).is_ok() {
            at = at.checked_add(1)?;
        } else {
            return Some(address);
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

/// An address of the prefix's family.
fn of_number(number: u128, net: IpNet) -> IpAddr {
    match net {
        IpNet::V4(_) => IpAddr::V4((number as u32).into()),
        IpNet::V6(_) => IpAddr::V6(number.into()),
    }
}
