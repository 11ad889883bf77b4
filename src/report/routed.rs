//! Which line of a route table is to blame for a message that did not arrive.
//!
//! Must never know: how it was found.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::entity::EntityId;
use crate::network::trace::{Disposition, Event, Journey};

use super::fate::Blame;
use super::trace::Teller;

impl Teller<'_> {
    /// The first route by which a message went astray; where it ended for want of a route, the nearest that there is.
    pub(super) fn routed(&self, journey: &Journey) -> Option<Blame> {
        let cluster = self.names.cluster();
        if cluster.tables.is_empty() {
            return None;
        }
        let last = journey.steps.last()?;
        let ip = last.header.destination;
        let has = |p: &&crate::model::cluster::Pod| p.addresses.iter().any(|a| a.ip == ip);
        let home = cluster.pods.iter().find(has)?.node;
        for step in &journey.steps {
            let Event::Lookup { rule, next } = step.event else {
                continue;
            };
            let Some(table) = cluster.tables.at(step.at) else {
                continue;
            };
            let rule = self.fib_rule(step.at, rule)?;
            let route = table.routes.iter().find(|r| table.place(r) == rule.origin);
            if let Some(route) = route.filter(|_| next != home && step.header.destination == ip) {
                return Some(Blame {
                    rule: self.route(cluster.tables.net(route.net), next),
                    why: format!("{ip} is on {}", self.names.with_kind(home)),
                    at: rule.origin,
                });
            }
        }
        let Event::Discard { why, .. } = last.event else {
            return None;
        };
        let table = cluster.tables.at(last.at)?;
        if why != Disposition::NoRule || last.at == home {
            return None;
        }
        let there = table.routes.iter().filter(|r| r.via == home);
        let near = there.max_by_key(|r| common(ip, cluster.tables.net(r.net)));
        Some(match near {
            Some(route) => Blame {
                rule: self.route(cluster.tables.net(route.net), home),
                why: format!("it leads to the node of {ip}, and does not match it"),
                at: table.place(route),
            },
            None => Blame {
                rule: format!("the route table of {}", self.names.with_kind(last.at)),
                why: format!(
                    "no route leads to {}, where {ip} is",
                    self.names.with_kind(home)
                ),
                at: table.origin(),
            },
        })
    }

    fn route(&self, net: IpNet, via: EntityId) -> String {
        format!("{net} → {}", self.names.short(via))
    }
}

/// How many bits in front an address and a prefix have in common; of another family none.
fn common(ip: IpAddr, net: IpNet) -> u32 {
    let bits = match (ip, net.addr()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros() + 1,
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros() + 1,
        _ => 0,
    };
    bits.min(u32::from(net.prefix_len()) + 1)
}
