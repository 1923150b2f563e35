//! The engine's side of the seam to LogQL: blocks become batches, in the order wanted, on as many threads as pay.

use super::batch::{BlockBatch, MergedBatch, Scratch, summary_of};
use super::block_ref::{BlockRef, source_error};
use super::scope::Scope;
use super::select::{StreamBlocks, needles};
use super::stats::StatsCounter;
use crate::Clock;
use crate::delete::{DeleteFilter, remaining};
use crate::pool::Pool;
use loki_chunk::{BlockColumns, ColumnSet, Merge, MergeSource};
use loki_logql::source::{Order, Selection, Source, Visitor, Worker};
use loki_logql::{Error, ErrorKind, Labels};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Entries of a batch that is merged from several blocks.
const RUN_ENTRIES: usize = 8192;
/// Below so many bytes of lines a second thread costs more than it brings.
const PARALLEL_BYTES: u64 = 1 << 20;

/// What one query reads.
#[derive(Debug)]
pub(crate) struct EngineSource<'e> {
    pub(crate) scope: Scope,
    pub(crate) pool: &'e Pool,
    pub(crate) stats: &'e StatsCounter,
    pub(crate) clock: &'e dyn Clock,
    /// When the query has to be done.
    pub(crate) deadline: i64,
    /// Bytes that blocks which overlap may take while they wait, merged, for their turn.
    pub(crate) max_memory_bytes: usize,
}

/// Blocks that are read together: one, or several that overlap in time.
#[derive(Debug)]
struct Unit {
    labels: Labels,
    min_timestamp: i64,
    max_timestamp: i64,
    content: Content,
    /// What is hidden of it.
    hidden: Vec<Arc<DeleteFilter>>,
}

