//! The dumps of one snapshot, by namespace and file.
//!
//! Knows: which text is which dump. Must never know: files on disk, what a dump holds.

use std::collections::BTreeMap;

use crate::base::source::{SourceId, SourceMap};
use crate::input::problems::Problems;
use crate::input::text;
use crate::input::yaml::{Json, json};

/// All dumps below one snapshot's folder.
#[derive(Debug, Default, Clone)]
pub struct Dumps {
    by_folder: BTreeMap<String, BTreeMap<String, SourceId>>,
}

impl Dumps {
    /// One more.
    pub fn add(&mut self, folder: &str, file: &str, source: SourceId) {
        let files = self.by_folder.entry(folder.to_owned()).or_default();
        files.insert(file.to_owned(), source);
    }

    /// The folders that hold a dump.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.by_folder.keys().map(String::as_str)
    }

    /// Some dump of a folder, to point at.
    pub(super) fn any(&self, folder: &str) -> Option<SourceId> {
        self.by_folder.get(folder)?.values().next().copied()
    }

    pub(super) fn of<'s>(&'s self, folder: &str, sources: &'s SourceMap) -> Files<'s> {
        Files {
            sources,
            files: self.by_folder.get(folder),
        }
    }
}

/// The dumps of one namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'s> {
    sources: &'s SourceMap,
    files: Option<&'s BTreeMap<String, SourceId>>,
}

impl<'s> Files<'s> {
    pub(super) fn has(&self, file: &str) -> bool {
        self.files.is_some_and(|f| f.contains_key(file))
    }

    /// Whether there is no dump at all.
    pub(super) fn none(&self) -> bool {
        self.files.is_none()
    }

    /// The first of these files that is there.
    pub(super) fn text(
        &self,
        names: &[&str],
        problems: &mut Problems,
    ) -> Option<(SourceId, &'s str)> {
        let files = self.files?;
        let source = *names.iter().find_map(|name| files.get(*name))?;
        let text = self.sources.get(source).text();
        if let Some(wrong) = text::check(source, text) {
            problems.push(wrong);
            return None;
        }
        Some((source, text))
    }

    /// The same as JSON. A tool that has nothing to tell may print nothing.
    pub(super) fn json(&self, names: &[&str], problems: &mut Problems) -> Option<(SourceId, Json)> {
        let (source, text) = self.text(names, problems)?;
        match json(source, text) {
            Ok(read) => Some((source, read)),
            Err(wrong) => {
                problems.push(*wrong);
                None
            }
        }
    }
}
