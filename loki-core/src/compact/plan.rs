//! What to do next with the segments of a tenant: a pure function of what is there.

use super::retention::DAY;
use crate::store::SegmentMeta;
use std::cmp::Reverse;

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
pub(crate) struct Goals<'a> {
    /// Segments are merged up to so many bytes.
    pub(crate) target_bytes: u64,
    /// Entries before this timestamp are too old, whichever stream they are of.
    pub(crate) cutoff: i64,
    /// Numbers of segments that are not rewritten now; they must not keep the others from being merged.
    pub(crate) apart: &'a [u64],
}

/// Segments are merged where all together weigh so many times the heaviest of them.
///
/// So a segment that is merged grows by this factor: from [`LIGHTEST_BYTES`] to twice the target a byte is rewritten some
/// four times. Fewer files would cost more writing.
const GROWTH: u64 = 4;
/// So many bytes a segment weighs at least: a small one costs its file and its footer, not its bytes.
const LIGHTEST_BYTES: u64 = 4 << 20;
/// So many segments are merged at once: a block of each is in memory.
const MOST_MERGED: usize = 32;

/// Chooses the next step for `segments`, which stand in their order.
///
/// Merged are only neighbours, so that the new segment can stand in their place and entries of one timestamp keep the
/// order in which they came. Of the neighbours that together have the right weight those are taken whose heaviest is
/// lightest, and of those as many as possible. A segment whose older half, or a day of it, is past the cutoff is rewritten
/// alone.
pub(crate) fn choose(segments: &[SegmentMeta], goals: Goals<'_>) -> Choice {
    let old: Vec<u64> = segments
        .iter()
        .filter(|s| s.max_timestamp < goals.cutoff)
        .map(|s| s.number)
        .collect();
    if !old.is_empty() {
        return Choice::Drop(old);
    }
    let is_free = |s: &SegmentMeta| !goals.apart.contains(&s.number);
    let worth_rewriting = |s: &&SegmentMeta| {
        let span = s.max_timestamp.saturating_sub(s.min_timestamp);
        is_free(s)
            && s.min_timestamp < goals.cutoff
            && goals.cutoff.saturating_sub(s.min_timestamp) > (span / 2).min(DAY)
    };
    if let Some(segment) = segments.iter().find(worth_rewriting) {
        return Choice::Merge(vec![segment.number]);
    }
    let runs = segments.split(|s| s.bytes >= goals.target_bytes || !is_free(s));
    let fitting = runs.flat_map(|run| fitting(run, goals.target_bytes.saturating_mul(2)));
    match fitting.min_by_key(|neighbours| (neighbours.heaviest, Reverse(neighbours.segments.len()))) {
        Some(neighbours) => Choice::Merge(neighbours.segments.iter().map(|s| s.number).collect()),
        None => Choice::Nothing,
    }
}

/// Neighbours that may be merged.
#[derive(Debug)]
struct Neighbours<'s> {
    segments: &'s [SegmentMeta],
    /// What the heaviest of them weighs.
    heaviest: u64,
}

