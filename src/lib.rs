//! kubeproof

pub mod base;
pub mod decode;
pub mod encode;
pub mod findings;
pub mod input;
pub mod lang;
pub mod library;
pub mod logic;
pub mod lower;
pub mod model;
pub mod network;
pub mod question;
pub mod reference;
pub mod report;
pub mod session;
pub mod sim;
pub mod smt;
pub mod verify;