#[derive(Debug)]
enum Content {
    One(BlockRef),
    Many(Vec<BlockRef>),
    /// A part of a merged `Many`.
    Merged(Box<BlockColumns>),
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
        let units: Vec<Unit> = streams.into_iter().flat_map(units).collect();
        match selection.order {
            Order::Any => self.visit_any(units, visitor),
            order => self.visit_ordered(units, order, visitor),
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
        let bytes: u64 = units.iter().map(Unit::line_bytes).sum();
        let threads = if bytes < PARALLEL_BYTES {
            1
        } else {
            self.pool.threads().min(units.len())
        };
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let work = || -> Result<(), Error> {
            let mut worker = visitor.worker();
            let mut scratch = Scratch::default();
            while !stop.load(Ordering::Relaxed) {
                let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                self.check_wanted()?;
                if self.hand_over(unit, &mut *worker, &mut scratch)?.is_break() {
                    break;
                }
            }
            worker.finish()
        };
        if threads <= 1 {
            return work();
        }
        let failure = Mutex::new(None);
        self.pool.run(threads, &|| {
            if let Err(error) = work() {
                stop.store(true, Ordering::Relaxed);
                failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Hands over by newest (or oldest) timestamp. Overlapping blocks are merged when their turn comes; the runs then
    /// wait for their own turns.
    fn visit_ordered(&self, units: Vec<Unit>, order: Order, visitor: &dyn Visitor) -> Result<(), Error> {
        let key = |unit: &Unit| match order {
            Order::Backward => unit.max_timestamp,
            _ => unit.min_timestamp.checked_neg().unwrap_or(i64::MAX),
        };
        let mut slots: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
        let mut heap: BinaryHeap<(i64, Reverse<usize>)> = slots
            .iter()
            .flatten()
            .enumerate()
            .map(|(i, unit)| (key(unit), Reverse(i)))
            .collect();
        let mut worker = visitor.worker();
        let mut scratch = Scratch::default();
        while let Some((_, Reverse(place))) = heap.pop() {
            self.check_wanted()?;
            let unit = slots[place].take().expect("each place is in the heap once");
            if let Some(blocks) = unit.blocks_to_merge() {
                for run in self.merged(&unit, blocks)? {
                    heap.push((key(&run), Reverse(slots.len())));
                    slots.push(Some(run));
                }
            } else if self.hand_over(&unit, &mut *worker, &mut scratch)?.is_break() {
                break;
            }
        }
        worker.finish()
    }

    fn hand_over(
        &self,
        unit: &Unit,
        worker: &mut (dyn Worker + Send + '_),
        scratch: &mut Scratch,
    ) -> Result<ControlFlow<()>, Error> {
        let mut picked = BlockColumns::new();
        match (&unit.content, unit.blocks_to_merge()) {
            (_, Some(blocks)) => {
                let in_head = blocks.iter().all(BlockRef::is_in_head);
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
                Ok(ControlFlow::Continue(()))
            }
            (Content::One(block), None) => worker.batch(&unit.labels, &mut BlockBatch::new(block, scratch, self.stats)),
            (Content::Merged(columns), None) => {
                worker.batch(&unit.labels, &mut MergedBatch::new(columns, false, self.stats))
            }
            (Content::Many(_), None) => unreachable!("several blocks are always merged"),
        }
    }

    /// The visible entries of a unit whose blocks have to be merged, in parts that do not overlap.
    fn merged(&self, unit: &Unit, blocks: &[BlockRef]) -> Result<Vec<Unit>, Error> {
        let mut runs = Vec::new();
        let mut picked = BlockColumns::new();
        let mut bytes = 0;
        let mut merge = Merge::new(blocks.iter().map(Reading));
        while let Some(run) = merge.next_run(RUN_ENTRIES).map_err(read_error)? {
            self.check_wanted()?;
            let run = unit.visible(run, &mut picked)?;
            if run.is_empty() {
                continue;
            }
            bytes += run.lines().len() + run.len() * size_of::<i64>();
            if bytes > self.max_memory_bytes {
                let most = self.max_memory_bytes;
                return Err(Error::new(ErrorKind::Limit {
                    limit: "max_query_memory",
                    message: format!(
                        "the query would merge more than max_query_memory ({most} bytes) of overlapping data of one \
                         stream; ask for a shorter time range"
                    ),
                }));
            }
            let summary = summary_of(run);
            runs.push(Unit {
                labels: unit.labels.clone(),
                min_timestamp: summary.min_timestamp,
                max_timestamp: summary.max_timestamp,
                content: Content::Merged(Box::new(run.clone())),
                hidden: Vec::new(),
            });
        }
        Ok(runs)
    }
}

impl Unit {
    /// Its blocks, where they cannot be handed over as they lie: several, or one of which a part is hidden.
    fn blocks_to_merge(&self) -> Option<&[BlockRef]> {
        match &self.content {
            Content::One(_) if self.hidden.is_empty() => None,
            Content::One(block) => Some(std::slice::from_ref(block)),
            Content::Many(blocks) => Some(blocks),
            Content::Merged(_) => None,
        }
    }

    /// The entries of `run` that are not hidden: `run` itself, or a part of it in `picked`.
    fn visible<'r>(&self, run: &'r BlockColumns, picked: &'r mut BlockColumns) -> Result<&'r BlockColumns, Error> {
        match remaining(&self.hidden, &self.labels, run, &mut |_, _| {}) {
            None => Ok(run),
            Some(places) => {
                run.pick(&places, picked).map_err(|e| source_error(e.to_string()))?;
                Ok(picked)
            }
        }
    }

    fn line_bytes(&self) -> u64 {
        match &self.content {
            Content::One(block) => block.summary().line_bytes,
            Content::Many(blocks) => blocks.iter().map(|block| block.summary().line_bytes).sum(),
            Content::Merged(columns) => columns.lines().len() as u64,
        }
    }
}

/// The blocks of a stream, those together that overlap in time, without those that are hidden whole.
fn units(stream: StreamBlocks) -> Vec<Unit> {
    let mut blocks: Vec<(usize, BlockRef)> = stream.blocks.into_iter().enumerate().collect();
    blocks.sort_by_key(|(_, block)| block.summary().min_timestamp);
    let mut groups: Vec<(i64, Vec<(usize, BlockRef)>)> = Vec::with_capacity(blocks.len());
    for block in blocks {
        let summary = block.1.summary();
        match groups.last_mut() {
            Some((newest, group)) if summary.min_timestamp <= *newest => {
                *newest = summary.max_timestamp.max(*newest);
                group.push(block);
            }
            _ => groups.push((summary.max_timestamp, vec![block])),
        }
    }
    let unit = |(max_timestamp, mut group): (i64, Vec<(usize, BlockRef)>)| {
        let min_timestamp = group[0].1.summary().min_timestamp;
        // Entries of one time stand in the order in which their blocks came.
        group.sort_by_key(|(came, _)| *came);
        let mut blocks: Vec<BlockRef> = group.into_iter().map(|(_, block)| block).collect();
        let content = match (blocks.len(), blocks.pop()) {
            (1, Some(only)) => Content::One(only),
            (_, last) => Content::Many(blocks.into_iter().chain(last).collect()),
        };
        let overlaps = |filter: &&Arc<DeleteFilter>| filter.overlaps(min_timestamp, max_timestamp);
        let hidden = stream.hidden.iter().filter(overlaps).cloned().collect();
        Unit {
            labels: stream.labels.clone(),
            min_timestamp,
            max_timestamp,
            content,
            hidden,
        }
    };
    let is_visible = |unit: &Unit| {
        !unit
            .hidden
            .iter()
            .any(|filter| filter.covers(unit.min_timestamp, unit.max_timestamp))
    };
    groups.into_iter().map(unit).filter(is_visible).collect()
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
