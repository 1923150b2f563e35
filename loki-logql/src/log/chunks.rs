//! The entries of a batch in the order in which a log query looks at them: a few, then ever more.

use crate::Direction;
use std::ops::Range;

/// So many entries of a batch are looked at first: often they are the answer.
const FIRST_ENTRIES: usize = 256;
/// How many times as many are looked at next.
const GROWTH: usize = 4;

/// What is left of a batch.
#[derive(Debug)]
pub(super) struct Chunks {
    direction: Direction,
    rest: Range<usize>,
    size: usize,
}

impl Chunks {
    /// Of the entries in `range`, for a query of up to `limit` lines.
    pub(super) fn new(direction: Direction, range: Range<usize>, limit: usize) -> Chunks {
        Chunks {
            direction,
            rest: range,
            size: FIRST_ENTRIES.max(limit),
        }
    }

    /// The entries that come next, as far as they are wanted: `is_settled` says of a time that nothing from there on is, in the
    /// direction of the query. `None` where nothing more is wanted.
    pub(super) fn next(&mut self, timestamps: &[i64], is_settled: impl Fn(i64) -> bool) -> Option<Range<usize>> {
        let Range { start, end } = self.rest;
        let (chunk, rest) = match self.direction {
            Direction::Forward => {
                let cut = end.min(start.saturating_add(self.size));
                (start..cut, cut..end)
            }
            Direction::Backward => {
                let cut = start.max(end.saturating_sub(self.size));
                (cut..end, start..cut)
            }
        };
        self.rest = rest;
        self.size = self.size.saturating_mul(GROWTH);
        let times = &timestamps[chunk.clone()];
        let wanted = match self.direction {
            Direction::Forward => chunk.start..chunk.start + times.partition_point(|&time| !is_settled(time)),
            Direction::Backward => chunk.start + times.partition_point(|&time| is_settled(time))..chunk.end,
        };
        (!wanted.is_empty()).then_some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_that_is_wanted_comes_once_and_nothing_behind(
            steps in proptest::collection::vec(0..3i64, 0..3_000),
            bound in -10..3_000i64,
            limit in 0..600usize,
        ) {
            let timestamps: Vec<i64> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
            let all = 0..timestamps.len();
            let mut chunks = Chunks::new(Direction::Forward, all.clone(), limit);
            let mut seen = Vec::new();
            while let Some(chunk) = chunks.next(&timestamps, |time| time > bound) {
                seen.extend(chunk);
            }
            let wanted: Vec<usize> = all.clone().filter(|&entry| timestamps[entry] <= bound).collect();
            prop_assert_eq!(seen, wanted);

            let mut chunks = Chunks::new(Direction::Backward, all.clone(), limit);
            let mut seen = Vec::new();
            while let Some(chunk) = chunks.next(&timestamps, |time| time < bound) {
                seen.extend(chunk.rev());
            }
            let wanted: Vec<usize> = all.rev().filter(|&entry| timestamps[entry] >= bound).collect();
            prop_assert_eq!(seen, wanted);
        }
    }
}
