//! A Linux snapshot as it was read: network namespaces with what `ip`, `bridge`, `iptables-save`, `nft`, `ss` and
//! `sysctl` printed in each, in one spelling.
//!
//! Knows: interfaces, routes, rules, chains, sockets. Must never know: JSON keys and options of `iptables` (`input`
//! reads them), how a message travels through them (`lower`).

pub mod firewall;
pub mod route;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::entity::EntityId;
use super::inet::{Family, IpNet};
use super::listener::Listener;
use crate::base::source::Span;

pub use firewall::{
    AddressType, Base, Chain, ChainFamily, CtState, Discovery, Effect, FirewallRule, Fits, Hook,
    SetElement, SetField, SetValue, Side, Test, Tested, WayBack,
};
pub use route::{NextHop, PolicyRule, Route, RouteType, RuleAction};

/// Everything that was read of one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The namespaces, in the order of `snapshot.yaml`. Elsewhere a namespace is named by its index here.
    pub namespaces: Vec<NetNs>,
}

/// What a network namespace is in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A pod's.
    Pod,
    /// A node's.
    Node,
    /// A host outside.
    External,
    /// A wire between others: bridges, no processes.
    Fabric,
}

/// One network namespace.
#[derive(Debug, Clone)]
pub struct NetNs {
    /// Its name in `snapshot.yaml`.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The pod, node or External; none for a fabric.
    pub entity: Option<EntityId>,
    /// The namespace of the node that hosts it; of a pod only.
    pub node: Option<usize>,
    /// By index, `lo` among them.
    pub interfaces: Vec<Interface>,
    /// Every table, every family, in the order of the dump.
    pub routes: Vec<Route>,
    /// By priority; where not dumped, the kernel's three.
    pub rules: Vec<PolicyRule>,
    /// Permanent entries and proxies; learnt ones left out.
    pub neighbours: Vec<Neighbour>,
    /// Forwarding entries of bridges and VXLAN devices; learnt ones left out.
    pub forwarding: Vec<ForwardingEntry>,
    /// Chains of every table and family, iptables' and nft's in one spelling; tables dumped twice are here once.
    pub chains: Vec<Chain>,
    /// Named sets (ipset, nft), by name (nft: `family table name`).
    pub sets: BTreeMap<String, Vec<SetElement>>,
    /// `net.ipv4.ip_forward` → `1`, as dumped, with the place.
    pub sysctls: BTreeMap<String, (String, Span)>,
    /// Sockets that listen.
    pub sockets: Vec<Socket>,
    /// What is in the dump and not modelled, and concerns every message that passes (eBPF, IPVS).
    pub unmodelled: Vec<Strange>,
    /// Where it is written.
    pub origin: Span,
}

/// Something that is not modelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strange {
    /// In words: `device cilium_host: eBPF programs decide`.
    pub what: String,
    /// Whether it concerns frames too that a bridge of the namespace only hands on.
    pub reach: Reach,
    /// Where it shows.
    pub origin: Span,
}

/// What something that is not modelled concerns, beside all that its namespace sends, takes and routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Frames of a bridge only where they pass the chains of messages (`bridge-nf-call-iptables`).
    Messages,
    /// All frames that bridges hand on.
    Frames,
    /// The frames among them that cross this device, by name.
    Device(String),
}

/// An interface.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its index in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// The bridge it is a port of, by name.
    pub master: Option<String>,
    /// As a port of a bridge.
    pub port: BridgePort,
    /// Flag `UP`.
    pub up: bool,
    /// Flag `LOWER_UP`; a device without carrier passes nothing.
    pub carrier: bool,
    /// Its link-layer address, lower case; none where it has none.
    pub mac: Option<String>,
    /// Its addresses, in order.
    pub addresses: Vec<InterfaceAddress>,
    /// Flag `NOARP`.
    pub noarp: bool,
    /// Where it is written.
    pub origin: Span,
}

