//! Log queries: the lines that pass, in time order, up to a limit.

mod best;
mod runner;

pub use runner::LogRunner;

use crate::ast::{LogExpr, Matcher};
use crate::budget::{Budget, Share};
use crate::pipeline::{Categories, LabelSets, Pipeline, Runner, SetId};
use crate::plan::Evaluation;
use crate::result::{QueryResult, ResultEntry, ResultStream};
use crate::source::{Batch, Columns, Order, Selection, Visitor, Worker};
use crate::{Direction, Error, ErrorKind, Labels, Request, Source, Time};
use best::{Best, Kept, Place};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;

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
        let bounds = bounds(request.time);
        let budget = Budget::new(source, request);
        let visitor = LogVisitor {
            pipeline: &self.pipeline,
            request,
            bounds: bounds.clone(),
            budget: &budget,
            answer: Mutex::default(),
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
        let answer = visitor
            .answer
            .into_inner()
            .map_err(|_| no_answer("a worker panicked"))?;
        Ok(answer.unwrap_or(Evaluation {
            result: QueryResult::Streams(Vec::new()),
            post_filter_lines: 0,
        }))
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

fn no_answer(message: &str) -> Error {
    Error::new(ErrorKind::Source {
        message: message.to_string(),
    })
}

/// Makes the one worker of a log query.
struct LogVisitor<'a> {
    pipeline: &'a Pipeline,
    request: &'a Request,
    bounds: Range<i64>,
    budget: &'a Budget<'a>,
    /// Left by the worker when it has finished.
    answer: Mutex<Option<Evaluation>>,
}

impl Visitor for LogVisitor<'_> {
    fn worker(&self) -> Box<dyn Worker + Send + '_> {
        Box::new(LogWorker {
            visitor: self,
            runner: self.pipeline.runner(self.request.now),
            best: Best::new(self.request),
            share: Share::default(),
            selected: Vec::new(),
            batches: 0,
            lines: 0,
        })
    }
}

struct LogWorker<'a> {
    visitor: &'a LogVisitor<'a>,
    runner: Runner<'a>,
    best: Best,
    share: Share,
    selected: Vec<u32>,
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
        if self.best.is_settled(nearest) {
            return Ok(ControlFlow::Break(()));
        }
        self.batches += 1;
        if summary.entries > 0 && summary.max_timestamp >= bounds.start && summary.min_timestamp < bounds.end {
            self.read(stream, batch)?;
        }
        self.share.set(self.visitor.budget, self.memory_bytes())?;
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let categorize = self.visitor.request.categorize;
        let streams = group(self.best.finish(), self.runner.sets(), categorize);
        let mut answer = self.visitor.answer.lock().map_err(|_| no_answer("a worker panicked"))?;
        if answer.is_some() {
            return Err(no_answer(
                "entries in order were asked for, and handed to several workers",
            ));
        }
        *answer = Some(Evaluation {
            result: QueryResult::Streams(streams),
            post_filter_lines: self.lines,
        });
        Ok(())
    }
}

/// So many entries of a batch are looked at first, then ever more: often the first few are the answer.
const FIRST_ENTRIES: usize = 256;

impl LogWorker<'_> {
    /// Takes what is good enough of the entries of a batch.
    fn read(&mut self, stream: &Labels, batch: &mut dyn Batch) -> Result<(), Error> {
        self.runner.stream(stream);
        let first = self.visitor.pipeline.select_columns() | crate::source::ColumnSet::TIMESTAMPS;
        let all = self.runner.columns() | first;
        let mut is_read = first.contains(all);
        let mut view = batch.read(first)?;
        let mut selected = std::mem::take(&mut self.selected);
        let bounds = &self.visitor.bounds;
        let mut rest = view.timestamps.partition_point(|&t| t < bounds.start)
            ..view.timestamps.partition_point(|&t| t < bounds.end);
        let mut size = FIRST_ENTRIES.max(self.visitor.request.limit);
        while !rest.is_empty() {
            let chunk = match self.visitor.request.direction {
                Direction::Forward => rest.start..rest.end.min(rest.start.saturating_add(size)),
                Direction::Backward => rest.start.max(rest.end.saturating_sub(size))..rest.end,
            };
            let nearest = match self.visitor.request.direction {
                Direction::Forward => view.timestamps[chunk.start],
                Direction::Backward => view.timestamps[chunk.end - 1],
            };
            if self.best.is_settled(nearest) {
                break;
            }
            match self.visitor.request.direction {
                Direction::Forward => rest.start = chunk.end,
                Direction::Backward => rest.end = chunk.start,
            }
            size = size.saturating_mul(4);
            self.runner.select(&view, chunk.clone(), &mut selected);
            if selected.is_empty() {
                continue;
            }
            if !is_read {
                // The runner takes note of metadata when it selects: again, now that it is there.
                view = batch.read(all)?;
                is_read = true;
                self.runner.select(&view, chunk, &mut selected);
            }
            match self.visitor.request.direction {
                Direction::Forward => self.take(stream, &view, selected.iter().copied())?,
                Direction::Backward => self.take(stream, &view, selected.iter().rev().copied())?,
            }
        }
        self.selected = selected;
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
fn group(entries: Vec<(i64, Kept)>, sets: &LabelSets, categorize: bool) -> Vec<ResultStream> {
    let mut streams: BTreeMap<String, ResultStream> = BTreeMap::new();
    let mut known: BTreeMap<SetId, (String, Categories)> = BTreeMap::new();
    for (timestamp, kept) in entries {
        let (text, categories) = known.entry(kept.set).or_insert_with(|| {
            let categories = if categorize {
                sets.categories(kept.set)
            } else {
                Categories {
                    stream: sets.labels(kept.set).clone(),
                    structured_metadata: Labels::default(),
                    parsed: Labels::default(),
                }
            };
            (categories.stream.to_string(), categories)
        });
        if !streams.contains_key(text) {
            let stream = ResultStream {
                labels: categories.stream.clone(),
                entries: Vec::new(),
            };
            streams.insert(text.clone(), stream);
        }
        if let Some(stream) = streams.get_mut(text) {
            stream.entries.push(ResultEntry {
                timestamp,
                line: kept.line.into(),
                structured_metadata: categories.structured_metadata.clone(),
                parsed: categories.parsed.clone(),
            });
        }
    }
    streams.into_values().collect()
}
