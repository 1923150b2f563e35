//! How the body of a push is compressed on the way, whatever is in it.

use super::{Error, decompress};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use std::borrow::Cow;

/// What `Content-Encoding` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
    Deflate,
}

impl Encoding {
    /// By the headers.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Encoding, Error> {
        match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
            // A snappy block is the protobuf's own; JSON marked so is read as it is.
            None | Some(b"" | b"snappy") => Ok(Encoding::Plain),
            Some(b"gzip") => Ok(Encoding::Gzip),
            Some(b"deflate") => Ok(Encoding::Deflate),
            Some(other) => Err(Error::Encoding(String::from_utf8_lossy(other).into_owned())),
        }
    }

    /// The message inside `body`; an unfolded one is no larger than `max` bytes.
    pub(crate) fn unfold(self, body: &[u8], max: u64) -> Result<Cow<'_, [u8]>, Error> {
        Ok(match self {
            Encoding::Plain => Cow::Borrowed(body),
            Encoding::Gzip => Cow::Owned(decompress::gzip(body, max)?),
            Encoding::Deflate => Cow::Owned(decompress::deflate(body, max)?),
        })
    }
}
