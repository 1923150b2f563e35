//! Which grams of a line a filter keeps, and the keys that stand for them.

use fearless_simd::{Level, dispatch};

/// How dense the grams lie that a filter keeps.
///
/// ```
/// use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needle};
///
/// let settings = FilterSettings { grams: Grams::Dense, ..FilterSettings::default() };
/// let mut builder = ContentFilterBuilder::new(settings);
/// builder.add_lines(b"connection refused", &[0, 18]);
/// let bytes = builder.finish();
/// assert!(!ContentFilter::open(&bytes)?.may_contain(&Needle::new(b"connectivity", false)));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grams {
    /// The least of 8 neighbours of 6 bytes: every needle of 13 bytes and more is looked up, in half the space.
    Sparse,
    /// The least of 4 neighbours of 5 bytes: every needle of 8 bytes and more. A needle of 13 bytes holds two or three such
    /// grams, so that it is found out more surely.
    #[default]
    Dense,
}

impl Grams {
    pub(super) const ALL: [Self; 2] = [Self::Sparse, Self::Dense];
}

/// A gram is known by so many bits. Of the 2^21 keys the lines of a block of 256 KiB bring some 15,000, so two grams are
/// taken for one far less often than the filter errs anyway, and a bit for each key is a set that stays in the cache.
pub(super) const KEY_BITS: u32 = 21;

/// Grams that are worked on at once: what comes between the passes stays in the innermost cache.
const CHUNK: usize = 2048;
/// Bytes in front of the text that are read and make no difference.
const FRONT: usize = 7;
/// Bytes behind the text that are read and make no difference: the last chunk and the last gram reach so far.
const BEHIND: usize = CHUNK + 24;
/// Stands where a run would cross the end of a line. No gram has this order: orders are odd.
const NO_RUN: i16 = i16::MIN;

/// A text in lower case, between bytes that may be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded(Vec<u8>);

impl Folded {
    pub(super) fn set(&mut self, text: &[u8]) {
        self.0.clear();
        self.0.resize(FRONT, 0);
        self.0.extend_from_slice(text);
        self.0[FRONT..].make_ascii_lowercase();
        self.0.resize(FRONT + text.len() + BEHIND, 0);
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.0[FRONT..self.0.len().max(FRONT + BEHIND) - BEHIND]
    }
}

/// Finds the grams of lines that are kept: those that are least in a run of neighbours.
///
/// Grams are compared by an *order* of 16 bits, which is cheap, and known by a *key*, which is good; of equal orders all are
/// kept. Each pass goes over a chunk without a branch that depends on the text, so that the compiler uses vectors; it does so
/// once for each kind that a processor may have, and the widest are taken that this one has. Lines are not worked on one by
/// one, since many are shorter than it takes to get going: runs that cross an end are struck out.
#[derive(Clone)]
pub(super) struct Minimizers {
    orders: [i16; CHUNK + 16],
    least: [i16; CHUNK + 8],
    is_kept: [u8; CHUNK],
    places: [u16; CHUNK + 8],
    keys: [u32; CHUNK],
}

impl Default for Minimizers {
    fn default() -> Self {
        Self {
            orders: [0; CHUNK + 16],
            least: [0; CHUNK + 8],
            is_kept: [0; CHUNK],
            places: [0; CHUNK + 8],
            keys: [0; CHUNK],
        }
    }
}

impl std::fmt::Debug for Minimizers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It is scratch.
        f.debug_struct("Minimizers").finish_non_exhaustive()
    }
}

impl Minimizers {
    /// Hands over the keys of the kept grams, a chunk at a time. Line *i* is `text[offsets[i]..offsets[i + 1]]`.
    pub(super) fn each(&mut self, grams: Grams, text: &Folded, offsets: &[u32], take: impl FnMut(&[u32])) {
        // Everything below is inlined here, or it would be made for the least kind of vectors alone.
        match grams {
            Grams::Sparse => dispatch!(Level::new(), _ => self.run::<6, 8>(text, offsets, take)),
            Grams::Dense => dispatch!(Level::new(), _ => self.run::<5, 4>(text, offsets, take)),
        }
    }