/// All neighbours in `run` that together have the right weight and at most so many bytes.
fn fitting(run: &[SegmentMeta], most_bytes: u64) -> impl Iterator<Item = Neighbours<'_>> {
    (0..run.len()).flat_map(move |start| {
        let (mut bytes, mut weight, mut heaviest) = (0u64, 0u64, 0);
        let ends = run[start..].iter().zip(start + 1..).take(MOST_MERGED);
        ends.map_while(move |(segment, end)| {
            let weighs = segment.bytes.max(LIGHTEST_BYTES);
            bytes = bytes.saturating_add(segment.bytes);
            weight = weight.saturating_add(weighs);
            heaviest = weighs.max(heaviest);
            let fits = weight >= heaviest.saturating_mul(GROWTH);
            let segments = &run[start..end];
            (bytes <= most_bytes).then_some(fits.then_some(Neighbours { segments, heaviest }))
        })
        .flatten()
    })
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
            order: number,
            bytes,
            min_timestamp: *times.start(),
            max_timestamp: *times.end(),
            streams: 1,
            entries: 1,
            line_bytes: bytes,
            settled: true,
        }
    }

    const GOALS: Goals<'_> = Goals {
        target_bytes: 256 << 20,
        cutoff: i64::MIN,
        apart: &[],
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

    #[test]
    fn a_small_segment_among_large_ones_waits_for_neighbours() {
        let sizes = [1, 20 << 20, 1, 1, 1];
        let mut segments: Vec<_> = (1..).zip(sizes).map(|(n, bytes)| segment(n, bytes, 0..=1)).collect();
        assert_eq!(choose(&segments, GOALS), Choice::Nothing);
        segments.push(segment(6, 1, 0..=1));
        assert_eq!(choose(&segments, GOALS), Choice::Merge(vec![3, 4, 5, 6]));
    }

    #[test]
    fn what_cannot_be_read_holds_up_nothing_else() {
        let segments: Vec<_> = (1..=6).map(|n| segment(n, 1, 0..=100)).collect();
        let goals = |apart, cutoff| Goals { apart, cutoff, ..GOALS };
        assert_eq!(
            choose(&segments, goals(&[1], i64::MIN)),
            Choice::Merge(vec![2, 3, 4, 5, 6])
        );
        assert_eq!(choose(&segments, goals(&[3], i64::MIN)), Choice::Nothing);
        assert_eq!(choose(&segments[..1], goals(&[1], 90)), Choice::Nothing);
        assert_eq!(choose(&segments[..1], goals(&[1], 101)), Choice::Drop(vec![1]));
    }

    #[test]
    fn a_merge_takes_no_more_files_and_bytes_than_it_may() {
        let many: Vec<_> = (1..=100).map(|n| segment(n, 1, 0..=1)).collect();
        let Choice::Merge(first) = choose(&many, GOALS) else {
            panic!("there is something to merge")
        };
        assert_eq!(first, (1..=MOST_MERGED as u64).collect::<Vec<_>>());
        let large: Vec<_> = (1..=100).map(|n| segment(n, 200 << 20, 0..=1)).collect();
        assert_eq!(
            choose(&large, GOALS),
            Choice::Nothing,
            "four of them are too many bytes"
        );
    }

    /// A segment and which flushes are in it.
    type Simulated = (SegmentMeta, Vec<usize>);

    /// Merges as chosen until there is nothing to merge; answers how many bytes that wrote.
    fn settle(segments: &mut Vec<Simulated>, next_number: &mut u64) -> u64 {
        let mut written = 0;
        loop {
            let metas: Vec<_> = segments.iter().map(|(meta, _)| meta.clone()).collect();
            let Choice::Merge(numbers) = choose(&metas, GOALS) else {
                return written;
            };
            assert!(numbers.len() > 1);
            let (mut bytes, mut order, mut flushes) = (0, 0, Vec::new());
            for (meta, of) in segments.iter().filter(|(meta, _)| numbers.contains(&meta.number)) {
                bytes += meta.bytes;
                order = order.max(meta.order);
                flushes.extend(of);
            }
            segments.retain(|(meta, _)| !numbers.contains(&meta.number));
            *next_number += 1;
            let merged = segment(*next_number, bytes, 0..=1);
            segments.push((SegmentMeta { order, ..merged }, flushes));
            segments.sort_by_key(|(meta, _)| meta.order);
            written += bytes;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn merging_as_chosen_keeps_the_order_and_ends_with_few_files_and_little_writing(
            flushes in proptest::collection::vec(prop_oneof![1u64..8 << 20, 1u64..300 << 20, Just(1u64), Just(4 << 20)], 1..200),
            pause in 1usize..40,
        ) {
            let (mut segments, mut number, mut written) = (Vec::new(), 0, 0);
            for (n, &bytes) in flushes.iter().enumerate() {
                number += 1;
                segments.push((segment(number, bytes, 0..=1), vec![n]));
                if n % pause == 0 {
                    written += settle(&mut segments, &mut number);
                }
            }
            written += settle(&mut segments, &mut number);
            let order: Vec<usize> = segments.iter().flat_map(|(_, flushes)| flushes.clone()).collect();
            prop_assert_eq!(order, (0..flushes.len()).collect::<Vec<_>>());
            let total: u64 = flushes.iter().sum();
            prop_assert!(segments.len() as u64 <= total / (10 << 20) + 12, "{} files for {total} bytes", segments.len());
            // Every byte four times, and for each flush what a segment of the lowest weight has.
            let most = 4 * total + flushes.len() as u64 * LIGHTEST_BYTES;
            prop_assert!(written <= most, "{written} bytes written for {total}");
        }
    }
}
