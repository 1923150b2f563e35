//! Runs a pipeline over the entries of streams, on one thread.

use super::compile::{Output, Pipeline, SampleLabels, SampleValue};
use super::entry_labels::{ERROR, EntryLabels, MAX_TEXT_BYTES, write_piece};
use super::label_sets::{Category, LabelSets, SetId, Signatures};
use super::metadata::{Metadata, Outcomes};
use super::names::NameId;
use super::stage::{Line, LineBuffers, Scratch};
use crate::source::{Batch, ColumnSet, Columns, Found};
use crate::{Error, ErrorKind, Labels};
use std::ops::Range;

/// Runs a [`Pipeline`]; owns what that takes of memory, and the label sets that have come out.
///
/// For every batch, in this order: [`stream`](Runner::stream), [`search`](Runner::search) where there is a batch to be
/// asked, [`select`](Runner::select), then [`line`](Runner::line) or [`sample`](Runner::sample) for the selected entries.
#[derive(Debug)]
pub(crate) struct Runner<'p> {
    pipeline: &'p Pipeline,
    now: i64,
    labels: EntryLabels,
    metadata: Metadata,
    outcomes: Outcomes<Option<Outcome>>,
    lines: LineBuffers,
    scratch: Scratch,
    /// What the batch has told of the searches, and which entries it has found.
    found: Found,
    candidates: Vec<u32>,
    narrowed: Vec<u32>,
    sets: LabelSets,
    signatures: Signatures,
    signature: Vec<u8>,
    /// The set of samples whose labels are all of the stream.
    stream_set: Option<SetId>,
    /// The name `__error__`.
    error: NameId,
}

/// A line that passed, and its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineOutcome<'a> {
    /// The line as the stages have left it.
    pub(crate) line: &'a [u8],
    /// Its labels.
    pub(crate) set: SetId,
}

/// A sample and the labels of its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SampleOutcome {
    /// Its value.
    pub(crate) value: f64,
    /// Its labels.
    pub(crate) set: SetId,
}

/// What became of an entry whose line does not matter.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    /// The value of a label, of samples that have that.
    value: f64,
    set: SetId,
}

impl Pipeline {
    /// A runner for one thread. `now` is what templates take for the present, in nanoseconds.
    pub(crate) fn runner(&self, now: i64) -> Runner<'_> {
        Runner {
            pipeline: self,
            now,
            labels: EntryLabels::new(self.names.clone(), self.extraction.needed()),
            metadata: Metadata::default(),
            outcomes: Outcomes::default(),
            lines: LineBuffers::default(),
            scratch: Scratch::new(&self.ops),
            found: Found::Unknown,
            candidates: Vec::new(),
            narrowed: Vec::new(),
            sets: LabelSets::default(),
            signatures: Signatures::default(),
            signature: Vec::new(),
            stream_set: None,
            error: self.extraction.error(),
        }
    }
}

impl<'p> Runner<'p> {
    /// The batches that follow are of the stream with these labels.
    pub(crate) fn stream(&mut self, labels: &Labels) {
        self.found = Found::Unknown;
        self.metadata.clear();
        self.outcomes.clear();
        if *self.labels.stream() != *labels {
            self.labels.set_stream(labels);
            self.signatures.clear();
            self.stream_set = None;
        }
    }

    /// Asks a batch which of its lines pass the leading line filters, before any is read; false: none does.
    ///
    /// # Errors
    ///
    /// What the batch returned.
    pub(crate) fn search(&mut self, batch: &mut dyn Batch) -> Result<bool, Error> {
        if self.pipeline.clauses.is_empty() {
            return Ok(true);
        }
        self.found = match batch.search(&self.pipeline.clauses, &mut self.candidates)? {
            Found::Exactly if !self.pipeline.is_told => Found::Candidates,
            found => found,
        };
        Ok(self.found == Found::Unknown || !self.candidates.is_empty())
    }

    /// Whether the batch has answered the last search.
    pub(crate) fn has_searched(&self) -> bool {
        self.found != Found::Unknown
    }

