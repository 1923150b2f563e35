//! The values of one variable in all lines of a block: how they are stored is chosen by what they are.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::ops::Range;

use super::blobs::{BlobReader, BlobWriter};
use super::digits::{self, MOST_DIGITS, UUID_BYTES, UUID_ROW};
use super::numbers;
use super::token::Class;
use crate::encoding::Compressor;
use crate::error::{Error, Result};

/// Most values that a dictionary holds: its places take a byte each.
const MOST_WORDS: usize = 256;
/// A dictionary pays from so many values for each of its words.
const VALUES_A_WORD: usize = 4;
/// Rows of hexadecimal digits are laid out byte by byte where the first byte takes at most so many values.
const FEW_FIRST_BYTES: usize = 64;

/// How values are stored; never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers without leading zeros.
    Decimal,
    /// Numbers of so many digits.
    Padded(u32),
    /// Ranks of texts of digits.
    Ranked,
    /// Rows of so many hexadecimal digits in lower case.
    HexLower(u32),
    /// The same in upper case.
    HexUpper(u32),
    /// Rows of 16 bytes.
    Uuid,
    /// Lengths and bytes.
    Text,
    /// Places in a list of words.
    Words,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Decimal => 0,
            Self::Padded(_) => 1,
            Self::Ranked => 2,
            Self::HexLower(_) => 3,
            Self::HexUpper(_) => 4,
            Self::Uuid => 5,
            Self::Text => 6,
            Self::Words => 7,
        }
    }

    /// Bytes of a row, of kinds that have rows.
    fn row_bytes(self) -> usize {
        match self {
            Self::HexLower(digits) | Self::HexUpper(digits) => digits.div_ceil(2) as usize,
            Self::Uuid => UUID_ROW,
            _ => 0,
        }
    }

    /// The number behind the code, where there is one.
    fn parameter(self) -> Option<u32> {
        match self {
            Self::Padded(width) | Self::HexLower(width) | Self::HexUpper(width) => Some(width),
            _ => None,
        }
    }
}

/// Buffers of [`encode`].
#[derive(Debug, Default)]
pub(super) struct Scratch {
    values: Vec<u64>,
    bytes: Vec<u8>,
    plane: Vec<u8>,
    numbers: numbers::Scratch,
    words: HashTable<u32>,
    places: Vec<u8>,
    firsts: Vec<u32>,
    hasher: DefaultHashBuilder,
}

/// Appends a column: the texts of `lines` at `values`, which are of one class.
pub(super) fn encode(
    lines: &[u8],
    values: &[Range<u32>],
    class: Class,
    scratch: &mut Scratch,
    blobs: &mut BlobWriter,
    compressor: &mut Compressor,
) {
    let text = |range: &Range<u32>| &lines[range.start as usize..range.end as usize];
    let kind = match class {
        Class::Digits => kind_of_digits(values.iter().map(text)),
        Class::HexLower(digits) => Kind::HexLower(digits),
        Class::HexUpper(digits) => Kind::HexUpper(digits),
        Class::Uuid => Kind::Uuid,
        Class::Text => Kind::Text,
    };
    let numbers = &mut scratch.values;
    numbers.clear();
    match kind {
        Kind::Decimal | Kind::Padded(_) => numbers.extend(values.iter().map(|value| digits::parse(text(value)))),
        Kind::Ranked => numbers.extend(values.iter().map(|value| digits::rank(text(value)))),
        _ => {}
    }
    // Numbers of one byte are no larger than places in a dictionary.
    let is_small = !numbers.is_empty()
        && numbers.iter().max().unwrap_or(&0) - numbers.iter().min().unwrap_or(&0) <= u64::from(u8::MAX);
    let kind = if !is_small && find_words(lines, values, scratch) {
        Kind::Words
    } else {
        kind
    };
    blobs.table.push(kind.code());
    blobs.put_varint(values.len() as u64);
    if let Some(parameter) = kind.parameter() {
        blobs.put_varint(parameter.into());
    }
    match kind {
        Kind::Decimal | Kind::Padded(_) | Kind::Ranked => {
            numbers::encode(&scratch.values, &mut scratch.numbers, blobs, compressor);
        }
        Kind::HexLower(digits) | Kind::HexUpper(digits) => {
            scratch.bytes.clear();
            for value in values {
                digits::pack_hex(text(value).iter().copied(), &mut scratch.bytes);
            }
            put_rows(scratch, digits.div_ceil(2) as usize, blobs, compressor);
        }
        Kind::Uuid => {
            scratch.bytes.clear();
            for value in values {
                let mut digits = [0; 2 * UUID_ROW];
                let hex = text(value).iter().filter(|&&byte| byte != b'-');
                digits.iter_mut().zip(hex).for_each(|(to, from)| *to = *from);
                digits::pack_hex(digits.into_iter(), &mut scratch.bytes);
            }
            put_rows(scratch, UUID_ROW, blobs, compressor);
        }
        Kind::Text => put_texts(lines, values.iter().cloned(), scratch, blobs, compressor),
        Kind::Words => {
            let words = std::mem::take(&mut scratch.firsts);
            blobs.put_varint(words.len() as u64);
            let words_of = words.iter().map(|&first| values[first as usize].clone());
            put_texts(lines, words_of, scratch, blobs, compressor);
            scratch.firsts = words;
            blobs.put(&scratch.places, compressor);
        }
    }
}

