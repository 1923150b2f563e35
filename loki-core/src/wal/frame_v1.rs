//! Frames of version 1, which are read and no longer written.
//!
//! ```text
//! | magic u32 | length u32 | crc32 of length and payload u32 | payload |
//! ```

/// Starts every frame, and with it the file.
pub(super) const MAGIC: [u8; 4] = *b"LkWl";
const LENGTH_AT: usize = MAGIC.len();
const CRC_AT: usize = LENGTH_AT + 4;
/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = CRC_AT + 4;

/// The payload of the frame at `at`, where a whole and sound one stands there.
pub(super) fn whole(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let header = bytes.get(at..at + HEADER_BYTES)?;
    if header[..LENGTH_AT] != MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(header[LENGTH_AT..CRC_AT].try_into().ok()?) as usize;
    let start = at + HEADER_BYTES;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    let crc = u32::from_le_bytes(header[CRC_AT..HEADER_BYTES].try_into().ok()?);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[LENGTH_AT..CRC_AT]);
    hasher.update(payload);
    (hasher.finalize() == crc).then_some(payload)
}
