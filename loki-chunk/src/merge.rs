//! Overlapping blocks of one stream into sorted runs without exact duplicates.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::block::BlockHeader;
use crate::columns::{BlockColumns, ColumnSet};
use crate::error::{Error, Result};
use crate::head_block::HeadBlock;

/// Up to this many equal timestamps are compared each with each; more go through a hash table.
const FEW_EQUAL_TIMESTAMPS: usize = 16;

/// A sorted block that a [`Merge`] loads when it gets there.
pub trait MergeSource {
    /// What loading can fail with.
    type Error;

    /// A bound below all timestamps of the block; the better it is, the later the block is loaded.
    fn min_timestamp(&self) -> i64;

    /// Fills `columns` with [`ColumnSet::ALL`] of the block.
    ///
    /// # Errors
    ///
    /// Ends the call to [`Merge::next_run`], which can be repeated and will then load again.
    fn load(&mut self, columns: &mut BlockColumns) -> std::result::Result<(), Self::Error>;
}

/// A sealed block in memory as a [`MergeSource`].
///
/// ```
/// use loki_chunk::{BlockSource, Encoding, EntryRef, HeadBlock, MergeSource};
///
/// let mut head = HeadBlock::new();
/// head.append(EntryRef { timestamp: 7, line: b"up", metadata: &[] })?;
/// let block = head.seal(Encoding::Lz4);
/// assert_eq!(BlockSource { header: &block.header, data: &block.data }.min_timestamp(), 7);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BlockSource<'a> {
    /// The header of the block.
    pub header: &'a BlockHeader,
    /// The bytes of the block.
    pub data: &'a [u8],
}

impl MergeSource for BlockSource<'_> {
    type Error = Error;

    fn min_timestamp(&self) -> i64 {
        self.header.min_timestamp
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<()> {
        columns.clear();
        columns.read(self.header, self.data, ColumnSet::ALL)
    }
}

/// Columns that are there already, such as a copy of a head block, as a [`MergeSource`]; needs [`ColumnSet::ALL`].
impl MergeSource for BlockColumns {
    type Error = Error;

    fn min_timestamp(&self) -> i64 {
        self.timestamps().first().copied().unwrap_or(i64::MAX)
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<()> {
        columns.clone_from(self);
        Ok(())
    }
}

/// Merges sorted blocks of one stream.
///
/// - Runs come sorted by timestamp. Entries of equal timestamp come in the order of their sources, within a source as they lie.
/// - Of entries with the same timestamp, line and metadata, the first alone is kept, wherever among the equal timestamps they
///   stand and also within one source.
/// - A run fits into one block: it ends where a [`HeadBlock`] would be cut, or behind that, at the next timestamp, as long as the
///   block can hold it. So blocks made of runs do not touch in time, but for those that hold all they can.
/// - Loaded at a time are the blocks that overlap where the merge stands, no more.
///
/// ```
/// use loki_chunk::{BlockSource, Encoding, EntryRef, HeadBlock, Merge};
///
/// let mut blocks = Vec::new();
/// for timestamps in [[1, 3], [2, 3]] {
///     let mut head = HeadBlock::new();
///     for timestamp in timestamps {
///         head.append(EntryRef { timestamp, line: b"tick", metadata: &[] })?;
///     }
///     blocks.push(head.seal(Encoding::Zstd));
/// }
/// let sources = blocks.iter().map(|block| BlockSource { header: &block.header, data: &block.data });
/// let mut merge = Merge::new(sources);
/// let run = merge.next_run(1000)?.expect("there are entries");
/// assert_eq!(run.timestamps(), [1, 2, 3]);
/// assert!(merge.next_run(1000)?.is_none());
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug)]
pub struct Merge<S> {
    /// Sources not loaded yet with their ordinals, the one to come next last.
    waiting: Vec<(usize, S)>,
    /// Columns of loaded sources, and buffers of exhausted ones.
    slots: Vec<Cursor>,
    free_slots: Vec<usize>,
    /// Timestamp, ordinal and slot of where each loaded source stands.
    heads: BinaryHeap<Reverse<(i64, usize, usize)>>,
    /// Places (slot, entry) of equal timestamps, duplicates left out, that are still to be yielded.
    equal: VecDeque<(usize, usize)>,
    /// Slots that are exhausted once `equal` is empty.
    exhausted: Vec<usize>,
    run: HeadBlock,
    columns: BlockColumns,
    duplicates: Duplicates,
}

