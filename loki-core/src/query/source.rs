//! The engine's side of the seam to LogQL: blocks become batches, in the order wanted, on as many threads as pay.

use super::batch::{BlockBatch, MergedBatch, Scratch, summary_of};
use super::block_ref::{BlockRef, source_error};
use super::finder::Finder;
use super::overlap::Overlap;
use super::parting::Parting;
use super::queue::Queue;
use super::read_limit::ReadLimit;
use super::required::Required;
use super::scope::Scope;
use super::stats::StatsCounter;
use super::unit::{Content, Unit};
use super::work::{Stop, into_inner, lock, share_work};
use crate::Clock;
use crate::pool::Pool;
use loki_chunk::{BlockColumns, ColumnSet, Direction, Merge, MergeSource};
use loki_logql::source::{Order, Selection, Source, Visitor, Worker};
use loki_logql::{Error, ErrorKind};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Entries of a batch that is merged from several blocks.
const RUN_ENTRIES: usize = 8192;
/// Below so many bytes of lines a second thread costs more than it brings.
const PARALLEL_BYTES: u64 = 1 << 20;
/// Where so many blocks of a stream share timestamps, a query in order takes all that follow for theirs: it may want the
/// first few alone.
const MOST_TOGETHER: usize = 16;
/// Of units that are wanted in order so many are read by one thread before others join: often they are the answer.
const ALONE_UNITS: usize = 2;

/// What one query reads.
#[derive(Debug)]
pub(crate) struct EngineSource<'e> {
    pub(crate) scope: Scope,
    pub(crate) pool: &'e Pool,
    pub(crate) stats: &'e StatsCounter,
    pub(crate) clock: &'e dyn Clock,
    /// When the query has to be done.
    pub(crate) deadline: i64,
    /// Bytes that blocks which overlap in time may take while they are merged for a query in order: those of one stream, and
    /// those of all that wait for their turns.
    pub(crate) max_memory_bytes: usize,
    /// How much may be read.
    pub(crate) read_limit: ReadLimit,
}

impl Source for EngineSource<'_> {
    fn visit(&self, selection: &Selection<'_>, visitor: &dyn Visitor) -> Result<(), Error> {
        let direction = match selection.order {
            Order::Any | Order::Forward => Direction::Forward,
            Order::Backward => Direction::Backward,
        };
        let times = selection.start..selection.end;
        let mut finder = self
            .scope
            .finder(selection.matchers, times, Required::of(selection.literals), direction)?;
        // Where content filters are asked most of what is stored has to be looked at, which all threads do now: those that
        // take turns have to wait for the one that looks.
        let asks_filters = !selection.literals.is_empty();
        if selection.order == Order::Any || asks_filters || !self.read_limit.allows(finder.most_bytes()?) {
            finder.open_all(Some(self.pool))?;
            self.read_limit.charge(finder.bytes())?;
        }
        if selection.order == Order::Any {
            self.stats.select(finder.counts());
            finder.take_all();
            self.visit_any(finder.units(), visitor)
        } else {
            self.visit_ordered(finder, visitor)
        }
    }

    fn check_wanted(&self) -> Result<(), Error> {
        if self.clock.now() > self.deadline {
            Err(Error::new(ErrorKind::Cancelled))
        } else {
            Ok(())
        }
    }
}

