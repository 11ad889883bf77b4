//! The truth of each predicate, read off the tables and off what happened to a message.
//!
//! Must never know: SMT, the encoding, connectives.

use crate::logic::formula::{Arg, Predicate};
use crate::logic::structure::Clients;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, Protocol};
use crate::network::header::Header;
use crate::network::trace::Disposition;

use super::eval::{Assignment, EvalError, Evaluator, Value};
use super::measure;

impl Evaluator<'_> {
    pub(super) fn predicate(
        &self,
        predicate: Predicate,
        args: &[Arg],
        env: &Assignment,
    ) -> Result<bool, EvalError> {
        let s = self.structure;
        let args: Vec<Option<Value>> = args
            .iter()
            .map(|arg| match arg {
                Arg::Any => Ok(None),
                Arg::Term(term) => self.value(term, env).map(Some),
            })
            .collect::<Result<_, _>>()?;
        let fits = |row: &[Value]| {
            args.iter()
                .zip(row)
                .all(|(arg, cell)| arg.is_none_or(|a| a == *cell))
        };
        let entity = Value::Entity;
        let kind = |wanted: &dyn Fn(EntityKind) -> bool| match args[0] {
            Some(Value::Entity(id)) => wanted(s.entities[id.index()].kind()),
            _ => self
                .universe()
                .any(|id| wanted(s.entities[id.index()].kind())),
        };
        Ok(match predicate {
            Predicate::Pod => kind(&|k| k == EntityKind::Pod),
            Predicate::Node => kind(&|k| k == EntityKind::Node),
            Predicate::Service => kind(&|k| k == EntityKind::Service),
            Predicate::Daemon => kind(&|k| k == EntityKind::Daemon),
            Predicate::External => kind(&|k| k == EntityKind::External),
            Predicate::Process => kind(&EntityKind::is_process),
            Predicate::Switch => kind(&EntityKind::is_switch),
            // Inner quantifiers ask this of every entity: a container that is known is looked up.
            Predicate::Container => self.universe_or(args[0]).any(|id| {
                let row = &s.entities[id.index()];
                row.kind() == EntityKind::Container
                    && row.parent.is_some_and(|p| fits(&[entity(id), entity(p)]))
            }),
            Predicate::Host if args.iter().all(Option::is_some) => match args[..] {
                [Some(Value::Entity(n)), Some(Value::Entity(x))] => {
                    s.host.binary_search(&(n, x)).is_ok()
                }
                _ => false,
            },
            Predicate::Host => s.host.iter().any(|(n, x)| fits(&[entity(*n), entity(*x)])),
            Predicate::Serves => s.serves.iter().any(|(x, a, p, proto)| {
                let (port, protocol) = (Value::Port(*p), Value::Protocol(*proto));
                fits(&[entity(*x), Value::Address(*a), port, protocol])
            }),
            Predicate::SharesFamily => match args[..] {
                [Some(Value::Entity(e)), Some(Value::Address(a))] => s.has_family(e, Family::of(a)),
                [_, Some(Value::Address(a))] => {
                    self.universe().any(|e| s.has_family(e, Family::of(a)))
                }
                [e, _] => self
                    .universe_or(e)
                    .any(|e| s.has_family(e, Family::V4) || s.has_family(e, Family::V6)),
                _ => return Err(EvalError::WrongSort),
            },
            Predicate::Link => s.link.iter().any(|(x, y)| fits(&[entity(*x), entity(*y)])),
            Predicate::Pending => s.pending.iter().any(|p| fits(&[entity(*p)])),
            Predicate::Addr => self.holds_address(args[0], args[1]),
            Predicate::SelfAddr => {
                let has_loopback = |id: EntityId| {
                    matches!(
                        s.entities[id.index()].kind(),
                        EntityKind::Pod | EntityKind::Node
                    )
                };
                let loopback = match (args[0], args[1]) {
                    (Some(Value::Entity(id)), None) => has_loopback(id),
                    (Some(Value::Entity(id)), Some(Value::Address(a))) => {
                        has_loopback(id) && Family::of(a).loopback_net().contains(&a)
                    }
                    (_, a) => {
                        let fits = a.is_none_or(|a| matches!(a, Value::Address(a) if Family::of(a).loopback_net().contains(&a)));
                        fits && self.universe().any(has_loopback)
                    }
                };
                loopback || self.holds_address(args[0], args[1])
            }
            Predicate::OpenEverywhere => s.open.iter().any(|row| {
                row.bind == crate::model::cluster::Bind::Any
                    && row.protocol.is_none_or(|p| p == Protocol::Tcp)
                    && args[0].is_none_or(|x| x == entity(row.process))
                    && in_range(args[1], row.low, row.high)
            }),
            Predicate::Open => s.open.iter().any(|row| {
                args[0].is_none_or(|x| x == entity(row.process))
                    && args[1].is_none_or(|a| matches!(a, Value::Address(a) if row.bind.covers(a)))
                    && in_range(args[2], row.low, row.high)
                    && (args[3].is_none()
                        || row
                            .protocol
                            .is_none_or(|p| args[3] == Some(Value::Protocol(p))))
            }),
            Predicate::ServicePort => s.service_port.iter().any(|(svc, p, proto)| {
                fits(&[entity(*svc), Value::Port(*p), Value::Protocol(*proto)])
            }),
            Predicate::Endpoint => s.endpoint.iter().any(|r| {
                fits(&[
                    entity(r.service),
                    Value::Port(r.port),
                    entity(r.pod),
                    Value::Address(r.address),
                    Value::Port(r.target_port),
                ])
            }),
            Predicate::EndpointOf => s.endpoint.iter().any(|r| {
                let (port, protocol) = (Value::Port(r.port), Value::Protocol(r.protocol));
                fits(&[
                    entity(r.service),
                    port,
                    protocol,
                    entity(r.pod),
                    Value::Address(r.address),
                    Value::Port(r.target_port),
                ])
            }),
            Predicate::EndpointFor => s.endpoint.iter().any(|r| {
                let client = match (r.clients, args[3]) {
                    (Clients::Nowhere, _) => false,
                    (Clients::On(node), Some(Value::Entity(client))) => {
                        client == node || s.entities[client.index()].parent == Some(node)
                    }
                    (Clients::On(_) | Clients::Everywhere, _) => true,
                };
                let row = [
                    entity(r.service),
                    Value::Port(r.port),
                    Value::Protocol(r.protocol),
                    entity(r.pod),
                    Value::Address(r.address),
                    Value::Port(r.target_port),
                ];
                let others = args[..3].iter().chain(&args[4..]);
                client
                    && others
                        .zip(&row)
                        .all(|(arg, cell)| arg.is_none_or(|a| a == *cell))
            }),
            Predicate::Offered => s.offered.iter().any(|r| {
                fits(&[
                    entity(r.entity),
                    Value::Port(r.port),
                    Value::Address(r.address),
                    Value::Port(r.dialled),
                    Value::Protocol(r.protocol),
                ])
            }),
            Predicate::Selected => {
                let mut rows = s.selected.iter();
                rows.any(|(svc, pod, a)| fits(&[entity(*svc), entity(*pod), Value::Address(*a)]))
            }
            Predicate::Listed => {
                let mut rows = s.listed.iter();
                rows.any(|(svc, a)| fits(&[entity(*svc), Value::Address(*a)]))
            }
            Predicate::Loopback => {
                matches!(args[0], Some(Value::Address(a)) if a == Family::of(a).loopback())
            }
            Predicate::Ipv4 => matches!(args[0], Some(Value::Address(a)) if a.is_ipv4()),
            Predicate::Ipv6 => matches!(args[0], Some(Value::Address(a)) if a.is_ipv6()),
            Predicate::Send
            | Predicate::Recv
            | Predicate::Replied
            | Predicate::Passes
            | Predicate::Loops
            | Predicate::Dials => Self::event_predicate(predicate, &args, env)?,
            Predicate::Allowed => match args[..] {
                [
                    Some(Value::Event(index)),
                    Some(Value::Address(to)),
                    Some(Value::Port(port)),
                ] => {
                    let sent = env.events[index].outcome.sent;
                    let (source, dialled) = (sent.source, sent.destination);
                    s.policies.allow(source, dialled, to, sent.protocol, port)
                }
                _ => return Err(EvalError::WrongSort),
            },
        })
    }

    fn event_predicate(
        predicate: Predicate,
        args: &[Option<Value>],
        env: &Assignment,
    ) -> Result<bool, EvalError> {
        let Some(Value::Event(index)) = args[0] else {
            return Err(EvalError::WrongSort);
        };
        let event = &env.events[index];
        let outcome = &event.outcome;
        let is = |process: EntityId, h: Header| {
            let row = [
                Value::Entity(process),
                Value::Address(h.source),
                Value::Port(h.source_port),
                Value::Address(h.destination),
                Value::Port(h.destination_port),
            ];
            args[1..]
                .iter()
                .zip(&row)
                .all(|(arg, cell)| arg.is_none_or(|a| a == *cell))
        };
        Ok(match predicate {
            Predicate::Send => is(event.sender, outcome.sent),
            Predicate::Recv => outcome
                .request
                .receiver
                .zip(outcome.received)
                .is_some_and(|(to, header)| is(to, header)),
            // An answer that cannot be judged is not held against the message.
            Predicate::Replied => outcome.replied.unwrap_or(outcome.received.is_some()),
            Predicate::Passes => measure::passed(&outcome.request)
                .any(|at| args[1].is_none_or(|x| x == Value::Entity(at))),
            Predicate::Dials => measure::dialled(&outcome.request).is_some_and(|header| {
                let row = [
                    Value::Address(header.destination),
                    Value::Port(header.destination_port),
                ];
                args[1..]
                    .iter()
                    .zip(&row)
                    .all(|(arg, cell)| arg.is_none_or(|a| a == *cell))
            }),
            Predicate::Loops => {
                let judged_reply = outcome.reply.as_ref().filter(|_| outcome.replied.is_some());
                outcome.request.end == Disposition::Loop
                    || judged_reply.is_some_and(|r| r.end == Disposition::Loop)
            }
            _ => return Err(EvalError::WrongSort),
        })
    }

    /// `addr(E, a)`. What a pod, node or service holds is no External's.
    fn holds_address(&self, entity: Option<Value>, address: Option<Value>) -> bool {
        let s = self.structure;
        s.addr.iter().any(|(id, net)| {
            let wide = s.entities[id.index()].kind() == EntityKind::External;
            entity.is_none_or(|e| e == Value::Entity(*id))
                && match address {
                    Some(Value::Address(a)) => {
                        net.contains(&a) && !(wide && s.held.binary_search(&a).is_ok())
                    }
                    _ => !wide || s.free_in(net).is_some(),
                }
        })
    }
}

fn in_range(port: Option<Value>, low: u16, high: u16) -> bool {
    port.is_none_or(|p| matches!(p, Value::Port(p) if (low..=high).contains(&p)))
}
