//! `trace`: from what a person asks to one message.
//!
//! Knows: how X and Y may be spelled, and the defaults of `formats.md`. Must never know: the solver, printing.

use std::net::IpAddr;

use crate::lower::Lowered;
use crate::model::cluster::{Cluster, Process};
use crate::model::entity::{EntityId, EntityKind};
use crate::model::inet::{Family, IpNet, Protocol, non_unicast};
use crate::model::service::{Readiness, Service, ServiceKind};
use crate::network::graph::Sources;
use crate::network::header::Header;
use crate::reference::{QuestionError, entity, wrong};
use crate::sim::walk;

/// A question as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Who sends.
    pub from: String,
    /// To whom.
    pub to: String,
    /// The destination port; none is the target's one open port.
    #[serde(default)]
    pub port: Option<u16>,
    /// The protocol; none is TCP.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The source port; none is 49152.
    #[serde(default, rename = "sourcePort")]
    pub source_port: Option<u16>,
}

/// What X or Y turned out to be.
enum Place {
    Entity(EntityId),
    Address(IpAddr),
}

/// The message that is asked for; one for each endpoint where the target is the name of a headless Service.
pub fn messages(
    cluster: &Cluster,
    lowered: &Lowered,
    question: &Question,
) -> Result<Vec<(EntityId, Header)>, QuestionError> {
    let protocol = match &question.protocol {
        None => Protocol::Tcp,
        Some(text) => match Protocol::parse(&text.to_uppercase()) {
            Some(protocol) => protocol,
            None => {
                return wrong(
                    format!("`{text}` is no protocol"),
                    "use TCP, UDP or SCTP".to_owned(),
                );
            }
        },
    };
    for (word, port) in [
        ("port", question.port),
        ("source port", question.source_port),
    ] {
        if port == Some(0) {
            return wrong(
                format!("the {word} is 0"),
                "ports go from 1 to 65535".to_owned(),
            );
        }
    }
    let asker = Asker {
        cluster,
        lowered,
        protocol,
    };
    let from = asker.place(&question.from)?;
    let sender = asker.sender(&from, &question.from)?;
    let (to, targets) = asker.target(&question.to)?;
    let port = match (question.port, targets.as_slice()) {
        (Some(port), _) => Some(port),
        // Of a headless Service each endpoint has its own.
        (None, [(_, Some(_)), ..]) => None,
        (None, _) => Some(asker.one_port(&to, &question.to)?),
    };
    let mut ways = asker.addresses(&from, sender, &targets, &question.to)?;
    if port.is_some() {
        ways.dedup_by_key(|(_, destination, _)| *destination);
    }
    let messages = ways.into_iter().map(|(source, destination, own)| {
        let header = Header {
            protocol,
            source,
            source_port: question.source_port.unwrap_or(49152),
            destination,
            destination_port: port.or(own).unwrap_or_default(),
        };
        if walk::honest(&lowered.network, sender, &header) {
            return Ok((sender, header));
        }
        wrong(
            format!("`{}` cannot send to {destination}", question.from),
            "messages go to unicast addresses, from an address of the sender".to_owned(),
        )
    });
    messages.collect()
}

/// An address that is dialled, and the port there where the name that led to it says one.
type Target = (IpAddr, Option<u16>);

struct Asker<'a> {
    cluster: &'a Cluster,
    lowered: &'a Lowered,
    protocol: Protocol,
}

