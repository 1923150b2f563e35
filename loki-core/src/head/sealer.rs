//! Sealing of open blocks: compressed, with the content filter that their segment will hold.

use crate::store::FilterMaker;
use crate::{ContentFilters, Error};
use loki_chunk::{Block, BlockColumns, ColumnSet, Compressor, Encoding, HeadBlock};
use loki_index::{ContentFilter, Needles};
use std::sync::{Mutex, PoisonError};

/// A sealed block in memory.
///
/// Its filter is made while its lines still lie there as they came: at the flush they would have to be decompressed for it.
#[derive(Debug)]
pub(crate) struct SealedBlock {
    pub(crate) block: Block,
    /// Its content filter; empty where it has none.
    pub(crate) filter: Vec<u8>,
}

impl SealedBlock {
    /// Whether a line of it may meet all conditions.
    pub(crate) fn may_match(&self, needles: &Needles) -> bool {
        needles.is_empty() || ContentFilter::open(&self.filter).map_or(true, |filter| needles.may_match(&filter))
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.block.data.len() + self.filter.len()
    }
}

/// Seals blocks; keeps what a codec and a filter need, some megabytes.
#[derive(Debug)]
pub(crate) struct Sealer {
    compressor: Compressor,
    filters: FilterMaker,
    columns: BlockColumns,
}

impl Sealer {
    /// The entries of an open block, which stay there.
    pub(crate) fn seal(&mut self, open: &HeadBlock) -> SealedBlock {
        let filter = if self.filters.are_wanted() {
            open.columns(open.len(), &mut self.columns, ColumnSet::LINES);
            self.filters.of_lines(&self.columns)
        } else {
            Vec::new()
        };
        SealedBlock {
            block: open.seal_with(&mut self.compressor),
            filter,
        }
    }

    /// Entries that were merged.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where they are none that a block can hold.
    pub(crate) fn seal_columns(&mut self, columns: &BlockColumns) -> Result<SealedBlock, Error> {
        let block = columns.seal_with(&mut self.compressor);
        Ok(SealedBlock {
            block: block.map_err(|e| Error::corrupt("a block in memory", e))?,
            filter: self.filters.of_lines(columns),
        })
    }
}

/// Sealers that wait for work.
#[derive(Debug)]
pub(crate) struct Sealers {
    encoding: Encoding,
    content_filters: ContentFilters,
    idle: Mutex<Vec<Sealer>>,
}

/// Sealers that are kept. More blocks are hardly sealed at once, and those that are make a sealer for themselves.
const KEPT: usize = 4;

impl Sealers {
    pub(crate) fn new(encoding: Encoding, content_filters: ContentFilters) -> Sealers {
        Sealers {
            encoding,
            content_filters,
            idle: Mutex::default(),
        }
    }

    /// Hands out a sealer.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Sealer) -> T) -> T {
        let lock = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = lock().pop();
        let mut sealer = waiting.unwrap_or_else(|| Sealer {
            compressor: Compressor::new(self.encoding),
            filters: FilterMaker::new(self.content_filters),
            columns: BlockColumns::new(),
        });
        let answer = work(&mut sealer);
        let mut idle = lock();
        if idle.len() < KEPT {
            idle.push(sealer);
        }
        answer
    }
}
