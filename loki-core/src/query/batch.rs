//! Batches: blocks as LogQL reads them.

use super::block_ref::BlockRef;
use super::stats::StatsCounter;
use loki_chunk::{BlockColumns, ColumnSet as ChunkColumns, LineSearch};
use loki_logql::Error;
use loki_logql::source::{Batch, ColumnSet, Columns, Found, LineClause, MetadataColumn, Summary};

/// Buffers that batches are read into, one after the other, on one thread.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    columns: BlockColumns,
    metadata: Vec<MetadataColumn>,
    /// Entries whose lines were read, where others were not.
    entries: Vec<u32>,
}

/// A batch that is one block.
#[derive(Debug)]
pub(super) struct BlockBatch<'a> {
    block: &'a BlockRef,
    scratch: &'a mut Scratch,
    read: ColumnSet,
    /// What counts as read: lines that were searched without being made count, too.
    counted: ColumnSet,
    stats: &'a StatsCounter,
}

impl<'a> BlockBatch<'a> {
    pub(super) fn new(block: &'a BlockRef, scratch: &'a mut Scratch, stats: &'a StatsCounter) -> BlockBatch<'a> {
        scratch.columns.clear();
        scratch.metadata.clear();
        scratch.entries.clear();
        stats.hand_over(&block.summary(), block.is_in_head());
        BlockBatch {
            block,
            scratch,
            read: ColumnSet::NONE,
            counted: ColumnSet::NONE,
            stats,
        }
    }

    /// Reads what is missing of the columns in `want`.
    fn load(&mut self, want: ColumnSet) -> Result<(), Error> {
        let want = want | self.read;
        if want == self.read {
            return Ok(());
        }
        self.block.read(&mut self.scratch.columns, lower(want))?;
        self.count(want);
        if want.contains(ColumnSet::OFFSETS) {
            self.scratch.entries.clear();
        }
        if want.contains(ColumnSet::METADATA) && !self.read.contains(ColumnSet::METADATA) {
            raise_metadata(&self.scratch.columns, &mut self.scratch.metadata);
        }
        self.read = want;
        Ok(())
    }

    fn count(&mut self, want: ColumnSet) {
        let now = self.counted | want;
        self.stats
            .read(&self.block.summary(), self.block.stored_bytes(), self.counted, now);
        self.counted = now;
    }
}

impl Batch for BlockBatch<'_> {
    fn summary(&self) -> Summary {
        self.block.summary()
    }

    fn read(&mut self, want: ColumnSet) -> Result<Columns<'_>, Error> {
        self.load(want)?;
        Ok(columns_of(&self.scratch.columns, &self.scratch.metadata))
    }

    fn read_of(&mut self, want: ColumnSet, entries: &[u32]) -> Result<Columns<'_>, Error> {
        if !want.contains(ColumnSet::LINES) || self.read.contains(ColumnSet::LINES) || !self.block.is_typed() {
            return self.read(want);
        }
        self.load(want.without(ColumnSet::LINES))?;
        if self.scratch.entries != entries {
            self.block.read_lines_of(&mut self.scratch.columns, entries)?;
            self.count(want);
            // Offsets are those of the lines that are there.
            self.read = self.read.without(ColumnSet::LINES);
            self.scratch.entries.clear();
            self.scratch.entries.extend_from_slice(entries);
        }
        Ok(columns_of(&self.scratch.columns, &self.scratch.metadata))
    }

    fn search(&mut self, clauses: &[LineClause], found: &mut Vec<u32>) -> Result<Found, Error> {
        let mut search = LineSearch::new();
        for LineClause { needles, negated } in clauses {
            let needles: Vec<&[Vec<u8>]> = needles.iter().map(|needle| needle.0.as_slice()).collect();
            if *negated {
                search.holds_none(&needles);
            } else {
                search.holds_any(&needles);
            }
        }
        if search.is_empty() || !self.block.search(&mut self.scratch.columns, &search, found)? {
            return Ok(Found::Unknown);
        }
        self.count(ColumnSet::LINES);
        Ok(if search.is_exact() {
            Found::Exactly
        } else {
            Found::Candidates
        })
    }
}

