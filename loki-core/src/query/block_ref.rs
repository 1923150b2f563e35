//! A block wherever it lies: in memory, open or sealed, or in a segment.

use crate::head::{OpenSnapshot, SealedBlock};
use crate::store::{Segment, SegmentBlock};
use loki_chunk::{BlockColumns, BlockHeader, ColumnSet, Layout, LineSearch};
use loki_logql::source::Summary;
use std::sync::{Arc, PoisonError};

/// A block that a query may read.
#[derive(Debug, Clone)]
pub(super) enum BlockRef {
    /// Of a head, sealed.
    Sealed(Arc<SealedBlock>),
    /// Of a head, open.
    Open(OpenSnapshot),
    /// In a segment.
    Stored { segment: Arc<Segment>, block: SegmentBlock },
}

impl BlockRef {
    /// What is known of it without reading.
    pub(super) fn summary(&self) -> Summary {
        match self {
            BlockRef::Open(open) => open.summary,
            BlockRef::Sealed(block) => summary_of(&block.block.header),
            BlockRef::Stored { block, .. } => summary_of(&block.header),
        }
    }

    /// Whether it is in memory.
    pub(super) fn is_in_head(&self) -> bool {
        !matches!(self, BlockRef::Stored { .. })
    }

    /// Compressed bytes; 0 of an open block.
    pub(super) fn stored_bytes(&self) -> u64 {
        match self {
            BlockRef::Open(_) => 0,
            BlockRef::Sealed(block) => block.block.data.len() as u64,
            BlockRef::Stored { block, .. } => block.header.stored_bytes(),
        }
    }

    /// Reads the columns in `want`.
    pub(super) fn read(&self, columns: &mut BlockColumns, want: ColumnSet) -> Result<(), loki_logql::Error> {
        let done = match self {
            BlockRef::Open(open) => {
                let block = open.block.read().unwrap_or_else(PoisonError::into_inner);
                block.columns(open.summary.entries as usize, columns, want);
                Ok(())
            }
            BlockRef::Sealed(block) => columns.read(&block.block.header, &block.block.data, want),
            BlockRef::Stored { segment, block } => columns.read(&block.header, segment.bytes(block), want),
        };
        done.map_err(|error| self.damaged(&error))
    }

    /// Header and data of a block that is sealed.
    fn sealed(&self) -> Option<(&BlockHeader, &[u8])> {
        match self {
            BlockRef::Open(_) => None,
            BlockRef::Sealed(block) => Some((&block.block.header, &block.block.data)),
            BlockRef::Stored { segment, block } => Some((&block.header, segment.bytes(block))),
        }
    }

    /// Whether the lines of some entries can be read without those of all.
    pub(super) fn is_typed(&self) -> bool {
        matches!(self.sealed(), Some((header, _)) if header.layout == Layout::Typed)
    }

    /// Reads the lines of `entries`: see [`BlockColumns::read_lines_of`]. An open block is read whole.
    pub(super) fn read_lines_of(&self, columns: &mut BlockColumns, entries: &[u32]) -> Result<(), loki_logql::Error> {
        match self.sealed() {
            Some((header, data)) => {
                let done = columns.read_lines_of(header, data, entries);
                done.map_err(|error| self.damaged(&error))
            }
            None => self.read(columns, columns.held() | ColumnSet::LINES),
        }
    }

    /// Finds lines without making them, where it can: see [`BlockColumns::search`].
    pub(super) fn search(
        &self,
        columns: &mut BlockColumns,
        search: &LineSearch,
        found: &mut Vec<u32>,
    ) -> Result<bool, loki_logql::Error> {
        match self.sealed() {
            Some((header, data)) => {
                let done = columns.search(header, data, search, found);
                done.map_err(|error| self.damaged(&error))
            }
            None => Ok(false),
        }
    }

    fn damaged(&self, error: &loki_chunk::Error) -> loki_logql::Error {
        let place = match self {
            BlockRef::Stored { segment, .. } => segment.name(),
            _ => "a block in memory",
        };
        source_error(format!("{place} is damaged: {error}"))
    }
}

/// An error of the storage under a query.
pub(super) fn source_error(message: String) -> loki_logql::Error {
    loki_logql::Error::new(loki_logql::ErrorKind::Source { message })
}

/// What a header says.
pub(super) fn summary_of(header: &BlockHeader) -> Summary {
    Summary {
        entries: header.entries,
        min_timestamp: header.min_timestamp,
        max_timestamp: header.max_timestamp,
        line_bytes: header.line_bytes,
        metadata_bytes: header.metadata_bytes,
        has_metadata: header.has_metadata(),
    }
}
