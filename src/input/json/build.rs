//! JSON to tree, value by value.
//!
//! Knows: the grammar, limits, which values are skipped. Must never know: objects and kinds.
//!
//! As in `yaml`, children wait in `pending` until their list or object is closed, and then lie side by side.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::skip::Part;
use super::{MAX_DEPTH, MAX_NODES, MAX_STRING};
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::input::yaml::scalar::{self, Scalar};
use crate::input::yaml::tree::{Kind, Row, Tree};

/// Up to so many entries are compared each with each.
const FEW: usize = 8;
/// No number that anybody means is longer.
const MAX_NUMBER: usize = 4096;

/// Why a text cannot be read on.
#[derive(Debug)]
pub(in crate::input) struct Stop(pub(in crate::input) Box<Diagnostic>);

impl Stop {
    /// A mistake at a place.
    pub(in crate::input) fn at(code: &'static str, place: Span, message: &str) -> Self {
        Self(Box::new(Diagnostic::error(code, place, message)))
    }

    pub(in crate::input) fn deep(place: Span) -> Self {
        let message = format!("lists and objects lie more than {MAX_DEPTH} deep in each other");
        Self::at("I013", place, &message)
    }
}

/// A tree in the making.
#[derive(Debug)]
pub(in crate::input) struct Builder {
    tree: Tree,
    pending: Vec<Row>,
    word: Vec<u8>,
}

impl Builder {
    /// Nothing yet.
    pub(in crate::input) fn new(source: SourceId) -> Self {
        Self {
            tree: Tree::new(source),
            pending: Vec::new(),
            word: Vec::new(),
        }
    }

    /// Forgets everything, to be used again.
    pub(in crate::input) fn clear(&mut self) {
        self.tree.rows.clear();
        self.tree.pool.clear();
        self.pending.clear();
    }

    /// What was made.
    pub(in crate::input) fn into_tree(self) -> Tree {
        self.tree
    }

