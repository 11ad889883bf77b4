//! Before parsing: is it text at all, and where do its documents begin?
//!
//! Knows: bytes and lines. Must never know: YAML values, objects.
//!
//! Documents are split as the API server's reader splits them, by lines that begin with `---`, before anything is
//! parsed: anchors do not cross documents, and a mistake in one leaves the next readable.

use std::ops::Range;

use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};

/// Spans are 32 bits wide; a text this large is refused whatever the user allows.
pub const HARD_LIMIT: u64 = 1 << 30;

/// The first character that no text file holds, told.
pub fn check(source: SourceId, text: &str) -> Option<Diagnostic> {
    let (at, c) = control(text)?;
    let span = Span {
        source,
        start: at as u32,
        end: (at + c.len_utf8()) as u32,
    };
    Some(no_text(span, c))
}

/// That a text holds a character that no text file holds.
pub fn no_text(span: Span, c: char) -> Diagnostic {
    let message = format!("not a text file: it holds the character U+{:04X}", c as u32);
    Diagnostic::error("I001", span, message)
        .help("inside double quotes a character can be written as an escape such as `\\x07`")
}

/// The first character that no text file holds, and the byte where it is.
pub fn control(text: &str) -> Option<(usize, char)> {
    // Nearly every text has none, which is seen many bytes at a time.
    #[expect(clippy::needless_bitwise_bool, reason = "branches would cost more")]
    let odd = |b: u8| {
        (b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r')
            | (b == 0x7f)
            | (b == 0xc2)
            | (b == 0xef)
    };
    let mut blocks = text.as_bytes().chunks(4096);
    if !blocks.any(|block| block.iter().fold(false, |any, b| any | odd(*b))) {
        return None;
    }
    let bytes = text.as_bytes();
    let at = bytes.iter().enumerate().position(|(i, &b)| match b {
        b'\t' | b'\n' | b'\r' => false,
        0..=0x1f | 0x7f => true,
        // The upper control block without NEL, and the two non-characters.
        0xc2 => matches!(bytes.get(i + 1), Some(0x80..=0x84 | 0x86..=0x9f)),
        0xef => matches!(bytes.get(i + 1..i + 3), Some([0xbf, 0xbe | 0xbf])),
        _ => false,
    })?;
    Some((at, text[at..].chars().next()?))
}

/// The documents of a text as byte ranges, without those that hold nothing but blank lines and comments.
pub fn documents(
    source: SourceId,
    text: &str,
    mut tell: impl FnMut(Diagnostic),
) -> Vec<Range<usize>> {
    let begin = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut documents = Vec::new();
    let mut start = begin;
    let mut holds = false;
    let mut at = begin;
    for line in text[begin..].split_inclusive('\n') {
        let end = at + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            if holds {
                documents.push(start..at);
            }
            let junk = rest.trim();
            if !junk.is_empty() && !junk.starts_with('#') {
                let from = end - rest.len() + (rest.len() - rest.trim_start().len());
                let span = Span {
                    source,
                    start: from as u32,
                    end: (from + junk.len()) as u32,
                };
                let diagnostic = Diagnostic::error(
                    "I007",
                    span,
                    "only a comment may follow the document separator `---`",
                );
                tell(diagnostic.help("start the document on the next line"));
            }
            (start, holds) = (end, false);
        } else if !holds {
            let content = line.trim_start();
            holds = !content.is_empty() && !content.starts_with('#');
        }
        at = end;
    }
    if holds {
        documents.push(start..text.len());
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::source::SourceMap;

    fn split(text: &str) -> (Vec<String>, usize) {
        let mut map = SourceMap::new();
        let id = map.add("t", text);
        let mut told = 0;
        let ranges = documents(id, text, |_| told += 1);
        (
            ranges.into_iter().map(|r| text[r].to_owned()).collect(),
            told,
        )
    }

    #[test]
    fn splits_by_lines() {
        assert_eq!(split("a: 1\n--- # x\nb: 2\n").0, ["a: 1\n", "b: 2\n"]);
        assert_eq!(split("\u{feff}---\r\na: 1\r\n---\r\n").0, ["a: 1\r\n"]);
        assert_eq!(split("# only\n---\n\n---\n").0, [""; 0]);
        assert_eq!(split("a: |\n  ---\nb: 1").0.len(), 1);
        assert_eq!(split("--- a: 1\nb: 2").1, 1);
        assert_eq!(split("---foo\n").1, 1);
        assert_eq!(split("").0.len(), 0);
    }

    #[test]
    fn control_characters() {
        let mut map = SourceMap::new();
        let id = map.add("t", "");
        for bad in ["a\0", "\x1b[0m", "\x7f", "\u{80}", "\u{fffe}", "\u{ffff}"] {
            assert!(check(id, bad).is_some(), "{bad:?}");
        }
        for good in ["", "a\tb\r\n", "\u{85}", "é\u{a0}\u{feff}", "\u{fffd}日本"] {
            assert!(check(id, good).is_none(), "{good:?}");
        }
    }
}
