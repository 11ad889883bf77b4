//! The assumptions of the theorem: their names, and what each says in words.
//!
//! Knows: words. Must never know: terms, the solver.

/// What an assumption is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The cluster: who there is, with which addresses, linked how.
    Cluster,
    /// What each switch's FIB does, by itself.
    Switch,
}

/// One assumption.
#[derive(Debug, Clone, Copy)]
pub struct Assumption {
    /// `unique-address`.
    pub id: &'static str,
    /// What it says, in the seed's words where it has some.
    pub title: &'static str,
    /// What it is about.
    pub about: About,
    /// Its parts, if a proof may need some of them only.
    pub parts: &'static [&'static str],
}

const fn cluster(
    id: &'static str,
    parts: &'static [&'static str],
    title: &'static str,
) -> Assumption {
    Assumption {
        id,
        title,
        about: About::Cluster,
        parts,
    }
}

const fn switch(id: &'static str, title: &'static str) -> Assumption {
    Assumption {
        id,
        title,
        about: About::Switch,
        parts: &[],
    }
}

const ASSUMPTIONS: &[Assumption] = &[
    cluster(
        "unique-address",
        &[
            "pod-pod",
            "pod-node",
            "pod-service",
            "node-node",
            "node-service",
            "service-service",
        ],
        "each pod, node and Service is assigned a different IP address: addr(E₁, a) ∧ addr(E₂, a) ⟹ E₁ = E₂",
    ),
    cluster(
        "no-loopback-address",
        &[],
        "no pod, node or Service is addressed at localhost (127.0.0.0/8, ::1)",
    ),
    cluster(
        "one-address-a-family",
        &[],
        "a pod has one IP address of a family",
    ),
    cluster(
        "one-listener",
        &[],
        "a port of a pod's address has one listener: open(C₁, p) ∧ open(C₂, p) ⟹ C₁ = C₂ for containers of one pod",
    ),
    cluster(
        "pod-on-a-node",
        &[],
        "each pod is hosted on a node: K8s-Pod(P) ⟹ host(N, P) for some N",
    ),
    cluster(
        "links",
        &["container-pod", "pod-node", "daemon-node", "node-node"],
        "each container is linked to its pod, each daemon and each pod to its node, each node to the other nodes",
    ),
    cluster(
        "honest-source",
        &[],
        "who sends, sends from an address of its own pod or node, and over localhost from localhost",
    ),
    cluster(
        "endpoints-are-pods",
        &[],
        "an endpoint of a Service is a pod at an address of that pod",
    ),
    cluster(
        "endpoints-listen",
        &[],
        "a container of an endpoint's pod listens on the endpoint's port",
    ),
    cluster(
        "node-has-address",
        &[],
        "each node has an address, and one of each family in which it serves Services",
    ),
    cluster("own-node-allowed", &[], "policies let a pod's own node in"),
    switch(
        "pod-delivers",
        "delivery on localhost and on the pod's address: [* * a p → Deliver(C)] in FIB[P] where C is open on p",
    ),
    switch(
        "closed-port-rules",
        "what is for an own address or localhost, where nobody listens, is discarded and never forwarded",
    ),
    switch(
        "pod-to-node",
        "local forwarding rule: [* * * * → Forward(N)] in FIB[P] for host(N, P), for all that is not the pod's own",
    ),
    switch(
        "deliver-to-listener",
        "a message is delivered only to a process that listens on its port, of the pod or node that has its address",
    ),
    switch(
        "services-translated",
        "a node translates what is for a Service's address and port to an eligible endpoint, and discards it if there is none",
    ),
    switch(
        "only-services-translated",
        "nothing else is translated: a message goes on with the header that it came with",
    ),
    switch(
        "hairpin",
        "a pod that meets itself through a Service is given its node's address as the source",
    ),
    switch(
        "node-to-pod",
        "node to pod forwarding rule: [* * a * → Forward(P)] in FIB[N] for host(N, P) ∧ addr(P, a)",
    ),
    switch(
        "node-to-node",
        "node to node forwarding rule: [* * a * → Forward(N₂)] in FIB[N₁] for host(N₂, P) ∧ addr(P, a)",
    ),
    switch(
        "home",
        "a node forwards to another node only what is at home there, and to a pod only what is for that pod, which it hosts",
    ),
    switch(
        "gates-enforced",
        "policies are asked at the node of the pod, and nothing else stops a message",
    ),
];

/// All assumptions of the theorem: those of the cluster, then those of its switches.
pub fn assumptions() -> &'static [Assumption] {
    ASSUMPTIONS
}

/// The assumption of this name.
pub fn assumption(id: &str) -> Option<&'static Assumption> {
    ASSUMPTIONS.iter().find(|a| a.id == id)
}

/// One part of an assumption, or the whole where it has no parts: what a proof may use or do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// [`Assumption::id`].
    pub id: &'static str,
    /// One of [`Assumption::parts`]; empty where there are none.
    pub part: &'static str,
}

/// Every piece, in the order of the table.
pub(super) fn pieces() -> Vec<Piece> {
    let of = |a: &Assumption| {
        let parts = if a.parts.is_empty() { &[""] } else { a.parts };
        let id = a.id;
        parts.iter().map(move |part| Piece { id, part })
    };
    ASSUMPTIONS.iter().flat_map(of).collect()
}
