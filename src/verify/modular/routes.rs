//! How the route tables of a large cluster go: who keeps to the way that is usual, and who does not.
//!
//! Each table is compared, region by region (`model::regions`), with what is usual for it: pods of other nodes by their
//! node (*home*), or all by one hub, or not at all. What is usual at a node is part of its class; a node where something
//! goes another way is special, and each address that is concerned says so (*tag*). docs/modular.md says why that is enough.
//! Every table is compared whole, natively, in time linear in its routes.
//!
//! Must never know: which entities are looked at (`choose`, `cells`), formulas, the solver.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use std::net::IpAddr;

use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::Family;
use crate::model::regions::Regions;
use crate::model::table::NetId;

use super::cuts::Cuts;
use super::holders::Holders;
use super::open_land::{self, Cell};

/// With more nodes than these that go ways of their own, too much would have to be looked at.
const MOST_SPECIAL: usize = 400;
/// So many pairs of a node and addresses may go another way than is usual.
const MOST_EXCEPTIONS: usize = 2_000_000;

/// Whose an address is, as far as route tables are asked about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Whose {
    /// A pod's, on this node.
    Pod(EntityId),
    /// A node's.
    Node(EntityId),
    Service,
    Nobody,
}

/// Addresses of one region that are alike to tables.
#[derive(Debug, Clone, Copy)]
struct Group {
    region: NetId,
    whose: Whose,
    /// Where they are: the node that has them; of what nobody has, where its own routes lead.
    home: Option<EntityId>,
    row: usize,
}

/// What is usual at a node for addresses of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Usual {
    /// Each to its home.
    Home,
    /// The table has no route.
    Nowhere,
    To(EntityId),
}

/// Kinds of addresses: pods, nodes, Services, nobody's that are elsewhere, nobody's at home; of each family.
const ROWS: usize = 10;
const AT_HOME: usize = 4;

/// A node with a table, where a region does not go the usual way: where it goes instead.
type Exception = (EntityId, Option<EntityId>);

/// What tables do, as far as classes need it.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) regions: Regions,
    /// By prefix: where its routes lead.
    pub(super) homes: Vec<Option<EntityId>>,
    /// By place of the node: the number of what is usual there; 0 without a table.
    usual: Vec<u32>,
    tags: HashMap<(NetId, Whose), u32>,
    /// Nodes that go ways of their own, and where these lead.
    pub(super) special: BTreeSet<EntityId>,
    /// Addresses that nobody has and a table may send somewhere.
    pub(super) cells: Vec<Cell>,
    compared: usize,
}

impl Routes {
    /// Compares every table.
    pub(super) fn of(
        cluster: &Cluster,
        holders: &Holders,
        cuts: &Cuts,
    ) -> Result<Self, super::Why> {
        if cluster.tables.is_empty() {
            return Ok(Self::default());
        }
        let regions = Regions::of(&cluster.tables.nets);
        if strangers(cluster, &regions) {
            return Err("a route table is about an endpoint that nobody is");
        }
        let homes = homes(cluster);
        let mut cells = open_land::cells(cluster, holders, cuts, &regions);
        let groups = groups(cluster, &regions, &cells, &homes);
        let mut routes = Self {
            regions,
            ..Self::default()
        };
        let exceptions = routes.compare(cluster, &groups)?;
        routes.tag(&groups, exceptions);
        for cell in &mut cells {
            cell.tag = routes.tags[&(cell.region, Whose::Nobody)];
            cell.home = homes[cell.region.0 as usize];
        }
        routes.cells = cells;
        routes.homes = homes;
        if routes.special.len() > MOST_SPECIAL {
            return Err(TOO_MANY);
        }
        Ok(routes)
    }

    /// What tables say of an address, as a number; 0 where none says anything.
    pub(super) fn of_address(&self, ip: IpAddr, whose: Whose) -> u32 {
        let region = self.regions.at(ip);
        let tag = region.and_then(|region| self.tags.get(&(region, whose)));
        tag.copied().unwrap_or(0)
    }

    /// What is usual at a node, as a number.
    pub(super) fn usual(&self, place: usize) -> u32 {
        self.usual.get(place).copied().unwrap_or(0)
    }

