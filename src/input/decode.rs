//! Nodes to typed values, telling every mistake and not only the first.
//!
//! Knows: what a field, a string, an address, a port looks like. Must never know: which fields an object has.
//!
//! Each function gives none where the value is of no use, and then has told why. Null counts as absent, as it does
//! in Kubernetes.

mod inet;

pub use inet::{address, ip, port, port_set, port_text, prefix, protocol, protocol_text};

use super::problems::Problems;
use super::yaml::{Entry, Map, Node, Seq, Value};
use crate::base::diag::Diagnostic;
use crate::base::similar::closest;
use crate::base::source::Span;

/// A user's word in backticks: cropped, on one line.
pub fn show(text: &str) -> String {
    const MOST: usize = 60;
    let mut word = String::from("`");
    for (i, c) in text.chars().enumerate() {
        if i == MOST {
            word.push('…');
            break;
        }
        if c.is_control() {
            word.extend(c.escape_default());
        } else {
            word.push(c);
        }
    }
    word.push('`');
    word
}

/// What a value is, to a person.
pub fn describe(node: Node<'_>) -> &'static str {
    match node.value() {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Str(_) => "a string",
        Value::Seq(_) => "a list",
        Value::Map(_) => "an object",
    }
}

/// Tells that a value is of the wrong type.
pub fn wrong_type(node: Node<'_>, expected: &str, problems: &mut Problems) {
    if node.is_hole() || problems.skips() {
        return;
    }
    let message = format!("expected {expected}, found {}", describe(node));
    let mut diagnostic = Diagnostic::error("I020", node.span(), message);
    if matches!(
        node.value(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_)
    ) && expected.starts_with("a string")
    {
        diagnostic = diagnostic.help("in quotes it is a string");
    }
    problems.push(diagnostic);
}

/// An object whose fields are asked for one by one; what was not asked for is unknown.
#[derive(Debug)]
pub struct Fields<'t> {
    what: &'static str,
    map: Map<'t>,
    span: Span,
    asked: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The fields of a node that should be an object; `what` names it in messages, such as `a pod`.
    pub fn of(node: Node<'t>, what: &'static str, problems: &mut Problems) -> Option<Self> {
        let Some(map) = node.as_map() else {
            wrong_type(node, &format!("an object ({what})"), problems);
            return None;
        };
        Some(Self {
            what,
            map,
            span: node.span(),
            asked: Vec::new(),
        })
    }

    /// Where the object is.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The entry of a field, if it is there and not null.
    pub fn entry(&mut self, key: &'static str) -> Option<Entry<'t>> {
        self.asked.push(key);
        self.map.get(key).filter(|entry| !entry.value.is_null())
    }

    /// The value of a field, if it is there and not null.
    pub fn get(&mut self, key: &'static str) -> Option<Node<'t>> {
        self.entry(key).map(|entry| entry.value)
    }

    /// The value of a field that must be there.
    pub fn required(&mut self, key: &'static str, problems: &mut Problems) -> Option<Node<'t>> {
        let value = self.get(key);
        let hole = || self.map.get(key).is_some_and(|entry| entry.value.is_hole());
        if value.is_none() && !hole() {
            let message = format!("{} wants the field `{key}`", self.what);
            problems.push(Diagnostic::error("I019", self.span, message));
        }
        value
    }

    /// The items of a field that is a list, none if it is absent.
    pub fn list(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let seq = self.get(key).and_then(|node| list(node, problems));
        seq.into_iter().flat_map(Seq::iter)
    }

    /// Tells the fields that were not asked for and are nearly one of those that were; `known` are fields that are
    /// really there and mean nothing here.
    pub fn finish_lenient(self, known: &[&str], problems: &mut Problems) {
        for entry in self.map.iter() {
            if self.asked.contains(&entry.key) || known.contains(&entry.key) {
                continue;
            }
            let Some(near) = closest(entry.key, &self.asked) else {
                continue;
            };
            let message = format!("unknown field {} in {}", show(entry.key), self.what);
            let diagnostic = Diagnostic::error("I018", entry.key_span, message);
            problems.push(diagnostic.help(format!("did you mean `{near}`?")));
        }
    }

    /// Tells the fields that were not asked for.
    pub fn finish(self, problems: &mut Problems) {
        for entry in self.map.iter() {
            if self.asked.contains(&entry.key) || problems.skips() {
                continue;
            }
            let message = format!("unknown field {} in {}", show(entry.key), self.what);
            let mut diagnostic = Diagnostic::error("I018", entry.key_span, message);
            diagnostic = diagnostic.help(match closest(entry.key, &self.asked) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known are {}", all_of(&self.asked)),
            });
            problems.push(diagnostic);
        }
    }
}

/// `a`, `b` and `c`.
pub fn all_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// A list.
pub fn list<'t>(node: Node<'t>, problems: &mut Problems) -> Option<Seq<'t>> {
    if let Value::Seq(seq) = node.value() {
        return Some(seq);
    }
    wrong_type(node, "a list", problems);
    None
}

/// A string.
pub fn string<'t>(node: Node<'t>, problems: &mut Problems) -> Option<&'t str> {
    let text = node.as_str();
    if text.is_none() {
        wrong_type(node, "a string", problems);
    }
    text
}

/// A truth value.
pub fn boolean(node: Node<'_>, problems: &mut Problems) -> Option<bool> {
    if let Value::Bool(truth) = node.value() {
        return Some(truth);
    }
    wrong_type(node, "`true` or `false`", problems);
    None
}

/// A name: not empty, without slashes, blanks and control characters. Looser than Kubernetes, since the example
/// clusters of the literature have names such as `P1` and `C1.1`.
pub fn name<'t>(node: Node<'t>, problems: &mut Problems) -> Option<&'t str> {
    let text = string(node, problems)?;
    let bad = |c: char| c == '/' || c.is_whitespace() || c.is_control() || hidden(c);
    let trouble = if text.is_empty() {
        "a name must not be empty".to_owned()
    } else if text.chars().count() > 253 {
        "a name is at most 253 characters long".to_owned()
    } else if let Some(c) = text.chars().find(|&c| bad(c)) {
        let c = if c == '/' || c == ' ' {
            c.to_string()
        } else {
            c.escape_unicode().to_string()
        };
        format!("a name must not hold `{c}`")
    } else {
        return Some(text);
    };
    problems.push(Diagnostic::error("I025", node.span(), trouble));
    None
}

/// Characters that show nothing or turn the text around: two names must not look the same.
fn hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A whole number within bounds.
pub fn integer(
    node: Node<'_>,
    bounds: std::ops::RangeInclusive<i128>,
    problems: &mut Problems,
) -> Option<i128> {
    let Value::Int(number) = node.value() else {
        wrong_type(node, "a whole number", problems);
        return None;
    };
    if bounds.contains(&number) {
        return Some(number);
    }
    let message = format!(
        "{number} is out of range: {} to {}",
        bounds.start(),
        bounds.end()
    );
    problems.push(Diagnostic::error("I026", node.span(), message));
    None
}

/// One of some words.
pub fn choice<T: Copy>(
    node: Node<'_>,
    words: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let text = string(node, problems)?;
    if let Some(&(_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(value);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let message = format!("{} is none of {}", show(text), all_of(&known));
    let mut diagnostic = Diagnostic::error("I027", node.span(), message);
    if let Some(near) = closest(text, known) {
        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
    }
    problems.push(diagnostic);
    None
}
