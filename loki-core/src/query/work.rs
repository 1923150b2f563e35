//! Work that the threads of one query share.

use crate::pool::Pool;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Says to all threads of some work that one of them has failed.
#[derive(Debug, Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Calls `work` on so many threads, until all are done or one has failed.
///
/// # Errors
///
/// What the first that failed answered.
pub(super) fn share_work<E: Send>(
    pool: &Pool,
    threads: usize,
    work: &(dyn Fn(&Stop) -> Result<(), E> + Sync),
) -> Result<(), E> {
    let stop = Stop::default();
    if threads <= 1 {
        return work(&stop);
    }
    let failure = Mutex::new(None);
    pool.run(threads, &|| {
        if let Err(error) = work(&stop) {
            stop.0.store(true, Ordering::Relaxed);
            lock(&failure).get_or_insert(error);
        }
    });
    into_inner(failure).map_or(Ok(()), Err)
}

/// What a lock guards is whole after every step, so a panic of its holder does no harm.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], once nobody shares it any more.
pub(super) fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
