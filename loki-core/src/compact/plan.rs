//! What to do next with the segments of a tenant: a pure function of what is there.

use super::retention::DAY;
use crate::store::SegmentMeta;

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Everything is as it should be.
    Nothing,
    /// These segments hold only entries that are too old.
    Drop(Vec<u64>),
    /// These segments become one; entries that are too old are left out.
    Merge(Vec<u64>),
}

/// What the choice depends on besides the segments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goals {
    /// Segments are merged up to so many bytes.
    pub(crate) target_bytes: u64,
    /// Entries before this timestamp are too old, whichever stream they are of.
    pub(crate) cutoff: i64,
}

/// Segments within this factor of each other are of one size class.
const CLASS_FACTOR: u64 = 4;
/// So many segments of one class are merged.
const CLASS_FULL: usize = 4;
/// Below so many bytes all segments are of one class: they cost a file and a footer each, not their bytes.
const SMALLEST_CLASS_BYTES: u64 = 4 << 20;

/// Chooses the next step for `segments`.
///
/// Classic size-tiered compaction: as soon as there are [`CLASS_FULL`] segments of about one size they become one,
/// so that every byte is rewritten about once for each class it passes through. A segment whose older half, or a day of
/// it, is past the cutoff is rewritten alone.
pub(crate) fn choose(segments: &[SegmentMeta], goals: Goals) -> Choice {
    let old: Vec<u64> = segments
        .iter()
        .filter(|s| s.max_timestamp < goals.cutoff)
        .map(|s| s.number)
        .collect();
    if !old.is_empty() {
        return Choice::Drop(old);
    }
    let worth_rewriting = |s: &&SegmentMeta| {
        let span = s.max_timestamp.saturating_sub(s.min_timestamp);
        s.min_timestamp < goals.cutoff && goals.cutoff.saturating_sub(s.min_timestamp) > (span / 2).min(DAY)
    };
    if let Some(segment) = segments.iter().find(worth_rewriting) {
        return Choice::Merge(vec![segment.number]);
    }
    let mut small: Vec<&SegmentMeta> = segments.iter().filter(|s| s.bytes < goals.target_bytes).collect();
    small.sort_by_key(|s| s.bytes);
    let mut rest = &small[..];
    while let Some(smallest) = rest.first() {
        let ceiling = smallest.bytes.max(SMALLEST_CLASS_BYTES).saturating_mul(CLASS_FACTOR);
        let class = rest.partition_point(|s| s.bytes < ceiling);
        let mut bytes = 0;
        let fitting = rest[..class].iter().take_while(|s| {
            bytes += s.bytes;
            bytes <= goals.target_bytes.saturating_mul(2)
        });
        let chosen: Vec<u64> = fitting.map(|s| s.number).collect();
        if chosen.len() >= CLASS_FULL {
            return Choice::Merge(chosen);
        }
        rest = &rest[class..];
    }
    Choice::Nothing
}

/// The place of the oldest of `segments`, where all together take more than `most` bytes; 0: there is no limit.
pub(crate) fn oldest_beyond<'s>(segments: impl Iterator<Item = &'s SegmentMeta> + Clone, most: u64) -> Option<usize> {
    let bytes: u64 = segments.clone().map(|segment| segment.bytes).sum();
    let oldest = segments.enumerate().min_by_key(|(_, segment)| segment.max_timestamp);
    oldest.map(|(place, _)| place).filter(|_| most > 0 && bytes > most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(number: u64, bytes: u64, times: std::ops::RangeInclusive<i64>) -> SegmentMeta {
        SegmentMeta {
            number,
            bytes,
            min_timestamp: *times.start(),
            max_timestamp: *times.end(),
            streams: 1,
            entries: 1,
            line_bytes: bytes,
        }
    }

    const GOALS: Goals = Goals {
        target_bytes: 256 << 20,
        cutoff: i64::MIN,
    };

    #[test]
    fn four_of_a_size_are_merged_and_three_are_left() {
        let three: Vec<_> = (1..=3).map(|n| segment(n, 1 << 20, 0..=1)).collect();
        assert_eq!(choose(&three, GOALS), Choice::Nothing);
        let four: Vec<_> = (1..=4).map(|n| segment(n, 1 << 20, 0..=1)).collect();
        assert_eq!(choose(&four, GOALS), Choice::Merge(vec![1, 2, 3, 4]));
    }

    #[test]
    fn segments_that_are_too_old_are_dropped_and_half_old_ones_rewritten() {
        let segments = [
            segment(1, 10, 0..=99),
            segment(2, 10, 0..=199),
            segment(3, 10, 90..=500),
        ];
        let goals = |cutoff| Goals { cutoff, ..GOALS };
        assert_eq!(choose(&segments, goals(100)), Choice::Drop(vec![1]));
        assert_eq!(choose(&segments[1..], goals(101)), Choice::Merge(vec![2]));
        assert_eq!(choose(&segments[2..], goals(101)), Choice::Nothing);
    }

    #[test]
    fn beyond_the_limit_the_oldest_goes() {
        let segments = [
            segment(1, 10, 50..=99),
            segment(2, 10, 0..=60),
            segment(3, 10, 90..=500),
        ];
        assert_eq!(oldest_beyond(segments.iter(), 29), Some(1));
        assert_eq!(oldest_beyond(segments.iter(), 30), None);
        assert_eq!(oldest_beyond(segments.iter(), 0), None);
    }

    proptest! {
        #[test]
        fn merging_as_chosen_ends_with_few_segments(sizes in proptest::collection::vec(1u64..64 << 20, 1..60)) {
            let mut segments: Vec<_> =
                sizes.iter().enumerate().map(|(n, &bytes)| segment(n as u64, bytes, 0..=1)).collect();
            let mut steps = 0;
            while let Choice::Merge(numbers) = choose(&segments, GOALS) {
                prop_assert!(numbers.len() > 1);
                let bytes = segments.iter().filter(|s| numbers.contains(&s.number)).map(|s| s.bytes).sum();
                segments.retain(|s| !numbers.contains(&s.number));
                segments.push(segment(1000 + steps, bytes, 0..=1));
                steps += 1;
                prop_assert!(steps < 100);
            }
            let total: u64 = sizes.iter().sum();
            prop_assert!(segments.len() as u64 <= total / GOALS.target_bytes + 4 * 3 + 1);
        }
    }
}
