//! A text that is read from the beginning, byte by byte, and the line and column of where it is read.
//!
//! Knows: pieces, UTF-8, characters that no text holds. Must never know: what the bytes mean, but for white space.
//!
//! Columns are counted in characters, and only when somebody asks: a line may be as long as the text.

use std::str;

use super::stop::Stop;
use crate::base::diag::Diagnostic;
use crate::base::far::Pieces;
use crate::base::source::{SourceId, Span};
use crate::input::text;

/// How much is read at once.
const PIECE: usize = 1 << 20;

/// Where a text is read.
pub(in crate::input) struct Cursor<'f> {
    pub(in crate::input) source: SourceId,
    name: String,
    pieces: Box<dyn Pieces + 'f>,
    /// A piece: whole characters up to `end`, and the bytes of a cut one up to `filled`.
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    filled: usize,
    line: u32,
    /// Characters of the line before `counted`.
    column: u32,
    counted: usize,
    /// Bytes before the buffer.
    before: u64,
    /// What is wrong with the text from `end` on.
    wrong: Option<Box<Diagnostic>>,
}

impl<'f> Cursor<'f> {
    /// At the beginning of a text.
    pub(in crate::input) fn new(
        source: SourceId,
        name: &str,
        pieces: Box<dyn Pieces + 'f>,
    ) -> Self {
        Self {
            source,
            name: name.to_owned(),
            pieces,
            buffer: vec![0; PIECE],
            at: 0,
            end: 0,
            filled: 0,
            line: 1,
            column: 0,
            counted: 0,
            before: 0,
            wrong: None,
        }
    }

    /// The text.
    pub(in crate::input) fn source(&self) -> SourceId {
        self.source
    }

    /// How many bytes were read.
    pub(in crate::input) fn bytes(&self) -> u64 {
        self.before + self.at as u64
    }

    /// Where it is.
    pub(in crate::input) fn place(&mut self) -> Span {
        self.count(self.at);
        Span {
            source: self.source,
            start: self.line,
            end: self.column.saturating_add(1),
        }
    }

    /// Counts the characters of the line up to there.
    fn count(&mut self, upto: usize) {
        let passed = &self.buffer[self.counted..upto];
        let begins = |b: &&u8| (**b).cast_signed() >= -0x40;
        let count = passed.iter().filter(begins).count();
        self.column = self.column.saturating_add(count as u32);
        self.counted = upto;
    }

