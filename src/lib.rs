//! kubeproof

pub mod base;
pub mod input;
pub mod logic;
pub mod model;
pub mod network;
pub mod report;
