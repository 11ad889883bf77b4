//! Events to tree, for one document.
//!
//! Knows: the parser's events, anchors, tags, limits. Must never know: objects, kinds.
//!
//! No recursion: open lists and objects are frames on a stack, their finished children wait in `pending` until the
//! end event moves them side by side into the tree. An alias copies one row, so only its weight has to be bounded.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::scalar::{self, Scalar};
use super::tree::{Kind, Row, Tree};
use super::{MAX_DEPTH, MAX_NODES, MAX_UNTOLD, at, syntax};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::problems::Problems;

mod alias;
mod close;

/// A list or an object that is not closed yet.
struct Frame {
    map: bool,
    flow: bool,
    start: u32,
    anchor: usize,
    first: usize,
    size: Size,
}

/// How much a node stands for when all aliases are written out.
#[derive(Clone, Copy)]
struct Size {
    weight: u64,
    height: usize,
}

/// What an anchor names.
enum Anchor {
    Open,
    Done(Row, Size),
}

pub(super) struct Builder<'b> {
    tree: &'b mut Tree,
    text: &'b str,
    begin: usize,
    problems: &'b mut Problems,
    pending: Vec<Row>,
    frames: Vec<Frame>,
    anchors: Vec<Anchor>,
    nodes: u64,
    expanded: u64,
    root: Option<u32>,
}

type Step<T = ()> = Result<T, Box<Diagnostic>>;

