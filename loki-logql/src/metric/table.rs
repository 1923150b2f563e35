//! The series of a range aggregation while entries come in, and step by step once all are there.

use super::counter::{Amounts, Counter};
use super::quantile::{Values, ValuesByStep};
use super::steps::Windows;
use super::vector::Vector;
use super::window::{Extent, Fold, Point};
use crate::Labels;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::ops::Range;

/// What a range aggregation keeps of the entries of one series.
#[derive(Debug)]
pub(super) enum Accumulator {
    /// How many there are, and how long they are.
    Counter(Counter),
    /// Every value.
    Values(Values),
    /// Every value with its time.
    Points(Vec<Point>),
}

impl Accumulator {
    /// Sorts values by time. Stable: those of one stream at one time stay in their order of arrival.
    pub(super) fn sort(&mut self) {
        if let Accumulator::Points(points) = self {
            points.sort_by_key(|p| p.timestamp);
        }
    }

    fn merge(&mut self, other: Accumulator, steps: u32) {
        match (self, other) {
            (Accumulator::Counter(ours), Accumulator::Counter(theirs)) => ours.merge(theirs, steps),
            (Accumulator::Values(ours), Accumulator::Values(theirs)) => ours.merge(theirs),
            (Accumulator::Points(ours), Accumulator::Points(theirs)) => ours.extend(theirs),
            _ => unreachable!("all workers of one aggregation accumulate alike"),
        }
    }
}

/// Accumulators by label set, of all workers.
#[derive(Debug, Default)]
pub(super) struct Table {
    series: HashMap<Labels, Accumulator, FixedState>,
}

impl Table {
    /// Adds what one worker has of one series.
    pub(super) fn merge(&mut self, labels: Labels, accumulator: Accumulator, steps: u32) {
        match self.series.entry(labels) {
            hashbrown::hash_map::Entry::Occupied(mut known) => known.get_mut().merge(accumulator, steps),
            hashbrown::hash_map::Entry::Vacant(new) => drop(new.insert(accumulator)),
        }
    }

    /// The series in the order of their labels, ready to be read.
    pub(super) fn finish(self, windows: &Windows) -> RangeSeries {
        let mut series: Vec<(Labels, Accumulator)> = self.series.into_iter().collect();
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let (labels, tracks): (Vec<Labels>, Vec<Track>) = series
            .into_iter()
            .map(|(labels, accumulator)| (labels, Track::new(accumulator, windows)))
            .unzip();
        let mut waiting: Vec<u32> = (0..tracks.len() as u32).collect();
        waiting.sort_by_key(|&id| std::cmp::Reverse(tracks[id as usize].lifetime.start));
        RangeSeries {
            labels,
            tracks,
            waiting,
            active: Vec::new(),
            windows: *windows,
            scratch: Vec::new(),
        }
    }
}

/// How the value of a series at a step comes from what was accumulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measure {
    /// Number of entries.
    Entries,
    /// Entries a second.
    EntryRate,
    /// Bytes of lines.
    Bytes,
    /// Bytes a second.
    ByteRate,
    /// The quantile of the values.
    Quantile(f64),
    /// Of the values in the order of their times.
    Fold(Fold),
}

/// The series of a range aggregation, read from the first step to the last.
#[derive(Debug)]
pub(super) struct RangeSeries {
    labels: Vec<Labels>,
    tracks: Vec<Track>,
    /// Series whose lifetime has not begun, the next one last.
    waiting: Vec<u32>,
    /// Series in their lifetime, ascending.
    active: Vec<u32>,
    windows: Windows,
    scratch: Vec<i64>,
}

impl RangeSeries {
    /// The labels of the series, by id.
    pub(super) fn labels(&self) -> &[Labels] {
        &self.labels
    }

    /// Appends the series that have a value at step `k` to `out`. `k` must not be less than at the call before.
    pub(super) fn step(&mut self, k: u32, measure: Measure, out: &mut Vector) {
        let active_before = self.active.len();
        while let Some(&id) = self.waiting.last()
            && self.tracks[id as usize].lifetime.start <= k
        {
            self.waiting.pop();
            self.active.push(id);
        }
        if self.active.len() > active_before {
            self.active.sort_unstable();
        }
        let (start, end) = self.windows.window(k);
        let extent = Extent {
            start,
            end,
            seconds: self.windows.range_seconds(),
        };
        let (tracks, scratch) = (&mut self.tracks, &mut self.scratch);
        self.active.retain(|&id| {
            let track = &mut tracks[id as usize];
            if track.lifetime.end <= k {
                return false;
            }
            if let Some(value) = track.value(k, measure, extent, scratch) {
                out.push(id, value);
            }
            true
        });
    }
}

/// One series, read from the first step to the last.
#[derive(Debug)]
struct Track {
    /// No step outside has a value.
    lifetime: Range<u32>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Amounts(Amounts),
    Values(ValuesByStep),
    Points {
        /// Ascending by time.
        points: Vec<Point>,
        /// Those of the window that was read last.
        window: Range<usize>,
    },
}

impl Track {
    fn new(accumulator: Accumulator, windows: &Windows) -> Track {
        match accumulator {
            Accumulator::Counter(counter) => {
                let amounts = counter.finish();
                Track {
                    lifetime: amounts.lifetime(),
                    content: Content::Amounts(amounts),
                }
            }
            Accumulator::Values(values) => {
                let values = values.finish();
                Track {
                    lifetime: values.lifetime(),
                    content: Content::Values(values),
                }
            }
            Accumulator::Points(mut points) => {
                // A few sorted runs, one of each worker; again stable.
                points.sort_by_key(|p| p.timestamp);
                let lifetime = match (points.first(), points.last()) {
                    (Some(first), Some(last)) => {
                        windows.span(first.timestamp).steps.start..windows.span(last.timestamp).steps.end
                    }
                    _ => 0..0,
                };
                Track {
                    lifetime,
                    content: Content::Points { points, window: 0..0 },
                }
            }
        }
    }

    fn value(&mut self, k: u32, measure: Measure, extent: Extent, scratch: &mut Vec<i64>) -> Option<f64> {
        match &mut self.content {
            Content::Amounts(amounts) => {
                let amount = amounts.at(k);
                if amount.entries == 0 {
                    return None;
                }
                Some(match measure {
                    Measure::EntryRate => amount.entries as f64 / extent.seconds,
                    Measure::Bytes => amount.bytes as f64,
                    Measure::ByteRate => amount.bytes as f64 / extent.seconds,
                    Measure::Entries | Measure::Quantile(_) | Measure::Fold(_) => amount.entries as f64,
                })
            }
            Content::Values(values) => match measure {
                Measure::Quantile(q) => values.quantile(q, k, scratch),
                _ => None,
            },
            Content::Points { points, window } => {
                let begin = seek(points, window.start, extent.start);
                let end = seek(points, window.end.max(begin), extent.end);
                *window = begin..end;
                let inside = &points[begin..end];
                match measure {
                    Measure::Fold(fold) if !inside.is_empty() => fold.apply(inside, extent),
                    _ => None,
                }
            }
        }
    }
}

/// The first place at or behind `from` with a timestamp greater than `time`.
fn seek(points: &[Point], from: usize, time: i128) -> usize {
    from + points[from..].partition_point(|p| i128::from(p.timestamp) <= time)
}
