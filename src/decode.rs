//! From a solver's values back to entities, addresses and ports.
//!
//! Knows: how values were encoded. Must never know: why they were asked for, how they are printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::encode::header::{SymAddress, SymHeader};
use crate::model::entity::EntityId;
use crate::model::inet::Protocol;
use crate::network::header::Header;
use crate::smt::solver::{Solver, Value};
use crate::smt::term::{TermId, TermPool};

/// The bits of a term in the last model.
pub fn bits(solver: &mut dyn Solver, pool: &TermPool, term: TermId) -> Option<u128> {
    match solver.value(pool, term)? {
        Value::Bits(bits) => Some(bits),
        Value::Bool(truth) => Some(u128::from(truth)),
    }
}

/// An entity.
pub fn entity(solver: &mut dyn Solver, pool: &TermPool, term: TermId) -> Option<EntityId> {
    bits(solver, pool, term).map(|n| EntityId(n as u32))
}

/// A port.
pub fn port(solver: &mut dyn Solver, pool: &TermPool, term: TermId) -> Option<u16> {
    bits(solver, pool, term).map(|n| n as u16)
}

/// A protocol.
pub fn protocol(solver: &mut dyn Solver, pool: &TermPool, term: TermId) -> Option<Protocol> {
    bits(solver, pool, term).and_then(|n| Protocol::ALL.get(n as usize).copied())
}

/// An address.
pub fn address(solver: &mut dyn Solver, pool: &TermPool, term: SymAddress) -> Option<IpAddr> {
    let v6 = bits(solver, pool, term.v6)? == 1;
    let bits = bits(solver, pool, term.bits)?;
    Some(if v6 {
        IpAddr::V6(Ipv6Addr::from(bits))
    } else {
        IpAddr::V4(Ipv4Addr::from(bits as u32))
    })
}

/// A header.
pub fn header(solver: &mut dyn Solver, pool: &TermPool, term: SymHeader) -> Option<Header> {
    Some(Header {
        protocol: protocol(solver, pool, term.protocol)?,
        source: address(solver, pool, term.source())?,
        source_port: port(solver, pool, term.source_port)?,
        destination: address(solver, pool, term.destination())?,
        destination_port: port(solver, pool, term.destination_port)?,
    })
}
