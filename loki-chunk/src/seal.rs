//! Making a block: columns in, the smallest of the layouts that are wanted out.

use crate::block::{Block, BlockHeader, Section, SectionHeader};
use crate::columns::{ColumnSet, encode_timestamps};
use crate::encoding::Compressor;
use crate::format::{BLOCK_MAX_BYTES, SECTIONS};
use crate::layout::Layout;
use crate::metadata::{self, MetadataColumn};
use crate::packed;

/// Columns that become a block: ascending timestamps, and lines that end at `offsets` behind a 0. The caller has kept sizes
/// within the bounds of the format.
pub(crate) struct Unsealed<'a> {
    timestamps: &'a [i64],
    offsets: &'a [u32],
    lines: &'a [u8],
    /// With the sections that are the same in every layout.
    header: BlockHeader,
    metadata: Vec<u8>,
}

impl<'a> Unsealed<'a> {
    pub(crate) fn new<'m>(
        timestamps: &'a [i64],
        offsets: &'a [u32],
        lines: &'a [u8],
        columns: impl ExactSizeIterator<Item = &'m MetadataColumn> + Clone,
        compressor: &mut Compressor,
    ) -> Self {
        let (mut raw, mut metadata) = (Vec::new(), Vec::new());
        let metadata_bytes = metadata::bytes_of(columns.clone());
        metadata::encode(columns, timestamps.len(), &mut Vec::new(), &mut raw);
        let mut sections = [SectionHeader::default(); SECTIONS];
        sections[Section::Metadata as usize] = put_section(&raw, compressor, &mut metadata);
        let header = BlockHeader {
            entries: timestamps.len() as u32,
            longest_line: offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0),
            min_timestamp: timestamps.first().copied().unwrap_or(0),
            max_timestamp: timestamps.last().copied().unwrap_or(0),
            line_bytes: lines.len() as u64,
            metadata_bytes,
            offset: 0,
            encoding: compressor.encoding(),
            layout: Layout::Plain,
            sections,
        };
        Self {
            timestamps,
            offsets,
            lines,
            header,
            metadata,
        }
    }

    /// The smaller of what the layouts make of it, of those that `compressor` is for. Typed without a look at the other where
    /// it is smaller than `plain_bytes`.
    pub(crate) fn seal(&self, compressor: &mut Compressor, plain_bytes: usize) -> Block {
        match self.typed(compressor) {
            Some(typed) if typed.data.len() < plain_bytes => typed,
            Some(typed) => {
                let plain = self.plain(compressor);
                if typed.data.len() < plain.data.len() {
                    typed
                } else {
                    plain
                }
            }
            None => self.plain(compressor),
        }
    }

    fn plain(&self, compressor: &mut Compressor) -> Block {
        let mut header = self.header;
        let mut numbers = Vec::with_capacity(self.timestamps.len());
        let mut data = Vec::with_capacity(self.lines.len() / 4);
        let mut raw = Vec::new();
        encode_timestamps(self.timestamps, Layout::Plain, &mut numbers, &mut raw);
        header.sections[Section::Timestamps as usize] = put_section(&raw, compressor, &mut data);
        numbers.clear();
        numbers.extend(self.offsets.windows(2).map(|pair| u64::from(pair[1] - pair[0])));
        raw.clear();
        packed::encode(&numbers, &mut raw);
        header.sections[Section::Lengths as usize] = put_section(&raw, compressor, &mut data);
        data.extend_from_slice(&self.metadata);
        header.sections[Section::Lines as usize] = put_section(self.lines, compressor, &mut data);
        Block { header, data }
    }

    /// Typed, where that is wanted, possible, and gives back what went in.
    fn typed(&self, compressor: &mut Compressor) -> Option<Block> {
        if self.lines.len() > BLOCK_MAX_BYTES {
            return None;
        }
        let mut header = BlockHeader {
            layout: Layout::Typed,
            ..self.header
        };
        compressor.with_typed(|encoder, check, compressor| {
            let mut data = Vec::with_capacity(self.lines.len() / 8);
            let mut raw = Vec::new();
            encode_timestamps(self.timestamps, Layout::Typed, &mut Vec::new(), &mut raw);
            header.sections[Section::Timestamps as usize] = put_section(&raw, compressor, &mut data);
            header.sections[Section::Lengths as usize] = put_section(&[], compressor, &mut data);
            data.extend_from_slice(&self.metadata);
            let start = data.len();
            if !encoder.lines(self.lines, self.offsets, compressor, &mut data) {
                return None;
            }
            header.sections[Section::Lines as usize] = SectionHeader {
                stored_bytes: (data.len() - start) as u32,
                raw_bytes: self.lines.len() as u32,
                checksum: crc32fast::hash(&data[start..]),
            };
            // What stands here may replace the last other copy there is, so it is read before it is trusted.
            let want = ColumnSet::TIMESTAMPS | ColumnSet::LINES;
            check.clear();
            let is_same = check.read(&header, &data, want).is_ok()
                && check.timestamps() == self.timestamps
                && check.offsets() == self.offsets
                && check.lines() == self.lines;
            is_same.then_some(Block { header, data })
        })?
    }
}

fn put_section(raw: &[u8], compressor: &mut Compressor, data: &mut Vec<u8>) -> SectionHeader {
    let stored = compressor.compress(raw);
    data.extend_from_slice(stored);
    SectionHeader {
        stored_bytes: stored.len() as u32,
        raw_bytes: raw.len() as u32,
        checksum: crc32fast::hash(stored),
    }
}
