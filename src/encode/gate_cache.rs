//! What is remembered of gates while they are encoded, and what they are asked.
//!
//! Must never know: how a rule becomes a condition (`gates`).

use std::collections::HashMap;

use crate::model::entity::EntityId;
use crate::network::gate::Decision;
use crate::smt::term::TermId;

use super::header::{SymAddress, SymHeader};

/// A gate's rules, by the sets they share.
pub(super) type Rules = Vec<Vec<(usize, usize, Decision)>>;

/// What was put into terms already.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) sets: HashMap<(usize, SymAddress), TermId>,
    pub(super) ports: HashMap<(usize, TermId, TermId), TermId>,
    pub(super) passes: HashMap<(Rules, Asked), TermId>,
    pub(super) egress: HashMap<(EntityId, Leaving), TermId>,
    pub(super) permits: HashMap<(EntityId, EntityId, Leaving), TermId>,
}

/// A header about to leave a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Leaving {
    /// As it leaves.
    pub header: SymHeader,
    /// The source as it came.
    pub came: TermId,
    /// The destination as it was sent.
    pub dialled: TermId,
}

/// What a gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// The other end.
    pub(super) peer: SymAddress,
    /// The protocol.
    pub(super) protocol: TermId,
    /// The destination port.
    pub(super) port: TermId,
}