    /// How many routes were compared.
    pub(super) fn compared(&self) -> usize {
        self.compared
    }

    /// To whom the table of a node sends an address.
    pub(super) fn next_hop(
        &self,
        cluster: &Cluster,
        node: EntityId,
        ip: IpAddr,
    ) -> Option<EntityId> {
        self.regions.next_hop(cluster.tables.at(node)?, ip)
    }

    fn compare(
        &mut self,
        cluster: &Cluster,
        groups: &[Group],
    ) -> Result<Vec<(u32, Exception)>, super::Why> {
        // Where an ideal rule is removed, the table shows below it.
        let bare: BTreeSet<EntityId> = cluster
            .fibs
            .iter()
            .filter(|edit| !edit.remove.is_empty())
            .map(|edit| edit.at)
            .collect();
        let mut known: HashMap<[Usual; ROWS], u32> = HashMap::new();
        let mut exceptions = Vec::new();
        let mut hops = Vec::new();
        for node in &cluster.nodes {
            let Some(table) = cluster.tables.at(node.id) else {
                self.usual.push(0);
                continue;
            };
            self.compared += table.routes.len();
            self.regions.next_hops(table, &mut hops);
            let hop = |group: &Group| hops[group.region.0 as usize];
            let usual = usual(node.id, groups, hop);
            let next = known.len() as u32 + 1;
            self.usual.push(*known.entry(usual).or_insert(next));
            for (number, group) in (0..).zip(groups) {
                let expected = match row(group, node.id) {
                    Some(row) => resolved(usual[row], group),
                    None if bare.contains(&node.id) => None,
                    None => continue,
                };
                let found = hop(group);
                if found != expected {
                    exceptions.push((number, (node.id, found)));
                    self.special.insert(node.id);
                    self.special.extend(found);
                }
            }
            if exceptions.len() > MOST_EXCEPTIONS || self.special.len() > MOST_SPECIAL {
                return Err(TOO_MANY);
            }
        }
        let ways = known.keys().flatten().copied();
        self.special.extend(ways.filter_map(|usual| match usual {
            Usual::To(via) => Some(via),
            Usual::Home | Usual::Nowhere => None,
        }));
        Ok(exceptions)
    }

    /// Addresses with the same exceptions have the same tag.
    fn tag(&mut self, groups: &[Group], mut exceptions: Vec<(u32, Exception)>) {
        exceptions.sort_unstable();
        let mut of_group: HashMap<u32, Vec<Exception>> = HashMap::new();
        for (group, exception) in exceptions {
            of_group.entry(group).or_default().push(exception);
        }
        let mut known: HashMap<Vec<Exception>, u32> = HashMap::new();
        for (number, group) in (0..).zip(groups) {
            let mine = of_group.remove(&number).unwrap_or_default();
            let next = known.len() as u32 + 1;
            let tag = *known.entry(mine).or_insert(next);
            self.tags.insert((group.region, group.whose), tag);
        }
    }
}

const TOO_MANY: super::Why = "the route tables of too many nodes differ from the rest";

/// Whether a Service leads to an address that is not its endpoint's own, and that a table may send somewhere.
fn strangers(cluster: &Cluster, regions: &Regions) -> bool {
    let own = |id: EntityId, ip: IpAddr| {
        let pod = cluster.pods.binary_search_by_key(&id, |p| p.id);
        let node = cluster.nodes.binary_search_by_key(&id, |n| n.id);
        let addresses = match (pod, node) {
            (Ok(at), _) => &cluster.pods[at].addresses,
            (_, Ok(at)) => &cluster.nodes[at].addresses,
            _ => return false,
        };
        addresses.iter().any(|a| a.ip == ip)
    };
    let ports = cluster.services.iter().flat_map(|s| &s.ports);
    let mut all = ports.flat_map(|p| &p.endpoints);
    all.any(|e| regions.at(e.address).is_some() && !e.entity.is_some_and(|id| own(id, e.address)))
}

