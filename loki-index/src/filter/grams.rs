//! What of a line goes into the set: minimizers and short words.

use std::ops::Range;

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
/// assert!(!ContentFilter::open(&bytes)?.may_contain(&Needle::new(b"connectivity", false)));
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

    /// Writes the hashes of the kept grams of `text[line]`, which is in lower case, to the start of `kept`, which is as long
    /// as the line at least; answers how many they are. Behind the line are [`SLACK`] bytes of any kind.
    pub(super) fn minimizers(self, text: &[u8], line: Range<usize>, kept: &mut [u32]) -> usize {
        match self {
            Self::Sparse => minimizers::<6, 8>(text, line, kept),
            Self::Dense => minimizers::<5, 4>(text, line, kept),
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
                each(word_hash(text, start, end));
            }
            start = end + 1;
        }
    }
}

/// The hash of the word `text[start..end]`, which has less than 16 bytes. The length keeps it apart from grams, in the one
/// set that holds both.
fn word_hash(text: &[u8], start: usize, end: usize) -> u32 {
    let length = end - start;
    // A load of fixed size and a mask cost much less than a copy of the word's length.
    let bytes = match text[start..].first_chunk() {
        Some(&bytes) => u128::from_le_bytes(bytes) & ((1 << (8 * length)) - 1),
        None => text[start..end]
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u128::from(byte)),
    };
    let rest = ((bytes >> 64) as u64 ^ (length as u64) << 56).wrapping_mul(FACTOR);
    hash_of::<8>(bytes as u64 ^ rest)
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

/// Bytes behind a line that are read and make no difference: grams are loaded eight bytes at a time.
pub(super) const SLACK: usize = 8;

/// The least hash of every run of `WINDOW` (4 or 8) neighbouring grams of `GRAM` bytes, not repeated while it stays the
/// least.
///
/// The line is worked through in pieces of fixed size, so that what comes between the passes stays in registers and the
/// innermost cache, and the compiler uses vectors for the second. No pass has a branch that depends on the text; that beats
/// keeping a running least by far, whose branches nobody predicts.
fn minimizers<const GRAM: usize, const WINDOW: usize>(text: &[u8], line: Range<usize>, kept: &mut [u32]) -> usize {
    if line.len() < GRAM + WINDOW - 1 {
        return 0;
    }
    let grams = &text[line.start..line.end - GRAM + SLACK];
    let runs = line.len() - (GRAM + WINDOW - 1) + 1;
    let kept = &mut kept[..runs];
    let mut hashes = [0; PIECE + 7];
    let mut least = [0; PIECE];
    let (mut count, mut last) = (0, None);
    for first in (0..runs).step_by(PIECE) {
        let length = PIECE.min(runs - first);
        let bytes = &grams[first..first + length + WINDOW - 1 + SLACK - 1];
        for (hash, bytes) in hashes.iter_mut().zip(bytes.array_windows()) {
            *hash = hash_of::<GRAM>(u64::from_le_bytes(*bytes));
        }
        for (at, least) in least.iter_mut().enumerate() {
            let of_two = |at: usize| hashes[at].min(hashes[at + 1]);
            let of_four = |at: usize| of_two(at).min(of_two(at + 2));
            *least = if WINDOW == 4 {
                of_four(at)
            } else {
                of_four(at).min(of_four(at + 4))
            };
        }
        // Writes every least, and steps on only if it differs from the one before.
        let mut before = last.unwrap_or_else(|| {
            kept[0] = least[0];
            least[0]
        });
        for &now in &least[..length] {
            count += usize::from(now != before);
            kept[count] = now;
            before = now;
        }
        last = Some(before);
    }
    count + 1
}

/// Runs of grams that are worked on at once.
const PIECE: usize = 64;

/// Spreads the `GRAM` low bytes of a number over 32 bits. Which of two grams is least must not depend on their order as text.
///
/// The factor pushes the other bytes out; the high bits of what is left depend on all bits of the gram. Half the time of a
/// better hash buys more than it would.
fn hash_of<const GRAM: usize>(bytes: u64) -> u32 {
    (bytes.wrapping_mul(FACTOR << (8 * (8 - GRAM))) >> 32) as u32
}

/// Odd, with no pattern in its bits: 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &[u8], gram: usize, window: usize) -> Vec<u32> {
        let number = |gram: &[u8]| gram.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let hash = |gram: &[u8]| (number(gram) << (8 * (8 - gram.len()))).wrapping_mul(FACTOR) >> 32;
        let hashes: Vec<u32> = text.windows(gram).map(|gram| hash(gram) as u32).collect();
        let mut kept: Vec<u32> = hashes.windows(window).map(|run| *run.iter().min().unwrap()).collect();
        kept.dedup();
        kept
    }

    proptest! {
        #[test]
        fn minimizers_are_the_least_of_every_run(text in proptest::collection::vec(97u8..100, 0..60), before in 0..9usize) {
            let padded: Vec<u8> = [&b"acbacbacb"[..before], &text, b"bbcaabca"].concat();
            for (grams, gram, window) in [(Grams::Sparse, 6, 8), (Grams::Dense, 5, 4)] {
                let mut kept = vec![0; text.len()];
                let count = grams.minimizers(&padded, before..before + text.len(), &mut kept);
                kept.truncate(count);
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
