//! A bounded list of diagnostics: hostile input has as many mistakes as bytes.
//!
//! Must never know: what is reported.

use crate::base::diag::Diagnostic;

/// More are not shown.
const MAX_ERRORS: usize = 50;

/// Diagnostics of one text.
#[derive(Debug, Default)]
pub(crate) struct Report {
    list: Vec<Diagnostic>,
    full: bool,
}

impl Report {
    /// Adds one, unless there are enough already.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MAX_ERRORS {
            self.list.push(diagnostic);
        } else if !self.full {
            self.full = true;
            let message = format!("more than {MAX_ERRORS} errors in this text");
            let last = match diagnostic.span {
                Some(span) => Diagnostic::error("L015", span, message),
                None => Diagnostic::error_in("L015", diagnostic.file, message),
            };
            self.list
                .push(last.help("the rest is not shown; mend these first"));
        }
    }

    /// Whether more would be dropped, so that costly help need not be made.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// All of them, in the order of the text.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        // Stable, and the note on dropped ones stays last.
        let shown = self.list.len() - usize::from(self.full);
        self.list[..shown].sort_by_key(|d| d.span.map(|s| (s.source, s.start)));
        self.list
    }
}
