//! The open block: entries in the order of arrival, in flat buffers and pages.

use std::ops::Range;

use crate::block::Block;
use crate::columns::{BlockColumns, ColumnSet};
use crate::encoding::{Compressor, Encoding};
use crate::entry::EntryRef;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{
    BLOCK_MAX_BYTES, BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, LINE_MAX_BYTES, METADATA_MAX_BYTES, METADATA_MAX_CELLS,
};
use crate::pages::{PagePool, Pages};
use crate::symbols::SymbolTable;

/// The open block of a stream: takes entries in any order of time, keeps them in the order of arrival.
///
/// Columns stand apart as in a sealed block, so a reader copies only those it needs. Appending allocates only when a buffer
/// has to grow.
///
/// ```
/// use loki_chunk::{Encoding, EntryRef, HeadBlock};
///
/// let mut head = HeadBlock::new();
/// let entry = EntryRef { timestamp: 20, line: b"ready", metadata: &[] };
/// head.append(entry)?;
/// head.append(EntryRef { timestamp: 10, ..entry })?;
/// assert!(head.contains(entry) && !head.is_sorted());
///
/// let block = head.seal(Encoding::Zstd);
/// assert_eq!((block.header.min_timestamp, block.header.max_timestamp), (10, 20));
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HeadBlock {
    timestamps: Vec<i64>,
    /// Where each line begins in `lines`, and where the last ends. Nothing stands there before the first.
    offsets: Vec<u32>,
    lines: Pages,
    metadata: SymbolTable,
    metadata_bytes: u64,
    min_timestamp: i64,
    max_timestamp: i64,
    is_sorted: bool,
}

impl Default for HeadBlock {
    fn default() -> Self {
        Self::new()
    }
}

impl HeadBlock {
    /// An empty block. Nothing is allocated yet.
    pub fn new() -> Self {
        Self {
            timestamps: Vec::new(),
            offsets: Vec::new(),
            lines: Pages::default(),
            metadata: SymbolTable::default(),
            metadata_bytes: 0,
            min_timestamp: i64::MAX,
            max_timestamp: i64::MIN,
            is_sorted: true,
        }
    }

