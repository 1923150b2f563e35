//! How a segment is laid out: the footer, which says where everything else is.

use crate::Error;
use std::ops::Range;

/// Starts and ends every segment.
pub(super) const MAGIC: [u8; 8] = *b"LkSegm\r\n";
/// Version of the layout.
const VERSION: u32 = 1;

const VERSION_AT: usize = 0;
const SECTIONS_AT: usize = VERSION_AT + 4;
const SECTION_BYTES: usize = 8 + 8 + 4;
const MIN_TIMESTAMP_AT: usize = SECTIONS_AT + SECTIONS * SECTION_BYTES;
const MAX_TIMESTAMP_AT: usize = MIN_TIMESTAMP_AT + 8;
const STREAMS_AT: usize = MAX_TIMESTAMP_AT + 8;
const ENTRIES_AT: usize = STREAMS_AT + 8;
const LINE_BYTES_AT: usize = ENTRIES_AT + 8;
const CRC_AT: usize = LINE_BYTES_AT + 8;
const MAGIC_AT: usize = CRC_AT + 4;
/// Bytes of the footer, the last of the file.
pub(super) const FOOTER_BYTES: usize = MAGIC_AT + MAGIC.len();
/// Directories, filters, index.
const SECTIONS: usize = 3;

/// A part of a segment behind its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Section {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) crc: u32,
}

/// Where everything is, and what the segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Footer {
    /// Block headers, stream by stream.
    pub(super) directories: Section,
    /// Where the content filter of each block lies; empty where there are none.
    pub(super) filters: Section,
    /// Series and label index.
    pub(super) index: Section,
    pub(super) min_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) streams: u64,
    pub(super) entries: u64,
    pub(super) line_bytes: u64,
}

impl Footer {
    pub(super) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = [0; FOOTER_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(VERSION_AT, &VERSION.to_le_bytes());
        for (i, section) in [self.directories, self.filters, self.index].into_iter().enumerate() {
            let at = SECTIONS_AT + i * SECTION_BYTES;
            put(at, &section.offset.to_le_bytes());
            put(at + 8, &section.length.to_le_bytes());
            put(at + 16, &section.crc.to_le_bytes());
        }
        put(MIN_TIMESTAMP_AT, &self.min_timestamp.to_le_bytes());
        put(MAX_TIMESTAMP_AT, &self.max_timestamp.to_le_bytes());
        put(STREAMS_AT, &self.streams.to_le_bytes());
        put(ENTRIES_AT, &self.entries.to_le_bytes());
        put(LINE_BYTES_AT, &self.line_bytes.to_le_bytes());
        put(MAGIC_AT, &MAGIC);
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..MAGIC_AT].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the footer of a whole segment. Every section that it names lies in the file.
    pub(super) fn decode(segment: &[u8]) -> Result<Footer, String> {
        let start = segment
            .len()
            .checked_sub(FOOTER_BYTES)
            .filter(|&start| start >= MAGIC.len());
        let start = start.ok_or_else(|| format!("{} bytes are too few for a segment", segment.len()))?;
        let bytes = &segment[start..];
        if segment[..MAGIC.len()] != MAGIC || bytes[MAGIC_AT..] != MAGIC {
            return Err("it is no segment".to_owned());
        }
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        let stored = u32_at(bytes, CRC_AT);
        if crc != stored {
            return Err(format!("the footer's checksum is {crc:08x}, expected {stored:08x}"));
        }
        let version = u32_at(bytes, VERSION_AT);
        if version != VERSION {
            return Err(format!("version {version}, expected {VERSION}"));
        }
        let section = |i: usize| {
            let at = SECTIONS_AT + i * SECTION_BYTES;
            let section = Section {
                offset: u64_at(bytes, at),
                length: u64_at(bytes, at + 8),
                crc: u32_at(bytes, at + 16),
            };
            let end = section
                .offset
                .checked_add(section.length)
                .filter(|&end| end <= start as u64);
            end.map(|_| section)
                .ok_or_else(|| format!("section {i} ends behind the footer's start"))
        };
        Ok(Footer {
            directories: section(0)?,
            filters: section(1)?,
            index: section(2)?,
            min_timestamp: u64_at(bytes, MIN_TIMESTAMP_AT) as i64,
            max_timestamp: u64_at(bytes, MAX_TIMESTAMP_AT) as i64,
            streams: u64_at(bytes, STREAMS_AT),
            entries: u64_at(bytes, ENTRIES_AT),
            line_bytes: u64_at(bytes, LINE_BYTES_AT),
        })
    }
}

impl Section {
    /// Where it lies, in a file that was checked to hold it.
    pub(super) fn range(&self) -> Range<usize> {
        self.offset as usize..(self.offset + self.length) as usize
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// A read-only view of a part of a file.
#[derive(Debug, Clone)]
pub(super) struct View {
    bytes: crate::files::FileBytes,
    range: Range<usize>,
}

impl View {
    pub(super) fn new(bytes: crate::files::FileBytes, section: &Section) -> View {
        View {
            bytes,
            range: section.range(),
        }
    }

    /// Whether the bytes are those that were written.
    pub(super) fn verify(&self, name: &str, section: &Section) -> Result<(), Error> {
        let crc = crc32fast::hash(self.as_ref());
        if crc == section.crc {
            return Ok(());
        }
        Err(Error::corrupt(
            name,
            format!("a section's checksum is {crc:08x}, expected {:08x}", section.crc),
        ))
    }
}

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}
