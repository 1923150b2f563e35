//! A sealed block: its header, which stands outside, and its four sections.

use std::ops::Range;

use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{
    BLOCK_MAX_BYTES, BLOCK_MAX_ENTRIES, HEADER_BYTES, LINE_MAX_BYTES, Reader, SECTION_MAX_BYTES, SECTIONS,
};
use crate::layout::Layout;

/// The sections in the order in which they stand: small columns first, so that one short read gets them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Timestamps = 0,
    Lengths = 1,
    Metadata = 2,
    Lines = 3,
}

impl Section {
    pub(crate) const ALL: [Self; SECTIONS] = [Self::Timestamps, Self::Lengths, Self::Metadata, Self::Lines];

    fn name(self) -> &'static str {
        match self {
            Self::Timestamps => "timestamps",
            Self::Lengths => "lengths",
            Self::Metadata => "metadata",
            Self::Lines => "lines",
        }
    }
}

/// How one section of a block is stored. It is compressed exactly if it is stored in fewer bytes than it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SectionHeader {
    /// Bytes as stored.
    pub stored_bytes: u32,
    /// Bytes once decompressed.
    pub raw_bytes: u32,
    /// crc32 of the bytes as stored.
    pub checksum: u32,
}

/// What is known of a block without reading it. It stands outside the block's data, in a [`directory`](crate::directory).
///
/// The sections stand one behind the other from [`offset`](Self::offset) on: timestamps, lengths, metadata, lines.
///
/// ```
/// use loki_chunk::{Encoding, EntryRef, HeadBlock};
///
/// let mut head = HeadBlock::new();
/// head.append(EntryRef { timestamp: 5, line: b"hello", metadata: &[("pod", "a")] })?;
/// let header = head.seal(Encoding::Zstd).header;
/// assert_eq!((header.entries, header.line_bytes, header.metadata_bytes), (1, 5, 4));
/// assert!(header.has_metadata() && header.overlaps(&(5..6)) && !header.overlaps(&(6..9)));
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// Number of entries.
    pub entries: u32,
    /// Bytes of the longest line.
    pub longest_line: u32,
    /// Least timestamp; 0 in a block without entries.
    pub min_timestamp: i64,
    /// Greatest timestamp; 0 in a block without entries.
    pub max_timestamp: i64,
    /// Sum of the lengths of the lines.
    pub line_bytes: u64,
    /// Sum of the lengths of metadata names and values, counted for each entry that has them.
    pub metadata_bytes: u64,
    /// Where the block's data begins in the data of its chunk; 0 for a block on its own.
    pub offset: u64,
    /// How its sections are compressed.
    pub encoding: Encoding,
    /// What the timestamps and lines are before that.
    pub layout: Layout,
    /// Timestamps, lengths, metadata, lines.
    pub sections: [SectionHeader; SECTIONS],
}

impl BlockHeader {
    /// Whether any entry has structured metadata.
    pub fn has_metadata(&self) -> bool {
        self.sections[Section::Metadata as usize].raw_bytes > 0
    }

    /// Bytes of the block's data as stored.
    pub fn stored_bytes(&self) -> u64 {
        self.sections
            .iter()
            .map(|section| u64::from(section.stored_bytes))
            .sum()
    }