/// Reads one document into the tree. The row of its top, none if it is empty; an error if it cannot be read on.
pub(super) fn document(
    tree: &mut Tree,
    text: &str,
    range: Range<usize>,
    problems: &mut Problems,
) -> Step<Option<u32>> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let source = tree.source;
    let begin = range.start;
    let document = &text[range.clone()];
    let mut builder = Builder {
        tree,
        text,
        begin,
        problems,
        pending: Vec::new(),
        frames: Vec::new(),
        anchors: vec![Anchor::Open],
        nodes: 0,
        expanded: 0,
        root: None,
    };
    for next in Parser::new_from_str_with_options(document, options) {
        let (event, span) =
            next.map_err(|e| syntax::diagnostic(source, text, range.clone(), &e))?;
        builder.event(event, &span)?;
    }
    Ok(builder.root)
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) -> Step {
        let place = self.place(span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let message = "something follows the end of the document";
                let diagnostic = Diagnostic::error("I005", place, message);
                Err(diagnostic
                    .help("documents are separated by a line `---`")
                    .into())
            }
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.map(|t| (t, self.tag_place(span)));
                let merge = style == ScalarStyle::Plain && tag.is_none() && value == "<<";
                let kind = if style == ScalarStyle::Plain {
                    scalar::plain(&value)
                } else {
                    Scalar::Str
                };
                let kind = match &tag {
                    None => kind,
                    Some((tag, tag_place)) => self.tagged(tag, *tag_place, &value),
                };
                let row = if merge && self.at_key() {
                    Row {
                        kind: Kind::Merge,
                        start: place.start,
                        end: place.end,
                        a: 0,
                        b: 0,
                    }
                } else {
                    self.scalar_row(kind, &value, place)
                };
                let size = Size {
                    weight: 1 + value.len() as u64 / 64,
                    height: 0,
                };
                self.name_anchor(anchor, Anchor::Done(row, size), place)?;
                self.finish(row, size)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", span);
                self.open(false, style, anchor, place)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", span);
                self.open(true, style, anchor, place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::UnresolvedAlias(name) => {
                let name = super::super::decode::show(&name);
                let message = format!("the alias {name} names no anchor of this document");
                self.problems
                    .push(Diagnostic::error("I012", place, message));
                let row = Row {
                    kind: Kind::Hole,
                    start: place.start,
                    end: place.end,
                    a: 0,
                    b: 0,
                };
                self.finish(
                    row,
                    Size {
                        weight: 1,
                        height: 0,
                    },
                )
            }
            _ => Ok(()),
        }
    }

    fn place(&self, span: &granit_parser::Span) -> Span {
        let byte = |marker: &granit_parser::Marker| {
            (self.begin + marker.byte_offset().unwrap_or(0)).min(self.text.len()) as u32
        };
        let start = byte(&span.start);
        Span {
            source: self.tree.source,
            start,
            end: byte(&span.end).max(start),
        }
    }

    fn tag_place(&self, span: &granit_parser::Span) -> Span {
        span.tag_span()
            .map_or_else(|| self.place(span), |s| self.place(&s))
    }

    /// Whether the next node is a key.
    fn at_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|f| f.map && (self.pending.len() - f.first).is_multiple_of(2))
    }

    fn tagged(&mut self, tag: &granit_parser::Tag, place: Span, value: &str) -> Scalar {
        let known = match tag.core_suffix() {
            Some("str") => Some(scalar::Tag::Str),
            Some("int") => Some(scalar::Tag::Int),
            Some("float") => Some(scalar::Tag::Float),
            Some("bool") => Some(scalar::Tag::Bool),
            Some("null") => Some(scalar::Tag::Null),
            _ => None,
        };
        // The lone `!` means "as if plain", in quotes too: so libyaml and its Go port read it.
        if lone(tag) {
            return scalar::plain(value);
        }
        let Some(known) = known else {
            self.unknown_tag(place);
            return Scalar::Str;
        };
        scalar::tagged(value, known).unwrap_or_else(|| {
            let message = format!("the value is not what its tag `{}` says", tag.original());
            self.problems
                .push(Diagnostic::error("I009", place, message));
            Scalar::Str
        })
    }

    fn collection_tag(
        &mut self,
        tag: Option<&granit_parser::Tag>,
        wanted: &str,
        span: &granit_parser::Span,
    ) {
        if tag.is_some_and(|t| t.core_suffix() != Some(wanted) && !lone(t)) {
            self.unknown_tag(self.tag_place(span));
        }
    }

    fn unknown_tag(&mut self, place: Span) {
        if self.problems.skips() {
            return;
        }
        let written = self.text.get(place.start as usize..place.end as usize);
        let written = super::super::decode::show(written.unwrap_or_default());
        let message = format!("the tag {written} means nothing here");
        self.problems.push(
            Diagnostic::error("I009", place, message)
                .help("remove it; known are `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map`"),
        );
    }

    fn scalar_row(&mut self, kind: Scalar, value: &str, place: Span) -> Row {
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

    fn open(&mut self, map: bool, style: StructureStyle, anchor: usize, place: Span) -> Step {
        self.name_anchor(anchor, Anchor::Open, place)?;
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("lists and objects lie more than {MAX_DEPTH} deep in each other");
            return Err(Diagnostic::error("I013", place, message).into());
        }
        self.frames.push(Frame {
            map,
            flow: style == StructureStyle::Flow,
            start: place.start,
            anchor,
            first: self.pending.len(),
            size: Size {
                weight: 1,
                height: 0,
            },
        });
        Ok(())
    }

    /// A node is complete: it becomes a child of the frame on top, or the document.
    fn finish(&mut self, row: Row, size: Size) -> Step {
        self.nodes += 1;
        if self.problems.untold() > MAX_UNTOLD {
            let message = "too many mistakes to read on";
            return Err(Diagnostic::error("I015", self.tree.span_of(row), message).into());
        }
        if self.tree.rows.len() + self.pending.len() >= MAX_NODES {
            let message = format!("more than {MAX_NODES} values in one file");
            let place = self.tree.span_of(row);
            return Err(Diagnostic::error("I014", place, message)
                .help("split the file")
                .into());
        }
        let row = if self.at_key() { self.key(row) } else { row };
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(self.tree.rows.len() as u32);
            self.tree.rows.push(row);
            return Ok(());
        };
        frame.size.weight = frame.size.weight.saturating_add(size.weight);
        frame.size.height = frame.size.height.max(size.height + 1);
        self.pending.push(row);
        Ok(())
    }

    /// A key as the API server spells it; null if it can be none.
    fn key(&mut self, row: Row) -> Row {
        let place = self.tree.span_of(row);
        let bits = u64::from(row.a) << 32 | u64::from(row.b);
        let spelled = match row.kind {
            Kind::Str | Kind::Merge | Kind::Hole => return row,
            Kind::Bool => (bits != 0).to_string(),
            Kind::Int => bits.cast_signed().to_string(),
            Kind::UInt => bits.to_string(),
            Kind::Float => f64::from_bits(bits).to_string(),
            Kind::Null | Kind::Seq | Kind::Map => {
                let place = at(self.tree.source, self.text, place.start as usize);
                let what = match row.kind {
                    Kind::Null => "nothing",
                    Kind::Seq => "a list",
                    _ => "an object",
                };
                let message = format!("a key must be a string, not {what}");
                self.problems
                    .push(Diagnostic::error("I010", place, message));
                return Row {
                    kind: Kind::Null,
                    ..row
                };
            }
        };
        self.scalar_row(Scalar::Str, &spelled, place)
    }
}

fn lone(tag: &granit_parser::Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!"
}
