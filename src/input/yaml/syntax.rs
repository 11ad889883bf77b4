//! What the parser's complaints mean to a person.
//!
//! Knows: the parser's error kinds. Must never know: trees, objects.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use super::{MAX_DEPTH, at};
use crate::base::diag::Diagnostic;
use crate::base::source::SourceId;

/// A syntax error of the document at a place of the text.
pub(super) fn diagnostic(
    source: SourceId,
    text: &str,
    range: Range<usize>,
    error: &ScanError,
) -> Diagnostic {
    let offset = range.start + error.marker().byte_offset().unwrap_or(0);
    let (code, mut message, help) = describe(error.kind());
    let document = text.get(range.clone()).unwrap_or_default();
    let offset = if code == "I006" {
        tab(text, offset.min(text.len()))
    } else if offset < range.end {
        offset
    } else {
        if matches!(error.kind(), ErrorKind::InvalidQuotedScalarIndent) {
            "the quote is never closed".clone_into(&mut message);
        }
        range.start + document.trim_end().len()
    };
    let span = at(source, text, offset);
    let diagnostic = Diagnostic::error(code, span, message);
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The tab that is meant: the parser may point to the end of the line before.
fn tab(text: &str, offset: usize) -> usize {
    let start = text
        .get(..offset)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |i| i + 1);
    let mut at = start;
    for line in text
        .get(start..)
        .unwrap_or_default()
        .split_inclusive('\n')
        .take(3)
    {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..blank].find('\t') {
            return at + tab;
        }
        at += line.len();
    }
    offset
}

fn describe(kind: &ErrorKind) -> (&'static str, String, Option<&'static str>) {
    use ErrorKind as K;
    let (message, help) = match kind {
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabInIndentation
        | K::TabInPlainScalar
        | K::TabAtBlockScalarStart => {
            let message = "a tab stands where only spaces may indent";
            return (
                "I006",
                message.to_owned(),
                Some("YAML is indented with spaces"),
            );
        }
        K::RecursionLimitExceeded => {
            let message = format!("lists and objects lie more than {MAX_DEPTH} deep in each other");
            return ("I013", message, None);
        }
        K::UnclosedFlowCollection { open } => {
            return (
                "I005",
                format!("the bracket `{open}` is never closed"),
                None,
            );
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            let message = format!("the bracket `{open}` is closed by `{close}`");
            return ("I005", message, None);
        }
        K::UnexpectedCharacter { character } => {
            let message = format!(
                "the character `{}` cannot begin a value",
                character.escape_default()
            );
            return ("I005", message, Some("put the value in quotes"));
        }
        K::UnexpectedEofFlowSequence => ("the list is never closed", Some("close it with `]`")),
        K::UnexpectedEofFlowMapping | K::UnexpectedEofImplicitFlowMapping => {
            ("the object is never closed", Some("close it with `}`"))
        }
        K::MisplacedFlowCollectionEnd => ("a bracket is closed that was never opened", None),
        K::UnclosedQuotedScalar => ("the quote is never closed", None),
        K::ExpectedFlowMappingSeparator => ("expected `,` or `}` here", None),
        K::ExpectedFlowSequenceSeparator => ("expected `,` or `]` here", None),
        K::ExpectedBlockMappingKey => (
            "expected a key of the object above here",
            Some("is the indentation the same as that of the other keys?"),
        ),
        K::ExpectedBlockSequenceEntry => (
            "expected another `-` of the list above here",
            Some("is the indentation the same as that of the other entries?"),
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey => (
            "expected `:` after the key",
            Some("write `key: value`, with a space after the colon"),
        ),
        K::MappingValueNotAllowed | K::MappingKeyNotAllowed => (
            "a key may not stand here",
            Some("a value that holds `: ` wants quotes"),
        ),
        K::BlockSequenceEntryNotAllowed | K::BlockEntryInFlowCollection => {
            ("a list entry `-` may not stand here", None)
        }
        K::InvalidIndentation => ("the indentation fits nothing above", None),
        K::UnknownQuotedScalarEscape => (
            "no such escape in double quotes",
            Some("a backslash itself is written `\\\\`; single quotes know no escapes"),
        ),
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            ("only a comment may follow the closing quote", None)
        }
        K::DirectiveDisallowed => (
            "directives (lines that begin with `%`) are not read",
            Some("remove the line"),
        ),
        K::ExpectedDocumentStart | K::InvalidDocumentEnd => (
            "something follows the end of the document",
            Some("documents are separated by a line `---`"),
        ),
        K::BomInsideDocument => (
            "a byte order mark may stand only at the very beginning",
            None,
        ),
        K::CommentNotSeparated => ("a comment wants a space before its `#`", None),
        other => {
            let plain = other.to_string();
            return (
                "I005",
                format!("no YAML: {}", plain.trim_end_matches('.')),
                None,
            );
        }
    };
    ("I005", message.to_owned(), help)
}