/// Kinds of interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// `lo`.
    Loopback,
    /// One end of a pair. The other: a namespace and an interface's index there; none where it is not in the snapshot.
    Veth {
        /// Namespace and index.
        peer: Option<(usize, u32)>,
    },
    /// A bridge.
    Bridge {
        /// `vlan_filtering`: not modelled where set.
        vlan_filtering: bool,
        /// `nf_call_iptables` of the bridge itself.
        call_iptables: bool,
        /// `nf_call_ip6tables` of the bridge itself.
        call_ip6tables: bool,
    },
    /// A VXLAN device.
    Vxlan {
        /// The network identifier.
        id: u32,
        /// Destination port of the outer datagrams.
        port: u16,
        /// Local address.
        local: Option<IpAddr>,
        /// Default destination.
        remote: Option<IpAddr>,
        /// `external`: eBPF or routes say where to.
        external: bool,
        /// It learns where link-layer addresses are from what it receives.
        learning: bool,
        /// The device that its outer messages leave by, by name; none where routes alone say so.
        below: Option<String>,
    },
    /// IP in IP, GRE, SIT: a local and a remote end.
    Tunnel {
        /// `ipip`, `gre`, `sit`, `ip6tnl`.
        kind: String,
        /// Local address.
        local: Option<IpAddr>,
        /// Remote address.
        remote: Option<IpAddr>,
        /// What it can carry.
        carries: Vec<Family>,
        /// How it labels what it sends.
        sends: TunnelLabel,
        /// How that is labelled which it takes.
        takes: TunnelLabel,
        /// The device that its outer messages leave by, by name; none where routes alone say so.
        below: Option<String>,
    },
    /// A dummy: takes what is sent and drops it; its addresses are local.
    Dummy,
    /// A physical device, or one whose other end is not in the snapshot.
    Physical,
    /// Anything else, by its kind.
    Other(String),
}

/// What the header of a tunnel says beside addresses: both ends must agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TunnelLabel {
    /// The key of GRE.
    pub key: Option<String>,
    /// It has a checksum.
    pub checksum: bool,
}

/// How an interface behaves as a port of its bridge.
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags as the kernel has them"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgePort {
    /// Hands a frame back to the port it came from.
    pub hairpin: bool,
    /// Does not hand frames to other isolated ports.
    pub isolated: bool,
    /// State `forwarding`.
    pub forwarding: bool,
    /// Frames to addresses that the bridge does not know leave by it.
    pub flood: bool,
    /// Frames for everybody leave by it.
    pub broadcast: bool,
    /// The bridge learns who is behind it.
    pub learning: bool,
    /// Where it is written; none where the dump does not say.
    pub origin: Option<Span>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address with the length of its prefix.
    pub net: IpNet,
    /// `global`, `link`, `host`.
    pub scope: String,
    /// Flag `secondary`.
    pub secondary: bool,
    /// Flags `tentative` or `dadfailed` and not `optimistic`: not usable.
    pub unusable: bool,
    /// Where it is written.
    pub origin: Span,
}

/// A permanent neighbour, or a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The address.
    pub address: IpAddr,
    /// The device, by name.
    pub device: String,
    /// Its link-layer address; none for a proxy, or one that failed for good.
    pub mac: Option<String>,
    /// Answers for this address on this device.
    pub proxy: bool,
    /// Where it is written.
    pub origin: Span,
}

/// An entry of a bridge or of a VXLAN device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardingEntry {
    /// The link-layer address, lower case; all zeros is the default of a VXLAN device.
    pub mac: String,
    /// The port of the bridge, or the VXLAN device, by name.
    pub device: String,
    /// The bridge; none for an entry of the device itself.
    pub master: Option<String>,
    /// The VXLAN endpoint.
    pub destination: Option<IpAddr>,
    /// State `permanent` on a port of a bridge: the bridge takes such frames for itself.
    pub local: bool,
    /// Flag `sticky`: it stays, wherever the address speaks.
    pub sticky: bool,
    /// Where it is written.
    pub origin: Span,
}

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// The process of the model it belongs to; none where a message that meets it is nobody's (a VXLAN socket).
    pub process: Option<EntityId>,
    /// Where it listens.
    pub listener: Listener,
}
