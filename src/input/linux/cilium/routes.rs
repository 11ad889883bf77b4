//! Where Cilium's maps lead, as routes, neighbours and forwarding entries that lead there.
//!
//! Knows: which map leads where. Must never know: how the maps are dumped, Services and policies (`chains`).
//!
//! * An endpoint: a host route to its device, and a permanent neighbour.
//! * An entry of the ipcache or of the tunnel map that names a node: a route over Cilium's tunnel device to it.

use std::net::IpAddr;

use super::maps::Maps;
use crate::base::source::Span;
use crate::input::linux::namespace::Draft;
use crate::model::inet::IpNet;
use crate::model::linux::{ForwardingEntry, LinkKind, Neighbour, NextHop, Route, RouteType};

/// How Cilium calls its tunnel devices, and what they listen on.
const TUNNELS: &[(&str, u16)] = &[("cilium_vxlan", 8472), ("cilium_geneve", 6081)];

/// Adds to a node where its maps lead; says whether they lead through tunnels.
pub(super) fn install(maps: &Maps, draft: &mut Draft) -> bool {
    let mut own = Vec::new();
    let tunnel = tunnel(draft);
    for endpoint in &maps.endpoints {
        for &ip in &endpoint.addresses {
            let text = format!(
                "Cilium endpoint {}: {ip} dev {}",
                endpoint.id, endpoint.device
            );
            let hop = hop(None, &endpoint.device);
            own.push(route(draft, IpNet::from(ip), hop, text, endpoint.origin));
            draft.netns.neighbours.push(Neighbour {
                address: ip,
                device: endpoint.device.clone(),
                mac: endpoint.mac.clone(),
                proxy: false,
                origin: endpoint.origin,
            });
        }
    }
    if let Some(device) = &tunnel {
        let cached = maps
            .cache
            .iter()
            .filter_map(|c| Some((c.prefix, c.tunnel?, c.text.clone(), c.origin)));
        let mapped = maps.tunnels.iter().filter_map(|&(network, node, origin)| {
            let prefix = covering(draft, network)?;
            let text = format!("Cilium tunnel map: {prefix} tunnelendpoint={node}");
            Some((prefix, node, text, origin))
        });
        let all: Vec<(IpNet, IpAddr, String, Span)> = cached.chain(mapped).collect();
        for (prefix, node, text, origin) in all {
            // An endpoint of this node is found before the ipcache is asked.
            if own.iter().any(|r: &Route| r.destination == prefix) {
                continue;
            }
            own.push(route(draft, prefix, hop(Some(node), device), text, origin));
            if !draft
                .netns
                .neighbours
                .iter()
                .any(|n| n.address == node && n.device == *device)
            {
                draft.netns.neighbours.push(Neighbour {
                    address: node,
                    device: device.clone(),
                    mac: None,
                    proxy: false,
                    origin,
                });
            }
        }
    }
    // What the kernel would send to Cilium's own device, its programs decide; no map says what.
    for link in &mut draft.links {
        if link.interface.name == "cilium_host" {
            link.interface.kind =
                LinkKind::Other("veth whose messages eBPF programs take".to_owned());
        }
    }
    own.append(&mut draft.netns.routes);
    draft.netns.routes = own;
    tunnel.is_some()
}

/// The tunnel device, made one that the maps fill.
fn tunnel(draft: &mut Draft) -> Option<String> {
    let mut names = TUNNELS.iter();
    let (link, port) = names.find_map(|(name, port)| {
        let at = draft.links.iter().position(|l| l.interface.name == *name)?;
        Some((at, *port))
    })?;
    let interface = &mut draft.links[link].interface;
    let port = match interface.kind {
        LinkKind::Vxlan { port, .. } => port,
        _ => port,
    };
    // The identifier is the sender's identity, and nobody compares it.
    interface.kind = LinkKind::Vxlan {
        id: 1,
        port,
        local: None,
        remote: None,
        external: false,
        learning: true,
        below: None,
    };
    Some(interface.name.clone())
}

/// Gives the tunnels' ends the link-layer addresses of the devices there. Cilium does not look at them.
pub(in crate::input::linux) fn meet(drafts: &mut [Draft]) {
    let mut ends: Vec<(IpAddr, String)> = Vec::new();
    for draft in drafts.iter() {
        let interfaces = || draft.links.iter().map(|l| &l.interface);
        let tunnel = interfaces().find(|i| TUNNELS.iter().any(|(name, _)| i.name == *name));
        if let Some(mac) = tunnel.and_then(|i| i.mac.clone()) {
            let all = interfaces().flat_map(|i| &i.addresses);
            ends.extend(all.map(|a| (a.net.addr(), mac.clone())));
        }
    }
    for draft in drafts.iter_mut() {
        let netns = &mut draft.netns;
        for neighbour in &mut netns.neighbours {
            let tunnel = TUNNELS.iter().any(|(name, _)| neighbour.device == *name);
            if !tunnel || neighbour.mac.is_some() {
                continue;
            }
            let there = ends.iter().find(|(ip, _)| *ip == neighbour.address);
            // Somewhere that has no such device, the message is for nobody.
            let mac = there.map_or_else(|| nobody(neighbour.address), |(_, mac)| mac.clone());
            netns.forwarding.push(ForwardingEntry {
                mac: mac.clone(),
                device: neighbour.device.clone(),
                master: None,
                destination: Some(neighbour.address),
                local: false,
                sticky: false,
                origin: neighbour.origin,
            });
            neighbour.mac = Some(mac);
        }
    }
}

/// A link-layer address of its own for each address.
fn nobody(ip: IpAddr) -> String {
    let last: [u8; 4] = match ip {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(ip) => {
            let bytes = ip.octets();
            [bytes[12], bytes[13], bytes[14], bytes[15]]
        }
    };
    let [a, b, c, d] = last;
    format!("0e:c1:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn hop(gateway: Option<IpAddr>, device: &str) -> NextHop {
    NextHop {
        gateway,
        device: Some(device.to_owned()),
        onlink: gateway.is_some(),
        dead: false,
        linkdown: false,
    }
}

/// A route that Cilium's programs take; a socket of the node still chooses its source by the kernel's own.
fn route(draft: &Draft, destination: IpNet, hop: NextHop, text: String, origin: Span) -> Route {
    let covering = draft
        .netns
        .routes
        .iter()
        .filter(|r| r.destination.contains(&destination));
    let covering = covering.filter(|r| r.kind == RouteType::Unicast);
    let kernel = covering.max_by_key(|r| r.destination.prefix_len());
    Route {
        kind: RouteType::Unicast,
        destination,
        hops: vec![hop],
        table: "main".to_owned(),
        metric: 0,
        source: kernel.and_then(|r| r.source),
        scope: "link".to_owned(),
        text,
        origin,
    }
}

/// The tunnel map has no lengths: the kernel's route over Cilium's device has.
fn covering(draft: &Draft, network: IpAddr) -> Option<IpNet> {
    let over = |r: &&Route| {
        r.hops
            .iter()
            .any(|h| h.device.as_deref() == Some("cilium_host"))
    };
    let mut all = draft.netns.routes.iter().filter(over);
    all.find(|r| r.destination.network() == network)
        .map(|r| r.destination)
}