    /// Where the block's data stands in the data of its chunk.
    ///
    /// A header that was decoded holds numbers for which this does not overflow.
    pub fn data_range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.stored_bytes())
    }

    /// Whether the block can hold an entry with a timestamp in `range`.
    pub fn overlaps(&self, range: &Range<i64>) -> bool {
        self.entries > 0 && self.min_timestamp < range.end && self.max_timestamp >= range.start
    }

    /// Where a section stands in the block's data.
    pub(crate) fn section_range(&self, section: Section) -> Range<usize> {
        let before = &self.sections[..section as usize];
        let start = before
            .iter()
            .map(|section| section.stored_bytes as usize)
            .sum::<usize>();
        start..start + self.sections[section as usize].stored_bytes as usize
    }

    /// The stored bytes of a section, held against its checksum.
    pub(crate) fn section_bytes<'a>(&self, data: &'a [u8], section: Section) -> Result<&'a [u8]> {
        let range = self.section_range(section);
        let Some(stored) = data.get(range.clone()) else {
            let kind = ErrorKind::Truncated {
                expected: range.end as u64,
                found: data.len() as u64,
            };
            return Err(Error::at(kind, range.start));
        };
        let expected = self.sections[section as usize].checksum;
        let found = crc32fast::hash(stored);
        if found == expected {
            return Ok(stored);
        }
        let kind = ErrorKind::Checksum {
            section: section.name(),
            expected,
            found,
        };
        Err(Error::at(kind, range.start))
    }

    pub(crate) fn is_compressed(&self, section: Section) -> bool {
        let section = &self.sections[section as usize];
        section.stored_bytes < section.raw_bytes
    }

    pub(crate) fn malformed(&self, section: Section, reason: &'static str) -> Error {
        Error::malformed(section.name(), reason, self.section_range(section).start)
    }

    /// Compares every checksum of the block with `data`, its bytes.
    ///
    /// # Errors
    ///
    /// The first checksum that differs, or bytes that are missing.
    pub fn verify(&self, data: &[u8]) -> Result<()> {
        Section::ALL
            .iter()
            .try_for_each(|&section| self.section_bytes(data, section).map(drop))
    }

    /// Refuses numbers that the format does not allow; `offset` is where the header stands.
    pub(crate) fn check(&self, offset: usize) -> Result<()> {
        let bound = |what, limit: usize, found: u64| {
            let kind = ErrorKind::TooLarge {
                what,
                limit: limit as u64,
                found,
            };
            if found > limit as u64 {
                Err(Error::at(kind, offset))
            } else {
                Ok(())
            }
        };
        bound("number of entries", BLOCK_MAX_ENTRIES, self.entries.into())?;
        bound("longest line", LINE_MAX_BYTES, self.longest_line.into())?;
        bound("bytes of lines", LINE_MAX_BYTES, self.line_bytes)?;
        for section in &self.sections {
            bound("raw bytes of a section", SECTION_MAX_BYTES, section.raw_bytes.into())?;
            bound(
                "stored bytes of a section",
                section.raw_bytes as usize,
                section.stored_bytes.into(),
            )?;
        }
        let malformed = |reason| Err(Error::malformed("block header", reason, offset));
        if self.min_timestamp > self.max_timestamp {
            return malformed("least timestamp exceeds the greatest");
        }
        if u64::from(self.longest_line) > self.line_bytes {
            return malformed("longest line exceeds all lines");
        }
        if u64::from(self.sections[Section::Lines as usize].raw_bytes) != self.line_bytes {
            return malformed("raw bytes of the lines are not the line bytes");
        }
        if self.layout == Layout::Typed {
            bound("bytes of typed lines", BLOCK_MAX_BYTES, self.line_bytes)?;
            if self.sections[Section::Lengths as usize].raw_bytes != 0 {
                return malformed("typed lines have lengths apart");
            }
        }
        if self.offset.checked_add(self.stored_bytes()).is_none() {
            return malformed("place exceeds 64 bits");
        }
        Ok(())
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.longest_line.to_le_bytes());
        out.extend_from_slice(&self.min_timestamp.to_le_bytes());
        out.extend_from_slice(&self.max_timestamp.to_le_bytes());
        out.extend_from_slice(&self.line_bytes.to_le_bytes());
        out.extend_from_slice(&self.metadata_bytes.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&[self.encoding.code(), self.layout.code(), 0, 0]);
        for section in &self.sections {
            out.extend_from_slice(&section.stored_bytes.to_le_bytes());
            out.extend_from_slice(&section.raw_bytes.to_le_bytes());
            out.extend_from_slice(&section.checksum.to_le_bytes());
        }
        debug_assert_eq!(out.len() - start, HEADER_BYTES);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let start = reader.at();
        let (entries, longest_line) = (reader.u32()?, reader.u32()?);
        let (min_timestamp, max_timestamp) = (reader.i64()?, reader.i64()?);
        let (line_bytes, metadata_bytes, offset) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let place = reader.at();
        let [code, layout, reserved @ ..] = reader.array::<4>()?;
        let encoding =
            Encoding::from_code(code).ok_or_else(|| Error::at(ErrorKind::EncodingCode { found: code }, place))?;
        let Some(layout) = Layout::from_code(layout) else {
            return Err(Error::malformed("block header", "unknown layout", place + 1));
        };
        if reserved != [0; 2] {
            return Err(Error::malformed(
                "block header",
                "reserved bytes are not zero",
                place + 2,
            ));
        }
        let mut sections = [SectionHeader::default(); SECTIONS];
        for section in &mut sections {
            let (stored_bytes, raw_bytes, checksum) = (reader.u32()?, reader.u32()?, reader.u32()?);
            *section = SectionHeader {
                stored_bytes,
                raw_bytes,
                checksum,
            };
        }
        let header = Self {
            entries,
            longest_line,
            min_timestamp,
            max_timestamp,
            line_bytes,
            metadata_bytes,
            offset,
            encoding,
            layout,
            sections,
        };
        header.check(start)?;
        Ok(header)
    }
}

/// A sealed block on its own: `header.offset` is 0 and `data` holds the four sections.
///
/// ```
/// use loki_chunk::{BlockColumns, ColumnSet, Encoding, EntryRef, HeadBlock};
///
/// let mut head = HeadBlock::new();
/// head.append(EntryRef { timestamp: 5, line: b"hello", metadata: &[] })?;
/// let block = head.seal(Encoding::None);
/// assert_eq!(block.header.stored_bytes(), block.data.len() as u64);
///
/// let mut columns = BlockColumns::new();
/// columns.read(&block.header, &block.data, ColumnSet::LINES)?;
/// assert_eq!(columns.lines(), b"hello");
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What is known without reading the data.
    pub header: BlockHeader,
    /// The sections.
    pub data: Vec<u8>,
}
