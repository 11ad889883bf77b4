//! What an atom says: each predicate of the language over the uninterpreted signature.
//!
//! Knows: predicates and kinds. Must never know: connectives, quantifiers, how the message travels.

use super::message::Journey;
use super::world::{Kind, World};
use crate::logic::formula::{Predicate, Sort};
use crate::smt::term::TermId;

/// What the theorem's language does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the theorem does not speak of {0}")]
pub struct Beyond(pub String);

pub(super) type Result<T> = std::result::Result<T, Beyond>;

/// What a variable stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Event,
    Entity(Kind, TermId),
    Other(TermId),
}

/// A predicate of values of the right sorts; false where the kinds are others.
pub(super) fn fact(w: &mut World, j: &Journey, predicate: Predicate, values: &[Value]) -> TermId {
    use Kind::{Container, Daemon, Node, Pod, Service};
    use Value::{Entity, Event, Other};
    let n = w.names;
    match (predicate, values) {
        (Predicate::Pod, [Entity(Pod, _)])
        | (Predicate::Node, [Entity(Node, _)])
        | (Predicate::Service, [Entity(Service, _)])
        | (Predicate::Daemon, [Entity(Daemon, _)]) => w.pool.truth(true),
        (Predicate::Process, [Entity(k, _)]) => w.pool.truth(matches!(k, Container | Daemon)),
        (Predicate::Switch, [Entity(k, _)]) => w.pool.truth(matches!(k, Pod | Node)),
        (Predicate::Container, &[Entity(Container, c), Entity(Pod, p)]) => w.contains(p, c),
        (Predicate::Addr, &[Entity(Pod, e), Other(a)]) => w.is(n.addr_pod, &[e, a]),
        (Predicate::Addr, &[Entity(Node, e), Other(a)]) => w.is(n.addr_node, &[e, a]),
        (Predicate::Addr, &[Entity(Service, e), Other(a)]) => w.is(n.addr_service, &[e, a]),
        (Predicate::SelfAddr, &[Entity(kind @ (Pod | Node), e), Other(a)]) => {
            let of = if kind == Pod { n.addr_pod } else { n.addr_node };
            let (has, local) = (w.is(of, &[e, a]), w.is(n.local, &[a]));
            w.or(&[has, local])
        }
        (Predicate::Host, &[Entity(Node, m), Entity(Pod, p)]) => w.hosts(m, p),
        (Predicate::Host, &[Entity(Node, m), Entity(Daemon, d)]) => w.runs(m, d),
        (Predicate::Open, &[Entity(Container, x), Other(a), Other(p), Other(t)]) => {
            w.is(n.open_container, &[x, a, p, t])
        }
        (Predicate::Open, &[Entity(Daemon, x), Other(a), Other(p), Other(t)]) => {
            w.is(n.open_daemon, &[x, a, p, t])
        }
        (Predicate::ServicePort, &[Entity(Service, s), Other(p), Other(t)]) => {
            w.is(n.port, &[s, p, t])
        }
        (
            Predicate::EndpointOf,
            &[
                Entity(Service, s),
                Other(p),
                Other(t),
                Entity(Pod, e),
                Other(a),
                Other(tp),
            ],
        ) => w.is(n.endpoint, &[s, p, t, e, a, tp]),
        (
            Predicate::EndpointFor,
            &[
                Entity(Service, s),
                Other(p),
                Other(t),
                Entity(client @ (Pod | Node), c),
                Entity(Pod, e),
                Other(a),
                Other(tp),
            ],
        ) => {
            let node = if client == Pod {
                w.is(n.node_of, &[c])
            } else {
                c
            };
            w.is(n.eligible, &[s, p, t, node, e, a, tp])
        }
        (Predicate::Offered, &[Entity(Service, s), Other(ep), Other(a), Other(p), Other(t)]) => {
            let (addr, port, same) = (
                w.is(n.addr_service, &[s, a]),
                w.is(n.port, &[s, p, t]),
                w.eq(ep, p),
            );
            w.and(&[addr, port, same])
        }
        (Predicate::Replied, [Event]) => j.replied,
        (Predicate::Loops, [Event]) => w.or(&[j.endless, j.endless_answer]),
        (Predicate::Dials, &[Event, Other(a), Other(p)]) => {
            let (a, p) = (w.eq(j.dialled.0, a), w.eq(j.dialled.1, p));
            w.and(&[a, p])
        }
        (Predicate::Allowed, &[Event, Other(a), Other(p)]) => allowed(w, j, a, p),
        (Predicate::Loopback, &[Other(a)]) => w.is(n.loopback, &[a]),
        (Predicate::Ipv4, &[Other(a)]) => w.is(n.ipv4, &[a]),
        (Predicate::Ipv6, &[Other(a)]) => {
            let v4 = w.is(n.ipv4, &[a]);
            w.not(v4)
        }
        // Another kind, or one that the theorem leaves out.
        _ => w.pool.truth(false),
    }
}

/// `Allowed(e, a, p)`: no gate forbids the sender, from the source it sends from, to open a connection to p of a.
fn allowed(w: &mut World, j: &Journey, a: TermId, p: TermId) -> TermId {
    let n = w.names;
    let [pod] = w.bind([("G", w.sorts.pod)]);
    let (from, to) = (
        w.is(n.addr_pod, &[pod, j.sent.from]),
        w.is(n.addr_pod, &[pod, a]),
    );
    let untranslated = w.eq(j.sent.to, a);
    let to_itself = w.and(&[from, to, untranslated]);
    let out = w.is(n.egress, &[pod, a, p, j.protocol]);
    let into = w.is(n.ingress, &[pod, j.sent.from, p, j.protocol]);
    let out = w.implies(&[from], out);
    let into = w.implies(&[to], into);
    let passes = w.and(&[out, into]);
    let body = w.or(&[to_itself, passes]);
    w.pool.forall(&[pod], body)
}

/// What a predicate takes.
pub(super) fn sorts(predicate: Predicate) -> Result<&'static [Sort]> {
    use Sort::{Address, Entity, Event, Port, Protocol};
    Ok(match predicate {
        Predicate::Pod
        | Predicate::Node
        | Predicate::Service
        | Predicate::Daemon
        | Predicate::External
        | Predicate::Process
        | Predicate::Switch => &[Entity],
        Predicate::Container | Predicate::Host => &[Entity, Entity],
        Predicate::Addr | Predicate::SelfAddr => &[Entity, Address],
        Predicate::Open => &[Entity, Address, Port, Protocol],
        Predicate::ServicePort => &[Entity, Port, Protocol],
        Predicate::EndpointOf => &[Entity, Port, Protocol, Entity, Address, Port],
        Predicate::EndpointFor => &[Entity, Port, Protocol, Entity, Entity, Address, Port],
        Predicate::Offered => &[Entity, Port, Address, Port, Protocol],
        Predicate::Replied | Predicate::Loops => &[Event],
        Predicate::Dials | Predicate::Allowed => &[Event, Address, Port],
        Predicate::Loopback | Predicate::Ipv4 | Predicate::Ipv6 => &[Address],
        _ => return Err(Beyond("such a predicate".to_owned())),
    })
}
