//! Route tables: for each node the way to the pods of other nodes, as prefixes; millions of them.
//!
//! Knows: how they are packed: 12 bytes a route, each prefix once. Must never know: how they are spelled
//! (docs/route-tables.md), which route is the right one.
//!
//! A table *replaces* the node's ideal rules to pods of other nodes (`Forward(N')` for `host(N', P), addr(P, a)`);
//! its other ideal rules stay. Of several routes that fit, the one with the longest prefix counts, as in a kernel.
//!
//! INVARIANTS, kept by the front end:
//! * `nets` holds each prefix once, truncated, in the order of look-up: within a family the longer prefix first;
//! * `tables` are sorted by the node, one for a node; its routes are sorted by [`NetId`], none twice.

use ipnet::IpNet;

use super::entity::EntityId;
use super::inet::Family;
use crate::base::source::{SourceId, Span};

/// A prefix of [`Tables::nets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetId(pub u32);

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Destinations.
    pub net: NetId,
    /// The switch that gets them.
    pub via: EntityId,
    /// The line it is written in.
    pub line: u32,
}

/// The routes of one node.
#[derive(Debug, Clone)]
pub struct Table {
    /// The node.
    pub at: EntityId,
    /// The text that it is written in.
    pub source: SourceId,
    /// The line that names the node.
    pub line: u32,
    /// Its routes in the order of look-up.
    pub routes: Vec<Route>,
}

impl Table {
    /// Where a route is written.
    pub fn place(&self, route: &Route) -> Span {
        Span::line(self.source, route.line)
    }

    /// Where the table begins.
    pub fn origin(&self) -> Span {
        Span::line(self.source, self.line)
    }
}

/// All route tables of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// The text that they are in, by the name that the cluster file gives it; only until they are read.
    pub file: Option<(String, Span)>,
    /// The prefixes, in the order of look-up.
    pub nets: Vec<IpNet>,
    /// The tables, by node.
    pub tables: Vec<Table>,
}

impl Tables {
    /// Whether no node has one.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The table of a node, where it has one.
    pub fn at(&self, node: EntityId) -> Option<&Table> {
        let found = self.tables.binary_search_by_key(&node, |t| t.at);
        found.ok().map(|at| &self.tables[at])
    }

    /// The prefix of a route.
    pub fn net(&self, id: NetId) -> IpNet {
        self.nets[id.0 as usize]
    }
}

/// The order of look-up: IPv4 before IPv6, then the longer prefix, then the address.
pub fn look_up_order(net: &IpNet) -> (Family, std::cmp::Reverse<u8>, std::net::IpAddr) {
    let family = Family::of(net.addr());
    (family, std::cmp::Reverse(net.prefix_len()), net.addr())
}
