#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod error;
mod format;

mod block;
mod columns;
mod encoding;
mod entry;
mod head_block;
mod layout;
mod line_search;
mod metadata;
mod needles;
mod packed;
mod pages;
mod steps;
mod symbols;
mod typed;

mod builder;
mod chunk;
pub mod directory;
mod merge;
mod pick;
mod scan;
mod seal;

pub use block::{Block, BlockHeader, SectionHeader};
pub use builder::{ChunkBuilder, ChunkParts};
pub use chunk::Chunk;
pub use columns::{BlockColumns, ColumnSet};
pub use encoding::{Compressor, Encoding};
pub use entry::{Entry, EntryRef};
pub use error::{Error, ErrorKind};
pub use format::{BLOCK_MAX_BYTES, BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, LINE_MAX_BYTES, METADATA_MAX_BYTES};
pub use head_block::HeadBlock;
pub use layout::Layout;
pub use line_search::LineSearch;
pub use merge::{BlockSource, Merge, MergeSource};
pub use metadata::{MetadataColumn, StringTable};
pub use pages::PagePool;
pub use scan::{Direction, Scan, ScanBatch};
