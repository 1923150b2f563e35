//! What can go wrong, and where in the bytes it was noticed.

use crate::columns::ColumnSet;

/// A refusal: what was wrong ([`kind`](Error::kind)) and, for bytes that were read, where ([`offset`](Error::offset)).
///
/// ```
/// use loki_chunk::{Chunk, ErrorKind};
///
/// let error = Chunk::open(b"not a chunk").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Magic { .. } | ErrorKind::Truncated { .. }));
/// assert!(error.offset().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: Option<u64>,
}

/// The result of everything here that can fail.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error noticed at a byte of the input.
    pub(crate) fn at(kind: ErrorKind, offset: usize) -> Self {
        Self {
            kind,
            offset: Some(offset as u64),
        }
    }

    /// A refusal of something that is not bytes: an entry, a name, an index.
    pub(crate) fn refused(kind: ErrorKind) -> Self {
        Self { kind, offset: None }
    }

    pub(crate) fn malformed(section: &'static str, reason: &'static str, offset: usize) -> Self {
        Self::at(ErrorKind::Malformed { section, reason }, offset)
    }

    /// The same error, seen by a caller whose bytes begin `base` bytes earlier.
    pub(crate) fn shifted(mut self, base: usize) -> Self {
        self.offset = self.offset.map(|offset| offset + base as u64);
        self
    }

    /// What was wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The byte at which it was noticed, counted from the start of the bytes handed in; `None` where no bytes were read.
    ///
    /// Inside a compressed section it is the place of the section, for what a decompressor made stands nowhere.
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} (at byte {offset})", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// The kinds of [`Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes do not begin or end as this format does.
    #[error("magic number is {found:02x?}, expected {expected:02x?}")]
    Magic {
        /// What stands in every file of this format.
        expected: [u8; 4],
        /// What stands here.
        found: [u8; 4],
    },
    /// The bytes were written by a version this reader does not know.
    #[error("format version is {found}, this reader accepts {oldest} to {newest}")]
    Version {
        /// The oldest version accepted.
        oldest: u16,
        /// The newest version accepted.
        newest: u16,
        /// The version stated by the bytes.
        found: u16,
    },
    /// Stored bytes are not those that were written.
    #[error("checksum of {section} is {found:08x}, expected {expected:08x}")]
    Checksum {
        /// The section the checksum covers.
        section: &'static str,
        /// The checksum that was stored.
        expected: u32,
        /// The checksum of the bytes found.
        found: u32,
    },
    /// The bytes end too early.
    #[error("{expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// A number exceeds a bound of the format.
    #[error("{what} is {found}, limit is {limit}")]
    TooLarge {
        /// The name of the number.
        what: &'static str,
        /// The most the format allows.
        limit: u64,
        /// The number found.
        found: u64,
    },
    /// The byte that names a compression is not one of the known codes.
    #[error("encoding code is {found}, expected 0 to 3")]
    EncodingCode {
        /// The code found.
        found: u8,
    },
    /// A text names no compression.
    #[error("unknown encoding, expected one of none, snappy, lz4, zstd")]
    EncodingName,
    /// A section passes its checksum, or has none yet, and still makes no sense.
    #[error("{section} is malformed: {reason}")]
    Malformed {
        /// The section.
        section: &'static str,
        /// What does not hold.
        reason: &'static str,
    },
    /// Structured metadata was not sorted by name, or held a name twice.
    #[error("structured metadata pair {index} does not sort after the pair before it")]
    UnsortedMetadata {
        /// Index of the first pair out of order.
        index: usize,
    },
    /// The head block holds all that a block may hold: seal it and start the next.
    #[error("block is full with {entries} entries and {line_bytes} bytes of lines")]
    BlockFull {
        /// Entries in the block.
        entries: u64,
        /// Bytes of lines in the block.
        line_bytes: u64,
    },
    /// Something needs columns that were not read.
    #[error("columns {found} were read, {expected} are needed")]
    MissingColumns {
        /// The columns needed.
        expected: ColumnSet,
        /// The columns there.
        found: ColumnSet,
    },
    /// A chunk has no block of that index.
    #[error("block {index} does not exist in a chunk of {blocks} blocks")]
    NoSuchBlock {
        /// The index asked for.
        index: usize,
        /// The number of blocks in the chunk.
        blocks: usize,
    },
}
