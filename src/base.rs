//! What every stage may use: named texts with positions, and diagnostics as plain data.
//!
//! Must never know: any word of the domain, files on disk, the terminal.

pub mod diag;
pub mod far;
pub mod similar;
pub mod source;
