//! Numbers of the byte layout, and the reader and writer of its scalars. `FORMAT.md` draws the whole picture.

use crate::error::{Error, ErrorKind, Result};

/// First bytes of a directory.
pub(crate) const DIRECTORY_MAGIC: [u8; 4] = *b"LKCD";
/// Last bytes of a chunk that is whole in one buffer.
pub(crate) const TRAILER_MAGIC: [u8; 4] = *b"LKCE";
/// The version of a directory all of whose blocks are plain.
pub(crate) const VERSION_PLAIN: u16 = 1;
/// The version of a directory with typed blocks.
pub(crate) const VERSION_TYPED: u16 = 2;

/// Magic, version, bytes of one header, number of blocks.
pub(crate) const DIRECTORY_HEAD_BYTES: usize = 4 + 2 + 2 + 4;
/// Entries, longest line, four 8-byte numbers, place, encoding, layout, two bytes in reserve, four sections.
pub(crate) const HEADER_BYTES: usize = 4 + 4 + 4 * 8 + 8 + 4 + SECTIONS * SECTION_BYTES;
/// Sections of a block: timestamps, lengths, metadata, lines.
pub(crate) const SECTIONS: usize = 4;
/// Stored length, raw length, checksum.
pub(crate) const SECTION_BYTES: usize = 3 * 4;
/// A crc32.
pub(crate) const CHECKSUM_BYTES: usize = 4;
/// Bytes of the directory, magic.
pub(crate) const TRAILER_BYTES: usize = 4 + 4;

/// Bytes of lines at which a block is cut: 256 KiB, where zstd has seen enough to compress well and one block is still
/// decompressed in a fraction of a millisecond.
pub const BLOCK_TARGET_BYTES: usize = 256 << 10;
/// Most bytes of lines in a block, unless one line alone is longer: 1 MiB.
pub const BLOCK_MAX_BYTES: usize = 1 << 20;
/// Most entries in a block, so that streams of very short or empty lines are cut too.
pub const BLOCK_MAX_ENTRIES: usize = 32_768;
/// Longest line that can be stored: 64 MiB. It bounds what a reader allocates for damaged or hostile bytes.
pub const LINE_MAX_BYTES: usize = 64 << 20;
/// Most bytes of structured metadata on one entry, names included: 16 MiB.
pub const METADATA_MAX_BYTES: usize = 16 << 20;

/// Most raw bytes of any section.
pub(crate) const SECTION_MAX_BYTES: usize = 64 << 20;
/// Most names times entries of a block's metadata: each is four bytes once decoded, so this bounds them to 16 MiB.
pub(crate) const METADATA_MAX_CELLS: usize = 4 << 20;

/// Reads scalars off the front of a slice; every refusal says at which byte.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Goes on from a place where it once stood.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// All that has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = self.rest();
        let Some(taken) = rest.get(..length) else {
            let kind = ErrorKind::Truncated {
                expected: length as u64,
                found: rest.len() as u64,
            };
            return Err(Error::at(kind, self.at));
        };
        self.at += length;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("take gives as many bytes as were asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A LEB128 number.
    pub(crate) fn varint(&mut self) -> Result<u64> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::malformed("number", "more than 64 bits", start))
    }

    /// Hands over `count` LEB128 numbers in order; those of one byte cost little.
    pub(crate) fn varints(&mut self, count: usize, mut each: impl FnMut(u64)) -> Result<()> {
        let bytes = self.bytes;
        let mut at = self.at;
        for _ in 0..count {
            match bytes.get(at) {
                Some(&byte) if byte < 0x80 => {
                    at += 1;
                    each(u64::from(byte));
                }
                _ => {
                    self.at = at;
                    each(self.varint()?);
                    at = self.at;
                }
            }
        }
        self.at = at;
        Ok(())
    }

    /// A LEB128 number that counts things of which at most `limit` may exist.
    pub(crate) fn count(&mut self, what: &'static str, limit: usize) -> Result<usize> {
        let start = self.at;
        let found = self.varint()?;
        if found > limit as u64 {
            return Err(Error::at(
                ErrorKind::TooLarge {
                    what,
                    limit: limit as u64,
                    found,
                },
                start,
            ));
        }
        Ok(found as usize)
    }

    /// Refuses bytes left over.
    pub(crate) fn finish(self, section: &'static str) -> Result<()> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(Error::malformed(section, "bytes left over", self.at))
        }
    }
}

/// Appends a LEB128 number.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_width_come_back() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = Vec::new();
                put_varint(&mut bytes, value);
                assert_eq!(Reader::new(&bytes).varint().unwrap(), value);
            }
        }
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_refused() {
        let mut bytes = vec![0xff; 9];
        bytes.push(0x02);
        assert!(matches!(
            Reader::new(&bytes).varint().unwrap_err().kind(),
            ErrorKind::Malformed { .. }
        ));
    }
}
