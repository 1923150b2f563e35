//! Columns of small numbers: bits packed in groups, each group with a least value and a width of its own.
//!
//! Timestamps, line lengths and symbols all go through here. A column of one value repeated costs a few bytes however
//! long it is; otherwise each 128 numbers cost `128 * width` bits, where the width is what the largest of them needs above the
//! least.

use crate::error::{Error, Result};
use crate::format::{Reader, put_varint};

/// Numbers in a group: enough that its head weighs little, few enough that one outlier spoils little.
const GROUP: usize = 128;
/// Mode byte: every number is the one that follows.
const REPEATED: u8 = 0;
/// Mode byte: groups follow.
const GROUPS: u8 = 1;

/// Appends `values` to `out`. Their number is not stored.
pub(crate) fn encode(values: &[u64], out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|&value| value == first) {
        out.push(REPEATED);
        put_varint(out, first);
        return;
    }
    out.push(GROUPS);
    for group in values.chunks(GROUP) {
        let least = group.iter().copied().min().expect("chunks are not empty");
        let most = group.iter().copied().max().expect("chunks are not empty");
        let width = u64::BITS - (most - least).leading_zeros();
        put_varint(out, least);
        out.push(width as u8);
        pack(group, least, width, out);
    }
}

fn pack(group: &[u64], least: u64, width: u32, out: &mut Vec<u8>) {
    let mut waiting = 0u128;
    let mut bits = 0;
    for &value in group {
        waiting |= u128::from(value - least) << bits;
        bits += width;
        if bits >= u64::BITS {
            out.extend_from_slice(&(waiting as u64).to_le_bytes());
            waiting >>= u64::BITS;
            bits -= u64::BITS;
        }
    }
    out.extend_from_slice(&waiting.to_le_bytes()[..bits.div_ceil(8) as usize]);
}

/// Reads `count` numbers and hands them over in order, at most [`GROUP`] at a time.
pub(crate) fn decode(reader: &mut Reader<'_>, count: usize, mut each: impl FnMut(&[u64])) -> Result<()> {
    let start = reader.at();
    let mut group = [0; GROUP];
    match reader.u8()? {
        REPEATED => {
            group.fill(reader.varint()?);
            for at in (0..count).step_by(GROUP) {
                each(&group[..GROUP.min(count - at)]);
            }
            Ok(())
        }
        GROUPS => {
            for at in (0..count).step_by(GROUP) {
                let group = &mut group[..GROUP.min(count - at)];
                decode_group(reader, group)?;
                each(group);
            }
            Ok(())
        }
        _ => Err(Error::malformed("packed numbers", "unknown mode", start)),
    }
}

fn decode_group(reader: &mut Reader<'_>, group: &mut [u64]) -> Result<()> {
    let least = reader.varint()?;
    let place = reader.at();
    let width = u32::from(reader.u8()?);
    if width == 0 {
        group.fill(least);
        return Ok(());
    }
    if width > u64::BITS {
        return Err(Error::malformed("packed numbers", "wider than 64 bits", place));
    }
    // Loads of eight bytes may look past the group; only past the section's end do they have to be careful.
    let ahead = reader.rest();
    reader.take((group.len() * width as usize).div_ceil(8))?;
    unpack(ahead, least, width, group);
    Ok(())
}

/// Widest number that one load of eight bytes holds wherever in its first byte it begins.
const ONE_LOAD_BITS: u32 = u64::BITS - 7;

#[inline]
fn unpack(bytes: &[u8], least: u64, width: u32, group: &mut [u64]) {
    let mask = u64::MAX >> (u64::BITS - width);
    let mut bit = 0;
    for value in group {
        let (at, shift) = (bit / 8, bit as u32 % 8);
        let mut packed = load(bytes, at) >> shift;
        if width > ONE_LOAD_BITS && shift > 0 {
            packed |= load(bytes, at + 8) << (u64::BITS - shift);
        }
        *value = least.wrapping_add(packed & mask);
        bit += width as usize;
    }
}

/// Eight bytes as a number, with zeros for those behind the end.
#[inline]
fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(whole) => u64::from_le_bytes(*whole),
        None => load_tail(bytes, at),
    }
}

#[cold]
fn load_tail(bytes: &[u8], at: usize) -> u64 {
    let tail = bytes.get(at..).unwrap_or_default();
    tail.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8], count: usize) -> Vec<u64> {
        let mut values = Vec::new();
        let mut reader = Reader::new(bytes);
        decode(&mut reader, count, |group| values.extend_from_slice(group)).unwrap();
        reader.finish("packed numbers").unwrap();
        values
    }

    proptest! {
        #[test]
        fn decode_of_encode_is_the_same(
            width in 0u32..=64,
            values in proptest::collection::vec(any::<u64>(), 0..400),
        ) {
            let values: Vec<u64> = values.iter().map(|value| value.checked_shr(64 - width).unwrap_or(0)).collect();
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            prop_assert_eq!(decoded(&bytes, values.len()), values);
        }

        #[test]
        fn any_bytes_are_an_error_or_as_many_numbers_as_asked_for(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            count in 0usize..300,
        ) {
            let mut found = 0;
            if decode(&mut Reader::new(&bytes), count, |group| found += group.len()).is_ok() {
                prop_assert_eq!(found, count);
            }
        }
    }

    #[test]
    fn a_repeated_number_costs_the_same_however_often_it_stands() {
        let mut bytes = Vec::new();
        encode(&[300; 32_768], &mut bytes);
        assert_eq!(bytes.len(), 3);
        assert_eq!(decoded(&bytes, 32_768), [300; 32_768]);
    }
}
