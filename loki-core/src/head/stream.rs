//! One stream in memory: sealed blocks and the open one.

use super::sealer::{SealedBlock, Sealers};
use loki_chunk::{BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, EntryRef, HeadBlock};
use loki_logql::{Labels, source::Summary};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// A block of so many entries is cut at the next new timestamp, half the most that a block can hold: the rest is room
/// for entries of one timestamp.
const FULL_ENTRIES: usize = BLOCK_MAX_ENTRIES / 2;

/// One stream of a head.
#[derive(Debug)]
pub(crate) struct Stream {
    labels: Labels,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// In the order sealed.
    sealed: Vec<Arc<SealedBlock>>,
    /// Bytes of the sealed blocks.
    sealed_bytes: usize,
    /// Shared with readers, who look at as many entries as there were when they came: it is only appended to while
    /// one of them holds it.
    open: Arc<RwLock<HeadBlock>>,
    /// Smallest and largest timestamp appended; the wrong way round before the first.
    oldest: i64,
    newest: i64,
    /// Of a frozen copy, which has nothing else that is open.
    frozen: Option<OpenSnapshot>,
}

/// A stream's blocks as they were at one time.
#[derive(Debug)]
pub(crate) struct StreamSnapshot {
    /// In the order sealed.
    pub(crate) sealed: Vec<Arc<SealedBlock>>,
    /// The open block, where it holds entries.
    pub(crate) open: Option<OpenSnapshot>,
}

/// The open block as it was at one time: its first entries.
#[derive(Debug, Clone)]
pub(crate) struct OpenSnapshot {
    pub(crate) block: Arc<RwLock<HeadBlock>>,
    /// Of how many entries, and which.
    pub(crate) summary: Summary,
}

/// The end of a stream, to append to.
#[derive(Debug)]
pub(crate) struct StreamEnd<'a> {
    sealers: &'a Sealers,
    state: &'a mut State,
}

impl Stream {
    /// A stream that is appended to `open`.
    pub(super) fn new(labels: Labels, open: HeadBlock) -> Stream {
        let state = State {
            sealed: Vec::new(),
            sealed_bytes: 0,
            open: Arc::new(RwLock::new(open)),
            oldest: i64::MAX,
            newest: i64::MIN,
            frozen: None,
        };
        Stream {
            labels,
            state: Mutex::new(state),
        }
    }

    /// A copy that holds what the stream holds now, whatever is appended to the stream. It is not appended to itself.
    pub(super) fn frozen(&self) -> Stream {
        let StreamSnapshot { sealed, open } = self.snapshot();
        let frozen = Stream::new(self.labels.clone(), HeadBlock::new());
        {
            let mut state = frozen.lock();
            (state.oldest, state.newest) = self.time_range();
            state.sealed = sealed;
            state.frozen = open;
        }
        frozen
    }

    /// Its labels.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The smallest and the largest timestamp appended; `(i64::MAX, i64::MIN)` before the first.
    pub(crate) fn time_range(&self) -> (i64, i64) {
        let state = self.lock();
        (state.oldest, state.newest)
    }

    /// Number of its blocks, an open one that holds entries included.
    pub(crate) fn blocks(&self) -> u64 {
        let state = self.lock();
        let open = state.open.read().unwrap_or_else(PoisonError::into_inner);
        state.sealed.len() as u64 + u64::from(!open.is_empty())
    }

