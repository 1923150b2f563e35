//! Finding records: which segments, streams and blocks a query reads, and in which order.

mod batch;
mod block_ref;
mod check;
mod metadata;
mod select;
mod source;
mod stats;

pub(crate) use check::{check, check_blocked, clamp, entries_returned, timed_out};
pub(crate) use metadata::{index_stats, label_names, label_values, series};
pub(crate) use select::{Parts, lower, selectors};
pub(crate) use source::EngineSource;
pub(crate) use stats::StatsCounter;