/// A batch that was merged from several blocks and lies in memory whole.
#[derive(Debug)]
pub(super) struct MergedBatch<'a> {
    columns: &'a BlockColumns,
    metadata: Vec<MetadataColumn>,
    summary: Summary,
    read: ColumnSet,
}

impl<'a> MergedBatch<'a> {
    pub(super) fn new(columns: &'a BlockColumns, in_head: bool, stats: &StatsCounter) -> MergedBatch<'a> {
        let mut metadata = Vec::new();
        raise_metadata(columns, &mut metadata);
        let summary = summary_of(columns);
        stats.hand_over(&summary, in_head);
        stats.read(&summary, 0, ColumnSet::NONE, ColumnSet::ALL);
        MergedBatch {
            columns,
            metadata,
            summary,
            read: ColumnSet::NONE,
        }
    }
}

impl Batch for MergedBatch<'_> {
    fn summary(&self) -> Summary {
        self.summary
    }

    fn read(&mut self, want: ColumnSet) -> Result<Columns<'_>, Error> {
        self.read = self.read | want;
        let has_metadata = self.read.contains(ColumnSet::METADATA);
        // Metadata that nobody asked for would count: an `__error__` fails a query that looks at none.
        Ok(columns_of(
            self.columns,
            if has_metadata { &self.metadata } else { &[] },
        ))
    }
}

/// What a reader knows of columns that were all read.
pub(super) fn summary_of(columns: &BlockColumns) -> Summary {
    let timestamps = columns.timestamps();
    let bytes_of = |column: &loki_chunk::MetadataColumn| -> u64 {
        let value = |&symbol: &u32| column.values().get((symbol as usize).checked_sub(1)?);
        column
            .symbols()
            .iter()
            .filter_map(value)
            .map(|value| (column.name().len() + value.len()) as u64)
            .sum()
    };
    let metadata_bytes = columns.metadata().iter().map(bytes_of).sum();
    Summary {
        entries: timestamps.len() as u32,
        min_timestamp: timestamps.first().copied().unwrap_or(i64::MAX),
        max_timestamp: timestamps.last().copied().unwrap_or(i64::MIN),
        line_bytes: columns.lines().len() as u64,
        metadata_bytes,
        has_metadata: !columns.metadata().is_empty(),
    }
}

/// The chunk's columns as LogQL's.
pub(crate) fn columns_of<'a>(columns: &'a BlockColumns, metadata: &'a [MetadataColumn]) -> Columns<'a> {
    Columns {
        timestamps: columns.timestamps(),
        offsets: columns.offsets(),
        lines: columns.lines(),
        metadata,
    }
}

/// A set of LogQL's columns as the chunk's.
fn lower(want: ColumnSet) -> ChunkColumns {
    [
        (ColumnSet::TIMESTAMPS, ChunkColumns::TIMESTAMPS),
        (ColumnSet::OFFSETS, ChunkColumns::OFFSETS),
        (ColumnSet::LINES, ChunkColumns::LINES),
        (ColumnSet::METADATA, ChunkColumns::METADATA),
    ]
    .into_iter()
    .filter(|(column, _)| want.contains(*column))
    .fold(ChunkColumns::NONE, |set, (_, column)| set | column)
}

/// The chunk's metadata columns as LogQL's.
pub(crate) fn raise_metadata(columns: &BlockColumns, into: &mut Vec<MetadataColumn>) {
    into.clear();
    into.extend(columns.metadata().iter().map(|column| MetadataColumn {
        name: column.name().to_owned(),
        values: column.values().iter().collect(),
        symbols: column.symbols().to_vec(),
    }));
}
