//! One line of the answer.
//!
//! Must never know: how it was found, how it is printed.

use crate::model::inet::Protocol;

use super::party::PartyId;
use super::ports::PortsId;

/// From whom to whom, by which protocol, on which ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Who sends.
    pub from: PartyId,
    /// To whom.
    pub to: PartyId,
    /// The protocol.
    pub protocol: Protocol,
    /// Ports on which it holds whatever is chosen (endpoint, source address, pod of a workload, host of a range).
    pub all: PortsId,
    /// Ports on which it holds for some choices and not for others.
    pub some: PortsId,
}
