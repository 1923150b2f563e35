//! What a query reads in one go: a block, or blocks of one stream that overlap.

use super::block_ref::{BlockRef, source_error};
use super::overlap::Overlap;
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
    Many(Vec<BlockRef>),
    /// What is left of a `Many` whose merge has begun.
    Overlap(Box<Overlap>),
    /// Pieces of a merged `Many`, in the order in which they are wanted.
    Merged(Vec<BlockColumns>),
}

impl Unit {
    /// Its blocks, where they cannot be handed over as they lie: several, or one of which a part is hidden.
    pub(super) fn blocks_to_merge(&self) -> Option<&[BlockRef]> {
        match &self.content {
            Content::One(_) if self.hidden.is_empty() => None,
            Content::One(block) => Some(std::slice::from_ref(block)),
            Content::Many(blocks) => Some(blocks),
            Content::Overlap(_) | Content::Merged(_) => None,
        }
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

    /// Bytes that it holds of blocks that are being merged.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.content {
            Content::One(_) | Content::Many(_) => 0,
            Content::Overlap(overlap) => overlap.memory_bytes(),
            Content::Merged(runs) => runs.iter().map(BlockColumns::memory_bytes).sum(),
        }
    }

    /// Bytes of the lines of its blocks, before they are merged.
    pub(super) fn line_bytes(&self) -> u64 {
        match &self.content {
            Content::One(block) => block.summary().line_bytes,
            Content::Many(blocks) => blocks.iter().map(|block| block.summary().line_bytes).sum(),
            Content::Overlap(_) | Content::Merged(_) => 0,
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
    let unit = |(max_timestamp, mut group): (i64, Vec<(usize, BlockRef)>)| {
        let min_timestamp = group[0].1.summary().min_timestamp;
        // Entries of one time stand in the order in which their blocks came.
        group.sort_by_key(|(came, _)| *came);
        let mut blocks: Vec<BlockRef> = group.into_iter().map(|(_, block)| block).collect();
        let content = match (blocks.len(), blocks.pop()) {
            (1, Some(only)) => Content::One(only),
            (_, last) => Content::Many(blocks.into_iter().chain(last).collect()),
        };
        let overlaps = |filter: &&Arc<DeleteFilter>| filter.overlaps(min_timestamp, max_timestamp);
        let hidden = stream.hidden.iter().filter(overlaps).cloned().collect();
        Unit {
            labels: stream.labels.clone(),
            min_timestamp,
            max_timestamp,
            content,
            hidden,
        }
    };
    let is_visible = |unit: &Unit| {
        !unit
            .hidden
            .iter()
            .any(|filter| filter.covers(unit.min_timestamp, unit.max_timestamp))
    };
    groups.into_iter().map(unit).filter(is_visible).collect()
}
