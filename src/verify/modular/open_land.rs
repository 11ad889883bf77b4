//! Addresses that nobody has, as far as a route table may send them somewhere.
//!
//! Must never know: where tables send them (`routes`), which of them are looked at (`cells`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::encode::domain::documentation;
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::successor;
use crate::model::regions::Regions;
use crate::model::table::NetId;

use super::cuts::Cuts;
use super::holders::Holders;

/// Addresses that nobody has, in one region and in one class of the cuts, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) region: NetId,
    /// The plainest of them: the least that is not the name of its prefix.
    pub(super) plainest: IpAddr,
    /// Whether they are the plainest that there are.
    pub(super) documented: bool,
    /// The class of the cuts.
    pub(super) class: u32,
    /// Which nodes send them another way than is usual.
    pub(super) tag: u32,
    /// Where the routes of their prefix lead.
    pub(super) home: Option<EntityId>,
}

/// All cells, in the order of their addresses.
pub(super) fn cells(
    cluster: &Cluster,
    holders: &Holders,
    cuts: &Cuts,
    regions: &Regions,
) -> Vec<Cell> {
    let documentation = Regions::of(&documentation());
    let mut starts: Vec<IpAddr> = regions.starts().chain(cuts.starts()).collect();
    starts.extend(documentation.starts());
    starts.extend([FIRST_V4, FIRST_V6]);
    starts.sort_unstable();
    starts.dedup();
    let mut all = Vec::new();
    for (at, &start) in starts.iter().enumerate() {
        let Some(region) = regions.at(start) else {
            continue;
        };
        let end = starts.get(at + 1).copied();
        let name = cluster.tables.net(region).network();
        if let Some(plainest) = plainest(holders, start, end, name) {
            all.push(Cell {
                region,
                plainest,
                documented: documentation.at(start).is_some(),
                class: cuts.class(start),
                tag: 0,
                home: None,
            });
        }
    }
    all
}

const FIRST_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const FIRST_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The plainest address from a start to before an end that nobody has.
fn plainest(holders: &Holders, start: IpAddr, end: Option<IpAddr>, name: IpAddr) -> Option<IpAddr> {
    let mut held = holders.addresses_from(start).peekable();
    let mut free_name = None;
    let mut next = Some(start);
    while let Some(ip) = next.filter(|ip| end.is_none_or(|end| *ip < end)) {
        if held.next_if_eq(&ip).is_none() {
            if ip != name {
                return Some(ip);
            }
            free_name = Some(ip);
        }
        next = successor(ip);
    }
    free_name
}
