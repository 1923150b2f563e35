//! Compression of sections: one match per direction, contexts kept between calls.

use std::fmt;
use std::io;
use std::str::FromStr;

use zstd::zstd_safe::CParameter;

use crate::columns::BlockColumns;
use crate::error::{Error, ErrorKind, Result};
use crate::typed;

/// Fast enough for every push and within a tenth of what level 3 saves on log text.
const ZSTD_LEVEL: i32 = 1;
/// Lines repeat themselves in long pieces. Leaving the short ones alone makes fewer, longer copies: quicker in both
/// directions, and smaller on log text.
const ZSTD_MIN_MATCH_BYTES: u32 = 7;
/// The table of places seen has so many bits and, at four bytes each, stays in the innermost cache: a fifth quicker than the
/// level's own table, for blocks that are 0.2 % larger.
const ZSTD_HASH_BITS: u32 = 12;
/// Below this no codec saves more than its own framing.
const LEAST_RAW_BYTES: usize = 64;

/// How the sections of a block are compressed.
///
/// A section that compression does not shorten by a sixteenth stands as it is, whatever the encoding says.
///
/// ```
/// use loki_chunk::Encoding;
///
/// assert_eq!("zstd".parse(), Ok(Encoding::Zstd));
/// assert_eq!(Encoding::Lz4.to_string(), "lz4");
/// assert_eq!(Encoding::from_code(Encoding::Snappy.code()), Some(Encoding::Snappy));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Stored as it is.
    None,
    /// Snappy, raw format.
    Snappy,
    /// LZ4, block format.
    Lz4,
    /// Zstandard at level 1.
    #[default]
    Zstd,
}

impl Encoding {
    /// Every encoding, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::None, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The number that stands for it in bytes; never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Snappy => 1,
            Self::Lz4 => 2,
            Self::Zstd => 3,
        }
    }

    /// The encoding of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.code() == code)
    }

    /// The name used in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Encoding {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|encoding| encoding.name() == name);
        named.ok_or_else(|| Error::refused(ErrorKind::EncodingName))
    }
}

/// Compresses the sections of blocks; keeps the codec's tables and a buffer, so use one for many blocks.
///
/// ```
/// use loki_chunk::{Compressor, Encoding, EntryRef, HeadBlock};
///
/// let mut compressor = Compressor::new(Encoding::Lz4);
/// let mut head = HeadBlock::new();
/// head.append(EntryRef { timestamp: 1, line: b"ready", metadata: &[] })?;
/// let block = head.seal_with(&mut compressor);
/// assert_eq!(block.header.encoding, Encoding::Lz4);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
pub struct Compressor {
    encoding: Encoding,
    /// Of typed columns; `None` where blocks stay plain.
    typed: Option<Box<Typed>>,
    zstd: Option<zstd::bulk::Compressor<'static>>,
    snappy: snap::raw::Encoder,
    buffer: Vec<u8>,
}

/// What is kept between typed blocks.
#[derive(Debug, Default)]
struct Typed {
    encoder: typed::Encoder,
    check: BlockColumns,
}

impl Compressor {
    /// A compressor of plain blocks; contexts are made when first needed.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            typed: None,
            zstd: None,
            snappy: snap::raw::Encoder::new(),
            buffer: Vec::new(),
        }
    }

    /// A compressor that lays blocks out as [`Layout::Typed`](crate::Layout::Typed), each unless it is smaller plain.
    ///
    /// This is for blocks that are kept: it takes several times as long as [`new`](Self::new).
    pub fn typed(encoding: Encoding) -> Self {
        Self {
            typed: Some(Box::default()),
            ..Self::new(encoding)
        }
    }

    /// Lends the encoder of typed columns, where there is one, columns to read what it made, and the rest.
    pub(crate) fn with_typed<T>(
        &mut self,
        encode: impl FnOnce(&mut typed::Encoder, &mut BlockColumns, &mut Self) -> T,
    ) -> Option<T> {
        let mut typed = self.typed.take()?;
        let Typed { encoder, check } = &mut *typed;
        let done = encode(encoder, check, self);
        self.typed = Some(typed);
        Some(done)
    }

    /// What it compresses with.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The compressed form of `raw`, or `raw` itself when that is not worth it.
    ///
    /// A codec that fails (which none does, given room) counts as one that saves nothing: the bytes then stand as they are.
    pub(crate) fn compress<'a>(&'a mut self, raw: &'a [u8]) -> &'a [u8] {
        if raw.len() < LEAST_RAW_BYTES {
            return raw;
        }
        let length = self.compress_into_buffer(raw);
        match length {
            Some(length) if length <= raw.len() - raw.len() / 16 => &self.buffer[..length],
            _ => raw,
        }
    }

    fn compress_into_buffer(&mut self, raw: &[u8]) -> Option<usize> {
        match self.encoding {
            Encoding::None => None,
            Encoding::Snappy => {
                self.make_room(snap::raw::max_compress_len(raw.len()));
                self.snappy.compress(raw, &mut self.buffer).ok()
            }
            Encoding::Lz4 => {
                self.make_room(lz4_flex::block::get_maximum_output_size(raw.len()));
                lz4_flex::block::compress_into(raw, &mut self.buffer).ok()
            }
            Encoding::Zstd => {
                self.make_room(zstd::zstd_safe::compress_bound(raw.len()));
                if self.zstd.is_none() {
                    self.zstd = zstd_compressor().ok();
                }
                self.zstd
                    .as_mut()?
                    .compress_to_buffer(raw, self.buffer.as_mut_slice())
                    .ok()
            }
        }
    }

    /// Grows the buffer; it never shrinks, so that a steady size is zeroed once.
    fn make_room(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
    }
}