    #[inline(always)]
    fn run<const GRAM: usize, const WINDOW: usize>(
        &mut self,
        text: &Folded,
        offsets: &[u32],
        mut take: impl FnMut(&[u32]),
    ) {
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return;
        };
        let (first, last) = (first as usize, last as usize);
        // The ends of lines before which runs may still begin.
        let mut ends = offsets;
        for start in (first..last).step_by(CHUNK) {
            // What is behind the text is worked on, too, to the next multiple of the width of `places`.
            let length = CHUNK.min((last - start).next_multiple_of(8));
            // The first of these is the gram `WINDOW - 1` before `start`: the runs in which the first gram stands begin before
            // it.
            let from = FRONT + start + 1 - WINDOW;
            let least = &mut self.least[..length + WINDOW - 1];
            let orders = &mut self.orders[..least.len() + WINDOW - 1];
            fill_orders::<GRAM>(&text.0[from..from + orders.len() + GRAM - 1], orders);
            fill_least::<WINDOW>(orders, least);

            let origin = start as isize + 1 - WINDOW as isize;
            let across = (GRAM + WINDOW - 2) as isize;
            let mut done = 0;
            for &end in ends {
                // Runs that begin in the last bytes before an end go beyond it.
                let end = end as isize - origin;
                let bounds = [end - across, end].map(|at| at.clamp(0, least.len() as isize) as usize);
                if bounds[0] == least.len() {
                    break;
                }
                least[bounds[0]..bounds[1]].fill(NO_RUN);
                done += usize::from(end <= CHUNK as isize);
            }
            ends = &ends[done..];
            if last < start + CHUNK {
                let behind = (last as isize - origin) as usize;
                least[behind..].fill(NO_RUN);
            }

            let is_kept = &mut self.is_kept[..length];
            fill_is_kept::<WINDOW>(&orders[WINDOW - 1..], least, is_kept);
            let count = fill_places(is_kept, &mut self.places);
            let bytes = text.0[FRONT + start..].first_chunk();
            let bytes = bytes.expect("there are bytes behind the text");
            let keys = &mut self.keys[..count];
            fill_keys::<GRAM>(bytes, &self.places[..count], keys);
            take(keys);
        }
    }
}

/// Grams that are gathered, one by one, before their keys are made, several at once.
const GATHERED: usize = 64;

/// The keys of the grams that start at `places`.
#[inline(always)]
fn fill_keys<const GRAM: usize>(text: &[u8; CHUNK + 8], places: &[u16], keys: &mut [u32]) {
    let mut grams = [0; GATHERED];
    // The other bytes are pushed out.
    let shift = 64 - 8 * GRAM as u32;
    for (places, keys) in places.chunks(GATHERED).zip(keys.chunks_mut(GATHERED)) {
        let grams = &mut grams[..places.len()];
        for (gram, &place) in grams.iter_mut().zip(places) {
            let at = usize::from(place) % CHUNK;
            let bytes = text[at..at + 8].try_into().expect("there are eight");
            *gram = u64::from_le_bytes(bytes) << shift;
        }
        for (into, &gram) in keys.iter_mut().zip(&*grams) {
            *into = key(gram);
        }
    }
}

/// The key of a gram, which stands in the high bytes.
#[inline(always)]
fn key(gram: u64) -> u32 {
    let hash = gram.wrapping_mul(FACTOR);
    ((hash ^ hash >> 32).wrapping_mul(OTHER_FACTOR) >> (64 - KEY_BITS)) as u32
}

/// Odd, with no pattern in its bits: 2^64 divided by the golden ratio.
pub(super) const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Another one.
pub(super) const OTHER_FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// The factors of the bytes of a gram in its order: odd, and unlike each other.
const ORDER_FACTORS: [u16; 6] = [0x9e37, 0x79b9, 0x6a6d, 0x4eb5, 0xd1a5, 0xb529];