/// Lengths and bytes of texts.
fn put_texts(
    lines: &[u8],
    texts: impl Iterator<Item = Range<u32>>,
    scratch: &mut Scratch,
    blobs: &mut BlobWriter,
    compressor: &mut Compressor,
) {
    let Scratch {
        values, bytes, numbers, ..
    } = scratch;
    values.clear();
    bytes.clear();
    for text in texts {
        values.push(u64::from(text.end - text.start));
        bytes.extend_from_slice(&lines[text.start as usize..text.end as usize]);
    }
    numbers::encode(values, numbers, blobs, compressor);
    blobs.put(bytes, compressor);
}

/// `scratch.bytes` as rows of `row` bytes: row by row, or all first bytes, all second bytes and so on.
fn put_rows(scratch: &mut Scratch, row: usize, blobs: &mut BlobWriter, compressor: &mut Compressor) {
    let mut seen = [false; 256];
    scratch
        .bytes
        .iter()
        .step_by(row)
        .for_each(|&byte| seen[usize::from(byte)] = true);
    let by_place = seen.iter().filter(|&&seen| seen).count() <= FEW_FIRST_BYTES;
    blobs.table.push(u8::from(by_place));
    if !by_place {
        return blobs.put(&scratch.bytes, compressor);
    }
    for place in 0..row {
        scratch.plane.clear();
        scratch.plane.extend(scratch.bytes.iter().skip(place).step_by(row));
        blobs.put(&scratch.plane, compressor);
    }
}

fn kind_of_digits<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Kind {
    let (mut shortest, mut longest, mut has_zeros) = (usize::MAX, 0, false);
    for text in texts {
        shortest = text.len().min(shortest);
        longest = text.len().max(longest);
        has_zeros |= text.len() > 1 && text[0] == b'0';
    }
    match (longest, has_zeros) {
        (..=MOST_DIGITS, false) => Kind::Decimal,
        (..=MOST_DIGITS, true) if shortest == longest => Kind::Padded(longest as u32),
        (..MOST_DIGITS, true) => Kind::Ranked,
        _ => Kind::Text,
    }
}

/// Whether the values are few enough words: then `places` holds for each value which, and `firsts` where each word first stands.
fn find_words(lines: &[u8], values: &[Range<u32>], scratch: &mut Scratch) -> bool {
    let Scratch {
        words,
        places,
        firsts,
        hasher,
        ..
    } = scratch;
    let most = MOST_WORDS.min(values.len() / VALUES_A_WORD);
    words.clear();
    places.clear();
    firsts.clear();
    let text = |value: usize| &lines[values[value].start as usize..values[value].end as usize];
    for value in 0..values.len() {
        let hash = hasher.hash_one(text(value));
        let same = |place: &u32| text(firsts[*place as usize] as usize) == text(value);
        if let Some(place) = words.find(hash, same) {
            places.push(*place as u8);
            continue;
        }
        if firsts.len() == most {
            return false;
        }
        let place = firsts.len() as u32;
        firsts.push(value as u32);
        words.insert_unique(hash, place, |place| {
            hasher.hash_one(text(firsts[*place as usize] as usize))
        });
        places.push(place as u8);
    }
    true
}

/// What stands before the values of a column.
struct ColumnHeader {
    kind: Kind,
    count: usize,
}

