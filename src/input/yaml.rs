//! Text to tree: YAML as the Kubernetes API server reads it, and JSON, which is YAML here.
//!
//! Knows: documents, limits. Must never know: objects, kinds, any domain word. This module and the ones below it are
//! the only ones that name `granit_parser`.
//!
//! Limits (a hostile file of 64 MB takes at most 10 s and 1 GiB): nesting [`MAX_DEPTH`], values of a file
//! [`MAX_NODES`], documents of a file [`MAX_DOCUMENTS`], anchors of a document [`MAX_ANCHORS`], what aliases stand for
//! [`MAX_EXPANDED`] and the ratio of it that `yaml.v2` allows.

mod build;
mod json;
pub mod scalar;
mod syntax;
pub(super) mod tree;

pub use json::{Json, json};
pub use tree::{Entry, Map, Node, Seq, Tree, Value};

use std::ops::Range;

use super::problems::Problems;
use super::text;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, Span};

/// How deep lists and objects may lie in each other.
pub const MAX_DEPTH: usize = 128;
/// How many values one file may hold.
pub const MAX_NODES: usize = 5_000_000;
/// How many documents one file may hold.
pub const MAX_DOCUMENTS: usize = 400_000;
/// How many anchors one document may hold.
pub const MAX_ANCHORS: usize = 100_000;
/// After so many mistakes that are not told a file is left.
pub const MAX_UNTOLD: usize = 10_000;
/// How many values the aliases of one document may stand for; a long string counts as several.
pub const MAX_EXPANDED: u64 = 1_000_000;

/// A text that was read: its documents, as far as they could be read.
#[derive(Debug)]
pub struct Yaml {
    tree: Tree,
    documents: Vec<(u32, bool, Range<usize>)>,
}

/// One document.
#[derive(Debug)]
pub struct Document<'t> {
    /// Its top.
    pub node: Node<'t>,
    /// Whether all of it is there: where not, a mistake was told.
    pub sound: bool,
    /// Its bytes in the text.
    pub range: Range<usize>,
}

impl Yaml {
    /// No document at all.
    pub(super) fn empty(source: SourceId) -> Self {
        Self {
            tree: Tree::new(source),
            documents: Vec::new(),
        }
    }

    /// One document, by the row of its top.
    pub(super) fn of(tree: Tree, root: u32, sound: bool) -> Self {
        Self {
            tree,
            documents: vec![(root, sound, 0..usize::MAX)],
        }
    }

    /// The documents in order.
    pub fn documents(&self) -> impl Iterator<Item = Document<'_>> {
        self.documents.iter().map(|(root, sound, range)| Document {
            node: self.tree.node(*root),
            sound: *sound,
            range: range.clone(),
        })
    }
}

/// Reads a text. A document that is no YAML at all is left out; every mistake is told.
pub fn parse(source: SourceId, text: &str, problems: &mut Problems) -> Yaml {
    let mut yaml = Yaml {
        tree: Tree::new(source),
        documents: Vec::new(),
    };
    let ranges = text::documents(source, text, |diagnostic| problems.push(diagnostic));
    if let Some(range) = ranges.get(MAX_DOCUMENTS) {
        let message = format!("more than {MAX_DOCUMENTS} documents in one file");
        problems.push(Diagnostic::error(
            "I014",
            at(source, text, range.start),
            message,
        ));
        return yaml;
    }
    for range in ranges {
        if !one(&mut yaml, text, range, problems) {
            break;
        }
    }
    yaml
}

/// Reads one document. False when the file is to be left.
fn one(yaml: &mut Yaml, text: &str, range: Range<usize>, problems: &mut Problems) -> bool {
    let errors = problems.errors();
    let (rows, pool) = (yaml.tree.rows.len(), yaml.tree.pool.len());
    match build::document(&mut yaml.tree, text, range.clone(), problems) {
        Ok(Some(root)) => {
            yaml.documents
                .push((root, problems.errors() == errors, range));
            true
        }
        Ok(None) => true,
        Err(stop) => {
            yaml.tree.rows.truncate(rows);
            yaml.tree.pool.truncate(pool);
            let full = matches!(stop.code, "I014" | "I015");
            problems.push(*stop);
            !full
        }
    }
}

/// The place of one character.
fn at(source: SourceId, text: &str, offset: usize) -> Span {
    let offset = offset.min(text.len());
    let width = match text.get(offset..).and_then(|rest| rest.chars().next()) {
        None | Some('\n' | '\r') => 0,
        Some(c) => c.len_utf8(),
    };
    Span {
        source,
        start: offset as u32,
        end: (offset + width) as u32,
    }
}
