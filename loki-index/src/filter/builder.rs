//! Builds a content filter.

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
/// assert_eq!(FilterSettings::default().grams, Grams::Dense);
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
    /// The hashes as they were taken out of the set.
    drained: Vec<u32>,
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
        self.hashes.fit(lines.len());
        for bounds in offsets.windows(2) {
            let line = &self.folded[bounds[0] as usize..bounds[1] as usize];
            self.longest_line = self.longest_line.max(line.len());
            grams.minimizers(line, &mut self.scratch, |hash| self.hashes.insert(hash));
            grams.words(line, false, |hash| self.hashes.insert(hash));
        }
    }

    /// The filter's bytes, for [`ContentFilter::open`](super::ContentFilter::open). The builder has no lines then.
    pub fn finish(&mut self) -> Vec<u8> {
        self.hashes.drain(&mut self.drained);
        let hashes = &self.drained;
        let grams = self.settings.grams;
        let (set, slots) = match fuse::build(hashes, grams.fingerprint_bits()) {
            _ if hashes.is_empty() => (Set::Empty, Vec::new()),
            Some((shape, slots)) => (Set::Fuse(shape), slots),
            None => (Set::Unknown, Vec::new()),
        };
        let longest_line = u32::try_from(std::mem::take(&mut self.longest_line)).unwrap_or(u32::MAX);
        Header {
            grams,
            bytes: std::mem::take(&mut self.bytes),
            longest_line,
            set,
        }
        .encode(&slots)
    }
}

/// A set of hashes: open addressing, each hash at the first free slot from its own on.
#[derive(Clone, Debug)]
struct Hashes {
    /// A power of two of them, at most half of them taken.
    slots: Vec<u32>,
    taken: usize,
    /// The one hash that marks a free slot.
    has_free: bool,
}

/// A free slot.
const FREE: u32 = 0;
/// The fewest slots of a set.
const MIN_SLOTS: usize = 1 << 8;
/// The most slots that an empty set is given; it grows beyond them where it must.
const MAX_SLOTS: usize = 1 << 16;
/// Log lines bring a hash for every 15 bytes or so, and slots should stay half free.
const BYTES_PER_SLOT: usize = 4;

impl Default for Hashes {
    fn default() -> Self {
        Self {
            slots: vec![FREE; MIN_SLOTS],
            taken: 0,
            has_free: false,
        }
    }
}

impl Hashes {
    /// Gives an empty set as many slots as the hashes of so many bytes of lines need: to go through more of them costs
    /// small blocks dearly.
    fn fit(&mut self, line_bytes: usize) {
        if self.taken == 0 {
            let slots = (line_bytes / BYTES_PER_SLOT)
                .next_power_of_two()
                .clamp(MIN_SLOTS, MAX_SLOTS);
            self.slots.resize(slots, FREE);
        }
    }

    fn insert(&mut self, hash: u32) {
        if hash == FREE {
            self.has_free = true;
            return;
        }
        let mask = self.slots.len() - 1;
        let mut at = spread(hash) as usize & mask;
        while self.slots[at] != hash {
            if self.slots[at] == FREE {
                self.slots[at] = hash;
                self.taken += 1;
                if self.taken * 2 > self.slots.len() {
                    self.grow();
                }
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let larger = vec![FREE; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, larger);
        self.taken = 0;
        old.into_iter()
            .filter(|&hash| hash != FREE)
            .for_each(|hash| self.insert(hash));
    }

    /// Takes all hashes out.
    fn drain(&mut self, into: &mut Vec<u32>) {
        into.clear();
        into.extend(self.has_free.then_some(FREE));
        into.extend(self.slots.iter().filter(|&&hash| hash != FREE));
        self.slots.fill(FREE);
        self.taken = 0;
        self.has_free = false;
    }
}

/// Fills all bits evenly: the least hashes of runs are small numbers.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}
