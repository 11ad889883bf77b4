//! How far a run is, on a terminal only: a line on standard error that goes as it came.
//!
//! Must never know: what is asked.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kubeproof::session::{Options, Progress, Watch};

/// The line is written anew after so many milliseconds, and never before.
const EVERY: u64 = 200;

/// So many columns the bar is wide.
const WIDTH: usize = 20;

/// Somebody who shows it; nobody where standard error is no terminal.
pub(crate) fn watch() -> Option<Watch> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let shown = AtomicU64::new(0);
    Some(Watch(Arc::new(move |progress: Progress| {
        let now = u64::try_from(progress.time.as_millis()).unwrap_or(u64::MAX);
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
        let _ = write!(err, "\r{}\x1b[K", line(progress));
        let _ = err.flush();
    })))
}

/// The line; never more than 80 columns.
fn line(progress: Progress) -> String {
    let Progress {
        decided,
        of,
        asked,
        time,
    } = progress;
    let full = decided.saturating_mul(WIDTH).checked_div(of).unwrap_or(0);
    let bar: String = (0..WIDTH)
        .map(|i| if i < full { '#' } else { '.' })
        .collect();
    let seconds = time.as_secs();
    format!("verifying [{bar}] {decided} of {of}, {asked} questions, {seconds} s")
}

/// Takes the line away.
pub(crate) fn end(options: &Options) {
    if options.watch.is_some() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, line};
    use std::time::Duration;

    #[test]
    fn a_bar_fills() {
        let at = |decided, of| {
            line(Progress {
                decided,
                of,
                asked: 7,
                time: Duration::from_millis(3900),
            })
        };
        let told = "[#####...............] 3 of 12, 7 questions, 3 s";
        assert_eq!(at(3, 12), format!("verifying {told}"));
        assert!(at(12, 12).contains("[####################] 12 of 12"));
        assert!(at(0, 0).contains("[....................] 0 of 0"));
        assert!(
            line(Progress {
                decided: 10_000,
                of: 10_000,
                asked: 1_000_000,
                time: Duration::from_secs(100_000),
            })
            .len()
                <= 80
        );
    }
}