    /// Reads columns of the batch that was searched last; of lines only those that may have been found need be there.
    ///
    /// # Errors
    ///
    /// What the batch returned.
    pub(crate) fn read<'b>(&self, batch: &'b mut dyn Batch, want: ColumnSet) -> Result<Columns<'b>, Error> {
        match self.found {
            Found::Unknown => batch.read(want),
            Found::Candidates | Found::Exactly => batch.read_of(want, &self.candidates),
        }
    }

    /// The columns that [`select`](Runner::select) reads of this batch.
    pub(crate) fn select_columns(&self) -> ColumnSet {
        self.pipeline.select_columns(self.found)
    }

    /// The columns that have to be read of this batch: those of [`Pipeline::columns`] or fewer. Where there are none,
    /// every entry gives the sample 1 with the labels [`stream_set`](Runner::stream_set).
    ///
    /// Metadata called `__error__` is not looked for then: it would not keep entries from being counted.
    pub(crate) fn columns(&self) -> ColumnSet {
        let columns = self.pipeline.columns(self.found);
        if let Output::Samples {
            value: SampleValue::One | SampleValue::Bytes,
            labels: SampleLabels::By(names),
            ..
        } = &self.pipeline.output
            && self.pipeline.ops.is_empty()
            && names.iter().all(|&name| self.labels.is_fixed(name))
        {
            return columns.without(ColumnSet::METADATA);
        }
        columns
    }

    /// Starts a batch, and finds those of its entries in `range` that pass the leading line filters.
    ///
    /// `selected` is emptied first, and is ascending.
    pub(crate) fn select(&mut self, columns: &Columns<'_>, range: Range<usize>, selected: &mut Vec<u32>) {
        if self.labels.is_overgrown() {
            self.labels.forget();
            self.signatures.clear();
        }
        self.note_metadata(columns);
        selected.clear();
        if self.found != Found::Unknown {
            let place = |entry| self.candidates.partition_point(|&i| (i as usize) < entry);
            selected.extend_from_slice(&self.candidates[place(range.start)..place(range.end)]);
            if self.found == Found::Candidates {
                for search in &self.pipeline.searches {
                    search.narrow(columns, selected, &mut self.narrowed);
                }
            }
            return;
        }
        let Some((first, others)) = self.pipeline.searches.split_first() else {
            let entry = |i| u32::try_from(i).expect("a batch counts its entries in 32 bits");
            selected.extend(range.map(entry));
            return;
        };
        first.select(columns, range, selected);
        for search in others {
            search.narrow(columns, selected, &mut self.narrowed);
        }
    }

    /// Takes note of the metadata of the batch, where it was read after [`select`](Runner::select), which does so too.
    pub(crate) fn note_metadata(&mut self, columns: &Columns<'_>) {
        let pipeline = self.pipeline;
        self.outcomes.clear();
        self.metadata
            .read(columns, &mut self.labels, |name| pipeline.reads_metadata(name));
    }

    /// What the stages make of the line of entry `i`; `None`: it is dropped.
    pub(crate) fn line<'a>(&'a mut self, columns: &Columns<'a>, i: usize) -> Option<LineOutcome<'a>> {
        if self.pipeline.labels_only {
            let known = self.outcomes.find(&self.metadata, columns, i);
            let outcome = known.unwrap_or_else(|| {
                let outcome = self.run(columns, i).map(|_| Outcome {
                    value: 0.0,
                    set: self.line_set(),
                });
                self.outcomes.insert(&self.metadata, columns, i, outcome);
                outcome
            });
            return outcome.map(|outcome| LineOutcome {
                line: columns.line(i),
                set: outcome.set,
            });
        }
        let ran = self.run(columns, i)?;
        let set = self.line_set();
        let line = if ran.is_replaced {
            self.lines.current()
        } else {
            columns.line(i)
        };
        Some(LineOutcome { line, set })
    }

    /// The sample of entry `i`; `None`: it has none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Pipeline`] where the entry has an error that the query has not asked for.
    pub(crate) fn sample(&mut self, columns: &Columns<'_>, i: usize) -> Result<Option<SampleOutcome>, Error> {
        let Output::Samples { value, labels, .. } = &self.pipeline.output else {
            unreachable!("the pipeline of a log query has no samples");
        };
        if self.pipeline.labels_only
            && let Some(known) = self.outcomes.find(&self.metadata, columns, i)
        {
            return Ok(known.map(|outcome| SampleOutcome {
                value: if matches!(value, SampleValue::Bytes) {
                    line_length(columns, i)
                } else {
                    outcome.value
                },
                set: outcome.set,
            }));
        }
        let sample = self.value(columns, i);
        let outcome = match sample {
            None => None,
            Some(_) if self.labels.has_unwanted_error() => return Err(self.pipeline_error(columns, i)),
            Some(_) if self.keeps_error_of_line(labels) => {
                let set = self.sample_set(labels);
                return Err(pipeline_error(self.sets.labels(set)));
            }
            Some(value) => Some(SampleOutcome {
                value,
                set: self.sample_set(labels),
            }),
        };
        if self.pipeline.labels_only {
            let known = outcome.map(|SampleOutcome { value, set }| Outcome { value, set });
            self.outcomes.insert(&self.metadata, columns, i, known);
        }
        Ok(outcome)
    }

    /// The value of entry `i`, whose labels are then those that it has behind all stages; `None`: it has none.
    fn value(&mut self, columns: &Columns<'_>, i: usize) -> Option<f64> {
        let Output::Samples { value, filters, .. } = &self.pipeline.output else {
            return None;
        };
        let ran = self.run(columns, i)?;
        let value = match value {
            SampleValue::One => 1.0,
            SampleValue::Bytes if ran.is_replaced => self.lines.current().len() as f64,
            SampleValue::Bytes => line_length(columns, i),
            SampleValue::Unwrap(unwrap) => unwrap.sample(&mut self.labels)?,
        };
        let is_kept = filters.iter().all(|filter| filter.keeps(&mut self.labels));
        is_kept.then_some(value)
    }

    /// The labels of every sample of the current stream, where [`columns`](Runner::columns) are none.
    pub(crate) fn stream_set(&mut self) -> SetId {
        self.labels.begin();
        match &self.pipeline.output {
            Output::Lines => self.line_set(),
            Output::Samples { labels, .. } => self.sample_set(labels),
        }
    }

    /// # Errors
    ///
    /// [`ErrorKind::Limit`] once the labels of an entry were more than one entry may have.
    pub(crate) fn check_labels(&self) -> Result<(), Error> {
        if !self.labels.is_overfull() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Limit {
            limit: "entry_label_bytes",
            message: format!(
                "the labels of one entry take more than {MAX_TEXT_BYTES} bytes; extract fewer labels or make them shorter"
            ),
        }))
    }

    /// The label sets that have come out so far.
    pub(crate) fn sets(&self) -> &LabelSets {
        &self.sets
    }

    /// Runs the stages on entry `i`; `None`: it is dropped.
    fn run(&mut self, columns: &Columns<'_>, i: usize) -> Option<Ran> {
        let pipeline = self.pipeline;
        self.labels.begin();
        self.metadata.load(columns, i, &mut self.labels);
        if pipeline.ops.is_empty() {
            return Some(Ran { is_replaced: false });
        }
        let source = if columns.lines.is_empty() { &[] } else { columns.line(i) };
        let timestamp = columns.timestamps.get(i).copied().unwrap_or_default();
        let mut line = Line::new(source, &mut self.lines, timestamp, self.now);
        for op in &pipeline.ops {
            if !op.run(&mut line, &mut self.labels, &pipeline.extraction, &mut self.scratch) {
                return None;
            }
        }
        Some(Ran {
            is_replaced: line.is_replaced(),
        })
    }

    /// The labels of the entry, by category.
    fn line_set(&mut self) -> SetId {
        self.labels.write_signature(&mut self.signature, &[]);
        if let Some(set) = self.signatures.find(&self.signature) {
            return set;
        }
        let mut labels = Vec::new();
        self.labels.output(&mut labels);
        let set = self.sets.intern(&labels);
        self.signatures.insert(&self.signature, set);
        set
    }

    /// The labels of the entry, reduced to what the sample keeps of them.
    fn sample_set(&mut self, kept: &SampleLabels) -> SetId {
        // An error that the query has asked for keeps all its labels.
        let kept = if self.labels.has_error() { None } else { Some(kept) };
        let is_of_stream = match kept {
            Some(SampleLabels::By(names)) => !names.iter().any(|&name| self.labels.is_touched(name)),
            _ => false,
        };
        if !is_of_stream {
            return self.signed_set(kept);
        }
        let set = self.stream_set.unwrap_or_else(|| self.signed_set(kept));
        self.stream_set = Some(set);
        set
    }

    /// The set of the labels in `kept`, of all where that is `None`.
    fn signed_set(&mut self, kept: Option<&SampleLabels>) -> SetId {
        match kept {
            None => self.labels.write_signature(&mut self.signature, &[]),
            Some(SampleLabels::Nothing) => self.signature.clear(),
            Some(SampleLabels::Without(names)) => self.labels.write_signature(&mut self.signature, names),
            Some(SampleLabels::By(names)) => {
                self.signature.clear();
                for &name in names {
                    match self.labels.undeleted_value(name) {
                        None => self.signature.push(0),
                        Some(value) => {
                            self.signature.push(1);
                            write_piece(&mut self.signature, value);
                        }
                    }
                }
            }
        }
        // Which of the four it is depends on nothing but whether there is an error.
        self.signature.push(u8::from(kept.is_none()));
        if let Some(set) = self.signatures.find(&self.signature) {
            return set;
        }
        let mut labels = Vec::new();
        self.labels.output(&mut labels);
        let find = |name: &str| self.labels.find(name);
        match kept {
            None => {}
            Some(SampleLabels::Nothing) => labels.clear(),
            Some(SampleLabels::Without(names)) => {
                labels.retain(|(name, ..)| !find(name).is_some_and(|name| names.contains(&name)));
            }
            Some(SampleLabels::By(names)) => labels.retain(|(name, ..)| {
                find(name).is_some_and(|name| names.contains(&name) && self.labels.undeleted_value(name).is_some())
            }),
        }
        labels
            .iter_mut()
            .for_each(|(.., category)| *category = Category::Stream);
        let set = self.sets.intern(&labels);
        self.signatures.insert(&self.signature, set);
        set
    }

    /// Whether the sample keeps a label that the line itself calls `__error__`: it counts as an error, though no filter
    /// sees it as one.
    fn keeps_error_of_line(&self, kept: &SampleLabels) -> bool {
        match kept {
            SampleLabels::Without(names) => {
                !names.contains(&self.error) && self.labels.undeleted_value(self.error).is_some()
            }
            _ => false,
        }
    }

    /// The failure of entry `i`. It is told with all labels of the entry, so the stages are run again with the metadata
    /// that no stage reads.
    fn pipeline_error(&mut self, columns: &Columns<'_>, i: usize) -> Error {
        self.metadata.read(columns, &mut self.labels, |_| true);
        self.value(columns, i);
        let mut labels = Vec::new();
        self.labels.output(&mut labels);
        pipeline_error(&Labels::from_pairs(
            labels.iter().map(|&(name, value, _)| (name, value)),
        ))
    }
}

/// The error of a sample with these labels.
fn pipeline_error(labels: &Labels) -> Error {
    Error::new(ErrorKind::Pipeline {
        error: labels.value(ERROR).unwrap_or_default().to_string(),
        series: labels.to_string(),
    })
}

fn line_length(columns: &Columns<'_>, i: usize) -> f64 {
    f64::from(columns.offsets[i + 1] - columns.offsets[i])
}

/// What the stages have done with an entry that passed.
struct Ran {
    is_replaced: bool,
}
