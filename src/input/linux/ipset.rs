//! `ipset save`: named sets of addresses, ports and combinations of them.
//!
//! Knows: types of sets and how their elements are spelled. Must never know: which rule asks for one.

use std::collections::BTreeMap;

use super::plain::lines;
use super::record::{ip, net};
use super::rule::protocol_of;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::inet::{IpNet, PortSet};
use crate::model::linux::{SetElement, SetField, SetValue};

/// What one part of an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Net,
    /// A port with its protocol: two fields.
    Port,
    /// The port alone.
    Bare,
}

/// A set as it was created.
#[derive(Debug)]
struct Shape {
    /// None where its type is not modelled.
    parts: Option<Vec<Part>>,
    /// `netmask`: an address is compared by so many bits.
    mask: Option<u8>,
    /// The sets that a `list:set` stands for.
    list: bool,
    members: Vec<String>,
}

/// The sets of one namespace.
#[derive(Debug, Default)]
pub(super) struct Sets {
    shapes: BTreeMap<String, Shape>,
    pub(super) elements: BTreeMap<String, Vec<SetElement>>,
}

impl Sets {
    /// Which fields of a message are compared, where a rule says `src,dst`; none where that is not modelled.
    pub(super) fn fields(&self, name: &str, dirs: &str) -> Option<Vec<SetField>> {
        let parts = self.shapes.get(name)?.parts.as_ref()?;
        let dirs: Vec<bool> = dirs.split(',').map(|d| d == "src").collect();
        let mut fields = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let source = *dirs.get(at)?;
            let port = if source {
                SetField::SourcePort
            } else {
                SetField::DestinationPort
            };
            match part {
                Part::Net if source => fields.push(SetField::Source),
                Part::Net => fields.push(SetField::Destination),
                Part::Port => fields.extend([SetField::Protocol, port]),
                Part::Bare => fields.push(port),
            }
        }
        Some(fields)
    }
}

/// Reads a dump.
pub(super) fn read(source: SourceId, text: &str, problems: &mut Problems) -> Sets {
    let mut sets = Sets::default();
    for (line, span) in lines(source, text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let wrong = match words.as_slice() {
            [] => None,
            [first, ..] if first.starts_with('#') => None,
            ["create" | "-N", name, kind, options @ ..] => {
                sets.create(name, kind, options);
                None
            }
            ["add" | "-A", name, element, options @ ..] => sets.add(name, element, options, span),
            _ => Some(format!("{} is no line of `ipset save`", show(line))),
        };
        if let Some(message) = wrong
            && !problems.skips()
        {
            problems.push(Diagnostic::error("S008", span, message));
        }
    }
    sets.flatten();
    sets
}

impl Sets {
    fn create(&mut self, name: &str, kind: &str, options: &[&str]) {
        let mask = options.windows(2).find(|w| w[0] == "netmask");
        let mask = mask.map(|w| w[1].parse().ok());
        // Bits of an address that are no prefix, and what is known of elements beside themselves.
        let strange = options.contains(&"bitmask") || mask == Some(None);
        let parts = kind.split_once(':').and_then(|(method, parts)| {
            let part = |word: &str| match word {
                "ip" | "net" => Some(Part::Net),
                "port" if method == "bitmap" => Some(Part::Bare),
                "port" => Some(Part::Port),
                _ => None,
            };
            parts.split(',').map(part).collect()
        });
        let shape = Shape {
            parts: parts.filter(|_: &Vec<Part>| !strange),
            mask: mask.flatten(),
            list: kind == "list:set",
            members: Vec::new(),
        };
        self.shapes.insert(name.to_owned(), shape);
        self.elements.entry(name.to_owned()).or_default();
    }

