//! Named texts and byte ranges into them.
//!
//! Knows: names, texts, lines and columns. Must never know: files on disk, any domain word.

/// One text of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A byte range in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
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
}

impl Source {
    /// The name as the user gave it (a path, or `-` for standard input).
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
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
        });
        SourceId(self.sources.len() as u32 - 1)
    }

    /// The text of an id that this map handed out.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// All texts with their ids, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources
            .iter()
            .enumerate()
            .map(|(i, s)| (SourceId(i as u32), s))
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