impl Asker<'_> {
    fn place(&self, text: &str) -> Result<Place, QuestionError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Place::Address(ip));
        }
        entity(self.cluster, text).map(Place::Entity)
    }

    /// Who holds an address: the first pod, node or service, else an external that covers it.
    fn holder(&self, ip: IpAddr) -> Option<EntityId> {
        let s = &self.lowered.structure;
        let held = s.held.binary_search(&ip).is_ok();
        let mut rows = s.addr.iter().filter(|(id, net)| {
            let external = s.entities[id.index()].kind() == EntityKind::External;
            net.contains(&ip) && external != held
        });
        rows.next().map(|(id, _)| *id)
    }

    /// The process that sends: itself, or one that stands for its pod or node.
    fn sender(&self, place: &Place, text: &str) -> Result<EntityId, QuestionError> {
        let id = match place {
            Place::Entity(id) => *id,
            Place::Address(ip) => match self.holder(*ip) {
                Some(id) => id,
                None => {
                    return wrong(
                        format!("nobody in this cluster holds {ip}"),
                        "an address outside sends only where the cluster has an external that covers it".to_owned(),
                    );
                }
            },
        };
        let processes = match self.cluster.kind_of(id) {
            EntityKind::Container | EntityKind::Daemon | EntityKind::External => return Ok(id),
            EntityKind::Service | EntityKind::Outside | EntityKind::Stage => {
                return wrong(
                    format!("`{text}` sends nothing"),
                    "a service is an address without a process".to_owned(),
                );
            }
            EntityKind::Pod => self
                .cluster
                .pods
                .iter()
                .find(|p| p.id == id)
                .map(|p| &p.containers),
            EntityKind::Node => self
                .cluster
                .nodes
                .iter()
                .find(|n| n.id == id)
                .map(|n| &n.daemons),
        };
        match processes.into_iter().flatten().map(|p| p.id).min() {
            Some(first) => Ok(first),
            None => wrong(format!("`{text}` has no process that could send"), None),
        }
    }

    /// The target and the addresses it is dialled at: any of them, but each of those with a port of its own.
    fn target(&self, text: &str) -> Result<(Place, Vec<Target>), QuestionError> {
        let place = self.place(text)?;
        let id = match &place {
            Place::Address(ip) => return Ok((Place::Address(*ip), vec![(*ip, None)])),
            Place::Entity(id) => *id,
        };
        let mut services = self.cluster.services.iter();
        let headless = services.find(|s| s.id == id && s.kind == ServiceKind::Headless);
        if let Some(service) = headless {
            return Ok((place, self.named(service, text)?));
        }
        let s = &self.lowered.structure;
        let owner = match self.cluster.kind_of(id) {
            EntityKind::Container | EntityKind::Daemon => {
                s.entities[id.index()].parent.unwrap_or(id)
            }
            _ => id,
        };
        let rows = s.addr.iter().filter(|(e, _)| *e == owner);
        let addresses: Vec<Target> = rows
            .filter_map(|(e, net)| Some((self.first_of(*e, *net)?, None)))
            .collect();
        if addresses.is_empty() {
            return wrong(format!("`{text}` has no address"), None);
        }
        Ok((place, addresses))
    }

    /// What the name of a headless Service leads to: its ready endpoints, at their own ports.
    fn named(&self, service: &Service, text: &str) -> Result<Vec<Target>, QuestionError> {
        let ports = service.ports.iter();
        let ports = ports.filter(|port| port.protocol == self.protocol);
        let mut all: Vec<Target> = ports
            .flat_map(|port| &port.endpoints)
            .filter(|e| e.readiness == Readiness::Ready)
            .map(|e| (e.address, Some(e.port)))
            .collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return wrong(
                format!(
                    "`{text}` is headless, and no ready endpoint of it has a {} port",
                    self.protocol
                ),
                "its name leads to its pods: ask about them".to_owned(),
            );
        }
        Ok(all)
    }

    /// The address of a host; of an External's prefix the first that is free and names a host.
    fn first_of(&self, id: EntityId, net: IpNet) -> Option<IpAddr> {
        if self.cluster.kind_of(id) != EntityKind::External {
            return Some(net.addr());
        }
        let held = &self.lowered.structure.held;
        net.hosts()
            .take(held.len() + 1)
            .find(|ip| held.binary_search(ip).is_err())
    }

    /// Source and destination in the first family that both have, IPv4 first; of targets with ports of their own each.
    fn addresses(
        &self,
        from: &Place,
        sender: EntityId,
        targets: &[Target],
        text: &str,
    ) -> Result<Vec<(IpAddr, IpAddr, Option<u16>)>, QuestionError> {
        for family in [Family::V4, Family::V6] {
            let fitting = targets.iter().filter(|(ip, _)| Family::of(*ip) == family);
            let mut ways = fitting.filter_map(|&(destination, port)| {
                let source = self.source(from, sender, destination)?;
                Some((source, destination, port))
            });
            let Some(first) = ways.next() else { continue };
            let others = ways.filter(|(.., port)| port.is_some());
            return Ok(std::iter::once(first).chain(others).collect());
        }
        wrong(
            format!("the sender has no address in a family of `{text}`"),
            None,
        )
    }

    /// What Linux would choose: loopback to loopback, an own address to itself, else the first of the family.
    fn source(&self, from: &Place, sender: EntityId, destination: IpAddr) -> Option<IpAddr> {
        let family = Family::of(destination);
        if family.loopback_net().contains(&destination) {
            return Some(family.loopback());
        }
        match &self.lowered.network.process(sender)?.sources {
            Sources::Own(own) => {
                let asked = match from {
                    Place::Address(ip) => Some(*ip),
                    Place::Entity(_) => None,
                };
                let fitting = || own.iter().copied().filter(|ip| Family::of(*ip) == family);
                asked
                    .filter(|ip| fitting().any(|own| own == *ip))
                    .or_else(|| fitting().find(|ip| *ip == destination))
                    .or_else(|| fitting().next())
            }
            Sources::Within(prefixes) => match from {
                Place::Address(ip) if Family::of(*ip) == family => Some(*ip),
                _ => prefixes
                    .iter()
                    .filter(|net| Family::of(net.addr()) == family)
                    .find_map(|net| self.first_of(sender, *net)),
            },
            Sources::Free => free_address(&self.lowered.network.held, family),
            Sources::Selected(table) => {
                let (_, own) = table.iter().find(|(net, _)| net.contains(&destination))?;
                own.first().copied()
            }
        }
    }

    /// The target's one open port of the protocol.
    fn one_port(&self, to: &Place, text: &str) -> Result<u16, QuestionError> {
        let id = match to {
            Place::Entity(id) => Some(*id),
            Place::Address(ip) => self.holder(*ip),
        };
        let c = self.cluster;
        let of = |processes: &[Process]| -> Vec<u16> {
            processes
                .iter()
                .flat_map(|p| &p.open)
                .filter(|l| l.protocol == self.protocol)
                .map(|l| l.port)
                .collect()
        };
        let mut ports: Vec<u16> = match id.map(|id| (id, c.kind_of(id))) {
            Some((id, EntityKind::Pod)) => c
                .pods
                .iter()
                .find(|p| p.id == id)
                .map(|p| of(&p.containers))
                .unwrap_or_default(),
            Some((id, EntityKind::Node)) => c
                .nodes
                .iter()
                .find(|n| n.id == id)
                .map(|n| of(&n.daemons))
                .unwrap_or_default(),
            Some((id, EntityKind::Service)) => {
                let service = c.services.iter().find(|s| s.id == id);
                let ports = service.into_iter().flat_map(|s| &s.ports);
                ports
                    .filter(|p| p.protocol == self.protocol)
                    .map(|p| p.port)
                    .collect()
            }
            Some((id, EntityKind::Container | EntityKind::Daemon)) => {
                let containers = c.pods.iter().flat_map(|p| &p.containers);
                let daemons = c.nodes.iter().flat_map(|n| &n.daemons);
                let process: Vec<Process> = containers
                    .chain(daemons)
                    .filter(|p| p.id == id)
                    .cloned()
                    .collect();
                of(&process)
            }
            _ => Vec::new(),
        };
        ports.sort_unstable();
        ports.dedup();
        match ports.as_slice() {
            [one] => Ok(*one),
            [] => wrong(
                format!("`{text}` has no open {} port", self.protocol),
                "give one with --port".to_owned(),
            ),
            many => {
                let all: Vec<String> = many.iter().map(ToString::to_string).collect();
                wrong(
                    format!("`{text}` has several open {} ports", self.protocol),
                    format!("choose one with --port: {}", all.join(", ")),
                )
            }
        }
    }
}

/// The first documentation address that nobody holds.
fn free_address(held: &[IpAddr], family: Family) -> Option<IpAddr> {
    let net: IpNet = match family {
        Family::V4 => "192.0.2.0/24".parse().ok()?,
        Family::V6 => "2001:db8::/32".parse().ok()?,
    };
    let special = non_unicast();
    net.hosts()
        .take(held.len() + 1)
        .find(|ip| held.binary_search(ip).is_err() && !special.iter().any(|n| n.contains(ip)))
}
