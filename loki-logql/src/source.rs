//! The seam between evaluation and storage: who holds records implements [`Source`], evaluation asks it.

mod entry_batch;
mod memory;
mod stream_filter;

pub use entry_batch::EntryBatch;
pub use memory::MemorySource;
pub use stream_filter::StreamFilter;

use crate::{Error, Labels, ast::Matcher};
use std::ops::{BitOr, ControlFlow};

/// Holds streams of entries and hands them over in batches.
///
/// A batch is one sorted run of entries of one stream. A source promises of the batches of one visit:
///
/// - every entry of every selected stream with a timestamp in the range is in exactly one batch, exact duplicates
///   (timestamp, line and metadata) left out; entries outside the range may be there too;
/// - within a batch timestamps ascend, equal timestamps in order of arrival;
/// - where two batches of one stream share a timestamp, one worker gets both, one right behind the other, those with what
///   arrived earlier first (last with [`Order::Backward`]).
pub trait Source: Sync {
    /// Hands every batch that can hold an answer to the workers of `visitor`.
    ///
    /// A source with threads makes one worker a thread, at most as many as the visitor allows; each batch goes to one
    /// worker. With [`Order::Any`] batches come as they lie. With the other orders each worker gets its batches by their
    /// newest (or oldest) timestamp. A worker that answers `Break` wants no more of them.
    ///
    /// # Errors
    ///
    /// What a worker returned, or [`ErrorKind::Source`](crate::ErrorKind::Source) where reading failed.
    fn visit(&self, selection: &Selection<'_>, visitor: &dyn Visitor) -> Result<(), Error>;

    /// Whether an answer is still wanted. It is asked now and then, inside of batches too: one template can keep a batch
    /// busy for minutes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) ends the evaluation, of a source that knows a deadline and is
    /// past it.
    fn check_wanted(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// What evaluation wants of a [`Source`].
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// Conditions on stream labels; all must hold. A missing label has the value `""`.
    pub matchers: &'a [Matcher],
    /// First timestamp, inclusive, in nanoseconds.
    pub start: i64,
    /// Last timestamp, exclusive, in nanoseconds.
    pub end: i64,
    /// In which order batches are wanted.
    pub order: Order,
    /// What every wanted line is known to hold: an AND of ORs of substrings. A source may leave out batches in which
    /// no line can satisfy this; it need not.
    pub literals: &'a [Vec<Literal>],
}

/// A substring that a line must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Literal {
    /// The bytes; never empty.
    pub bytes: Vec<u8>,
    /// Whether ASCII case does not matter; then `bytes` are in lower case.
    pub ignore_case: bool,
}

/// The order in which batches are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they lie, to any number of workers at once.
    Any,
    /// To each worker by their oldest timestamp, ascending.
    Forward,
    /// To each worker by their newest timestamp, descending.
    Backward,
}

/// Makes the workers of one visit.
pub trait Visitor: Sync {
    /// A worker for one thread.
    fn worker(&self) -> Box<dyn Worker + Send + '_>;

    /// How many workers may be made at most.
    fn most_workers(&self) -> usize {
        usize::MAX
    }
}

/// Takes batches on one thread.
pub trait Worker {
    /// Takes one batch of the stream with these labels.
    ///
    /// # Errors
    ///
    /// Ends the visit.
    fn batch(&mut self, stream: &Labels, batch: &mut dyn Batch) -> Result<ControlFlow<()>, Error>;

    /// Called once, behind the last batch of this worker, also when the visit was stopped by `Break`.
    ///
    /// # Errors
    ///
    /// Ends the visit.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// A sorted run of entries of one stream, read column by column.
pub trait Batch {
    /// What is known without reading a column.
    fn summary(&self) -> Summary;

    /// Reads the columns in `want` (and keeps those already read). Columns not asked for are empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) where the data is damaged or cannot be read.
    fn read(&mut self, want: ColumnSet) -> Result<Columns<'_>, Error>;

    /// As [`read`](Batch::read), for whoever looks at the lines of `entries` alone, which ascend: other lines may be empty, and
    /// offsets be theirs, until lines are read again.
    ///
    /// # Errors
    ///
    /// As [`read`](Batch::read).
    fn read_of(&mut self, want: ColumnSet, entries: &[u32]) -> Result<Columns<'_>, Error> {
        let _ = entries;
        self.read(want)
    }

    /// Finds the entries whose lines pass all `clauses`, where the batch knows a shorter way than to read all lines: puts
    /// their numbers into `found`, ascending, in place of what was there. It may find more than those, and says so.
    ///
    /// # Errors
    ///
    /// As [`read`](Batch::read).
    fn search(&mut self, clauses: &[LineClause], found: &mut Vec<u32>) -> Result<Found, Error> {
        let _ = (clauses, found);
        Ok(Found::Unknown)
    }
}

