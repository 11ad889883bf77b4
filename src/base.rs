//! What every stage may use: named texts with positions, diagnostics as plain data, a quick hash.
//!
//! Must never know: any word of the domain, files on disk, the terminal.

pub mod diag;
pub mod far;
pub mod quick;
pub mod similar;
pub mod source;
