//! Results and trouble, told to people and machines.

pub mod snippet;
