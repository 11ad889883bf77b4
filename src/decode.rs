//! From a solver's values back to entities, addresses and ports.
//!
//! Knows: how values were encoded. Must never know: why they were asked for, how they are printed.

use std::net::IpAddr;

use crate::encode::Encoder;
use crate::encode::header::{SymAddress, SymHeader};
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::network::header::Header;
use crate::smt::solver::{Solver, Value};
use crate::smt::term::{TermId, TermPool};

/// The bits of a term in the last model; 0 or 1 of a Boolean.
pub fn bits(solver: &mut dyn Solver, pool: &TermPool, term: TermId) -> Option<u128> {
    match solver.value(pool, term)? {
        Value::Bits(bits) => Some(bits),
        Value::Bool(truth) => Some(u128::from(truth)),
    }
}

/// Reads values off the last model.
pub struct Reader<'r, 'c> {
    /// What was encoded.
    pub encoder: &'r Encoder<'c>,
    /// Who has the model.
    pub solver: &'r mut dyn Solver,
}

impl std::fmt::Debug for Reader<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader<'_, '_> {
    fn bits(&mut self, term: TermId) -> Option<u128> {
        bits(self.solver, &self.encoder.pool, term)
    }

    /// An entity.
    pub fn entity(&mut self, term: TermId) -> Option<EntityId> {
        self.bits(term).map(|n| EntityId(n as u32))
    }

    /// A port.
    pub fn port(&mut self, term: TermId) -> Option<u16> {
        let number = self.bits(term)?;
        self.encoder.domain.port_of(number)
    }

    /// A protocol.
    pub fn protocol(&mut self, term: TermId) -> Option<Protocol> {
        let number = usize::try_from(self.bits(term)?).ok()?;
        Protocol::ALL.get(number).copied()
    }

    /// An address.
    pub fn address(&mut self, term: SymAddress) -> Option<IpAddr> {
        let (v6, number) = (self.bits(term.v6)? == 1, self.bits(term.bits)?);
        self.encoder.domain.address_of(number, v6)
    }

    /// A header.
    pub fn header(&mut self, term: SymHeader) -> Option<Header> {
        Some(Header {
            protocol: self.protocol(term.protocol)?,
            source: self.address(term.source())?,
            source_port: self.port(term.source_port)?,
            destination: self.address(term.destination())?,
            destination_port: self.port(term.destination_port)?,
        })
    }
}
