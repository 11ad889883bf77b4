//! Address space cut up by prefixes: regions that no prefix tells apart, with a free address of each.
//!
//! Must never know: terms, pods.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::inet::{Family, IpNet, non_unicast, successor};

/// One free address for each region: what lies in the same of these prefixes. `within`: only addresses of these.
pub fn representatives(cuts: &[IpNet], within: &[IpNet], held: &[IpAddr]) -> Vec<IpAddr> {
    let mut nets: BTreeSet<IpNet> = cuts.iter().map(IpNet::trunc).collect();
    nets.extend(within.iter().map(IpNet::trunc));
    let never: Vec<IpNet> = non_unicast()
        .into_iter()
        .chain([Family::V4.loopback_net(), Family::V6.loopback_net()])
        .collect();
    let mut all = Vec::new();
    for net in &nets {
        if !within.iter().any(|w| w.contains(net)) {
            continue;
        }
        let inside = nets.iter().filter(|n| *n != net && net.contains(*n));
        let skipped: Vec<IpNet> = inside.copied().chain(never.iter().copied()).collect();
        all.extend(first_free(*net, &skipped, held));
    }
    all
}

/// The first address of a prefix that is in none of others and not held; its own name only where there is no other: hosts
/// are plainer than the name of their net.
fn first_free(net: IpNet, skipped: &[IpNet], held: &[IpAddr]) -> Option<IpAddr> {
    let first = free_from(net.network(), net, skipped, held)?;
    let host = successor(first).filter(|next| first == net.network() && net.contains(next));
    host.and_then(|next| free_from(next, net, skipped, held))
        .or(Some(first))
}

fn free_from(first: IpAddr, net: IpNet, skipped: &[IpNet], held: &[IpAddr]) -> Option<IpAddr> {
    let mut next = first;
    // Each step leaves a prefix or a held address behind, for good.
    for _ in 0..=skipped.len() + held.len() {
        let hole = skipped.iter().filter(|s| s.contains(&next));
        let last = match hole.max_by_key(|s| s.broadcast()) {
            Some(hole) => hole.broadcast(),
            None if held.binary_search(&next).is_ok() => next,
            None => return Some(next),
        };
        if last >= net.broadcast() {
            return None;
        }
        next = successor(last)?;
    }
    None
}
