//! A source whose batches lie ready in columns, so that a bench measures evaluation alone.

use loki_logql::source::{Batch, ColumnSet, Columns, EntryBatch, Selection, Source, StreamFilter, Summary, Visitor};
use loki_logql::{Error, Labels};

/// Streams in batches of so many entries.
#[derive(Debug)]
pub struct ColumnSource {
    batch_entries: usize,
    batches: Vec<(Labels, EntryBatch, Summary)>,
}

impl ColumnSource {
    /// No streams yet; batches will have `batch_entries` entries.
    pub fn new(batch_entries: usize) -> ColumnSource {
        ColumnSource {
            batch_entries,
            batches: Vec::new(),
        }
    }

    /// Adds an entry behind all others of its stream, which is the one of the entry before or a new one.
    pub fn push(&mut self, stream: &Labels, timestamp: i64, line: &str, metadata: &[(&str, &str)]) {
        let goes_on =
            |(labels, batch, _): &(Labels, EntryBatch, Summary)| labels == stream && batch.len() < self.batch_entries;
        if !self.batches.last().is_some_and(goes_on) {
            let batch = EntryBatch::default();
            let summary = batch.summary();
            self.batches.push((stream.clone(), batch, summary));
        }
        if let Some((_, batch, _)) = self.batches.last_mut() {
            batch.push(timestamp, line.as_bytes(), metadata);
        }
    }

    /// Sums up what the batches hold, as headers of blocks would.
    #[must_use]
    pub fn sealed(mut self) -> ColumnSource {
        for (_, batch, summary) in &mut self.batches {
            *summary = batch.summary();
        }
        self
    }
}

impl Source for ColumnSource {
    fn visit(&self, selection: &Selection<'_>, visitor: &dyn Visitor) -> Result<(), Error> {
        let filter = StreamFilter::compile(selection.matchers)?;
        let mut worker = visitor.worker();
        for (labels, batch, summary) in &self.batches {
            let is_wanted = summary.max_timestamp >= selection.start && summary.min_timestamp < selection.end;
            if is_wanted && filter.selects(labels) {
                let mut ready = Ready {
                    columns: batch.columns(),
                    summary: *summary,
                };
                if worker.batch(labels, &mut ready)?.is_break() {
                    break;
                }
            }
        }
        worker.finish()
    }
}

struct Ready<'a> {
    columns: Columns<'a>,
    summary: Summary,
}

impl Batch for Ready<'_> {
    fn summary(&self) -> Summary {
        self.summary
    }

    fn read(&mut self, _want: ColumnSet) -> Result<Columns<'_>, Error> {
        Ok(self.columns)
    }
}