impl ColumnHeader {
    /// Takes the bytes that the values have at least off `budget`.
    fn read(blobs: &mut BlobReader<'_>, budget: &mut usize) -> Result<Self> {
        let place = blobs.table.at();
        let malformed = |reason| Error::malformed("typed column", reason, place);
        let code = blobs.table.u8()?;
        let count = blobs.table.count("values of typed columns", *budget)?;
        if count == 0 {
            return Err(malformed("a column of no values"));
        }
        let mut width = |most: usize| match blobs.table.count("digits of a typed column", most)? {
            0 => Err(malformed("values of no digits")),
            digits => Ok(digits as u32),
        };
        let kind = match code {
            0 => Kind::Decimal,
            1 => Kind::Padded(width(MOST_DIGITS)?),
            2 => Kind::Ranked,
            3 => Kind::HexLower(width(*budget)?),
            4 => Kind::HexUpper(width(*budget)?),
            5 => Kind::Uuid,
            6 => Kind::Text,
            7 => Kind::Words,
            _ => return Err(malformed("unknown kind")),
        };
        // At least so many bytes of lines come of each value; so what is allocated is bounded by what was promised.
        let least_bytes = match kind {
            Kind::HexLower(digits) | Kind::HexUpper(digits) => digits as usize,
            Kind::Uuid => UUID_BYTES,
            _ => 1,
        };
        *budget = count
            .checked_mul(least_bytes)
            .and_then(|bytes| budget.checked_sub(bytes))
            .ok_or_else(|| malformed("more values than the lines have room for"))?;
        Ok(Self { kind, count })
    }
}

/// What is known of a column that was passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    pub(super) kind: Kind,
    /// Number of values.
    pub(super) count: usize,
    /// No value has more bytes.
    pub(super) longest: usize,
}

/// A column as it is read: what of the arenas is still to come.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) kind: Kind,
    /// Numbers, or lengths of texts: in [`Arenas::numbers`].
    pub(super) numbers: Range<usize>,
    /// Rows, bytes of texts, places of words: in [`Arenas::bytes`].
    pub(super) bytes: Range<usize>,
    /// Words: in [`Arenas::words`].
    pub(super) words: Range<usize>,
}

impl Column {
    /// A column of which nothing was read.
    pub(super) fn without_values(kind: Kind) -> Self {
        Self {
            kind,
            numbers: 0..0,
            bytes: 0..0,
            words: 0..0,
        }
    }
}

/// What all columns of a block hold.
#[derive(Debug, Default)]
pub(super) struct Arenas {
    pub(super) numbers: Vec<u64>,
    pub(super) bytes: Vec<u8>,
    /// Where each word stands in `bytes`.
    pub(super) words: Vec<(u32, u32)>,
}

