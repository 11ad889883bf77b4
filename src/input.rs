//! From texts to clusters.
//!
//! Knows: which text is what, and which mistakes are in it. Must never know: files on disk, switches and FIB lookups,
//! formulas, the solver, how a diagnostic is printed. It names `base` and `model` only.

pub mod compact;
pub mod decode;
pub mod intent;
pub mod kubernetes;
pub mod linux;
pub mod problems;
pub mod tables;
pub mod text;
pub mod yaml;

mod attach;
mod far;
mod gather;
mod homes;
mod identify;
mod json;
mod load;
mod loaded;
mod options;

pub use gather::Choices;
pub use load::{load, load_with};
pub use loaded::{Loaded, LoadedCluster, LoadedIntent, NotRead, Unsupported};
pub use options::{Input, Options};

/// The codes of this stage, with a title each; those of the cluster file are [`compact::CODES`],
/// of route tables [`tables::CODES`].
pub const CODES: &[(&str, &str)] = &[
    ("I001", "the file is no text"),
    ("I002", "the file is not UTF-8"),
    ("I003", "the file is larger than what is read"),
    ("I004", "the path cannot be read"),
    ("I005", "the document is no YAML"),
    ("I006", "a tab stands where only spaces may indent"),
    ("I007", "something follows a document separator"),
    ("I008", "a key is there twice in one object"),
    (
        "I009",
        "a tag that means nothing, or does not fit its value",
    ),
    ("I010", "a key is not a string"),
    ("I011", "a merge key that cannot be read one way only"),
    (
        "I012",
        "an alias that names nothing, or aliases that stand for too much",
    ),
    ("I013", "lists and objects lie too deep in each other"),
    ("I014", "the file holds too much"),
    ("I015", "more mistakes than are told"),
    ("I016", "the file holds no object with apiVersion and kind"),
    ("I017", "an apiVersion or kind that kubeproof does not have"),
    ("I018", "an unknown field"),
    ("I019", "a field that must be there is missing"),
    ("I020", "a value is of the wrong type"),
    ("I021", "a text is no IP address"),
    ("I022", "a text is no prefix"),
    ("I023", "a value is no port"),
    ("I024", "a text is no protocol"),
    ("I025", "a text is no name"),
    ("I026", "a number is out of range"),
    ("I027", "a word that is none of the known ones"),
];
