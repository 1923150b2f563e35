//! Builds a content filter.

use super::{
    content::{Header, Set},
    fuse,
    grams::{Grams, SLACK},
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
    /// The hashes of the lines being added, as they come.
    kept: Vec<u32>,
    /// The hashes as they were taken out of the set.
    drained: Vec<u32>,
    bytes: ByteMask,
    longest_line: usize,
    /// The lines being added, in lower case, and some bytes behind them.
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
        self.folded.resize(lines.len() + SLACK, 0);

        let grams = self.settings.grams;
        self.hashes.fit(lines.len());
        // A line has fewer grams, and fewer words of three bytes, than bytes.
        if self.kept.len() < lines.len() * 2 {
            self.kept.resize(lines.len() * 2, 0);
        }
        let mut count = 0;
        for bounds in offsets.windows(2) {
            let line = bounds[0] as usize..bounds[1] as usize;
            self.longest_line = self.longest_line.max(line.len());
            count += grams.minimizers(&self.folded, line.clone(), &mut self.kept[count..]);
            grams.words(&self.folded[line], false, |hash| {
                self.kept[count] = hash;
                count += 1;
            });
        }
        self.hashes.extend(&mut self.kept[..count]);
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

/// A set of hashes: open addressing, each hash at the first free slot from its own on. So they lie about in the order in
/// which the fuse filter lays them out, which then works through its slots from one end to the other.
#[derive(Clone, Debug)]
struct Hashes {
    /// A power of two of them, at most half of them taken.
    slots: Vec<u32>,
    taken: usize,
    /// What came last, by the middle bits. Log lines repeat themselves, so most hashes are known; finding that out here stays
    /// in the innermost cache.
    recent: Vec<u32>,
}

/// Slots of `Hashes::recent`: 16 KiB.
const RECENT: usize = 1 << 12;

/// A free slot. The one hash of this value is left out of sets, and is not asked for.
pub(super) const FREE: u32 = 0;
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
            recent: vec![FREE; RECENT],
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

    /// Adds hashes, whose order is lost.
    fn extend(&mut self, hashes: &mut [u32]) {
        // Without a branch on whether a hash is known: nobody could predict it.
        let mut new = 0;
        for at in 0..hashes.len() {
            let hash = hashes[at];
            let recent = &mut self.recent[hash as usize / 256 % RECENT];
            hashes[new] = hash;
            new += usize::from(*recent != hash);
            *recent = hash;
        }
        hashes[..new].iter().for_each(|&hash| self.insert(hash));
    }

    fn insert(&mut self, hash: u32) {
        let mask = self.slots.len() - 1;
        let mut at = (fuse::first_mix(hash) >> (64 - self.slots.len().trailing_zeros())) as usize;
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
        into.resize(self.slots.len(), FREE);
        let mut count = 0;
        for &hash in &self.slots {
            // The slots are never all taken.
            into[count] = hash;
            count += usize::from(hash != FREE);
        }
        into.truncate(count);
        self.slots.fill(FREE);
        self.recent.fill(FREE);
        self.taken = 0;
    }
}
