//! What is assumed of clusters, and what holds of all of them.
//!
//! Knows: the signature. Must never know: switches, messages, the solver.

use super::assumption::Piece;
use super::world::World;
use crate::smt::term::{FunctionId, Sort, TermId};

/// What holds of addresses and protocols, and what words mean: no assumptions.
pub(super) fn meanings(w: &mut World) -> Vec<TermId> {
    let n = w.names;
    let address = w.sorts.address;
    let mut all = Vec::new();
    // loopback(a) ⟹ localhost(a); and ::1 is all there is of localhost in IPv6.
    let [a] = w.bind([("a", address)]);
    let (loopback, local, v4) = (
        w.is(n.loopback, &[a]),
        w.is(n.local, &[a]),
        w.is(n.ipv4, &[a]),
    );
    let first = w.implies(&[loopback], local);
    let v6 = w.not(v4);
    let second = w.implies(&[local, v6], loopback);
    let both = w.and(&[first, second]);
    all.push(w.pool.forall(&[a], both));
    // One loopback address a family.
    let [a, b] = w.bind([("a", address), ("b", address)]);
    let (of_a, of_b) = (w.is(n.loopback, &[a]), w.is(n.loopback, &[b]));
    let (family, same) = (w.one_family(a, b), w.eq(a, b));
    let one = w.implies(&[of_a, of_b, family], same);
    all.push(w.pool.forall(&[a, b], one));
    // Three protocols.
    let p = w.protocols;
    for (x, y) in [(p.tcp, p.udp), (p.tcp, p.sctp), (p.udp, p.sctp)] {
        let same = w.eq(x, y);
        all.push(w.not(same));
    }
    // Who is eligible is an endpoint.
    let s = w.sorts;
    let [svc, port, proto, node] = w.bind([
        ("S", s.service),
        ("p", s.port),
        ("proto", s.protocol),
        ("N", s.node),
    ]);
    let [pod, a, target] = w.bind([("P", s.pod), ("a", s.address), ("tp", s.port)]);
    let eligible = w.is(n.eligible, &[svc, port, proto, node, pod, a, target]);
    let endpoint = w.is(n.endpoint, &[svc, port, proto, pod, a, target]);
    let meant = w.implies(&[eligible], endpoint);
    all.push(
        w.pool
            .forall(&[svc, port, proto, node, pod, a, target], meant),
    );
    all
}

/// The assumptions about the cluster.
pub(super) fn admissible(w: &mut World) -> Vec<(Piece, TermId)> {
    let mut all = unique(w);
    let mut add = |id, part, t| all.push((Piece { id, part }, t));
    add("no-loopback-address", "", no_loopback(w));
    add("one-address-a-family", "", one_address(w));
    add("one-listener", "", one_listener(w));
    let [pod] = w.bind([("P", w.sorts.pod)]);
    let hosted = w.is(w.names.hosted, &[pod]);
    add("pod-on-a-node", "", w.pool.forall(&[pod], hosted));
    for (part, t) in links(w) {
        add("links", part, t);
    }
    let (addresses, listens) = endpoints(w);
    add("endpoints-are-pods", "", addresses);
    add("endpoints-listen", "", listens);
    add("node-has-address", "", node_address(w));
    add("own-node-allowed", "", own_node(w));
    all
}

/// `addr(E₁, a) ∧ addr(E₂, a) ⟹ E₁ = E₂`, kind by kind.
fn unique(w: &mut World) -> Vec<(Piece, TermId)> {
    let (n, s) = (w.names, w.sorts);
    let pod = (n.addr_pod, s.pod);
    let node = (n.addr_node, s.node);
    let service = (n.addr_service, s.service);
    let pairs = [
        ("pod-pod", pod, pod),
        ("pod-node", pod, node),
        ("pod-service", pod, service),
        ("node-node", node, node),
        ("node-service", node, service),
        ("service-service", service, service),
    ];
    let both = |w: &mut World, x: (FunctionId, Sort), y: (FunctionId, Sort)| {
        let [a] = w.bind([("a", w.sorts.address)]);
        let [e1, e2] = w.bind([("E1", x.1), ("E2", y.1)]);
        let (one, other) = (w.is(x.0, &[e1, a]), w.is(y.0, &[e2, a]));
        let same = if x.1 == y.1 {
            w.eq(e1, e2)
        } else {
            w.pool.truth(false)
        };
        let body = w.implies(&[one, other], same);
        w.pool.forall(&[e1, e2, a], body)
    };
    let piece = |part| Piece {
        id: "unique-address",
        part,
    };
    pairs
        .into_iter()
        .map(|(part, x, y)| (piece(part), both(w, x, y)))
        .collect()
}

fn no_loopback(w: &mut World) -> TermId {
    let (n, s) = (w.names, w.sorts);
    let holders = [
        (n.addr_pod, s.pod),
        (n.addr_node, s.node),
        (n.addr_service, s.service),
    ];
    let parts = holders.map(|(addr, sort)| {
        let [e, a] = w.bind([("E", sort), ("a", s.address)]);
        let (has, local) = (w.is(addr, &[e, a]), w.is(n.local, &[a]));
        let never = w.not(local);
        let body = w.implies(&[has], never);
        w.pool.forall(&[e, a], body)
    });
    w.and(&parts)
}

/// Else a pod that meets itself behind a Service may do so at its other address, which no node sees.
fn one_address(w: &mut World) -> TermId {
    let (n, s) = (w.names, w.sorts);
    let [pod, a, b] = w.bind([("P", s.pod), ("a", s.address), ("b", s.address)]);
    let (one, other) = (w.is(n.addr_pod, &[pod, a]), w.is(n.addr_pod, &[pod, b]));
    let (family, same) = (w.one_family(a, b), w.eq(a, b));
    let body = w.implies(&[one, other, family], same);
    w.pool.forall(&[pod, a, b], body)
}