    /// Reads a value as the top of the tree.
    pub(in crate::input) fn top(
        &mut self,
        text: &mut Cursor<'_>,
        part: Part,
        problems: &mut Problems,
    ) -> Result<Node<'_>, Stop> {
        let row = self.value(text, part, 0, problems)?;
        let at = self.tree.rows.len() as u32;
        self.tree.rows.push(row);
        Ok(self.tree.node(at))
    }

    /// A list without items, or one whose items are nobody's concern any more.
    pub(in crate::input) fn empty_list(&mut self, place: Span) -> Row {
        self.close(Kind::Seq, place, self.pending.len())
    }

    /// Whether it is a text.
    pub(in crate::input) fn is_text(row: Row) -> bool {
        row.kind == Kind::Str
    }

    /// Reads a key and the colon behind it.
    pub(in crate::input) fn key(&mut self, text: &mut Cursor<'_>) -> Result<Row, Stop> {
        if text.next()? != Some(b'"') {
            return Err(unexpected(text, "a key in double quotes"));
        }
        let key = self.string(text)?;
        if text.next()? != Some(b':') {
            return Err(unexpected(text, "`:`"));
        }
        text.advance(1);
        Ok(key)
    }

    /// The text of a key.
    pub(in crate::input) fn text_of(&self, key: Row) -> &str {
        self.tree.str_of(key)
    }

    /// Makes the top of entries that were read one by one; tells those that are there twice.
    pub(in crate::input) fn object(
        &mut self,
        begin: Span,
        entries: Vec<Row>,
        problems: &mut Problems,
    ) -> u32 {
        let first = self.pending.len();
        self.pending.extend(entries);
        self.unique(first, problems);
        let row = self.close(Kind::Map, begin, first);
        self.tree.rows.push(row);
        self.tree.rows.len() as u32 - 1
    }

    /// Reads a value: its row, whose children are in the tree.
    pub(in crate::input) fn value(
        &mut self,
        text: &mut Cursor<'_>,
        part: Part,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Row, Stop> {
        let first = text.next()?;
        let place = text.place();
        let many = self.tree.rows.len() + self.pending.len();
        if many >= MAX_NODES && many as u64 >= MAX_NODES as u64 + text.bytes() / 4 {
            let message = format!("more than {many} values in so short a file");
            return Err(Stop::at("I014", place, &message));
        }
        if depth >= MAX_DEPTH && matches!(first, Some(b'{' | b'[')) {
            return Err(Stop::deep(place));
        }
        match first {
            Some(b'{') if part == Part::Nothing => {
                text.skip_nested(MAX_DEPTH - depth)?;
                Ok(self.close(Kind::Map, place, self.pending.len()))
            }
            Some(b'[') if part == Part::Nothing => {
                text.skip_nested(MAX_DEPTH - depth)?;
                Ok(self.close(Kind::Seq, place, self.pending.len()))
            }
            Some(b'"') if part == Part::Nothing => {
                text.skip_string()?;
                Ok(self.scalar(Scalar::Str, "", place))
            }
            Some(b'{') => self.map(text, part, place, depth, problems),
            Some(b'[') => self.list(text, part, place, depth, problems),
            Some(b'"') => self.string(text),
            _ => self.plain(text, place),
        }
    }

    fn list(
        &mut self,
        text: &mut Cursor<'_>,
        part: Part,
        place: Span,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Row, Stop> {
        text.advance(1);
        let first = self.pending.len();
        if text.next()? == Some(b']') {
            text.advance(1);
            return Ok(self.close(Kind::Seq, place, first));
        }
        loop {
            let row = self.value(text, part, depth + 1, problems)?;
            self.pending.push(row);
            if !more(text, b']')? {
                return Ok(self.close(Kind::Seq, place, first));
            }
        }
    }

    fn map(
        &mut self,
        text: &mut Cursor<'_>,
        mut part: Part,
        place: Span,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Row, Stop> {
        text.advance(1);
        let first = self.pending.len();
        if text.next()? == Some(b'}') {
            text.advance(1);
            return Ok(self.close(Kind::Map, place, first));
        }
        loop {
            let key = self.key(text)?;
            let below = part.below(self.tree.str_of(key));
            let value = self.value(text, below, depth + 1, problems)?;
            if value.kind == Kind::Str {
                part = part.told(self.tree.str_of(key), self.tree.str_of(value));
            }
            self.pending.extend([key, value]);
            if !more(text, b'}')? {
                self.unique(first, problems);
                return Ok(self.close(Kind::Map, place, first));
            }
        }
    }

    /// The children since `first` become those of a list or an object.
    fn close(&mut self, kind: Kind, place: Span, first: usize) -> Row {
        let row = Row {
            start: place.start,
            end: place.end,
            kind,
            a: self.tree.rows.len() as u32,
            b: (self.pending.len() - first) as u32,
        };
        self.tree.rows.extend(self.pending.drain(first..));
        row
    }

    fn scalar(&mut self, kind: Scalar, value: &str, place: Span) -> Row {
        let (kind, bits) = match kind {
            Scalar::Null => (Kind::Null, 0),
            Scalar::Bool(truth) => (Kind::Bool, u64::from(truth)),
            Scalar::Int(n) => (Kind::Int, n.cast_unsigned()),
            Scalar::UInt(n) => (Kind::UInt, n),
            Scalar::Float(n) => (Kind::Float, n.to_bits()),
            Scalar::Str => {
                let offset = self.tree.pool.len() as u64;
                self.tree.pool.push_str(value);
                (Kind::Str, offset << 32 | value.len() as u64)
            }
        };
        Row {
            start: place.start,
            end: place.end,
            kind,
            a: (bits >> 32) as u32,
            b: bits as u32,
        }
    }

    /// A number, `true`, `false` or `null`.
    fn plain(&mut self, text: &mut Cursor<'_>, place: Span) -> Result<Row, Stop> {
        self.word.clear();
        let within = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_');
        loop {
            let rest = text.rest()?;
            let length = rest.iter().take_while(|b| within(b)).count();
            let ended = length < rest.len() || rest.is_empty();
            self.word.extend_from_slice(&rest[..length]);
            text.advance(length);
            if ended || self.word.len() > MAX_NUMBER {
                break;
            }
        }
        let word = std::mem::take(&mut self.word);
        let spelled = str::from_utf8(&word).unwrap_or_default();
        let known = matches!(spelled, "true" | "false" | "null") || is_number(spelled);
        if !known {
            if word.is_empty() {
                return Err(unexpected(text, "a value"));
            }
            let message = format!("expected a value, found {}", show(spelled));
            return Err(Stop::at("I005", place, &message));
        }
        let row = self.scalar(scalar::plain(spelled), spelled, place);
        self.word = word;
        Ok(row)
    }

    fn string(&mut self, text: &mut Cursor<'_>) -> Result<Row, Stop> {
        let place = text.place();
        text.advance(1);
        self.word.clear();
        loop {
            let rest = text.rest()?;
            if rest.is_empty() {
                return Err(Stop::at("I005", place, "the quote is never closed"));
            }
            let special = rest.iter().position(|b| matches!(b, b'"' | b'\\' | ..b' '));
            let length = special.unwrap_or(rest.len());
            self.word.extend_from_slice(&rest[..length]);
            text.advance(length);
            if self.word.len() > MAX_STRING || self.tree.pool.len() > u32::MAX as usize / 2 {
                let message = format!("a string is longer than {MAX_STRING} bytes");
                return Err(Stop::at("I014", place, &message));
            }
            match special.and(text.peek()?) {
                None => {}
                Some(b'"') => {
                    text.advance(1);
                    break;
                }
                Some(b'\\') => self.escape(text)?,
                Some(_) => {
                    let place = text.place();
                    return Err(Stop::at("I005", place, "a string ends on its line"));
                }
            }
        }
        let word = std::mem::take(&mut self.word);
        // Pieces are cut between characters, and escapes are whole ones.
        let spelled = str::from_utf8(&word).unwrap_or_default();
        let row = self.scalar(Scalar::Str, spelled, place);
        self.word = word;
        Ok(row)
    }

    fn escape(&mut self, text: &mut Cursor<'_>) -> Result<(), Stop> {
        let place = text.place();
        text.advance(1);
        let bad = || Stop::at("I005", place, "an escape that JSON does not have");
        let c = text.peek()?.ok_or_else(bad)?;
        text.advance(1);
        let c = match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = hex(text)?.ok_or_else(bad)?;
                if (0xd800..0xdc00).contains(&high) {
                    // Half a character, which the next escape makes whole.
                    let next = text.peek()? == Some(b'\\');
                    text.advance(usize::from(next));
                    let next = next && text.peek()? == Some(b'u');
                    text.advance(usize::from(next));
                    let low = if next { hex(text)? } else { None };
                    let low = low.filter(|low| (0xdc00..0xe000).contains(low));
                    let low = low.ok_or_else(bad)?;
                    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                } else {
                    char::from_u32(high)
                }
                .ok_or_else(bad)?
            }
            _ => return Err(bad()),
        };
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).as_bytes();
        self.word.extend_from_slice(bytes);
        Ok(())
    }

    /// Tells keys that are there twice and keeps the first of them.
    fn unique(&mut self, first: usize, problems: &mut Problems) {
        let keys = || self.pending[first..].iter().step_by(2).enumerate();
        let spelled = |key: &Row| self.tree.str_of(*key);
        let mut twice: Vec<(usize, usize)> = Vec::new();
        if self.pending.len() - first <= 2 * FEW {
            for (i, key) in keys() {
                let same = |(_, other): &(usize, &Row)| spelled(other) == spelled(key);
                twice.extend(keys().take(i).find(same).map(|(j, _)| (j, i)));
            }
        } else {
            let mut seen: HashMap<&str, usize> = HashMap::new();
            for (i, key) in keys() {
                let j = *seen.entry(spelled(key)).or_insert(i);
                twice.extend((j < i).then_some((j, i)));
            }
        }
        for (j, i) in &twice {
            let (kept, again) = (self.pending[first + 2 * j], self.pending[first + 2 * i]);
            if problems.skips() {
                continue;
            }
            let message = format!("the key {} is there twice", show(self.tree.str_of(again)));
            let diagnostic = Diagnostic::error("I008", self.tree.span_of(again), message);
            problems.push(diagnostic.related(self.tree.span_of(kept), "first written here"));
        }
        for (_, i) in twice.into_iter().rev() {
            self.pending.drain(first + 2 * i..first + 2 * i + 2);
        }
    }
}

