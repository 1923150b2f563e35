//! Laying out for good what a flush laid out in haste: which segment is due, and the blocks of it.

use crate::Period;
use crate::store::SegmentMeta;
use loki_chunk::{Block, BlockColumns, BlockHeader, ColumnSet, Compressor, Error, Layout};
use std::sync::{Mutex, PoisonError};

/// When segments of a tenant are settled: as soon as they are full-grown, and otherwise once nothing has been flushed for a
/// while. Until then a merge may come along, which settles what it touches.
#[derive(Debug, Default)]
pub(crate) struct SettleTurn(Mutex<Option<Newest>>);

/// The newest segment that is not settled.
#[derive(Debug, Clone, Copy)]
struct Newest {
    number: u64,
    /// When it was first looked at.
    since: i64,
}

impl SettleTurn {
    /// The number of a segment that is due at `now`.
    pub(crate) fn take<'s>(
        &self,
        segments: impl Iterator<Item = &'s SegmentMeta>,
        target_bytes: u64,
        patience: Period,
        now: i64,
    ) -> Option<u64> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unsettled: Vec<&SegmentMeta> = segments.filter(|segment| !segment.settled).collect();
        let Some(number) = unsettled.iter().map(|segment| segment.number).max() else {
            *newest = None;
            return None;
        };
        let since = match *newest {
            Some(known) if known.number == number => known.since,
            _ => now,
        };
        *newest = Some(Newest { number, since });
        let is_quiet = now >= since.saturating_add(patience.as_nanos());
        let due = unsettled
            .iter()
            .filter(|segment| is_quiet || segment.bytes >= target_bytes);
        due.map(|segment| segment.number).min()
    }

    /// When a segment will be due if nothing more is flushed.
    pub(crate) fn next(&self, patience: Period) -> Option<i64> {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.map(|newest| newest.since.saturating_add(patience.as_nanos()))
    }
}

/// A block made anew with all that `compressor` can do; `None` where it stays as it is.
///
/// # Errors
///
/// What reading the block answers.
pub(super) fn settled(
    header: &BlockHeader,
    data: &[u8],
    columns: &mut BlockColumns,
    compressor: &mut Compressor,
) -> Result<Option<Block>, Error> {
    if header.layout == Layout::Typed {
        return Ok(None);
    }
    columns.clear();
    columns.read(header, data, ColumnSet::ALL)?;
    // The same entries plain are what is there already.
    let plain_bytes = match header.encoding == compressor.encoding() {
        true => usize::MAX,
        false => 0,
    };
    let block = columns.seal_below(compressor, plain_bytes)?;
    Ok((block.data.len() < data.len()).then_some(block))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u64, bytes: u64, settled: bool) -> SegmentMeta {
        SegmentMeta {
            number,
            order: number,
            bytes,
            min_timestamp: 0,
            max_timestamp: 0,
            streams: 1,
            entries: 1,
            line_bytes: bytes,
            settled,
        }
    }

    #[test]
    fn segments_are_settled_oldest_first_once_it_is_quiet() {
        let (turn, patience) = (SettleTurn::default(), Period::seconds(60));
        let second = |n: i64| n * 1_000_000_000;
        let mut segments = vec![segment(1, 10, false), segment(2, 10, true)];
        let take = |segments: &[SegmentMeta], now| turn.take(segments.iter(), 100, patience, now);
        assert_eq!(take(&segments, 0), None);
        assert_eq!(turn.next(patience), Some(second(60)));
        segments.push(segment(3, 10, false));
        assert_eq!(take(&segments, second(59)), None);
        assert_eq!(take(&segments, second(60)), None, "a flush came between");
        assert_eq!(take(&segments, second(119)), Some(1));
        segments[0].settled = true;
        assert_eq!(take(&segments, second(119)), Some(3));
        segments[2].settled = true;
        assert_eq!(take(&segments, second(119)), None);
        assert_eq!(turn.next(patience), None);
    }

    #[test]
    fn a_full_grown_segment_does_not_wait() {
        let turn = SettleTurn::default();
        let segments = [segment(1, 10, false), segment(2, 100, false)];
        assert_eq!(turn.take(segments.iter(), 100, Period::seconds(60), 0), Some(2));
    }
}
