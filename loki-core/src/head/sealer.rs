//! Sealing of open blocks: compressed, with the content filter that their segment will hold.

use crate::store::FilterMaker;
use crate::{ContentFilters, Error, Settings};
use loki_chunk::{Block, BlockColumns, ColumnSet, Compressor, Encoding, HeadBlock, PagePool};
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
    /// Of an open block: its lines lie in pages, and both compressor and filter want them end to end.
    columns: BlockColumns,
}

impl Sealer {
    /// The entries of an open block, which stay there.
    pub(crate) fn seal(&mut self, open: &HeadBlock) -> SealedBlock {
        let mut columns = std::mem::take(&mut self.columns);
        open.columns(open.len(), &mut columns, ColumnSet::ALL);
        let sealed = self.seal_columns(&columns).expect("all columns were copied");
        self.columns = columns;
        sealed
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

/// Sealers that wait for work, and the pages of blocks that were sealed.
#[derive(Debug)]
pub(crate) struct Sealers {
    pages: PagePool,
    encoding: Encoding,
    content_filters: ContentFilters,
    idle: Mutex<Vec<Sealer>>,
}

/// Sealers that are kept. More blocks are hardly sealed at once, and those that are make a sealer for themselves.
const KEPT: usize = 4;
/// This share of the head's size may wait in pages for the next open blocks. A flush gives back what the next head will take,
/// though not at the same pace.
const POOL_SHARE: u64 = 4;

impl Sealers {
    /// Sealers for a head with these settings.
    pub(crate) fn new(settings: &Settings) -> Sealers {
        Sealers {
            pages: PagePool::new(usize::try_from(settings.head_bytes.0 / POOL_SHARE).unwrap_or(usize::MAX)),
            encoding: settings.encoding,
            content_filters: settings.content_filters,
            idle: Mutex::default(),
        }
    }

    /// A block to append to.
    pub(crate) fn open(&self) -> HeadBlock {
        HeadBlock::in_pool(&self.pages)
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
