//! Builds a content filter.

use hashbrown::HashTable;

use super::{
    content::{Header, Set},
    fuse,
    grams::{Grams, Scratch},
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

/// Gathers lines and makes the filter over them. Equal lines in equal order make equal bytes.
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
    hashes: Hashes,
    bytes: ByteMask,
    longest_line: usize,
    /// The lines being added, in lower case.
    folded: Vec<u8>,
    scratch: Scratch,
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

        let grams = self.settings.grams;
        self.hashes
            .table
            .reserve(lines.len() / BYTES_PER_HASH, |&known| spread(known));
        for bounds in offsets.windows(2) {
            let line = &self.folded[bounds[0] as usize..bounds[1] as usize];
            self.longest_line = self.longest_line.max(line.len());
            grams.minimizers(line, &mut self.scratch, |hash| self.hashes.insert(hash));
            grams.words(line, false, |hash| self.hashes.insert(hash));
        }
    }

    /// The filter's bytes, for [`ContentFilter::open`](super::ContentFilter::open).
    pub fn finish(self) -> Vec<u8> {
        let hashes: Vec<u64> = self.hashes.table.into_iter().collect();
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

/// A set of hashes.
#[derive(Clone, Debug)]
struct Hashes {
    table: HashTable<u64>,
    /// What came last, by the low bits. Log lines repeat themselves, so most hashes are known; finding that out here
    /// stays in the innermost cache.
    recent: Box<[u64; RECENT]>,
}

/// Slots of `Hashes::recent`: 32 KiB.
const RECENT: usize = 1 << 12;
/// A guess at how many bytes of log text bring one new hash, so that the table need not grow step by step.
const BYTES_PER_HASH: usize = 24;

impl Default for Hashes {
    fn default() -> Self {
        // A slot starts with a hash that belongs elsewhere.
        let recent = Box::new(std::array::from_fn(|slot| slot as u64 ^ 1));
        Self {
            table: HashTable::new(),
            recent,
        }
    }
}

impl Hashes {
    fn insert(&mut self, hash: u64) {
        let recent = &mut self.recent[hash as usize % RECENT];
        if *recent != hash {
            *recent = hash;
            self.table
                .entry(spread(hash), |&known| known == hash, |&known| spread(known))
                .or_insert(hash);
        }
    }
}

/// Fills the high bits, which the hashes of grams leave empty.
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
