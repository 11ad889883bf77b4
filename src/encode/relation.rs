//! The static predicates as terms: addr, host, open, link and the like.
//!
//! Knows: tables and rows. Must never know: quantifiers, FIBs, paths.

use crate::logic::formula::Predicate;
use crate::logic::structure::{Clients, OfferedRow};
use crate::model::cluster::Bind;
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, IpNet, Protocol};
use crate::smt::term::{Sort, TermId};

use super::encoder::Encoder;
use super::header::SymAddress;

/// A value of the language as terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sym {
    /// An entity's number.
    Entity(TermId),
    /// An address.
    Address(SymAddress),
    /// A port.
    Port(TermId),
    /// A protocol.
    Protocol(TermId),
    /// An event's slot.
    Event(usize),
}

/// What one column of a row holds: one value, or a set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// One entity.
    Entity(EntityId),
    /// The addresses of a prefix; of an External only those that nobody holds.
    Net { net: IpNet, unheld: bool },
    /// The addresses that a listener serves.
    Bind(Bind),
    /// Ports, inclusive.
    Ports(u16, u16),
    /// One protocol, or all.
    Protocol(Option<Protocol>),
    /// A node and what is on it; none is everybody.
    Home(Option<EntityId>),
}

/// A row, one cell per argument.
pub(super) type Row = Vec<Cell>;

