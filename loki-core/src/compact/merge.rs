//! Carrying out a merge: streams of several segments into one.

use crate::delete::{DeleteFilter, remaining, stream_filters};
use crate::store::{BlockToWrite, FilterMaker, Segment, SegmentBlock, SegmentChunk, SegmentWriter};
use crate::{ContentFilters, Error};
use loki_chunk::{
    BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, Block, BlockColumns, BlockHeader, ColumnSet, Compressor, Encoding, Merge,
    MergeSource,
};
use loki_logql::Labels;
use std::borrow::Cow;
use std::iter::Peekable;
use std::sync::Arc;

/// A block with less than this share of the target size is worth joining with its neighbours.
const SMALL_BLOCK_BYTES: u64 = BLOCK_TARGET_BYTES as u64 / 2;

/// What a rewriting leaves out, and how it compresses.
pub(crate) struct Terms<'a> {
    /// Entries of a stream before this timestamp.
    pub(crate) cutoff: &'a dyn Fn(&Labels) -> i64,
    /// Entries that one of these names.
    pub(crate) deletes: &'a [Arc<DeleteFilter>],
    /// Of blocks that are made anew.
    pub(crate) encoding: Encoding,
    /// What is written of the contents of blocks that have no filter.
    pub(crate) content_filters: ContentFilters,
}

/// Told of each entry that a delete request removed: by which, and how many bytes its line had.
pub(crate) type Removed<'a> = &'a mut dyn FnMut(&Arc<DeleteFilter>, u64);

/// Writes all streams of `segments` (oldest first) into `writer`: in label order, blocks in time order, without
/// duplicates, without what `terms` leave out.
///
/// Blocks that are full and alone in their time are copied as they are, with their content filters; the others are merged and compressed anew.
///
/// # Errors
///
/// [`crate::ErrorKind::Corrupt`] where a segment is damaged, [`crate::ErrorKind::Io`].
pub(crate) fn rewrite(
    segments: &[Arc<Segment>],
    terms: &Terms<'_>,
    removed: Removed<'_>,
    writer: &mut SegmentWriter,
) -> Result<(), Error> {
    let mut inputs = Vec::new();
    for segment in segments {
        inputs.push((segment, segment.chunks().peekable()));
    }
    let mut compressor = Compressor::new(terms.encoding);
    let mut filters = FilterMaker::new(terms.content_filters);
    loop {
        let mut least: Option<Labels> = None;
        for (_, chunks) in &mut inputs {
            if let Some(labels) = peek_labels(chunks)? {
                least = Some(least.map_or(labels.clone(), |least| least.min(labels)));
            }
        }
        let Some(labels) = least else { return Ok(()) };
        let mut blocks = Vec::new();
        for (segment, chunks) in &mut inputs {
            if peek_labels(chunks)?.as_ref() == Some(&labels) {
                let Some(chunk) = chunks.next().transpose()? else {
                    continue;
                };
                blocks.extend(chunk.blocks.into_iter().map(|block| Stored { segment, block }));
            }
        }
        let cutoff = (terms.cutoff)(&labels);
        blocks.retain(|block| block.block.header.max_timestamp >= cutoff);
        let deletes = stream_filters(terms.deletes, &labels);
        let stream = StreamTerms {
            labels,
            cutoff,
            deletes,
        };
        let merged = merge_stream(blocks, &stream, removed, &mut compressor)?;
        writer.stream(&stream.labels, merged.iter().map(|kept| kept.with_filter(&mut filters)))?;
    }
}

fn peek_labels(
    chunks: &mut Peekable<impl Iterator<Item = Result<SegmentChunk, Error>>>,
) -> Result<Option<Labels>, Error> {
    match chunks.peek() {
        None => Ok(None),
        Some(Ok(chunk)) => Ok(Some(chunk.labels.clone())),
        // Taken, not copied: an error is no value to clone.
        Some(Err(_)) => chunks.next().transpose().map(|_| None),
    }
}

/// What is left out of one stream.
struct StreamTerms {
    labels: Labels,
    cutoff: i64,
    deletes: Vec<Arc<DeleteFilter>>,
}

impl StreamTerms {
    /// Whether a block can be taken over as it is.
    fn keep_all_of(&self, header: &BlockHeader) -> bool {
        let (min, max) = (header.min_timestamp, header.max_timestamp);
        min >= self.cutoff && !self.deletes.iter().any(|filter| filter.overlaps(min, max))
    }
}

/// A block of an input.
#[derive(Debug)]
struct Stored<'a> {
    segment: &'a Segment,
    block: SegmentBlock,
}

/// A block of the output: copied, or made anew.
#[derive(Debug)]
enum Kept<'a> {
    Copied(Stored<'a>),
    New(Block),
}

