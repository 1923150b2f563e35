//! A delete request compiled: which entries it names.

use super::request::DeleteQuery;
use crate::Error;
use crate::query::{columns_of, lower, raise_metadata};
use loki_chunk::BlockColumns;
use loki_index::Predicate;
use loki_logql::{EntryFilter, Labels};
use std::sync::Arc;

/// Names entries: of which streams, in which time, with which lines.
#[derive(Debug)]
pub(crate) struct DeleteFilter {
    predicates: Vec<Predicate>,
    entries: EntryFilter,
    start: i64,
    /// Inclusive.
    end: i64,
}

impl DeleteFilter {
    /// # Errors
    ///
    /// A stage or a matcher that does not compile.
    pub(crate) fn compile(query: &DeleteQuery, start: i64, end: i64) -> Result<DeleteFilter, Error> {
        let entries = EntryFilter::compile(&query.log)?;
        let predicates = lower(entries.matchers())?;
        Ok(DeleteFilter {
            predicates,
            entries,
            start,
            end,
        })
    }

    /// Whether it can name entries of this stream.
    pub(super) fn selects(&self, stream: &Labels) -> bool {
        self.predicates
            .iter()
            .all(|predicate| predicate.matches(stream.value(predicate.name()).unwrap_or("")))
    }

    /// The conditions on streams.
    pub(super) fn predicates(&self) -> &[Predicate] {
        &self.predicates
    }

    /// First and last timestamp.
    pub(super) fn times(&self) -> (i64, i64) {
        (self.start, self.end)
    }

    /// Whether it can name entries of this time.
    pub(crate) fn overlaps(&self, min_timestamp: i64, max_timestamp: i64) -> bool {
        self.start <= max_timestamp && min_timestamp <= self.end
    }

    /// Whether it names every entry of this time.
    pub(crate) fn covers(&self, min_timestamp: i64, max_timestamp: i64) -> bool {
        self.entries.passes_all() && self.start <= min_timestamp && max_timestamp <= self.end
    }
}

/// Those of `filters` that can name entries of a stream.
pub(crate) fn stream_filters(filters: &[Arc<DeleteFilter>], stream: &Labels) -> Vec<Arc<DeleteFilter>> {
    filters
        .iter()
        .filter(|filter| filter.selects(stream))
        .cloned()
        .collect()
}

/// The places of the entries of a stream that none of `filters` names; `None` where all remain. Which filter removed
/// which entry first is told to `removed`. All columns must be there.
pub(crate) fn remaining(
    filters: &[Arc<DeleteFilter>],
    stream: &Labels,
    columns: &BlockColumns,
    removed: &mut dyn FnMut(&Arc<DeleteFilter>, usize),
) -> Option<Vec<u32>> {
    let timestamps = columns.timestamps();
    let (min, max) = (*timestamps.first()?, *timestamps.last()?);
    let mut metadata = Vec::new();
    let mut gone: Vec<bool> = Vec::new();
    let mut named = Vec::new();
    for filter in filters.iter().filter(|filter| filter.overlaps(min, max)) {
        if gone.is_empty() {
            raise_metadata(columns, &mut metadata);
            gone.resize(timestamps.len(), false);
        }
        let first = timestamps.partition_point(|&t| t < filter.start);
        let end = timestamps.partition_point(|&t| t <= filter.end);
        filter
            .entries
            .select(stream, &columns_of(columns, &metadata), first..end, &mut named);
        for &entry in &named {
            if !std::mem::replace(&mut gone[entry as usize], true) {
                removed(filter, entry as usize);
            }
        }
    }
    if !gone.contains(&true) {
        return None;
    }
    let places = (0u32..).zip(&gone).filter(|(_, gone)| !**gone);
    Some(places.map(|(place, _)| place).collect())
}
