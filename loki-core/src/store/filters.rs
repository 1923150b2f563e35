//! Content filters in a segment: making them, finding them, asking them. See `FORMAT.md`.

use super::layout::{View, u32_at, u64_at};
use crate::ContentFilters;
use crate::files::FileBytes;
use loki_chunk::{BlockColumns, BlockHeader, ColumnSet};
use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needles};
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Blocks with fewer bytes of lines get no filter: reading them costs little more than asking would.
const MIN_LINE_BYTES: u64 = 1 << 10;
/// Filters are written between the blocks in runs of about so many bytes: long enough that a search through them reads
/// little else from a cold disk, short enough to be gathered in memory.
const RUN_BYTES: usize = 4 << 20;

/// Bits for 16 keys of filters that are kept for good. A flush cuts blocks short, and what is settled has a third fewer: so
/// filters may err a little more often, which is less often in all, and take a tenth less.
const SETTLED_BITS: u32 = 72;

/// Bytes of the number of the first block of a stream.
const FIRST_BYTES: usize = 4;
/// Bytes of the place of a filter: offset and length.
const PLACE_BYTES: usize = 8 + 4;

/// Makes the filters of blocks.
#[derive(Debug)]
pub(crate) struct FilterMaker {
    /// `None` where no filters are wanted.
    builder: Option<ContentFilterBuilder>,
    columns: BlockColumns,
}

impl FilterMaker {
    /// Makes filters of blocks as they are sealed.
    pub(crate) fn new(wanted: ContentFilters) -> FilterMaker {
        FilterMaker::with_bits(wanted, FilterSettings::default().bits_per_16_keys)
    }

    /// Makes filters of blocks that are laid out for good.
    pub(crate) fn settled(wanted: ContentFilters) -> FilterMaker {
        FilterMaker::with_bits(wanted, SETTLED_BITS)
    }

    fn with_bits(wanted: ContentFilters, bits_per_16_keys: u32) -> FilterMaker {
        let grams = match wanted {
            ContentFilters::Off => None,
            ContentFilters::Sparse => Some(Grams::Sparse),
            ContentFilters::Dense => Some(Grams::Dense),
        };
        let builder = grams.map(|grams| {
            ContentFilterBuilder::new(FilterSettings {
                grams,
                bits_per_16_keys,
            })
        });
        FilterMaker {
            builder,
            columns: BlockColumns::new(),
        }
    }

    /// Whether blocks should have filters.
    pub(crate) fn are_wanted(&self) -> bool {
        self.builder.is_some()
    }

    /// The filter of a block; nothing where none is wanted, where the block is too small to gain by one, and where it
    /// cannot be read: then whoever asks for its lines learns what is wrong.
    pub(crate) fn of(&mut self, header: &BlockHeader, data: &[u8]) -> Vec<u8> {
        let Some(builder) = self.builder.as_mut().filter(|_| header.line_bytes >= MIN_LINE_BYTES) else {
            return Vec::new();
        };
        self.columns.clear();
        if self.columns.read(header, data, ColumnSet::LINES).is_err() {
            return Vec::new();
        }
        builder.add_lines(self.columns.lines(), self.columns.offsets());
        builder.finish()
    }

    /// The filter of a block with these lines; nothing where [`of`](FilterMaker::of) makes none.
    pub(crate) fn of_lines(&mut self, columns: &BlockColumns) -> Vec<u8> {
        let wanted = columns.lines().len() as u64 >= MIN_LINE_BYTES;
        let Some(builder) = self.builder.as_mut().filter(|_| wanted) else {
            return Vec::new();
        };
        builder.add_lines(columns.lines(), columns.offsets());
        builder.finish()
    }
}

/// Gathers the filters of a segment that is being written.
#[derive(Debug, Default)]
pub(super) struct FilterTable {
    /// Of each stream the number of its first block, counted over the segment.
    firsts: Vec<u32>,
    /// Of each block where its filter lies; of those in `run` counted from its start.
    places: Vec<(u64, u32)>,
    /// How many of `places` lie in the file.
    written: usize,
    /// Filters that are not in the file yet.
    run: Vec<u8>,
}

impl FilterTable {
    /// The blocks that follow are of the next stream.
    pub(super) fn begin_stream(&mut self) {
        self.firsts.push(self.places.len() as u32);
    }

    /// Adds the filter of the next block, which is empty where the block has none.
    pub(super) fn push(&mut self, filter: &[u8]) {
        self.places.push((self.run.len() as u64, filter.len() as u32));
        self.run.extend_from_slice(filter);
    }

