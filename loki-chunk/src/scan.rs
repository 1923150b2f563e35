//! A scan over a time range: whole blocks, in either direction.

use std::ops::Range;

use crate::block::BlockHeader;
use crate::chunk::Chunk;
use crate::columns::{BlockColumns, ColumnSet};
use crate::error::Result;

/// Which end comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

/// A scan in progress: [`next`](Self::next) lends one block at a time out of one set of buffers.
///
/// Blocks outside the range are not read. Blocks come by their least timestamp (backward: the exact reverse of that); when they
/// do not overlap, see [`Chunk::is_sorted`], all entries come sorted.
///
/// ```
/// use loki_chunk::{Chunk, ChunkBuilder, Direction, Encoding, EntryRef};
///
/// let mut builder = ChunkBuilder::new(Encoding::Zstd);
/// for (timestamp, line) in [(1, "a"), (2, "b"), (2, "c"), (3, "d")] {
///     builder.append(EntryRef { timestamp, line: line.as_bytes(), metadata: &[] })?;
/// }
/// let chunk = Chunk::open(builder.finish())?;
///
/// let mut found = Vec::new();
/// let mut scan = chunk.scan(2..3, Direction::Backward);
/// while let Some(batch) = scan.next()? {
///     found.extend(batch.entries.rev().map(|entry| batch.columns.line(entry).to_vec()));
/// }
/// assert_eq!(found, [b"c", b"b"]);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug)]
pub struct Scan<'a, D> {
    chunk: &'a Chunk<D>,
    range: Range<i64>,
    want: ColumnSet,
    /// Indexes of the blocks still to come, the next one last.
    blocks: Vec<usize>,
    columns: BlockColumns,
}

/// One block of a [`Scan`].
#[derive(Debug)]
pub struct ScanBatch<'a> {
    /// The header of the block.
    pub header: &'a BlockHeader,
    /// The columns of the whole block, ascending by timestamp in both directions.
    pub columns: &'a BlockColumns,
    /// The entries inside the time range; never empty. To go backward, walk it in reverse.
    pub entries: Range<usize>,
}

impl<'a, D: AsRef<[u8]>> Scan<'a, D> {
    pub(crate) fn new(chunk: &'a Chunk<D>, range: Range<i64>, direction: Direction) -> Self {
        let headers = chunk.blocks();
        let mut blocks: Vec<usize> = (0..headers.len())
            .filter(|&index| headers[index].overlaps(&range))
            .collect();
        blocks.sort_by_key(|&index| headers[index].min_timestamp);
        if direction == Direction::Forward {
            blocks.reverse();
        }
        Self {
            chunk,
            range,
            want: ColumnSet::ALL,
            blocks,
            columns: BlockColumns::new(),
        }
    }

    /// Reads only these columns, and timestamps of blocks that lie partly outside the range. Without this call, all.
    #[must_use]
    pub fn with_columns(mut self, want: ColumnSet) -> Self {
        self.want = want;
        self
    }

    /// The next block that holds entries in the range.
    ///
    /// # Errors
    ///
    /// Those of [`BlockColumns::read`]. The scan then stands behind the damaged block and can go on.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its buffers")]
    pub fn next(&mut self) -> Result<Option<ScanBatch<'_>>> {
        while let Some(index) = self.blocks.pop() {
            let header = &self.chunk.blocks()[index];
            let is_inside = self.range.start <= header.min_timestamp && header.max_timestamp < self.range.end;
            let entries = if is_inside {
                0..header.entries as usize
            } else {
                self.chunk.read(index, &mut self.columns, ColumnSet::TIMESTAMPS)?;
                let timestamps = self.columns.timestamps();
                let start = timestamps.partition_point(|&timestamp| timestamp < self.range.start);
                start..timestamps.partition_point(|&timestamp| timestamp < self.range.end)
            };
            if entries.is_empty() {
                continue;
            }
            self.chunk.read(index, &mut self.columns, self.want)?;
            return Ok(Some(ScanBatch {
                header,
                columns: &self.columns,
                entries,
            }));
        }
        Ok(None)
    }
}
