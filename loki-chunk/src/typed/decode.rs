//! Literals and columns back into lines.

use super::blobs::{BlobBuffers, BlobReader};
use super::column::{Arenas, Column, Kind};
use super::digits::{self, SLACK};
use super::numbers;
use crate::encoding::Encoding;
use crate::error::{Error, Result};

/// Bytes of text that are copied at once, whatever the length.
const COPY_BYTES: usize = 16;

/// Decodes what [`Encoder`](super::Encoder) made; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffers: BlobBuffers,
    arenas: Arenas,
    columns: Vec<Column>,
    /// What stands before each line, and each literal.
    states: Vec<State>,
    successors: Vec<u32>,
    /// Places among the successors of a state, one a visit.
    transitions: Vec<u16>,
    text: Vec<u8>,
    numbers: Vec<u64>,
}

/// A clone starts with buffers of its own: they are scratch, not state.
impl Clone for Decoder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A literal, and what follows it.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    text_start: u32,
    text_length: u32,
    /// One more than the place of the column of the variable behind the literal; 0: the line ends here.
    column: u32,
    /// Where its successors start; where there is only one, that successor.
    successors: u32,
    successors_end: u32,
    /// Its part of the transitions; empty where it has but one successor.
    transitions: u32,
    transitions_end: u32,
}

/// What is known of the lines of a block before they are read. The caller has checked both against the bounds of the format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) entries: usize,
    pub(crate) line_bytes: usize,
}

/// Most bytes of a table and of short runs for so many literals or entries, each of which is told in a few numbers. What takes
/// more is not worth reading.
fn most_bytes(pieces: usize) -> usize {
    16 * pieces + 1024
}

/// The number of the state that stands before each line.
const START: u32 = 0;

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
            + self.states.capacity() * size_of::<State>()
            + self.successors.capacity() * size_of::<u32>()
            + self.transitions.capacity() * size_of::<u16>()
            + self.text.capacity()
            + self.numbers.capacity() * size_of::<u64>()
    }

    /// Reads everything but prints nothing.
    fn open(&mut self, stored: &[u8], encoding: Encoding, shape: Shape) -> Result<()> {
        let Shape { entries, line_bytes } = shape;
        // Each variable is of a byte at least, so there are at most as many literals as bytes and lines.
        let most_pieces = line_bytes + entries;
        let mut blobs = BlobReader::open(stored, encoding, most_bytes(most_pieces), &mut self.buffers)?;

        let literals = blobs.table.count("literals", most_pieces)?;
        let numbers = &mut self.numbers;
        self.states.clear();
        self.states.resize(literals + 1, State::default());
        refill(numbers, &mut blobs, literals)?;
        let mut at = 0u64;
        for (state, &length) in self.states[1..].iter_mut().zip(numbers.iter()) {
            (state.text_start, state.text_length) = (at as u32, length as u32);
            at = at.saturating_add(length);
            if at > line_bytes as u64 {
                return Err(malformed("literals are longer than the lines"));
            }
        }
        self.text.clear();
        self.text.extend_from_slice(blobs.take(at as usize)?);
        self.text.resize(self.text.len() + COPY_BYTES, 0);

        refill(numbers, &mut blobs, literals)?;
        let mut most_column = 0;
        for (state, &column) in self.states[1..].iter_mut().zip(numbers.iter()) {
            most_column = column.max(most_column);
            state.column = column as u32;
        }

        refill(numbers, &mut blobs, literals + 1)?;
        let mut successors = 0u64;
        for (state, &count) in self.states.iter_mut().zip(numbers.iter()) {
            state.successors = successors as u32;
            successors = successors.saturating_add(count);
            if successors > most_pieces as u64 {
                return Err(malformed("more successors than literals"));
            }
            state.successors_end = successors as u32;
        }
        refill(numbers, &mut blobs, successors as usize)?;
        if numbers.iter().any(|&literal| literal >= literals as u64) {
            return Err(malformed("a successor is no literal"));
        }
        self.successors.clear();
        self.successors
            .extend(numbers.iter().map(|&literal| literal as u32 + 1));

        let branches = |state: &&mut State| state.successors_end - state.successors > 1;
        let count = self.states.iter_mut().filter(branches).count();
        refill(numbers, &mut blobs, count)?;
        let mut transitions = 0u64;
        for (state, &visits) in self.states.iter_mut().filter(branches).zip(numbers.iter()) {
            state.transitions = transitions as u32;
            transitions = transitions.saturating_add(visits);
            if transitions > most_pieces as u64 {
                return Err(malformed("more transitions than literals"));
            }
            state.transitions_end = transitions as u32;
        }
        self.transitions.clear();
        self.transitions.reserve(transitions as usize);
        for state in self.states.iter_mut().filter(branches) {
            let visits = (state.transitions_end - state.transitions) as usize;
            let start = self.transitions.len();
            self.transitions
                .extend(blobs.take(visits)?.iter().map(|&place| u16::from(place)));
            if state.successors_end - state.successors > 256 {
                let high = blobs.take(visits)?;
                let places = self.transitions[start..].iter_mut().zip(high);
                places.for_each(|(place, &high)| *place |= u16::from(high) << 8);
            }
        }

        let columns = blobs.table.count("typed columns", most_pieces)?;
        if most_column > columns as u64 {
            return Err(malformed("a literal is followed by no column"));
        }
        self.arenas.clear();
        self.columns.clear();
        let mut budget = line_bytes;
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
                .ok_or_else(|| malformed("literals and variables do not make up the lines"))?;
            offsets.push(at as u32);
        }
        if at == shape.line_bytes {
            Ok(())
        } else {
            Err(malformed("literals and variables are shorter than the lines"))
        }
    }

    /// Puts the next line behind `at`; where it ends, unless that is past `end` or what it needs is not there.
    #[inline]
    fn print_line<const WRITE: bool>(&mut self, mut at: usize, end: usize, out: &mut [u8]) -> Option<usize> {
        let mut place = START;
        loop {
            let state = &mut self.states[place as usize];
            let mut next = state.successors;
            if state.transitions < state.transitions_end {
                next += u32::from(*self.transitions.get(state.transitions as usize)?);
                state.transitions += 1;
            } else if state.successors_end - state.successors != 1 {
                return None;
            }
            if next >= state.successors_end {
                return None;
            }
            place = *self.successors.get(next as usize)?;
            let literal = self.states.get(place as usize)?;
            let length = literal.text_length as usize;
            if length > end - at {
                return None;
            }
            if WRITE {
                copy(out, at, &self.text, literal.text_start as usize, length);
            }
            at += length;
            if literal.column == 0 {
                return Some(at);
            }
            let column = self.columns.get_mut(literal.column as usize - 1)?;
            let length = print_value::<WRITE>(column, &self.arenas, out, at, end - at)?;
            if length > end - at {
                return None;
            }
            at += length;
        }
    }
}

