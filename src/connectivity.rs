//! Who can reach whom on which ports: the full answer, not a verdict.
//!
//! Two ways with one result. `native` computes with sets of ports and addresses what the ideal FIBs and the gates
//! leave; `exact` says when that is exact. `simulate` walks a covering set of messages for everything else.
//!
//! Knows: networks, gates, the simulator. Must never know: YAML, selectors and labels of policies (`network::gate` has
//! their addresses), the solver, printing.

pub mod answer;
pub mod compare;
mod exact;
pub mod focus;
mod gates;
pub mod group;
pub mod hidden;
mod native;
pub mod outside;
pub mod party;
pub mod ports;
pub mod row;
mod simulate;
mod translated;
pub mod witness;
