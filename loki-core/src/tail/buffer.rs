//! The bounded buffer between those who push and one who reads.

use super::session::{DroppedEntry, TailEntry};
use crate::Period;
use loki_logql::Labels;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Entries of one frame.
pub(super) const FRAME_ENTRIES: usize = 100;
/// Frames that are kept for a reader who does not read; as many again for each second that entries are held back.
const FRAMES: usize = 10;
/// Bytes of lines that are kept for a reader who does not read.
const BUFFER_BYTES: usize = 16 << 20;
/// Dropped entries that are remembered.
const DROPPED_ENTRIES: usize = 1000;
/// Bytes of labels of dropped entries that are remembered: a parser can make them as long as the lines.
const DROPPED_BYTES: usize = 1 << 20;

/// Entries that wait for their reader.
///
/// Invariant: it holds no more than its capacity and [`BUFFER_BYTES`] (or one entry, however large); what does not fit
/// is dropped, and the first of what was dropped is remembered, in [`DROPPED_BYTES`].
#[derive(Debug)]
pub(super) struct Buffer {
    /// How long entries are held back, in nanoseconds.
    delay: i64,
    capacity: usize,
    waiting: BinaryHeap<Reverse<Waiting>>,
    bytes: usize,
    /// Entries that came so far; keeps those of one timestamp in order.
    arrived: u64,
    dropped: Vec<DroppedEntry>,
    dropped_bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    arrival: u64,
    /// When it may be sent.
    due: i64,
    entry: TailEntry,
}

impl Buffer {
    pub(super) fn new(delay: Period) -> Buffer {
        let delay = delay.as_nanos().max(0);
        let seconds = usize::try_from(delay / Period::seconds(1).as_nanos()).unwrap_or(0);
        Buffer {
            delay,
            capacity: FRAME_ENTRIES * FRAMES * (1 + seconds),
            waiting: BinaryHeap::new(),
            bytes: 0,
            arrived: 0,
            dropped: Vec::new(),
            dropped_bytes: 0,
        }
    }

    /// Puts in an entry that came at `now`, or drops it.
    pub(super) fn push(&mut self, entry: TailEntry, now: i64) {
        self.arrived += 1;
        let bytes = memory_bytes(&entry);
        let is_full = self.waiting.len() >= self.capacity || self.bytes + bytes > BUFFER_BYTES;
        if is_full && !self.waiting.is_empty() {
            self.remember_dropped(entry);
            return;
        }
        self.bytes += bytes;
        // An entry from the future is not held back longer than others.
        let due = entry.entry.timestamp.min(now).saturating_add(self.delay);
        self.waiting.push(Reverse(Waiting {
            arrival: self.arrived,
            due,
            entry,
        }));
    }

    fn remember_dropped(&mut self, entry: TailEntry) {
        let bytes = label_bytes(&entry.labels);
        if self.dropped.len() < DROPPED_ENTRIES && self.dropped_bytes + bytes <= DROPPED_BYTES {
            self.dropped_bytes += bytes;
            self.dropped.push(DroppedEntry {
                timestamp: entry.entry.timestamp,
                labels: entry.labels,
            });
        }
    }

    /// Takes out the oldest entries that may be sent at `now`, a frame of them at most.
    pub(super) fn take(&mut self, now: i64) -> Vec<TailEntry> {
        let mut taken = Vec::new();
        while taken.len() < FRAME_ENTRIES && self.due().is_some_and(|due| due <= now) {
            let Some(Reverse(Waiting { entry, .. })) = self.waiting.pop() else {
                break;
            };
            self.bytes -= memory_bytes(&entry);
            taken.push(entry);
        }
        taken
    }

    /// Takes out what is remembered of dropped entries.
    pub(super) fn take_dropped(&mut self) -> Vec<DroppedEntry> {
        self.dropped_bytes = 0;
        std::mem::take(&mut self.dropped)
    }

    /// When the oldest entry may be sent.
    pub(super) fn due(&self) -> Option<i64> {
        self.waiting.peek().map(|Reverse(waiting)| waiting.due)
    }

    /// Whether entries for a frame wait, of which the oldest may be sent at `now`.
    pub(super) fn has_frame(&self, now: i64) -> bool {
        self.waiting.len() >= FRAME_ENTRIES && self.due().is_some_and(|due| due <= now)
    }

