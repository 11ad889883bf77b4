//! Prefixes without holes in them.
//!
//! Must never know: whose addresses they are.

use crate::model::inet::IpNet;
use crate::network::gate::AddressSet;

/// What is left of a prefix when others are cut out of it.
pub(super) fn without(net: IpNet, holes: &AddressSet) -> Vec<IpNet> {
    let holes = holes.nets();
    let mut left = Vec::new();
    let mut open = vec![net];
    while let Some(net) = open.pop() {
        // Holes are ascending and disjoint: one that covers the prefix begins last before it, others begin inside.
        let after = holes.partition_point(|hole| hole.network() <= net.network());
        if holes[..after]
            .last()
            .is_some_and(|hole| hole.contains(&net))
        {
            continue;
        }
        let nearest = after.saturating_sub(1);
        let inside = holes[nearest..]
            .iter()
            .take(2)
            .any(|hole| net.contains(hole));
        let halves = net.prefix_len().checked_add(1);
        let halves = halves.and_then(|length| net.subnets(length).ok());
        match halves {
            Some(halves) if inside => {
                let mut halves: Vec<IpNet> = halves.collect();
                halves.reverse();
                open.extend(halves);
            }
            _ => left.push(net),
        }
    }
    left
}