fn zstd_compressor() -> io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
    compressor.set_parameter(CParameter::MinMatch(ZSTD_MIN_MATCH_BYTES))?;
    compressor.set_parameter(CParameter::HashLog(ZSTD_HASH_BITS))?;
    Ok(compressor)
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("encoding", &self.encoding)
            .field("is_typed", &self.typed.is_some())
            .finish_non_exhaustive()
    }
}

/// Undoes [`Compressor`]; one can stay with a reader for good.
#[derive(Default)]
pub(crate) struct Decompressor {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Decompressor {
    /// Fills `out` with exactly `raw_bytes` bytes, which the caller has checked against the bounds of the format.
    pub(crate) fn decompress(
        &mut self,
        encoding: Encoding,
        stored: &[u8],
        raw_bytes: usize,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), &'static str> {
        let written = match encoding {
            Encoding::None => return Err("shorter than its raw length but not compressed"),
            Encoding::Snappy => {
                if snap::raw::decompress_len(stored).ok() != Some(raw_bytes) {
                    return Err("decompressed length is not the one stated");
                }
                out.resize(raw_bytes, 0);
                snap::raw::Decoder::new().decompress(stored, out).ok()
            }
            Encoding::Lz4 => {
                out.resize(raw_bytes, 0);
                lz4_flex::block::decompress_into(stored, out).ok()
            }
            Encoding::Zstd => {
                // Written into the spare room of an empty vector: nothing is zeroed only to be overwritten.
                out.clear();
                out.reserve(raw_bytes);
                if self.zstd.is_none() {
                    self.zstd = zstd::bulk::Decompressor::new().ok();
                }
                self.zstd
                    .as_mut()
                    .and_then(|zstd| zstd.decompress_to_buffer(stored, out).ok())
            }
        };
        match written {
            None => Err("does not decompress"),
            Some(written) if written != raw_bytes => Err("decompressed length is not the one stated"),
            Some(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

/// A clone starts with contexts of its own: they are scratch, not state.
impl Clone for Decompressor {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_back_what_it_was_given() {
        let raw: Vec<u8> = (0..100_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        for encoding in Encoding::ALL {
            let mut compressor = Compressor::new(encoding);
            let stored = compressor.compress(&raw);
            if encoding == Encoding::None {
                assert_eq!(stored, raw);
                continue;
            }
            assert!(stored.len() < raw.len(), "{encoding}");
            let mut out = Vec::new();
            Decompressor::default()
                .decompress(encoding, stored, raw.len(), &mut out)
                .unwrap();
            assert_eq!(out, raw, "{encoding}");
            for wrong in [0, raw.len() - 1, raw.len() + 1] {
                assert!(
                    Decompressor::default()
                        .decompress(encoding, stored, wrong, &mut out)
                        .is_err()
                );
            }
        }
    }

    #[test]
    fn what_does_not_compress_stands_as_it_is() {
        let mut state = 1u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(10_000)
        .collect();
        for encoding in Encoding::ALL {
            assert_eq!(Compressor::new(encoding).compress(&noise), noise, "{encoding}");
        }
    }

    #[test]
    fn names_and_codes_are_stable() {
        let table: Vec<_> = Encoding::ALL
            .iter()
            .map(|encoding| (encoding.code(), encoding.name()))
            .collect();
        assert_eq!(table, [(0, "none"), (1, "snappy"), (2, "lz4"), (3, "zstd")]);
        assert_eq!(Encoding::from_code(4), None);
        assert_eq!("gzip".parse::<Encoding>().unwrap_err().kind(), &ErrorKind::EncodingName);
    }
}
