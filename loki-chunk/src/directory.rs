//! A list of block headers as bytes: enough to know what a chunk holds without its data.
//!
//! An engine keeps directories of many chunks together, apart from the data, and reads only them to decide what to open.
//!
//! ```
//! use loki_chunk::{ChunkBuilder, Encoding, EntryRef, directory};
//!
//! let mut builder = ChunkBuilder::new(Encoding::Zstd);
//! builder.append(EntryRef { timestamp: 5, line: b"hello", metadata: &[] })?;
//! let parts = builder.finish_parts();
//! let headers = directory::decode(&parts.directory)?;
//! assert_eq!((headers.len(), headers[0].entries), (1, 1));
//! # Ok::<(), loki_chunk::Error>(())
//! ```

use crate::block::BlockHeader;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{
    CHECKSUM_BYTES, DIRECTORY_HEAD_BYTES, DIRECTORY_MAGIC, HEADER_BYTES, Reader, VERSION_PLAIN, VERSION_TYPED,
};
use crate::layout::Layout;

/// The directory of these headers. Its version is the oldest that has what they need.
pub fn encode(headers: &[BlockHeader]) -> Vec<u8> {
    let mut out = Vec::with_capacity(DIRECTORY_HEAD_BYTES + headers.len() * HEADER_BYTES + CHECKSUM_BYTES);
    out.extend_from_slice(&DIRECTORY_MAGIC);
    let is_plain = headers.iter().all(|header| header.layout == Layout::Plain);
    let version = if is_plain { VERSION_PLAIN } else { VERSION_TYPED };
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&(HEADER_BYTES as u16).to_le_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_le_bytes());
    headers.iter().for_each(|header| header.encode(&mut out));
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out
}

/// The headers of a directory, its checksum compared.
///
/// # Errors
///
/// Another magic number or version, a checksum that differs, bytes missing or left over, numbers the format does not allow.
pub fn decode(bytes: &[u8]) -> Result<Vec<BlockHeader>> {
    let mut reader = Reader::new(bytes);
    let found = reader.array()?;
    if found != DIRECTORY_MAGIC {
        return Err(Error::at(
            ErrorKind::Magic {
                expected: DIRECTORY_MAGIC,
                found,
            },
            0,
        ));
    }
    let place = reader.at();
    let version = reader.u16()?;
    if !(VERSION_PLAIN..=VERSION_TYPED).contains(&version) {
        return Err(Error::at(
            ErrorKind::Version {
                oldest: VERSION_PLAIN,
                newest: VERSION_TYPED,
                found: version,
            },
            place,
        ));
    }
    let (header_bytes, blocks) = (usize::from(reader.u16()?), reader.u32()? as usize);
    let expected = (DIRECTORY_HEAD_BYTES + CHECKSUM_BYTES) as u64 + blocks as u64 * HEADER_BYTES as u64;
    if header_bytes != HEADER_BYTES {
        return Err(Error::malformed("directory", "block headers have another size", place));
    }
    if bytes.len() as u64 != expected {
        return Err(Error::at(
            ErrorKind::Truncated {
                expected,
                found: bytes.len() as u64,
            },
            bytes.len(),
        ));
    }
    let (covered, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    let expected = Reader::new(checksum).u32()?;
    let found = crc32fast::hash(covered);
    if found != expected {
        return Err(Error::at(
            ErrorKind::Checksum {
                section: "directory",
                expected,
                found,
            },
            covered.len(),
        ));
    }
    let headers = (0..blocks).map(|_| {
        let place = reader.at();
        let header = BlockHeader::decode(&mut reader)?;
        match header.layout {
            Layout::Typed if version < VERSION_TYPED => {
                Err(Error::malformed("block header", "layout is of a later version", place))
            }
            _ => Ok(header),
        }
    });
    headers.collect()
}
