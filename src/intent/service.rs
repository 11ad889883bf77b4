//! Services as receivers, and as senders: clauses about the addresses at which a Service is dialled.
//!
//! Inside, a Service is dialled at its cluster addresses. From outside it is at addresses of its load balancer and at
//! external ones; where it has none of a family, at its ports of the nodes. Kept out is kept out of all of them, wherever one is.
//!
//! Source: kubernetes.io, *Service*, "Publishing Services". Must never know: a cluster.

use super::clause::{Clause, Kind, Place, on, owned};
use super::family;
use super::peer::{not_own_node, ports, started};
use crate::model::intent::{IntentPeer, Relation, Who};

/// Services among peers, as the language names them.
pub(super) fn services(peers: &[IntentPeer]) -> impl Iterator<Item = (usize, String)> + '_ {
    let numbered = peers.iter().enumerate();
    numbered.filter_map(|(at, peer)| match &peer.who {
        Who::Service { namespace, name } => Some((at, format!("service({namespace}/{name})"))),
        _ => None,
    })
}

/// `x` is a process of an endpoint of a Service.
pub(super) fn behind(service: &str, x: &str) -> String {
    format!("(∃ P. endpoint({service}, _, P, _, _) ∧ (K8s-Container({x}, P) ∨ host(P, {x})))")
}

/// Each Service of `to` is reached by those of `from`, wherever they dial it.
pub(super) fn reach(relation: &Relation, from: &str) -> Vec<Clause> {
    let outside = |p: &IntentPeer| matches!(p.who, Who::Block(_) | Who::External(_));
    let some_outside = relation.from.iter().any(outside);
    let some_inside = !relation.from.iter().all(outside);
    let mut clauses = Vec::new();
    for (at, service) in services(&relation.to) {
        // Nobody at all is told to be so by a clause about those inside.
        if some_inside || !some_outside {
            let but = some_outside.then_some("¬External(X)");
            clauses.extend(reach_inside(relation, at, &service, from, but));
        }
        if some_outside {
            clauses.extend(reach_outside(relation, at, &service, from));
        }
    }
    clauses
}

fn reach_inside(
    relation: &Relation,
    at: usize,
    service: &str,
    from: &str,
    but: Option<&str>,
) -> [Clause; 2] {
    let wished = relation.ports.as_ref();
    let but = but.map(str::to_owned);
    let mut premises = owned(&["Send(e, X, sa, _, ta, tp)", from]);
    premises.extend(but.clone());
    premises.push(format!("addr({service}, ta)"));
    premises.push(format!("port({service}, tp, proto(e))"));
    premises.extend(on(wished, service));
    let mut senders = owned(&["Process(X)", from]);
    senders.extend(but);
    senders.push(started("X"));
    let mut offered = vec![format!("port({service}, p, t)")];
    offered.extend(wished.map(|rules| ports(rules, service, "p", "t")));
    [
        Clause {
            kind: Kind::ServiceReached(at, Place::Inside),
            says: "an endpoint of the Service is reached, whichever is chosen",
            premises,
            conclusion: format!(
                "(∃ P, Z. endpoint({service}, tp, proto(e), P, _, _) ∧ {} ∧ Recv(e, Z, _, _, _, _)) ∧ (proto(e) = UDP ∨ Replied(e))",
                of_endpoint("Z")
            ),
        },
        Clause {
            kind: Kind::ServiceOffers(at, Place::Inside),
            says: "and the Service has an address of a family that X has, and offers one of the ports at least",
            premises: senders,
            conclusion: format!(
                "(∃ a. addr({service}, a) ∧ {}) ∧ (∃ p, t. {})",
                family::can_send(&[], "a"),
                offered.join(" ∧ ")
            ),
        },
    ]
}