    fn add(&mut self, name: &str, element: &str, options: &[&str], origin: Span) -> Option<String> {
        let Some(shape) = self.shapes.get_mut(name) else {
            return Some(format!("the set {} was not created", show(name)));
        };
        if shape.list {
            shape.members.push(element.to_owned());
            return None;
        }
        let parts = shape.parts.as_ref()?;
        let Some(keys) = keys(element, parts) else {
            return Some(format!("{} is no element of this set", show(element)));
        };
        let masked = |mut key: Vec<SetValue>| {
            for value in &mut key {
                if let (SetValue::Net(net), Some(mask)) = (value, shape.mask) {
                    let wide = IpNet::new(net.addr(), mask.min(net.prefix_len()));
                    *net = wide.map_or(*net, |n| n.trunc());
                }
            }
            key
        };
        let keys = keys.into_iter().map(masked);
        let exempt = options.contains(&"nomatch");
        let elements = self.elements.entry(name.to_owned()).or_default();
        elements.extend(keys.map(|key| SetElement {
            key,
            exempt,
            effects: Vec::new(),
            origin,
        }));
        None
    }

    /// A list of sets holds what its sets hold, where they are of one shape.
    fn flatten(&mut self) {
        let lists: Vec<String> = self
            .shapes
            .iter()
            .filter(|(_, s)| s.list)
            .map(|(name, _)| name.clone())
            .collect();
        for name in lists {
            let members = self.shapes.get(&name).map_or(&[][..], |s| &s.members);
            let shapes: Vec<_> = members
                .iter()
                .map(|m| self.shapes.get(m).and_then(|s| s.parts.clone()))
                .collect();
            let parts = match shapes.first() {
                None => Some(vec![Part::Net]),
                Some(first) if shapes.iter().all(|s| s == first) => first.clone(),
                Some(_) => None,
            };
            let all = members
                .iter()
                .filter_map(|m| self.elements.get(m))
                .flatten();
            let all: Vec<SetElement> = all.cloned().collect();
            // What one set exempts another one may hold.
            let mixed = members.len() > 1 && all.iter().any(|e| e.exempt);
            if let Some(shape) = self.shapes.get_mut(&name) {
                shape.parts = parts.filter(|_| !mixed);
            }
            self.elements.insert(name, all);
        }
    }
}

/// The values of an element; one that is a range of addresses stands for several prefixes.
fn keys(element: &str, parts: &[Part]) -> Option<Vec<Vec<SetValue>>> {
    let texts: Vec<&str> = element.split(',').collect();
    if texts.len() != parts.len() {
        return None;
    }
    let mut keys: Vec<Vec<SetValue>> = vec![Vec::new()];
    for (text, part) in texts.iter().zip(parts) {
        match part {
            Part::Net => {
                let nets = nets(text)?;
                let longer = keys.iter().flat_map(|key| {
                    nets.iter().map(|net| {
                        let mut key = key.clone();
                        key.push(SetValue::Net(*net));
                        key
                    })
                });
                keys = longer.collect();
            }
            Part::Port => {
                let (protocol, ports) = text.split_once(':').unwrap_or(("tcp", text));
                // A protocol that is none of ours is never met.
                let Some(protocol) = protocol_of(protocol) else {
                    return Some(Vec::new());
                };
                let ports = ports_of(ports)?;
                for key in &mut keys {
                    key.extend([SetValue::Protocol(protocol), SetValue::Ports(ports.clone())]);
                }
            }
            Part::Bare => {
                let ports = ports_of(text)?;
                for key in &mut keys {
                    key.push(SetValue::Ports(ports.clone()));
                }
            }
        }
    }
    Some(keys)
}

fn ports_of(text: &str) -> Option<PortSet> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some(PortSet::of([(low.parse().ok()?, high.parse().ok()?)]))
}

fn nets(text: &str) -> Option<Vec<IpNet>> {
    if let Some((low, high)) = text.split_once('-') {
        return range(low, high);
    }
    Some(vec![net(text)?])
}

/// The prefixes that a range of addresses is made of.
pub(super) fn range(low: &str, high: &str) -> Option<Vec<IpNet>> {
    use std::net::IpAddr;
    match (ip(low)?, ip(high)?) {
        (IpAddr::V4(low), IpAddr::V4(high)) if low <= high => Some(
            ipnet::Ipv4Subnets::new(low, high, 0)
                .map(IpNet::V4)
                .collect(),
        ),
        (IpAddr::V6(low), IpAddr::V6(high)) if low <= high => Some(
            ipnet::Ipv6Subnets::new(low, high, 0)
                .map(IpNet::V6)
                .collect(),
        ),
        _ => None,
    }
}
