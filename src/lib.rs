//! kubeproof

pub mod base;
pub mod decode;
pub mod encode;
pub mod input;
pub mod lang;
pub mod logic;
pub mod lower;
pub mod model;
pub mod network;
pub mod report;
pub mod sim;
pub mod smt;
pub mod verify;
