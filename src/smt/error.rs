//! What can go wrong with the solver itself.
//!
//! Knows: versions. Must never know: anything of the input; a bad term is a bug, not an error.

use thiserror::Error;

/// Trouble with the solver, told to a person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SmtError {
    /// The library that the dynamic linker found is not the pinned one. Z3 renumbered enumerations between releases,
    /// so that another one may answer wrongly without a word: nothing may be decided with it.
    #[error(
        "found Z3 `{found}`, but kubeproof is built for Z3 {wanted} and another one may answer wrongly: run `make z3`, \
         rebuild, and see that no other libz3 comes first in LD_LIBRARY_PATH or LD_PRELOAD"
    )]
    WrongVersion {
        /// What the library says of itself.
        found: String,
        /// What kubeproof is built for.
        wanted: &'static str,
    },
}

impl SmtError {
    /// Compares what the library says of itself with what is wanted.
    pub(super) fn unless_wanted(found: &str, wanted: &'static str) -> Result<(), Self> {
        // Builds add a commit or a date behind the number, and some a word before it.
        if found.split_whitespace().any(|word| word == wanted) {
            return Ok(());
        }
        Err(Self::WrongVersion {
            found: found.to_owned(),
            wanted,
        })
    }
}
