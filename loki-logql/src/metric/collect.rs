//! Collects the samples of a range aggregation, batch by batch, on any number of threads.

use super::counter::{Amount, Counter};
use super::quantile::Values;
use super::steps::{Windows, skip_through};
use super::table::{Accumulator, Measure, Table};
use super::window::Point;
use crate::budget::{Budget, Share};
use crate::pipeline::{Pipeline, Runner, SampleOutcome, SetId};
use crate::source::{Batch, ColumnSet, Columns, Summary, Visitor, Worker};
use crate::{Error, ErrorKind, Labels};
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the workers of one range aggregation, and gathers what they have collected.
pub(super) struct RangeVisitor<'a> {
    pipeline: &'a Pipeline,
    measure: Measure,
    windows: Windows,
    /// Timestamps of the entries that count: those of the windows, or fewer.
    bounds: Range<i64>,
    now: i64,
    budget: &'a Budget<'a>,
    table: Mutex<Table>,
    /// Number of samples collected by workers that have finished.
    pub(super) samples: AtomicU64,
}

impl<'a> RangeVisitor<'a> {
    pub(super) fn new(
        pipeline: &'a Pipeline,
        measure: Measure,
        windows: Windows,
        bounds: Range<i64>,
        now: i64,
        budget: &'a Budget<'a>,
    ) -> RangeVisitor<'a> {
        RangeVisitor {
            pipeline,
            measure,
            bounds,
            windows,
            now,
            budget,
            table: Mutex::default(),
            samples: AtomicU64::new(0),
        }
    }

    /// What all workers have collected.
    pub(super) fn into_table(self) -> Result<Table, Error> {
        self.table.into_inner().map_err(|_| worker_panicked())
    }
}

impl Visitor for RangeVisitor<'_> {
    fn worker(&self) -> Box<dyn Worker + Send + '_> {
        Box::new(RangeWorker {
            visitor: self,
            runner: self.pipeline.runner(self.now),
            accumulators: Vec::new(),
            grown_bytes: 0,
            share: Share::default(),
            selected: Vec::new(),
            samples: 0,
        })
    }
}

fn worker_panicked() -> Error {
    Error::new(ErrorKind::Source {
        message: "a worker panicked".to_string(),
    })
}

/// Collects the samples of the batches of one thread.
struct RangeWorker<'a> {
    visitor: &'a RangeVisitor<'a>,
    runner: Runner<'a>,
    /// By label set.
    accumulators: Vec<Option<Accumulator>>,
    /// What the accumulators take.
    grown_bytes: isize,
    share: Share,
    selected: Vec<u32>,
    samples: u64,
}

impl Worker for RangeWorker<'_> {
    fn batch(&mut self, stream: &Labels, batch: &mut dyn Batch) -> Result<ControlFlow<()>, Error> {
        self.visitor.budget.check_wanted()?;
        let summary = batch.summary();
        let bounds = &self.visitor.bounds;
        if summary.entries == 0 || summary.max_timestamp < bounds.start || summary.min_timestamp >= bounds.end {
            return Ok(ControlFlow::Continue(()));
        }
        self.runner.stream(stream);
        if !self.runner.search(batch)? {
            return Ok(ControlFlow::Continue(()));
        }
        let mut columns = self.runner.columns();
        if !summary.has_metadata {
            columns = columns.without(ColumnSet::METADATA);
        }
        if self.visitor.pipeline.keeps_all() && columns.without(ColumnSet::OFFSETS) == ColumnSet::NONE {
            self.count(batch, summary, columns)?;
        } else {
            self.sample(batch, columns)?;
        }
        self.check_memory()?;
        Ok(ControlFlow::Continue(()))
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.check_memory()?;
        // Every worker sorts its own, at once with the others; what is left to do is a merge.
        self.accumulators.iter_mut().flatten().for_each(Accumulator::sort);
        let visitor = self.visitor;
        visitor.samples.fetch_add(self.samples, Ordering::Relaxed);
        let mut table = visitor.table.lock().map_err(|_| worker_panicked())?;
        for (index, accumulator) in self.accumulators.into_iter().enumerate() {
            let Some(accumulator) = accumulator else { continue };
            let labels = self.runner.sets().labels(SetId::from_index(index)).clone();
            table.merge(labels, accumulator, visitor.windows.steps().count());
        }
        Ok(())
    }
}

