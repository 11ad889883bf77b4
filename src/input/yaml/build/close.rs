//! The end of a list or an object: duplicate keys, merge keys, children side by side.
//!
//! Knows: rows. Must never know: the parser's events.
//!
//! Merge keys are read as `yaml.v2` reads them where that is what YAML says too: a key of the object itself wins, of
//! several merged objects the first. A key *before* the `<<` that sets it too is where the two part, so it is refused.

use std::collections::HashMap;

use super::{Anchor, Builder, Step};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::yaml::tree::{Kind, Row};

/// Up to so many entries are compared each with each.
const FEW: usize = 8;

impl Builder<'_> {
    pub(super) fn close(&mut self, place: Span) -> Step {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        // The end event of a block stands where the next thing begins.
        let end = match self.pending.get(frame.first..).and_then(<[Row]>::last) {
            Some(last) if !frame.flow => last.end,
            None if !frame.flow => frame.start,
            _ => place.end,
        };
        if frame.map {
            self.unique(frame.first);
            self.merge(frame.first);
        }
        let row = Row {
            start: frame.start,
            end: end.max(frame.start),
            kind: if frame.map { Kind::Map } else { Kind::Seq },
            a: self.tree.rows.len() as u32,
            b: (self.pending.len() - frame.first) as u32,
        };
        self.tree.rows.extend(self.pending.drain(frame.first..));
        if let Some(slot) = self.anchors.get_mut(frame.anchor)
            && frame.anchor > 0
        {
            *slot = Anchor::Done(row, frame.size);
        }
        self.finish(row, frame.size)
    }

    /// Tells keys that are there twice and keeps the first of them.
    fn unique(&mut self, first: usize) {
        let entries = &self.pending[first..];
        let keys = entries.iter().step_by(2);
        let mut twice: Vec<(usize, usize)> = Vec::new();
        if entries.len() <= 2 * FEW {
            for (i, key) in keys.clone().enumerate() {
                let same = |other: &Row| self.same_key(*other, *key);
                if let Some(j) = keys.clone().take(i).position(same) {
                    twice.push((j, i));
                }
            }
        } else {
            let mut seen: HashMap<&str, usize> = HashMap::with_capacity(entries.len() / 2);
            for (i, key) in keys.enumerate() {
                let spelled = match key.kind {
                    Kind::Str => self.tree.str_of(*key),
                    Kind::Merge => "<<",
                    _ => continue,
                };
                match seen.entry(spelled) {
                    std::collections::hash_map::Entry::Occupied(there) => {
                        twice.push((*there.get(), i));
                    }
                    std::collections::hash_map::Entry::Vacant(free) => {
                        free.insert(i);
                    }
                }
            }
        }
        if twice.is_empty() {
            return;
        }
        for &(j, i) in &twice {
            let (kept, again) = (self.pending[first + 2 * j], self.pending[first + 2 * i]);
            if self.problems.skips() {
                continue;
            }
            let spelled = if again.kind == Kind::Merge {
                "<<"
            } else {
                self.tree.str_of(again)
            };
            let message = format!("the key {} is there twice", show(spelled));
            let diagnostic = Diagnostic::error("I008", self.tree.span_of(again), message)
                .related(self.tree.span_of(kept), "first written here");
            self.problems.push(diagnostic);
        }
        let mut drop = twice.iter().map(|&(_, i)| i).peekable();
        let mut kept = first;
        for i in 0..(self.pending.len() - first) / 2 {
            if drop.next_if_eq(&i).is_some() {
                continue;
            }
            self.pending
                .copy_within(first + 2 * i..first + 2 * i + 2, kept);
            kept += 2;
        }
        self.pending.truncate(kept);
    }

    fn same_key(&self, a: Row, b: Row) -> bool {
        match (a.kind, b.kind) {
            (Kind::Str, Kind::Str) => self.tree.str_of(a) == self.tree.str_of(b),
            (Kind::Merge, Kind::Merge) => true,
            _ => false,
        }
    }

    /// Replaces the entry `<<` by the entries that it stands for.
    fn merge(&mut self, first: usize) {
        let keys = self.pending[first..].iter().step_by(2);
        let Some(at) = keys.clone().position(|key| key.kind == Kind::Merge) else {
            return;
        };
        let (sign, value) = (
            self.pending[first + 2 * at],
            self.pending[first + 2 * at + 1],
        );
        let place = self.tree.span_of(sign);
        let parts: Vec<Row> = match value.kind {
            Kind::Map => vec![value],
            Kind::Seq => self.children(value).to_vec(),
            _ => Vec::new(),
        };
        let is_map = |part: &Row| part.kind == Kind::Map;
        if parts.is_empty() && value.kind != Kind::Seq || !parts.iter().all(is_map) {
            let message = "a merge key wants an object or a list of objects";
            self.problems
                .push(Diagnostic::error("I011", self.tree.span_of(value), message));
            self.pending.drain(first + 2 * at..first + 2 * at + 2);
            return;
        }
        let mut seen: HashMap<&str, Option<usize>> = keys
            .enumerate()
            .filter(|(_, key)| key.kind == Kind::Str)
            .map(|(i, key)| (self.tree.str_of(*key), Some(i)))
            .collect();
        let mut added = Vec::new();
        let mut clashes = Vec::new();
        for part in parts {
            for pair in self.children(part).chunks_exact(2) {
                let &[key, value] = pair else { continue };
                let spelled = self.tree.str_of(key);
                match seen.get(spelled) {
                    None => {
                        seen.insert(spelled, None);
                        added.extend([key, value]);
                    }
                    Some(Some(i)) if *i < at => clashes.push((*i, spelled.to_owned())),
                    Some(_) => {}
                }
            }
        }
        for (i, spelled) in clashes {
            let message = format!(
                "the merge key sets {} too, which stands before it",
                show(&spelled)
            );
            let before = self.tree.span_of(self.pending[first + 2 * i]);
            self.problems.push(
                Diagnostic::error("I011", place, message)
                    .help("move `<<` to the top of the object")
                    .related(before, "set here"),
            );
        }
        self.pending.drain(first + 2 * at..first + 2 * at + 2);
        self.pending.extend(added);
    }

    fn children(&self, row: Row) -> &[Row] {
        let from = row.a as usize;
        self.tree
            .rows
            .get(from..from + row.b as usize)
            .unwrap_or_default()
    }
}
