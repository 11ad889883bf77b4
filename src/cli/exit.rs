//! The table of exit codes (`formats.md`, Exit codes).
//!
//! Must never know: wording of reports.

use std::process::ExitCode;

/// What `--help` says of them.
pub(crate) const HELP: &str = "Exit codes: 0 all proven (or waived), 1 violated, 2 bad usage, bad input or an internal \
error, 3 unknown, 4 nothing checked. They never depend on the output format.";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All proven or waived; answered; delivered.
    Good,
    /// Something violated; not delivered.
    Violated,
    /// Usage, bad input, internal error.
    Bad,
    /// Nothing violated, something unknown.
    Unknown,
    /// Nothing checked.
    Nothing,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Good => 0,
            Exit::Violated => 1,
            Exit::Bad => 2,
            Exit::Unknown => 3,
            Exit::Nothing => 4,
        })
    }
}
