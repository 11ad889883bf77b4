//! Anchors and aliases, bounded.
//!
//! Knows: how much an alias stands for. Must never know: the parser's events.

use super::{Anchor, Builder, Step};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::yaml::tree::Row;
use crate::input::yaml::{MAX_ANCHORS, MAX_DEPTH, MAX_EXPANDED};

impl Builder<'_> {
    pub(super) fn name_anchor(&mut self, id: usize, anchor: Anchor, place: Span) -> Step {
        if id == 0 {
            return Ok(());
        }
        if id > MAX_ANCHORS {
            let message = format!("more than {MAX_ANCHORS} anchors in one document");
            return Err(Diagnostic::error("I012", place, message).into());
        }
        while self.anchors.len() <= id {
            self.anchors.push(Anchor::Open);
        }
        self.anchors[id] = anchor;
        Ok(())
    }

    pub(super) fn alias(&mut self, anchor: usize, place: Span) -> Step {
        let Some(&Anchor::Done(row, size)) = self.anchors.get(anchor) else {
            let message = "the alias stands inside what it names";
            return Err(Diagnostic::error("I012", place, message).into());
        };
        self.expanded = self.expanded.saturating_add(size.weight);
        // The ratio is that of yaml.v2: nearly everything may be aliases in a small document, a tenth in a large one.
        let decoded = self.nodes.saturating_add(self.expanded);
        let many = self.expanded > 100 && decoded > 1000;
        if self.expanded > MAX_EXPANDED || (many && over_ratio(self.expanded, decoded)) {
            let message = "the aliases stand for too many values";
            return Err(Diagnostic::error("I012", place, message)
                .help("write them out, or split the file")
                .into());
        }
        if self.frames.len() + size.height > MAX_DEPTH {
            let message = format!("lists and objects lie more than {MAX_DEPTH} deep in each other");
            return Err(Diagnostic::error("I013", place, message).into());
        }
        let row = Row {
            start: place.start,
            end: place.end,
            ..row
        };
        self.finish(row, size)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "both are far below 2^52, or saturated"
)]
fn over_ratio(expanded: u64, decoded: u64) -> bool {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    let (expanded, decoded) = (expanded as f64, decoded as f64);
    let part = ((decoded - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
    expanded / decoded > 0.99 - 0.89 * part
}
