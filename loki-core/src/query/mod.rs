//! Finding records: which segments, streams and blocks a query reads, and in which order.

mod batch;
mod block_ref;
mod check;
mod detected;
mod finder;
mod found;
mod metadata;
mod overlap;
mod parting;
mod queue;
mod rank;
mod read_limit;
mod required;
mod scope;
mod select;
mod source;
mod stats;
mod turns;
mod unit;
mod volume;
mod work;

pub(crate) use batch::{columns_of, raise_metadata};
pub(crate) use check::{
    check, check_blocked, clamp, entries_returned, is_forgotten, is_unseen, nothing, oldest, timed_out,
};
pub(crate) use detected::{detected_field_values, detected_fields, detected_labels, sample};
pub(crate) use read_limit::ReadLimit;
pub(crate) use scope::{Scope, TENANT};
pub(crate) use select::{Parts, lower, selectors};
pub(crate) use source::EngineSource;
pub(crate) use stats::StatsCounter;
pub(crate) use volume::{VolumeBounds, any_selector, check_volume, volume};