fn reach_outside(relation: &Relation, at: usize, service: &str, from: &str) -> [Clause; 2] {
    let wished = relation.ports.as_ref();
    let dialled = offered(relation, service, "p");
    let premises = owned(&[
        "Send(e, X, sa, _, ta, tp)",
        from,
        "External(X)",
        &format!("(∃ p. {dialled})"),
        &format!("¬addr({service}, ta)"),
        &format!(
            "(¬{} ∨ ¬(∃ a. offered({service}, _, a, _, _) ∧ ¬addr({service}, a) ∧ ¬{} ∧ {}))",
            of_node("ta"),
            of_node("a"),
            family::same("a", "ta")
        ),
    ]);
    let mut one = vec![
        format!("offered({service}, p, a, _, t)"),
        format!("¬addr({service}, a)"),
        family::can_send(&relation.from, "a"),
    ];
    one.extend(wished.map(|rules| ports(rules, service, "p", "t")));
    [
        Clause {
            kind: Kind::ServiceReached(at, Place::Outside),
            says: "from outside an endpoint of the Service is reached, whichever is chosen, at each of its external addresses, or where there is none of the family, at its ports of the nodes",
            premises,
            conclusion: format!(
                "(∃ p, P, Z. {dialled} ∧ endpoint({service}, p, proto(e), P, _, _) ∧ {} ∧ Recv(e, Z, _, _, _, _)) ∧ (proto(e) = UDP ∨ Replied(e))",
                of_endpoint("Z")
            ),
        },
        Clause {
            kind: Kind::ServiceOffers(at, Place::Outside),
            says: "and one of the ports at least is offered to the outside, at an address of the family of X",
            premises: owned(&["Process(X)", from, "External(X)"]),
            conclusion: format!("(∃ p, a, t. {})", one.join(" ∧ ")),
        },
    ]
}

/// Nobody answers those of `from`, or all others, at any address that stands for a Service of `to`.
pub(super) fn keep_out(relation: &Relation, from: &str, others: bool) -> Vec<Clause> {
    let wished = relation.ports.as_ref();
    let clause = |(at, service): (usize, String)| {
        let own: Vec<String> = std::iter::once(format!("addr({service}, ta)"))
            .chain(on(wished, &service))
            .collect();
        let mut premises = owned(&["Send(e, X, sa, _, ta, tp)", from]);
        premises.push(format!(
            "({} ∨ (∃ p. {}))",
            own.join(" ∧ "),
            offered(relation, &service, "p")
        ));
        premises.extend(others.then(|| format!("¬{}", behind(&service, "X"))));
        Clause {
            kind: Kind::ServiceKeptOut(at, others),
            says: if others {
                "and nobody else is answered where the Service is dialled, but its own endpoints and the processes of the endpoint's node"
            } else {
                "nobody answers X where the Service is dialled"
            },
            premises,
            conclusion: if others {
                format!("¬(∃ Z. Recv(e, Z, _, _, _, _) ∧ {})", not_own_node("Z"))
            } else {
                "¬(∃ Z. Recv(e, Z, _, _, _, _))".to_owned()
            },
        }
    };
    services(&relation.to).map(clause).collect()
}

/// Who dials `tp` of `ta` means port `p` of a Service, one of the ports that are spoken of.
fn offered(relation: &Relation, service: &str, p: &str) -> String {
    let mut parts = vec![format!("offered({service}, {p}, ta, tp, proto(e))")];
    let wished = relation.ports.as_ref();
    parts.extend(wished.map(|rules| ports(rules, service, p, "proto(e)")));
    parts.join(" ∧ ")
}

/// `z` is who takes what is sent to endpoint P: one of its pod, of its node, or a host outside itself.
fn of_endpoint(z: &str) -> String {
    format!("(K8s-Container({z}, P) ∨ host(P, {z}) ∨ {z} = P)")
}

/// `a` is an address of a node.
fn of_node(a: &str) -> String {
    format!("(∃ N. K8s-Node(N) ∧ addr(N, {a}))")
}
