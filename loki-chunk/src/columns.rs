//! The columns of one block, decoded into buffers that are used again.

mod lines;
mod set;
mod timestamps;

pub use set::ColumnSet;
pub(crate) use timestamps::encode_timestamps;

use crate::block::{Block, BlockHeader, Section};
use crate::encoding::{Compressor, Decompressor};
use crate::entry::EntryRef;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::metadata::{self, ColumnPool, MetadataColumn};
use crate::seal::Unsealed;
use crate::typed;
use timestamps::decode_timestamps;

/// The columns of one block: owned buffers, filled again and again.
///
/// A column that was not asked for is empty. Timestamps ascend; equal timestamps keep the order in which their entries
/// arrived.
///
/// ```
/// use loki_chunk::{BlockColumns, ColumnSet, Encoding, EntryRef, HeadBlock};
///
/// let mut head = HeadBlock::new();
/// head.append(EntryRef { timestamp: 20, line: b"later", metadata: &[] })?;
/// head.append(EntryRef { timestamp: 10, line: b"earlier", metadata: &[] })?;
/// let block = head.seal(Encoding::Zstd);
///
/// let mut columns = BlockColumns::new();
/// columns.read(&block.header, &block.data, ColumnSet::TIMESTAMPS)?;
/// assert_eq!(columns.timestamps(), [10, 20]);
/// assert!(columns.lines().is_empty());
///
/// columns.read(&block.header, &block.data, ColumnSet::LINES)?;
/// assert_eq!(columns.timestamps(), [10, 20], "what was read stays");
/// assert_eq!(columns.line(0), b"earlier");
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BlockColumns {
    header: Option<BlockHeader>,
    held: ColumnSet,
    entries: usize,
    pub(crate) timestamps: Vec<i64>,
    pub(crate) offsets: Vec<u32>,
    pub(crate) lines: Vec<u8>,
    pub(crate) metadata: ColumnPool,
    scratch: Vec<u8>,
    decompressor: Decompressor,
    typed: typed::Decoder,
}

impl BlockColumns {
    /// Columns of no entries. Nothing is allocated yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes the columns in `want` of the block with this header out of `data`, the bytes of that block.
    ///
    /// When the columns are those of an equal header already, what was read stays and only the missing columns are decoded;
    /// otherwise all is forgotten first. Two blocks have equal headers only if they agree in place, times, sizes and four
    /// checksums; a caller who cannot rely on that calls [`clear`](Self::clear) between blocks.
    ///
    /// # Errors
    ///
    /// Checksums that differ, bytes that are missing and sections that make no sense. The columns are then empty.
    pub fn read(&mut self, header: &BlockHeader, data: &[u8], want: ColumnSet) -> Result<()> {
        if self.header.as_ref() != Some(header) {
            self.clear();
        }
        let missing = want.without(self.held);
        if missing.is_empty() && self.header.is_some() {
            return Ok(());
        }
        let decoded = header.check(0).and_then(|()| self.decode(header, data, missing));
        match decoded {
            Ok(()) => {
                self.header = Some(*header);
                self.entries = header.entries as usize;
                self.held = self.held | want;
            }
            Err(_) => self.clear(),
        }
        decoded
    }

    fn decode(&mut self, header: &BlockHeader, data: &[u8], missing: ColumnSet) -> Result<()> {
        if missing.contains(ColumnSet::TIMESTAMPS) {
            self.with_section(header, data, Section::Timestamps, |raw, columns| {
                decode_timestamps(raw, header, &mut columns.timestamps)
            })?;
        }
        if missing.contains(ColumnSet::METADATA) {
            self.with_section(header, data, Section::Metadata, |raw, columns| {
                metadata::decode(raw, header.entries as usize, &mut columns.metadata)
            })?;
        }
        match header.layout {
            Layout::Plain => self.decode_plain_lines(header, data, missing),
            Layout::Typed => self.decode_typed_lines(header, data, missing),
        }
    }

