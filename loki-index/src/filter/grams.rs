//! What of a line goes into the set: minimizers and short words.

/// Words shorter than this are in every block; they would cost space and exclude nothing.
const MIN_WORD_BYTES: usize = 3;

/// How dense the grams lie that a filter keeps.
///
/// ```
/// use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needle};
///
/// let mut builder = ContentFilterBuilder::new(FilterSettings { grams: Grams::Dense });
/// builder.add_lines(b"connection refused", &[0, 18]);
/// let bytes = builder.finish();
/// assert!(!ContentFilter::open(&bytes)?.may_contain(&Needle::new(b"connector", false)));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grams {
    /// The least of 8 neighbours of 6 bytes, in 8 bits each: every needle of 13 bytes and more is looked up.
    Sparse,
    /// The least of 4 neighbours of 5 bytes, in 4 bits each: every needle of 8 bytes and more. A needle of 13 bytes holds
    /// two or three such grams, so that it is found out as surely, and in less space.
    #[default]
    Dense,
}

impl Grams {
    pub(super) const ALL: [Self; 2] = [Self::Sparse, Self::Dense];

    /// Needles of this length or more hold a kept gram.
    pub(super) fn reach(self) -> usize {
        match self {
            Self::Sparse => 6 + 8 - 1,
            Self::Dense => 5 + 4 - 1,
        }
    }

    /// Bits that the set keeps of each hash: an absent needle that holds one gram passes once in two to this power.
    pub(super) fn fingerprint_bits(self) -> u32 {
        match self {
            Self::Sparse => 8,
            Self::Dense => 4,
        }
    }

    /// Hands over the hashes of the kept grams of a text in lower case.
    pub(super) fn minimizers(self, text: &[u8], scratch: &mut Scratch, each: impl FnMut(u32)) {
        match self {
            Self::Sparse => minimizers::<6, 8>(text, scratch, each),
            Self::Dense => minimizers::<5, 4>(text, scratch, each),
        }
    }

    /// Hands over the hashes of the words of a text in lower case that are worth keeping: not the shortest, and not those
    /// that hold a kept gram themselves.
    ///
    /// `is_cut` leaves out words that touch an end of the text, as they may go on beyond it.
    pub(super) fn words(self, text: &[u8], is_cut: bool, mut each: impl FnMut(u32)) {
        let mut start = 0;
        while start < text.len() {
            if !is_word(text[start]) {
                start += 1;
                continue;
            }
            let mut end = start + 1;
            while end < text.len() && is_word(text[end]) {
                end += 1;
            }
            let is_whole = !is_cut || (start > 0 && end < text.len());
            if is_whole && (MIN_WORD_BYTES..self.reach()).contains(&(end - start)) {
                each(word_hash(&text[start..end]));
            }
            start = end + 1;
        }
    }
}

/// The hash of a word of up to 16 bytes. The length keeps it apart from grams, in the one set that holds both.
fn word_hash(word: &[u8]) -> u32 {
    let mut padded = [0; 16];
    padded[..word.len()].copy_from_slice(word);
    let whole = u128::from_le_bytes(padded);
    let (low, high) = (whole as u64, (whole >> 64) as u64);
    hash(low ^ hash_64(high ^ (word.len() as u64) << 56))
}

/// Which bytes words are made of.
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

fn is_word(byte: u8) -> bool {
    IS_WORD[usize::from(byte)]
}

/// The least hash of every run of `WINDOW` neighbouring grams of `GRAM` bytes, not repeated while it stays the least.
///
/// `WINDOW` is a power of two. The least of a run is found by doubling: of two, of four, of eight. These passes have no
/// branch that depends on the text and beat keeping a running least by far, whose branches nobody predicts.
fn minimizers<const GRAM: usize, const WINDOW: usize>(text: &[u8], scratch: &mut Scratch, mut each: impl FnMut(u32)) {
    if text.len() < GRAM + WINDOW - 1 {
        return;
    }
    let Scratch { least, next } = scratch;
    least.clear();
    // Eight bytes from each place on, the grams that end behind the last such place one by one.
    let mask = (1u64 << (8 * GRAM)) - 1;
    least.extend(
        text.array_windows()
            .map(|&bytes| hash(u64::from_le_bytes(bytes) & mask)),
    );
    for at in least.len()..text.len() + 1 - GRAM {
        let gram = text[at..at + GRAM]
            .iter()
            .rev()
            .fold(0, |gram, &byte| gram << 8 | u64::from(byte));
        least.push(hash(gram));
    }
    let mut reach = 1;
    while reach < WINDOW {
        next.clear();
        next.extend(least.iter().zip(&least[reach..]).map(|(&left, &right)| left.min(right)));
        std::mem::swap(least, next);
        reach *= 2;
    }

    // Writes every least, and steps on only if the one after it differs: again no branch on the text.
    next.clear();
    next.resize(least.len(), 0);
    let mut kept = 0;
    for pair in least.windows(2) {
        next[kept] = pair[0];
        kept += usize::from(pair[0] != pair[1]);
    }
    next[kept] = least[least.len() - 1];
    next[..=kept].iter().for_each(|&hash| each(hash));
}

/// Room that finding minimizers takes, kept from line to line.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    least: Vec<u32>,
    next: Vec<u32>,
}

/// Spreads a gram over 32 bits. Which of two grams is least must not depend on their order as text.
fn hash(gram: u64) -> u32 {
    (hash_64(gram) >> 32) as u32
}

/// The high half of the product depends on all bits of the gram; half the time of a better hash buys more than it would.
fn hash_64(gram: u64) -> u64 {
    gram.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &[u8], gram: usize, window: usize) -> Vec<u32> {
        let hashes: Vec<u32> = text
            .windows(gram)
            .map(|gram| hash(gram.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))))
            .collect();
        let mut kept: Vec<u32> = hashes.windows(window).map(|run| *run.iter().min().unwrap()).collect();
        kept.dedup();
        kept
    }

    proptest! {
        #[test]
        fn minimizers_are_the_least_of_every_run(text in proptest::collection::vec(97u8..100, 0..60)) {
            for (grams, gram, window) in [(Grams::Sparse, 6, 8), (Grams::Dense, 5, 4)] {
                let mut kept = Vec::new();
                grams.minimizers(&text, &mut Scratch::default(), |hash| kept.push(hash));
                prop_assert_eq!(kept, plain(&text, gram, window));
            }
        }
    }

    #[test]
    fn words_at_the_ends_of_a_needle_are_left_out() {
        let count = |text: &str, is_cut| {
            let mut words = 0;
            Grams::Sparse.words(text.as_bytes(), is_cut, |_| words += 1);
            words
        };
        assert_eq!(count("one two_2 three", false), 3);
        assert_eq!(count("one two_2 three", true), 1);
        assert_eq!(count(" one=two", true), 1);
        assert_eq!(count("of a in", false), 0);
        assert_eq!(count(" 0123456789abcdef ", true), 0);
    }
}
