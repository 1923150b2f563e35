//! Log queries: the lines that pass, in time order, up to a limit.

mod best;
mod chunks;
mod runner;

pub use runner::LogRunner;

use crate::ast::{LogExpr, Matcher};
use crate::budget::{Budget, Share};
use crate::pipeline::{Categories, LabelSets, Pipeline, Runner, SetId};
use crate::plan::Evaluation;
use crate::result::{QueryResult, ResultEntry, ResultStream};
use crate::source::{Batch, ColumnSet, Columns, Order, Selection, Visitor, Worker};
use crate::{Direction, Error, ErrorKind, Labels, Request, Source, Time};
use best::{Best, Key, Place};
use chunks::Chunks;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A compiled log query.
#[derive(Debug)]
pub(crate) struct LogPlan {
    matchers: Vec<Matcher>,
    pipeline: Pipeline,
}

impl LogPlan {
    /// # Errors
    ///
    /// [`ErrorKind::Stage`] where a stage cannot be compiled.
    pub(crate) fn new(log: &LogExpr) -> Result<LogPlan, Error> {
        Ok(LogPlan {
            matchers: log.selector.matchers.clone(),
            pipeline: Pipeline::log(&log.stages)?,
        })
    }

    /// The lines of `source` that `request` asks for.
    ///
    /// # Errors
    ///
    /// A limit, or what the source reports.
    pub(crate) fn evaluate(&self, source: &dyn Source, request: &Request) -> Result<Evaluation, Error> {
        let mut bounds = bounds(request.time);
        bounds.start = bounds.start.max(request.oldest);
        let budget = Budget::new(source, request);
        let visitor = LogVisitor {
            pipeline: &self.pipeline,
            request,
            bounds: bounds.clone(),
            budget: &budget,
            bound: AtomicI64::new(i64::MAX),
            answers: Mutex::default(),
        };
        if !bounds.is_empty() && request.limit > 0 {
            let selection = Selection {
                matchers: &self.matchers,
                start: bounds.start,
                end: bounds.end,
                order: match request.direction {
                    Direction::Forward => Order::Forward,
                    Direction::Backward => Order::Backward,
                },
                literals: self.pipeline.literals(),
            };
            source.visit(&selection, &visitor)?;
        }
        let answers = visitor.answers.into_inner().map_err(|_| worker_panicked())?;
        let mut all = Answer::default();
        answers.into_iter().for_each(|answer| all.join(answer));
        let post_filter_lines = all.lines;
        let streams = group(all.best(request.limit), request.direction);
        Ok(Evaluation {
            result: QueryResult::Streams(streams),
            post_filter_lines,
        })
    }
}

/// The timestamps of the entries that are asked for. An empty range stands for its start.
fn bounds(time: Time) -> Range<i64> {
    match time {
        Time::Instant(at) => at..at.saturating_add(1),
        Time::Range { start, end, .. } if start == end => start..start.saturating_add(1),
        Time::Range { start, end, .. } => start..end,
    }
}

fn worker_panicked() -> Error {
    Error::new(ErrorKind::Source {
        message: "a worker panicked".to_string(),
    })
}

/// Makes the workers of a log query. Each keeps the best of what it is handed; the best of those is the answer.
struct LogVisitor<'a> {
    pipeline: &'a Pipeline,
    request: &'a Request,
    bounds: Range<i64>,
    budget: &'a Budget<'a>,
    /// The tightest bound of all workers: when one of them has enough that comes before it, no other needs to look beyond.
    bound: AtomicI64,
    /// Left by the workers that have finished.
    answers: Mutex<Vec<Answer>>,
}

impl Visitor for LogVisitor<'_> {
    fn worker(&self) -> Box<dyn Worker + Send + '_> {
        Box::new(LogWorker {
            visitor: self,
            runner: self.pipeline.runner(self.request.now),
            best: Best::new(self.request),
            share: Share::default(),
            selected: Vec::new(),
            expects_few: true,
            batches: 0,
            lines: 0,
        })
    }

    fn most_workers(&self) -> usize {
        // Whether an entry is far enough from the one before shows only where all come by in order.
        if self.request.interval > 0 { 1 } else { usize::MAX }
    }
}

/// What a worker has found.
#[derive(Default)]
struct Answer {
    entries: Vec<Found>,
    /// How many lines passed the pipeline.
    lines: u64,
}

/// An entry of an answer.
struct Found {
    key: Key,
    line: Box<[u8]>,
    labels: Arc<Shown>,
}

/// The labels of entries as an answer shows them, and the text of those of their stream.
struct Shown {
    text: String,
    labels: Categories,
}

impl Answer {
    fn join(&mut self, other: Answer) {
        self.entries.extend(other.entries);
        self.lines += other.lines;
    }

    /// The first `limit` entries, in order.
    fn best(mut self, limit: usize) -> Vec<Found> {
        if !self.entries.is_sorted_by(|a, b| a.key <= b.key) {
            self.entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        }
        self.entries.truncate(limit);
        self.entries
    }
}

/// Which lines of a batch are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    Unread,
    /// Those of the entries that were looked at first.
    OfFirst,
    /// All that may be looked at.
    All,
}

struct LogWorker<'a> {
    visitor: &'a LogVisitor<'a>,
    runner: Runner<'a>,
    best: Best,
    share: Share,
    selected: Vec<u32>,
    /// Whether the first entries that were looked at of the last batch were all that was wanted of it.
    expects_few: bool,
    /// How many batches came before.
    batches: u64,
    /// How many lines passed the pipeline.
    lines: u64,
}

