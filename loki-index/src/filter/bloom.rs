//! A Bloom filter: an approximate set of keys at a few bits a key.
//!
//! It is not the smallest of such sets. A binary fuse filter that errs once in 16 times takes as many bits as this one that
//! errs once in 11, but has to be searched for: making it cost as much as finding the keys of all lines.

use super::grams::{FACTOR, OTHER_FACTOR};

/// Bits for each key.
const BITS_PER_KEY: usize = 5;
/// Bits that a key sets; with five for each key three err least.
pub(super) const PROBES: u8 = 3;
/// The most bytes of a set: places in it are counted in 32 bits.
pub(super) const MAX_BYTES: usize = 1 << 28;

/// The set of these keys, of which there is at least one.
pub(super) fn build(keys: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; (keys.len() * BITS_PER_KEY).div_ceil(8).min(MAX_BYTES)];
    for &key in keys {
        for place in places(key, bytes.len(), PROBES) {
            bytes[place / 8] |= 1 << (place % 8);
        }
    }
    bytes
}

/// Whether a key may be in a set of at most [`MAX_BYTES`].
pub(super) fn contains(bytes: &[u8], probes: u8, key: u32) -> bool {
    // All bits are read, though the first that is missing decides. Which one that is nobody can predict; that one of them
    // is missing is what mostly happens, so the reads of many filters are under way at once.
    let bits = places(key, bytes.len(), probes).map(|place| bytes[place / 8] >> (place % 8));
    bits.fold(1, |all, bit| all & bit) == 1
}

/// The bits of a key, all below `bytes * 8`: two hashes make any number of them.
fn places(key: u32, bytes: usize, probes: u8) -> impl Iterator<Item = usize> {
    let hash = u64::from(key).wrapping_mul(FACTOR);
    let hash = (hash ^ hash >> 32).wrapping_mul(OTHER_FACTOR);
    let (first, step) = ((hash >> 32) as u32, hash as u32);
    let bits = bytes as u64 * 8;
    (0..u32::from(probes)).map(move |probe| {
        let spread = first.wrapping_add(step.wrapping_mul(probe));
        ((u64::from(spread) * bits) >> 32) as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(numbers: std::ops::Range<u64>) -> Vec<u32> {
        numbers
            .map(|number| (number.wrapping_mul(0xc4ce_b9fe_1a85_ec53) >> 43) as u32)
            .collect()
    }

    #[test]
    fn every_key_is_found_whatever_the_size() {
        for size in (1..50).chain([100, 1_000, 10_000, 50_000]) {
            let keys = keys(0..size);
            let bytes = build(&keys);
            assert!(keys.iter().all(|&key| contains(&bytes, PROBES, key)), "{size} keys");
        }
    }

    #[test]
    fn other_keys_pass_once_in_eleven_times() {
        let known = keys(0..15_000);
        let bytes = build(&known);
        assert_eq!(bytes.len(), 15_000 * 5 / 8);
        let passed = keys(15_000..115_000)
            .into_iter()
            .filter(|&key| contains(&bytes, PROBES, key))
            .count();
        assert!((8_700..10_200).contains(&passed), "{passed} of 100000 pass");
    }
}
