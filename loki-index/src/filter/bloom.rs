//! A Bloom filter: an approximate set of keys at a few bits a key.
//!
//! It is not the smallest of such sets. A binary fuse filter that errs once in 16 times takes as many bits as this one that
//! errs once in 11, but has to be searched for: making it cost as much as finding the keys of all lines.

use super::grams::{FACTOR, OTHER_FACTOR};

/// The most bytes of a set: places in it are counted in 32 bits.
pub(super) const MAX_BYTES: usize = 1 << 28;

/// How many bits a key sets where there are so many for every 16 keys: as many as err least, which leave half of all bits unset.
pub(super) fn probes(bits_per_16_keys: u32) -> u8 {
    let probes = f64::from(bits_per_16_keys) / 16.0 * std::f64::consts::LN_2;
    probes.round().clamp(1.0, 16.0) as u8
}

/// The set of these keys, of which there is at least one, with so many bits for every 16 of them.
pub(super) fn build(keys: &[u32], bits_per_16_keys: u32) -> Vec<u8> {
    let bits = keys.len() * bits_per_16_keys.max(16) as usize / 16;
    let mut bytes = vec![0; bits.div_ceil(8).clamp(1, MAX_BYTES)];
    for &key in keys {
        for place in places(key, bytes.len(), probes(bits_per_16_keys)) {
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
        for bits in [0, 16, 72, 80, 160, 400] {
            for size in (1..50).chain([100, 1_000, 10_000, 50_000]) {
                let keys = keys(0..size);
                let bytes = build(&keys, bits);
                let found = keys.iter().all(|&key| contains(&bytes, probes(bits), key));
                assert!(found, "{size} keys, {bits} bits for 16");
            }
        }
    }

    #[test]
    fn fewer_other_keys_pass_the_more_bits_there_are() {
        let known = keys(0..15_000);
        for (bits, bytes_of_set, passes) in [
            (72, 8_438, 11_000..12_500),
            (80, 9_375, 8_700..10_200),
            (128, 15_000, 1_900..2_600),
        ] {
            let bytes = build(&known, bits);
            assert_eq!(bytes.len(), bytes_of_set);
            let passed = keys(15_000..115_000)
                .into_iter()
                .filter(|&key| contains(&bytes, probes(bits), key))
                .count();
            assert!(
                passes.contains(&passed),
                "{passed} of 100000 pass with {bits} bits for 16"
            );
        }
    }
}
