//! The tree of a YAML or JSON text: values with a span on every node and every key.
//!
//! Knows: values, spans, how they are packed. Must never know: the parser, any domain word.
//!
//! All nodes of a file lie in one table of 20-byte rows and all strings in one pool, because a hostile text of 64 MB
//! can ask for millions of nodes. The children of a node lie side by side, so that an alias costs one row whatever it
//! stands for, and nothing here recurses.

use crate::base::source::{SourceId, Span};

/// What a row of the table holds, and so what its two numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Kind {
    Null,
    Bool,
    Int,
    UInt,
    Float,
    Str,
    Seq,
    Map,
    /// What could not be read, and was told.
    Hole,
    /// The plain key `<<`; exists only until its map is closed.
    Merge,
}

/// One row: a node or a key.
#[derive(Debug, Clone, Copy)]
pub(in crate::input) struct Row {
    pub(in crate::input) start: u32,
    pub(in crate::input) end: u32,
    pub(in crate::input) kind: Kind,
    /// First row of the children, offset in the pool, or the high half of a number.
    pub(in crate::input) a: u32,
    /// How many rows of children, how many bytes of the pool, or the low half of a number.
    pub(in crate::input) b: u32,
}

impl Row {
    fn bits(self) -> u64 {
        u64::from(self.a) << 32 | u64::from(self.b)
    }
}

/// All nodes of one text.
#[derive(Debug)]
pub struct Tree {
    pub(in crate::input) source: SourceId,
    pub(in crate::input) rows: Vec<Row>,
    pub(in crate::input) pool: String,
}

impl Tree {
    pub(in crate::input) fn new(source: SourceId) -> Self {
        Self {
            source,
            rows: Vec::new(),
            pool: String::new(),
        }
    }

    pub(in crate::input) fn str_of(&self, row: Row) -> &str {
        let start = row.a as usize;
        self.pool
            .get(start..start + row.b as usize)
            .unwrap_or_default()
    }

    pub(in crate::input) fn span_of(&self, row: Row) -> Span {
        Span {
            source: self.source,
            start: row.start,
            end: row.end,
        }
    }

    pub(in crate::input) fn node(&self, at: u32) -> Node<'_> {
        Node { tree: self, at }
    }
}

/// A value at a place. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    at: u32,
}

/// What a node holds.
#[derive(Debug, Clone, Copy)]
pub enum Value<'t> {
    /// `null`, `~`, or nothing at all.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number: anything that fits 64 bits, with or without sign.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(&'t str),
    /// A list.
    Seq(Seq<'t>),
    /// An object.
    Map(Map<'t>),
}

impl<'t> Node<'t> {
    fn row(self) -> Option<Row> {
        self.tree.rows.get(self.at as usize).copied()
    }

    /// How many values the tree holds.
    pub(in crate::input) fn among(self) -> usize {
        self.tree.rows.len()
    }

    /// Where it is written; for an alias, where the alias is.
    pub fn span(self) -> Span {
        let none = Span {
            source: self.tree.source,
            start: 0,
            end: 0,
        };
        self.row().map_or(none, |row| self.tree.span_of(row))
    }

    /// What it holds.
    pub fn value(self) -> Value<'t> {
        let Some(row) = self.row() else {
            return Value::Null;
        };
        let rows = Rows {
            tree: self.tree,
            first: row.a,
            count: row.b,
        };
        match row.kind {
            Kind::Null | Kind::Hole | Kind::Merge => Value::Null,
            Kind::Bool => Value::Bool(row.b != 0),
            Kind::Int => Value::Int(i128::from(row.bits().cast_signed())),
            Kind::UInt => Value::Int(i128::from(row.bits())),
            Kind::Float => Value::Float(f64::from_bits(row.bits())),
            Kind::Str => Value::Str(self.tree.str_of(row)),
            Kind::Seq => Value::Seq(Seq(rows)),
            Kind::Map => Value::Map(Map(rows)),
        }
    }

    /// The object, where it is one.
    pub fn as_map(self) -> Option<Map<'t>> {
        match self.value() {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The text, where it is a string.
    pub fn as_str(self) -> Option<&'t str> {
        match self.value() {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether something stands here that could not be read; a mistake was told and needs no second one.
    pub fn is_hole(self) -> bool {
        self.row().is_some_and(|row| row.kind == Kind::Hole)
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        matches!(self.value(), Value::Null)
    }
}

#[derive(Debug, Clone, Copy)]
struct Rows<'t> {
    tree: &'t Tree,
    first: u32,
    count: u32,
}

/// A list of nodes.
#[derive(Debug, Clone, Copy)]
pub struct Seq<'t>(Rows<'t>);

impl<'t> Seq<'t> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count as usize
    }
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.count == 0
    }
    /// The nodes in order.
    pub fn iter(self) -> impl Iterator<Item = Node<'t>> {
        let Rows { tree, first, count } = self.0;
        (first..first + count).map(move |at| Node { tree, at })
    }
}

/// An object's keys and values, in the order they are written.
#[derive(Debug, Clone, Copy)]
pub struct Map<'t>(Rows<'t>);

/// One key of an object with its value.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'t> {
    /// The key; numbers and truth values are spelled as Kubernetes spells them.
    pub key: &'t str,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub value: Node<'t>,
}

impl<'t> Map<'t> {
    /// How many entries there are.
    pub fn len(self) -> usize {
        self.0.count as usize / 2
    }
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.count == 0
    }
    /// The entries in order. A key that could not be read (a diagnostic says so) is left out.
    pub fn iter(self) -> impl Iterator<Item = Entry<'t>> {
        let Rows { tree, first, count } = self.0;
        (first..first + count).step_by(2).filter_map(move |at| {
            let key = *tree.rows.get(at as usize)?;
            (key.kind == Kind::Str).then(|| Entry {
                key: tree.str_of(key),
                key_span: tree.span_of(key),
                value: Node { tree, at: at + 1 },
            })
        })
    }
    /// The entry of a key.
    pub fn get(self, key: &str) -> Option<Entry<'t>> {
        self.iter().find(|entry| entry.key == key)
    }
}
