//! The threads that queries share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pool of threads that is started by the first call that needs it.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: usize,
    pool: OnceLock<Option<rayon::ThreadPool>>,
    /// How many threads of the pool have work.
    busy: AtomicUsize,
}

impl Pool {
    /// A pool of `threads` threads; 0: one a core.
    pub(crate) fn new(threads: usize) -> Pool {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Pool {
            threads: if threads == 0 { cores() } else { threads },
            pool: OnceLock::new(),
            busy: AtomicUsize::new(0),
        }
    }

    /// How many calls can run at once.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` on up to `times` threads, the caller's among them, and waits for all.
    ///
    /// Only threads that are free take part: whoever waited for others would wait until the queries of those are done, even
    /// with nothing left to do.
    pub(crate) fn run(&self, times: usize, work: &(dyn Fn() + Sync)) {
        let build = || {
            rayon::ThreadPoolBuilder::new()
                .num_threads(self.threads)
                .thread_name(|i| format!("query-{i}"))
        };
        // Where no thread can be had the caller does all the work.
        match self.pool.get_or_init(|| build().build().ok()) {
            None => work(),
            Some(pool) => pool.in_place_scope(|scope| {
                for _ in 1..times {
                    let Some(busy) = self.take() else { break };
                    scope.spawn(move |_| {
                        let _busy = busy;
                        work();
                    });
                }
                work();
            }),
        }
    }

    /// A thread that is free; it is again once the answer is dropped.
    fn take(&self) -> Option<Busy<'_>> {
        let one_more = |busy| (busy < self.threads).then_some(busy + 1);
        let taken = self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.ok().map(|_| Busy(&self.busy))
    }
}

/// A thread that has work, also where that panics.
#[derive(Debug)]
struct Busy<'p>(&'p AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Barrier, mpsc};
    use std::time::Duration;

    #[test]
    fn a_call_does_not_wait_for_threads_that_others_keep_busy() {
        let pool = Pool::new(2);
        let (begun, held) = (Barrier::new(4), Barrier::new(4));
        let (done, is_done) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pool.run(3, &|| {
                    begun.wait();
                    held.wait();
                });
            });
            begun.wait();
            scope.spawn(|| {
                let calls = AtomicUsize::new(0);
                pool.run(3, &|| _ = calls.fetch_add(1, Ordering::Relaxed));
                done.send(calls.into_inner())
            });
            let calls = is_done.recv_timeout(Duration::from_secs(20));
            held.wait();
            assert_eq!(calls, Ok(1), "the caller does all the work");
        });
        let calls = AtomicUsize::new(0);
        pool.run(3, &|| _ = calls.fetch_add(1, Ordering::Relaxed));
        assert_eq!(calls.into_inner(), 3, "they are free again");
    }
}
