//! A batch that is filled entry by entry.

use super::{Batch, ColumnSet, Columns, MetadataColumn, Summary};
use crate::Error;

/// Entries of one stream in columns, for those who have them one by one.
///
/// Invariant: its lines take at most 4 GiB together, which is what [`Columns`] can address.
///
/// ```
/// use loki_logql::source::EntryBatch;
/// let mut batch = EntryBatch::default();
/// assert!(batch.push(1, b"first", &[("trace_id", "t1")]));
/// assert!(batch.push(2, b"second", &[]));
/// assert_eq!(batch.columns().line(1), b"second");
/// assert_eq!(batch.columns().metadata_of(0).next(), Some(("trace_id", "t1")));
/// ```
#[derive(Debug, Clone)]
pub struct EntryBatch {
    timestamps: Vec<i64>,
    /// One more than there are entries.
    offsets: Vec<u32>,
    lines: Vec<u8>,
    /// Sorted by name.
    metadata: Vec<MetadataColumn>,
}

impl Default for EntryBatch {
    fn default() -> EntryBatch {
        EntryBatch {
            timestamps: Vec::new(),
            offsets: vec![0],
            lines: Vec::new(),
            metadata: Vec::new(),
        }
    }
}

impl EntryBatch {
    /// Adds an entry; `false` where there is no room for its line, and nothing is added.
    ///
    /// Of metadata pairs of one name the last counts. [`Columns`] want ascending timestamps of those who search them by
    /// time; a [`LogRunner`](crate::LogRunner) takes them as they come.
    pub fn push(&mut self, timestamp: i64, line: &[u8], metadata: &[(&str, &str)]) -> bool {
        let Ok(end) = u32::try_from(self.lines.len() + line.len()) else {
            return false;
        };
        self.lines.extend_from_slice(line);
        self.offsets.push(end);
        self.timestamps.push(timestamp);
        for column in &mut self.metadata {
            column.symbols.push(0);
        }
        for (name, value) in metadata {
            self.set(name, value);
        }
        true
    }

    /// Sets metadata of the last entry.
    fn set(&mut self, name: &str, value: &str) {
        let entries = self.timestamps.len();
        let place = match self.metadata.binary_search_by(|column| column.name.as_str().cmp(name)) {
            Ok(place) => place,
            Err(place) => {
                let column = MetadataColumn {
                    name: name.to_owned(),
                    symbols: vec![0; entries],
                    ..MetadataColumn::default()
                };
                self.metadata.insert(place, column);
                place
            }
        };
        let column = &mut self.metadata[place];
        // Neighbours often share a value, such as a level; looking further back would cost more than it saves.
        let last = column.values.len();
        if last == 0 || column.values.get(last - 1) != Some(value) {
            column.values.push(value);
        }
        column.symbols[entries - 1] = column.values.len() as u32;
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Bytes of its lines.
    pub fn line_bytes(&self) -> usize {
        self.lines.len()
    }

    /// Its columns.
    pub fn columns(&self) -> Columns<'_> {
        Columns {
            timestamps: &self.timestamps,
            offsets: &self.offsets,
            lines: &self.lines,
            metadata: &self.metadata,
        }
    }
}

/// All columns are at hand, whichever are asked for.
impl Batch for EntryBatch {
    fn summary(&self) -> Summary {
        let metadata_bytes = |column: &MetadataColumn| -> u64 {
            let values = (0..self.len()).filter_map(|i| column.value(i));
            values.map(|value| (column.name.len() + value.len()) as u64).sum()
        };
        Summary {
            entries: self.len() as u32,
            min_timestamp: self.timestamps.first().copied().unwrap_or(0),
            max_timestamp: self.timestamps.last().copied().unwrap_or(0),
            line_bytes: self.lines.len() as u64,
            metadata_bytes: self.metadata.iter().map(metadata_bytes).sum(),
            has_metadata: !self.metadata.is_empty(),
        }
    }

    fn read(&mut self, _want: ColumnSet) -> Result<Columns<'_>, Error> {
        Ok(self.columns())
    }
}