impl Kept<'_> {
    fn with_filter(&self, filters: &mut FilterMaker) -> BlockToWrite<'_> {
        let (header, data, filter) = match self {
            Kept::Copied(Stored { segment, block }) => (
                &block.header,
                segment.bytes(block),
                segment.filter(block).filter(|_| filters.are_wanted()),
            ),
            Kept::New(block) => (&block.header, &*block.data, None),
        };
        let filter = filter.map_or_else(|| filters.of(header, data).into(), Cow::Borrowed);
        BlockToWrite { header, data, filter }
    }
}

/// The blocks of one stream, in the order in which they came, as blocks in time order.
fn merge_stream<'a>(
    blocks: Vec<Stored<'a>>,
    terms: &StreamTerms,
    removed: Removed<'_>,
    compressor: &mut Compressor,
) -> Result<Vec<Kept<'a>>, Error> {
    let mut kept = Vec::with_capacity(blocks.len());
    for mut group in groups(blocks, terms.cutoff) {
        if group.len() == 1 && terms.keep_all_of(&group[0].block.header) {
            kept.extend(group.pop().map(Kept::Copied));
            continue;
        }
        let mut merge = Merge::new(group.iter().map(Source));
        while let Some(run) = merge.next_run(BLOCK_MAX_ENTRIES)? {
            if let Some(block) = seal_rest(run, terms, removed, compressor)? {
                kept.push(Kept::New(block));
            }
        }
    }
    Ok(kept)
}

/// Blocks that are written together: those that overlap, and small ones beside each other. Within a group they stand
/// in the order in which they came.
fn groups(blocks: Vec<Stored<'_>>, cutoff: i64) -> Vec<Vec<Stored<'_>>> {
    let mut blocks: Vec<(usize, Stored<'_>)> = blocks.into_iter().enumerate().collect();
    blocks.sort_by_key(|(_, block)| block.block.header.min_timestamp);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for block in blocks {
        let header = block.1.block.header;
        let small = header.line_bytes < SMALL_BLOCK_BYTES;
        match groups.last_mut() {
            Some(group)
                if header.min_timestamp <= group.newest
                    || (small && group.line_bytes < SMALL_BLOCK_BYTES)
                    || (group.newest < cutoff && header.min_timestamp < cutoff) =>
            {
                group.newest = header.max_timestamp.max(group.newest);
                group.line_bytes += header.line_bytes;
                group.blocks.push(block);
            }
            _ => groups.push(Group {
                newest: header.max_timestamp,
                line_bytes: header.line_bytes,
                blocks: vec![block],
            }),
        }
    }
    groups
        .into_iter()
        .map(|mut group| {
            group.blocks.sort_by_key(|(came, _)| *came);
            group.blocks.into_iter().map(|(_, block)| block).collect()
        })
        .collect()
}

/// Blocks that are written together, each with its place in the order in which they came.
#[derive(Debug)]
struct Group<'a> {
    newest: i64,
    line_bytes: u64,
    blocks: Vec<(usize, Stored<'a>)>,
}

/// What is left of a run as a block.
fn seal_rest(
    run: &BlockColumns,
    terms: &StreamTerms,
    removed: Removed<'_>,
    compressor: &mut Compressor,
) -> Result<Option<Block>, Error> {
    let damaged = |e| Error::corrupt("a merged block", e);
    let first = run.timestamps().partition_point(|&timestamp| timestamp < terms.cutoff) as u32;
    let mut tell = |filter: &Arc<DeleteFilter>, entry: usize| removed(filter, run.line(entry).len() as u64);
    let places = match remaining(&terms.deletes, &terms.labels, run, &mut tell) {
        None if first == 0 => return run.seal_with(compressor).map(Some).map_err(damaged),
        None => (first..run.len() as u32).collect(),
        Some(mut places) => {
            places.retain(|&place| place >= first);
            places
        }
    };
    if places.is_empty() {
        return Ok(None);
    }
    let mut rest = BlockColumns::new();
    run.pick(&places, &mut rest).map_err(damaged)?;
    rest.seal_with(compressor).map(Some).map_err(damaged)
}

#[derive(Debug)]
struct Source<'a>(&'a Stored<'a>);

impl MergeSource for Source<'_> {
    type Error = Error;

    fn min_timestamp(&self) -> i64 {
        self.0.block.header.min_timestamp
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<(), Error> {
        columns.clear();
        let Stored { segment, block } = self.0;
        let read = columns.read(&block.header, segment.bytes(block), ColumnSet::ALL);
        read.map_err(|e| Error::corrupt(segment.name(), e))
    }
}
