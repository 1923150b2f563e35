//! A binary fuse filter: an approximate set of 32-bit hashes at four or eight bits a key, and an eighth to a third more.
//!
//! After Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters" (2022). A key hashes to three slots
//! of neighbouring segments, and the bytes there xor to its fingerprint. A key that was not put in passes once in 256,
//! or once in 16.

/// The most seeds tried. One fails about once in a hundred times, and the chance falls as sets grow.
const ATTEMPTS: u64 = 64;
/// Any number will do.
const FIRST_SEED: u64 = 0x2545_f491_4f6c_dd1d;
/// The largest segment; beyond it locality suffers and nothing is won.
const MAX_SEGMENT_BITS: u32 = 18;

/// The numbers that say which slots a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) seed: u64,
    /// A segment has two to this power slots.
    pub(super) segment_bits: u32,
    /// Of each slot: 4 or 8.
    pub(super) fingerprint_bits: u32,
    /// Segments in which a first slot may lie; two more follow.
    pub(super) segments: u32,
}

impl Shape {
    /// The shape for this many keys, of which there is at least one.
    fn new(keys: usize, fingerprint_bits: u32, seed: u64) -> Self {
        let keys = keys as f64;
        let segment_bits = ((keys.ln() / 3.33f64.ln() + 2.25) as u32).min(MAX_SEGMENT_BITS);
        let factor = (0.875 + 0.25 * 1e6f64.ln() / keys.max(2.0).ln()).max(1.125);
        let slots = (keys * factor).round();
        let segments = (slots / f64::from(1 << segment_bits)).ceil() as u32;
        Self {
            seed,
            segment_bits,
            fingerprint_bits,
            segments: segments.saturating_sub(2).max(1),
        }
    }

    /// How many slots there are; `None` if that is more than a slice can have.
    fn slots(self) -> Option<usize> {
        let segments = usize::try_from(self.segments).ok()?.checked_add(2)?;
        (self.segment_bits <= MAX_SEGMENT_BITS).then_some(())?;
        segments.checked_mul(1 << self.segment_bits)
    }

    /// How many bytes the slots take; `None` if that is more than a slice can have, or a slot is of another size.
    pub(super) fn bytes(self) -> Option<usize> {
        match self.fingerprint_bits {
            8 => self.slots(),
            4 => Some(self.slots()?.div_ceil(2)),
            _ => None,
        }
    }

    /// What decides where a key lies.
    fn mixed(self, key: u32) -> u64 {
        mix(u64::from(key) ^ self.seed)
    }

    /// The slots of a key that was mixed, and its fingerprint. All are below `slots`.
    fn place(self, hash: u64) -> ([usize; 3], u8) {
        let firsts = u64::from(self.segments) << self.segment_bits;
        let first = ((u128::from(hash) * u128::from(firsts)) >> 64) as u64;
        let segment = 1u64 << self.segment_bits;
        let second = (first + segment) ^ (hash >> 18 & (segment - 1));
        let third = (first + 2 * segment) ^ (hash & (segment - 1));
        (
            [first as usize, second as usize, third as usize],
            (hash ^ hash >> 32) as u8 & (u8::MAX >> (8 - self.fingerprint_bits)),
        )
    }
}

/// Whether a key may be in a set; `slots` has as many bytes as the shape says.
pub(super) fn contains(shape: Shape, slots: &[u8], key: u32) -> bool {
    let (places, fingerprint) = shape.place(shape.mixed(key));
    let slot = |place: usize| match shape.fingerprint_bits {
        8 => slots[place],
        _ => slots[place / 2] >> (place % 2 * 4) & 0xf,
    };
    places.into_iter().fold(0, |sum, place| sum ^ slot(place)) == fingerprint
}

/// What decides where a key lies, with the seed that is tried first: in the order of these numbers keys take their slots
/// from the first to the last, and building is fastest.
pub(super) fn first_mix(key: u32) -> u64 {
    mix(u64::from(key) ^ FIRST_SEED)
}