impl Arenas {
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.bytes.clear();
        self.words.clear();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u64>()
            + self.bytes.capacity()
            + self.words.capacity() * size_of::<(u32, u32)>()
    }

    /// Reads a column, whose values have at most `budget` bytes as text, and takes what they have at least off it.
    pub(super) fn read(&mut self, blobs: &mut BlobReader<'_>, budget: &mut usize) -> Result<Column> {
        let ColumnHeader { kind, count } = ColumnHeader::read(blobs, budget)?;
        let (numbers, bytes, words) = (self.numbers.len(), self.bytes.len(), self.words.len());
        match kind {
            Kind::Decimal | Kind::Padded(_) | Kind::Ranked => numbers::decode(blobs, count, &mut self.numbers)?,
            Kind::HexLower(_) | Kind::HexUpper(_) | Kind::Uuid => self.read_rows(blobs, count, kind.row_bytes())?,
            Kind::Text => {
                let text_bytes = self.read_lengths(blobs, count, count, budget)?;
                self.bytes.extend_from_slice(blobs.take(text_bytes)?);
            }
            Kind::Words => {
                // Each word is a value at least once.
                let words = blobs.table.count("words of a typed column", MOST_WORDS.min(count))?;
                let text_bytes = self.read_lengths(blobs, words, count, budget)?;
                let mut at = self.bytes.len();
                for &length in &self.numbers[numbers..] {
                    self.words.push((at as u32, length as u32));
                    at += length as usize;
                }
                self.numbers.truncate(numbers);
                self.bytes.extend_from_slice(blobs.take(text_bytes)?);
                let places = self.bytes.len();
                self.bytes.extend_from_slice(blobs.take(count)?);
                return Ok(Column {
                    kind,
                    numbers: 0..0,
                    bytes: places..self.bytes.len(),
                    words: self.words.len() - words..self.words.len(),
                });
            }
        }
        Ok(Column {
            kind,
            numbers: numbers..self.numbers.len(),
            bytes: bytes..self.bytes.len(),
            words: words..self.words.len(),
        })
    }

    /// Passes over a column as [`read`](Self::read) reads it. Adds the bytes of its words, where it has a list of them, to
    /// `word_bytes`.
    pub(super) fn skip(
        &mut self,
        blobs: &mut BlobReader<'_>,
        budget: &mut usize,
        word_bytes: &mut Vec<u8>,
    ) -> Result<Outline> {
        let ColumnHeader { kind, count } = ColumnHeader::read(blobs, budget)?;
        let numbers = self.numbers.len();
        let longest = match kind {
            Kind::Decimal => digits::decimal_width(numbers::skip(blobs, count)?),
            Kind::Ranked => digits::rank_width(numbers::skip(blobs, count)?),
            Kind::Padded(width) => {
                numbers::skip(blobs, count)?;
                width as usize
            }
            Kind::HexLower(digits) | Kind::HexUpper(digits) => {
                skip_rows(blobs, count, kind.row_bytes())?;
                digits as usize
            }
            Kind::Uuid => {
                skip_rows(blobs, count, kind.row_bytes())?;
                UUID_BYTES
            }
            Kind::Text => {
                let text_bytes = self.read_lengths(blobs, count, count, budget)?;
                blobs.skip(text_bytes)?;
                self.longest_since(numbers)
            }
            Kind::Words => {
                let words = blobs.table.count("words of a typed column", MOST_WORDS.min(count))?;
                let text_bytes = self.read_lengths(blobs, words, count, budget)?;
                word_bytes.extend_from_slice(blobs.take(text_bytes)?);
                blobs.skip(count)?;
                self.longest_since(numbers)
            }
        };
        self.numbers.truncate(numbers);
        Ok(Outline { kind, count, longest })
    }

    fn longest_since(&self, start: usize) -> usize {
        self.numbers[start..].iter().max().map_or(0, |&length| length as usize)
    }

    /// Reads the lengths of texts of a column of so many values; their sum, which it takes off the budget as far as that does
    /// not count it already.
    fn read_lengths(
        &mut self,
        blobs: &mut BlobReader<'_>,
        texts: usize,
        count: usize,
        budget: &mut usize,
    ) -> Result<usize> {
        let most = *budget + count;
        let start = self.numbers.len();
        let place = blobs.table.at();
        numbers::decode(blobs, texts, &mut self.numbers)?;
        let sum = self.numbers[start..]
            .iter()
            .fold(0u64, |sum, &length| sum.saturating_add(length));
        if sum > most as u64 {
            return Err(Error::malformed(
                "typed column",
                "texts are longer than the lines",
                place,
            ));
        }
        *budget = most - count.max(sum as usize);
        Ok(sum as usize)
    }

    fn read_rows(&mut self, blobs: &mut BlobReader<'_>, count: usize, row: usize) -> Result<()> {
        match rows_layout(blobs)? {
            RowLayout::ByRow => self.bytes.extend_from_slice(blobs.take(count * row)?),
            RowLayout::ByPlace => {
                let start = self.bytes.len();
                self.bytes.resize(start + count * row, 0);
                for place in 0..row {
                    let plane = blobs.take(count)?;
                    let bytes = self.bytes[start..].iter_mut().skip(place).step_by(row);
                    bytes.zip(plane).for_each(|(to, from)| *to = *from);
                }
            }
        }
        Ok(())
    }
}

/// How rows lie.
enum RowLayout {
    ByRow,
    /// All first bytes, all second ones and so on.
    ByPlace,
}

fn rows_layout(blobs: &mut BlobReader<'_>) -> Result<RowLayout> {
    let place = blobs.table.at();
    match blobs.table.u8()? {
        0 => Ok(RowLayout::ByRow),
        1 => Ok(RowLayout::ByPlace),
        _ => Err(Error::malformed("typed column", "unknown layout of rows", place)),
    }
}

/// Passes over rows of `row` bytes.
fn skip_rows(blobs: &mut BlobReader<'_>, count: usize, row: usize) -> Result<()> {
    match rows_layout(blobs)? {
        RowLayout::ByRow => blobs.skip(count * row),
        RowLayout::ByPlace => (0..row).try_for_each(|_| blobs.skip(count)),
    }
}
