//! The threads that queries share.

use std::sync::OnceLock;

/// A pool of threads that is started by the first call that needs it.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: usize,
    pool: OnceLock<Option<rayon::ThreadPool>>,
}

impl Pool {
    /// A pool of `threads` threads; 0: one a core.
    pub(crate) fn new(threads: usize) -> Pool {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Pool {
            threads: if threads == 0 { cores() } else { threads },
            pool: OnceLock::new(),
        }
    }

    /// How many calls can run at once.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` on `times` threads, the caller's among them, and waits for all.
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
                    scope.spawn(|_| work());
                }
                work();
            }),
        }
    }
}
