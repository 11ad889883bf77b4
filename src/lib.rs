//! kubeproof

pub mod base;
pub mod lang;
pub mod library;
pub mod logic;
pub mod model;
pub mod network;