fn one_listener(w: &mut World) -> TermId {
    let (n, s) = (w.names, w.sorts);
    let [c1, c2, a, p, proto] = w.bind([
        ("C1", s.container),
        ("C2", s.container),
        ("a", s.address),
        ("p", s.port),
        ("proto", s.protocol),
    ]);
    let pod = w.is(n.pod_of, &[c1]);
    let together = w.contains(pod, c2);
    let (one, other) = (
        w.is(n.open_container, &[c1, a, p, proto]),
        w.is(n.open_container, &[c2, a, p, proto]),
    );
    let same = w.eq(c1, c2);
    let body = w.implies(&[together, one, other], same);
    w.pool.forall(&[c1, c2, a, p, proto], body)
}

/// The seed's links, both ways.
fn links(w: &mut World) -> [(&'static str, TermId); 4] {
    let (n, s) = (w.names, w.sorts);
    let [c] = w.bind([("C", s.container)]);
    let pod = w.is(n.pod_of, &[c]);
    let (up, down) = (
        w.is(n.link_container_pod, &[c, pod]),
        w.is(n.link_pod_container, &[pod, c]),
    );
    let both = w.and(&[up, down]);
    let container_pod = w.pool.forall(&[c], both);

    let [p] = w.bind([("P", s.pod)]);
    let (hosted, node) = (w.is(n.hosted, &[p]), w.is(n.node_of, &[p]));
    let (up, down) = (
        w.is(n.link_pod_node, &[p, node]),
        w.is(n.link_node_pod, &[node, p]),
    );
    let both = w.and(&[up, down]);
    let body = w.implies(&[hosted], both);
    let pod_node = w.pool.forall(&[p], body);

    let [d] = w.bind([("D", s.daemon)]);
    let node = w.is(n.daemon_node, &[d]);
    let (up, down) = (
        w.is(n.link_daemon_node, &[d, node]),
        w.is(n.link_node_daemon, &[node, d]),
    );
    let both = w.and(&[up, down]);
    let daemon_node = w.pool.forall(&[d], both);

    let [n1, n2] = w.bind([("N1", s.node), ("N2", s.node)]);
    let (same, link) = (w.eq(n1, n2), w.is(n.link_node_node, &[n1, n2]));
    let body = w.or(&[same, link]);
    let node_node = w.pool.forall(&[n1, n2], body);
    [
        ("container-pod", container_pod),
        ("pod-node", pod_node),
        ("daemon-node", daemon_node),
        ("node-node", node_node),
    ]
}

/// An endpoint has an address of its pod; and a container of the pod listens there (which one is a function of the
/// endpoint, hence a relation that is bound once: see `listener`).
fn endpoints(w: &mut World) -> (TermId, TermId) {
    let (n, s) = (w.names, w.sorts);
    let [svc, port, proto] = w.bind([("S", s.service), ("p", s.port), ("proto", s.protocol)]);
    let [pod, a, target] = w.bind([("P", s.pod), ("a", s.address), ("tp", s.port)]);
    let variables = [svc, port, proto, pod, a, target];
    let endpoint = w.is(n.endpoint, &variables);
    let has = w.is(n.addr_pod, &[pod, a]);
    let body = w.implies(&[endpoint], has);
    let addresses = w.pool.forall(&variables, body);
    let [c] = w.bind([("C", s.container)]);
    let (inside, open) = (
        w.contains(pod, c),
        w.is(n.open_container, &[c, a, target, proto]),
    );
    let listens = w.and(&[inside, open]);
    let some = w.pool.exists(&[c], listens);
    let body = w.implies(&[endpoint], some);
    (addresses, w.pool.forall(&variables, body))
}

/// An address at all, and one of each family in which endpoints are eligible there.
fn node_address(w: &mut World) -> TermId {
    let (n, s) = (w.names, w.sorts);
    let [node] = w.bind([("N", s.node)]);
    let (own4, own6) = (w.is(n.own4, &[node]), w.is(n.own6, &[node]));
    let (has4, has6) = (
        w.is(n.addr_node, &[node, own4]),
        w.is(n.addr_node, &[node, own6]),
    );
    let some = w.or(&[has4, has6]);
    let any = w.pool.forall(&[node], some);
    let [svc, port, proto, node] = w.bind([
        ("S", s.service),
        ("p", s.port),
        ("proto", s.protocol),
        ("N", s.node),
    ]);
    let [pod, a, target] = w.bind([("P", s.pod), ("a", s.address), ("tp", s.port)]);
    let variables = [svc, port, proto, node, pod, a, target];
    let eligible = w.is(n.eligible, &variables);
    let own = w.own_address(node, a);
    let (has, family) = (w.is(n.addr_node, &[node, own]), w.one_family(own, a));
    let both = w.and(&[has, family]);
    let body = w.implies(&[eligible], both);
    let each = w.pool.forall(&variables, body);
    w.and(&[any, each])
}

/// `host(N, P) ∧ addr(N, a)`: the gates of P let a in.
fn own_node(w: &mut World) -> TermId {
    let (n, s) = (w.names, w.sorts);
    let [pod, a, port, proto] = w.bind([
        ("P", s.pod),
        ("a", s.address),
        ("p", s.port),
        ("proto", s.protocol),
    ]);
    let node = w.is(n.node_of, &[pod]);
    let (hosted, has) = (w.is(n.hosted, &[pod]), w.is(n.addr_node, &[node, a]));
    let passes = w.is(n.ingress, &[pod, a, port, proto]);
    let body = w.implies(&[hosted, has], passes);
    w.pool.forall(&[pod, a, port, proto], body)
}