/// Four digits.
fn hex(text: &mut Cursor<'_>) -> Result<Option<u32>, Stop> {
    let mut number = 0;
    for _ in 0..4 {
        let digit = text.peek()?.and_then(|b| char::from(b).to_digit(16));
        let Some(digit) = digit else {
            return Ok(None);
        };
        text.advance(1);
        number = number * 16 + digit;
    }
    Ok(Some(number))
}

/// Behind an item: whether there is one more, or the list or object ends.
pub(in crate::input) fn more(text: &mut Cursor<'_>, end: u8) -> Result<bool, Stop> {
    match text.next()? {
        Some(b',') => {
            text.advance(1);
            Ok(true)
        }
        Some(byte) if byte == end => {
            text.advance(1);
            Ok(false)
        }
        _ => Err(unexpected(text, &format!("`,` or `{}`", char::from(end)))),
    }
}

pub(in crate::input) fn unexpected(text: &mut Cursor<'_>, wanted: &str) -> Stop {
    let found = match text.peek() {
        Err(stop) => return stop,
        Ok(None) => "the end of the file".to_owned(),
        Ok(Some(_)) => {
            let rest = text.rest().unwrap_or_default();
            let rest = &rest[..rest.len().min(4)];
            let c = String::from_utf8_lossy(rest).chars().next();
            show(&c.map(String::from).unwrap_or_default())
        }
    };
    let message = format!("expected {wanted}, found {found}");
    Stop::at("I005", text.place(), &message)
}

/// JSON's own grammar of numbers.
fn is_number(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
