//! How much a query may read.

use crate::{ByteSize, Limits};
use loki_logql::{Error, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a query has selected, held against what it may read.
#[derive(Debug)]
pub(crate) struct ReadLimit {
    selected_bytes: AtomicU64,
    query: ByteSize,
    querier: ByteSize,
}

impl ReadLimit {
    /// The limits of a tenant for one query.
    pub(crate) fn new(limits: &Limits) -> ReadLimit {
        ReadLimit {
            selected_bytes: AtomicU64::new(0),
            query: limits.max_query_bytes_read,
            querier: limits.max_querier_bytes_read,
        }
    }

    /// Whether a selection of so many bytes at most is allowed, whatever it comes to.
    pub(super) fn allows(&self, bytes: u64) -> bool {
        let bytes = ByteSize(self.selected_bytes.load(Relaxed).saturating_add(bytes));
        [self.query, self.querier]
            .into_iter()
            .all(|limit| limit == ByteSize(0) || bytes <= limit)
    }

    /// Counts what a selection of the query would read, before anything of it is read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] with Loki's text.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Error> {
        let bytes = ByteSize(self.selected_bytes.fetch_add(bytes, Relaxed).saturating_add(bytes));
        let exceeded = |limit, most: ByteSize, begin: &str, end: &str| {
            let (found, most) = (bytes.iec(), most.iec());
            let message = format!("{begin} (query: {found}, limit: {most}); consider adding more specific {end}");
            Err(Error::new(ErrorKind::Limit { limit, message }))
        };
        if self.query > ByteSize(0) && bytes > self.query {
            return exceeded(
                "max_query_bytes_read",
                self.query,
                "the query would read too many bytes",
                "stream selectors or reduce the time range of the query",
            );
        }
        if self.querier > ByteSize(0) && bytes > self.querier {
            return exceeded(
                "max_querier_bytes_read",
                self.querier,
                "query too large to execute on a single querier:",
                "stream selectors, reduce the time range of the query, or adjust parallelization settings",
            );
        }
        Ok(())
    }
}