/// Builds a set of distinct keys; `None` if no seed works, which no set of distinct keys was seen to do.
pub(super) fn build(keys: &[u32], fingerprint_bits: u32) -> Option<(Shape, Vec<u8>)> {
    (0..ATTEMPTS).find_map(|attempt| {
        let shape = Shape::new(
            keys.len().max(1),
            fingerprint_bits,
            FIRST_SEED.wrapping_add(mix(attempt)),
        );
        Some((shape, pack(shape, fill(shape, keys)?)))
    })
}

/// The mixed keys in a slot: how many, and the xor of them, which is the key itself where there is one.
#[derive(Clone, Copy, Default)]
struct Load {
    sum: u64,
    keys: u32,
}

/// Takes away, again and again, a key that is alone in a slot; then gives slots their bytes in reverse, so that each
/// key sets a byte that no later one touches.
///
/// Whether a slot waits with one key is not branched on but counted: nobody could predict it.
fn fill(shape: Shape, keys: &[u32]) -> Option<Vec<u8>> {
    let slots = shape.slots()?;
    let mut load = vec![Load::default(); slots];
    for &key in keys {
        let hash = shape.mixed(key);
        for slot in shape.place(hash).0 {
            load[slot].keys += 1;
            load[slot].sum ^= hash;
        }
    }
    // Room for every slot once and for the three that a step writes before it counts them.
    let mut waiting = vec![0u32; slots + 3];
    let mut waits = 0;
    for (slot, load) in load.iter().enumerate() {
        waiting[waits] = slot as u32;
        waits += usize::from(load.keys == 1);
    }
    let mut order = Vec::with_capacity(keys.len());
    while waits > 0 {
        waits -= 1;
        let slot = waiting[waits];
        let Load { keys: 1, sum: hash } = load[slot as usize] else {
            continue;
        };
        order.push((hash, slot));
        for other in shape.place(hash).0 {
            let other_load = &mut load[other];
            other_load.keys -= 1;
            other_load.sum ^= hash;
            waiting[waits] = other as u32;
            waits += usize::from(other_load.keys == 1);
        }
    }
    if order.len() != keys.len() {
        return None;
    }
    let mut bytes = vec![0u8; slots];
    for (hash, slot) in order.into_iter().rev() {
        let ([first, second, third], fingerprint) = shape.place(hash);
        // The slot's own byte is still zero.
        bytes[slot as usize] = fingerprint ^ bytes[first] ^ bytes[second] ^ bytes[third];
    }
    Some(bytes)
}

/// Slots of a byte each as slots of the shape's size.
fn pack(shape: Shape, slots: Vec<u8>) -> Vec<u8> {
    if shape.fingerprint_bits == 8 {
        return slots;
    }
    slots
        .chunks(2)
        .map(|pair| pair[0] | pair.get(1).map_or(0, |high| high << 4))
        .collect()
}

/// The finalizer of murmur3.
fn mix(mut value: u64) -> u64 {
    value = (value ^ value >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    value = (value ^ value >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ value >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(numbers: std::ops::Range<u64>) -> Vec<u32> {
        let mut keys: Vec<u32> = numbers.map(|number| mix(number + 1) as u32).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    #[test]
    fn every_key_is_found_whatever_the_size() {
        for size in (0..50).chain([100, 1_000, 10_000, 50_000]) {
            for bits in [4, 8] {
                let keys = keys(0..size);
                let (shape, slots) = build(&keys, bits).unwrap();
                assert_eq!(Some(slots.len()), shape.bytes());
                assert!(
                    keys.iter().all(|&key| contains(shape, &slots, key)),
                    "{size} keys of {bits} bits"
                );
            }
        }
    }

    #[test]
    fn other_keys_pass_as_often_as_their_bits_say() {
        let known = keys(0..20_000);
        for (bits, expected) in [(8, 300..500), (4, 5_900..6_600)] {
            let (shape, slots) = build(&known, bits).unwrap();
            let passed = keys(20_000..120_000)
                .into_iter()
                .filter(|&key| contains(shape, &slots, key))
                .count();
            assert!(expected.contains(&passed), "{passed} of 100000 pass {bits} bits");
            assert!(
                slots.len() * 8 < known.len() * bits as usize * 13 / 10,
                "{} bytes",
                slots.len()
            );
        }
    }
}
