//! A diagnostic for standard error: `error[CODE]: message`, `  --> file:line:column`, the lines it is about, help.
//!
//! Knows: terminals, widths, what must not reach a terminal. Must never know: which stage said it, any domain word.
//!
//! Written by hand: annotate-snippets shifts the arrow with the width of the line numbers, and `formats.md` fixes it.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use crate::base::diag::{Diagnostic, Severity};
use crate::base::far::Excerpt;
use crate::base::source::{LineCol, SourceMap, Span};

/// Wider lines are cropped around what they are about.
const WIDTH: usize = 120;
/// How much is shown before the place in a cropped line.
const BEFORE: usize = 40;
const TAB: usize = 4;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[1;34m";
const GREEN: &str = "\x1b[1;32m";
const OFF: &str = "\x1b[0m";

/// The text of a diagnostic, with a line end and colours where wanted.
pub fn render(sources: &SourceMap, diagnostic: &Diagnostic, color: bool) -> String {
    let mut out = Out {
        text: String::new(),
        color,
    };
    let (word, style) = match diagnostic.severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", YELLOW),
    };
    out.styled(style, &format!("{word}[{}]", diagnostic.code));
    out.styled(BOLD, &format!(": {}", harmless(&diagnostic.message)));
    out.text.push('\n');
    if let Some(span) = diagnostic.span {
        out.snippet(sources, span, style, diagnostic.related.as_ref());
    } else {
        if let Some(file) = &diagnostic.file {
            out.styled(BLUE, "  --> ");
            out.text.push_str(&harmless(file));
            out.text.push('\n');
        }
        if let Some((span, label)) = &diagnostic.related {
            out.elsewhere(sources, *span, label);
        }
    }
    if let Some(help) = &diagnostic.help {
        out.styled(GREEN, "help");
        let _ = writeln!(out.text, ": {}", harmless(help));
    }
    out.text
}

struct Out {
    text: String,
    color: bool,
}

/// A mark under a line.
struct Mark<'a> {
    at: LineCol,
    span: Span,
    label: &'a str,
    sign: char,
    style: &'static str,
}

impl Out {
    fn styled(&mut self, style: &str, text: &str) {
        if self.color {
            self.text.extend([style, text, OFF]);
        } else {
            self.text.push_str(text);
        }
    }

    fn arrow(&mut self, sources: &SourceMap, span: Span, at: LineCol, arrow: &str) {
        self.styled(BLUE, arrow);
        let name = harmless(sources.get(span.source).name());
        let _ = writeln!(self.text, "{name}:{}:{}", at.line, at.column);
    }

    fn snippet(
        &mut self,
        sources: &SourceMap,
        span: Span,
        style: &'static str,
        related: Option<&(Span, String)>,
    ) {
        let at = sources.place(span);
        self.arrow(sources, span, at, "  --> ");
        let mut marks = vec![Mark {
            at,
            span,
            label: "",
            sign: '^',
            style,
        }];
        if let Some((other, label)) = related
            && other.source == span.source
        {
            let at = sources.place(*other);
            marks.push(Mark {
                at,
                span: *other,
                label,
                sign: '-',
                style: BLUE,
            });
        }
        marks.sort_by_key(|m| m.at);
        let gutter = marks.iter().map(|m| m.at.line.to_string().len()).max();
        // The bar stands to the right of the arrow's head.
        let gutter = gutter.unwrap_or(1).max(2);
        self.bar(gutter);
        self.text.push('\n');
        let mut last: Option<usize> = None;
        for mark in &marks {
            let line = mark.at.line;
            if last.is_some_and(|last| last + 1 < line) {
                self.styled(BLUE, "...\n");
            }
            let view = View::of(&sources.excerpt(mark.span), mark);
            if last != Some(line) || view.cropped {
                self.styled(BLUE, &format!("{line:>gutter$} |"));
                let _ = writeln!(self.text, " {}", view.text);
            }
            last = Some(line);
            self.bar(gutter);
            let _ = write!(self.text, " {:1$}", "", view.indent);
            let mut under: String = std::iter::repeat_n(mark.sign, view.width).collect();
            if !mark.label.is_empty() {
                let _ = write!(under, " {}", harmless(mark.label));
            }
            self.styled(mark.style, &under);
            self.text.push('\n');
        }
        if let Some((other, label)) = related
            && other.source != span.source
        {
            self.elsewhere(sources, *other, label);
        }
    }

    fn bar(&mut self, gutter: usize) {
        self.styled(BLUE, &format!("{:gutter$} |", ""));
    }

    fn elsewhere(&mut self, sources: &SourceMap, span: Span, label: &str) {
        self.styled(BLUE, "note");
        let _ = writeln!(self.text, ": {}", harmless(label));
        let at = sources.place(span);
        self.arrow(sources, span, at, "  --> ");
    }
}

/// A line as it is shown, and where the mark goes below it, in columns of the terminal.
struct View {
    text: String,
    indent: usize,
    width: usize,
    cropped: bool,
}

