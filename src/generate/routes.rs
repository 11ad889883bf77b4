//! Route tables: on every node one route for each prefix of another.
//!
//! Must never know: how they are read.

use std::fmt::{self, Write};

use ipnet::IpNet;

use super::Wish;
use super::fault::{Fault, place};
use super::plan::Plan;

/// Writes the tables of all nodes, in the form of docs/route-tables.md.
pub(super) fn write(wish: &Wish, plan: &Plan, out: &mut dyn Write) -> fmt::Result {
    out.write_str("kubeproof-routes v1\n")?;
    let missing = place(Fault::MissingRoute, wish, plan);
    let narrow = place(Fault::NarrowPrefix, wish, plan);
    let detour = place(Fault::Detour, wish, plan);
    let circle = place(Fault::Loop, wish, plan);
    let nets: Vec<Vec<IpNet>> = (0..plan.nodes).map(|node| plan.pod_nets(node)).collect();
    for at in 0..plan.nodes {
        writeln!(out, "at {}", Plan::node_name(at))?;
        for (to, nets) in (0..).zip(&nets) {
            if to == at {
                continue;
            }
            if missing.is_some_and(|p| p.at == at && plan.node_of(p.pod) == to) {
                continue;
            }
            let there = |from: u32, pod: u32| from == at && plan.node_of(pod) == to;
            let turned = [detour, circle].into_iter().flatten();
            let turned = turned.map(|p| (p.at, p.wrong, p.pod));
            let back = circle.into_iter().map(|p| (p.wrong, p.at, p.pod));
            let via = turned
                .chain(back)
                .find(|(from, _, pod)| there(*from, *pod))
                .map_or(to, |(_, via, _)| via);
            let halved = narrow.is_some_and(|p| there(p.at, p.pod));
            for net in nets {
                // The pods of a node have the lower addresses of its prefix: they are those that lose the way.
                let half = net.subnets(net.prefix_len() + 1).into_iter().flatten();
                let net = half.last().filter(|_| halved).unwrap_or(*net);
                writeln!(out, "{net} node-{}", via + 1)?;
            }
        }
    }
    Ok(())
}
