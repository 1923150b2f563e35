//! Overlapping blocks of one stream, merged piece by piece from one end of their time to the other.

use super::block_ref::{BlockRef, source_error};
use loki_chunk::{BlockColumns, ColumnSet, Direction, Merge, MergeSource};
use loki_logql::{Error, ErrorKind};
use std::ops::Range;

/// About how many bytes of lines a piece has at most: so much fits into one run of a [`Merge`].
const MOST_PIECE_BYTES: usize = 256 << 10;
/// Below so much a piece costs more than it holds.
const LEAST_PIECE_BYTES: usize = 4 << 10;
/// A piece has about one entry at most for so many of its bytes.
const ENTRY_BYTES: usize = 32;

/// Overlapping blocks of which a part has been merged.
///
/// Held in memory are the blocks that reach over the place where the merge stands, no more, and those not while they are
/// [unloaded](Overlap::unload). Pieces part between timestamps: no timestamp is in two of them.
#[derive(Debug)]
pub(super) struct Overlap {
    direction: Direction,
    /// Blocks not yet read, each with its number, the next one last.
    waiting: Vec<(usize, BlockRef)>,
    /// Blocks read, by number: entries of one time stand in the order in which their blocks came.
    loaded: Vec<Loaded>,
    /// The last timestamp of the last piece.
    done: Option<i64>,
    /// About how many bytes of lines a piece has.
    piece_bytes: usize,
    /// How many bytes of blocks may be held.
    max_memory_bytes: usize,
}

#[derive(Debug)]
struct Loaded {
    number: usize,
    block: BlockRef,
    columns: BlockColumns,
    /// Entries that are in no piece yet; never empty.
    rest: Range<usize>,
}

impl Overlap {
    /// Nothing is read yet. So many `overlaps` may share the memory.
    pub(super) fn new(blocks: &[BlockRef], direction: Direction, max_memory_bytes: usize, overlaps: usize) -> Overlap {
        let mut overlap = Overlap {
            direction,
            waiting: blocks.iter().cloned().enumerate().collect(),
            loaded: Vec::new(),
            done: None,
            piece_bytes: (max_memory_bytes / overlaps.max(1)).clamp(LEAST_PIECE_BYTES, MOST_PIECE_BYTES),
            max_memory_bytes,
        };
        overlap.sort();
        overlap
    }

    /// Bytes of the blocks that are held.
    pub(super) fn memory_bytes(&self) -> usize {
        self.loaded.iter().map(|block| block.columns.memory_bytes()).sum()
    }

    /// Lets go of the blocks that are held; the next piece reads them again.
    pub(super) fn unload(&mut self) {
        let loaded = self.loaded.drain(..).map(|loaded| (loaded.number, loaded.block));
        self.waiting.extend(loaded);
        self.sort();
    }

    fn sort(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_by_key(|(_, block)| match self.direction {
            Direction::Backward => self.near_end(block),
            Direction::Forward => !self.near_end(block),
        });
        self.waiting = waiting;
    }

    /// The timestamp at which the next piece begins, or a bound before it; `None` where nothing is left.
    pub(super) fn nearest(&self) -> Option<i64> {
        let waiting = self.waiting.last().map(|(_, block)| self.near_end(block));
        let loaded = self.loaded.iter().map(|block| block.near_end(self.direction));
        self.nearest_of(loaded.chain(waiting))
    }

    /// The entries that come next, in runs that ascend, in the order of the direction; `None` behind the last.
    ///
    /// # Errors
    ///
    /// A block that cannot be read; more blocks at once than memory is allowed for.
    pub(super) fn next_piece(&mut self) -> Result<Option<Vec<BlockColumns>>, Error> {
        self.load_due()?;
        let Some(cut) = self.cut() else {
            return Ok(None);
        };
        self.done = Some(cut);
        let mut parts = Vec::with_capacity(self.loaded.len());
        for block in &mut self.loaded {
            let part = block.take(cut, self.direction);
            if part.is_empty() {
                continue;
            }
            let places: Vec<u32> = (part.start as u32..part.end as u32).collect();
            let mut columns = BlockColumns::new();
            let picked = block.columns.pick(&places, &mut columns);
            picked.map_err(|e| source_error(e.to_string()))?;
            parts.push(Part(columns));
        }
        self.loaded.retain(|block| !block.rest.is_empty());
        let mut runs = Vec::new();
        let mut merge = Merge::new(parts);
        while let Some(run) = merge.next_run(usize::MAX).map_err(|e| source_error(e.to_string()))? {
            runs.push(run.clone());
        }
        if self.direction == Direction::Backward {
            runs.reverse();
        }
        Ok(Some(runs))
    }