    /// The next byte, which stays.
    pub(in crate::input) fn peek(&mut self) -> Result<Option<u8>, Stop> {
        if self.at == self.end && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    /// What is left of the piece, never nothing but at the end.
    pub(in crate::input) fn rest(&mut self) -> Result<&[u8], Stop> {
        if self.at == self.end {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// Goes on by so many bytes of the piece, none of which ends a line.
    pub(in crate::input) fn advance(&mut self, count: usize) {
        self.at += count;
    }

    /// Goes on behind the end of a line.
    fn next_line(&mut self) {
        self.at += 1;
        self.line = self.line.saturating_add(1);
        self.column = 0;
        self.counted = self.at;
    }

    /// The next byte that is no white space, which stays.
    pub(in crate::input) fn next(&mut self) -> Result<Option<u8>, Stop> {
        loop {
            while self.at < self.end {
                match self.buffer[self.at] {
                    b'\n' => self.next_line(),
                    b' ' | b'\t' | b'\r' => self.at += 1,
                    byte => return Ok(Some(byte)),
                }
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// A line without its end, as far as it is not longer than allowed; none at the end of the text.
    pub(in crate::input) fn take_line(
        &mut self,
        into: &mut Vec<u8>,
        longest: usize,
    ) -> Result<bool, Stop> {
        into.clear();
        let mut any = false;
        while let Some(byte) = self.peek()? {
            any = true;
            let rest = &self.buffer[self.at..self.end];
            if byte == b'\n' {
                self.next_line();
                break;
            }
            let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            let room = longest.saturating_sub(into.len()).min(length);
            into.extend_from_slice(&rest[..room]);
            self.at += length;
        }
        Ok(any)
    }

    /// The line that is read next.
    pub(in crate::input) fn line(&self) -> u32 {
        self.line
    }

    /// Skips a byte order mark at the beginning.
    pub(in crate::input) fn skip_mark(&mut self) -> Result<(), Stop> {
        if self.rest()?.starts_with("\u{feff}".as_bytes()) {
            self.at += 3;
        }
        Ok(())
    }

    /// Skips a string from its first quote to its last.
    pub(in crate::input) fn skip_string(&mut self) -> Result<(), Stop> {
        let begin = self.place();
        self.at += 1;
        loop {
            let rest = &self.buffer[self.at..self.end];
            let special = rest
                .iter()
                .position(|b| matches!(b, b'"' | b'\\' | b'\n' | b'\r' | b'\t'));
            let Some(length) = special else {
                self.at = self.end;
                if !self.fill()? {
                    return Err(Stop::at("I005", begin, "the quote is never closed"));
                }
                continue;
            };
            self.at += length;
            match self.buffer[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    if self.peek()?.is_none() {
                        return Err(Stop::at("I005", begin, "the quote is never closed"));
                    }
                    self.at += 1;
                }
                _ => {
                    let place = self.place();
                    return Err(Stop::at("I005", place, "a string ends on its line"));
                }
            }
        }
    }

    /// Skips a list or an object, looking at brackets and quotes only; how deep it may still go.
    pub(in crate::input) fn skip_nested(&mut self, depth: usize) -> Result<(), Stop> {
        let begin = self.place();
        // One bit for each open bracket: whether it is that of an object.
        let mut open: u128 = 0;
        let mut count = 0;
        loop {
            let mut at = self.at;
            // Most of a text is neither: stay in this loop for it.
            while at < self.end && !SPECIAL[self.buffer[at] as usize] {
                at += 1;
            }
            self.at = at;
            if at == self.end {
                if !self.fill()? {
                    return Err(Stop::at("I005", begin, "it is never closed"));
                }
                continue;
            }
            match self.buffer[at] {
                b'\n' => self.next_line(),
                b'"' => self.skip_string()?,
                byte @ (b'{' | b'[') => {
                    if count >= depth {
                        let place = self.place();
                        return Err(Stop::deep(place));
                    }
                    open = open << 1 | u128::from(byte == b'{');
                    count += 1;
                    self.at += 1;
                }
                byte => {
                    if (open & 1 == 1) != (byte == b'}') {
                        let place = self.place();
                        let message = "the bracket closes what was not opened";
                        return Err(Stop::at("I005", place, message));
                    }
                    open >>= 1;
                    count -= 1;
                    self.at += 1;
                    if count == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads the next piece; false at the end.
    fn fill(&mut self) -> Result<bool, Stop> {
        if let Some(wrong) = self.wrong.take() {
            let place = self.place();
            let mut wrong = *wrong;
            if wrong.file.is_none() {
                wrong.span = Some(place);
            }
            return Err(Stop(Box::new(wrong)));
        }
        self.count(self.end);
        self.before += self.end as u64;
        let kept = self.filled - self.end;
        self.buffer.copy_within(self.end..self.filled, 0);
        (self.at, self.counted, self.end, self.filled) = (0, 0, 0, kept);
        let mut read = 1;
        // Pipes give little at once.
        while read > 0 && self.filled < PIECE {
            let room = &mut self.buffer[self.filled..];
            read = self.pieces.next(room).map_err(|why| {
                let message = format!("it cannot be read: {why}");
                Stop(Box::new(Diagnostic::error_in(
                    "I004",
                    Some(self.name.clone()),
                    message,
                )))
            })?;
            self.filled += read;
        }
        self.check();
        if self.end == 0 && self.wrong.is_some() {
            return self.fill();
        }
        Ok(self.end > 0)
    }

    /// How much of the buffer is text, in whole characters.
    fn check(&mut self) {
        let bytes = &self.buffer[..self.filled];
        let good = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let upto = error.valid_up_to();
                let whole = self.filled == PIECE;
                if error.error_len().is_some() || !whole {
                    let at = self.before + upto as u64 + 1;
                    let message = format!("not UTF-8: byte {at} is 0x{:02x}", bytes[upto]);
                    let name = Some(self.name.clone());
                    let wrong = Diagnostic::error_in("I002", name, message);
                    self.wrong = Some(Box::new(wrong.help("save it as UTF-8")));
                }
                str::from_utf8(&bytes[..upto]).unwrap_or_default()
            }
        };
        self.end = good.len();
        if let Some((at, c)) = text::control(good) {
            self.end = at;
            let place = Span::line(self.source, 1);
            self.wrong = Some(Box::new(text::no_text(place, c)));
        }
    }
}

/// Bytes that end the long run between them.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    table[b'\n' as usize] = true;
    table[b'"' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table
};
