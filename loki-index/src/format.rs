//! The fixed parts of the byte layout that FORMAT.md describes: header, sections, varints.

use std::ops::Range;

use crate::{Error, ErrorKind};

/// What an index starts with.
pub(crate) const MAGIC: [u8; 4] = *b"LKIX";
/// The only version there is.
pub(crate) const VERSION: u32 = 1;
/// Bytes of the body that share a checksum. A lookup touches a handful of pages, each costs about 2 µs to check, once.
pub(crate) const PAGE_BYTES: usize = 16 << 10;

/// How many sections the body has.
const SECTIONS: usize = 13;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 4;
const SERIES_AT: usize = VERSION_AT + 4;
const NAMES_AT: usize = SERIES_AT + 4;
const PAIRS_AT: usize = NAMES_AT + 4;
const PLACES_AT: usize = PAIRS_AT + 4;
const MIN_TIMESTAMP_AT: usize = PLACES_AT + 8;
const MAX_TIMESTAMP_AT: usize = MIN_TIMESTAMP_AT + 8;
const SECTIONS_AT: usize = MAX_TIMESTAMP_AT + 8;
/// Bytes before the page checksums.
pub(crate) const HEADER_BYTES: usize = SECTIONS_AT + 8 * SECTIONS;
/// Bytes of a checksum.
pub(crate) const SUM_BYTES: usize = 4;

/// A run of bytes of an index, counted from its first byte.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Section {
    pub(crate) start: usize,
    pub(crate) length: usize,
}

/// The parts of the body, in the order in which they lie there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sections {
    pub(crate) name_offsets: Section,
    pub(crate) name_text: Section,
    pub(crate) name_pairs: Section,
    pub(crate) value_offsets: Section,
    pub(crate) value_text: Section,
    pub(crate) dictionary: Section,
    pub(crate) name_postings: Section,
    pub(crate) value_postings: Section,
    pub(crate) postings: Section,
    pub(crate) label_offsets: Section,
    pub(crate) labels: Section,
    pub(crate) place_offsets: Section,
    pub(crate) places: Section,
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) series: u32,
    pub(crate) names: u32,
    pub(crate) pairs: u32,
    /// Chunk places of all series.
    pub(crate) places: u64,
    pub(crate) min_timestamp: i64,
    pub(crate) max_timestamp: i64,
}

impl Sections {
    fn in_order(&mut self) -> [&mut Section; SECTIONS] {
        [
            &mut self.name_offsets,
            &mut self.name_text,
            &mut self.name_pairs,
            &mut self.value_offsets,
            &mut self.value_text,
            &mut self.dictionary,
            &mut self.name_postings,
            &mut self.value_postings,
            &mut self.postings,
            &mut self.label_offsets,
            &mut self.labels,
            &mut self.place_offsets,
            &mut self.places,
        ]
    }
}

impl Header {
    /// Appends magic, version, counts and the lengths of the sections.
    pub(crate) fn encode(&self, section_lengths: &[u64], into: &mut Vec<u8>) {
        debug_assert_eq!(section_lengths.len(), SECTIONS);
        into.extend_from_slice(&MAGIC);
        into.extend_from_slice(&VERSION.to_le_bytes());
        into.extend_from_slice(&self.series.to_le_bytes());
        into.extend_from_slice(&self.names.to_le_bytes());
        into.extend_from_slice(&self.pairs.to_le_bytes());
        into.extend_from_slice(&self.places.to_le_bytes());
        into.extend_from_slice(&self.min_timestamp.to_le_bytes());
        into.extend_from_slice(&self.max_timestamp.to_le_bytes());
        for length in section_lengths {
            into.extend_from_slice(&length.to_le_bytes());
        }
    }

    /// Reads a header and finds the page checksums and the body behind it.
    ///
    /// Checks everything that the length of `bytes` and the checksum over header and page checksums can tell.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, Sections, Layout), Error> {
        let length = |expected: usize| {
            Error::new(
                ErrorKind::Length {
                    expected: expected as u64,
                    found: bytes.len() as u64,
                },
                bytes.len() as u64,
            )
        };
        let found = *bytes.first_chunk().ok_or_else(|| length(HEADER_BYTES))?;
        if found != MAGIC {
            return Err(Error::new(ErrorKind::Magic { expected: MAGIC, found }, MAGIC_AT as u64));
        }
        let header = bytes.get(..HEADER_BYTES).ok_or_else(|| length(HEADER_BYTES))?;
        let version = u32::from_le_bytes(array(header, VERSION_AT));
        if version != VERSION {
            let kind = ErrorKind::Version {
                expected: VERSION,
                found: version,
            };
            return Err(Error::new(kind, VERSION_AT as u64));
        }