impl Encoder<'_> {
    /// The rows of a static predicate; none for predicates on events and on addresses alone.
    pub(super) fn rows(&self, predicate: Predicate) -> Option<Vec<Row>> {
        let s = self.structure;
        let of_kind = |wanted: &dyn Fn(EntityKind) -> bool| -> Vec<Row> {
            let ids = (0..s.entities.len() as u32).map(EntityId);
            ids.filter(|id| wanted(s.entities[id.index()].kind()))
                .map(|id| vec![Cell::Entity(id)])
                .collect()
        };
        let addr = || {
            s.addr.iter().filter_map(|(id, net)| {
                let unheld = s.entities[id.index()].kind() == EntityKind::External;
                // Of a prefix that is held from end to end an External has nothing.
                let row = vec![Cell::Entity(*id), Cell::Net { net: *net, unheld }];
                (!unheld || s.free_in(net).is_some()).then_some(row)
            })
        };
        Some(match predicate {
            Predicate::Pod => of_kind(&|k| k == EntityKind::Pod),
            Predicate::Node => of_kind(&|k| k == EntityKind::Node),
            Predicate::Service => of_kind(&|k| k == EntityKind::Service),
            Predicate::Daemon => of_kind(&|k| k == EntityKind::Daemon),
            Predicate::External => of_kind(&|k| k == EntityKind::External),
            Predicate::Process => of_kind(&EntityKind::is_process),
            Predicate::Switch => of_kind(&EntityKind::is_switch),
            Predicate::Container => of_kind(&|k| k == EntityKind::Container)
                .into_iter()
                .filter_map(|row| match row[0] {
                    Cell::Entity(id) => s.entities[id.index()]
                        .parent
                        .map(|p| vec![row[0], Cell::Entity(p)]),
                    _ => None,
                })
                .collect(),
            Predicate::Pending => s.pending.iter().map(|p| vec![Cell::Entity(*p)]).collect(),
            Predicate::Addr => addr().collect(),
            Predicate::SelfAddr => {
                let namespaces = of_kind(&|k| matches!(k, EntityKind::Pod | EntityKind::Node));
                let loopback = namespaces.into_iter().flat_map(|row| {
                    [Family::V4, Family::V6].map(|family| {
                        vec![
                            row[0],
                            Cell::Net {
                                net: family.loopback_net(),
                                unheld: false,
                            },
                        ]
                    })
                });
                addr().chain(loopback).collect()
            }
            Predicate::Host => s
                .host
                .iter()
                .map(|(n, x)| vec![Cell::Entity(*n), Cell::Entity(*x)])
                .collect(),
            Predicate::Serves => s
                .serves
                .iter()
                .map(|(x, a, p, proto)| {
                    vec![
                        Cell::Entity(*x),
                        host(*a),
                        Cell::Ports(*p, *p),
                        Cell::Protocol(Some(*proto)),
                    ]
                })
                .collect(),
            Predicate::SharesFamily => {
                let everybody = of_kind(&EntityKind::is_entity);
                let of = |id: EntityId, family| s.has_family(id, family);
                let row = |row: &Row, family: Family| match row[0] {
                    Cell::Entity(id) if of(id, family) => Some(vec![
                        row[0],
                        Cell::Net {
                            net: family.all(),
                            unheld: false,
                        },
                    ]),
                    _ => None,
                };
                let rows = everybody.iter();
                rows.flat_map(|e| [Family::V4, Family::V6].map(|family| row(e, family)))
                    .flatten()
                    .collect()
            }
            Predicate::Link => s
                .link
                .iter()
                .map(|(x, y)| vec![Cell::Entity(*x), Cell::Entity(*y)])
                .collect(),
            Predicate::OpenEverywhere => s
                .open
                .iter()
                .filter(|row| {
                    row.bind == Bind::Any && row.protocol.is_none_or(|p| p == Protocol::Tcp)
                })
                .map(|row| vec![Cell::Entity(row.process), Cell::Ports(row.low, row.high)])
                .collect(),
            Predicate::Open => s
                .open
                .iter()
                .map(|row| {
                    let ports = Cell::Ports(row.low, row.high);
                    vec![
                        Cell::Entity(row.process),
                        Cell::Bind(row.bind),
                        ports,
                        Cell::Protocol(row.protocol),
                    ]
                })
                .collect(),
            Predicate::ServicePort => s
                .service_port
                .iter()
                .map(|(svc, p, proto)| {
                    vec![
                        Cell::Entity(*svc),
                        Cell::Ports(*p, *p),
                        Cell::Protocol(Some(*proto)),
                    ]
                })
                .collect(),
            Predicate::Endpoint | Predicate::EndpointOf | Predicate::EndpointFor => s
                .endpoint
                .iter()
                .filter(|r| predicate != Predicate::EndpointFor || r.clients != Clients::Nowhere)
                .map(|r| {
                    let mut row = vec![Cell::Entity(r.service), Cell::Ports(r.port, r.port)];
                    if predicate != Predicate::Endpoint {
                        row.push(Cell::Protocol(Some(r.protocol)));
                    }
                    if predicate == Predicate::EndpointFor {
                        row.push(Cell::Home(match r.clients {
                            Clients::On(node) => Some(node),
                            Clients::Everywhere | Clients::Nowhere => None,
                        }));
                    }
                    row.push(Cell::Entity(r.pod));
                    row.push(Cell::Net {
                        net: IpNet::from(r.address),
                        unheld: false,
                    });
                    row.push(Cell::Ports(r.target_port, r.target_port));
                    row
                })
                .collect(),
            Predicate::Offered => {
                let row = |r: &OfferedRow| {
                    vec![
                        Cell::Entity(r.entity),
                        Cell::Ports(r.port, r.port),
                        host(r.address),
                        Cell::Ports(r.dialled, r.dialled),
                        Cell::Protocol(Some(r.protocol)),
                    ]
                };
                s.offered.iter().map(row).collect()
            }
            Predicate::Selected => {
                let rows = s.selected.iter();
                rows.map(|(svc, pod, a)| vec![Cell::Entity(*svc), Cell::Entity(*pod), host(*a)])
                    .collect()
            }
            Predicate::Listed => {
                let rows = s.listed.iter();
                rows.map(|(svc, a)| vec![Cell::Entity(*svc), host(*a)])
                    .collect()
            }
            Predicate::Send
            | Predicate::Recv
            | Predicate::Replied
            | Predicate::Passes
            | Predicate::Loops
            | Predicate::Dials
            | Predicate::Allowed
            | Predicate::Loopback
            | Predicate::Ipv4
            | Predicate::Ipv6 => return None,
        })
    }

    /// A value against a cell.
    pub(super) fn fits(&mut self, value: Sym, cell: Cell) -> TermId {
        match (value, cell) {
            (Sym::Entity(e), Cell::Entity(id)) => {
                let id = self.entity(id);
                self.pool.eq(e, id)
            }
            (Sym::Entity(_), Cell::Home(None)) => self.pool.truth(true),
            (Sym::Entity(e), Cell::Home(Some(node))) => {
                let on_it = |id: &EntityId| {
                    *id == node || self.structure.entities[id.index()].parent == Some(node)
                };
                let ids = (0..self.structure.entities.len() as u32).map(EntityId);
                let ids: Vec<EntityId> = ids.filter(on_it).collect();
                self.is_one_of(e, &ids)
            }
            (Sym::Address(a), Cell::Net { net, unheld }) => {
                let inside = self.within(a, net);
                if !unheld {
                    return inside;
                }
                let held: Vec<TermId> = self
                    .structure
                    .held
                    .iter()
                    .map(|ip| self.is_address(a, *ip))
                    .collect();
                let held = self.pool.or(&held);
                let free = self.pool.not(held);
                self.pool.and(&[inside, free])
            }
            (Sym::Address(a), Cell::Bind(bind)) => match bind {
                Bind::Any => self.pool.truth(true),
                Bind::AnyV4 => self.pool.not(a.v6),
                Bind::AnyV6 => a.v6,
                Bind::Address(ip) => self.is_address(a, ip),
            },
            (Sym::Port(p), Cell::Ports(low, high)) => self.in_range(p, low, high),
            (Sym::Protocol(p), Cell::Protocol(wanted)) => match wanted {
                None => self.pool.truth(true),
                Some(protocol) => {
                    let protocol = self.protocol(protocol);
                    self.pool.eq(p, protocol)
                }
            },
            // The checker lets no other pair through.
            _ => self.pool.truth(false),
        }
    }

    /// A static predicate on values: an application of an uninterpreted function, and its definition at these
    /// arguments as a fact. With an `_`, or where folding decides, just the definition.
    pub(super) fn holds(
        &mut self,
        predicate: Predicate,
        rows: &[Row],
        args: &[Option<Sym>],
    ) -> TermId {
        let terms: Vec<TermId> = rows
            .iter()
            .map(|row| {
                let cells: Vec<TermId> = args
                    .iter()
                    .zip(row)
                    .filter_map(|(arg, cell)| arg.map(|arg| self.fits(arg, *cell)))
                    .collect();
                self.pool.and(&cells)
            })
            .collect();
        let definition = self.pool.or(&terms);
        let mut flat = Vec::new();
        for arg in args {
            match arg {
                Some(Sym::Entity(t) | Sym::Port(t) | Sym::Protocol(t)) => flat.push(*t),
                Some(Sym::Address(a)) => flat.extend([a.v6, a.bits]),
                Some(Sym::Event(_)) | None => return definition,
            }
        }
        if self.pool.as_truth(definition).is_some() {
            return definition;
        }
        let sorts: Vec<Sort> = flat.iter().map(|t| self.pool.sort(*t)).collect();
        let function = self.pool.function(word(predicate), &sorts, Sort::Bool);
        let applied = self.pool.apply(function, &flat);
        let fact = self.pool.iff(applied, definition);
        self.fact(fact);
        applied
    }
}

