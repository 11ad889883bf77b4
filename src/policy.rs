//! From policies to gates: who a policy is about, whom its rules mean, what is asked first.
//!
//! Source: kubernetes.io, *Network Policies*; network-policy-api, *ClusterNetworkPolicy*.
//! Knows: selectors, tiers, priorities, the choices that Kubernetes leaves ([`Settings`]). Must never know: how a policy is
//! spelled (`input`), who asks a gate (`sim`, `encode`).
//!
//! A pod is isolated in a direction when a NetworkPolicy is about it in that direction. Then its second tier ends with a
//! denial of everything, and the third is never asked. Before its rules stands what no NetworkPolicy stops: the pod's own
//! node, and the pod itself.
//!
//! [`Settings`]: crate::model::policy::Settings

mod addresses;
mod compile;
mod directory;
pub mod findings;
pub mod hinges;
pub mod labels;
mod orders;
mod rules;
pub mod words;

pub use compile::gates;
pub use hinges::{hangs_on, unclear};
