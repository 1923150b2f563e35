//! Frames: how records lie in a log file.
//!
//! ```text
//! | magic u32 | length u32 | crc32 of length and payload u32 | payload |
//! ```

use std::ops::Range;

/// Starts every frame, so that reading can go on behind a damaged one.
const MAGIC: [u8; 4] = *b"LkWl";
const LENGTH_AT: usize = MAGIC.len();
const CRC_AT: usize = LENGTH_AT + 4;
/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = CRC_AT + 4;

/// Room for a header, to be filled by [`close`].
pub(super) fn open(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(&[0; HEADER_BYTES]);
}

/// Fills the header of the frame that `buffer` holds.
///
/// # Panics
///
/// Where the payload is 4 GiB or more; a push is bounded far below.
pub(super) fn close(buffer: &mut [u8]) {
    let length = u32::try_from(buffer.len() - HEADER_BYTES).expect("a push is smaller than 4 GiB");
    buffer[..LENGTH_AT].copy_from_slice(&MAGIC);
    buffer[LENGTH_AT..CRC_AT].copy_from_slice(&length.to_le_bytes());
    let crc = checksum(&buffer[LENGTH_AT..CRC_AT], &buffer[HEADER_BYTES..]);
    buffer[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(payload);
    hasher.finalize()
}

/// What stands at a place in a log file.
pub(super) enum Found {
    /// A whole frame: where its payload is.
    Frame(Range<usize>),
    /// Nothing more: the end, or a frame that was being written when the machine stopped, cut off here.
    End,
    /// Damage from here on, up to the next frame.
    Damaged(Range<usize>),
}

/// Looks at `bytes` from `at` on.
pub(super) fn next(bytes: &[u8], at: usize) -> Found {
    if at >= bytes.len() {
        return Found::End;
    }
    if let Some(payload) = whole(bytes, at) {
        return Found::Frame(payload);
    }
    // Only the last frame can be torn: behind damage there may be whole frames, behind a torn one there are none.
    let mut candidates = memchr::memmem::find_iter(&bytes[at + 1..], &MAGIC).map(|offset| at + 1 + offset);
    match candidates.find(|&place| whole(bytes, place).is_some()) {
        Some(place) => Found::Damaged(at..place),
        None => Found::End,
    }
}

/// The payload of the frame at `at`, where a whole and sound one stands there.
fn whole(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let header = bytes.get(at..at + HEADER_BYTES)?;
    if header[..LENGTH_AT] != MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(header[LENGTH_AT..CRC_AT].try_into().ok()?) as usize;
    let start = at + HEADER_BYTES;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    let crc = u32::from_le_bytes(header[CRC_AT..HEADER_BYTES].try_into().ok()?);
    (checksum(&header[LENGTH_AT..CRC_AT], payload) == crc).then_some(start..start + length)
}
