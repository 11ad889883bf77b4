//! kubeproof

pub mod base;
pub mod logic;
pub mod model;
pub mod network;
pub mod smt;
