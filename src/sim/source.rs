//! Honest sources: which messages a process may put on their way.
//!
//! Must never know: FIBs, paths, formulas, SMT.

use std::net::IpAddr;

use crate::model::entity::EntityId;
use crate::model::inet::{Family, non_unicast};
use crate::network::graph::{Endpoint, Network, Sources};
use crate::network::header::Header;

/// Whether the process may send this header: an honest source (design.md, `Send`), unicast, ports from 1.
pub fn honest(network: &Network, sender: EntityId, header: &Header) -> bool {
    let Some(process) = network.process(sender) else {
        return false;
    };
    let family = Family::of(header.destination);
    let to_loopback = family.loopback_net().contains(&header.destination);
    let source_fits = if to_loopback {
        // Loopback belongs to a namespace; of the outside's namespaces we know nothing.
        header.source == family.loopback() && !matches!(process.sources, Sources::Within(_))
    } else {
        sendable(network, process, header.source, header.destination)
    };
    Family::of(header.source) == family
        && source_fits
        && header.source_port > 0
        && header.destination_port > 0
        && !non_unicast()
            .iter()
            .any(|net| net.contains(&header.destination))
}

/// Whether a non-loopback source address is one the process sends from.
fn sendable(network: &Network, process: &Endpoint, source: IpAddr, destination: IpAddr) -> bool {
    let unheld = || {
        network.held.binary_search(&source).is_err()
            && !Family::of(source).loopback_net().contains(&source)
            && !non_unicast().iter().any(|net| net.contains(&source))
    };
    match &process.sources {
        Sources::Own(addresses) => addresses.contains(&source),
        Sources::Within(prefixes) => prefixes.iter().any(|p| p.contains(&source)) && unheld(),
        Sources::Free => unheld(),
        Sources::Selected(table) => table
            .iter()
            .find(|(net, _)| net.contains(&destination))
            .is_some_and(|(_, own)| own.contains(&source)),
    }
}
