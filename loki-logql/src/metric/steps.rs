//! The times at which a metric query is evaluated, and which of them an entry counts at.

use std::ops::Range;

/// The evaluation times `start`, `start + step`, … of one request, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    start: i64,
    step: i64,
    count: u32,
}

impl Steps {
    /// The one time `at`.
    pub(crate) fn instant(at: i64) -> Steps {
        Steps {
            start: at,
            step: 1,
            count: 1,
        }
    }

    /// `start`, `start + step`, … up to and including `end`. `None`: `step` is not positive, or there are more than
    /// 2^31 times.
    pub(crate) fn range(start: i64, end: i64, step: i64) -> Option<Steps> {
        if step <= 0 {
            return None;
        }
        let span = i128::from(end) - i128::from(start);
        let count = if span < 0 { 0 } else { span / i128::from(step) + 1 };
        let count = u32::try_from(count).ok().filter(|&n| n < 1 << 31)?;
        Some(Steps { start, step, count })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The time of step `k < count`.
    pub(crate) fn time(&self, k: u32) -> i64 {
        // The last time is at most `end`, so that no sum overflows.
        self.start + i64::from(k) * self.step
    }

    /// The first step at or after `time`, `count` if there is none.
    fn first_at_or_after(&self, time: i128) -> u32 {
        let since = time - i128::from(self.start);
        if since <= 0 {
            return 0;
        }
        let step = i128::from(self.step);
        u32::try_from((since + step - 1) / step).map_or(self.count, |k| k.min(self.count))
    }
}

/// The windows of one log range at all steps: an entry counts at step time `t` if `t - offset - range < timestamp <=
/// t - offset`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    steps: Steps,
    range: i64,
    offset: i64,
}

/// Neighbouring timestamps that are in the same windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// The steps at whose windows they are; may be empty.
    pub(crate) steps: Range<u32>,
    /// The last timestamp of which that is true.
    pub(crate) last: i64,
}

impl Windows {
    /// The windows of `[range] offset offset`.
    pub(crate) fn new(steps: Steps, range: i64, offset: i64) -> Windows {
        Windows { steps, range, offset }
    }

    /// The steps whose windows these are.
    pub(crate) fn steps(&self) -> Steps {
        self.steps
    }

    /// Length of each window in seconds.
    pub(crate) fn range_seconds(&self) -> f64 {
        self.range as f64 / 1e9
    }

    /// The timestamps that are in a window, or between two of them: first, and one behind the last.
    pub(crate) fn bounds(&self) -> Range<i64> {
        let Some(last) = self.steps.count.checked_sub(1) else {
            return 0..0;
        };
        let (first, _) = self.window(0);
        let (_, last) = self.window(last);
        clamp(first + 1)..clamp(last + 1)
    }

    /// The window of step `k`: start, exclusive, and end, inclusive.
    pub(crate) fn window(&self, k: u32) -> (i128, i128) {
        let end = i128::from(self.steps.time(k)) - i128::from(self.offset);
        (end - i128::from(self.range), end)
    }

    /// The windows that hold `timestamp`, and up to which timestamp the answer stays the same.
    pub(crate) fn span(&self, timestamp: i64) -> Span {
        let entered = i128::from(timestamp) + i128::from(self.offset);
        let left = entered + i128::from(self.range);
        let first = self.steps.first_at_or_after(entered);
        let behind = self.steps.first_at_or_after(left).max(first);
        let mut last = i128::from(i64::MAX);
        if first < self.steps.count {
            // At the end of window `first` the next timestamp is in that window no more.
            last = self.window(first).1;
        }
        if behind < self.steps.count {
            // The next window begins behind its start.
            last = last.min(self.window(behind).0);
        }
        Span {
            steps: first..behind,
            last: clamp(last),
        }
    }

    /// Whether every timestamp of `bounds` is in a window: the range is no shorter than the step.
    pub(crate) fn leave_no_gap(&self) -> bool {
        self.range >= self.steps.step || self.steps.count <= 1
    }
}

fn clamp(time: i128) -> i64 {
    i64::try_from(time).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
}

/// The first place in `timestamps`, at or behind `from`, with a timestamp greater than `last`: gallops, because the
/// place is mostly near.
pub(crate) fn skip_through(timestamps: &[i64], from: usize, last: i64) -> usize {
    let rest = &timestamps[from..];
    let mut behind = 1;
    while behind < rest.len() && rest[behind] <= last {
        behind *= 2;
    }
    let begin = behind / 2;
    let end = behind.min(rest.len());
    from + begin + rest[begin.min(end)..end].partition_point(|&t| t <= last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn window_excludes_its_start_and_includes_its_end() {
        let windows = Windows::new(Steps::instant(100), 10, 0);
        assert_eq!(windows.span(90).steps, 0..0);
        assert_eq!(windows.span(91).steps, 0..1);
        assert_eq!(windows.span(100).steps, 0..1);
        assert_eq!(windows.span(101).steps, 1..1);
        assert_eq!(windows.bounds(), 91..101);
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let steps = Steps::range(i64::MIN, i64::MAX, i64::MAX).expect("three steps");
        assert_eq!(steps.count(), 3);
        let windows = Windows::new(steps, i64::MAX, i64::MIN);
        for timestamp in [i64::MIN, 0, i64::MAX] {
            let span = windows.span(timestamp);
            assert!(span.last >= timestamp);
        }
        assert_eq!(Steps::range(0, i64::MAX, 1), None);
        assert_eq!(Steps::range(0, 1, 0), None);
        assert_eq!(Steps::range(1, 0, 1).map(|s| s.count()), Some(0));
    }

    proptest! {
        #[test]
        fn span_is_what_the_definition_says(
            start in -50i64..50, step in 1i64..20, count in 0i64..8, range in 0i64..30, offset in -20i64..20,
            timestamp in -120i64..250,
        ) {
            let steps = Steps::range(start, start + (count - 1) * step, step).expect("few steps");
            let windows = Windows::new(steps, range, offset);
            let holds = |ts: i64, k: u32| {
                let t = start + i64::from(k) * step;
                t - offset - range < ts && ts <= t - offset
            };
            let member = |ts| (0..steps.count()).filter(|&k| holds(ts, k)).collect::<Vec<_>>();
            let span = windows.span(timestamp);
            prop_assert_eq!(span.steps.clone().collect::<Vec<_>>(), member(timestamp));
            prop_assert!(span.last >= timestamp);
            for ts in timestamp..=span.last.min(300) {
                prop_assert_eq!(member(ts), member(timestamp));
            }
            if !member(timestamp).is_empty() {
                prop_assert!(windows.bounds().contains(&timestamp));
            }
        }

        #[test]
        fn skip_through_finds_the_partition_point(mut times in proptest::collection::vec(0i64..40, 1..60), from in 0usize..60, last in -1i64..41) {
            times.sort_unstable();
            let from = from % times.len();
            let last = last.max(times[from]);
            prop_assert_eq!(skip_through(&times, from, last), times.partition_point(|&t| t <= last));
        }
    }
}
