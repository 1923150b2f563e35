//! Ascending timestamps as steps, or as changes of steps where those are shorter: bytes for a codec to shorten further.
//!
//! Entries that came in one push are often evenly spaced, and then the change of the step is nothing but rounding.

use crate::error::{Error, Result};
use crate::format::{Reader, put_varint};

/// Mode byte: each step is a varint.
const STEPS: u8 = 1;
/// Mode byte: each step less the one before it is a varint, zigzag; before the first step stands 0.
const CHANGES: u8 = 2;

fn zigzag(change: i64) -> u64 {
    (change as u64) << 1 ^ (change >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bytes of a number as a varint.
fn varint_bytes(value: u64) -> u64 {
    u64::from((u64::BITS - (value | 1).leading_zeros()).div_ceil(7))
}

/// Appends `steps`, whose number the reader must know.
pub(crate) fn encode(steps: &[u64], out: &mut Vec<u8>) {
    let mut before = 0u64;
    let (mut as_steps, mut as_changes) = (0, 0);
    for &step in steps {
        as_steps += varint_bytes(step);
        as_changes += varint_bytes(zigzag(step.wrapping_sub(before) as i64));
        before = step;
    }
    if as_steps <= as_changes {
        out.push(STEPS);
        steps.iter().for_each(|&step| put_varint(out, step));
        return;
    }
    out.push(CHANGES);
    let mut before = 0u64;
    for &step in steps {
        put_varint(out, zigzag(step.wrapping_sub(before) as i64));
        before = step;
    }
}

/// Reads `count` steps and hands them over in order.
pub(crate) fn decode(reader: &mut Reader<'_>, count: usize, mut each: impl FnMut(u64)) -> Result<()> {
    let place = reader.at();
    match reader.u8()? {
        STEPS => reader.varints(count, each),
        CHANGES => {
            let mut step = 0u64;
            reader.varints(count, |change| {
                step = step.wrapping_add(unzigzag(change) as u64);
                each(step);
            })
        }
        _ => Err(Error::malformed("timestamps", "unknown mode of steps", place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decode_of_encode_is_the_same(steps in proptest::collection::vec(prop_oneof![0u64..300, any::<u64>()], 0..100)) {
            let mut bytes = Vec::new();
            encode(&steps, &mut bytes);
            let mut found = Vec::new();
            let mut reader = Reader::new(&bytes);
            decode(&mut reader, steps.len(), |step| found.push(step)).unwrap();
            reader.finish("steps").unwrap();
            prop_assert_eq!(found, steps);
        }
    }

    #[test]
    fn even_steps_take_a_byte_each_however_long_they_are() {
        let mut bytes = Vec::new();
        encode(&[1_000_000_007; 1000], &mut bytes);
        assert!(bytes.len() < 1010, "{}", bytes.len());
    }
}