impl RangeWorker<'_> {
    /// Counts the entries of a batch that all have the labels of the stream and nothing to be looked at but their
    /// number and lengths.
    fn count(&mut self, batch: &mut dyn Batch, summary: Summary, columns: ColumnSet) -> Result<(), Error> {
        let windows = self.visitor.windows;
        let span = windows.span(summary.min_timestamp);
        let set = self.runner.stream_set();
        if summary.max_timestamp <= span.last && summary.min_timestamp >= self.visitor.bounds.start {
            let amount = Amount {
                entries: summary.entries.into(),
                bytes: summary.line_bytes as i64,
            };
            return self.add(set, span.steps, amount);
        }
        let columns = batch.read(columns | ColumnSet::TIMESTAMPS)?;
        let mut at = columns.timestamps.partition_point(|&t| t < self.visitor.bounds.start);
        while at < columns.timestamps.len() {
            let span = windows.span(columns.timestamps[at]);
            let behind = skip_through(columns.timestamps, at, span.last);
            let amount = Amount {
                entries: (behind - at) as i64,
                bytes: match columns.offsets {
                    [] => 0,
                    offsets => i64::from(offsets[behind]) - i64::from(offsets[at]),
                },
            };
            self.add(set, span.steps, amount)?;
            at = behind;
        }
        Ok(())
    }

    fn add(&mut self, set: SetId, steps: Range<u32>, amount: Amount) -> Result<(), Error> {
        if steps.is_empty() {
            return Ok(());
        }
        self.samples += amount.entries as u64;
        let count = self.visitor.windows.steps().count();
        if let Accumulator::Counter(counter) = self.accumulator(set) {
            let grown = counter.add(steps, amount, count);
            self.grown_bytes += grown;
        }
        Ok(())
    }

    /// Runs the pipeline over the entries of a batch that are in a window.
    fn sample(&mut self, batch: &mut dyn Batch, columns: ColumnSet) -> Result<(), Error> {
        let windows = self.visitor.windows;
        let first = self.runner.select_columns() | ColumnSet::TIMESTAMPS;
        let mut selected = std::mem::take(&mut self.selected);
        let mut regions = Regions::new(windows, &self.visitor.bounds);
        let mut is_read = first.contains(columns);
        let mut view = self.runner.read(batch, if is_read { first | columns } else { first })?;
        while let Some(region) = regions.next(view.timestamps) {
            self.runner.select(&view, region, &mut selected);
            if selected.is_empty() {
                continue;
            }
            if !is_read {
                // Entries have passed the line filters, so the other columns are worth reading.
                view = self.runner.read(batch, first | columns)?;
                is_read = true;
                self.runner.note_metadata(&view);
            }
            self.sample_selected(&view, &selected)?;
        }
        self.selected = selected;
        Ok(())
    }

    fn sample_selected(&mut self, columns: &Columns<'_>, selected: &[u32]) -> Result<(), Error> {
        let windows = self.visitor.windows;
        let measure = self.visitor.measure;
        let mut span = windows.span(i64::MIN);
        for &i in selected {
            let i = i as usize;
            let outcome = self.runner.sample(columns, i)?;
            self.runner.check_labels()?;
            self.share.entry(self.visitor.budget, self.memory_bytes())?;
            let Some(SampleOutcome { value, set }) = outcome else {
                continue;
            };
            let timestamp = columns.timestamps[i];
            if matches!(measure, Measure::Fold(_)) {
                self.add_point(set, Point { timestamp, value });
                continue;
            }
            if timestamp > span.last {
                span = windows.span(timestamp);
            }
            if matches!(measure, Measure::Quantile(_)) {
                self.add_value(set, span.steps.clone(), value);
            } else {
                let amount = Amount {
                    entries: 1,
                    bytes: value as i64,
                };
                self.add(set, span.steps.clone(), amount)?;
            }
        }
        Ok(())
    }

    fn add_value(&mut self, set: SetId, steps: Range<u32>, value: f64) {
        if steps.is_empty() {
            return;
        }
        self.samples += 1;
        if let Accumulator::Values(values) = self.accumulator(set) {
            let grown = values.add(steps, value);
            self.grown_bytes += grown;
        }
    }

    fn add_point(&mut self, set: SetId, point: Point) {
        self.samples += 1;
        if let Accumulator::Points(points) = self.accumulator(set) {
            let before = points.capacity();
            points.push(point);
            let grown = (points.capacity() - before) * size_of::<Point>();
            self.grown_bytes += grown as isize;
        }
    }

    fn accumulator(&mut self, set: SetId) -> &mut Accumulator {
        let place = set.index();
        if place >= self.accumulators.len() {
            self.accumulators.resize_with(place + 1, || None);
        }
        let measure = self.visitor.measure;
        self.accumulators[place].get_or_insert_with(|| match measure {
            Measure::Fold(_) => Accumulator::Points(Vec::new()),
            Measure::Quantile(_) => Accumulator::Values(Values::default()),
            _ => Accumulator::Counter(Counter::default()),
        })
    }

    fn check_memory(&mut self) -> Result<(), Error> {
        self.share.set(self.visitor.budget, self.memory_bytes())
    }

    fn memory_bytes(&self) -> usize {
        let tables = self.accumulators.capacity() * size_of::<Option<Accumulator>>();
        let grown = usize::try_from(self.grown_bytes).unwrap_or(0);
        self.runner.sets().memory_bytes() + tables + grown
    }
}

/// The runs of entries that are in a window, in a batch.
struct Regions {
    windows: Windows,
    /// Timestamps that come into question.
    bounds: Range<i64>,
    next: usize,
}

impl Regions {
    fn new(windows: Windows, bounds: &Range<i64>) -> Regions {
        Regions {
            windows,
            bounds: bounds.clone(),
            next: 0,
        }
    }

    /// The next run of entries, of which there are these timestamps.
    fn next(&mut self, timestamps: &[i64]) -> Option<Range<usize>> {
        if self.next == 0 {
            self.next = timestamps.partition_point(|&t| t < self.bounds.start);
        }
        while self.next < timestamps.len() && timestamps[self.next] < self.bounds.end {
            let begin = self.next;
            if self.windows.leave_no_gap() {
                self.next = timestamps.partition_point(|&t| t < self.bounds.end);
                return Some(begin..self.next);
            }
            let span = self.windows.span(timestamps[begin]);
            self.next = skip_through(timestamps, begin, span.last);
            if !span.steps.is_empty() {
                return Some(begin..self.next);
            }
        }
        None
    }
}
