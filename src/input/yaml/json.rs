//! JSON to tree, by a reader of its own: dumps of tools are JSON only, and have no limit but the text's.
//!
//! Knows: RFC 8259. Must never know: objects, kinds, any domain word.
//!
//! Several values may follow each other, as when a tool was asked twice into one file. Keys that are there twice stay
//! twice: tools print such objects, and the first one is found. No recursion: open lists and objects are frames.

use super::tree::{Kind, Row, Tree};
use super::{MAX_DEPTH, Node, at};
use crate::base::diag::Diagnostic;
use crate::base::source::SourceId;

/// The values of a JSON text.
#[derive(Debug)]
pub struct Json {
    tree: Tree,
    roots: Vec<u32>,
}

impl Json {
    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = Node<'_>> {
        self.roots.iter().map(|&root| self.tree.node(root))
    }
}

/// Reads a text: all of it, or what is wrong and where.
pub fn json(source: SourceId, text: &str) -> Result<Json, Box<Diagnostic>> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        pos: if text.starts_with('\u{feff}') { 3 } else { 0 },
        tree: Tree::new(source),
        pending: Vec::new(),
        frames: Vec::new(),
    };
    let mut roots = Vec::new();
    loop {
        reader.blank();
        if reader.pos == reader.bytes.len() {
            break;
        }
        let value = reader.value()?;
        roots.push(reader.tree.rows.len() as u32);
        reader.tree.rows.push(value);
    }
    let tree = reader.tree;
    Ok(Json { tree, roots })
}

/// A list or an object that is not closed yet.
struct Frame {
    map: bool,
    start: u32,
    first: usize,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    tree: Tree,
    /// Finished children of open frames; they move side by side into the tree when their frame closes.
    pending: Vec<Row>,
    frames: Vec<Frame>,
}

type Step<T> = Result<T, Box<Diagnostic>>;