/// One address.
fn host(address: std::net::IpAddr) -> Cell {
    Cell::Net {
        net: IpNet::from(address),
        unheld: false,
    }
}

/// The name of the uninterpreted function, as the seed spells the predicate.
fn word(predicate: Predicate) -> &'static str {
    match predicate {
        Predicate::Pod => "K8s-Pod",
        Predicate::Node => "K8s-Node",
        Predicate::Service => "K8s-Service",
        Predicate::Daemon => "K8s-Daemon",
        Predicate::Container => "K8s-Container",
        Predicate::External => "External",
        Predicate::Process => "Process",
        Predicate::Switch => "Switch",
        Predicate::Pending => "Pending",
        Predicate::Addr => "addr",
        Predicate::SelfAddr => "self",
        Predicate::Host => "host",
        Predicate::OpenEverywhere => "open-everywhere",
        Predicate::Open => "open",
        Predicate::Serves => "serves",
        Predicate::SharesFamily => "shares-family",
        Predicate::Link => "link",
        Predicate::ServicePort => "port",
        Predicate::Endpoint => "endpoint",
        Predicate::EndpointOf => "endpoint-of",
        Predicate::EndpointFor => "endpoint-for",
        Predicate::Offered => "offered",
        Predicate::Selected => "selected",
        Predicate::Listed => "listed",
        Predicate::Send => "Send",
        Predicate::Recv => "Recv",
        Predicate::Replied => "Replied",
        Predicate::Passes => "passes",
        Predicate::Loops => "Loops",
        Predicate::Dials => "dials",
        Predicate::Allowed => "Allowed",
        Predicate::Loopback => "loopback",
        Predicate::Ipv4 => "ipv4",
        Predicate::Ipv6 => "ipv6",
    }
}