    /// Whether the filters gathered should be written now.
    pub(super) fn is_full(&self) -> bool {
        self.run.len() >= RUN_BYTES
    }

    /// The filters gathered, which will lie at `offset` of the file.
    pub(super) fn take_run(&mut self, offset: u64) -> Vec<u8> {
        self.places[self.written..]
            .iter_mut()
            .for_each(|place| place.0 += offset);
        self.written = self.places.len();
        std::mem::take(&mut self.run)
    }

    /// The section that says where the filters lie; empty where there is none.
    pub(super) fn encode(&self) -> Vec<u8> {
        if self.places.iter().all(|&(_, length)| length == 0) {
            return Vec::new();
        }
        let mut bytes = Vec::with_capacity((self.firsts.len() + 1) * FIRST_BYTES + self.places.len() * PLACE_BYTES);
        for first in self.firsts.iter().chain([&(self.places.len() as u32)]) {
            bytes.extend_from_slice(&first.to_le_bytes());
        }
        for (offset, length) in &self.places {
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        bytes
    }
}

/// The filters of a segment that is read.
///
/// A filter is held against its checksum when it is first asked; a damaged one answers "perhaps" from then on. So opening a
/// segment does not read them all, and damage costs time but no lines.
#[derive(Debug)]
pub(super) struct Filters {
    table: View,
    file: FileBytes,
    streams: usize,
    /// What is known of each filter.
    states: Box<[AtomicU8]>,
}

const UNKNOWN: u8 = 0;
const SOUND: u8 = 1;
const DAMAGED: u8 = 2;

impl Filters {
    /// The filters that `table` places in `file`, a segment of so many streams.
    ///
    /// # Errors
    ///
    /// What is wrong with the table.
    pub(super) fn open(table: View, file: FileBytes, streams: usize) -> Result<Filters, String> {
        let length = table.as_ref().len();
        let firsts = (streams + 1) * FIRST_BYTES;
        let blocks = match length {
            0 => 0,
            _ if length < firsts => return Err(format!("{length} bytes are too few for filters of {streams} streams")),
            _ => u32_at(table.as_ref(), firsts - FIRST_BYTES) as usize,
        };
        if length > 0 && length - firsts != blocks * PLACE_BYTES {
            return Err(format!("{length} bytes do not place the filters of {blocks} blocks"));
        }
        Ok(Filters {
            table,
            file,
            streams,
            states: (0..blocks).map(|_| AtomicU8::new(UNKNOWN)).collect(),
        })
    }

    /// The numbers of the blocks of a stream; none where there are no filters.
    pub(super) fn blocks(&self, stream: u32) -> Range<u32> {
        if self.states.is_empty() || stream as usize >= self.streams {
            return 0..0;
        }
        let first = |stream: usize| u32_at(self.table.as_ref(), stream * FIRST_BYTES);
        first(stream as usize)..first(stream as usize + 1)
    }

    /// The filter of a block, where it has one that is not damaged.
    pub(super) fn get(&self, block: u32) -> Option<ContentFilter<'_>> {
        let state = self.states.get(block as usize)?;
        match state.load(Relaxed) {
            DAMAGED => return None,
            SOUND => return ContentFilter::reopen(self.bytes(block)?).ok(),
            _ => {}
        }
        let filter = self.bytes(block).and_then(|bytes| ContentFilter::open(bytes).ok());
        let sound = filter.filter(|filter| filter.verify().is_ok());
        state.store(if sound.is_some() { SOUND } else { DAMAGED }, Relaxed);
        sound
    }

    /// The bytes of the filter of a block, to copy them; where [`get`](Filters::get) finds it.
    pub(super) fn copy(&self, block: u32) -> Option<&[u8]> {
        self.get(block).and_then(|_| self.bytes(block))
    }

    /// Whether a line of a block may meet all conditions.
    pub(super) fn may_match(&self, block: u32, needles: &Needles) -> bool {
        self.get(block).is_none_or(|filter| needles.may_match(&filter))
    }

    fn bytes(&self, block: u32) -> Option<&[u8]> {
        let at = (self.streams + 1) * FIRST_BYTES + block as usize * PLACE_BYTES;
        let place = self.table.as_ref().get(at..at + PLACE_BYTES)?;
        let start = usize::try_from(u64_at(place, 0)).ok()?;
        let end = start.checked_add(u32_at(place, 8) as usize)?;
        let range: Range<usize> = start..end;
        self.file.get(range)
    }
}
