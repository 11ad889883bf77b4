//! The one handle to standard output and standard error.
//!
//! Knows: colours on a terminal only, closed pipes. Must never know: what is printed.

use std::io::{self, IsTerminal, Write};

use kubeproof::base::diag::Diagnostic;
use kubeproof::base::source::SourceMap;
use kubeproof::report::snippet;

/// Standard output and standard error, colours stripped where they do not belong.
pub(crate) struct Output {
    out: anstream::AutoStream<io::Stdout>,
    err: anstream::AutoStream<io::Stderr>,
    broken: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            out: anstream::stdout(),
            err: anstream::stderr(),
            broken: false,
        }
    }

    /// To standard output. A reader that closes its pipe (`| head`) is no error of ours.
    pub(crate) fn print(&mut self, text: &str) {
        if let Err(error) = self.out.write_all(text.as_bytes())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.broken = true;
        }
    }

    /// An error without a place, to standard error.
    pub(crate) fn fail(&mut self, message: &str) {
        let _ = writeln!(self.err, "error: {message}");
    }

    /// A line of help to the error before.
    pub(crate) fn help(&mut self, message: &str) {
        let _ = writeln!(self.err, "help: {message}");
    }

    /// Diagnostics, each with its snippet, to standard error.
    pub(crate) fn diagnostics<'d>(
        &mut self,
        sources: &SourceMap,
        all: impl IntoIterator<Item = &'d Diagnostic>,
    ) {
        let color =
            self.err.current_choice() != anstream::ColorChoice::Never && io::stderr().is_terminal();
        for diagnostic in all {
            let _ = writeln!(
                self.err,
                "{}",
                snippet::render(sources, diagnostic, color).trim_end_matches('\n')
            );
            let _ = writeln!(self.err);
        }
    }

    /// Whether everything could be written.
    pub(crate) fn finish(mut self) -> bool {
        match self.out.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => false,
            _ => !self.broken,
        }
    }
}
