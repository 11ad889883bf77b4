//! JSON to tree, value by value.
//!
//! Knows: the grammar, limits, which values are skipped. Must never know: objects and kinds.
//!
//! As in `yaml`, children wait in `pending` until their list or object is closed, and then lie side by side.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::skip::Part;
use super::stop::Stop;
use super::token::{self, more, unexpected};
use super::{MAX_DEPTH, MAX_NODES};
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::input::yaml::scalar::{self, Scalar};
use crate::input::yaml::tree::{Kind, Row, Tree};

/// Up to so many entries are compared each with each.
const FEW: usize = 8;

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
        let mut word = std::mem::take(&mut self.word);
        token::plain(text, place, &mut word)?;
        let spelled = str::from_utf8(&word).unwrap_or_default();
        let row = self.scalar(scalar::plain(spelled), spelled, place);
        self.word = word;
        Ok(row)
    }

    fn string(&mut self, text: &mut Cursor<'_>) -> Result<Row, Stop> {
        let place = text.place();
        let mut word = std::mem::take(&mut self.word);
        token::string(text, place, &mut word)?;
        if self.tree.pool.len() > u32::MAX as usize / 2 {
            return Err(Stop::at("I014", place, "too much text in one object"));
        }
        // Pieces are cut between characters, and escapes are whole ones.
        let spelled = str::from_utf8(&word).unwrap_or_default();
        let row = self.scalar(Scalar::Str, spelled, place);
        self.word = word;
        Ok(row)
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