#[derive(Debug, Default)]
struct Cursor {
    columns: BlockColumns,
    at: usize,
}

impl<S: MergeSource> Merge<S> {
    /// A merge of these sources; their order decides between equal timestamps.
    pub fn new(sources: impl IntoIterator<Item = S>) -> Self {
        let mut waiting: Vec<(usize, S)> = sources.into_iter().enumerate().collect();
        waiting.sort_by_key(|(ordinal, source)| Reverse((source.min_timestamp(), *ordinal)));
        Self {
            waiting,
            slots: Vec::new(),
            free_slots: Vec::new(),
            heads: BinaryHeap::new(),
            equal: VecDeque::new(),
            exhausted: Vec::new(),
            run: HeadBlock::new(),
            columns: BlockColumns::new(),
            duplicates: Duplicates::default(),
        }
    }

    /// The next run of at most `max_entries` entries (at least one), or `None` behind the last.
    ///
    /// # Errors
    ///
    /// What loading a source failed with. The call can be repeated; nothing is lost or yielded twice.
    pub fn next_run(&mut self, max_entries: usize) -> std::result::Result<Option<&BlockColumns>, S::Error> {
        let max_entries = max_entries.max(1);
        loop {
            let has_room = self.yield_equal(max_entries);
            if !has_room || !self.load_due()? || !self.advance(max_entries) {
                break;
            }
        }
        if self.run.is_empty() {
            return Ok(None);
        }
        self.run.columns(self.run.len(), &mut self.columns, ColumnSet::ALL);
        self.run.clear();
        Ok(Some(&self.columns))
    }

    /// Loads every source that may hold the least timestamp. Says whether there is anything left to merge.
    fn load_due(&mut self) -> std::result::Result<bool, S::Error> {
        while let Some((_, source)) = self.waiting.last_mut() {
            if self
                .heads
                .peek()
                .is_some_and(|Reverse(head)| head.0 < source.min_timestamp())
            {
                break;
            }
            let slot = self.free_slots.pop().unwrap_or_else(|| {
                self.slots.push(Cursor::default());
                self.slots.len() - 1
            });
            if let Err(error) = source.load(&mut self.slots[slot].columns) {
                self.free_slots.push(slot);
                return Err(error);
            }
            let (ordinal, _) = self.waiting.pop().expect("it was looked at above");
            self.slots[slot].at = 0;
            self.put_back(ordinal, slot);
        }
        Ok(!self.heads.is_empty())
    }

    /// Lets a loaded source take part again, or frees its slot when all its entries are used.
    fn put_back(&mut self, ordinal: usize, slot: usize) {
        let cursor = &self.slots[slot];
        match cursor.columns.timestamps().get(cursor.at) {
            Some(&timestamp) => self.heads.push(Reverse((timestamp, ordinal, slot))),
            None if self.equal.is_empty() => self.free_slots.push(slot),
            None => self.exhausted.push(slot),
        }
    }

    /// Moves on from the least timestamp: a stretch that one source has to itself goes straight into the run, equal timestamps
    /// are collected. Says whether the run has room for more.
    fn advance(&mut self, max_entries: usize) -> bool {
        let Reverse((timestamp, ordinal, slot)) = self.heads.pop().expect("the caller saw that there is one");
        let cursor = &self.slots[slot];
        let stretch = cursor.lone_stretch(self.bound());
        if stretch.is_empty() {
            self.collect_equal(timestamp, ordinal, slot);
            return true;
        }
        let (start, end) = (stretch.start, stretch.end);
        let taken = take(&mut self.run, &cursor.columns, stretch, max_entries);
        self.slots[slot].at = start + taken;
        self.put_back(ordinal, slot);
        start + taken == end
    }

    /// The least timestamp that any source beside the one just taken from `heads` may hold.
    fn bound(&self) -> Option<i64> {
        let loaded = self.heads.peek().map(|Reverse(head)| head.0);
        let waiting = self.waiting.last().map(|(_, source)| source.min_timestamp());
        loaded.into_iter().chain(waiting).min()
    }

