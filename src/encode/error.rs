//! What cannot be encoded.
//!
//! Must never know: why it was asked for.

/// Why something could not be put into terms; the verdict is then `unknown`, with this reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An inner quantifier ranges over the addresses or ports of an External, which are too many to list.
    #[error("`{0}` ranges over all addresses or ports of an external; quantify it by ∀ in front")]
    WideRange(String),
    /// An inner quantifier without a guard; the checker lets none through.
    #[error("`{0}` is not bound by a predicate")]
    Unguarded(String),
    /// A named entity that was not looked up.
    #[error("`{0}` was not looked up in the cluster")]
    Unbound(String),
}
