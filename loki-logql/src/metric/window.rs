//! The aggregations of the values in one window.

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// Nanoseconds.
    pub(super) timestamp: i64,
    pub(super) value: f64,
}

/// What becomes of the values in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fold {
    Sum,
    /// Sum a second.
    Rate,
    /// Increase of a counter a second.
    RateCounter,
    Avg,
    Min,
    Max,
    Stdvar,
    Stddev,
    First,
    Last,
}

/// Where the window of a [`Fold`] is, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Exclusive.
    pub(super) start: i128,
    /// Inclusive.
    pub(super) end: i128,
    pub(super) seconds: f64,
}

impl Fold {
    /// The value of the `points` of one series in one window: not empty, ascending by time. `None` where they do not
    /// say.
    pub(super) fn apply(self, points: &[Point], extent: Extent) -> Option<f64> {
        let values = points.iter().map(|p| p.value);
        let (first, last) = (points.first()?, points.last()?);
        Some(match self {
            Fold::Sum => sum(values),
            Fold::Rate => sum(values) / extent.seconds,
            Fold::RateCounter => return rate_counter(points, extent),
            Fold::Avg => average(values),
            Fold::Min => least(values),
            Fold::Max => greatest(values),
            Fold::Stdvar => variance(values),
            Fold::Stddev => variance(values).sqrt(),
            Fold::First => first.value,
            Fold::Last => last.value,
        })
    }
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, v| sum + v)
}

/// The mean, kept running so that it does not overflow; an infinite mean stays unless another infinity contradicts.
fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut count) = (0.0f64, 0.0f64);
    for v in values {
        count += 1.0;
        if mean.is_infinite() && (v == mean || v.is_finite()) {
            continue;
        }
        mean += v / count - mean / count;
    }
    mean
}

/// The least value; NaN only of nothing but NaN.
pub(super) fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NAN, |least, v| if v < least || least.is_nan() { v } else { least })
}

/// The greatest value; NaN only of nothing but NaN.
pub(super) fn greatest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NAN, |most, v| if v > most || most.is_nan() { v } else { most })
}

/// The population variance, by Welford's method.
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut squares, mut count) = (0.0, 0.0, 0.0);
    for v in values {
        count += 1.0;
        let distance = v - mean;
        mean += distance / count;
        squares += distance * (v - mean);
    }
    squares / count
}

/// The increase a second of a counter that may start again from zero, extrapolated to the ends of the window as
/// Prometheus extrapolates `rate`: by at most half the average distance of samples where the window goes on beyond
/// them, and not below zero.
///
/// `None` of less than two samples, or of samples at one time: there is no rate without time.
fn rate_counter(points: &[Point], extent: Extent) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let seconds = |from: i128, to: i128| (to - from) as f64 / 1e9;
    let covered = seconds(first.timestamp.into(), last.timestamp.into());
    if covered == 0.0 {
        return None;
    }
    let resets: f64 = points
        .windows(2)
        .filter(|pair| pair[1].value < pair[0].value)
        .map(|pair| pair[0].value)
        .sum();
    let increase = last.value - first.value + resets;

    let distance = covered / (points.len() - 1) as f64;
    let reach = |gap: f64| if gap >= distance * 1.1 { distance / 2.0 } else { gap };
    let mut before = reach(seconds(extent.start, first.timestamp.into()));
    if increase > 0.0 && first.value >= 0.0 {
        before = before.min(covered * (first.value / increase));
    }
    let behind = reach(seconds(last.timestamp.into(), extent.end));
    Some(increase * ((covered + before + behind) / covered) / extent.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(fold: Fold, values: &[f64]) -> Option<f64> {
        let points: Vec<Point> = (1..)
            .zip(values)
            .map(|(i, &value)| Point {
                timestamp: i * 10_000_000_000,
                value,
            })
            .collect();
        let extent = Extent {
            start: 0,
            end: 60_000_000_000,
            seconds: 60.0,
        };
        fold.apply(&points, extent)
    }

    #[test]
    fn nan_and_infinity_follow_the_rules() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert_eq!(apply(Fold::Min, &[nan, 2.0, 1.0, nan]), Some(1.0));
        assert_eq!(apply(Fold::Max, &[nan, 1.0, 2.0]), Some(2.0));
        assert!(apply(Fold::Max, &[nan]).is_some_and(f64::is_nan));
        assert_eq!(apply(Fold::Avg, &[inf, 1.0, inf]), Some(inf));
        assert!(apply(Fold::Avg, &[inf, -inf]).is_some_and(f64::is_nan));
        assert!(apply(Fold::Sum, &[1.0, nan]).is_some_and(f64::is_nan));
    }

    #[test]
    fn deviation_is_of_the_population() {
        assert_eq!(
            apply(Fold::Stdvar, &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some(4.0)
        );
        assert_eq!(
            apply(Fold::Stddev, &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some(2.0)
        );
    }

    #[test]
    fn rate_counter_adds_resets_and_extrapolates_as_prometheus_does() {
        // Increase: 20 - 10, a reset from 20, 5, 15, 30. Samples at 10 s to 50 s reach both ends of the window:
        // 10 s lie behind the last sample, and before the first as much as keeps the counter above zero.
        let increase = 20.0 + 20.0;
        let expected = increase * ((40.0 + 10.0 + 10.0) / 40.0) / 60.0;
        assert_eq!(apply(Fold::RateCounter, &[10.0, 20.0, 5.0, 15.0, 30.0]), Some(expected));
        assert_eq!(apply(Fold::RateCounter, &[10.0]), None);
    }
}
