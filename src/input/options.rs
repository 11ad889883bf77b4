//! What is read, and what bounds the reading.
//!
//! Must never know: what the texts hold.

use super::text;
use crate::base::source::SourceId;

/// What bounds the reading.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Larger texts are refused before they are parsed.
    pub max_file_size: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_file_size: 64 << 20,
        }
    }
}

impl Options {
    /// The largest text that is read, in bytes.
    pub fn largest(self) -> u64 {
        self.max_file_size.min(text::HARD_LIMIT)
    }
}

/// A text to read.
#[derive(Debug, Clone)]
pub struct Input {
    /// The text.
    pub source: SourceId,
    /// The PATH that it came with, as the user gave it: a file or a folder.
    pub path: String,
    /// Whether the text itself was named, and not the folder it lies in.
    pub named: bool,
}