impl Worker for LogWorker<'_> {
    fn batch(&mut self, stream: &Labels, batch: &mut dyn Batch) -> Result<ControlFlow<()>, Error> {
        self.visitor.budget.check_wanted()?;
        let summary = batch.summary();
        let bounds = &self.visitor.bounds;
        let nearest = match self.visitor.request.direction {
            Direction::Forward => summary.min_timestamp.max(bounds.start),
            Direction::Backward => summary.max_timestamp.min(bounds.end - 1),
        };
        self.best.advance(nearest);
        self.best.draw_bound(self.visitor.bound.load(Relaxed));
        if self.best.is_settled(nearest) {
            return Ok(ControlFlow::Break(()));
        }
        self.batches += 1;
        if summary.entries > 0 && summary.max_timestamp >= bounds.start && summary.min_timestamp < bounds.end {
            self.read(stream, batch)?;
        }
        self.visitor.bound.fetch_min(self.best.draw_bound(i64::MAX), Relaxed);
        self.share.set(self.visitor.budget, self.memory_bytes())?;
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let (sets, categorize) = (self.runner.sets(), self.visitor.request.categorize);
        let mut known: BTreeMap<SetId, Arc<Shown>> = BTreeMap::new();
        let entries = self.best.finish().into_iter().map(|(key, kept)| Found {
            key,
            line: kept.line,
            labels: Arc::clone(
                known
                    .entry(kept.set)
                    .or_insert_with(|| Arc::new(Shown::new(sets, kept.set, categorize))),
            ),
        });
        let answer = Answer {
            entries: entries.collect(),
            lines: self.lines,
        };
        let mut answers = self.visitor.answers.lock().map_err(|_| worker_panicked())?;
        answers.push(answer);
        Ok(())
    }
}

impl Shown {
    /// With `categorize` by where labels come from, else all together.
    fn new(sets: &LabelSets, set: SetId, categorize: bool) -> Shown {
        let labels = if categorize {
            sets.categories(set)
        } else {
            Categories {
                stream: sets.labels(set).clone(),
                structured_metadata: Labels::default(),
                parsed: Labels::default(),
            }
        };
        Shown {
            text: labels.stream.to_string(),
            labels,
        }
    }
}

impl LogWorker<'_> {
    /// Takes what is good enough of the entries of a batch.
    fn read(&mut self, stream: &Labels, batch: &mut dyn Batch) -> Result<(), Error> {
        self.runner.stream(stream);
        if !self.runner.search(batch)? {
            return Ok(());
        }
        let first = self.runner.select_columns() | ColumnSet::TIMESTAMPS;
        let all = self.runner.columns() | first;
        let mut lines = match first.contains(all) {
            true => Lines::All,
            false => Lines::Unread,
        };
        let mut taken = 0;
        let mut view = self.runner.read(batch, first)?;
        let mut selected = std::mem::take(&mut self.selected);
        let bounds = &self.visitor.bounds;
        let range = view.timestamps.partition_point(|&t| t < bounds.start)
            ..view.timestamps.partition_point(|&t| t < bounds.end);
        let direction = self.visitor.request.direction;
        let mut chunks = Chunks::new(direction, range, self.visitor.request.limit);
        while let Some(chunk) = chunks.next(view.timestamps, |time| self.best.is_settled(time)) {
            self.runner.select(&view, chunk, &mut selected);
            if selected.is_empty() {
                continue;
            }
            if lines != Lines::All {
                // Where lines are filtered here, all of them are there.
                let is_first = lines == Lines::Unread && !first.contains(ColumnSet::LINES);
                (view, lines) = match is_first && self.expects_few && !self.runner.has_searched() {
                    true => (batch.read_of(all, &selected)?, Lines::OfFirst),
                    false => (self.runner.read(batch, all)?, Lines::All),
                };
                self.runner.note_metadata(&view);
            }
            taken += 1;
            match direction {
                Direction::Forward => self.take(stream, &view, selected.iter().copied())?,
                Direction::Backward => self.take(stream, &view, selected.iter().rev().copied())?,
            }
        }
        self.selected = selected;
        if taken > 0 {
            self.expects_few = taken == 1;
        }
        Ok(())
    }

    /// Takes what is good enough of `entries`, which come in the direction of the query.
    fn take(
        &mut self,
        stream: &Labels,
        columns: &Columns<'_>,
        entries: impl Iterator<Item = u32>,
    ) -> Result<(), Error> {
        for i in entries {
            let place = Place {
                timestamp: columns.timestamps[i as usize],
                stream,
                batch: self.batches,
                entry: i,
            };
            if !self.best.wants(place) {
                if self.best.is_settled(place.timestamp) {
                    break;
                }
                continue;
            }
            if let Some(outcome) = self.runner.line(columns, i as usize) {
                self.lines += 1;
                self.best.insert(place, outcome.line, outcome.set);
            }
            self.runner.check_labels()?;
            self.share.entry(self.visitor.budget, self.memory_bytes())?;
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.runner.sets().memory_bytes() + self.best.memory_bytes()
    }
}

/// The entries as streams of equal labels, in the order of the text of the labels.
fn group(entries: Vec<Found>, direction: Direction) -> Vec<ResultStream> {
    let mut streams: BTreeMap<String, ResultStream> = BTreeMap::new();
    for found in entries {
        let Shown { text, labels } = &*found.labels;
        if !streams.contains_key(text) {
            let stream = ResultStream {
                labels: labels.stream.clone(),
                entries: Vec::new(),
            };
            streams.insert(text.clone(), stream);
        }
        if let Some(stream) = streams.get_mut(text) {
            stream.entries.push(ResultEntry {
                timestamp: found.key.timestamp(direction),
                line: found.line.into(),
                structured_metadata: labels.structured_metadata.clone(),
                parsed: labels.parsed.clone(),
            });
        }
    }
    streams.into_values().collect()
}