    /// Collects all entries of one timestamp, in the order of sources. `load_due` has seen to it that all are loaded.
    fn collect_equal(&mut self, timestamp: i64, ordinal: usize, slot: usize) {
        let mut next = Some((ordinal, slot));
        let mut finished = Vec::new();
        while let Some((ordinal, slot)) = next {
            let cursor = &mut self.slots[slot];
            let rest = &cursor.columns.timestamps()[cursor.at..];
            let equal = rest.iter().take_while(|&&other| other == timestamp).count();
            self.equal
                .extend((cursor.at..cursor.at + equal).map(|entry| (slot, entry)));
            cursor.at += equal;
            finished.push((ordinal, slot));
            let is_equal = self.heads.peek().is_some_and(|Reverse(head)| head.0 == timestamp);
            next = if is_equal {
                self.heads.pop().map(|Reverse((_, ordinal, slot))| (ordinal, slot))
            } else {
                None
            };
        }
        self.duplicates.remove(&mut self.equal, &self.slots);
        for (ordinal, slot) in finished {
            self.put_back(ordinal, slot);
        }
    }

    /// Moves collected entries into the run. Says whether all found room.
    fn yield_equal(&mut self, max_entries: usize) -> bool {
        while let Some(&(slot, entry)) = self.equal.front() {
            if take(&mut self.run, &self.slots[slot].columns, entry..entry + 1, max_entries) == 0 {
                return false;
            }
            self.equal.pop_front();
        }
        self.free_slots.append(&mut self.exhausted);
        self.run.len() < max_entries
    }
}

impl Cursor {
    /// The entries from here on that lie below `bound` and share their timestamp with no other.
    fn lone_stretch(&self, bound: Option<i64>) -> Range<usize> {
        let timestamps = self.columns.timestamps();
        let below = match bound {
            None => timestamps.len(),
            Some(bound) => self.at + timestamps[self.at..].partition_point(|&timestamp| timestamp < bound),
        };
        let rest = &timestamps[self.at..below];
        let lone = rest
            .windows(2)
            .position(|pair| pair[0] == pair[1])
            .unwrap_or(rest.len());
        self.at..self.at + lone
    }
}

/// Appends as many of the entries as the run takes; how many those are.
fn take(run: &mut HeadBlock, columns: &BlockColumns, entries: Range<usize>, max_entries: usize) -> usize {
    let room = max_entries.saturating_sub(run.len());
    let mut pairs = Vec::new();
    let mut taken = 0;
    for entry in entries.take(room) {
        let entry = columns.entry(entry, &mut pairs);
        let goes_on = run.max_timestamp() == Some(entry.timestamp) && run.can_hold(entry);
        if !goes_on && !run.has_room_for(entry) {
            break;
        }
        run.append(entry).expect("it was in a block and there is room");
        taken += 1;
    }
    taken
}

/// Finds exact duplicates among entries of one timestamp.
#[derive(Debug, Default)]
struct Duplicates {
    hasher: DefaultHashBuilder,
}

impl Duplicates {
    /// Keeps the first of those that are equal.
    fn remove(&self, equal: &mut VecDeque<(usize, usize)>, slots: &[Cursor]) {
        if equal.len() < 2 {
            return;
        }
        let mut kept: Vec<(usize, usize)> = Vec::with_capacity(equal.len());
        if equal.len() <= FEW_EQUAL_TIMESTAMPS {
            for &place in equal.iter() {
                if !kept.iter().any(|&other| are_equal(slots, place, other)) {
                    kept.push(place);
                }
            }
        } else {
            let mut seen: HashTable<(usize, usize)> = HashTable::with_capacity(equal.len());
            for &place in equal.iter() {
                let hash = self.hash(slots, place);
                if seen.find(hash, |&other| are_equal(slots, place, other)).is_none() {
                    seen.insert_unique(hash, place, |&other| self.hash(slots, other));
                    kept.push(place);
                }
            }
        }
        equal.clear();
        equal.extend(kept);
    }

    fn hash(&self, slots: &[Cursor], (slot, entry): (usize, usize)) -> u64 {
        let columns = &slots[slot].columns;
        let mut hasher = self.hasher.build_hasher();
        hasher.write(columns.line(entry));
        for (name, value) in pairs(columns, entry) {
            hasher.write(name.as_bytes());
            hasher.write(value.as_bytes());
        }
        hasher.finish()
    }
}

fn are_equal(slots: &[Cursor], (slot, entry): (usize, usize), (other_slot, other_entry): (usize, usize)) -> bool {
    let (columns, other) = (&slots[slot].columns, &slots[other_slot].columns);
    columns.line(entry) == other.line(other_entry) && pairs(columns, entry).eq(pairs(other, other_entry))
}

fn pairs(columns: &BlockColumns, entry: usize) -> impl Iterator<Item = (&str, &str)> {
    columns
        .metadata()
        .iter()
        .filter_map(move |column| Some((column.name(), column.value(entry)?)))
}
