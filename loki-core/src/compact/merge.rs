//! Carrying out a merge: streams of several segments into one.

use super::settle::settled;
use crate::delete::{DeleteFilter, remaining, stream_filters};
use crate::store::{FilterMaker, Segment, SegmentBlock, SegmentChunk, SegmentWriter, StreamWriter};
use crate::{ContentFilters, Error, ErrorKind};
use loki_chunk::{
    BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, Block, BlockColumns, BlockHeader, ColumnSet, Compressor, Encoding, Merge,
    MergeSource,
};
use loki_logql::Labels;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A block with less than this share of the target size is worth joining with its neighbours. To make one anew costs many
/// times what it costs to copy it, and what is copied will be joined once it is laid out for good.
const SMALL_BLOCK_BYTES: u64 = BLOCK_TARGET_BYTES as u64 / 4;
/// A block with this share of the target size is full.
const FULL_BLOCK_BYTES: u64 = BLOCK_TARGET_BYTES as u64 / 8 * 7;

/// What a rewriting leaves out, and how it compresses.
pub(crate) struct Terms<'a> {
    /// Set by who wants it no more.
    pub(crate) cancel: Option<&'a AtomicBool>,
    /// Entries of a stream before this timestamp.
    pub(crate) cutoff: &'a dyn Fn(&Labels) -> i64,
    /// Entries that one of these names.
    pub(crate) deletes: &'a [Arc<DeleteFilter>],
    /// Of blocks that are made anew.
    pub(crate) encoding: Encoding,
    /// What is written of the contents of blocks that have no filter.
    pub(crate) content_filters: ContentFilters,
    /// Whether blocks are laid out for good: that takes ten times as long as to copy them.
    pub(crate) settle: bool,
}

/// Told of each entry that a delete request removed: by which, and how many bytes its line had.
pub(crate) type Removed<'a> = &'a mut dyn FnMut(&Arc<DeleteFilter>, u64);

/// Writes all streams of `segments` (oldest first) into `writer`: in label order, blocks in time order, without
/// duplicates, without what `terms` leave out.
///
/// Blocks that are full and alone in their time keep their bytes and content filters, unless they are to be laid out for good
/// and are not yet; the others are merged and compressed anew.
///
/// # Errors
///
/// [`ErrorKind::Corrupt`] where a segment is damaged, [`ErrorKind::Io`], [`ErrorKind::Cancelled`].
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
    let is_settled = |segment: &Arc<Segment>| segment.meta().settled;
    let (mut compressor, mut filters) = if terms.settle || segments.iter().all(is_settled) {
        writer.settle();
        (
            Compressor::typed(terms.encoding),
            FilterMaker::settled(terms.content_filters),
        )
    } else {
        (Compressor::new(terms.encoding), FilterMaker::new(terms.content_filters))
    };
    let mut columns = BlockColumns::new();
    loop {
        let mut least: Option<Labels> = None;
        for (_, chunks) in &mut inputs {
            if let Some(labels) = peek_labels(chunks)? {
                least = Some(least.map_or(labels.clone(), |least| least.min(labels)));
            }
        }
        let Some(labels) = least else { return Ok(()) };
        if terms.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Error::new(ErrorKind::Cancelled, "a segment is left as it was"));
        }
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
            settle: terms.settle,
        };
        let mut output = Output {
            stream: writer.stream(&stream.labels),
            filters: &mut filters,
        };
        merge_stream(blocks, &stream, removed, &mut compressor, &mut columns, &mut output)?;
        output.stream.finish();
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
    settle: bool,
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

/// Where the blocks of one stream go, each as soon as it is known: what is written is not held.
#[derive(Debug)]
struct Output<'w> {
    stream: StreamWriter<'w>,
    filters: &'w mut FilterMaker,
}

impl Output<'_> {
    /// Takes over the entries of a block, with its filter where filters are wanted; as they are, or as `settled`.
    fn keep(&mut self, Stored { segment, block }: &Stored<'_>, settled: Option<&Block>) -> Result<(), Error> {
        let (header, data) = match settled {
            Some(settled) => (&settled.header, &*settled.data),
            None => (&block.header, segment.bytes(block)),
        };
        match segment.filter(block).filter(|_| self.filters.are_wanted()) {
            Some(filter) => self.stream.block(header, data, filter),
            None => self.stream.block(header, data, &self.filters.of(header, data)),
        }
    }

    /// Makes a block of `columns`, which plain takes `least_bytes` or more.
    fn add(&mut self, columns: &BlockColumns, least_bytes: u64, compressor: &mut Compressor) -> Result<(), Error> {
        let block = columns.seal_below(compressor, least_bytes as usize).map_err(damaged)?;
        self.stream
            .block(&block.header, &block.data, &self.filters.of_lines(columns))
    }
}

