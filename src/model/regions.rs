//! Prefixes as a forest: of those that hold an address, the innermost; and what a route table does with each.
//!
//! Prefixes are nested or disjoint. A *region* is a prefix without the prefixes inside it: no table made of these
//! prefixes tells two of its addresses apart. Must never know: who holds an address, which route is the right one.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::entity::EntityId;
use super::inet::successor;
use super::table::{NetId, Table};

const FIRST_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The regions that prefixes cut out. A region has the number of its prefix in the list that it was made of.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    /// Where a region begins, ascending; none is what no prefix holds.
    starts: Vec<(IpAddr, Option<NetId>)>,
    /// By number: the innermost of the prefixes around it.
    parents: Vec<Option<NetId>>,
    /// All numbers, outer prefixes before those inside them.
    order: Vec<NetId>,
}

impl Regions {
    /// The regions of prefixes, truncated ones, each there once.
    pub fn of(nets: &[IpNet]) -> Self {
        let mut order: Vec<NetId> = (0..nets.len() as u32).map(NetId).collect();
        order.sort_unstable_by_key(|id| nets[id.0 as usize]);
        let mut regions = Self {
            starts: Vec::new(),
            parents: vec![None; nets.len()],
            order,
        };
        let mut open: Vec<NetId> = Vec::new();
        for id in regions.order.clone() {
            let net = &nets[id.0 as usize];
            while let Some(last) = open.last() {
                if nets[last.0 as usize].contains(net) {
                    break;
                }
                regions.close(nets, &mut open);
            }
            regions.parents[id.0 as usize] = open.last().copied();
            regions.put(net.network(), Some(id));
            open.push(id);
        }
        while !open.is_empty() {
            regions.close(nets, &mut open);
        }
        regions
    }

    /// Whatever lies behind a prefix belongs to the one around it, or to none.
    fn close(&mut self, nets: &[IpNet], open: &mut Vec<NetId>) {
        let Some(id) = open.pop() else { return };
        let last = nets[id.0 as usize].broadcast();
        // In the order of addresses IPv6 follows IPv4.
        let after = successor(last).or_else(|| last.is_ipv4().then_some(FIRST_V6));
        if let Some(after) = after {
            let around = open
                .last()
                .filter(|id| nets[id.0 as usize].contains(&after));
            self.put(after, around.copied());
        }
    }

    fn put(&mut self, at: IpAddr, region: Option<NetId>) {
        match self.starts.last_mut() {
            Some(last) if last.0 == at => last.1 = region,
            _ => self.starts.push((at, region)),
        }
    }

    /// The region that an address is in.
    pub fn at(&self, ip: IpAddr) -> Option<NetId> {
        let after = self.starts.partition_point(|start| start.0 <= ip);
        self.starts.get(after.checked_sub(1)?)?.1
    }

    /// Where regions begin, ascending; a family that no prefix is of begins nothing.
    pub fn starts(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.starts.iter().map(|start| start.0)
    }

    /// The innermost of the prefixes around a region.
    pub fn around(&self, region: NetId) -> Option<NetId> {
        self.parents[region.0 as usize]
    }

    /// All regions, each before the one around it.
    pub fn inner_first(&self) -> impl Iterator<Item = NetId> + '_ {
        self.order.iter().rev().copied()
    }

    /// Where a table sends each region: the longest of its prefixes around it decides, none where it has none.
    pub fn next_hops(&self, table: &Table, hops: &mut Vec<Option<EntityId>>) {
        hops.clear();
        hops.resize(self.parents.len(), None);
        for route in &table.routes {
            hops[route.net.0 as usize] = Some(route.via);
        }
        for id in &self.order {
            let id = id.0 as usize;
            if hops[id].is_none() {
                hops[id] = self.parents[id].and_then(|parent| hops[parent.0 as usize]);
            }
        }
    }

    /// Where a table sends one address.
    pub fn next_hop(&self, table: &Table, ip: IpAddr) -> Option<EntityId> {
        let mut region = self.at(ip);
        while let Some(id) = region {
            if let Ok(at) = table.routes.binary_search_by_key(&id, |route| route.net) {
                return Some(table.routes[at].via);
            }
            region = self.parents[id.0 as usize];
        }
        None
    }
}