/// The order of the gram that starts at each byte. Which of two grams is least must not depend on their order as text.
#[inline(always)]
fn fill_orders<const GRAM: usize>(bytes: &[u8], orders: &mut [i16]) {
    for (order, gram) in orders.iter_mut().zip(bytes.array_windows::<GRAM>()) {
        let mut sum = 0;
        for (&byte, factor) in gram.iter().zip(ORDER_FACTORS) {
            sum ^= u16::from(byte).wrapping_mul(factor);
        }
        *order = (sum | 1).cast_signed();
    }
}

/// The least order of each run of `WINDOW` grams.
#[inline(always)]
fn fill_least<const WINDOW: usize>(orders: &[i16], least: &mut [i16]) {
    for (least, run) in least.iter_mut().zip(orders.array_windows::<WINDOW>()) {
        *least = run.iter().fold(run[0], |least, &order| least.min(order));
    }
}

/// Which grams are least in a run: those whose order is the greatest of the least ones of the runs they stand in.
#[inline(always)]
fn fill_is_kept<const WINDOW: usize>(orders: &[i16], least: &[i16], is_kept: &mut [u8]) {
    for ((is_kept, runs), &order) in is_kept.iter_mut().zip(least.array_windows::<WINDOW>()).zip(orders) {
        let greatest = runs.iter().fold(runs[0], |greatest, &least| greatest.max(least));
        *is_kept = u8::from(order == greatest);
    }
}

/// The places of those that are kept; answers how many they are.
#[inline(always)]
fn fill_places(is_kept: &[u8], places: &mut [u16; CHUNK + 8]) -> usize {
    let mut count = 0;
    for (group, are_kept) in is_kept.as_chunks::<8>().0.iter().enumerate() {
        // The product brings the eight lowest bits together in its highest byte.
        let mask = (u64::from_le_bytes(*are_kept).wrapping_mul(0x0102_0408_1020_4080) >> 56) as usize;
        let into = &mut places[count..count + 8];
        for (place, bit) in into.iter_mut().zip(BITS_OF[mask]) {
            *place = bit + 8 * group as u16;
        }
        count += usize::from(COUNT_OF[mask]);
    }
    count
}

/// Which bits are set in a byte, those first.
const BITS_OF: [[u16; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < table.len() {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// How many bits are set in a byte.
const COUNT_OF: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = byte.count_ones() as u8;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn order(gram: &[u8]) -> i16 {
        let products = gram
            .iter()
            .zip(ORDER_FACTORS)
            .map(|(&byte, factor)| u16::from(byte).wrapping_mul(factor));
        (products.fold(0, |sum, product| sum ^ product) | 1).cast_signed()
    }

    fn plain_key(gram: &[u8]) -> u32 {
        key(gram.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)) << (64 - 8 * gram.len()))
    }

    fn plain(line: &[u8], gram: usize, window: usize) -> BTreeSet<u32> {
        let grams: Vec<&[u8]> = line.windows(gram).collect();
        let kept = grams.windows(window).flat_map(|run| {
            let least = run.iter().map(|gram| order(gram)).min();
            run.iter().filter(move |gram| Some(order(gram)) == least)
        });
        kept.map(|gram| plain_key(gram)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_least_grams_of_every_run_are_kept(
            lines in proptest::collection::vec(
                prop_oneof![
                    8 => proptest::collection::vec(97u8..100, 0..40),
                    1 => proptest::collection::vec(any::<u8>(), CHUNK - 20..CHUNK + 20),
                ],
                0..12,
            ),
            before in 0..9usize,
        ) {
            let text: Vec<u8> = [b"bacbacbac"[..before].to_vec(), lines.concat()].concat();
            let mut offsets = vec![before as u32];
            offsets.extend(lines.iter().scan(before, |end, line| {
                *end += line.len();
                Some(*end as u32)
            }));
            let mut folded = Folded::default();
            folded.set(&text);
            for (grams, gram, window) in [(Grams::Sparse, 6, 8), (Grams::Dense, 5, 4)] {
                let mut kept = BTreeSet::new();
                Minimizers::default().each(grams, &folded, &offsets, |keys| kept.extend(keys));
                let expected: BTreeSet<u32> =
                    lines.iter().flat_map(|line| plain(&line.to_ascii_lowercase(), gram, window)).collect();
                prop_assert_eq!(kept, expected);
            }
        }
    }
}
