//! Texts that are too large to hold: read from the beginning, piece by piece, and asked for single lines afterwards.
//!
//! Knows: pieces, lines. Must never know: files on disk (whoever implements [`Far`] does), any domain word.

use std::fmt::Debug;

/// A text that is not held.
pub trait Far: Debug + Send + Sync {
    /// Its pieces from the beginning; an error in a person's words.
    fn open(&self) -> Result<Box<dyn Pieces + '_>, String>;

    /// What stands around a place; none where it cannot be read again.
    fn excerpt(&self, line: u32, column: u32) -> Option<Excerpt>;

    /// Whether it can be opened more than once.
    fn again(&self) -> bool;
}

/// A text in pieces.
pub trait Pieces: Send {
    /// Fills a piece from its beginning; how many bytes, none at the end.
    fn next(&mut self, piece: &mut [u8]) -> Result<usize, String>;
}

/// A line, or as much of it as there is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// What is there.
    pub text: String,
    /// The column of its first character, from 1.
    pub column: usize,
}

/// A text in memory that is read as if it were far.
#[derive(Debug, Clone)]
pub struct Held(pub Vec<u8>);

/// Its pieces.
struct HeldPieces<'t>(&'t [u8]);

impl Far for Held {
    fn open(&self) -> Result<Box<dyn Pieces + '_>, String> {
        Ok(Box::new(HeldPieces(&self.0)))
    }

    fn excerpt(&self, line: u32, _: u32) -> Option<Excerpt> {
        let mut lines = self.0.split(|b| *b == b'\n');
        let line = lines.nth(line.saturating_sub(1) as usize)?;
        Some(Excerpt {
            text: String::from_utf8_lossy(line)
                .trim_end_matches('\r')
                .to_owned(),
            column: 1,
        })
    }

    fn again(&self) -> bool {
        true
    }
}

impl Pieces for HeldPieces<'_> {
    fn next(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        let count = piece.len().min(self.0.len());
        let (now, later) = self.0.split_at(count);
        piece[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}
