//! Ctrl-C: the first one ends the asking, and what is known is told; where nothing is known, and the second time, it ends
//! the process.
//!
//! Must never know: what is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kubeproof::session::{Interrupt, Options};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// The exit code that shells give to what a Ctrl-C ended.
const ENDED: i32 = 130;

/// Listens from now on; none where the system does not let it, and then a Ctrl-C ends the process as ever.
pub(crate) fn listen() -> Option<Interrupt> {
    let interrupt = Interrupt::default();
    interrupt.at_once.store(true, Ordering::Relaxed);
    let (at_once, wanted) = (&interrupt.at_once, &interrupt.wanted);
    // In this order: the first one must not see what it sets itself.
    flag::register_conditional_shutdown(SIGINT, ENDED, Arc::clone(at_once)).ok()?;
    flag::register(SIGINT, Arc::clone(at_once)).ok()?;
    flag::register(SIGINT, Arc::clone(wanted)).ok()?;
    Some(interrupt)
}

/// All is decided: from now on a Ctrl-C ends the process.
pub(crate) fn over(options: &Options) {
    if let Some(interrupt) = &options.interrupt {
        interrupt.at_once.store(true, Ordering::Relaxed);
    }
}
