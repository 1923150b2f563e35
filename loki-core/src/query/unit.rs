//! What a query reads in one go: a block, or blocks of one stream that overlap.

use super::block_ref::{BlockRef, source_error};
use super::overlap::Overlap;
use super::parting::Parting;
use super::rank::{near_rank, rank};
use crate::delete::{DeleteFilter, remaining};
use loki_chunk::{BlockColumns, Direction};
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

    /// The rank at which it begins; `None` where nothing of it is left.
    pub(super) fn near_rank(&self, direction: Direction) -> Option<i64> {
        match &self.content {
            Content::Overlap(overlap) => overlap.nearest().map(|timestamp| rank(direction, timestamp)),
            Content::Parting(parting) => parting.near_rank(),
            _ => Some(near_rank(direction, (self.min_timestamp, self.max_timestamp))),
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
    pub(super) fn part(&self, mut blocks: Vec<BlockRef>) -> Option<Unit> {
        let summaries = || blocks.iter().map(BlockRef::summary);
        let min_timestamp = summaries().map(|block| block.min_timestamp).min()?;
        let max_timestamp = summaries().map(|block| block.max_timestamp).max()?;
        let content = match blocks.len() {
            1 => Content::One(blocks.pop()?),
            _ => Content::Many(blocks),
        };
        Unit::visible_of(&self.labels, (min_timestamp, max_timestamp), content, &self.hidden)
    }

    /// What has these first and last timestamps; `None` where that is hidden whole.
    pub(super) fn visible_of(
        labels: &Labels,
        (min_timestamp, max_timestamp): (i64, i64),
        content: Content,
        hidden: &[Arc<DeleteFilter>],
    ) -> Option<Unit> {
        let overlaps = |filter: &&Arc<DeleteFilter>| filter.overlaps(min_timestamp, max_timestamp);
        let hidden: Vec<Arc<DeleteFilter>> = hidden.iter().filter(overlaps).cloned().collect();
        let is_visible = !hidden.iter().any(|filter| filter.covers(min_timestamp, max_timestamp));
        is_visible.then(|| Unit {
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
