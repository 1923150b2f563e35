//! Overlapping blocks of one stream, told apart by their timestamps.
//!
//! An entry can be in two blocks only where both have its timestamp. Most blocks that overlap have none in common: they came
//! over two connections, one of which was a little ahead. Those are read one by one, as if they did not overlap.

use super::block_ref::BlockRef;
use super::rank::{far_rank, near_rank};
use loki_chunk::{BlockColumns, ColumnSet, Direction};
use loki_logql::Error;

/// Overlapping blocks of which a part has been told apart, from one end of their time to the other.
#[derive(Debug)]
pub(super) struct Parting {
    direction: Direction,
    /// Blocks not yet looked at, each with its number, the next one last.
    waiting: Vec<(usize, BlockRef)>,
    /// Sets of blocks that belong together, to which blocks that wait may yet be added.
    open: Vec<Vec<Member>>,
    /// How many blocks that belong together are told apart from others.
    most_together: usize,
    /// How many bytes of timestamps may be held.
    max_memory_bytes: usize,
}

/// A block that was looked at.
#[derive(Debug)]
struct Member {
    /// By which entries of one time are in the order in which their blocks came.
    number: usize,
    block: BlockRef,
    timestamps: Vec<i64>,
}

impl Parting {
    /// Nothing is read yet. `blocks` are in the order in which they came. Where more than `most_together` belong together,
    /// or their timestamps take more than `max_memory_bytes`, all that follow are taken for theirs.
    pub(super) fn new(
        blocks: Vec<BlockRef>,
        direction: Direction,
        most_together: usize,
        max_memory_bytes: usize,
    ) -> Parting {
        let mut waiting: Vec<(usize, BlockRef)> = blocks.into_iter().enumerate().collect();
        waiting.sort_by_key(|(_, block)| !near_rank(direction, times(block)));
        Parting {
            direction,
            waiting,
            open: Vec::new(),
            most_together,
            max_memory_bytes,
        }
    }

    /// The rank at which what is left begins; `None` where nothing is.
    pub(super) fn near_rank(&self) -> Option<i64> {
        let open = self.open.iter().flatten().map(|member| &member.block);
        let blocks = open.chain(self.waiting.last().map(|(_, block)| block));
        blocks.map(|block| near_rank(self.direction, times(block))).min()
    }

    /// Bytes of the timestamps that are held.
    pub(super) fn memory_bytes(&self) -> usize {
        let members = self.open.iter().flatten();
        members
            .map(|member| member.timestamps.capacity() * size_of::<i64>())
            .sum()
    }

    /// Blocks, in the order in which they came, that have no timestamp in common with any that is not among them; `None`
    /// behind the last. `columns` is a buffer.
    ///
    /// # Errors
    ///
    /// A block that cannot be read.
    pub(super) fn next(&mut self, columns: &mut BlockColumns) -> Result<Option<Vec<BlockRef>>, Error> {
        loop {
            if let Some(place) = self.open.iter().position(|members| self.is_complete(members)) {
                return Ok(Some(in_order(self.open.swap_remove(place))));
            }
            let Some((number, block)) = self.waiting.pop() else {
                return Ok(None);
            };
            columns.clear();
            block.read(columns, ColumnSet::TIMESTAMPS)?;
            let mut together = vec![Member {
                number,
                block,
                timestamps: columns.timestamps().to_vec(),
            }];
            let shares = |members: &mut Vec<Member>| {
                let mut timestamps = members.iter().map(|member| &member.timestamps[..]);
                timestamps.any(|others| share_one(others, columns.timestamps()))
            };
            for mut members in self.open.extract_if(.., shares).collect::<Vec<_>>() {
                together.append(&mut members);
            }
            let are_many = together.len() > self.most_together;
            self.open.push(together);
            if are_many || self.memory_bytes() > self.max_memory_bytes {
                return Ok(Some(self.give_up()));
            }
        }
    }

    /// All that is left, undivided.
    pub(super) fn give_up(&mut self) -> Vec<BlockRef> {
        let mut all: Vec<Member> = self.open.drain(..).flatten().collect();
        all.extend(self.waiting.drain(..).map(|(number, block)| Member {
            number,
            block,
            timestamps: Vec::new(),
        }));
        in_order(all)
    }

    /// Whether no block that waits reaches these.
    fn is_complete(&self, members: &[Member]) -> bool {
        let Some((_, next)) = self.waiting.last() else {
            return true;
        };
        let next = near_rank(self.direction, times(next));
        let mut ends = members
            .iter()
            .map(|member| far_rank(self.direction, times(&member.block)));
        ends.all(|end| end < next)
    }
}

fn times(block: &BlockRef) -> (i64, i64) {
    let summary = block.summary();
    (summary.min_timestamp, summary.max_timestamp)
}

fn in_order(mut members: Vec<Member>) -> Vec<BlockRef> {
    members.sort_by_key(|member| member.number);
    members.into_iter().map(|member| member.block).collect()
}

/// Whether a timestamp is in both lists, which ascend.
fn share_one(a: &[i64], b: &[i64]) -> bool {
    let (Some(&first), Some(&last)) = (b.first(), a.last()) else {
        return false;
    };
    let mut a = a[a.partition_point(|&timestamp| timestamp < first)..].iter();
    let mut b = b[..b.partition_point(|&timestamp| timestamp <= last)].iter();
    let (mut left, mut right) = (a.next(), b.next());
    while let (Some(x), Some(y)) = (left, right) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => left = a.next(),
            std::cmp::Ordering::Greater => right = b.next(),
            std::cmp::Ordering::Equal => return true,
        }
    }
    false
}
