//! The columns of one block, decoded into buffers that are used again.

use std::fmt;
use std::ops::BitOr;

use crate::block::{Block, BlockHeader, Section};
use crate::encoding::{Compressor, Decompressor};
use crate::entry::EntryRef;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Reader, put_varint};
use crate::layout::Layout;
use crate::line_search::LineSearch;
use crate::metadata::{self, ColumnPool, MetadataColumn};
use crate::packed;
use crate::seal::Unsealed;
use crate::steps;
use crate::typed::{self, Chosen, Shape};

/// A set of columns.
///
/// ```
/// use loki_chunk::ColumnSet;
///
/// let want = ColumnSet::TIMESTAMPS | ColumnSet::LINES;
/// assert!(want.contains(ColumnSet::OFFSETS), "lines bring their offsets");
/// assert_eq!(want.to_string(), "timestamps, offsets, lines");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ColumnSet(u8);

impl ColumnSet {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Timestamps.
    pub const TIMESTAMPS: Self = Self(1);
    /// Where each line starts: enough for lengths.
    pub const OFFSETS: Self = Self(2);
    /// The bytes of the lines; brings the offsets.
    pub const LINES: Self = Self(2 | 4);
    /// Structured metadata.
    pub const METADATA: Self = Self(8);
    /// Everything.
    pub const ALL: Self = Self(15);

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in the set and not in `other`, column by column.
    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn holds_line_bytes(self) -> bool {
        self.0 & 4 != 0
    }

    /// Whether neither lines nor their offsets are in the set.
    const fn is_empty_of_lines(self) -> bool {
        self.0 & Self::LINES.0 == 0
    }
}

