//! Counts over time.

use std::collections::{BTreeMap, VecDeque};

/// Nanoseconds of one bucket.
pub(super) const BUCKET: i64 = 10 * 1_000_000_000;
/// Buckets further apart than this from the first of a run begin another run.
const RUN: i64 = 3600 * 1_000_000_000;
/// Most buckets kept: those of the time for which patterns are kept, and some from the near future.
const MAX_BUCKETS: usize = 1200;

/// How many lines there were in each bucket of time.
///
/// Invariant: ascending, each bucket once, no more than [`MAX_BUCKETS`].
#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<(i64, u32)>);

impl Samples {
    /// Counts a line at `timestamp`.
    pub(super) fn count(&mut self, timestamp: i64) {
        let bucket = timestamp.div_euclid(BUCKET).saturating_mul(BUCKET);
        let place = match self.0.back() {
            Some(&(last, _)) if last == bucket => self.0.len() - 1,
            Some(&(last, _)) if last > bucket => self.0.partition_point(|&(known, _)| known < bucket),
            _ => self.0.len(),
        };
        match self.0.get_mut(place) {
            Some((known, count)) if *known == bucket => *count = count.saturating_add(1),
            _ => {
                self.0.insert(place, (bucket, 1));
                if self.0.len() > MAX_BUCKETS {
                    self.0.pop_front();
                }
            }
        }
    }

    /// Forgets the buckets before `cutoff`.
    pub(super) fn forget(&mut self, cutoff: i64) {
        let old = self.0.partition_point(|&(bucket, _)| bucket < cutoff);
        self.0.drain(..old);
        if self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to_fit();
        }
    }

    /// Number of buckets.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds the counts in `start..end` to `sums`, at multiples of `step`; between two buckets of one run also zeros.
    pub(super) fn add_to(&self, sums: &mut BTreeMap<i64, u64>, start: i64, end: i64, step: i64) {
        let mut run: Option<(i64, i64)> = None;
        for &(bucket, count) in self.0.iter().filter(|(bucket, _)| (start..end).contains(bucket)) {
            let time = bucket.div_euclid(step).saturating_mul(step);
            run = match run {
                Some((first, last)) if bucket.saturating_sub(first) < RUN => {
                    let mut between = last.saturating_add(step);
                    while between < time {
                        sums.entry(between).or_default();
                        between = between.saturating_add(step);
                    }
                    Some((first, time))
                }
                _ => Some((bucket, time)),
            };
            *sums.entry(time).or_default() += u64::from(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn sums(samples: &Samples, step: i64) -> Vec<(i64, u64)> {
        let mut sums = BTreeMap::new();
        samples.add_to(&mut sums, i64::MIN, i64::MAX, step * SECOND);
        sums.into_iter().map(|(time, count)| (time / SECOND, count)).collect()
    }

    #[test]
    fn gaps_in_a_run_are_zeros_and_others_are_gaps() {
        let mut samples = Samples::default();
        for second in [100, 109, 135, 7200, 130] {
            samples.count(second * SECOND);
        }
        assert_eq!(sums(&samples, 10), [(100, 2), (110, 0), (120, 0), (130, 2), (7200, 1)]);
        assert_eq!(sums(&samples, 60), [(60, 2), (120, 2), (7200, 1)]);
        samples.forget(130 * SECOND);
        assert_eq!(sums(&samples, 10), [(130, 2), (7200, 1)]);
    }

    proptest! {
        #[test]
        fn every_line_is_counted_in_order_whatever_order_it_comes_in(
            seconds in prop::collection::vec(0i64..3000, 1..200),
            step in 10i64..100,
        ) {
            let mut samples = Samples::default();
            seconds.iter().for_each(|second| samples.count(second * SECOND));
            let sums = sums(&samples, step);
            prop_assert_eq!(sums.iter().map(|(_, count)| count).sum::<u64>(), seconds.len() as u64);
            prop_assert!(sums.iter().all(|(time, _)| time % step == 0));
        }

        #[test]
        fn buckets_are_bounded(seconds in prop::collection::vec(any::<i32>(), 1300..1500)) {
            let mut samples = Samples::default();
            seconds.iter().for_each(|&second| samples.count(i64::from(second) * SECOND));
            prop_assert!(samples.len() <= MAX_BUCKETS);
            prop_assert!(samples.0.iter().zip(samples.0.iter().skip(1)).all(|(a, b)| a.0 < b.0));
        }
    }
}
