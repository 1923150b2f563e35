//! The blocks of a stream while they are found, and what of them can be read.

use super::block_ref::BlockRef;
use super::rank::{far_rank, near_rank};
use super::select::StreamBlocks;
use super::unit::{Content, Unit};
use crate::store::{Segment, SegmentBlock};
use loki_chunk::Direction;
use std::sync::Arc;

/// A stream that was found.
#[derive(Debug)]
pub(super) struct FoundStream<'s> {
    /// With the blocks that were taken.
    taken: StreamBlocks,
    /// The others, segment by segment.
    stored: Vec<Stored<'s>>,
}

/// Blocks of a stream in one segment.
#[derive(Debug)]
struct Stored<'s> {
    segment: &'s Arc<Segment>,
    /// The number of the segment.
    part: usize,
    /// With their numbers, the next one last; never empty.
    blocks: Vec<(usize, SegmentBlock)>,
}

impl<'s> FoundStream<'s> {
    /// A stream without blocks but for those that are `taken`.
    pub(super) fn new(taken: StreamBlocks) -> FoundStream<'s> {
        FoundStream {
            taken,
            stored: Vec::new(),
        }
    }

    /// Adds blocks in memory, which are taken at once. They are of the part with this number.
    pub(super) fn add(&mut self, part: usize, blocks: Vec<BlockRef>) {
        let blocks = blocks.into_iter().enumerate();
        self.taken
            .blocks
            .extend(blocks.map(|(number, block)| ((part, number), block)));
    }

    /// Adds blocks of a segment, which is the part with this number.
    pub(super) fn store(
        &mut self,
        part: usize,
        segment: &'s Arc<Segment>,
        blocks: Vec<SegmentBlock>,
        direction: Direction,
    ) {
        let mut blocks: Vec<(usize, SegmentBlock)> = blocks.into_iter().enumerate().collect();
        blocks.sort_by_key(|(_, block)| !near_rank(direction, times(block)));
        if !blocks.is_empty() {
            self.stored.push(Stored { segment, part, blocks });
        }
    }

    /// The rank at which its blocks begin that were not taken.
    pub(super) fn next(&self, direction: Direction) -> Option<i64> {
        let next = self.stored.iter().filter_map(|stored| stored.blocks.last());
        next.map(|(_, block)| near_rank(direction, times(block))).min()
    }

    /// Takes the next blocks of each segment: so many, and all that begin at a rank of `through` or before.
    pub(super) fn take(&mut self, direction: Direction, count: usize, through: Option<i64>) {
        for Stored { segment, part, blocks } in &mut self.stored {
            let is_wanted = |(_, block): &(usize, SegmentBlock)| Some(near_rank(direction, times(block))) <= through;
            let wanted = blocks.iter().rev().take_while(|block| is_wanted(block)).count();
            let left = blocks.len() - wanted.max(count).min(blocks.len());
            self.taken.blocks.extend(blocks.drain(left..).map(|(number, block)| {
                let segment = Arc::clone(segment);
                ((*part, number), BlockRef::Stored { segment, block })
            }));
        }
        self.stored.retain(|stored| !stored.blocks.is_empty());
    }

    /// The units of what was taken, blocks together that overlap in time, without those that are hidden whole. Held back are
    /// those that do not end before the rank `barrier`, at which something begins that was not taken; the answer is the rank
    /// at which they begin.
    pub(super) fn units(&mut self, direction: Direction, barrier: Option<i64>, units: &mut Vec<Unit>) -> Option<i64> {
        let StreamBlocks { labels, blocks, hidden } = &mut self.taken;
        let mut taken = std::mem::take(blocks);
        taken.sort_by_key(|(_, block)| block.summary().min_timestamp);
        let mut taken = taken.into_iter().peekable();
        let mut held_back = None;
        while let Some(first) = taken.next() {
            let summary = first.1.summary();
            let mut times = (summary.min_timestamp, summary.max_timestamp);
            let mut others = Vec::new();
            while let Some(next) = taken.next_if(|(_, block)| block.summary().min_timestamp <= times.1) {
                times.1 = next.1.summary().max_timestamp.max(times.1);
                others.push(next);
            }
            if barrier.is_some_and(|barrier| far_rank(direction, times) >= barrier) {
                let near = near_rank(direction, times);
                held_back = Some(held_back.map_or(near, |rank: i64| rank.min(near)));
                blocks.push(first);
                blocks.append(&mut others);
                continue;
            }
            let content = if others.is_empty() {
                Content::One(first.1)
            } else {
                others.push(first);
                // Entries of one time stand in the order in which their blocks came.
                others.sort_by_key(|(came, _)| *came);
                Content::Overlapping(others.into_iter().map(|(_, block)| block).collect())
            };
            units.extend(Unit::visible_of(labels, times, content, hidden));
        }
        held_back
    }

    /// With all its blocks.
    pub(super) fn into_blocks(mut self) -> StreamBlocks {
        self.take(Direction::Forward, usize::MAX, None);
        self.taken
    }
}

fn times(block: &SegmentBlock) -> (i64, i64) {
    (block.header.min_timestamp, block.header.max_timestamp)
}
