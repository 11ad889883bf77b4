//! kubeproof proves that a cluster's network meets the Kubernetes network model, or shows the message that breaks it.
//!
//! The way is one-directional: texts become a cluster ([`input`]), a cluster a network graph and a structure ([`lower`]),
//! constraints formulas ([`lang`], [`logic`]); both become terms ([`encode`]) that a solver decides ([`smt`]); what it finds
//! is read back ([`decode`]), replayed by the simulator ([`sim`]), and reported ([`verify`], [`report`]). [`session`] calls
//! the stages in order. `docs/architecture.md` is the map.

pub mod base;
pub mod connectivity;
pub mod decode;
pub mod encode;
pub mod findings;
pub mod generate;
pub mod input;
pub mod intent;
pub mod lang;
pub mod library;
pub mod logic;
pub mod lower;
pub mod model;
pub mod network;
pub mod policy;
pub mod question;
pub mod reference;
pub mod report;
pub mod session;
pub mod sim;
pub mod smt;
pub mod theorem;
pub mod tracer;
pub mod verify;