    /// Reads the blocks that the next piece may have entries of.
    fn load_due(&mut self) -> Result<(), Error> {
        while let Some((number, block)) = self.waiting.last() {
            let loaded = self.nearest_of(self.loaded.iter().map(|block| block.near_end(self.direction)));
            if loaded.is_some_and(|loaded| self.is_before(loaded, self.near_end(block))) {
                break;
            }
            let mut columns = BlockColumns::new();
            block.read(&mut columns, ColumnSet::ALL)?;
            let mut read = Loaded {
                number: *number,
                block: block.clone(),
                rest: 0..columns.len(),
                columns,
            };
            if let Some(done) = self.done {
                read.take(done, self.direction);
            }
            self.waiting.pop();
            if !read.rest.is_empty() {
                let place = self.loaded.partition_point(|other| other.number < read.number);
                self.loaded.insert(place, read);
                self.check_memory()?;
            }
        }
        Ok(())
    }

    fn check_memory(&self) -> Result<(), Error> {
        let most = self.max_memory_bytes;
        if self.memory_bytes() <= most {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Limit {
            limit: "max_query_memory",
            message: format!(
                "the query would hold more than max_query_memory ({most} bytes) of data of one stream that overlaps at one \
                 time; ask for a shorter time range"
            ),
        }))
    }

    /// The last timestamp of the next piece: as far as no block that waits can have a say, and not further than about
    /// one piece.
    fn cut(&self) -> Option<i64> {
        let waiting = self.waiting.last().map(|(_, block)| match self.direction {
            Direction::Backward => self.near_end(block).saturating_add(1),
            Direction::Forward => self.near_end(block).saturating_sub(1),
        });
        let blocks = self.loaded.len();
        let share = |block: &Loaded| block.share_end(self.piece_bytes / blocks, self.direction);
        self.nearest_of(self.loaded.iter().map(share).chain(waiting.filter(|_| blocks > 0)))
    }

    /// The timestamp of the end of a block that comes first, or a bound before it where a part of it is done.
    fn near_end(&self, block: &BlockRef) -> i64 {
        let summary = block.summary();
        let done = |bound: fn(i64, i64) -> i64| self.done.map(|done| bound(done, 1));
        match self.direction {
            Direction::Backward => {
                done(i64::saturating_sub).map_or(summary.max_timestamp, |b| summary.max_timestamp.min(b))
            }
            Direction::Forward => {
                done(i64::saturating_add).map_or(summary.min_timestamp, |b| summary.min_timestamp.max(b))
            }
        }
    }

    fn nearest_of(&self, timestamps: impl Iterator<Item = i64>) -> Option<i64> {
        match self.direction {
            Direction::Backward => timestamps.max(),
            Direction::Forward => timestamps.min(),
        }
    }

    /// Whether `a` comes before `b` in the direction.
    fn is_before(&self, a: i64, b: i64) -> bool {
        match self.direction {
            Direction::Backward => a > b,
            Direction::Forward => a < b,
        }
    }
}

impl Loaded {
    fn near_end(&self, direction: Direction) -> i64 {
        let timestamps = &self.columns.timestamps()[self.rest.clone()];
        match direction {
            Direction::Backward => timestamps[timestamps.len() - 1],
            Direction::Forward => timestamps[0],
        }
    }

    /// The timestamp up to which its part of a piece goes, which has about so many bytes of lines.
    fn share_end(&self, bytes: usize, direction: Direction) -> i64 {
        let entries = bytes.div_ceil(ENTRY_BYTES).max(1);
        let bytes = bytes as u32;
        let (offsets, Range { start, end }) = (self.columns.offsets(), self.rest.clone());
        let place = match direction {
            Direction::Backward => {
                let from = offsets[end].saturating_sub(bytes);
                let by_bytes = offsets[..end].partition_point(|&offset| offset < from);
                by_bytes.max(end.saturating_sub(entries)).clamp(start, end - 1)
            }
            Direction::Forward => {
                let to = offsets[start].saturating_add(bytes);
                let by_bytes = offsets[..end + 1].partition_point(|&offset| offset <= to);
                by_bytes
                    .saturating_sub(2)
                    .min(start + entries - 1)
                    .clamp(start, end - 1)
            }
        };
        self.columns.timestamps()[place]
    }

    /// Takes the entries up to and with the timestamp `cut` out of the rest.
    fn take(&mut self, cut: i64, direction: Direction) -> Range<usize> {
        let timestamps = &self.columns.timestamps()[self.rest.clone()];
        match direction {
            Direction::Backward => {
                let at = self.rest.start + timestamps.partition_point(|&timestamp| timestamp < cut);
                let part = at..self.rest.end;
                self.rest.end = at;
                part
            }
            Direction::Forward => {
                let at = self.rest.start + timestamps.partition_point(|&timestamp| timestamp <= cut);
                let part = self.rest.start..at;
                self.rest.start = at;
                part
            }
        }
    }
}

/// A part of a block as a source of a merge.
#[derive(Debug)]
struct Part(BlockColumns);

impl MergeSource for Part {
    type Error = Error;

    fn min_timestamp(&self) -> i64 {
        self.0.timestamps().first().copied().unwrap_or(i64::MAX)
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<(), Error> {
        std::mem::swap(&mut self.0, columns);
        Ok(())
    }
}
