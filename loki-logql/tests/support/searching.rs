//! A source whose batches find lines by themselves, as those of a store with an index of their text would.

use loki_logql::source::{Batch, ColumnSet, Columns, Found, LineClause, Selection, Source, Summary, Visitor, Worker};
use loki_logql::{Error, Labels};
use std::ops::ControlFlow;

/// A source over the entries of another one; its batches answer every search so: `Exactly`, or `Candidates` with every third
/// entry among them, whatever it holds.
pub(crate) struct Searching<'s> {
    pub(crate) source: &'s dyn Source,
    pub(crate) found: Found,
}

impl Source for Searching<'_> {
    fn visit(&self, selection: &Selection<'_>, visitor: &dyn Visitor) -> Result<(), Error> {
        let found = self.found;
        self.source.visit(selection, &SearchingVisitor { visitor, found })
    }
}

struct SearchingVisitor<'v> {
    visitor: &'v dyn Visitor,
    found: Found,
}

impl Visitor for SearchingVisitor<'_> {
    fn worker(&self) -> Box<dyn Worker + Send + '_> {
        let worker = self.visitor.worker();
        let found = self.found;
        Box::new(SearchingWorker { worker, found })
    }

    fn most_workers(&self) -> usize {
        self.visitor.most_workers()
    }
}

struct SearchingWorker<'w> {
    worker: Box<dyn Worker + Send + 'w>,
    found: Found,
}

impl Worker for SearchingWorker<'_> {
    fn batch(&mut self, stream: &Labels, batch: &mut dyn Batch) -> Result<ControlFlow<()>, Error> {
        let mut batch = SearchingBatch {
            batch,
            found: self.found,
            read: ColumnSet::NONE,
            some: None,
        };
        self.worker.batch(stream, &mut batch)
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.worker.finish()
    }
}

struct SearchingBatch<'b> {
    batch: &'b mut dyn Batch,
    found: Found,
    /// What was asked for so far; what a search reads is left out.
    read: ColumnSet,
    /// Offsets and lines, of which those are empty that were not asked for.
    some: Option<(Vec<u32>, Vec<u8>)>,
}

fn some_lines(columns: &Columns<'_>, entries: &[u32]) -> (Vec<u32>, Vec<u8>) {
    let (mut offsets, mut lines) = (vec![0], Vec::new());
    for i in 0..columns.offsets.len().saturating_sub(1) {
        if entries.iter().any(|&entry| entry as usize == i) {
            lines.extend_from_slice(columns.line(i));
        }
        offsets.push(u32::try_from(lines.len()).expect("as long as all lines at most"));
    }
    (offsets, lines)
}

impl Batch for SearchingBatch<'_> {
    fn summary(&self) -> Summary {
        self.batch.summary()
    }

    fn read(&mut self, want: ColumnSet) -> Result<Columns<'_>, Error> {
        self.read = self.read | want;
        let mut columns = self.batch.read(want)?;
        if !self.read.contains(ColumnSet::OFFSETS) {
            columns.offsets = &[];
        }
        if !self.read.contains(ColumnSet::LINES) {
            columns.lines = &[];
        }
        Ok(columns)
    }

    fn read_of(&mut self, want: ColumnSet, entries: &[u32]) -> Result<Columns<'_>, Error> {
        self.read = self.read | want;
        let has_lines = self.read.contains(ColumnSet::LINES);
        let columns = self.batch.read(want)?;
        self.some = Some(some_lines(&columns, entries));
        let (offsets, lines) = self.some.as_ref().expect("just put there");
        Ok(Columns {
            offsets: if has_lines { offsets } else { columns.offsets },
            lines: if has_lines { lines } else { &[] },
            ..columns
        })
    }

    fn search(&mut self, clauses: &[LineClause], found: &mut Vec<u32>) -> Result<Found, Error> {
        found.clear();
        let columns = self.batch.read(ColumnSet::LINES)?;
        for i in 0..columns.offsets.len() - 1 {
            let line = columns.line(i);
            let passes = |clause: &LineClause| {
                let holds = clause.needles.iter().any(|needle| needle.is_in(line));
                holds != clause.negated
            };
            let is_extra = self.found == Found::Candidates && i % 3 == 0;
            if is_extra || clauses.iter().all(passes) {
                found.push(u32::try_from(i).expect("a batch counts its entries in 32 bits"));
            }
        }
        Ok(self.found)
    }
}
