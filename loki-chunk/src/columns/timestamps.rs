//! The section of timestamps.

use crate::block::BlockHeader;
use crate::error::{Error, Result};
use crate::format::{Reader, put_varint};
use crate::layout::Layout;
use crate::packed;
use crate::steps;

/// Appends the section of ascending `timestamps`: the unit that divides every step, then the steps in that unit.
pub(crate) fn encode_timestamps(timestamps: &[i64], layout: Layout, steps: &mut Vec<u64>, out: &mut Vec<u8>) {
    if timestamps.is_empty() {
        return;
    }
    steps.clear();
    steps.extend(timestamps.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as u64));
    let unit = steps.iter().copied().fold(0, greatest_common_divisor).max(1);
    if unit > 1 {
        steps.iter_mut().for_each(|step| *step /= unit);
    }
    put_varint(out, unit);
    match layout {
        Layout::Plain => packed::encode(steps, out),
        Layout::Typed => steps::encode(steps, out),
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    if a == 1 {
        return 1;
    }
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

pub(super) fn decode_timestamps(raw: &[u8], header: &BlockHeader, timestamps: &mut Vec<i64>) -> Result<()> {
    timestamps.clear();
    let mut reader = Reader::new(raw);
    if header.entries > 0 {
        let unit = reader.varint()?;
        let mut timestamp = header.min_timestamp;
        timestamps.reserve(header.entries as usize);
        timestamps.push(timestamp);
        let mut after = |step: u64| {
            timestamp = timestamp.wrapping_add(step.wrapping_mul(unit) as i64);
            timestamp
        };
        let count = header.entries as usize - 1;
        match header.layout {
            Layout::Plain => packed::decode(&mut reader, count, |steps| {
                timestamps.extend(steps.iter().map(|&step| after(step)));
            })?,
            Layout::Typed => steps::decode(&mut reader, count, |step| timestamps.push(after(step)))?,
        }
        check_timestamps(timestamps, header)?;
    }
    reader.finish("timestamps")
}

/// Refuses timestamps other than the header promised.
fn check_timestamps(timestamps: &[i64], header: &BlockHeader) -> Result<()> {
    let ends = (header.entries > 0).then_some((header.min_timestamp, header.max_timestamp));
    let found = timestamps.first().copied().zip(timestamps.last().copied());
    if found == ends && timestamps.is_sorted() {
        return Ok(());
    }
    let reason = "they do not ascend to the greatest of the header";
    Err(Error::malformed("timestamps", reason, 0))
}
