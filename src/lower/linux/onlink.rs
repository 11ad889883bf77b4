//! Links: whom a device reaches on its link, as it is found out and remembered.
//!
//! Must never know: how it is found out, stages.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::linux::{LinkKind, Snapshot};

/// A namespace, by its index in the snapshot.
pub(super) type Ns = usize;
/// An interface, by its position in its namespace.
pub(super) type Device = usize;

/// A frame on its way through a bridge whose frames pass the chains.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Crossing {
    /// The namespace of the bridge.
    pub(super) ns: Ns,
    /// The bridge.
    pub(super) bridge: Device,
    /// The port it came in by.
    pub(super) port: Device,
    /// The port it leaves by; none where it is for the namespace itself.
    pub(super) out: Option<Device>,
}

/// Where a frame gets to, and the bridges on the way whose frames pass the chains.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Arrival {
    /// The namespace.
    pub(super) ns: Ns,
    /// The device by which it comes in: no port of a bridge.
    pub(super) device: Device,
    /// Bridges on the way.
    pub(super) crossings: Vec<Crossing>,
}

/// Whom a device reaches on its link.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// Where its frames get to, in order.
    pub(super) arrivals: Vec<Arrival>,
    /// By namespace.
    pub(super) of: BTreeMap<Ns, Vec<usize>>,
    /// Those that may answer for what is not theirs.
    pub(super) lending: Vec<usize>,
    /// Link-layer addresses that several of them have, by their places in `arrivals`.
    pub(super) shared: BTreeMap<String, Vec<usize>>,
    /// Those of the device itself that others have too.
    pub(super) own: BTreeSet<String>,
    /// They are known by what they asked themselves, if they did.
    pub(super) hearsay: bool,
    /// The device behind which nothing is known, if there is one.
    pub(super) open: Option<String>,
    /// What of it is not modelled.
    pub(super) strange: Option<String>,
    /// Its frames travel through a VXLAN device.
    pub(super) tunnelled: bool,
    /// One that learns from what it receives, of a frame to an address that spoke.
    pub(super) learns: bool,
}

/// Kinds of devices that are heard on the link of another one, which knows nothing of it.
const RIDERS: &[&str] = &["macvlan", "macvtap", "ipvlan", "ipvtap"];

/// Of each namespace, whether such devices may be on one of its own: they are of the same namespace, or of a pod's.
pub(super) fn ridden(snapshot: &Snapshot) -> Vec<Option<String>> {
    let mut all: Vec<Option<String>> = vec![None; snapshot.namespaces.len()];
    for (at, ns) in snapshot.namespaces.iter().enumerate() {
        for device in &ns.interfaces {
            let LinkKind::Other(kind) = &device.kind else {
                continue;
            };
            if !RIDERS.iter().any(|rider| kind.starts_with(rider)) {
                continue;
            }
            let why = format!("who is behind {}, a {kind} of {}", device.name, ns.name);
            for host in [Some(at), ns.node].into_iter().flatten() {
                if let Some(of) = all.get_mut(host) {
                    of.get_or_insert_with(|| why.clone());
                }
            }
        }
    }
    all
}
