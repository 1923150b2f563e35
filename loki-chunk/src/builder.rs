//! Entries or sealed blocks in, the bytes of a chunk out.

use crate::block::{Block, BlockHeader};
use crate::directory;
use crate::encoding::{Compressor, Encoding};
use crate::entry::EntryRef;
use crate::error::Result;
use crate::format::TRAILER_MAGIC;
use crate::head_block::HeadBlock;

/// Builds a chunk: appends entries and cuts blocks when they are full, or takes blocks that were sealed before.
///
/// ```
/// use loki_chunk::{Chunk, ChunkBuilder, Encoding, EntryRef};
///
/// let mut builder = ChunkBuilder::new(Encoding::Zstd);
/// for timestamp in 0..100 {
///     builder.append(EntryRef { timestamp, line: b"tick", metadata: &[] })?;
/// }
/// let chunk = Chunk::open(builder.finish())?;
/// assert_eq!(chunk.blocks()[0].entries, 100);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug)]
pub struct ChunkBuilder {
    compressor: Compressor,
    head: HeadBlock,
    headers: Vec<BlockHeader>,
    data: Vec<u8>,
}

/// A chunk in two parts, so that an engine can place the data of many chunks in one stretch and their directories in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkParts {
    /// The block headers; see [`directory`](crate::directory).
    pub directory: Vec<u8>,
    /// The blocks' data, one behind the other.
    pub data: Vec<u8>,
}

impl ChunkBuilder {
    /// A builder that compresses the blocks it cuts with `encoding`.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            compressor: Compressor::new(encoding),
            head: HeadBlock::new(),
            headers: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Appends an entry, cutting the open block first if it is full.
    ///
    /// # Errors
    ///
    /// Those of [`HeadBlock::append`], except that the block is never full.
    pub fn append(&mut self, entry: EntryRef<'_>) -> Result<()> {
        if !self.head.has_room_for(entry) {
            self.cut();
        }
        self.head.append(entry)
    }

    /// Adds a sealed block behind all entries so far. A block without entries is left out.
    pub fn push_block(&mut self, block: &Block) {
        self.cut();
        self.place(block);
    }

    /// Seals the open block, if it holds anything.
    pub fn cut(&mut self) {
        if !self.head.is_empty() {
            let block = self.head.seal_with(&mut self.compressor);
            self.head.clear();
            self.place(&block);
        }
    }

    fn place(&mut self, block: &Block) {
        if block.header.entries > 0 {
            self.headers.push(BlockHeader {
                offset: self.data.len() as u64,
                ..block.header
            });
            self.data.extend_from_slice(&block.data);
        }
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.head.is_empty()
    }

    /// Number of entries, the open block included.
    pub fn entries(&self) -> u64 {
        let sealed: u64 = self.headers.iter().map(|header| u64::from(header.entries)).sum();
        sealed + self.head.len() as u64
    }

    /// Bytes of the sealed blocks so far.
    pub fn stored_bytes(&self) -> usize {
        self.data.len()
    }

    /// The chunk in two parts.
    pub fn finish_parts(mut self) -> ChunkParts {
        self.cut();
        ChunkParts {
            directory: directory::encode(&self.headers),
            data: self.data,
        }
    }

    /// The chunk as one buffer: data, directory, trailer.
    pub fn finish(self) -> Vec<u8> {
        let ChunkParts {
            directory,
            data: mut bytes,
        } = self.finish_parts();
        bytes.extend_from_slice(&directory);
        bytes.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&TRAILER_MAGIC);
        bytes
    }
}
