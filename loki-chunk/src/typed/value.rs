//! The values of columns as text.

use super::automaton::COPY_BYTES;
use super::column::{Arenas, Column, Kind};
use super::digits::{self, MOST_DIGITS, SLACK, UUID_BYTES};

/// Copies `length` bytes; may touch [`COPY_BYTES`] of both sides.
#[inline]
pub(super) fn copy(out: &mut [u8], at: usize, from: &[u8], start: usize, length: usize) {
    if length <= COPY_BYTES {
        out[at..at + COPY_BYTES].copy_from_slice(&from[start..start + COPY_BYTES]);
    } else {
        out[at..at + length].copy_from_slice(&from[start..start + length]);
    }
}

/// Puts the next value of a column at `at`, where there is `room`; how many bytes it has. Values that can be longer than
/// [`SLACK`] are refused where they exceed the room; of others the caller sees to that.
#[inline]
pub(super) fn print_value<const WRITE: bool>(
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
            if UUID_BYTES > room {
                return None;
            }
            if WRITE {
                digits::put_uuid(out, at, row);
            }
            Some(UUID_BYTES)
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
            let (start, length) = word(column, arenas)?;
            if length > room {
                return None;
            }
            if WRITE {
                copy(out, at, &arenas.bytes, start, length);
            }
            Some(length)
        }
    }
}

#[inline]
fn take_row<'a>(column: &mut Column, arenas: &'a Arenas, bytes: usize) -> Option<&'a [u8]> {
    let row = arenas.bytes.get(column.bytes.clone())?.get(..bytes)?;
    column.bytes.start += bytes;
    Some(row)
}

/// The next value of a column as text, in `out` if it has to be printed: that has [`SLACK`] more bytes than any value of a kind
/// [can have](most_bytes).
#[inline]
pub(super) fn text<'a>(column: &mut Column, arenas: &'a Arenas, out: &'a mut [u8]) -> Option<&'a [u8]> {
    match column.kind {
        Kind::Text => {
            let start = column.bytes.start;
            let length = skip(column, arenas)?;
            arenas.bytes.get(start..start + length)
        }
        Kind::Words => {
            let (start, length) = word(column, arenas)?;
            arenas.bytes.get(start..start + length)
        }
        _ => {
            let room = out.len().checked_sub(SLACK)?;
            let length = print_value::<true>(column, arenas, out, 0, room)?;
            out.get(..length)
        }
    }
}

/// Passes over the next value of a column, of which not even the length is looked at where it need not be.
#[inline]
pub(super) fn pass(column: &mut Column, arenas: &Arenas) -> Option<()> {
    match column.kind {
        Kind::Decimal | Kind::Padded(_) | Kind::Ranked => column.numbers.next().map(drop),
        Kind::HexLower(width) | Kind::HexUpper(width) => pass_bytes(column, (width as usize).div_ceil(2)),
        Kind::Uuid => pass_bytes(column, digits::UUID_ROW),
        Kind::Text => {
            let length = *arenas.numbers.get(column.numbers.next()?)?;
            pass_bytes(column, length as usize)
        }
        Kind::Words => column.bytes.next().map(drop),
    }
}

#[inline]
fn pass_bytes(column: &mut Column, bytes: usize) -> Option<()> {
    if bytes > column.bytes.len() {
        return None;
    }
    column.bytes.start += bytes;
    Some(())
}

/// Passes over the next value of a column; its length.
#[inline]
pub(super) fn skip(column: &mut Column, arenas: &Arenas) -> Option<usize> {
    print_value::<false>(column, arenas, &mut [], 0, usize::MAX)
}

/// Most bytes of a printed value.
pub(super) fn most_bytes(kind: Kind) -> usize {
    match kind {
        Kind::Decimal | Kind::Padded(_) | Kind::Ranked => MOST_DIGITS + 1,
        Kind::HexLower(digits) | Kind::HexUpper(digits) => digits as usize,
        Kind::Uuid => UUID_BYTES,
        Kind::Text | Kind::Words => 0,
    }
}

/// Where the next word of a column stands, and its length.
#[inline]
fn word(column: &mut Column, arenas: &Arenas) -> Option<(usize, usize)> {
    let place = *arenas.bytes.get(column.bytes.next()?)?;
    let words = arenas.words.get(column.words.clone())?;
    let (start, length) = *words.get(usize::from(place))?;
    Some((start as usize, length as usize))
}