impl EngineSource<'_> {
    fn visit_any(&self, units: Vec<Unit>, visitor: &dyn Visitor) -> Result<(), Error> {
        let units = self.part(units, visitor)?;
        let next = AtomicUsize::new(0);
        share_work(self.pool, self.threads_for(&units, visitor), &|stop| {
            let mut worker = visitor.worker();
            let mut scratch = Scratch::default();
            while !stop.is_set() {
                let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                self.check_wanted()?;
                if self.hand_over(unit, &mut *worker, &mut scratch)?.is_break() {
                    break;
                }
            }
            worker.finish()
        })
    }

    /// The units with overlapping blocks told apart, so that no timestamp of a stream is in two of them.
    fn part(&self, units: Vec<Unit>, visitor: &dyn Visitor) -> Result<Vec<Unit>, Error> {
        let (overlapping, apart): (Vec<Unit>, Vec<Unit>) = units
            .into_iter()
            .partition(|unit| matches!(unit.content, Content::Overlapping(_)));
        let threads = self.threads_for(&overlapping, visitor);
        let (overlapping, apart) = (Mutex::new(overlapping), Mutex::new(apart));
        share_work(self.pool, threads, &|stop| {
            let mut columns = BlockColumns::new();
            while !stop.is_set() {
                let Some(mut unit) = lock(&overlapping).pop() else {
                    break;
                };
                let blocks = unit.take_overlapping().unwrap_or_default();
                let mut parting = Parting::new(blocks, Direction::Forward, usize::MAX, self.max_memory_bytes);
                while let Some(blocks) = parting.next(&mut columns)? {
                    self.check_wanted()?;
                    lock(&apart).extend(unit.part(blocks));
                }
            }
            Ok(())
        })?;
        Ok(into_inner(apart))
    }

    /// Hands over by newest (or oldest) timestamp. Segments are looked at when their turn comes; overlapping blocks are told
    /// apart, and those that share timestamps merged, a piece at a time; the piece and what is left then wait for their own
    /// turns.
    fn visit_ordered(&self, finder: Finder<'_>, visitor: &dyn Visitor) -> Result<(), Error> {
        let threads = self.threads(finder.most_bytes()?, visitor);
        let queue = Mutex::new(Queue::new(finder, self.max_memory_bytes));
        let mut first = visitor.worker();
        let alone = if threads > 1 { ALONE_UNITS } else { usize::MAX };
        let flow = self.take_turns(&queue, Some(self.pool), &mut *first, alone, &Stop::default())?;
        if flow.is_break() || lock(&queue).is_empty() {
            first.finish()?;
        } else {
            let first = Mutex::new(Some(first));
            share_work(self.pool, threads, &|stop| {
                let mut worker = lock(&first).take().unwrap_or_else(|| visitor.worker());
                // A worker that wants no more says nothing about the others: each sees for itself.
                let _ = self.take_turns(&queue, None, &mut *worker, usize::MAX, stop)?;
                worker.finish()
            })?;
        }
        self.stats.select(lock(&queue).counts());
        Ok(())
    }

    /// Gives a worker what comes next, as long as it wants more, at most `units` times. Segments are looked at by the threads
    /// of `pool`; there must be none where several workers take turns: a thread that waits for others would do their work
    /// meanwhile, which waits for the queue.
    fn take_turns(
        &self,
        queue: &Mutex<Queue<'_>>,
        pool: Option<&Pool>,
        worker: &mut (dyn Worker + Send + '_),
        units: usize,
        stop: &Stop,
    ) -> Result<ControlFlow<()>, Error> {
        let mut scratch = Scratch::default();
        let mut timestamps = BlockColumns::new();
        let mut handed_over = 0;
        while handed_over < units && !stop.is_set() {
            let (mut unit, direction, overlaps) = {
                let mut queue = lock(queue);
                let Some(unit) = queue.pop(pool)? else {
                    return Ok(ControlFlow::Continue(()));
                };
                (unit, queue.direction(), queue.overlaps())
            };
            self.check_wanted()?;
            if let Some(blocks) = unit.take_overlapping() {
                let parting = Parting::new(blocks, direction, MOST_TOGETHER, self.max_memory_bytes);
                unit.content = Content::Parting(Box::new(parting));
            }
            if let Some(blocks) = unit.blocks_to_merge() {
                let overlap = Overlap::new(blocks, direction, self.max_memory_bytes, overlaps);
                unit.content = Content::Overlap(Box::new(overlap));
            }
            let part = match &mut unit.content {
                Content::Parting(parting) => {
                    let blocks = parting.next(&mut timestamps)?;
                    blocks.map(|blocks| unit.part(blocks))
                }
                Content::Overlap(overlap) => match overlap.next_piece()? {
                    Some(runs) => Some(self.piece(&unit, runs)?),
                    None => None,
                },
                _ => {
                    handed_over += 1;
                    if self.hand_over(&unit, worker, &mut scratch)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    None
                }
            };
            if let Some(part) = part {
                lock(queue).push([unit].into_iter().chain(part));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Of merged entries those that can be seen, as a unit of their own; `None` where all are hidden.
    fn piece(&self, unit: &Unit, mut runs: Vec<BlockColumns>) -> Result<Option<Unit>, Error> {
        let mut picked = BlockColumns::new();
        for run in &mut runs {
            if !std::ptr::eq(unit.visible(run, &mut picked)?, run) {
                std::mem::swap(run, &mut picked);
            }
        }
        runs.retain(|run| !run.is_empty());
        let min_timestamp = runs.iter().map(|run| summary_of(run).min_timestamp).min();
        let max_timestamp = runs.iter().map(|run| summary_of(run).max_timestamp).max();
        Ok(min_timestamp
            .zip(max_timestamp)
            .map(|(min_timestamp, max_timestamp)| Unit {
                labels: unit.labels.clone(),
                min_timestamp,
                max_timestamp,
                content: Content::Merged(runs),
                hidden: Vec::new(),
            }))
    }

    fn threads_for(&self, units: &[Unit], visitor: &dyn Visitor) -> usize {
        let bytes = units.iter().map(Unit::line_bytes).sum();
        self.threads(bytes, visitor).min(units.len())
    }

    /// How many threads pay for so many bytes.
    fn threads(&self, bytes: u64, visitor: &dyn Visitor) -> usize {
        if bytes < PARALLEL_BYTES {
            return 1;
        }
        self.pool.threads().min(visitor.most_workers())
    }

    fn hand_over(
        &self,
        unit: &Unit,
        worker: &mut (dyn Worker + Send + '_),
        scratch: &mut Scratch,
    ) -> Result<ControlFlow<()>, Error> {
        if let Some(blocks) = unit.blocks_to_merge() {
            let in_head = blocks.iter().all(BlockRef::is_in_head);
            let mut picked = BlockColumns::new();
            let mut merge = Merge::new(blocks.iter().map(Reading));
            while let Some(run) = merge.next_run(RUN_ENTRIES).map_err(read_error)? {
                self.check_wanted()?;
                let run = unit.visible(run, &mut picked)?;
                if run.is_empty() {
                    continue;
                }
                let flow = worker.batch(&unit.labels, &mut MergedBatch::new(run, in_head, self.stats))?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        match &unit.content {
            Content::One(block) => worker.batch(&unit.labels, &mut BlockBatch::new(block, scratch, self.stats)),
            Content::Merged(runs) => {
                for run in runs {
                    let flow = worker.batch(&unit.labels, &mut MergedBatch::new(run, false, self.stats))?;
                    if flow.is_break() {
                        return Ok(flow);
                    }
                }
                Ok(ControlFlow::Continue(()))
            }
            Content::Overlapping(_) | Content::Parting(_) | Content::Many(_) | Content::Overlap(_) => {
                unreachable!("several blocks are told apart or merged")
            }
        }
    }
}

/// A block as a source of a merge.
#[derive(Debug)]
struct Reading<'a>(&'a BlockRef);

impl MergeSource for Reading<'_> {
    type Error = Error;

    fn min_timestamp(&self) -> i64 {
        self.0.summary().min_timestamp
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<(), Error> {
        columns.clear();
        self.0.read(columns, ColumnSet::ALL)
    }
}

fn read_error(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Source { .. } => error,
        other => source_error(other.to_string()),
    }
}
