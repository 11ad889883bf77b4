//! Entities: kinds, ids and names.
//!
//! Knows: how an entity is spelled (`formats.md`, Output). Must never know: YAML keys, API groups.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

use crate::base::source::Span;

/// One entity of a cluster. Ids are handed out in canonical order: kind, then name, numbers in names by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub u32);

impl EntityId {
    /// As an index into tables that hold one row per entity.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An address with the place where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Where it is written.
    pub origin: Span,
}

/// The kinds of design.md section 1, processes first. The order is the canonical one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A process in a pod.
    Container,
    /// A process on a node: a daemon, or a container of a hostNetwork pod.
    Daemon,
    /// A host outside the cluster.
    External,
    /// A pod with its own network namespace.
    Pod,
    /// A node.
    Node,
    /// A Service: an address without a process.
    Service,
    /// The one switch behind which all externals are; exists where there is an outside.
    Outside,
    /// A stage of a Linux namespace: a switch of the network, and no entity of the model.
    Stage,
}

impl EntityKind {
    /// The word that a full name begins with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Daemon => "daemon",
            Self::External => "external",
            Self::Pod => "pod",
            Self::Node => "node",
            Self::Service => "service",
            Self::Outside => "outside",
            Self::Stage => "stage",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [
            Self::Container,
            Self::Daemon,
            Self::External,
            Self::Pod,
            Self::Node,
            Self::Service,
            Self::Outside,
        ]
        .into_iter()
        .find(|k| k.word() == word)
    }

    /// Whether entities of this kind send and receive messages.
    pub fn is_process(self) -> bool {
        matches!(self, Self::Container | Self::Daemon | Self::External)
    }

    /// Whether entities of this kind forward messages by a FIB.
    pub fn is_switch(self) -> bool {
        matches!(self, Self::Pod | Self::Node | Self::Outside)
    }

    /// Whether formulas may speak of them: the outside and stages are switches of the network, and no entities.
    pub fn is_entity(self) -> bool {
        !matches!(self, Self::Outside | Self::Stage)
    }
}

/// A full name: `container/NS/POD/NAME`, `pod/NS/NAME`, `node/NAME`, `daemon/NODE/NAME`, `service/NS/NAME`,
/// `external/NAME`, `outside`. A pod that a template stands for has the workload's kind as a third part and is spelled
/// `deployment/NS/NAME#1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FullName {
    /// The kind.
    pub kind: EntityKind,
    /// The parts after the kind.
    pub parts: Vec<String>,
}

impl FullName {
    /// A name from its parts.
    pub fn new(kind: EntityKind, parts: &[&str]) -> Self {
        Self {
            kind,
            parts: parts.iter().map(|&p| p.to_owned()).collect(),
        }
    }

    /// The last part: what people call it.
    pub fn short(&self) -> &str {
        match self.parts.as_slice() {
            [_, pod, _] if self.kind == EntityKind::Pod => pod,
            parts => parts.last().map_or("outside", String::as_str),
        }
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (EntityKind::Pod, [namespace, pod, workload]) = (self.kind, self.parts.as_slice()) {
            return write!(f, "{workload}/{namespace}/{pod}");
        }
        f.write_str(self.kind.word())?;
        for part in &self.parts {
            write!(f, "/{part}")?;
        }
        Ok(())
    }
}

impl Ord for FullName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.kind.cmp(&other.kind).then_with(|| {
            let pairs = self.parts.iter().zip(&other.parts);
            pairs
                .map(|(a, b)| natural_cmp(a, b))
                .find(|o| o.is_ne())
                .unwrap_or_else(|| self.parts.len().cmp(&other.parts.len()))
        })
    }
}

impl PartialOrd for FullName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares names with runs of digits by value, so that N2 comes before N10; ties are broken by the plain text.
///
/// On bytes, whose order is that of the characters; without allocating, since whole clusters are sorted by it.
pub fn natural_cmp(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (one, other);
                (one, left) = digits(left);
                (other, right) = digits(right);
                let order = one.len().cmp(&other.len()).then_with(|| one.cmp(other));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(x), Some(y)) if x == y => (left, right) = (&left[1..], &right[1..]),
            (Some(x), Some(y)) => return x.cmp(y),
        }
    }
}

/// The run of digits at the beginning, without its leading zeros, and what follows it.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let run = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let zeros = text[..run].iter().take_while(|&&b| b == b'0').count();
    (&text[zeros..run], &text[run..])
}
