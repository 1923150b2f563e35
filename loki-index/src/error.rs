//! What can go wrong: damaged bytes, refused patterns, failed writes.

use std::{fmt, io};

/// An error of this crate: what happened, and where in the bytes.
///
/// ```
/// use loki_index::{ErrorKind, Index};
///
/// let error = Index::open(b"not an index, though long enough to hold a header".as_slice()).unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Magic { .. }));
/// assert_eq!(error.offset(), 0);
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

/// The kinds of [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes do not start like this format.
    #[error("magic is {found:02x?}, expected {expected:02x?}")]
    Magic {
        /// What this format starts with.
        expected: [u8; 4],
        /// What the bytes start with.
        found: [u8; 4],
    },
    /// The bytes were written by a version that this reader does not know.
    #[error("version is {found}, expected {expected}")]
    Version {
        /// The version that this reader accepts.
        expected: u32,
        /// The version in the bytes.
        found: u32,
    },
    /// The bytes end early, or go on after their end.
    #[error("length is {found} bytes, expected {expected}")]
    Length {
        /// How many bytes there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A checksum does not fit its bytes: they are damaged.
    #[error("checksum is {found:08x}, expected {expected:08x}")]
    Checksum {
        /// The checksum that was stored.
        expected: u32,
        /// The checksum of the bytes that are there.
        found: u32,
    },
    /// The checksums fit but the content makes no sense: a writer was wrong or somebody made the bytes up.
    #[error("malformed {what}")]
    Malformed {
        /// The part that cannot be read.
        what: &'static str,
    },
    /// A series id is not one of this index.
    #[error("series {id} does not exist, there are {series}")]
    UnknownSeries {
        /// The id asked for.
        id: u32,
        /// How many series there are.
        series: u32,
    },
    /// A regular expression cannot be compiled.
    #[error("invalid pattern: {message}")]
    Pattern {
        /// What the regex compiler says.
        message: Box<str>,
    },
    /// What was added does not fit the format.
    #[error("{what} is {found} bytes, limit {limit}")]
    TooLarge {
        /// The part that grew too large.
        what: &'static str,
        /// The most that the format holds.
        limit: u64,
        /// What there is.
        found: u64,
    },
    /// The writer that was handed in failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    pub(crate) fn malformed(what: &'static str, offset: u64) -> Self {
        Self::new(ErrorKind::Malformed { what }, offset)
    }

    /// What happened.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where in the bytes it happened, counted from their start; 0 where no bytes are involved.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Pattern { .. }
            | ErrorKind::Io(_)
            | ErrorKind::UnknownSeries { .. }
            | ErrorKind::TooLarge { .. } => self.kind.fmt(f),
            _ => write!(f, "{} at byte {}", self.kind, self.offset),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(error.into(), 0)
    }
}
