//! What one evaluation may hold in memory, counted across its workers.

use crate::{Error, ErrorKind, Request, Source};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The memory of one evaluation, and who ends it.
pub(crate) struct Budget<'a> {
    source: &'a dyn Source,
    limit_bytes: usize,
    used_bytes: AtomicUsize,
    cancel: Option<&'a AtomicBool>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(source: &'a dyn Source, request: &'a Request) -> Budget<'a> {
        Budget {
            source,
            limit_bytes: request.limits.max_memory_bytes,
            used_bytes: AtomicUsize::new(0),
            cancel: request.cancel.as_deref(),
        }
    }

    /// Counts `bytes` more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] if that is too much.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), Error> {
        let before = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        let now = before.saturating_add(bytes);
        if now <= self.limit_bytes {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Limit {
            limit: "max_query_memory",
            message: format!(
                "the query needs more memory than max_query_memory allows ({now} > {} bytes); reduce the time range, the number of series or the limit",
                self.limit_bytes
            ),
        }))
    }

    /// Gives back `bytes` that were charged.
    pub(crate) fn release(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// # Errors
    ///
    /// [`ErrorKind::Cancelled`] once the caller wants no answer any more, or the source is past its deadline.
    pub(crate) fn check_wanted(&self) -> Result<(), Error> {
        match self.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::new(ErrorKind::Cancelled)),
            _ => self.source.check_wanted(),
        }
    }
}

/// One owner's share of a [`Budget`], kept level with a size that the owner knows.
#[derive(Debug, Default)]
pub(crate) struct Share {
    charged_bytes: usize,
    /// Entries since the budget was last looked at.
    entries: u32,
}

/// After so many entries the budget is looked at, and whether an answer is still wanted.
const CHECK_ENTRIES: u32 = 256;
/// The same after so many more bytes: few entries may bring many.
const CHECK_BYTES: usize = 1 << 20;

impl Share {
    /// Called for every entry, with a size of `bytes` that the owner has now: charges it as [`set`](Share::set) does, and
    /// asks whether an answer is still wanted, but not every time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] if it is too much, [`ErrorKind::Cancelled`].
    pub(crate) fn entry(&mut self, budget: &Budget<'_>, bytes: usize) -> Result<(), Error> {
        self.entries += 1;
        if self.entries < CHECK_ENTRIES && bytes < self.charged_bytes.saturating_add(CHECK_BYTES) {
            return Ok(());
        }
        self.entries = 0;
        budget.check_wanted()?;
        self.set(budget, bytes)
    }

    /// Charges what `bytes` is more than before, gives back what it is less.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] if that is too much.
    pub(crate) fn set(&mut self, budget: &Budget<'_>, bytes: usize) -> Result<(), Error> {
        let before = std::mem::replace(&mut self.charged_bytes, bytes);
        if bytes >= before {
            budget.charge(bytes - before)
        } else {
            budget.release(before - bytes);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemorySource;
    use crate::{Limits, Time};

    #[test]
    fn charges_beyond_the_limit_name_it() {
        let request = Request {
            limits: Limits {
                max_memory_bytes: 10,
                ..Limits::default()
            },
            ..Request::new(Time::Instant(0))
        };
        let source = MemorySource::new();
        let budget = Budget::new(&source, &request);
        let mut share = Share::default();
        assert_eq!(share.set(&budget, 10), Ok(()));
        assert_eq!(share.set(&budget, 4), Ok(()));
        assert_eq!(budget.charge(6), Ok(()));
        let error = budget.charge(1).expect_err("the budget is spent");
        assert!(matches!(
            error.kind(),
            ErrorKind::Limit {
                limit: "max_query_memory",
                ..
            }
        ));
    }
}
