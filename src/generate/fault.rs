//! Mistakes to plant, and where each is.
//!
//! Must never know: how they are spelled in a format.

use super::plan::Plan;
use super::rng::Rng;
use super::{Format, Wish};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Two pods on different nodes have one address.
    DuplicateAddress,
    /// A pod has the address of a node.
    NodeAddress,
    /// A Service has the address of a pod.
    ServiceAddress,
    /// A pod is at 127.0.0.1.
    LoopbackAddress,
    /// A node lacks the way to a pod of another; in route tables, to all pods of another.
    MissingRoute,
    /// A node hands messages to a pod to the wrong node, which drops them.
    WrongNextHop,
    /// A node hands messages to the pods of a node to a third one, which knows the way: it conforms.
    Detour,
    /// A route covers half of the prefix that it should.
    NarrowPrefix,
    /// A node drops the messages to a pod.
    Blackhole,
    /// Two nodes hand messages to a pod to each other.
    Loop,
    /// A link from one node to another is not there.
    MissingLink,
    /// A Service leads to a port where nobody listens.
    ClosedPort,
    /// A pod hands messages for a closed port to a container.
    WrongDelivery,
    /// A node does not forward.
    ForwardOff,
    /// A pod's default route leads to an address that nobody has.
    WrongGateway,
    /// A node gives its pods the addresses of another's.
    DuplicateCidr,
}

/// Everything with a name, in the order in which it is listed.
pub const ALL: &[(&str, Fault)] = &[
    ("duplicate-address", Fault::DuplicateAddress),
    ("node-address", Fault::NodeAddress),
    ("service-address", Fault::ServiceAddress),
    ("loopback-address", Fault::LoopbackAddress),
    ("missing-route", Fault::MissingRoute),
    ("wrong-next-hop", Fault::WrongNextHop),
    ("detour", Fault::Detour),
    ("narrow-prefix", Fault::NarrowPrefix),
    ("blackhole", Fault::Blackhole),
    ("loop", Fault::Loop),
    ("missing-link", Fault::MissingLink),
    ("closed-port", Fault::ClosedPort),
    ("wrong-delivery", Fault::WrongDelivery),
    ("forward-off", Fault::ForwardOff),
    ("wrong-gateway", Fault::WrongGateway),
    ("duplicate-cidr", Fault::DuplicateCidr),
];

impl Fault {
    /// The fault of a name.
    pub fn named(name: &str) -> Option<Self> {
        let found = ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, fault)| *fault)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = ALL.iter().find(|(_, known)| *known == self);
        found.map_or("", |(name, _)| *name)
    }
}

/// Whether a fault can be planted there; if not, why.
pub(super) fn possible(fault: Fault, wish: &Wish, plan: &Plan) -> Result<(), String> {
    let name = fault.name();
    let installed = matches!(
        fault,
        Fault::ForwardOff | Fault::WrongGateway | Fault::DuplicateCidr
    );
    let either = matches!(
        fault,
        Fault::MissingRoute
            | Fault::Detour
            | Fault::Loop
            | Fault::NarrowPrefix
            | Fault::Blackhole
            | Fault::DuplicateAddress
    );
    let fits = match fault {
        _ if wish.format == Format::Snapshot => installed || either,
        _ if installed => false,
        Fault::DuplicateAddress | Fault::NodeAddress => wish.format != Format::Routes,
        Fault::ClosedPort | Fault::ServiceAddress => {
            matches!(wish.format, Format::Cluster | Format::Kubernetes)
        }
        Fault::MissingRoute | Fault::Detour | Fault::Loop => {
            matches!(wish.format, Format::Cluster | Format::Routes)
        }
        Fault::NarrowPrefix => wish.format == Format::Routes,
        _ => wish.format == Format::Cluster,
    };
    if !fits {
        return Err(format!("the fault `{name}` cannot be told in this format"));
    }
    let replaced = matches!(fault, Fault::MissingRoute) && wish.tables.is_some();
    if replaced {
        return Err(format!(
            "with route tables the fault `{name}` is theirs: `--format routes --fault {name}`"
        ));
    }
    let wants_service = matches!(fault, Fault::ClosedPort | Fault::ServiceAddress);
    if wants_service && wish.services == 0 {
        return Err(format!(
            "the fault `{name}` wants a service: `--services 1`"
        ));
    }
    let nodes = match fault {
        Fault::WrongNextHop | Fault::Detour | Fault::Loop => 3,
        Fault::DuplicateAddress
        | Fault::MissingRoute
        | Fault::NarrowPrefix
        | Fault::ForwardOff
        | Fault::WrongGateway
        | Fault::DuplicateCidr
        | Fault::MissingLink => 2,
        _ => 1,
    };
    if plan.nodes < nodes {
        return Err(format!("the fault `{name}` wants {nodes} nodes"));
    }
    if plan.pods_each == 0 && fault != Fault::MissingLink {
        return Err(format!("the fault `{name}` wants pods"));
    }
    Ok(())
}

/// Where a fault is: all of it is chosen by the seed alone, so that each file of one cluster tells the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The node whose table, address or link it is.
    pub(super) at: u32,
    /// Another node.
    pub(super) wrong: u32,
    /// A pod that is on neither, where there are three nodes.
    pub(super) pod: u32,
    /// A pod that is on the node `at`.
    pub(super) own: u32,
    /// A Service.
    pub(super) service: u32,
}

impl Place {
    pub(super) fn of(fault: Fault, wish: &Wish, plan: &Plan) -> Self {
        let mut rng = Rng::new(wish.seed, 100 + fault as u64);
        let nodes = plan.nodes as usize;
        let at = rng.below(nodes);
        // Distinct as far as there are enough of them.
        let home = (at + 1 + rng.below(nodes.saturating_sub(1))) % nodes;
        let others = nodes.saturating_sub(2);
        let wrong = (0..nodes)
            .filter(|n| *n != at && *n != home)
            .nth(rng.below(others))
            .unwrap_or(home);
        let number = rng.below(plan.pods_each as usize) as u32;
        Self {
            at: at as u32,
            wrong: wrong as u32,
            pod: home as u32 * plan.pods_each + number,
            own: at as u32 * plan.pods_each + number,
            service: rng.below(wish.services as usize) as u32,
        }
    }
}

/// The places of the faults of one kind: one, or none.
pub(super) fn place(fault: Fault, wish: &Wish, plan: &Plan) -> Option<Place> {
    let wanted = wish.faults.contains(&fault);
    wanted.then(|| Place::of(fault, wish, plan))
}
