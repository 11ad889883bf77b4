//! Who reaches whom, as text, JSON, CSV, DOT and Markdown, written line by line: a large cluster has millions.
//!
//! Knows: formats. Must never know: how lines are found.

mod json;
mod table;
mod text;

use crate::base::diag::Diagnostic;
use crate::base::source::SourceMap;
use crate::connectivity::group::{Groups, Line};
use crate::connectivity::ports::PortTable;

use super::run::Assumption;

pub use json::Json;
pub use table::{Csv, Dot, Markdown};
pub use text::Text;

/// What is known of a cluster before its first line.
#[derive(Debug)]
pub struct Head<'a> {
    /// Its name.
    pub name: &'a str,
    /// The PATH as given.
    pub path: &'a str,
    /// `received` or `allowed`.
    pub basis: &'static str,
    /// What was taken for granted.
    pub assumptions: Vec<Assumption>,
    /// Why messages were walked; none where sets were computed with.
    pub walked: Option<&'static str>,
    /// The groups that lines name.
    pub groups: &'a Groups,
}

/// A format.
pub trait Format {
    /// Before the first cluster.
    fn begin(&mut self) -> String;
    /// A cluster begins.
    fn head(&mut self, head: &Head<'_>) -> String;
    /// All lines from one group.
    fn lines(&mut self, head: &Head<'_>, ports: &PortTable, lines: &[Line]) -> String;
    /// A cluster ends.
    fn foot(&mut self, head: &Head<'_>) -> String;
    /// A cluster that could not be asked about.
    fn failed(&mut self, name: &str, path: &str) -> String;
    /// After the last cluster.
    fn end(&mut self, sources: &SourceMap, diagnostics: &[Diagnostic]) -> String;
}
