//! What the differential tests are made of.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test takes what it needs"
)]
#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may stop"
)]

pub mod compare;
pub mod covering;
pub mod draft;
pub mod faults;
pub mod formulas;
pub mod generate;
pub mod judge;
pub mod kept;
pub mod oracle;
pub mod policed;
pub mod rng;
pub mod shrink;
pub mod stages;
pub mod tabled;
pub mod threads;
pub mod uniform;
