//! How far a run is, on a terminal only: a line on standard error that goes as it came.
//!
//! Must never know: what is asked.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kubeproof::session::{Options, Watch};

/// The line is written anew after so many milliseconds, and never before.
const EVERY: u64 = 200;

/// Somebody who shows it; nobody where standard error is no terminal.
pub(crate) fn watch() -> Option<Watch> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let shown = AtomicU64::new(0);
    Some(Watch(Arc::new(move |asked: usize, time: Duration| {
        let now = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let last = shown.load(Ordering::Relaxed);
        if now < last.saturating_add(EVERY) {
            return;
        }
        // Of several threads one writes.
        let mine = shown.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_err() {
            return;
        }
        let mut err = io::stderr().lock();
        let _ = write!(
            err,
            "\rverifying: {asked} questions answered, {} s\x1b[K",
            time.as_secs()
        );
        let _ = err.flush();
    })))
}

/// Takes the line away.
pub(crate) fn end(options: &Options) {
    if options.watch.is_some() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}
