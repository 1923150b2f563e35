//! What of a line goes into the set: minimizers and short words.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Keeps words apart from grams in the one set that holds both.
const WORD_SEED: u64 = 0x776f_7264;
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
    /// The least of 8 neighbours of 6 bytes: every needle of 13 bytes and more is looked up.
    #[default]
    Sparse,
    /// The least of 4 neighbours of 5 bytes: every needle of 8 bytes and more, for about twice the space.
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

    /// Hands over the hashes of the kept grams of a text in lower case.
    pub(super) fn minimizers(self, text: &[u8], each: impl FnMut(u64)) {
        match self {
            Self::Sparse => minimizers::<6, 8>(text, each),
            Self::Dense => minimizers::<5, 4>(text, each),
        }
    }

    /// Hands over the hashes of the words of a text in lower case that are worth keeping: not the shortest, and not those
    /// that hold a kept gram themselves.
    ///
    /// `is_cut` leaves out words that touch an end of the text, as they may go on beyond it.
    pub(super) fn words(self, text: &[u8], is_cut: bool, mut each: impl FnMut(u64)) {
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
                each(xxh3_64_with_seed(&text[start..end], WORD_SEED));
            }
            start = end + 1;
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The least hash of every run of `WINDOW` neighbouring grams of `GRAM` bytes, not repeated while it stays the least.
fn minimizers<const GRAM: usize, const WINDOW: usize>(text: &[u8], mut each: impl FnMut(u64)) {
    if text.len() < GRAM + WINDOW - 1 {
        return;
    }
    let mut gram = 0u64;
    let mut next = |byte: u8| {
        gram = gram >> 8 | u64::from(byte) << (8 * (GRAM - 1));
        hash(gram)
    };
    for &byte in &text[..GRAM - 1] {
        next(byte);
    }
    let mut window = [0u64; WINDOW];
    for (slot, &byte) in window.iter_mut().zip(&text[GRAM - 1..]) {
        *slot = next(byte);
    }
    let mut least = window.into_iter().min().expect("a window holds grams");
    each(least);

    for (position, &byte) in text[GRAM + WINDOW - 1..].iter().enumerate() {
        let slot = &mut window[position % WINDOW];
        let leaving = *slot;
        let entering = next(byte);
        *slot = entering;
        if entering < least {
            least = entering;
            each(least);
        } else if leaving == least {
            let left = window.into_iter().min().expect("a window holds grams");
            if left != least {
                least = left;
                each(least);
            }
        }
    }
}

/// Spreads a gram over 64 bits; both which gram is least and where it lies in the set depend on it.
fn hash(gram: u64) -> u64 {
    let product = gram.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product ^ product >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &[u8], gram: usize, window: usize) -> Vec<u64> {
        let hashes: Vec<u64> = text
            .windows(gram)
            .map(|gram| hash(gram.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))))
            .collect();
        let mut kept: Vec<u64> = hashes.windows(window).map(|run| *run.iter().min().unwrap()).collect();
        kept.dedup();
        kept
    }

    proptest! {
        #[test]
        fn minimizers_are_the_least_of_every_run(text in proptest::collection::vec(97u8..100, 0..60)) {
            for (grams, gram, window) in [(Grams::Sparse, 6, 8), (Grams::Dense, 5, 4)] {
                let mut kept = Vec::new();
                grams.minimizers(&text, |hash| kept.push(hash));
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
