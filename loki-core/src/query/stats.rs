//! What a query took, counted by all its threads.

use crate::QueryStats;
use loki_logql::source::{ColumnSet, Summary};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of one query.
#[derive(Debug, Default)]
pub(crate) struct StatsCounter {
    streams: AtomicU64,
    blocks_matched: AtomicU64,
    blocks_read: AtomicU64,
    compressed_bytes: AtomicU64,
    line_bytes: AtomicU64,
    metadata_bytes: AtomicU64,
    lines: AtomicU64,
    head_lines: AtomicU64,
}

impl StatsCounter {
    /// Streams and blocks that a selection found.
    pub(super) fn select(&self, (streams, blocks): (usize, usize)) {
        self.streams.fetch_add(streams as u64, Relaxed);
        self.blocks_matched.fetch_add(blocks as u64, Relaxed);
    }

    /// A batch was handed over.
    pub(super) fn hand_over(&self, summary: &Summary, in_head: bool) {
        self.lines.fetch_add(u64::from(summary.entries), Relaxed);
        if in_head {
            self.head_lines.fetch_add(u64::from(summary.entries), Relaxed);
        }
    }

    /// Of a batch of which `before` had been read, `now` is.
    pub(super) fn read(&self, summary: &Summary, stored_bytes: u64, before: ColumnSet, now: ColumnSet) {
        let new = |set| now.contains(set) && !before.contains(set);
        if before == ColumnSet::NONE {
            self.blocks_read.fetch_add(1, Relaxed);
        }
        if new(ColumnSet::LINES) {
            self.line_bytes.fetch_add(summary.line_bytes, Relaxed);
            self.compressed_bytes.fetch_add(stored_bytes, Relaxed);
        }
        if new(ColumnSet::METADATA) {
            self.metadata_bytes.fetch_add(summary.metadata_bytes, Relaxed);
        }
    }

    /// The counts so far.
    pub(crate) fn stats(&self) -> QueryStats {
        QueryStats {
            streams: self.streams.load(Relaxed),
            blocks_matched: self.blocks_matched.load(Relaxed),
            blocks_read: self.blocks_read.load(Relaxed),
            compressed_bytes: self.compressed_bytes.load(Relaxed),
            line_bytes: self.line_bytes.load(Relaxed) + self.metadata_bytes.load(Relaxed),
            metadata_bytes: self.metadata_bytes.load(Relaxed),
            lines: self.lines.load(Relaxed),
            head_lines: self.head_lines.load(Relaxed),
            ..QueryStats::default()
        }
    }
}