/// Copies `length` bytes; may touch [`COPY_BYTES`] of both sides.
#[inline]
fn copy(out: &mut [u8], at: usize, from: &[u8], start: usize, length: usize) {
    if length <= COPY_BYTES {
        out[at..at + COPY_BYTES].copy_from_slice(&from[start..start + COPY_BYTES]);
    } else {
        out[at..at + length].copy_from_slice(&from[start..start + length]);
    }
}

/// Puts the next value of a column at `at`, where there is `room`; how many bytes it has. Values that can be longer than
/// [`SLACK`] are refused where they exceed the room; of others the caller sees to that.
#[inline]
fn print_value<const WRITE: bool>(
    column: &mut Column,
    arenas: &Arenas,
    out: &mut [u8],
    at: usize,
    room: usize,
) -> Option<usize> {
    match column.kind {
        Kind::Decimal => {
            let value = *arenas.numbers.get(column.numbers.next()?)?;
            if !WRITE {
                return Some(digits::decimal_width(value));
            }
            Some(digits::put_decimal(out, at, value))
        }
        Kind::Padded(width) => {
            let value = *arenas.numbers.get(column.numbers.next()?)?;
            if WRITE {
                digits::put_padded(out, at, value, width as usize);
            }
            Some(width as usize)
        }
        Kind::Ranked => {
            let rank = *arenas.numbers.get(column.numbers.next()?)?;
            let width = digits::rank_width(rank);
            if WRITE {
                digits::put_padded(out, at, rank - digits::shorter(width), width);
            }
            Some(width)
        }
        Kind::HexLower(width) | Kind::HexUpper(width) => {
            let width = width as usize;
            let row = take_row(column, arenas, width.div_ceil(2))?;
            if width > room {
                return None;
            }
            if WRITE {
                digits::put_hex(out, at, row, width, matches!(column.kind, Kind::HexUpper(_)));
            }
            Some(width)
        }
        Kind::Uuid => {
            let row = take_row(column, arenas, digits::UUID_ROW)?;
            if digits::UUID_BYTES > room {
                return None;
            }
            if WRITE {
                digits::put_uuid(out, at, row);
            }
            Some(digits::UUID_BYTES)
        }
        Kind::Text => {
            let length = *arenas.numbers.get(column.numbers.next()?)? as usize;
            let start = column.bytes.start;
            if length > column.bytes.end - start || length > room {
                return None;
            }
            column.bytes.start += length;
            if WRITE {
                copy(out, at, &arenas.bytes, start, length);
            }
            Some(length)
        }
        Kind::Words => {
            let place = *arenas.bytes.get(column.bytes.next()?)?;
            let words = arenas.words.get(column.words.clone())?;
            let (start, length) = *words.get(usize::from(place))?;
            if length as usize > room {
                return None;
            }
            if WRITE {
                copy(out, at, &arenas.bytes, start as usize, length as usize);
            }
            Some(length as usize)
        }
    }
}

#[inline]
fn take_row<'a>(column: &mut Column, arenas: &'a Arenas, bytes: usize) -> Option<&'a [u8]> {
    let row = arenas.bytes.get(column.bytes.clone())?.get(..bytes)?;
    column.bytes.start += bytes;
    Some(row)
}

/// Reads `count` numbers in place of what was there.
fn refill(numbers: &mut Vec<u64>, blobs: &mut BlobReader<'_>, count: usize) -> Result<()> {
    numbers.clear();
    numbers::decode(blobs, count, numbers)
}

fn malformed(reason: &'static str) -> Error {
    Error::malformed("lines", reason, 0)
}
