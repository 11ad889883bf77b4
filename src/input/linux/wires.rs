//! Wires between real interfaces, as `snapshot.yaml` declares them: of a switch in a rack there is no dump.
//!
//! A wire is a namespace of its own with one bridge, into which every end is plugged. Must never know: how a frame crosses
//! a bridge (`lower`).

use std::collections::{BTreeMap, HashMap};

use super::link::{Link, PORT};
use super::namespace::Draft;
use super::top::{Listed, Wire};
use crate::base::diag::Diagnostic;
use crate::base::similar::closest;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::linux::{Interface, LinkKind, NetNs, Role};

/// What the bridge of a wire is called.
const BRIDGE: &str = "wire";

/// Plugs the ends in, once pairs are known; adds the wires to the namespaces.
pub(super) fn plug(
    wires: &[Wire],
    listed: &mut Vec<Listed>,
    drafts: &mut Vec<Draft>,
    problems: &mut Problems,
) {
    let places: BTreeMap<String, usize> = (listed.iter().enumerate())
        .map(|(at, l)| (l.name.clone(), at))
        .collect();
    let mut taken: HashMap<(usize, usize), Span> = HashMap::new();
    for wire in wires {
        let here = drafts.len();
        let mut interfaces = vec![interface(1, BRIDGE, bridge(), None, wire.origin)];
        for (index, (text, origin)) in (2..).zip(&wire.ends) {
            let Some(end) = end(text, *origin, &places, drafts, problems) else {
                continue;
            };
            if let Some(there) = taken.insert(end, *origin) {
                let message = format!("{} is an end of a wire already", show(text));
                let diagnostic = Diagnostic::error("S014", *origin, message);
                problems.push(diagnostic.related(there, "first written here"));
                continue;
            }
            let own = &mut drafts[end.0].links[end.1].interface;
            own.kind = LinkKind::Veth {
                peer: Some((here, index)),
            };
            let peer = LinkKind::Veth {
                peer: Some((end.0, own.index)),
            };
            interfaces.push(interface(index, text, peer, Some(BRIDGE), *origin));
        }
        listed.push(Listed {
            name: wire.name.clone(),
            role: Role::Fabric,
            node: None,
            object: None,
            netns: None,
            origin: wire.origin,
        });
        drafts.push(draft(wire, interfaces));
    }
}

/// The interface that is meant: a namespace and the place among its interfaces.
fn end(
    text: &str,
    origin: Span,
    places: &BTreeMap<String, usize>,
    drafts: &[Draft],
    problems: &mut Problems,
) -> Option<(usize, usize)> {
    let mut wrong = |message: String, help: String| {
        problems.push(Diagnostic::error("S014", origin, message).help(help));
        None
    };
    let Some((namespace, device)) = text.split_once('/') else {
        let message = format!("{} is no end of a wire", show(text));
        return wrong(message, "write `NAMESPACE/INTERFACE`".to_owned());
    };
    let near = |name: &str, all: &mut dyn Iterator<Item = &str>| {
        closest(name, all).map_or_else(
            || "a wire joins interfaces of namespaces that are listed".to_owned(),
            |near| format!("did you mean `{near}`?"),
        )
    };
    let Some(&at) = places.get(namespace) else {
        let message = format!("{} is no namespace of this snapshot", show(namespace));
        let help = near(namespace, &mut places.keys().map(String::as_str));
        return wrong(message, help);
    };
    let links = &drafts[at].links;
    let Some(link) = links.iter().position(|l| l.interface.name == device) else {
        let message = format!("{} has no interface {}", show(namespace), show(device));
        let names = links.iter().map(|l| l.interface.name.as_str());
        return wrong(message, near(device, &mut { names }));
    };
    let free = match &links[link].interface.kind {
        LinkKind::Physical | LinkKind::Veth { peer: None } => true,
        // What it sends goes out with a tag, to those that are in the same VLAN.
        LinkKind::Other(kind) => kind == "vlan",
        _ => false,
    };
    if !free {
        let message = format!("{} does not end at a wire", show(text));
        let help = "a wire joins interfaces of hardware, VLANs on them, and pairs whose other end is not in the snapshot";
        return wrong(message, help.to_owned());
    }
    Some((at, link))
}

const fn bridge() -> LinkKind {
    LinkKind::Bridge {
        vlan_filtering: false,
        call_iptables: false,
        call_ip6tables: false,
    }
}

fn interface(
    index: u32,
    name: &str,
    kind: LinkKind,
    master: Option<&str>,
    origin: Span,
) -> Interface {
    Interface {
        index,
        name: name.to_owned(),
        kind,
        master: master.map(str::to_owned),
        port: PORT,
        up: true,
        carrier: true,
        mac: None,
        addresses: Vec::new(),
        noarp: false,
        origin,
    }
}

fn draft(wire: &Wire, interfaces: Vec<Interface>) -> Draft {
    let links = interfaces.into_iter().map(|interface| Link {
        interface,
        peer_index: None,
        peer_netns: None,
        peer_name: None,
    });
    Draft {
        netns: NetNs {
            name: wire.name.clone(),
            role: Role::Fabric,
            entity: None,
            node: None,
            interfaces: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            neighbours: Vec::new(),
            forwarding: Vec::new(),
            chains: Vec::new(),
            sets: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            sockets: Vec::new(),
            unmodelled: Vec::new(),
            origin: wire.origin,
        },
        links: links.collect(),
        netns_ids: HashMap::new(),
        learnt: Vec::new(),
        heard: Vec::new(),
    }
}