/// By prefix: where its own routes lead, most of them where they do not agree (by the vote of Boyer and Moore; any choice is
/// right, a bad one makes more exceptions).
fn homes(cluster: &Cluster) -> Vec<Option<EntityId>> {
    let mut votes: Vec<(Option<EntityId>, u32)> = vec![(None, 0); cluster.tables.nets.len()];
    for table in &cluster.tables.tables {
        for route in &table.routes {
            let vote = &mut votes[route.net.0 as usize];
            if vote.0 == Some(route.via) {
                vote.1 += 1;
            } else if vote.1 == 0 {
                *vote = (Some(route.via), 1);
            } else {
                vote.1 -= 1;
            }
        }
    }
    votes.into_iter().map(|vote| vote.0).collect()
}

/// All addresses that some prefix holds.
fn groups(
    cluster: &Cluster,
    regions: &Regions,
    cells: &[Cell],
    homes: &[Option<EntityId>],
) -> Vec<Group> {
    let mut all: BTreeMap<(NetId, Whose), Group> = BTreeMap::new();
    let mut put = |region: Option<NetId>, family: Family, whose: Whose| {
        let Some(region) = region else { return };
        let (row, home) = match whose {
            Whose::Pod(home) => (0, Some(home)),
            Whose::Node(home) => (1, Some(home)),
            Whose::Service => (2, None),
            Whose::Nobody => (3, homes[region.0 as usize]),
        };
        let row = row + if family == Family::V4 { 0 } else { ROWS / 2 };
        all.entry((region, whose)).or_insert(Group {
            region,
            whose,
            home,
            row,
        });
    };
    let mut held = |ip: IpAddr, whose: Whose| put(regions.at(ip), Family::of(ip), whose);
    for pod in &cluster.pods {
        let whose = Whose::Pod(pod.node);
        pod.addresses.iter().for_each(|a| held(a.ip, whose));
    }
    for node in &cluster.nodes {
        let whose = Whose::Node(node.id);
        node.addresses.iter().for_each(|a| held(a.ip, whose));
    }
    for service in &cluster.services {
        let own = service.addresses.iter().chain(&service.external_addresses);
        own.for_each(|a| held(a.ip, Whose::Service));
    }
    for cell in cells {
        put(Some(cell.region), Family::of(cell.plainest), Whose::Nobody);
    }
    all.into_values().collect()
}

/// What kind of address a group is to a node; none where rules before the table take it.
fn row(group: &Group, node: EntityId) -> Option<usize> {
    let here = group.home == Some(node);
    match group.whose {
        Whose::Pod(_) | Whose::Node(_) if here => None,
        Whose::Nobody if here => Some(group.row + 1),
        _ => Some(group.row),
    }
}

fn resolved(usual: Usual, group: &Group) -> Option<EntityId> {
    match usual {
        Usual::Home => group.home,
        Usual::Nowhere => None,
        Usual::To(via) => Some(via),
    }
}

/// What most addresses of each kind do at a node.
fn usual(
    node: EntityId,
    groups: &[Group],
    hop: impl Fn(&Group) -> Option<EntityId>,
) -> [Usual; ROWS] {
    let mut home = [0_usize; ROWS];
    let mut nowhere = [0_usize; ROWS];
    let mut others: [BTreeMap<EntityId, usize>; ROWS] = Default::default();
    for group in groups {
        let Some(row) = row(group, node) else {
            continue;
        };
        match hop(group) {
            found if found == group.home && has_home(row) => home[row] += 1,
            None => nowhere[row] += 1,
            Some(via) => *others[row].entry(via).or_default() += 1,
        }
    }
    std::array::from_fn(|row| {
        // Of as many of each: the first of these.
        let mut best = (nowhere[row], Usual::Nowhere);
        if has_home(row) && home[row] >= nowhere[row] {
            best = (home[row], Usual::Home);
        }
        for (via, count) in &others[row] {
            if *count > best.0 {
                best = (*count, Usual::To(*via));
            }
        }
        best.1
    })
}

/// Services are nowhere, and what is at home need not go there.
fn has_home(row: usize) -> bool {
    !matches!(row % (ROWS / 2), 2 | AT_HOME)
}