    /// An empty block whose lines lie in pages of `pool`, which gets them back once the block is cleared or dropped.
    pub fn in_pool(pool: &PagePool) -> Self {
        Self {
            lines: Pages::in_pool(pool),
            ..Self::new()
        }
    }

    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::UnsortedMetadata`] when metadata is not sorted by name or holds a name twice;
    /// - [`ErrorKind::TooLarge`] when the entry is more than any block can hold;
    /// - [`ErrorKind::BlockFull`] when it is more than this block can hold beside what it has.
    ///
    /// The block is then as it was.
    pub fn append(&mut self, entry: EntryRef<'_>) -> Result<()> {
        check(entry)?;
        if !self.can_hold(entry) {
            let kind = ErrorKind::BlockFull {
                entries: self.len() as u64,
                line_bytes: self.line_bytes() as u64,
            };
            return Err(Error::refused(kind));
        }
        self.metadata.append(self.len(), entry.metadata);
        self.metadata_bytes += entry.metadata_bytes() as u64;
        self.lines.extend(entry.line);
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.offsets.push(self.lines.len() as u32);
        self.is_sorted &= self.timestamps.last().is_none_or(|&last| last <= entry.timestamp);
        self.min_timestamp = self.min_timestamp.min(entry.timestamp);
        self.max_timestamp = self.max_timestamp.max(entry.timestamp);
        self.timestamps.push(entry.timestamp);
        Ok(())
    }

    /// Whether the block should take this entry: it is below its target size, and the entry fits. An empty block has room for
    /// every entry that can be stored at all. When this says no, seal, clear and append.
    pub fn has_room_for(&self, entry: EntryRef<'_>) -> bool {
        self.is_empty()
            || self.line_bytes() < BLOCK_TARGET_BYTES
                && self.metadata.text_bytes() < BLOCK_TARGET_BYTES
                && self.can_hold(entry)
    }

    /// Whether the entry fits within the bounds of the format.
    pub(crate) fn can_hold(&self, entry: EntryRef<'_>) -> bool {
        // Every name of the entry counts as a new one: cheap to know, and within a few columns of the truth.
        let names = self.metadata.names() + entry.metadata.len();
        self.is_empty()
            || self.len() < BLOCK_MAX_ENTRIES
                && self.line_bytes() + entry.line.len() <= BLOCK_MAX_BYTES
                && self.metadata.text_bytes() + entry.metadata_bytes() <= BLOCK_MAX_BYTES
                && names * (self.len() + 1) <= METADATA_MAX_CELLS
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Sum of the lengths of the lines.
    pub fn line_bytes(&self) -> usize {
        self.lines.len()
    }

    /// Sum of the lengths of metadata names and values, counted for each entry that has them.
    pub fn metadata_bytes(&self) -> u64 {
        self.metadata_bytes
    }

    /// Bytes allocated, beside the struct itself.
    pub fn memory_bytes(&self) -> usize {
        self.timestamps.capacity() * size_of::<i64>()
            + self.offsets.capacity() * size_of::<u32>()
            + self.lines.memory_bytes()
            + self.metadata.memory_bytes()
    }

    /// Least timestamp.
    pub fn min_timestamp(&self) -> Option<i64> {
        (!self.is_empty()).then_some(self.min_timestamp)
    }

    /// Greatest timestamp.
    pub fn max_timestamp(&self) -> Option<i64> {
        (!self.is_empty()).then_some(self.max_timestamp)
    }

    /// Whether entries arrived in the order of their timestamps.
    pub fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// Whether an entry with this timestamp, line and metadata is in the block.
    ///
    /// Immediate for an entry outside the times of the block, a binary search while the block is sorted, and one pass over
    /// the timestamps otherwise.
    pub fn contains(&self, entry: EntryRef<'_>) -> bool {
        if entry.timestamp > self.max_timestamp || entry.timestamp < self.min_timestamp {
            return false;
        }
        let candidates = if self.is_sorted {
            let start = self.timestamps.partition_point(|&at| at < entry.timestamp);
            let equal = self.timestamps[start..].iter().take_while(|&&at| at == entry.timestamp);
            start..start + equal.count()
        } else if self.timestamps.contains(&entry.timestamp) {
            0..self.len()
        } else {
            // Most timestamps are new, and to find that out takes vectors and no more.
            return false;
        };
        candidates
            .filter(|&index| self.timestamps[index] == entry.timestamp)
            .any(|index| {
                self.lines.equal(self.line(index), entry.line) && self.metadata.entry_equals(index, entry.metadata)
            })
    }

    /// Where the line of an entry lies.
    fn line(&self, entry: usize) -> Range<usize> {
        self.offsets[entry] as usize..self.offsets[entry + 1] as usize
    }

    /// Forgets all entries; most buffers stay allocated.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.offsets.clear();
        self.lines.clear();
        self.metadata.clear();
        self.metadata_bytes = 0;
        self.min_timestamp = i64::MAX;
        self.max_timestamp = i64::MIN;
        self.is_sorted = true;
    }

    /// All lines in the order of arrival, end to end in the pieces in which they lie in memory: to be searched without a copy.
    ///
    /// ```
    /// use loki_chunk::{EntryRef, HeadBlock};
    ///
    /// let mut head = HeadBlock::new();
    /// for (timestamp, line) in [(2, b"two"), (1, b"one")] {
    ///     head.append(EntryRef { timestamp, line, metadata: &[] })?;
    /// }
    /// assert_eq!(head.line_pieces().collect::<Vec<_>>().concat(), b"twoone");
    /// # Ok::<(), loki_chunk::Error>(())
    /// ```
    pub fn line_pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.slices(0..self.lines.len())
    }

    /// Copies columns of the entries that arrived first, at most `first_entries` of them, sorted by timestamp; equal
    /// timestamps keep the order of arrival. What `columns` held before is forgotten.
    ///
    /// A reader that remembers how many entries there were sees the same ones again, whatever was appended since.
    pub fn columns(&self, first_entries: usize, columns: &mut BlockColumns, want: ColumnSet) {
        let entries = first_entries.min(self.len());
        let order = self.order(entries);
        columns.begin(entries, want);
        if want.contains(ColumnSet::TIMESTAMPS) {
            match &order {
                None => columns.timestamps.extend_from_slice(&self.timestamps[..entries]),
                Some(order) => columns
                    .timestamps
                    .extend(order.iter().map(|&entry| self.timestamps[entry as usize])),
            }
        }
        if want.contains(ColumnSet::OFFSETS) {
            match &order {
                None if entries > 0 => columns.offsets.extend_from_slice(&self.offsets[..=entries]),
                None => columns.offsets.push(0),
                Some(order) => {
                    columns.offsets.push(0);
                    columns.offsets.extend(order.iter().scan(0, |end, &entry| {
                        *end += self.line(entry as usize).len() as u32;
                        Some(*end)
                    }));
                }
            }
        }
        if want.contains(ColumnSet::LINES) {
            let end = self.offsets.get(entries).map_or(0, |&end| end as usize);
            columns.lines.reserve(end);
            match &order {
                None => self.lines.copy(0..end, &mut columns.lines),
                Some(order) => order
                    .iter()
                    .for_each(|&entry| self.lines.copy(self.line(entry as usize), &mut columns.lines)),
            }
        }
        if want.contains(ColumnSet::METADATA) {
            for column in self.metadata.columns() {
                if !columns
                    .metadata
                    .next_column()
                    .copy_prefix(column, entries, order.as_deref())
                {
                    columns.metadata.drop_last();
                }
            }
        }
    }

    /// The first `entries` entries by timestamp, or `None` when they arrived that way.
    fn order(&self, entries: usize) -> Option<Vec<u32>> {
        if self.is_sorted || self.timestamps[..entries].is_sorted() {
            return None;
        }
        let mut order: Vec<u32> = (0..entries as u32).collect();
        order.sort_by_key(|&entry| self.timestamps[entry as usize]);
        Some(order)
    }

    /// Compresses all entries into a block, sorted by timestamp; equal timestamps keep the order of arrival. The entries stay
    /// until [`clear`](Self::clear), so that readers can be moved over first.
    pub fn seal(&self, encoding: Encoding) -> Block {
        self.seal_with(&mut Compressor::new(encoding))
    }

    /// As [`seal`](Self::seal), with a compressor that is used for many blocks. Whoever has [`BlockColumns`] to use for many
    /// blocks, too, copies all columns and seals those.
    pub fn seal_with(&self, compressor: &mut Compressor) -> Block {
        let mut columns = BlockColumns::new();
        self.columns(self.len(), &mut columns, ColumnSet::ALL);
        columns.seal_with(compressor).expect("all columns were asked for")
    }
}

/// Refuses an entry that no block could hold.
fn check(entry: EntryRef<'_>) -> Result<()> {
    let unsorted = entry.metadata.windows(2).position(|pair| pair[0].0 >= pair[1].0);
    if let Some(index) = unsorted {
        return Err(Error::refused(ErrorKind::UnsortedMetadata { index: index + 1 }));
    }
    let bound = |what, limit: usize, found: usize| {
        let kind = ErrorKind::TooLarge {
            what,
            limit: limit as u64,
            found: found as u64,
        };
        if found > limit {
            Err(Error::refused(kind))
        } else {
            Ok(())
        }
    };
    bound("number of metadata names", METADATA_MAX_CELLS, entry.metadata.len())?;
    bound("length of the line", LINE_MAX_BYTES, entry.line.len())?;
    bound(
        "bytes of structured metadata",
        METADATA_MAX_BYTES,
        entry.metadata_bytes(),
    )
}
