//! Named texts and places in them.
//!
//! Knows: names, texts, lines and columns. Must never know: files on disk, any domain word.
//!
//! A text that is held is spoken of in bytes; one that is too large to hold ([`Far`]) in lines and columns, which need
//! no table of line ends and know no limit of four gigabytes.

use std::sync::Arc;

use super::far::{Excerpt, Far};

/// Marks the ids of texts that are not held.
const FAR: u32 = 1 << 31;

/// One text of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

impl SourceId {
    /// Whether the text is not held: then a span in it is a line and a column.
    pub fn is_far(self) -> bool {
        self.0 & FAR != 0
    }

    fn index(self) -> usize {
        (self.0 & !FAR) as usize
    }
}

/// A byte range in one text that is held; a line and a column, both from 1, in one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte; the line.
    pub start: u32,
    /// One past the last byte; the column.
    pub end: u32,
}

impl Span {
    /// The beginning of a line of a text that is not held.
    pub fn line(source: SourceId, line: u32) -> Self {
        Self {
            source,
            start: line,
            end: 1,
        }
    }

    /// Where it begins.
    #[must_use]
    pub fn beginning(self) -> Self {
        if self.source.is_far() {
            return self;
        }
        Self {
            end: self.start,
            ..self
        }
    }
}

/// A place as people and JSON say it: both numbers count from 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineCol {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One named text.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<u32>,
    far: Option<Arc<dyn Far>>,
}

impl Source {
    /// The name as the user gave it (a path, or `-` for standard input).
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The whole text; nothing of one that is not held.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The text, where it is not held.
    pub fn far(&self) -> Option<&dyn Far> {
        self.far.as_deref()
    }
}

/// All texts of a run, by [`SourceId`].
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text; positions are byte offsets, so a text holds at most 4 GiB (callers bound it far lower).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let mut line_starts = vec![0];
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                line_starts.push(at as u32 + 1);
            }
        }
        self.sources.push(Source {
            name: name.into(),
            text,
            line_starts,
            far: None,
        });
        SourceId(self.sources.len() as u32 - 1)
    }

    /// Adds a text that is not held.
    pub fn add_far(&mut self, name: impl Into<String>, far: Arc<dyn Far>) -> SourceId {
        self.sources.push(Source {
            name: name.into(),
            text: String::new(),
            line_starts: vec![0],
            far: Some(far),
        });
        SourceId((self.sources.len() as u32 - 1) | FAR)
    }

    /// The text of an id that this map handed out.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.index()]
    }

    /// All texts with their ids, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(i, s)| {
            (
                SourceId(i as u32 | if s.far.is_some() { FAR } else { 0 }),
                s,
            )
        })
    }

    /// Where a span begins.
    pub fn place(&self, span: Span) -> LineCol {
        if span.source.is_far() {
            return LineCol {
                line: span.start.max(1) as usize,
                column: span.end.max(1) as usize,
            };
        }
        self.line_col(span.source, span.start)
    }

    /// The line that a span begins in, or what can be seen of it.
    pub fn excerpt(&self, span: Span) -> Excerpt {
        if let Some(far) = &self.get(span.source).far {
            let found = far.excerpt(span.start, span.end);
            return found.unwrap_or(Excerpt {
                text: String::new(),
                column: span.end.max(1) as usize,
            });
        }
        let line = self.line_col(span.source, span.start).line;
        Excerpt {
            text: self.line_text(span.source, line).to_owned(),
            column: 1,
        }
    }

    /// Where a byte offset stands.
    pub fn line_col(&self, id: SourceId, offset: u32) -> LineCol {
        let source = self.get(id);
        let line = source.line_starts.partition_point(|&start| start <= offset);
        let start = source.line_starts[line - 1] as usize;
        let mut upto = (offset as usize).min(source.text.len());
        while !source.text.is_char_boundary(upto) {
            upto -= 1;
        }
        LineCol {
            line,
            column: source.text[start.min(upto)..upto].chars().count() + 1,
        }
    }

    /// The text of a line (from 1) without its end.
    pub fn line_text(&self, id: SourceId, line: usize) -> &str {
        let source = self.get(id);
        let start = source
            .line_starts
            .get(line - 1)
            .map_or(source.text.len(), |&s| s as usize);
        let end = source
            .line_starts
            .get(line)
            .map_or(source.text.len(), |&s| s as usize);
        source.text[start..end].trim_end_matches(['\n', '\r'])
    }
}
