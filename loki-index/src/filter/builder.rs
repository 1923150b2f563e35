//! Builds a content filter.

use super::{
    bloom,
    content::Header,
    grams::{Folded, Grams, KEY_BITS, Minimizers},
    needle::ByteMask,
};

/// What a filter costs and answers.
///
/// ```
/// use loki_index::{FilterSettings, Grams};
///
/// assert_eq!(FilterSettings::default().grams, Grams::Dense);
/// assert_eq!(FilterSettings::default().bits_per_16_keys, 80);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterSettings {
    /// How dense the kept grams lie: from which length on a needle is looked up.
    pub grams: Grams,
    /// Bits for every 16 kept grams, at least 16. With 80 nine of a hundred grams that are in no line pass, with 72 eleven, with
    /// 96 six; of a needle with three grams as many times fewer, three times over.
    pub bits_per_16_keys: u32,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self {
            grams: Grams::default(),
            bits_per_16_keys: 80,
        }
    }
}

/// Gathers lines and makes the filter over them. Equal lines make equal bytes.
///
/// It keeps some 300 KB of memory from one filter to the next.
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
    keys: KeySet,
    bytes: ByteMask,
    longest_line: usize,
    /// The lines being added.
    folded: Folded,
    minimizers: Minimizers,
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
        let longest = offsets.windows(2).map(|bounds| {
            assert!(bounds[0] <= bounds[1], "the offsets of lines ascend");
            bounds[1] - bounds[0]
        });
        self.longest_line = self.longest_line.max(longest.max().unwrap_or(0) as usize);
        self.folded.set(lines);
        let keys = &mut self.keys;
        self.minimizers.each(
            self.settings.grams,
            &self.folded,
            offsets,
            #[inline(always)]
            |found| keys.extend(found),
        );
    }

    /// The filter's bytes, for [`ContentFilter::open`](super::ContentFilter::open). The builder has no lines then.
    pub fn finish(&mut self) -> Vec<u8> {
        let keys = self.keys.as_slice();
        let bits = self.settings.bits_per_16_keys;
        let (set, probes) = match keys {
            [] => (Vec::new(), 0),
            keys => (bloom::build(keys, bits), bloom::probes(bits)),
        };
        self.keys.clear();
        let longest_line = u32::try_from(std::mem::take(&mut self.longest_line)).unwrap_or(u32::MAX);
        Header {
            grams: self.settings.grams,
            probes,
            bytes: std::mem::take(&mut self.bytes),
            longest_line,
        }
        .encode(&set)
    }
}

/// A set of keys: a bit for each that there can be, and a list of those that are there.
#[derive(Clone, Debug)]
struct KeySet {
    is_known: Box<[u64; WORDS]>,
    /// The first `count` of these.
    list: Vec<u32>,
    count: usize,
}

/// Words of a bit for each key.
const WORDS: usize = 1 << (KEY_BITS - 6);

impl Default for KeySet {
    fn default() -> Self {
        let words = vec![0; WORDS].into_boxed_slice();
        Self {
            is_known: words.try_into().expect("it has as many words"),
            list: Vec::new(),
            count: 0,
        }
    }
}

impl KeySet {
    /// Inlined into the loop that finds the keys, which is made for the vectors that the processor has.
    #[inline(always)]
    fn extend(&mut self, keys: &[u32]) {
        if self.list.len() < self.count + keys.len() {
            self.list.resize((self.count + keys.len()) * 2, 0);
        }
        // Writes every key, and steps on only if it is new: nobody could predict a branch.
        let list = &mut self.list[self.count..];
        let mut new = 0;
        for &key in keys {
            let word = &mut self.is_known[(key >> 6) as usize % WORDS];
            let bit = 1 << (key & 63);
            list[new] = key;
            new += usize::from(*word & bit == 0);
            *word |= bit;
        }
        self.count += new;
    }

    fn as_slice(&self) -> &[u32] {
        &self.list[..self.count]
    }

    fn clear(&mut self) {
        for &key in &self.list[..self.count] {
            self.is_known[(key >> 6) as usize % WORDS] = 0;
        }
        self.count = 0;
    }
}
