//! Overlapping blocks of one stream, merged piece by piece from one end of their time to the other.

use super::block_ref::{BlockRef, source_error};
use loki_chunk::{BlockColumns, ColumnSet, Direction, Merge, MergeSource};
use loki_logql::{Error, ErrorKind};
use std::ops::Range;

/// About how many entries a piece has.
const PIECE_ENTRIES: usize = 8192;
/// About how many bytes of lines a piece has: so much fits into one run of a [`Merge`].
const PIECE_LINE_BYTES: u32 = 256 << 10;

/// Overlapping blocks of which a part has been merged.
///
/// Held in memory are the blocks that reach over the place where the merge stands, no more. Pieces part between
/// timestamps: no timestamp is in two of them.
#[derive(Debug)]
pub(super) struct Overlap {
    direction: Direction,
    /// Blocks not yet read, each with its number, the next one last.
    waiting: Vec<(usize, BlockRef)>,
    /// Blocks read, by number: entries of one time stand in the order in which their blocks came.
    loaded: Vec<Loaded>,
    /// How many bytes of blocks may be held.
    max_memory_bytes: usize,
}

#[derive(Debug)]
struct Loaded {
    number: usize,
    columns: BlockColumns,
    /// Entries that are in no piece yet; never empty.
    rest: Range<usize>,
}

impl Overlap {
    /// Nothing is read yet.
    pub(super) fn new(blocks: &[BlockRef], direction: Direction, max_memory_bytes: usize) -> Overlap {
        let mut waiting: Vec<(usize, BlockRef)> = blocks.iter().cloned().enumerate().collect();
        waiting.sort_by_key(|(_, block)| match direction {
            Direction::Backward => block.summary().max_timestamp,
            Direction::Forward => !block.summary().min_timestamp,
        });
        Overlap {
            direction,
            waiting,
            loaded: Vec::new(),
            max_memory_bytes,
        }
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
            let read = Loaded {
                number: *number,
                rest: 0..columns.len(),
                columns,
            };
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
        let bytes: usize = self.loaded.iter().map(|block| block.columns.memory_bytes()).sum();
        let most = self.max_memory_bytes;
        if bytes <= most {
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
        let share = |block: &Loaded| block.share_end(blocks, self.direction);
        self.nearest_of(self.loaded.iter().map(share).chain(waiting.filter(|_| blocks > 0)))
    }

    /// The timestamp of the end of a block that comes first.
    fn near_end(&self, block: &BlockRef) -> i64 {
        match self.direction {
            Direction::Backward => block.summary().max_timestamp,
            Direction::Forward => block.summary().min_timestamp,
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

    /// The timestamp up to which its part of a piece goes, if `blocks` of them make the piece.
    fn share_end(&self, blocks: usize, direction: Direction) -> i64 {
        let entries = PIECE_ENTRIES.div_ceil(blocks);
        let bytes = PIECE_LINE_BYTES / blocks as u32;
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
