//! `ip -j neigh`, `bridge -j fdb` and `bridge -j link`: what is known of the neighbours on a link.
//!
//! Knows: which entries somebody wrote and which were learnt. Must never know: how a frame travels.
//!
//! What was learnt says who spoke lately, and not who will be found: it is left out, and whoever asks is answered as
//! the network would answer. Only `peers` looks at learnt entries, as evidence of who is at the other end.

use std::collections::HashMap;

use super::link::{Link, port};
use super::record::records;
use super::strange;
use crate::input::problems::Problems;
use crate::input::yaml::Json;
use crate::model::linux::{ForwardingEntry, Neighbour, Strange};

/// A learnt forwarding entry: link-layer address and port.
pub(super) type Learnt = (String, String);

/// Entries of `ip -j neigh`; `proxy` where the dump is of `ip neigh show proxy`.
pub(super) fn neighbours(json: &Json, proxy: bool, problems: &mut Problems) -> Vec<Neighbour> {
    let mut all = Vec::new();
    for record in records(json, problems) {
        let proxy = proxy || record.has("proxy");
        let stays = ["PERMANENT", "NOARP"]
            .into_iter()
            .any(|s| record.flag("state", s));
        if !stays && !proxy {
            continue;
        }
        let Some(place) = record.needed("dst", problems) else {
            continue;
        };
        record.needed("dev", problems);
        let address = record.address("dst", problems);
        let device = record.text("dev", problems);
        let (Some(address), Some(device)) = (address, device) else {
            continue;
        };
        // NOARP of a broadcast or multicast address is the kernel's own.
        let own = !record.flag("state", "PERMANENT") && !proxy;
        if own && (address.is_multicast() || address.is_unspecified()) {
            continue;
        }
        let mac = record.text("lladdr", problems).map(str::to_lowercase);
        all.push(Neighbour {
            address,
            device: device.to_owned(),
            mac: mac.filter(|_| !proxy),
            proxy,
            origin: place.span(),
        });
    }
    all
}

/// Entries of `bridge -j fdb`, and those that were learnt. Multicast addresses concern no message of the model.
pub(super) fn forwarding(
    json: &Json,
    problems: &mut Problems,
) -> (Vec<ForwardingEntry>, Vec<Learnt>) {
    let (mut all, mut learnt) = (Vec::new(), Vec::new());
    for record in records(json, problems) {
        let Some(place) = record.needed("mac", problems) else {
            continue;
        };
        record.needed("ifname", problems);
        let (Some(mac), Some(device)) = (
            record.text("mac", problems),
            record.text("ifname", problems),
        ) else {
            continue;
        };
        let mac = mac.to_lowercase();
        if is_group(&mac) {
            continue;
        }
        let state = record.text("state", problems).unwrap_or_default();
        let own = record.flag("flags", "self");
        let written = matches!(state, "permanent" | "static" | "noarp")
            || record.flag("flags", "extern_learn") && own
            || record.flag("flags", "sticky");
        if !written {
            learnt.push((mac, device.to_owned()));
            continue;
        }
        all.push(ForwardingEntry {
            mac,
            device: device.to_owned(),
            master: record.text("master", problems).map(str::to_owned),
            destination: record.address("dst", problems),
            sticky: record.flag("flags", "sticky"),
            local: state == "permanent" && record.has("master"),
            origin: place.span(),
        });
    }
    (all, learnt)
}

/// Whether a link-layer address stands for many. All zeros is the default of a VXLAN device, and stays.
fn is_group(mac: &str) -> bool {
    let first = mac
        .get(..2)
        .and_then(|byte| u8::from_str_radix(byte, 16).ok());
    first.is_some_and(|byte| byte & 1 == 1)
}

/// Ports as `bridge -j link` tells of them, where `ip -d link` did not.
pub(super) fn ports(
    json: &Json,
    links: &mut [Link],
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) {
    let at: HashMap<String, usize> = (0..)
        .zip(links.iter())
        .map(|(at, link)| (link.interface.name.clone(), at))
        .collect();
    for record in records(json, problems) {
        let name = record.text("ifname", problems);
        let Some(&at) = name.and_then(|n| at.get(n)) else {
            continue;
        };
        let Some(interface) = links.get_mut(at).map(|l| &mut l.interface) else {
            continue;
        };
        if interface.port.origin.is_none() && record.get("state").is_some() {
            interface.port = port(record, problems);
            strange::port(&interface.name, record, unmodelled);
            if let Some(master) = record.text("master", problems) {
                interface.master = Some(master.to_owned());
            }
        }
    }
}

/// The names of `ip -j netns list-id`, by number.
pub(super) fn netns_ids(json: &Json, problems: &mut Problems) -> HashMap<u32, String> {
    let mut all = HashMap::new();
    for record in records(json, problems) {
        let number = record.number("nsid", problems);
        if let (Some(number), Some(name)) = (number, record.text("name", problems)) {
            all.insert(number, name.to_owned());
        }
    }
    all
}