        let counts = Self {
            series: u32::from_le_bytes(array(header, SERIES_AT)),
            names: u32::from_le_bytes(array(header, NAMES_AT)),
            pairs: u32::from_le_bytes(array(header, PAIRS_AT)),
            places: u64::from_le_bytes(array(header, PLACES_AT)),
            min_timestamp: i64::from_le_bytes(array(header, MIN_TIMESTAMP_AT)),
            max_timestamp: i64::from_le_bytes(array(header, MAX_TIMESTAMP_AT)),
        };
        let mut sections = Sections::default();
        // Lengths are summed before they are trusted; the sum of checked lengths places every section.
        let mut body_length = 0usize;
        for (position, section) in sections.in_order().into_iter().enumerate() {
            let at = SECTIONS_AT + 8 * position;
            let length = usize::try_from(u64::from_le_bytes(array(header, at)));
            section.length = length.map_err(|_| Error::malformed("section length", at as u64))?;
            body_length = body_length
                .checked_add(section.length)
                .ok_or_else(|| Error::malformed("section length", at as u64))?;
        }
        let layout = Layout::new(body_length).ok_or_else(|| Error::malformed("section length", SECTIONS_AT as u64))?;
        if layout.body.end != bytes.len() {
            return Err(length(layout.body.end));
        }
        let expected = u32::from_le_bytes(array(bytes, layout.sums.end));
        let found = crc32fast::hash(&bytes[..layout.sums.end]);
        if expected != found {
            return Err(Error::new(
                ErrorKind::Checksum { expected, found },
                layout.sums.end as u64,
            ));
        }

        let mut start = layout.body.start;
        for section in sections.in_order() {
            section.start = start;
            start += section.length;
        }
        counts.check(&sections)?;
        Ok((counts, sections, layout))
    }

    /// Every array of fixed-size elements is as long as the counts say.
    fn check(&self, sections: &Sections) -> Result<(), Error> {
        let Self {
            series, names, pairs, ..
        } = self;
        let arrays = [
            (sections.name_offsets, *names, 1, 4),
            (sections.name_pairs, *names, 1, 4),
            (sections.name_postings, *names, 0, 8),
            (sections.value_offsets, *pairs, 1, 4),
            (sections.value_postings, *pairs, 0, 8),
            (sections.label_offsets, *series, 1, 4),
            (sections.place_offsets, *series, 1, 4),
        ];
        for (section, count, extra, width) in arrays {
            if section.length as u64 != (u64::from(count) + extra) * width {
                return Err(Error::malformed("array length", section.start as u64));
            }
        }
        Ok(())
    }
}

/// Where the page checksums and the body lie.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The page checksums; the checksum of header and page checksums follows.
    pub(crate) sums: Range<usize>,
    pub(crate) body: Range<usize>,
}

impl Layout {
    /// The layout for a body of this length; `None` if no memory could hold it.
    pub(crate) fn new(body_length: usize) -> Option<Self> {
        let sums = HEADER_BYTES..HEADER_BYTES.checked_add(body_length.div_ceil(PAGE_BYTES).checked_mul(SUM_BYTES)?)?;
        let start = sums.end.checked_add(SUM_BYTES)?;
        Some(Self {
            sums,
            body: start..start.checked_add(body_length)?,
        })
    }
}

/// The `N` bytes at a place that the caller has checked.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("a slice of N bytes is an array of N bytes")
}

/// Appends a LEB128 number.
pub(crate) fn put_varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Takes a LEB128 number off the front; `None` if it is cut off or needs more than 64 bits.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Small numbers of either sign as small numbers.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back(value: u64, signed: i64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            put_varint(&mut bytes, zigzag(signed));
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take_varint(&mut rest), Some(value));
            prop_assert_eq!(take_varint(&mut rest).map(unzigzag), Some(signed));
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn varints_that_end_early_or_overflow_are_refused() {
        assert_eq!(take_varint(&mut [0x80, 0x80].as_slice()), None);
        assert_eq!(take_varint(&mut [0xff; 10].as_slice()), None);
        assert_eq!(
            take_varint(&mut [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1].as_slice()),
            Some(u64::MAX)
        );
    }
}