impl BitOr for ColumnSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for ColumnSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["timestamps", "offsets", "lines", "metadata"];
        let mut held = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| name);
        let Some(first) = held.next() else {
            return f.write_str("none");
        };
        f.write_str(first)?;
        held.try_for_each(|name| write!(f, ", {name}"))
    }
}

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

    /// As [`read`](Self::read) of [`ColumnSet::LINES`], for whoever wants the lines of some entries alone: where that takes
    /// less, as for less than half of the entries of a typed block, all other lines are empty, and neither lines nor offsets
    /// count as [held](Self::held): a later `read` makes them all. `entries` ascend. Other columns that were read before stay.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), as far as the block is looked at; [`ErrorKind::Malformed`] where there is no such entry.
    ///
    /// ```
    /// use loki_chunk::{BlockColumns, Compressor, Encoding, EntryRef, HeadBlock};
    ///
    /// let mut head = HeadBlock::new();
    /// for n in 0..100 {
    ///     let line = format!("took={n}ms");
    ///     head.append(EntryRef { timestamp: n, line: line.as_bytes(), metadata: &[] })?;
    /// }
    /// let block = head.seal_with(&mut Compressor::typed(Encoding::Zstd));
    ///
    /// let mut columns = BlockColumns::new();
    /// columns.read_lines_of(&block.header, &block.data, &[7, 99])?;
    /// assert_eq!((columns.line(7), columns.line(99)), (&b"took=7ms"[..], &b"took=99ms"[..]));
    /// # Ok::<(), loki_chunk::Error>(())
    /// ```
    pub fn read_lines_of(&mut self, header: &BlockHeader, data: &[u8], entries: &[u32]) -> Result<()> {
        let is_known = self.header.as_ref() == Some(header);
        let is_worth_it = header.layout == Layout::Typed && entries.len() < header.entries as usize / 2;
        if !is_worth_it || is_known && self.held.contains(ColumnSet::LINES) {
            return self.read(header, data, ColumnSet::LINES);
        }
        if !is_known {
            self.clear();
        }
        let decoded = header
            .check(0)
            .and_then(|()| self.decode_some_typed_lines(header, data, entries));
        match decoded {
            Ok(()) => {
                self.header = Some(*header);
                self.entries = header.entries as usize;
                self.held = self.held.without(ColumnSet::LINES);
            }
            Err(_) => self.clear(),
        }
        decoded
    }

    fn decode_some_typed_lines(&mut self, header: &BlockHeader, data: &[u8], entries: &[u32]) -> Result<()> {
        let stored = header.section_bytes(data, Section::Lines)?;
        header.check_section(stored, Section::Lines)?;
        let Self {
            typed, lines, offsets, ..
        } = self;
        let chosen = Chosen {
            entries,
            longest_line: header.longest_line as usize,
        };
        typed
            .lines_of(stored, header.encoding, shape_of(header), chosen, lines, offsets)
            .map_err(|error| Error::at(error.kind().clone(), header.section_range(Section::Lines).start))
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

    fn decode_plain_lines(&mut self, header: &BlockHeader, data: &[u8], missing: ColumnSet) -> Result<()> {
        if missing.contains(ColumnSet::OFFSETS) {
            self.with_section(header, data, Section::Lengths, |raw, columns| {
                decode_offsets(raw, header, &mut columns.offsets)
            })?;
        }
        if missing.holds_line_bytes() {
            let stored = header.section_bytes(data, Section::Lines)?;
            header.check_section(stored, Section::Lines)?;
            if header.is_compressed(Section::Lines) {
                let raw_bytes = header.sections[Section::Lines as usize].raw_bytes as usize;
                self.decompressor
                    .decompress(header.encoding, stored, raw_bytes, &mut self.lines)
                    .map_err(|reason| header.malformed(Section::Lines, reason))?;
            } else {
                self.lines.clear();
                self.lines.extend_from_slice(stored);
            }
        }
        Ok(())
    }

    fn decode_typed_lines(&mut self, header: &BlockHeader, data: &[u8], missing: ColumnSet) -> Result<()> {
        if missing.is_empty_of_lines() {
            return Ok(());
        }
        let stored = header.section_bytes(data, Section::Lines)?;
        header.check_section(stored, Section::Lines)?;
        let shape = shape_of(header);
        let Self {
            typed, lines, offsets, ..
        } = self;
        let decoded = if missing.holds_line_bytes() {
            typed.lines(stored, header.encoding, shape, lines, offsets)
        } else {
            lines.clear();
            typed.offsets(stored, header.encoding, shape, offsets)
        };
        decoded
            .and_then(|()| check_offsets(offsets, header))
            .map_err(|error| Error::at(error.kind().clone(), header.section_range(Section::Lines).start))
    }

    /// Finds the lines of the block with this header that pass `search`, without making them: puts the numbers of their entries
    /// into `found`, ascending, in place of what was there. Answers `false` where there is no shorter way than to read all lines
    /// and look: in a plain block, and where most of what a typed one holds would have to be gone through.
    ///
    /// What was read of the block stays.
    ///
    /// # Errors
    ///
    /// Checksums that differ, bytes that are missing and lines that make no sense, as far as they are looked at.
    pub fn search(
        &mut self,
        header: &BlockHeader,
        data: &[u8],
        search: &LineSearch,
        found: &mut Vec<u32>,
    ) -> Result<bool> {
        found.clear();
        header.check(0)?;
        if header.layout != Layout::Typed {
            return Ok(false);
        }
        let stored = header.section_bytes(data, Section::Lines)?;
        header.check_section(stored, Section::Lines)?;
        self.typed
            .search(stored, header.encoding, shape_of(header), search.clauses(), found)
            .map_err(|error| Error::at(error.kind().clone(), header.section_range(Section::Lines).start))
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
        header.check_section(stored, section)?;
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

/// Appends the section of ascending `timestamps`: the unit that divides every step, then the steps in that unit.
pub(crate) fn encode_timestamps(timestamps: &[i64], layout: Layout, steps: &mut Vec<u64>, out: &mut Vec<u8>) {
    if timestamps.is_empty() {
        return;
    }
    steps.clear();
    steps.extend(timestamps.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as u64));
    let unit = steps.iter().copied().fold(0, greatest_common_divisor).max(1);
    if unit > 1 {
        steps.iter_mut().for_each(|step| *step /= unit);
    }
    put_varint(out, unit);
    match layout {
        Layout::Plain => packed::encode(steps, out),
        Layout::Typed => steps::encode(steps, out),
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    if a == 1 {
        return 1;
    }
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn decode_timestamps(raw: &[u8], header: &BlockHeader, timestamps: &mut Vec<i64>) -> Result<()> {
    timestamps.clear();
    let mut reader = Reader::new(raw);
    if header.entries > 0 {
        let unit = reader.varint()?;
        let mut timestamp = header.min_timestamp;
        timestamps.reserve(header.entries as usize);
        timestamps.push(timestamp);
        let mut after = |step: u64| {
            timestamp = timestamp.wrapping_add(step.wrapping_mul(unit) as i64);
            timestamp
        };
        let count = header.entries as usize - 1;
        match header.layout {
            Layout::Plain => packed::decode(&mut reader, count, |steps| {
                timestamps.extend(steps.iter().map(|&step| after(step)));
            })?,
            Layout::Typed => steps::decode(&mut reader, count, |step| timestamps.push(after(step)))?,
        }
        check_timestamps(timestamps, header)?;
    }
    reader.finish("timestamps")
}

/// Refuses timestamps other than the header promised.
fn check_timestamps(timestamps: &[i64], header: &BlockHeader) -> Result<()> {
    let ends = (header.entries > 0).then_some((header.min_timestamp, header.max_timestamp));
    let found = timestamps.first().copied().zip(timestamps.last().copied());
    if found == ends && timestamps.is_sorted() {
        return Ok(());
    }
    let reason = "they do not ascend to the greatest of the header";
    Err(Error::malformed("timestamps", reason, 0))
}

/// What typed lines are held against, of a header that was checked.
fn shape_of(header: &BlockHeader) -> Shape {
    Shape {
        entries: header.entries as usize,
        line_bytes: header.line_bytes as usize,
    }
}

/// Refuses offsets whose longest line is not the one of the header.
fn check_offsets(offsets: &[u32], header: &BlockHeader) -> Result<()> {
    let longest = offsets.windows(2).map(|pair| pair[1] - pair[0]).max();
    if longest.unwrap_or(0) == header.longest_line {
        return Ok(());
    }
    Err(Error::malformed("lines", "the longest is not the one of the header", 0))
}

fn decode_offsets(raw: &[u8], header: &BlockHeader, offsets: &mut Vec<u32>) -> Result<()> {
    offsets.clear();
    offsets.reserve(header.entries as usize + 1);
    offsets.push(0);
    let mut reader = Reader::new(raw);
    let (mut end, mut longest) = (0u64, 0);
    packed::decode(&mut reader, header.entries as usize, |lengths| {
        offsets.extend(lengths.iter().map(|&length| {
            longest = length.max(longest);
            // Saturating: a sum that comes out right then had no detour over what it cannot hold.
            end = end.saturating_add(length);
            end as u32
        }));
    })?;
    if end != header.line_bytes || longest != u64::from(header.longest_line) {
        return Err(Error::malformed(
            "lengths",
            "they do not sum to the line bytes of the header",
            0,
        ));
    }
    reader.finish("lengths")
}
