//! A diagnostic: trouble in the input, told to a person.
//!
//! Knows: what is said and where. Must never know: how it is printed, error types of stages.

use super::source::Span;

/// How bad it is. Any `Error` in a cluster means that nothing of that cluster is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input cannot be trusted; exit code 2.
    Error,
    /// Worth knowing; no influence on the exit code.
    Warning,
}

/// One mistake: a code that `kubeproof explain` knows, one lower-case clause, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, such as `I012`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One clause in lower case, user words in backticks, no full stop.
    pub message: String,
    /// Where; none for a whole file or the command line.
    pub span: Option<Span>,
    /// The file as given, where there is no span.
    pub file: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// A second place that belongs to it (`first defined here`).
    pub related: Option<(Span, String)>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: Some(span),
            file: None,
            help: None,
            related: None,
        }
    }

    /// An error of a whole file, or of the command line where `file` is none.
    pub fn error_in(code: &'static str, file: Option<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: None,
            file,
            help: None,
            related: None,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// With a help line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a second place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }
}
