//! Headers and addresses as terms: plain values.
//!
//! Must never know: rules, paths, formulas, how terms are made of them (`field`).

use crate::smt::term::TermId;

/// An address: its family, and its number ([`super::domain`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymAddress {
    /// Bool: is it IPv6?
    pub v6: TermId,
    /// The number.
    pub bits: TermId,
}

/// A header. Both addresses are of one family, at every hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymHeader {
    /// Two bits: 0 TCP, 1 UDP, 2 SCTP.
    pub protocol: TermId,
    /// Bool: is it IPv6?
    pub v6: TermId,
    /// Source address.
    pub source: TermId,
    /// Source port.
    pub source_port: TermId,
    /// Destination address.
    pub destination: TermId,
    /// Destination port.
    pub destination_port: TermId,
}

impl SymHeader {
    /// The answer's.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
            ..self
        }
    }

    /// The source with its family.
    pub fn source(self) -> SymAddress {
        SymAddress {
            v6: self.v6,
            bits: self.source,
        }
    }

    /// The destination with its family.
    pub fn destination(self) -> SymAddress {
        SymAddress {
            v6: self.v6,
            bits: self.destination,
        }
    }
}