    /// Hands the end of the stream to `fill`; answers by how many bytes the stream grew.
    pub(super) fn append<T>(&self, sealers: &Sealers, fill: impl FnOnce(&mut StreamEnd<'_>) -> T) -> (T, i64) {
        let mut state = self.lock();
        let before = state.memory_bytes();
        let answer = fill(&mut StreamEnd {
            sealers,
            state: &mut state,
        });
        (answer, state.memory_bytes() as i64 - before as i64)
    }

    /// Seals the open block of a stream that is appended to no more; answers by how many bytes the stream grew. Readers go on
    /// meanwhile: they see the open block until it stands among the sealed ones.
    pub(super) fn seal(&self, sealers: &Sealers) -> i64 {
        let open = Arc::clone(&self.lock().open);
        let open = open.read().unwrap_or_else(PoisonError::into_inner);
        if open.is_empty() {
            return 0;
        }
        let block = sealers.with(|sealer| sealer.seal(&open));
        let grown = block.bytes() as i64 - open.memory_bytes() as i64;
        let mut state = self.lock();
        state.open = Arc::default();
        state.add(block);
        grown
    }

    /// Its blocks as they are now.
    pub(crate) fn snapshot(&self) -> StreamSnapshot {
        let state = self.lock();
        if state.frozen.is_some() {
            return StreamSnapshot {
                sealed: state.sealed.clone(),
                open: state.frozen.clone(),
            };
        }
        let open = state.open.read().unwrap_or_else(PoisonError::into_inner);
        let summary = open
            .min_timestamp()
            .zip(open.max_timestamp())
            .map(|(min_timestamp, max_timestamp)| Summary {
                entries: open.len() as u32,
                min_timestamp,
                max_timestamp,
                line_bytes: open.line_bytes() as u64,
                metadata_bytes: open.metadata_bytes(),
                has_metadata: open.metadata_bytes() > 0,
            });
        StreamSnapshot {
            sealed: state.sealed.clone(),
            open: summary.map(|summary| OpenSnapshot {
                block: Arc::clone(&state.open),
                summary,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamEnd<'_> {
    /// Appends an entry, unless the open block holds its equal: then nothing happens and the answer is `false`.
    pub(crate) fn append(&mut self, entry: EntryRef<'_>) -> bool {
        let added = self.state.with_open(|open| {
            if open.max_timestamp().is_some_and(|newest| entry.timestamp <= newest) && open.contains(entry) {
                return Some(false);
            }
            if must_cut(open, &entry) {
                return None;
            }
            Some(push(open, entry))
        });
        let added = added.unwrap_or_else(|| {
            self.state.seal(self.sealers);
            self.state.with_open(|open| push(open, entry))
        });
        self.state.oldest = self.state.oldest.min(entry.timestamp);
        self.state.newest = self.state.newest.max(entry.timestamp);
        added
    }
}

/// Appends, unless a block cannot hold the entry: accepted ones fit, a log of another making may hold any.
fn push(open: &mut HeadBlock, entry: EntryRef<'_>) -> bool {
    open.append(entry).is_ok()
}

/// Whether `open` must be cut before `entry`. A block that has reached its size is cut where the timestamp changes as
/// long as that can be: then blocks filled in order never touch, and no reader has to look for duplicates across them.
fn must_cut(open: &HeadBlock, entry: &EntryRef<'_>) -> bool {
    if open.is_empty() {
        return false;
    }
    let full = open.line_bytes() + entry.line.len() > BLOCK_TARGET_BYTES || open.len() >= FULL_ENTRIES;
    let newer = open.max_timestamp().is_some_and(|newest| entry.timestamp != newest);
    (full && newer) || !open.has_room_for(*entry)
}

impl State {
    fn with_open<T>(&mut self, change: impl FnOnce(&mut HeadBlock) -> T) -> T {
        match Arc::get_mut(&mut self.open) {
            Some(open) => change(open.get_mut().unwrap_or_else(PoisonError::into_inner)),
            None => change(&mut self.open.write().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn seal(&mut self, sealers: &Sealers) {
        let block = match Arc::get_mut(&mut self.open) {
            Some(open) => {
                let open = open.get_mut().unwrap_or_else(PoisonError::into_inner);
                let block = sealers.with(|sealer| sealer.seal(open));
                // Its buffers go: of the open blocks of many streams most are far from full.
                *open = sealers.open();
                block
            }
            None => {
                // A reader still looks at the block: it is left to the reader.
                let open = std::mem::replace(&mut self.open, Arc::new(RwLock::new(sealers.open())));
                let open = open.read().unwrap_or_else(PoisonError::into_inner);
                sealers.with(|sealer| sealer.seal(&open))
            }
        };
        self.add(block);
    }

    fn add(&mut self, block: SealedBlock) {
        self.sealed_bytes += block.bytes();
        self.sealed.push(Arc::new(block));
    }

    fn memory_bytes(&self) -> usize {
        self.sealed_bytes + self.open.read().unwrap_or_else(PoisonError::into_inner).memory_bytes()
    }
}