/// A condition on lines: that they hold one of some needles, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineClause {
    /// The needles; never none.
    pub needles: Vec<Needle>,
    /// Whether lines that hold one are unwanted.
    pub negated: bool,
}

/// A substring of lines, or several of one length: at each place one of these bytes. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle(pub Vec<Vec<u8>>);

impl Needle {
    /// Whether it is somewhere in `line`.
    ///
    /// ```
    /// use loki_logql::source::Needle;
    /// let needle = Needle(vec![b"4".to_vec(), b"0123456789".to_vec()]);
    /// assert!(needle.is_in(b"status=404") && !needle.is_in(b"status=504"));
    /// ```
    pub fn is_in(&self, line: &[u8]) -> bool {
        let is_here = |text: &[u8]| self.0.iter().zip(text).all(|(place, byte)| place.contains(byte));
        line.windows(self.0.len().max(1)).any(is_here)
    }
}

/// What a [`Batch`] has found without reading its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: it knows no shorter way than to read them.
    Unknown,
    /// All entries that were asked for, and maybe others.
    Candidates,
    /// The entries that were asked for.
    Exactly,
}

/// What a [`Batch`] tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Number of entries.
    pub entries: u32,
    /// Smallest timestamp.
    pub min_timestamp: i64,
    /// Largest timestamp.
    pub max_timestamp: i64,
    /// Sum of the lengths of its lines in bytes.
    pub line_bytes: u64,
    /// Sum of the lengths of its metadata names and values, per entry.
    pub metadata_bytes: u64,
    /// Whether any entry has structured metadata.
    pub has_metadata: bool,
}

/// A set of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSet(u8);

impl ColumnSet {
    /// Nothing.
    pub const NONE: ColumnSet = ColumnSet(0);
    /// Timestamps.
    pub const TIMESTAMPS: ColumnSet = ColumnSet(1);
    /// Where each line starts: enough for lengths.
    pub const OFFSETS: ColumnSet = ColumnSet(2);
    /// The bytes of the lines; brings the offsets.
    pub const LINES: ColumnSet = ColumnSet(2 | 4);
    /// Structured metadata.
    pub const METADATA: ColumnSet = ColumnSet(8);
    /// Everything.
    pub const ALL: ColumnSet = ColumnSet(15);

    /// The set without the columns of `other`.
    pub fn without(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 & !other.0)
    }

    /// Whether all of `other` is in the set.
    pub fn contains(self, other: ColumnSet) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for ColumnSet {
    type Output = ColumnSet;

    fn bitor(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 | other.0)
    }
}

/// Borrowed columns of a [`Batch`]. A column that was not asked for is empty.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Nanoseconds, ascending.
    pub timestamps: &'a [i64],
    /// `offsets[i]..offsets[i + 1]` is line `i` in `lines`; one more than there are entries.
    pub offsets: &'a [u32],
    /// All lines, one behind the other with nothing between.
    pub lines: &'a [u8],
    /// One column a metadata name, sorted by name.
    pub metadata: &'a [MetadataColumn],
}

impl<'a> Columns<'a> {
    /// Line `i`. Needs [`ColumnSet::LINES`].
    pub fn line(&self, i: usize) -> &'a [u8] {
        &self.lines[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    /// The metadata pairs of entry `i`, sorted by name. Needs [`ColumnSet::METADATA`].
    pub fn metadata_of(&self, i: usize) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.metadata
            .iter()
            .filter_map(move |column| Some((column.name.as_str(), column.value(i)?)))
    }
}

/// The values of one metadata name in a batch: each distinct value once, and which of them each entry has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataColumn {
    /// The name.
    pub name: String,
    /// The distinct values.
    pub values: Strings,
    /// Per entry: 0 where it has no such pair, else one more than the place in `values`.
    pub symbols: Vec<u32>,
}

impl MetadataColumn {
    /// The value of entry `i`.
    pub fn value(&self, i: usize) -> Option<&str> {
        self.values.get((self.symbols[i] as usize).checked_sub(1)?)
    }
}

/// A list of strings in one buffer.
///
/// ```
/// use loki_logql::source::Strings;
/// let list: Strings = ["info", "error"].into_iter().collect();
/// assert_eq!(list.get(1), Some("error"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    /// Where each string ends.
    ends: Vec<u32>,
}

impl Strings {
    /// Adds a string.
    pub fn push(&mut self, string: &str) {
        self.text.push_str(string);
        self.ends.push(self.text.len() as u32);
    }

    /// The string at `place`.
    pub fn get(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)? as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.text[start..end])
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl<'s> FromIterator<&'s str> for Strings {
    fn from_iter<I: IntoIterator<Item = &'s str>>(strings: I) -> Strings {
        let mut list = Strings::default();
        strings.into_iter().for_each(|string| list.push(string));
        list
    }
}
