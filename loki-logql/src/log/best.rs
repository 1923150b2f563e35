//! The entries of a log query that are worth keeping.

use crate::pipeline::SetId;
use crate::{Direction, Labels, Request};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Where an entry stands among all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) timestamp: i64,
    /// The stream that it comes from.
    pub(super) stream: &'a Labels,
    /// Number of its batch, as batches come.
    pub(super) batch: u64,
    /// Number of the entry in its batch, in order of time.
    pub(super) entry: u32,
}

/// An entry that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) line: Box<[u8]>,
    pub(super) set: SetId,
}

/// Keeps the first entries in the order of the query.
///
/// The order is by time in the direction of the query. At one time it is by the labels of the streams, in either
/// direction, and within a stream by arrival in the direction of the query. An entry that says what another of the same stream and time
/// says, line and labels, is left out.
///
/// With an interval, entries wait until nothing that comes before them can come any more; then it is decided which of
/// them are far enough from the one before.
#[derive(Debug)]
pub(super) struct Best {
    direction: Direction,
    limit: usize,
    interval: i64,
    /// Entries that may be in the answer, best first.
    waiting: BTreeMap<Key, Kept>,
    /// With an interval: entries that are in the answer.
    settled: Vec<(Key, Kept)>,
    /// Time beyond which nothing is wanted, whatever is kept here.
    bound: i64,
    memory_bytes: usize,
}

/// What a kept entry costs besides its line: key, value, and their share of a tree.
const ENTRY_OVERHEAD_BYTES: usize = 128;

impl Best {
    pub(super) fn new(request: &Request) -> Best {
        Best {
            direction: request.direction,
            limit: request.limit,
            interval: request.interval.max(0),
            waiting: BTreeMap::new(),
            settled: Vec::new(),
            bound: i64::MAX,
            memory_bytes: 0,
        }
    }

    /// Whether no entry of `timestamp`, or of any that comes after it in the direction of the query, can be wanted.
    pub(super) fn is_settled(&self, timestamp: i64) -> bool {
        if self.interval > 0 {
            return self.settled.len() >= self.limit;
        }
        self.rank(timestamp) > self.bound
    }

    /// Draws the bound tighter: others who look for entries of the same answer have enough that come before it. Answers
    /// the bound that holds from here on.
    pub(super) fn draw_bound(&mut self, bound: i64) -> i64 {
        self.bound = self.bound.min(bound);
        self.bound
    }

    /// Whether the entry at `place` would be kept, if the pipeline passes it and no other is equal.
    pub(super) fn wants(&self, place: Place<'_>) -> bool {
        if self.interval > 0 {
            let last = self.settled.last();
            let last = last.map(|(last, _)| self.time(last.time));
            return self.settled.len() < self.limit && last.is_none_or(|last| self.is_far(last, place.timestamp));
        }
        if self.rank(place.timestamp) > self.bound {
            return false;
        }
        if self.waiting.len() < self.limit {
            return true;
        }
        let Some((worst, _)) = self.waiting.last_key_value() else {
            return false;
        };
        match self.rank(place.timestamp).cmp(&worst.time) {
            Ordering::Less => true,
            Ordering::Equal => self.key(place) < *worst,
            Ordering::Greater => false,
        }
    }

    /// Keeps an entry that [`wants`](Best::wants) has called good.
    pub(super) fn insert(&mut self, place: Place<'_>, line: &[u8], set: SetId) {
        let key = self.key(place);
        let same_time = key.first_of_time()..=key.last_of_time();
        let mut others = self.waiting.range(same_time).map(|(_, kept)| kept);
        if others.any(|other| other.set == set && *other.line == *line) {
            return;
        }
        self.memory_bytes += line.len() + ENTRY_OVERHEAD_BYTES;
        let line = line.into();
        self.waiting.insert(key, Kept { line, set });
        if self.interval > 0 {
            return;
        }
        if self.waiting.len() > self.limit
            && let Some((_, worst)) = self.waiting.pop_last()
        {
            self.memory_bytes -= worst.line.len() + ENTRY_OVERHEAD_BYTES;
        }
        if self.waiting.len() == self.limit
            && let Some((worst, _)) = self.waiting.last_key_value()
        {
            self.bound = self.bound.min(worst.time);
        }
    }

    /// Nothing comes any more before `timestamp`, in the direction of the query.
    pub(super) fn advance(&mut self, timestamp: i64) {
        if self.interval > 0 {
            let frontier = self.rank(timestamp);
            while let Some(first) = self.waiting.first_entry()
                && first.key().time < frontier
            {
                let (key, kept) = first.remove_entry();
                self.settle(key, kept);
            }
        }
    }

    /// The entries of the answer, in order, with their place in it.
    pub(super) fn finish(mut self) -> Vec<(Key, Kept)> {
        if self.interval > 0 {
            while let Some((key, kept)) = self.waiting.pop_first() {
                self.settle(key, kept);
            }
            return self.settled;
        }
        self.waiting.into_iter().collect()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn settle(&mut self, key: Key, kept: Kept) {
        let timestamp = self.time(key.time);
        let is_far = self
            .settled
            .last()
            .is_none_or(|(last, _)| self.is_far(self.time(last.time), timestamp));
        if is_far && self.settled.len() < self.limit {
            self.settled.push((key, kept));
        } else {
            self.memory_bytes -= kept.line.len() + ENTRY_OVERHEAD_BYTES;
        }
    }

    /// Whether an entry at `timestamp` is an interval or more behind one at `last`, in the direction of the query.
    fn is_far(&self, last: i64, timestamp: i64) -> bool {
        match self.direction {
            Direction::Forward => timestamp >= last.saturating_add(self.interval),
            Direction::Backward => timestamp <= last.saturating_sub(self.interval),
        }
    }

    /// Time as it is in a [`Key`]: less is better.
    fn rank(&self, timestamp: i64) -> i64 {
        rank(self.direction, timestamp)
    }

    /// The timestamp of a time in a [`Key`]: ranks are turned back as they are made.
    fn time(&self, rank: i64) -> i64 {
        self.rank(rank)
    }

    fn key(&self, place: Place<'_>) -> Key {
        let entry = i64::from(place.entry);
        Key {
            time: self.rank(place.timestamp),
            stream: place.stream.clone(),
            // Batches of one stream come in the direction of the query.
            batch: place.batch,
            entry: match self.direction {
                Direction::Forward => entry,
                Direction::Backward => -entry,
            },
        }
    }
}

fn rank(direction: Direction, timestamp: i64) -> i64 {
    match direction {
        Direction::Forward => timestamp,
        Direction::Backward => !timestamp,
    }
}

/// The order of entries: the least is the best.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    time: i64,
    stream: Labels,
    batch: u64,
    entry: i64,
}

impl Key {
    /// The timestamp of the entry, in a query of this direction.
    pub(super) fn timestamp(&self, direction: Direction) -> i64 {
        rank(direction, self.time)
    }

    fn first_of_time(&self) -> Key {
        Key {
            batch: 0,
            entry: i64::MIN,
            ..self.clone()
        }
    }

    fn last_of_time(&self) -> Key {
        Key {
            batch: u64::MAX,
            entry: i64::MAX,
            ..self.clone()
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.time
            .cmp(&other.time)
            .then_with(|| self.stream.cmp(&other.stream))
            .then_with(|| (self.batch, self.entry).cmp(&(other.batch, other.entry)))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
