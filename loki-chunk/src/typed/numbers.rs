//! Columns of 64-bit numbers, byte by byte: all lowest bytes, then all second bytes, as far as there are any.
//!
//! The bytes of one place have one distribution, so the codec behind finds what there is to gain: nothing in the low bytes of
//! random numbers, which are stored as they are, and the better part of the high ones.

use super::blobs::{BlobReader, BlobWriter};
use crate::encoding::Compressor;
use crate::error::{Error, Result};

/// How often numbers are replaced by their steps: not at all, once, twice.
const ORDERS: usize = 3;
/// A step more has to save at least this share of the bits, in eighths: steps are noisier than what they are steps of.
const WORTH_EIGHTHS: u64 = 7;

/// Buffers of [`encode`].
#[derive(Debug, Default)]
pub(super) struct Scratch {
    steps: Vec<u64>,
    plane: Vec<u8>,
}

fn zigzag(step: u64) -> u64 {
    step << 1 ^ ((step as i64) >> 63) as u64
}

fn unzigzag(value: u64) -> u64 {
    value >> 1 ^ (value & 1).wrapping_neg()
}

fn bits(value: u64) -> u64 {
    u64::from(u64::BITS - value.leading_zeros())
}

/// Appends `values`, whose number the reader must know.
pub(super) fn encode(values: &[u64], scratch: &mut Scratch, blobs: &mut BlobWriter, compressor: &mut Compressor) {
    let least = values.iter().copied().min().unwrap_or(0);
    let Scratch { steps, plane } = scratch;
    let order = best_order(values, least);
    steps.clear();
    steps.extend_from_slice(values);
    let mut least = least;
    blobs.table.push(order as u8);
    if order > 0 {
        least = 0;
        for _ in 0..order {
            // The first one stays: what was before it counts as 0.
            let mut before = 0;
            for value in steps.iter_mut() {
                (*value, before) = (value.wrapping_sub(before), *value);
            }
        }
        for first in 0..order.min(steps.len()) {
            blobs.put_varint(steps[first]);
            steps[first] = 0;
        }
        steps.iter_mut().for_each(|step| *step = zigzag(*step));
    } else {
        blobs.put_varint(least);
    }
    let most = steps.iter().copied().max().unwrap_or(least);
    let planes = bits(most - least).div_ceil(8) as usize;
    blobs.table.push(planes as u8);
    for place in 0..planes {
        plane.clear();
        plane.extend(steps.iter().map(|&value| ((value - least) >> (8 * place)) as u8));
        blobs.put(plane, compressor);
    }
}

/// The order that leaves the fewest bits.
fn best_order(values: &[u64], least: u64) -> usize {
    let mut costs = [0u64; ORDERS];
    let (mut before, mut step_before) = (values.first().copied().unwrap_or(0), 0u64);
    for &value in values {
        let step = value.wrapping_sub(before);
        costs[0] += bits(value - least);
        costs[1] += bits(zigzag(step));
        costs[2] += bits(zigzag(step.wrapping_sub(step_before)));
        (before, step_before) = (value, step);
    }
    let mut best = 0;
    for order in 1..ORDERS {
        if costs[order] < costs[best] / 8 * WORTH_EIGHTHS {
            best = order;
        }
    }
    best
}

/// What stands before the planes of numbers.
struct NumbersHeader {
    order: usize,
    firsts: [u64; ORDERS],
    planes: usize,
}

impl NumbersHeader {
    /// Of `count` numbers.
    fn read(blobs: &mut BlobReader<'_>, count: usize) -> Result<Self> {
        let place = blobs.table.at();
        let order = usize::from(blobs.table.u8()?);
        if order >= ORDERS {
            return Err(Error::malformed("numbers", "unknown order of steps", place));
        }
        let mut firsts = [0; ORDERS];
        for first in &mut firsts[..if order == 0 { 1 } else { order.min(count) }] {
            *first = blobs.table.varint()?;
        }
        let place = blobs.table.at();
        let planes = usize::from(blobs.table.u8()?);
        if planes > 8 {
            return Err(Error::malformed("numbers", "more than 8 bytes each", place));
        }
        Ok(Self { order, firsts, planes })
    }
}

/// Passes over `count` numbers; no less than any of them.
pub(super) fn skip(blobs: &mut BlobReader<'_>, count: usize) -> Result<u64> {
    let NumbersHeader { order, firsts, planes } = NumbersHeader::read(blobs, count)?;
    (0..planes).try_for_each(|_| blobs.skip(count))?;
    let span = 1u64.unbounded_shl(8 * planes as u32).wrapping_sub(1);
    let most = firsts[0].checked_add(span).filter(|_| order == 0);
    Ok(most.unwrap_or(u64::MAX))
}

/// Appends `count` numbers, at most what the caller has checked, to `values`.
pub(super) fn decode(blobs: &mut BlobReader<'_>, count: usize, values: &mut Vec<u64>) -> Result<()> {
    let NumbersHeader { order, firsts, planes } = NumbersHeader::read(blobs, count)?;
    let start = values.len();
    let least = if order == 0 { firsts[0] } else { 0 };
    values.resize(start + count, least);
    let values = &mut values[start..];
    for place in 0..planes {
        let plane = blobs.take(count)?;
        for (value, &byte) in values.iter_mut().zip(plane) {
            *value = value.wrapping_add(u64::from(byte) << (8 * place));
        }
    }
    if order > 0 {
        values.iter_mut().for_each(|value| *value = unzigzag(*value));
        for (value, first) in values.iter_mut().zip(&firsts[..order]) {
            *value = *first;
        }
        for _ in 0..order {
            let mut sum = 0u64;
            for value in values.iter_mut() {
                sum = sum.wrapping_add(*value);
                *value = sum;
            }
        }
    }
    Ok(())
}
