//! What a query reads in one go: a block, or blocks of one stream that overlap.

use super::block_ref::{BlockRef, source_error};
use super::overlap::Overlap;
use super::parting::Parting;
use super::select::StreamBlocks;
use crate::delete::{DeleteFilter, remaining};
use loki_chunk::BlockColumns;
use loki_logql::{Error, Labels};
use std::sync::Arc;

/// Blocks that are read together: one, or several that overlap in time.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) labels: Labels,
    pub(super) min_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) content: Content,
    /// What is hidden of it.
    pub(super) hidden: Vec<Arc<DeleteFilter>>,
}

#[derive(Debug)]
pub(super) enum Content {
    One(BlockRef),
    /// Blocks that overlap and have not been told apart.
    Overlapping(Vec<BlockRef>),
    /// What is left of an `Overlapping` of which a part has been told apart.
    Parting(Box<Parting>),
    /// Blocks that may hold an entry twice, or of which the entries of one time have to be put in order.
    Many(Vec<BlockRef>),
    /// What is left of blocks whose merge has begun.
    Overlap(Box<Overlap>),
    /// Pieces of merged blocks, in the order in which they are wanted.
    Merged(Vec<BlockColumns>),
}

impl Unit {
    /// Its blocks, where they have to be merged: several, or one of which a part is hidden.
    pub(super) fn blocks_to_merge(&self) -> Option<&[BlockRef]> {
        match &self.content {
            Content::One(_) if self.hidden.is_empty() => None,
            Content::One(block) => Some(std::slice::from_ref(block)),
            Content::Many(blocks) => Some(blocks),
            Content::Overlapping(_) | Content::Parting(_) | Content::Overlap(_) | Content::Merged(_) => None,
        }
    }

    /// Whether it can be handed over as it is.
    pub(super) fn is_ready(&self) -> bool {
        match &self.content {
            Content::One(_) => self.hidden.is_empty(),
            Content::Merged(_) => true,
            Content::Overlapping(_) | Content::Parting(_) | Content::Many(_) | Content::Overlap(_) => false,
        }
    }

    /// Takes out its blocks, where they overlap and have not been told apart.
    pub(super) fn take_overlapping(&mut self) -> Option<Vec<BlockRef>> {
        match &mut self.content {
            Content::Overlapping(blocks) => Some(std::mem::take(blocks)),
            _ => None,
        }
    }

    /// Those of its blocks that have been told apart from the others, as a unit; `None` where they are hidden whole.
    pub(super) fn part(&self, blocks: Vec<BlockRef>) -> Option<Unit> {
        Unit::of(&self.labels, blocks, Content::Many, &self.hidden)
    }

    /// Blocks of a stream, some of which may be `hidden`; `None` where all are.
    fn of(
        labels: &Labels,
        mut blocks: Vec<BlockRef>,
        several: fn(Vec<BlockRef>) -> Content,
        hidden: &[Arc<DeleteFilter>],
    ) -> Option<Unit> {
        let summaries = || blocks.iter().map(BlockRef::summary);
        let min_timestamp = summaries().map(|block| block.min_timestamp).min()?;
        let max_timestamp = summaries().map(|block| block.max_timestamp).max()?;
        let overlaps = |filter: &&Arc<DeleteFilter>| filter.overlaps(min_timestamp, max_timestamp);
        let hidden: Vec<Arc<DeleteFilter>> = hidden.iter().filter(overlaps).cloned().collect();
        if hidden.iter().any(|filter| filter.covers(min_timestamp, max_timestamp)) {
            return None;
        }
        let content = match blocks.len() {
            1 => Content::One(blocks.pop()?),
            _ => several(blocks),
        };
        Some(Unit {
            labels: labels.clone(),
            min_timestamp,
            max_timestamp,
            content,
            hidden,
        })
    }

    /// The entries of `run` that are not hidden: `run` itself, or a part of it in `picked`.
    pub(super) fn visible<'r>(
        &self,
        run: &'r BlockColumns,
        picked: &'r mut BlockColumns,
    ) -> Result<&'r BlockColumns, Error> {
        match remaining(&self.hidden, &self.labels, run, &mut |_, _| {}) {
            None => Ok(run),
            Some(places) => {
                run.pick(&places, picked).map_err(|e| source_error(e.to_string()))?;
                Ok(picked)
            }
        }
    }

    /// Bytes that it holds of blocks that are being told apart or merged.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.content {
            Content::One(_) | Content::Overlapping(_) | Content::Many(_) => 0,
            Content::Parting(parting) => parting.memory_bytes(),
            Content::Overlap(overlap) => overlap.memory_bytes(),
            Content::Merged(runs) => runs.iter().map(BlockColumns::memory_bytes).sum(),
        }
    }

    /// Bytes of the lines of its blocks, before they are merged.
    pub(super) fn line_bytes(&self) -> u64 {
        match &self.content {
            Content::One(block) => block.summary().line_bytes,
            Content::Overlapping(blocks) | Content::Many(blocks) => {
                blocks.iter().map(|block| block.summary().line_bytes).sum()
            }
            Content::Parting(_) | Content::Overlap(_) | Content::Merged(_) => 0,
        }
    }
}

/// The blocks of a stream, those together that overlap in time, without those that are hidden whole.
pub(super) fn units(stream: StreamBlocks) -> Vec<Unit> {
    let mut blocks: Vec<(usize, BlockRef)> = stream.blocks.into_iter().enumerate().collect();
    blocks.sort_by_key(|(_, block)| block.summary().min_timestamp);
    let mut groups: Vec<(i64, Vec<(usize, BlockRef)>)> = Vec::with_capacity(blocks.len());
    for block in blocks {
        let summary = block.1.summary();
        match groups.last_mut() {
            Some((newest, group)) if summary.min_timestamp <= *newest => {
                *newest = summary.max_timestamp.max(*newest);
                group.push(block);
            }
            _ => groups.push((summary.max_timestamp, vec![block])),
        }
    }
    let unit = |(_, mut group): (i64, Vec<(usize, BlockRef)>)| {
        // Entries of one time stand in the order in which their blocks came.
        group.sort_by_key(|(came, _)| *came);
        let blocks = group.into_iter().map(|(_, block)| block).collect();
        Unit::of(&stream.labels, blocks, Content::Overlapping, &stream.hidden)
    };
    groups.into_iter().filter_map(unit).collect()
}
