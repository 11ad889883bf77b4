//! Several things at once, with the results in the order of the things.
//!
//! Must never know: what is done.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// Formulas and terms may be deep.
const STACK: usize = 64 << 20;

/// Does it for each, on as many threads as `jobs` says. Each thing has a thread of its own: what the solver keeps by thread
/// would else let the number of queries hang on what came before.
pub fn each<T: Sync, R: Send>(jobs: usize, all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(at) else { return done };
            done.push((at, apart(|| work(one))));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let spawn = |_| Builder::new().spawn_scoped(scope, some);
        let threads: Vec<_> = (1..jobs.min(all.len())).map(spawn).collect();
        // A thread that could not be had is done without: this one works too.
        let mut done = some();
        for thread in threads.into_iter().flatten() {
            done.extend(
                thread
                    .join()
                    .unwrap_or_else(|why| panic::resume_unwind(why)),
            );
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// On a thread of its own; on this one where there is none to be had.
fn apart<R: Send>(work: impl Fn() -> R + Sync) -> R {
    thread::scope(|scope| {
        let spawned = Builder::new().stack_size(STACK).spawn_scoped(scope, &work);
        match spawned {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|why| panic::resume_unwind(why)),
            Err(_) => work(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn results_come_in_order() {
        let all: Vec<u64> = (0..50).collect();
        let slow = |n: &u64| {
            std::thread::sleep(std::time::Duration::from_micros(200 * (50 - n)));
            n * n
        };
        let expected: Vec<u64> = all.iter().map(|n| n * n).collect();
        for jobs in [0, 1, 3, 100] {
            assert_eq!(each(jobs, &all, slow), expected);
        }
        assert!(each(4, &[] as &[u64], slow).is_empty());
    }
}
