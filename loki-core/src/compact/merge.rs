//! Carrying out a merge: streams of several segments into one.

use crate::store::{BlockToWrite, FilterMaker, Segment, SegmentBlock, SegmentChunk, SegmentWriter};
use crate::{Error, Settings};
use loki_chunk::{
    BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, Block, BlockColumns, ColumnSet, Compressor, Merge, MergeSource,
};
use loki_logql::Labels;
use std::borrow::Cow;
use std::iter::Peekable;
use std::sync::Arc;

/// A block with less than this share of the target size is worth joining with its neighbours.
const SMALL_BLOCK_BYTES: u64 = BLOCK_TARGET_BYTES as u64 / 2;

/// Writes all streams of `segments` (oldest first) into `writer`: in label order, blocks in time order, without
/// duplicates, without entries before the cutoff of their stream.
///
/// Blocks that are full and alone in their time are copied as they are, with their content filters; the others are merged and compressed anew.
///
/// # Errors
///
/// [`crate::ErrorKind::Corrupt`] where a segment is damaged, [`crate::ErrorKind::Io`].
pub(crate) fn rewrite(
    segments: &[Arc<Segment>],
    cutoff: &dyn Fn(&Labels) -> i64,
    settings: &Settings,
    writer: &mut SegmentWriter,
) -> Result<(), Error> {
    let mut inputs = Vec::new();
    for segment in segments {
        inputs.push((segment, segment.chunks().peekable()));
    }
    let mut compressor = Compressor::new(settings.encoding);
    let mut filters = FilterMaker::new(settings.content_filters);
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
        let cutoff = cutoff(&labels);
        blocks.retain(|block| block.block.header.max_timestamp >= cutoff);
        let merged = merge_stream(blocks, cutoff, &mut compressor)?;
        writer.stream(&labels, merged.iter().map(|kept| kept.with_filter(&mut filters)))?;
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
fn merge_stream<'a>(blocks: Vec<Stored<'a>>, cutoff: i64, compressor: &mut Compressor) -> Result<Vec<Kept<'a>>, Error> {
    let mut kept = Vec::with_capacity(blocks.len());
    for mut group in groups(blocks, cutoff) {
        if group.len() == 1 && group[0].block.header.min_timestamp >= cutoff {
            kept.extend(group.pop().map(Kept::Copied));
            continue;
        }
        let mut merge = Merge::new(group.iter().map(Source));
        while let Some(run) = merge.next_run(BLOCK_MAX_ENTRIES)? {
            if let Some(block) = seal_from(run, cutoff, compressor)? {
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

/// The entries of a run from the cutoff on as a block.
fn seal_from(run: &BlockColumns, cutoff: i64, compressor: &mut Compressor) -> Result<Option<Block>, Error> {
    let first = run.timestamps().partition_point(|&timestamp| timestamp < cutoff);
    if first == run.len() {
        return Ok(None);
    }
    let damaged = |e| Error::corrupt("a merged block", e);
    if first == 0 {
        return run.seal_with(compressor).map(Some).map_err(damaged);
    }
    let mut rest = loki_chunk::HeadBlock::new();
    let mut pairs = Vec::new();
    for entry in first..run.len() {
        rest.append(run.entry(entry, &mut pairs)).map_err(damaged)?;
    }
    Ok(Some(rest.seal_with(compressor)))
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
