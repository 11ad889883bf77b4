//! Work shared out to the cores, so that one long test does not keep a core idle.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test takes what it needs"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many at once: two, as CI has cores, or `KUBEPROOF_THREADS`.
pub fn count() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = std::env::var("KUBEPROOF_THREADS")
        .ok()
        .and_then(|text| text.parse().ok());
    wanted.unwrap_or(cores.min(2))
}

/// What comes of each item, in the order of the items. A panic in one is a panic of the whole.
pub fn each<T: Sync, R: Send>(items: &[T], made: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..count().min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let one = made(item);
                    all.lock().unwrap().push((at, one));
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, one)| one).collect()
}
