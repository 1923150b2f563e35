//! The bytes of a content filter, read and written.

use super::{
    bloom,
    grams::Grams,
    needle::{ByteMask, Needle},
};
use crate::{Error, ErrorKind, format};

/// What a content filter starts with.
const MAGIC: [u8; 4] = *b"LKCF";
/// The version that is written, and the only one that is read: a filter of another is made anew or done without.
const VERSION: u32 = 2;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = MAGIC_AT + 4;
const GRAMS_AT: usize = VERSION_AT + 4;
const PROBES_AT: usize = GRAMS_AT + 1;
const ZERO_AT: usize = PROBES_AT + 1;
const LONGEST_LINE_AT: usize = ZERO_AT + 2;
const BYTES_AT: usize = LONGEST_LINE_AT + 4;
const SET_SUM_AT: usize = BYTES_AT + 32;
const HEADER_SUM_AT: usize = SET_SUM_AT + 4;
const HEADER_BYTES: usize = HEADER_SUM_AT + 4;

/// A filter over the lines of a block: says "no" to a needle only if no line contains it.
///
/// Opening checks the header and costs nanoseconds. A "no" is worth what the bytes are worth: hold them against their
/// checksum once with [`verify`](Self::verify), wherever they come from, before trusting it.
///
/// ```
/// use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Needle};
///
/// let mut builder = ContentFilterBuilder::new(FilterSettings::default());
/// builder.add_lines(b"trace_id=4bf92f3577b34da6", &[0, 25]);
/// let bytes = builder.finish();
///
/// let filter = ContentFilter::open(&bytes)?;
/// filter.verify()?;
/// assert!(filter.may_contain(&Needle::new(b"4bf92f3577b34da6", false)));
/// assert!(!filter.may_contain(&Needle::new(b"00f067aa0ba902b7", false)));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ContentFilter<'a> {
    header: Header,
    set: &'a [u8],
    set_sum: u32,
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) grams: Grams,
    /// Bits that a key has in the set; 0 where there is no key, as all lines are short.
    pub(super) probes: u8,
    pub(super) bytes: ByteMask,
    pub(super) longest_line: u32,
}

impl Header {
    /// The filter's bytes.
    pub(super) fn encode(&self, set: &[u8]) -> Vec<u8> {
        let mut into = Vec::with_capacity(HEADER_BYTES + set.len());
        into.extend_from_slice(&MAGIC);
        into.extend_from_slice(&VERSION.to_le_bytes());
        into.extend_from_slice(&[self.grams as u8, self.probes, 0, 0]);
        into.extend_from_slice(&self.longest_line.to_le_bytes());
        self.bytes
            .0
            .iter()
            .for_each(|part| into.extend_from_slice(&part.to_le_bytes()));
        into.extend_from_slice(&crc32fast::hash(set).to_le_bytes());
        let sum = crc32fast::hash(&into);
        into.extend_from_slice(&sum.to_le_bytes());
        into.extend_from_slice(set);
        into
    }
}

impl<'a> ContentFilter<'a> {
    /// Opens a filter: checks the header, its checksum, and that its numbers make sense.
    ///
    /// # Errors
    ///
    /// What the bytes are instead: not a filter, of another version, cut off, damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        let (header, set) = split(bytes)?;
        check_sum(
            &header[..HEADER_SUM_AT],
            u32::from_le_bytes(format::array(header, HEADER_SUM_AT)),
            HEADER_SUM_AT,
        )?;
        Self::decode(header, set)
    }

    /// As [`open`](Self::open), for bytes that it has opened before: their header is not held against its checksum again.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), but for the checksum.
    pub fn reopen(bytes: &'a [u8]) -> Result<Self, Error> {
        let (header, set) = split(bytes)?;
        Self::decode(header, set)
    }

    fn decode(header: &'a [u8], set: &'a [u8]) -> Result<Self, Error> {
        let set_sum = u32::from_le_bytes(format::array(header, SET_SUM_AT));
        let malformed = |what, at: usize| Error::malformed(what, at as u64);
        let grams = Grams::ALL.into_iter().find(|&grams| grams as u8 == header[GRAMS_AT]);
        let probes = header[PROBES_AT];
        if header[ZERO_AT..LONGEST_LINE_AT] != [0, 0] {
            return Err(malformed("bytes that are zero", ZERO_AT));
        }
        if (probes == 0) != set.is_empty() || set.len() > bloom::MAX_BYTES {
            return Err(malformed("probes", PROBES_AT));
        }
        let header = Header {
            grams: grams.ok_or_else(|| malformed("grams", GRAMS_AT))?,
            probes,
            bytes: ByteMask(std::array::from_fn(|part| {
                u64::from_le_bytes(format::array(header, BYTES_AT + 8 * part))
            })),
            longest_line: u32::from_le_bytes(format::array(header, LONGEST_LINE_AT)),
        };
        Ok(Self { header, set, set_sum })
    }

    /// Holds all bytes against their checksum.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Checksum`].
    pub fn verify(&self) -> Result<(), Error> {
        check_sum(self.set, self.set_sum, SET_SUM_AT)
    }

    /// Whether some line may contain a needle. `false` is certain; `true` is not.
    pub fn may_contain(&self, needle: &Needle) -> bool {
        needle.may_be_in(self)
    }

    /// How many bytes the longest line has.
    pub fn longest_line(&self) -> u32 {
        self.header.longest_line
    }

    pub(super) fn grams(&self) -> Grams {
        self.header.grams
    }

    pub(super) fn byte_mask(&self) -> ByteMask {
        self.header.bytes
    }

    pub(super) fn contains_key(&self, key: u32) -> bool {
        self.header.probes > 0 && bloom::contains(self.set, self.header.probes, key)
    }
}

/// Header and set of the bytes of a filter of a known version.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let too_short = || length(HEADER_BYTES, bytes.len());
    let found = *bytes.first_chunk().ok_or_else(too_short)?;
    if found != MAGIC {
        return Err(Error::new(ErrorKind::Magic { expected: MAGIC, found }, MAGIC_AT as u64));
    }
    let (header, set) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(too_short)?;
    let version = u32::from_le_bytes(format::array(header, VERSION_AT));
    if version != VERSION {
        let kind = ErrorKind::Version {
            expected: VERSION,
            found: version,
        };
        return Err(Error::new(kind, VERSION_AT as u64));
    }
    Ok((header, set))
}

fn length(expected: usize, found: usize) -> Error {
    let kind = ErrorKind::Length {
        expected: expected as u64,
        found: found as u64,
    };
    Error::new(kind, found as u64)
}

fn check_sum(bytes: &[u8], expected: u32, at: usize) -> Result<(), Error> {
    let found = crc32fast::hash(bytes);
    if expected == found {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Checksum { expected, found }, at as u64))
    }
}
