//! Which assumptions are enough for each goal: what [`super::prove`] finds, written down, so that a cluster at hand can be
//! judged by it.
//!
//! Must never know: terms, the solver, a cluster at hand.

use super::assumption::Piece;

/// By goal: the assumption, and its part where it has parts. `tests/theorem.rs` proves every goal anew and compares.
const NEEDS: &[(&str, &[(&str, &str)])] = &[
    (
        "KP002",
        &[
            ("one-listener", ""),
            ("links", "container-pod"),
            ("pod-delivers", ""),
            ("deliver-to-listener", ""),
        ],
    ),
    (
        "KP003",
        &[
            ("unique-address", "pod-pod"),
            ("unique-address", "pod-node"),
            ("unique-address", "pod-service"),
            ("no-loopback-address", ""),
            ("one-listener", ""),
            ("pod-on-a-node", ""),
            ("links", "container-pod"),
            ("links", "pod-node"),
            ("links", "node-node"),
            ("honest-source", ""),
            ("pod-delivers", ""),
            ("pod-to-node", ""),
            ("deliver-to-listener", ""),
            ("node-to-pod", ""),
            ("node-to-node", ""),
            ("home", ""),
            ("gates-enforced", ""),
        ],
    ),
    (
        "KP004",
        &[
            ("unique-address", "pod-pod"),
            ("unique-address", "pod-node"),
            ("unique-address", "pod-service"),
            ("no-loopback-address", ""),
            ("one-listener", ""),
            ("links", "container-pod"),
            ("links", "pod-node"),
            ("links", "daemon-node"),
            ("honest-source", ""),
            ("node-has-address", ""),
            ("own-node-allowed", ""),
            ("pod-delivers", ""),
            ("pod-to-node", ""),
            ("deliver-to-listener", ""),
            ("node-to-pod", ""),
            ("home", ""),
            ("gates-enforced", ""),
        ],
    ),
    (
        "KP005",
        &[
            ("unique-address", "pod-pod"),
            ("unique-address", "pod-node"),
            ("unique-address", "pod-service"),
            ("no-loopback-address", ""),
            ("one-listener", ""),
            ("pod-on-a-node", ""),
            ("links", "container-pod"),
            ("links", "pod-node"),
            ("links", "daemon-node"),
            ("links", "node-node"),
            ("honest-source", ""),
            ("pod-delivers", ""),
            ("pod-to-node", ""),
            ("deliver-to-listener", ""),
            ("node-to-pod", ""),
            ("node-to-node", ""),
            ("home", ""),
            ("gates-enforced", ""),
        ],
    ),
    (
        "KP006",
        &[
            ("unique-address", "pod-service"),
            ("only-services-translated", ""),
        ],
    ),
    (
        "KP007",
        &[
            ("unique-address", "pod-service"),
            ("unique-address", "node-service"),
            ("honest-source", ""),
            ("only-services-translated", ""),
        ],
    ),
    (
        "KP008",
        &[
            ("unique-address", "pod-pod"),
            ("unique-address", "pod-node"),
            ("unique-address", "pod-service"),
            ("unique-address", "node-service"),
            ("unique-address", "service-service"),
            ("no-loopback-address", ""),
            ("one-address-a-family", ""),
            ("pod-on-a-node", ""),
            ("links", "container-pod"),
            ("links", "pod-node"),
            ("links", "node-node"),
            ("honest-source", ""),
            ("endpoints-are-pods", ""),
            ("endpoints-listen", ""),
            ("node-has-address", ""),
            ("pod-delivers", ""),
            ("pod-to-node", ""),
            ("deliver-to-listener", ""),
            ("services-translated", ""),
            ("only-services-translated", ""),
            ("hairpin", ""),
            ("node-to-pod", ""),
            ("node-to-node", ""),
            ("home", ""),
            ("gates-enforced", ""),
        ],
    ),
    (
        "KP009",
        &[
            ("unique-address", "pod-pod"),
            ("unique-address", "pod-node"),
            ("unique-address", "pod-service"),
            ("no-loopback-address", ""),
            ("honest-source", ""),
            ("endpoints-are-pods", ""),
            ("closed-port-rules", ""),
            ("pod-to-node", ""),
            ("deliver-to-listener", ""),
            ("services-translated", ""),
            ("only-services-translated", ""),
            ("home", ""),
            ("gates-enforced", ""),
        ],
    ),
    (
        "KP010",
        &[
            ("unique-address", "pod-pod"),
            ("unique-address", "pod-service"),
            ("honest-source", ""),
            ("endpoints-are-pods", ""),
            ("closed-port-rules", ""),
            ("pod-to-node", ""),
            ("services-translated", ""),
            ("only-services-translated", ""),
            ("home", ""),
        ],
    ),
];

/// The assumptions from which a constraint of the library is proven for clusters of every size; none where it is no goal.
pub fn needs(goal: &str) -> Option<Vec<Piece>> {
    let (_, needs) = NEEDS.iter().find(|(id, _)| *id == goal)?;
    let piece = |(id, part): &(&'static str, &'static str)| Piece { id, part };
    Some(needs.iter().map(piece).collect())
}
