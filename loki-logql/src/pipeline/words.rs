//! Looking for a few bytes eight at a time. What parsers look for is mostly near: a call of memchr takes longer.

/// Bytes that are looked at at once.
pub(super) const WORD_BYTES: usize = 8;

/// Eight bytes, the first of them lowest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word(u64);

/// Which bytes of a word were found, up to and with the first of them. What is said of bytes behind the first may be wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks(u64);

/// A word of this byte.
const fn repeat(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

const HIGH_BITS: u64 = repeat(0x80);

impl Word {
    /// The bytes that are `byte`.
    pub(super) fn find(self, byte: u8) -> Marks {
        Word(self.0 ^ repeat(byte)).find_below(1)
    }

    /// The bytes less than `bound`, which is ASCII.
    pub(super) fn find_below(self, bound: u8) -> Marks {
        debug_assert!(bound.is_ascii());
        Marks(self.0.wrapping_sub(repeat(bound)) & !self.0 & HIGH_BITS)
    }

    /// The bytes greater than `bound`, which is ASCII.
    pub(super) fn find_above(self, bound: u8) -> Marks {
        debug_assert!(bound.is_ascii());
        let beyond = (self.0 & !HIGH_BITS) + repeat(0x7f - bound);
        Marks((beyond | self.0) & HIGH_BITS)
    }
}

impl Marks {
    /// These bytes and those.
    pub(super) fn or(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }
}

/// The position of the first byte that `find` finds in a word, at or behind `start`. `is_it` is the same of one byte, for
/// those at the end of the text.
#[inline]
pub(super) fn position(
    text: &[u8],
    start: usize,
    find: impl Fn(Word) -> Marks,
    is_it: impl Fn(u8) -> bool,
) -> Option<usize> {
    let mut at = start;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<WORD_BYTES>()) {
        let found = find(Word(u64::from_le_bytes(*word))).0;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / WORD_BYTES);
        }
        at += WORD_BYTES;
    }
    text.get(at..)?.iter().position(|&byte| is_it(byte)).map(|n| at + n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_find_what_bytes_find(
            text in prop::collection::vec(prop::sample::select(b"a!#\"\\\x00\xff\xa2\x80\x7f".to_vec()), 0..60),
            start in 0usize..61, byte in any::<u8>(), below in 0u8..0x80, above in 0u8..0x80,
        ) {
            let is_it = |b: u8| b == byte || b < below || b > above;
            let find = |word: Word| word.find(byte).or(word.find_below(below)).or(word.find_above(above));
            let found = position(&text, start, find, is_it);
            let expected = text.iter().enumerate().skip(start).find(|&(_, &b)| is_it(b)).map(|(at, _)| at);
            prop_assert_eq!(found, expected);
        }
    }
}
