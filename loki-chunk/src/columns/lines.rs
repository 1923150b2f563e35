//! Lines and their offsets: all of them, some of them, or only which.

use super::{BlockColumns, ColumnSet};
use crate::block::{BlockHeader, Section};
use crate::error::{Error, Result};
use crate::format::Reader;
use crate::layout::Layout;
use crate::line_search::LineSearch;
use crate::packed;
use crate::typed::{Chosen, Shape};

impl BlockColumns {
    /// As [`read`](Self::read) of [`ColumnSet::LINES`], for whoever wants the lines of some entries alone: where that takes
    /// less, as for less than half of the entries of a typed block, all other lines are empty, and neither lines nor offsets
    /// count as [held](Self::held): a later `read` makes them all. `entries` ascend. Other columns that were read before stay.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), as far as the block is looked at; [`Malformed`](crate::ErrorKind::Malformed) where there is no such entry.
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
        self.typed
            .search(stored, header.encoding, shape_of(header), search.clauses(), found)
            .map_err(|error| in_lines(&error, header))
    }

    pub(super) fn decode_plain_lines(&mut self, header: &BlockHeader, data: &[u8], missing: ColumnSet) -> Result<()> {
        if missing.contains(ColumnSet::OFFSETS) {
            self.with_section(header, data, Section::Lengths, |raw, columns| {
                decode_offsets(raw, header, &mut columns.offsets)
            })?;
        }
        if missing.holds_line_bytes() {
            let stored = header.section_bytes(data, Section::Lines)?;
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

    pub(super) fn decode_typed_lines(&mut self, header: &BlockHeader, data: &[u8], missing: ColumnSet) -> Result<()> {
        if missing.is_empty_of_lines() {
            return Ok(());
        }
        let stored = header.section_bytes(data, Section::Lines)?;
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
            .map_err(|error| in_lines(&error, header))
    }

    fn decode_some_typed_lines(&mut self, header: &BlockHeader, data: &[u8], entries: &[u32]) -> Result<()> {
        let stored = header.section_bytes(data, Section::Lines)?;
        let Self {
            typed, lines, offsets, ..
        } = self;
        let chosen = Chosen {
            entries,
            longest_line: header.longest_line as usize,
        };
        typed
            .lines_of(stored, header.encoding, shape_of(header), chosen, lines, offsets)
            .map_err(|error| in_lines(&error, header))
    }
}

/// An error of typed lines, placed where they begin.
fn in_lines(error: &Error, header: &BlockHeader) -> Error {
    Error::at(error.kind().clone(), header.section_range(Section::Lines).start)
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
