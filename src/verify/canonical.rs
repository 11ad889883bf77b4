//! One counterexample of many: the plainest, so that the same input gives the same one, whatever the solver's mood.
//!
//! The order (design.md section 4): fewest hops, then entities by name, then protocol, addresses, ports, each in the order
//! of the quantifiers and plainest first. Knows: what is plain. Must never know: printing, the simulator.

use crate::decode;
use crate::encode::Encoder;
use crate::encode::domain::{DYNAMIC, documentation};
use crate::encode::header::SymAddress;
use crate::encode::relation::Sym;
use crate::encode::symbols::Obligation;
use crate::smt::solver::{Limits, SatResult, Solver};
use crate::smt::term::TermId;

/// So many bits are asked about one by one.
const FEW: u32 = 4;

/// Narrows an open, satisfiable scope until every symbol has one value.
pub struct Narrowing<'a, 'c> {
    /// The terms.
    pub encoder: &'a mut Encoder<'c>,
    /// Facts and goal are asserted, and the last check said `Sat`.
    pub solver: &'a mut dyn Solver,
    /// For each check.
    pub limits: Limits,
    /// That no message takes fewer hops than these is known.
    pub least_hops: usize,
    /// How many checks were made.
    pub queries: usize,
}

impl std::fmt::Debug for Narrowing<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Narrowing")
            .field("queries", &self.queries)
            .finish_non_exhaustive()
    }
}

impl Narrowing<'_, '_> {
    /// Pins everything; `Err` with the reason where a check gave no answer.
    pub fn run(&mut self, obligation: &Obligation, slots: usize) -> Result<(), String> {
        for slot in 0..slots {
            self.fewest_hops(slot)?;
        }
        let symbols = obligation.symbols.clone();
        for (_, symbol) in &symbols {
            if let Sym::Entity(term) = symbol {
                self.least(*term)?;
            }
        }
        for slot in 0..slots {
            let sender = self.encoder.event(slot).sender;
            self.least(sender)?;
        }
        for (_, symbol) in &symbols {
            if let Sym::Protocol(term) = symbol {
                self.least(*term)?;
            }
        }
        for slot in 0..slots {
            let protocol = self.encoder.event(slot).sent.protocol;
            self.least(protocol)?;
        }
        for (_, symbol) in &symbols {
            if let Sym::Address(address) = symbol {
                self.plainest_address(*address)?;
            }
        }
        for slot in 0..slots {
            let sent = self.encoder.event(slot).sent;
            self.plainest_address(sent.destination())?;
            self.plainest_address(sent.source())?;
        }
        for slot in 0..slots {
            let destination_port = self.encoder.event(slot).sent.destination_port;
            self.plainest_port(destination_port, false)?;
        }
        for slot in 0..slots {
            let source_port = self.encoder.event(slot).sent.source_port;
            self.plainest_port(source_port, true)?;
        }
        for (_, symbol) in &symbols {
            if let Sym::Port(port) = symbol {
                self.plainest_port(*port, false)?;
            }
        }
        for slot in 0..slots {
            for choice in self.encoder.event(slot).choices.clone() {
                self.least(choice)?;
            }
        }
        Ok(())
    }

    fn possible(&mut self, assumptions: &[TermId]) -> Result<bool, String> {
        self.queries += 1;
        match self
            .solver
            .check(&self.encoder.pool, assumptions, self.limits)
        {
            SatResult::Sat => Ok(true),
            SatResult::Unsat => Ok(false),
            SatResult::Unknown(why) => Err(why),
        }
    }

    fn pin(&mut self, fact: TermId) {
        self.solver.assert(&self.encoder.pool, fact);
    }

    /// Asserts the wish if it can be had, else its opposite. What the model at hand grants costs no check; and the model
    /// at hand keeps the pins, whatever checks have failed since.
    fn prefer(&mut self, wish: TermId) -> Result<bool, String> {
        if let Some(truth) = self.encoder.pool.as_truth(wish) {
            return Ok(truth);
        }
        let had = self.value(wish)? == 1 || self.possible(&[wish])?;
        let not = self.encoder.pool.not(wish);
        self.pin(if had { wish } else { not });
        Ok(had)
    }

    /// The least number of hops: lookups until the message was received, died, or came to a state where it was before.
    fn fewest_hops(&mut self, slot: usize) -> Result<(), String> {
        for hops in self.least_hops..=self.encoder.event(slot).hops() {
            let more = self.encoder.travelling_after(slot, hops);
            let no_more = self.encoder.pool.not(more);
            if self.prefer(no_more)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The least value, from the front. Bits that the model at hand has at 0 cost nothing.
    fn least(&mut self, term: TermId) -> Result<(), String> {
        let Some(width) = self.encoder.pool.width(term) else {
            let no = self.encoder.pool.not(term);
            return self.prefer(no).map(|_| ());
        };
        if self.encoder.pool.as_bits(term).is_some() {
            return Ok(());
        }
        let value = self.value(term)?;
        let constant = self.encoder.pool.bits(value, width);
        let same = self.encoder.pool.eq(term, constant);
        let other = self.encoder.pool.not(same);
        if value == 0 || !self.possible(&[other])? {
            self.pin(same);
            return Ok(());
        }
        self.least_bits(term, width - 1, 0)
    }

    /// The same of some bits, those in front being pinned: all of them 0 if they can be, else half by half.
    fn least_bits(&mut self, term: TermId, high: u32, low: u32) -> Result<(), String> {
        let width = high - low + 1;
        let bits = self.encoder.pool.extract(term, high, low);
        let zero = self.encoder.pool.bits(0, width);
        let is_zero = self.encoder.pool.eq(bits, zero);
        if self.value(bits)? == 0 || self.possible(&[is_zero])? {
            self.pin(is_zero);
            return Ok(());
        }
        if width == 1 {
            let is_one = self.encoder.pool.not(is_zero);
            self.pin(is_one);
            return Ok(());
        }
        // Of few bits each is likely to be 1.
        let step = if width <= FEW { 1 } else { width / 2 };
        self.least_bits(term, high, high + 1 - step)?;
        self.least_bits(term, high - step, low)
    }

    fn value(&mut self, term: TermId) -> Result<u128, String> {
        decode::bits(self.solver, &self.encoder.pool, term)
            .ok_or_else(|| "the solver gave no value".to_owned())
    }

    /// IPv4 before IPv6; what the cluster names before documentation addresses before the rest; then the least.
    fn plainest_address(&mut self, address: SymAddress) -> Result<(), String> {
        self.least(address.v6)?;
        let known = self.encoder.is_known_address(address);
        if !self.prefer(known)? {
            let documented = self.encoder.is_in_one_of(address, &documentation());
            self.prefer(documented)?;
        }
        self.least(address.bits)
    }

    /// A destination port that the cluster names, else the least from 1; the plain source port, else the least of the
    /// dynamic range, else the least.
    fn plainest_port(&mut self, port: TermId, source: bool) -> Result<(), String> {
        if source {
            let plain = self.encoder.is_port(port, DYNAMIC);
            if self.prefer(plain)? {
                return Ok(());
            }
            let dynamic = self.encoder.is_port_from(port, DYNAMIC);
            self.prefer(dynamic)?;
        } else {
            let known = self.encoder.is_known_port(port);
            self.prefer(known)?;
        }
        self.least(port)
    }
}