    /// Gives `decode` the raw bytes of a section, decompressed into a scratch buffer where they have to be.
    fn with_section(
        &mut self,
        header: &BlockHeader,
        data: &[u8],
        section: Section,
        decode: impl FnOnce(&[u8], &mut Self) -> Result<()>,
    ) -> Result<()> {
        let stored = header.section_bytes(data, section)?;
        let base = header.section_range(section).start;
        if !header.is_compressed(section) {
            return decode(stored, self).map_err(|error| error.shifted(base));
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let raw_bytes = header.sections[section as usize].raw_bytes as usize;
        let decoded = match self
            .decompressor
            .decompress(header.encoding, stored, raw_bytes, &mut scratch)
        {
            Ok(()) => decode(&scratch, self).map_err(|error| Error::at(error.kind().clone(), base)),
            Err(reason) => Err(header.malformed(section, reason)),
        };
        self.scratch = scratch;
        decoded
    }

    /// Forgets all entries; buffers stay allocated.
    pub fn clear(&mut self) {
        self.begin(0, ColumnSet::NONE);
    }

    /// Empties every column, for a caller in this crate that then fills those in `held` with `entries` entries.
    pub(crate) fn begin(&mut self, entries: usize, held: ColumnSet) {
        self.header = None;
        self.held = held;
        self.entries = entries;
        self.timestamps.clear();
        self.offsets.clear();
        self.lines.clear();
        self.metadata.clear();
    }

    /// Number of entries, whichever columns are there.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The columns that are there.
    pub fn held(&self) -> ColumnSet {
        self.held
    }

    /// Unix nanoseconds, ascending.
    pub fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// `offsets[i]..offsets[i + 1]` is line `i` in [`lines`](Self::lines); one more than there are entries.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// All lines, one behind the other with nothing between.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// One column a metadata name, sorted by name.
    pub fn metadata(&self) -> &[MetadataColumn] {
        self.metadata.columns()
    }

    /// Line number `entry`; needs [`ColumnSet::LINES`].
    ///
    /// # Panics
    ///
    /// If there is no such entry or lines were not read.
    pub fn line(&self, entry: usize) -> &[u8] {
        &self.lines[self.offsets[entry] as usize..self.offsets[entry + 1] as usize]
    }

    /// Entry number `entry`, its metadata lined up in `pairs`; needs [`ColumnSet::ALL`].
    ///
    /// # Panics
    ///
    /// If there is no such entry, or timestamps or lines were not read.
    pub fn entry<'a: 's, 's>(&'a self, entry: usize, pairs: &'s mut Vec<(&'a str, &'a str)>) -> EntryRef<'s> {
        pairs.clear();
        let columns = self.metadata().iter();
        pairs.extend(columns.filter_map(|column| Some((column.name(), column.value(entry)?))));
        EntryRef {
            timestamp: self.timestamps[entry],
            line: self.line(entry),
            metadata: pairs,
        }
    }

    /// Compresses all entries into a block. What [`Merge`](crate::Merge) yields, and what was read from one block, fits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MissingColumns`] unless [`ColumnSet::ALL`] was read.
    pub fn seal_with(&self, compressor: &mut Compressor) -> Result<Block> {
        self.seal_below(compressor, 0)
    }

    /// As [`seal_with`](Self::seal_with), for whoever knows how many bytes the block takes plain at least, as from the blocks
    /// that the entries come from: where a typed one takes less, it is not made plain only to be compared, which is a sixth
    /// of the time.
    ///
    /// # Errors
    ///
    /// As [`seal_with`](Self::seal_with).
    pub fn seal_below(&self, compressor: &mut Compressor, plain_bytes: usize) -> Result<Block> {
        if self.held != ColumnSet::ALL {
            let kind = ErrorKind::MissingColumns {
                expected: ColumnSet::ALL,
                found: self.held,
            };
            return Err(Error::refused(kind));
        }
        let metadata = self.metadata().iter();
        let unsealed = Unsealed::new(&self.timestamps, &self.offsets, &self.lines, metadata, compressor);
        Ok(unsealed.seal(compressor, plain_bytes))
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.timestamps.capacity() * size_of::<i64>()
            + self.offsets.capacity() * size_of::<u32>()
            + self.lines.capacity()
            + self.scratch.capacity()
            + self.typed.memory_bytes()
            + self.metadata.memory_bytes()
    }
}

/// Equal when the same columns hold the same entries, wherever they were read from.
impl PartialEq for BlockColumns {
    fn eq(&self, other: &Self) -> bool {
        self.held == other.held
            && self.entries == other.entries
            && self.timestamps == other.timestamps
            && self.offsets == other.offsets
            && self.lines == other.lines
            && self.metadata == other.metadata
    }
}
