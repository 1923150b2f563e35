//! The order in which units have their turn.

use super::unit::{Content, Unit};
use loki_chunk::Direction;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Units by their newest (or oldest) timestamp; of those that are equal the one that came first.
#[derive(Debug)]
pub(super) struct Turns {
    direction: Direction,
    waiting: BinaryHeap<Turn>,
    /// How many have come.
    came: u64,
    /// Bytes that those that wait hold.
    held_bytes: usize,
    /// So many bytes may blocks hold that are merged.
    max_memory_bytes: usize,
}

#[derive(Debug)]
struct Turn {
    /// Its rank, and how many came before. The greatest comes first.
    key: Reverse<(i64, u64)>,
    unit: Unit,
}

impl Turns {
    pub(super) fn new(direction: Direction, max_memory_bytes: usize) -> Turns {
        Turns {
            direction,
            waiting: BinaryHeap::new(),
            came: 0,
            held_bytes: 0,
            max_memory_bytes,
        }
    }

    /// The rank at which the unit begins whose turn it is.
    pub(super) fn near_rank(&self) -> Option<i64> {
        self.waiting.peek().map(|turn| turn.key.0.0)
    }

    /// Adds a unit; nothing happens where nothing of it is left. Where all together hold too much it waits without its blocks.
    pub(super) fn push(&mut self, mut unit: Unit) {
        let most = self.max_memory_bytes.saturating_sub(self.held_bytes);
        if unit.memory_bytes() > most {
            match &mut unit.content {
                Content::Overlap(overlap) => overlap.unload(),
                Content::Parting(parting) => unit.content = Content::Many(parting.give_up()),
                _ => {}
            }
        }
        let Some(rank) = unit.near_rank(self.direction) else {
            return;
        };
        self.held_bytes += unit.memory_bytes();
        self.waiting.push(Turn {
            key: Reverse((rank, self.came)),
            unit,
        });
        self.came += 1;
    }

    /// The unit whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Unit> {
        let unit = self.waiting.pop()?.unit;
        self.held_bytes -= unit.memory_bytes();
        Some(unit)
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Turn) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Turn) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn {
    fn eq(&self, other: &Turn) -> bool {
        self.key == other.key
    }
}

impl Eq for Turn {}

#[cfg(test)]
mod tests {
    use super::super::block_ref::BlockRef;
    use super::super::overlap::Overlap;
    use super::*;
    use crate::head::OpenSnapshot;
    use loki_chunk::{EntryRef, HeadBlock};
    use loki_logql::Labels;
    use loki_logql::source::Summary;
    use std::sync::{Arc, RwLock};

    const ENTRIES: i64 = 1_000;

    /// A block of every second timestamp.
    fn block(first: i64) -> BlockRef {
        let mut block = HeadBlock::new();
        for n in 0..ENTRIES {
            let line = [b'x'; 100];
            let entry = EntryRef {
                timestamp: first + 2 * n,
                line: &line,
                metadata: &[],
            };
            block.append(entry).expect("it fits");
        }
        let summary = Summary {
            entries: ENTRIES as u32,
            min_timestamp: first,
            max_timestamp: first + 2 * (ENTRIES - 1),
            line_bytes: 100 * ENTRIES as u64,
            metadata_bytes: 0,
            has_metadata: false,
        };
        BlockRef::Open(OpenSnapshot {
            block: Arc::new(RwLock::new(block)),
            summary,
        })
    }

    #[test]
    fn what_waits_holds_no_more_than_it_may_and_comes_out_all_the_same() {
        const STREAMS: usize = 40;
        const MOST: usize = 1 << 20;
        for direction in [Direction::Backward, Direction::Forward] {
            let unit = |_| Unit {
                labels: Labels::default(),
                min_timestamp: 0,
                max_timestamp: 2 * ENTRIES - 1,
                content: Content::Overlap(Box::new(Overlap::new(&[block(0), block(1)], direction, MOST, STREAMS))),
                hidden: Vec::new(),
            };
            let mut turns = Turns::new(direction, MOST);
            (0..STREAMS).map(unit).for_each(|unit| turns.push(unit));
            let (mut most, mut timestamps) = (0, Vec::new());
            while let Some(mut unit) = turns.pop() {
                let Content::Overlap(overlap) = &mut unit.content else {
                    unreachable!("no other was added");
                };
                let runs = overlap.next_piece().expect("memory is readable").unwrap_or_default();
                for run in &runs {
                    timestamps.extend_from_slice(run.timestamps());
                }
                turns.push(unit);
                most = turns.held_bytes.max(most);
            }
            assert!(most <= MOST, "{most} bytes wait");
            timestamps.sort_unstable();
            let expected = (0..2 * ENTRIES).flat_map(|n| [n; STREAMS]);
            assert!(timestamps.into_iter().eq(expected), "{direction:?}");
        }
    }
}
