//! The engine's side of the seam to LogQL: blocks become batches, in the order wanted, on as many threads as pay.

use super::batch::{BlockBatch, MergedBatch, Scratch, summary_of};
use super::block_ref::{BlockRef, source_error};
use super::overlap::Overlap;
use super::parting::Parting;
use super::read_limit::ReadLimit;
use super::scope::Scope;
use super::select::needles;
use super::stats::StatsCounter;
use super::turns::Turns;
use super::unit::{Content, Unit, units};
use crate::Clock;
use crate::pool::Pool;
use loki_chunk::{BlockColumns, ColumnSet, Direction, Merge, MergeSource};
use loki_logql::source::{Order, Selection, Source, Visitor, Worker};
use loki_logql::{Error, ErrorKind};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let streams = self.scope.select(
            selection.matchers,
            selection.start,
            selection.end,
            &needles(selection.literals),
        )?;
        self.stats
            .select(streams.len(), streams.iter().map(|s| s.blocks.len()).sum());
        let blocks = || streams.iter().flat_map(|stream| &stream.blocks).map(BlockRef::summary);
        let bytes = blocks().map(|block| block.line_bytes + block.metadata_bytes).sum();
        self.read_limit.charge(bytes)?;
        let units: Vec<Unit> = streams.into_iter().flat_map(units).collect();
        match selection.order {
            Order::Any => self.visit_any(units, visitor),
            Order::Forward => self.visit_ordered(units, Direction::Forward, visitor),
            Order::Backward => self.visit_ordered(units, Direction::Backward, visitor),
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
        self.work(self.threads(&units, visitor), &|stop| {
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
        let threads = self.threads(&overlapping, visitor);
        let (overlapping, apart) = (Mutex::new(overlapping), Mutex::new(apart));
        self.work(threads, &|stop| {
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
        Ok(apart.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands over by newest (or oldest) timestamp. Overlapping blocks are told apart, and those that share timestamps merged,
    /// a piece at a time when their turn comes; the piece and what is left then wait for their own turns.
    fn visit_ordered(&self, units: Vec<Unit>, direction: Direction, visitor: &dyn Visitor) -> Result<(), Error> {
        let threads = self.threads(&units, visitor);
        let overlaps = units.iter().filter(|unit| !unit.is_ready()).count();
        let turns = Mutex::new(Turns::new(direction, units, self.max_memory_bytes));
        let mut first = visitor.worker();
        let alone = if threads > 1 { ALONE_UNITS } else { usize::MAX };
        if self
            .take_turns(&turns, overlaps, &mut *first, alone, &Stop::default())?
            .is_break()
            || lock(&turns).is_empty()
        {
            return first.finish();
        }
        let first = Mutex::new(Some(first));
        self.work(threads, &|stop| {
            let mut worker = lock(&first).take().unwrap_or_else(|| visitor.worker());
            // A worker that wants no more says nothing about the others: each sees for itself.
            let _ = self.take_turns(&turns, overlaps, &mut *worker, usize::MAX, stop)?;
            worker.finish()
        })
    }

    /// Gives a worker what comes next, as long as it wants more, at most `units` times. So many `overlaps` are merged at most.
    fn take_turns(
        &self,
        turns: &Mutex<Turns>,
        overlaps: usize,
        worker: &mut (dyn Worker + Send + '_),
        units: usize,
        stop: &Stop,
    ) -> Result<ControlFlow<()>, Error> {
        let mut scratch = Scratch::default();
        let mut timestamps = BlockColumns::new();
        let mut handed_over = 0;
        while handed_over < units && !stop.is_set() {
            let Some(mut unit) = lock(turns).pop() else {
                return Ok(ControlFlow::Continue(()));
            };
            self.check_wanted()?;
            let direction = lock(turns).direction();
            if let Some(blocks) = unit.take_overlapping() {
                let parting = Parting::new(blocks, direction, MOST_TOGETHER, self.max_memory_bytes);
                unit.content = Content::Parting(Box::new(parting));
            }
            if let Content::Parting(parting) = &mut unit.content {
                if let Some(blocks) = parting.next(&mut timestamps)? {
                    let part = unit.part(blocks);
                    let mut turns = lock(turns);
                    turns.push(unit);
                    part.into_iter().for_each(|part| turns.push(part));
                }
                continue;
            }
            if let Some(blocks) = unit.blocks_to_merge() {
                let overlap = Overlap::new(blocks, direction, self.max_memory_bytes, overlaps);
                unit.content = Content::Overlap(Box::new(overlap));
            }
            if let Content::Overlap(overlap) = &mut unit.content {
                if let Some(runs) = overlap.next_piece()? {
                    let piece = self.piece(&unit, runs)?;
                    let mut turns = lock(turns);
                    turns.push(unit);
                    if let Some(piece) = piece {
                        turns.push(piece);
                    }
                }
                continue;
            }
            handed_over += 1;
            if self.hand_over(&unit, worker, &mut scratch)?.is_break() {
                return Ok(ControlFlow::Break(()));
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

    fn threads(&self, units: &[Unit], visitor: &dyn Visitor) -> usize {
        let bytes: u64 = units.iter().map(Unit::line_bytes).sum();
        if bytes < PARALLEL_BYTES {
            return 1;
        }
        self.pool.threads().min(units.len()).min(visitor.most_workers())
    }

    /// Calls `work` on so many threads, until all are done or one has failed.
    fn work(&self, threads: usize, work: &(dyn Fn(&Stop) -> Result<(), Error> + Sync)) -> Result<(), Error> {
        let stop = Stop::default();
        if threads <= 1 {
            return work(&stop);
        }
        let failure = Mutex::new(None);
        self.pool.run(threads, &|| {
            if let Err(error) = work(&stop) {
                stop.0.store(true, Ordering::Relaxed);
                lock(&failure).get_or_insert(error);
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(error) => Err(error),
        }
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

/// Says to all threads of a visit that one of them has failed.
#[derive(Debug, Default)]
struct Stop(AtomicBool);

impl Stop {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a lock guards is whole after every step, so a panic of its holder does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