impl View {
    fn of(excerpt: &Excerpt, mark: &Mark<'_>) -> Self {
        let line = excerpt.text.as_str();
        // From characters to bytes of the line; a hostile line is looked at only around the mark.
        let column = mark.at.column.saturating_sub(excerpt.column);
        let start = line
            .char_indices()
            .nth(column)
            .map_or(line.len(), |(i, _)| i);
        let length = if mark.span.source.is_far() {
            token(&line[start..])
        } else {
            mark.span.end.saturating_sub(mark.span.start) as usize
        };
        let mut end = start.saturating_add(length).min(line.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let mut view = Self {
            text: String::new(),
            indent: 0,
            width: 0,
            cropped: false,
        };
        let mut begin = 0;
        if line.len() > WIDTH && start > BEFORE {
            begin = line[..start]
                .char_indices()
                .rev()
                .nth(BEFORE - 1)
                .map_or(0, |(i, _)| i);
        }
        if begin > 0 || excerpt.column > 1 {
            view.push('…');
            view.indent = 1;
            view.cropped = true;
        }
        let mut shown = view.indent;
        for (i, c) in line[begin..].char_indices().map(|(i, c)| (begin + i, c)) {
            if shown >= WIDTH {
                view.push('…');
                view.cropped = true;
                break;
            }
            let width = view.push(c);
            shown += width;
            if i < start {
                view.indent += width;
            } else if i < end {
                view.width += width;
            }
        }
        view.width = view.width.max(1);
        let kept = view.text.trim_end().len();
        view.text.truncate(kept);
        view
    }

    /// Shows a character, and says how wide it came out.
    fn push(&mut self, c: char) -> usize {
        if c == '\t' {
            self.text.extend(std::iter::repeat_n(' ', TAB));
            return TAB;
        }
        let c = if dangerous(c) { '\u{fffd}' } else { c };
        self.text.push(c);
        c.width().unwrap_or(0)
    }
}

/// How long the JSON token at the beginning of a text is: of a text that is not held only its place is known.
fn token(text: &str) -> usize {
    let mut escaped = false;
    let quoted = text.starts_with('"');
    let ends = |(at, c): &(usize, char)| {
        let ended = if quoted {
            *at > 0 && *c == '"' && !escaped
        } else {
            matches!(c, ',' | ':' | '}' | ']') || c.is_whitespace()
        };
        escaped = *c == '\\' && !escaped;
        ended
    };
    let end = text
        .char_indices()
        .find(ends)
        .map_or(text.len(), |(at, _)| at);
    if quoted {
        (end + 1).min(text.len())
    } else {
        end
    }
}

/// Characters that move the cursor, hide, or turn the text around.
fn dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text on one line that a terminal may be given.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if dangerous(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(source: crate::base::source::SourceId, text: &str, word: &str) -> Span {
        let start = text.rfind(word).map_or(0, |i| i as u32);
        Span {
            source,
            start,
            end: start + word.len() as u32,
        }
    }

    #[test]
    fn form() {
        let text = "a: one\nb: x\nb: two\n";
        let mut map = SourceMap::new();
        let id = map.add("dir/k1.yaml", text);
        let first = span(id, text, "b: x");
        let d = Diagnostic::error("I008", span(id, text, "two"), "the key `b` is there twice")
            .help("remove one")
            .related(first, "first written here");
        assert_eq!(
            render(&map, &d, false),
            "error[I008]: the key `b` is there twice\n  --> dir/k1.yaml:3:4\n   |\n 2 | b: x\n   | ---- first written here\n \
             3 | b: two\n   |    ^^^\nhelp: remove one\n"
        );
        let d = Diagnostic::error_in("I002", Some("x\n.yaml".to_owned()), "no text").warning();
        assert_eq!(
            render(&map, &d, false),
            "warning[I002]: no text\n  --> x\\n.yaml\n"
        );
        assert!(render(&map, &d, true).contains("\x1b[1;33m"));
    }

    #[test]
    fn long_and_odd_lines() {
        let text = format!(
            "{}\t日本\x1b[31m\u{202e}bad{}",
            "é".repeat(500),
            "x".repeat(5000)
        );
        let mut map = SourceMap::new();
        let id = map.add("-", text.clone());
        let d = Diagnostic::error("X", span(id, &text, "bad"), "m");
        let out = render(&map, &d, false);
        assert!(out.contains("  --> -:1:510\n"), "{out}");
        assert!(out.lines().all(|l| l.chars().count() < 140), "{out}");
        assert!(!out.contains('\x1b') && !out.contains('\u{202e}'));
        let lines: Vec<&str> = out.lines().collect();
        let width = |s: &str| s.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        let at = lines[3].find("bad").map(|i| width(&lines[3][..i]));
        assert_eq!(
            at,
            lines[4].find('^').map(|i| width(&lines[4][..i])),
            "{out}"
        );
    }

    #[test]
    fn ends_of_texts() {
        let mut map = SourceMap::new();
        let id = map.add("e", "");
        let end = Span {
            source: id,
            start: 0,
            end: 0,
        };
        assert!(render(&map, &Diagnostic::error("X", end, "m"), false).contains("e:1:1"));
        let id = map.add("f", "a\n");
        let end = Span {
            source: id,
            start: 2,
            end: 2,
        };
        assert!(render(&map, &Diagnostic::error("X", end, "m"), false).contains("f:2:1"));
    }
}