/// Writes the blocks of one stream, given in the order in which they came, in time order.
fn merge_stream(
    blocks: Vec<Stored<'_>>,
    terms: &StreamTerms,
    removed: Removed<'_>,
    compressor: &mut Compressor,
    columns: &mut BlockColumns,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let mut picked = BlockColumns::new();
    for group in groups(blocks, terms) {
        if let [block] = &group[..]
            && terms.keep_all_of(&block.block.header)
        {
            let Stored { segment, block: stored } = block;
            let settled = match terms.settle && !segment.meta().settled {
                true => settled(&stored.header, segment.bytes(stored), columns, compressor)
                    .map_err(|e| segment.damaged(e))?,
                false => None,
            };
            output.keep(block, settled.as_ref())?;
            continue;
        }
        let (least_bytes, line_bytes) = least_bytes(&group, compressor.encoding());
        let mut merge = Merge::new(group.iter().map(Source));
        while let Some(run) = merge.next_run(BLOCK_MAX_ENTRIES)? {
            if let Some(rest) = rest(run, terms, removed, &mut picked)? {
                let share = rest.lines().len() as u64 * least_bytes / line_bytes.max(1);
                output.add(rest, share, compressor)?;
            }
        }
    }
    Ok(())
}

/// What the entries of a group take plain at least, as far as what they take now can tell, and the bytes of their lines. Text that
/// several blocks have in common is stored once where they are one: that saves little of blocks that are not small, a quarter
/// at the most, and nobody knows how much of others.
fn least_bytes(group: &[Stored<'_>], encoding: Encoding) -> (u64, u64) {
    let headers = || group.iter().map(|stored| stored.block.header);
    let stored_bytes: u64 = headers().map(|header| header.stored_bytes()).sum();
    let tells = |header: BlockHeader| header.encoding == encoding && header.line_bytes >= SMALL_BLOCK_BYTES;
    let least = match headers().all(tells) {
        true => stored_bytes / 4 * 3,
        false => 0,
    };
    (least, headers().map(|header| header.line_bytes).sum())
}

/// Blocks that are written together: those that overlap, small ones beside each other, and, where blocks are laid out for
/// good, all that are not yet, or not full: a flush cuts the blocks of all streams short. Within a group they stand in the
/// order in which they came.
fn groups<'a>(blocks: Vec<Stored<'a>>, terms: &StreamTerms) -> Vec<Vec<Stored<'a>>> {
    let mut blocks: Vec<(usize, Stored<'_>)> = blocks.into_iter().enumerate().collect();
    blocks.sort_by_key(|(_, block)| block.block.header.min_timestamp);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for block in blocks {
        let header = block.1.block.header;
        let small = header.line_bytes < SMALL_BLOCK_BYTES;
        let is_final = block.1.segment.meta().settled && header.line_bytes >= FULL_BLOCK_BYTES;
        let to_lay_out = terms.settle && !is_final;
        match groups.last_mut() {
            Some(group)
                if header.min_timestamp <= group.newest
                    || (small && group.line_bytes < SMALL_BLOCK_BYTES)
                    || (to_lay_out && group.to_lay_out)
                    || (group.newest < terms.cutoff && header.min_timestamp < terms.cutoff) =>
            {
                group.newest = header.max_timestamp.max(group.newest);
                group.line_bytes += header.line_bytes;
                group.to_lay_out &= to_lay_out;
                group.blocks.push(block);
            }
            _ => groups.push(Group {
                newest: header.max_timestamp,
                line_bytes: header.line_bytes,
                to_lay_out,
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
    /// Whether all of them are to be laid out for good, and are not yet, or not full.
    to_lay_out: bool,
    blocks: Vec<(usize, Stored<'a>)>,
}

/// What is left of a run: `run` itself, a part of it in `picked`, or nothing.
fn rest<'r>(
    run: &'r BlockColumns,
    terms: &StreamTerms,
    removed: Removed<'_>,
    picked: &'r mut BlockColumns,
) -> Result<Option<&'r BlockColumns>, Error> {
    let first = run.timestamps().partition_point(|&timestamp| timestamp < terms.cutoff) as u32;
    let mut tell = |filter: &Arc<DeleteFilter>, entry: usize| removed(filter, run.line(entry).len() as u64);
    let places = match remaining(&terms.deletes, &terms.labels, run, &mut tell) {
        None if first == 0 => return Ok(Some(run)),
        None => (first..run.len() as u32).collect(),
        Some(mut places) => {
            places.retain(|&place| place >= first);
            places
        }
    };
    if places.is_empty() {
        return Ok(None);
    }
    run.pick(&places, picked).map_err(damaged)?;
    Ok(Some(picked))
}

fn damaged(error: loki_chunk::Error) -> Error {
    Error::corrupt("a merged block", error)
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
        read.map_err(|e| segment.damaged(e))
    }
}

#[cfg(test)]
mod tests;
