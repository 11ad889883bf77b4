//! What every stage may use: named texts with positions, diagnostics as plain data, a quick hash,
//! several things at once.
//!
//! Must never know: any word of the domain, files on disk, the terminal.

pub mod diag;
pub mod far;
pub mod parallel;
pub mod quick;
pub mod similar;
pub mod source;