impl Reader<'_> {
    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.pos) {
            self.pos += 1;
        }
    }

    fn wrong<T>(&self, expected: &str) -> Step<T> {
        let place = at(self.tree.source, self.text, self.pos);
        let found = match self.text.get(self.pos..).and_then(|t| t.chars().next()) {
            None => "the text ends".to_owned(),
            Some(c) if c.is_control() => format!("found {}", c.escape_default()),
            Some(c) => format!("found `{c}`"),
        };
        let message = format!("no JSON: expected {expected}, {found}");
        Err(Diagnostic::error("S005", place, message).into())
    }

    /// One whole value, with all that is in it.
    fn value(&mut self) -> Step<Row> {
        loop {
            self.blank();
            let start = self.pos as u32;
            let mut done = match self.bytes.get(self.pos) {
                Some(open @ (b'{' | b'[')) => {
                    let map = *open == b'{';
                    self.pos += 1;
                    if self.frames.len() >= MAX_DEPTH {
                        let place = at(self.tree.source, self.text, start as usize);
                        let message = format!(
                            "lists and objects lie more than {MAX_DEPTH} deep in each other"
                        );
                        return Err(Diagnostic::error("I013", place, message).into());
                    }
                    let first = self.pending.len();
                    self.frames.push(Frame { map, start, first });
                    self.blank();
                    let end = if map { b'}' } else { b']' };
                    if self.bytes.get(self.pos) == Some(&end) {
                        self.pos += 1;
                        self.close()
                    } else {
                        if map {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            };
            // A finished value belongs to the frame on top; it may be the last of it, and of the one above.
            loop {
                let Some(frame) = self.frames.last() else {
                    return Ok(done);
                };
                let map = frame.map;
                self.pending.push(done);
                self.blank();
                match (self.bytes.get(self.pos), map) {
                    (Some(b','), _) => {
                        self.pos += 1;
                        if map {
                            self.blank();
                            self.key()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.pos += 1;
                        done = self.close();
                    }
                    (_, true) => return self.wrong("`,` or `}`"),
                    (_, false) => return self.wrong("`,` or `]`"),
                }
            }
        }
    }

    fn close(&mut self) -> Row {
        let end = self.pos as u32;
        let Some(frame) = self.frames.pop() else {
            return self.row(Kind::Hole, end, 0);
        };
        let first = self.tree.rows.len() as u32;
        let count = (self.pending.len() - frame.first) as u32;
        self.tree.rows.extend(self.pending.drain(frame.first..));
        Row {
            start: frame.start,
            end,
            kind: if frame.map { Kind::Map } else { Kind::Seq },
            a: first,
            b: count,
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Step<()> {
        if self.bytes.get(self.pos) != Some(&b'"') {
            return self.wrong("a key in quotes");
        }
        let key = self.string()?;
        self.pending.push(key);
        self.blank();
        if self.bytes.get(self.pos) != Some(&b':') {
            return self.wrong("`:`");
        }
        self.pos += 1;
        Ok(())
    }

    fn row(&self, kind: Kind, start: u32, bits: u64) -> Row {
        Row {
            start,
            end: self.pos as u32,
            kind,
            a: (bits >> 32) as u32,
            b: bits as u32,
        }
    }

    fn scalar(&mut self) -> Step<Row> {
        let start = self.pos as u32;
        for (word, kind, bits) in [
            ("true", Kind::Bool, 1),
            ("false", Kind::Bool, 0),
            ("null", Kind::Null, 0),
        ] {
            if self.bytes[self.pos..].starts_with(word.as_bytes()) {
                self.pos += word.len();
                return Ok(self.row(kind, start, bits));
            }
        }
        match self.bytes.get(self.pos) {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.wrong("a value"),
        }
    }

    fn number(&mut self) -> Step<Row> {
        let start = self.pos;
        let part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.bytes[start..].iter().take_while(|b| part(b)).count();
        let text = &self.text[start..start + length];
        let digits = text.trim_start_matches('-');
        let leading = digits.len() > 1 && digits.starts_with('0');
        let whole = digits.bytes().all(|b| b.is_ascii_digit());
        let (kind, bits) = if let Ok(n) = text.parse::<i64>() {
            (Kind::Int, n.cast_unsigned())
        } else if let Ok(n) = text.parse::<u64>() {
            (Kind::UInt, n)
        } else if let Ok(n) = text.parse::<f64>() {
            (Kind::Float, n.to_bits())
        } else {
            return self.wrong("a number");
        };
        if leading && whole || digits.is_empty() {
            return self.wrong("a number");
        }
        self.pos += length;
        Ok(self.row(kind, start as u32, bits))
    }

    /// A string in quotes, into the pool.
    fn string(&mut self) -> Step<Row> {
        let start = self.pos as u32;
        let offset = self.tree.pool.len();
        self.pos += 1;
        loop {
            let rest = &self.bytes[self.pos..];
            let plain = rest
                .iter()
                .take_while(|b| !matches!(b, b'"' | b'\\'))
                .count();
            let plain_text = &self.text[self.pos..self.pos + plain];
            self.tree.pool.push_str(plain_text);
            self.pos += plain;
            match self.bytes.get(self.pos) {
                Some(b'"') => {
                    self.pos += 1;
                    let length = (self.tree.pool.len() - offset) as u64;
                    return Ok(self.row(Kind::Str, start, (offset as u64) << 32 | length));
                }
                Some(_) => {
                    let c = self.escape()?;
                    self.tree.pool.push(c);
                }
                None => return self.wrong("`\"`"),
            }
        }
    }

    fn escape(&mut self) -> Step<char> {
        let plain = match self.bytes.get(self.pos + 1) {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(&c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'u') => {
                let unit = |from: usize| {
                    let hex = self.text.get(from..from + 4)?;
                    let all = hex.bytes().all(|b| b.is_ascii_hexdigit());
                    u32::from_str_radix(hex, 16).ok().filter(|_| all)
                };
                let Some(high) = unit(self.pos + 2) else {
                    return self.wrong("an escape");
                };
                if let Some(c) = char::from_u32(high) {
                    self.pos += 6;
                    return Ok(c);
                }
                // Half of a pair: the other half follows, or it is no character.
                let follows = self.text.get(self.pos + 6..self.pos + 8) == Some("\\u");
                let low =
                    unit(self.pos + 8).filter(|low| follows && (0xdc00..0xe000).contains(low));
                let pair = low.filter(|_| high < 0xdc00);
                let c = pair.and_then(|low| {
                    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                });
                let Some(c) = c else {
                    return self.wrong("a whole character");
                };
                self.pos += 12;
                return Ok(c);
            }
            _ => return self.wrong("an escape"),
        };
        self.pos += 2;
        Ok(plain)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;
    use crate::base::source::SourceMap;
    use crate::input::yaml::Value;

    fn shown(node: Node<'_>) -> String {
        match node.value() {
            Value::Null => "null".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(x) => format!("{x:?}"),
            Value::Str(text) => format!("{text:?}"),
            Value::Seq(seq) => {
                let all: Vec<String> = seq.iter().map(shown).collect();
                format!("[{}]", all.join(","))
            }
            Value::Map(map) => {
                let all: Vec<String> = map
                    .iter()
                    .map(|e| format!("{:?}:{}", e.key, shown(e.value)))
                    .collect();
                format!("{{{}}}", all.join(","))
            }
        }
    }

    fn read(text: &str) -> Result<String, String> {
        let mut map = SourceMap::new();
        let id = map.add("t", text);
        match json(id, text) {
            Ok(json) => Ok(json.values().map(shown).collect::<Vec<_>>().join(" ")),
            Err(wrong) => Err(wrong.message),
        }
    }

    #[test]
    fn values() {
        let same = [
            "[]",
            "{}",
            "[[],{}]",
            r#"{"a":[1,-2,{"b":null}],"c":true}"#,
            "[18446744073709551615,0.5]",
            "",
            "[1] [2]",
        ];
        for text in same {
            assert_eq!(read(text).unwrap(), text);
        }
        assert_eq!(read(" [ 1 ,\n2 ] ").unwrap(), "[1,2]");
        assert_eq!(
            read(r#""a\n\"\u00e9\ud83d\ude00""#).unwrap(),
            "\"a\\n\\\"é😀\""
        );
    }

    #[test]
    fn mistakes() {
        for text in [
            "[",
            "]",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[1 2]",
            "01",
            "-",
            "\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "tru",
            "[1}",
            "{\"a\":1]",
            "nul",
            "1.2.3",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(1000)).unwrap_err().contains("deep"));
    }
}