    /// How many entries have come, dropped ones included.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }
}

/// Bytes that an entry takes, about: labels are shared mostly, but those that a parser made are its own.
fn memory_bytes(TailEntry { labels, entry }: &TailEntry) -> usize {
    let labels = [labels, &entry.structured_metadata, &entry.parsed];
    entry.line.len() + labels.into_iter().map(label_bytes).sum::<usize>()
}

fn label_bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> Ordering {
        let key = |waiting: &Waiting| (waiting.entry.entry.timestamp, waiting.arrival);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_logql::ResultEntry;

    fn entry(timestamp: i64, length: usize) -> TailEntry {
        let entry = ResultEntry {
            timestamp,
            line: vec![b'x'; length],
            structured_metadata: Labels::default(),
            parsed: Labels::default(),
        };
        TailEntry {
            labels: Labels::from_pairs([("app", "x")]),
            entry,
        }
    }

    fn timestamps(entries: &[TailEntry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.entry.timestamp).collect()
    }

    #[test]
    fn ten_frames_are_kept_and_a_thousand_dropped_entries_remembered() {
        let mut buffer = Buffer::new(Period::ZERO);
        (0..5000).for_each(|i| buffer.push(entry(i, 1), i));
        assert!(buffer.has_frame(5000));
        let frames: Vec<_> = std::iter::from_fn(|| Some(buffer.take(5000)).filter(|f| !f.is_empty())).collect();
        assert_eq!(frames.len(), FRAMES);
        assert_eq!(timestamps(&frames.concat()), (0..1000).collect::<Vec<_>>());
        let dropped = buffer.take_dropped();
        assert_eq!((dropped.len(), dropped[0].timestamp), (DROPPED_ENTRIES, 1000));
        assert!(buffer.take_dropped().is_empty());
        buffer.push(entry(1, 1), 1);
        assert_eq!(buffer.take(1).len(), 1, "there is room again");
    }

    #[test]
    fn large_lines_are_bounded_by_their_bytes() {
        let mut buffer = Buffer::new(Period::ZERO);
        (0..100).for_each(|i| buffer.push(entry(i, 1 << 20), i));
        // The labels take a little, too.
        let kept = (BUFFER_BYTES >> 20) - 1;
        assert_eq!(buffer.take(100).len(), kept);
        assert_eq!(buffer.take_dropped().len(), 100 - kept);
        buffer.push(entry(1, BUFFER_BYTES + 1), 1);
        assert_eq!(buffer.take(1).len(), 1, "one entry always fits");
    }

    #[test]
    fn what_a_parser_made_counts_as_bytes() {
        let mut buffer = Buffer::new(Period::ZERO);
        let value = "v".repeat(1 << 20);
        for i in 0..100 {
            let mut entry = entry(i, 1);
            entry.entry.parsed = Labels::from_pairs([("n", value.as_str())]);
            buffer.push(entry, i);
        }
        assert!(buffer.take(100).len() < BUFFER_BYTES >> 20);
    }

    #[test]
    fn what_is_remembered_of_dropped_entries_is_bounded_by_its_bytes() {
        let mut buffer = Buffer::new(Period::ZERO);
        let value = "v".repeat(DROPPED_BYTES / 4);
        for round in 0..2 {
            for i in 0..200 {
                let labels = Labels::from_pairs([("n", value.as_str())]);
                let entry = TailEntry { labels, ..entry(i, 1) };
                buffer.push(entry, i);
            }
            // The names take a little, too.
            assert_eq!(buffer.take_dropped().len(), 3, "{round}");
        }
    }

    #[test]
    fn entries_held_back_are_sent_in_order() {
        let second = Period::seconds(1).as_nanos();
        let mut buffer = Buffer::new(Period::seconds(2));
        buffer.push(entry(10 * second, 1), 10 * second);
        buffer.push(entry(9 * second, 1), 11 * second);
        // From the future, as far as the clock here knows.
        buffer.push(entry(99 * second, 1), 11 * second);
        assert!(buffer.take(10 * second).is_empty());
        assert_eq!(buffer.due(), Some(11 * second));
        assert_eq!(timestamps(&buffer.take(12 * second)), [9 * second, 10 * second]);
        assert_eq!(timestamps(&buffer.take(13 * second)), [99 * second]);
    }
}
