//! Builds a content filter.

use hashbrown::HashTable;

use super::{
    content::{Header, Set},
    fuse,
    grams::Grams,
    needle::ByteMask,
};

/// What a filter costs and answers.
///
/// ```
/// use loki_index::{FilterSettings, Grams};
///
/// assert_eq!(FilterSettings::default().grams, Grams::Sparse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterSettings {
    /// How dense the kept grams lie: from which length on a needle is looked up.
    pub grams: Grams,
}

/// Gathers lines and makes the filter over them.
///
/// ```
/// use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Needle};
///
/// let mut builder = ContentFilterBuilder::new(FilterSettings::default());
/// builder.add_lines(b"first linesecond line", &[0, 10, 21]);
/// let bytes = builder.finish();
///
/// let filter = ContentFilter::open(&bytes)?;
/// assert!(filter.may_contain(&Needle::new(b"second line", false)));
/// assert!(!filter.may_contain(&Needle::new(b"first linesecond", false)));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ContentFilterBuilder {
    settings: FilterSettings,
    hashes: HashTable<u64>,
    bytes: ByteMask,
    longest_line: usize,
    folded: Vec<u8>,
}

impl ContentFilterBuilder {
    /// A builder of no lines.
    pub fn new(settings: FilterSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Adds lines that lie end to end in one buffer: line *i* is `lines[offsets[i]..offsets[i + 1]]`.
    ///
    /// # Panics
    ///
    /// If the offsets do not ascend or leave the buffer.
    pub fn add_lines(&mut self, lines: &[u8], offsets: &[u32]) {
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return;
        };
        self.bytes.join(ByteMask::of(&lines[first as usize..last as usize]));
        self.folded.clear();
        self.folded.extend_from_slice(lines);
        self.folded.make_ascii_lowercase();

        let Self {
            settings: FilterSettings { grams },
            hashes,
            folded,
            longest_line,
            ..
        } = self;
        let mut keep = |hash: u64| {
            hashes.entry(hash, |&known| known == hash, |&hash| hash).or_insert(hash);
        };
        for bounds in offsets.windows(2) {
            let line = &folded[bounds[0] as usize..bounds[1] as usize];
            *longest_line = line.len().max(*longest_line);
            grams.minimizers(line, &mut keep);
            grams.words(line, false, &mut keep);
        }
    }

    /// The filter's bytes, for [`ContentFilter::open`](super::ContentFilter::open).
    pub fn finish(self) -> Vec<u8> {
        // Sorted, so that equal lines make equal bytes.
        let mut hashes: Vec<u64> = self.hashes.into_iter().collect();
        hashes.sort_unstable();
        let (set, slots) = match fuse::build(&hashes) {
            _ if hashes.is_empty() => (Set::Empty, Vec::new()),
            Some((shape, slots)) => (Set::Fuse(shape), slots),
            None => (Set::Unknown, Vec::new()),
        };
        let longest_line = u32::try_from(self.longest_line).unwrap_or(u32::MAX);
        Header {
            grams: self.settings.grams,
            bytes: self.bytes,
            longest_line,
            set,
        }
        .encode(&slots)
    }
}
