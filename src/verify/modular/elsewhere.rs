//! Addresses that a part need not dial, since others of their kind are there: those of entities left out, and those that
//! route tables send to nodes left out.
//!
//! Must never know: classes, how a part is chosen, formulas, the solver.

use ipnet::IpNet;

use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::table::NetId;

use super::holders::Holders;
use super::routes::Routes;

/// With more prefixes than these they are no help.
const MOST: usize = 2000;

/// Prefixes of such addresses, as few as possible. `inside` says who is in the part.
pub(super) fn nets(
    cluster: &Cluster,
    holders: &Holders,
    routes: &Routes,
    inside: impl Fn(EntityId) -> bool,
) -> Vec<IpNet> {
    let regions = &routes.regions;
    let net = |id: NetId| cluster.tables.net(id);
    let is_inside = |id: NetId| routes.homes[id.0 as usize].is_some_and(&inside);
    // A prefix is kept where it leads into the part, and where something in it does or is of the part.
    let mut kept: Vec<bool> = (0..cluster.tables.nets.len() as u32)
        .map(|id| is_inside(NetId(id)))
        .collect();
    let mut foreign = Vec::new();
    for (ip, holders) in holders.by_address() {
        let Some(region) = regions.at(ip) else {
            continue;
        };
        if holders.iter().any(|(_, id)| inside(*id)) {
            kept[region.0 as usize] = true;
        } else {
            foreign.push((ip, region));
        }
    }
    for id in regions.inner_first() {
        if let Some(around) = regions.around(id).filter(|_| kept[id.0 as usize]) {
            kept[around.0 as usize] = true;
        }
    }
    let mut all: Vec<IpNet> = (0..kept.len())
        .filter(|id| !kept[*id])
        .map(|id| net(NetId(id as u32)))
        .collect();
    let foreign = foreign.into_iter();
    let foreign = foreign.filter(|(_, region)| kept[region.0 as usize]);
    all.extend(foreign.map(|(ip, _)| IpNet::from(ip)));
    let all = IpNet::aggregate(&all);
    if all.len() > MOST { Vec::new() } else { all }
}
