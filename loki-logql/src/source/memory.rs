//! A source that holds its entries in vectors: for tests, examples and small things.

use super::{
    Batch, ColumnSet, Columns, MetadataColumn, Order, Selection, Source, StreamFilter, Strings, Summary, Visitor,
    Worker,
};
use crate::{Error, Labels};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Streams in memory.
///
/// ```
/// use loki_logql::{Labels, source::MemorySource};
/// let mut source = MemorySource::new();
/// let stream = Labels::from_pairs([("app", "shop")]);
/// source.push(&stream, 2, "later", &[]);
/// source.push(&stream, 1, "earlier", &[("trace_id", "t1")]);
/// assert_eq!(source.len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct MemorySource {
    streams: BTreeMap<Labels, Vec<Entry>>,
    batch_entries: usize,
    workers: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    timestamp: i64,
    line: Vec<u8>,
    /// Sorted by name.
    metadata: Vec<(String, String)>,
}

impl Default for MemorySource {
    fn default() -> MemorySource {
        MemorySource {
            streams: BTreeMap::new(),
            batch_entries: 4096,
            workers: 1,
        }
    }
}

impl MemorySource {
    /// A source with no streams.
    pub fn new() -> MemorySource {
        MemorySource::default()
    }

    /// The same source, with at most `entries` (at least 1) in a batch.
    #[must_use]
    pub fn with_batch_entries(mut self, entries: usize) -> MemorySource {
        self.batch_entries = entries.max(1);
        self
    }

    /// The same source, dealing its batches to so many workers (at least 1) on the calling thread: in turn, or where they
    /// are wanted in order, by stream.
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> MemorySource {
        self.workers = workers.max(1);
        self
    }

    /// Adds an entry to the stream with the labels `stream`; nothing where it has the same entry already.
    ///
    /// The timestamp is in nanoseconds; entries may come in any order.
    pub fn push(&mut self, stream: &Labels, timestamp: i64, line: impl Into<Vec<u8>>, metadata: &[(&str, &str)]) {
        let mut metadata: Vec<(String, String)> =
            metadata.iter().map(|&(n, v)| (n.to_string(), v.to_string())).collect();
        metadata.sort();
        let entry = Entry {
            timestamp,
            line: line.into(),
            metadata,
        };
        let entries = self.streams.entry(stream.clone()).or_default();
        let begin = entries.partition_point(|e| e.timestamp < timestamp);
        let end = entries.partition_point(|e| e.timestamp <= timestamp);
        if !entries[begin..end].contains(&entry) {
            entries.insert(end, entry);
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.streams.values().map(Vec::len).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Source for MemorySource {
    fn visit(&self, selection: &Selection<'_>, visitor: &dyn Visitor) -> Result<(), Error> {
        let filter = StreamFilter::compile(selection.matchers)?;
        let mut batches: Vec<(usize, &Labels, &[Entry])> = Vec::new();
        for (stream, (labels, entries)) in self.streams.iter().enumerate() {
            if filter.selects(labels) {
                let begin = entries.partition_point(|e| e.timestamp < selection.start);
                let end = entries.partition_point(|e| e.timestamp < selection.end).max(begin);
                let chunks = entries[begin..end].chunks(self.batch_entries);
                batches.extend(chunks.map(|chunk| (stream, labels, chunk)));
            }
        }
        match selection.order {
            Order::Any => {}
            Order::Forward => batches.sort_by_key(|(.., entries)| entries[0].timestamp),
            Order::Backward => {
                // The sort is stable: of batches that end at the same time the later one comes first.
                batches.reverse();
                batches.sort_by_key(|(.., entries)| std::cmp::Reverse(entries[entries.len() - 1].timestamp));
            }
        }
        let count = self.workers.min(visitor.most_workers());
        let mut workers: Vec<Option<Box<dyn Worker + Send + '_>>> =
            (0..count).map(|_| Some(visitor.worker())).collect();
        for (i, (stream, labels, entries)) in batches.into_iter().enumerate() {
            let turn = if selection.order == Order::Any { i } else { stream };
            let place = &mut workers[turn % count];
            if let Some(worker) = place
                && deliver(worker.as_mut(), labels, entries)?.is_break()
                && let Some(worker) = place.take()
            {
                worker.finish()?;
            }
        }
        workers.into_iter().flatten().try_for_each(Worker::finish)
    }
}

/// Lays `entries` out in columns and gives them to `worker`.
fn deliver(worker: &mut dyn Worker, labels: &Labels, entries: &[Entry]) -> Result<ControlFlow<()>, Error> {
    let names: BTreeMap<&str, ()> = entries
        .iter()
        .flat_map(|e| e.metadata.iter().map(|(n, _)| (n.as_str(), ())))
        .collect();
    let metadata: Vec<MetadataColumn> = names.into_keys().map(|name| column(name, entries)).collect();
    let mut offsets = vec![0];
    let mut lines = Vec::new();
    for entry in entries {
        lines.extend_from_slice(&entry.line);
        offsets.push(u32::try_from(lines.len()).expect("a batch in memory is smaller than 4 GiB"));
    }
    let timestamps: Vec<i64> = entries.iter().map(|e| e.timestamp).collect();
    let mut batch = MemoryBatch {
        entries,
        columns: Columns {
            timestamps: &timestamps,
            offsets: &offsets,
            lines: &lines,
            metadata: &metadata,
        },
        read: ColumnSet::NONE,
    };
    worker.batch(labels, &mut batch)
}

/// The distinct values of `name`, and of each entry the place of its value.
fn column(name: &str, entries: &[Entry]) -> MetadataColumn {
    let mut values = Strings::default();
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    let symbols = entries
        .iter()
        .map(|entry| {
            let Some((_, value)) = entry.metadata.iter().find(|(n, _)| n == name) else {
                return 0;
            };
            *places.entry(value).or_insert_with(|| {
                values.push(value);
                values.len() as u32
            })
        })
        .collect();
    MetadataColumn {
        name: name.to_owned(),
        values,
        symbols,
    }
}

struct MemoryBatch<'a> {
    entries: &'a [Entry],
    columns: Columns<'a>,
    /// What was asked for so far.
    read: ColumnSet,
}

impl Batch for MemoryBatch<'_> {
    fn summary(&self) -> Summary {
        let timestamps = self.columns.timestamps;
        let metadata = || self.entries.iter().flat_map(|e| &e.metadata);
        Summary {
            entries: timestamps.len() as u32,
            min_timestamp: timestamps.first().copied().unwrap_or(0),
            max_timestamp: timestamps.last().copied().unwrap_or(0),
            line_bytes: self.columns.lines.len() as u64,
            metadata_bytes: metadata().map(|(n, v)| (n.len() + v.len()) as u64).sum(),
            has_metadata: metadata().next().is_some(),
        }
    }

    fn read(&mut self, want: ColumnSet) -> Result<Columns<'_>, Error> {
        self.read = self.read | want;
        // What was not asked for is left out, so that who forgets to ask is found out by tests.
        let has = |column| self.read.contains(column);
        Ok(Columns {
            timestamps: if has(ColumnSet::TIMESTAMPS) {
                self.columns.timestamps
            } else {
                &[]
            },
            offsets: if has(ColumnSet::OFFSETS) {
                self.columns.offsets
            } else {
                &[]
            },
            lines: if has(ColumnSet::LINES) { self.columns.lines } else { &[] },
            metadata: if has(ColumnSet::METADATA) {
                self.columns.metadata
            } else {
                &[]
            },
        })
    }
}
