//! One clause of an intent's text.
//!
//! Must never know: which clauses an intent has.

use super::peer::ports;
use crate::model::policy::PortRule;

/// What a clause asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// That those of `from` reach those of `to`.
    Reach,
    /// That ports are open; of each receiver, or of one at least this one of the list.
    Listens(Option<usize>),
    /// That those of `from` do not.
    KeptOut,
    /// That nobody else does.
    OthersKeptOut,
    /// That different groups do not.
    Apart,
    /// That who is behind a Service is reached where it is dialled: this one of `to`.
    ServiceReached(usize, Place),
    /// That the Service has an address and offers a port: this one of `to`.
    ServiceOffers(usize, Place),
    /// That nobody answers where the Service is dialled: this one of `to`; true: nobody but those of `from`.
    ServiceKeptOut(usize, bool),
    /// Nothing: nobody is meant.
    Nothing,
}

/// Where a sender is, since a Service is dialled elsewhere from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the cluster.
    Inside,
    /// At hosts outside.
    Outside,
}

/// A clause: what it says in words, premises and conclusion.
pub(super) struct Clause {
    pub(super) kind: Kind,
    pub(super) says: &'static str,
    pub(super) premises: Vec<String>,
    pub(super) conclusion: String,
}

pub(super) fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|&p| p.to_owned()).collect()
}

pub(super) fn on(rules: Option<&Vec<PortRule>>, y: &str) -> Option<String> {
    rules.map(|rules| ports(rules, y, "tp", "proto(e)"))
}
