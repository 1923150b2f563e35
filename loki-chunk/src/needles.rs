//! Several substrings as one automaton of bits, whose states are sets: so it can be run over text of which only the alphabet is
//! known.

/// Which beginnings of needles stand right before a place in a text: bit `n` of a needle that begins at bit `n - length` for its
/// first `length` bytes. The empty beginnings, which stand before every place, are left out.
pub(crate) type Open = u64;

/// Bits of [`Open`].
pub(crate) const MOST_BITS: usize = u64::BITS as usize;

/// Needles, each a row of places at which one of some bytes stands.
#[derive(Debug, Clone)]
pub(crate) struct Needles {
    /// Of each byte the bits of the places at which it can stand.
    masks: Box<[Open; 256]>,
    /// The first bit of each needle.
    starts: Open,
    /// The bit behind the last place of each needle. No byte stands there, so nothing goes on from one needle into the next.
    ends: Open,
    shortest: usize,
    longest: usize,
}

impl Needles {
    /// Of needles that together have at most [`MOST_BITS`] places, one more counted for each; none of them is empty.
    pub(crate) fn new<'a, P: AsRef<[u8]> + 'a>(needles: impl IntoIterator<Item = &'a [P]>) -> Self {
        let mut made = Self {
            masks: Box::new([0; 256]),
            starts: 0,
            ends: 0,
            shortest: usize::MAX,
            longest: 0,
        };
        let mut bit = 0;
        for needle in needles {
            made.starts |= 1 << bit;
            for place in needle {
                for &byte in place.as_ref() {
                    made.masks[usize::from(byte)] |= 1 << bit;
                }
                bit += 1;
            }
            made.ends |= 1 << bit;
            bit += 1;
            made.longest = made.longest.max(needle.len());
            made.shortest = made.shortest.min(needle.len());
        }
        // Of no needles at all any step will do, but the largest would overflow.
        made.shortest = made.shortest.clamp(1, MOST_BITS);
        made
    }

    /// The places at which one of these bytes can stand.
    pub(crate) fn mask(&self, bytes: impl IntoIterator<Item = u8>) -> Open {
        bytes
            .into_iter()
            .fold(0, |mask, byte| mask | self.masks[usize::from(byte)])
    }

    /// Goes on with `open` through a text, and with needles that begin in it: whether one ends there, and what is open behind.
    #[inline]
    pub(crate) fn run(&self, mut open: Open, text: &[u8]) -> (bool, Open) {
        let mut reached = 0;
        for &byte in text {
            open = ((open | self.starts) & self.masks[usize::from(byte)]) << 1;
            reached |= open;
        }
        (reached & self.ends != 0, open & !self.ends)
    }

    /// Looks for needles in a text, before which nothing is open: whether one ends in it, and what is open behind.
    pub(crate) fn search(&self, text: &[u8]) -> (bool, Open) {
        let (mut at, mut open) = (0, 0);
        while at < text.len() {
            // Where nothing is open, no needle goes over a byte that is in none: all that would begin before it are passed over.
            if open == 0
                && let Some(&byte) = text.get(at + self.shortest - 1)
                && self.masks[usize::from(byte)] == 0
            {
                at += self.shortest;
                continue;
            }
            open = ((open | self.starts) & self.masks[usize::from(text[at])]) << 1;
            if open & self.ends != 0 {
                let (_, open) = self.run(0, &text[text.len() - text.len().min(self.longest)..]);
                return (true, open);
            }
            at += 1;
        }
        (false, open)
    }

    /// Goes on with `open` alone: what is left of needles that began before the text.
    #[inline]
    pub(crate) fn resume(&self, mut open: Open, text: &[u8]) -> (bool, Open) {
        let mut reached = 0;
        for &byte in text {
            if open == 0 {
                break;
            }
            open = (open & self.masks[usize::from(byte)]) << 1;
            reached |= open;
        }
        (reached & self.ends != 0, open & !self.ends)
    }

    /// What can be open behind a text of one to `longest` bytes, each of which has its places in `mask`.
    pub(crate) fn spread(&self, open: Open, mask: Open, longest: usize) -> Open {
        let mut behind = 0;
        for _ in 0..longest {
            let more = behind | ((open | self.starts | behind) & mask) << 1;
            if more == behind {
                break;
            }
            behind = more;
        }
        behind & !self.ends
    }

    /// What before such a text, the beginnings of needles counted, can come to an end in it or be open in `wanted` behind it.
    pub(crate) fn before_any(&self, wanted: Open, mask: Open, longest: usize) -> Open {
        let mut before = 0;
        for _ in 0..longest {
            let more = before | (self.ends | wanted | before) >> 1 & mask;
            if more == before {
                break;
            }
            before = more;
        }
        before
    }

    /// What, open before a text, can come to an end in it or be in `wanted` behind it.
    pub(crate) fn before(&self, wanted: Open, text: &[u8]) -> Open {
        let (head, wanted) = match text.get(..self.longest) {
            Some(head) => (head, 0),
            None => (text, wanted),
        };
        let before = head.iter().rev().fold(wanted, |wanted, &byte| {
            (self.ends | wanted) >> 1 & self.masks[usize::from(byte)]
        });
        before & !self.starts
    }

    /// The empty beginnings.
    pub(crate) fn starts(&self) -> Open {
        self.starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needles(texts: &[String]) -> Needles {
        let places: Vec<Vec<[u8; 1]>> = texts
            .iter()
            .map(|text| text.bytes().map(|byte| [byte]).collect())
            .collect();
        Needles::new(places.iter().map(Vec::as_slice))
    }

    proptest! {
        #[test]
        fn a_needle_is_found_exactly_where_it_is(
            texts in proptest::collection::vec("[ab]{1,5}", 1..8),
            before in "[abc]{0,12}",
            behind in "[ab]{0,12}",
        ) {
            let needles = needles(&texts);
            let (first, open) = needles.run(0, before.as_bytes());
            prop_assert_eq!(needles.search(before.as_bytes()), (first, open));
            let (second, _) = needles.run(open, behind.as_bytes());
            let whole = format!("{before}{behind}");
            prop_assert_eq!(first, texts.iter().any(|text| before.contains(text)));
            prop_assert_eq!(first || second, texts.iter().any(|text| whole.contains(text)));
            let (resumed, _) = needles.resume(open, behind.as_bytes());
            let straddles = |text: &String| {
                let from = before.len().saturating_sub(text.len() - 1);
                (from..before.len()).any(|at| whole[at..].starts_with(text.as_str()) && at + text.len() > before.len())
            };
            prop_assert_eq!(resumed, texts.iter().any(straddles));
        }

        #[test]
        fn what_an_alphabet_can_do_covers_what_its_texts_do(
            texts in proptest::collection::vec("[abc]{1,5}", 1..8),
            before in "[abc]{0,6}",
            between in "[ab]{1,6}",
            behind in "[abc]{0,6}",
        ) {
            let needles = needles(&texts);
            let mask = needles.mask(*b"ab");
            let (_, open) = needles.run(0, before.as_bytes());
            let (ends_between, middle) = needles.run(open, between.as_bytes());
            prop_assert_eq!(needles.spread(open, mask, between.len()) & middle, middle);
            let (ends_behind, _) = needles.resume(middle, behind.as_bytes());
            let wanted = needles.before(0, behind.as_bytes());
            prop_assert_eq!(wanted & middle != 0, ends_behind);
            if ends_between || ends_behind {
                prop_assert!((open | needles.starts()) & needles.before_any(wanted, mask, between.len()) != 0);
            }
        }
    }
}
