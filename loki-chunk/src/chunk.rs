//! A chunk as it is read.

use std::ops::Range;

use crate::block::BlockHeader;
use crate::columns::{BlockColumns, ColumnSet};
use crate::directory;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Reader, TRAILER_BYTES, TRAILER_MAGIC};
use crate::scan::{Direction, Scan};

/// A chunk over bytes in memory or a memory map.
///
/// Opening reads the directory and checks bounds, not the data; each section's checksum is compared when it is read.
///
/// ```
/// use loki_chunk::{BlockColumns, Chunk, ChunkBuilder, ColumnSet, Encoding, EntryRef};
///
/// let mut builder = ChunkBuilder::new(Encoding::Zstd);
/// builder.append(EntryRef { timestamp: 5, line: b"hello", metadata: &[] })?;
/// let chunk = Chunk::open(builder.finish())?;
/// chunk.verify()?;
///
/// let mut columns = BlockColumns::new();
/// chunk.read(0, &mut columns, ColumnSet::ALL)?;
/// assert_eq!(columns.line(0), b"hello");
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chunk<D> {
    data: D,
    blocks: Vec<BlockHeader>,
}

impl<D: AsRef<[u8]>> Chunk<D> {
    /// Opens what [`ChunkBuilder::finish`](crate::ChunkBuilder::finish) made.
    ///
    /// # Errors
    ///
    /// Another magic number or version, a directory whose checksum differs, bytes that are missing.
    pub fn open(bytes: D) -> Result<Self> {
        let all = bytes.as_ref();
        let truncated = |expected: usize| {
            Error::at(
                ErrorKind::Truncated {
                    expected: expected as u64,
                    found: all.len() as u64,
                },
                all.len(),
            )
        };
        let trailer_at = all
            .len()
            .checked_sub(TRAILER_BYTES)
            .ok_or_else(|| truncated(TRAILER_BYTES))?;
        let mut trailer = Reader::new(&all[trailer_at..]);
        let (directory_bytes, found) = (trailer.u32()? as usize, trailer.array()?);
        if found != TRAILER_MAGIC {
            return Err(Error::at(
                ErrorKind::Magic {
                    expected: TRAILER_MAGIC,
                    found,
                },
                trailer_at + 4,
            ));
        }
        let directory_at = trailer_at
            .checked_sub(directory_bytes)
            .ok_or_else(|| truncated(directory_bytes + TRAILER_BYTES))?;
        let blocks = directory::decode(&all[directory_at..trailer_at]).map_err(|error| error.shifted(directory_at))?;
        check_places(&blocks, directory_at)?;
        Ok(Self { data: bytes, blocks })
    }

    /// Opens a chunk whose directory and data stand apart.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_parts(directory: &[u8], data: D) -> Result<Self> {
        let blocks = directory::decode(directory)?;
        check_places(&blocks, data.as_ref().len())?;
        Ok(Self { data, blocks })
    }

    /// The block headers, in the order in which blocks were added.
    pub fn blocks(&self) -> &[BlockHeader] {
        &self.blocks
    }

    /// Whether each block begins no earlier than the one before ends: then a [`scan`](Self::scan) is sorted by timestamp as a
    /// whole. Otherwise blocks overlap, and [`Merge`](crate::Merge) puts them in order.
    pub fn is_sorted(&self) -> bool {
        self.blocks
            .windows(2)
            .all(|pair| pair[0].max_timestamp <= pair[1].min_timestamp)
    }

    /// The bytes of a block.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchBlock`].
    pub fn block_data(&self, index: usize) -> Result<&[u8]> {
        let header = self.header(index)?;
        let Range { start, end } = header.data_range();
        Ok(&self.data.as_ref()[start as usize..end as usize])
    }

    fn header(&self, index: usize) -> Result<&BlockHeader> {
        let missing = || {
            Error::refused(ErrorKind::NoSuchBlock {
                index,
                blocks: self.blocks.len(),
            })
        };
        self.blocks.get(index).ok_or_else(missing)
    }

    /// Reads columns of a block; see [`BlockColumns::read`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchBlock`], and those of [`BlockColumns::read`] with offsets counted from the chunk's data.
    pub fn read(&self, index: usize, columns: &mut BlockColumns, want: ColumnSet) -> Result<()> {
        let header = self.header(index)?;
        columns
            .read(header, self.block_data(index)?, want)
            .map_err(|error| error.shifted(header.offset as usize))
    }

    /// Compares every checksum.
    ///
    /// # Errors
    ///
    /// The first that differs.
    pub fn verify(&self) -> Result<()> {
        self.blocks.iter().enumerate().try_for_each(|(index, header)| {
            header
                .verify(self.block_data(index)?)
                .map_err(|error| error.shifted(header.offset as usize))
        })
    }

    /// Scans the entries with timestamps in `range`, a block at a time.
    pub fn scan(&self, range: Range<i64>, direction: Direction) -> Scan<'_, D> {
        Scan::new(self, range, direction)
    }
}

/// Refuses blocks that reach past the end of the data.
fn check_places(blocks: &[BlockHeader], data_bytes: usize) -> Result<()> {
    let end = blocks.iter().map(|header| header.data_range().end).max().unwrap_or(0);
    if end <= data_bytes as u64 {
        return Ok(());
    }
    Err(Error::at(
        ErrorKind::Truncated {
            expected: end,
            found: data_bytes as u64,
        },
        data_bytes,
    ))
}
