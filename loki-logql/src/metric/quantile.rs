//! Quantiles of the values in each window: it matters which values there are, not in which order they came.

use std::ops::Range;

/// The values of one series by the windows that they are in, as they come.
///
/// They are kept as whole numbers that are in the order of the values, NaN least.
#[derive(Debug, Default)]
pub(super) struct Values {
    ranks: Vec<i64>,
    runs: Vec<Run>,
}

/// Values that came one behind the other and are in the same windows.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// The steps at whose windows they are.
    from: u32,
    to: u32,
    /// Where they end among all values; they begin where the run before ends.
    end: usize,
}

impl Values {
    /// Adds a value that is in the windows of `steps`.
    ///
    /// Returns by how many bytes the values grew.
    pub(super) fn add(&mut self, steps: Range<u32>, value: f64) -> isize {
        let before = self.memory_bytes();
        self.ranks.push(rank(value));
        let end = self.ranks.len();
        match self.runs.last_mut() {
            Some(last) if last.from == steps.start && last.to == steps.end => last.end = end,
            _ => self.runs.push(Run {
                from: steps.start,
                to: steps.end,
                end,
            }),
        }
        self.memory_bytes() as isize - before as isize
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: Values) {
        let offset = self.ranks.len();
        self.ranks.extend_from_slice(&other.ranks);
        self.runs.extend(other.runs.iter().map(|run| Run {
            end: run.end + offset,
            ..*run
        }));
    }

    fn memory_bytes(&self) -> usize {
        self.ranks.capacity() * size_of::<i64>() + self.runs.capacity() * size_of::<Run>()
    }

    /// The values by step, to be read from the first step on.
    pub(super) fn finish(self) -> ValuesByStep {
        let mut start = 0;
        let mut runs: Vec<(Range<u32>, Range<usize>)> = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            runs.push((run.from..run.to, start..run.end));
            start = run.end;
        }
        runs.sort_unstable_by_key(|(steps, _)| (steps.start, steps.end));
        ValuesByStep {
            ranks: self.ranks,
            runs,
            first: 0,
        }
    }
}

/// The values of one series, read from the first step to the last.
#[derive(Debug)]
pub(super) struct ValuesByStep {
    ranks: Vec<i64>,
    /// Steps and the values in their windows, in the order of time: neither first steps nor last ones ever go back.
    runs: Vec<(Range<u32>, Range<usize>)>,
    /// The first run that is not behind.
    first: usize,
}

impl ValuesByStep {
    /// The steps outside of which no window has a value.
    pub(super) fn lifetime(&self) -> Range<u32> {
        match (self.runs.first(), self.runs.last()) {
            (Some((first, _)), Some((last, _))) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// The `q`-quantile of the values in the window of step `k`, which must not be less than at the call before; `None`
    /// where there is no value. `scratch` is for sorting.
    pub(super) fn quantile(&mut self, q: f64, k: u32, scratch: &mut Vec<i64>) -> Option<f64> {
        while self.runs.get(self.first).is_some_and(|(steps, _)| steps.end <= k) {
            self.first += 1;
        }
        scratch.clear();
        for (_, values) in self.runs[self.first..].iter().take_while(|(steps, _)| steps.start <= k) {
            scratch.extend_from_slice(&self.ranks[values.clone()]);
        }
        (!scratch.is_empty()).then(|| quantile(q, scratch))
    }
}

/// The `q`-quantile of the values of these ranks, which are not empty and get reordered.
fn quantile(q: f64, ranks: &mut [i64]) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let place = q * (ranks.len() - 1) as f64;
    let weight = place - place.floor();
    // Windows overlap, so they are many: a selection is cheaper than a sort.
    let (_, &mut low, above) = ranks.select_nth_unstable(place as usize);
    let high = above.iter().copied().min().unwrap_or(low);
    value(low) * (1.0 - weight) + value(high) * weight
}

/// A number that is less than that of another value exactly if the value is; NaN has the least.
fn rank(value: f64) -> i64 {
    if value.is_nan() {
        i64::MIN
    } else {
        turn(value.to_bits() as i64)
    }
}

/// The value of a rank.
fn value(rank: i64) -> f64 {
    f64::from_bits(turn(rank) as u64)
}

/// Negative floats are less the greater their bits are: turns all of these but the sign.
fn turn(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantile_of(q: f64, values: &[f64]) -> f64 {
        let mut ranks: Vec<i64> = values.iter().copied().map(rank).collect();
        quantile(q, &mut ranks)
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile_of(0.5, &[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile_of(1.0, &[4.0, 1.0]), 4.0);
        assert_eq!(quantile_of(0.0, &[4.0, 1.0]), 1.0);
        assert_eq!(quantile_of(-0.1, &[4.0]), f64::NEG_INFINITY);
        assert_eq!(quantile_of(1.1, &[4.0]), f64::INFINITY);
        assert!(quantile_of(0.0, &[4.0, f64::NAN]).is_nan());
        assert!(quantile_of(f64::NAN, &[4.0]).is_nan());
    }

    proptest! {
        #[test]
        fn ranks_are_in_the_order_of_their_values(a in any::<f64>(), b in any::<f64>()) {
            prop_assert_eq!(value(rank(a)).to_bits(), a.to_bits());
            prop_assert_eq!(rank(a).cmp(&rank(b)), a.total_cmp(&b));
            prop_assert!(rank(f64::NAN) < rank(a) && rank(-f64::NAN) < rank(a));
        }

        #[test]
        fn windows_hold_what_was_added_to_them(
            // Values by their time; windows are those that hold it.
            times in prop::collection::vec(0u32..30, 0..60), split in 0usize..60, width in 1u32..4,
        ) {
            let mut parts = [Values::default(), Values::default()];
            for (i, &time) in times.iter().enumerate() {
                parts[usize::from(i < split)].add(time / 3..time / 3 + width, f64::from(time));
            }
            let [mut all, other] = parts;
            all.merge(other);
            let mut by_step = all.finish();
            let lifetime = by_step.lifetime();
            for k in 0..15 {
                let inside = |&&time: &&u32| time / 3 <= k && k < time / 3 + width;
                let expected = times.iter().filter(inside).max().map(|&time| f64::from(time));
                prop_assert_eq!(by_step.quantile(1.0, k, &mut Vec::new()), expected);
                prop_assert!(expected.is_none() || lifetime.contains(&k));
            }
        }
    }
}
