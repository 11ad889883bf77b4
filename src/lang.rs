//! The constraint language as text: tokens, tree, printing. `specs/language.md` is its manual.
//!
//! Knows: notation. Must never know: which predicates exist, sorts, entities, the solver.

pub mod ast;
mod lexer;
mod parser;
pub mod print;
pub(crate) mod report;

pub use parser::{Parsed, parse};

/// What the stage reports, each with a title.
pub const CODES: &[(&str, &str)] = &[
    (
        "L001",
        "a character or operator that the language does not have",
    ),
    ("L002", "a string that is not closed"),
    ("L003", "an unknown escape in a string"),
    ("L004", "a number that is malformed or too large"),
    ("L005", "a malformed address or prefix"),
    ("L006", "a port range that is malformed or empty"),
    ("L007", "a malformed entity name"),
    ("L008", "something else was expected here"),
    ("L009", "a parenthesis that is not closed"),
    ("L010", "a formula that is nested too deeply"),
    ("L011", "a constraint without a name or a title"),
    ("L012", "operators in a row that need parentheses"),
    ("L013", "a reason or source that is given twice"),
    ("L014", "text outside of a constraint"),
    ("L015", "too many errors to show"),
    ("L016", "a malformed list of variables"),
    ("L017", "a text that is too large"),
];
