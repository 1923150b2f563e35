//! Literals and columns back into lines.

use super::automaton::{Automaton, START, Shape};
use super::blobs::{BlobBuffers, BlobReader};
use super::column::{Arenas, Column};
use super::digits::SLACK;
use super::search::SearchBuffers;
use super::value::{self, copy, print_value};
use crate::encoding::Encoding;
use crate::error::{Error, Result};

/// Decodes what [`Encoder`](super::Encoder) made; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pub(super) buffers: BlobBuffers,
    pub(super) arenas: Arenas,
    pub(super) columns: Vec<Column>,
    pub(super) automaton: Automaton,
    pub(super) search: SearchBuffers,
}

/// Entries whose lines are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'a> {
    /// Their numbers, ascending.
    pub(crate) entries: &'a [u32],
    /// No line has more bytes.
    pub(crate) longest_line: usize,
}

/// A clone starts with buffers of its own: they are scratch, not state.
impl Clone for Decoder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Most bytes of a table and of short runs for so many literals or entries, each of which is told in a few numbers. What takes
/// more is not worth reading.
pub(super) fn most_bytes(pieces: usize) -> usize {
    16 * pieces + 1024
}

impl Decoder {
    /// Puts `shape.line_bytes` bytes into `lines` and into `offsets` the ends of the lines behind a 0, in place of what was
    /// there.
    ///
    /// # Errors
    ///
    /// Bytes that make no sense.
    pub(crate) fn lines(
        &mut self,
        stored: &[u8],
        encoding: Encoding,
        shape: Shape,
        lines: &mut Vec<u8>,
        offsets: &mut Vec<u32>,
    ) -> Result<()> {
        self.open(stored, encoding, shape)?;
        // Without `clear`: only what grows is zeroed, and all that is kept is overwritten.
        lines.resize(shape.line_bytes + SLACK, 0);
        let printed = self.print::<true>(shape, lines, offsets);
        lines.truncate(shape.line_bytes);
        printed
    }

    /// As [`lines`](Self::lines), but of lines that are not chosen nothing is printed: they are empty.
    ///
    /// # Errors
    ///
    /// Bytes that make no sense, as far as they are looked at.
    pub(crate) fn lines_of(
        &mut self,
        stored: &[u8],
        encoding: Encoding,
        shape: Shape,
        chosen: Chosen<'_>,
        lines: &mut Vec<u8>,
        offsets: &mut Vec<u32>,
    ) -> Result<()> {
        self.open(stored, encoding, shape)?;
        offsets.clear();
        offsets.reserve(shape.entries + 1);
        offsets.push(0);
        let mut at = 0;
        for &entry in chosen.entries {
            let passed = (entry as usize)
                .checked_sub(offsets.len() - 1)
                .filter(|_| (entry as usize) < shape.entries)
                .ok_or_else(|| malformed("entries that are not there, or do not ascend"))?;
            (0..passed).try_for_each(|_| self.pass_line()).ok_or_else(mismatched)?;
            offsets.resize(entry as usize + 1, at as u32);
            // Room is made line by line: what is not used would be zeroed anew for each block.
            let end = shape.line_bytes.min(at + chosen.longest_line);
            lines.resize(end + SLACK, 0);
            at = self.print_line::<true>(at, end, lines).ok_or_else(mismatched)?;
            offsets.push(at as u32);
        }
        offsets.resize(shape.entries + 1, at as u32);
        lines.truncate(at);
        Ok(())
    }

    /// As [`lines`](Self::lines), the offsets alone: nothing is printed.
    ///
    /// # Errors
    ///
    /// Bytes that make no sense.
    pub(crate) fn offsets(
        &mut self,
        stored: &[u8],
        encoding: Encoding,
        shape: Shape,
        offsets: &mut Vec<u32>,
    ) -> Result<()> {
        self.open(stored, encoding, shape)?;
        self.print::<false>(shape, &mut [], offsets)
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.buffers.memory_bytes()
            + self.arenas.memory_bytes()
            + self.columns.capacity() * size_of::<Column>()
            + self.automaton.memory_bytes()
            + self.search.memory_bytes()
    }

    /// Reads everything but prints nothing.
    fn open(&mut self, stored: &[u8], encoding: Encoding, shape: Shape) -> Result<()> {
        let most_pieces = shape.most_pieces();
        let mut blobs = BlobReader::open(stored, encoding, most_bytes(most_pieces), &mut self.buffers)?;
        self.automaton.read(&mut blobs, shape)?;
        self.automaton.read_choices(&mut blobs, |_| true)?;
        let columns = blobs.table.count("typed columns", most_pieces)?;
        self.automaton.check_columns(columns)?;
        self.arenas.clear();
        self.columns.clear();
        let mut budget = shape.line_bytes;
        for _ in 0..columns {
            self.columns.push(self.arenas.read(&mut blobs, &mut budget)?);
        }
        self.arenas.bytes.resize(self.arenas.bytes.len() + SLACK, 0);
        blobs.finish()
    }

    /// Puts the lines together; without `WRITE` only their lengths.
    fn print<const WRITE: bool>(&mut self, shape: Shape, out: &mut [u8], offsets: &mut Vec<u32>) -> Result<()> {
        offsets.clear();
        offsets.reserve(shape.entries + 1);
        offsets.push(0);
        let mut at = 0;
        for _ in 0..shape.entries {
            at = self
                .print_line::<WRITE>(at, shape.line_bytes, out)
                .ok_or_else(mismatched)?;
            offsets.push(at as u32);
        }
        if at == shape.line_bytes {
            Ok(())
        } else {
            Err(malformed("literals and variables are shorter than the lines"))
        }
    }

    /// Passes over the next line; `None` where what it needs is not there.
    #[inline]
    fn pass_line(&mut self) -> Option<()> {
        let mut number = START;
        loop {
            number = self.automaton.step(number)?;
            let Some(column) = self.automaton.states()[number as usize].column() else {
                return Some(());
            };
            value::pass(self.columns.get_mut(column)?, &self.arenas)?;
        }
    }

    /// Puts the next line behind `at`; where it ends, unless that is past `end` or what it needs is not there.
    #[inline]
    fn print_line<const WRITE: bool>(&mut self, mut at: usize, end: usize, out: &mut [u8]) -> Option<usize> {
        let mut number = START;
        loop {
            number = self.automaton.step(number)?;
            let literal = self.automaton.states()[number as usize];
            let length = literal.text_length();
            if length > end - at {
                return None;
            }
            if WRITE {
                copy(out, at, self.automaton.text(), literal.text_start(), length);
            }
            at += length;
            let Some(column) = literal.column() else {
                return Some(at);
            };
            let column = self.columns.get_mut(column)?;
            let length = print_value::<WRITE>(column, &self.arenas, out, at, end - at)?;
            if length > end - at {
                return None;
            }
            at += length;
        }
    }
}

fn mismatched() -> Error {
    malformed("literals and variables do not make up the lines")
}

fn malformed(reason: &'static str) -> Error {
    Error::malformed("lines", reason, 0)
}
